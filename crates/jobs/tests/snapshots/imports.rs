//! What the modes of an import do, and what is refused.

use lentil_values::Value;
use serde_json::json;

use super::support::{Deployment, id, object, zip_of};

const UNIFORM: (&str, &str) = ("t/generated_schema.jsonl", "\"uniform\"\n");

fn snapshot(tables: &[(&str, u32, u8)]) -> Vec<u8> {
    let list: String = tables
        .iter()
        .map(|(name, number, _)| format!("{{\"name\":{name:?},\"id\":{number}}}\n"))
        .collect();
    let mut entries = vec![("_tables/documents.jsonl".to_owned(), list)];
    for (name, number, count) in tables {
        let lines: String = (0..*count)
            .map(|n| {
                let id = id(*number, n);
                format!("{{\"_id\":{id:?},\"_creationTime\":{n}.5,\"n\":{n}}}\n")
            })
            .collect();
        entries.push((format!("{name}/documents.jsonl"), lines));
        entries.push((
            format!("{name}/generated_schema.jsonl"),
            "\"uniform\"\n".to_owned(),
        ));
    }
    let entries: Vec<(&str, &str)> = entries
        .iter()
        .map(|(name, content)| (name.as_str(), content.as_str()))
        .collect();
    zip_of(&entries)
}

fn error(state: &serde_json::Value) -> &str {
    assert_eq!(state["state"], "failed", "{state}");
    state["error_message"].as_str().expect("a text")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_modes_do_what_they_say() {
    let deployment = Deployment::start().await;
    let import = |mode: &'static str, tables: &'static [(&'static str, u32, u8)]| {
        let zip = snapshot(tables);
        let deployment = &deployment;
        async move { deployment.import(mode, &zip).await }
    };
    let state = import("requireEmpty", &[("a", 10_010, 3), ("b", 10_011, 2)]).await;
    assert_eq!(state["state"], "completed", "{state}");
    assert_eq!(
        state["num_rows_written"],
        json!({ "$integer": "BQAAAAAAAAA=" })
    );
    assert_eq!(
        deployment.tables(),
        [("a".to_owned(), 10_010), ("b".to_owned(), 10_011)]
    );
    let again = import("requireEmpty", &[("a", 10_010, 3)]).await;
    assert!(error(&again).starts_with("TableExists"), "{again}");
    // The same ids are there already.
    let doubled = import("append", &[("a", 10_010, 3)]).await;
    assert!(error(&doubled).contains("already in table"), "{doubled}");
    let other = import("append", &[("a", 10_020, 1)]).await;
    assert!(error(&other).contains("InvalidId"), "{other}");
    assert_eq!((deployment.count("a"), deployment.count("b")), (3, 2));
    let added = import("append", &[("c", 10_012, 4)]).await;
    assert_eq!(added["state"], "completed", "{added}");
    let replaced = import("replace", &[("a", 10_010, 1)]).await;
    assert_eq!(replaced["state"], "completed", "{replaced}");
    assert_eq!(
        (
            deployment.count("a"),
            deployment.count("b"),
            deployment.count("c")
        ),
        (1, 2, 4)
    );
    let conflict = import("replace", &[("a", 10_011, 1)]).await;
    assert!(
        error(&conflict).contains("TableNumberConflict"),
        "{conflict}"
    );
    let swapped = import("replace", &[("a", 10_011, 1), ("b", 10_010, 1)]).await;
    assert_eq!(swapped["state"], "completed", "{swapped}");
    assert_eq!(deployment.tables()[0], ("a".to_owned(), 10_011));
    let all = import("replaceAll", &[("c", 10_050, 5)]).await;
    assert_eq!(all["state"], "completed", "{all}");
    assert_eq!(deployment.tables(), [("c".to_owned(), 10_050)]);
    assert!(deployment.nothing_hidden());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_table_makes_way_for_the_number_of_another() {
    let deployment = Deployment::start().await;
    let root = lentil_database::Namespace::ROOT;
    deployment
        .write(|tx| {
            tx.create_table(root, "empty", None).expect("a table");
            tx.create_table(root, "a", None).expect("a table");
        })
        .await;
    let state = deployment
        .import("requireEmpty", &snapshot(&[("a", 10_001, 2)]))
        .await;
    assert_eq!(state["state"], "completed", "{state}");
    let tables = deployment.tables();
    assert_eq!(tables[0], ("a".to_owned(), 10_001));
    assert!(tables[1].1 > 10_002, "{tables:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_snapshot_changes_nothing() {
    let deployment = Deployment::start().await;
    deployment
        .insert("kept", object(&[("n", Value::Int64(1))]))
        .await;
    let before = deployment.tables();
    let line = |id: &str| format!("{{\"_id\":{id:?},\"n\":1}}\n");
    let (one, two) = (line(&id(10_010, 1)), line(&id(10_011, 1)));
    let tables = "{\"name\":\"t\",\"id\":10010}\n";
    for (entries, why) in [
        (
            vec![("t/documents.jsonl", "nonsense\n")],
            "t/documents.jsonl: JsonInvalidRow: line 1",
        ),
        (
            vec![("t/documents.jsonl", "[]\n")],
            "t/documents.jsonl: NotAnObject",
        ),
        (
            vec![
                ("t/documents.jsonl", "{\"n\":9223372036854775808}\n"),
                UNIFORM,
            ],
            "no int64",
        ),
        (
            vec![
                ("_tables/documents.jsonl", tables),
                ("t/documents.jsonl", &two),
            ],
            "t/documents.jsonl: line 1: InvalidId",
        ),
        (
            vec![("t/documents.jsonl", &one), ("u/documents.jsonl", &one)],
            "TableNumberConflict",
        ),
        (
            vec![("_tables/documents.jsonl", "{\"name\":\"t\"}\n")],
            "_tables/documents.jsonl: line 1: InvalidTables",
        ),
        (
            vec![("_storage/documents.jsonl", "{\"_id\":\"x\"}\n")],
            "_storage/documents.jsonl: line 1: InvalidId",
        ),
    ] {
        for mode in ["requireEmpty", "append", "replace", "replaceAll"] {
            let state = deployment.import(mode, &zip_of(&entries)).await;
            assert!(error(&state).contains(why), "{mode}: {state}");
            assert_eq!(deployment.tables(), before);
            assert!(deployment.nothing_hidden());
        }
    }
    let state = deployment.import("append", b"no zip").await;
    assert!(error(&state).starts_with("InvalidZip"), "{state}");
    assert_eq!(deployment.count("kept"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_must_be_what_their_list_says() {
    let deployment = Deployment::start().await;
    let source = Deployment::start().await;
    let file = source.put_file(b"right", Some("text/plain")).await;
    let lines = |id: &str, size: u32| {
        let digest = "YTN1XdHFqhTzaLuOvMEThYmzkBV7JGXwUAtEhqvI8AI=";
        format!(
            "{{\"_id\":{id:?},\"_creationTime\":1.0,\"sha256\":{digest:?},\"size\":{size}.0,\"contentType\":null}}\n"
        )
    };
    let id = file.id.to_string();
    let content = format!("_storage/{id}");
    for (size, text, why) in [
        (5, "wrong", "SHA-256"),
        (4, "wrong", "longer"),
        (6, "wrong", "shorter"),
    ] {
        let list = lines(&id, size);
        let zip = zip_of(&[("_storage/documents.jsonl", &list), (&content, text)]);
        let state = deployment.import("append", &zip).await;
        assert!(error(&state).contains(why), "{state}");
    }
    let list = lines(&id, 5);
    let missing = zip_of(&[("_storage/documents.jsonl", &list)]);
    let state = deployment.import("append", &missing).await;
    assert!(error(&state).contains(&format!("_storage/{id}")), "{state}");
    assert_eq!(deployment.count("_storage"), 0);

    let zip = source.export(true).await;
    for mode in ["append", "replace", "replaceAll"] {
        let state = deployment.import(mode, &zip).await;
        assert_eq!(state["state"], "completed", "{mode}: {state}");
        assert_eq!(deployment.count("_storage"), 1);
    }
    let twice = deployment.import("append", &zip).await;
    assert!(error(&twice).contains("DuplicateId"), "{twice}");
    let extra = deployment.put_file(b"another", None).await;
    let state = deployment.import("replace", &zip).await;
    assert_eq!(state["state"], "completed", "{state}");
    let mut tx = deployment.database.begin();
    let gone = lentil_catalog::FileRow::get(&mut tx, lentil_database::Namespace::ROOT, extra.id);
    assert_eq!(gone.expect("readable"), None);
}
