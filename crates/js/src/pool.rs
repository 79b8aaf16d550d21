//! Executors and who waits for them: jobs go to the executor used last, so that few stay warm.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parking_lot::Mutex;

use crate::executor::{End, Executor};
use crate::process::{KillSwitch, Launch};
use crate::realms::{RealmLog, RealmReport};
use crate::{HostOptions, HostStats, Realms};

/// Something to do with an executor; runs on its driver thread.
pub(crate) type Job = Box<dyn FnOnce(&mut Worker) + Send>;

#[derive(Debug)]
struct Seat {
    inbox: Sender<Job>,
    switch: KillSwitch,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    /// Workers with nothing to do; the last one worked last.
    idle: Vec<usize>,
    /// Empty once the pool is shut down.
    seats: Vec<Seat>,
    closed: bool,
}

/// What workers share.
#[derive(Default)]
pub(crate) struct Shared {
    state: Mutex<State>,
    executors: AtomicUsize,
    running: AtomicUsize,
    lost: AtomicU64,
    realms: RealmLog,
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
    queue: usize,
}

impl Pool {
    /// Starts the driver threads; processes start with their first job.
    pub(crate) fn start(options: &HostOptions, launch: &Launch) -> std::io::Result<Pool> {
        let shared = Arc::new(Shared::default());
        for number in 0..options.executors.max(1) {
            let (inbox, jobs) = bounded(1);
            let switch = KillSwitch::default();
            let worker = Worker {
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
                .spawn(move || drive(worker, number, &jobs, idle_after))?;
        }
        Ok(Pool {
            shared,
            queue: options.queue,
        })
    }

    /// Hands a job to an idle executor or lets it wait; gives it back when too many wait already
    /// or the pool is shut down.
    pub(crate) fn submit(&self, job: Job) -> Result<(), Job> {
        let mut state = self.shared.state.lock();
        if state.closed {
            return Err(job);
        }
        if let Some(worker) = state.idle.pop() {
            // An idle worker's inbox is empty: only this function fills it, and only here.
            return state.seats[worker]
                .inbox
                .try_send(job)
                .map_err(|error| error.into_inner());
        }
        if state.waiting.len() >= self.queue {
            return Err(job);
        }
        state.waiting.push_back(job);
        Ok(())
    }

    pub(crate) fn stats(&self) -> HostStats {
        HostStats {
            executors: self.shared.executors.load(Ordering::Relaxed),
            running: self.shared.running.load(Ordering::Relaxed),
            queued: self.shared.state.lock().waiting.len(),
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
        let waiting = std::mem::take(&mut state.waiting);
        let seats = std::mem::take(&mut state.seats);
        drop(state);
        drop(waiting);
        for seat in &seats {
            seat.switch.kill();
        }
    }
}

/// One driver thread's side: the executor process it owns.
#[derive(Debug)]
pub(crate) struct Worker {
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
        Executor::start(&self.launch, self.realms, self.switch.clone())
    }

    fn retire(&mut self) {
        if let Some((executor, _alive)) = self.executor.take() {
            executor.end();
        }
    }
}

/// The loop of a driver thread; ends when the pool is shut down.
fn drive(mut worker: Worker, number: usize, jobs: &Receiver<Job>, idle_after: Duration) {
    loop {
        let job = match jobs.recv_timeout(idle_after) {
            Ok(job) => job,
            Err(RecvTimeoutError::Timeout) => {
                worker.retire();
                match jobs.recv() {
                    Ok(job) => job,
                    Err(_) => break,
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
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
            let mut state = worker.shared.state.lock();
            next = state.waiting.pop_front();
            if next.is_none() && worker.executor.is_some() {
                state.idle.push(number);
            } else if next.is_none() {
                // Its process was lost: a call that comes now is quicker in one that runs.
                state.idle.insert(0, number);
            }
        }
    }
    worker.retire();
}
