//! This crate keeps bytes: the [`Persistence`] port, its adapters (SQLite, memory, and a faulty
//! one for tests) and the conformance suite that every adapter passes; and a file of logs beside it.
//!
//! It does not decide what is visible or valid, and it never looks inside a document.
//!
//! Invariants: `append` has returned `Ok` only if the batch is durable and whole; what was
//! appended never changes; timestamps of successive batches strictly increase.

mod persistence;
mod memory;
mod sqlite;
mod faulty;
pub mod conformance;
mod limits;

pub use crate::faulty::{Fault, FaultyPersistence};
pub use crate::memory::MemoryPersistence;
pub use crate::persistence::{
    Batch, DocumentRow, DocumentWrite, EntryWrite, Held, IndexId, IndexRow, IndexScan, LogRow,
    Order, Persistence, PruneReport, StorageError, StorageStats, StorageUsage, TableScan, TabletId,
};
pub use crate::sqlite::{
    LogEntryRow, LogFile, LogFileState, LogFilter, SqliteOptions, SqlitePersistence, Synchronous,
    check_database, copy_database, search_log,
};
