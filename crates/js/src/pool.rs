//! Executors and who waits for them: jobs go to the executor used last, so that few stay warm.
//! Whose job is next is decided in `crates/js/src/pool/fair.rs`.
//!
//! No job waits for one certain process to start: where none is free, one is started and the job
//! waits in its lane, for whichever is free first. A process that was lost is replaced at once,
//! before anybody needs it.

mod fair;
mod worker;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};
use parking_lot::{Mutex, MutexGuard};

use self::fair::Fair;
pub(crate) use self::fair::{Full, LaneKey};
pub(crate) use self::worker::Worker;
use crate::limits::SLOW_CHECK_EVERY;
use crate::process::{KillSwitch, Launch};
use crate::realms::{RealmLog, RealmReport};
use crate::{Bundle, HostOptions, HostStats};

/// Something to do with an executor; runs on its driver thread.
pub(crate) type Job = Box<dyn FnOnce(&mut Worker) + Send>;

/// What a driver thread is to do next.
enum Task {
    Run(Job),
    /// Start a process, and then run what waits.
    Start,
}

#[derive(Debug)]
struct Seat {
    inbox: Sender<Task>,
    /// Parked while its inbox is empty.
    thread: Thread,
    switch: KillSwitch,
}

impl Seat {
    /// Gives its worker something to do. One that waits has an empty inbox; it refuses only when
    /// the pool is shut down, and then a job goes like those that wait.
    fn give(&self, task: Task) {
        let _ = self.inbox.try_send(task);
        self.thread.unpark();
    }
}

struct State {
    fair: Fair<Job>,
    /// Workers that have a process and nothing to do; the last one worked last.
    idle: Vec<usize>,
    /// Workers without a process.
    cold: Vec<usize>,
    /// Workers whose process is being started.
    starting: usize,
    /// Empty once the pool is shut down.
    seats: Vec<Seat>,
    /// The watch looks by itself again soon, and need not be woken.
    watched: bool,
    closed: bool,
}

/// What workers share.
pub(crate) struct Shared {
    state: Mutex<State>,
    began: Instant,
    /// Looks after calls that wait until others turn out to be slow.
    watch: std::sync::OnceLock<Thread>,
    executors: AtomicUsize,
    running: AtomicUsize,
    lost: AtomicU64,
    realms: RealmLog,
}

/// Why a job was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// Too many wait.
    Full(Full),
    /// The pool is shut down.
    Closed,
}

impl std::fmt::Display for NotTaken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NotTaken::Closed => write!(f, "The server is shutting down."),
            NotTaken::Full(Full::All { waiting }) => write!(
                f,
                "Too many functions are waiting to run ({waiting}). Try again in a moment."
            ),
            NotTaken::Full(Full::Function { waiting, cost }) => write!(
                f,
                "Too many calls of this function are waiting to run ({waiting}; lately one took {} ms). Try again in a \
                 moment; calls of other functions are still taken.",
                cost.as_millis()
            ),
        }
    }
}

/// The lane of a function's calls.
pub(crate) fn lane_of(bundle: &Bundle, module: &str, function: &str) -> LaneKey {
    let mut hasher = DefaultHasher::new();
    (bundle.number(), module, function).hash(&mut hasher);
    hasher.finish()
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

/// The executors of a host.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

impl Pool {
    /// Starts the driver threads; processes start with their first job.
    pub(crate) fn start(options: &HostOptions, launch: &Launch) -> std::io::Result<Pool> {
        let seats = Fair::<Job>::seats(options.executors);
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                fair: Fair::new(options.executors, options.queue, options.slow_after),
                idle: Vec::with_capacity(seats),
                cold: Vec::with_capacity(seats),
                starting: 0,
                seats: Vec::with_capacity(seats),
                watched: false,
                closed: false,
            }),
            began: Instant::now(),
            watch: std::sync::OnceLock::new(),
            executors: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            lost: AtomicU64::new(0),
            realms: RealmLog::default(),
        });
        for number in 0..seats {
            let (inbox, jobs) = bounded(1);
            let switch = KillSwitch::default();
            let worker = Worker::new(number, options, launch, switch.clone(), &shared);
            let idle_after = options.idle_after;
            let driver = std::thread::Builder::new()
                .name(format!("executor-{number}"))
                .spawn(move || worker.drive(&jobs, idle_after))?;
            let thread = driver.thread().clone();
            let mut state = shared.state.lock();
            state.seats.push(Seat {
                inbox,
                thread,
                switch,
            });
            state.cold.push(number);
        }
        let watched = Arc::clone(&shared);
        let watch = std::thread::Builder::new()
            .name("executor-watch".to_owned())
            .spawn(move || watched.watch())?;
        // Set once, here.
        let _ = shared.watch.set(watch.thread().clone());
        Ok(Pool { shared })
    }

    /// Hands a job to an idle executor or lets it wait; gives it back when too many wait already
    /// or the pool is shut down.
    pub(crate) fn submit(&self, lane: LaneKey, job: Job) -> Result<(), (Job, NotTaken)> {
        let mut state = self.shared.state.lock();
        if state.closed {
            return Err((job, NotTaken::Closed));
        }
        let now = self.shared.began.elapsed();
        let may_begin = state.fair.may_begin(lane, now);
        if may_begin && let Some(worker) = state.idle.pop() {
            state.hand(worker, lane, job, now);
            return Ok(());
        }
        // Whoever waits only for a process takes nobody's place in the queue.
        let coming = state.starting + usize::from(may_begin);
        let waited = state.fair.wait(lane, job, coming);
        waited.map_err(|(job, full)| (job, NotTaken::Full(full)))?;
        state.start_more(now);
        self.shared.look_after_waiting(state);
        Ok(())
    }

    pub(crate) fn stats(&self) -> HostStats {
        HostStats {
            executors: self.shared.executors.load(Ordering::Relaxed),
            running: self.shared.running.load(Ordering::Relaxed),
            queued: self.shared.state.lock().fair.waiting(),
            lost: self.shared.lost.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn realms(&self) -> RealmReport {
        self.shared.realms.report()
    }

    /// Refuses new jobs, drops those that wait, and ends all processes.
    pub(crate) fn shutdown(&self) {
        let mut state = self.shared.state.lock();
        state.closed = true;
        let waiting = state.fair.clear();
        let seats = std::mem::take(&mut state.seats);
        drop(state);
        drop(waiting);
        if let Some(watch) = self.shared.watch.get() {
            watch.unpark();
        }
        for seat in seats {
            seat.switch.kill();
            // Its worker ends when it finds that nothing more can come.
            drop(seat.inbox);
            seat.thread.unpark();
        }
    }
}

impl State {
    /// Gives a job to a worker that has nothing to do.
    fn hand(&mut self, worker: usize, lane: LaneKey, job: Job, now: Duration) {
        self.fair.begin(worker, lane, now);
        self.seats[worker].give(Task::Run(job));
    }

    /// Starts processes for those who wait and would run if there were one.
    fn start_more(&mut self, now: Duration) {
        while self.fair.wants_more(self.starting, now)
            && let Some(worker) = self.cold.pop()
        {
            self.starting += 1;
            self.seats[worker].give(Task::Start);
        }
    }

    /// Gives waiting jobs to idle workers, as far as they may run.
    fn hand_out(&mut self, now: Duration) {
        while !self.idle.is_empty()
            && let Some((lane, job)) = self.fair.next(now)
        {
            let Some(worker) = self.idle.pop() else {
                return;
            };
            self.hand(worker, lane, job, now);
        }
        self.start_more(now);
    }
}

#[cfg(test)]
mod tests;

impl Shared {
    /// Has the watch look after calls that time alone may let run. Whoever changes what runs calls
    /// this last: while all seats are taken nobody looks.
    fn look_after_waiting(&self, mut state: MutexGuard<'_, State>) {
        let must_watch = !state.watched && state.fair.waits_for_time();
        state.watched |= must_watch;
        drop(state);
        if must_watch && let Some(watch) = self.watch.get() {
            watch.unpark();
        }
    }

    /// The loop of the thread that wakes calls when time alone lets them run; parked while none
    /// waits for that. It ends when the pool is shut down.
    fn watch(&self) {
        loop {
            let mut state = self.state.lock();
            if state.closed {
                return;
            }
            state.hand_out(self.began.elapsed());
            let waits = state.fair.waits_for_time();
            state.watched = waits;
            drop(state);
            if waits {
                std::thread::park_timeout(SLOW_CHECK_EVERY);
            } else {
                std::thread::park();
            }
        }
    }
}
