//! Snapshots that somebody reads page by page: each is kept readable until a while after its last
//! page was asked for.

use std::cmp::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use lentil_catalog::{ComponentPath, Components};
use lentil_database::{BeginError, Database, IndexQuery, Namespace, Order, TableInfo, Transaction};
use lentil_values::{DocumentId, KeyRange, Object, Timestamp, after_prefix};

use super::selection::Selection;
use super::{PAGE_BYTES, PAGE_DOCUMENTS, TableAt, read};
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
    pub(super) component: ComponentPath,
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
        let from = cursor.map(Cursor::read).transpose()?;
        let mut page = Page {
            rows: Vec::new(),
            snapshot: tx.snapshot(),
            cursor: None,
        };
        let components = Components::load(&mut tx).map_err(|error| ApiError::internal(&error))?;
        selection.check(&components)?;
        let mut bytes = 0;
        for component in components.shown() {
            let (namespace, path) = (component.namespace, component.path.0.as_str());
            for TableInfo { name, .. } in tx.tables(namespace) {
                if name.starts_with('_') || !selection.has((path, &name)) {
                    continue;
                }
                let start = match &from {
                    Some(from) => match from.start_in((path, &name)) {
                        Some(start) => start,
                        None => continue,
                    },
                    None => Vec::new(),
                };
                let rows = tx.query(IndexQuery {
                    namespace,
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
                    page.rows.push(Row {
                        component: component.path.clone(),
                        table: name.clone(),
                        ts: committed(&mut tx, namespace, document.id)?,
                        fields: selection.columns((path, &name), read(&document.json)?),
                    });
                    if page.rows.len() == PAGE_DOCUMENTS || bytes >= PAGE_BYTES {
                        page.cursor = Some(Cursor::text((path, &name), &key));
                        self.keep(tx);
                        return Ok(page);
                    }
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

fn committed(
    tx: &mut Transaction,
    namespace: Namespace,
    id: DocumentId,
) -> Result<Timestamp, ApiError> {
    let ts = tx.revision_ts(namespace, id);
    let ts = ts.map_err(|error| ApiError::internal(&error))?;
    ts.ok_or_else(|| ApiError::internal(&"a document that was just read has no timestamp"))
}

/// Behind which document a page begins: tables are read by component and name.
#[derive(Debug, PartialEq, Eq)]
struct Cursor {
    component: String,
    table: String,
    key: Vec<u8>,
}

impl Cursor {
    fn text((component, table): TableAt, key: &[u8]) -> String {
        let key = hex::encode(key);
        match component {
            "" => format!("{table}:{key}"),
            component => format!("{component}:{table}:{key}"),
        }
    }

    fn read(text: &str) -> Result<Cursor, ApiError> {
        let read = || {
            let (place, key) = text.rsplit_once(':')?;
            let (component, table) = place.split_once(':').unwrap_or(("", place));
            Some(Cursor {
                component: component.to_owned(),
                table: table.to_owned(),
                key: hex::decode(key).ok()?,
            })
        };
        read().ok_or_else(|| {
            ApiError::bad_request(
                "InvalidListSnapshotCursor",
                "`cursor` is not what an earlier page gave",
            )
        })
    }

    /// From which key on a table is read; `None` for one that has been.
    fn start_in(&self, place: TableAt) -> Option<Vec<u8>> {
        match place.cmp(&(self.component.as_str(), self.table.as_str())) {
            Ordering::Less => None,
            Ordering::Equal => Some(after_prefix(&self.key).unwrap_or_default()),
            Ordering::Greater => Some(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_as_they_were_written() {
        for component in ["", "a", "a/b"] {
            let text = Cursor::text((component, "t"), &[1, 255]);
            let read = Cursor::read(&text).expect("a cursor");
            let expected = (component, "t", [1, 255].as_slice());
            assert_eq!(
                (
                    read.component.as_str(),
                    read.table.as_str(),
                    read.key.as_slice()
                ),
                expected
            );
            assert_eq!(read.start_in((component, "s")), None);
            assert_eq!(read.start_in((component, "u")), Some(vec![]));
            assert_eq!(read.start_in(("b", "a")), Some(vec![]));
        }
        for wrong in ["", "t", "t:xyz", "a:t:1"] {
            assert!(Cursor::read(wrong).is_err(), "{wrong:?}");
        }
    }
}
