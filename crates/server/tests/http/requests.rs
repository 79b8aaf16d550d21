//! Requests that are wrong as a whole.

use lentil_testkit::TestServer;
use serde_json::json;

use super::client::{post, post_with, send};

#[tokio::test]
async fn s063_bad_requests() {
    let server = TestServer::start().await;
    let good = json!({"path": "messages:list", "args": {}});
    let text = good.to_string();
    for headers in [&[][..], &[("Content-Type", "text/plain")]] {
        let answer = send(server.address(), "POST /api/query", headers, &text).await;
        assert!(answer.refused(400, "BadJsonBody").contains("Content-Type"));
    }
    for kind in ["application/json; charset=utf-8", "application/vnd.x+json"] {
        let headers = [("Content-Type", kind)];
        send(server.address(), "POST /api/query", &headers, &text)
            .await
            .ok();
    }
    let headers = [("Content-Type", "application/json")];
    for body in ["{\"path\":", "[]", "{}", "\u{feff}"] {
        let answer = send(server.address(), "POST /api/query", &headers, body).await;
        answer.refused(400, "BadJsonBody");
    }
    let body = json!({"path": "messages:list", "args": {}, "format": "xml"});
    let message = post(&server, "/api/query", &body)
        .await
        .refused(400, "BadFormat");
    assert!(message.contains("xml"), "{message}");
    for endpoint in ["query", "mutation", "action"] {
        let body = json!({"path": "a b:c", "args": {}});
        let answer = post(&server, &format!("/api/{endpoint}"), &body).await;
        answer.refused(400, "BadConvexFunctionIdentifier");
    }
}

#[tokio::test]
async fn a_format_is_checked_before_the_function_runs() {
    let server = TestServer::start().await;
    let body = json!({"path": "messages:send", "args": {"body": "a"}, "format": "xml"});
    post(&server, "/api/mutation", &body)
        .await
        .refused(400, "BadFormat");
    assert_eq!(server.query("messages:count", json!({})).await, json!(0.0));
}

#[tokio::test]
async fn a_body_that_is_much_too_large_is_refused_before_it_is_sent() {
    let server = TestServer::start().await;
    let length = (1_u64 << 40).to_string();
    let headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", length.as_str()),
    ];
    let answer = send(server.address(), "POST /api/mutation", &headers, "").await;
    let message = answer.refused(400, "BadJsonBody");
    assert!(message.contains(&length), "{message}");
}

#[tokio::test]
async fn request_ids_are_checked() {
    let server = TestServer::start().await;
    let body = json!({"path": "messages:list", "args": {}});
    let headers = [("convex-request-id", "a b")];
    let answer = post_with(&server, "/api/query", &headers, &body).await;
    answer.refused(400, "InvalidRequestId");
}

#[tokio::test]
async fn endpoints_that_do_not_exist_say_so() {
    let server = TestServer::start().await;
    let answer = post(&server, "/api/nothing", &json!({})).await;
    assert!(
        answer
            .refused(501, "UnknownEndpoint")
            .contains("/api/nothing")
    );
    let outside = send(server.address(), "GET /nothing", &[], "").await;
    assert_eq!((outside.status, outside.body.as_str()), (404, ""));
}
