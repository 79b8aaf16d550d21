//! Removing the contents of files that nothing refers to.

use std::time::{Duration, SystemTime};

use lentil_functions::Functions;
use tokio::sync::watch;
use tokio::time::Instant;

/// How often files that were removed are looked for.
const REMOVED_INTERVAL: Duration = Duration::from_secs(5);
/// How often everything is compared with everything.
const SWEEP_INTERVAL: Duration = Duration::from_secs(86_400);

/// Works until told to stop.
pub(crate) async fn work(functions: Functions, mut stopping: watch::Receiver<bool>) {
    let mut sweep_at = Instant::now();
    loop {
        if Instant::now() >= sweep_at {
            sweep_at = Instant::now() + SWEEP_INTERVAL;
            sweep(&functions).await;
        }
        while !*stopping.borrow() {
            match functions.remove_dropped_files().await {
                Ok(0) => break,
                Ok(count) => tracing::debug!(count, "contents of files removed"),
                Err(error) => {
                    tracing::warn!(error = %error.message, "contents of removed files are kept for now");
                    break;
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(REMOVED_INTERVAL) => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
    }
}

async fn sweep(functions: &Functions) {
    match functions.sweep_files(SystemTime::now()).await {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "contents that no file refers to were removed"),
        Err(error) => tracing::warn!(error = %error.message, "the file store cannot be swept"),
    }
}
