//! Imports and exports as the CLI watches them.

use lentil_catalog::{ExportRow, ImportRow};
use lentil_database::TransactionError;
use lentil_values::{DocumentId, Value};

use super::{Request, bad_argument, document};

/// Imports that the list shows.
const LISTED: usize = 20;

/// One import by id.
pub(super) fn one(request: &mut Request) -> Result<Value, TransactionError> {
    let id = request.text("importId")?;
    let id: DocumentId = id
        .parse()
        .map_err(|_| bad_argument("importId", "the id of an import"))?;
    match ImportRow::document(request.tx, id)? {
        Some(row) => document(&row.json),
        None => Ok(Value::Null),
    }
}

/// The newest imports.
pub(super) fn newest(request: &mut Request) -> Result<Value, TransactionError> {
    let rows = ImportRow::newest(request.tx, LISTED)?;
    rows.iter()
        .map(|row| document(&row.json))
        .collect::<Result<_, _>>()
        .map(Value::Array)
}

/// The last export.
pub(super) fn latest_export(request: &mut Request) -> Result<Value, TransactionError> {
    match ExportRow::newest(request.tx, 1)?.first() {
        Some(row) => document(&row.json),
        None => Ok(Value::Null),
    }
}
