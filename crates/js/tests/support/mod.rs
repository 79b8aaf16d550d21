//! What the integration tests of the function host share.

#![allow(clippy::unwrap_used)] // A test that cannot be set up has failed.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lentil_js::{
    Bundle, CallOutcome, CallResult, Foreseen, FunctionKind, Host, HostOptions, Invocation,
    LinkError, ModuleEnvironment, ModuleSource, Realms, Reply, Reserved, SyscallError, Syscalls,
};

/// Seed and time of the import phase in all tests.
pub const IMPORT_TIME: f64 = 1_600_000_000_000.0;
/// Frozen time of executions in all tests.
pub const NOW: f64 = 1_700_000_000_000.0;

/// What hand-written modules import instead of the SDK.
pub const SDK: &str = r#"
const wrap = (flag, invoke) => (handler, extra) => {
  const fn = (...args) => handler({}, ...args);
  fn[flag] = true;
  fn.isPublic = true;
  fn[invoke] = async (text) => JSON.stringify((await handler(...JSON.parse(text))) ?? null);
  fn.exportArgs = () => '{"type":"any"}';
  fn.exportReturns = () => "null";
  fn._handler = handler;
  return Object.assign(fn, extra);
};
export const query = wrap("isQuery", "invokeQuery");
export const mutation = wrap("isMutation", "invokeMutation");
export const action = (handler, extra) => {
  const fn = wrap("isAction", "invokeAction")(handler, extra);
  const { invokeAction } = fn;
  fn.invokeAction = (requestId, text) => invokeAction(text);
  return fn;
};
export const call = async (op, args = {}) => JSON.parse(await Convex.asyncSyscall(op, JSON.stringify(args)));
export const now = (op, args = {}) => JSON.parse(Convex.syscall(op, JSON.stringify(args)));
"#;

pub fn module(path: &str, source: &str) -> ModuleSource {
    ModuleSource {
        path: path.to_owned(),
        source: source.into(),
        source_map: None,
        environment: ModuleEnvironment::Isolate,
    }
}

/// Links modules and the little SDK above, `_deps/sdk.js`.
pub fn try_link(modules: &[(&str, &str)]) -> Result<Bundle, LinkError> {
    let sdk = std::iter::once(("_deps/sdk.js", SDK));
    let sources = modules
        .iter()
        .copied()
        .chain(sdk)
        .map(|(path, source)| module(path, source));
    Bundle::link(sources.collect(), [7; 32], IMPORT_TIME)
}

pub fn link(modules: &[(&str, &str)]) -> Arc<Bundle> {
    Arc::new(try_link(modules).unwrap())
}

/// One module `a.js` that has `query`, `mutation`, `call` and `now` at hand.
pub fn app(source: &str) -> Arc<Bundle> {
    let source =
        format!("import {{query, mutation, action, call, now}} from './_deps/sdk.js';{source}");
    link(&[("a.js", &source)])
}

/// The Node that executors and references of tests run on: what `LENTIL_NODE` names, or that of
/// `PATH`.
pub fn node() -> PathBuf {
    std::env::var_os("LENTIL_NODE").map_or_else(|| "node".into(), PathBuf::from)
}

pub fn options() -> HostOptions {
    HostOptions {
        node: Some(node()),
        executors: 1,
        realms: Realms::Fresh,
        shadow_every: 0,
        sandbox: true,
        user_time: Duration::from_secs(1),
        heap_mib: 64,
        idle_after: Duration::from_secs(60),
        queue: 64,
        // One executor means one, however slow the machine.
        slow_after: Duration::MAX,
        planted_escape: None,
        actions: Default::default(),
        node_actions: Default::default(),
    }
}

pub fn invocation(bundle: &Arc<Bundle>, function: &str, kind: FunctionKind) -> Invocation {
    Invocation {
        bundle: Arc::clone(bundle),
        module: "a.js".to_owned(),
        function: function.to_owned(),
        kind,
        args: "[{}]".to_owned(),
        env: Arc::default(),
        seed: [1; 32],
        now_ms: NOW,
    }
}

type Answer = dyn FnMut(&str, &str) -> Reply + Send;

/// What may be posted.
#[derive(Default)]
pub struct Posts {
    pub posting: Option<Vec<Reserved>>,
    /// Whether it fails when it comes.
    pub refuses: bool,
    /// What answers bring, the last first.
    pub more: Vec<Vec<Reserved>>,
}

/// Syscalls answered by a closure; every one is recorded.
pub struct World {
    pub seen: Vec<String>,
    pub nested: Vec<CallOutcome>,
    /// What is answered in advance.
    pub foreseen: Vec<Foreseen>,
    pub posts: Box<Posts>,
    answer: Box<Answer>,
}

impl World {
    pub fn new(answer: impl FnMut(&str, &str) -> Reply + Send + 'static) -> World {
        World {
            seen: Vec::new(),
            nested: Vec::new(),
            foreseen: Vec::new(),
            posts: Box::default(),
            answer: Box::new(answer),
        }
    }

    /// Answers everything with the text of its arguments.
    pub fn echo() -> World {
        World::new(|_, args| Reply::Value(args.to_owned()))
    }
}

impl Syscalls for World {
    fn foresee(&mut self) -> Vec<Foreseen> {
        std::mem::take(&mut self.foreseen)
    }

    fn foreseen_used(&mut self, count: usize) {
        self.seen.push(format!("used {count}"));
    }

    fn posting(&mut self) -> Option<Vec<Reserved>> {
        self.posts.posting.take()
    }

    fn reserve_more(&mut self) -> Vec<Reserved> {
        self.posts.more.pop().unwrap_or_default()
    }

    fn posted(&mut self, op: &str, args: &str, answer: &str) -> Result<(), SyscallError> {
        self.seen.push(format!("posted {op} {args} {answer}"));
        if self.posts.refuses {
            return Err(SyscallError::Developer {
                message: "refused".to_owned(),
                data: None,
            });
        }
        Ok(())
    }

    fn sync_call(&mut self, op: &str, args: &str) -> Result<String, SyscallError> {
        self.seen.push(format!("sync {op}"));
        match (self.answer)(op, args) {
            Reply::Value(text) => Ok(text),
            Reply::Error(error) => Err(error),
            Reply::Nested(_) => panic!("synchronous syscalls do not nest"),
        }
    }

    fn call(&mut self, op: &str, args: &str) -> Reply {
        self.seen.push(op.to_owned());
        (self.answer)(op, args)
    }

    fn nested_finished(&mut self, outcome: CallOutcome) -> Result<String, SyscallError> {
        let result = outcome.result.clone();
        self.nested.push(outcome);
        match result {
            CallResult::Value(text) => Ok(text),
            CallResult::Error(error) => Err(SyscallError::Developer {
                message: error.rendered,
                data: error.data,
            }),
            other => Err(SyscallError::System {
                message: format!("{other:?}"),
            }),
        }
    }
}

pub fn developer(message: &str, data: Option<&str>) -> Reply {
    Reply::Error(SyscallError::Developer {
        message: message.to_owned(),
        data: data.map(str::to_owned),
    })
}

/// The host that tests without special wishes share within one process.
pub fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| Host::start(options()).unwrap())
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

pub fn run_on(host: &Host, invocation: Invocation, world: World) -> (CallOutcome, World) {
    runtime()
        .block_on(host.call(invocation, world))
        .unwrap_or_else(|_| panic!("the host refused the call"))
}

/// Runs `f` of `a.js` as a query with the echoing world.
pub fn query(bundle: &Arc<Bundle>) -> CallOutcome {
    run_on(
        host(),
        invocation(bundle, "f", FunctionKind::Query),
        World::echo(),
    )
    .0
}

pub fn mutation(bundle: &Arc<Bundle>) -> CallOutcome {
    run_on(
        host(),
        invocation(bundle, "f", FunctionKind::Mutation),
        World::echo(),
    )
    .0
}

/// The JSON that a query handler body returns.
pub fn eval(body: &str) -> serde_json::Value {
    value(&query(&app(&format!(
        "export const f = query(async () => {{ {body} }});"
    ))))
}

pub fn value(outcome: &CallOutcome) -> serde_json::Value {
    match &outcome.result {
        CallResult::Value(text) => serde_json::from_str(text).unwrap(),
        other => panic!("expected a value, got {other:?}"),
    }
}

pub fn error(outcome: &CallOutcome) -> String {
    match &outcome.result {
        CallResult::Error(error) => error.rendered.clone(),
        other => panic!("expected an error, got {other:?}"),
    }
}

pub fn env(pairs: &[(&str, &str)]) -> Arc<BTreeMap<String, String>> {
    Arc::new(
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    )
}

/// What the bodies compare with.
pub const CHECKS: &str = r#"
const checks = () => {
  const wrong = [];
  let done = 0;
  const same = (what, got, expected) => {
    done += 1;
    const [a, b] = [JSON.stringify(got), JSON.stringify(expected)];
    if (a !== b) wrong.push(`${what}: got ${a} instead of ${b}`);
  };
  const fails = async (what, run, name) => {
    done += 1;
    try {
      await run();
    } catch (error) {
      if (error.name !== name) wrong.push(`${what}: failed with ${error.name}: ${error.message} instead of ${name}`);
      if (!(error instanceof Error)) wrong.push(`${what}: what it threw is of another realm`);
      return;
    }
    wrong.push(`${what}: did not fail`);
  };
  return {wrong, same, fails, end: () => (done === 0 ? ["nothing was checked"] : wrong)};
};
"#;

/// The processes that this one has started, by id; Linux tells.
pub fn children() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let lists = tasks.map(|task| {
        std::fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default()
    });
    lists
        .flat_map(|list| {
            list.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}
