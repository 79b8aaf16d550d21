//! Intervals of keys with owners, answering "who covers this key?" in time that grows with the
//! logarithm of their number and with the hits.
//!
//! A treap ordered by (start, end) whose nodes also know the largest end below them. Priorities
//! come from a counter that is mixed well, so that the same history builds the same tree.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

/// Who owns an interval or a key.
pub(crate) type OwnerId = u64;

/// The owners of one key or interval; nearly always one.
#[derive(Debug)]
pub(crate) enum Owners {
    One(OwnerId),
    Many(HashSet<OwnerId>),
}

impl Owners {
    pub(crate) fn add(&mut self, owner: OwnerId) {
        match self {
            Owners::One(first) if *first == owner => {}
            Owners::One(first) => *self = Owners::Many(HashSet::from([*first, owner])),
            Owners::Many(owners) => {
                owners.insert(owner);
            }
        }
    }
    /// Removes an owner; returns whether none is left.
    pub(crate) fn remove(&mut self, owner: OwnerId) -> bool {
        match self {
            Owners::One(first) => *first == owner,
            Owners::Many(owners) => {
                owners.remove(&owner);
                owners.is_empty()
            }
        }
    }
    pub(crate) fn each(&self, mut visit: impl FnMut(OwnerId)) {
        match self {
            Owners::One(owner) => visit(*owner),
            Owners::Many(owners) => owners.iter().copied().for_each(visit),
        }
    }
}

/// The end of an interval; `None` lies beyond every key.
pub(crate) type End = Option<Arc<[u8]>>;

/// `None` (no end) is the largest end.
fn compare_ends(left: &End, right: &End) -> Ordering {
    match (left, right) {
        (None, None) => Ordering::Equal,
        (None, _) => Ordering::Greater,
        (_, None) => Ordering::Less,
        (Some(left), Some(right)) => left.cmp(right),
    }
}

fn is_before(key: &[u8], end: &End) -> bool {
    end.as_ref().is_none_or(|end| key < end.as_ref())
}

type Slot = Option<usize>;

#[derive(Debug)]
struct Node {
    start: Arc<[u8]>,
    end: End,
    owners: Owners,
    priority: u64,
    left: Slot,
    right: Slot,
    /// The largest end in this subtree.
    last_end: End,
}

/// The tree; nodes live in a vector and are reused.
#[derive(Debug, Default)]
pub(crate) struct IntervalTree {
    nodes: Vec<Node>,
    free: Vec<usize>,
    root: Slot,
    made: u64,
}

impl IntervalTree {
    pub(crate) fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// Adds an owner to the interval `start..end`.
    pub(crate) fn insert(&mut self, start: Arc<[u8]>, end: End, owner: OwnerId) {
        if let Some(slot) = self.find(&start, &end) {
            self.nodes[slot].owners.add(owner);
            return;
        }
        let (below, above) = self.split(self.root, &start, &end);
        let node = self.make(start, end, owner);
        let left = self.join(below, Some(node));
        self.root = self.join(left, above);
    }

    /// Removes an owner from the interval `start..end`.
    pub(crate) fn remove(&mut self, start: &[u8], end: &End, owner: OwnerId) {
        let Some(slot) = self.find(start, end) else {
            return;
        };
        if self.nodes[slot].owners.remove(owner) {
            self.root = self.unlink(self.root, slot, start, end);
            self.nodes[slot].left = None;
            self.nodes[slot].right = None;
            // The bytes are given back now, the slot when it is used again.
            self.nodes[slot].start = Arc::from([].as_slice());
            self.nodes[slot].end = None;
            self.nodes[slot].last_end = None;
            self.free.push(slot);
        }
    }

    /// Calls `visit` with every owner of an interval that contains `key`.
    pub(crate) fn covering(&self, key: &[u8], visit: &mut impl FnMut(OwnerId)) {
        self.covering_below(self.root, key, visit);
    }

    fn covering_below(&self, slot: Slot, key: &[u8], visit: &mut impl FnMut(OwnerId)) {
        let Some(slot) = slot else { return };
        let node = &self.nodes[slot];
        if !is_before(key, &node.last_end) {
            return;
        }
        self.covering_below(node.left, key, visit);
        if node.start.as_ref() > key {
            return;
        }
        if is_before(key, &node.end) {
            node.owners.each(&mut *visit);
        }
        self.covering_below(node.right, key, visit);
    }

    fn find(&self, start: &[u8], end: &End) -> Slot {
        let mut at = self.root;
        while let Some(slot) = at {
            let node = &self.nodes[slot];
            at = match compare(start, end, node) {
                Ordering::Equal => return Some(slot),
                Ordering::Less => node.left,
                Ordering::Greater => node.right,
            };
        }
        None
    }

    fn make(&mut self, start: Arc<[u8]>, end: End, owner: OwnerId) -> usize {
        self.made += 1;
        let node = Node {
            start,
            last_end: end.clone(),
            end,
            owners: Owners::One(owner),
            priority: mix(self.made),
            left: None,
            right: None,
        };
        match self.free.pop() {
            Some(slot) => {
                self.nodes[slot] = node;
                slot
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() - 1
            }
        }
    }

    /// Splits a subtree into what sorts below (start, end) and what does not.
    fn split(&mut self, at: Slot, start: &[u8], end: &End) -> (Slot, Slot) {
        let Some(slot) = at else { return (None, None) };
        if compare(start, end, &self.nodes[slot]) == Ordering::Greater {
            let (below, above) = self.split(self.nodes[slot].right, start, end);
            self.nodes[slot].right = below;
            self.update(slot);
            (Some(slot), above)
        } else {
            let (below, above) = self.split(self.nodes[slot].left, start, end);
            self.nodes[slot].left = above;
            self.update(slot);
            (below, Some(slot))
        }
    }

    /// Joins two subtrees of which the first sorts wholly below the second.
    fn join(&mut self, left: Slot, right: Slot) -> Slot {
        let (Some(l), Some(r)) = (left, right) else {
            return left.or(right);
        };
        if self.nodes[l].priority >= self.nodes[r].priority {
            self.nodes[l].right = self.join(self.nodes[l].right, right);
            self.update(l);
            left
        } else {
            self.nodes[r].left = self.join(left, self.nodes[r].left);
            self.update(r);
            right
        }
    }

    /// Takes `target`, the node of (start, end), out of the subtree at `at`.
    fn unlink(&mut self, at: Slot, target: usize, start: &[u8], end: &End) -> Slot {
        let slot = at.expect("the node to unlink is in the tree");
        if slot == target {
            return self.join(self.nodes[slot].left, self.nodes[slot].right);
        }
        if compare(start, end, &self.nodes[slot]) == Ordering::Less {
            self.nodes[slot].left = self.unlink(self.nodes[slot].left, target, start, end);
        } else {
            self.nodes[slot].right = self.unlink(self.nodes[slot].right, target, start, end);
        }
        self.update(slot);
        at
    }

    fn update(&mut self, slot: usize) {
        let node = &self.nodes[slot];
        let mut last = &node.end;
        for child in [node.left, node.right].into_iter().flatten() {
            let below = &self.nodes[child].last_end;
            if compare_ends(below, last) == Ordering::Greater {
                last = below;
            }
        }
        let last = last.clone();
        self.nodes[slot].last_end = last;
    }
}

fn compare(start: &[u8], end: &End, node: &Node) -> Ordering {
    start
        .cmp(&node.start)
        .then_with(|| compare_ends(end, &node.end))
}

/// The finaliser of splitmix64: neighbouring counters give unrelated priorities.
fn mix(n: u64) -> u64 {
    let n = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Interval = (Vec<u8>, Option<Vec<u8>>, OwnerId);

    fn interval() -> impl Strategy<Value = Interval> {
        let key = || proptest::collection::vec(0u8..5, 0..3);
        (key(), proptest::option::of(key()), 0u64..4)
    }

    fn end(end: &Option<Vec<u8>>) -> End {
        end.as_deref().map(Arc::from)
    }

    proptest! {
        #[test]
        fn agrees_with_a_list(ops in proptest::collection::vec((any::<bool>(), interval()), 0..60)) {
            let mut tree = IntervalTree::default();
            let mut model: Vec<Interval> = Vec::new();
            for (add, item) in ops {
                // Removals mostly aim at something that is there.
                if add {
                    tree.insert(item.0.as_slice().into(), end(&item.1), item.2);
                    if !model.contains(&item) {
                        model.push(item);
                    }
                } else {
                    let item = if model.is_empty() { item } else { model[item.2 as usize % model.len()].clone() };
                    tree.remove(&item.0, &end(&item.1), item.2);
                    model.retain(|other| *other != item);
                }
                for a in 0..5u8 {
                    for key in [vec![], vec![a], vec![a, 0], vec![a, 3], vec![a, a, 1]] {
                        let mut found = Vec::new();
                        tree.covering(&key, &mut |owner| found.push(owner));
                        found.sort_unstable();
                        found.dedup();
                        let mut expected: Vec<_> = model
                            .iter()
                            .filter(|(s, e, _)| *s <= key && e.as_ref().is_none_or(|e| key < *e))
                            .map(|(_, _, owner)| *owner)
                            .collect();
                        expected.sort_unstable();
                        expected.dedup();
                        prop_assert_eq!(&found, &expected);
                    }
                }
            }
            prop_assert_eq!(tree.is_empty(), model.is_empty());
        }
    }

    #[test]
    fn sorted_insertions_stay_shallow() {
        let mut tree = IntervalTree::default();
        for n in 0u32..20_000 {
            tree.insert(
                n.to_be_bytes().as_slice().into(),
                Some((n + 1).to_be_bytes().as_slice().into()),
                u64::from(n),
            );
        }
        fn depth(tree: &IntervalTree, slot: Slot) -> usize {
            slot.map_or(0, |slot| {
                1 + depth(tree, tree.nodes[slot].left).max(depth(tree, tree.nodes[slot].right))
            })
        }
        assert!(
            depth(&tree, tree.root) < 60,
            "depth {}",
            depth(&tree, tree.root)
        );
        let mut found = Vec::new();
        tree.covering(&777u32.to_be_bytes(), &mut |owner| found.push(owner));
        assert_eq!(found, [777]);
    }
}
