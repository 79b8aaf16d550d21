//! What every handler can reach.

use std::sync::Arc;
use std::time::Instant;

use lentil_database::Database;
use lentil_functions::Functions;
use lentil_functions::deploy::Deployer;
use lentil_identity::AdminKeys;
use lentil_jobs::{Exports, Imports};
use tokio::sync::watch;

use crate::api::legacy::LegacyPushes;
use crate::api::streaming_export::StreamingSnapshots;
use crate::backups::Backups;
use crate::ws::SyncState;

/// The deployment as the edge sees it; cheap to clone.
#[derive(Clone)]
pub(crate) struct Deployment(Arc<Shared>);

/// The parts of a [`Deployment`].
pub(crate) struct Shared {
    /// Runs functions.
    pub(crate) functions: Functions,
    /// Pushes code and schemas, keeps environment variables.
    pub(crate) deployer: Deployer,
    /// Imports files.
    pub(crate) imports: Imports,
    /// Exports snapshots.
    pub(crate) exports: Exports,
    /// The store, for what goes past functions.
    pub(crate) database: Database,
    /// Snapshots that somebody copies page by page.
    pub(crate) streaming: StreamingSnapshots,
    /// Schemas of old CLIs that wait for their modules.
    pub(crate) legacy: LegacyPushes,
    /// Opens admin keys.
    pub(crate) keys: AdminKeys,
    /// Backups of the data folder.
    pub(crate) backups: Backups,
    /// The sync sockets.
    pub(crate) sync: SyncState,
    /// When the server began.
    pub(crate) started: Instant,
    /// The deployment's name.
    pub(crate) instance_name: String,
    /// Where clients reach the API.
    pub(crate) cloud_url: String,
    /// Where HTTP actions are reached.
    pub(crate) site_url: String,
    /// Whether clients get errors and logs in the production form.
    pub(crate) redact: bool,
    /// Turns true when the server stops: answers that have no end of their own end then.
    pub(crate) stop: watch::Receiver<bool>,
}

impl Deployment {
    pub(crate) fn new(shared: Shared) -> Deployment {
        Deployment(Arc::new(shared))
    }
}

impl std::ops::Deref for Deployment {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}
