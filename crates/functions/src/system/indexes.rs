//! The indexes of a table, and how far those are that are being filled.

use lentil_database::{CommitError, Database, IndexInfo, IndexState, TransactionError};
use lentil_values::Value;

use super::{Request, object, text};
use crate::deploy::declared_name;

/// Every declared index of a table (dashboard A3). What is done of a backfill is not part of any
/// document: this query runs again when an index changes its state, not with every step.
pub(super) fn of_table(request: &mut Request) -> Result<Value, TransactionError> {
    let name = request.text("tableName")?;
    let table = request.tx.table(request.namespace, &name);
    let Some(table) = table.filter(|_| !name.starts_with('_')) else {
        return Ok(Value::Array(Vec::new()));
    };
    let indexes = request.tx.indexes(&table).into_iter();
    let declared =
        indexes.filter(|index| ![table.by_id, table.by_creation_time].contains(&index.id));
    let shown = declared.map(|index| shown(request.functions.database(), &index));
    shown.collect::<Result<_, _>>().map(Value::Array)
}

fn shown(database: &Database, index: &IndexInfo) -> Result<Value, TransactionError> {
    let fields = index.definition.fields.iter().cloned().map(text).collect();
    let backfill = match index.state {
        IndexState::Backfilling => {
            let progress = database.backfill_progress(index).map_err(failed)?;
            let number = |n: u64| Value::Float64(n as f64);
            let stats = object([
                ("numDocsIndexed", number(progress.done)),
                ("totalDocs", progress.total.map_or(Value::Null, number)),
            ]);
            object([("state", text("backfilling")), ("stats", stats)])
        }
        IndexState::Backfilled => object([("state", text("backfilled"))]),
        IndexState::Enabled => object([("state", text("done"))]),
    };
    Ok(object([
        ("name", text(declared_name(index))),
        ("staged", Value::Boolean(index.definition.staged)),
        ("fields", Value::Array(fields)),
        ("backfill", backfill),
    ]))
}

fn failed(error: CommitError) -> TransactionError {
    match error {
        CommitError::Storage(error) => TransactionError::Storage(error),
        error => TransactionError::Corrupt(error.to_string()),
    }
}
