//! What was written after a moment, in the order of commits: for whoever keeps a copy elsewhere.

use std::sync::Arc;

use lentil_storage::{LogRow, Order, StorageError, TableScan};
use lentil_values::{DocumentId, KeyRange, Timestamp};

use crate::catalog_key::TABLES_TABLET;
use crate::definition::Definition;
use crate::registry::Registry;
use crate::shared::parse;
use crate::{Database, Namespace, TableInfo};

/// Rows of the log that are read at once: nothing is known of their size.
const STEP_ROWS: usize = 128;

/// One document was written or deleted.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its table.
    pub table: Arc<TableInfo>,
    /// Which.
    pub id: DocumentId,
    /// When.
    pub ts: Timestamp,
    /// What it is since; `None` = deleted.
    pub json: Option<Arc<str>>,
}

/// A page of changes.
#[derive(Clone, Debug)]
pub struct Changes {
    /// Oldest first.
    pub changes: Vec<Change>,
    /// Where the next page begins.
    pub until: Timestamp,
    /// Whether there is more already.
    pub more: bool,
}

/// Why changes cannot be told.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangesError {
    /// It lies in the future.
    #[error("the timestamp {0} is later than the newest commit")]
    Future(u64),
    /// Deletions since then may be forgotten.
    #[error("what was deleted since the timestamp {0} is not known any more")]
    Forgotten(u64),
    /// All documents of a table have come or gone at once.
    #[error("the table {0:?} was dropped or replaced as a whole")]
    Replaced(String),
    /// Storage refuses.
    #[error("{0}")]
    Storage(StorageError),
}

impl Database {
    /// Changes of documents behind `after` in the namespaces that are wanted: at least one page of at
    /// most about so many documents and bytes. System tables are left out. Blocks.
    pub fn changes_after(
        &self,
        wanted: impl Fn(Namespace) -> bool,
        after: Timestamp,
        documents: usize,
        bytes: usize,
    ) -> Result<Changes, ChangesError> {
        let shared = self.shared();
        let (latest, registry) = {
            let published = shared.published.load();
            (published.ts, published.registry.clone())
        };
        if after > latest {
            return Err(ChangesError::Future(after.0));
        }
        // In use until the end, so that nothing behind it is forgotten meanwhile.
        let guard = shared.snapshots.take_retained(after);
        let _guard = guard.ok_or(ChangesError::Forgotten(after.0))?;
        self.check_retained(after)?;
        let mut page = Changes {
            changes: Vec::new(),
            until: after,
            more: true,
        };
        let mut size = 0;
        while page.more && page.changes.len() < documents && size < bytes {
            let rows = shared
                .persistence
                .read_log(page.until, latest, STEP_ROWS)
                .map_err(ChangesError::Storage)?;
            page.more = rows.len() >= STEP_ROWS;
            page.until = match rows.last() {
                Some(last) if page.more => last.ts,
                _ => latest,
            };
            for row in rows {
                size += row.body.as_ref().map_or(0, |body| body.len());
                if let Some(name) = self.replaced_table(&wanted, &row)? {
                    return Err(ChangesError::Replaced(name));
                }
                page.changes.extend(change(&registry, &wanted, row));
            }
        }
        page.more &= page.until < latest;
        Ok(page)
    }

    /// After a start only storage knows what it has forgotten.
    fn check_retained(&self, at: Timestamp) -> Result<(), ChangesError> {
        let scan = TableScan {
            tablet: TABLES_TABLET,
            range: KeyRange::all(),
            order: Order::Asc,
            at,
            limit: 1,
        };
        match self.shared().persistence.scan_table(&scan) {
            Ok(_) => Ok(()),
            Err(StorageError::Pruned(_)) => Err(ChangesError::Forgotten(at.0)),
            Err(error) => Err(ChangesError::Storage(error)),
        }
    }

    /// The name of a user table of such a namespace that this row drops, or puts there as it is.
    fn replaced_table(
        &self,
        wanted: &impl Fn(Namespace) -> bool,
        row: &LogRow,
    ) -> Result<Option<String>, ChangesError> {
        let Some(body) = row.body.as_ref().filter(|_| row.tablet == TABLES_TABLET) else {
            return Ok(None);
        };
        let fields = parse(body).map_err(ChangesError::Storage)?;
        let Ok(Definition::Table(table)) = Definition::read(row.tablet, &fields) else {
            return Ok(None);
        };
        if !wanted(table.namespace) || table.name.starts_with('_') {
            return Ok(None);
        }
        // A table that is created comes empty; what it is given is told row by row.
        let before = Timestamp(row.ts.0 - 1);
        let was = self.shared().persistence.get(row.tablet, row.id, before);
        let was = was.map_err(ChangesError::Storage)?;
        Ok(was.map(|_| table.name))
    }
}

fn change(registry: &Registry, wanted: &impl Fn(Namespace) -> bool, row: LogRow) -> Option<Change> {
    let table = registry.table(row.tablet)?.info.clone();
    if !wanted(table.namespace) || table.name.starts_with('_') {
        return None;
    }
    let id = DocumentId {
        table: table.number,
        internal: row.id,
    };
    Some(Change {
        table,
        id,
        ts: row.ts,
        json: row.body,
    })
}
