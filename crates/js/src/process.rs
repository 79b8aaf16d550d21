//! One executor process: started confined, reached over inherited sockets, ended by SIGKILL, with
//! whatever it has started.
//!
//! Processes of Node actions are not confined: they have all that Node has, but nothing of the
//! server's environment, a folder of their own, and the same limits of memory.
//!
//! `unsafe` is what runs between `fork` and `exec` (with `sandbox.rs`, which is part of it), and asking
//! for another process's CPU clock.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tempfile::TempDir;

use crate::Proxy;
use crate::node::Node;
use crate::sandbox::Sandbox;

/// Descriptors inside the executor: where it reads, and where it writes if that is a socket of its
/// own ([`Lanes::Two`]).
const EXECUTOR_FDS: [i32; 2] = [3, 4];
const LAST_FD: i32 = EXECUTOR_FDS[1];

/// How long a process that has closed its socket may take to exit by itself (writing out why it
/// crashed takes a while).
const EXIT_TIME: Duration = Duration::from_secs(10);

/// How long a read waits in the kernel before the clocks are looked at.
const SOON: Duration = Duration::from_millis(20);

/// How much lower the priority is of what runs in the background: a third of the time of what does
/// not, where both want all there is. Much lower, and slow functions starve on a busy machine.
const BACKGROUND_NICE: i32 = 5;
/// The lowest priority there is.
const NICE_MAX: i32 = 19;

/// What glibc's allocator is told in executors, so that what a burst took goes back to the system.
/// By itself it gives every thread of V8's a heap of its own, and holds back twice the largest piece
/// that was ever freed: measured, 3 to 4 MiB more after forty heavy queries than before. Other C
/// libraries do not know these.
const ALLOCATOR: [(&str, &str); 3] = [
    ("MALLOC_ARENA_MAX", "1"),
    ("MALLOC_MMAP_THRESHOLD_", "65536"),
    ("MALLOC_TRIM_THRESHOLD_", "65536"),
];

/// How to start executors.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub(crate) node: Node,
    /// Old-space limit of the process, MiB.
    pub(crate) heap_mib: u32,
    /// Private memory of the process, bytes.
    pub(crate) data_bytes: u64,
    /// Whether the process may reach the network.
    pub(crate) network: bool,
    /// What the kernel lets it do; `None` where the kernel cannot, or must not.
    pub(crate) sandbox: Option<Arc<Sandbox>>,
    /// A mistake on purpose in what realms get, for tests (`executor/planted.js`).
    pub(crate) planted: Option<String>,
    /// Whether its priority can be lowered for a while ([`can_come_forward`]).
    pub(crate) comes_forward: bool,
    /// For Node actions: all of Node, without confinement.
    pub(crate) full: Option<FullNode>,
}

/// What a process of Node actions starts with.
#[derive(Debug, Clone)]
pub(crate) struct FullNode {
    /// The file it begins with.
    pub(crate) entry: PathBuf,
    /// Where each process gets a folder of its own, gone when it is.
    pub(crate) homes: PathBuf,
    /// The `node_modules` of installed packages.
    pub(crate) packages: Option<PathBuf>,
    /// What it fetches through.
    pub(crate) proxy: Option<Proxy>,
}

/// Bytes of what a process said last that are kept, and pieces of it that are logged.
const SAID_BYTES_MAX: usize = 1 << 16;
const SAID_LOGGED_MAX: usize = 64;

impl Launch {
    /// Only actions wait in an event loop, and only they reach the network.
    fn lanes(&self) -> Lanes {
        match self.network {
            true => Lanes::One,
            false => Lanes::Two,
        }
    }
}

/// How many sockets there are between server and process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lanes {
    /// One for both directions, for a process that waits in an event loop.
    One,
    /// One for each, where both sides block until the other answers: who takes bytes from a Unix
    /// socket wakes everybody that sleeps on the end they came from, and with one socket that is
    /// whoever waits for the answer.
    Two,
}

/// What a process says on stderr, read while it runs so that it never waits for a reader.
#[derive(Debug)]
struct Said {
    tail: Arc<Mutex<Vec<u8>>>,
    end: crossbeam_channel::Receiver<()>,
}

/// Lets others end the process without racing with its reaping.
#[derive(Debug, Clone, Default)]
pub(crate) struct KillSwitch(Arc<Mutex<Option<u32>>>);

impl KillSwitch {
    /// Ends the process if it is still there.
    pub(crate) fn kill(&self) {
        let guard = self.0.lock();
        if let Some(pid) = *guard
            && let Ok(raw) = i32::try_from(pid)
            && let Some(pid) = rustix::process::Pid::from_raw(raw)
        {
            // The process may have ended by itself; it is not reaped yet, so the id is its own, and
            // that of the group in which everything is that it has started.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
    }
}

/// A running executor process.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// What the process says comes here.
    socket: UnixStream,
    /// What it is told goes here.
    outgoing: UnixStream,
    switch: KillSwitch,
    clock: Option<libc::clockid_t>,
    said: Option<Said>,
    /// Removed with the process.
    _home: Option<TempDir>,
}

/// How waiting for bytes ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    Ready,
    TimedOut,
}

impl Process {
    /// Starts a process that will read its code from the socket.
    pub(crate) fn start(
        launch: &Launch,
        boot: &str,
        switch: KillSwitch,
    ) -> std::io::Result<Process> {
        let (outgoing, theirs) = UnixStream::pair()?;
        let (socket, answers) = match launch.lanes() {
            Lanes::One => (outgoing.try_clone()?, None),
            Lanes::Two => {
                let (socket, answers) = UnixStream::pair()?;
                (socket, Some(answers))
            }
        };
        socket.set_read_timeout(Some(SOON))?;
        let theirs: Vec<OwnedFd> = [Some(theirs), answers]
            .into_iter()
            .flatten()
            .map(OwnedFd::from)
            .collect();
        let mut command = Command::new(&launch.node.path);
        command
            .arg(format!("--max-old-space-size={}", launch.heap_mib))
            .env_clear()
            .env("TZ", "UTC");
        let home = match &launch.full {
            Some(full) => Some(full.prepare(&launch.node, &mut command)?),
            None => {
                confined(launch, boot, &mut command);
                None
            }
        };
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0);
        confine(
            &mut command,
            theirs.iter().map(AsRawFd::as_raw_fd).collect(),
            launch.data_bytes,
            launch.sandbox.clone(),
        );
        let mut child = command.spawn()?;
        drop(theirs);
        *switch.0.lock() = Some(child.id());
        let clock = cpu_clock(child.id());
        let said = match child.stderr.take_if(|_| home.is_some()) {
            Some(stderr) => Some(Said::listen(stderr)?),
            None => None,
        };
        Ok(Process {
            child,
            socket,
            outgoing,
            switch,
            clock,
            said,
            _home: home,
        })
    }

    /// The connection of a process with one lane, for whoever reads and writes it without
    /// blocking. It is the same one: `send`, `wait` and `read` are not to be used after this.
    pub(crate) fn nonblocking(&self) -> std::io::Result<UnixStream> {
        let socket = self.socket.try_clone()?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }

    /// Sends bytes; blocks until all are taken.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.outgoing.write_all(bytes)
    }

    /// Waits until something can be read or the process is gone.
    pub(crate) fn wait(&self, timeout: Duration) -> std::io::Result<Waited> {
        let timeout = Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        };
        let mut fds = [PollFd::new(&self.socket, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) => Ok(Waited::TimedOut),
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(Waited::Ready),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads what comes within [`SOON`]; 0 when the process is gone, `None` if nothing came.
    pub(crate) fn read_soon(&mut self, buffer: &mut [u8]) -> std::io::Result<Option<usize>> {
        match self.socket.read(buffer) {
            Ok(got) => Ok(Some(got)),
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Reads what is there; 0 when the process is gone.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.socket.read(buffer)
    }

    /// CPU time the process has used so far.
    pub(crate) fn cpu_time(&self) -> Option<Duration> {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: `time` is a valid place for the answer; a clock of a process that has ended
        // makes the call fail, which is handled.
        let status = unsafe { libc::clock_gettime(self.clock?, &raw mut time) };
        let seconds = u64::try_from(time.tv_sec).ok()?;
        let nanos = u32::try_from(time.tv_nsec).ok()?;
        (status == 0).then(|| Duration::new(seconds, nanos))
    }

    /// Lets everything else go before it, or no longer; false if the system does not allow that.
    /// Not everybody may take it back ([`can_come_forward`]).
    pub(crate) fn set_background(&self, is_background: bool) -> bool {
        use rustix::process::{Pid, getpriority_process, setpriority_pgrp};
        let raw = i32::try_from(self.child.id()).ok();
        // The group is the process and its threads, which on Linux each have a priority.
        let (Some(pid), Ok(normal)) = (raw.and_then(Pid::from_raw), getpriority_process(None))
        else {
            return false;
        };
        let lower = if is_background { BACKGROUND_NICE } else { 0 };
        setpriority_pgrp(Some(pid), (normal + lower).min(NICE_MAX)).is_ok()
    }

    /// Resident memory, bytes, where the system tells.
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        self.pages().map(|(resident, _)| resident)
    }

    /// Of that, what it shares with no file.
    pub(crate) fn private_bytes(&self) -> Option<u64> {
        let (resident, shared) = self.pages()?;
        Some(resident.saturating_sub(shared))
    }

    /// Bytes that are resident, and how many of them are those of files.
    fn pages(&self) -> Option<(u64, u64)> {
        let text = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).ok()?;
        let mut fields = text.split_ascii_whitespace().skip(1);
        let mut next = || fields.next()?.parse::<u64>().ok();
        let page = u64::try_from(rustix::param::page_size()).ok()?;
        Some((next()? * page, next()? * page))
    }

    /// Ends the process; returns how it ended and the last it said on stderr.
    pub(crate) fn end(mut self) -> (Option<ExitStatus>, String) {
        self.switch.kill();
        let status = self.reap();
        (status, self.last_words())
    }

    /// What it said last; it is gone, or about to be.
    fn last_words(&mut self) -> String {
        let mut said = Vec::new();
        if let Some(stderr) = self.child.stderr.take() {
            // The other end is closed: this cannot block. A failure means that nothing was said.
            let _ = stderr.take(1 << 16).read_to_end(&mut said);
        }
        if let Some(listener) = &self.said {
            // Something that left the process's group may keep the other end open.
            let _ = listener.end.recv_timeout(EXIT_TIME);
            said.clone_from(&listener.tail.lock());
        }
        String::from_utf8_lossy(&said).into_owned()
    }

    /// As `end`, for a process that has closed its socket and is about to exit by itself.
    /// One that does not exit is ended; the flag says whether it did by itself.
    pub(crate) fn autopsy(mut self) -> (Option<ExitStatus>, String, bool) {
        let deadline = Instant::now() + EXIT_TIME;
        while Instant::now() < deadline && !self.has_exited() {
            std::thread::sleep(Duration::from_millis(2));
        }
        let by_itself = self.has_exited();
        self.switch.kill();
        let said = self.last_words();
        (self.reap(), said, by_itself)
    }

    /// Whether the process has ended; it is not reaped, so its id stays its own.
    fn has_exited(&self) -> bool {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let raw = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        raw.is_none_or(|pid| !matches!(waitid(WaitId::Pid(pid), options), Ok(None)))
    }

    /// Waits for the end without racing with the switch: the id is valid until it is taken out.
    fn reap(&mut self) -> Option<ExitStatus> {
        let raw = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = raw {
            use rustix::process::{WaitId, WaitIdOptions, waitid};
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while matches!(
                waitid(WaitId::Pid(pid), options),
                Err(rustix::io::Errno::INTR)
            ) {}
        }
        let mut guard = self.switch.0.lock();
        *guard = None;
        self.child.wait().ok()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.switch.0.lock().is_some() {
            self.switch.kill();
            self.reap();
        }
    }
}

/// Whether a process whose priority was lowered can have its old one again. On Linux that takes
/// CAP_SYS_NICE of the machine itself (that of a container's own users is not enough) or a limit
/// of the user's (`RLIMIT_NICE`), so it is tried, on a thread that is gone afterwards.
pub(crate) fn can_come_forward() -> bool {
    use rustix::process::{geteuid, getpriority_process, setpriority_process};
    if !cfg!(target_os = "linux") {
        return geteuid().is_root();
    }
    // On Linux each thread has a priority of its own.
    let tried = std::thread::spawn(|| {
        let normal = getpriority_process(None)?;
        setpriority_process(None, (normal + 1).min(NICE_MAX))?;
        setpriority_process(None, normal)
    });
    matches!(tried.join(), Ok(Ok(())))
}

/// A process that can do nothing but compute and talk to the server.
fn confined(launch: &Launch, boot: &str, command: &mut Command) {
    command
        .arg(launch.node.permission_flag())
        .args(launch.node.network_flag().filter(|_| launch.network))
        .args(launch.node.engine_flags())
        .arg("--no-warnings")
        .arg("--disallow-code-generation-from-strings")
        .arg("-e")
        .arg(boot)
        .envs(ALLOCATOR)
        .current_dir(Path::new("/"));
}

impl FullNode {
    /// Makes the folder in which the process begins. The user's variables are not here: some of
    /// them would change how Node itself starts.
    fn prepare(&self, node: &Node, command: &mut Command) -> std::io::Result<TempDir> {
        let home = TempDir::new_in(&self.homes)?;
        let mut path = node
            .path
            .parent()
            .unwrap_or(Path::new("/"))
            .as_os_str()
            .to_owned();
        if let Some(rest) = std::env::var_os("PATH") {
            path.push(":");
            path.push(rest);
        }
        command
            .args(node.storage_flag())
            .arg(&self.entry)
            .env("PATH", path)
            .env("LANG", "C.UTF-8")
            .envs(["PWD", "HOME", "TMPDIR"].map(|name| (name, home.path())))
            .envs(
                self.packages
                    .as_ref()
                    .map(|packages| ("NODE_PATH", packages)),
            )
            .envs(self.proxy.iter().flat_map(Proxy::variables))
            .current_dir(home.path());
        Ok(home)
    }
}

impl Said {
    fn listen(stderr: ChildStderr) -> std::io::Result<Said> {
        let tail = Arc::new(Mutex::new(Vec::new()));
        let (ended, end) = crossbeam_channel::bounded(1);
        let heard = Arc::clone(&tail);
        let body = move || {
            Said::hear(stderr, &heard);
            // Whoever waits hears that the sender is gone, too.
            drop(ended);
        };
        std::thread::Builder::new()
            .name("node-stderr".to_owned())
            .spawn(body)?;
        Ok(Said { tail, end })
    }

    fn hear(mut stderr: ChildStderr, tail: &Mutex<Vec<u8>>) {
        let mut piece = [0; 4_096];
        let mut logged = 0;
        while let Ok(count) = stderr.read(&mut piece) {
            if count == 0 {
                return;
            }
            if logged < SAID_LOGGED_MAX {
                logged += 1;
                let said = String::from_utf8_lossy(&piece[..count]);
                tracing::info!(said = %said.trim(), "a process of Node actions writes to stderr");
            }
            let mut tail = tail.lock();
            tail.extend_from_slice(&piece[..count]);
            let over = tail.len().saturating_sub(SAID_BYTES_MAX);
            tail.drain(..over);
        }
    }
}

/// Whether a process that ended like this ran out of memory.
pub(crate) fn was_out_of_memory(status: Option<ExitStatus>, said: &str) -> bool {
    let aborted = status.is_some_and(|status| {
        matches!(
            status.signal(),
            Some(libc::SIGABRT | libc::SIGTRAP | libc::SIGILL)
        ) || status.code() == Some(134)
    });
    aborted || said_out_of_memory(said)
}

/// Whether the last words of a process are about memory.
pub(crate) fn said_out_of_memory(said: &str) -> bool {
    ["out of memory", "Allocation failed", "bad_alloc"]
        .iter()
        .any(|words| said.contains(words))
}

/// What the child does between `fork` and `exec`.
pub(crate) fn confine(
    command: &mut Command,
    sockets: Vec<i32>,
    data_bytes: u64,
    sandbox: Option<Arc<Sandbox>>,
) {
    // `getpid` is taken here so that the child can tell whether its parent died in between.
    let parent = std::process::id();
    let child = move || -> std::io::Result<()> {
        let data = libc::rlimit {
            rlim_cur: data_bytes,
            rlim_max: data_bytes,
        };
        let core = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        // SAFETY: only async-signal-safe system calls on values owned by this closure.
        unsafe {
            // Out of the way first: one of them may have the number that another is to get.
            let mut moved = [0; EXECUTOR_FDS.len()];
            for (moved, socket) in moved.iter_mut().zip(&sockets) {
                *moved = libc::fcntl(*socket, libc::F_DUPFD_CLOEXEC, LAST_FD + 1);
                if *moved < 0 {
                    return Err(std::io::Error::last_os_error());
                }
            }
            for ((moved, wanted), _) in moved.iter().zip(EXECUTOR_FDS).zip(&sockets) {
                if libc::dup2(*moved, wanted) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
            }
            libc::setrlimit(libc::RLIMIT_CORE, &raw const core);
            if libc::setrlimit(libc::RLIMIT_DATA, &raw const data) < 0 {
                return Err(std::io::Error::last_os_error());
            }
            #[cfg(target_os = "linux")]
            {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                if libc::getppid() != i32::try_from(parent).unwrap_or(0) {
                    libc::_exit(1);
                }
            }
            #[cfg(not(target_os = "linux"))]
            let _ = parent;
        }
        match &sandbox {
            Some(sandbox) => sandbox.enter(),
            None => Ok(()),
        }
    };
    // SAFETY: the closure does nothing but the system calls above: no allocation, no locks.
    unsafe {
        command.pre_exec(child);
    }
}

fn cpu_clock(pid: u32) -> Option<libc::clockid_t> {
    let mut clock: libc::clockid_t = 0;
    let pid = libc::pid_t::try_from(pid).ok()?;
    // SAFETY: `clock` is a valid place for the answer.
    let status = unsafe { libc::clock_getcpuclockid(pid, &raw mut clock) };
    (status == 0).then_some(clock)
}
