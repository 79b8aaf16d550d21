//! What functions answer: values, failures, arguments, formats.

use lentil_testkit::TestServer;
use serde_json::json;

use super::client::{post, post_with, send};

#[tokio::test]
async fn s060_query() {
    let server = TestServer::start().await;
    let body = json!({"path": "messages:list", "args": {}, "format": "json"});
    let answer = post(&server, "/api/query", &body).await;
    assert_eq!(
        answer.ok(),
        json!({"status": "success", "value": []}),
        "and no logLines"
    );
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let body = json!({"path": "values:logging", "args": {}, "format": "json"});
    assert_eq!(
        post(&server, "/api/query", &body).await.ok(),
        json!({"status": "success", "value": null, "logLines": ["[LOG] 'hi' 1"]})
    );
    let sent = json!({"path": "messages:send", "args": {"body": "a"}});
    let sent = post(&server, "/api/mutation", &sent).await.ok();
    assert_eq!(sent["status"], "success");
    assert!(sent["value"].is_string(), "an id: {sent}");
    let read = send(
        server.address(),
        "GET /api/query?path=messages%3Alist&args=%7B%7D",
        &[],
        "",
    )
    .await;
    assert_eq!(read.ok()["value"], json!(["a"]));
}

#[tokio::test]
async fn s061_failures_have_status_200() {
    let server = TestServer::start().await;
    let body = json!({"path": "failing:plain", "args": {}});
    let answer = post_with(&server, "/api/query", &[("convex-request-id", "r1")], &body)
        .await
        .ok();
    assert_eq!(answer["status"], "error");
    let message = answer["errorMessage"].as_str().unwrap();
    assert!(
        message.starts_with("[Request ID: r1] Server Error\nUncaught Error: boom\n"),
        "{message}"
    );
    assert!(
        answer.get("errorData").is_none() && answer.get("value").is_none(),
        "{answer}"
    );
    for data in [json!(null), json!({"code": 7.0})] {
        let body = json!({"path": "failing:data", "args": {"data": data}});
        let answer = post(&server, "/api/query", &body).await.ok();
        assert_eq!(answer.get("errorData"), Some(&data), "{answer}");
        assert_eq!(answer["logLines"], json!(["[LOG] 'about to fail'"]));
    }
    let body = json!({"path": "failing:mutationData", "args": {}});
    let answer = post(&server, "/api/mutation", &body).await.ok();
    assert_eq!(answer["errorData"], json!({"code": 7.0}));
    assert_eq!(server.query("messages:count", json!({})).await, json!(0.0));
    for (endpoint, path) in [
        ("query", "messages:send"),
        ("mutation", "messages:list"),
        ("action", "messages:list"),
    ] {
        let body = json!({"path": path, "args": {"body": "x"}});
        let answer = post(&server, &format!("/api/{endpoint}"), &body).await.ok();
        assert_eq!(answer["status"], "error", "{endpoint} of {path}: {answer}");
    }
}

#[tokio::test]
async fn s061_redacted() {
    let server = TestServer::start_redacting(true).await;
    let headers = [("convex-request-id", "r1")];
    let body = json!({"path": "failing:plain", "args": {}});
    assert_eq!(
        post_with(&server, "/api/query", &headers, &body).await.ok(),
        json!({"status": "error", "errorMessage": "[Request ID: r1] Server Error"})
    );
    let body = json!({"path": "failing:data", "args": {"data": 1}});
    let answer = post_with(&server, "/api/query", &headers, &body).await.ok();
    assert_eq!(answer["errorData"], json!(1.0), "data is for the client");
    assert!(answer.get("logLines").is_none(), "{answer}");
}

#[tokio::test]
async fn s062_both_spellings_of_arguments() {
    let server = TestServer::start().await;
    let object = json!({"name": "x"});
    for args in [object.clone(), json!([object])] {
        let body = json!({"path": "values:typed", "args": args});
        assert_eq!(post(&server, "/api/query", &body).await.ok()["value"], "x");
    }
    for args in [json!([]), json!([object, object]), json!("x")] {
        let body = json!({"path": "values:typed", "args": args});
        let answer = post(&server, "/api/query", &body).await;
        let refused = answer.status == 400 || answer.ok()["status"] == "error";
        assert!(refused, "{args}: {answer:?}");
    }
}

#[tokio::test]
async fn s065_formats() {
    let server = TestServer::start().await;
    let five = json!({"$integer": "BQAAAAAAAAA="});
    for (format, expected) in [
        (None, json!("5")),
        (Some("json"), json!("5")),
        (Some("convex_clean_json"), json!("5")),
        (Some("convex_encoded_json"), five.clone()),
        (Some("convex_json"), five.clone()),
        (Some("export_json"), json!(5)),
    ] {
        let mut body = json!({"path": "values:echo", "args": {"value": five}});
        if let Some(format) = format {
            body["format"] = json!(format);
        }
        assert_eq!(
            post(&server, "/api/query", &body).await.ok()["value"],
            expected,
            "{format:?}"
        );
    }
    let failing = json!({"path": "failing:data", "args": {"data": five}});
    assert_eq!(
        post(&server, "/api/query", &failing).await.ok()["errorData"],
        "5"
    );
}

#[tokio::test]
async fn s068_any_function_for_admins() {
    let server = TestServer::start().await;
    let body = json!({"path": "messages:secret", "args": {}});
    post(&server, "/api/function", &body)
        .await
        .refused(403, "BadDeployKey");
    let key = format!("Convex {}", server.admin_key());
    let run = async |path: &str, args| {
        let body = json!({"path": path, "args": args});
        post_with(&server, "/api/function", &[("Authorization", &key)], &body)
            .await
            .ok()
    };
    assert_eq!(run("messages:secret", json!({})).await["value"], "secret");
    assert_eq!(
        run("messages:send", json!({"body": "a"})).await["status"],
        "success"
    );
    assert_eq!(run("messages:list", json!({})).await["value"], json!(["a"]));
    assert_eq!(run("defaults", json!({})).await["value"], "the default");
    assert_eq!(run("acting:hello", json!({})).await["value"], "hello");
    let missing = run("messages:nothing", json!({})).await;
    assert_eq!(missing["status"], "error");
    assert!(
        missing["errorMessage"]
            .as_str()
            .unwrap()
            .contains("Could not find function"),
        "{missing}"
    );
    let hidden = post(&server, "/api/query", &body).await.ok();
    assert!(
        hidden["errorMessage"]
            .as_str()
            .unwrap()
            .contains("Could not find public function"),
        "internal functions look missing: {hidden}"
    );
}

#[tokio::test]
async fn s069_named_by_the_url() {
    let server = TestServer::start().await;
    let body = json!({"args": {"n": {"$integer": "BQAAAAAAAAA="}}});
    for path in [
        "/api/run/dir/mod/fn",
        "/api/run/dir%2Fmod/fn",
        "//api/run/dir/mod/fn",
    ] {
        let answer = post(&server, path, &body).await.ok();
        assert_eq!(answer, json!({"status": "success", "value": "6"}), "{path}");
    }
    post(&server, "/api/run/fn", &body)
        .await
        .refused(400, "MissingIdentifier");
    let secret = post(&server, "/api/run/messages/secret", &json!({"args": {}}))
        .await
        .ok();
    assert_eq!(secret["status"], "error", "{secret}");
    let key = format!("Convex {}", server.admin_key());
    let headers = [("Authorization", key.as_str())];
    let secret = post_with(
        &server,
        "/api/run/messages/secret",
        &headers,
        &json!({"args": {}}),
    )
    .await;
    assert_eq!(secret.ok()["value"], "secret");
}
