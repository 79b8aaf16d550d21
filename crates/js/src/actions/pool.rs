//! The processes of actions, and who waits for a place in one.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc, oneshot};

use super::http::Exchange;
use super::process::{ActionProcess, Program};
use super::{ActionOptions, ActionOutcome, ActionRefused, ActionSyscalls, call};
use crate::Invocation;
use crate::call::CallResult;
use crate::process::Launch;

/// Asks the thread of the pool for a process.
type Start = oneshot::Sender<Result<Arc<ActionProcess>, String>>;

/// Processes that may end in an action's face before it is given up.
const PLACES_TRIED: usize = 3;

/// Runs actions; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct ActionPool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    launch: Launch,
    options: ActionOptions,
    program: Program,
    idle_after: Duration,
    /// Places of actions, and those of HTTP actions, whose clients may be slow.
    permits: Semaphore,
    http_permits: Semaphore,
    waiting: AtomicUsize,
    processes: Mutex<Vec<Arc<ActionProcess>>>,
    /// Held while a place is looked for, which may mean to start a process.
    placing: tokio::sync::Mutex<Option<mpsc::Sender<Start>>>,
    closed: AtomicBool,
    alive: AtomicUsize,
    lost: AtomicU64,
}

/// A pool that gets no more actions: it lives as long as those in it run.
#[derive(Debug)]
pub(crate) struct RetiredPool(Weak<Shared>);

impl RetiredPool {
    /// Whether nothing runs in it any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.strong_count() == 0
    }

    /// Ends what runs in it.
    pub(crate) fn shutdown(&self) {
        if let Some(shared) = self.0.upgrade() {
            ActionPool(shared).shutdown();
        }
    }
}

impl ActionPool {
    /// Gives the pool up.
    pub(crate) fn retire(self) -> RetiredPool {
        RetiredPool(Arc::downgrade(&self.0))
    }

    pub(crate) fn new(
        launch: Launch,
        options: ActionOptions,
        program: Program,
        idle_after: Duration,
    ) -> ActionPool {
        ActionPool(Arc::new(Shared {
            permits: places(options.running),
            http_permits: places(options.http_running),
            launch,
            options,
            program,
            idle_after,
            waiting: AtomicUsize::new(0),
            processes: Mutex::default(),
            placing: tokio::sync::Mutex::default(),
            closed: AtomicBool::new(false),
            alive: AtomicUsize::new(0),
            lost: AtomicU64::new(0),
        }))
    }

    /// Runs one action to its end. Dropping the future cancels the action.
    pub(crate) async fn run(
        &self,
        invocation: &Invocation,
        syscalls: Arc<dyn ActionSyscalls>,
        exchange: Option<&mut Exchange>,
    ) -> Result<ActionOutcome, ActionRefused> {
        let time = self.0.options.time;
        self.run_within(invocation, syscalls, exchange, time).await
    }

    /// The same with a time of its own.
    pub(crate) async fn run_within(
        &self,
        invocation: &Invocation,
        syscalls: Arc<dyn ActionSyscalls>,
        mut exchange: Option<&mut Exchange>,
        time: Duration,
    ) -> Result<ActionOutcome, ActionRefused> {
        let shared = &*self.0;
        let _permit = match exchange {
            Some(_) => shared.permit(&shared.http_permits).await?,
            None => shared.permit(&shared.permits).await?,
        };
        for _ in 0..PLACES_TRIED {
            let process = match self.place().await? {
                Ok(process) => process,
                Err(text) => return Ok(call::plain(CallResult::System(text))),
            };
            let (syscalls, exchange) = (syscalls.clone(), exchange.as_deref_mut());
            let limits = (shared.options.concurrent, time);
            let run = call::run(process, invocation, syscalls, limits, exchange);
            if let Some(outcome) = run.await {
                return Ok(outcome);
            }
        }
        let text = "processes end before an action can begin in them".to_owned();
        Ok(call::plain(CallResult::System(text)))
    }

    /// Processes alive, and those that were lost.
    pub(crate) fn counts(&self) -> (usize, u64) {
        let shared = &self.0;
        (
            shared.alive.load(Ordering::Relaxed),
            shared.lost.load(Ordering::Relaxed),
        )
    }

    /// Refuses new actions and ends all processes.
    pub(crate) fn shutdown(&self) {
        self.0.closed.store(true, Ordering::SeqCst);
        self.0.permits.close();
        self.0.http_permits.close();
        for process in self.0.processes.lock().iter() {
            process.stop();
        }
    }

    /// The process with the least to do; a new one if all have enough or stand still.
    async fn place(&self) -> Result<Result<Arc<ActionProcess>, String>, ActionRefused> {
        let shared = &self.0;
        let mut starter = shared.placing.lock().await;
        if shared.closed.load(Ordering::SeqCst) {
            return Err(ActionRefused::ShuttingDown);
        }
        // What HTTP actions add comes on top: most of their time they wait.
        let enough = shared
            .options
            .running
            .div_ceil(shared.options.processes.max(1));
        let least = {
            let mut processes = shared.processes.lock();
            processes.retain(|process| process.is_open() || process.load() > 0);
            let open = processes.iter().filter(|process| process.is_open());
            let least = open.min_by_key(|process| (!process.is_responsive(), process.load()));
            let full = processes.len() >= shared.options.processes.max(1);
            least
                .filter(|process| full || (process.is_responsive() && process.load() < enough))
                .cloned()
        };
        if let Some(process) = least {
            return Ok(Ok(process));
        }
        let started = self.start(&mut starter).await;
        if let Ok(process) = &started {
            shared.processes.lock().push(Arc::clone(process));
            if shared.closed.load(Ordering::SeqCst) {
                process.stop();
                return Err(ActionRefused::ShuttingDown);
            }
        }
        Ok(started)
    }

    /// Starts a process on the pool's thread, which lives as long as there are processes: the
    /// kernel ends a process with the thread that has started it.
    async fn start(
        &self,
        starter: &mut Option<mpsc::Sender<Start>>,
    ) -> Result<Arc<ActionProcess>, String> {
        let sender = match starter {
            Some(sender) => sender,
            None => starter.insert(self.spawn_thread()?),
        };
        let (answer, answered) = oneshot::channel();
        let asked = sender.send(answer).await;
        let gone = || "the thread of the actions' processes is gone".to_owned();
        asked.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    fn spawn_thread(&self) -> Result<mpsc::Sender<Start>, String> {
        let (sender, requests) = mpsc::channel(1);
        let pool = Arc::downgrade(&self.0);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("cannot run a thread for actions: {error}"))?;
        let body = move || runtime.block_on(serve(pool, requests));
        std::thread::Builder::new()
            .name("actions".to_owned())
            .spawn(body)
            .map_err(|error| format!("cannot start a thread for actions: {error}"))?;
        Ok(sender)
    }
}

/// The pool's thread: starts processes and runs their tasks, until the pool is dropped.
async fn serve(pool: Weak<Shared>, mut requests: mpsc::Receiver<Start>) {
    while let Some(answer) = requests.recv().await {
        let Some(shared) = pool.upgrade() else {
            return;
        };
        let counted = pool.clone();
        let gone = move |lost| {
            if let Some(shared) = counted.upgrade() {
                shared.alive.fetch_sub(1, Ordering::Relaxed);
                shared.lost.fetch_add(u64::from(lost), Ordering::Relaxed);
            }
        };
        let (options, program) = (&shared.options, &shared.program);
        let started =
            ActionProcess::start(&shared.launch, options, program, shared.idle_after, gone).await;
        if started.is_ok() {
            shared.alive.fetch_add(1, Ordering::Relaxed);
        }
        // Who asked may have been cancelled: then the process waits for somebody else in vain and
        // ends when it has been idle for long enough.
        if let Err(Ok(process)) = answer.send(started) {
            process.stop();
        }
    }
}

fn places(count: usize) -> Semaphore {
    Semaphore::new(count.clamp(1, Semaphore::MAX_PERMITS))
}

impl Shared {
    /// Waits for one's turn, not for ever.
    async fn permit<'a>(
        &self,
        permits: &'a Semaphore,
    ) -> Result<SemaphorePermit<'a>, ActionRefused> {
        let closed = |_| ActionRefused::ShuttingDown;
        match permits.try_acquire() {
            Ok(permit) => return Ok(permit),
            Err(tokio::sync::TryAcquireError::Closed) => return Err(ActionRefused::ShuttingDown),
            Err(tokio::sync::TryAcquireError::NoPermits) => {}
        }
        let _waiting = Waiting::among(&self.waiting, self.options.waiting)?;
        let turn = tokio::time::timeout(self.options.patience, permits.acquire()).await;
        turn.map_err(|_| ActionRefused::Busy)?.map_err(closed)
    }
}

/// Counts one who waits.
struct Waiting<'a>(&'a AtomicUsize);

impl Waiting<'_> {
    fn among(count: &AtomicUsize, most: usize) -> Result<Waiting<'_>, ActionRefused> {
        if count.fetch_add(1, Ordering::SeqCst) >= most {
            count.fetch_sub(1, Ordering::SeqCst);
            return Err(ActionRefused::Busy);
        }
        Ok(Waiting(count))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
