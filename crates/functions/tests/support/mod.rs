//! A deployment inside the test's process: memory storage, real executors, and the application of
//! `app/` pushed as the CLI pushes.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::sync::Arc;
use std::time::Duration;

use lentil_database::{Database, DatabaseOptions, SystemEnv};
use lentil_functions::deploy::Deployer;
use lentil_functions::{
    Call, ComponentPath, FunctionFailure, Functions, FunctionsOptions, Host, HostOptions, LogForm,
    MutationDone, QueryResult, Realms, SessionRequest,
};
use lentil_identity::{AdminKey, Identity, Member, UserIdentity};
use lentil_storage::MemoryPersistence;
use lentil_values::Timestamp;
use serde_json::{Value as Json, json};

/// The body of a push of `app/convex`.
const APP: &str = include_str!("../app/app.json");

/// A deployment with the application.
pub(crate) struct App {
    pub(crate) functions: Functions,
    pub(crate) deployer: Deployer,
}

impl Drop for App {
    /// What a test ran in kept realms looked as in fresh ones.
    fn drop(&mut self) {
        let told_apart = self.functions.realms().findings.into_iter();
        let told_apart: Vec<_> = told_apart.filter(|one| one.is_difference).collect();
        assert!(
            told_apart.is_empty() || std::thread::panicking(),
            "kept realms could be told from fresh ones: {told_apart:?}"
        );
    }
}

impl App {
    pub(crate) async fn start() -> App {
        App::start_with(host_options()).await
    }

    pub(crate) async fn start_with(host: HostOptions) -> App {
        App::pushed(App::empty(host).await).await
    }

    /// With ceilings of its own, each `name=value`.
    pub(crate) async fn start_limited(settings: &[&str]) -> App {
        let mut options = FunctionsOptions::default();
        for setting in settings {
            options.limits.set(setting).expect("a limit that there is");
        }
        App::pushed(App::open(host_options(), options).await).await
    }

    async fn pushed(app: App) -> App {
        app.push(serde_json::from_str(APP).expect("the application is JSON"))
            .await;
        app
    }

    /// The application once more, after something else was pushed.
    pub(crate) async fn push_again(app: App) -> App {
        App::pushed(app).await
    }

    /// A deployment to which nothing was pushed.
    pub(crate) async fn empty(host: HostOptions) -> App {
        App::open(host, FunctionsOptions::default()).await
    }

    /// The same database under a service that has just begun, as after a restart.
    pub(crate) async fn reopened(self) -> App {
        let database = self.functions.database().clone();
        App::over(database, host_options(), FunctionsOptions::default()).await
    }

    /// The same with settings of its own.
    pub(crate) async fn open(host: HostOptions, options: FunctionsOptions) -> App {
        let persistence = Arc::new(MemoryPersistence::new());
        let database = Database::open(persistence, DatabaseOptions::default(), Arc::new(SystemEnv));
        App::over(database.expect("memory opens"), host, options).await
    }

    async fn over(database: Database, host: HostOptions, options: FunctionsOptions) -> App {
        // A test that fails shows what the server has warned of; the first one in a process wins.
        let _set = tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
            .with_test_writer()
            .try_init();
        let host = Host::start(host);
        let host = host.expect("Node is installed");
        let functions = Functions::new(database, host, options);
        let deployer = Deployer::new(&functions);
        deployer
            .bootstrap()
            .await
            .expect("system tables can be made");
        tokio::spawn({
            let deployer = deployer.clone();
            async move {
                loop {
                    deployer.work().await;
                    let deployer = deployer.clone();
                    let work = move || {
                        while deployer.background_step().expect("background work goes on") {}
                    };
                    tokio::task::spawn_blocking(work)
                        .await
                        .expect("it does not panic");
                }
            }
        });
        App {
            functions,
            deployer,
        }
    }

    pub(crate) async fn push(&self, body: Json) {
        let started = self
            .deployer
            .start_push(body)
            .await
            .expect("the push starts");
        let wait = json!({ "schemaChange": started["schemaChange"], "timeoutMs": 10_000, "dryRun": false });
        loop {
            let state = self
                .deployer
                .wait_for_schema(wait.clone())
                .await
                .expect("the schema is tried");
            match state["type"].as_str() {
                Some("complete") => break,
                Some("inProgress") => {}
                _ => panic!("the push failed: {state}"),
            }
        }
        let finish = json!({ "startPush": started, "dryRun": false });
        self.deployer
            .finish_push(finish)
            .await
            .expect("the push finishes");
    }

    pub(crate) fn latest(&self) -> Timestamp {
        self.functions.latest()
    }

    /// The value of a mutation that works.
    pub(crate) async fn run(&self, path: &str, args: Json) -> Json {
        value(path, self.mutate(call(path, args)).await.outcome.result)
    }

    /// Why a mutation fails.
    pub(crate) async fn run_fails(&self, path: &str, args: Json) -> FunctionFailure {
        failure(path, self.mutate(call(path, args)).await.outcome.result)
    }

    pub(crate) async fn mutate(&self, call: Call) -> MutationDone {
        self.functions.mutation(call, None).await
    }

    pub(crate) async fn mutate_once(&self, call: Call, request: SessionRequest) -> MutationDone {
        self.functions.mutation(call, Some(request)).await
    }

    /// The value of a query that works, as of now.
    pub(crate) async fn ask(&self, path: &str, args: Json) -> Json {
        value(
            path,
            self.result(call(path, args)).await.outcome.result.clone(),
        )
    }

    /// Why a query fails.
    pub(crate) async fn ask_fails(&self, path: &str, args: Json) -> FunctionFailure {
        failure(
            path,
            self.result(call(path, args)).await.outcome.result.clone(),
        )
    }

    /// The result of a query as of now.
    pub(crate) async fn result(&self, call: Call) -> Arc<QueryResult> {
        self.result_with(call, None).await
    }

    pub(crate) async fn result_with(
        &self,
        call: Call,
        journal: Option<Arc<str>>,
    ) -> Arc<QueryResult> {
        let result = self.functions.query(&call, self.latest(), journal).await;
        result.unwrap_or_else(|failure| panic!("{} failed: {}", call.path, failure.message))
    }

    /// Ids of documents inserted one by one.
    pub(crate) async fn insert(&self, table: &str, values: &[Json]) -> Vec<String> {
        let ids = self
            .run(
                "data:insertMany",
                json!({ "table": table, "values": values }),
            )
            .await;
        serde_json::from_value(ids).expect("they are ids")
    }

    /// All log entries so far, as the CLI gets them.
    pub(crate) fn logs(&self) -> Vec<Json> {
        let (entries, _) = self.functions.logs().entries_after(0.0);
        let entries = entries
            .iter()
            .map(|entry| entry.to_json(LogForm::Structured));
        entries
            .map(|text| serde_json::from_str(&text).expect("entries are JSON"))
            .collect()
    }

    /// How often a function ran, cached answers left out.
    pub(crate) fn runs_of(&self, path: &str) -> usize {
        let ran = |entry: &&Json| entry["identifier"] == path && entry["cachedResult"] == false;
        self.logs().iter().filter(ran).count()
    }
}

pub(crate) fn host_options() -> HostOptions {
    HostOptions {
        node: std::env::var_os("LENTIL_NODE").map(Into::into),
        executors: 2,
        // Every call that runs in a kept realm is checked against a fresh one.
        realms: Realms::Watched,
        shadow_every: 1,
        sandbox: true,
        // The machine may be busy with other tests.
        user_time: Duration::from_secs(10),
        heap_mib: 64,
        idle_after: Duration::from_secs(60),
        queue: 256,
        slow_after: Duration::from_millis(100),
        planted_escape: None,
        actions: Default::default(),
        node_actions: Default::default(),
    }
}

pub(crate) fn call(path: &str, args: Json) -> Call {
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

pub(crate) fn call_as(identity: Identity, path: &str, args: Json) -> Call {
    Call {
        identity,
        ..call(path, args)
    }
}

pub(crate) fn admin() -> Identity {
    Identity::Admin(AdminKey {
        member: Member::Id(1),
        read_only: false,
        issued_secs: 0,
    })
}

pub(crate) fn read_only_admin() -> Identity {
    Identity::Admin(AdminKey {
        member: Member::Id(1),
        read_only: true,
        issued_secs: 0,
    })
}

pub(crate) fn user(subject: &str) -> Identity {
    let attributes = json!({ "issuer": "https://issuer", "subject": subject });
    Identity::User(UserIdentity::from_attributes(attributes).expect("they are attributes"))
}

#[track_caller]
fn value(path: &str, result: Result<Arc<str>, FunctionFailure>) -> Json {
    match result {
        Ok(value) => serde_json::from_str(&value).expect("values are JSON"),
        Err(failure) => panic!("{path} failed: {}", failure.message),
    }
}

#[track_caller]
fn failure(path: &str, result: Result<Arc<str>, FunctionFailure>) -> FunctionFailure {
    match result {
        Ok(value) => panic!("{path} did not fail but gave {value}"),
        Err(failure) => failure,
    }
}

/// An int64 in encoded form.
pub(crate) fn int(n: i64) -> Json {
    json!({ "$integer": base64(&n.to_le_bytes()) })
}

/// A float that has no number of its own, in encoded form.
pub(crate) fn float(n: f64) -> Json {
    json!({ "$float": base64(&n.to_le_bytes()) })
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
