//! Drives one executor process: sends bundles and calls, and answers syscalls. What frames hold is
//! written and read in `executor/wire.rs`; how long code may run is watched in `executor/clock.rs`.

mod clock;
mod wire;

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) use self::wire::{read_line, read_outcome, write_invocation};
use self::wire::{write_foreseen, write_posting, write_reply, write_reserved};
use crate::call::{CallOutcome, CallResult, Invocation, JsError, Reply, Syscalls, Usage};
use crate::limits::*;
use crate::loaded::Loaded;
use crate::meter::Meter;
use crate::process::{KillSwitch, Launch, Process, was_out_of_memory};
use crate::wire::{FrameReader, FrameWriter, Malformed, from_executor, to_executor};
use crate::{Bundle, Realms, SyscallError};

/// What evaluating a module is for; the numbers are the executor's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Functions = 1,
    Schema = 2,
    Auth = 3,
    Definition = 4,
}

/// Where a frame says how much of what was foreseen has been used, and how many writes were posted.
const USED: usize = 5;
const POSTED: usize = 6;
/// Where the rest of a frame begins in the input: posted writes, then its fields.
const BODY: usize = 7;
/// Why a call ends whose posted writes cannot be made.
const RETRACTED: &str = "a posted write failed: the call has to run again and wait for its writes";
/// Buffers that are kept for nested calls.
const SPARE_BUFFERS: usize = 4;

/// Why a whole execution tree ends at once.
#[derive(Debug)]
pub(crate) enum End {
    /// User time is up; the process was ended.
    Timeout,
    /// Wall time is up, because the machine did not let user code run; the process was ended.
    Starved,
    /// The process ran out of memory and is gone.
    OutOfMemory,
    /// Somebody else ended the process. The flag: before the call asked the server for anything.
    Lost(bool),
    /// A syscall failed with something that user code must not see. The flag: the executor was
    /// told and lives on.
    System(String, bool),
    /// The same for a synchronous syscall: user code is on the stack and cannot be unwound, so the
    /// process has to go.
    Cut(String),
}

/// An executor process and what it has been sent.
#[derive(Debug)]
pub(crate) struct Executor {
    process: Process,
    realms: Realms,
    loaded: Loaded,
    input: Vec<u8>,
    /// Buffers for frames that come while requests are answered.
    spare: Vec<Vec<u8>>,
    have: usize,
    /// Where the fields of the frame in the input begin and end.
    fields: usize,
    frame_end: usize,
    output: FrameWriter,
    calls: u64,
    /// The call at hand has asked the server for something.
    asked: bool,
    /// The last call failed, perhaps for want of memory that its realm still holds.
    suspect: bool,
    /// Private memory when it rested for the first time after a call.
    rested: Option<u64>,
    /// It runs a call, or analyses something, and does not just start or tidy up.
    is_called: bool,
    /// Its priority is lowered: a call has run for long.
    background: bool,
    /// It can have its old one again.
    comes_forward: bool,
    running_since: Instant,
    cpu_before: Option<Duration>,
}

impl From<Malformed> for End {
    fn from(_: Malformed) -> Self {
        End::System("the executor sent a malformed frame".to_owned(), false)
    }
}

fn broken(error: &std::io::Error) -> End {
    End::System(
        format!("the connection to the executor broke: {error}"),
        false,
    )
}

impl Executor {
    /// Starts a process and waits until it is ready for calls.
    pub(crate) fn start(
        launch: &Launch,
        realms: Realms,
        switch: KillSwitch,
    ) -> Result<Executor, End> {
        let process = Process::start(launch, crate::scripts::BOOT, switch)
            .map_err(|error| End::System(format!("cannot start an executor: {error}"), false))?;
        let options = serde_json::json!({
            "spare": REALMS_SPARE, "kept": REALMS_KEPT, "envs": ENVS_PER_EXECUTOR,
            "streams": crate::scripts::STREAMS, "planted": launch.planted,
        });
        let mut hello = FrameWriter::default();
        hello.plain_str(crate::scripts::main_script());
        hello.plain_str(crate::scripts::realm_script());
        hello.plain_str(&options.to_string());
        let mut executor = Executor {
            process,
            realms,
            loaded: Loaded::default(),
            input: vec![0; 1 << 16],
            spare: Vec::new(),
            have: 0,
            fields: BODY,
            frame_end: 0,
            output: FrameWriter::default(),
            calls: 0,
            asked: false,
            suspect: false,
            rested: None,
            is_called: false,
            background: false,
            comes_forward: launch.comes_forward,
            running_since: Instant::now(),
            cpu_before: None,
        };
        executor.output.raw(hello.bytes());
        executor.flush()?;
        match executor.receive(&mut Meter::new(START_TIME)) {
            Ok(from_executor::READY) => Ok(executor),
            Ok(kind) => Err(End::System(
                format!("an executor greeted with a frame of kind {kind}"),
                false,
            )),
            Err(End::Timeout | End::Starved) => Err(End::System(
                "an executor did not start in time".to_owned(),
                false,
            )),
            Err(end) => Err(executor.autopsy(end)),
        }
    }

    /// Whether it should be replaced before its next call.
    pub(crate) fn is_worn(&self, heap_mib: u32) -> bool {
        if self.calls >= CALLS_PER_EXECUTOR {
            return true;
        }
        if !self.suspect && !self.calls.is_multiple_of(MEMORY_CHECK_EVERY) {
            return false;
        }
        let limit = (u64::from(heap_mib) * 2 + RESIDENT_HEADROOM_MIB) << 20;
        self.process
            .resident_bytes()
            .is_some_and(|bytes| bytes > limit)
    }

    /// What comes is a call that nobody else has asked for.
    pub(crate) fn begin(&mut self) {
        self.asked = false;
        self.is_called = true;
    }

    /// Runs one call to its end.
    pub(crate) fn call(
        &mut self,
        invocation: &Invocation,
        syscalls: &mut dyn Syscalls,
        meter: &mut Meter,
    ) -> Result<CallOutcome, End> {
        self.calls += 1;
        let before = meter.spent();
        let bundle = &invocation.bundle;
        let module = match module_of(invocation, false) {
            Ok(module) => module,
            Err(outcome) => return Ok(outcome),
        };
        let env = self.prepare(bundle, &invocation.env, meter);
        self.output.begin(to_executor::INVOKE);
        write_invocation(&mut self.output, invocation, env, module, self.realms);
        write_foreseen(&mut self.output, &syscalls.foresee());
        write_posting(&mut self.output, syscalls.posting().as_deref());
        self.output.end();
        self.flush()?;
        let mut retracted = false;
        loop {
            let kind = self.receive(meter)?;
            retracted |= !self.catch_up(syscalls)?;
            match kind {
                // A synchronous request is answered even then: user code is on the stack.
                from_executor::CALLS | from_executor::DONE if retracted => {
                    return Err(End::System(RETRACTED.to_owned(), true));
                }
                from_executor::CALLS => self.answer(syscalls, meter)?,
                from_executor::SYNC => self.answer_sync(syscalls)?,
                from_executor::DONE => {
                    let mut outcome = self.done(bundle)?;
                    outcome.usage.user_time = meter.spent().saturating_sub(before);
                    self.suspect = !matches!(outcome.result, CallResult::Value(_));
                    return Ok(outcome);
                }
                kind => {
                    return Err(End::System(
                        format!("the executor sent a frame of unknown kind {kind}"),
                        false,
                    ));
                }
            }
        }
    }

    /// Whatever comes says first what the call did without asking: how much of what was foreseen it
    /// has used, and what it has posted. False if some of that cannot be done.
    fn catch_up(&mut self, syscalls: &mut dyn Syscalls) -> Result<bool, End> {
        if self.frame_end < BODY {
            return Err(Malformed.into());
        }
        if let used @ 1.. = self.input[USED] {
            syscalls.foreseen_used(usize::from(used));
        }
        let (mut done, posted) = (true, self.input[POSTED]);
        if posted > 0 {
            self.asked = true;
            let mut writes = FrameReader::new(&self.input[BODY..self.frame_end]);
            for _ in 0..posted {
                let (op, args, answer) = (writes.str()?, writes.str()?, writes.str()?);
                done = done && syscalls.posted(op, args, answer).is_ok();
            }
            self.fields = self.frame_end - writes.left();
        }
        Ok(done)
    }

    /// Runs one call to its end in fresh realms, whatever the policy.
    pub(crate) fn call_fresh(
        &mut self,
        invocation: &Invocation,
        syscalls: &mut dyn Syscalls,
        meter: &mut Meter,
    ) -> Result<CallOutcome, End> {
        let policy = std::mem::replace(&mut self.realms, Realms::Fresh);
        let outcome = self.call(invocation, syscalls, meter);
        self.realms = policy;
        outcome
    }

    /// Evaluates a module for what it exports.
    pub(crate) fn analyze(
        &mut self,
        bundle: &Bundle,
        env: &Arc<BTreeMap<String, String>>,
        module: usize,
        purpose: Purpose,
        meter: &mut Meter,
    ) -> Result<CallOutcome, End> {
        self.calls += 1;
        let env = self.prepare(bundle, env, meter);
        self.output.begin(to_executor::ANALYZE);
        self.output.u32(bundle.number());
        self.output.u32(env);
        self.output.u8(purpose as u8);
        self.output.u32(u32::try_from(module).unwrap_or(u32::MAX));
        self.output.end();
        self.flush()?;
        match self.receive(meter)? {
            from_executor::DONE => self.done(bundle),
            kind => Err(End::System(
                format!("the executor sent a frame of kind {kind} in analysis"),
                false,
            )),
        }
    }

    /// Has it give back memory that it can do without until it is called again. Says whether it
    /// keeps so much that another process should take its place.
    pub(crate) fn trim(&mut self) -> Result<bool, End> {
        self.loaded.trim(&mut self.output);
        self.output.begin(to_executor::TRIM);
        self.output.end();
        self.flush()?;
        match self.receive(&mut Meter::new(START_TIME))? {
            from_executor::READY => Ok(self.has_grown()),
            kind => Err(End::System(
                format!("the executor sent a frame of kind {kind} when it was trimmed"),
                false,
            )),
        }
    }

    /// Whether it has much more memory than when it rested first, after its first calls.
    fn has_grown(&mut self) -> bool {
        let Some(bytes) = self.process.private_bytes() else {
            return false;
        };
        if self.calls == 0 {
            return false;
        }
        let first = *self.rested.get_or_insert(bytes);
        bytes > first + first / GROWTH_SHARE
    }

    /// Tells the executor to drop the execution it is in; it must be waiting for replies.
    pub(crate) fn abort(&mut self) -> Result<(), End> {
        self.output.begin(to_executor::ABORT);
        self.output.end();
        self.flush()
    }

    /// Ends the process; returns what its end says about the call.
    pub(crate) fn end(self) {
        self.process.end();
    }

    /// The process closed its socket: finds out why.
    pub(crate) fn autopsy(self, end: End) -> End {
        let End::System(text, _) = end else {
            return end;
        };
        let asked = self.asked;
        let (status, said, by_itself) = self.process.autopsy();
        let out_of_memory = was_out_of_memory(status, &said);
        // Code in an executor cannot send signals: it was the system, or a person.
        let was_killed =
            by_itself && status.and_then(|status| status.signal()) == Some(libc::SIGKILL);
        let status = status.map_or("unknown status".to_owned(), |status| status.to_string());
        if out_of_memory {
            tracing::warn!(%status, calls = self.calls, said = %said.trim(), "an executor ran out of memory");
            return End::OutOfMemory;
        }
        tracing::warn!(%status, said = %said.trim(), "an executor ended unexpectedly");
        if was_killed {
            return End::Lost(!asked);
        }
        End::System(format!("{text} ({status})"), false)
    }

    /// Queues frames for whatever of the bundle and the environment the executor lacks.
    fn prepare(
        &mut self,
        bundle: &Bundle,
        env: &Arc<BTreeMap<String, String>>,
        meter: &mut Meter,
    ) -> u32 {
        let (env, sent) = self.loaded.prepare(bundle, env, &mut self.output);
        if let Some(bytes) = sent {
            let mib = u32::try_from(bytes >> 10).unwrap_or(u32::MAX);
            meter.allow(COMPILE_ALLOWANCE + COMPILE_ALLOWANCE_PER_MIB * mib / 1024);
        }
        env
    }

    fn flush(&mut self) -> Result<(), End> {
        let sent = self.process.send(self.output.bytes());
        self.output.clear();
        self.running_since = Instant::now();
        sent.map_err(|error| broken(&error))
    }

    /// Answers a batch of asynchronous syscalls with one frame.
    fn answer(&mut self, syscalls: &mut dyn Syscalls, meter: &mut Meter) -> Result<(), End> {
        self.asked = true;
        // Nested calls reuse the input buffer, so the requests leave it first; it comes back also
        // when a call ends the execution, because what was read ahead counts on it.
        let other = self.spare.pop().unwrap_or_else(|| vec![0; 1 << 16]);
        let input = std::mem::replace(&mut self.input, other);
        let (fields, end) = (self.fields, std::mem::take(&mut self.frame_end));
        let have = std::mem::take(&mut self.have);
        let replies = self.replies(&input[fields..end], syscalls, meter);
        let other = std::mem::replace(&mut self.input, input);
        (self.have, self.frame_end) = (have, end);
        if self.spare.len() < SPARE_BUFFERS && other.len() == 1 << 16 {
            self.spare.push(other);
        }
        self.output.raw(replies?.bytes());
        self.flush()
    }

    /// The frame that answers a batch of requests.
    fn replies(
        &mut self,
        requests: &[u8],
        syscalls: &mut dyn Syscalls,
        meter: &mut Meter,
    ) -> Result<FrameWriter, End> {
        let mut replies = FrameWriter::default();
        let mut fields = FrameReader::new(requests);
        let count = fields.u32()?;
        replies.begin(to_executor::REPLIES);
        replies.u32(count);
        for _ in 0..count {
            let (op, args) = (fields.str()?, fields.str()?);
            let reply = match syscalls.call(op, args) {
                Reply::Value(text) => Ok(text),
                Reply::Error(error) => Err(error),
                Reply::Nested(invocation) => self.nested(&invocation, syscalls, meter)?,
            };
            write_reply(&mut replies, reply)?;
        }
        write_reserved(&mut replies, &syscalls.reserve_more());
        replies.end();
        Ok(replies)
    }

    fn nested(
        &mut self,
        invocation: &Invocation,
        syscalls: &mut dyn Syscalls,
        meter: &mut Meter,
    ) -> Result<Result<String, SyscallError>, End> {
        match self.call(invocation, syscalls, meter) {
            Ok(outcome) => Ok(syscalls.nested_finished(outcome)),
            Err(end) => {
                // The tree ends whatever the answer is.
                let _ = syscalls.nested_finished(ended(&end, meter, 0));
                Err(end)
            }
        }
    }

    fn answer_sync(&mut self, syscalls: &mut dyn Syscalls) -> Result<(), End> {
        self.asked = true;
        let mut fields = FrameReader::new(
            self.input
                .get(self.fields..self.frame_end)
                .ok_or(Malformed)?,
        );
        let (op, args) = (fields.str()?, fields.str()?);
        let reply = syscalls.sync_call(op, args);
        self.output.begin(to_executor::SYNC);
        match reply {
            Ok(text) => {
                self.output.u8(0);
                self.output.str(&text);
            }
            Err(SyscallError::Developer { message, .. }) => {
                self.output.u8(1);
                self.output.str(&message);
            }
            // User code is on the stack and cannot be unwound: the process has to go.
            Err(SyscallError::System { message }) => {
                self.output.clear();
                return Err(End::Cut(message));
            }
        }
        self.output.end();
        self.flush()
    }

    fn done(&mut self, bundle: &Bundle) -> Result<CallOutcome, End> {
        let mut fields = FrameReader::new(
            self.input
                .get(self.fields..self.frame_end)
                .ok_or(Malformed)?,
        );
        let outcome = read_outcome(&mut fields, bundle)?;
        if self.input.len() > 1 << 20 {
            self.input = vec![0; 1 << 16];
        }
        Ok(outcome)
    }
}

/// The outcome of an execution tree that ended at once.
pub(crate) fn ended(end: &End, meter: &Meter, heap_mib: u32) -> CallOutcome {
    let result = match end {
        End::Timeout => CallResult::Timeout(meter.timeout_text()),
        End::Starved => CallResult::Overloaded(meter.starved_text()),
        End::Lost(..) => CallResult::Overloaded(
            "The process that ran this function was ended from outside. Try again.".to_owned(),
        ),
        End::OutOfMemory => CallResult::OutOfMemory(format!(
            "JavaScript execution ran out of memory (maximum memory usage: {heap_mib} MB)"
        )),
        End::System(message, _) | End::Cut(message) => CallResult::System(message.clone()),
    };
    let usage = Usage {
        user_time: meter.spent(),
        ..Usage::default()
    };
    CallOutcome {
        result,
        logs: Vec::new(),
        usage,
        realm_verdict: None,
    }
}

/// The number of the invocation's module, or the outcome of a call that cannot run.
pub(crate) fn module_of(invocation: &Invocation, node: bool) -> Result<usize, CallOutcome> {
    let (bundle, path) = (&invocation.bundle, &invocation.module);
    let module = bundle
        .index_of(path)
        .ok_or_else(|| refused(missing_module(path)))?;
    if node != (bundle.modules()[module].environment == crate::ModuleEnvironment::Node) {
        return Err(refused(wrong_runtime(path, node)));
    }
    Ok(module)
}

fn refused(message: String) -> CallOutcome {
    let result = CallResult::Error(JsError {
        rendered: message,
        data: None,
    });
    CallOutcome {
        result,
        logs: Vec::new(),
        usage: Usage::default(),
        realm_verdict: None,
    }
}

fn missing_module(path: &str) -> String {
    format!(
        "Couldn't find JavaScript module '{path}'. Run `npx convex dev` or `npx convex deploy` to push it."
    )
}

/// Whoever calls a function knows its runtime: this is a mistake of the server.
fn wrong_runtime(path: &str, node: bool) -> String {
    let not = if node { "not " } else { "" };
    format!("Module '{path}' is {not}marked \"use node\" and cannot run here.")
}
