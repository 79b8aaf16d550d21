//! Schemas and indexes on their way from pushed to live (function-runtime 4.8 and 4.9), step by
//! step: nothing runs in the background unless a test says so.

mod support;
#[path = "support/pushed.rs"]
mod pushed;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lentil_database::{Database, DatabaseOptions, SystemEnv};
use lentil_functions::deploy::Deployer;
use lentil_functions::{Functions, FunctionsOptions, Host};
use lentil_storage::MemoryPersistence;
use rand::RngExt as _;
use serde_json::{Value as Json, json};

use pushed::{DATA, finish, module, push_of, schema, table, wait};
use support::{App, call, host_options};

/// A deployment in whose background nothing happens by itself.
async fn quiet() -> App {
    let host = Host::start(host_options()).expect("Node is installed");
    let persistence = Arc::new(MemoryPersistence::new());
    let database = Database::open(persistence, DatabaseOptions::default(), Arc::new(SystemEnv));
    let database = database.expect("memory opens");
    let functions = Functions::new(database, host, FunctionsOptions::default());
    let deployer = Deployer::new(&functions);
    deployer.bootstrap().await.expect("system tables are made");
    let app = App {
        functions,
        deployer,
    };
    push(&app, None).await;
    app
}

/// Does all there is to do in the background.
async fn background(app: &App) {
    let deployer = app.deployer.clone();
    let work = move || while deployer.background_step().expect("background work goes on") {};
    tokio::task::spawn_blocking(work)
        .await
        .expect("it does not panic");
}

fn body(tables: Option<Json>) -> Json {
    push_of(&[module("m.js", DATA)], tables.map(schema))
}

async fn start(app: &App, tables: Option<Json>) -> Json {
    app.deployer
        .start_push(body(tables))
        .await
        .expect("it starts")
}

async fn push(app: &App, tables: Option<Json>) -> Json {
    let started = start(app, tables).await;
    background(app).await;
    finish(&app.deployer, &started).await.expect("it finishes")
}

async fn state(app: &App, started: &Json) -> Json {
    wait(&app.deployer, started, 0).await
}

async fn insert(app: &App, value: Json) -> String {
    let id = app
        .run("m:insert", json!({ "table": "t", "value": value }))
        .await;
    id["_id"].as_str().expect("an id").to_owned()
}

/// Documents whose field has a value, by an index.
async fn by(app: &App, index: &str, field: &str, value: Json) -> Json {
    app.ask(
        "m:byIndex",
        json!({ "table": "t", "index": index, "field": field, "value": value }),
    )
    .await
}

/// The indexes of `t` as dashboards see them.
async fn indexes(app: &App) -> Json {
    let args = json!({ "tableName": "t", "tableNamespace": null });
    let call = support::call_as(support::admin(), "_system/frontend/indexes", args);
    let result = app.result(call).await;
    let text = result.outcome.result.as_ref().expect("it answers");
    serde_json::from_str(text).expect("JSON")
}

async fn by_fails(app: &App, index: &str) -> String {
    let args = json!({ "table": "t", "index": index, "field": "a", "value": "x" });
    app.ask_fails("m:byIndex", args).await.message
}

fn t(a: &str, indexes: &[(&str, &[&str])]) -> Option<Json> {
    Some(json!([table("t", &[("a", a)], indexes)]))
}

#[tokio::test(flavor = "multi_thread")]
async fn s011_a_document_that_violates_the_schema_is_named() {
    let app = quiet().await;
    insert(&app, json!({ "a": "x" })).await;
    let bad = insert(&app, json!({ "a": 5 })).await;
    let started = start(&app, t("string", &[("by_a", &["a"])])).await;
    background(&app).await;
    let failed = state(&app, &started).await;
    assert_eq!(
        (
            &failed["type"],
            &failed["tableName"],
            &failed["componentPath"]
        ),
        (&json!("failed"), &json!("t"), &json!(""))
    );
    let said = failed["error"].as_str().expect("a text");
    assert!(
        said.starts_with(&format!(
            "Document with ID \"{bad}\" in table \"t\" does not match the schema: "
        )),
        "{said}"
    );
    assert!(said.contains("Path: .a"), "{said}");
    let refused = finish(&app.deployer, &started).await.expect_err("refused");
    assert_eq!((refused.status, refused.message.as_str()), (400, said));
    assert!(by_fails(&app, "by_a").await.contains("by_a"));
    // Nothing is enforced: what failed changes nothing.
    insert(&app, json!({ "a": 6 })).await;
}

/// A large table is checked some documents at a time, and others write in between.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_table_is_checked_step_by_step() {
    let app = quiet().await;
    let source = format!(
        "{DATA}export const many = mutation(async ({{ count }}) => {{
          for (let n = 0; n < count; n++) await call('1.0/insert', {{ table: 't', value: {{ a: `${{n}}` }} }});
          return null;
        }});
        export const remove = mutation(({{ id }}) => call('1.0/remove', {{ id }}).then(() => null));"
    );
    let body = |tables: Option<Json>| push_of(&[module("m.js", &source)], tables.map(schema));
    let begin = async |tables: Option<Json>| {
        let started = app.deployer.start_push(body(tables)).await;
        started.expect("it starts")
    };
    let step = async || {
        let deployer = app.deployer.clone();
        let step = tokio::task::spawn_blocking(move || deployer.background_step());
        step.await.expect("no panic").expect("it goes on")
    };
    let first = begin(None).await;
    background(&app).await;
    finish(&app.deployer, &first).await.expect("it finishes");
    let early = insert(&app, json!({ "a": "x" })).await;
    app.run("m:many", json!({ "count": 2_000 })).await;
    let late = insert(&app, json!({ "a": 5 })).await;

    // What is wrong stands behind the first pages.
    let started = begin(t("string", &[])).await;
    step().await;
    step().await;
    assert_eq!(state(&app, &started).await["type"], "inProgress");
    background(&app).await;
    let failed = state(&app, &started).await;
    let said = failed["error"].as_str().expect("a text");
    assert!(said.contains(&late), "{said}");

    app.run("m:remove", json!({ "id": late })).await;
    // Another push begins from the beginning, and is not confused by how far one was.
    begin(t("number", &[])).await;
    let started = begin(t("string", &[])).await;
    step().await;
    // Writes in front of where the check is, and behind.
    app.run("m:remove", json!({ "id": early })).await;
    insert(&app, json!({ "a": "y" })).await;
    background(&app).await;
    assert_eq!(state(&app, &started).await["type"], "complete");
    finish(&app.deployer, &started).await.expect("it finishes");
    let args = json!({ "table": "t", "value": { "a": 5 } });
    let refused = app.run_fails("m:insert", args).await.message;
    assert!(refused.contains("does not match"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_waits() {
    let app = quiet().await;
    for a in ["x", "y"] {
        insert(&app, json!({ "a": a })).await;
    }
    let tables = json!([{
        "tableName": "t", "documentType": null,
        "indexes": [{ "indexDescriptor": "by_a", "fields": ["a"] }],
        "stagedDbIndexes": [{ "indexDescriptor": "by_b", "fields": ["b"] }],
    }]);
    let started = start(&app, Some(tables)).await;
    let progress = json!({
        "schemaValidationComplete": false, "indexesComplete": 0, "indexesTotal": 1,
        "backfills": [{ "index": "t.by_a", "numDocsIndexed": 0, "totalDocs": 2 }],
    });
    assert_eq!(
        state(&app, &started).await,
        json!({ "type": "inProgress", "components": { "": progress } })
    );
    let stats = json!({ "numDocsIndexed": 0.0, "totalDocs": 2.0 });
    let filling = json!({ "state": "backfilling", "stats": stats });
    assert_eq!(
        indexes(&app).await,
        json!([
            { "name": "by_a", "fields": ["a"], "staged": false, "backfill": filling.clone() },
            { "name": "by_b", "fields": ["b"], "staged": false, "backfill": filling },
        ])
    );
    let error = finish(&app.deployer, &started)
        .await
        .expect_err("too early");
    assert_eq!((error.status, error.code), (400, "SchemaNotValidated"));

    let (deployer, asked) = (app.deployer.clone(), started.clone());
    let mut waiting = tokio::spawn(async move { wait(&deployer, &asked, 60_000).await });
    let early = tokio::time::timeout(Duration::from_millis(200), &mut waiting).await;
    assert!(early.is_err(), "it answers before anything has happened");
    insert(&app, json!({ "a": "z" })).await;
    background(&app).await;
    assert_eq!(
        waiting.await.expect("no panic"),
        json!({ "type": "complete" })
    );
    let finished = finish(&app.deployer, &started).await.expect("it finishes");
    let added = &finished["componentDiffs"][""]["indexDiff"]["added_indexes"];
    assert_eq!(
        added[0],
        json!({ "name": "t.by_a", "type": "database", "fields": ["a"], "staged": false })
    );
    assert_eq!(added[1]["staged"], true);
    assert_eq!(
        indexes(&app).await,
        json!([
            { "name": "by_a", "fields": ["a"], "staged": false, "backfill": { "state": "done" } },
            { "name": "by_b", "fields": ["b"], "staged": true, "backfill": { "state": "backfilled" } },
        ])
    );
    assert_eq!(by(&app, "by_a", "a", json!("z")).await, 1.0);
    let error = app
        .deployer
        .wait_for_schema(json!({ "schemaChange": {} }))
        .await;
    assert_eq!(error.expect_err("not an answer of start_push").status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_write_fails_the_schema_on_trial_and_not_the_write() {
    let app = quiet().await;
    insert(&app, json!({ "a": "x" })).await;
    for validated_before in [false, true] {
        let started = start(&app, t("string", &[])).await;
        if validated_before {
            background(&app).await;
            assert_eq!(state(&app, &started).await["type"], "complete");
        }
        insert(&app, json!({ "a": "good" })).await;
        insert(&app, json!({ "a": 5 })).await;
        background(&app).await;
        let failed = state(&app, &started).await;
        let said = failed["error"].as_str().expect("a text");
        assert!(
            said.starts_with("New document in table \"t\" does not match the schema: "),
            "{said}"
        );
        let refused = finish(&app.deployer, &started).await.expect_err("refused");
        assert_eq!(refused.code, "SchemaValidationFailed");
        assert_eq!(app.ask("m:count", json!({ "table": "t" })).await, 3.0);
        let emptied = start(&app, t("any", &[])).await;
        background(&app).await;
        finish(&app.deployer, &emptied)
            .await
            .expect("anything is allowed");
        push(&app, None).await;
        if !validated_before {
            // The next round begins with good documents only.
            let rows = app.functions.database().clone();
            let mut tx = rows.begin();
            tx.delete_table(lentil_database::Namespace::ROOT, "t")
                .expect("it is there");
            rows.commit(tx).await.expect("committed");
            insert(&app, json!({ "a": "x" })).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_whose_fields_change_serves_until_its_successor_does() {
    let app = quiet().await;
    insert(&app, json!({ "a": "x", "b": "y" })).await;
    let with = |field: &'static str| {
        Some(
            json!([{ "tableName": "t", "documentType": null, "indexes": [{ "indexDescriptor": "by", "fields": [field] }] }]),
        )
    };
    push(&app, with("a")).await;
    assert_eq!(by(&app, "by", "a", json!("x")).await, 1.0);
    let started = start(&app, with("b")).await;
    insert(&app, json!({ "a": "x", "b": "y" })).await;
    background(&app).await;
    insert(&app, json!({ "a": "x", "b": "y" })).await;
    assert_eq!(by(&app, "by", "a", json!("x")).await, 3.0);
    let finished = finish(&app.deployer, &started).await.expect("it finishes");
    let diff = &finished["componentDiffs"][""]["indexDiff"];
    assert_eq!(
        (
            &diff["added_indexes"][0]["fields"],
            &diff["removed_indexes"][0]["fields"]
        ),
        (&json!(["b"]), &json!(["a"]))
    );
    assert_eq!(by(&app, "by", "b", json!("y")).await, 3.0);
    insert(&app, json!({ "a": "x", "b": "y" })).await;
    assert_eq!(by(&app, "by", "b", json!("y")).await, 4.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn s019_staged_indexes_are_filled_then_enabled_and_dropped_when_gone() {
    let app = quiet().await;
    insert(&app, json!({ "a": "x" })).await;
    let index = json!([{ "indexDescriptor": "by_a", "fields": ["a"] }]);
    let plain = Some(json!([{ "tableName": "t", "documentType": null, "indexes": index }]));
    let staged = Some(
        json!([{ "tableName": "t", "documentType": null, "indexes": [], "stagedDbIndexes": index }]),
    );
    let diff = |finished: &Json, kind: &str| {
        finished["componentDiffs"][""]["indexDiff"][kind]
            .as_array()
            .expect("a list")
            .len()
    };
    let finished = push(&app, staged.clone()).await;
    assert_eq!(diff(&finished, "added_indexes"), 1);
    let said = by_fails(&app, "by_a").await;
    assert!(said.contains("staged"), "{said}");
    let evaluated = app
        .deployer
        .evaluate_schema(body(plain.clone()))
        .await
        .expect("evaluated");
    let change = &evaluated["componentSchemaEvaluations"][""]["indexes"][0];
    assert_eq!(
        (
            &change["change"],
            &change["needsBackfill"],
            &change["numDocs"]
        ),
        (&json!("enabled"), &json!(false), &json!(1))
    );
    let finished = push(&app, plain.clone()).await;
    assert_eq!(
        (
            diff(&finished, "enabled_indexes"),
            diff(&finished, "added_indexes")
        ),
        (1, 0)
    );
    assert_eq!(by(&app, "by_a", "a", json!("x")).await, 1.0);
    assert_eq!(diff(&push(&app, plain).await, "added_indexes"), 0);
    assert_eq!(diff(&push(&app, staged).await, "disabled_indexes"), 1);
    assert!(by_fails(&app, "by_a").await.contains("staged"));
    assert_eq!(diff(&push(&app, None).await, "removed_indexes"), 1);
    assert!(by_fails(&app, "by_a").await.contains("not found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn search_indexes_are_part_of_the_diffs() {
    let app = quiet().await;
    let with = |field: &str| {
        Some(
            json!([{ "tableName": "t", "documentType": null, "indexes": [], "searchIndexes": [
            { "indexDescriptor": "s", "searchField": field, "filterFields": ["f"] }] }]),
        )
    };
    let finished = push(&app, with("a")).await;
    let added = &finished["componentDiffs"][""]["indexDiff"]["added_indexes"];
    let expected = json!({ "name": "t.s", "type": "search", "searchField": "a", "filterFields": ["f"], "staged": false });
    assert_eq!(added, &json!([expected]));
    let finished = push(&app, with("a")).await;
    assert_eq!(
        finished["componentDiffs"][""]["indexDiff"]["added_indexes"],
        json!([])
    );
    let finished = push(&app, with("b")).await;
    let diff = &finished["componentDiffs"][""]["indexDiff"];
    assert_eq!(
        (
            &diff["added_indexes"][0]["searchField"],
            &diff["removed_indexes"][0]["searchField"]
        ),
        (&json!("b"), &json!("a"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_be_walked_is_told_before() {
    let app = quiet().await;
    insert(&app, json!({ "a": "x" })).await;
    let outcome = async |tables| {
        let evaluated = app
            .deployer
            .evaluate_schema(body(tables))
            .await
            .expect("evaluated");
        evaluated["componentSchemaEvaluations"][""]["tables"][0].clone()
    };
    let walk = outcome(t("string", &[])).await;
    assert_eq!(
        (&walk["outcome"], &walk["numDocs"]),
        (&json!("mustWalk"), &json!(1))
    );
    assert!(walk["sizeBytes"].as_u64().expect("a number") > 10);
    push(&app, t("string", &[])).await;
    assert_eq!(
        outcome(t("string", &[])).await["outcome"],
        "supersetOfEnforced"
    );
    let untyped = Some(json!([{ "tableName": "t", "documentType": null, "indexes": [] }]));
    assert_eq!(outcome(untyped).await["outcome"], "notValidated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_comes_after_the_start_gets_its_indexes() {
    let app = quiet().await;
    let started = start(&app, t("string", &[("by_a", &["a"])])).await;
    insert(&app, json!({ "a": "x" })).await;
    let (deployer, asked) = (app.deployer.clone(), started.clone());
    let waiting = tokio::spawn(async move { wait(&deployer, &asked, 60_000).await });
    app.deployer.work().await;
    while !waiting.is_finished() {
        background(&app).await;
    }
    assert_eq!(waiting.await.expect("no panic")["type"], "complete");
    finish(&app.deployer, &started).await.expect("it finishes");
    assert_eq!(by(&app, "by_a", "a", json!("x")).await, 1.0);
}

/// Writers write all the time, good documents and bad ones; whatever becomes enforced, no document
/// violates it.
#[tokio::test(flavor = "multi_thread")]
async fn no_schema_becomes_active_over_a_document_that_violates_it() {
    let app = Arc::new(quiet().await);
    let (mut finished, mut refused) = (0, 0);
    for round in 0..12 {
        push(&app, None).await;
        let stop = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..3)
            .map(|_| tokio::spawn(write(app.clone(), round, stop.clone())))
            .collect();
        let working = app.clone();
        let halt = stop.clone();
        let work = tokio::spawn(async move {
            while !halt.load(Ordering::Relaxed) {
                background(&working).await;
                tokio::task::yield_now().await;
            }
        });
        let name = format!("t{round}");
        let tables = json!([table(&name, &[("a", "string")], &[("by_a", &["a"])])]);
        let started = start(&app, Some(tables)).await;
        if round == SURELY_BAD {
            let bad = json!({ "table": name, "value": { "a": 5 } });
            app.mutate(call("m:insert", bad)).await;
        }
        let state = wait(&app.deployer, &started, 30_000).await;
        let live = finish(&app.deployer, &started).await;
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.await.expect("no panic");
        }
        work.await.expect("no panic");
        match live {
            Ok(_) => {
                finished += 1;
                assert_eq!(bad_documents(&app, &name), 0, "round {round}: {state}");
            }
            Err(error) => {
                refused += 1;
                assert!(
                    error.message.contains("does not match the schema")
                        || error.code == "RaceDetected",
                    "{error}"
                );
            }
        }
    }
    assert!(
        finished > 0 && refused > 0,
        "{finished} finished, {refused} refused"
    );
}

/// In this round one is bad whatever chance says.
const SURELY_BAD: usize = 3;

/// In every other round, some documents are bad.
async fn write(app: Arc<App>, round: usize, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let bad = round % 2 == 1 && rand::rng().random_bool(0.1);
        let value = if bad {
            json!({ "a": 5 })
        } else {
            json!({ "a": "x" })
        };
        let args = json!({ "table": format!("t{round}"), "value": value });
        // A bad one is refused once the schema is active.
        let done = app.mutate(call("m:insert", args)).await;
        assert!(
            bad || done.outcome.result.is_ok(),
            "{:?}",
            done.outcome.result
        );
    }
}

fn bad_documents(app: &App, table: &str) -> usize {
    let mut tx = app.functions.database().begin();
    tx.lift_limits();
    let query = lentil_database::IndexQuery {
        namespace: lentil_database::Namespace::ROOT,
        table: table.to_owned(),
        index: "by_creation_time".to_owned(),
        range: lentil_values::KeyRange::all(),
        order: lentil_database::Order::Asc,
    };
    let mut cursor = tx.query(query).expect("a cursor");
    let mut bad = 0;
    while let Some((_, row)) = cursor.next(&mut tx).expect("readable") {
        let row: Json = serde_json::from_str(&row.json).expect("JSON");
        bad += usize::from(!row["a"].is_string());
    }
    bad
}
