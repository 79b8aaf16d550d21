//! Station 7 · a transaction: one snapshot, buffered writes, recorded reads.
//!
//! Arrives: reads and writes from `functions/src/syscalls.rs`. Leaves: a finished transaction
//! (begin timestamp, what was read, what is to be written) to `committer.rs`.
//!
//! Everything here is synchronous and may block on storage: it runs on executor driver threads
//! and blocking tasks, never on async workers.
//!
//! This file opens transactions and reads; `document_writes.rs` writes documents, `ddl.rs` tables
//! and indexes, `cursor.rs` walks ranges, `commit.rs` finishes.

use std::collections::HashMap;
use std::sync::Arc;

use lentil_storage::{IndexId, Order, StorageError, TabletId};
use lentil_values::{DocumentId, IndexKey, InternalId, KeyRange, TableNumber, Timestamp};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use smallvec::SmallVec;

use crate::catalog_key::{self, CATALOG};
use crate::cursor::Target;
use crate::error::developer;
use crate::limits::ROWS_REMEMBERED;
use crate::registry::{Registry, Table};
use crate::shared::Shared;
use crate::snapshots::SnapshotGuard;
use crate::write_set::{Revision, WriteSet};
use crate::{
    IndexInfo, IndexState, Namespace, RangeCursor, ReadSet, Source, TransactionError,
    TransactionLimits, TransactionUsage, index_key,
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

/// A revision in storage: when it was committed, and its JSON.
pub(crate) type CommittedRow = (Timestamp, Arc<str>);

/// What a commit did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The commit timestamp; for a transaction without writes, its snapshot.
    pub ts: Timestamp,
}

/// A running transaction.
pub struct Transaction {
    pub(crate) shared: Arc<Shared>,
    pub(crate) guard: SnapshotGuard,
    /// The tables as of the snapshot, own changes included.
    pub(crate) registry: Arc<Registry>,
    pub(crate) reads: ReadSet,
    pub(crate) writes: WriteSet,
    /// `registry` as it was when each open sub-transaction began.
    saved_registries: Vec<Arc<Registry>>,
    /// Own wall clock, nanoseconds since the epoch.
    pub(crate) now_ns: u64,
    pub(crate) rng: ChaCha12Rng,
    /// `_creationTime` of the last insert, ms.
    pub(crate) last_creation_time: Option<f64>,
    pub(crate) limits: TransactionLimits,
    pub(crate) usage: TransactionUsage,
    /// Documents as of the snapshot that were read already.
    rows: HashMap<(TabletId, InternalId), Option<CommittedRow>>,
    /// Key buffer for recording look-ups.
    scratch: IndexKey,
    /// How much was read through each index; transactions use few.
    used: SmallVec<[(IndexId, IndexUse); 4]>,
    /// Who makes it.
    pub(crate) source: Option<Arc<Source>>,
}

/// How much was read through an index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexUse {
    /// Ranges that were begun, and single documents that were asked for.
    pub lookups: u64,
    /// Documents that were read.
    pub documents: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What is to be written to a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableWrites {
    /// Documents that are new.
    pub inserted: u64,
    /// Documents that change.
    pub updated: u64,
    /// Documents that go.
    pub deleted: u64,
}

impl Transaction {
    pub(crate) fn new(
        shared: Arc<Shared>,
        guard: SnapshotGuard,
        registry: Arc<Registry>,
    ) -> Transaction {
        let now_ns = shared.env.now_ns();
        let rng = ChaCha12Rng::from_seed(shared.env.seed());
        Transaction {
            shared,
            guard,
            registry,
            reads: ReadSet::default(),
            writes: WriteSet::default(),
            saved_registries: Vec::new(),
            now_ns,
            rng,
            last_creation_time: None,
            limits: TransactionLimits::default(),
            usage: TransactionUsage::default(),
            rows: HashMap::new(),
            scratch: IndexKey::new(),
            used: SmallVec::new(),
            source: None,
        }
    }

    /// Another transaction at the same snapshot, which has read and written nothing: for readers of
    /// so much that what one transaction remembers of it would be too much.
    pub fn fresh(&self) -> Transaction {
        let guard = self.guard.again();
        Transaction::new(self.shared.clone(), guard, self.registry.clone())
    }

    /// The snapshot it reads at.
    pub fn snapshot(&self) -> Timestamp {
        self.guard.snapshot
    }
    /// Wall-clock time the transaction took as its own, whole ms since the epoch (`Date.now()`).
    pub fn now_ms(&self) -> f64 {
        (self.now_ns / 1_000_000) as f64
    }
    /// A 32-byte seed drawn from the transaction's generator (one per function execution).
    pub fn draw_seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.rng.fill_bytes(&mut seed);
        seed
    }
    /// Sets ceilings (default: [`TransactionLimits::default`]).
    pub fn set_limits(&mut self, limits: TransactionLimits) {
        self.limits = limits;
    }
    /// What has been used.
    pub fn usage(&self) -> TransactionUsage {
        self.usage
    }
    /// Sets what counts as used, for reads that are not the execution's own (the caller took
    /// [`Transaction::usage`] before them).
    pub fn restore_usage(&mut self, usage: TransactionUsage) {
        self.usage = usage;
    }
    /// Lifts all ceilings and gives those that were set; for the server's own reads.
    pub fn lift_limits(&mut self) -> TransactionLimits {
        std::mem::replace(&mut self.limits, TransactionLimits::UNLIMITED)
    }
    /// What has been read so far.
    pub fn read_set(&self) -> &ReadSet {
        &self.reads
    }
    /// Says who makes it, for those who watch.
    pub fn set_source(&mut self, source: Arc<Source>) {
        self.source = Some(source);
    }
    /// How much was read through each index.
    pub fn used(&self) -> &[(IndexId, IndexUse)] {
        &self.used
    }
    /// Forgets what was read until now: it was not the caller's doing.
    pub fn forget_used(&mut self) {
        self.used.clear();
    }
    /// What is to be written, by table.
    pub fn table_writes(&self) -> SmallVec<[(TabletId, TableWrites); 4]> {
        let mut tables: SmallVec<[(TabletId, TableWrites); 4]> = SmallVec::new();
        for (tablet, pending) in self.writes.tablets() {
            let at = tables.iter().position(|(known, _)| *known == tablet);
            let at = at.unwrap_or_else(|| {
                tables.push((tablet, TableWrites::default()));
                tables.len() - 1
            });
            let writes = &mut tables[at].1;
            match (&pending.old, &pending.new) {
                (None, Some(_)) => writes.inserted += 1,
                (Some(_), Some(_)) => writes.updated += 1,
                (Some(_), None) => writes.deleted += 1,
                (None, None) => {}
            }
        }
        tables
    }
    /// Whether anything is to be written.
    pub fn has_writes(&self) -> bool {
        !self.writes.is_empty()
    }

    // --- look-ups ---------------------------------------------------------------------------

    /// The table of that name, recorded as a read.
    pub(crate) fn look_up_name(&mut self, namespace: Namespace, name: &str) -> Option<Arc<Table>> {
        catalog_key::table_name(&mut self.scratch, namespace, Some(name));
        self.reads.insert_point(CATALOG, &self.scratch);
        self.registry.by_name(namespace, name).cloned()
    }

    /// The table of that number, recorded as a read.
    pub(crate) fn look_up_number(
        &mut self,
        namespace: Namespace,
        number: TableNumber,
    ) -> Option<Arc<Table>> {
        catalog_key::table_number(&mut self.scratch, namespace, number);
        self.reads.insert_point(CATALOG, &self.scratch);
        self.registry.by_number(namespace, number).cloned()
    }

    /// The declared index or `by_creation_time` of that name, recorded as a read.
    pub(crate) fn look_up_index(&mut self, table: &Table, name: &str) -> Option<Arc<IndexInfo>> {
        catalog_key::index_name(&mut self.scratch, table.info.tablet, Some(name));
        self.reads.insert_point(CATALOG, &self.scratch);
        table.index(name).cloned()
    }

    // --- reads ------------------------------------------------------------------------------

    /// A point read; a missing document is a read too. An id of an unknown table is `None`.
    pub fn get(
        &mut self,
        namespace: Namespace,
        id: DocumentId,
    ) -> Result<Option<Document>, TransactionError> {
        let Some(table) = self.look_up_number(namespace, id.table) else {
            return Ok(None);
        };
        self.count_range()?;
        let by_id = table.info.by_id;
        self.note_lookup(by_id);
        let found = self.read_document(&table, id.internal)?;
        if let Some(json) = &found {
            self.count_document(by_id, json.len())?;
        }
        Ok(found.map(|json| Document { id, json }))
    }

    /// When the revision that the snapshot holds was committed; `None` if the document is not there
    /// or only this transaction has it. A read like any other, but not counted.
    pub fn revision_ts(
        &mut self,
        namespace: Namespace,
        id: DocumentId,
    ) -> Result<Option<Timestamp>, TransactionError> {
        let Some(table) = self.look_up_number(namespace, id.table) else {
            return Ok(None);
        };
        self.reads.insert_point(table.info.by_id, &id.internal.0);
        Ok(self.snapshot_row(&table, id.internal)?.map(|(ts, _)| ts))
    }

    /// Records a read that finds nothing, without asking storage: the caller knows that the
    /// document is not there as of the snapshot. Whoever creates it meanwhile is a conflict, as
    /// after any read.
    pub fn assume_absent(&mut self, namespace: Namespace, id: DocumentId) {
        if let Some(table) = self.look_up_number(namespace, id.table) {
            self.reads.insert_point(table.info.by_id, &id.internal.0);
            self.remember_row(table.info.tablet, id.internal, None);
        }
    }

    /// The document as the transaction sees it, recorded as a read but not counted.
    pub(crate) fn read_document(
        &mut self,
        table: &Table,
        id: InternalId,
    ) -> Result<Option<Arc<str>>, TransactionError> {
        self.reads.insert_point(table.info.by_id, &id.0);
        if let Some(pending) = self.writes.get(table.info.tablet, id) {
            return Ok(pending.new.as_ref().map(|revision| revision.json.clone()));
        }
        Ok(self.snapshot_row(table, id)?.map(|(_, json)| json))
    }

    /// The document as of the snapshot; storage is asked once.
    fn snapshot_row(
        &mut self,
        table: &Table,
        id: InternalId,
    ) -> Result<Option<CommittedRow>, TransactionError> {
        let tablet = table.info.tablet;
        if let Some(row) = self.rows.get(&(tablet, id)) {
            return Ok(row.clone());
        }
        let row = self
            .shared
            .read_committed(table, id, self.guard.snapshot)
            .map_err(read_error)?;
        self.remember_row(tablet, id, row.clone());
        Ok(row)
    }

    /// Keeps what storage said about a document, so that a write after a read need not ask again.
    pub(crate) fn remember_row(
        &mut self,
        tablet: TabletId,
        id: InternalId,
        row: Option<CommittedRow>,
    ) {
        if self.rows.len() < ROWS_REMEMBERED {
            self.rows.insert((tablet, id), row);
        }
    }

    /// Opens a cursor; nothing is read or recorded yet but the index look-up.
    /// Errors: `IndexNotFoundError`, `IndexBackfillingError`, `IndexStagedError`.
    pub fn query(&mut self, query: IndexQuery) -> Result<RangeCursor, TransactionError> {
        self.count_range()?;
        let order = query.order;
        Ok(match self.resolve(query)? {
            Some((target, range)) => {
                self.note_lookup(target.index);
                RangeCursor::new(target, range, order)
            }
            None => RangeCursor::empty(),
        })
    }

    /// Finds what a query walks, and the range in the index's own keys; `None` for a table that
    /// does not exist.
    fn resolve(
        &mut self,
        query: IndexQuery,
    ) -> Result<Option<(Target, KeyRange)>, TransactionError> {
        let built_in = matches!(query.index.as_str(), "by_id" | "by_creation_time");
        let Some(table) = self.look_up_name(query.namespace, &query.table) else {
            return if built_in {
                Ok(None)
            } else {
                Err(index_not_found(&query))
            };
        };
        let (tablet, number) = (table.info.tablet, table.info.number);
        if query.index == "by_id" {
            let range = index_key::internal_range(number, &query.range);
            let target = Target {
                index: table.info.by_id,
                tablet,
                number,
                by_id: true,
            };
            return Ok(Some((target, range)));
        }
        // `by_creation_time` comes and goes with its table: the look-up of the table says it all.
        let index = match built_in {
            true => table.index(&query.index).cloned(),
            false => self.look_up_index(&table, &query.index),
        };
        let index = index.ok_or_else(|| index_not_found(&query))?;
        check_queryable(&query, &index)?;
        let target = Target {
            index: index.id,
            tablet,
            number,
            by_id: false,
        };
        Ok(Some((target, query.range)))
    }

    /// Number of documents in a range of an index, own writes included, in logarithmic time once
    /// the index has been counted in. Reads the range and nothing beside it; is counted as one range
    /// and no documents. Errors as [`Transaction::query`].
    pub fn count_in(&mut self, query: IndexQuery) -> Result<u64, TransactionError> {
        self.count_range()?;
        let Some((target, range)) = self.resolve(query)? else {
            return Ok(0);
        };
        if range.is_empty() {
            return Ok(0);
        }
        self.reads.insert(target.index, range.clone());
        let mut count = self
            .shared
            .count_range_at(&target, &range, self.guard.snapshot)
            .map_err(read_error)?;
        for (id, pending) in self.writes.of_table(target.tablet) {
            let inside = |revision: &Option<Arc<Revision>>| {
                let revision = revision.as_deref()?;
                let inside = match target.by_id {
                    true => range.contains(&id.0),
                    false => range.contains(revision.key_in(target.index)?),
                };
                inside.then_some(())
            };
            let (was, is) = (inside(&pending.old), inside(&pending.new));
            match (was, is) {
                (None, Some(())) => count += 1,
                (Some(()), None) => count -= 1,
                _ => {}
            }
        }
        Ok(count)
    }

    /// The index of that name, for building key ranges (recorded as a read).
    pub fn index(
        &mut self,
        namespace: Namespace,
        table: &str,
        index: &str,
    ) -> Result<Option<IndexInfo>, TransactionError> {
        let Some(table) = self.look_up_name(namespace, table) else {
            return Ok(None);
        };
        if index == "by_id" {
            return Ok(Some(table.by_id()));
        }
        Ok(self
            .look_up_index(&table, index)
            .map(|index| index.as_ref().clone()))
    }

    /// Number of documents in a table, own writes included. Reads the whole table, but is counted
    /// as one range and no documents, because nothing of them is handed out.
    pub fn count(&mut self, namespace: Namespace, table: &str) -> Result<u64, TransactionError> {
        self.count_range()?;
        let Some(table) = self.look_up_name(namespace, table) else {
            return Ok(0);
        };
        let tablet = table.info.tablet;
        self.reads.insert(table.info.by_id, KeyRange::all());
        let mut count = self
            .shared
            .count_at(tablet, self.guard.snapshot)
            .map_err(read_error)?;
        for (_, pending) in self.writes.of_table(tablet) {
            match (&pending.old, &pending.new) {
                (None, Some(_)) => count += 1,
                (Some(_), None) => count -= 1,
                _ => {}
            }
        }
        Ok(count)
    }

    // --- usage ------------------------------------------------------------------------------

    pub(crate) fn count_range(&mut self) -> Result<(), TransactionError> {
        let (limit, usage) = (&self.limits, &mut self.usage);
        if usage.ranges_read >= limit.ranges_read {
            let limit = limit.ranges_read;
            return Err(developer(
                "TooManyReads",
                format!(
                    "Too many reads in a single function execution (limit: {limit}). Consider reading many documents \
                     with one indexed query instead of many single reads."
                ),
            ));
        }
        usage.ranges_read += 1;
        Ok(())
    }

    /// Notes that an index is used.
    fn note_lookup(&mut self, index: IndexId) {
        self.use_of(index).lookups += 1;
    }

    fn use_of(&mut self, index: IndexId) -> &mut IndexUse {
        let at = self.used.iter().position(|(known, _)| *known == index);
        let at = at.unwrap_or_else(|| {
            self.used.push((index, IndexUse::default()));
            self.used.len() - 1
        });
        &mut self.used[at].1
    }

    pub(crate) fn count_document(
        &mut self,
        index: IndexId,
        bytes: usize,
    ) -> Result<(), TransactionError> {
        const ADVICE: &str = "Consider using smaller limits in your queries, paginating your queries, or using \
                              indexed queries with a selective index range expressions.";
        let (limit, usage) = (&self.limits, &mut self.usage);
        if usage.documents_read >= limit.documents_read {
            let limit = limit.documents_read;
            let message = format!(
                "Too many documents read in a single function execution (limit: {limit}). {ADVICE}"
            );
            return Err(developer("TooManyDocumentsRead", message));
        }
        if usage.bytes_read.saturating_add(bytes) > limit.bytes_read {
            let limit = limit.bytes_read;
            let message = format!(
                "Too many bytes read in a single function execution (limit: {limit} bytes). {ADVICE}"
            );
            return Err(developer("TooManyBytesRead", message));
        }
        usage.documents_read += 1;
        usage.bytes_read += bytes;
        let used = self.use_of(index);
        used.documents += 1;
        used.bytes += bytes as u64;
        Ok(())
    }

    // --- nesting ----------------------------------------------------------------------------

    /// Opens a sub-transaction (up to any depth).
    pub fn begin_nested(&mut self) {
        self.writes.save();
        self.saved_registries.push(self.registry.clone());
    }
    /// Keeps what the innermost sub-transaction wrote.
    pub fn keep_nested(&mut self) {
        self.saved_registries
            .pop()
            .expect("a sub-transaction is open");
        self.writes.keep();
    }
    /// Undoes what the innermost sub-transaction wrote; its reads stay recorded, its usage counted.
    pub fn undo_nested(&mut self) {
        self.registry = self
            .saved_registries
            .pop()
            .expect("a sub-transaction is open");
        self.writes.undo();
    }
}

/// Storage refused a read; a snapshot that retention has passed is no fault of the disk.
pub(crate) fn read_error(error: StorageError) -> TransactionError {
    match error {
        StorageError::Pruned(_) => TransactionError::OutOfRetention,
        error => TransactionError::Storage(error),
    }
}

fn index_not_found(query: &IndexQuery) -> TransactionError {
    developer(
        "IndexNotFoundError",
        format!("Index {}.{} not found.", query.table, query.index),
    )
}

fn check_queryable(query: &IndexQuery, index: &IndexInfo) -> Result<(), TransactionError> {
    let (table, name) = (&query.table, &query.index);
    match index.state {
        IndexState::Enabled => Ok(()),
        IndexState::Backfilled if index.definition.staged => Err(developer(
            "IndexStagedError",
            format!(
                "Index {table}.{name} is staged and cannot be queried until it is no longer staged in the schema."
            ),
        )),
        _ => Err(developer(
            "IndexBackfillingError",
            format!(
                "Index {table}.{name} is currently backfilling and not available to query yet."
            ),
        )),
    }
}
