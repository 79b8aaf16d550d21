//! Scheduled functions: function-runtime 12, scenarios 29, 30, 39 and 61 to 65. Nothing here runs
//! by itself: each test runs what it wants when it wants.

mod support;

use lentil_catalog::{Author, JobState, ScheduledFunction, ScheduledId};
use lentil_database::Namespace;
use lentil_functions::{Ended, Place};
use lentil_values::DocumentId;
use serde_json::{Value as Json, json};
use support::{App, admin, call_as};

async fn schedule(app: &App, name: &str, args: Json) -> String {
    let id = app
        .run("later:schedule", json!({ "name": name, "args": args }))
        .await;
    id.as_str().expect("ids are texts").to_owned()
}

fn of_root(id: &str) -> ScheduledId {
    ScheduledId {
        namespace: Namespace::ROOT,
        id: id.parse().expect("it is an id"),
    }
}

async fn run(app: &App, id: &str) -> Ended {
    app.functions.run_scheduled(of_root(id)).await
}

async fn job(app: &App, id: &str) -> Json {
    app.ask("later:job", json!({ "id": id })).await
}

/// Marks an action as one that a server has begun.
async fn began(app: &App, id: &str) {
    let database = app.functions.database().clone();
    let id: DocumentId = id.parse().expect("it is an id");
    let mark = move || {
        let mut tx = database.begin();
        ScheduledFunction::set_state(&mut tx, Namespace::ROOT, id, &JobState::InProgress, 0.0)
            .expect("it is there");
        database.commit_blocking(tx).expect("it commits");
    };
    tokio::task::spawn_blocking(mark)
        .await
        .expect("it is marked");
}

async fn notes(app: &App) -> Json {
    app.ask("later:notes", json!({})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_mutation_runs_once_and_says_so() {
    let app = App::start().await;
    let id = schedule(&app, "note", json!({ "body": "a" })).await;
    let row = job(&app, &id).await;
    let mut names: Vec<&String> = row.as_object().expect("a document").keys().collect();
    names.sort();
    assert_eq!(
        names,
        [
            "_creationTime",
            "_id",
            "args",
            "name",
            "scheduledTime",
            "state"
        ]
    );
    assert_eq!(row["name"], "later.js:note");
    assert_eq!(row["args"], json!([{ "body": "a" }]));
    assert_eq!(row["state"], json!({ "kind": "pending" }));
    assert_eq!(notes(&app).await, json!([]));

    assert_eq!(run(&app, &id).await, Ended::Done);
    assert_eq!(run(&app, &id).await, Ended::Done);
    assert_eq!(notes(&app).await, json!(["a"]));
    let row = job(&app, &id).await;
    assert_eq!(row["state"], json!({ "kind": "success" }));
    assert!(
        row["completedTime"].as_f64() >= row["scheduledTime"].as_f64(),
        "{row}"
    );
    let logs = app.logs();
    let runs: Vec<&Json> = logs
        .iter()
        .filter(|entry| entry["identifier"] == "later:note")
        .collect();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0]["caller"], "Scheduler");
}

/// However many run it at once.
#[tokio::test(flavor = "multi_thread")]
async fn runners_of_one_function_do_not_double_it() {
    let app = App::start().await;
    let id = of_root(&schedule(&app, "note", json!({ "body": "a" })).await);
    let mut runs = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let functions = app.functions.clone();
        runs.spawn(async move { functions.run_scheduled(id).await });
    }
    while let Some(ended) = runs.join_next().await {
        assert_eq!(ended.expect("no run panics"), Ended::Done);
    }
    assert_eq!(notes(&app).await, json!(["a"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn s029_a_failed_mutation_schedules_nothing() {
    let app = App::start().await;
    app.run_fails("later:scheduleAndFail", json!({})).await;
    assert_eq!(app.ask("later:jobs", json!({})).await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn s030_a_failed_child_schedules_nothing() {
    let app = App::start().await;
    let id = app.run("later:surviveChild", json!({})).await;
    let jobs = app.ask("later:jobs", json!({})).await;
    assert_eq!(jobs.as_array().map(Vec::len), Some(1));
    assert_eq!(jobs[0]["_id"], id);
    assert_eq!(notes(&app).await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn s039_what_is_scheduled_is_counted() {
    let app = App::start().await;
    let seen = app.run("later:metrics", json!({})).await;
    assert_eq!(seen["before"], json!({ "used": 0.0, "remaining": 1000.0 }));
    // What the child took back stays counted; its ceiling is gone.
    assert_eq!(seen["after"], json!({ "used": 2.0, "remaining": 998.0 }));
    let refused = seen["refused"].as_str().unwrap_or_default();
    assert!(
        refused.contains("Too many functions scheduled by this mutation (limit: 2)"),
        "{refused}"
    );
    assert_eq!(app.ask("later:jobs", json!({})).await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn s061_a_mutation_that_throws_has_failed() {
    let app = App::start().await;
    let id = schedule(&app, "fail", json!({})).await;
    assert_eq!(run(&app, &id).await, Ended::Done);
    let state = job(&app, &id).await["state"].clone();
    assert_eq!(state["kind"], "failed");
    let error = state["error"].as_str().unwrap_or_default();
    assert!(
        error.starts_with("Uncaught Error: no luck\n    at ../convex/later.ts:"),
        "{error}"
    );
    assert_eq!(run(&app, &id).await, Ended::Done);
    assert_eq!(app.runs_of("later:fail"), 1);
    assert_eq!(notes(&app).await, json!([]));
}

/// Arguments are validated when the function runs.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_arguments_fail_the_run() {
    let app = App::start().await;
    let id = schedule(&app, "note", json!({ "body": 5 })).await;
    assert_eq!(run(&app, &id).await, Ended::Done);
    let state = job(&app, &id).await["state"].clone();
    let error = state["error"].as_str().unwrap_or_default();
    assert!(error.starts_with("ArgumentValidationError"), "{state}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s062_its_own_row_says_that_it_runs() {
    let app = App::start().await;
    let id = schedule(&app, "look", json!({})).await;
    run(&app, &id).await;
    let seen: Json =
        serde_json::from_str(notes(&app).await[0].as_str().expect("a note")).expect("JSON");
    assert_eq!(seen["state"], json!({ "kind": "inProgress" }));
    assert_eq!(job(&app, &id).await["state"]["kind"], "success");
}

#[tokio::test(flavor = "multi_thread")]
async fn s063_canceling() {
    let app = App::start().await;
    let id = schedule(&app, "note", json!({ "body": "a" })).await;
    app.run("later:cancel", json!({ "id": id })).await;
    let row = job(&app, &id).await;
    assert_eq!(row["state"], json!({ "kind": "canceled" }));
    assert!(row["completedTime"].is_number(), "{row}");
    assert_eq!(run(&app, &id).await, Ended::Done);
    assert_eq!(notes(&app).await, json!([]));
    app.run("later:cancel", json!({ "id": id })).await;

    let done = schedule(&app, "note", json!({ "body": "b" })).await;
    run(&app, &done).await;
    app.run("later:cancel", json!({ "id": done })).await;
    assert_eq!(job(&app, &done).await["state"]["kind"], "success");

    let foreign = app.insert("notes", &[json!({ "body": "c" })]).await;
    for id in [foreign[0].as_str(), "no id"] {
        let failure = app.run_fails("later:cancel", json!({ "id": id })).await;
        let shown = format!(
            "Invalid argument `id` for `scheduler.cancel`: \"{id}\" is not the ID of a document in the \
             \"_scheduled_functions\" table"
        );
        assert!(failure.message.contains(&shown), "{}", failure.message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mutation_cannot_cancel_itself() {
    let app = App::start().await;
    let id = schedule(&app, "cancelItself", json!({})).await;
    run(&app, &id).await;
    let state = job(&app, &id).await["state"].clone();
    let error = state["error"].as_str().unwrap_or_default();
    assert!(
        error.contains("A scheduled mutation cannot cancel itself"),
        "{state}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s064_no_identity_and_its_own_id_for_all_it_calls() {
    let app = App::start().await;
    let args = json!({ "name": "look", "args": {} });
    let done = app
        .mutate(call_as(support::user("u"), "later:schedule", args))
        .await;
    let id: String = serde_json::from_str(&done.outcome.result.expect("it works")).expect("an id");
    run(&app, &id).await;
    let seen: Json =
        serde_json::from_str(notes(&app).await[0].as_str().expect("a note")).expect("JSON");
    assert_eq!(seen["scheduledFunctionId"], json!(id));
    assert_eq!(seen["nested"], json!(id));
    assert_eq!(seen["identity"], Json::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn s065_what_cannot_be_scheduled_is_refused() {
    let app = App::start().await;
    for (args, says) in [
        (
            json!({ "name": "nothing", "args": {} }),
            "Could not find function for 'later:nothing'",
        ),
        (
            json!({ "name": "notes", "args": {} }),
            "only mutations and actions can be scheduled",
        ),
        (
            json!({ "name": "note", "args": {}, "at": 1e14 }),
            "InvalidScheduledFunctionDelay",
        ),
        (
            json!({ "name": "note", "args": {}, "at": 0.0 }),
            "in the past",
        ),
    ] {
        let failure = app.run_fails("later:schedule", args.clone()).await;
        assert!(
            failure.message.contains(says),
            "{args}: {}",
            failure.message
        );
    }
    let failure = app
        .run_fails("later:scheduleMany", json!({ "count": 1001 }))
        .await;
    let says = "Too many functions scheduled by this mutation (limit: 1000)";
    assert!(failure.message.contains(says), "{}", failure.message);
    assert!(
        failure.message.contains("TooManyFunctionsScheduled"),
        "{}",
        failure.message
    );
    let failure = app
        .run_fails(
            "later:scheduleMany",
            json!({ "count": 9, "bytes": 2 << 20 }),
        )
        .await;
    let says = "Too large total size of the arguments of scheduled functions from this mutation (limit: 16 MiB)";
    assert!(failure.message.contains(says), "{}", failure.message);
    let query = app.ask_fails("later:scheduleInQuery", json!({})).await;
    assert!(
        query
            .message
            .contains("Only mutations and actions can schedule"),
        "{}",
        query.message
    );
    assert_eq!(app.ask("later:jobs", json!({})).await, json!([]));
}

/// A row of a scheduled function is larger than a document may be.
#[tokio::test(flavor = "multi_thread")]
async fn large_arguments_arrive() {
    let app = App::start().await;
    let ids = app
        .run(
            "later:scheduleMany",
            json!({ "count": 1, "bytes": 3 << 19 }),
        )
        .await;
    let id = ids[0].as_str().expect("an id");
    run(&app, id).await;
    // The note itself is too large for a document, which the function is told.
    let state = job(&app, id).await["state"].clone();
    assert!(
        state["error"]
            .as_str()
            .is_some_and(|error| error.contains("1 MiB") || error.contains("too large")),
        "{state}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_see_a_function_run() {
    let app = App::start().await;
    let id = schedule(&app, "note", json!({ "body": "a" })).await;
    let pending = app
        .result(support::call("later:job", json!({ "id": id })))
        .await;
    assert!(pending.is_valid_at(app.latest()));
    run(&app, &id).await;
    assert!(!pending.is_valid_at(app.latest()));
}

/// The indexes by which the server finds what is due are its own.
#[tokio::test(flavor = "multi_thread")]
async fn functions_see_the_indexes_of_system_tables_that_are_public() {
    let app = App::start().await;
    schedule(&app, "note", json!({ "body": "a" })).await;
    for index in ["by_id", "by_creation_time"] {
        let rows = app.ask("later:jobsBy", json!({ "index": index })).await;
        assert_eq!(rows.as_array().map(Vec::len), Some(1), "{index}");
    }
    for index in ["by_state", "by_completed_time"] {
        let failure = app
            .ask_fails("later:jobsBy", json!({ "index": index }))
            .await;
        let says = format!("Index _scheduled_functions.{index} not found.");
        assert!(failure.message.contains(&says), "{}", failure.message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_see_scheduled_functions_as_a_table() {
    let app = App::start().await;
    schedule(&app, "note", json!({ "body": "a" })).await;
    let args = json!({
        "table": "_scheduled_functions",
        "order": "desc",
        "paginationOpts": { "cursor": null, "numItems": 10 },
    });
    let page = app
        .result(call_as(admin(), "_system/cli/tableData:default", args))
        .await;
    let page: Json =
        serde_json::from_str(page.outcome.result.as_ref().expect("a page")).expect("JSON");
    assert_eq!(page["page"][0]["name"], "later.js:note");
}

/// An action is begun at most once: one that an earlier process was in the middle of has failed.
#[tokio::test(flavor = "multi_thread")]
async fn s061_an_interrupted_action_has_failed() {
    let app = App::start().await;
    let id = schedule(&app, "act", json!({})).await;
    let waiting = schedule(&app, "note", json!({ "body": "a" })).await;
    began(&app, &id).await;
    assert_eq!(run(&app, &id).await, Ended::Done);
    assert_eq!(
        job(&app, &id).await["state"]["kind"],
        "inProgress",
        "it is not begun again"
    );
    app.functions.fail_interrupted().await.expect("it works");
    let state = job(&app, &id).await["state"].clone();
    assert_eq!(
        state,
        json!({ "kind": "failed", "error": "Transient error while executing action" })
    );
    assert_eq!(job(&app, &waiting).await["state"]["kind"], "pending");
}

/// What an action answers becomes its state; an internal one may run.
#[tokio::test(flavor = "multi_thread")]
async fn actions_end_in_a_state() {
    let app = App::start().await;
    for name in ["act", "actInternally"] {
        let id = schedule(&app, name, json!({})).await;
        assert_eq!(run(&app, &id).await, Ended::Done);
        let row = job(&app, &id).await;
        // Actions do not exist yet, which is an ordinary failure of theirs.
        assert_eq!(row["state"], json!({ "kind": "success" }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_push_has_removed_fails_when_it_is_due() {
    let app = App::start().await;
    let id = schedule(&app, "note", json!({ "body": "a" })).await;
    app.push(json!({ "appDefinition": { "changedModules": [] } }))
        .await;
    run(&app, &id).await;
    let app = App::push_again(app).await;
    let state = job(&app, &id).await["state"].clone();
    let error = state["error"].as_str().unwrap_or_default();
    assert!(
        error.starts_with("Could not find function for 'later:note'"),
        "{state}"
    );
}

/// As actions do it, each a commit of its own.
#[tokio::test(flavor = "multi_thread")]
async fn actions_schedule_and_cancel_in_commits_of_their_own() {
    let app = App::start().await;
    let functions = &app.functions;
    let args = |name: &str| {
        let now = functions.database().begin().now_ms() / 1e3;
        json!({ "name": name, "ts": now, "args": { "body": "a" }, "version": "1.48.0" }).to_string()
    };
    functions.agenda().take_earliest();
    let root = Place::root();
    let id = functions
        .schedule(&args("later:note"), &root, None)
        .await
        .expect("it is scheduled");
    assert!(
        functions.agenda().take_earliest().is_some(),
        "the runner is told"
    );
    let id: String = serde_json::from_str(&id).expect("a text");
    assert_eq!(job(&app, &id).await["state"]["kind"], "pending");
    let cancel = json!({ "id": id, "requestId": "" }).to_string();
    functions
        .cancel_scheduled(&cancel, &Place::root())
        .await
        .expect("it is canceled");
    assert_eq!(job(&app, &id).await["state"]["kind"], "canceled");
    functions
        .cancel_scheduled(&cancel, &Place::root())
        .await
        .expect("it is canceled");

    // What a canceled function goes on to schedule is canceled, too.
    let parent = of_root(&id);
    let child = functions
        .schedule(&args("later:note"), &root, Some(parent))
        .await;
    let child: String = serde_json::from_str(&child.expect("it is scheduled")).expect("a text");
    let row = job(&app, &child).await;
    assert_eq!(row["state"]["kind"], "canceled");
    assert!(row["completedTime"].is_number());

    let failure = functions
        .schedule(&args("later:nothing"), &root, None)
        .await;
    let failure = failure.expect_err("there is no such function");
    assert!(
        failure
            .message
            .contains("Could not find function for 'later:nothing'")
    );
    let foreign = json!({ "id": "nothing" }).to_string();
    let failure = functions
        .cancel_scheduled(&foreign, &Place::root())
        .await
        .expect_err("it is no id");
    assert!(
        failure.message.contains("_scheduled_functions"),
        "{}",
        failure.message
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_cancel_what_waits() {
    let app = App::start().await;
    let notes = app
        .run("later:scheduleMany", json!({ "count": 3, "after": 60_000 }))
        .await;
    let other = schedule(&app, "fail", json!({})).await;
    app.functions
        .cancel_all_scheduled(Author::System, Namespace::ROOT, Some("later:note"))
        .await
        .expect("they are canceled");
    for id in notes.as_array().expect("ids") {
        let id = id.as_str().expect("an id");
        assert_eq!(job(&app, id).await["state"]["kind"], "canceled");
    }
    assert_eq!(job(&app, &other).await["state"]["kind"], "pending");
    app.functions
        .cancel_all_scheduled(Author::System, Namespace::ROOT, None)
        .await
        .expect("it is canceled");
    assert_eq!(job(&app, &other).await["state"]["kind"], "canceled");
}

#[tokio::test(flavor = "multi_thread")]
async fn s063_canceling_an_action_that_runs() {
    let app = App::start().await;
    let id = schedule(&app, "act", json!({})).await;
    began(&app, &id).await;
    app.run("later:cancel", json!({ "id": id })).await;
    assert_eq!(job(&app, &id).await["state"], json!({ "kind": "canceled" }));
    app.functions.fail_interrupted().await.expect("it works");
    assert_eq!(job(&app, &id).await["state"], json!({ "kind": "canceled" }));
}

/// Whichever commits first wins, and the other one notices.
#[tokio::test(flavor = "multi_thread")]
async fn s063_canceling_a_mutation_while_it_runs() {
    let app = App::start().await;
    for n in 0..20 {
        let body = format!("run {n}");
        let id = schedule(&app, "note", json!({ "body": body })).await;
        let args = json!({ "id": id });
        let (_, ended) = tokio::join!(app.run("later:cancel", args), run(&app, &id));
        assert_eq!(ended, Ended::Done);
        let state = job(&app, &id).await["state"]["kind"].clone();
        let notes = notes(&app).await;
        let noted = notes
            .as_array()
            .is_some_and(|notes| notes.contains(&json!(body)));
        assert_eq!(state, if noted { "success" } else { "canceled" });
    }
}

/// What the server cannot do now waits, and nothing of it has happened.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_run_now_is_tried_again() {
    let app = App::start().await;
    let id = schedule(&app, "note", json!({ "body": "a" })).await;
    let action = schedule(&app, "act", json!({})).await;
    let database = app.functions.database().clone();
    let stopped = tokio::task::spawn_blocking(move || database.shutdown());
    stopped.await.expect("it stops");
    for id in [&id, &action] {
        assert_eq!(run(&app, id).await, Ended::TryAgain);
        assert_eq!(job(&app, id).await["state"]["kind"], "pending");
    }
    assert_eq!(notes(&app).await, json!([]));
}
