//! Staged validators: looked at and not enforced, and promoted without reading the table again
//! (function-runtime 4.9, cli-and-deploy 4.6). Nothing runs in the background unless a test says so.

mod support;
#[path = "support/pushed.rs"]
mod pushed;

use std::sync::Arc;

use lentil_database::{Database, DatabaseOptions, SystemEnv};
use lentil_functions::deploy::Deployer;
use lentil_functions::{Functions, FunctionsOptions, Host};
use lentil_storage::MemoryPersistence;
use serde_json::{Value as Json, json};

use pushed::{DATA, finish, module, push_of, schema, wait};
use support::{App, host_options};

const WRITES: &str = r#"
export const patch = mutation(({ id, value }) => call("1.0/shallowMerge", { id, value }).then(() => null));
export const many = mutation(async ({ count }) => {
  for (let n = 0; n < count; n++) await call("1.0/insert", { table: "t", value: { a: `${n}` } });
  return null;
});
"#;

async fn quiet() -> App {
    let host = Host::start(host_options()).expect("Node is installed");
    let persistence = Arc::new(MemoryPersistence::new());
    let database = Database::open(persistence, DatabaseOptions::default(), Arc::new(SystemEnv));
    let functions = Functions::new(
        database.expect("memory opens"),
        host,
        FunctionsOptions::default(),
    );
    let deployer = Deployer::new(&functions);
    deployer.bootstrap().await.expect("system tables are made");
    App {
        functions,
        deployer,
    }
}

/// So many steps in the background, or all there are.
async fn background(app: &App, steps: usize) {
    let deployer = app.deployer.clone();
    let work = move || {
        for _ in 0..steps {
            if !deployer.background_step().expect("background work goes on") {
                return;
            }
        }
    };
    let done = tokio::task::spawn_blocking(work);
    done.await.expect("it does not panic");
}

/// A push of the table `t` whose field `a` has a type, and a staged one.
fn body(a: Json, staged: Option<Json>) -> Json {
    let object = |a: Json| json!({ "type": "object", "value": { "a": { "fieldType": a, "optional": false } } });
    let mut table = json!({ "tableName": "t", "indexes": [], "documentType": object(a) });
    if let Some(staged) = staged {
        table["stagedDocumentType"] = object(staged);
    }
    let modules = [module("m.js", &format!("{DATA}{WRITES}"))];
    push_of(&modules, Some(schema(json!([table]))))
}

fn any() -> Json {
    json!({ "type": "any" })
}

fn string() -> Json {
    json!({ "type": "string" })
}

/// Pushes without doing what can wait.
async fn push(app: &App, body: Json) {
    let started = app.deployer.start_push(body).await.expect("it starts");
    // One step judges the schema on trial.
    background(app, 1).await;
    assert_eq!(wait(&app.deployer, &started, 0).await["type"], "complete");
    finish(&app.deployer, &started).await.expect("it finishes");
}

/// What the CLI would be told about the table, and about what is discarded.
async fn evaluate(app: &App, body: Json) -> (Json, Json) {
    let said = app.deployer.evaluate_schema(body).await;
    let said = &said.expect("it answers")["componentSchemaEvaluations"][""];
    (
        said["tables"][0].clone(),
        said["discardedStagedValidators"].clone(),
    )
}

async fn insert(app: &App, a: Json) -> String {
    let args = json!({ "table": "t", "value": { "a": a } });
    let id = app.run("m:insert", args).await;
    id["_id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_staged_validator_is_promoted_without_a_scan() {
    let app = quiet().await;
    push(&app, body(any(), None)).await;
    for _ in 0..2 {
        app.run("m:many", json!({ "count": 1_000 })).await;
    }
    app.run("m:many", json!({ "count": 500 })).await;
    push(&app, body(any(), Some(string()))).await;

    let staged = body(any(), Some(string()));
    let pending =
        |done: u64| json!({ "state": "pending", "numDocsValidated": done, "totalDocs": 2_500 });
    let (table, discarded) = evaluate(&app, staged.clone()).await;
    assert_eq!((&table["staged"], &discarded), (&pending(0), &json!([])));
    background(&app, 1).await;
    assert_eq!(
        evaluate(&app, staged.clone()).await.0["staged"],
        pending(1_000)
    );
    // A push of the same goes on where it is.
    push(&app, staged.clone()).await;
    let (table, _) = evaluate(&app, staged.clone()).await;
    assert_eq!(
        table["staged"],
        pending(2_000),
        "the push's own step included"
    );
    let promoted = body(string(), None);
    let (table, discarded) = evaluate(&app, promoted.clone()).await;
    assert_eq!(
        (&table["outcome"], &discarded),
        (&json!("mustWalk"), &json!([]))
    );
    assert_eq!(table["canSkipAfterStagedValidation"], true);
    // Giving up, or staging something else, throws the work away.
    for (other, replaced) in [(body(any(), None), false), (body(any(), Some(any())), true)] {
        let thrown = json!([{ "tableName": "t", "state": pending(2_000), "replaced": replaced }]);
        assert_eq!(evaluate(&app, other).await.1, thrown);
    }

    background(&app, usize::MAX).await;
    let valid = json!({ "state": "valid" });
    assert_eq!(evaluate(&app, staged.clone()).await.0["staged"], valid);
    let id = insert(&app, json!("good")).await;
    app.run("m:patch", json!({ "id": id, "value": { "a": "better" } }))
        .await;
    assert_eq!(evaluate(&app, staged).await.0["staged"], valid);
    let (table, discarded) = evaluate(&app, promoted.clone()).await;
    assert_eq!(
        (&table["outcome"], &discarded),
        (&json!("supersetOfStagedValidated"), &json!([]))
    );
    push(&app, promoted.clone()).await;
    let args = json!({ "table": "t", "value": { "a": 5 } });
    let refused = app.run_fails("m:insert", args).await;
    assert!(
        refused.message.contains("does not match the schema"),
        "{}",
        refused.message
    );
    assert_eq!(evaluate(&app, promoted).await.0["staged"], Json::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn s059_what_violates_only_a_staged_validator_is_written_and_fails_it() {
    let staged = || body(any(), Some(string()));
    let failed = |app: Arc<App>| async move {
        let (table, discarded) = evaluate(&app, staged()).await;
        assert_eq!(discarded, json!([]));
        assert_eq!(table["staged"]["state"], "failed", "{table}");
        let error = table["staged"]["error"].as_str().expect("a text");
        error.to_owned()
    };
    // A document that was there.
    let app = Arc::new(quiet().await);
    push(&app, body(any(), None)).await;
    let bad = insert(&app, json!(5)).await;
    push(&app, staged()).await;
    background(&app, usize::MAX).await;
    let error = failed(app.clone()).await;
    let said =
        format!("Document with ID \"{bad}\" in table \"t\" does not match the staged validator: ");
    assert!(error.starts_with(&said), "{error}");
    // Mended, and pushed again, it is tried again.
    app.run("m:patch", json!({ "id": bad, "value": { "a": "x" } }))
        .await;
    push(&app, staged()).await;
    background(&app, usize::MAX).await;
    let (table, _) = evaluate(&app, staged()).await;
    assert_eq!(table["staged"], json!({ "state": "valid" }));
    // A document that comes, and one that changes.
    let id = insert(&app, json!(6)).await;
    let error = failed(app.clone()).await;
    assert!(
        error.starts_with("New document in table \"t\" does not match"),
        "{error}"
    );
    let mend = json!({ "id": id, "value": { "a": "y" } });
    app.run("m:patch", mend.clone()).await;
    push(&app, staged()).await;
    background(&app, usize::MAX).await;
    app.run("m:patch", json!({ "id": id, "value": { "a": 7 } }))
        .await;
    failed(app.clone()).await;
    // What has failed cannot be promoted without looking.
    let (table, _) = evaluate(&app, body(string(), None)).await;
    assert_eq!(table["outcome"], "mustWalk");
    let started = app.deployer.start_push(body(string(), None)).await;
    let started = started.expect("it starts");
    background(&app, usize::MAX).await;
    assert_eq!(wait(&app.deployer, &started, 0).await["type"], "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_staged_validator_must_be_one_of_documents() {
    let app = quiet().await;
    let mut wrong = body(any(), None);
    let tables = json!([{ "tableName": "t", "indexes": [], "documentType": null,
        "stagedDocumentType": { "type": "string" } }]);
    wrong["appDefinition"]["schema"] = schema(tables);
    let refused = app.deployer.start_push(wrong).await.expect_err("refused");
    assert_eq!(refused.status, 400);
    assert!(refused.message.contains("\"t\""), "{}", refused.message);
}
