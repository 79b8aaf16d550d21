//! What dashboards ask of the time to come, and running again what has failed (dashboard F51).

mod support;

use lentil_catalog::ScheduledId;
use lentil_database::Namespace;
use lentil_functions::{Ended, FunctionFailure};
use serde_json::{Value as Json, json};
use support::{App, admin, call_as, read_only_admin};

const MINUTE_MS: f64 = 60_000.0;

async fn schedule(app: &App, name: &str, at: f64) -> String {
    let args = json!({ "name": name, "args": { "body": "again" }, "at": at });
    let id = app.run("later:schedule", args).await;
    id.as_str().expect("ids are texts").to_owned()
}

async fn run(app: &App, id: &str) -> Ended {
    let id = id.parse().expect("it is an id");
    let namespace = Namespace::ROOT;
    app.functions
        .run_scheduled(ScheduledId { namespace, id })
        .await
}

async fn ask(app: &App, name: &str, args: Json) -> Result<Json, FunctionFailure> {
    let path = format!("_system/frontend/scheduler:{name}");
    let answer = app.result(call_as(admin(), &path, args)).await;
    let text = answer.outcome.result.clone()?;
    Ok(serde_json::from_str(&text).expect("JSON"))
}

async fn failed(app: &App) -> Json {
    let args = json!({ "paginationOpts": { "cursor": null, "numItems": 10 } });
    ask(app, "failed", args).await.expect("a page")["page"].clone()
}

async fn retry(app: &App, id: &str) -> Result<Json, FunctionFailure> {
    let path = "_system/frontend/scheduler:retry";
    let done = app
        .mutate(call_as(admin(), path, json!({ "id": id })))
        .await;
    let text = done.outcome.result?;
    Ok(serde_json::from_str(&text).expect("JSON"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_scheduled_is_counted_by_spans() {
    let app = App::start().await;
    let now = app.functions.database().begin().now_ms();
    for minutes in [-2.0, 0.5, 0.7, 2.0, 90.0] {
        schedule(&app, "note", now + minutes * MINUTE_MS).await;
    }
    let edges: Vec<f64> = (0..4).map(|n| now + f64::from(n) * MINUTE_MS).collect();
    let coming = ask(&app, "coming", json!({ "edges": edges })).await;
    assert_eq!(
        coming.expect("counts"),
        json!({ "overdue": 1.0, "scheduled": [2.0, 0.0, 1.0], "crons": [0.0, 0.0, 0.0] })
    );
    for edges in [
        json!([now]),
        json!([now, now]),
        json!("soon"),
        json!([2, 1]),
    ] {
        let refused = ask(&app, "coming", json!({ "edges": edges })).await;
        let failure = refused.expect_err("no spans");
        assert!(failure.message.contains("edges"), "{}", failure.message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_runs_again_with_its_arguments() {
    let app = App::start().await;
    let now = app.functions.database().begin().now_ms();
    let id = schedule(&app, "fail", now).await;
    assert_eq!(run(&app, &id).await, Ended::Done);
    let rows = failed(&app).await;
    assert_eq!(rows[0]["_id"], id);
    assert_eq!(rows[0]["udfPath"], "later.js:fail");
    assert!(rows[0]["error"].is_string(), "{rows}");
    assert_eq!(rows.as_array().map(Vec::len), Some(1));

    app.functions.agenda().take_earliest();
    let new = retry(&app, &id).await.expect("it is scheduled");
    let new = new.as_str().expect("an id");
    assert_ne!(new, id);
    assert!(
        app.functions.agenda().take_earliest().is_some(),
        "the runner is told"
    );
    let job = app.ask("later:job", json!({ "id": new })).await;
    assert_eq!(job["state"], json!({ "kind": "pending" }));
    assert_eq!(job["args"], json!([{ "body": "again" }]));
    assert!(job["scheduledTime"].as_f64() >= Some(now), "{job}");
    let old = app.ask("later:job", json!({ "id": id })).await;
    assert_eq!(old["state"]["kind"], "failed");

    let options = json!({ "cursor": null, "numItems": 1 });
    let args = json!({ "paginationOpts": options, "filters": { "minDate": 0 } });
    let path = "_system/frontend/paginatedDeploymentEvents:default";
    let events = app.result(call_as(admin(), path, args)).await;
    let events = events.outcome.result.clone().expect("a page");
    let events: Json = serde_json::from_str(&events).expect("JSON");
    let event = &events["page"][0];
    assert_eq!(event["action"], "retry_scheduled_function");
    let metadata = json!({ "id": id, "new_id": new, "udf_path": "later.js:fail" });
    assert_eq!(event["metadata"], metadata);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_failed_runs_again() {
    let app = App::start().await;
    let now = app.functions.database().begin().now_ms();
    let waiting = schedule(&app, "note", now + MINUTE_MS).await;
    let failure = retry(&app, &waiting).await.expect_err("it waits");
    assert!(
        failure.message.contains("has not failed"),
        "{}",
        failure.message
    );
    assert!(retry(&app, "nothing").await.is_err());

    let id = schedule(&app, "fail", now).await;
    run(&app, &id).await;
    let path = "_system/frontend/scheduler:retry";
    let args = json!({ "id": id });
    let refused = app.mutate(call_as(read_only_admin(), path, args)).await;
    let failure = refused.outcome.result.expect_err("a key that only reads");
    assert!(
        failure.message.contains("do not have permission"),
        "{}",
        failure.message
    );
    app.push(json!({ "appDefinition": { "changedModules": [] } }))
        .await;
    let failure = retry(&app, &id).await.expect_err("it was removed");
    assert!(
        failure.message.contains("There is no function"),
        "{}",
        failure.message
    );
}
