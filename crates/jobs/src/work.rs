//! The background tasks: all of them are started here, and stopped here.

use std::time::Duration;

use lentil_catalog::session_requests;
use lentil_database::{CommitError, Database};
use lentil_functions::Functions;
use lentil_functions::deploy::Deployer;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Imports;
use crate::files;

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
    /// Starts them.
    pub fn start(
        database: &Database,
        functions: &Functions,
        deployer: &Deployer,
        imports: &Imports,
    ) -> Jobs {
        let (stop, stopping) = watch::channel(false);
        let tasks = vec![
            tokio::spawn(push_work(deployer.clone(), stopping.clone())),
            tokio::spawn(retention(database.clone(), stopping.clone())),
            tokio::spawn(sweep(database.clone(), imports.clone(), stopping.clone())),
            tokio::spawn(files::work(functions.clone(), stopping)),
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

/// Ends what an earlier process was in the middle of, and from then on forgets what has grown old.
async fn sweep(database: Database, imports: Imports, mut stopping: watch::Receiver<bool>) {
    if let Err(error) = imports.fail_interrupted().await {
        tracing::warn!(%error, "interrupted imports cannot be marked as failed");
    }
    loop {
        forget_session_requests(&database, &stopping).await;
        if let Err(error) = imports.expire(UPLOADS_KEPT).await {
            tracing::warn!(%error, "old uploads cannot be removed");
        }
        tokio::select! {
            () = tokio::time::sleep(SWEEP_INTERVAL) => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
    }
}

async fn forget_session_requests(database: &Database, stopping: &watch::Receiver<bool>) {
    while !*stopping.borrow() {
        let database = database.clone();
        match tokio::task::spawn_blocking(move || forget_step(&database)).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => return,
            Ok(Err(error)) => {
                tracing::warn!(%error, "old session requests cannot be removed");
                return;
            }
            Err(error) => {
                tracing::error!(%error, "removing old session requests failed");
                return;
            }
        }
    }
}

/// Forgets some outcomes that have grown old; gives whether there may be more. Blocks.
fn forget_step(database: &Database) -> Result<bool, CommitError> {
    let mut tx = database.begin();
    let before_ms = tx.now_ms() - SESSION_REQUESTS_KEPT.as_secs_f64() * 1e3;
    let removed = session_requests::remove_before(&mut tx, before_ms, SESSION_REQUESTS_STEP);
    let removed = match removed {
        Ok(removed) => removed,
        Err(error) => {
            tracing::warn!(%error, "old session requests cannot be read");
            return Ok(false);
        }
    };
    match database.commit_blocking(tx) {
        // Nobody writes these rows twice, so a conflict has been with another table's definition.
        Ok(_) | Err(CommitError::Conflict { .. }) => Ok(removed == SESSION_REQUESTS_STEP),
        Err(error) => Err(error),
    }
}
