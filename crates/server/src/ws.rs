//! Station 1 · the sync sockets.
//!
//! Arrives: an HTTP upgrade at `/api/sync` or `/api/{version}/sync`, then frames. Leaves: decoded
//! messages to `session/src/driver.rs` (station 2); back come the texts to send. One task serves
//! one socket.

mod upgrade;
mod connection;
mod frames;
mod limits;

use std::time::Duration;

use axum::Router;
use axum::routing::any;
use lentil_functions::Functions;
use lentil_identity::AdminKeys;
use lentil_session::{SessionOptions, Sessions};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// What the sockets share; cheap to clone.
#[derive(Clone)]
pub struct SyncState {
    sessions: Sessions,
    functions: Functions,
    keys: AdminKeys,
    options: SyncOptions,
    stop: watch::Receiver<bool>,
    tracker: TaskTracker,
}

/// The clocks of a socket.
#[derive(Clone, Copy, Debug)]
pub struct SyncOptions {
    /// A client that was sent nothing for so long gets a `Ping`, which is what browsers see, and,
    /// if it was quiet as well, a WebSocket ping, which it must answer.
    pub ping_after: Duration,
    /// A client from which nothing came for so long is dropped.
    pub silent_after: Duration,
}

impl Default for SyncOptions {
    fn default() -> Self {
        SyncOptions {
            ping_after: Duration::from_secs(15),
            silent_after: Duration::from_secs(120),
        }
    }
}

impl SyncState {
    /// Sockets over these functions, for whoever these keys let in. With `redact`, clients get
    /// errors and logs in the production form. When `stop` turns true every socket is closed.
    pub fn new(
        functions: Functions,
        keys: AdminKeys,
        redact: bool,
        stop: watch::Receiver<bool>,
    ) -> SyncState {
        SyncState {
            functions: functions.clone(),
            keys: keys.clone(),
            sessions: Sessions::new(functions, keys, SessionOptions { redact }),
            options: SyncOptions::default(),
            stop,
            tracker: TaskTracker::new(),
        }
    }

    /// The same with other clocks.
    pub fn with_options(mut self, options: SyncOptions) -> SyncState {
        self.options = options;
        self
    }

    /// Waits until every socket is closed; of use once `stop` is true.
    pub async fn drained(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// Sockets that are open.
    pub fn sockets(&self) -> usize {
        self.tracker.len()
    }
}

/// The routes of the sync protocol.
pub fn router(state: SyncState) -> Router {
    Router::new()
        .route("/api/sync", any(upgrade::without_version))
        .route("/api/{version}/sync", any(upgrade::with_version))
        .with_state(state)
}
