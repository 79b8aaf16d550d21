//! The handle everybody holds.

use std::sync::Arc;
use std::time::Duration;

use lentil_storage::{IndexId, Persistence, StorageStats};
use lentil_values::Timestamp;

use crate::{
    BackfillStep, BeginError, CommitError, Committed, Env, OpenError, ReadSet, Subscription, Transaction, Waker,
};

/// Settings of a database.
#[derive(Clone, Copy, Debug)]
pub struct DatabaseOptions {
    /// How long superseded revisions stay readable.
    pub retention: Duration,
    /// Transactions that may wait for the committer.
    pub commit_queue: usize,
    /// Transactions of one batch (one fsync).
    pub batch: usize,
    /// Bytes of documents cached in memory.
    pub cache_bytes: u64,
}

impl Default for DatabaseOptions {
    fn default() -> Self {
        DatabaseOptions { retention: Duration::from_secs(240), commit_queue: 4_096, batch: 256, cache_bytes: 64 << 20 }
    }
}

/// A database; cheap to clone.
#[derive(Clone)]
pub struct Database {}

impl Database {
    /// Recovers from storage and starts the committer.
    pub fn open(
        persistence: Arc<dyn Persistence>,
        options: DatabaseOptions,
        env: Arc<dyn Env>,
    ) -> Result<Database, OpenError> {
        let _ = (persistence, options, env);
        todo!()
    }
    /// The newest visible commit.
    pub fn latest(&self) -> Timestamp {
        todo!()
    }
    /// Changes whenever `latest` does.
    pub fn watch(&self) -> tokio::sync::watch::Receiver<Timestamp> {
        todo!()
    }
    /// A transaction at `latest`.
    pub fn begin(&self) -> Transaction {
        todo!()
    }
    /// A transaction at an older snapshot.
    pub fn begin_at(&self, snapshot: Timestamp) -> Result<Transaction, BeginError> {
        let _ = snapshot;
        todo!()
    }
    /// Commits; resolves when the commit is durable and visible, or refused.
    pub async fn commit(&self, tx: Transaction) -> Result<Committed, CommitError> {
        let _ = tx;
        todo!()
    }
    /// The same for threads that may block.
    pub fn commit_blocking(&self, tx: Transaction) -> Result<Committed, CommitError> {
        let _ = tx;
        todo!()
    }
    /// Watches what a transaction at `snapshot` has read. A commit that slipped in between is not missed.
    pub fn subscribe(&self, reads: &ReadSet, snapshot: Timestamp, waker: Waker) -> Subscription {
        let _ = (reads, snapshot, waker);
        todo!()
    }
    /// One step of filling an index (call until `Done` or `Nothing`); blocks.
    pub fn backfill_step(&self, index: IndexId, limit: usize) -> Result<BackfillStep, CommitError> {
        let _ = (index, limit);
        todo!()
    }
    /// One step of removing what retention no longer keeps and what dropped tables and indexes
    /// left; returns whether more is left. Blocks.
    pub fn prune_step(&self, limit: usize) -> Result<bool, CommitError> {
        let _ = limit;
        todo!()
    }
    /// Sizes for operators.
    pub fn stats(&self) -> Result<StorageStats, CommitError> {
        todo!()
    }
    /// Stops taking commits, finishes those taken, and stops the committer.
    pub fn shutdown(&self) {
        todo!()
    }
}
