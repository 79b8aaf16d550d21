//! Function handles: an id for each function that was ever pushed (function-runtime 11.4).

use std::collections::HashMap;

use lentil_database::{Namespace, Transaction};
use lentil_values::DocumentId;

use crate::row::{Row, fields, rows_by, text};
use crate::{CatalogError, SystemTable};

const TABLE: SystemTable = SystemTable::FunctionHandles;

/// A function as handles know it: the path of its component (empty for the root), and
/// `module.js:function`.
pub type HandledFunction = (String, String);

/// The rows of function handles, those of all components in one table. They are never removed: a
/// handle of a function that is gone names nothing, and names the function again if it comes back.
#[derive(Debug)]
pub struct FunctionHandles;

impl FunctionHandles {
    /// The ids of all functions that were ever pushed.
    pub fn all(tx: &mut Transaction) -> Result<HashMap<HandledFunction, DocumentId>, CatalogError> {
        let read = |document: &lentil_database::Document| {
            let row = Row::parse(TABLE, document)?;
            // Rows that were written before there were components are the root's.
            let component = row.optional_text("component").unwrap_or_default();
            Ok(((component, row.text("path")?), document.id))
        };
        rows_by(tx, Namespace::ROOT, TABLE, "by_path", &[])?
            .iter()
            .map(read)
            .collect()
    }

    /// The same, after those of these functions that have none got one.
    pub fn ensure(
        tx: &mut Transaction,
        functions: impl IntoIterator<Item = HandledFunction>,
    ) -> Result<HashMap<HandledFunction, DocumentId>, CatalogError> {
        let mut ids = FunctionHandles::all(tx)?;
        for function in functions {
            if ids.contains_key(&function) {
                continue;
            }
            let (component, path) = &function;
            let component = (!component.is_empty()).then_some(component.as_str());
            let row = fields([
                ("path", text(path)),
                ("component", component.and_then(text)),
            ]);
            let id = tx.insert(Namespace::ROOT, TABLE.name(), row)?;
            ids.insert(function, id);
        }
        Ok(ids)
    }
}
