//! What comes out of a function, for whoever asked.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use lentil_database::Subscription;
use lentil_values::Timestamp;

use crate::Signal;
use crate::introspection::Entry;
use crate::logs::Line;
use crate::syscalls::Foresight;
use crate::watchers::Watchers;

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

impl Outcome {
    /// A failure before anything ran.
    pub fn failed(failure: FunctionFailure) -> Outcome {
        Outcome {
            result: Err(failure),
            log_lines: Arc::default(),
        }
    }
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
    /// What was logged, for the log stream.
    pub(crate) lines: Arc<Vec<Line>>,
    /// Watches what the run read; `None` if it read nothing, so that nothing can change it.
    pub(crate) subscription: Option<Subscription>,
    /// Whom to wake when the subscription fires.
    pub(crate) watchers: Arc<Watchers>,
    /// What the run observed besides documents.
    pub(crate) observed: Observed,
    /// How the next run of the question will begin.
    pub(crate) foresight: Foresight,
    /// When the run ended.
    pub(crate) made: Instant,
    /// What is known of its question, once its run has ended.
    pub(crate) live: OnceLock<Entry>,
}

/// How long a renewed result is given to those who held the one before.
const RENEWAL_AGE: Duration = Duration::from_secs(1);

/// What a run looked at besides documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Observed {
    /// A clock: the result may be shared with new askers for a bounded time only.
    pub(crate) time: bool,
    /// The caller's identity: the result is that identity's only.
    pub(crate) identity: bool,
}

impl QueryResult {
    /// Whether it is what a run at `ts` would give: `ts` is not before its snapshot and no commit
    /// in between touched its read set. Correct for every `ts` up to `Functions::latest()`.
    pub fn is_valid_at(&self, ts: Timestamp) -> bool {
        ts >= self.ts && self.invalidated_at().is_none_or(|at| ts < at)
    }

    /// What the same question was answered with when a commit changed this result for many: those
    /// who hold this one need not ask. `journal` is what the asker would ask with.
    pub fn renewed(&self, journal: Option<&Arc<str>>) -> Option<Arc<QueryResult>> {
        let next = self.watchers.next()?;
        let same_question =
            self.journal.as_ref() == journal && (self.observed.identity || !next.observed.identity);
        // Beyond that age an answer may be too old for new askers, or count as a use of the cache.
        (same_question && next.age() < RENEWAL_AGE).then_some(next)
    }

    /// The newest timestamp up to `latest` at which the result may hold: it does unless it was
    /// made later.
    pub fn holds_until(&self, latest: Timestamp) -> Timestamp {
        let changed = self.invalidated_at().unwrap_or(Timestamp::MAX);
        latest.min(Timestamp(changed.0 - 1))
    }

    /// Raises `signal` once the commit that invalidates the result is visible, at once
    /// if it is already. Dropping the `Watch` stops watching; while any watch lives the result's
    /// read set stays subscribed.
    pub fn watch(self: &Arc<Self>, signal: &Arc<Signal>) -> Watch {
        let number = self.watchers.add(signal);
        let counted = self.live.get();
        if let Some(entry) = counted {
            entry.watch();
        }
        Watch {
            result: self.clone(),
            number,
            counted: counted.is_some(),
        }
    }

    /// The first commit that changed what the run had read.
    pub(crate) fn invalidated_at(&self) -> Option<Timestamp> {
        self.subscription
            .as_ref()
            .and_then(Subscription::invalidated_at)
    }

    pub(crate) fn age(&self) -> Duration {
        self.made.elapsed()
    }

    /// Bytes it costs to keep, roughly.
    pub(crate) fn weight(&self) -> u64 {
        /// The result itself, its question, how that is asked again, and the subscription; measured
        /// with 40,000 results of a query that reads nothing: 2.0 KB each, with their entries.
        const OVERHEAD: usize = 1_536;
        /// One interval of the read set and its place in the index of subscriptions; estimated from
        /// what they are made of.
        const INTERVAL: usize = 256;
        let intervals = self
            .subscription
            .as_ref()
            .map_or(0, Subscription::intervals);
        let text = match &self.outcome.result {
            Ok(value) => value.len(),
            Err(failure) => {
                failure.message.len() + failure.data.as_ref().map_or(0, |data| data.len())
            }
        };
        let lines: usize = self.outcome.log_lines.iter().map(String::len).sum();
        (OVERHEAD
            + intervals * INTERVAL
            + self.foresight.weight()
            + text
            + lines
            + self.journal.as_ref().map_or(0, |journal| journal.len())) as u64
    }
}

/// Keeps a [`QueryResult`] watched until dropped.
pub struct Watch {
    result: Arc<QueryResult>,
    number: usize,
    counted: bool,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.result.watchers.remove(self.number);
        if let Some(entry) = self.result.live.get().filter(|_| self.counted) {
            entry.unwatch();
        }
    }
}
