//! Station 10 · recent commits in memory: which index keys were written when.
//!
//! Arrives: published commits from `committer.rs`. Leaves: answers to "was any of this written
//! since that snapshot?", for validation (`committer.rs`) and for registration of subscriptions.
//! Kept as long as a running transaction may ask, within bounds; who asks about an older snapshot
//! is told that everything may have changed.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use lentil_storage::{IndexId, TabletId};
use lentil_values::{InternalId, KeyRange, Timestamp};

use crate::ReadSet;
use crate::limits::{
    LOG_BYTES_MAX, LOG_COMMITS_MAX, LOG_COMMITS_MIN, LOG_TOUCH_BYTES, PAGE_CHANGES_MAX,
    WRITTEN_KEYS_LOOKED_AT,
};

/// A key that a commit wrote in an index: the old or the new one of a document, moved or not.
#[derive(Clone, Debug)]
pub(crate) struct Touch {
    pub(crate) index: IndexId,
    pub(crate) key: Arc<[u8]>,
    /// The document that has the key now; none if it has moved or is gone.
    pub(crate) now: Option<InternalId>,
}

/// A key as it was left by the last commit that wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) ts: Timestamp,
    /// The document that has the key now; none if it has moved or is gone.
    pub(crate) now: Option<InternalId>,
}

/// Why a read set is not valid any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stale {
    /// A commit wrote inside it, in this index.
    Written(IndexId),
    /// The snapshot is older than what is remembered.
    Forgotten,
}

/// By how much a commit changed the number of documents of a table.
pub(crate) type CountChange = (TabletId, i64);

struct LoggedCommit {
    ts: Timestamp,
    touches: Vec<Touch>,
    counts: Vec<CountChange>,
    /// Touches of all commits up to and including this one, since the log was made.
    touches_so_far: u64,
}

struct IndexLog {
    /// When the index was last written.
    newest: Timestamp,
    /// What each key was last written with.
    keys: BTreeMap<Arc<[u8]>, Written>,
}

/// The commits after `floor`.
pub(crate) struct WriteLog {
    /// Invariant: every commit later than this is here.
    floor: Timestamp,
    commits: VecDeque<LoggedCommit>,
    indexes: HashMap<IndexId, IndexLog>,
    bytes: usize,
    touches_so_far: u64,
}

impl WriteLog {
    /// A log that knows nothing up to and including `floor`.
    pub(crate) fn new(floor: Timestamp) -> WriteLog {
        WriteLog {
            floor,
            commits: VecDeque::new(),
            indexes: HashMap::new(),
            bytes: 0,
            touches_so_far: 0,
        }
    }

    /// Remembers a commit.
    pub(crate) fn push(&mut self, ts: Timestamp, touches: Vec<Touch>, counts: Vec<CountChange>) {
        let newest = self.commits.back().map_or(self.floor, |commit| commit.ts);
        assert!(
            ts > newest,
            "commits are published in the order of their timestamps"
        );
        for touch in &touches {
            self.bytes += touch_bytes(touch);
            let index = self.indexes.entry(touch.index).or_insert_with(|| IndexLog {
                newest: ts,
                keys: BTreeMap::new(),
            });
            index.newest = ts;
            let written = Written { ts, now: touch.now };
            index.keys.insert(touch.key.clone(), written);
        }
        self.touches_so_far += touches.len() as u64;
        self.commits.push_back(LoggedCommit {
            ts,
            touches,
            counts,
            touches_so_far: self.touches_so_far,
        });
    }

    /// Whether a commit after `snapshot` wrote inside `reads`. Costs what is smaller: the reads or
    /// the keys written since.
    pub(crate) fn check(&self, reads: &ReadSet, snapshot: Timestamp) -> Result<(), Stale> {
        if snapshot < self.floor {
            return Err(Stale::Forgotten);
        }
        if self
            .commits
            .back()
            .is_none_or(|newest| newest.ts <= snapshot)
        {
            return Ok(());
        }
        let found = match self.check_by_reads(reads, snapshot) {
            Some(found) => found,
            None => self
                .check_by_writes(reads, snapshot)
                .map(|(index, _)| index),
        };
        found.map_or(Ok(()), |index| Err(Stale::Written(index)))
    }

    /// The first commit after `snapshot` that wrote inside `reads`; `Err` if that is forgotten.
    pub(crate) fn first_write(
        &self,
        reads: &ReadSet,
        snapshot: Timestamp,
    ) -> Result<Option<Timestamp>, Stale> {
        match self.check(reads, snapshot) {
            Ok(()) => Ok(None),
            Err(Stale::Forgotten) => Err(Stale::Forgotten),
            Err(Stale::Written(_)) => Ok(self.check_by_writes(reads, snapshot).map(|(_, ts)| ts)),
        }
    }

    /// Looks every read interval up; `None` if that takes more steps than there are writes.
    fn check_by_reads(&self, reads: &ReadSet, snapshot: Timestamp) -> Option<Option<IndexId>> {
        let mut steps_left = self.touches_since(snapshot);
        for (index, start, end) in reads.intervals() {
            let Some(log) = self.indexes.get(&index) else {
                continue;
            };
            if log.newest <= snapshot {
                continue;
            }
            let end = end.map_or(Bound::Unbounded, Bound::Excluded);
            for ts in log
                .keys
                .range::<[u8], _>((Bound::Included(start), end))
                .map(|(_, written)| written.ts)
            {
                if ts > snapshot {
                    return Some(Some(index));
                }
                steps_left = steps_left.checked_sub(1)?;
            }
            steps_left = steps_left.checked_sub(1)?;
        }
        Some(None)
    }

    /// Looks every key written since up in the reads.
    fn check_by_writes(
        &self,
        reads: &ReadSet,
        snapshot: Timestamp,
    ) -> Option<(IndexId, Timestamp)> {
        self.commits
            .range(self.position_after(snapshot)..)
            .find_map(|commit| {
                let touched = commit
                    .touches
                    .iter()
                    .find(|touch| reads.overlaps(touch.index, &touch.key));
                touched.map(|touch| (touch.index, commit.ts))
            })
    }

    /// The first key after `snapshot` that was written inside `reads`.
    pub(crate) fn place(&self, reads: &ReadSet, snapshot: Timestamp) -> Option<(Touch, Timestamp)> {
        let later = self.commits.range(self.position_after(snapshot)..);
        let mut found = later.filter_map(|commit| {
            let mut touches = commit.touches.iter();
            let touched = touches.find(|touch| reads.overlaps(touch.index, &touch.key));
            touched.map(|touch| (touch.clone(), commit.ts))
        });
        found.next()
    }

    /// Whether it is certain that nobody has written this key since `snapshot`.
    pub(crate) fn is_unwritten(&self, index: IndexId, key: &[u8], snapshot: Timestamp) -> bool {
        let written = self.indexes.get(&index).and_then(|log| log.keys.get(key));
        snapshot >= self.floor && written.is_none_or(|written| written.ts <= snapshot)
    }

    /// What has been written in this range since `snapshot`, by key; `None` where that is not
    /// certain, or takes a look at many keys, or is much.
    pub(crate) fn written_in(
        &self,
        index: IndexId,
        range: &KeyRange,
        snapshot: Timestamp,
    ) -> Option<Vec<(Arc<[u8]>, Written)>> {
        if snapshot < self.floor {
            return None;
        }
        let Some(log) = self.indexes.get(&index) else {
            return Some(Vec::new());
        };
        if log.newest <= snapshot {
            return Some(Vec::new());
        }
        let end = range
            .end
            .as_deref()
            .map_or(Bound::Unbounded, Bound::Excluded);
        let mut keys = log
            .keys
            .range::<[u8], _>((Bound::Included(range.start.as_slice()), end));
        let mut found = Vec::new();
        for (key, written) in keys.by_ref().take(WRITTEN_KEYS_LOOKED_AT) {
            if written.ts <= snapshot {
                continue;
            }
            if found.len() == PAGE_CHANGES_MAX {
                return None;
            }
            found.push((key.clone(), *written));
        }
        keys.next().is_none().then_some(found)
    }

    /// By how many documents a table has grown since `snapshot`.
    pub(crate) fn growth(&self, tablet: TabletId, snapshot: Timestamp) -> Result<i64, Stale> {
        if snapshot < self.floor {
            return Err(Stale::Forgotten);
        }
        let later = self.commits.range(self.position_after(snapshot)..);
        let changes = later.flat_map(|commit| {
            commit
                .counts
                .iter()
                .filter(|(changed, _)| *changed == tablet)
        });
        Ok(changes.map(|(_, by)| by).sum())
    }

    fn position_after(&self, snapshot: Timestamp) -> usize {
        self.commits.partition_point(|commit| commit.ts <= snapshot)
    }

    fn touches_since(&self, snapshot: Timestamp) -> u64 {
        match self.position_after(snapshot).checked_sub(1) {
            Some(last_before) => self.touches_so_far - self.commits[last_before].touches_so_far,
            None => {
                self.touches_so_far
                    - self
                        .commits
                        .front()
                        .map_or(self.touches_so_far, LoggedCommit::touches_before)
            }
        }
    }

    /// Forgets commits that nobody in use of `oldest` or a later snapshot can ask about. A few
    /// recent ones always stay (a reader may end its transaction before it subscribes), and
    /// however old the readers are, the log does not outgrow its bounds.
    pub(crate) fn trim(&mut self, oldest: Timestamp) {
        while let Some(first) = self.commits.front() {
            let unneeded = first.ts <= oldest && self.commits.len() > LOG_COMMITS_MIN;
            let too_large = self.commits.len() > LOG_COMMITS_MAX || self.bytes > LOG_BYTES_MAX;
            // The newest commit stays whatever its size: validation of its contemporaries needs it.
            if !(unneeded || too_large) || self.commits.len() == 1 {
                return;
            }
            let first = self.commits.pop_front().expect("there is a first commit");
            self.floor = first.ts;
            for touch in &first.touches {
                self.bytes -= touch_bytes(touch);
                self.forget(touch, first.ts);
            }
        }
    }

    fn forget(&mut self, touch: &Touch, ts: Timestamp) {
        let Some(log) = self.indexes.get_mut(&touch.index) else {
            return;
        };
        if let Entry::Occupied(key) = log.keys.entry(touch.key.clone())
            && key.get().ts == ts
        {
            key.remove();
        }
        if log.keys.is_empty() {
            self.indexes.remove(&touch.index);
        }
    }

    /// The newest commit remembered, or the floor.
    pub(crate) fn newest(&self) -> Timestamp {
        self.commits.back().map_or(self.floor, |commit| commit.ts)
    }
}

impl LoggedCommit {
    fn touches_before(&self) -> u64 {
        self.touches_so_far - self.touches.len() as u64
    }
}

fn touch_bytes(touch: &Touch) -> usize {
    touch.key.len() + LOG_TOUCH_BYTES
}

#[cfg(test)]
mod tests {
    use lentil_values::KeyRange;
    use proptest::prelude::*;

    use super::*;

    fn touch(index: u32, key: u8) -> Touch {
        Touch {
            index: IndexId(index),
            key: [key].as_slice().into(),
            now: None,
        }
    }

    fn reads(ranges: &[(u32, u8, Option<u8>)]) -> ReadSet {
        let mut reads = ReadSet::default();
        for (index, start, end) in ranges {
            let range = match end {
                Some(end) => KeyRange {
                    start: vec![*start],
                    end: Some(vec![*end]),
                },
                None => KeyRange::point(vec![*start]),
            };
            reads.insert(IndexId(*index), range);
        }
        reads
    }

    type Commit = Vec<(u32, u8)>;

    fn commits() -> impl Strategy<Value = Vec<Commit>> {
        proptest::collection::vec(proptest::collection::vec((0u32..3, 0u8..20), 1..4), 0..30)
    }

    fn ranges() -> impl Strategy<Value = Vec<(u32, u8, Option<u8>)>> {
        proptest::collection::vec((0u32..3, 0u8..20, proptest::option::of(0u8..20)), 0..12)
    }

    proptest! {
        #[test]
        fn agrees_with_a_walk_over_all_commits(commits in commits(), ranges in ranges(), snapshot in 0u64..30) {
            let mut log = WriteLog::new(Timestamp::ZERO);
            for (n, commit) in commits.iter().enumerate() {
                log.push(Timestamp(n as u64 + 1), commit.iter().map(|(index, key)| touch(*index, *key)).collect(), Vec::new());
            }
            let reads = reads(&ranges);
            let hit = |commit: &Commit| commit.iter().any(|(index, key)| reads.overlaps(IndexId(*index), &[*key]));
            let first = commits.iter().enumerate().skip(snapshot as usize).find(|(_, commit)| hit(commit));
            let first = first.map(|(n, _)| Timestamp(n as u64 + 1));
            prop_assert_eq!(log.check(&reads, Timestamp(snapshot)).is_err(), first.is_some());
            prop_assert_eq!(log.first_write(&reads, Timestamp(snapshot)), Ok(first));
        }
    }

    #[test]
    fn what_nobody_can_ask_about_is_forgotten() {
        let mut log = WriteLog::new(Timestamp(10));
        let all = reads(&[(1, 0, Some(255))]);
        let count = LOG_COMMITS_MIN as u64 + 100;
        for n in 0..count {
            log.push(
                Timestamp(11 + n),
                vec![touch(1, (n % 200) as u8)],
                Vec::new(),
            );
        }
        assert_eq!(log.check(&all, Timestamp(9)), Err(Stale::Forgotten));
        assert_eq!(
            log.check(&all, Timestamp(10)),
            Err(Stale::Written(IndexId(1)))
        );
        log.trim(Timestamp(20));
        assert_eq!(
            log.commits.len() as u64,
            count - 10,
            "somebody may still ask from 20 on"
        );
        assert_eq!(log.check(&all, Timestamp(19)), Err(Stale::Forgotten));
        log.trim(Timestamp(10 + count));
        assert_eq!(
            log.commits.len(),
            LOG_COMMITS_MIN,
            "late subscribers find the last commits"
        );
        assert_eq!(log.check(&all, log.newest()), Ok(()));
        assert_eq!(
            log.first_write(&all, log.floor),
            Ok(Some(Timestamp(log.floor.0 + 1)))
        );
        assert!(log.indexes[&IndexId(1)].keys.len() == 200);
        assert!(log.bytes == LOG_COMMITS_MIN * (1 + LOG_TOUCH_BYTES));
    }

    #[test]
    fn the_log_does_not_outgrow_its_bytes() {
        let mut log = WriteLog::new(Timestamp::ZERO);
        let key: Arc<[u8]> = vec![7; 1 << 20].into();
        for n in 0..200 {
            log.push(
                Timestamp(n + 1),
                vec![Touch {
                    index: IndexId(1),
                    key: key.clone(),
                    now: None,
                }],
                Vec::new(),
            );
            log.trim(Timestamp::ZERO);
        }
        assert!(log.bytes <= LOG_BYTES_MAX && log.commits.len() > 100);
        assert_eq!(
            log.check(&ReadSet::default(), Timestamp(1)),
            Err(Stale::Forgotten)
        );
    }
}
