//! The handle through which everything runs functions.

use std::sync::Arc;

use lentil_database::Database;
use lentil_identity::Identity;
use lentil_js::Host;
use lentil_values::Timestamp;

use crate::{ComponentPath, FunctionFailure, MutationDone, Outcome, QueryResult};

/// One question or command.
#[derive(Clone, Debug)]
pub struct Call {
    /// Path as the caller spelled it.
    pub path: String,
    /// The component it is in; other than root only for admins.
    pub component: ComponentPath,
    /// Encoded JSON text: an array with one object (or the object itself).
    pub args: Arc<str>,
    /// Who asks.
    pub identity: Identity,
    /// Shown in errors and logs; 16 hex digits.
    pub request_id: String,
    /// What kind of caller, for the log stream: `SyncWorker`, `HttpApi`, `Tester`, …
    pub caller: &'static str,
}

/// The client's own number of a mutation, for running it at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionRequest {
    /// The client's session.
    pub session_id: uuid::Uuid,
    /// Its request.
    pub request_id: u32,
}

/// Settings.
#[derive(Clone, Debug)]
pub struct FunctionsOptions {
    /// Deployment name, part of cursors and metadata.
    pub instance_name: String,
    /// `CONVEX_CLOUD_URL`.
    pub cloud_url: String,
    /// `CONVEX_SITE_URL`.
    pub site_url: String,
    /// Bytes of cached query results.
    pub query_cache_bytes: u64,
    /// Times a conflicting mutation is run again.
    pub conflict_retries: u32,
}

/// Runs functions; cheap to clone.
#[derive(Clone)]
pub struct Functions {}

impl Functions {
    /// Wires the service to its database and function host.
    pub fn new(database: Database, host: Host, options: FunctionsOptions) -> Functions {
        let _ = (database, host, options);
        todo!()
    }
    /// The database beneath.
    pub fn database(&self) -> &Database {
        todo!()
    }
    /// The newest visible commit.
    pub fn latest(&self) -> Timestamp {
        todo!()
    }
    /// The result of a query exactly as of `ts` (which must be retained and not in the future),
    /// from the cache, from a run in progress, or from a run of its own. One run serves everyone.
    /// Developer failures are inside the outcome; `Err` is for the rest (overload, internal).
    pub async fn query(
        &self,
        call: &Call,
        ts: Timestamp,
        journal: Option<Arc<str>>,
    ) -> Result<Arc<QueryResult>, FunctionFailure> {
        let _ = (call, ts, journal);
        todo!()
    }
    /// Runs a mutation, retrying conflicts; with a session request at most once ever.
    pub async fn mutation(&self, call: Call, session: Option<SessionRequest>) -> MutationDone {
        let _ = (call, session);
        todo!()
    }
    /// Runs whatever kind of function the path names (admin: `/api/function`, `/api/run`).
    pub async fn any(&self, call: Call) -> Outcome {
        let _ = call;
        todo!()
    }
}
