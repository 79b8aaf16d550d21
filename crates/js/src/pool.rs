//! Executors and who waits for them: jobs go to the executor used last, so that few stay warm.
//! Whose job is next is decided in `crates/js/src/pool/fair.rs`.

mod fair;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parking_lot::Mutex;

use self::fair::Fair;
pub(crate) use self::fair::{Full, LaneKey};
use crate::executor::{End, Executor};
use crate::limits::{SLOW_CHECK_EVERY, TRIM_AFTER};
use crate::process::{KillSwitch, Launch};
use crate::realms::{RealmLog, RealmReport};
use crate::{Bundle, HostOptions, HostStats, Realms};

/// Something to do with an executor; runs on its driver thread.
pub(crate) type Job = Box<dyn FnOnce(&mut Worker) + Send>;

#[derive(Debug)]
struct Seat {
    inbox: Sender<Job>,
    switch: KillSwitch,
}

struct State {
    fair: Fair<Job>,
    /// Workers with nothing to do; the last one worked last.
    idle: Vec<usize>,
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
    watch: std::sync::OnceLock<std::thread::Thread>,
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
            let worker = Worker {
                number,
                launch: launch.clone(),
                realms: options.realms,
                check_every: options.shadow_every,
                heap_mib: options.heap_mib,
                switch: switch.clone(),
                shared: Arc::clone(&shared),
                executor: None,
            };
            let mut state = shared.state.lock();
            state.seats.push(Seat { inbox, switch });
            state.idle.push(number);
            drop(state);
            let idle_after = options.idle_after;
            std::thread::Builder::new()
                .name(format!("executor-{number}"))
                .spawn(move || drive(worker, &jobs, idle_after))?;
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
        if state.fair.may_begin(lane, now)
            && let Some(worker) = state.idle.pop()
        {
            state.hand(worker, lane, job, now);
            return Ok(());
        }
        let waited = state.fair.wait(lane, job);
        let must_watch = waited.is_ok() && !state.watched && state.fair.waits_for_time();
        state.watched |= must_watch;
        drop(state);
        if must_watch && let Some(watch) = self.shared.watch.get() {
            watch.unpark();
        }
        waited.map_err(|(job, full)| (job, NotTaken::Full(full)))
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
        for seat in &seats {
            seat.switch.kill();
        }
    }
}

impl State {
    /// Gives a job to a worker that has nothing to do.
    fn hand(&mut self, worker: usize, lane: LaneKey, job: Job, now: Duration) {
        self.fair.begin(worker, lane, now);
        // An idle worker's inbox is empty: only this function fills it. It refuses only when the
        // pool is shut down, and then the job goes like those that wait.
        let _ = self.seats[worker].inbox.try_send(job);
    }

    /// Gives waiting jobs to idle workers, as far as they may run.
    fn hand_out(&mut self, now: Duration) {
        while let Some(worker) = self.idle.pop() {
            let Some((lane, job)) = self.fair.next(now) else {
                self.idle.push(worker);
                return;
            };
            self.hand(worker, lane, job, now);
        }
    }
}

impl Shared {
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

/// One driver thread's side: the executor process it owns.
#[derive(Debug)]
pub(crate) struct Worker {
    number: usize,
    launch: Launch,
    realms: Realms,
    check_every: u64,
    heap_mib: u32,
    switch: KillSwitch,
    shared: Arc<Shared>,
    executor: Option<(Executor, Alive)>,
}

/// Counts a process for as long as it is held.
#[derive(Debug)]
struct Alive(Arc<Shared>);

impl Alive {
    fn new(shared: &Arc<Shared>) -> Alive {
        shared.executors.fetch_add(1, Ordering::Relaxed);
        Alive(Arc::clone(shared))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.executors.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Worker {
    /// Runs something in the executor, starting one if need be, and replaces it when it breaks.
    pub(crate) fn run<T>(
        &mut self,
        work: impl FnOnce(&mut Executor) -> Result<T, End>,
    ) -> Result<T, End> {
        if self
            .executor
            .as_ref()
            .is_some_and(|(executor, _)| executor.is_worn(self.heap_mib))
        {
            self.retire();
        }
        let (mut executor, alive) = match self.executor.take() {
            Some(running) => running,
            None => (self.start()?, Alive::new(&self.shared)),
        };
        executor.begin();
        let end = match work(&mut executor) {
            Ok(value) => {
                self.executor = Some((executor, alive));
                return Ok(value);
            }
            Err(end) => end,
        };
        if matches!(end, End::System(_, true)) && executor.abort().is_ok() {
            self.executor = Some((executor, alive));
            return Err(end);
        }
        self.shared.lost.fetch_add(1, Ordering::Relaxed);
        match end {
            End::System(..) => Err(executor.autopsy(end)),
            End::Cut(message) => {
                executor.end();
                Err(End::System(message, false))
            }
            end => {
                executor.end();
                Err(end)
            }
        }
    }

    pub(crate) fn realm_log(&self) -> &RealmLog {
        &self.shared.realms
    }

    /// Counts a call; says whether it is to be run a second time, to be compared.
    pub(crate) fn is_checked(&self) -> bool {
        let due = self.shared.realms.is_checked(self.check_every);
        due && self.realms == Realms::Watched
    }

    pub(crate) fn heap_mib(&self) -> u32 {
        self.heap_mib
    }

    fn start(&mut self) -> Result<Executor, End> {
        let closed = self.shared.state.lock().closed;
        if closed {
            return Err(End::System(
                "the function host is shutting down".to_owned(),
                false,
            ));
        }
        let executor = Executor::start(&self.launch, self.realms, self.switch.clone())?;
        let mut state = self.shared.state.lock();
        state
            .fair
            .begin_again(self.number, self.shared.began.elapsed());
        drop(state);
        Ok(executor)
    }

    /// Gives the seat back; returns the job that takes it.
    fn finish(&mut self) -> Option<Job> {
        let mut state = self.shared.state.lock();
        let now = self.shared.began.elapsed();
        state.fair.end(self.number, now);
        if let Some((lane, job)) = state.fair.next(now) {
            state.fair.begin(self.number, lane, now);
            return Some(job);
        }
        if self.executor.is_some() {
            state.idle.push(self.number);
        } else {
            // Its process was lost: a call that comes now is quicker in one that runs.
            state.idle.insert(0, self.number);
        }
        None
    }

    /// Waits for a job; what is not needed goes meanwhile. Nothing if the pool is shut down.
    fn next(&mut self, jobs: &Receiver<Job>, idle_after: Duration) -> Option<Job> {
        let soon = TRIM_AFTER.min(idle_after);
        for (wait, then) in [
            (soon, Worker::trim as fn(&mut Worker)),
            (idle_after - soon, Worker::retire),
        ] {
            match jobs.recv_timeout(wait) {
                Ok(job) => return Some(job),
                Err(RecvTimeoutError::Timeout) => then(self),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
        jobs.recv().ok()
    }

    fn trim(&mut self) {
        if let Some((executor, _)) = &mut self.executor
            && executor.trim().is_err()
        {
            self.retire();
        }
    }

    fn retire(&mut self) {
        if let Some((executor, _alive)) = self.executor.take() {
            executor.end();
        }
    }
}

/// The loop of a driver thread; ends when the pool is shut down.
fn drive(mut worker: Worker, jobs: &Receiver<Job>, idle_after: Duration) {
    loop {
        let Some(job) = worker.next(jobs, idle_after) else {
            break;
        };
        let mut next = Some(job);
        while let Some(job) = next {
            worker.shared.running.fetch_add(1, Ordering::Relaxed);
            // A panic of the caller's syscalls costs the call: its answer channel closes.
            let outcome =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(&mut worker)));
            if outcome.is_err() {
                tracing::error!("a call panicked on its driver thread");
                worker.retire();
            }
            worker.shared.running.fetch_sub(1, Ordering::Relaxed);
            next = worker.finish();
        }
    }
    worker.retire();
}
