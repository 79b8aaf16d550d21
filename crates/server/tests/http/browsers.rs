//! What browsers need of other origins.

use lentil_testkit::TestServer;
use serde_json::json;

use super::client::{post_with, send};

const ORIGIN: &str = "https://app.example";

#[tokio::test]
async fn s070_preflight() {
    let server = TestServer::start().await;
    let wanted = "authorization,content-type,convex-client";
    let headers = [
        ("Origin", ORIGIN),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", wanted),
    ];
    for path in [
        "/api/query",
        "/api/mutation",
        "/api/check_admin_key",
        "/api/storage/upload",
    ] {
        let answer = send(server.address(), &format!("OPTIONS {path}"), &headers, "").await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN));
        assert_eq!(answer.header("access-control-allow-headers"), Some(wanted));
        assert_eq!(
            answer.header("access-control-allow-credentials"),
            Some("true")
        );
        assert_eq!(answer.header("access-control-max-age"), Some("86400"));
        let methods = answer.header("access-control-allow-methods").unwrap();
        for method in ["GET", "POST", "OPTIONS", "PATCH", "DELETE", "PUT"] {
            assert!(
                methods.split(',').any(|it| it.trim() == method),
                "{method} in {methods}"
            );
        }
    }
}

#[tokio::test]
async fn s070_answers_can_be_read() {
    let server = TestServer::start().await;
    for (path, format) in [
        ("messages:list", "json"),
        ("a b:c", "json"),
        ("messages:list", "xml"),
    ] {
        let body = json!({"path": path, "args": {}, "format": format});
        let answer = post_with(&server, "/api/query", &[("Origin", ORIGIN)], &body).await;
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some(ORIGIN),
            "{answer:?}"
        );
        assert_eq!(
            answer.header("access-control-allow-credentials"),
            Some("true")
        );
    }
    let answer = send(server.address(), "GET /version", &[("Origin", ORIGIN)], "").await;
    assert_eq!(
        (answer.status, answer.header("access-control-allow-origin")),
        (200, Some(ORIGIN))
    );
}

#[tokio::test]
async fn s079_http_actions_get_no_cors_headers() {
    let server = TestServer::start().await;
    let headers = [
        ("Origin", ORIGIN),
        ("Access-Control-Request-Method", "POST"),
    ];
    for (address, path) in [
        (server.site_address(), "/hooks"),
        (server.address(), "/http/hooks"),
    ] {
        for method in ["OPTIONS", "GET"] {
            let answer = send(address, &format!("{method} {path}"), &headers, "").await;
            assert_eq!(answer.status, 404, "{method} {path}");
            let cors = answer
                .header_names()
                .find(|name| name.starts_with("access-control-"));
            assert_eq!(cors, None, "{method} {path}");
        }
    }
}
