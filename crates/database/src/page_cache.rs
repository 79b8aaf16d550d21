//! First pages of index ranges in memory, within a budget of bytes: when one commit makes a
//! thousand queries run again over the same range, storage reads it once.
//!
//! Invariant: a page is what storage holds in what the page covers at every snapshot from `from`
//! to `until`. A page begins with the snapshot at which it was read; `until` moves on when the
//! write log, under the lock of publication, knows of no write in between. Nothing is ever changed
//! in a page: after a few writes whoever asks next makes another of it, with the documents that
//! the write log names, which are in memory as well; after more it is read again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lentil_storage::{IndexId, IndexScan, Order, StorageError, TableScan};
use lentil_values::{IndexKey, InternalId, KeyRange, Timestamp};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::cursor::Target;
use crate::limits::{CACHED_PAGE_BYTES_MAX, CACHED_PAGE_OVERHEAD, CACHED_ROW_OVERHEAD};
use crate::read_set::after;
use crate::shared::Shared;
use crate::write_log::Written;

/// A row of storage.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) key: IndexKey,
    pub(crate) id: InternalId,
    pub(crate) ts: Timestamp,
    pub(crate) json: Arc<str>,
}

/// Rows in the order of a scan.
pub(crate) type Page = Arc<[Row]>;

/// What was asked of storage, but for the snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PageOf {
    pub(crate) index: IndexId,
    pub(crate) range: KeyRange,
    pub(crate) descending: bool,
    pub(crate) limit: usize,
}

impl PageOf {
    fn order(&self) -> Order {
        match self.descending {
            true => Order::Desc,
            false => Order::Asc,
        }
    }

    /// The keys about which a page says everything: up to its last one, if it is full.
    fn covered(&self, page: &Page) -> KeyRange {
        let KeyRange { start, end } = self.range.clone();
        match page.last() {
            Some(last) if page.len() >= self.limit && self.descending => KeyRange {
                start: last.key.clone(),
                end,
            },
            Some(last) if page.len() >= self.limit => KeyRange {
                start,
                end: Some(after(&last.key)),
            },
            _ => KeyRange { start, end },
        }
    }

    /// A page with some keys changed, each to a row or to nothing; `None` if it would need rows
    /// that lie behind the old one.
    fn changed(&self, page: &Page, changes: &BTreeMap<Arc<[u8]>, Option<Row>>) -> Option<Page> {
        let unchanged = page.iter().filter(|row| !changes.contains_key(&*row.key));
        let changed = changes.values().flatten();
        let mut rows: Vec<Row> = unchanged.chain(changed).cloned().collect();
        match self.descending {
            true => rows.sort_by(|a, b| b.key.cmp(&a.key)),
            false => rows.sort_by(|a, b| a.key.cmp(&b.key)),
        }
        let was_full = page.len() >= self.limit;
        if was_full && rows.len() < self.limit {
            return None;
        }
        rows.truncate(self.limit);
        Some(rows.into())
    }
}

struct Kept {
    page: Page,
    covered: KeyRange,
    from: Timestamp,
    until: AtomicU64,
}

impl Kept {
    fn until(&self) -> Timestamp {
        // Every value it ever has is true, and the page itself does not change.
        Timestamp(self.until.load(Ordering::Relaxed))
    }
}

/// Counts what a page costs, in bytes.
#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<PageOf, Arc<Kept>> for ByBytes {
    fn weight(&self, of: &PageOf, kept: &Arc<Kept>) -> u64 {
        (bytes_of(&kept.page) + of.range.start.len() + CACHED_PAGE_OVERHEAD) as u64
    }
}

fn bytes_of(page: &Page) -> usize {
    page.iter()
        .map(|row| row.json.len() + row.key.len() + CACHED_ROW_OVERHEAD)
        .sum()
}

/// The cache; `None` with a budget of nothing.
pub(crate) struct PageCache {
    cache: Option<Cache<PageOf, Arc<Kept>, ByBytes>>,
}

impl PageCache {
    pub(crate) fn new(bytes: u64) -> PageCache {
        // Pages of some kilobytes are the rule; the estimate only sizes tables.
        let items = usize::try_from(bytes / 4096).unwrap_or(usize::MAX);
        PageCache {
            cache: (bytes > 0).then(|| Cache::with_weighter(items, bytes, ByBytes)),
        }
    }

    /// Keeps a page that holds from one snapshot to another, unless it is large or a later one is
    /// there.
    fn put(&self, of: PageOf, page: &Page, from: Timestamp, until: Timestamp) {
        let Some(cache) = &self.cache else { return };
        let later = cache.peek(&of).is_some_and(|kept| kept.from > from);
        if later || bytes_of(page) > CACHED_PAGE_BYTES_MAX {
            return;
        }
        let kept = Kept {
            covered: of.covered(page),
            page: page.clone(),
            from,
            until: AtomicU64::new(until.0),
        };
        cache.insert(of, Arc::new(kept));
    }
}

impl Shared {
    /// A page as of a snapshot that is in use, from memory or from storage.
    pub(crate) fn read_page(
        &self,
        target: &Target,
        of: PageOf,
        snapshot: Timestamp,
    ) -> Result<Page, StorageError> {
        if let Some(page) = self.kept_page(target, &of, snapshot) {
            return Ok(page);
        }
        let page = self.scan_page(target, &of, snapshot)?;
        self.pages.put(of, &page, snapshot, snapshot);
        Ok(page)
    }

    fn kept_page(&self, target: &Target, of: &PageOf, snapshot: Timestamp) -> Option<Page> {
        let kept = self.pages.cache.as_ref()?.get(of)?;
        let until = kept.until();
        if kept.from <= snapshot && snapshot <= until {
            return Some(kept.page.clone());
        }
        let (written, newest) = {
            let publication = self.publication.lock();
            let since = until.min(snapshot);
            let written = publication.log.written_in(of.index, &kept.covered, since)?;
            (written, self.published.load().ts)
        };
        if written.is_empty() {
            kept.until.fetch_max(newest.0, Ordering::Relaxed);
            return Some(kept.page.clone());
        }
        // A page that is too new cannot be made older, nor one that has been written since.
        if snapshot < until || written.iter().any(|(_, written)| written.ts > snapshot) {
            return None;
        }
        let row = |(key, written): (Arc<[u8]>, Written)| {
            let row = match written.now {
                Some(id) => Some(self.written_row(target, &key, id, written.ts)?),
                None => None,
            };
            Some((key, row))
        };
        let changes = written.into_iter().map(row).collect::<Option<_>>()?;
        let page = of.changed(&kept.page, &changes)?;
        // What it covers is part of what the old one covered, in which nothing is newer.
        self.pages.put(of.clone(), &page, snapshot, newest);
        Some(page)
    }

    /// A row as a commit has left it, if that document is in memory.
    fn written_row(
        &self,
        target: &Target,
        key: &Arc<[u8]>,
        id: InternalId,
        written: Timestamp,
    ) -> Option<Row> {
        let (ts, json) = self.documents.get(&(target.tablet, id), written)?;
        (ts == written).then(|| Row {
            key: key.to_vec(),
            id,
            ts,
            json,
        })
    }

    /// A page from storage.
    pub(crate) fn scan_page(
        &self,
        target: &Target,
        of: &PageOf,
        at: Timestamp,
    ) -> Result<Page, StorageError> {
        let (range, order, limit) = (of.range.clone(), of.order(), of.limit);
        let (index, tablet) = (target.index, target.tablet);
        if target.by_id {
            let scan = TableScan {
                tablet,
                range,
                order,
                at,
                limit,
            };
            let rows = self.persistence.scan_table(&scan)?.into_iter();
            let rows = rows.map(|row| Row {
                key: row.id.0.to_vec(),
                id: row.id,
                ts: row.ts,
                json: row.body,
            });
            return Ok(rows.collect());
        }
        let scan = IndexScan {
            index,
            tablet,
            range,
            order,
            at,
            limit,
        };
        let rows = self.persistence.scan_index(&scan)?.into_iter();
        let rows = rows.map(|row| Row {
            key: row.key,
            id: row.document.id,
            ts: row.document.ts,
            json: row.document.body,
        });
        Ok(rows.collect())
    }
}
