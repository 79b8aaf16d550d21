//! The dashboard's files, and what dashboards do over HTTP.

use lentil_testkit::TestServer;
use serde_json::{Value as Json, json};

use super::client::{Answer, post_with, send};

async fn get(server: &TestServer, path: &str) -> Answer {
    send(server.address(), &format!("GET {path}"), &[], "").await
}

async fn post(server: &TestServer, path: &str, body: &Json) -> Answer {
    let key = format!("Convex {}", server.admin_key());
    post_with(server, path, &[("Authorization", key.as_str())], body).await
}

/// What a system function answers.
async fn ask(server: &TestServer, name: &str, args: Json) -> Json {
    let body = json!({ "path": format!("_system/frontend/{name}"), "args": args });
    let answer = post(server, "/api/query", &body).await.ok();
    assert_eq!(answer["status"], "success", "{answer}");
    answer["value"].clone()
}

#[tokio::test]
async fn the_dashboard_is_served_on_both_ports() {
    let server = TestServer::start().await;
    let moved = get(&server, "/_console").await;
    assert_eq!(
        (moved.status, moved.header("location")),
        (308, Some("/_console/"))
    );
    let alone = server.dashboard_address();
    let here = server.address();
    for (address, path, base) in [
        (here, "/_console/", "/_console/"),
        (here, "/_console/data", "/_console/"),
        (alone, "/", "/"),
        (alone, "/live/pulse", "/"),
    ] {
        let page = send(address, &format!("GET {path}"), &[], "").await;
        assert_eq!(page.status, 200, "{path}");
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(
            policy.contains("default-src 'none'; script-src 'self';"),
            "{policy}"
        );
        assert!(
            page.body.contains(&format!("<base href=\"{base}\">")),
            "{}",
            page.body
        );
    }
    let config = send(alone, "GET /config.json", &[], "").await.ok();
    assert_eq!(config["url"], format!("http://{here}"));
    let config = get(&server, "/_console/config.json").await.ok();
    assert_eq!(
        (&config["url"], &config["name"]),
        (&Json::Null, &json!("test"))
    );
    let missing = get(&server, "/_console/assets/none.js").await;
    assert_eq!(missing.status, 404);
    let key = send(alone, "GET /api/current_deployment", &[], "").await;
    assert_eq!(key.status, 404, "{}", key.body);
}

#[tokio::test]
async fn s024_jobs_are_canceled_and_forgotten() {
    let server = TestServer::start().await;
    for (path, body) in [
        ("/api/cancel_all_jobs", json!({})),
        (
            "/api/cancel_all_jobs",
            json!({ "udfPath": "messages:send", "componentId": null }),
        ),
        (
            "/api/delete_scheduled_functions_table",
            json!({ "componentId": null }),
        ),
    ] {
        assert_eq!(post(&server, path, &body).await.status, 200, "{path}");
    }
    let unknown = post(&server, "/api/cancel_job", &json!({ "id": "x" })).await;
    unknown.refused(400, "InvalidArgument");
    let elsewhere = json!({ "id": "x", "componentId": "abc" });
    post(&server, "/api/cancel_job", &elsewhere)
        .await
        .refused(400, "ComponentNotFound");
    let events = ask(
        &server,
        "listDeploymentEventsFromTime",
        json!({ "fromTimestamp": 0 }),
    )
    .await;
    let actions: Vec<&str> = events
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["action"].as_str().unwrap())
        .collect();
    let canceled = "cancel_all_scheduled_functions";
    assert_eq!(
        actions,
        [
            "push_config_with_components",
            canceled,
            canceled,
            "delete_scheduled_jobs_table"
        ]
    );
}

#[tokio::test]
async fn s011_tables_are_deleted_unless_the_schema_has_them() {
    let server = TestServer::start().await;
    let body = json!({ "path": "_system/frontend/createTable", "args": { "table": "t1" } });
    let made = post(&server, "/api/mutation", &body).await.ok();
    assert_eq!(made["status"], "success", "{made}");
    let body = json!({ "tableNames": ["t1"], "componentId": null });
    assert_eq!(post(&server, "/api/delete_tables", &body).await.status, 200);
    post(&server, "/api/delete_tables", &body)
        .await
        .refused(400, "InvalidArgument");
    let anonymous = post_with(&server, "/api/delete_tables", &[], &body).await;
    anonymous.refused(403, "BadDeployKey");
}

#[tokio::test]
async fn s027_pausing_over_http() {
    let server = TestServer::start().await;
    let call = json!({ "path": "messages:list", "args": {} });
    let status = async || post(&server, "/api/query", &call).await.ok()["status"].clone();
    assert_eq!(status().await, "success");
    assert_eq!(
        post(&server, "/api/v1/pause_deployment", &json!({}))
            .await
            .status,
        200
    );
    assert_eq!(status().await, "error");
    let state = ask(&server, "deploymentState:deploymentState", json!({})).await;
    assert_eq!(state["state"], "paused");
    let running = json!({ "newState": "running" });
    assert_eq!(
        post(&server, "/api/change_deployment_state", &running)
            .await
            .status,
        200
    );
    assert_eq!(status().await, "success");
    let other = json!({ "newState": "gone" });
    post(&server, "/api/change_deployment_state", &other)
        .await
        .refused(400, "InvalidArgument");
}
