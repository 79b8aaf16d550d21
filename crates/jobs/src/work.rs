//! The background tasks: all of them are started here, and stopped here.

use std::time::Duration;

use lentil_database::Database;
use lentil_functions::deploy::Deployer;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Imports;

/// How often superseded revisions are looked for.
const RETENTION_INTERVAL: Duration = Duration::from_secs(10);
/// Revisions that one pruning step removes.
const PRUNE_REVISIONS: usize = 2_000;
/// How long to wait before work that failed is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// The running background tasks.
pub struct Jobs {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Jobs {
    /// Starts them.
    pub fn start(database: &Database, deployer: &Deployer, imports: &Imports) -> Jobs {
        let (stop, stopping) = watch::channel(false);
        let tasks = vec![
            tokio::spawn(push_work(deployer.clone(), stopping.clone())),
            tokio::spawn(retention(database.clone(), stopping)),
            tokio::spawn(fail_interrupted(imports.clone())),
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

/// Imports that an earlier process was in the middle of are told to have failed: nothing of them
/// is there.
async fn fail_interrupted(imports: Imports) {
    if let Err(error) = imports.fail_interrupted().await {
        tracing::warn!(%error, "interrupted imports cannot be marked as failed");
    }
}
