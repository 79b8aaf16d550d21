//! Runs scheduled functions when their time has come, a few at a time (function-runtime 6.5).
//!
//! The rows say what waits. The runner reads on from the time up to which it has seen them, and
//! goes back only when it is told that something was scheduled for earlier: rows that are done
//! leave traces in the index for as long as old snapshots are kept, which would cost more and more.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use lentil_catalog::{CatalogError, Components, Due, ScheduledFunction, ScheduledId};
use lentil_database::Database;
use lentil_functions::{Ended, Functions};
use tokio::sync::watch;
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::Instant;

/// Functions that are read ahead of those that run.
const READ_AHEAD: usize = 256;
/// The first and the longest pause before a function that could not be run is tried again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(7_200));
/// The longest sleep: a clock that is set forward is noticed that much later at most.
pub(crate) const CLOCK_CHECK: Duration = Duration::from_secs(10);
/// How long functions that run may take to end once the server stops.
pub(crate) const DRAIN: Duration = Duration::from_secs(5);

struct Runner {
    functions: Functions,
    /// Functions that may run at a time.
    most: usize,
    /// Rows of earlier times are done, or known.
    seen_ms: f64,
    /// Whether there may be due rows that are not known.
    look: bool,
    /// When the next row is due.
    wake: Option<Instant>,
    /// What is due.
    queue: VecDeque<ScheduledId>,
    /// What could not be run, and when it is tried again.
    again: Vec<(Instant, ScheduledId)>,
    /// Times that each of those was tried.
    tries: HashMap<ScheduledId, u32>,
    running: JoinSet<Ended>,
    /// Whose run each task is.
    tasks: HashMap<task::Id, ScheduledId>,
}

/// What a look at the rows found.
struct Found {
    due: Vec<Due>,
    /// The time of the first row that is not due, if that was reached.
    next_ms: Option<f64>,
    /// Whether there may be more that are due.
    more: bool,
    now_ms: f64,
}

/// Runs until told to stop.
pub(crate) async fn run(functions: Functions, mut stopping: watch::Receiver<bool>) {
    let most = functions.limits().scheduled_running;
    let mut runner = Runner {
        most: usize::try_from(most).unwrap_or(usize::MAX),
        functions,
        seen_ms: f64::NEG_INFINITY,
        look: true,
        wake: None,
        queue: VecDeque::new(),
        again: Vec::new(),
        tries: HashMap::new(),
        running: JoinSet::new(),
        tasks: HashMap::new(),
    };
    while !*stopping.borrow() {
        tokio::select! {
            () = runner.step() => {}
            _ = stopping.wait_for(|stop| *stop) => {}
        }
    }
    drain(runner.running).await;
}

/// Lets what runs end, for a while. What is left is cut off: a mutation has then not happened and
/// is run at the next start, an action has failed.
pub(crate) async fn drain<T: 'static>(mut running: JoinSet<T>) {
    let ended = async { while running.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, ended).await.is_err() {
        tracing::warn!(
            "{} scheduled functions still run; leaving them",
            running.len()
        );
    }
}

impl Runner {
    /// Starts what can be started, and waits until there may be more. May be dropped while it waits.
    async fn step(&mut self) {
        if self.functions.agenda().is_paused() {
            tokio::select! {
                Some(ended) = self.running.join_next_with_id(), if !self.running.is_empty() => self.ended(ended),
                () = self.functions.agenda().resumed() => {}
            }
            return;
        }
        self.start_due();
        if self.look && self.queue.is_empty() && self.has_room() {
            self.refill().await;
            return;
        }
        let again = self.again.iter().map(|(at, _)| *at).min();
        let wake = self.wake.filter(|_| !self.look);
        let until = [again, wake].into_iter().flatten().min();
        tokio::select! {
            Some(ended) = self.running.join_next_with_id(), if !self.running.is_empty() => self.ended(ended),
            () = self.functions.agenda().scheduled() => self.look = true,
            () = tokio::time::sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() && self.running.len() < self.most => {
                self.look |= wake.is_some_and(|wake| wake <= Instant::now());
            }
        }
    }

    fn has_room(&self) -> bool {
        // What waits to be tried again is bounded as well: the server is not well then.
        self.running.len() < self.most && self.again.len() < READ_AHEAD
    }

    fn start_due(&mut self) {
        let now = Instant::now();
        while self.running.len() < self.most {
            let ready = self.again.iter().position(|(at, _)| *at <= now);
            let id = match ready {
                Some(at) => self.again.swap_remove(at).1,
                None if self.has_room() => match self.queue.pop_front() {
                    Some(id) => id,
                    None => return,
                },
                None => return,
            };
            let functions = self.functions.clone();
            let task = self
                .running
                .spawn(async move { functions.run_scheduled(id).await });
            self.tasks.insert(task.id(), id);
        }
    }

    fn ended(&mut self, ended: Result<(task::Id, Ended), JoinError>) {
        let (task, ended) = match ended {
            Ok((task, ended)) => (task, ended),
            Err(error) => {
                tracing::error!(%error, "running a scheduled function failed");
                (error.id(), Ended::TryAgain)
            }
        };
        let Some(id) = self.tasks.remove(&task) else {
            return;
        };
        if ended == Ended::Done {
            self.tries.remove(&id);
            return;
        }
        let tries = self.tries.entry(id).or_default();
        let pause = PAUSE.0.saturating_mul(1 << (*tries).min(16)).min(PAUSE.1);
        *tries += 1;
        tracing::warn!(id = %id.id, ?pause, "a scheduled function could not be run; trying again");
        self.again.push((Instant::now() + pause, id));
    }

    /// Reads what is due.
    async fn refill(&mut self) {
        // Asked before the rows are read: what is committed from here on is told again.
        let earliest = self.functions.agenda().take_earliest();
        let from_ms = earliest.map_or(self.seen_ms, |earliest| earliest.min(self.seen_ms));
        self.seen_ms = from_ms;
        let known: HashSet<ScheduledId> = self
            .tasks
            .values()
            .copied()
            .chain(self.again.iter().map(|(_, id)| *id))
            .collect();
        let database = self.functions.database().clone();
        let limit = READ_AHEAD + known.len();
        let looked = tokio::task::spawn_blocking(move || look(&database, from_ms, limit)).await;
        let found = match looked {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return self.look_later(&error),
            Err(error) => return self.look_later(&error),
        };
        let late = found
            .due
            .first()
            .map_or(0.0, |due| found.now_ms - due.scheduled_ms);
        self.functions.agenda().note_lag(late.max(0.0));
        let due = found.due.iter().map(|due| due.id);
        self.queue.extend(due.filter(|id| !known.contains(id)));
        self.look = found.more;
        self.seen_ms = match (found.next_ms, found.due.last()) {
            (_, Some(last)) if found.more => last.scheduled_ms,
            (Some(next_ms), _) => next_ms,
            (None, _) => found.now_ms,
        };
        self.wake = found.next_ms.map(|next_ms| {
            let ms = (next_ms - found.now_ms).clamp(0.0, CLOCK_CHECK.as_secs_f64() * 1e3);
            Instant::now() + Duration::from_secs_f64(ms / 1e3)
        });
    }

    fn look_later(&mut self, error: &dyn std::fmt::Display) {
        tracing::warn!(%error, "scheduled functions cannot be read; trying again");
        self.look = false;
        self.wake = Some(Instant::now() + PAUSE.0);
    }
}

/// Reads the rows from a time on. Blocks.
fn look(database: &Database, from_ms: f64, limit: usize) -> Result<Found, CatalogError> {
    let mut tx = database.begin();
    tx.lift_limits();
    let mut found = Found {
        due: Vec::new(),
        next_ms: None,
        more: false,
        now_ms: tx.now_ms(),
    };
    // Of components that are not mounted nothing is run until they are again, and a push makes the
    // runner look at everything.
    for component in Components::load(&mut tx)?.active() {
        let mut count = 0;
        ScheduledFunction::pending(&mut tx, component.namespace, from_ms, |due| {
            if due.scheduled_ms > found.now_ms {
                let next_ms = found
                    .next_ms
                    .map_or(due.scheduled_ms, |it| it.min(due.scheduled_ms));
                found.next_ms = Some(next_ms);
                return false;
            }
            found.due.push(due);
            count += 1;
            found.more |= count >= limit;
            count < limit
        })?;
    }
    // Those of one component are in order; those that are left over are found the next time.
    found
        .due
        .sort_by(|a, b| a.scheduled_ms.total_cmp(&b.scheduled_ms));
    found.more |= found.due.len() > limit;
    found.due.truncate(limit);
    Ok(found)
}
