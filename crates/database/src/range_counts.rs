//! How many documents lie in a range of an index, in logarithmic time (docs/adr/0006).
//!
//! The first count in an index reads its keys into memory; from then on every commit keeps them up
//! to date. A count at an older snapshot takes back what was written since, which is remembered for
//! as long as such a snapshot is in use. Where that does not do (an older snapshot than that, keys
//! that are being read just now, an index too large to be held) the range is walked.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use lentil_storage::{IndexId, StorageError, TabletId};
use lentil_values::{IndexKey, KeyRange, Timestamp};

use crate::commit::Finished;
use crate::counted_keys::CountedKeys;
use crate::cursor::Target;
use crate::definition::Definition;
use crate::limits::{
    COUNTED_BYTES_MAX, COUNTED_CHANGES_MAX, PAGE_ROWS_FIRST, PAGE_ROWS_MAX, next_page_rows,
};
use crate::page_cache::PageOf;
use crate::read_set::after;
use crate::shared::Shared;

/// A key that came or went.
#[derive(Debug)]
struct Change {
    ts: Timestamp,
    key: Arc<[u8]>,
    came: bool,
}

/// One index that somebody counts in.
#[derive(Debug)]
struct Counted {
    tablet: TabletId,
    by_id: bool,
    /// As of the newest published commit; `None` while they are being read.
    keys: Option<CountedKeys>,
    /// Every change after this is in `changes`.
    from: Timestamp,
    changes: VecDeque<Change>,
    /// When it was last asked, in questions.
    asked: u64,
}

/// The indexes that somebody counts in.
#[derive(Debug)]
pub(crate) struct RangeCounts {
    indexes: HashMap<IndexId, Counted>,
    /// Indexes found to be too large.
    too_large: HashSet<IndexId>,
    questions: u64,
    bytes_max: usize,
}

impl Default for RangeCounts {
    fn default() -> RangeCounts {
        RangeCounts {
            indexes: HashMap::new(),
            too_large: HashSet::new(),
            questions: 0,
            bytes_max: COUNTED_BYTES_MAX,
        }
    }
}

impl RangeCounts {
    /// Follows a commit that becomes visible.
    pub(crate) fn follow(&mut self, finished: &Finished, ts: Timestamp) {
        if self.indexes.is_empty() {
            return;
        }
        for entry in &finished.effects.entries {
            if let Some(counted) = self.indexes.get_mut(&entry.index) {
                counted.note(ts, entry.key.clone(), entry.id.is_some());
            }
        }
        for counted in self.indexes.values_mut().filter(|counted| counted.by_id) {
            for write in &finished.writes {
                let came = write.new.is_some();
                if write.tablet == counted.tablet && came != write.old.is_some() {
                    counted.note(ts, write.id.0.as_slice().into(), came);
                }
            }
        }
        for (_, definition) in &finished.definitions {
            match definition {
                Some(Definition::Table(table)) if table.deleting => {
                    self.indexes
                        .retain(|_, counted| counted.tablet != table.tablet);
                }
                Some(Definition::Index(index)) if index.deleting => {
                    self.indexes.remove(&index.id);
                }
                _ => {}
            }
        }
    }

    /// Forgets changes that no snapshot from `oldest` on needs to take back.
    pub(crate) fn trim(&mut self, oldest: Timestamp) {
        self.indexes.retain(|_, counted| counted.trim(oldest));
    }

    /// The number of keys in a range at a snapshot, if it is known.
    fn count(&mut self, index: IndexId, range: &KeyRange, snapshot: Timestamp) -> Option<u64> {
        self.questions += 1;
        let counted = self.indexes.get_mut(&index)?;
        counted.asked = self.questions;
        counted.count(range, snapshot)
    }

    /// Puts the keys of an index in, and whatever has not been asked for longest out.
    fn put(&mut self, index: IndexId, mut keys: CountedKeys, as_of: Timestamp) {
        let counted = self.indexes.get_mut(&index);
        // It may have been dropped meanwhile, and somebody else may have begun anew.
        let Some(counted) = counted.filter(|it| it.keys.is_none() && it.from <= as_of) else {
            return;
        };
        for change in counted.changes.iter().filter(|change| change.ts > as_of) {
            change.apply(&mut keys);
        }
        counted.keys = Some(keys);
        let bytes = |counted: &Counted| counted.keys.as_ref().map_or(0, CountedKeys::bytes);
        while self.indexes.values().map(bytes).sum::<usize>() > self.bytes_max {
            let others = self.indexes.iter().filter(|(other, _)| **other != index);
            let Some(longest) = others.min_by_key(|(_, counted)| counted.asked) else {
                return;
            };
            let longest = *longest.0;
            self.indexes.remove(&longest);
        }
    }
}

impl Counted {
    fn note(&mut self, ts: Timestamp, key: Arc<[u8]>, came: bool) {
        let change = Change { ts, key, came };
        if let Some(keys) = &mut self.keys {
            change.apply(keys);
        }
        self.changes.push_back(change);
    }

    /// Gives whether it is worth keeping.
    fn trim(&mut self, oldest: Timestamp) -> bool {
        while self
            .changes
            .front()
            .is_some_and(|change| change.ts <= oldest || self.changes.len() > COUNTED_CHANGES_MAX)
        {
            if self.keys.is_none() && self.changes.len() > COUNTED_CHANGES_MAX {
                // What is needed to bring the keys up to date would be lost.
                return false;
            }
            let gone = self.changes.pop_front().expect("it was just looked at");
            self.from = self.from.max(gone.ts);
        }
        true
    }

    fn count(&self, range: &KeyRange, snapshot: Timestamp) -> Option<u64> {
        let keys = self.keys.as_ref().filter(|_| snapshot >= self.from)?;
        let now = keys.count(&range.start, range.end.as_deref()) as u64;
        let since = self.changes.iter().rev();
        let since = since.take_while(|change| change.ts > snapshot);
        let growth: i64 = since
            .filter(|change| range.contains(&change.key))
            .map(|change| if change.came { 1 } else { -1 })
            .sum();
        let then = now.checked_add_signed(-growth);
        Some(then.expect("no range ever had fewer than no keys"))
    }
}

impl Change {
    fn apply(&self, keys: &mut CountedKeys) {
        let changed = if self.came {
            keys.insert(&self.key)
        } else {
            keys.remove(&self.key)
        };
        assert!(changed, "keys come once and go once");
    }
}

impl Shared {
    /// The number of committed documents in a range of an index, at a snapshot that is in use.
    pub(crate) fn count_range_at(
        &self,
        target: &Target,
        range: &KeyRange,
        snapshot: Timestamp,
    ) -> Result<u64, StorageError> {
        let known = |index| {
            let mut publication = self.publication.lock();
            publication.ranges.count(index, range, snapshot)
        };
        if let Some(count) = known(target.index) {
            return Ok(count);
        }
        if self.start_counting(target) {
            self.read_keys(target)?;
            if let Some(count) = known(target.index) {
                return Ok(count);
            }
        }
        let mut count = 0;
        self.walk_keys(target, range.clone(), snapshot, |_| {
            count += 1;
            true
        })?;
        Ok(count)
    }

    /// From here on commits are noted; gives whether the keys must be read now, and by the caller.
    fn start_counting(&self, target: &Target) -> bool {
        let mut publication = self.publication.lock();
        let published = self.published.load();
        let ranges = &mut publication.ranges;
        let known = ranges.indexes.contains_key(&target.index);
        // A snapshot may know an index that is gone.
        let alive = published.registry.table_of_index(target.index).is_some();
        if known || !alive || ranges.too_large.contains(&target.index) {
            return false;
        }
        let counted = Counted {
            tablet: target.tablet,
            by_id: target.by_id,
            keys: None,
            from: published.ts,
            changes: VecDeque::new(),
            asked: ranges.questions,
        };
        ranges.indexes.insert(target.index, counted);
        true
    }

    fn read_keys(&self, target: &Target) -> Result<(), StorageError> {
        // Not before the commit from which on changes are noted, and in use until they are applied.
        let (guard, ()) = self.snapshots.take(|| (self.published.load().ts, ()));
        let bytes_max = self.publication.lock().ranges.bytes_max;
        let mut keys = CountedKeys::new();
        let read = self.walk_keys(target, KeyRange::all(), guard.snapshot, |key| {
            keys.insert(key);
            keys.bytes() <= bytes_max
        });
        let mut publication = self.publication.lock();
        let ranges = &mut publication.ranges;
        if read.is_err() || keys.bytes() > bytes_max {
            ranges.indexes.remove(&target.index);
        }
        read?;
        if keys.bytes() > bytes_max {
            tracing::warn!(
                index = target.index.0,
                bytes_max,
                "an index is too large to be counted in memory, its ranges are walked"
            );
            ranges.too_large.insert(target.index);
            return Ok(());
        }
        ranges.put(target.index, keys, guard.snapshot);
        Ok(())
    }

    /// Walks the keys of a range, as long as `visit` wants more.
    fn walk_keys(
        &self,
        target: &Target,
        mut range: KeyRange,
        at: Timestamp,
        mut visit: impl FnMut(&[u8]) -> bool,
    ) -> Result<(), StorageError> {
        let mut limit = PAGE_ROWS_FIRST;
        while !range.is_empty() {
            let (keys, bytes) = self.keys_page(target, range.clone(), at, limit)?;
            if !keys.iter().all(|key| visit(key)) || keys.len() < limit {
                return Ok(());
            }
            range.start = after(keys.last().expect("a full page has a last key"));
            limit = next_page_rows(limit, bytes).min(PAGE_ROWS_MAX);
        }
        Ok(())
    }

    /// A page of keys, and how many bytes of documents came with it.
    fn keys_page(
        &self,
        target: &Target,
        range: KeyRange,
        at: Timestamp,
        limit: usize,
    ) -> Result<(Vec<IndexKey>, usize), StorageError> {
        let of = PageOf {
            index: target.index,
            range,
            descending: false,
            limit,
        };
        let rows = self.scan_page(target, &of, at)?;
        let bytes = rows.iter().map(|row| row.json.len()).sum();
        Ok((rows.iter().map(|row| row.key.clone()).collect(), bytes))
    }
}
