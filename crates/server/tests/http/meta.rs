//! Who this is, whether it is well, and what holds for every request.

use lentil_testkit::TestServer;
use serde_json::json;

use super::client::{post, post_with, send};

#[tokio::test]
async fn the_deployment_says_who_it_is_and_that_it_is_well() {
    let server = TestServer::start().await;
    let version = env!("CARGO_PKG_VERSION");
    for (path, expected) in [
        ("/version", version),
        ("/instance_version", version),
        ("/health", "ok\n"),
    ] {
        let answer = send(server.address(), &format!("GET {path}"), &[], "").await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, expected),
            "{path}"
        );
    }
    let answer = send(server.address(), "GET /", &[], "").await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("Lentil deployment"), "{}", answer.body);
}

#[tokio::test]
async fn clients_name_themselves_or_do_not() {
    let server = TestServer::start().await;
    let body = json!({"path": "messages:list", "args": {}});
    post(&server, "/api/query", &body).await.ok();
    for client in [
        "npm-1.48.0",
        "npm-cli-0.0.1",
        "python-convex-0.8.1",
        "mine-x",
        "rust-",
    ] {
        let headers = [("Convex-Client", client)];
        post_with(&server, "/api/query", &headers, &body).await.ok();
    }
    for client in ["npm", ""] {
        let headers = [("Convex-Client", client)];
        let answer = post_with(&server, "/api/query", &headers, &body).await;
        let message = answer.refused(400, "InvalidClientVersion");
        assert!(message.contains("<client>-<version>"), "{message}");
    }
}

#[tokio::test]
async fn admins_see_the_limits() {
    let server = TestServer::start().await;
    let answer = send(server.address(), "GET /api/limits", &[], "").await;
    answer.refused(403, "BadDeployKey");
    let key = format!("Convex {}", server.admin_key());
    let headers = [("Authorization", key.as_str())];
    let limits = send(server.address(), "GET /api/limits", &headers, "")
        .await
        .ok();
    let row = limits["limits"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["name"] == "documents_read");
    assert_eq!(row.unwrap()["value"], json!(32_000));
}

#[tokio::test]
async fn admins_see_how_realms_fare() {
    let server = TestServer::start().await;
    let answer = send(server.address(), "GET /api/realms", &[], "").await;
    answer.refused(403, "BadDeployKey");
    let key = format!("Convex {}", server.admin_key());
    let headers = [("Authorization", key.as_str())];
    let realms = send(server.address(), "GET /api/realms", &headers, "")
        .await
        .ok();
    assert_eq!(
        realms,
        json!({ "calls": 0, "reused": 0, "checked": 0, "differences": 0, "findings": [] })
    );
}
