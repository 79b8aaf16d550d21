//! What tools ask with an admin key.

use lentil_catalog::Components;
use lentil_database::Namespace;
use lentil_testkit::TestServer;
use lentil_values::{Object, Value};
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

/// What a `convex.config.js` has to export.
fn config(exported: Json) -> Json {
    let source = format!("export default {{ export() {{ return {exported}; }} }};");
    json!({ "path": "convex.config.js", "source": source, "environment": "isolate" })
}

#[tokio::test]
async fn a_query_that_is_not_deployed_reads_the_component_that_is_named() {
    let server = TestServer::start().await;
    let child = json!({ "name": "part", "path": "part", "args": null, "env": [] });
    let mut push = TestServer::fixture();
    push["appDefinition"]["definition"] = config(json!({
        "definitionType": { "type": "app" }, "childComponents": [child], "httpMounts": {},
    }));
    push["appDefinition"]["dependencies"] = json!(["part"]);
    push["componentDefinitions"] = json!([{
        "definitionPath": "part", "dependencies": [], "functions": [], "schema": null,
        "udfServerVersion": "1.48.0",
        "definition": config(json!({
            "definitionType": { "type": "childComponent", "name": "part" }, "childComponents": [],
            "httpMounts": {},
        })),
    }]);
    server.push(push).await;
    let database = server.functions().database();
    let mut tx = database.begin();
    let components = Components::load(&mut tx).expect("they can be read");
    let part = components.by_path("part").expect("it is there");
    for (namespace, name) in [(Namespace::ROOT, "root"), (part.namespace, "part")] {
        let fields = Object::from([("name".to_owned(), Value::String(name.to_owned()))]);
        tx.insert(namespace, "rows", fields).expect("inserted");
    }
    database.commit(tx).await.expect("committed");
    let source = "import { query } from 'convex:/_system/repl/wrappers.js';
        export default query({ handler: async (ctx) => (await ctx.db.query('rows').collect()).map(({ name }) => name) });";
    let part = part.id.expect("an id").to_string();
    for (id, expected) in [(json!(null), "root"), (json!(part), "part")] {
        let body = json!({
            "adminKey": server.admin_key(), "args": {}, "componentId": id,
            "bundle": { "path": "testQuery.js", "source": source },
        });
        let answer = post(&server, "/api/run_test_function", &body).await.ok();
        assert_eq!(answer["value"], json!([expected]), "{answer}");
    }
}
