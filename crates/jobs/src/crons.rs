//! Runs cron jobs when they are due, each once at a time (function-runtime 6.6).

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use lentil_functions::{CronId, Ended, Functions};
use tokio::sync::watch;
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::Instant;

use crate::scheduler::{CLOCK_CHECK, drain};

/// The first and the longest pause before a job that could not be run is tried again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));

struct Runner {
    functions: Functions,
    /// Jobs that may run at a time.
    most: usize,
    running: JoinSet<Ended>,
    /// Whose run each task is.
    tasks: HashMap<task::Id, CronId>,
    /// Jobs that could not be run: how often, and when they are tried again.
    again: HashMap<CronId, (u32, Instant)>,
}

/// Runs until told to stop.
pub(crate) async fn run(functions: Functions, mut stopping: watch::Receiver<bool>) {
    let most = functions.limits().scheduled_running;
    let mut runner = Runner {
        most: usize::try_from(most).unwrap_or(usize::MAX),
        functions,
        running: JoinSet::new(),
        tasks: HashMap::new(),
        again: HashMap::new(),
    };
    while !*stopping.borrow() {
        tokio::select! {
            () = runner.step() => {}
            _ = stopping.wait_for(|stop| *stop) => {}
        }
    }
    drain(runner.running).await;
}

impl Runner {
    /// Starts what is due, and waits until there may be more. May be dropped while it waits.
    async fn step(&mut self) {
        if self.functions.agenda().is_paused() {
            tokio::select! {
                Some(ended) = self.running.join_next_with_id(), if !self.running.is_empty() => self.ended(ended),
                () = self.functions.agenda().resumed() => {}
            }
            return;
        }
        let wake = self.start_due().await;
        tokio::select! {
            Some(ended) = self.running.join_next_with_id(), if !self.running.is_empty() => self.ended(ended),
            () = self.functions.agenda().crons() => {}
            () = tokio::time::sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
        }
    }

    /// Starts what is due; gives when the next job is.
    async fn start_due(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let functions = self.functions.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let waiting = functions.waiting_crons()?;
            let now_ms = functions.database().begin().now_ms();
            Ok::<_, lentil_functions::FunctionFailure>((waiting, now_ms))
        });
        let (waiting, now_ms) = match looked.await {
            Ok(Ok(looked)) => looked,
            // The log says why.
            Ok(Err(_)) => return Some(now + PAUSE.0),
            Err(error) => {
                tracing::error!(%error, "cron jobs cannot be read; trying again");
                return Some(now + PAUSE.0);
            }
        };
        let running: HashSet<CronId> = self.tasks.values().cloned().collect();
        self.again
            .retain(|name, _| waiting.iter().any(|(job, _)| job == name));
        let mut wake = None;
        for (name, due_ms) in waiting {
            if running.contains(&name) {
                continue;
            }
            let ms = (due_ms - now_ms).clamp(0.0, CLOCK_CHECK.as_secs_f64() * 1e3);
            let due = now + Duration::from_secs_f64(ms / 1e3);
            let due = match self.again.get(&name) {
                Some((_, again)) => due.max(*again),
                None => due,
            };
            if due > now {
                wake = Some(wake.map_or(due, |wake: Instant| wake.min(due)));
            } else if self.running.len() < self.most {
                self.start(name, due_ms);
            }
        }
        wake
    }

    fn start(&mut self, name: CronId, due_ms: f64) {
        let (functions, job) = (self.functions.clone(), name.clone());
        let task = self
            .running
            .spawn(async move { functions.run_cron(job, due_ms).await });
        self.tasks.insert(task.id(), name);
    }

    fn ended(&mut self, ended: Result<(task::Id, Ended), JoinError>) {
        let (task, ended) = match ended {
            Ok((task, ended)) => (task, ended),
            Err(error) => {
                tracing::error!(%error, "running a cron job failed");
                (error.id(), Ended::TryAgain)
            }
        };
        let Some(name) = self.tasks.remove(&task) else {
            return;
        };
        if ended == Ended::Done {
            self.again.remove(&name);
            return;
        }
        let tries = self.again.get(&name).map_or(0, |(tries, _)| *tries);
        let pause = PAUSE.0.saturating_mul(1 << tries.min(16)).min(PAUSE.1);
        tracing::warn!(
            job = &*name.name,
            ?pause,
            "a cron job could not be run; trying again"
        );
        self.again.insert(name, (tries + 1, Instant::now() + pause));
    }
}
