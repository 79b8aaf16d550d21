//! Identities. User tokens arrive in a later version; admins acting as users stand in for them.

use lentil_testkit::TestServer;
use serde_json::{Value as Json, json};

use super::client::{Client, Ended};

fn user(name: &str) -> Json {
    json!({"issuer": "https://issuer", "subject": name, "name": name})
}

async fn act_as(client: &mut Client, server: &TestServer, base: u64, name: &str) {
    let key = server.admin_key();
    client.say(json!({"type": "Authenticate", "baseVersion": base, "tokenType": "Admin", "value": key, "impersonating": user(name)})).await;
}

async fn until_identity(client: &mut Client, version: u64) -> Vec<Json> {
    let mut modifications = Vec::new();
    while client.version.1 < version {
        modifications.extend(client.transition().await);
    }
    modifications
}

#[tokio::test]
async fn s043_login() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    act_as(&mut client, &server, 0, "ann").await;
    client.subscribe(0, "identity:whoami", json!({})).await;
    until_identity(&mut client, 1).await;
    client.until_query_set(1).await;
    assert_eq!(
        client.value(0).unwrap()["tokenIdentifier"],
        "https://issuer|ann"
    );
}

#[tokio::test]
async fn s044_no_queries() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    act_as(&mut client, &server, 0, "ann").await;
    assert!(client.transition().await.is_empty());
    assert_eq!((client.version.0, client.version.1), (0, 1));
}

#[tokio::test]
async fn s045_s046_second_token_and_logout() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    act_as(&mut client, &server, 0, "ann").await;
    client.subscribe(0, "identity:whoami", json!({})).await;
    client.until_query_set(1).await;
    until_identity(&mut client, 1).await;
    act_as(&mut client, &server, 1, "ann").await;
    assert_eq!(
        until_identity(&mut client, 2).await,
        [] as [Json; 0],
        "unchanged results are not repeated"
    );
    client
        .say(json!({"type": "Authenticate", "baseVersion": 2, "tokenType": "None"}))
        .await;
    until_identity(&mut client, 3).await;
    assert_eq!(client.value(0), Some(&Json::Null));
}

#[tokio::test]
async fn s047_bad_token_first() {
    let server = TestServer::start().await;
    for message in [
        json!({"type": "Authenticate", "baseVersion": 0, "tokenType": "User", "value": "garbage"}),
        json!({"type": "Authenticate", "baseVersion": 0, "tokenType": "Admin", "value": "garbage"}),
    ] {
        let mut client = Client::connect(&server).await;
        client.say(message).await;
        let error = client.next().await;
        assert_eq!(error["type"], "AuthError");
        assert_eq!(
            (&error["baseVersion"], &error["authUpdateAttempted"]),
            (&json!(0), &json!(true))
        );
        assert_eq!(
            client.ended().await,
            Ended {
                code: None,
                reason: String::new()
            }
        );
    }
}

#[tokio::test]
async fn s048_bad_token_after_confirmation() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    act_as(&mut client, &server, 0, "ann").await;
    until_identity(&mut client, 1).await;
    client
        .say(json!({"type": "Authenticate", "baseVersion": 1, "tokenType": "Admin", "value": "x"}))
        .await;
    let error = client.response().await;
    assert_eq!(
        (&error["type"], &error["baseVersion"]),
        (&json!("AuthError"), &json!(1))
    );
}

#[tokio::test]
async fn s050_ordering() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    client.mutation(0, "identity:name", json!({})).await;
    act_as(&mut client, &server, 0, "ann").await;
    client.mutation(1, "identity:name", json!({})).await;
    client
        .say(json!({"type": "Authenticate", "baseVersion": 1, "tokenType": "None"}))
        .await;
    client.mutation(2, "identity:name", json!({})).await;
    for expected in [Json::Null, json!("ann"), Json::Null] {
        assert_eq!(client.response().await["result"], expected);
    }
}

#[tokio::test]
async fn wrong_base_version_of_an_identity() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    act_as(&mut client, &server, 3, "ann").await;
    assert_eq!(
        client.ended().await,
        Ended {
            code: Some(1011),
            reason: "InternalServerError".to_owned()
        }
    );
}

#[tokio::test]
async fn s053_admin() {
    let server = TestServer::start().await;
    let key = server.admin_key();
    let mut client = Client::connect(&server).await;
    client
        .say(json!({"type": "Authenticate", "baseVersion": 0, "tokenType": "Admin", "value": key}))
        .await;
    client
        .modify(
            &[
                (0, "messages:secret", json!({})),
                (1, "identity:whoami", json!({})),
            ],
            &[],
        )
        .await;
    client.until_query_set(1).await;
    assert_eq!(client.value(0), Some(&json!("secret")));
    assert_eq!(client.value(1), Some(&Json::Null));
    for field in ["impersonating", "acting_as"] {
        let mut client = Client::connect(&server).await;
        let mut message =
            json!({"type": "Authenticate", "baseVersion": 0, "tokenType": "Admin", "value": key});
        message[field] = user("bob");
        client.say(message).await;
        client.subscribe(0, "identity:whoami", json!({})).await;
        client.until_query_set(1).await;
        let shown = client.value(0).unwrap();
        assert_eq!(
            (&shown["name"], &shown["subject"]),
            (&json!("bob"), &json!("bob")),
            "{field}"
        );
    }
}
