//! Shadow checks: some calls that ran in a realm kept from earlier ones are run again in a fresh
//! one, and must look the same: result, log lines, and every syscall in order, which are the reads
//! and writes. The second run sees no database; it is given the answers of the first.

use std::collections::VecDeque;

use crate::call::{
    CallOutcome, CallResult, Foreseen, FunctionKind, Invocation, Reply, Reserved, SyscallError,
    Syscalls,
};

/// What V8 says when the stack is full.
const STACK_OVERFLOW: &str = "Maximum call stack size exceeded";

type Answered = Result<String, SyscallError>;

/// What crossed between a call and the server.
#[derive(Debug)]
enum Event {
    Sync(String, String, Answered),
    Call(String, String, Answered),
    Nested(String, String, Box<Invocation>),
    /// The innermost nested call ended.
    Finished(Answered),
}

/// Passes syscalls on and keeps what was said.
pub(crate) struct Recorder<'a> {
    inner: &'a mut dyn Syscalls,
    events: VecDeque<Event>,
    /// Answered in advance, and not asked for yet.
    foreseen: VecDeque<Foreseen>,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(inner: &'a mut dyn Syscalls) -> Self {
        Recorder {
            inner,
            events: VecDeque::new(),
            foreseen: VecDeque::new(),
        }
    }

    pub(crate) fn into_replay(self) -> Replay {
        Replay {
            events: self.events,
            difference: None,
        }
    }
}

impl Syscalls for Recorder<'_> {
    fn foresee(&mut self) -> Vec<Foreseen> {
        let foreseen = self.inner.foresee();
        self.foreseen.extend(foreseen.iter().cloned());
        foreseen
    }

    fn foreseen_used(&mut self, count: usize) {
        self.inner.foreseen_used(count);
        let count = count.min(self.foreseen.len());
        for Foreseen { op, args, answer } in self.foreseen.drain(..count) {
            let event = Event::Call(op.to_owned(), args.to_string(), Ok(answer));
            self.events.push_back(event);
        }
    }

    fn posting(&mut self) -> Option<Vec<Reserved>> {
        self.inner.posting()
    }

    fn reserve_more(&mut self) -> Vec<Reserved> {
        self.inner.reserve_more()
    }

    fn posted(&mut self, op: &str, args: &str, answer: &str) -> Result<(), SyscallError> {
        self.inner.posted(op, args, answer)?;
        // The second run waits for it, and is told the same.
        let event = Event::Call(op.to_owned(), args.to_owned(), Ok(answer.to_owned()));
        self.events.push_back(event);
        Ok(())
    }

    fn sync_call(&mut self, op: &str, args: &str) -> Answered {
        let answer = self.inner.sync_call(op, args);
        let event = Event::Sync(op.to_owned(), args.to_owned(), answer.clone());
        self.events.push_back(event);
        answer
    }

    fn call(&mut self, op: &str, args: &str) -> Reply {
        let reply = self.inner.call(op, args);
        let (op, args) = (op.to_owned(), args.to_owned());
        self.events.push_back(match &reply {
            Reply::Value(text) => Event::Call(op, args, Ok(text.clone())),
            Reply::Error(error) => Event::Call(op, args, Err(error.clone())),
            Reply::Nested(invocation) => Event::Nested(op, args, invocation.clone()),
        });
        reply
    }

    fn nested_finished(&mut self, outcome: CallOutcome) -> Answered {
        let answer = self.inner.nested_finished(outcome);
        self.events.push_back(Event::Finished(answer.clone()));
        answer
    }
}

/// Answers a second run with what the first was told, as long as it asks the same.
pub(crate) struct Replay {
    events: VecDeque<Event>,
    difference: Option<String>,
}

impl Replay {
    /// Whether the second run has asked for something else.
    pub(crate) fn is_different(&self) -> bool {
        self.difference.is_some()
    }

    /// What tells the two runs apart.
    pub(crate) fn compare(self, kept: &CallOutcome, fresh: &CallOutcome) -> Option<String> {
        if let Some(difference) = self.difference {
            return Some(difference);
        }
        if !self.events.is_empty() {
            return Some("the fresh run asked the server for less".to_owned());
        }
        if kept.result != fresh.result {
            return Some(format!(
                "the result was {} instead of {}",
                shown(&kept.result),
                shown(&fresh.result)
            ));
        }
        let lines = |outcome: &CallOutcome| -> Vec<_> {
            let logs = outcome.logs.iter();
            logs.map(|line| (line.level, line.messages.clone()))
                .collect()
        };
        (lines(kept) != lines(fresh)).then(|| "the log lines differ".to_owned())
    }

    fn differs<T>(&mut self, asked: &str, expected: Option<&Event>) -> Result<T, SyscallError> {
        let expected = match expected {
            Some(Event::Sync(op, ..) | Event::Call(op, ..) | Event::Nested(op, ..)) => op.as_str(),
            Some(Event::Finished(_)) => "the end of a nested call",
            None => "nothing",
        };
        let text =
            format!("the fresh run asked for {asked} where the kept one had asked for {expected}");
        self.difference.get_or_insert(text);
        Err(SyscallError::System {
            message: "a shadow check came to its end".to_owned(),
        })
    }
}

/// The beginning of a result, for people.
fn shown(result: &CallResult) -> String {
    let text: String = match result {
        CallResult::Value(text) => text.chars().take(200).collect(),
        CallResult::Error(error) => error.rendered.chars().take(200).collect(),
        other => format!("{other:?}"),
    };
    format!("`{text}`")
}

/// Whether a second run is bound to say the same: clocks run in mutations, and a call that the
/// server ended is no call. Where the stack ends depends on how far the engine has optimised what is
/// on it, so an overflow need not happen in the same place.
pub(crate) fn is_comparable(invocation: &Invocation, outcome: &CallOutcome) -> bool {
    let settled = matches!(outcome.result, CallResult::Value(_) | CallResult::Error(_));
    let overflow = matches!(&outcome.result, CallResult::Error(error) if error.rendered.contains(STACK_OVERFLOW));
    let watched_clock = invocation.kind == FunctionKind::Mutation && outcome.usage.observed_time;
    settled && !overflow && !watched_clock && outcome.usage.realm_reused
}

impl Syscalls for Replay {
    fn sync_call(&mut self, op: &str, args: &str) -> Answered {
        match self.events.pop_front() {
            Some(Event::Sync(known, said, answer)) if known == op && said == args => answer,
            other => self.differs(op, other.as_ref()),
        }
    }

    fn call(&mut self, op: &str, args: &str) -> Reply {
        match self.events.pop_front() {
            Some(Event::Call(known, said, answer)) if known == op && said == args => match answer {
                Ok(text) => Reply::Value(text),
                Err(error) => Reply::Error(error),
            },
            Some(Event::Nested(known, said, invocation)) if known == op && said == args => {
                Reply::Nested(invocation)
            }
            other => match self.differs::<()>(op, other.as_ref()) {
                Ok(()) => Reply::Value(String::new()),
                Err(error) => Reply::Error(error),
            },
        }
    }

    fn nested_finished(&mut self, _: CallOutcome) -> Answered {
        match self.events.pop_front() {
            Some(Event::Finished(answer)) => answer,
            other => self.differs("the end of a nested call", other.as_ref()),
        }
    }
}
