//! Mutations, conflicts and nesting: function-runtime 12, scenarios 28 to 41, and a client's numbered requests.

mod support;

use std::sync::Arc;
use std::time::Duration;

use lentil_functions::{FailureClass, HostOptions, SessionRequest};
use serde_json::{Value as Json, json};
use support::{App, call, host_options};

async fn numbers(app: &App) -> Json {
    app.ask("nested:numbers", json!({})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn s028_two_writers_of_one_row() {
    let app = Arc::new(App::start().await);
    contend(&app, 2, 50).await;
}

/// Nobody is ever told of a conflict, and nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_writers_of_one_row() {
    let app = Arc::new(App::start().await);
    contend(&app, 64, 4).await;
}

async fn contend(app: &Arc<App>, writers: usize, each: usize) {
    let id = app.run("misc:createCounter", json!({})).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..writers {
        let (app, args) = (app.clone(), json!({ "id": id }));
        tasks.spawn(async move {
            for _ in 0..each {
                app.run("misc:increment", args.clone()).await;
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no increment fails");
    }
    let counter = app.ask("data:get", json!({ "id": id })).await;
    assert_eq!(counter["value"], json!((writers * each) as f64));
    let entries = app
        .logs()
        .into_iter()
        .filter(|entry| entry["identifier"] == "misc:increment")
        .count();
    assert_eq!(
        entries,
        writers * each,
        "only the last attempt of each is logged"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s029_a_failed_mutation_leaves_nothing() {
    let app = App::start().await;
    let before = app.latest();
    let failure = app.run_fails("misc:insertThenFail", json!({})).await;
    assert!(
        failure
            .message
            .starts_with("Uncaught Error: after all\n    at handler (../convex/misc.ts:"),
        "{}",
        failure.message
    );
    assert_eq!(numbers(&app).await, json!([]));
    assert_eq!(app.latest(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn s030_a_failed_child_is_undone_alone() {
    let app = App::start().await;
    let message = app.run("nested:surviveChild", json!({})).await;
    assert!(
        message
            .as_str()
            .is_some_and(|message| message.contains("child failed")),
        "{message}"
    );
    assert_eq!(numbers(&app).await, json!([2.0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn s031_data_of_a_child_s_error() {
    let app = App::start().await;
    assert_eq!(
        app.run("nested:catchData", json!({})).await,
        json!([true, 7.0])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s032_arguments_and_results_of_children() {
    let app = App::start().await;
    assert_eq!(
        app.run("nested:callWithWrong", json!({ "n": 4 })).await,
        json!(4.0)
    );
    let message = app.run("nested:callWithWrong", json!({ "n": "x" })).await;
    assert!(
        message
            .as_str()
            .is_some_and(|text| text.starts_with("ArgumentValidationError: ")),
        "{message}"
    );
    let message = app.run("nested:callWithWrong", json!({ "n": 13 })).await;
    assert!(
        message
            .as_str()
            .is_some_and(|text| text.starts_with("ReturnsValidationError: ")),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s033_queries_cannot_run_mutations() {
    let app = App::start().await;
    app.ask_fails("nested:queryRunsMutation", json!({})).await;
    let failure = app
        .ask_fails("nested:queryReachesMutation", json!({}))
        .await;
    assert!(
        failure
            .message
            .contains("Cannot call a Mutation function from a Query function"),
        "{}",
        failure.message
    );
    let raw =
        json!({ "op": "1.0/insert", "args": { "table": "loose", "value": {} }, "sync": false });
    let answer = app.ask("misc:rawInQuery", raw).await;
    assert!(
        answer
            .as_str()
            .is_some_and(|text| text.starts_with("Only mutations can write")),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s034_a_stale_snapshot_sees_nothing_pending_and_conflicts_with_nothing() {
    let app = Arc::new(App::start().await);
    app.insert("numbers", &[json!({ "n": 1 })]).await;
    assert_eq!(
        app.run("nested:stale", json!({ "add": 2 })).await,
        json!(1.0)
    );
    assert_eq!(
        app.run("nested:fresh", json!({ "add": 3 })).await,
        json!(3.0)
    );
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..16 {
        let app = app.clone();
        tasks.spawn(async move { app.run("nested:stale", json!({ "add": n })).await });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("it works");
    }
    let retried =
        |entry: &Json| entry["identifier"] == "nested:stale" && !entry["occInfo"].is_null();
    assert_eq!(app.logs().iter().filter(|entry| retried(entry)).count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn s035_the_depth_of_calls() {
    let app = App::start().await;
    assert_eq!(
        app.run("nested:deeper", json!({ "levels": 8 })).await,
        json!(8.0)
    );
    let failure = app.run_fails("nested:deeper", json!({ "levels": 9 })).await;
    assert!(
        failure.message.contains("MaximumCallDepthExceeded"),
        "{}",
        failure.message
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s036_writes_that_nobody_awaits() {
    let app = App::start().await;
    app.run("nested:unawaited", json!({ "n": 5 })).await;
    assert_eq!(numbers(&app).await, json!([5.0]));
    let failure = app
        .run_fails("nested:unawaited", json!({ "n": "no number" }))
        .await;
    assert!(
        failure.message.contains("does not match the schema"),
        "{}",
        failure.message
    );
    assert_eq!(numbers(&app).await, json!([5.0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn s037_promises_that_never_resolve() {
    let app = App::start().await;
    let failure = app.run_fails("nested:never", json!({})).await;
    assert!(
        failure
            .message
            .contains("Returned promise will never resolve"),
        "{}",
        failure.message
    );
    assert_eq!(app.run("nested:race", json!({})).await, json!("done"));
}

#[tokio::test(flavor = "multi_thread")]
async fn s039_metrics_and_limits_of_a_call() {
    let app = App::start().await;
    app.insert("numbers", &[json!({ "n": 1 })]).await;
    let metrics = app.ask("nested:metrics", json!({})).await;
    let number = |at: usize, name: &str| metrics[at][name].as_f64().expect("a number");
    assert_eq!(
        number(0, "used"),
        0.0,
        "what the server reads is not the function's"
    );
    assert_eq!(number(1, "used"), 3.0);
    for at in 0..2 {
        assert_eq!(number(at, "used") + number(at, "remaining"), 4096.0);
    }
    let message = app.run("nested:limited", json!({})).await;
    assert!(
        message
            .as_str()
            .is_some_and(|text| text.contains("Too many writes")),
        "{message}"
    );
    assert_eq!(numbers(&app).await, json!([1.0, 3.0, 4.0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn s040_a_loop_without_end() {
    let app = App::start_with(HostOptions {
        user_time: Duration::from_secs(1),
        ..host_options()
    })
    .await;
    let failure = app.run_fails("misc:loop", json!({})).await;
    assert_eq!(failure.class, FailureClass::Developer);
    assert!(
        failure.message.contains("timed out (maximum duration: 1s)"),
        "{}",
        failure.message
    );
    let failure = app.run_fails("misc:loopInside", json!({})).await;
    assert_eq!(
        failure.class,
        FailureClass::Developer,
        "{}",
        failure.message
    );
    assert!(
        failure.message.contains("timed out (maximum duration: 1s)"),
        "{}",
        failure.message
    );
    assert_eq!(numbers(&app).await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn s041_one_clock_for_a_mutation() {
    let app = App::start().await;
    let clocks = app.run("nested:clocks", json!({})).await;
    assert!(clocks[0].as_f64().is_some_and(|now| now > 1.7e12));
    assert_eq!((&clocks[0], &clocks[0]), (&clocks[1], &clocks[2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_nested_calls_stand_in_between() {
    let app = App::start().await;
    let done = app.mutate(call("nested:logs", json!({}))).await;
    let lines = &done.outcome.log_lines;
    assert_eq!(
        (lines.len(), &*lines[0], &*lines[1]),
        (3, "[LOG] 'before'", "[LOG] 'inside'")
    );
    assert!(lines[2].starts_with("[WARN] 'after' {"), "{}", lines[2]);
    let entry = app
        .logs()
        .into_iter()
        .find(|entry| entry["identifier"] == "nested:logs")
        .expect("logged");
    assert_eq!(entry["logLines"][1]["udfPath"], "nested:logging");
    assert_eq!(
        (&entry["udfType"], &entry["error"]),
        (&json!("Mutation"), &Json::Null)
    );
}

fn request(request_id: u32) -> SessionRequest {
    SessionRequest {
        session_id: uuid::Uuid::from_u128(7),
        request_id,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_numbered_mutation_runs_once() {
    let app = App::start().await;
    let id = app.run("misc:createCounter", json!({})).await;
    let increment = || call("misc:increment", json!({ "id": id }));
    let first = app.mutate_once(increment(), request(1)).await;
    app.insert("loose", &[json!({})]).await;
    let again = app.mutate_once(increment(), request(1)).await;
    assert_eq!(
        first, again,
        "the result, the lines and the timestamp of the first time"
    );
    let second = app.mutate_once(increment(), request(2)).await;
    assert_eq!(second.outcome.result.as_deref(), Ok("2.0"));
    assert!(second.ts > first.ts);
    // Failures leave no record.
    let failing = || call("misc:insertThenFail", json!({}));
    assert!(
        app.mutate_once(failing(), request(3))
            .await
            .outcome
            .result
            .is_err()
    );
    let third = app.mutate_once(increment(), request(3)).await;
    assert_eq!(third.outcome.result.as_deref(), Ok("3.0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn numbered_mutations_that_ran_before_a_restart_do_not_run_again() {
    let app = App::start().await;
    let id = app.run("misc:createCounter", json!({})).await;
    let increment = || call("misc:increment", json!({ "id": id }));
    // Others lie on both sides of the session's own.
    for session_id in [6, 8].map(uuid::Uuid::from_u128) {
        let other = SessionRequest {
            session_id,
            request_id: 90,
        };
        app.mutate_once(call("misc:createCounter", json!({})), other)
            .await;
    }
    let mut before = Vec::new();
    for number in [3, 255, 256, 70_000] {
        before.push(app.mutate_once(increment(), request(number)).await);
    }
    let app = app.reopened().await;
    // The client sends what it has no answer for, in order, and goes on.
    for (number, known) in [255, 256, 70_000].into_iter().zip(&before[1..]) {
        assert_eq!(&app.mutate_once(increment(), request(number)).await, known);
    }
    let next = app.mutate_once(increment(), request(70_001)).await;
    assert_eq!(next.outcome.result.as_deref(), Ok("5.0"));
    let again = app.mutate_once(increment(), request(70_001)).await;
    assert_eq!(again, next);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_attempts_of_a_numbered_mutation_do_not_both_commit() {
    let app = Arc::new(App::start().await);
    let id = app.run("misc:createCounter", json!({})).await;
    for round in 0..10 {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (app, call) = (app.clone(), call("misc:increment", json!({ "id": id })));
            tasks.spawn(async move { app.mutate_once(call, request(round)).await });
        }
        let done = tasks.join_all().await;
        assert!(done.iter().all(|other| *other == done[0]), "{done:?}");
    }
    assert_eq!(
        app.ask("data:get", json!({ "id": id })).await["value"],
        json!(10.0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_result_is_remembered_whole() {
    // 8 MB on a busy machine take longer than a function has by default.
    let app = App::start_with(HostOptions {
        user_time: Duration::from_secs(600),
        ..host_options()
    })
    .await;
    let large = || call("misc:large", json!({ "bytes": 6_000_000 }));
    let first = app.mutate_once(large(), request(1)).await;
    assert_eq!(
        first.outcome.result.as_ref().map(|value| value.len()),
        Ok(8_000_002)
    );
    let again = app.mutate_once(large(), request(1)).await;
    assert_eq!(first, again);
    assert_eq!(*again.outcome.log_lines, ["[LOG] 'made it'"]);
}

/// A mutation that reads everything ends although others never stop writing what it reads.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_mutation_is_not_starved() {
    let app = Arc::new(App::start().await);
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (app, stop) = (app.clone(), stop.clone());
        writers.spawn(async move {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                app.insert("numbers", &[json!({ "n": 1 })]).await;
            }
        });
    }
    for _ in 0..5 {
        let counted = app.run("nested:fresh", json!({ "add": 7 })).await;
        assert!(counted.as_f64().is_some_and(|count| count >= 1.0));
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    while let Some(ended) = writers.join_next().await {
        ended.expect("the writers work too");
    }
}
