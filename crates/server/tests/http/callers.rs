//! Who asks.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lentil_testkit::TestServer;
use serde_json::{Value as Json, json};

use super::client::{post_with, send};

fn whoami() -> Json {
    json!({"path": "identity:whoami", "args": {}})
}

#[tokio::test]
async fn s064_authorization_headers() {
    let server = TestServer::start().await;
    let good = server.admin_key();
    let (_, secret) = good.split_once('|').unwrap();
    for (header, status, code) in [
        ("Bearer garbage".to_owned(), 401, "InvalidAuthHeader"),
        ("Basic xxxxxx".to_owned(), 400, "InvalidAdminKey"),
        ("Convex wrong|key".to_owned(), 401, "BadAdminKey"),
        (format!("Convex other|{secret}"), 401, "BadAdminKey"),
        ("short".to_owned(), 400, "InvalidHeaderFailure"),
        (format!("Convex {good}:%%%"), 400, "HeaderParseFailure"),
    ] {
        for path in [
            "/api/query",
            "/api/mutation",
            "/api/action",
            "/api/function",
        ] {
            let headers = [("Authorization", header.as_str())];
            post_with(&server, path, &headers, &whoami())
                .await
                .refused(status, code);
        }
    }
    let bearer = [("Authorization", "bearer a.b.c")];
    assert_eq!(
        post_with(&server, "/api/query", &bearer, &whoami())
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn admin_keys_in_their_spellings() {
    let server = TestServer::start().await;
    let key = server.admin_key();
    for header in [format!("Convex {key}"), format!("convex prod:{key}")] {
        let headers = [("Authorization", header.as_str())];
        let answer = post_with(&server, "/api/query", &headers, &whoami()).await;
        assert_eq!(
            answer.ok()["value"],
            Json::Null,
            "an admin is nobody in particular"
        );
    }
    let escaped = key.replace('|', "%7C");
    let line = format!("GET /api/check_admin_key?adminKey={escaped}");
    let mut answer = send(server.address(), &line, &[], "").await.ok();
    // Ours alone: the dashboard tells old keys by it.
    let issued = answer
        .as_object_mut()
        .and_then(|it| it.remove("issuedSecs"));
    assert!(issued.is_some_and(|it| it.is_u64()));
    assert_eq!(
        answer,
        json!({"success": true, "allowedOps": [], "isReadOnly": false})
    );
    let answer = send(server.address(), "GET /api/check_admin_key", &[], "").await;
    answer.refused(403, "BadDeployKey");
}

#[tokio::test]
async fn s071_acting_as_a_user() {
    let server = TestServer::start().await;
    let attributes = json!({"issuer": "https://issuer", "subject": "zoë", "name": "Zoë 名前 🌱"});
    let acting = BASE64_STANDARD.encode(attributes.to_string());
    let header = format!("Convex {}:{acting}", server.admin_key());
    for path in ["/api/query", "/api/function"] {
        let answer = post_with(&server, path, &[("Authorization", &header)], &whoami())
            .await
            .ok();
        let shown = &answer["value"];
        assert_eq!(shown["name"], attributes["name"]);
        assert_eq!(shown["subject"], attributes["subject"]);
        assert_eq!(shown["tokenIdentifier"], "https://issuer|zoë");
    }
    let body = json!({"path": "identity:name", "args": {}});
    let answer = post_with(
        &server,
        "/api/mutation",
        &[("Authorization", &header)],
        &body,
    )
    .await;
    assert_eq!(answer.ok()["value"], attributes["name"]);
}
