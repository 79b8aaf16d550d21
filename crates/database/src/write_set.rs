//! What a transaction is going to write, as documents and as index entries laid over storage.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use lentil_storage::{IndexId, Order, TabletId};
use lentil_values::{InternalId, KeyRange};

use crate::registry::IndexSet;

/// A document with its keys in the indexes it was computed for.
#[derive(Debug)]
pub(crate) struct Revision {
    pub(crate) json: Arc<str>,
    pub(crate) indexes: Arc<IndexSet>,
    /// One key for each of `indexes`.
    pub(crate) keys: Vec<Arc<[u8]>>,
}

impl Revision {
    /// Its key in an index, if it was computed for that.
    pub(crate) fn key_in(&self, index: IndexId) -> Option<&[u8]> {
        let at = self.indexes.iter().position(|other| other.id == index)?;
        Some(&self.keys[at])
    }
}

/// One document the transaction writes.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    /// Order of first writes.
    pub(crate) sequence: u64,
    /// As of the snapshot.
    pub(crate) old: Option<Arc<Revision>>,
    /// As the transaction leaves it; `None` = deleted.
    pub(crate) new: Option<Arc<Revision>>,
}

/// What the transaction makes of one index key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    /// Its document stands there.
    Present(InternalId),
    /// Whatever the snapshot has there is gone.
    Removed,
}

type DocumentKey = (TabletId, InternalId);

/// The buffered writes of a transaction.
#[derive(Debug, Default)]
pub(crate) struct WriteSet {
    pending: BTreeMap<DocumentKey, Arc<Pending>>,
    /// Index keys that differ from the snapshot or hold an own revision (`by_id` is `pending` itself).
    overlay: HashMap<IndexId, BTreeMap<Arc<[u8]>, Own>>,
    /// What `pending` held before each change made since the outermost savepoint.
    journal: Vec<(DocumentKey, Option<Arc<Pending>>)>,
    savepoints: Vec<usize>,
    next_sequence: u64,
}

impl WriteSet {
    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    pub(crate) fn get(&self, tablet: TabletId, id: InternalId) -> Option<&Arc<Pending>> {
        self.pending.get(&(tablet, id))
    }

    /// The written documents of one table.
    pub(crate) fn of_table(
        &self,
        tablet: TabletId,
    ) -> impl Iterator<Item = (InternalId, &Arc<Pending>)> {
        self.pending
            .range((tablet, InternalId([0; 16]))..=(tablet, InternalId([0xff; 16])))
            .map(|((_, id), pending)| (*id, pending))
    }

    /// All written documents with their tables.
    pub(crate) fn tablets(&self) -> impl Iterator<Item = (TabletId, &Arc<Pending>)> {
        let pending = self.pending.iter();
        pending.map(|((tablet, _), pending)| (*tablet, pending))
    }

    /// All written documents in the order they were first written.
    pub(crate) fn in_order(&self) -> Vec<(TabletId, InternalId, &Arc<Pending>)> {
        let mut writes: Vec<_> = self
            .pending
            .iter()
            .map(|((tablet, id), pending)| (*tablet, *id, pending))
            .collect();
        writes.sort_by_key(|(_, _, pending)| pending.sequence);
        writes
    }

    /// Buffers a write; `old` is the document as of the snapshot if this is its first write.
    pub(crate) fn put(
        &mut self,
        tablet: TabletId,
        id: InternalId,
        old: Option<Arc<Revision>>,
        new: Option<Arc<Revision>>,
    ) {
        let pending = match self.pending.get(&(tablet, id)) {
            Some(before) => Pending {
                sequence: before.sequence,
                old: before.old.clone(),
                new,
            },
            None => {
                self.next_sequence += 1;
                Pending {
                    sequence: self.next_sequence,
                    old,
                    new,
                }
            }
        };
        self.set((tablet, id), Some(Arc::new(pending)));
    }

    /// Replaces the keys of a written document after its table got another set of indexes.
    pub(crate) fn rekey(&mut self, tablet: TabletId, id: InternalId, rekeyed: Pending) {
        assert!(
            self.pending.contains_key(&(tablet, id)),
            "only a written document has keys to replace"
        );
        self.set((tablet, id), Some(Arc::new(rekeyed)));
    }

    fn set(&mut self, key: DocumentKey, pending: Option<Arc<Pending>>) {
        let before = self.replace(key, pending);
        if !self.savepoints.is_empty() {
            self.journal.push((key, before));
        }
    }

    fn replace(&mut self, key: DocumentKey, pending: Option<Arc<Pending>>) -> Option<Arc<Pending>> {
        let before = match &pending {
            Some(pending) => self.pending.insert(key, pending.clone()),
            None => self.pending.remove(&key),
        };
        if let Some(before) = &before {
            for revision in before.old.iter().chain(&before.new) {
                self.uncover(revision);
            }
        }
        if let Some(pending) = &pending {
            if let Some(old) = &pending.old {
                self.cover(old, Own::Removed);
            }
            if let Some(new) = &pending.new {
                self.cover(new, Own::Present(key.1));
            }
        }
        before
    }

    fn cover(&mut self, revision: &Revision, own: Own) {
        for (index, key) in revision.indexes.iter().zip(&revision.keys) {
            self.overlay
                .entry(index.id)
                .or_default()
                .insert(key.clone(), own);
        }
    }

    fn uncover(&mut self, revision: &Revision) {
        for (index, key) in revision.indexes.iter().zip(&revision.keys) {
            if let Some(keys) = self.overlay.get_mut(&index.id) {
                keys.remove(key);
            }
        }
    }

    /// The nearest own entry of an index inside `range` in the direction of `order`.
    pub(crate) fn next_entry(
        &self,
        index: IndexId,
        range: &KeyRange,
        order: Order,
    ) -> Option<(&[u8], Own)> {
        if range.is_empty() {
            return None;
        }
        let end = range
            .end
            .as_deref()
            .map_or(Bound::Unbounded, Bound::Excluded);
        let mut inside = self
            .overlay
            .get(&index)?
            .range::<[u8], _>((Bound::Included(range.start.as_slice()), end));
        let found = match order {
            Order::Asc => inside.next(),
            Order::Desc => inside.next_back(),
        };
        found.map(|(key, own)| (key.as_ref(), *own))
    }

    /// The same for `by_id`: `range` is over internal ids.
    pub(crate) fn next_document(
        &self,
        tablet: TabletId,
        range: &KeyRange,
        order: Order,
    ) -> Option<(InternalId, Own)> {
        if range.is_empty() {
            return None;
        }
        let start = match id_bound(&range.start) {
            IdBound::At(id) => Bound::Included((tablet, id)),
            IdBound::After(id) => Bound::Excluded((tablet, id)),
        };
        let end = match range.end.as_deref().map(id_bound) {
            None => Bound::Included((tablet, InternalId([0xff; 16]))),
            Some(IdBound::At(id)) => Bound::Excluded((tablet, id)),
            Some(IdBound::After(id)) => Bound::Included((tablet, id)),
        };
        let mut inside = self.pending.range((start, end));
        let found = match order {
            Order::Asc => inside.next(),
            Order::Desc => inside.next_back(),
        };
        found.map(|((_, id), pending)| {
            (
                *id,
                if pending.new.is_some() {
                    Own::Present(*id)
                } else {
                    Own::Removed
                },
            )
        })
    }

    // --- nesting ----------------------------------------------------------------------------

    pub(crate) fn save(&mut self) {
        self.savepoints.push(self.journal.len());
    }

    pub(crate) fn keep(&mut self) {
        self.savepoints.pop().expect("a savepoint is kept once");
        if self.savepoints.is_empty() {
            self.journal.clear();
        }
    }

    pub(crate) fn undo(&mut self) {
        let mark = self.savepoints.pop().expect("a savepoint is undone once");
        while self.journal.len() > mark {
            let (key, before) = self
                .journal
                .pop()
                .expect("the journal is longer than its mark");
            self.replace(key, before);
        }
    }
}

enum IdBound {
    At(InternalId),
    After(InternalId),
}

/// Bounds of internal ids are empty, an id, or something just above an id.
fn id_bound(bytes: &[u8]) -> IdBound {
    let mut id = [0; 16];
    let length = bytes.len().min(16);
    id[..length].copy_from_slice(&bytes[..length]);
    if bytes.len() > 16 {
        IdBound::After(InternalId(id))
    } else {
        IdBound::At(InternalId(id))
    }
}
