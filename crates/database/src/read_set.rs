//! What a transaction has read: intervals of index keys.

use std::collections::BTreeMap;
use std::ops::Bound;

use lentil_storage::IndexId;
use lentil_values::{IndexKey, KeyRange};

/// Index intervals; an over-approximation of what influenced the reader.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadSet {
    indexes: BTreeMap<IndexId, Intervals>,
}

impl ReadSet {
    /// Adds an interval.
    pub fn insert(&mut self, index: IndexId, range: KeyRange) {
        if !range.is_empty() {
            self.indexes
                .entry(index)
                .or_default()
                .insert(range.start, range.end);
        }
    }
    /// Whether a write of `key` in `index` touches it.
    pub fn overlaps(&self, index: IndexId, key: &[u8]) -> bool {
        self.indexes
            .get(&index)
            .is_some_and(|intervals| intervals.contains(key))
    }
    /// Adds everything of `other`.
    pub fn merge(&mut self, other: &ReadSet) {
        for (index, range) in other.iter() {
            self.insert(index, range);
        }
    }
    /// All intervals, by index and start; none of them overlap or touch.
    pub fn iter(&self) -> impl Iterator<Item = (IndexId, KeyRange)> {
        self.intervals().map(|(index, start, end)| {
            (
                index,
                KeyRange {
                    start: start.to_vec(),
                    end: end.map(<[u8]>::to_vec),
                },
            )
        })
    }
    /// Number of intervals.
    pub fn len(&self) -> usize {
        self.indexes
            .values()
            .map(|intervals| intervals.ends.len())
            .sum()
    }
    /// Whether nothing was read.
    pub fn is_empty(&self) -> bool {
        self.indexes.is_empty()
    }

    /// All intervals as borrowed (index, start, end).
    pub(crate) fn intervals(&self) -> impl Iterator<Item = (IndexId, &[u8], Option<&[u8]>)> {
        self.indexes.iter().flat_map(|(index, intervals)| {
            intervals
                .ends
                .iter()
                .map(move |(start, end)| (*index, start.as_slice(), end.as_deref()))
        })
    }
    /// Adds one key; allocates only if it is new.
    pub(crate) fn insert_point(&mut self, index: IndexId, key: &[u8]) {
        let intervals = self.indexes.entry(index).or_default();
        if !intervals.contains(key) {
            intervals.insert(key.to_vec(), Some(after(key)));
        }
    }
    /// Adds `start..=last`: what a scan has consumed so far when it walks upwards. Called once a
    /// row, so that the common case (the interval that began at `start` grows) allocates nothing.
    pub(crate) fn extend_up(&mut self, index: IndexId, start: &[u8], last: &[u8]) {
        let intervals = self.indexes.entry(index).or_default();
        if intervals.grow_in_place(start, last) {
            return;
        }
        intervals.insert(start.to_vec(), Some(after(last)));
    }
}

/// The smallest key above `key`.
pub(crate) fn after(key: &[u8]) -> IndexKey {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next
}

/// Whether `start..end` holds exactly the key `start`.
pub(crate) fn is_point(start: &[u8], end: Option<&[u8]>) -> bool {
    end.is_some_and(|end| {
        end.len() == start.len() + 1 && end[start.len()] == 0 && end.starts_with(start)
    })
}

/// Half-open intervals of one index by their start. Invariant: none overlap, none touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Intervals {
    ends: BTreeMap<IndexKey, Option<IndexKey>>,
}

impl Intervals {
    fn contains(&self, key: &[u8]) -> bool {
        self.last_starting_at_most(key)
            .is_some_and(|(_, end)| end.as_deref().is_none_or(|end| key < end))
    }

    fn last_starting_at_most(&self, key: &[u8]) -> Option<(&IndexKey, &Option<IndexKey>)> {
        self.ends
            .range::<[u8], _>((Bound::Unbounded, Bound::Included(key)))
            .next_back()
    }

    fn insert(&mut self, mut start: IndexKey, mut end: Option<IndexKey>) {
        if let Some((before, before_end)) = self.last_starting_at_most(&start)
            && before_end
                .as_ref()
                .is_none_or(|before_end| *before_end >= start)
        {
            if before_end.is_none() || (end.is_some() && *before_end >= end) {
                return;
            }
            start = before.clone();
        }
        // Swallow what begins inside or right at the end of the new interval.
        while let Some((next, next_end)) = self
            .ends
            .range::<[u8], _>((Bound::Included(start.as_slice()), Bound::Unbounded))
            .next()
        {
            if end.as_ref().is_some_and(|end| next > end) {
                break;
            }
            if next_end.is_none() || (end.is_some() && *next_end > end) {
                end.clone_from(next_end);
            }
            let next = next.clone();
            self.ends.remove(&next);
        }
        self.ends.insert(start, end);
    }

    /// Lengthens the interval that begins exactly at `start` to include `last`, if it exists and
    /// would not meet its neighbour.
    fn grow_in_place(&mut self, start: &[u8], last: &[u8]) -> bool {
        let mut following = self
            .ends
            .range_mut::<[u8], _>((Bound::Included(start), Bound::Unbounded));
        let Some((first, end)) = following.next() else {
            return false;
        };
        if first != start {
            return false;
        }
        let Some(end) = end else { return true };
        if end.as_slice() > last {
            return true;
        }
        if following.next().is_some_and(|(neighbour, _)| {
            neighbour.as_slice() <= last || is_point(last, Some(neighbour))
        }) {
            return false;
        }
        end.clear();
        end.extend_from_slice(last);
        end.push(0);
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INDEX: IndexId = IndexId(7);

    /// Every key of up to two letters over a small alphabet (the successor byte included).
    fn keys() -> Vec<Vec<u8>> {
        let letters = [0u8, 1, 2, 3];
        let mut all = vec![vec![]];
        for a in letters {
            all.push(vec![a]);
            for b in letters {
                all.push(vec![a, b]);
                all.push(vec![a, b, 0]);
            }
        }
        all
    }

    fn key() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(0u8..4, 0..3)
    }

    #[derive(Clone, Debug)]
    enum Op {
        Range(Vec<u8>, Option<Vec<u8>>),
        Point(Vec<u8>),
        Up(Vec<u8>, Vec<u8>),
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            (key(), proptest::option::of(key())).prop_map(|(a, b)| Op::Range(a, b)),
            key().prop_map(Op::Point),
            (key(), key()).prop_map(|(a, b)| if a <= b { Op::Up(a, b) } else { Op::Up(b, a) }),
        ]
    }

    proptest! {
        #[test]
        fn agrees_with_a_set_of_keys(ops in proptest::collection::vec(op(), 0..12)) {
            let mut set = ReadSet::default();
            let mut model = Vec::new();
            for op in ops {
                match op {
                    Op::Range(start, end) => {
                        let range = KeyRange { start, end };
                        set.insert(INDEX, range.clone());
                        model.push(range);
                    }
                    Op::Point(key) => {
                        set.insert_point(INDEX, &key);
                        model.push(KeyRange::point(key));
                    }
                    Op::Up(start, last) => {
                        set.extend_up(INDEX, &start, &last);
                        model.push(KeyRange { start, end: Some(after(&last)) });
                    }
                }
            }
            for key in keys() {
                prop_assert_eq!(set.overlaps(INDEX, &key), model.iter().any(|range| range.contains(&key)));
            }
            let ranges: Vec<_> = set.iter().map(|(_, range)| range).collect();
            for pair in ranges.windows(2) {
                prop_assert!(pair[0].end.as_ref().is_some_and(|end| *end < pair[1].start), "{:?}", pair);
            }
        }
    }

    #[test]
    fn points_are_told_from_ranges() {
        assert!(is_point(b"a", Some(b"a\0")));
        assert!(!is_point(b"a", Some(b"b\0")));
        assert!(!is_point(b"a", Some(b"a\0\0")));
        assert!(!is_point(b"a", None));
    }
}
