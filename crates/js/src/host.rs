//! The pool of executor processes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::{AnalyzeError, AnalyzedModule, Bundle, CallOutcome, Invocation, Realms, Syscalls};

/// How the host runs.
#[derive(Clone, Debug)]
pub struct HostOptions {
    /// The Node binary; `None` looks for `node` on PATH.
    pub node: Option<PathBuf>,
    /// Executors for queries and mutations.
    pub executors: usize,
    /// Realm policy.
    pub realms: Realms,
    /// User time of a query or mutation (waiting for syscalls is not counted).
    pub user_time: Duration,
    /// JS heap of a call, MiB.
    pub heap_mib: u32,
    /// An executor with nothing to do for so long goes away.
    pub idle_after: Duration,
    /// Calls that may wait for an executor; one more is refused.
    pub queue: usize,
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
pub struct Host {}

impl Host {
    /// Checks Node and prepares the pool; executors start at first need.
    pub fn start(options: HostOptions) -> Result<Host, HostError> {
        let _ = options;
        todo!()
    }

    /// Runs one call and hands the syscalls object back with its outcome. Cancel-safe: dropping
    /// the future lets the call run to its end unobserved. `Err` gives the object back when the queue is full.
    pub async fn call<S: Syscalls + 'static>(&self, invocation: Invocation, syscalls: S) -> Result<(CallOutcome, S), S> {
        let _ = (invocation, syscalls);
        todo!()
    }

    /// Evaluates every module that is not a chunk and reports its exports, by canonical path.
    pub async fn analyze(
        &self,
        bundle: Arc<Bundle>,
        env: Arc<BTreeMap<String, String>>,
    ) -> Result<BTreeMap<String, AnalyzedModule>, AnalyzeError> {
        let _ = (bundle, env);
        todo!()
    }

    /// The text that the default export's `export()` of `schema.js` returns.
    pub async fn evaluate_schema(&self, bundle: Arc<Bundle>) -> Result<String, AnalyzeError> {
        let _ = bundle;
        todo!()
    }

    /// The JSON text of the default export of `auth.config.js`.
    pub async fn evaluate_auth(
        &self,
        bundle: Arc<Bundle>,
        env: Arc<BTreeMap<String, String>>,
    ) -> Result<String, AnalyzeError> {
        let _ = (bundle, env);
        todo!()
    }

    /// The JSON text of what the default export's `export()` of `convex.config.js` returns.
    pub async fn evaluate_definition(
        &self,
        bundle: Arc<Bundle>,
        env: Arc<BTreeMap<String, String>>,
    ) -> Result<String, AnalyzeError> {
        let _ = (bundle, env);
        todo!()
    }

    /// Counters.
    pub fn stats(&self) -> HostStats {
        todo!()
    }

    /// Ends all executors; calls still running fail.
    pub async fn shutdown(&self) {
        todo!()
    }
}
