//! What somebody is told who wants to see the database at work: which commit was whose, what it wrote,
//! and whom it woke.
//!
//! Nothing of this is made unless the observer wants it; then the committer makes it, after the
//! commit is visible and before anyone is woken.

use std::sync::Arc;
use std::time::Duration;

use lentil_storage::{IndexId, TabletId};
use lentil_values::{InternalId, KeyRange, Timestamp};

/// Hits of one commit that are told one by one; of more only the number.
pub(crate) const HITS_MAX: usize = 500;

/// Who made a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What ran, e.g. the path of a mutation.
    pub name: Arc<str>,
    /// Which run of it.
    pub run: Arc<str>,
    /// For how long it had run when it asked to commit.
    pub ran: Duration,
}

/// Somebody who watches.
pub trait Observer: Send + Sync {
    /// Whether reports are wanted; asked once a batch.
    fn wants_reports(&self) -> bool;
    /// Takes a report; must not block.
    fn committed(&self, report: CommitReport);
}

/// One commit.
#[derive(Clone, Debug)]
pub struct CommitReport {
    /// When.
    pub ts: Timestamp,
    /// By whom, if that was said.
    pub source: Option<Arc<Source>>,
    /// What it wrote.
    pub changes: Vec<WriteReport>,
    /// Whom it woke, up to a limit.
    pub hits: Vec<HitReport>,
    /// How many it woke.
    pub hits_total: usize,
}

/// One document that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteReport {
    /// Of which table.
    pub tablet: TabletId,
    /// Which one.
    pub id: InternalId,
    /// What became of it.
    pub kind: ChangeKind,
    /// Bytes of the new document.
    pub bytes: usize,
}

/// What became of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Inserted,
    /// It is another.
    Updated,
    /// It is gone.
    Deleted,
}

/// A subscription that a commit hit.
#[derive(Clone, Debug)]
pub struct HitReport {
    /// Its number ([`crate::Subscription::number`]).
    pub subscription: u64,
    /// The index in which it was hit.
    pub index: IndexId,
    /// The key that was written.
    pub key: Arc<[u8]>,
    /// The range around it that the subscriber had read.
    pub range: KeyRange,
}

/// Where a transaction met another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictPlace {
    /// In which index.
    pub index: IndexId,
    /// The key that the other wrote.
    pub key: Arc<[u8]>,
    /// The other's commit. If both came in one batch it is in storage by the time this is told.
    pub ts: Timestamp,
}
