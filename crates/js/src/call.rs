//! Station 5 · one call of one function in an executor.
//!
//! Arrives: an [`Invocation`] from `functions/src/mutation.rs` or `functions/src/query.rs`.
//! Leaves: a [`CallOutcome`]; on the way, requests to [`Syscalls`]
//! (`functions/src/syscalls.rs`, station 6).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::Bundle;

/// What a function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FunctionKind {
    /// `query`, `internalQuery`.
    Query,
    /// `mutation`, `internalMutation`.
    Mutation,
    /// `action`, `internalAction`.
    Action,
    /// `httpAction`.
    HttpAction,
}

/// Whether a call gets a fresh global context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Realms {
    /// Always: what Convex promises.
    Fresh,
    /// A context is kept for later calls of the same module, whether they notice or not.
    Kept,
    /// A context is kept as long as calls change nothing in it that is older than they are: nobody
    /// can tell it from a fresh one (`crates/js/src/link/barrier.rs`).
    Watched,
}

/// Everything a call needs besides its syscalls.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The code.
    pub bundle: Arc<Bundle>,
    /// Canonical module path.
    pub module: String,
    /// Export name (`default` allowed).
    pub function: String,
    /// What the caller takes it for: query or mutation.
    pub kind: FunctionKind,
    /// JSON text of the argument array, encoded form.
    pub args: String,
    /// `process.env`.
    pub env: Arc<BTreeMap<String, String>>,
    /// Seed of `Math.random` and `crypto` for this execution.
    pub seed: [u8; 32],
    /// `Date.now()`, frozen for the whole execution, ms since the epoch.
    pub now_ms: f64,
}

/// Why a syscall failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyscallError {
    /// The developer's doing: thrown at the call site, catchable.
    Developer {
        /// The message of the thrown error.
        message: String,
        /// Encoded JSON of a ConvexError's data, if it is one.
        data: Option<String>,
    },
    /// Not the developer's doing: ends the whole execution, uncatchable.
    System {
        /// What to report.
        message: String,
    },
}

/// The answer to one asynchronous syscall.
#[derive(Debug)]
pub enum Reply {
    /// JSON text.
    Value(String),
    /// It failed.
    Error(SyscallError),
    /// Run this function first, in the same executor (`1.0/runUdf`); the answer is what
    /// [`Syscalls::nested_finished`] makes of its outcome.
    Nested(Box<Invocation>),
}

/// An asynchronous syscall that a call is expected to make, and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreseen {
    /// The operation.
    pub op: &'static str,
    /// Its arguments, as user code will spell them.
    pub args: Arc<str>,
    /// JSON text.
    pub answer: String,
}

/// Answers for inserts that a call posts: writes that it does not wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// How the arguments of an insert into the table begin, as user code will spell them.
    pub begins: String,
    /// JSON texts, one for each insert, in order.
    pub answers: Vec<String>,
}

/// The world as user code sees it. One object serves one call and everything nested in it.
pub trait Syscalls: Send {
    /// What the call that is about to begin will ask first, as far as that is known, in order.
    /// It is sent along, so that asking costs no crossing. Answering must have left no trace: what
    /// of it is asked for is told by [`Syscalls::foreseen_used`], the rest was never asked.
    fn foresee(&mut self) -> Vec<Foreseen> {
        Vec::new()
    }
    /// The next so many of what was foreseen have been asked for. Told before anything that user
    /// code has asked since, and before the call's end.
    fn foreseen_used(&mut self, count: usize) {
        let _ = count;
    }
    /// Whether the call that is about to begin may post writes, that is go on as if they had
    /// succeeded; and what its inserts are answered until that is used up. Nothing of it is to be
    /// believed to happen before [`Syscalls::posted`] tells.
    fn posting(&mut self) -> Option<Vec<Reserved>> {
        None
    }
    /// What further inserts are answered; asked with every answer to a call that may post.
    fn reserve_more(&mut self) -> Vec<Reserved> {
        Vec::new()
    }
    /// A write that was posted, and what user code was told. Told in the order of all syscalls,
    /// before anything that user code has asked since, and before the call's end. If it fails,
    /// nothing the call did since counts: it ends with [`CallResult::System`], and has to be run
    /// again with no posting.
    fn posted(&mut self, op: &str, args: &str, answer: &str) -> Result<(), SyscallError> {
        let _ = (op, args, answer);
        Err(SyscallError::System {
            message: "nothing may be posted here".to_owned(),
        })
    }
    /// A synchronous syscall.
    fn sync_call(&mut self, op: &str, args: &str) -> Result<String, SyscallError>;
    /// An asynchronous syscall. Calls of one execution arrive in the order they were issued and
    /// are answered in that order.
    fn call(&mut self, op: &str, args: &str) -> Reply;
    /// The innermost nested invocation ended; returns the answer of the syscall that asked for it.
    /// Every `Reply::Nested` is followed by exactly one such call.
    fn nested_finished(&mut self, outcome: CallOutcome) -> Result<String, SyscallError>;
}

/// `console` levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// `console.debug`.
    Debug,
    /// `console.info`.
    Info,
    /// `console.log`, `console.trace`.
    Log,
    /// `console.warn`.
    Warn,
    /// `console.error`.
    Error,
}

/// One console call.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    /// Its level.
    pub level: LogLevel,
    /// The arguments as the inspector renders them.
    pub messages: Vec<String>,
    /// Milliseconds since the epoch.
    pub timestamp_ms: f64,
    /// Whether it was cut at 32,768 bytes.
    pub is_truncated: bool,
}

/// An error that user code threw and did not catch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsError {
    /// `Uncaught Error: boom` and source-mapped frames, as function-runtime 8.1 renders it.
    pub rendered: String,
    /// Encoded JSON of the data, if it is a ConvexError.
    pub data: Option<String>,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq)]
pub enum CallResult {
    /// It returned; encoded JSON.
    Value(String),
    /// It threw, or cannot be called (no such module or export, wrong kind, import-time error,
    /// promise that never resolves); all developer errors.
    Error(JsError),
    /// More user time than the limit; the executor was killed. The text is ready for the developer.
    Timeout(String),
    /// More memory than the limit; the executor is gone. The text is ready for the developer.
    OutOfMemory(String),
    /// It could not run to its end now, and may be run again: the machine gave it too little of its
    /// processors, or somebody else ended the executor. The text is ready for the client.
    Overloaded(String),
    /// A syscall failed with [`SyscallError::System`], or the executor broke.
    System(String),
}

/// What a call cost and observed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Time in user code.
    pub user_time: Duration,
    /// It looked at a clock (limits caching).
    pub observed_time: bool,
    /// It drew a random number.
    pub observed_randomness: bool,
    /// It read `process.env`.
    pub observed_env: bool,
    /// Its realm had served an earlier call.
    pub realm_reused: bool,
}

/// The end of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct CallOutcome {
    /// Value or failure.
    pub result: CallResult,
    /// Console lines in order, at most 256.
    pub logs: Vec<LogLine>,
    /// Cost and observations.
    pub usage: Usage,
    /// Why calls like this get fresh realms from now on, if this one decided it.
    pub realm_verdict: Option<String>,
}
