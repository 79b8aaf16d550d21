//! What comes out of a function, for whoever asked.

use std::sync::Arc;

use lentil_values::Timestamp;

/// Who must act on a failure, and how the edge answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureClass {
    /// The developer's code or input: an ordinary function failure (HTTP 200 with `status: error`,
    /// `QueryFailed`, `success: false`).
    Developer,
    /// Overload; the client retries (HTTP 503, close 1013). Carries the short code.
    Overloaded(&'static str),
    /// The write conflict outlived its retries (`OptimisticConcurrencyControlFailure`, 503, close 1013).
    Conflict,
    /// Nobody's fault outside: 500, close 1011 `InternalServerError`.
    Internal,
}

/// A function did not return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionFailure {
    /// Who must act.
    pub class: FailureClass,
    /// Rendered error without the request-id line, e.g. `Uncaught Error: boom\n    at …`.
    pub message: String,
    /// Encoded JSON of a ConvexError's data.
    pub data: Option<Arc<str>>,
}

/// A value (encoded JSON) or a failure, with what was logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Encoded JSON text of the value, or why there is none.
    pub result: Result<Arc<str>, FunctionFailure>,
    /// Log lines as clients get them: `[LEVEL] text`.
    pub log_lines: Arc<Vec<String>>,
}

/// A mutation that ran (or was found to have run before).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MutationDone {
    /// Value or failure.
    pub outcome: Outcome,
    /// The commit timestamp; `None` if it failed.
    pub ts: Option<Timestamp>,
}

/// A query's result; shared by everyone who asked the same question.
pub struct QueryResult {
    /// Value or failure.
    pub outcome: Outcome,
    /// The snapshot it was computed at.
    pub ts: Timestamp,
    /// Opaque text that pins a page's end, for paginating queries.
    pub journal: Option<Arc<str>>,
    // private: the read set's subscription and the watchers
    pub(crate) _private: (),
}

impl QueryResult {
    /// Whether it is what a run at `ts` would give: `ts` is not before its snapshot and no commit
    /// in between touched its read set. Correct for every `ts` up to `Functions::latest()`.
    pub fn is_valid_at(&self, ts: Timestamp) -> bool {
        let _ = ts;
        todo!()
    }
    /// Calls `notify.notify_one()` once the result is (or already was) invalidated. Dropping the
    /// `Watch` stops watching; while any watch lives the result's read set stays subscribed.
    pub fn watch(self: &Arc<Self>, notify: Arc<tokio::sync::Notify>) -> Watch {
        let _ = notify;
        todo!()
    }
}

/// Keeps a [`QueryResult`] watched until dropped.
pub struct Watch {
    pub(crate) _private: (),
}
