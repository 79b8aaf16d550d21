//! Actions: many calls to a process, for as long as they take, with the network.
//!
//! Where a query owns its executor and is answered while it blocks, an action shares one: every
//! frame carries the number of its call, and requests are answered whenever they are done. An
//! action is run once: when its process dies it fails and says so.

mod call;
mod http;
mod pool;
mod process;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::SyscallError;
use crate::call::{CallResult, LogLine};

pub(crate) use self::http::Exchange;
pub use self::http::{HttpEnd, HttpExchange, HttpHead, HttpOutcome, RequestBody};
pub(crate) use self::pool::{ActionPool, RetiredPool};
pub(crate) use self::process::Program;

/// What answers one request of an action.
pub type Answer = Pin<Box<dyn Future<Output = Result<String, SyscallError>> + Send>>;

/// What answers one request for bytes.
pub type BytesAnswer = Pin<Box<dyn Future<Output = Result<Bytes, SyscallError>> + Send>>;

/// The world as an action sees it.
pub trait ActionSyscalls: Send + Sync + 'static {
    /// Answers a request. Requests of one action begin in the order in which they were made, so
    /// many at a time, and are answered as they end. Whatever the answer, a failure reaches user
    /// code as an error that it may catch.
    fn call(self: Arc<Self>, op: String, args: String) -> Answer;

    /// Answers a request that comes with bytes. Where files are not moved there is none.
    fn give(self: Arc<Self>, op: String, args: String, bytes: Bytes) -> Answer {
        drop((args, bytes));
        Box::pin(async move { Err(unknown(&op)) })
    }

    /// Answers a request for bytes.
    fn take(self: Arc<Self>, op: String, args: String) -> BytesAnswer {
        drop(args);
        Box::pin(async move { Err(unknown(&op)) })
    }

    /// Hears the route that an HTTP action was given, before anything it logs.
    fn routed(&self, _route: &str) {}

    /// Hears what the action logs while it goes on. The lines are part of the outcome, too.
    fn logged(&self, _lines: &[LogLine]) {}
}

fn unknown(op: &str) -> SyscallError {
    SyscallError::Developer {
        message: format!("Unknown async operation {op}"),
        data: None,
    }
}

/// How actions run.
#[derive(Clone, Debug)]
pub struct ActionOptions {
    /// Processes at most; each starts when those before it have enough to do.
    pub processes: usize,
    /// Actions that run at a time.
    pub running: usize,
    /// Actions that may wait for their turn; one more is refused.
    pub waiting: usize,
    /// How long one waits before it is refused.
    pub patience: Duration,
    /// How long one action may take.
    pub time: Duration,
    /// How long one action may keep its process from everything else.
    pub blocking: Duration,
    /// JS heap of a process, MiB.
    pub heap_mib: u32,
    /// Requests of one action that are answered at a time; the rest wait.
    pub concurrent: usize,
    /// Where actions may connect to.
    pub network: Network,
    /// What they connect through.
    pub proxy: Option<Proxy>,
    /// HTTP actions that run at a time; they take no places of actions.
    pub http_running: usize,
    /// How long an HTTP action waits for its client, to send more or to take more.
    pub http_idle: Duration,
}

/// A proxy for what actions fetch. It may have a password, which is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    url: String,
    direct: Vec<String>,
}

impl Proxy {
    /// A proxy by its URL, `http://user:password@host:port`.
    pub fn new(url: &str) -> Proxy {
        Proxy {
            url: url.to_owned(),
            direct: Vec::new(),
        }
    }

    /// The same with hosts that are reached without it, each `host:port` as URLs spell them.
    #[must_use]
    pub fn except(mut self, direct: Vec<String>) -> Proxy {
        self.direct = direct;
        self
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn direct(&self) -> &[String] {
        &self.direct
    }

    /// Variables by which Node, and much that runs in it, learns of the proxy.
    pub(crate) fn variables(&self) -> [(&'static str, String); 4] {
        [
            ("NODE_USE_ENV_PROXY", "1".to_owned()),
            ("HTTP_PROXY", self.url.clone()),
            ("HTTPS_PROXY", self.url.clone()),
            ("NO_PROXY", self.direct.join(",")),
        ]
    }
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Proxy")
    }
}

/// Where actions may connect to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// Anywhere.
    #[default]
    Open,
    /// Public addresses: nothing loopback, private, link-local or reserved.
    PublicOnly {
        /// Exceptions, each `host:port` as URLs spell them, with the port.
        allowed: Vec<String>,
    },
}

impl Default for ActionOptions {
    /// Convex's limits, at most one process a core (two if there is one).
    fn default() -> ActionOptions {
        ActionOptions {
            processes: std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2)),
            running: 64,
            waiting: 4_096,
            patience: Duration::from_secs(10),
            time: Duration::from_secs(1_800),
            blocking: Duration::from_secs(30),
            heap_mib: 512,
            concurrent: 8,
            network: Network::Open,
            proxy: None,
            http_running: 128,
            http_idle: Duration::from_secs(60),
        }
    }
}

/// The end of an action.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionOutcome {
    /// Value or failure.
    pub result: CallResult,
    /// Console lines in order, at most 256.
    pub logs: Vec<LogLine>,
    /// Requests that were made and not awaited, in the order in which they were made.
    pub unawaited: Vec<String>,
}

/// Why an action did not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActionRefused {
    /// Too many run and wait already.
    #[error("too many actions are running")]
    Busy,
    /// The host ends.
    #[error("the function host is shutting down")]
    ShuttingDown,
}
