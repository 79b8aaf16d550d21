//! Exports and imports of what components have: each in its own namespace.

use lentil_database::Namespace;
use lentil_values::Value;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::{Value as Json, json};

use super::round_trips::{Data, data};
use super::support::{Deployment, entries, id, long, object, zip_of};

const PATHS: [&str; 4] = ["", "a", "a/b", "c"];

async fn with_components() -> Deployment {
    let deployment = Deployment::start().await;
    deployment.mount(&PATHS[1..]).await;
    deployment
}

async fn fill(deployment: &Deployment, namespace: Namespace, (tables, files): &Data) {
    deployment
        .write(|tx| {
            for (name, documents) in tables {
                tx.create_table(namespace, name, None).expect("a table");
                for document in documents {
                    tx.insert(namespace, name, document.clone())
                        .expect("inserted");
                }
            }
        })
        .await;
    for content in files {
        deployment.put_file_in(namespace, content, None).await;
    }
}

/// User tables of a component with the number of their documents.
fn tables(deployment: &Deployment, path: &str) -> Vec<(String, u64)> {
    let namespace = deployment.component(path).namespace;
    let mut tx = deployment.database.begin();
    let mut told = Vec::new();
    for table in tx.tables(namespace) {
        if !table.name.starts_with('_') {
            let count = tx.count(namespace, &table.name).expect("counted");
            told.push((table.name, count));
        }
    }
    told
}

fn named(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    let named = expected.iter().map(|(name, n)| ((*name).to_owned(), *n));
    named.collect()
}

async fn put(deployment: &Deployment, path: &str, table: &str) {
    let namespace = deployment.component(path).namespace;
    let fields = object(&[("of", Value::String(path.to_owned()))]);
    deployment
        .write(|tx| tx.insert(namespace, table, fields).expect("inserted"))
        .await;
}

fn refused(state: &Json, code: &str) -> String {
    assert_eq!(state["state"], "failed", "{state}");
    let message = state["error_message"].as_str().expect("a text");
    assert!(message.starts_with(code), "{message}");
    message.to_owned()
}

fn completed(state: &Json) {
    assert_eq!(state["state"], "completed", "{state}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s049_export_import_export_gives_equal_files_of_components() {
    let cases = if long() { 200 } else { 8 };
    let mut runner = TestRunner::deterministic();
    let target = with_components().await;
    let nothing = with_components().await.export(true).await;
    for case in 0..cases {
        let source = with_components().await;
        let each = [data(), data(), data(), data()];
        let each = each.new_tree(&mut runner).expect("generated").current();
        for (path, data) in PATHS.iter().zip(&each) {
            fill(&source, source.component(path).namespace, data).await;
        }
        let first = source.export(true).await;
        completed(&target.import("replaceAll", &first).await);
        let second = target.export(true).await;
        assert_eq!(entries(&second), entries(&first), "case {case}");
        assert!(target.nothing_hidden());
        for path in PATHS {
            assert_eq!(tables(&target, path), tables(&source, path), "case {case}");
        }
        completed(&target.import("replaceAll", &nothing).await);
        assert_eq!(entries(&target.export(true).await), entries(&nothing));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_component_has_its_folder_and_numbers_of_its_own() {
    let deployment = with_components().await;
    put(&deployment, "", "users").await;
    put(&deployment, "a/b", "notes").await;
    put(&deployment, "a/b", "users").await;
    let namespace = deployment.component("a").namespace;
    let file = deployment
        .put_file_in(namespace, b"a file", Some("text/plain"))
        .await;
    let zip = entries(&deployment.export(true).await);
    let text = |name: &str| String::from_utf8(zip[name].clone()).expect("text");
    assert_eq!(
        text("_components/a/_components/b/_tables/documents.jsonl"),
        "{\"id\":10001,\"name\":\"notes\"}\n{\"id\":10002,\"name\":\"users\"}\n"
    );
    assert!(text("users/documents.jsonl").contains("\"of\":\"\""));
    let nested = text("_components/a/_components/b/users/documents.jsonl");
    assert!(nested.contains("\"of\":\"a/b\""), "{nested}");
    assert_eq!(
        text(&format!("_components/a/_storage/{}.txt", file.id)),
        "a file"
    );
    assert_eq!(text("_storage/documents.jsonl"), "");
    assert_eq!(text("_components/c/_tables/documents.jsonl"), "");

    // Of one component only, as if it were the whole.
    let id = deployment.component("a").id.expect("an id").to_string();
    let export = deployment.exports.request(false, Some(id)).await;
    let export = export.expect("it begins");
    let row = deployment.ended_export(&export).await;
    assert_eq!(row["state"], "completed", "{row}");
    let file = deployment.exports.file(&export).await.expect("a file");
    let zip = entries(&std::fs::read(file.path).expect("readable"));
    assert!(zip.contains_key("_components/b/users/documents.jsonl"));
    assert!(!zip.keys().any(|name| name.starts_with("users/")));
    let unknown = deployment.exports.request(false, Some("x".to_owned()));
    let unknown = unknown.await.expect_err("there is none");
    assert_eq!(unknown.code, "ComponentNotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_into_the_component_that_is_named() {
    let deployment = with_components().await;
    put(&deployment, "", "users").await;
    let import = |component: &str, mode: &str| json!({ "mode": mode, "format": "jsonLines", "tableName": "users", "componentPath": component });
    let lines = b"{\"n\":1}\n{\"n\":2}\n";
    completed(
        &deployment
            .import_as(import("a/b", "requireEmpty"), lines)
            .await,
    );
    assert_eq!(tables(&deployment, "a/b"), named(&[("users", 2)]));
    assert_eq!(tables(&deployment, ""), named(&[("users", 1)]));
    assert_eq!(tables(&deployment, "a"), []);
    let again = deployment
        .import_as(import("a/b", "requireEmpty"), lines)
        .await;
    let why = refused(&again, "TableExists");
    assert!(why.contains("of the component \"a/b\""), "{why}");
    completed(&deployment.import_as(import("a/b", "append"), lines).await);
    assert_eq!(tables(&deployment, "a/b"), named(&[("users", 4)]));
    completed(&deployment.import_as(import("a/b", "replace"), lines).await);
    assert_eq!(tables(&deployment, "a/b"), named(&[("users", 2)]));
    let nowhere = deployment.import_as(import("x/y", "append"), lines).await;
    let why = refused(&nowhere, "ComponentNotFound");
    assert!(why.contains("\"x/y\""), "{why}");
    assert!(deployment.nothing_hidden());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_put_below_the_component_that_is_named() {
    let source = Deployment::start().await;
    source.mount(&["b"]).await;
    put(&source, "", "tops").await;
    put(&source, "b", "notes").await;
    let zip = source.export(true).await;
    let target = with_components().await;
    put(&target, "a", "old").await;
    put(&target, "a/b", "old").await;
    put(&target, "c", "other").await;
    put(&target, "", "mine").await;
    let import = json!({ "mode": "replaceAll", "format": "zip", "componentPath": "a" });
    completed(&target.import_as(import, &zip).await);
    assert_eq!(tables(&target, "a"), named(&[("tops", 1)]));
    assert_eq!(tables(&target, "a/b"), named(&[("notes", 1)]));
    assert_eq!(
        tables(&target, "c"),
        named(&[("other", 1)]),
        "it is not below"
    );
    assert_eq!(tables(&target, ""), named(&[("mine", 1)]), "nor is the app");

    // The whole over the whole: every component is replaced, those that the file lacks too.
    let import = json!({ "mode": "replaceAll", "format": "zip" });
    target.mount(&["a", "a/b", "b", "c"]).await;
    let id = target.upload(import, &zip).await;
    let asked = target.left(&id, &["uploaded"]).await;
    let message = asked["message_to_confirm"].as_str().expect("a question");
    for line in [
        "table: notes of the component b\n  create: 1 of 1 documents",
        "table: other of the component c\n  create: 0 of 0 documents\n  delete: 1 of 1 documents",
        "table: mine\n  create: 0 of 0 documents\n  delete: 1 of 1 documents",
    ] {
        assert!(message.contains(line), "{line:?} in {message}");
    }
    target.imports.perform(&id).await.expect("it begins");
    completed(
        &target
            .left(&id, &["waiting_for_confirmation", "in_progress"])
            .await,
    );
    assert_eq!(tables(&target, ""), named(&[("tops", 1)]));
    assert_eq!(tables(&target, "b"), named(&[("notes", 1)]));
    for emptied in ["a", "a/b", "c"] {
        assert_eq!(tables(&target, emptied), [], "{emptied}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_component_that_is_wrong_fails_the_whole_import() {
    let deployment = with_components().await;
    put(&deployment, "c", "t").await;
    let all = |last: (&str, &str)| {
        let good = ("t/documents.jsonl", "{\"n\":1}\n");
        zip_of(&[
            good,
            ("_components/a/t/documents.jsonl", "{\"n\":1}\n"),
            last,
        ])
    };
    let wrong_id = format!(
        "{{\"_id\":{:?}}}\n{{\"_id\":{:?}}}\n",
        id(10_001, 1),
        id(10_002, 2)
    );
    for (last, code) in [
        (
            ("_components/x/t/documents.jsonl", "{}\n"),
            "ComponentNotFound",
        ),
        (("_components/c/t/documents.jsonl", "{}\n"), "TableExists"),
        (("_components/t/documents.jsonl", "{}\n"), "InvalidZip"),
        (
            ("_components/a/_components/b/t/documents.jsonl", &wrong_id),
            "_components/a/_components/b/t/documents.jsonl: line 2: InvalidId",
        ),
    ] {
        let state = deployment.import("requireEmpty", &all(last)).await;
        refused(&state, code);
        for path in ["", "a", "a/b"] {
            assert_eq!(tables(&deployment, path), [], "{path:?} after {code}");
        }
        assert!(deployment.nothing_hidden());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_two_components_share_the_content_of_a_file() {
    let deployment = with_components().await;
    let file = deployment.put_file(b"mine", None).await;
    let zip = deployment.export(true).await;
    let import = json!({ "mode": "append", "format": "zip", "componentPath": "a" });
    let why = refused(&deployment.import_as(import, &zip).await, "DuplicateId");
    assert!(why.contains("in the app itself"), "{why}");
    let zip = entries(&zip);
    let list = String::from_utf8(zip["_storage/documents.jsonl"].clone()).expect("text");
    let content = format!("_components/a/_storage/{}", file.id);
    let other = content.replace("/a/", "/c/");
    let both = zip_of(&[
        ("_components/a/_storage/documents.jsonl", &list),
        ("_components/c/_storage/documents.jsonl", &list),
        (&content, "mine"),
        (&other, "mine"),
    ]);
    let empty = with_components().await;
    let state = empty.import("requireEmpty", &both).await;
    assert!(
        refused(
            &state,
            "_components/c/_storage/documents.jsonl: line 1: DuplicateId"
        )
        .contains(&file.id.to_string())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_of_an_unmounted_component_is_exported_and_comes_back() {
    let deployment = with_components().await;
    put(&deployment, "a/b", "notes").await;
    deployment.mount(&["a"]).await;
    let zip = deployment.export(true).await;
    let names = entries(&zip);
    assert!(names.contains_key("_components/a/_components/b/notes/documents.jsonl"));
    assert!(
        !names.keys().any(|name| name.starts_with("_components/c/")),
        "it has nothing"
    );
    completed(&deployment.import("replaceAll", &zip).await);
    deployment.mount(&["a", "a/b"]).await;
    assert_eq!(tables(&deployment, "a/b"), named(&[("notes", 1)]));
}
