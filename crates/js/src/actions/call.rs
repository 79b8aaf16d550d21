//! One action from its invocation to its end.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;

use super::http::{Exchange, Step};
use super::process::{ActionProcess, Answered, Event, Moved};
use super::{ActionOutcome, ActionSyscalls};
use crate::call::{CallResult, LogLine};
use crate::executor::{module_of, read_outcome};
use crate::limits::LOG_LINES_MAX;
use crate::wire::{FrameReader, Malformed};
use crate::{Bundle, Invocation, SyscallError};

/// Runs the action in the process and answers its requests; an HTTP action has an exchange, too.
/// `None`: the process ended before the action began.
pub(super) async fn run(
    process: Arc<ActionProcess>,
    invocation: &Invocation,
    syscalls: Arc<dyn ActionSyscalls>,
    (concurrent, time): (usize, Duration),
    exchange: Option<&mut Exchange>,
) -> Option<ActionOutcome> {
    let module = match module_of(invocation, process.is_full()) {
        Ok(module) => module,
        Err(outcome) => return Some(plain(outcome.result)),
    };
    // Room for every request that may be open at a time, for the frames of an exchange, of each of
    // which one comes at a time, for lines, each in a frame of its own, and for the end.
    let (sender, events) = mpsc::channel(concurrent + LOG_LINES_MAX + 6);
    let seat = process.enter(sender)?;
    let mut call = Running {
        process: &process,
        number: seat.number(),
        bundle: &invocation.bundle,
        syscalls,
        lines: Vec::new(),
    };
    let body = async {
        process.invoke(seat.number(), invocation, module).await;
        call.follow(events, exchange).await
    };
    let ended = tokio::time::timeout(time, body).await;
    let mut outcome = ended.unwrap_or_else(|_| {
        let text = timeout_text(&process, invocation, time);
        plain(CallResult::Timeout(text))
    });
    // What was told before the end stands before what came with it.
    outcome.logs.splice(0..0, call.lines);
    Some(outcome)
}

/// As Convex says it; the two runtimes differ.
fn timeout_text(process: &ActionProcess, invocation: &Invocation, time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if process.is_full() {
        let module = invocation.module.trim_end_matches(".js");
        let function = &invocation.function;
        return format!(
            "Action `{module}:{function}` execution timed out (maximum duration {seconds}s)"
        );
    }
    format!("Function execution timed out (maximum duration: {seconds}s)")
}

/// An action that runs.
struct Running<'a> {
    process: &'a ActionProcess,
    number: u32,
    bundle: &'a Bundle,
    syscalls: Arc<dyn ActionSyscalls>,
    /// What it has logged so far.
    lines: Vec<LogLine>,
}

impl Running<'_> {
    /// Answers requests until the action ends.
    async fn follow(
        &mut self,
        mut events: mpsc::Receiver<Event>,
        mut exchange: Option<&mut Exchange>,
    ) -> ActionOutcome {
        let malformed = || {
            plain(CallResult::System(
                "an executor of actions sent a malformed frame".to_owned(),
            ))
        };
        let mut answers = FuturesUnordered::new();
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(Event::Request { id, op, args, bytes }) => {
                        let syscalls = Arc::clone(&self.syscalls);
                        answers.push(async move { (id, answer(syscalls, op, args, bytes).await) });
                    }
                    Some(Event::Lines(lines)) => {
                        self.syscalls.logged(&lines);
                        self.lines.extend(lines);
                    }
                    Some(Event::Http(frame)) => {
                        let taken = exchange.as_deref_mut().ok_or(Malformed);
                        match taken.and_then(|exchange| exchange.take(frame)) {
                            Ok(Some(route)) => self.syscalls.routed(&route),
                            Ok(None) => {}
                            Err(Malformed) => return malformed(),
                        }
                    }
                    Some(Event::Done(fields)) => {
                        return done(&fields, self.bundle).unwrap_or_else(|Malformed| malformed());
                    }
                    Some(Event::Lost(result)) => return plain(result),
                    None => return plain(CallResult::System("an executor of actions is gone".to_owned())),
                },
                Some((id, answer)) = answers.next(), if !answers.is_empty() => {
                    self.process.reply(self.number, id, answer).await;
                }
                step = step_of(exchange.as_deref_mut()) => self.process.tell(self.number, step).await,
            }
        }
    }
}

async fn answer(
    syscalls: Arc<dyn ActionSyscalls>,
    op: String,
    args: String,
    bytes: Moved,
) -> Result<Answered, SyscallError> {
    match bytes {
        Moved::Nothing => syscalls.call(op, args).await.map(Answered::Text),
        Moved::Given(bytes) => syscalls.give(op, args, bytes).await.map(Answered::Text),
        Moved::Wanted => syscalls.take(op, args).await.map(Answered::Bytes),
    }
}

async fn step_of(exchange: Option<&mut Exchange>) -> Step {
    match exchange {
        Some(exchange) => exchange.step().await,
        None => std::future::pending().await,
    }
}

fn done(fields: &[u8], bundle: &Bundle) -> Result<ActionOutcome, Malformed> {
    let mut fields = FrameReader::new(fields);
    let outcome = read_outcome(&mut fields, bundle)?;
    let count = fields.u32()?;
    let mut unawaited = Vec::new();
    for _ in 0..count {
        unawaited.push(fields.str()?.to_owned());
    }
    Ok(ActionOutcome {
        result: outcome.result,
        logs: outcome.logs,
        unawaited,
    })
}

/// An end without lines.
pub(super) fn plain(result: CallResult) -> ActionOutcome {
    ActionOutcome {
        result,
        logs: Vec::new(),
        unawaited: Vec::new(),
    }
}
