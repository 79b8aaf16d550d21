//! Snapshots that somebody reads page by page: each is kept readable until a while after its last
//! page was asked for.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use lentil_database::{BeginError, Database, IndexQuery, Namespace, Order, Transaction};
use lentil_values::{DocumentId, KeyRange, Object, Timestamp, after_prefix};

use super::selection::Selection;
use super::{PAGE_BYTES, PAGE_DOCUMENTS, read};
use crate::errors::ApiError;

/// How long a snapshot waits for its next page.
const KEPT: Duration = Duration::from_secs(900);
/// Snapshots that are kept; the one that waits longest goes.
const KEPT_MAX: usize = 8;

/// The snapshots that are being read.
#[derive(Default)]
pub(crate) struct StreamingSnapshots {
    kept: Arc<Mutex<Vec<Kept>>>,
}

struct Kept {
    /// Keeps the snapshot in use.
    tx: Transaction,
    used: Instant,
}

/// Some rows of a snapshot.
pub(super) struct Page {
    pub(super) rows: Vec<Row>,
    pub(super) snapshot: Timestamp,
    /// Where the next page begins, if there is one.
    pub(super) cursor: Option<String>,
}

/// A document of a snapshot.
pub(super) struct Row {
    pub(super) table: String,
    pub(super) ts: Timestamp,
    pub(super) fields: Object,
}

impl StreamingSnapshots {
    /// The page behind a cursor, or the first. Blocks.
    pub(super) fn page(
        &self,
        database: &Database,
        snapshot: Option<Timestamp>,
        cursor: Option<&str>,
        selection: &Selection,
    ) -> Result<Page, ApiError> {
        let mut tx = match snapshot {
            None => database.begin(),
            Some(snapshot) => self.begin_at(database, snapshot)?,
        };
        tx.lift_limits();
        let from = cursor.map(read_cursor).transpose()?;
        let mut page = Page {
            rows: Vec::new(),
            snapshot: tx.snapshot(),
            cursor: None,
        };
        let mut bytes = 0;
        for table in tx.tables(Namespace::ROOT) {
            let name = table.name;
            if name.starts_with('_') || !selection.has(&name) {
                continue;
            }
            let start = match &from {
                Some((before, _)) if name < *before => continue,
                Some((before, key)) if name == *before => after_prefix(key).unwrap_or_default(),
                _ => Vec::new(),
            };
            let rows = tx.query(IndexQuery {
                namespace: Namespace::ROOT,
                table: name.clone(),
                index: "by_id".to_owned(),
                range: KeyRange { start, end: None },
                order: Order::Asc,
            });
            let mut rows = rows.map_err(|error| ApiError::internal(&error))?;
            while let Some((key, document)) = rows
                .next(&mut tx)
                .map_err(|error| ApiError::internal(&error))?
            {
                bytes += document.json.len();
                let ts = committed(&mut tx, document.id)?;
                let fields = selection.columns(&name, read(&document.json)?);
                let table = name.clone();
                page.rows.push(Row { table, ts, fields });
                if page.rows.len() == PAGE_DOCUMENTS || bytes >= PAGE_BYTES {
                    page.cursor = Some(format!("{name}:{}", hex::encode(key)));
                    self.keep(tx);
                    return Ok(page);
                }
            }
        }
        Ok(page)
    }

    fn begin_at(&self, database: &Database, snapshot: Timestamp) -> Result<Transaction, ApiError> {
        let mut kept = locked(&self.kept);
        if let Some(kept) = kept.iter_mut().find(|kept| kept.tx.snapshot() == snapshot) {
            kept.used = Instant::now();
            return Ok(kept.tx.fresh());
        }
        drop(kept);
        database.begin_at(snapshot).map_err(|error| match error {
            BeginError::Storage(error) => ApiError::internal(&error),
            error => ApiError::bad_request(
                "InvalidListSnapshotCursor",
                format!(
                    "`snapshot` cannot be read any more: {error}; begin again without `snapshot` and `cursor`"
                ),
            ),
        })
    }

    fn keep(&self, tx: Transaction) {
        let mut kept = locked(&self.kept);
        let snapshot = tx.snapshot();
        if kept.iter().any(|kept| kept.tx.snapshot() == snapshot) {
            return;
        }
        if kept.len() == KEPT_MAX {
            let oldest = (0..kept.len()).min_by_key(|n| kept[*n].used);
            oldest.map(|oldest| kept.swap_remove(oldest));
        }
        // Not what it has read, which it would remember.
        let tx = tx.fresh();
        kept.push(Kept {
            tx,
            used: Instant::now(),
        });
        let forgetting = forget_when_idle(self.kept.clone(), snapshot);
        tokio::runtime::Handle::current().spawn(forgetting);
    }
}

fn locked(kept: &Mutex<Vec<Kept>>) -> MutexGuard<'_, Vec<Kept>> {
    kept.lock().expect("nobody panics while holding it")
}

/// Lets a snapshot go once nobody has asked for a page of it for long: retention waits for it.
async fn forget_when_idle(kept: Arc<Mutex<Vec<Kept>>>, snapshot: Timestamp) {
    loop {
        let idle = {
            let mut kept = locked(&kept);
            let Some(at) = kept.iter().position(|kept| kept.tx.snapshot() == snapshot) else {
                return;
            };
            let idle = kept[at].used.elapsed();
            if idle >= KEPT {
                kept.swap_remove(at);
                return;
            }
            idle
        };
        tokio::time::sleep(KEPT - idle).await;
    }
}

fn committed(tx: &mut Transaction, id: DocumentId) -> Result<Timestamp, ApiError> {
    let ts = tx.revision_ts(Namespace::ROOT, id);
    let ts = ts.map_err(|error| ApiError::internal(&error))?;
    ts.ok_or_else(|| ApiError::internal(&"a document that was just read has no timestamp"))
}

/// A table's name and a key in it.
fn read_cursor(cursor: &str) -> Result<(String, Vec<u8>), ApiError> {
    let read = cursor
        .split_once(':')
        .and_then(|(table, key)| Some((table.to_owned(), hex::decode(key).ok()?)));
    read.ok_or_else(|| {
        ApiError::bad_request(
            "InvalidListSnapshotCursor",
            "`cursor` is not what an earlier page gave",
        )
    })
}
