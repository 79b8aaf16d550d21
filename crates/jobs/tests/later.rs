//! Scheduled functions and cron jobs run by themselves, whatever the clock does. Everything is real
//! but storage, which is memory, and the clock, which can be moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use lentil_catalog::{JobState, ScheduledFunction};
use lentil_database::{Database, DatabaseOptions, Env, Namespace, SystemEnv};
use lentil_functions::deploy::Deployer;
use lentil_functions::{Call, ComponentPath, Functions, FunctionsOptions, Host, HostOptions};
use lentil_identity::Identity;
use lentil_jobs::{Exports, Imports, Jobs};
use lentil_storage::MemoryPersistence;
use lentil_values::DocumentId;
use serde_json::{Value as Json, json};

/// The body of a push of an application that schedules.
const APP: &str = include_str!("../../functions/tests/app/app.json");
const HOUR: Duration = Duration::from_secs(3_600);
/// Nothing waits so long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// The real clock, moved.
#[derive(Clone, Default)]
struct Clock(Arc<AtomicI64>);

impl Clock {
    /// Forward, or back if negative.
    fn jump_hours(&self, hours: i64) {
        let ns = hours * 3_600 * 1_000_000_000;
        self.0.fetch_add(ns, Ordering::SeqCst);
    }
}

impl Env for Clock {
    fn now_ns(&self) -> u64 {
        SystemEnv
            .now_ns()
            .saturating_add_signed(self.0.load(Ordering::SeqCst))
    }
    fn seed(&self) -> [u8; 32] {
        SystemEnv.seed()
    }
}

struct App {
    clock: Clock,
    functions: Functions,
    deployer: Deployer,
    imports: Imports,
    exports: Exports,
    jobs: Option<Jobs>,
    _folder: tempfile::TempDir,
}

impl App {
    async fn start() -> App {
        let clock = Clock::default();
        let host = Host::start(HostOptions {
            executors: 2,
            user_time: Duration::from_secs(10),
            ..HostOptions::default()
        });
        let database = Database::open(
            Arc::new(MemoryPersistence::new()),
            DatabaseOptions::default(),
            Arc::new(clock.clone()),
        );
        let functions = Functions::new(
            database.expect("memory opens"),
            host.expect("Node is installed"),
            FunctionsOptions::default(),
        );
        let deployer = Deployer::new(&functions);
        deployer.bootstrap().await.expect("system tables are made");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let imports =
            Imports::new(&functions, &deployer, folder.path().join("imports")).expect("a folder");
        let exports = Exports::new(&functions, folder.path().join("exports")).expect("a folder");
        let mut app = App {
            clock,
            functions,
            deployer,
            imports,
            exports,
            jobs: None,
            _folder: folder,
        };
        app.start_jobs().await;
        app.push(serde_json::from_str(APP).expect("JSON")).await;
        app
    }

    async fn start_jobs(&mut self) {
        let jobs = Jobs::start(
            &self.functions,
            &self.deployer,
            &self.imports,
            &self.exports,
        );
        self.jobs = Some(jobs.await);
    }

    async fn stop_jobs(&mut self) {
        self.jobs.take().expect("they run").stop().await;
    }

    async fn push(&self, body: Json) {
        let started = self.deployer.start_push(body).await.expect("it starts");
        let wait = json!({ "schemaChange": started["schemaChange"], "timeoutMs": 10_000, "dryRun": false });
        let state = self.deployer.wait_for_schema(wait).await.expect("it waits");
        assert_eq!(state["type"], "complete");
        let finish = json!({ "startPush": started, "dryRun": false });
        self.deployer
            .finish_push(finish)
            .await
            .expect("it finishes");
    }

    async fn run(&self, path: &str, args: Json) -> Json {
        let done = self.functions.mutation(call(path, args), None).await;
        let value = done.outcome.result.expect("the mutation works");
        serde_json::from_str(&value).expect("JSON")
    }

    async fn ask(&self, path: &str, args: Json) -> Json {
        let latest = self.functions.latest();
        let result = self.functions.query(&call(path, args), latest, None).await;
        let result = result.expect("the query works");
        serde_json::from_str(result.outcome.result.as_ref().expect("a value")).expect("JSON")
    }

    async fn schedule(&self, body: &str, after: Duration) -> DocumentId {
        let after = after.as_millis() as u64;
        let args = json!({ "name": "note", "args": { "body": body }, "after": after });
        let id = self.run("later:schedule", args).await;
        id.as_str().expect("a text").parse().expect("an id")
    }

    async fn notes(&self) -> Vec<String> {
        let notes = self.ask("later:notes", json!({})).await;
        serde_json::from_value(notes).expect("texts")
    }

    fn state(&self, id: DocumentId) -> Option<JobState> {
        let mut tx = self.functions.database().begin();
        let row = ScheduledFunction::load(&mut tx, Namespace::ROOT, id).expect("it can be read");
        row.map(|row| row.state)
    }

    /// Waits, from commit to commit, until something holds.
    async fn until(&self, what: &str, mut holds: impl AsyncFnMut(&App) -> bool) {
        let mut commits = self.functions.database().watch();
        let waiting = async {
            while !holds(self).await {
                commits.changed().await.expect("the database is open");
            }
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .unwrap_or_else(|_| panic!("never happened: {what}"));
    }

    async fn until_noted(&self, count: usize) {
        self.until("notes", async |app| app.notes().await.len() >= count)
            .await;
    }
}

fn call(path: &str, args: Json) -> Call {
    Call {
        path: path.to_owned(),
        component: ComponentPath::default(),
        args: args.to_string().into(),
        identity: Identity::Anonymous,
        request_id: "0123456789abcdef".to_owned(),
        caller: "Tester",
        origin: Default::default(),
        question: Default::default(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn due_functions_run_by_themselves() {
    let app = App::start().await;
    let late = app.schedule("late", Duration::from_millis(400)).await;
    let soon = app.schedule("soon", Duration::ZERO).await;
    let never = app.schedule("never", HOUR).await;
    app.until_noted(2).await;
    // On a machine that is busy both may be due when they are first looked at.
    let mut notes = app.notes().await;
    notes.sort_unstable();
    assert_eq!(notes, ["late", "soon"]);
    for id in [late, soon] {
        assert_eq!(app.state(id), Some(JobState::Success));
    }
    assert_eq!(app.state(never), Some(JobState::Pending));
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_that_schedule_the_next_go_on() {
    let app = App::start().await;
    let args = json!({ "name": "chain", "args": { "left": 30 } });
    app.run("later:schedule", args).await;
    app.until_noted(31).await;
    let expected: Vec<String> = (0..=30).rev().map(|n| format!("chain {n}")).collect();
    assert_eq!(app.notes().await, expected);
}

/// They run in parallel and read and write one document; each counts.
#[tokio::test(flavor = "multi_thread")]
async fn scheduled_mutations_that_conflict_all_take_effect() {
    let app = App::start().await;
    for _ in 0..60 {
        app.run("later:schedule", json!({ "name": "add", "args": {} }))
            .await;
    }
    let counted = async |app: &App| app.ask("later:counted", json!({})).await == json!(60.0);
    app.until("60 additions", counted).await;
}

/// More than are read at once, all with about the same time.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_at_once_run_once_each() {
    let app = App::start().await;
    app.run("later:scheduleMany", json!({ "count": 1000 }))
        .await;
    app.until_noted(1_000).await;
    let mut notes = app.notes().await;
    notes.sort_unstable();
    let mut expected: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
    expected.sort_unstable();
    assert_eq!(notes, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_forward_does_no_harm() {
    let app = App::start().await;
    let hour = app.schedule("in an hour", HOUR).await;
    let day = app.schedule("in a day", HOUR * 24).await;
    app.clock.jump_hours(1);
    // Noticed within ten seconds, or when anything is scheduled.
    app.schedule("now", Duration::ZERO).await;
    app.until_noted(2).await;
    assert_eq!(app.state(hour), Some(JobState::Success));
    assert_eq!(app.state(day), Some(JobState::Pending));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_back_does_no_harm() {
    let app = App::start().await;
    app.schedule("before", Duration::ZERO).await;
    app.until_noted(1).await;
    let soon = app.schedule("soon", Duration::from_secs(300)).await;
    app.clock.jump_hours(-1);
    // Their time is an hour before all that was seen.
    app.schedule("after", Duration::ZERO).await;
    app.schedule("after", Duration::from_millis(200)).await;
    app.until_noted(3).await;
    assert_eq!(app.notes().await, ["before", "after", "after"]);
    assert_eq!(app.state(soon), Some(JobState::Pending));
    app.clock.jump_hours(2);
    app.schedule("again", Duration::ZERO).await;
    app.until_noted(5).await;
    assert_eq!(app.state(soon), Some(JobState::Success));
}

/// What waits when the server stops runs when it starts, and what had ended does not run again.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_finds_what_waits() {
    let mut app = App::start().await;
    app.schedule("first", Duration::ZERO).await;
    app.until_noted(1).await;
    app.stop_jobs().await;
    let second = app.schedule("second", Duration::ZERO).await;
    let action = json!({ "name": "act", "args": {} });
    let action = app.run("later:schedule", action).await;
    let action: DocumentId = action.as_str().expect("a text").parse().expect("an id");
    let database = app.functions.database().clone();
    let began = move || {
        let mut tx = database.begin();
        ScheduledFunction::set_state(&mut tx, Namespace::ROOT, action, &JobState::InProgress, 0.0)
            .expect("set");
        database.commit_blocking(tx).expect("it commits");
    };
    tokio::task::spawn_blocking(began).await.expect("no panic");
    assert_eq!(app.state(second), Some(JobState::Pending));
    app.start_jobs().await;
    app.until_noted(2).await;
    assert_eq!(app.notes().await, ["first", "second"]);
    let error = "Transient error while executing action".to_owned();
    assert_eq!(app.state(action), Some(JobState::Failed { error }));
}

#[tokio::test(flavor = "multi_thread")]
async fn results_are_kept_for_a_week() {
    let mut app = App::start().await;
    let old = app.schedule("old", Duration::ZERO).await;
    let canceled = app.schedule("never", HOUR).await;
    let waits = app.schedule("waits", HOUR * 24 * 30).await;
    app.run("later:cancel", json!({ "id": canceled.to_string() }))
        .await;
    app.until_noted(1).await;
    app.stop_jobs().await;
    app.clock.jump_hours(7 * 24 - 1);
    let newer = app.schedule("newer", Duration::ZERO).await;
    app.start_jobs().await;
    app.until_noted(2).await;
    assert_eq!(app.state(old), Some(JobState::Success));
    app.stop_jobs().await;
    app.clock.jump_hours(2);
    app.start_jobs().await;
    let gone = async |app: &App| app.state(old).is_none() && app.state(canceled).is_none();
    app.until("what is old is forgotten", gone).await;
    assert_eq!(app.state(newer), Some(JobState::Success));
    assert_eq!(app.state(waits), Some(JobState::Pending));
}

#[tokio::test(flavor = "multi_thread")]
async fn cron_jobs_come_round_and_a_jump_of_the_clock_does_not_stop_them() {
    let app = App::start().await;
    app.push(with_cron(&json!({ "type": "interval", "seconds": 1 })))
        .await;
    let ticks = async |app: &App| app.ask("m:count", json!({})).await.as_f64();
    app.until("two runs", async |app| ticks(app).await >= Some(2.0))
        .await;
    // An hour of runs is not made up for, and an hour without any does not follow.
    app.clock.jump_hours(1);
    let before = ticks(&app).await.unwrap_or_default();
    app.until("runs after a jump", async |app| {
        ticks(app).await >= Some(before + 2.0)
    })
    .await;
    assert!(ticks(&app).await < Some(before + 100.0));
    app.clock.jump_hours(-1);
    let before = ticks(&app).await.unwrap_or_default();
    app.until("runs after a jump back", async |app| {
        ticks(app).await >= Some(before + 3.0)
    })
    .await;
    assert!(ticks(&app).await < Some(before + 100.0));
}

/// A mutation that a job runs, and a query that counts its runs.
const MODULE: &str = r#"
        const made = (kind, invoke, body) => Object.assign(() => {}, {
          [kind]: true, isPublic: true, exportArgs: () => '{"type":"any"}', exportReturns: () => "null",
          [invoke]: async () => JSON.stringify(await body()),
        });
        const call = async (op, args) => JSON.parse(await Convex.asyncSyscall(op, JSON.stringify(args)));
        export const tick = made("isMutation", "invokeMutation", () => call("1.0/insert", { table: "ticks", value: {} }));
        export const count = made("isQuery", "invokeQuery", () => call("1.0/count", { table: "ticks" }));
    "#;

/// A push of one module and one job.
fn with_cron(schedule: &Json) -> Json {
    let jobs = json!({ "tick": { "name": "m:tick", "args": [{}], "schedule": schedule } });
    let crons = format!(
        "export default {{ isCrons: true, export: () => {} }};",
        json!(jobs.to_string())
    );
    let module = |path: &str, source: &str| json!({ "path": path, "source": source, "environment": "isolate" });
    json!({ "appDefinition": { "changedModules": [module("m.js", MODULE), module("crons.js", &crons)] } })
}

/// What the scheduler adds to running mutations is less than as much again: 1,000 of them take
/// less than three times as long as when eight callers run them.
#[tokio::test(flavor = "multi_thread")]
async fn scheduling_costs_little_more_than_running() {
    const COUNT: usize = 1_000;
    let app = Arc::new(App::start().await);
    let started = Instant::now();
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..8 {
        let app = app.clone();
        callers.spawn(async move {
            for n in (caller..COUNT).step_by(8) {
                app.run("later:whole", json!({ "body": n.to_string() }))
                    .await;
            }
        });
    }
    while let Some(ended) = callers.join_next().await {
        ended.expect("no caller fails");
    }
    let called = started.elapsed();
    let started = Instant::now();
    app.run("later:scheduleMany", json!({ "count": COUNT }))
        .await;
    let mut commits = app.functions.database().watch();
    while app.ask("later:noted", json!({})).await != json!((2 * COUNT) as f64) {
        commits.changed().await.expect("the database is open");
    }
    let scheduled = started.elapsed();
    assert!(
        scheduled < called * 3,
        "{scheduled:?} for what takes {called:?} by calls"
    );
}
