//! What is counted of each index and table.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lentil_database::{IndexId, IndexUse, TableWrites, TabletId};
use parking_lot::{Mutex, RwLock};

use super::history::History;

/// Counters of an index: look-ups, documents, bytes.
pub(crate) const INDEX_CELLS: usize = 3;
/// Counters of a table: inserted, updated, deleted.
pub(crate) const TABLE_CELLS: usize = 3;

/// Counters of one thing, and when they last moved.
#[derive(Debug)]
pub(crate) struct Cells<const N: usize> {
    cells: [AtomicU64; N],
    last_secs: AtomicU64,
    pub(crate) history: Mutex<History<N>>,
}

impl<const N: usize> Default for Cells<N> {
    fn default() -> Cells<N> {
        Cells {
            cells: std::array::from_fn(|_| AtomicU64::new(0)),
            last_secs: AtomicU64::new(0),
            history: Mutex::default(),
        }
    }
}

impl<const N: usize> Cells<N> {
    pub(super) fn add(&self, by: [u64; N]) {
        for (cell, by) in self.cells.iter().zip(by) {
            if by > 0 {
                cell.fetch_add(by, Ordering::Relaxed);
            }
        }
    }

    pub(crate) fn total(&self) -> [u64; N] {
        std::array::from_fn(|at| self.cells[at].load(Ordering::Relaxed))
    }

    /// When it was last seen to move, seconds since the epoch; 0 if never.
    pub(crate) fn last_secs(&self) -> u64 {
        self.last_secs.load(Ordering::Relaxed)
    }

    pub(super) fn note(&self, now_secs: u64) {
        let total = self.total();
        let mut history = self.history.lock();
        let before = history.sum_from(0);
        history.note(now_secs, &total);
        if history.sum_from(0) != before {
            self.last_secs.store(now_secs, Ordering::Relaxed);
        }
    }
}

type Known<K, const N: usize> = RwLock<HashMap<K, Arc<Cells<N>>>>;

/// All indexes that were read and tables that were written.
#[derive(Debug, Default)]
pub(crate) struct TablesSeen {
    indexes: Known<IndexId, INDEX_CELLS>,
    tables: Known<TabletId, TABLE_CELLS>,
}

fn of<K: Copy + Eq + std::hash::Hash, const N: usize>(
    known: &Known<K, N>,
    key: K,
) -> Arc<Cells<N>> {
    if let Some(cells) = known.read().get(&key) {
        return cells.clone();
    }
    known.write().entry(key).or_default().clone()
}

impl TablesSeen {
    /// Counts what a transaction has read.
    pub(crate) fn read(&self, used: &[(IndexId, IndexUse)]) {
        for (index, used) in used {
            let by = [used.lookups, used.documents, used.bytes];
            of(&self.indexes, *index).add(by);
        }
    }

    /// Counts what a commit has written.
    pub(crate) fn wrote(&self, tables: &[(TabletId, TableWrites)]) {
        for (tablet, writes) in tables {
            let by = [writes.inserted, writes.updated, writes.deleted];
            of(&self.tables, *tablet).add(by);
        }
    }

    pub(crate) fn index(&self, index: IndexId) -> Option<Arc<Cells<INDEX_CELLS>>> {
        self.indexes.read().get(&index).cloned()
    }

    pub(crate) fn table(&self, tablet: TabletId) -> Option<Arc<Cells<TABLE_CELLS>>> {
        self.tables.read().get(&tablet).cloned()
    }

    /// All indexes that were read.
    pub(crate) fn all_indexes(&self) -> Vec<(IndexId, Arc<Cells<INDEX_CELLS>>)> {
        let known = self.indexes.read();
        let all = known.iter().map(|(id, cells)| (*id, cells.clone()));
        all.collect()
    }

    /// All tables that were written.
    pub(crate) fn all_tables(&self) -> Vec<(TabletId, Arc<Cells<TABLE_CELLS>>)> {
        let known = self.tables.read();
        let all = known.iter().map(|(id, cells)| (*id, cells.clone()));
        all.collect()
    }

    /// Notes what has come since the last time, and forgets what is gone.
    pub(crate) fn note(&self, now_secs: u64, is_there: impl Fn(IndexId) -> bool) {
        self.indexes.write().retain(|index, _| is_there(*index));
        let indexes: Vec<_> = self.indexes.read().values().cloned().collect();
        indexes.iter().for_each(|cells| cells.note(now_secs));
        let tables: Vec<_> = self.tables.read().values().cloned().collect();
        tables.iter().for_each(|cells| cells.note(now_secs));
    }
}

/// Names that are told apart; what comes after is counted in none of them.
const CAUSES_MAX: usize = 4_096;

/// How many live queries the commits of each mutation made run again.
#[derive(Debug, Default)]
pub(crate) struct CausesSeen(RwLock<HashMap<Arc<str>, Arc<Cells<1>>>>);

impl CausesSeen {
    /// Counts one.
    pub(crate) fn add(&self, cause: &Arc<str>) {
        if let Some(cells) = self.0.read().get(cause) {
            return cells.add([1]);
        }
        let mut known = self.0.write();
        if known.len() < CAUSES_MAX {
            known.entry(cause.clone()).or_default().add([1]);
        }
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<(Arc<str>, Arc<Cells<1>>)> {
        let known = self.0.read();
        known
            .iter()
            .map(|(name, cells)| (name.clone(), cells.clone()))
            .collect()
    }

    /// Notes what has come since the last time.
    pub(crate) fn note(&self, now_secs: u64) {
        for (_, cells) in self.all() {
            cells.note(now_secs);
        }
    }
}
