//! The pool of executor processes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::actions::{ActionPool, Exchange, Program};
use crate::analyze::Evaluation;
use crate::executor::{End, Purpose, ended};
use crate::limits::{ANALYSIS_USER_TIME, DATA_HEADROOM_MIB, HEAP_HEADROOM_MIB, SLOW_AFTER};
use crate::meter::Meter;
use crate::node::Node;
use crate::node_actions::NodeHost;
use crate::pool::{NotTaken, Pool, Worker, lane_of};
use crate::process::{Launch, can_come_forward};
use crate::realms::{RealmFinding, RealmLog, RealmReport};
use crate::sandbox::{Sandbox, Sandboxed};
use crate::shadow::{Recorder, Replay, is_comparable};
use crate::{
    ActionOptions, ActionOutcome, ActionRefused, ActionSyscalls, AnalyzeError, AnalyzedModule,
    Bundle, CallOutcome, CallResult, HttpExchange, HttpOutcome, Invocation, NodeOptions, Realms,
    Syscalls,
};

/// How the host runs.
#[derive(Clone, Debug)]
pub struct HostOptions {
    /// The Node binary; `None` looks for `node` on PATH.
    pub node: Option<PathBuf>,
    /// Executors for queries and mutations: for those of slow functions, and again for the others.
    pub executors: usize,
    /// Realm policy.
    pub realms: Realms,
    /// Of so many calls one that ran in a kept realm is run again in a fresh one and compared;
    /// 0: none.
    pub shadow_every: u64,
    /// Whether the kernel confines executors, where it can.
    pub sandbox: bool,
    /// User time of a query or mutation (waiting for syscalls is not counted).
    pub user_time: Duration,
    /// JS heap of a call, MiB.
    pub heap_mib: u32,
    /// An executor with nothing to do for so long goes away.
    pub idle_after: Duration,
    /// Calls that may wait for an executor; one more is refused.
    pub queue: usize,
    /// A call that takes so long is slow: it does not hold an executor that others wait for.
    pub slow_after: Duration,
    /// A way out of realms that is opened on purpose, so that tests can show that they notice;
    /// releases have none and refuse to start with it.
    pub planted_escape: Option<String>,
    /// How actions run.
    pub actions: ActionOptions,
    /// How Node actions run.
    pub node_actions: NodeOptions,
}

impl Default for HostOptions {
    /// Convex's limits, one executor a core, realms kept where no call can tell.
    fn default() -> HostOptions {
        HostOptions {
            node: None,
            executors: std::thread::available_parallelism().map_or(2, usize::from),
            realms: Realms::Watched,
            shadow_every: 1_000,
            sandbox: true,
            user_time: Duration::from_secs(1),
            heap_mib: 64,
            idle_after: Duration::from_secs(300),
            queue: 4_096,
            slow_after: SLOW_AFTER,
            planted_escape: None,
            actions: ActionOptions::default(),
            node_actions: NodeOptions::default(),
        }
    }
}

/// Why the host cannot work at all.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// Node is missing or too old; the text says what to install.
    #[error("{0}")]
    Node(String),
    /// An executor could not be started.
    #[error("{0}")]
    Spawn(String),
}

/// A call that was not taken: what to tell whoever made it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(String);

/// Counters for operators.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostStats {
    /// Executor processes alive.
    pub executors: usize,
    /// Calls running.
    pub running: usize,
    /// Calls waiting.
    pub queued: usize,
    /// Executors ended by the host (deadline, memory) or crashed.
    pub lost: u64,
}

/// Runs calls; cheap to clone.
#[derive(Clone, Debug)]
pub struct Host {
    pool: Pool,
    actions: ActionPool,
    node: NodeHost,
    user_time: Duration,
    http_idle: Duration,
    node_version: Arc<str>,
}

impl Host {
    /// Checks Node and prepares the pool; executors start at first need.
    pub fn start(options: HostOptions) -> Result<Host, HostError> {
        if options.planted_escape.is_some() && crate::scripts::PLANTED.is_empty() {
            let why = "this is a release: it has no escapes to plant";
            return Err(HostError::Spawn(why.to_owned()));
        }
        let node = Node::find(options.node.clone())?;
        let sandbox = |what| match options.sandbox.then(|| Sandbox::prepare(what, &node.path)) {
            Some(Ok(sandbox)) => Some(Arc::new(sandbox)),
            Some(Err(why)) => {
                tracing::warn!(%why, "this kernel cannot confine executors: they run with Node's permission model alone");
                None
            }
            None => None,
        };
        let comes_forward = can_come_forward();
        let launch = |heap_mib: u32, network: bool| Launch {
            comes_forward,
            sandbox: sandbox(if network {
                Sandboxed::WithNetwork
            } else {
                Sandboxed::Still
            }),
            heap_mib: heap_mib + HEAP_HEADROOM_MIB,
            data_bytes: (u64::from(heap_mib) * 2 + DATA_HEADROOM_MIB + node.mapped_mib()) << 20,
            node: node.clone(),
            network,
            planted: options.planted_escape.clone(),
            full: None,
        };
        let pool = Pool::start(&options, &launch(options.heap_mib, false))
            .map_err(|error| HostError::Spawn(format!("cannot start a driver thread: {error}")))?;
        let http_idle = options.actions.http_idle;
        let actions = ActionPool::new(
            launch(options.actions.heap_mib, true),
            options.actions,
            Program::Realms(options.realms),
            options.idle_after,
        );
        let node_version = node.shown().into();
        let node = NodeHost::new(options.node_actions, node, options.idle_after);
        Ok(Host {
            pool,
            actions,
            node,
            user_time: options.user_time,
            http_idle,
            node_version,
        })
    }

    /// The version of the Node that runs functions, e.g. `v22.11`.
    pub fn node_version(&self) -> &str {
        &self.node_version
    }

    /// Runs one call and hands the syscalls object back with its outcome. Cancel-safe: dropping
    /// the future lets the call run to its end unobserved. `Err` gives the object back, and says
    /// why, when too many calls wait or the host is shut down.
    ///
    /// # Panics
    /// If `syscalls` panicked, once its driver thread is free for others again.
    pub async fn call<S: Syscalls + 'static>(
        &self,
        invocation: Invocation,
        syscalls: S,
    ) -> Result<(CallOutcome, S), (S, Refused)> {
        tracing::trace!(target: "lentil::station", number = 5);
        // The object is shared only until the job starts, so that a refusal can give it back.
        let slot = Arc::new(Mutex::new(Some(syscalls)));
        let (answer, answered) = oneshot::channel();
        let user_time = self.user_time;
        let taken = Arc::clone(&slot);
        let lane = lane_of(&invocation.bundle, &invocation.module, &invocation.function);
        let job = move |worker: &mut Worker| {
            let Some(mut syscalls) = taken.lock().take() else {
                return;
            };
            let mut meter = Meter::new(user_time);
            let (outcome, replay) = if worker.is_checked() {
                let mut recorder = Recorder::new(&mut syscalls);
                let outcome = call_on(worker, &invocation, &mut recorder, &mut meter);
                (outcome, Some(recorder.into_replay()))
            } else {
                let outcome = call_on(worker, &invocation, &mut syscalls, &mut meter);
                (outcome, None)
            };
            note_realm(worker.realm_log(), &invocation, &outcome);
            let second = replay.filter(|_| is_comparable(&invocation, &outcome));
            let second = second.map(|replay| (replay, outcome.clone()));
            // Nobody may be waiting any more; the call has run all the same.
            let _ = answer.send((outcome, syscalls));
            if let Some((replay, outcome)) = second {
                check(worker, &invocation, &outcome, replay, user_time);
            }
        };
        let why = match self.pool.submit(lane, Box::new(job)) {
            Err((_, why)) => why,
            Ok(()) => match answered.await {
                Ok(answer) => return Ok(answer),
                Err(_) => NotTaken::Closed,
            },
        };
        // Refused, or dropped from the queue by a shutdown: the job never ran.
        let syscalls = slot.lock().take();
        let syscalls = syscalls.expect("a job that started answers, unless its syscalls panicked");
        Err((syscalls, Refused(why.to_string())))
    }

    /// Runs an action to its end. Dropping the future cancels it: its code runs no further, and
    /// what it has begun stays done. It is never run twice.
    pub async fn action(
        &self,
        invocation: &Invocation,
        syscalls: Arc<dyn ActionSyscalls>,
    ) -> Result<ActionOutcome, ActionRefused> {
        if invocation.bundle.is_node(&invocation.module) {
            return self.node.run(invocation, syscalls).await;
        }
        self.actions.run(invocation, syscalls, None).await
    }

    /// Runs the HTTP action that the router of the module finds for a request, as [`Host::action`]
    /// does. The one argument is the request: `url`, `method`, `headerPairs`, `hasBody`, and the
    /// `path` by which it is routed.
    pub async fn http_action(
        &self,
        invocation: &Invocation,
        syscalls: Arc<dyn ActionSyscalls>,
        exchange: HttpExchange,
    ) -> Result<HttpOutcome, ActionRefused> {
        let mut exchange = Exchange::new(exchange, self.http_idle);
        let run = self.actions.run(invocation, syscalls, Some(&mut exchange));
        let outcome = run.await?;
        Ok(exchange.finish(outcome))
    }

    /// Evaluates every module that is not a chunk and reports its exports, by canonical path. Where
    /// there are Node modules, what they run with is fetched and installed first.
    pub async fn analyze(
        &self,
        bundle: Arc<Bundle>,
        env: Arc<BTreeMap<String, String>>,
    ) -> Result<BTreeMap<String, AnalyzedModule>, AnalyzeError> {
        let mut analyzed = self.analyze_isolate(bundle.clone(), env.clone()).await?;
        analyzed.extend(self.node.analyze(&bundle, &env).await?);
        Ok(analyzed)
    }

    /// The same of the modules of the default runtime.
    async fn analyze_isolate(
        &self,
        bundle: Arc<Bundle>,
        env: Arc<BTreeMap<String, String>>,
    ) -> Result<BTreeMap<String, AnalyzedModule>, AnalyzeError> {
        let of = bundle.clone();
        self.on_worker(&of, move |worker| {
            let mut out = BTreeMap::new();
            for (index, module) in bundle
                .modules()
                .iter()
                .enumerate()
                .filter(|(_, m)| is_analysed(&m.path) && !bundle.is_node(&m.path))
            {
                let analyzed = match module.path.as_str() {
                    "auth.config.js" => AnalyzedModule::default(),
                    _ => evaluate_on(worker, &bundle, &env, index, Purpose::Functions)
                        .functions(&bundle, index)?,
                };
                out.insert(module.path.clone(), analyzed);
            }
            Ok(out)
        })
        .await
    }

    /// The text that the default export's `export()` of `schema.js` returns.
    pub async fn evaluate_schema(&self, bundle: Arc<Bundle>) -> Result<String, AnalyzeError> {
        self.evaluate(bundle, Arc::default(), "schema.js", Purpose::Schema)
            .await
    }

    /// The JSON text of the default export of `auth.config.js`.
    pub async fn evaluate_auth(
        &self,
        bundle: Arc<Bundle>,
        env: Arc<BTreeMap<String, String>>,
    ) -> Result<String, AnalyzeError> {
        self.evaluate(bundle, env, "auth.config.js", Purpose::Auth)
            .await
    }

    /// The JSON text of what the default export's `export()` of `convex.config.js` returns.
    pub async fn evaluate_definition(
        &self,
        bundle: Arc<Bundle>,
        env: Arc<BTreeMap<String, String>>,
    ) -> Result<String, AnalyzeError> {
        self.evaluate(bundle, env, "convex.config.js", Purpose::Definition)
            .await
    }

    /// Counters.
    pub fn stats(&self) -> HostStats {
        let (processes, lost) = self.actions.counts();
        let mut stats = self.pool.stats();
        let (node_processes, node_lost) = self.node.counts();
        stats.executors += processes + node_processes;
        stats.lost += lost + node_lost;
        stats
    }

    /// How realms fared.
    pub fn realms(&self) -> RealmReport {
        self.pool.realms()
    }

    /// Ends all executors; calls still running fail.
    pub async fn shutdown(&self) {
        self.actions.shutdown();
        self.node.shutdown();
        self.pool.shutdown();
    }

    async fn evaluate(
        &self,
        bundle: Arc<Bundle>,
        env: Arc<BTreeMap<String, String>>,
        path: &'static str,
        purpose: Purpose,
    ) -> Result<String, AnalyzeError> {
        let Some(index) = bundle.index_of(path) else {
            return Err(AnalyzeError::missing(path));
        };
        let of = bundle.clone();
        self.on_worker(&of, move |worker| {
            evaluate_on(worker, &bundle, &env, index, purpose).text(path, purpose)
        })
        .await
    }

    async fn on_worker<T: Send + 'static>(
        &self,
        bundle: &Bundle,
        work: impl FnOnce(&mut Worker) -> Result<T, AnalyzeError> + Send + 'static,
    ) -> Result<T, AnalyzeError> {
        let (answer, answered) = oneshot::channel();
        let lane = lane_of(bundle, "", "");
        let job = move |worker: &mut Worker| {
            // The pusher may have gone away.
            let _ = answer.send(work(worker));
        };
        match self.pool.submit(lane, Box::new(job)) {
            Ok(()) => answered
                .await
                .unwrap_or_else(|_| Err(AnalyzeError::overloaded())),
            Err(_) => Err(AnalyzeError::overloaded()),
        }
    }
}

/// Chunks and the system's own modules are not analysed.
pub(crate) fn is_analysed(path: &str) -> bool {
    !["_deps/", "actions/_deps/", "_system/"]
        .iter()
        .any(|prefix| path.starts_with(prefix))
}

fn call_on(
    worker: &mut Worker,
    invocation: &Invocation,
    syscalls: &mut dyn Syscalls,
    meter: &mut Meter,
) -> CallOutcome {
    let heap_mib = worker.heap_mib();
    let mut done = worker.run(|executor| executor.call(invocation, syscalls, meter));
    if matches!(done, Err(End::Lost(true))) {
        // Nobody has seen anything of it: it begins again, in another process.
        done = worker.run(|executor| executor.call(invocation, syscalls, meter));
    }
    done.unwrap_or_else(|end| ended(&end, meter, heap_mib))
}

/// Counts the call, and keeps why realms of its module are not kept any more.
fn note_realm(log: &RealmLog, invocation: &Invocation, outcome: &CallOutcome) {
    if outcome.usage.realm_reused {
        log.note_reuse();
    }
    if let Some(what) = &outcome.realm_verdict {
        tracing::debug!(module = invocation.module, function = invocation.function, %what, "fresh realms from now on");
        log.note(RealmFinding {
            module: invocation.module.clone(),
            function: invocation.function.clone(),
            what: what.clone(),
            is_difference: false,
        });
    }
}

/// Runs a call again in a fresh realm; if that can be told from what the kept one did, the module
/// gets fresh realms from now on.
fn check(
    worker: &mut Worker,
    invocation: &Invocation,
    kept: &CallOutcome,
    mut replay: Replay,
    user_time: Duration,
) {
    let mut meter = Meter::new(user_time);
    let done = worker.run(|executor| executor.call_fresh(invocation, &mut replay, &mut meter));
    let fresh = match done {
        Ok(fresh) => fresh,
        // Told by the replay, or not comparable after all: it ran out of time, say.
        Err(end) => ended(&end, &meter, worker.heap_mib()),
    };
    let settled = matches!(fresh.result, CallResult::Value(_) | CallResult::Error(_));
    let difference = (settled || replay.is_different())
        .then(|| replay.compare(kept, &fresh))
        .flatten();
    worker.realm_log().note_check(difference.is_some());
    let Some(what) = difference else { return };
    let (module, function) = (invocation.module.clone(), invocation.function.clone());
    tracing::error!(
        module,
        function,
        what,
        "a kept realm could be told from a fresh one; the module gets fresh realms from now on. Please report this"
    );
    if let Some(index) = invocation.bundle.index_of(&module) {
        invocation.bundle.modules()[index].distrust();
    }
    worker.realm_log().note(RealmFinding {
        module,
        function,
        what,
        is_difference: true,
    });
}

fn evaluate_on(
    worker: &mut Worker,
    bundle: &Bundle,
    env: &Arc<BTreeMap<String, String>>,
    index: usize,
    purpose: Purpose,
) -> Evaluation {
    let mut meter = Meter::new(ANALYSIS_USER_TIME);
    let heap_mib = worker.heap_mib();
    let done: Result<CallOutcome, End> =
        worker.run(|executor| executor.analyze(bundle, env, index, purpose, &mut meter));
    Evaluation(done.unwrap_or_else(|end| ended(&end, &meter, heap_mib)))
}
