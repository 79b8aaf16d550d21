//! Cron jobs: what a push makes of them, and what a run does (function-runtime 12, scenarios 66 and
//! 67). Nothing here runs by itself: each test runs what it wants when it wants.

mod support;
#[path = "support/pushed.rs"]
mod pushed;

use lentil_database::Namespace;
use lentil_functions::{CronId, Ended};
use pushed::{module, plain_module, push, push_of, refused};
use serde_json::{Value as Json, json};
use support::{App, admin, call_as, host_options};

const TARGETS: &str = r#"
export const tick = mutation(({ body }) => call("1.0/insert", { table: "ticks", value: { body } }), { internal: true });
export const fail = mutation(() => { throw new Error("no luck"); });
export const act = made("isAction", "invokeAction", () => "acted");
export const count = query(() => call("1.0/count", { table: "ticks" }));
"#;

async fn empty() -> App {
    App::empty(host_options()).await
}

/// A push of jobs as `crons.ts` exports them.
fn with_jobs(jobs: &Json) -> Json {
    let text = json!(jobs.to_string());
    let crons = format!("export default {{ isCrons: true, export: () => {text} }};");
    push_of(
        &[plain_module("crons.js", &crons), module("m.js", TARGETS)],
        None,
    )
}

fn job(name: &str, schedule: Json) -> Json {
    json!({ "name": name, "args": [{ "body": "x" }], "schedule": schedule })
}

fn every(seconds: u64) -> Json {
    json!({ "type": "interval", "seconds": seconds })
}

fn cron(name: &str) -> CronId {
    CronId {
        namespace: Namespace::ROOT,
        name: name.into(),
    }
}

async fn waiting(app: &App) -> Vec<(String, f64)> {
    let functions = app.functions.clone();
    let waiting = tokio::task::spawn_blocking(move || functions.waiting_crons()).await;
    let waiting = waiting.expect("no panic").expect("they can be read");
    waiting
        .into_iter()
        .map(|(cron, at)| (cron.name.to_string(), at))
        .collect()
}

async fn ticks(app: &App) -> f64 {
    app.ask("m:count", json!({}))
        .await
        .as_f64()
        .expect("a number")
}

async fn ask_system(app: &App, path: &str) -> Json {
    let result = app.result(call_as(admin(), path, json!({}))).await;
    serde_json::from_str(result.outcome.result.as_ref().expect("it works")).expect("JSON")
}

fn now_ms(app: &App) -> f64 {
    app.functions.database().begin().now_ms()
}

#[tokio::test(flavor = "multi_thread")]
async fn s066_an_interval_is_due_at_once_and_unchanged_jobs_keep_their_time() {
    let app = empty().await;
    let before = now_ms(&app);
    let jobs = json!({ "a": job("m:tick", every(3600)), "b": job("m:tick", every(3600)) });
    let (_, finished) = push(&app, with_jobs(&jobs)).await;
    let diff = |finished: &Json| finished["componentDiffs"][""]["cronDiff"].clone();
    assert_eq!(
        diff(&finished),
        json!({ "added": ["a", "b"], "updated": [], "deleted": [] })
    );
    let first = waiting(&app).await;
    assert_eq!(first.len(), 2);
    for (_, at) in &first {
        assert!((before..=now_ms(&app)).contains(at), "{at}");
    }
    // One has run, so that its time is told from that of a job that is new.
    assert_eq!(
        app.functions.run_cron(cron("a"), first[0].1).await,
        Ended::Done
    );
    let ran = waiting(&app).await;
    assert_eq!(ran[0].1, first[0].1 + 3_600_000.0);
    assert_eq!(ran[1], first[1]);

    // The same in other units is no change.
    let hours = json!({ "type": "interval", "hours": 1 });
    let jobs = json!({ "a": job("m:tick", hours), "c": job("m:fail", every(5)) });
    let (_, finished) = push(&app, with_jobs(&jobs)).await;
    assert_eq!(
        diff(&finished),
        json!({ "added": ["c"], "updated": [], "deleted": ["b"] })
    );
    assert_eq!(waiting(&app).await[0], ran[0]);

    let jobs = json!({ "a": job("m:tick", every(7)), "c": job("m:fail", every(5)) });
    let (_, finished) = push(&app, with_jobs(&jobs)).await;
    assert_eq!(
        diff(&finished),
        json!({ "added": [], "updated": ["a"], "deleted": [] })
    );
    assert!(waiting(&app).await[0].1 <= now_ms(&app));

    let (_, finished) = push(&app, push_of(&[module("m.js", TARGETS)], None)).await;
    assert_eq!(
        diff(&finished),
        json!({ "added": [], "updated": [], "deleted": ["a", "c"] })
    );
    assert_eq!(waiting(&app).await, []);
    assert_eq!(
        ask_system(&app, "_system/frontend/listCronJobRuns").await,
        json!([])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_one_however_many_try() {
    let app = empty().await;
    push(&app, with_jobs(&json!({ "a": job("m:tick", every(3600)) }))).await;
    let due = waiting(&app).await[0].1;
    let mut runs = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let functions = app.functions.clone();
        runs.spawn(async move { functions.run_cron(cron("a"), due).await });
    }
    while let Some(ended) = runs.join_next().await {
        assert_eq!(ended.expect("no run panics"), Ended::Done);
    }
    assert_eq!(ticks(&app).await, 1.0);
    assert_eq!(app.functions.run_cron(cron("a"), due).await, Ended::Done);
    assert_eq!(
        app.functions.run_cron(cron("nobody"), due).await,
        Ended::Done
    );
    assert_eq!(ticks(&app).await, 1.0);
    assert_eq!(app.runs_of("m:tick"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_and_the_last_five_kept() {
    let app = empty().await;
    let jobs = json!({ "bad": job("m:fail", every(3600)), "good": job("m:tick", every(3600)) });
    push(&app, with_jobs(&jobs)).await;
    for _ in 0..7 {
        for (name, due) in waiting(&app).await {
            assert_eq!(app.functions.run_cron(cron(&name), due).await, Ended::Done);
        }
    }
    assert_eq!(ticks(&app).await, 7.0);
    let runs = ask_system(&app, "_system/frontend/listCronJobRuns").await;
    let runs = runs.as_array().expect("a list");
    for name in ["bad", "good"] {
        let of: Vec<&Json> = runs.iter().filter(|run| run["name"] == name).collect();
        assert_eq!(of.len(), 5, "{name}");
        let times: Vec<f64> = of.iter().filter_map(|run| run["ts"].as_f64()).collect();
        assert!(times.is_sorted_by(|a, b| a > b), "newest first: {times:?}");
    }
    let status = |name: &str| {
        let run = runs.iter().find(|run| run["name"] == name).expect("it ran");
        run["status"].clone()
    };
    assert_eq!(status("good")["type"], "success");
    assert_eq!(status("bad")["type"], "err");
    let error = status("bad")["error"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(error.starts_with("Uncaught Error: no luck"), "{error}");

    let due = waiting(&app).await;
    let jobs = ask_system(&app, "_system/frontend/listCronJobs").await;
    assert_eq!(jobs[0]["name"], "bad");
    assert_eq!(jobs[0]["lastRun"]["status"]["type"], "err");
    assert_eq!(jobs[1]["cronSpec"]["udfPath"], "m.js:tick");
    assert_eq!(
        jobs[1]["cronSpec"]["cronSchedule"],
        json!({ "type": "interval", "seconds": 3600.0 })
    );
    assert_eq!(jobs[1]["nextRun"]["nextTs"], json!(due[1].1));
}

/// The server was down, or a run took longer than the time between two.
#[tokio::test(flavor = "multi_thread")]
async fn s066_missed_runs_are_skipped_and_said() {
    let app = empty().await;
    push(&app, with_jobs(&json!({ "a": job("m:tick", every(10)) }))).await;
    set_back(&app, 35_000.0).await;
    let due = waiting(&app).await[0].1;
    assert_eq!(app.functions.run_cron(cron("a"), due).await, Ended::Done);
    assert_eq!(ticks(&app).await, 1.0);
    let next = waiting(&app).await[0].1;
    assert_eq!(next, due + 40_000.0, "the cadence is kept");
    let runs = ask_system(&app, "_system/frontend/listCronJobRuns").await;
    assert_eq!(
        runs[0]["status"],
        json!({ "type": "canceled", "num_canceled": 3.0 })
    );
    assert_eq!(
        runs[0]["logLines"]["logLines"],
        json!(["[WARN] Skipped 3 runs"])
    );
    assert_eq!(runs[1]["status"]["type"], "success");
}

/// Moves the next run of every job into the past.
async fn set_back(app: &App, ms: f64) {
    change_jobs(app, move |job| job.next_ms -= ms).await;
}

async fn change_jobs(app: &App, change: impl Fn(&mut lentil_catalog::CronJob) + Send + 'static) {
    let database = app.functions.database().clone();
    let changed = move || {
        let mut tx = database.begin();
        for mut job in
            lentil_catalog::CronJob::all(&mut tx, Namespace::ROOT).expect("they can be read")
        {
            change(&mut job);
            job.save(&mut tx, Namespace::ROOT)
                .expect("it can be written");
        }
        database.commit_blocking(tx).expect("it commits");
    };
    tokio::task::spawn_blocking(changed)
        .await
        .expect("it is written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_set_back_does_not_stop_intervals() {
    let app = empty().await;
    let daily = json!({ "type": "daily", "hourUTC": 5, "minuteUTC": 0 });
    let jobs = json!({ "a": job("m:tick", every(10)), "d": job("m:tick", daily) });
    push(&app, with_jobs(&jobs)).await;
    let before = waiting(&app).await;
    // What it looks like after the clock has gone back an hour.
    set_back(&app, -3_600_000.0).await;
    let after = waiting(&app).await;
    assert!(after[0].1 <= now_ms(&app) + 10_000.0, "{after:?}");
    // A time of the day is a time of the day.
    assert_eq!(after[1].1, before[1].1 + 3_600_000.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_was_interrupted_has_failed_and_comes_round_again() {
    let app = empty().await;
    push(&app, with_jobs(&json!({ "a": job("m:tick", every(10)) }))).await;
    let due = waiting(&app).await[0].1;
    change_jobs(&app, |job| job.running = true).await;
    assert_eq!(waiting(&app).await, [], "one run at a time");
    assert_eq!(app.functions.run_cron(cron("a"), due).await, Ended::Done);
    assert_eq!(ticks(&app).await, 0.0);
    app.functions.fail_interrupted().await.expect("it works");
    assert_eq!(waiting(&app).await, [("a".to_owned(), due + 10_000.0)]);
    let runs = ask_system(&app, "_system/frontend/listCronJobRuns").await;
    assert_eq!(
        runs[0]["status"],
        json!({ "type": "err", "error": "Transient error while executing action" })
    );
}

/// Actions do not run yet, which is an ordinary failure of theirs; they do not stop either.
#[tokio::test(flavor = "multi_thread")]
async fn an_action_runs_once_a_time() {
    let app = empty().await;
    push(&app, with_jobs(&json!({ "a": job("m:act", every(10)) }))).await;
    let due = waiting(&app).await[0].1;
    for _ in 0..2 {
        assert_eq!(app.functions.run_cron(cron("a"), due).await, Ended::Done);
    }
    assert_eq!(waiting(&app).await, [("a".to_owned(), due + 10_000.0)]);
    let runs = ask_system(&app, "_system/frontend/listCronJobRuns").await;
    assert_eq!(runs.as_array().map(Vec::len), Some(1));
    assert_eq!(runs[0]["ts"], json!(due));
    assert_ne!(runs[0]["status"]["type"], "canceled");
}

#[tokio::test(flavor = "multi_thread")]
async fn s067_what_is_no_cron_job_is_refused_at_the_push() {
    let app = empty().await;
    for (jobs, says) in [
        (
            json!({ "bad day": job("m:tick", json!({ "type": "cron", "cron": "* * * * 7" })) }),
            "the job \"bad day\": cron expression \"* * * * 7\"",
        ),
        (
            json!({ "a": job("m:nothing", every(5)) }),
            "the job \"a\" runs m:nothing, but m.js has no function \"nothing\"",
        ),
        (json!({ "a": job("m:count", every(5)) }), "which is a query"),
        (
            json!({ "a": job("m:tick", every(0)) }),
            "positive whole number",
        ),
    ] {
        let error = refused(&app, with_jobs(&jobs)).await;
        assert_eq!((error.status, error.code), (400, "InvalidCron"));
        assert!(error.message.contains(says), "{error}");
    }
}

/// Each run of the spans is counted, not only the next one; what is due is apart.
#[tokio::test(flavor = "multi_thread")]
async fn coming_runs_are_counted_by_spans() {
    let app = empty().await;
    let jobs = json!({ "a": job("m:tick", every(30)), "b": job("m:tick", every(3600)) });
    push(&app, with_jobs(&jobs)).await;
    let due = waiting(&app).await;
    let from = due.iter().map(|(_, at)| *at).fold(0.0, f64::max) + 1.0;
    let edges = [from, from + 60_000.0, from + 120_000.0];
    let path = "_system/frontend/scheduler:coming";
    let coming = app
        .result(call_as(admin(), path, json!({ "edges": edges })))
        .await;
    let coming: Json =
        serde_json::from_str(coming.outcome.result.as_ref().expect("counts")).expect("JSON");
    assert_eq!(
        coming,
        json!({ "overdue": 2.0, "scheduled": [0.0, 0.0], "crons": [2.0, 2.0] })
    );
}
