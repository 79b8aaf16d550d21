//! When whoever runs scheduled functions and cron jobs must look at them again.
//!
//! The rows are the truth. This only spares looking at all of them each time: whoever commits a
//! scheduled function says for when it is, and the runner then looks from that time on. A server
//! that starts looks at all of them once.

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

/// What has changed since somebody looked.
#[derive(Debug)]
pub struct Agenda {
    /// Whether the deployment is paused, as its row says; set when it is opened.
    paused: watch::Sender<bool>,
    /// The earliest time of what was scheduled since, ms since the epoch.
    earliest_ms: Mutex<Option<f64>>,
    /// How late the runner is, ms, as it said last.
    lag_ms: Mutex<f64>,
    scheduled: Notify,
    crons: Notify,
}

impl Default for Agenda {
    fn default() -> Agenda {
        Agenda {
            paused: watch::Sender::new(false),
            earliest_ms: Mutex::default(),
            lag_ms: Mutex::default(),
            scheduled: Notify::default(),
            crons: Notify::default(),
        }
    }
}

impl Agenda {
    /// Says whether the deployment is paused. Called when the commit is visible.
    pub(crate) fn set_paused(&self, paused: bool) {
        self.paused.send_replace(paused);
    }

    /// Says how late what is due is begun.
    pub fn note_lag(&self, ms: f64) {
        *self.lag_ms.lock() = ms;
    }

    /// How late what is due is begun, ms.
    pub fn lag_ms(&self) -> f64 {
        *self.lag_ms.lock()
    }

    /// Whether nothing is to be begun.
    pub fn is_paused(&self) -> bool {
        *self.paused.borrow()
    }

    /// Waits until the deployment is not paused.
    pub async fn resumed(&self) {
        let mut paused = self.paused.subscribe();
        // The sender lives as long as this does.
        let _same = paused.wait_for(|paused| !*paused).await;
    }

    /// Says that a function was scheduled for a time. Called when its commit is visible.
    pub(crate) fn note_scheduled(&self, at_ms: f64) {
        let mut earliest = self.earliest_ms.lock();
        *earliest = Some(earliest.map_or(at_ms, |earliest| earliest.min(at_ms)));
        drop(earliest);
        self.scheduled.notify_one();
    }

    /// Says that cron jobs have changed. Called when the commit is visible.
    pub(crate) fn note_crons(&self) {
        self.crons.notify_one();
    }

    /// The earliest time of what was scheduled since this was last asked. To be asked before the
    /// rows are read: what is committed later is told the next time.
    pub fn take_earliest(&self) -> Option<f64> {
        self.earliest_ms.lock().take()
    }

    /// Waits until something was scheduled since the last wait.
    pub async fn scheduled(&self) {
        self.scheduled.notified().await;
    }

    /// Waits until cron jobs have changed since the last wait.
    pub async fn crons(&self) {
        self.crons.notified().await;
    }
}
