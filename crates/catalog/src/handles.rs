//! Function handles: an id for each function that was ever pushed (function-runtime 11.4).

use std::collections::HashMap;

use lentil_database::{Namespace, Transaction};
use lentil_values::DocumentId;

use crate::row::{Row, fields, rows_by, text};
use crate::{CatalogError, SystemTable};

const TABLE: SystemTable = SystemTable::FunctionHandles;

/// The rows of function handles. They are never removed: a handle of a function that is gone
/// names nothing, and names the function again if it comes back.
#[derive(Debug)]
pub struct FunctionHandles;

impl FunctionHandles {
    /// The ids of all functions that were ever pushed, by `module.js:function`.
    pub fn all(tx: &mut Transaction) -> Result<HashMap<String, DocumentId>, CatalogError> {
        let read = |document: &lentil_database::Document| {
            Ok((Row::parse(TABLE, document)?.text("path")?, document.id))
        };
        rows_by(tx, TABLE, "by_path", &[])?
            .iter()
            .map(read)
            .collect()
    }

    /// The same, after those of these paths that have none got one.
    pub fn ensure(
        tx: &mut Transaction,
        paths: impl IntoIterator<Item = String>,
    ) -> Result<HashMap<String, DocumentId>, CatalogError> {
        let mut ids = FunctionHandles::all(tx)?;
        for path in paths {
            if ids.contains_key(&path) {
                continue;
            }
            let row = fields([("path", text(&path))]);
            let id = tx.insert(Namespace::ROOT, TABLE.name(), row)?;
            ids.insert(path, id);
        }
        Ok(ids)
    }
}
