//! Imports from the first part to the last document, against a deployment in memory.

use std::sync::Arc;
use std::time::Duration;

use lentil_catalog::{ImportRow, ImportState};
use lentil_database::{
    Database, DatabaseOptions, IndexQuery, Namespace, Order, SystemEnv, Transaction,
};
use lentil_functions::deploy::Deployer;
use lentil_functions::{Functions, FunctionsOptions, Host, HostOptions};
use lentil_jobs::{Exports, Imports, JobError, Jobs};
use lentil_storage::MemoryPersistence;
use lentil_values::{DocumentId, KeyRange, Object, TableNumber, Value, push_key_value};
use serde_json::{Value as Json, json};

struct Deployment {
    database: Database,
    functions: Functions,
    deployer: Deployer,
    imports: Imports,
    exports: Exports,
    folder: tempfile::TempDir,
}

impl Deployment {
    async fn start() -> Deployment {
        let host = Host::start(HostOptions::default()).expect("Node is installed");
        let persistence = Arc::new(MemoryPersistence::new());
        let database = Database::open(persistence, DatabaseOptions::default(), Arc::new(SystemEnv));
        let database = database.expect("memory opens");
        let functions = Functions::new(database.clone(), host, FunctionsOptions::default());
        let deployer = Deployer::new(&functions);
        deployer.bootstrap().await.expect("system tables are made");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let imports =
            Imports::new(&functions, &deployer, folder.path().join("imports")).expect("a folder");
        let exports = Exports::new(&functions, folder.path().join("exports")).expect("a folder");
        Deployment {
            database,
            functions,
            deployer,
            imports,
            exports,
            folder,
        }
    }

    /// Makes a schema live: `t` has a number `n` and an index over it.
    async fn push_schema(&self) {
        let n = json!({ "fieldType": { "type": "number" }, "optional": false });
        let table = json!({
            "tableName": "t",
            "indexes": [{ "indexDescriptor": "by_n", "fields": ["n"] }],
            "documentType": { "type": "object", "value": { "n": n } },
        });
        let text = json!({ "tables": [table], "schemaValidation": true }).to_string();
        let source = format!(
            "export default {{ export() {{ return {}; }} }};",
            json!(text)
        );
        let schema = json!({ "path": "schema.js", "source": source, "environment": "isolate" });
        let body = json!({ "appDefinition": { "schema": schema, "changedModules": [] } });
        let started = self.deployer.start_push(body).await.expect("it starts");
        let deployer = self.deployer.clone();
        let work = move || while deployer.background_step().expect("background work goes on") {};
        tokio::task::spawn_blocking(work).await.expect("no panic");
        let finish = json!({ "startPush": started, "dryRun": false });
        self.deployer.finish_push(finish).await.expect("it is live");
    }

    /// Uploads a file in one part.
    async fn upload(&self, mode: &str, format: &str, file: &str) -> Result<String, JobError> {
        let upload = self.imports.start_upload().await?;
        let bytes = file.as_bytes().to_vec();
        let part = self.imports.upload_part(&upload, 1, bytes).await?;
        let import = json!({ "tableName": "t", "mode": mode, "format": format });
        self.imports
            .finish_upload(import, &upload, vec![json!(part)])
            .await
    }

    /// Waits until the import has left these states.
    async fn after(&self, id: &str, leave: &[&str]) -> Json {
        let id: DocumentId = id.parse().expect("an id");
        let mut commits = self.database.watch();
        loop {
            commits.borrow_and_update();
            let state = self.state(id);
            if !leave.iter().any(|name| state["state"] == *name) {
                return state;
            }
            let changed = tokio::time::timeout(Duration::from_secs(30), commits.changed()).await;
            changed.expect("the import goes on").expect("open");
        }
    }

    fn state(&self, id: DocumentId) -> Json {
        let mut tx = self.database.begin();
        let row = ImportRow::document(&mut tx, id).expect("readable");
        let row: Json = serde_json::from_str(&row.expect("there").json).expect("JSON");
        row["state"].clone()
    }

    /// Uploads, confirms, and gives the final state.
    async fn import(&self, mode: &str, format: &str, file: &str) -> Json {
        let id = self.upload(mode, format, file).await.expect("uploaded");
        let state = self.after(&id, &["uploaded"]).await;
        if state["state"] != "waiting_for_confirmation" {
            return state;
        }
        self.imports.perform(&id).await.expect("begun");
        self.after(&id, &["waiting_for_confirmation", "in_progress"])
            .await
    }

    fn rows(&self, index: &str, range: KeyRange) -> Vec<Json> {
        let mut tx = self.database.begin();
        let query = IndexQuery {
            namespace: Namespace::ROOT,
            table: "t".to_owned(),
            index: index.to_owned(),
            range,
            order: Order::Asc,
        };
        let mut cursor = tx.query(query).expect("a cursor");
        let mut rows = Vec::new();
        while let Some((_, row)) = cursor.next(&mut tx).expect("readable") {
            rows.push(serde_json::from_str(&row.json).expect("JSON"));
        }
        rows
    }

    fn all(&self) -> Vec<Json> {
        self.rows("by_creation_time", KeyRange::all())
    }

    /// Documents with that `n`, through the index.
    fn with_n(&self, n: f64) -> usize {
        let mut key = Vec::new();
        push_key_value(Some(&Value::Float64(n)), &mut key);
        self.rows("by_n", KeyRange::prefix(&key)).len()
    }

    async fn write(&self, body: impl Fn(&mut Transaction)) {
        let mut tx = self.database.begin();
        body(&mut tx);
        self.database.commit(tx).await.expect("committed");
    }

    fn number_of_t(&self) -> u32 {
        let mut tx = self.database.begin();
        tx.table(Namespace::ROOT, "t").expect("a table").number.0
    }

    fn files(&self) -> usize {
        let folder = std::fs::read_dir(self.folder.path().join("imports"));
        folder.expect("a folder").count()
    }
}

fn n(value: f64) -> Object {
    Object::from([("n".to_owned(), Value::Float64(value))])
}

fn integer(n: i64) -> Json {
    Value::Int64(n).to_json()
}

/// The text of an id in a table of that number.
fn id(number: u32, byte: u8) -> String {
    let internal = lentil_values::InternalId([byte; 16]);
    DocumentId {
        table: TableNumber(number),
        internal,
    }
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn s046_s047_modes_do_what_they_say() {
    let deployment = Deployment::start().await;
    let done = deployment
        .import("requireEmpty", "jsonLines", "{\"n\":1}\n{\"n\":2}\n")
        .await;
    assert_eq!(done["state"], "completed");
    assert_eq!(done["num_rows_written"], integer(2));
    assert!(done["timestamp"]["$integer"].is_string());
    assert_eq!(deployment.all().len(), 2);

    let again = deployment.import("requireEmpty", "jsonLines", "{}").await;
    assert_eq!(again["state"], "failed");
    let said = again["error_message"].as_str().expect("a text");
    assert!(
        said.contains("--append") && said.contains("--replace"),
        "{said}"
    );

    let more = deployment
        .import("append", "jsonArray", "[{\"n\":3}]")
        .await;
    assert_eq!(more["state"], "completed");
    assert_eq!(deployment.all().len(), 3);

    let replaced = deployment.import("replace", "csv", "n,s\n7,x\n").await;
    assert_eq!(replaced["num_rows_written"], integer(1));
    let rows = deployment.all();
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0]["n"], &rows[0]["s"]), (&json!(7.0), &json!("x")));
    let emptied = deployment.import("replace", "jsonLines", "").await;
    assert_eq!(emptied["num_rows_written"], integer(0));
    assert!(deployment.all().is_empty());
    // The last one is freed a moment after its outcome is told.
    assert!(deployment.files() <= 1, "uploaded files are freed");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_deletes_asks_a_person() {
    let deployment = Deployment::start().await;
    for (mode, file, manual) in [
        ("requireEmpty", "{}", false),
        ("append", "{}", false),
        ("replace", "{}\n{}", true),
    ] {
        let id = deployment
            .upload(mode, "jsonLines", file)
            .await
            .expect("uploaded");
        let state = deployment.after(&id, &["uploaded"]).await;
        assert_eq!(state["require_manual_confirmation"], manual, "{state}");
        let message = state["message_to_confirm"].as_str().expect("a text");
        assert!(message.contains("table: t"), "{message}");
        deployment.imports.perform(&id).await.expect("begun");
        deployment
            .after(&id, &["waiting_for_confirmation", "in_progress"])
            .await;
    }
    assert_eq!(deployment.all().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_document_imports_nothing_and_is_named() {
    let deployment = Deployment::start().await;
    deployment.push_schema().await;
    deployment
        .write(|tx| {
            tx.insert(Namespace::ROOT, "t", n(1.0)).expect("inserted");
        })
        .await;
    for mode in ["append", "replace"] {
        let state = deployment
            .import(mode, "jsonLines", "{\"n\":2}\n{\"n\":\"x\"}\n")
            .await;
        assert_eq!(state["state"], "failed");
        let said = state["error_message"].as_str().expect("a text");
        assert!(said.contains("line 2: SchemaEnforcementError"), "{said}");
        assert!(said.contains("Path: .n"), "{said}");
        assert_eq!(deployment.all().len(), 1);
        assert_eq!(deployment.with_n(1.0), 1);
    }
    let state = deployment
        .import("append", "jsonLines", "{\"n\":2}\nnope")
        .await;
    assert!(
        state["error_message"]
            .as_str()
            .expect("a text")
            .starts_with("JsonInvalidRow: line 2")
    );
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let state = deployment
        .import("append", "jsonLines", &format!("{{\"n\":{deep}}}"))
        .await;
    assert_eq!(state["state"], "failed");
    assert_eq!(deployment.all().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn replacing_keeps_indexes_and_the_number_of_ids() {
    let deployment = Deployment::start().await;
    deployment.push_schema().await;
    let number = deployment.number_of_t();
    deployment
        .write(|tx| {
            for _ in 0..100 {
                tx.insert(Namespace::ROOT, "t", n(1.0)).expect("inserted");
            }
        })
        .await;
    let state = deployment
        .import("replace", "jsonLines", "{\"n\":1}\n{\"n\":5}\n")
        .await;
    assert_eq!(state["state"], "completed", "{state}");
    assert_eq!((deployment.with_n(1.0), deployment.with_n(5.0)), (1, 1));
    assert_eq!(deployment.number_of_t(), number);
    deployment
        .write(|tx| {
            tx.insert(Namespace::ROOT, "t", n(5.0)).expect("inserted");
        })
        .await;
    assert_eq!(deployment.with_n(5.0), 2);
    assert_eq!(deployment.all().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn others_may_write_while_an_import_does() {
    let deployment = std::sync::Arc::new(Deployment::start().await);
    deployment.push_schema().await;
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writing = tokio::spawn({
        let (deployment, stop) = (deployment.clone(), stop.clone());
        async move {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let mut tx = deployment.database.begin();
                tx.insert(Namespace::ROOT, "t", n(1.0)).expect("inserted");
                // One that began before the table was replaced is a conflict.
                let _ = deployment.database.commit(tx).await;
            }
        }
    });
    let file = "{\"n\":2}\n".repeat(2_000);
    for mode in ["append", "replace", "append"] {
        let state = deployment.import(mode, "jsonLines", &file).await;
        assert_eq!(state["state"], "completed", "{mode}: {state}");
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    writing.await.expect("no panic");
    assert_eq!(deployment.with_n(2.0), 4_000);
    assert_eq!(deployment.with_n(1.0) + 4_000, deployment.all().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_keep_their_ids_and_times() {
    let deployment = Deployment::start().await;
    let (one, two) = (id(12_345, 1), id(12_345, 2));
    let file = format!(
        "{{\"_id\":\"{one}\",\"_creationTime\":5.5,\"n\":1}}\n{{\"_id\":\"{two}\",\"n\":2}}\n{{\"_creationTime\":7,\"n\":3}}\n"
    );
    // An empty table takes the number of the ids, also when a schema has made it.
    deployment.push_schema().await;
    assert_ne!(deployment.number_of_t(), 12_345);
    let state = deployment.import("requireEmpty", "jsonLines", &file).await;
    assert_eq!(state["state"], "completed", "{state}");
    let rows = deployment.all();
    assert_eq!(
        (&rows[0]["_id"], &rows[0]["_creationTime"]),
        (&json!(one), &json!(5.5))
    );
    assert_eq!(rows[1]["_creationTime"], json!(7.0));
    assert_eq!(rows[2]["_id"], json!(two));
    assert_eq!(deployment.number_of_t(), 12_345);
    assert_eq!(deployment.with_n(2.0), 1);

    let again = deployment.import("append", "jsonLines", &file).await;
    assert!(
        again["error_message"]
            .as_str()
            .expect("a text")
            .contains("already in table")
    );
    let twice = deployment
        .import("replace", "jsonLines", &format!("{file}{file}"))
        .await;
    assert!(
        twice["error_message"]
            .as_str()
            .expect("a text")
            .starts_with("line 4: "),
        "{twice}"
    );
    for (wrong, why) in [
        (json!({ "_id": id(12_346, 3), "n": 1 }), "InvalidId"),
        (json!({ "_id": "nonsense", "n": 1 }), "InvalidId"),
        (json!({ "_id": 5, "n": 1 }), "InvalidId"),
        (
            json!({ "_creationTime": "x", "n": 1 }),
            "InvalidCreationTime",
        ),
        (
            json!({ "_creationTime": -1, "n": 1 }),
            "InvalidCreationTime",
        ),
    ] {
        let state = deployment
            .import("append", "jsonLines", &wrong.to_string())
            .await;
        let said = state["error_message"].as_str().expect("a text");
        assert!(said.starts_with(&format!("line 1: {why}")), "{said}");
    }
    let system = json!({ "_id": id(525, 1), "n": 1 }).to_string();
    let state = deployment.import("replace", "jsonLines", &system).await;
    assert!(
        state["error_message"]
            .as_str()
            .expect("a text")
            .contains("system table")
    );
    assert_eq!(deployment.all().len(), 3);
    let moved = json!({ "_id": id(20_000, 1), "n": 1 }).to_string();
    assert_eq!(
        deployment.import("replace", "jsonLines", &moved).await["state"],
        "completed"
    );
    assert_eq!(deployment.number_of_t(), 20_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_written_once_and_can_be_given_up() {
    let deployment = Deployment::start().await;
    let id = deployment
        .upload("append", "jsonLines", "{}")
        .await
        .expect("uploaded");
    deployment.after(&id, &["uploaded"]).await;
    let (one, two) = tokio::join!(
        deployment.imports.perform(&id),
        deployment.imports.perform(&id)
    );
    assert_eq!(
        one.is_ok() as u8 + two.is_ok() as u8,
        1,
        "one of two begins"
    );
    deployment
        .after(&id, &["waiting_for_confirmation", "in_progress"])
        .await;
    assert_eq!(deployment.all().len(), 1);
    assert_eq!(
        deployment
            .imports
            .perform(&id)
            .await
            .expect_err("ended")
            .code,
        "ImportNotWaiting"
    );
    assert_eq!(
        deployment
            .imports
            .cancel(&id)
            .await
            .expect_err("ended")
            .code,
        "CannotCancelImport"
    );

    let id = deployment
        .upload("append", "jsonLines", "{}")
        .await
        .expect("uploaded");
    deployment.imports.cancel(&id).await.expect("canceled");
    let state = deployment
        .after(&id, &["uploaded", "waiting_for_confirmation"])
        .await;
    assert_eq!(state["state"], "failed");
    assert!(deployment.imports.perform(&id).await.is_err());
    assert_eq!(deployment.all().len(), 1);
    for wrong in ["", "nonsense", &self::id(527, 1), &self::id(10_001, 1)] {
        assert_eq!(
            deployment
                .imports
                .perform(wrong)
                .await
                .expect_err(wrong)
                .code,
            "ImportNotFound"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_restart_interrupts_has_failed() {
    let deployment = Deployment::start().await;
    let id = deployment
        .upload("append", "jsonLines", "{}")
        .await
        .expect("uploaded");
    deployment.after(&id, &["uploaded"]).await;
    let imports = Imports::new(
        &deployment.functions,
        &deployment.deployer,
        deployment.folder.path().join("imports"),
    );
    let imports = imports.expect("a folder");
    let jobs = Jobs::start(
        &deployment.functions,
        &deployment.deployer,
        &imports,
        &deployment.exports,
    )
    .await;
    let state = deployment.after(&id, &["waiting_for_confirmation"]).await;
    assert_eq!(state["state"], "failed");
    assert!(
        state["error_message"]
            .as_str()
            .expect("a text")
            .contains("restarted")
    );
    assert_eq!(deployment.files(), 0);
    jobs.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_outcomes_of_mutations_are_forgotten() {
    let deployment = Deployment::start().await;
    let table = lentil_catalog::SystemTable::SessionRequests;
    let day_ms = 86_400_000.0;
    deployment
        .write(|tx| {
            let info = tx.table(Namespace::ROOT, table.name()).expect("a table");
            let now_ms = tx.now_ms();
            for age in 0..=255u8 {
                let internal = lentil_values::InternalId([age; 16]);
                let time = now_ms - f64::from(age) * day_ms / 8.0;
                tx.insert_with(&info, internal, time, Object::new())
                    .expect("inserted");
            }
        })
        .await;
    let jobs = Jobs::start(
        &deployment.functions,
        &deployment.deployer,
        &deployment.imports,
        &deployment.exports,
    )
    .await;
    let count = || {
        let mut tx = deployment.database.begin();
        tx.count(Namespace::ROOT, table.name()).expect("counted")
    };
    let mut commits = deployment.database.watch();
    while count() == 256 {
        let changed = tokio::time::timeout(Duration::from_secs(30), commits.changed()).await;
        changed.expect("they are forgotten").expect("open");
    }
    assert_eq!(count(), 14 * 8);
    jobs.stop().await;
}

#[test]
fn states_are_told_as_the_cli_reads_them() {
    let row = |state| ImportRow {
        component: None,
        format: Value::Null,
        mode: "Append".to_owned(),
        upload: "u".to_owned(),
        state,
    };
    let database = Database::open(
        Arc::new(MemoryPersistence::new()),
        DatabaseOptions::default(),
        Arc::new(SystemEnv),
    );
    let mut tx = database.expect("memory opens").begin();
    lentil_catalog::bootstrap(&mut tx).expect("tables");
    for state in [
        ImportState::Uploaded,
        ImportState::WaitingForConfirmation {
            message: "m".to_owned(),
            manual: true,
        },
        ImportState::InProgress {
            progress: "p".to_owned(),
            checkpoints: vec!["c".to_owned()],
        },
        ImportState::Completed {
            ts: i64::MAX,
            rows: 3,
        },
        ImportState::Failed {
            error: "e".to_owned(),
        },
    ] {
        let row = row(state);
        let id = row.insert(&mut tx).expect("inserted");
        assert_eq!(ImportRow::load(&mut tx, id).expect("read"), Some(row));
    }
}
