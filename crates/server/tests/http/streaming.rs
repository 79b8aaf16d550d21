//! Streaming export and import, as tools that copy a deployment use them (cli-and-deploy 17).

use lentil_testkit::TestServer;
use serde_json::{Value as Json, json};

use super::client::{Answer, post_with, send};

async fn ask(server: &TestServer, method: &str, path: &str, body: &str) -> Answer {
    let key = format!("Convex {}", server.admin_key());
    let headers = [
        ("Authorization", key.as_str()),
        ("Content-Type", "application/json"),
    ];
    send(
        server.address(),
        &format!("{method} {path}"),
        &headers,
        body,
    )
    .await
}

async fn get(server: &TestServer, path: &str) -> Answer {
    ask(server, "GET", path, "").await
}

/// All changes behind a cursor, and where they end.
async fn deltas(server: &TestServer, cursor: &Json) -> (Vec<Json>, Json) {
    let (mut cursor, mut rows) = (cursor.clone(), Vec::new());
    loop {
        let page = get(server, &format!("/api/document_deltas?cursor={cursor}"))
            .await
            .ok();
        rows.extend(page["values"].as_array().unwrap().clone());
        cursor = page["cursor"].clone();
        if page["hasMore"] == false {
            return (rows, cursor);
        }
    }
}

#[tokio::test]
async fn a_copy_is_made_of_a_snapshot_and_kept_by_deltas() {
    let server = TestServer::start().await;
    for body in ["one", "two"] {
        server
            .mutation("messages:send", json!({ "body": body }))
            .await;
    }
    let first = get(&server, "/api/list_snapshot").await.ok();
    assert_eq!(first["hasMore"], false);
    assert_eq!(first["cursor"], Json::Null);
    let values = first["values"].as_array().unwrap();
    assert_eq!(values.len(), 2);
    assert_eq!(values[0]["_table"], "messages");
    assert_eq!(values[0]["_component"], "");
    assert!(values[0]["_ts"].as_u64().unwrap() <= first["snapshot"].as_u64().unwrap());
    let (none, cursor) = deltas(&server, &first["snapshot"]).await;
    assert_eq!(none, Vec::<Json>::new());

    let three = server
        .mutation("messages:send", json!({ "body": "three" }))
        .await;
    let (added, cursor) = deltas(&server, &cursor).await;
    assert_eq!(added.len(), 1, "{added:?}");
    assert_eq!(
        (&added[0]["body"], &added[0]["_id"], &added[0]["_deleted"]),
        (&json!("three"), &three, &json!(false))
    );
    let id: lentil_values::DocumentId = three.as_str().unwrap().parse().unwrap();
    let mut tx = server.functions().database().begin();
    tx.delete(lentil_database::Namespace::ROOT, id).unwrap();
    server.functions().database().commit(tx).await.unwrap();
    let (deleted, cursor) = deltas(&server, &cursor).await;
    assert_eq!(deleted.len(), 1, "{deleted:?}");
    assert_eq!(
        (&deleted[0]["_deleted"], &deleted[0]["_id"]),
        (&json!(true), &three)
    );
    assert!(deleted[0].get("body").is_none());

    let mut tx = server.functions().database().begin();
    tx.delete_table(lentil_database::Namespace::ROOT, "messages")
        .unwrap();
    server.functions().database().commit(tx).await.unwrap();
    let path = format!("/api/document_deltas?cursor={cursor}");
    get(&server, &path)
        .await
        .refused(400, "DocumentDeltasInterrupted");
}

#[tokio::test]
async fn a_snapshot_is_read_page_by_page_while_writes_go_on() {
    let server = TestServer::start().await;
    let database = server.functions().database();
    let root = lentil_database::Namespace::ROOT;
    let mut tx = database.begin();
    tx.lift_limits();
    for n in 0..4_500 {
        let n = lentil_values::Value::Float64(f64::from(n));
        let fields = lentil_values::Object::from([("n".to_owned(), n)]);
        tx.insert(root, "items", fields).unwrap();
    }
    database.commit(tx).await.unwrap();
    let (mut seen, mut snapshot, mut cursor) = (std::collections::BTreeSet::new(), None, None);
    loop {
        let mut body = json!({ "tableName": "items" });
        if let (Some(snapshot), Some(cursor)) = (&snapshot, &cursor) {
            body["snapshot"] = json!(snapshot);
            body["cursor"] = json!(cursor);
        }
        let key = format!("Convex {}", server.admin_key());
        let headers = [("Authorization", key.as_str())];
        let page = post_with(&server, "/api/list_snapshot", &headers, &body)
            .await
            .ok();
        for row in page["values"].as_array().unwrap() {
            assert!(seen.insert(row["_id"].as_str().unwrap().to_owned()));
        }
        let ts = page["snapshot"].as_u64().unwrap();
        assert!(snapshot.is_none_or(|snapshot| snapshot == ts));
        snapshot = Some(ts);
        cursor = page["cursor"].as_str().map(str::to_owned);
        // What comes later is not in it.
        server
            .mutation("messages:send", json!({ "body": "later" }))
            .await;
        let mut tx = database.begin();
        tx.insert(root, "items", lentil_values::Object::new())
            .unwrap();
        database.commit(tx).await.unwrap();
        if page["hasMore"] == false {
            break;
        }
    }
    assert_eq!(seen.len(), 4_500);
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused() {
    let server = TestServer::start().await;
    for (path, code) in [
        ("/api/document_deltas", "DocumentDeltasCursorRequired"),
        (
            "/api/document_deltas?cursor=9000000000000000000",
            "InvalidDocumentDeltasCursor",
        ),
        ("/api/document_deltas?cursor=x", "BadQueryArgs"),
        ("/api/list_snapshot?cursor=x", "InvalidListSnapshotCursor"),
        (
            "/api/list_snapshot?snapshot=9000000000000000000&cursor=x",
            "InvalidListSnapshotCursor",
        ),
        ("/api/list_snapshot?format=xml", "UnknownFormat"),
        ("/api/list_snapshot?selection=x", "InvalidSelection"),
    ] {
        get(&server, path).await.refused(400, code);
    }
    send(server.address(), "GET /api/list_snapshot", &[], "")
        .await
        .refused(403, "BadDeployKey");
    let connected = get(&server, "/api/test_streaming_export_connection").await;
    assert_eq!(connected.ok(), Json::Null);
}

#[tokio::test]
async fn tables_are_described() {
    let server = TestServer::start().await;
    server
        .mutation("messages:send", json!({ "body": "one" }))
        .await;
    let schemas = get(&server, "/api/json_schemas?deltaSchema=true&format=json")
        .await
        .ok();
    let messages = &schemas["messages"];
    assert_eq!(messages["properties"]["body"], json!({ "type": "string" }));
    assert_eq!(
        messages["properties"]["_deleted"],
        json!({ "type": "boolean" })
    );
    assert_eq!(messages["required"], json!(["body"]));
    let columns = get(&server, "/api/get_table_column_names").await.ok();
    let columns = columns["byComponent"][""].as_array().unwrap().clone();
    assert!(
        columns
            .contains(&json!({ "name": "messages", "columns": ["_id", "_creationTime", "body"] }))
    );
    let shapes = get(&server, "/api/shapes2").await.ok();
    assert_eq!(shapes["messages"]["type"], "Object");
    assert_eq!(shapes["items"]["type"], "Never");
}

#[tokio::test]
async fn airbyte_writes_records_by_their_key() {
    let server = TestServer::start().await;
    let records = |key: Json, rows: Json| {
        let messages: Vec<Json> = rows
            .as_array()
            .unwrap()
            .iter()
            .map(|data| json!({ "tableName": "user list", "data": data }))
            .collect();
        json!({ "tables": { "user list": { "primaryKey": key, "jsonSchema": {} } }, "messages": messages }).to_string()
    };
    let path = "/api/streaming_import/import_airbyte_records";
    let key = json!([["id"]]);
    let two = records(
        key.clone(),
        json!([{ "id": 1, "full name": "Ada" }, { "id": 2 }]),
    );
    ask(&server, "POST", path, &two)
        .await
        .refused(400, "PrimaryKeyIndexNotReady");
    let indexes = json!({ "indexes": { "user list": key } }).to_string();
    ask(
        &server,
        "PUT",
        "/api/streaming_import/add_primary_key_indexes",
        &indexes,
    )
    .await
    .ok();
    let tables = json!({ "tables": ["user list"] }).to_string();
    let ready = ask(
        &server,
        "POST",
        "/api/streaming_import/primary_key_indexes_ready",
        &tables,
    )
    .await;
    assert_eq!(ready.ok(), json!({ "indexesReady": true }));
    ask(&server, "POST", path, &two).await.ok();
    let again = records(key, json!([{ "id": 2, "age": 36 }, { "id": 3 }]));
    ask(&server, "POST", path, &again).await.ok();
    let snapshot = get(&server, "/api/list_snapshot?tableName=user_list")
        .await
        .ok();
    let mut rows: Vec<(Json, Json, Json)> = snapshot["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["id"].clone(),
                row["full_name"].clone(),
                row["age"].clone(),
            )
        })
        .collect();
    rows.sort_by_key(|(id, _, _)| id.as_f64().map(|id| id as i64));
    assert_eq!(
        rows,
        [
            (json!(1.0), json!("Ada"), Json::Null),
            (json!(2.0), Json::Null, json!(36.0)),
            (json!(3.0), Json::Null, Json::Null)
        ]
    );
    let wrong = json!({ "tables": { "messages": {} }, "messages": [{ "tableName": "messages", "data": { "body": 5 } }] });
    ask(&server, "POST", path, &wrong.to_string())
        .await
        .refused(400, "SchemaEnforcementError");
    let names = json!({ "tableNames": ["user list"] }).to_string();
    ask(&server, "PUT", "/api/streaming_import/clear_tables", &names)
        .await
        .ok();
    let snapshot = get(&server, "/api/list_snapshot?tableName=user_list")
        .await
        .ok();
    assert_eq!(snapshot["values"], json!([]));
    ask(
        &server,
        "POST",
        "/api/streaming_import/replace_tables",
        "{}",
    )
    .await
    .refused(400, "OverwriteNotSupported");
    let schema = ask(&server, "GET", "/api/streaming_import/get_schema", "")
        .await
        .ok();
    assert!(schema["tables"].is_array(), "{schema}");
}
