//! Station 7 · a transaction: one snapshot, buffered writes, recorded reads.
//!
//! Arrives: reads and writes from `functions/src/syscalls.rs`. Leaves: a finished transaction
//! (begin timestamp, what was read, what is to be written) to `committer.rs`.
//!
//! Everything here is synchronous and may block on storage: it runs on executor driver threads
//! and blocking tasks, never on async workers.

use std::sync::Arc;

use lentil_storage::{Order, TabletId};
use lentil_values::{DocumentId, InternalId, KeyRange, Object, TableNumber, Timestamp, Value};

use crate::{
    IndexDefinition, IndexInfo, IndexState, Namespace, RangeCursor, ReadSet, TableInfo, TransactionError,
    TransactionLimits, TransactionUsage,
};

/// A document as a transaction sees it.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its id.
    pub id: DocumentId,
    /// Encoded JSON of the whole document, `_id` and `_creationTime` included, keys sorted.
    pub json: Arc<str>,
}

/// An index range to read.
#[derive(Clone, Debug)]
pub struct IndexQuery {
    /// Whose table.
    pub namespace: Namespace,
    /// Which table; one that does not exist is empty.
    pub table: String,
    /// `by_id`, `by_creation_time` or a declared index.
    pub index: String,
    /// Which keys. Keys are the parts of [`IndexInfo::key_fields`], each pushed with
    /// `values::push_key_value` (`_id` as its string; the database converts `by_id` itself).
    pub range: KeyRange,
    /// Direction.
    pub order: Order,
}

/// What a commit did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The commit timestamp; for a transaction without writes, its snapshot.
    pub ts: Timestamp,
}

/// A running transaction.
pub struct Transaction {
    _private: (),
}

impl Transaction {
    /// The snapshot it reads at.
    pub fn snapshot(&self) -> Timestamp {
        todo!()
    }
    /// Wall-clock time the transaction took as its own, ms since the epoch (`Date.now()`).
    pub fn now_ms(&self) -> f64 {
        todo!()
    }
    /// A 32-byte seed drawn from the transaction's generator (one per function execution).
    pub fn draw_seed(&mut self) -> [u8; 32] {
        todo!()
    }
    /// Sets ceilings (default: [`TransactionLimits::default`]).
    pub fn set_limits(&mut self, limits: TransactionLimits) {
        let _ = limits;
        todo!()
    }
    /// What has been used.
    pub fn usage(&self) -> TransactionUsage {
        todo!()
    }
    /// What has been read so far.
    pub fn read_set(&self) -> &ReadSet {
        todo!()
    }
    /// Whether anything is to be written.
    pub fn has_writes(&self) -> bool {
        todo!()
    }

    // --- tables -----------------------------------------------------------------------------

    /// The table, own creations included; the look-up is part of the read set.
    pub fn table(&mut self, namespace: Namespace, name: &str) -> Option<TableInfo> {
        let _ = (namespace, name);
        todo!()
    }
    /// The table with that number in ids.
    pub fn table_by_number(&mut self, namespace: Namespace, number: TableNumber) -> Option<TableInfo> {
        let _ = (namespace, number);
        todo!()
    }
    /// All tables of a namespace by name, system tables included; reads the whole table list.
    pub fn tables(&mut self, namespace: Namespace) -> Vec<TableInfo> {
        let _ = namespace;
        todo!()
    }
    /// Creates a table. `number`: `None` allots the next user number (>= 10001), or the next
    /// system number (>= 512) for names beginning with `_`; `Some` asks for that one.
    pub fn create_table(
        &mut self,
        namespace: Namespace,
        name: &str,
        number: Option<TableNumber>,
    ) -> Result<TableInfo, TransactionError> {
        let _ = (namespace, name, number);
        todo!()
    }
    /// Deletes a table with its indexes and contents (space is freed in the background).
    pub fn delete_table(&mut self, namespace: Namespace, name: &str) -> Result<(), TransactionError> {
        let _ = (namespace, name);
        todo!()
    }

    // --- indexes ----------------------------------------------------------------------------

    /// All indexes of a table, `by_id` and `by_creation_time` included.
    pub fn indexes(&mut self, table: &TableInfo) -> Vec<IndexInfo> {
        let _ = table;
        todo!()
    }
    /// Adds an index, `Backfilling` if the table may have documents, else `Backfilled`.
    pub fn add_index(&mut self, table: &TableInfo, definition: IndexDefinition) -> Result<IndexInfo, TransactionError> {
        let _ = (table, definition);
        todo!()
    }
    /// Moves an index to another state or changes its `staged` mark.
    pub fn set_index(
        &mut self,
        table: &TableInfo,
        name: &str,
        state: IndexState,
        staged: bool,
    ) -> Result<(), TransactionError> {
        let _ = (table, name, state, staged);
        todo!()
    }
    /// Drops an index.
    pub fn drop_index(&mut self, table: &TableInfo, name: &str) -> Result<(), TransactionError> {
        let _ = (table, name);
        todo!()
    }

    // --- documents --------------------------------------------------------------------------

    /// A point read; a missing document is a read too. An id of an unknown table is `None`.
    pub fn get(&mut self, namespace: Namespace, id: DocumentId) -> Result<Option<Document>, TransactionError> {
        let _ = (namespace, id);
        todo!()
    }
    /// Inserts into a table, creating the table if it is new; `_id` and `_creationTime` are added
    /// (they must be absent from `value`).
    pub fn insert(&mut self, namespace: Namespace, table: &str, value: Object) -> Result<DocumentId, TransactionError> {
        let _ = (namespace, table, value);
        todo!()
    }
    /// Inserts with a given internal id and creation time (imports, de-duplication rows).
    pub fn insert_with(
        &mut self,
        table: &TableInfo,
        id: InternalId,
        creation_time_ms: f64,
        value: Object,
    ) -> Result<DocumentId, TransactionError> {
        let _ = (table, id, creation_time_ms, value);
        todo!()
    }
    /// Replaces a document (`_id`, `_creationTime` kept; they may be present if unchanged).
    /// Writes nothing if it is equal. Returns the new document.
    pub fn replace(&mut self, namespace: Namespace, id: DocumentId, value: Object) -> Result<Document, TransactionError> {
        let _ = (namespace, id, value);
        todo!()
    }
    /// Shallow merge; `None` removes the field. Writes nothing if nothing changes. Returns the new document.
    pub fn patch(
        &mut self,
        namespace: Namespace,
        id: DocumentId,
        fields: Vec<(String, Option<Value>)>,
    ) -> Result<Document, TransactionError> {
        let _ = (namespace, id, fields);
        todo!()
    }
    /// Deletes a document; returns it.
    pub fn delete(&mut self, namespace: Namespace, id: DocumentId) -> Result<Document, TransactionError> {
        let _ = (namespace, id);
        todo!()
    }

    /// Opens a cursor; nothing is read or recorded yet but the index look-up.
    /// Errors: `IndexNotFoundError`, `IndexBackfillingError`, `IndexStagedError`.
    pub fn query(&mut self, query: IndexQuery) -> Result<RangeCursor, TransactionError> {
        let _ = query;
        todo!()
    }
    /// The index of that name, for building key ranges (recorded as a read).
    pub fn index(&mut self, namespace: Namespace, table: &str, index: &str) -> Result<Option<IndexInfo>, TransactionError> {
        let _ = (namespace, table, index);
        todo!()
    }
    /// Number of documents in a table, own writes included.
    pub fn count(&mut self, namespace: Namespace, table: &str) -> Result<u64, TransactionError> {
        let _ = (namespace, table);
        todo!()
    }

    // --- nesting ----------------------------------------------------------------------------

    /// Opens a sub-transaction (up to any depth).
    pub fn begin_nested(&mut self) {
        todo!()
    }
    /// Keeps what the innermost sub-transaction wrote.
    pub fn keep_nested(&mut self) {
        todo!()
    }
    /// Undoes what the innermost sub-transaction wrote; its reads stay recorded, its usage counted.
    pub fn undo_nested(&mut self) {
        todo!()
    }

    #[allow(dead_code)]
    fn _tablet(&self) -> TabletId {
        todo!()
    }
}
