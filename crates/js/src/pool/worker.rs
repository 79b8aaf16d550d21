//! One driver thread: the executor process it owns, and the loop in which it runs jobs.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, TryRecvError};

use super::{Job, Shared, Task};
use crate::executor::{End, Executor};
use crate::limits::TRIM_AFTER;
use crate::process::{KillSwitch, Launch};
use crate::realms::RealmLog;
use crate::{HostOptions, Realms};

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

/// What a worker does when it is done with something.
enum Next {
    Run(Job),
    /// Its process is gone: another one is started before anybody needs it.
    Start,
    Wait,
}

impl From<Task> for Next {
    fn from(task: Task) -> Self {
        match task {
            Task::Run(job) => Next::Run(job),
            Task::Start => Next::Start,
        }
    }
}

enum Waited {
    Task(Task),
    /// Nothing came for so long.
    Long,
    /// Nothing will come any more.
    Closed,
}

/// Waits for something to do. Parks at once instead of receiving: the channel would spin and yield
/// first, and who yields on a busy machine comes back after everybody else. Whoever puts something
/// in unparks this thread.
fn wait(tasks: &Receiver<Task>, most: Duration) -> Waited {
    let until = Instant::now().checked_add(most);
    loop {
        match tasks.try_recv() {
            Ok(task) => return Waited::Task(task),
            Err(TryRecvError::Disconnected) => return Waited::Closed,
            Err(TryRecvError::Empty) => {}
        }
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        match left {
            None => std::thread::park(),
            Some(Duration::ZERO) => return Waited::Long,
            Some(left) => std::thread::park_timeout(left),
        }
    }
}

impl Worker {
    pub(super) fn new(
        number: usize,
        options: &HostOptions,
        launch: &Launch,
        switch: KillSwitch,
        shared: &Arc<Shared>,
    ) -> Worker {
        Worker {
            number,
            launch: launch.clone(),
            realms: options.realms,
            check_every: options.shadow_every,
            heap_mib: options.heap_mib,
            switch,
            shared: Arc::clone(shared),
            executor: None,
        }
    }

    /// Runs something in the executor, starting one if need be, and replaces it when it breaks.
    pub(crate) fn run<T>(
        &mut self,
        work: impl FnOnce(&mut Executor) -> Result<T, End>,
    ) -> Result<T, End> {
        let (mut executor, alive) = match self.executor.take() {
            Some(running) => running,
            // It was lost in this very job, or could not be started before.
            None => self.start()?,
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

    fn start(&mut self) -> Result<(Executor, Alive), End> {
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
        Ok((executor, Alive::new(&self.shared)))
    }

    /// Gives the seat back.
    fn finish(&mut self) -> Next {
        if let Some((executor, _)) = &mut self.executor
            && (!executor.come_forward() || executor.is_worn(self.heap_mib))
        {
            self.retire();
        }
        let mut state = self.shared.state.lock();
        let now = self.shared.began.elapsed();
        state.fair.end(self.number, now);
        if self.executor.is_none() && !state.closed {
            state.starting += 1;
            // Who waited for the seat need not wait for this process.
            state.hand_out(now);
            self.shared.look_after_waiting(state);
            return Next::Start;
        }
        drop(state);
        self.rest()
    }

    /// Starts a process ahead of need.
    fn warm_up(&mut self) -> Next {
        let started = self.start();
        let mut state = self.shared.state.lock();
        state.starting -= 1;
        drop(state);
        match started {
            Ok(running) => self.executor = Some(running),
            // Whose job comes here tries again, and is told.
            Err(end) => tracing::warn!(?end, "an executor could not be started"),
        }
        self.rest()
    }

    /// Takes a job that waits, or waits for one.
    fn rest(&mut self) -> Next {
        let mut state = self.shared.state.lock();
        let now = self.shared.began.elapsed();
        if let Some((lane, job)) = state.fair.next(now) {
            state.fair.begin(self.number, lane, now);
            state.start_more(now);
            return Next::Run(job);
        }
        match self.executor {
            Some(_) => state.idle.push(self.number),
            None => state.cold.push(self.number),
        }
        self.shared.look_after_waiting(state);
        Next::Wait
    }

    /// Waits for something to do; what is not needed goes meanwhile. Nothing if the pool is shut
    /// down.
    fn next(&mut self, tasks: &Receiver<Task>, idle_after: Duration) -> Option<Next> {
        let soon = TRIM_AFTER.min(idle_after);
        match wait(tasks, soon) {
            Waited::Task(task) => return Some(task.into()),
            Waited::Closed => return None,
            Waited::Long => {}
        }
        match self.settle() {
            Next::Wait => {}
            next => return Some(next),
        }
        match wait(tasks, idle_after - soon) {
            Waited::Task(task) => return Some(task.into()),
            Waited::Closed => return None,
            Waited::Long => {}
        }
        if self.leave_idle() {
            self.retire();
            self.shared.state.lock().cold.push(self.number);
        }
        match wait(tasks, Duration::MAX) {
            Waited::Task(task) => Some(task.into()),
            Waited::Closed | Waited::Long => None,
        }
    }

    /// Is idle no longer; false if it is not, because something to do is on its way.
    fn leave_idle(&mut self) -> bool {
        let mut state = self.shared.state.lock();
        let at = state.idle.iter().position(|idle| *idle == self.number);
        at.is_some_and(|at| {
            state.idle.remove(at);
            true
        })
    }

    /// Has nothing to do for now: gives memory back, by another process if this one cannot.
    fn settle(&mut self) -> Next {
        if !self.leave_idle() {
            return Next::Wait;
        }
        let keep = self.executor.as_mut().map(|(executor, _)| executor.trim());
        match keep {
            Some(Ok(false)) => return self.rest(),
            Some(Ok(true)) => {
                tracing::debug!(self.number, "an executor that has grown is replaced")
            }
            Some(Err(end)) => tracing::debug!(self.number, ?end, "an idle executor is gone"),
            None => return self.rest(),
        }
        self.retire();
        let mut state = self.shared.state.lock();
        if state.closed {
            return Next::Wait;
        }
        state.starting += 1;
        Next::Start
    }

    fn retire(&mut self) {
        if let Some((executor, _alive)) = self.executor.take() {
            executor.end();
        }
    }

    /// The loop of a driver thread; ends when the pool is shut down.
    pub(super) fn drive(mut self, tasks: &Receiver<Task>, idle_after: Duration) {
        while let Some(mut next) = self.next(tasks, idle_after) {
            loop {
                next = match next {
                    Next::Run(job) => {
                        self.run_job(job);
                        self.finish()
                    }
                    Next::Start => self.warm_up(),
                    Next::Wait => break,
                };
            }
        }
        self.retire();
    }

    fn run_job(&mut self, job: Job) {
        self.shared.running.fetch_add(1, Ordering::Relaxed);
        // A panic of the caller's syscalls costs the call: its answer channel closes.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(self)));
        if outcome.is_err() {
            tracing::error!("a call panicked on its driver thread");
            self.retire();
        }
        self.shared.running.fetch_sub(1, Ordering::Relaxed);
    }
}
