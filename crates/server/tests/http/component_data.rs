//! Tools that copy a deployment see its components.

use lentil_catalog::{Components, MountedComponent};
use lentil_database::Transaction;
use lentil_server::ws::SyncOptions;
use lentil_testkit::TestServer;
use lentil_values::{Object, Value};
use serde_json::{Value as Json, json};

use super::client::{Answer, send};

async fn get(server: &TestServer, path: &str) -> Answer {
    let key = format!("Convex {}", server.admin_key());
    let headers = [("Authorization", key.as_str())];
    send(server.address(), &format!("GET {path}"), &headers, "").await
}

async fn write<T>(server: &TestServer, body: impl FnOnce(&mut Transaction) -> T) -> T {
    let mut tx = server.functions().database().begin();
    let value = body(&mut tx);
    let committed = server.functions().database().commit(tx).await;
    committed.expect("committed");
    value
}

async fn mount(server: &TestServer, paths: &[&str]) {
    let mounted: Vec<_> = paths
        .iter()
        .map(|path| MountedComponent::plain(path))
        .collect();
    write(server, |tx| {
        Components::apply(tx, &mounted).expect("mounted")
    })
    .await;
}

/// Puts documents into a table of a component; gives the ids.
async fn put(server: &TestServer, path: &str, table: &str, fields: &[&str]) -> Vec<String> {
    write(server, |tx| {
        let components = Components::load(tx).expect("they can be read");
        let namespace = components.by_path(path).expect("it is there").namespace;
        let insert = |name: &&str| {
            let fields = Object::from([((*name).to_owned(), Value::Boolean(true))]);
            let id = tx.insert(namespace, table, fields);
            id.expect("inserted").to_string()
        };
        fields.iter().map(insert).collect()
    })
    .await
}

/// `component/table` of each row.
fn places(page: &Json) -> Vec<String> {
    let rows = page["values"].as_array().expect("rows").iter();
    let text = |json: &Json| json.as_str().expect("a text").to_owned();
    rows.map(|row| format!("{}/{}", text(&row["_component"]), text(&row["_table"])))
        .collect()
}

async fn two_components() -> TestServer {
    // Their code is of no interest here: nothing is pushed.
    let server = TestServer::launch_empty(false, SyncOptions::default()).await;
    mount(&server, &["a", "a/b"]).await;
    put(&server, "", "t", &["x"]).await;
    put(&server, "a", "t", &["y", "y"]).await;
    put(&server, "a/b", "u", &["z"]).await;
    server
}

#[tokio::test]
async fn copies_say_of_which_component_a_document_is() {
    let server = two_components().await;
    let all = get(&server, "/api/list_snapshot").await.ok();
    assert_eq!(places(&all), ["/t", "a/t", "a/t", "a/b/u"]);
    for (choice, expected) in [
        ("component=a", vec!["a/t", "a/t"]),
        ("component=a/b&tableName=u", vec!["a/b/u"]),
        ("tableName=t", vec!["/t"]),
        (
            "selection=%7B%22a%22%3A%22included%22%2C%22_other%22%3A%7B%22u%22%3A%22included%22%7D%7D",
            vec!["a/t", "a/t", "a/b/u"],
        ),
    ] {
        let some = get(&server, &format!("/api/list_snapshot?{choice}")).await;
        assert_eq!(places(&some.ok()), expected, "{choice}");
    }
    let nowhere = get(&server, "/api/list_snapshot?component=x").await;
    nowhere.refused(400, "ComponentNotFound");

    let cursor = all["snapshot"].clone();
    let added = put(&server, "a/b", "u", &["z"]).await;
    put(&server, "", "t", &["x"]).await;
    let path = format!("/api/document_deltas?cursor={cursor}");
    let changes = get(&server, &path).await.ok();
    assert_eq!(places(&changes), ["a/b/u", "/t"], "in the order of commits");
    assert_eq!(changes["values"][0]["_id"], json!(added[0]));
    let some = format!("/api/document_deltas?cursor={cursor}&component=a/b");
    assert_eq!(places(&get(&server, &some).await.ok()), ["a/b/u"]);
}

#[tokio::test]
async fn a_component_that_is_deleted_ends_a_copy() {
    let server = two_components().await;
    let cursor = get(&server, "/api/list_snapshot").await.ok()["snapshot"].clone();
    mount(&server, &["a"]).await;
    let path = format!("/api/document_deltas?cursor={cursor}");
    assert_eq!(
        get(&server, &path).await.ok()["values"],
        json!([]),
        "its data is kept"
    );
    write(&server, |tx| {
        let components = Components::load(tx).expect("they can be read");
        let id = components
            .by_path("a/b")
            .and_then(|it| it.id)
            .expect("an id");
        assert!(Components::delete(tx, id).expect("deleted"));
    })
    .await;
    let changes = get(&server, &path).await;
    changes.refused(400, "DocumentDeltasInterrupted");
}

#[tokio::test]
async fn tables_are_described_by_component() {
    let server = two_components().await;
    let columns = get(&server, "/api/get_table_column_names").await.ok();
    assert_eq!(
        columns["byComponent"]["a/b"],
        json!([{ "name": "u", "columns": ["_id", "_creationTime", "z"] }])
    );
    let has = |tables: &Json, name: &str| {
        let tables = tables.as_array().expect("tables").iter();
        tables.into_iter().any(|table| table["name"] == name)
    };
    assert!(has(&columns["byComponent"][""], "t") && has(&columns["byComponent"]["a"], "t"));

    let nested = get(
        &server,
        "/api/json_schemas?byComponent=true&deltaSchema=true",
    );
    let nested = nested.await.ok();
    assert_eq!(
        nested["a"]["t"]["properties"]["y"],
        json!({ "type": "boolean" })
    );
    assert_eq!(
        nested["a"]["t"]["properties"]["_component"],
        json!({ "type": "string" })
    );
    assert_eq!(nested["a"]["u"], Json::Null);
    let flat = get(&server, "/api/json_schemas").await.ok();
    assert_eq!(flat["t"]["properties"]["x"], json!({ "type": "boolean" }));

    let components = Components::load(&mut server.functions().database().begin());
    let components = components.expect("they can be read");
    let id = components
        .by_path("a/b")
        .and_then(|it| it.id)
        .expect("an id");
    let shapes = get(&server, &format!("/api/shapes2?component={id}"))
        .await
        .ok();
    assert_eq!(shapes["u"]["type"], "Object");
    assert_eq!(shapes["t"], Json::Null);
    let unknown = get(&server, "/api/shapes2?component=x").await;
    unknown.refused(400, "ComponentNotFound");
}
