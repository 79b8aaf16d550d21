//! One process of actions: who reads, who writes, who watches that it still listens.
//!
//! The server's side is three tasks of the pool's own thread: a reader that hands frames to the
//! calls they belong to, a writer with a bounded queue, and a keeper that pings. A process that
//! does not answer is in a loop: it is ended, and the action that was entered last is blamed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Notify, mpsc};

use super::http::{HttpFrame, Step};
use super::{ActionOptions, Network, Proxy};
use crate::call::{CallResult, JsError, LogLine};
use crate::executor::{read_line, write_invocation};
use crate::limits::*;
use crate::loaded::Loaded;
use crate::node_actions::NodeProgram;
use crate::process::{KillSwitch, Launch, Process, said_out_of_memory, was_out_of_memory};
use crate::wire::{FrameReader, FrameWriter, Malformed, from_executor, to_executor};
use crate::{Invocation, Realms, SyscallError};

/// What the reader tells a call.
#[derive(Debug)]
pub(super) enum Event {
    /// User code wants something.
    Request {
        id: u32,
        op: String,
        args: String,
        bytes: Moved,
    },
    /// What it has logged so far.
    Lines(Vec<LogLine>),
    /// What belongs to the exchange of an HTTP action.
    Http(HttpFrame),
    /// The call ended; the fields of its frame.
    Done(Vec<u8>),
    /// The process ended first.
    Lost(CallResult),
}

/// Bytes that go with a request.
#[derive(Debug)]
pub(super) enum Moved {
    /// None.
    Nothing,
    /// These, to the server.
    Given(Bytes),
    /// Those of the answer.
    Wanted,
}

/// The answer to a request.
#[derive(Debug)]
pub(super) enum Answered {
    /// A text.
    Text(String),
    /// Bytes, where they were wanted.
    Bytes(Bytes),
}

/// Why a process ends.
#[derive(Debug)]
enum Why {
    /// It closed its socket or broke the protocol.
    Broken(String),
    /// It did not come back to its event loop.
    Looped,
    /// Nobody needs it any more.
    Unused,
    /// The host ends.
    Stopped,
}

/// A running process, as the calls in it see it.
#[derive(Debug)]
pub(super) struct ActionProcess {
    frames: mpsc::Sender<Vec<u8>>,
    /// `None` once the process is gone.
    calls: Mutex<Option<HashMap<u32, mpsc::Sender<Event>>>>,
    next: AtomicU32,
    begun: AtomicU64,
    loaded: tokio::sync::Mutex<Loaded>,
    pulse: Mutex<Pulse>,
    /// It gets no more calls and ends with its last one.
    worn: AtomicBool,
    stop: Notify,
    program: Program,
}

/// What runs in a process.
#[derive(Clone, Debug)]
pub(crate) enum Program {
    /// Actions of the default runtime, each in a realm of its own.
    Realms(Realms),
    /// Node actions of one bundle with one environment.
    Node(Arc<NodeProgram>),
}

/// Whether the event loop turns.
#[derive(Debug, Default)]
struct Pulse {
    /// When the ping that is not answered was sent.
    asked: Option<Instant>,
    /// The call that was entered last.
    entered: Option<u32>,
}

/// A call's place in a process; leaving it before the end cancels the call.
#[derive(Debug)]
pub(super) struct Seat {
    process: Arc<ActionProcess>,
    number: u32,
}

impl Seat {
    pub(super) fn number(&self) -> u32 {
        self.number
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let there = self.process.forget(self.number);
        if there.is_some() {
            // What a realm does can be stopped; what Node does goes on until the process ends.
            if self.process.is_full() {
                self.process.wear();
            }
            let mut abort = FrameWriter::default();
            abort.begin(to_executor::ABORT);
            abort.u32(self.number);
            abort.end();
            let frames = self.process.frames.clone();
            // Where the queue is full the process reads nothing, and the keeper will end it.
            let _ = frames.try_send(abort.into_bytes());
        }
    }
}

impl Program {
    /// What the process reads first.
    fn hello(&self, options: &ActionOptions) -> FrameWriter {
        let (script, realm, settings) = match self {
            Program::Realms(_) => {
                let (public_only, allowed) = match &options.network {
                    Network::Open => (false, [].as_slice()),
                    Network::PublicOnly { allowed } => (true, allowed.as_slice()),
                };
                let direct = options.proxy.as_ref().map_or(&[][..], Proxy::direct);
                let settings = serde_json::json!({
                    "publicOnly": public_only, "allowed": allowed, "direct": direct,
                    "proxy": options.proxy.as_ref().map(Proxy::url),
                    "kept": REALMS_KEPT, "envs": ENVS_PER_EXECUTOR, "concurrent": options.concurrent,
                    "streams": crate::scripts::STREAMS,
                });
                let realm = crate::scripts::realm_script();
                (crate::scripts::actions_script(), realm, settings)
            }
            Program::Node(program) => {
                let settings = program.settings(options.concurrent);
                (crate::scripts::node_script(), "", settings)
            }
        };
        let mut hello = FrameWriter::default();
        hello.plain_str(script);
        hello.plain_str(realm);
        hello.plain_str(&settings.to_string());
        hello
    }
}

impl ActionProcess {
    /// Starts a process, waits until it is ready, and leaves its tasks running. `gone` is called
    /// when it has ended.
    pub(super) async fn start(
        launch: &Launch,
        options: &ActionOptions,
        program: &Program,
        idle_after: Duration,
        gone: impl FnOnce(bool) + Send + 'static,
    ) -> Result<Arc<ActionProcess>, String> {
        let broken = |error: std::io::Error| format!("cannot start an executor: {error}");
        if let Program::Node(program) = program {
            program.verify().await?;
        }
        let process = Process::start(launch, crate::scripts::BOOT, KillSwitch::default());
        let process = process.map_err(broken)?;
        let socket = tokio::net::UnixStream::from_std(process.nonblocking().map_err(broken)?);
        let (input, mut output) = socket.map_err(broken)?.into_split();
        let hello = program.hello(options);
        let mut input = BufReader::new(input);
        let greet = async {
            output.write_all(hello.bytes()).await?;
            read_frame(&mut input).await
        };
        let greeted = tokio::time::timeout(START_WALL_TIME, greet).await;
        match greeted {
            Ok(Ok((from_executor::READY, _))) => {}
            Ok(Ok((kind, _))) => {
                return Err(format!("an executor greeted with a frame of kind {kind}"));
            }
            Ok(Err(error)) => return Err(broken(error)),
            Err(_) => return Err("an executor did not start in time".to_owned()),
        }
        let (frames, queue) = mpsc::channel(ACTION_FRAMES_QUEUED);
        let shared = Arc::new(ActionProcess {
            frames,
            calls: Mutex::new(Some(HashMap::new())),
            next: AtomicU32::new(1),
            begun: AtomicU64::new(0),
            loaded: tokio::sync::Mutex::default(),
            pulse: Mutex::default(),
            worn: AtomicBool::new(false),
            stop: Notify::new(),
            program: program.clone(),
        });
        let keeper = Keeper {
            shared: Arc::clone(&shared),
            blocking: options.blocking,
            heap_mib: options.heap_mib,
            idle_after,
        };
        tokio::spawn(write(output, queue));
        tokio::spawn(async move { gone(keeper.keep(process, input).await) });
        Ok(shared)
    }

    /// Whether it may get another call.
    pub(super) fn is_open(&self) -> bool {
        !self.worn.load(Ordering::Relaxed) && self.calls.lock().is_some()
    }

    /// Gives it no more calls.
    fn wear(&self) {
        self.worn.store(true, Ordering::Relaxed);
    }

    /// Whether Node actions run in it.
    pub(super) fn is_full(&self) -> bool {
        matches!(self.program, Program::Node(_))
    }

    /// Calls in it.
    pub(super) fn load(&self) -> usize {
        self.calls.lock().as_ref().map_or(0, HashMap::len)
    }

    /// Whether its event loop turns.
    pub(super) fn is_responsive(&self) -> bool {
        let asked = self.pulse.lock().asked;
        asked.is_none_or(|asked| asked.elapsed() < RESPONSIVE_WITHIN)
    }

    /// Ends the process, whatever runs in it.
    pub(super) fn stop(&self) {
        self.stop.notify_one();
    }

    /// A place for one more call; `None` if the process is gone.
    pub(super) fn enter(self: &Arc<Self>, events: mpsc::Sender<Event>) -> Option<Seat> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.calls.lock().as_mut()?.insert(number, events);
        let begun = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        if begun >= ACTIONS_PER_EXECUTOR {
            self.wear();
        }
        Some(Seat {
            process: Arc::clone(self),
            number,
        })
    }

    fn forget(&self, number: u32) -> Option<mpsc::Sender<Event>> {
        self.calls.lock().as_mut()?.remove(&number)
    }

    /// Sends the call, with what the process lacks for it.
    pub(super) async fn invoke(&self, number: u32, invocation: &Invocation, module: usize) {
        let mut output = FrameWriter::default();
        // Held until the frames are queued, so that they leave in the order of what they assume.
        let mut loaded = self.loaded.lock().await;
        match &self.program {
            Program::Realms(realms) => {
                let (env, _) = loaded.prepare(&invocation.bundle, &invocation.env, &mut output);
                output.begin(to_executor::INVOKE);
                output.u32(number);
                write_invocation(&mut output, invocation, env, module, *realms);
            }
            Program::Node(_) => {
                loaded.env(&invocation.env, &mut output);
                output.begin(to_executor::INVOKE);
                output.u32(number);
                for text in [&invocation.module, &invocation.function, &invocation.args] {
                    output.str(text);
                }
            }
        }
        output.end();
        self.send(output).await;
    }

    /// Answers a request of a call.
    pub(super) async fn reply(&self, number: u32, id: u32, answer: Result<Answered, SyscallError>) {
        let mut output = FrameWriter::default();
        output.begin(to_executor::REPLIES);
        output.u32(number);
        output.u32(id);
        match answer {
            Ok(Answered::Text(text)) => {
                output.u8(0);
                output.str(&text);
            }
            Ok(Answered::Bytes(bytes)) => {
                output.u8(3);
                output.raw(&bytes);
            }
            Err(SyscallError::Developer {
                message,
                data: Some(data),
            }) => {
                output.u8(2);
                output.str(&message);
                output.str(&data);
            }
            Err(
                SyscallError::Developer {
                    message,
                    data: None,
                }
                | SyscallError::System { message },
            ) => {
                output.u8(1);
                output.str(&message);
            }
        }
        output.end();
        self.send(output).await;
    }

    /// Tells a call of its exchange.
    pub(super) async fn tell(&self, number: u32, step: Step) {
        const CHUNK: u8 = 0;
        const END: u8 = 1;
        const ERROR: u8 = 2;
        let mut output = FrameWriter::default();
        match step {
            Step::Taken => output.begin(to_executor::TAKEN),
            Step::Gone => output.begin(to_executor::GONE),
            Step::Body(_) => output.begin(to_executor::BODY),
        }
        output.u32(number);
        if let Step::Body(part) = step {
            match part {
                Some(Ok(chunk)) => {
                    output.u8(CHUNK);
                    output.raw(&chunk);
                }
                None => output.u8(END),
                Some(Err(text)) => {
                    output.u8(ERROR);
                    output.raw(text.as_bytes());
                }
            }
        }
        output.end();
        self.send(output).await;
    }

    async fn send(&self, output: FrameWriter) {
        // A writer that is gone says nothing new: the calls hear of the process's end.
        let _ = self.frames.send(output.into_bytes()).await;
    }

    /// Takes one frame of the process.
    fn obey(&self, kind: u8, fields: Vec<u8>) -> Result<(), Malformed> {
        let mut reader = FrameReader::new(&fields);
        match kind {
            from_executor::PONG => self.pulse.lock().asked = None,
            from_executor::ENTER => self.pulse.lock().entered = Some(reader.u32()?),
            from_executor::CALLS | from_executor::GIVE | from_executor::TAKE => {
                let (call, id) = (reader.u32()?, reader.u32()?);
                let (op, args) = (reader.str()?.to_owned(), reader.str()?.to_owned());
                let bytes = match kind {
                    from_executor::GIVE => Moved::Given(Bytes::copy_from_slice(reader.rest())),
                    from_executor::TAKE => Moved::Wanted,
                    _ => Moved::Nothing,
                };
                let request = Event::Request {
                    id,
                    op,
                    args,
                    bytes,
                };
                self.hand_over(call, request)?;
            }
            from_executor::LINES => {
                let (call, count) = (reader.u32()?, reader.u32()?);
                let lines = (0..count).map(|_| read_line(&mut reader));
                let lines = lines.collect::<Result<_, Malformed>>()?;
                self.hand_over(call, Event::Lines(lines))?;
            }
            from_executor::PULL => self.hand_over(reader.u32()?, Event::Http(HttpFrame::Pull))?,
            from_executor::ROUTE => {
                let (call, route) = (reader.u32()?, reader.str()?.to_owned());
                self.hand_over(call, Event::Http(HttpFrame::Route(route)))?;
            }
            from_executor::HEAD => {
                let (call, head) = (reader.u32()?, reader.str()?.to_owned());
                self.hand_over(call, Event::Http(HttpFrame::Head(head)))?;
            }
            from_executor::CHUNK => {
                let call = reader.u32()?;
                let chunk = Bytes::from(fields).split_off(4);
                self.hand_over(call, Event::Http(HttpFrame::Chunk(chunk)))?;
            }
            from_executor::WORN => self.wear(),
            from_executor::DONE => {
                let call = reader.u32()?;
                if let Some(sender) = self.forget(call) {
                    // The caller may have given up.
                    let _ = sender.try_send(Event::Done(fields[4..].to_vec()));
                }
            }
            _ => return Err(Malformed),
        }
        Ok(())
    }

    /// Gives a call what is for it, if it still runs.
    fn hand_over(&self, call: u32, event: Event) -> Result<(), Malformed> {
        let calls = self.calls.lock();
        let Some(sender) = calls.as_ref().and_then(|calls| calls.get(&call)) else {
            return Ok(());
        };
        match sender.try_send(event) {
            // More at a time than it was told to send: it is not ours any more.
            Err(mpsc::error::TrySendError::Full(_)) => Err(Malformed),
            _ => Ok(()),
        }
    }

    /// Lets nobody in any more, if nobody is in.
    fn close_if_empty(&self) -> bool {
        let mut calls = self.calls.lock();
        if calls.as_ref().is_some_and(|calls| !calls.is_empty()) {
            return false;
        }
        *calls = None;
        true
    }

    /// Tells every call that the process is gone.
    fn close(&self, result: impl Fn(bool) -> CallResult) {
        let Some(calls) = self.calls.lock().take() else {
            return;
        };
        let entered = self.pulse.lock().entered;
        let only = calls.len() == 1;
        for (number, sender) in calls {
            let blamed = only || entered == Some(number);
            // The caller may have given up; the queue has room for the end.
            let _ = sender.try_send(Event::Lost(result(blamed)));
        }
    }
}

async fn read_frame(input: &mut BufReader<OwnedReadHalf>) -> std::io::Result<(u8, Vec<u8>)> {
    let length = input.read_u32_le().await? as usize;
    if length == 0 || length > FRAME_BYTES_MAX {
        return Err(std::io::Error::other(format!(
            "it sent a frame of {length} bytes"
        )));
    }
    let kind = input.read_u8().await?;
    let mut fields = vec![0; length - 1];
    input.read_exact(&mut fields).await?;
    Ok((kind, fields))
}

async fn write(mut output: OwnedWriteHalf, mut queue: mpsc::Receiver<Vec<u8>>) {
    while let Some(frame) = queue.recv().await {
        if output.write_all(&frame).await.is_err() {
            // The reader sees the end, too, and finds out why.
            return;
        }
    }
}

/// Watches one process from its start to its end.
struct Keeper {
    shared: Arc<ActionProcess>,
    blocking: Duration,
    heap_mib: u32,
    idle_after: Duration,
}

impl Keeper {
    /// Returns when the process is gone; whether it was lost, rather than ended.
    async fn keep(self, process: Process, mut input: BufReader<OwnedReadHalf>) -> bool {
        let why = tokio::select! {
            why = self.read(&mut input) => why,
            why = self.watch(&process) => why,
            () = self.shared.stop.notified() => Why::Stopped,
        };
        let lost = matches!(why, Why::Broken(_) | Why::Looped);
        let shared = Arc::clone(&self.shared);
        // Waiting for a process to end blocks for a moment.
        let end = tokio::task::spawn_blocking(move || self.end(process, why));
        if end.await.is_err() {
            shared.close(|_| CallResult::System("an executor could not be ended".to_owned()));
        }
        lost
    }

    async fn read(&self, input: &mut BufReader<OwnedReadHalf>) -> Why {
        loop {
            let (kind, fields) = match read_frame(input).await {
                Ok(frame) => frame,
                Err(error) => return Why::Broken(error.to_string()),
            };
            if self.shared.obey(kind, fields).is_err() {
                return Why::Broken(format!("it sent a malformed frame of kind {kind}"));
            }
        }
    }

    async fn watch(&self, process: &Process) -> Why {
        let mut ticks = tokio::time::interval(PING_EVERY.min(self.blocking / 4));
        let mut last_used = Instant::now();
        loop {
            ticks.tick().await;
            if self.shared.load() > 0 {
                last_used = Instant::now();
                self.ping();
            } else if (self.shared.worn.load(Ordering::Relaxed)
                || last_used.elapsed() > self.idle_after)
                && self.shared.close_if_empty()
            {
                return Why::Unused;
            }
            let asked = self.shared.pulse.lock().asked;
            if asked.is_some_and(|asked| asked.elapsed() > self.blocking) {
                return Why::Looped;
            }
            let most = (u64::from(self.heap_mib) + RESIDENT_HEADROOM_MIB) << 20;
            if process.resident_bytes().is_some_and(|bytes| bytes > most) {
                self.shared.wear();
            }
        }
    }

    fn ping(&self) {
        let mut pulse = self.shared.pulse.lock();
        if pulse.asked.is_some() {
            return;
        }
        pulse.asked = Some(Instant::now());
        let mut ping = FrameWriter::default();
        ping.begin(to_executor::PING);
        ping.end();
        // A full queue counts as a ping: the process does not read.
        let _ = self.shared.frames.try_send(ping.into_bytes());
    }

    fn end(self, process: Process, why: Why) {
        match why {
            Why::Unused | Why::Stopped => {
                process.end();
                self.shared
                    .close(|_| CallResult::System("the function host is shutting down".to_owned()));
            }
            Why::Looped => {
                process.end();
                tracing::warn!("an executor of actions did not answer and was ended");
                let seconds = self.blocking.as_secs_f64();
                self.shared.close(|blamed| {
                    if blamed {
                        CallResult::Timeout(format!(
                            "Function execution timed out (maximum duration: {seconds}s without awaiting anything)"
                        ))
                    } else {
                        failed("another action in it ran too long without awaiting anything")
                    }
                });
            }
            Why::Broken(text) => {
                let (status, said, _) = process.autopsy();
                // Native packages abort for reasons of their own.
                let out_of_memory = if self.shared.is_full() {
                    said_out_of_memory(&said)
                } else {
                    was_out_of_memory(status, &said)
                };
                let status =
                    status.map_or("unknown status".to_owned(), |status| status.to_string());
                tracing::warn!(%status, %text, said = %said.trim(), "an executor of actions ended unexpectedly");
                let heap = self.heap_mib;
                self.shared.close(|_| {
                    if out_of_memory {
                        CallResult::OutOfMemory(format!(
                            "JavaScript execution ran out of memory (maximum memory usage: {heap} MB for all actions \
                             of a process)"
                        ))
                    } else {
                        failed(&format!("it ended unexpectedly ({status})"))
                    }
                });
            }
        }
    }
}

/// What an action is told that did nothing wrong.
fn failed(why: &str) -> CallResult {
    CallResult::Error(JsError {
        rendered: format!(
            "The process that ran this action was lost: {why}. What the action had done stays done; it was not run again."
        ),
        data: None,
    })
}
