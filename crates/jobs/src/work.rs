//! The background tasks: all of them are started here, and stopped here.

use std::time::Duration;

use lentil_catalog::{Components, ScheduledFunction, session_requests};
use lentil_database::{CommitError, Database, Transaction, TransactionError};
use lentil_functions::Functions;
use lentil_functions::deploy::Deployer;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::{Exports, Imports, crons, files, scheduler};

/// How often superseded revisions are looked for.
const RETENTION_INTERVAL: Duration = Duration::from_secs(10);
/// Revisions that one pruning step removes.
const PRUNE_REVISIONS: usize = 2_000;
/// How often what has grown old is looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(3_600);
/// How long the outcome of a client's mutation is kept, for the client that asks again.
const SESSION_REQUESTS_KEPT: Duration = Duration::from_secs(14 * 86_400);
/// Outcomes that one transaction forgets.
const SESSION_REQUESTS_STEP: usize = 1_000;
/// How long the outcome of a scheduled function is kept (function-runtime 5).
const SCHEDULED_KEPT: Duration = Duration::from_secs(7 * 86_400);
/// Outcomes of scheduled functions that one transaction forgets; they may have large arguments.
const SCHEDULED_STEP: usize = 100;
/// How long an upload, or an import that waits for a yes, may be left alone.
const UPLOADS_KEPT: Duration = Duration::from_secs(86_400);
/// How long to wait before work that failed is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// The running background tasks.
pub struct Jobs {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Jobs {
    /// Starts them, after imports and exports that an earlier process was in the middle of have
    /// been marked as failed. Whoever asks for new ones waits for this: those must not be taken for
    /// old ones, nor be refused because of them.
    pub async fn start(
        functions: &Functions,
        deployer: &Deployer,
        imports: &Imports,
        exports: &Exports,
    ) -> Jobs {
        fail_interrupted(imports, exports).await;
        let (stop, stopping) = watch::channel(false);
        let database = functions.database();
        let files = Snapshots {
            imports: imports.clone(),
            exports: exports.clone(),
        };
        let tasks = vec![
            tokio::spawn(push_work(deployer.clone(), stopping.clone())),
            tokio::spawn(retention(database.clone(), stopping.clone())),
            tokio::spawn(later(functions.clone(), stopping.clone())),
            tokio::spawn(sweep(database.clone(), files, stopping.clone())),
            tokio::spawn(files::work(functions.clone(), stopping.clone())),
            tokio::spawn(sample(functions.clone(), stopping)),
        ];
        Jobs { stop, tasks }
    }

    /// Lets each end the step it is in.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a background task failed");
            }
        }
    }
}

/// Takes what was counted in each second.
async fn sample(functions: Functions, mut stopping: watch::Receiver<bool>) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    // Seconds in which the machine was too busy are one long one.
    seconds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            _ = seconds.tick() => {}
            _ = stopping.wait_for(|stop| *stop) => break,
        }
        functions.sample().await;
    }
    functions.keep_open_samples().await;
}

/// Validates pending schemas and fills indexes whenever a push asks, and once at the start for
/// what an earlier process left.
async fn push_work(deployer: Deployer, mut stopping: watch::Receiver<bool>) {
    loop {
        let working = deployer.clone();
        let pause = match tokio::task::spawn_blocking(move || working.background_step()).await {
            // A step is short; what is left of a large table goes on after the next start.
            Ok(Ok(true)) if *stopping.borrow() => return,
            Ok(Ok(true)) => continue,
            Ok(Ok(false)) => None,
            Ok(Err(error)) => {
                tracing::warn!(%error, "checking or filling for a push failed; trying again");
                Some(RETRY)
            }
            Err(error) => {
                tracing::error!(%error, "checking or filling for a push failed; trying again");
                Some(RETRY)
            }
        };
        let again = async {
            match pause {
                None => deployer.work().await,
                Some(pause) => tokio::time::sleep(pause).await,
            }
        };
        tokio::select! {
            () = again => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
    }
}

/// Runs scheduled functions and cron jobs, after what an earlier process was in the middle of has
/// been marked as failed.
async fn later(functions: Functions, mut stopping: watch::Receiver<bool>) {
    while functions.fail_interrupted().await.is_err() {
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
    }
    tokio::join!(
        scheduler::run(functions.clone(), stopping.clone()),
        crons::run(functions, stopping),
    );
}

/// Frees what no snapshot can see any more.
async fn retention(database: Database, mut stopping: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(RETENTION_INTERVAL) => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        loop {
            let pruning = database.clone();
            match tokio::task::spawn_blocking(move || pruning.prune_step(PRUNE_REVISIONS)).await {
                Ok(Ok(true)) if !*stopping.borrow() => {}
                Ok(Ok(_)) => break,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "old revisions cannot be removed");
                    break;
                }
                Err(error) => {
                    tracing::error!(%error, "removing old revisions failed");
                    break;
                }
            }
        }
    }
}

/// What has files that grow old.
struct Snapshots {
    imports: Imports,
    exports: Exports,
}

/// Ends what an earlier process was in the middle of.
async fn fail_interrupted(imports: &Imports, exports: &Exports) {
    if let Err(error) = imports.fail_interrupted().await {
        tracing::warn!(%error, "interrupted imports cannot be marked as failed");
    }
    if let Err(error) = exports.fail_interrupted().await {
        tracing::warn!(%error, "interrupted exports cannot be marked as failed");
    }
}

/// Forgets what has grown old.
async fn sweep(database: Database, snapshots: Snapshots, mut stopping: watch::Receiver<bool>) {
    let Snapshots { imports, exports } = snapshots;
    loop {
        forget(&database, &stopping, SESSION_REQUESTS).await;
        forget(&database, &stopping, SCHEDULED).await;
        if let Err(error) = imports.expire(UPLOADS_KEPT).await {
            tracing::warn!(%error, "old uploads cannot be removed");
        }
        if let Err(error) = exports.expire().await {
            tracing::warn!(%error, "old exports cannot be removed");
        }
        tokio::select! {
            () = tokio::time::sleep(SWEEP_INTERVAL) => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
    }
}

/// Rows that are forgotten when they have grown old.
#[derive(Clone, Copy)]
struct Old {
    what: &'static str,
    kept: Duration,
    /// Rows that one transaction forgets.
    step: usize,
    /// Forgets at most so many that are older than a time, ms since the epoch; gives how many.
    remove: fn(&mut Transaction, f64, usize) -> Result<usize, TransactionError>,
}

const SESSION_REQUESTS: Old = Old {
    what: "session requests",
    kept: SESSION_REQUESTS_KEPT,
    step: SESSION_REQUESTS_STEP,
    remove: session_requests::remove_before,
};

const SCHEDULED: Old = Old {
    what: "scheduled functions",
    kept: SCHEDULED_KEPT,
    step: SCHEDULED_STEP,
    remove: |tx, before_ms, limit| {
        let mut removed = 0;
        for component in Components::load(tx)?.all() {
            let namespace = component.namespace;
            let left = limit - removed;
            let ids = ScheduledFunction::completed_before(tx, namespace, before_ms, left)?;
            for id in &ids {
                ScheduledFunction::remove(tx, namespace, *id)?;
            }
            removed += ids.len();
        }
        Ok(removed)
    },
};

async fn forget(database: &Database, stopping: &watch::Receiver<bool>, old: Old) {
    let what = old.what;
    while !*stopping.borrow() {
        let database = database.clone();
        match tokio::task::spawn_blocking(move || forget_step(&database, old)).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => return,
            Ok(Err(error)) => {
                tracing::warn!(%error, "old {what} cannot be removed");
                return;
            }
            Err(error) => {
                tracing::error!(%error, "removing old {what} failed");
                return;
            }
        }
    }
}

/// Forgets some rows that have grown old; gives whether there may be more. Blocks.
fn forget_step(database: &Database, old: Old) -> Result<bool, CommitError> {
    let mut tx = database.begin();
    tx.lift_limits();
    let before_ms = tx.now_ms() - old.kept.as_secs_f64() * 1e3;
    let removed = match (old.remove)(&mut tx, before_ms, old.step) {
        Ok(removed) => removed,
        Err(error) => {
            tracing::warn!(%error, "old {} cannot be read", old.what);
            return Ok(false);
        }
    };
    match database.commit_blocking(tx) {
        // Nobody writes these rows again, so a conflict has been with another table's definition.
        Ok(_) | Err(CommitError::Conflict { .. }) => Ok(removed == old.step),
        Err(error) => Err(error),
    }
}
