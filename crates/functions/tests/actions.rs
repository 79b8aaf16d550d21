//! Actions: what they call, as whom, what of it stays, and what their callers and logs see.

mod support;

use std::sync::Arc;

use lentil_functions::{Call, FailureClass, Outcome};
use serde_json::{Value as Json, json};
use support::*;

async fn act(app: &App, call: Call) -> Outcome {
    app.functions.action(call).await
}

fn given(outcome: &Outcome) -> Json {
    let value = outcome.result.as_ref().expect("it works");
    serde_json::from_str(value).expect("values are JSON")
}

fn message(outcome: &Outcome) -> &str {
    &outcome.result.as_ref().expect_err("it fails").message
}

#[tokio::test(flavor = "multi_thread")]
async fn actions_run_internal_functions_each_in_a_transaction() {
    let app = App::start().await;
    let before = app.latest();
    let outcome = act(&app, call("acts:addAll", json!({ "numbers": [1, 2, 3] }))).await;
    assert_eq!(given(&outcome), json!({ "before": 0.0, "after": 6.0 }));
    assert_eq!(*outcome.log_lines, ["[LOG] 'begun'"]);
    assert!(app.latest() > before);
    let logs = app.logs();
    let of = |name: &str| {
        let found = logs.iter().filter(|entry| entry["identifier"] == name);
        found.collect::<Vec<_>>()
    };
    assert_eq!(of("acts:add").len(), 3);
    assert_eq!(of("acts:add")[0]["caller"], "Action");
    assert_eq!(of("acts:hidden")[0]["udfType"], "Action");
    // Its lines came first, then its end without them.
    let own = of("acts:addAll");
    assert_eq!(own.len(), 2);
    assert_eq!(own[0]["kind"], "Progress");
    assert_eq!(own[0]["logLines"][0]["messages"], json!(["'begun'"]));
    assert_eq!(own[1]["kind"], "Completion");
    assert_eq!(own[1]["logLines"], json!([]));
    for name in ["requestId", "executionId", "udfType"] {
        assert_eq!(own[0][name], own[1][name], "{name}");
    }
    assert_eq!(own[0]["requestId"], of("acts:add")[0]["requestId"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn outsiders_reach_no_internal_function_that_an_action_has_run() {
    let app = App::start().await;
    given(&act(&app, call("acts:addAll", json!({ "numbers": [1] }))).await);
    let failure = app.ask_fails("acts:total", json!({})).await;
    assert_eq!(
        failure.message,
        "Could not find public function for 'acts:total'."
    );
    let outcome = act(&app, call("acts:hidden", json!({}))).await;
    assert_eq!(
        message(&outcome),
        "Could not find public function for 'acts:hidden'."
    );
    let outcome = act(&app, call_as(admin(), "acts:hidden", json!({}))).await;
    assert_eq!(given(&outcome), json!(1.0));
    let outcome = act(&app, call_as(read_only_admin(), "acts:hidden", json!({}))).await;
    assert!(message(&outcome).starts_with("You do not have permission"));
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_of_callees_are_errors_with_their_text_and_data() {
    let app = App::start().await;
    let seen = given(&act(&app, call("acts:catches", json!({}))).await);
    let row = |at: usize| {
        (
            seen[at][0] == true,
            &seen[at][1],
            seen[at][2].as_str().expect("a text"),
        )
    };
    let (is_convex, data, _) = row(0);
    assert!(is_convex, "{seen}");
    assert_eq!(data["code"], 7.0);
    let (is_convex, data, text) = row(1);
    assert!(!is_convex && data.is_null());
    assert!(
        text.starts_with("Uncaught Error: inner boom\n    at handler (../convex/acts.ts:"),
        "{text}"
    );
    assert!(
        row(2).2.starts_with("ArgumentValidationError: "),
        "{}",
        row(2).2
    );
    assert_eq!(
        row(3).2,
        "Could not find public function for 'acts:nothing'."
    );
    assert!(
        row(4)
            .2
            .starts_with("Trying to execute acts:total as Mutation"),
        "{}",
        row(4).2
    );
    // What a failed mutation wrote is gone.
    assert_eq!(
        given(&act(&app, call_as(admin(), "acts:hidden", json!({}))).await),
        json!(0.0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn callees_have_the_callers_identity() {
    let app = App::start().await;
    let outcome = act(&app, call_as(user("ada"), "acts:who", json!({}))).await;
    assert_eq!(given(&outcome), json!(["ada", "ada"]));
    let outcome = act(&app, call("acts:who", json!({}))).await;
    assert_eq!(given(&outcome), json!([null, null]));
}

#[tokio::test(flavor = "multi_thread")]
async fn s082_an_unawaited_mutation_is_warned_of() {
    let app = App::start().await;
    let outcome = act(&app, call("acts:leaves", json!({}))).await;
    assert_eq!(given(&outcome), json!("left"));
    let line = &outcome.log_lines[0];
    assert!(
        line.starts_with("[WARN] 1 unawaited operation: [runMutation]. "),
        "{line}"
    );
    let logs = app.logs();
    let entry = logs
        .iter()
        .find(|entry| entry["identifier"] == "acts:leaves");
    let line = &entry.expect("it is logged")["logLines"][0];
    assert_eq!(line["systemMetadata"]["code"], "UnawaitedOperations");
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_and_results_are_checked() {
    let app = App::start().await;
    let outcome = act(&app, call("acts:addAll", json!({ "numbers": ["x"] }))).await;
    assert!(message(&outcome).starts_with("ArgumentValidationError: "));
    let outcome = act(&app, call("acts:wrongResult", json!({}))).await;
    assert!(message(&outcome).starts_with("ReturnsValidationError: "));
    let outcome = act(&app, call("acts:throws", json!({}))).await;
    let text = message(&outcome);
    assert!(
        text.starts_with("Uncaught Error: boom\n    at handler (../convex/acts.ts:"),
        "{text}"
    );
    let outcome = act(&app, call("acts:noDatabase", json!({}))).await;
    assert_eq!(
        given(&outcome),
        "Unknown async operation 1.0/get. Actions have no `ctx.db`: use ctx.runQuery and ctx.runMutation"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn any_kind_runs_actions_too() {
    let app = App::start().await;
    let outcome = app
        .functions
        .any(call_as(admin(), "acts:hidden", json!({})))
        .await;
    assert_eq!(given(&outcome), json!(0.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_actions_are_an_overload() {
    let mut options = host_options();
    options.actions.running = 1;
    options.actions.patience = std::time::Duration::from_millis(20);
    let app = Arc::new(App::start_with(options).await);
    // The action holds the only place while its own callee waits for one.
    let outcome = act(&app, call("acts:addAll", json!({ "numbers": [] }))).await;
    assert_eq!(
        outcome.result.as_ref().map_err(|failure| failure.class),
        Err(FailureClass::Developer)
    );
    assert!(
        message(&outcome).contains("Too many actions are running"),
        "{}",
        message(&outcome)
    );
}
