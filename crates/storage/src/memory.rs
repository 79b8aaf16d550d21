//! Persistence in memory, for tests and throw-away servers.
//!
//! The same shape as on disk, in ordered maps: a log, and two trees that point into it. Removal
//! follows the log, as it does there.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use lentil_values::{IndexKey, InternalId, KeyRange, Timestamp};
use parking_lot::RwLock;

use crate::{
    Batch, DocumentRow, IndexId, IndexRow, IndexScan, LogRow, Order, Persistence, PruneReport,
    StorageError, StorageStats, StorageUsage, TableScan, TabletId,
};

/// Bytes counted for a revision or an entry beside its body and key.
const ROW_BYTES: u64 = 64;

/// Keeps everything in ordered maps; durable as long as the process. A clone is the same store, so
/// that a test can "restart" a database on it.
#[derive(Clone, Debug, Default)]
pub struct MemoryPersistence {
    contents: Arc<RwLock<Contents>>,
}

impl MemoryPersistence {
    /// An empty store.
    pub fn new() -> MemoryPersistence {
        MemoryPersistence::default()
    }
}

/// Revisions of one document or entry, by timestamp.
type Revisions<T> = BTreeMap<Timestamp, T>;

/// Revisions by key bytes.
type Tree<T> = BTreeMap<Vec<u8>, Revisions<T>>;

#[derive(Debug, Default)]
struct Contents {
    latest: Timestamp,
    horizon: Timestamp,
    /// By sequence number, which grows by one a revision.
    log: BTreeMap<u64, LogRow>,
    next_seq: u64,
    /// The first log row that pruning has not looked at.
    prune_from: u64,
    documents: HashMap<TabletId, Tree<u64>>,
    entries: HashMap<IndexId, Tree<Option<InternalId>>>,
    /// In the order they were appended; what pruning of entries follows.
    tombstones: VecDeque<(Timestamp, IndexId, IndexKey)>,
    globals: HashMap<String, String>,
    bytes: u64,
}

impl Contents {
    fn refuse_pruned(&self, at: Timestamp) -> Result<(), StorageError> {
        if at < self.horizon {
            Err(StorageError::pruned(at, self.horizon))
        } else {
            Ok(())
        }
    }

    fn append(&mut self, batch: &Batch) {
        self.latest = batch.checked_latest(self.latest);
        for document in &batch.documents {
            let row = LogRow {
                tablet: document.tablet,
                id: document.id,
                ts: document.ts,
                body: document.body.clone(),
            };
            self.bytes += bytes_of(&row);
            let revisions = self
                .documents
                .entry(row.tablet)
                .or_default()
                .entry(row.id.0.to_vec())
                .or_default();
            let twice = revisions.insert(row.ts, self.next_seq);
            assert!(twice.is_none(), "a document has one revision a timestamp");
            self.log.insert(self.next_seq, row);
            self.next_seq += 1;
        }
        for entry in &batch.entries {
            let revisions = self
                .entries
                .entry(entry.index)
                .or_default()
                .entry(entry.key.clone())
                .or_default();
            if revisions.insert(entry.ts, entry.id).is_none() {
                self.bytes += ROW_BYTES + entry.key.len() as u64;
            }
            if entry.id.is_none() {
                self.tombstones
                    .push_back((entry.ts, entry.index, entry.key.clone()));
            }
        }
        self.globals.extend(batch.globals.iter().cloned());
    }

    /// The document that the revision `seq` is, unless that is its deletion.
    fn document(&self, seq: u64) -> Option<DocumentRow> {
        let row = self
            .log
            .get(&seq)
            .expect("the trees point to rows of the log");
        row.body.clone().map(|body| DocumentRow {
            id: row.id,
            ts: row.ts,
            body,
        })
    }

    fn get(&self, tablet: TabletId, id: InternalId, at: Timestamp) -> Option<DocumentRow> {
        let revisions = self.documents.get(&tablet)?.get(id.0.as_slice())?;
        self.document(*newest(revisions, at)?)
    }

    fn scan_index(&self, scan: &IndexScan) -> Result<Vec<IndexRow>, StorageError> {
        let Some(tree) = self.entries.get(&scan.index) else {
            return Ok(Vec::new());
        };
        walk(tree, &scan.range, scan.order)
            .filter_map(|(key, revisions)| Some((key, (*newest(revisions, scan.at)?)?)))
            .map(|(key, id)| {
                let document = self.get(scan.tablet, id, scan.at).ok_or_else(|| {
                    StorageError::Corrupt(
                        "the document of a live index entry is missing".to_owned(),
                    )
                })?;
                Ok(IndexRow {
                    key: key.clone(),
                    document,
                })
            })
            .take(scan.limit)
            .collect()
    }

    fn scan_table(&self, scan: &TableScan) -> Vec<DocumentRow> {
        let Some(tree) = self.documents.get(&scan.tablet) else {
            return Vec::new();
        };
        walk(tree, &scan.range, scan.order)
            .filter_map(|(_, revisions)| self.document(*newest(revisions, scan.at)?))
            .take(scan.limit)
            .collect()
    }

    fn read_log(&self, after: Timestamp, until: Timestamp, limit: usize) -> Vec<LogRow> {
        let mut found: Vec<LogRow> = Vec::new();
        // Timestamps never fall along the log; walking back from its end meets the recent, which are asked for most.
        let wanted = self
            .log
            .values()
            .rev()
            .take_while(|row| row.ts > after)
            .count();
        for row in self.log.values().skip(self.log.len() - wanted) {
            let is_cut = found.len() >= limit && found.last().is_none_or(|last| last.ts != row.ts);
            if row.ts > until || is_cut {
                break;
            }
            found.push(row.clone());
        }
        found
    }

    fn prune(&mut self, horizon: Timestamp, limit: usize) -> PruneReport {
        self.horizon = self.horizon.max(horizon.min(self.latest));
        let mut removed = 0;
        // Ends: each round moves on by a row.
        while let Some((&seq, row)) = self.log.range(self.prune_from..).next() {
            if row.ts > self.horizon {
                break;
            }
            if removed >= limit as u64 {
                return PruneReport {
                    removed,
                    more: true,
                };
            }
            removed += self.prune_behind(&row.clone());
            self.prune_from = seq + 1;
        }
        while self
            .tombstones
            .front()
            .is_some_and(|(ts, _, _)| *ts <= self.horizon)
        {
            if removed >= limit as u64 {
                return PruneReport {
                    removed,
                    more: true,
                };
            }
            let (ts, index, key) = self.tombstones.pop_front().expect("there is a front");
            removed += self.remove_hidden_entries(index, &key, ts);
        }
        PruneReport {
            removed,
            more: false,
        }
    }

    /// Removes what `row` hides from every snapshot at or after it, and `row` itself if it is a deletion.
    fn prune_behind(&mut self, row: &LogRow) -> u64 {
        let Some(tree) = self.documents.get_mut(&row.tablet) else {
            return 0;
        };
        let Some(revisions) = tree.get_mut(row.id.0.as_slice()) else {
            return 0;
        };
        let end = if row.body.is_none() {
            Bound::Included(row.ts)
        } else {
            Bound::Excluded(row.ts)
        };
        let hidden: Vec<Timestamp> = revisions
            .range((Bound::Unbounded, end))
            .map(|(ts, _)| *ts)
            .collect();
        let mut seqs = Vec::new();
        for ts in &hidden {
            seqs.extend(revisions.remove(ts));
        }
        if revisions.is_empty() {
            tree.remove(row.id.0.as_slice());
        }
        self.remove_from_log(&seqs)
    }

    fn remove_from_log(&mut self, seqs: &[u64]) -> u64 {
        for seq in seqs {
            let row = self
                .log
                .remove(seq)
                .expect("the trees point to rows of the log");
            self.bytes -= bytes_of(&row);
        }
        seqs.len() as u64
    }

    fn remove_hidden_entries(&mut self, index: IndexId, key: &[u8], until: Timestamp) -> u64 {
        let Some(tree) = self.entries.get_mut(&index) else {
            return 0;
        };
        let Some(revisions) = tree.get_mut(key) else {
            return 0;
        };
        let before = revisions.len();
        revisions.retain(|ts, _| *ts > until);
        let removed = (before - revisions.len()) as u64;
        self.bytes -= removed * (ROW_BYTES + key.len() as u64);
        if revisions.is_empty() {
            tree.remove(key);
        }
        removed
    }

    fn drop_index(&mut self, index: IndexId, limit: usize) -> PruneReport {
        let mut removed = 0;
        let Some(tree) = self.entries.get_mut(&index) else {
            return PruneReport::default();
        };
        while removed < limit as u64 {
            let Some((key, revisions)) = tree.pop_first() else {
                break;
            };
            removed += revisions.len() as u64;
            self.bytes -= revisions.len() as u64 * (ROW_BYTES + key.len() as u64);
        }
        let more = !tree.is_empty();
        if !more {
            self.entries.remove(&index);
        }
        PruneReport { removed, more }
    }

    fn drop_tablet(&mut self, tablet: TabletId, limit: usize) -> PruneReport {
        let mut seqs = Vec::new();
        let Some(tree) = self.documents.get_mut(&tablet) else {
            return PruneReport::default();
        };
        while seqs.len() < limit {
            let Some((_, revisions)) = tree.pop_first() else {
                break;
            };
            seqs.extend(revisions.into_values());
        }
        let more = !tree.is_empty();
        if !more {
            self.documents.remove(&tablet);
        }
        PruneReport {
            removed: self.remove_from_log(&seqs),
            more,
        }
    }
}

fn bytes_of(row: &LogRow) -> u64 {
    ROW_BYTES + row.body.as_ref().map_or(0, |body| body.len() as u64)
}

fn newest<T>(revisions: &Revisions<T>, at: Timestamp) -> Option<&T> {
    revisions
        .range(..=at)
        .next_back()
        .map(|(_, revision)| revision)
}

/// The keys of a range in a direction.
fn walk<'a, T>(
    tree: &'a Tree<T>,
    range: &KeyRange,
    order: Order,
) -> Box<dyn Iterator<Item = (&'a Vec<u8>, &'a Revisions<T>)> + 'a> {
    if range.is_empty() {
        return Box::new(std::iter::empty());
    }
    let end = range
        .end
        .as_deref()
        .map_or(Bound::Unbounded, Bound::Excluded);
    let keys = tree.range::<[u8], _>((Bound::Included(range.start.as_slice()), end));
    match order {
        Order::Asc => Box::new(keys),
        Order::Desc => Box::new(keys.rev()),
    }
}

impl Persistence for MemoryPersistence {
    fn latest(&self) -> Result<Timestamp, StorageError> {
        Ok(self.contents.read().latest)
    }

    fn append(&self, batch: &Batch) -> Result<(), StorageError> {
        self.contents.write().append(batch);
        Ok(())
    }

    fn get(
        &self,
        tablet: TabletId,
        id: InternalId,
        at: Timestamp,
    ) -> Result<Option<DocumentRow>, StorageError> {
        let contents = self.contents.read();
        contents.refuse_pruned(at)?;
        Ok(contents.get(tablet, id, at))
    }

    fn scan_index(&self, scan: &IndexScan) -> Result<Vec<IndexRow>, StorageError> {
        let contents = self.contents.read();
        contents.refuse_pruned(scan.at)?;
        contents.scan_index(scan)
    }

    fn scan_table(&self, scan: &TableScan) -> Result<Vec<DocumentRow>, StorageError> {
        let contents = self.contents.read();
        contents.refuse_pruned(scan.at)?;
        Ok(contents.scan_table(scan))
    }

    fn read_log(
        &self,
        after: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<LogRow>, StorageError> {
        Ok(self.contents.read().read_log(after, until, limit))
    }

    fn global(&self, name: &str) -> Result<Option<String>, StorageError> {
        Ok(self.contents.read().globals.get(name).cloned())
    }

    fn prune(&self, horizon: Timestamp, limit: usize) -> Result<PruneReport, StorageError> {
        Ok(self.contents.write().prune(horizon, limit.max(1)))
    }

    fn drop_index(&self, index: IndexId, limit: usize) -> Result<PruneReport, StorageError> {
        Ok(self.contents.write().drop_index(index, limit.max(1)))
    }

    fn drop_tablet(&self, tablet: TabletId, limit: usize) -> Result<PruneReport, StorageError> {
        Ok(self.contents.write().drop_tablet(tablet, limit.max(1)))
    }

    fn usage(&self) -> Result<StorageUsage, StorageError> {
        let contents = self.contents.read();
        let mut usage = StorageUsage::default();
        for row in contents.log.values() {
            let held = usage.tablets.entry(row.tablet).or_default();
            held.rows += 1;
            held.bytes += row.body.as_ref().map_or(0, |body| body.len() as u64);
        }
        for (index, keys) in &contents.entries {
            for (key, revisions) in keys {
                let held = usage.indexes.entry(*index).or_default();
                held.rows += revisions.len() as u64;
                held.bytes += (key.len() * revisions.len()) as u64;
            }
        }
        Ok(usage)
    }

    fn stats(&self) -> Result<StorageStats, StorageError> {
        let contents = self.contents.read();
        Ok(StorageStats {
            bytes: contents.bytes,
            revisions: contents.log.len() as u64,
        })
    }
}
