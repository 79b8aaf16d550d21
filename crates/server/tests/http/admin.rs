//! What tools ask with an admin key.

use lentil_testkit::TestServer;
use serde_json::{Value as Json, json};

use super::client::{Answer, post_with, send};

async fn get(server: &TestServer, path: &str) -> Answer {
    let key = format!("Convex {}", server.admin_key());
    let headers = [("Authorization", key.as_str())];
    send(server.address(), &format!("GET {path}"), &headers, "").await
}

async fn post(server: &TestServer, path: &str, body: &Json) -> Answer {
    let key = format!("Convex {}", server.admin_key());
    post_with(server, path, &[("Authorization", key.as_str())], body).await
}

#[tokio::test]
async fn variables_are_set_and_listed_at_both_addresses() {
    let server = TestServer::start().await;
    let changes =
        json!({"changes": [{"name": "COLOUR", "value": "blue"}, {"name": "GONE", "value": null}]});
    for prefix in ["/api", "/api/v1"] {
        let path = format!("{prefix}/update_environment_variables");
        let answer = post(&server, &path, &changes).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
        let path = format!("{prefix}/list_environment_variables");
        let listed = get(&server, &path).await.ok();
        assert_eq!(listed, json!({"environmentVariables": {"COLOUR": "blue"}}));
    }
    let anonymous = send(
        server.address(),
        "GET /api/list_environment_variables",
        &[],
        "",
    )
    .await;
    anonymous.refused(403, "BadDeployKey");
}

#[tokio::test]
async fn executions_are_streamed_with_lines_as_text() {
    let server = TestServer::start().await;
    server.query("messages:list", json!({})).await;
    let stream = get(&server, "/api/stream_udf_execution?cursor=0")
        .await
        .ok();
    let entry = stream["entries"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["identifier"] == "messages:list")
        .expect("the query was logged");
    assert_eq!(
        (&entry["kind"], &entry["udfType"]),
        (&json!("Completion"), &json!("Query"))
    );
    assert!(
        entry["logLines"]
            .as_array()
            .unwrap()
            .iter()
            .all(Json::is_string)
    );
    assert!(stream["newCursor"].as_f64().unwrap() > 0.0);
}

#[tokio::test]
async fn an_import_that_waits_for_a_yes_can_be_given_up() {
    let server = TestServer::start().await;
    let token = post(&server, "/api/import/start_upload", &json!({}))
        .await
        .ok();
    let token = token["uploadToken"].as_str().unwrap().to_owned();
    let key = format!("Convex {}", server.admin_key());
    let path = format!("POST /api/import/upload_part?uploadToken={token}&partNumber=1");
    let headers = [
        ("Authorization", key.as_str()),
        ("Content-Type", "application/octet-stream"),
    ];
    let part = send(
        server.address(),
        &path,
        &headers,
        "{\"body\": \"imported\"}\n",
    )
    .await
    .ok();
    let finish = json!({
        "import": {"format": "jsonLines", "mode": "append", "tableName": "messages"},
        "uploadToken": token,
        "partTokens": [part],
    });
    let import = post(&server, "/api/import/finish_upload", &finish)
        .await
        .ok();
    let id = json!({"importId": import["importId"]});
    post(&server, "/api/cancel_import", &id).await.ok();
    let again = post(&server, "/api/cancel_import", &id).await;
    again.refused(400, "CannotCancelImport");
    assert_eq!(server.query("messages:count", json!({})).await, json!(0.0));
}

#[tokio::test]
async fn a_query_that_is_not_deployed_answers_in_the_form_asked_for() {
    let server = TestServer::start().await;
    let source = "import { query } from 'convex:/_system/repl/wrappers.js';
        export default query({ handler: async (ctx, { n }) => ({ n: BigInt(n), rows: (await ctx.db.query('messages').collect()).length }) });";
    let mut body = json!({
        "adminKey": server.admin_key(),
        "args": {"n": 7},
        "bundle": {"path": "testQuery.js", "source": source},
        "format": "convex_encoded_json",
    });
    let answer = post(&server, "/api/run_test_function", &body).await.ok();
    assert_eq!(
        answer["value"],
        json!({"n": {"$integer": "BwAAAAAAAAA="}, "rows": 0.0})
    );
    body["bundle"]["source"] = json!("export const other = 1;");
    let answer = post(&server, "/api/run_test_function", &body).await.ok();
    assert_eq!(answer["status"], "error");
    let text = answer["errorMessage"].as_str().unwrap();
    assert!(text.contains("Couldn't find \"default\""), "{text}");
    body["componentId"] = json!("abc");
    let refused = post(&server, "/api/run_test_function", &body).await;
    refused.refused(400, "ComponentNotFound");
}
