//! This crate is the transactional store: snapshots, indexes, transactions with read and write
//! sets, the committer, the write log, subscriptions and retention.
//!
//! It does not know functions, users, schemas or system tables beyond `_tables` and `_indexes`.
//!
//! Invariants: timestamps are assigned only by the committer and strictly increase; a timestamp
//! is visible to readers only after storage has said it is durable; read sets over-approximate
//! (a missed invalidation is a bug, a spurious one is a cost); every in-memory structure can be
//! rebuilt from storage.

mod env;
mod error;
mod limits;
mod names;
mod definition;
mod catalog_key;
mod registry;
mod index_key;
mod read_set;
mod write_set;
mod snapshots;
mod transaction;
mod document_writes;
mod ddl;
mod table_numbers;
mod cursor;
mod commit;
mod committer;
mod write_log;
mod interval_tree;
mod subscriptions;
mod counts;
mod counted_keys;
mod range_counts;
mod document_cache;
mod shared;
mod backfill;
mod observer;
mod page_cache;
mod retention;
mod changes;
mod database;

pub use crate::backfill::{BackfillProgress, BackfillStep};
pub use crate::changes::{Change, Changes, ChangesError};
pub use crate::cursor::{Ahead, RangeCursor};
pub use crate::database::{CommitterStats, Database, DatabaseOptions};
pub use crate::env::{Env, SystemEnv};
pub use crate::error::{BeginError, CommitError, OpenError, TransactionError};
pub use crate::limits::{TABLES_MAX, TransactionLimits, TransactionUsage};
pub use crate::names::{IndexDefinition, IndexInfo, IndexState, Namespace, TableInfo};
pub use crate::observer::{
    ChangeKind, CommitReport, ConflictPlace, HitReport, Observer, Source, WriteReport,
};
pub use crate::read_set::ReadSet;
pub use crate::subscriptions::{Subscription, Waker};
pub use crate::transaction::{Committed, Document, IndexQuery, IndexUse, TableWrites, Transaction};
pub use lentil_storage::{Held, IndexId, Order, StorageUsage, TabletId};
