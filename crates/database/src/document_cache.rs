//! Newest revisions of documents in memory, within a budget of bytes.
//!
//! Invariant: an entry is the newest published revision of its document, or is about to be: the
//! committer replaces it before it publishes. So an entry that is not later than a snapshot is what
//! that snapshot holds. A reader puts in what it found in storage only while nobody can publish,
//! and only if the write log knows of no write since its snapshot.

use std::sync::Arc;

use lentil_storage::TabletId;
use lentil_values::{InternalId, Timestamp};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::commit::Finished;
use crate::limits::{CACHED_DOCUMENT_BYTES_MAX, CACHED_DOCUMENT_OVERHEAD};
use crate::registry::Table;
use crate::shared::Shared;
use crate::transaction::CommittedRow;

type DocumentKey = (TabletId, InternalId);

/// Counts what an entry costs, in bytes.
#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<DocumentKey, CommittedRow> for ByBytes {
    fn weight(&self, _key: &DocumentKey, row: &CommittedRow) -> u64 {
        (row.1.len() + CACHED_DOCUMENT_OVERHEAD) as u64
    }
}

/// The cache; `None` with a budget of nothing.
pub(crate) struct DocumentCache {
    cache: Option<Cache<DocumentKey, CommittedRow, ByBytes>>,
}

impl DocumentCache {
    pub(crate) fn new(bytes: u64) -> DocumentCache {
        // Documents of a few hundred bytes are the rule; the estimate only sizes tables.
        let items = usize::try_from(bytes / 512).unwrap_or(usize::MAX);
        DocumentCache {
            cache: (bytes > 0).then(|| Cache::with_weighter(items, bytes, ByBytes)),
        }
    }

    /// What a snapshot holds, if it is known.
    pub(crate) fn get(&self, key: &DocumentKey, snapshot: Timestamp) -> Option<CommittedRow> {
        self.cache
            .as_ref()?
            .get(key)
            .filter(|(ts, _)| *ts <= snapshot)
    }

    /// Replaces an entry; the old one is gone even if the new one finds no room.
    fn put(&self, key: DocumentKey, row: Option<(Timestamp, &Arc<str>)>) {
        let Some(cache) = &self.cache else { return };
        cache.remove(&key);
        if let Some((ts, json)) = row
            && json.len() <= CACHED_DOCUMENT_BYTES_MAX
        {
            cache.insert(key, (ts, json.clone()));
        }
    }

    /// Follows a commit; called under the publication lock, before the commit is visible.
    pub(crate) fn follow(&self, finished: &Finished, ts: Timestamp) {
        for write in &finished.writes {
            self.put(
                (write.tablet, write.id),
                write.new.as_ref().map(|revision| (ts, &revision.json)),
            );
        }
    }
}

impl Shared {
    /// A document as of a snapshot that is in use, from memory or from storage.
    pub(crate) fn read_committed(
        &self,
        table: &Table,
        id: InternalId,
        snapshot: Timestamp,
    ) -> Result<Option<CommittedRow>, lentil_storage::StorageError> {
        let key = (table.info.tablet, id);
        if let Some(row) = self.documents.get(&key, snapshot) {
            return Ok(Some(row));
        }
        let Some(row) = self.persistence.get(key.0, id, snapshot)? else {
            return Ok(None);
        };
        assert!(row.ts <= snapshot, "storage answers as of the snapshot");
        let publication = self.publication.lock();
        if publication
            .log
            .is_unwritten(table.info.by_id, &id.0, snapshot)
        {
            self.documents.put(key, Some((row.ts, &row.body)));
        }
        Ok(Some((row.ts, row.body)))
    }
}
