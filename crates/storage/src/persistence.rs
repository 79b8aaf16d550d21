//! Station 9 · the port to durable storage.
//!
//! Arrives: one batch at a time from the committer (`database/src/committer.rs`), already
//! validated and stamped. Leaves: "durable", or an error that the committer latches; and rows, to
//! whoever reads at a snapshot.
//!
//! The port is synchronous: its callers are threads that may block (the committer's, the
//! executors' drivers), never async tasks.

use std::collections::BTreeMap;
use std::sync::Arc;

use lentil_values::{IndexKey, InternalId, KeyRange, Timestamp};

/// A table's contents, across all namespaces of the deployment; never used again once dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TabletId(pub u32);

/// An index, across all tables; never used again once dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IndexId(pub u32);

/// One revision of one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentWrite {
    /// Where.
    pub tablet: TabletId,
    /// Which.
    pub id: InternalId,
    /// When; at most the batch's `ts`.
    pub ts: Timestamp,
    /// Encoded JSON of the whole document; `None` = deleted.
    pub body: Option<Arc<str>>,
}

/// One revision of one index entry. Entries exist for every index but `by_id`, which is the
/// documents themselves. An update that leaves a key as it was writes no entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryWrite {
    /// Which index.
    pub index: IndexId,
    /// The whole key; its last part makes it unique to a document.
    pub key: IndexKey,
    /// When this entry came or went.
    pub ts: Timestamp,
    /// The document it points to; `None` = the entry went away.
    pub id: Option<InternalId>,
}

/// What one `append` makes durable, all or nothing.
///
/// Invariant: documents are in commit order, each later than everything before the batch, and none
/// later than the batch. A batch that breaks this is a bug of the caller and panics, because a
/// wrong write is worse than none.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The largest timestamp of the batch; larger than any before (a batch without documents, as
    /// a backfill writes, may repeat the last one).
    pub ts: Timestamp,
    /// Revisions in commit order.
    pub documents: Vec<DocumentWrite>,
    /// Index entries.
    pub entries: Vec<EntryWrite>,
    /// Named small texts to set (format markers, counters).
    pub globals: Vec<(String, String)>,
}

impl Batch {
    /// The timestamp the store is at once this batch is in.
    ///
    /// # Panics
    /// If the batch breaks its invariant for a store that is at `latest`.
    pub(crate) fn checked_latest(&self, latest: Timestamp) -> Timestamp {
        assert!(self.ts <= Timestamp::MAX, "a timestamp fits 63 bits");
        let mut previous = None;
        for document in &self.documents {
            assert!(
                document.ts > latest,
                "a revision is later than everything appended before"
            );
            assert!(
                document.ts <= self.ts,
                "a revision is not later than its batch"
            );
            assert!(
                previous.is_none_or(|before| before <= document.ts),
                "revisions are in commit order"
            );
            previous = Some(document.ts);
        }
        let after = latest.max(self.ts);
        for entry in &self.entries {
            assert!(
                entry.ts <= after,
                "an index entry is not later than its batch"
            );
        }
        after
    }
}

/// A document at a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentRow {
    /// Which.
    pub id: InternalId,
    /// When this revision was committed.
    pub ts: Timestamp,
    /// Encoded JSON.
    pub body: Arc<str>,
}

/// A document found through an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexRow {
    /// The whole key of the entry.
    pub key: IndexKey,
    /// The document as of the snapshot.
    pub document: DocumentRow,
}

/// One revision as the log holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow {
    /// Where.
    pub tablet: TabletId,
    /// Which.
    pub id: InternalId,
    /// When.
    pub ts: Timestamp,
    /// Encoded JSON, or `None` for a deletion.
    pub body: Option<Arc<str>>,
}

/// Direction of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Smallest key first.
    Asc,
    /// Largest key first.
    Desc,
}

/// A page of an index at a snapshot.
#[derive(Clone, Debug)]
pub struct IndexScan {
    /// Which index.
    pub index: IndexId,
    /// The tablet its documents are in.
    pub tablet: TabletId,
    /// Which keys.
    pub range: KeyRange,
    /// Direction.
    pub order: Order,
    /// The snapshot.
    pub at: Timestamp,
    /// At most this many rows; fewer means the range is exhausted.
    pub limit: usize,
}

/// A page of a tablet in id order at a snapshot (`by_id`, and backfills).
#[derive(Clone, Debug)]
pub struct TableScan {
    /// Which tablet.
    pub tablet: TabletId,
    /// Ids as key bytes: the 16 raw bytes of [`InternalId`].
    pub range: KeyRange,
    /// Direction.
    pub order: Order,
    /// The snapshot.
    pub at: Timestamp,
    /// At most this many rows; fewer means the range is exhausted.
    pub limit: usize,
}

/// What a pruning step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PruneReport {
    /// Superseded revisions and entries removed.
    pub removed: u64,
    /// Whether more is left to do below the horizon.
    pub more: bool,
}

/// Sizes for operators, in bytes and rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StorageStats {
    /// Bytes on disk (or in memory).
    pub bytes: u64,
    /// Document revisions kept.
    pub revisions: u64,
}

/// What storage keeps of one tablet or index, superseded revisions included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Revisions of documents, or of entries.
    pub rows: u64,
    /// Bytes of their bodies, or of their keys.
    pub bytes: u64,
}

/// What storage keeps, by whose it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageUsage {
    /// Documents.
    pub tablets: BTreeMap<TabletId, Held>,
    /// Entries of indexes.
    pub indexes: BTreeMap<IndexId, Held>,
}

/// Why storage did not do it. All concern the operator, but for `Pruned`, which means that the
/// reader was slower than the retention window (or the caller forgot to hold it back).
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// Another server has the data folder open.
    #[error("{0}")]
    Locked(String),
    /// The folder or file cannot be read or written (permissions, missing folder, read-only).
    #[error("{0}")]
    Inaccessible(String),
    /// The disk is full.
    #[error("{0}")]
    Full(String),
    /// Written by a newer version, or not Lentil's.
    #[error("{0}")]
    Format(String),
    /// The snapshot is older than the horizon of an earlier `prune`: the answer is gone.
    #[error("{0}")]
    Pruned(String),
    /// What was read cannot be what was written.
    #[error("{0}")]
    Corrupt(String),
    /// Anything else from the driver.
    #[error("{0}")]
    Io(String),
}

impl StorageError {
    /// The refusal of a read at a snapshot that pruning has overtaken.
    pub(crate) fn pruned(at: Timestamp, horizon: Timestamp) -> StorageError {
        StorageError::Pruned(format!(
            "the snapshot {} is older than the retained history, which begins at {}; read at a later snapshot",
            at.0, horizon.0
        ))
    }
}

/// Durable storage of one deployment.
///
/// Invariant: a read at `at` sees every `append` that had returned when the read began, so far as
/// its revisions are not later than `at`.
///
/// Invariant: what is visible at a snapshot at or after the horizon never changes. A snapshot
/// before the horizon is refused with [`StorageError::Pruned`].
///
/// A backfill writes entries as of a snapshot that lies in the past by then; it must hold the
/// horizon at or below that snapshot until its last batch is appended, or an entry that went away
/// meanwhile could come back.
pub trait Persistence: Send + Sync + 'static {
    /// The largest timestamp ever appended; [`Timestamp::ZERO`] for an empty store.
    fn latest(&self) -> Result<Timestamp, StorageError>;
    /// Makes a batch durable, whole or not at all. Called by one thread at a time. After an error the
    /// store reads as it did before; whether the batch is there after a restart is unknown, so the
    /// caller must not go on appending.
    fn append(&self, batch: &Batch) -> Result<(), StorageError>;
    /// The document as of `at`, if it was there.
    fn get(
        &self,
        tablet: TabletId,
        id: InternalId,
        at: Timestamp,
    ) -> Result<Option<DocumentRow>, StorageError>;
    /// A page of an index.
    fn scan_index(&self, scan: &IndexScan) -> Result<Vec<IndexRow>, StorageError>;
    /// A page of a tablet in id order.
    fn scan_table(&self, scan: &TableScan) -> Result<Vec<DocumentRow>, StorageError>;
    /// Revisions with `after < ts <= until`, oldest first, in commit order; at most about `limit`, but never
    /// cutting one timestamp in two. Complete if `after` is at or after the horizon; before it, what pruning left.
    fn read_log(
        &self,
        after: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<LogRow>, StorageError>;
    /// A named small text.
    fn global(&self, name: &str) -> Result<Option<String>, StorageError>;
    /// Moves the horizon up to `horizon` (never beyond the latest timestamp, never back) and removes revisions
    /// and entries that no snapshot at or after it can see, a bounded number a call.
    fn prune(&self, horizon: Timestamp, limit: usize) -> Result<PruneReport, StorageError>;
    /// Removes a bounded part of an index's entries; call until `more` is false, once no snapshot that knows the
    /// index is in use.
    fn drop_index(&self, index: IndexId, limit: usize) -> Result<PruneReport, StorageError>;
    /// Removes a bounded part of a tablet's revisions; call until `more` is false, once no snapshot that knows
    /// the tablet is in use.
    fn drop_tablet(&self, tablet: TabletId, limit: usize) -> Result<PruneReport, StorageError>;
    /// Sizes, cheap enough to ask once a second.
    fn stats(&self) -> Result<StorageStats, StorageError>;

    /// What is kept, by tablet and index. Walks through everything: for now and then.
    fn usage(&self) -> Result<StorageUsage, StorageError>;

    /// Gives back memory that helps nobody just now. To be called every few seconds; never needed for
    /// anything else to work.
    fn give_back(&self) {}
}
