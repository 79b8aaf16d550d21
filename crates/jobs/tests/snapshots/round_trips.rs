//! Export, import into an empty deployment, export: the same files.

use lentil_values::{Object, Value};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::support::{Deployment, entries, long, object};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(Value::Int64),
        prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(0), Just(-1)].prop_map(Value::Int64),
        any::<f64>().prop_map(Value::Float64),
        any::<u64>().prop_map(|bits| Value::Float64(f64::from_bits(bits))),
        prop_oneof![
            Just(0.0),
            Just(-0.0),
            Just(1.0),
            Just(1e300),
            Just(f64::NAN)
        ]
        .prop_map(Value::Float64),
        any::<String>().prop_map(Value::String),
        "[\\x00-\\x7f]{0,12}".prop_map(Value::String),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            proptest::collection::btree_map("[a-zA-Z!# ~-][a-z!$_ ]{0,6}", inner, 0..5)
                .prop_map(Value::Object),
        ]
    })
}

fn document() -> impl Strategy<Value = Object> {
    proptest::collection::btree_map("[a-zA-Z][a-zA-Z0-9_]{0,6}", value(), 0..6)
}

/// Tables with their documents, and contents of files.
pub(crate) type Data = (Vec<(String, Vec<Object>)>, Vec<Vec<u8>>);

pub(crate) fn data() -> impl Strategy<Value = Data> {
    let tables = proptest::collection::btree_map(
        "[a-zA-Z][a-zA-Z0-9_]{0,10}",
        proptest::collection::vec(document(), 0..12),
        0..5,
    );
    let files = proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..5_000), 0..4);
    (tables, files).prop_map(|(tables, files)| (tables.into_iter().collect(), files))
}

#[tokio::test(flavor = "multi_thread")]
async fn s049_export_import_export_gives_equal_files() {
    let cases = if long() { 400 } else { 20 };
    let mut runner = TestRunner::deterministic();
    let target = Deployment::start().await;
    let source = Deployment::start().await;
    for case in 0..cases {
        let (tables, files) = data().new_tree(&mut runner).expect("generated").current();
        // An empty source again: what is there goes.
        let nothing = Deployment::start().await.export(true).await;
        let emptied = source.import("replaceAll", &nothing).await;
        assert_eq!(emptied["state"], "completed", "{emptied}");
        for (name, documents) in &tables {
            source
                .write(|tx| {
                    let root = lentil_database::Namespace::ROOT;
                    tx.create_table(root, name, None).expect("a table");
                    for document in documents {
                        tx.insert(root, name, document.clone()).expect("inserted");
                    }
                })
                .await;
        }
        for (n, content) in files.iter().enumerate() {
            let kinds = [None, Some("text/plain"), Some("image/png; a=b"), Some("")];
            source.put_file(content, kinds[n % kinds.len()]).await;
        }
        let first = source.export(true).await;
        let state = target.import("replaceAll", &first).await;
        assert_eq!(state["state"], "completed", "case {case}: {state}");
        let second = target.export(true).await;
        assert_eq!(entries(&second), entries(&first), "case {case}");
        assert!(target.nothing_hidden());
        assert_eq!(target.tables(), source.tables(), "case {case}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s049_ids_numbers_and_contents_survive() {
    let source = Deployment::start().await;
    let user = source
        .insert("users", object(&[("name", Value::String("Ada".into()))]))
        .await;
    let fields = [
        ("author", Value::String(user.to_string())),
        ("n", Value::Int64(1 << 60)),
        ("f", Value::Float64(1.0)),
        ("b", Value::Bytes(vec![0, 255])),
    ];
    let message = source.insert("messages", object(&fields)).await;
    let file = source.put_file(b"a picture", Some("image/png")).await;
    let zip = source.export(true).await;
    let names: Vec<String> = entries(&zip).into_keys().collect();
    let content = format!("_storage/{}.png", file.id);
    for name in [
        "README.md",
        "_tables/documents.jsonl",
        "messages/documents.jsonl",
        "messages/generated_schema.jsonl",
        "users/documents.jsonl",
        "users/generated_schema.jsonl",
        "_storage/documents.jsonl",
        &content,
    ] {
        assert!(
            names.iter().any(|there| there == name),
            "{name} in {names:?}"
        );
    }
    assert_eq!(entries(&zip)[&content], b"a picture");
    let lines = String::from_utf8(entries(&zip)["_tables/documents.jsonl"].clone());
    assert_eq!(
        lines.expect("text"),
        "{\"id\":10001,\"name\":\"users\"}\n{\"id\":10002,\"name\":\"messages\"}\n"
    );

    let target = Deployment::start().await;
    let state = target.import("requireEmpty", &zip).await;
    assert_eq!(state["state"], "completed", "{state}");
    let mut tx = target.database.begin();
    let root = lentil_database::Namespace::ROOT;
    let there = tx.get(root, message).expect("readable").expect("there");
    let then = source.database.begin().get(root, message);
    assert_eq!(there.json, then.expect("readable").expect("there").json);
    assert!(tx.get(root, user).expect("readable").is_some());
    let row = lentil_catalog::FileRow::get(&mut tx, lentil_database::Namespace::ROOT, file.id)
        .expect("readable");
    assert_eq!(row, Some(file));
    let without = source.export(false).await;
    assert!(
        !entries(&without)
            .keys()
            .any(|name| name.starts_with("_storage"))
    );
}
