//! What a transaction has read: intervals of index keys.

use std::collections::BTreeMap;

use lentil_storage::IndexId;
use lentil_values::KeyRange;

/// Index intervals; an over-approximation of what influenced the reader.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadSet {
    // private representation; merged, non-overlapping intervals per index
    intervals: BTreeMap<IndexId, Vec<KeyRange>>,
}

impl ReadSet {
    /// Adds an interval.
    pub fn insert(&mut self, index: IndexId, range: KeyRange) {
        let _ = (index, range, &self.intervals);
        todo!()
    }
    /// Whether a write of `key` in `index` touches it.
    pub fn overlaps(&self, index: IndexId, key: &[u8]) -> bool {
        let _ = (index, key);
        todo!()
    }
    /// Adds everything of `other`.
    pub fn merge(&mut self, other: &ReadSet) {
        let _ = other;
        todo!()
    }
    /// All intervals.
    pub fn iter(&self) -> impl Iterator<Item = (IndexId, &KeyRange)> {
        self.intervals.iter().flat_map(|(index, ranges)| ranges.iter().map(move |range| (*index, range)))
    }
}
