//! A sorted set of keys that tells how many lie before any key: a B-tree whose inner nodes know how
//! many keys each child holds. All operations take time logarithmic in the number of keys.
//!
//! Nodes are not joined when keys go, only dropped when they are empty: the tree is never higher
//! than it was for the most keys it had.

/// Keys of a leaf and children of an inner node, at most.
const NODE_MAX: usize = 64;
/// What a key costs in memory beyond its bytes: its pointer and length, and what the allocator adds.
const KEY_OVERHEAD: usize = 32;

type Key = Box<[u8]>;

/// The set.
#[derive(Debug)]
pub(crate) struct CountedKeys {
    root: Node,
    len: usize,
    bytes: usize,
}

#[derive(Debug)]
enum Node {
    Leaf(Vec<Key>),
    Inner(Vec<Child>),
}

#[derive(Debug)]
struct Child {
    /// No key of the child is below it, and none of the child before reaches it. That of the first
    /// child means nothing: whatever is below the second belongs to the first.
    from: Key,
    /// Keys in `node`.
    len: usize,
    node: Node,
}

/// What adding a key did to a node.
enum Added {
    /// Nothing: the key was there.
    Nothing,
    /// The key is in.
    One,
    /// The key is in, and this was split off the upper end.
    Split(Child),
}

impl CountedKeys {
    pub(crate) fn new() -> CountedKeys {
        CountedKeys {
            root: Node::Leaf(Vec::new()),
            len: 0,
            bytes: 0,
        }
    }

    /// Bytes of memory, about.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a key; gives whether it was not there.
    pub(crate) fn insert(&mut self, key: &[u8]) -> bool {
        match self.root.insert(key) {
            Added::Nothing => return false,
            Added::One => {}
            Added::Split(upper) => {
                let lower = std::mem::replace(&mut self.root, Node::Leaf(Vec::new()));
                let lower = Child {
                    from: Key::default(),
                    len: self.len + 1 - upper.len,
                    node: lower,
                };
                self.root = Node::Inner(vec![lower, upper]);
            }
        }
        self.len += 1;
        self.bytes += key.len() + KEY_OVERHEAD;
        true
    }

    /// Removes a key; gives whether it was there.
    pub(crate) fn remove(&mut self, key: &[u8]) -> bool {
        if !self.root.remove(key) {
            return false;
        }
        self.len -= 1;
        self.bytes -= key.len() + KEY_OVERHEAD;
        if self.len == 0 {
            self.root = Node::Leaf(Vec::new());
        }
        true
    }

    /// How many keys are in `start..end`.
    pub(crate) fn count(&self, start: &[u8], end: Option<&[u8]>) -> usize {
        let below = end.map_or(self.len, |end| self.root.rank(end));
        below.saturating_sub(self.root.rank(start))
    }
}

impl Node {
    fn insert(&mut self, key: &[u8]) -> Added {
        match self {
            Node::Leaf(keys) => {
                let Err(at) = keys.binary_search_by(|other| (**other).cmp(key)) else {
                    return Added::Nothing;
                };
                keys.insert(at, key.into());
                if keys.len() <= NODE_MAX {
                    return Added::One;
                }
                let upper = keys.split_off(split_at(at, keys.len()));
                Added::Split(Child {
                    from: upper[0].clone(),
                    len: upper.len(),
                    node: Node::Leaf(upper),
                })
            }
            Node::Inner(children) => {
                let at = child_of(children, key);
                let upper = match children[at].node.insert(key) {
                    Added::Nothing => return Added::Nothing,
                    Added::One => {
                        children[at].len += 1;
                        return Added::One;
                    }
                    Added::Split(upper) => upper,
                };
                children[at].len = children[at].len + 1 - upper.len;
                children.insert(at + 1, upper);
                if children.len() <= NODE_MAX {
                    return Added::One;
                }
                let upper = children.split_off(split_at(at + 1, children.len()));
                Added::Split(Child {
                    from: upper[0].from.clone(),
                    len: upper.iter().map(|child| child.len).sum(),
                    node: Node::Inner(upper),
                })
            }
        }
    }

    fn remove(&mut self, key: &[u8]) -> bool {
        match self {
            Node::Leaf(keys) => {
                let Ok(at) = keys.binary_search_by(|other| (**other).cmp(key)) else {
                    return false;
                };
                keys.remove(at);
                true
            }
            Node::Inner(children) => {
                let at = child_of(children, key);
                if !children[at].node.remove(key) {
                    return false;
                }
                children[at].len -= 1;
                if children[at].len == 0 {
                    children.remove(at);
                }
                true
            }
        }
    }

    /// How many keys are below `key`.
    fn rank(&self, key: &[u8]) -> usize {
        match self {
            Node::Leaf(keys) => keys.partition_point(|other| **other < *key),
            Node::Inner(children) => {
                let at = child_of(children, key);
                let before: usize = children[..at].iter().map(|child| child.len).sum();
                before + children[at].node.rank(key)
            }
        }
    }
}

/// The child that a key belongs to.
fn child_of(children: &[Child], key: &[u8]) -> usize {
    let up_to = children.partition_point(|child| *child.from <= *key);
    up_to.saturating_sub(1)
}

/// Where a node that has become too long is split: in the middle, but keys that come in ascending
/// order leave full nodes behind them.
fn split_at(inserted: usize, len: usize) -> usize {
    if inserted + 1 == len {
        inserted
    } else {
        len / 2
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn count_of(model: &BTreeSet<Vec<u8>>, start: &[u8], end: Option<&[u8]>) -> usize {
        let inside =
            |key: &&Vec<u8>| key.as_slice() >= start && end.is_none_or(|end| key.as_slice() < end);
        model.iter().filter(inside).count()
    }

    proptest! {
        #[test]
        fn counts_as_a_list_does(
            operations in prop::collection::vec((any::<bool>(), 0u16..800), 1..3_000),
            ranges in prop::collection::vec((0u16..820, prop::option::of(0u16..820)), 20),
        ) {
            let (mut keys, mut model) = (CountedKeys::new(), BTreeSet::new());
            for (insert, n) in operations {
                let key = n.to_be_bytes();
                if insert || n % 3 == 0 {
                    prop_assert_eq!(keys.insert(&key), model.insert(key.to_vec()));
                } else {
                    prop_assert_eq!(keys.remove(&key), model.remove(key.as_slice()));
                }
            }
            for (start, end) in ranges {
                let (start, end) = (start.to_be_bytes(), end.map(u16::to_be_bytes));
                let end = end.as_ref().map(|end| end.as_slice());
                prop_assert_eq!(keys.count(&start, end), count_of(&model, &start, end));
            }
            prop_assert_eq!(keys.count(&[], None), model.len());
            for key in &model {
                prop_assert!(keys.remove(key));
            }
            prop_assert_eq!((keys.len, keys.bytes), (0, 0));
        }
    }

    #[test]
    fn ascending_keys_fill_their_nodes() {
        let mut keys = CountedKeys::new();
        for n in 0..100_000u32 {
            assert!(keys.insert(&n.to_be_bytes()));
        }
        let Node::Inner(children) = &keys.root else {
            panic!("one node holds them all")
        };
        // 64 keys a leaf, 64 leaves a node: 25 nodes below the root.
        assert_eq!(children.len(), 25);
        assert_eq!(
            keys.count(&500u32.to_be_bytes(), Some(&90_000u32.to_be_bytes())),
            89_500
        );
    }
}
