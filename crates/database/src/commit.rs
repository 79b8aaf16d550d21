//! What a transaction hands to the committer, and what a write does to the indexes.

use std::sync::Arc;

use lentil_storage::{IndexId, TabletId};
use lentil_values::{InternalId, Timestamp, is_unresolved, resolve_commit_ts};

use crate::catalog_key::{self, CATALOG, INDEXES_TABLET, TABLES_TABLET};
use crate::ddl::rekey;
use crate::definition::Definition;
use crate::index_key::keys_of;
use crate::registry::{IndexSet, Registry};
use crate::shared::parse;
use crate::snapshots::SnapshotGuard;
use crate::write_log::Touch;
use crate::write_set::Revision;
use crate::{ReadSet, Source, Transaction, TransactionError};

/// One document to be written.
pub(crate) struct Write {
    pub(crate) tablet: TabletId,
    pub(crate) id: InternalId,
    pub(crate) old: Option<Arc<Revision>>,
    pub(crate) new: Option<Arc<Revision>>,
}

/// An index entry that comes (`Some`) or goes.
pub(crate) struct EntryChange {
    pub(crate) index: IndexId,
    pub(crate) key: Arc<[u8]>,
    pub(crate) id: Option<InternalId>,
}

/// What the writes of one transaction do to the indexes of one registry.
#[derive(Default)]
pub(crate) struct Effects {
    pub(crate) touches: Vec<Touch>,
    pub(crate) entries: Vec<EntryChange>,
    /// The indexes this was computed for, by table.
    sets: Vec<(TabletId, Arc<IndexSet>)>,
}

/// A finished transaction that wrote something.
pub(crate) struct Finished {
    /// Holds the snapshot, and with it the part of the write log that validation needs.
    pub(crate) guard: SnapshotGuard,
    pub(crate) reads: ReadSet,
    pub(crate) writes: Vec<Write>,
    /// Changed definitions, tables first; `None` = the document is removed.
    pub(crate) definitions: Vec<(InternalId, Option<Definition>)>,
    pub(crate) effects: Effects,
    /// Whether a document holds the placeholder of the commit's timestamp.
    pub(crate) unresolved: bool,
    /// Who made it, if that was said.
    pub(crate) source: Option<Arc<Source>>,
}

impl Finished {
    /// Puts the commit's timestamp where its placeholder stands in documents and index keys; every
    /// written table must be in the registry.
    pub(crate) fn resolve(
        &mut self,
        ts: Timestamp,
        registry: &Registry,
    ) -> Result<(), TransactionError> {
        for write in &mut self.writes {
            let Some(new) = write.new.as_deref().filter(|new| is_unresolved(&new.json)) else {
                continue;
            };
            let table = registry
                .table(write.tablet)
                .expect("only writes to live tables are committed");
            let json = resolve_commit_ts(&new.json, ts);
            let fields = parse(&json)?;
            write.new = Some(Arc::new(Revision {
                json: json.into(),
                indexes: table.indexes.clone(),
                keys: keys_of(&table.indexes, &fields),
            }));
        }
        self.effects = Effects::of(&self.writes, registry)?;
        self.unresolved = false;
        Ok(())
    }

    pub(crate) fn snapshot(&self) -> Timestamp {
        self.guard.snapshot
    }
}

impl Transaction {
    /// Ends the transaction; `Err` with its snapshot if there is nothing to write.
    pub(crate) fn finish(self) -> Result<Result<Finished, Timestamp>, TransactionError> {
        tracing::trace!(target: "lentil::station", number = 7);
        let mut writes = Vec::new();
        for (tablet, id, pending) in self.writes.in_order() {
            let unchanged = match (&pending.old, &pending.new) {
                (None, None) => true,
                (Some(old), Some(new)) => old.json == new.json,
                _ => false,
            };
            // What was written to a table that this transaction went on to drop is gone with it.
            if !unchanged && self.registry.table(tablet).is_some() {
                writes.push(Write {
                    tablet,
                    id,
                    old: pending.old.clone(),
                    new: pending.new.clone(),
                });
            }
        }
        if writes.is_empty() {
            return Ok(Err(self.guard.snapshot));
        }
        let definitions = definitions(&writes);
        let effects = Effects::of(&writes, &self.registry)?;
        let unresolved = |write: &Write| {
            let new = write.new.as_deref();
            new.is_some_and(|new| is_unresolved(&new.json))
        };
        Ok(Ok(Finished {
            unresolved: writes.iter().any(unresolved),
            guard: self.guard,
            reads: self.reads,
            writes,
            definitions,
            effects,
            source: self.source,
        }))
    }
}

fn definitions(writes: &[Write]) -> Vec<(InternalId, Option<Definition>)> {
    let mut changed = Vec::new();
    for tablet in [TABLES_TABLET, INDEXES_TABLET] {
        for write in writes.iter().filter(|write| write.tablet == tablet) {
            let new = write
                .new
                .as_deref()
                .map(|new| Registry::read_revision(tablet, new));
            changed.push((write.id, new));
        }
    }
    changed
}

impl Effects {
    /// Computes what the writes do; every written table must be in the registry.
    pub(crate) fn of(writes: &[Write], registry: &Registry) -> Result<Effects, TransactionError> {
        let mut effects = Effects::default();
        for write in writes {
            effects.add(write, registry)?;
        }
        Ok(effects)
    }

    /// Whether this holds for the registry too. `None` if a written table is not in it.
    pub(crate) fn hold_for(&self, registry: &Registry) -> Option<bool> {
        let mut hold = true;
        for (tablet, set) in &self.sets {
            hold &= same_indexes(&registry.table(*tablet)?.indexes, set);
        }
        Some(hold)
    }

    fn add(&mut self, write: &Write, registry: &Registry) -> Result<(), TransactionError> {
        let table = registry
            .table(write.tablet)
            .expect("only writes to live tables have effects");
        if !self.sets.iter().any(|(tablet, _)| *tablet == write.tablet) {
            self.sets.push((write.tablet, table.indexes.clone()));
        }
        self.touches.push(Touch {
            index: table.info.by_id,
            key: write.id.0.as_slice().into(),
            now: write.new.as_ref().map(|_| write.id),
        });
        let keyed = |revision: &Option<Arc<Revision>>| match revision {
            Some(revision) if same_indexes(&revision.indexes, &table.indexes) => {
                Ok(Some(revision.clone()))
            }
            Some(revision) => rekey(revision, table).map(Some),
            None => Ok(None),
        };
        let (old, new) = (keyed(&write.old)?, keyed(&write.new)?);
        for (position, index) in table.indexes.iter().enumerate() {
            let key_of = |revision: &Option<Arc<Revision>>| {
                revision.as_ref().map(|r| r.keys[position].clone())
            };
            self.add_keys(index.id, key_of(&old), key_of(&new), write.id);
        }
        if write.tablet == TABLES_TABLET || write.tablet == INDEXES_TABLET {
            for revision in [&write.old, &write.new].into_iter().flatten() {
                let definition = Registry::read_revision(write.tablet, revision);
                catalog_key::of_definition(&definition, |key| {
                    self.touches.push(Touch {
                        index: CATALOG,
                        key: key.into(),
                        // There are no rows behind these keys.
                        now: None,
                    });
                });
            }
        }
        Ok(())
    }

    /// Both keys count as written, moved or not; entries are written only where a key moved.
    fn add_keys(
        &mut self,
        index: IndexId,
        old: Option<Arc<[u8]>>,
        new: Option<Arc<[u8]>>,
        id: InternalId,
    ) {
        let moved = old != new;
        if let Some(old) = old {
            if moved {
                self.entries.push(EntryChange {
                    index,
                    key: old.clone(),
                    id: None,
                });
            }
            self.touches.push(Touch {
                index,
                key: old,
                now: (!moved).then_some(id),
            });
            if !moved {
                return;
            }
        }
        if let Some(new) = new {
            self.entries.push(EntryChange {
                index,
                key: new.clone(),
                id: Some(id),
            });
            self.touches.push(Touch {
                index,
                key: new,
                now: Some(id),
            });
        }
    }
}

/// Whether keys for one set are keys for the other. An index never changes its fields, so its
/// number says it all.
fn same_indexes(left: &Arc<IndexSet>, right: &Arc<IndexSet>) -> bool {
    Arc::ptr_eq(left, right)
        || (left.len() == right.len()
            && left
                .iter()
                .zip(right.iter())
                .all(|(left, right)| left.id == right.id))
}
