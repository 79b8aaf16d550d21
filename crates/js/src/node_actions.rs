//! Node actions: the modules marked `"use node"` (function-runtime 9).
//!
//! They run in processes of their own, with everything that Node has, beside each other as other
//! actions do. A process belongs to one code and one environment for all its life: a push or a
//! change of a variable means other processes, and the old ones go when they have been idle.
//! What such a process needs lies in one folder, and all of it can be made again:
//!
//! * `bundles`: the modules of a push, by their hash, verified before each process ([`NodeFiles`]);
//! * `packages`: what `npm` has installed, by the list of it;
//! * `versions`: Nodes of other versions than the server's own;
//! * `homes`: a folder for each process, gone with it.

mod files;
mod npm;
mod packages;
mod versions;

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::sync::OnceCell;

pub(crate) use self::files::NodeFiles;
use crate::actions::{ActionPool, Program, RetiredPool};
use crate::analyze::Evaluation;
use crate::host::is_analysed;
use crate::limits::*;
use crate::node::Node;
use crate::process::{FullNode, Launch};
use crate::{
    ActionOptions, ActionOutcome, ActionRefused, ActionSyscalls, AnalyzeError, AnalyzedModule,
    Answer, Bundle, CallOutcome, CallResult, FunctionKind, Invocation, JsError, NodeSettings,
    SyscallError, Usage,
};

type Environment = Arc<BTreeMap<String, String>>;

/// How Node actions run.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// Where code, packages and versions of Node are kept; `None` is a temporary folder.
    pub folder: Option<PathBuf>,
    /// Why there are no Node actions here; `None` if there are.
    pub refused: Option<String>,
    /// Processes and limits, of each code and environment.
    pub actions: ActionOptions,
    /// Bytes of the arguments of one call.
    pub arguments_bytes: usize,
}

impl Default for NodeOptions {
    /// Convex's limits.
    fn default() -> NodeOptions {
        NodeOptions {
            folder: None,
            refused: None,
            actions: ActionOptions {
                time: Duration::from_secs(600),
                ..ActionOptions::default()
            },
            arguments_bytes: 5 << 20,
        }
    }
}

/// Runs Node actions; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct NodeHost(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: NodeOptions,
    own: Node,
    idle_after: Duration,
    folder: OnceCell<Folder>,
    /// The one used last stands last.
    generations: Mutex<VecDeque<Generation>>,
    /// Processes of others in which something still runs.
    retired: Mutex<Vec<RetiredPool>>,
    /// Held while something is fetched or installed.
    preparing: tokio::sync::Mutex<()>,
    closed: AtomicBool,
}

/// One code with one environment.
#[derive(Clone, Debug, PartialEq)]
struct Wanted {
    files: Arc<NodeFiles>,
    settings: NodeSettings,
    env: Environment,
}

impl Wanted {
    fn of(bundle: &Bundle, env: &Environment) -> Wanted {
        Wanted {
            files: bundle.node_files().clone(),
            settings: bundle.node().clone(),
            env: env.clone(),
        }
    }
}

/// The processes that run it.
#[derive(Debug)]
struct Generation {
    runs: Wanted,
    pool: ActionPool,
}

/// What the processes of one generation run.
#[derive(Debug)]
pub(crate) struct NodeProgram {
    files: Arc<NodeFiles>,
    bundle: PathBuf,
    packages: Option<PathBuf>,
}

impl NodeProgram {
    /// Makes sure that the code on disk is what was pushed; a process loads nothing else.
    pub(crate) async fn verify(self: &Arc<Self>) -> Result<(), String> {
        let program = Arc::clone(self);
        let verified = tokio::task::spawn_blocking(move || {
            let packages = program.packages.as_deref();
            if let Some(folder) = packages.filter(|folder| !folder.join("node_modules").is_dir()) {
                return Err(format!(
                    "the installed packages are gone ({})",
                    folder.display()
                ));
            }
            let written = program.files.ensure(&program.bundle, packages);
            written.map_err(|error| format!("cannot write the code of Node actions: {error}"))
        });
        verified.await.map_err(|error| error.to_string())?
    }

    /// What the process is told of it.
    pub(crate) fn settings(&self, concurrent: usize) -> serde_json::Value {
        serde_json::json!({ "root": self.bundle, "packages": self.packages, "concurrent": concurrent })
    }
}

/// The folders in which everything lies.
#[derive(Debug)]
struct Folder {
    root: PathBuf,
    /// Removed with the host.
    _temporary: Option<TempDir>,
}

impl Folder {
    fn open(wanted: Option<&Path>) -> std::io::Result<Folder> {
        let (root, temporary) = match wanted {
            Some(folder) => (folder.to_owned(), None),
            None => {
                let folder = tempfile::Builder::new().prefix("lentil-node-").tempdir()?;
                (folder.path().to_owned(), Some(folder))
            }
        };
        std::fs::create_dir_all(&root)?;
        let root = root.canonicalize()?;
        // Those of processes that ended with an earlier server.
        let homes = root.join("homes");
        if homes.exists() {
            std::fs::remove_dir_all(&homes)?;
        }
        for name in ["bundles", "packages", "versions", "homes"] {
            std::fs::create_dir_all(root.join(name))?;
        }
        Ok(Folder {
            root,
            _temporary: temporary,
        })
    }
}

impl NodeHost {
    pub(crate) fn new(options: NodeOptions, own: Node, idle_after: Duration) -> NodeHost {
        NodeHost(Arc::new(Shared {
            options,
            own,
            idle_after,
            folder: OnceCell::new(),
            generations: Mutex::default(),
            retired: Mutex::default(),
            preparing: tokio::sync::Mutex::default(),
            closed: AtomicBool::new(false),
        }))
    }

    /// Runs one action to its end.
    pub(crate) async fn run(
        &self,
        invocation: &Invocation,
        syscalls: Arc<dyn ActionSyscalls>,
    ) -> Result<ActionOutcome, ActionRefused> {
        let (bytes, most) = (invocation.args.len(), self.0.options.arguments_bytes);
        if bytes > most {
            return Ok(refused(format!(
                "ArgsTooLarge: the arguments of {}:{} have {bytes} bytes; a Node action takes at most {most}",
                invocation.module.trim_end_matches(".js"),
                invocation.function
            )));
        }
        let pool = match self.pool(&invocation.bundle, &invocation.env).await {
            Ok(pool) => pool,
            Err(error) => return Ok(refused(format!("This Node action cannot run: {error}"))),
        };
        let outcome = pool.run(invocation, syscalls, None).await?;
        if matches!(outcome.result, CallResult::System(_)) {
            // Whatever is missing is made again for the next call.
            self.forget(&invocation.bundle, &invocation.env);
        }
        Ok(outcome)
    }

    /// What the Node modules of a bundle export, by canonical path.
    pub(crate) async fn analyze(
        &self,
        bundle: &Arc<Bundle>,
        env: &Environment,
    ) -> Result<BTreeMap<String, AnalyzedModule>, AnalyzeError> {
        let modules = bundle.modules().iter().enumerate();
        let modules: Vec<(usize, &str)> = modules
            .map(|(index, module)| (index, module.path.as_str()))
            .filter(|(_, path)| is_analysed(path) && bundle.is_node(path))
            .collect();
        let mut analyzed = BTreeMap::new();
        if modules.is_empty() {
            return Ok(analyzed);
        }
        let pool = self.pool(bundle, env).await?;
        for (index, path) in modules {
            let exports = analyze_one(&pool, bundle, env, index).await;
            if exports.is_err() {
                // A module that failed stays failed in the process that has tried it.
                self.forget(bundle, env);
            }
            analyzed.insert(path.to_owned(), exports?);
        }
        Ok(analyzed)
    }

    /// Processes alive, and those that were lost.
    pub(crate) fn counts(&self) -> (usize, u64) {
        let generations = self.0.generations.lock();
        let counts = generations
            .iter()
            .map(|generation| generation.pool.counts());
        counts.fold((0, 0), |(alive, lost), (a, l)| (alive + a, lost + l))
    }

    /// Refuses new actions and ends all processes.
    pub(crate) fn shutdown(&self) {
        self.0.closed.store(true, Ordering::SeqCst);
        for generation in self.0.generations.lock().iter() {
            generation.pool.shutdown();
        }
        for pool in self.0.retired.lock().iter() {
            pool.shutdown();
        }
    }

    fn known(&self, wanted: &Wanted) -> Option<ActionPool> {
        let mut generations = self.0.generations.lock();
        let at = generations.iter().position(|known| known.runs == *wanted)?;
        let known = generations.remove(at)?;
        let pool = known.pool.clone();
        generations.push_back(known);
        Some(pool)
    }

    fn forget(&self, bundle: &Bundle, env: &Environment) {
        let wanted = Wanted::of(bundle, env);
        let mut generations = self.0.generations.lock();
        if let Some(at) = generations.iter().position(|known| known.runs == wanted) {
            self.0.retire(generations.remove(at));
        }
    }

    /// The processes for a code and an environment; what they need is made first.
    async fn pool(&self, bundle: &Bundle, env: &Environment) -> Result<ActionPool, AnalyzeError> {
        if let Some(why) = &self.0.options.refused {
            return Err(AnalyzeError {
                code: "DeploymentNotConfiguredForNodeActions",
                message: format!(
                    "modules marked \"use node\" do not run on this deployment: {why}"
                ),
            });
        }
        let wanted = Wanted::of(bundle, env);
        if let Some(pool) = self.known(&wanted) {
            return Ok(pool);
        }
        // What takes minutes is not begun anew because who asked for it has gone.
        let host = self.clone();
        let made = tokio::spawn(async move { host.make(wanted).await });
        made.await.map_err(|error| unprepared(&error))?
    }

    async fn make(&self, wanted: Wanted) -> Result<ActionPool, AnalyzeError> {
        let shared = &*self.0;
        let _turn = shared.preparing.lock().await;
        if let Some(pool) = self.known(&wanted) {
            return Ok(pool);
        }
        let (launch, program) = shared.prepare(&wanted).await?;
        let options = shared.options.actions.clone();
        let program = Program::Node(Arc::new(program));
        let pool = ActionPool::new(launch, options, program, shared.idle_after);
        let mut generations = shared.generations.lock();
        if generations.len() == NODE_GENERATIONS {
            shared.retire(generations.pop_front());
        }
        generations.push_back(Generation {
            runs: wanted,
            pool: pool.clone(),
        });
        if shared.closed.load(Ordering::SeqCst) {
            pool.shutdown();
        }
        Ok(pool)
    }
}

impl Shared {
    /// Fetches, installs and looks after the folders.
    async fn prepare(&self, wanted: &Wanted) -> Result<(Launch, NodeProgram), AnalyzeError> {
        let folder = self.folder().await?;
        let node = match wanted.settings.version {
            Some(major) if major != self.own.major() => {
                versions::ensure(&folder.join("versions"), &self.own, major).await?
            }
            _ => self.own.clone(),
        };
        let proxy = self.options.actions.proxy.clone();
        if proxy.is_some() && !node.knows_proxies() {
            return Err(versions::without_proxy(&node));
        }
        let packages = match wanted.settings.packages.as_slice() {
            [] => None,
            list => Some(packages::ensure(&folder.join("packages"), &node, list).await?),
        };
        let bundles = folder.join("bundles");
        let bundle = bundles.join(wanted.files.folder_name(packages.as_deref()));
        let used = bundle.clone();
        let pruned = tokio::task::spawn_blocking(move || files::prune(&bundles, &used));
        pruned.await.map_err(|error| unprepared(&error))?;
        let heap_mib = self.options.actions.heap_mib;
        let native = DATA_HEADROOM_MIB + NODE_NATIVE_MIB + node.mapped_mib();
        let launch = Launch {
            heap_mib,
            data_bytes: (u64::from(heap_mib) * 2 + native) << 20,
            network: true,
            sandbox: None,
            planted: None,
            // Nobody lowers it.
            comes_forward: true,
            full: Some(FullNode {
                entry: bundle.join(files::BOOT_FILE),
                homes: folder.join("homes"),
                packages: packages.as_ref().map(|folder| folder.join("node_modules")),
                proxy,
            }),
            node,
        };
        let program = NodeProgram {
            files: wanted.files.clone(),
            bundle,
            packages,
        };
        Ok((launch, program))
    }

    /// Ends the processes of a generation with the last call in them.
    fn retire(&self, generation: Option<Generation>) {
        let mut retired = self.retired.lock();
        retired.retain(|pool| !pool.is_gone());
        retired.extend(generation.map(|generation| generation.pool.retire()));
    }

    async fn folder(&self) -> Result<&Path, AnalyzeError> {
        let open = || async {
            let wanted = self.options.folder.clone();
            let opened = tokio::task::spawn_blocking(move || Folder::open(wanted.as_deref()));
            let opened = opened.await.map_err(|error| unprepared(&error))?;
            opened.map_err(|error| unprepared(&error))
        };
        Ok(&self.folder.get_or_try_init(open).await?.root)
    }
}

fn unprepared(error: &dyn std::fmt::Display) -> AnalyzeError {
    AnalyzeError {
        code: "NodeActionsFolder",
        message: format!("the server cannot prepare its folder for Node actions: {error}"),
    }
}

/// A call that did not begin, and why: for the developer.
fn refused(rendered: String) -> ActionOutcome {
    ActionOutcome {
        result: CallResult::Error(JsError {
            rendered,
            data: None,
        }),
        logs: Vec::new(),
        unawaited: Vec::new(),
    }
}

/// Nothing can be asked while modules are evaluated; the executor says so first.
struct Nothing;

impl ActionSyscalls for Nothing {
    fn call(self: Arc<Self>, op: String, _args: String) -> Answer {
        let message = format!("Can't use `{op}` at import time");
        Box::pin(async { Err(SyscallError::System { message }) })
    }
}

async fn analyze_one(
    pool: &ActionPool,
    bundle: &Arc<Bundle>,
    env: &Environment,
    index: usize,
) -> Result<AnalyzedModule, AnalyzeError> {
    let path = &bundle.modules()[index].path;
    // Without the name of a function the process tells what the module exports.
    let invocation = Invocation {
        bundle: bundle.clone(),
        module: path.clone(),
        function: String::new(),
        kind: FunctionKind::Action,
        args: String::new(),
        env: env.clone(),
        seed: [0; 32],
        now_ms: 0.0,
    };
    let run = pool.run_within(&invocation, Arc::new(Nothing), None, NODE_ANALYSIS_TIME);
    let outcome = run.await.map_err(|_| AnalyzeError::overloaded())?;
    let evaluation = Evaluation(CallOutcome {
        result: outcome.result,
        logs: outcome.logs,
        usage: Usage::default(),
        realm_verdict: None,
    });
    let module = evaluation.functions(bundle, index)?;
    let mut functions = module.functions.iter();
    match functions.find(|function| function.kind != FunctionKind::Action) {
        None => Ok(module),
        Some(other) => Err(AnalyzeError::not_an_action(path, &other.name, other.kind)),
    }
}
