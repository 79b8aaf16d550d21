//! What the CLI and dashboards read and edit in components: by path, by id, and nobody else's.

mod support;

use lentil_catalog::{Component, ComponentPath, Components, MountedComponent};
use lentil_functions::{Call, Documents, FunctionFailure, MutationDone};
use lentil_values::{Object, Value};
use serde_json::{Value as Json, json};

use support::{App, admin, call, call_as, host_options};

/// Makes exactly these components part of the app.
async fn mount(app: &App, paths: &[&str]) {
    let mounted: Vec<_> = paths
        .iter()
        .map(|path| MountedComponent::plain(path))
        .collect();
    let mut tx = app.functions.database().begin();
    Components::apply(&mut tx, &mounted).expect("they are mounted");
    let committed = app.functions.database().commit(tx).await;
    committed.expect("committed");
}

fn component(app: &App, path: &str) -> Component {
    let components = Components::load(&mut app.functions.database().begin());
    let components = components.expect("they can be read");
    components.by_path(path).expect("it is there").clone()
}

fn id(app: &App, path: &str) -> Json {
    json!(component(app, path).id.expect("an id").to_string())
}

/// Puts documents with these numbers into the table `t` of a component.
async fn put(app: &App, path: &str, numbers: &[f64]) {
    let namespace = component(app, path).namespace;
    let mut tx = app.functions.database().begin();
    for number in numbers {
        let fields = Object::from([("n".to_owned(), Value::Float64(*number))]);
        tx.insert(namespace, "t", fields).expect("inserted");
    }
    let committed = app.functions.database().commit(tx).await;
    committed.expect("committed");
}

/// Asks as the CLI does, which names components by path.
fn in_component(path: &str, name: &str, args: Json) -> Call {
    Call {
        component: ComponentPath(path.to_owned()),
        ..call_as(admin(), name, args)
    }
}

async fn ask(app: &App, call: Call) -> Result<Json, FunctionFailure> {
    let result = app.result(call).await;
    let text = result.outcome.result.clone()?;
    Ok(serde_json::from_str(&text).expect("JSON"))
}

async fn cli(app: &App, path: &str, name: &str, args: Json) -> Json {
    let answer = ask(
        app,
        in_component(path, &format!("_system/cli/{name}"), args),
    );
    answer
        .await
        .unwrap_or_else(|failure| panic!("{name}: {}", failure.message))
}

async fn frontend(app: &App, name: &str, args: Json) -> Json {
    let answer = ask(
        app,
        call_as(admin(), &format!("_system/frontend/{name}"), args),
    );
    answer
        .await
        .unwrap_or_else(|failure| panic!("{name}: {}", failure.message))
}

async fn edit(app: &App, name: &str, args: Json) -> Result<Json, FunctionFailure> {
    let call = call_as(admin(), &format!("_system/frontend/{name}"), args);
    let MutationDone { outcome, .. } = app.mutate(call).await;
    let text = outcome.result?;
    Ok(serde_json::from_str(&text).expect("JSON"))
}

fn numbers(page: &Json) -> Vec<i64> {
    let rows = page["page"].as_array().expect("a page").iter();
    let mut numbers: Vec<i64> = rows
        .map(|row| row["n"].as_f64().expect("a number") as i64)
        .collect();
    numbers.sort_unstable();
    numbers
}

fn page_of(table: &str) -> Json {
    json!({ "table": table, "order": "asc", "filters": null, "paginationOpts": { "cursor": null, "numItems": 50 } })
}

async fn two_components() -> App {
    let app = App::empty(host_options()).await;
    mount(&app, &["a", "a/b"]).await;
    put(&app, "", &[1.0]).await;
    put(&app, "a", &[2.0, 3.0]).await;
    put(&app, "a/b", &[4.0]).await;
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cli_names_components_by_path() {
    let app = two_components().await;
    for (path, expected) in [("", vec![1]), ("a", vec![2, 3]), ("a/b", vec![4])] {
        let page = cli(&app, path, "tableData", page_of("t")).await;
        assert_eq!(numbers(&page), expected, "{path:?}");
        let size = cli(&app, path, "tableSize", json!({ "tableName": "t" })).await;
        assert_eq!(size, json!(expected.len() as f64));
        let pages = json!({ "paginationOpts": { "cursor": null, "numItems": 10_000 } });
        let tables = cli(&app, path, "tables", pages).await;
        assert_eq!(tables["page"], json!([{ "name": "t" }]));
    }
    let marker = || cli(&app, "a", "queryTable", json!({ "tableName": "t" }));
    let before = marker().await;
    put(&app, "", &[9.0]).await;
    put(&app, "a", &[9.0]).await;
    assert_ne!(
        marker().await,
        before,
        "the watch of a failing push sees the change"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn all_tables_of_a_deployment_are_counted_with_those_of_components() {
    let app = two_components().await;
    let sizes = frontend(&app, "tableSize:ofEachEverywhere", json!({})).await;
    let expected = json!({ "t": 1.0, "@a/t": 2.0, "@a/b/t": 1.0, "_storage": 0.0 });
    assert_eq!(sizes, expected);
    // What the dry run of a restore tells.
    let mut tx = app.functions.database().begin();
    let counted = Documents::count(&mut tx).expect("counted");
    let tables: Vec<(&str, u64)> = counted.tables.iter().map(|(n, c)| (&**n, *c)).collect();
    assert_eq!(tables, [("@a/b/t", 1), ("@a/t", 2), ("t", 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn dashboards_name_components_by_id() {
    let app = two_components().await;
    let (a, b) = (id(&app, "a"), id(&app, "a/b"));
    let listed = frontend(&app, "components:list", json!({})).await;
    let shown: Vec<_> = listed.as_array().expect("a list").iter().collect();
    let paths: Vec<_> = shown.iter().map(|one| one["path"].clone()).collect();
    assert_eq!(paths, [json!(""), json!("a"), json!("a/b")]);
    assert_eq!(shown[1]["id"], a);
    let nested = json!({ "id": b, "name": "b", "path": "a/b", "args": {}, "state": "active", "httpPrefix": null });
    assert_eq!(*shown[2], nested);

    for (id, expected) in [
        (json!(null), vec![1]),
        (a.clone(), vec![2, 3]),
        (b.clone(), vec![4]),
    ] {
        let mut args = page_of("t");
        args["componentId"] = id.clone();
        assert_eq!(
            numbers(&frontend(&app, "paginatedTableDocuments", args).await),
            expected
        );
        let of = json!({ "componentId": id });
        let sizes = frontend(&app, "tableSize:ofEach", of.clone()).await;
        assert_eq!(sizes, json!({ "t": expected.len() as f64 }));
        let mapping = frontend(&app, "getTableMapping", of).await;
        let known = json!({ "530": "_scheduled_jobs", "540": "_file_storage", "10001": "t" });
        assert_eq!(mapping, known, "numbers are given by namespace");
        let indexes = json!({ "tableName": "t", "tableNamespace": id });
        assert_eq!(frontend(&app, "indexes", indexes).await, json!([]));
    }
    // An id is looked up where it is said to be, and nowhere else.
    let page = cli(&app, "a/b", "tableData", page_of("t")).await;
    let document = page["page"][0]["_id"].clone();
    let there = frontend(&app, "getById", json!({ "id": document, "componentId": b })).await;
    assert_eq!(there["n"], json!(4.0));
    for elsewhere in [json!(null), a] {
        let args = json!({ "id": document, "componentId": elsewhere });
        assert_eq!(frontend(&app, "getById", args).await, json!(null));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_of_a_component_are_edited_where_they_are() {
    let app = two_components().await;
    let a = id(&app, "a");
    let added = json!({ "table": "u", "documents": [{ "n": 7.0 }], "componentId": a });
    let added = edit(&app, "addDocument", added).await.expect("added");
    assert_eq!(added["success"], true);
    let document = added["ids"][0].clone();
    let wrong =
        json!({ "table": "u", "ids": [document], "fields": { "n": 8.0 }, "componentId": null });
    let wrong = edit(&app, "patchDocumentsFields", wrong)
        .await
        .expect("an answer");
    assert_eq!(
        wrong["success"], false,
        "the root has no such table: {wrong}"
    );
    let right =
        json!({ "table": "u", "ids": [document], "fields": { "n": 8.0 }, "componentId": a });
    let right = edit(&app, "patchDocumentsFields", right)
        .await
        .expect("an answer");
    assert_eq!(right["success"], true);
    assert_eq!(
        numbers(&cli(&app, "a", "tableData", page_of("u")).await),
        [8]
    );
    assert_eq!(
        cli(&app, "", "tableData", page_of("u")).await["page"],
        json!([])
    );

    let cleared = json!({ "tableName": "t", "cursor": null, "componentId": a });
    let cleared = edit(&app, "clearTablePage", cleared)
        .await
        .expect("cleared");
    assert_eq!(cleared["deleted"], json!(2.0));
    assert_eq!(
        numbers(&cli(&app, "", "tableData", page_of("t")).await),
        [1]
    );
    assert_eq!(
        numbers(&cli(&app, "a/b", "tableData", page_of("t")).await),
        [4]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_mounted_is_read_and_not_written() {
    let app = two_components().await;
    let b = id(&app, "a/b");
    mount(&app, &["a"]).await;
    let listed = frontend(&app, "components:list", json!({})).await;
    assert_eq!(listed[2]["state"], "unmounted");
    assert_eq!(
        numbers(&cli(&app, "a/b", "tableData", page_of("t")).await),
        [4]
    );
    let args = json!({ "table": "t", "documents": [{ "n": 5.0 }], "componentId": b });
    let refused = edit(&app, "addDocument", args.clone())
        .await
        .expect_err("refused");
    assert!(
        refused.message.contains("\"a/b\" is not mounted"),
        "{}",
        refused.message
    );
    mount(&app, &["a", "a/b"]).await;
    edit(&app, "addDocument", args)
        .await
        .expect("it is mounted again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_component_is_named_with_those_that_are_there() {
    let app = App::empty(host_options()).await;
    let by_path = || in_component("x", "_system/cli/tableData", page_of("t"));
    let failure = ask(&app, by_path()).await.expect_err("there is none");
    let text = "There is no component at \"x\": this app has none.";
    assert!(failure.message.contains(text), "{}", failure.message);
    mount(&app, &["a", "a/b"]).await;
    let failure = ask(&app, by_path()).await.expect_err("there is none");
    assert!(
        failure.message.contains("this app has \"a\", \"a/b\"."),
        "{}",
        failure.message
    );
    let args = json!({ "id": "x", "componentId": "nonsense" });
    let by_id = call_as(admin(), "_system/frontend/getById", args);
    let failure = ask(&app, by_id).await.expect_err("there is none");
    assert!(
        failure
            .message
            .contains("no component with the id \"nonsense\""),
        "{}",
        failure.message
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_admins_ask_about_components() {
    let app = two_components().await;
    let anybody = Call {
        component: ComponentPath("a".to_owned()),
        ..call("_system/cli/tableData", page_of("t"))
    };
    let failure = ask(&app, anybody).await.expect_err("refused");
    assert!(
        failure.message.contains("Could not find public function"),
        "{}",
        failure.message
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_of_the_tables_of_all_components() {
    let app = two_components().await;
    let snapshot = app.functions.introspection_snapshot().await;
    let snapshot = snapshot.expect("a picture");
    let tables = snapshot["tables"].as_array().expect("a list").iter();
    let mut tables: Vec<(Option<&str>, &str, u64)> = tables
        .map(|table| {
            let name = table["name"].as_str().expect("a name");
            (
                table["component"].as_str(),
                name,
                table["docs"].as_u64().expect("a number"),
            )
        })
        .collect();
    tables.sort();
    assert_eq!(
        tables,
        [(None, "t", 1), (Some("a"), "t", 2), (Some("a/b"), "t", 1)]
    );
    // Every table has a size of its own, by what is in it; moments of creation differ in digits.
    let bytes = |at: usize| snapshot["tables"][at]["bytes"].as_u64().expect("a number");
    assert!(
        bytes(0) > 0 && bytes(1).abs_diff(2 * bytes(0)) < 30,
        "{snapshot}"
    );

    for component in ["", "a", "a/b"] {
        cli(&app, component, "tableData", page_of("t")).await;
    }
    app.functions.keep_open_samples().await;
    let usage = app.functions.usage(1).await.expect("it is added up");
    let indexes = usage["days"][0]["indexes"].as_object().expect("by name");
    let named: Vec<&str> = indexes.keys().map(String::as_str).collect();
    assert_eq!(
        named,
        [
            "@a/b/t.by_creation_time",
            "@a/b/t.by_id",
            "@a/t.by_creation_time",
            "@a/t.by_id",
            "t.by_creation_time",
            "t.by_id"
        ]
    );
}
