//! Answers in advance: a question that is asked again begins by opening the same query streams,
//! whose first pages are sent along with the call, so that most queries cost one crossing.
//!
//! A page that is sent is not recorded as read before user code has taken rows of it (see
//! `streams.rs`), so one that nobody asks for leaves nothing behind. A function that asks for
//! something else the second time (its arguments depend on the clock, or on code that was pushed
//! since) is not foreseen again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use lentil_js::{Foreseen, FunctionKind};

use super::UdfSyscalls;

/// The operation that is foreseen.
const PAGE: &str = "1.0/queryStreamPage";
/// Pages that are sent along at most, and bytes of what asks for them.
const PAGES_MAX: usize = 8;
const BYTES_MAX: usize = 4 << 10;

/// What is known of how a question's run begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Foresight {
    /// Nothing yet.
    #[default]
    Unknown,
    /// The arguments of the requests that open its first streams.
    Opens(Arc<[Arc<str>]>),
    /// It begins with something else, or now so, now otherwise.
    Never,
}

impl Foresight {
    /// Bytes it costs to keep, roughly.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Foresight::Opens(opens) => opens.iter().map(|args| args.len() + 16).sum(),
            Foresight::Unknown | Foresight::Never => 0,
        }
    }
}

/// What one run does with it.
#[derive(Default)]
pub(super) struct Beginning {
    known: Foresight,
    /// Whether the run has begun, so that nothing more can be sent along.
    begun: bool,
    /// Pages that were sent along and not asked for yet.
    waiting: VecDeque<Sent>,
    /// What was asked for, as long as it was nothing else.
    asked: Vec<Arc<str>>,
    /// Something else was asked for, or too much.
    ended: bool,
}

/// A page that was sent along.
struct Sent {
    stream: u64,
    args: Arc<str>,
}

impl Beginning {
    /// Takes note of a request.
    pub(super) fn note(&mut self, op: &str, args: &str) {
        if self.ended {
            return;
        }
        let opens = op == PAGE && args.contains(r#""open":"#) && args.contains(r#""consumed":0,"#);
        let bytes: usize = self.asked.iter().map(|args| args.len()).sum();
        if opens && self.asked.len() < PAGES_MAX && bytes + args.len() <= BYTES_MAX {
            self.asked.push(args.into());
        } else {
            self.ended = true;
        }
    }

    /// A stream is opened by a request: what was sent along for its number was not meant.
    pub(super) fn is_opened(&mut self, stream: u64) {
        self.waiting.retain(|sent| sent.stream != stream);
    }

    /// What the next run of the question can be told.
    pub(super) fn learnt(&self) -> Foresight {
        match &self.known {
            Foresight::Opens(opens) if *self.asked == **opens => Foresight::Opens(opens.clone()),
            Foresight::Opens(opens) if !self.asked.starts_with(opens) => Foresight::Never,
            Foresight::Never => Foresight::Never,
            _ if self.asked.is_empty() => Foresight::Never,
            _ => Foresight::Opens(self.asked.as_slice().into()),
        }
    }
}

impl UdfSyscalls {
    /// Lets the call be answered in advance; before it begins.
    pub(crate) fn foresee_as(&mut self, known: Foresight) {
        debug_assert!(
            self.kind() == FunctionKind::Query,
            "a write may change what is read"
        );
        self.beginning.ended = known == Foresight::Never;
        self.beginning.known = known;
    }

    /// The pages that the call is expected to ask for.
    pub(super) fn pages_in_advance(&mut self) -> Vec<Foreseen> {
        if std::mem::replace(&mut self.beginning.begun, true) {
            return Vec::new();
        }
        let Foresight::Opens(opens) = self.beginning.known.clone() else {
            return Vec::new();
        };
        let since = Instant::now();
        let mut foreseen = Vec::with_capacity(opens.len());
        for args in opens.iter() {
            let Ok((stream, answer)) = self.first_page(args) else {
                // It will be asked for, and fail then.
                break;
            };
            let args = args.clone();
            self.beginning.waiting.push_back(Sent {
                stream,
                args: args.clone(),
            });
            foreseen.push(Foreseen {
                op: PAGE,
                args,
                answer,
            });
        }
        self.system_time += since.elapsed();
        foreseen
    }

    /// The next so many of those pages were asked for.
    pub(super) fn pages_used(&mut self, count: usize) {
        for _ in 0..count {
            if let Some(sent) = self.beginning.waiting.pop_front() {
                self.beginning.asked.push(sent.args);
            }
        }
    }

    /// Forgets the pages that nobody asked for: they were not read.
    pub(super) fn forget_unused_pages(&mut self) {
        for sent in std::mem::take(&mut self.beginning.waiting) {
            self.frames[0].streams.remove(&sent.stream);
        }
    }
}
