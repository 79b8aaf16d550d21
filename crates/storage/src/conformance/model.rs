//! The naive model: every revision in a list, every question answered by looking at all of them.

use std::collections::BTreeMap;

use lentil_values::{IndexKey, InternalId, KeyRange, Timestamp};

use crate::{Batch, DocumentRow, DocumentWrite, EntryWrite, IndexId, LogRow, Order, TabletId};

/// All that was ever appended.
#[derive(Default)]
pub(super) struct Model {
    documents: Vec<DocumentWrite>,
    entries: Vec<EntryWrite>,
}

impl Model {
    pub(super) fn append(&mut self, batch: &Batch) {
        self.documents.extend(batch.documents.iter().cloned());
        self.entries.extend(batch.entries.iter().cloned());
    }

    pub(super) fn get(
        &self,
        tablet: TabletId,
        id: InternalId,
        at: Timestamp,
    ) -> Option<DocumentRow> {
        self.table(tablet, at).remove(id.0.as_slice())
    }

    /// Live documents by id.
    fn table(&self, tablet: TabletId, at: Timestamp) -> BTreeMap<Vec<u8>, DocumentRow> {
        let mut live = BTreeMap::new();
        for write in self
            .documents
            .iter()
            .filter(|write| write.tablet == tablet && write.ts <= at)
        {
            let key = write.id.0.to_vec();
            match &write.body {
                Some(body) => {
                    live.insert(
                        key,
                        DocumentRow {
                            id: write.id,
                            ts: write.ts,
                            body: body.clone(),
                        },
                    );
                }
                None => {
                    live.remove(&key);
                }
            }
        }
        live
    }

    pub(super) fn scan_table(
        &self,
        tablet: TabletId,
        range: &KeyRange,
        order: Order,
        at: Timestamp,
        limit: usize,
    ) -> Vec<DocumentRow> {
        page(self.table(tablet, at), range, order, limit)
            .into_iter()
            .map(|(_, row)| row)
            .collect()
    }

    pub(super) fn scan_index(
        &self,
        (index, tablet): (IndexId, TabletId),
        range: &KeyRange,
        order: Order,
        at: Timestamp,
        limit: usize,
    ) -> Vec<(IndexKey, DocumentRow)> {
        let documents = self.table(tablet, at);
        let mut newest: BTreeMap<IndexKey, (Timestamp, Option<InternalId>)> = BTreeMap::new();
        for write in self
            .entries
            .iter()
            .filter(|write| write.index == index && write.ts <= at)
        {
            let known = newest
                .entry(write.key.clone())
                .or_insert((write.ts, write.id));
            if known.0 <= write.ts {
                *known = (write.ts, write.id);
            }
        }
        let live = newest
            .into_iter()
            .filter_map(|(key, (_, id))| {
                let document = documents
                    .get(id?.0.as_slice())
                    .expect("the history has no dangling entries");
                Some((key, document.clone()))
            })
            .collect();
        page(live, range, order, limit)
    }

    /// The log between two timestamps, as it is if nothing was pruned.
    pub(super) fn log(&self, after: Timestamp, until: Timestamp) -> Vec<LogRow> {
        let inside = self
            .documents
            .iter()
            .filter(|write| after < write.ts && write.ts <= until);
        inside
            .map(|write| LogRow {
                tablet: write.tablet,
                id: write.id,
                ts: write.ts,
                body: write.body.clone(),
            })
            .collect()
    }

    /// Revisions that a snapshot at or after `horizon` can see, or that are later than it.
    pub(super) fn needed(&self, horizon: Timestamp) -> u64 {
        let later = self
            .documents
            .iter()
            .filter(|write| write.ts > horizon)
            .count();
        let mut tablets: Vec<TabletId> = self.documents.iter().map(|write| write.tablet).collect();
        tablets.sort();
        tablets.dedup();
        let live: usize = tablets
            .into_iter()
            .map(|tablet| self.table(tablet, horizon).len())
            .sum();
        (later + live) as u64
    }
}

fn page<T>(
    live: BTreeMap<Vec<u8>, T>,
    range: &KeyRange,
    order: Order,
    limit: usize,
) -> Vec<(Vec<u8>, T)> {
    let mut inside: Vec<(Vec<u8>, T)> = live
        .into_iter()
        .filter(|(key, _)| range.contains(key))
        .collect();
    if order == Order::Desc {
        inside.reverse();
    }
    inside.truncate(limit);
    inside
}
