//! Names that files had where they came from. Apps see `_storage` as Convex gives it, which has no
//! place for a name; only dashboards read these.

use lentil_database::{Namespace, Transaction};
use lentil_values::{DocumentId, Value};

use crate::row::{Row, fields, rows_by, text};
use crate::{CatalogError, SystemTable};

const TABLE: SystemTable = SystemTable::FileNames;

/// The name of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName {
    /// Its row.
    row: DocumentId,
    /// The name.
    pub name: String,
}

impl FileName {
    /// The name of a file, if it has one.
    pub fn of(tx: &mut Transaction, file: DocumentId) -> Result<Option<FileName>, CatalogError> {
        let rows = rows_by(
            tx,
            Namespace::ROOT,
            TABLE,
            "by_file",
            &[Value::String(file.to_string())],
        )?;
        let Some(document) = rows.first() else {
            return Ok(None);
        };
        Ok(Some(FileName {
            row: document.id,
            name: Row::parse(TABLE, document)?.text("name")?,
        }))
    }

    /// Gives a file a name.
    pub fn set(tx: &mut Transaction, file: DocumentId, name: &str) -> Result<(), CatalogError> {
        FileName::forget(tx, file)?;
        let row = fields([("file", text(&file.to_string())), ("name", text(name))]);
        tx.insert(Namespace::ROOT, TABLE.name(), row)?;
        Ok(())
    }

    /// Forgets the name of a file that is gone.
    pub fn forget(tx: &mut Transaction, file: DocumentId) -> Result<(), CatalogError> {
        if let Some(known) = FileName::of(tx, file)? {
            tx.delete(Namespace::ROOT, known.row)?;
        }
        Ok(())
    }
}
