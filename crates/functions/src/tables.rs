//! What admins do to whole tables past functions.

use lentil_catalog::{Author, ScheduledFunction, SystemTable};
use lentil_database::{IndexQuery, Namespace, Order, Transaction, TransactionError};
use lentil_js::SyscallError;
use lentil_values::{KeyRange, Value};

use crate::errors::{from_transaction, thrown};
use crate::service::Inner;
use crate::system::note;
use crate::transact::transact;
use crate::{FunctionFailure, Functions};

/// What is said of its transactions that fail.
const WHAT: &str = "tables could not be deleted";
/// Rows that one transaction deletes.
const STEP: usize = 1_000;

impl Functions {
    /// Deletes tables of a component that its schema does not declare, all or none.
    pub async fn delete_tables(
        &self,
        author: Author,
        namespace: Namespace,
        names: Vec<String>,
    ) -> Result<(), FunctionFailure> {
        let inner = self.inner().clone();
        let database = inner.database.clone();
        transact(database, WHAT, move |tx| {
            delete(&inner, tx, author, namespace, &names)
        })
        .await
    }

    /// Forgets every function that a component has scheduled, those that wait included.
    pub async fn delete_scheduled(
        &self,
        author: Author,
        namespace: Namespace,
    ) -> Result<(), FunctionFailure> {
        let database = self.database().clone();
        transact(database, WHAT, move |tx| {
            note(tx, author, "delete_scheduled_jobs_table", []).map_err(catalog)
        })
        .await?;
        loop {
            let database = self.database().clone();
            let deleted = transact(database, WHAT, move |tx| {
                forget_some(tx, namespace).map_err(from_transaction)
            });
            if deleted.await? < STEP {
                return Ok(());
            }
        }
    }
}

fn delete(
    inner: &Inner,
    tx: &mut Transaction,
    author: Author,
    namespace: Namespace,
    names: &[String],
) -> Result<(), SyscallError> {
    let image = inner.images.current(tx).map_err(from_transaction)?;
    let image = image.as_ref().and_then(|it| it.in_namespace(namespace));
    let schema = image.and_then(|image| image.schema.clone());
    for name in names {
        if name.starts_with('_') {
            return Err(thrown(format!(
                "\"{name}\" is a table of the system: it cannot be deleted."
            )));
        }
        if schema
            .as_ref()
            .is_some_and(|schema| schema.tables.contains_key(name))
        {
            return Err(thrown(format!(
                "The table \"{name}\" is declared in the schema: take it out of schema.ts and push, then delete it."
            )));
        }
        tx.delete_table(namespace, name).map_err(from_transaction)?;
    }
    let shown = names.iter().cloned().map(Value::String).collect();
    note(
        tx,
        author,
        "delete_tables",
        [("table_names", Value::Array(shown))],
    )
    .map_err(catalog)
}

fn forget_some(tx: &mut Transaction, namespace: Namespace) -> Result<usize, TransactionError> {
    let mut rows = tx.query(IndexQuery {
        namespace,
        table: SystemTable::ScheduledFunctions.name().to_owned(),
        index: "by_creation_time".to_owned(),
        range: KeyRange::all(),
        order: Order::Asc,
    })?;
    let mut ids = Vec::new();
    while ids.len() < STEP
        && let Some((_, row)) = rows.next(tx)?
    {
        ids.push(row.id);
    }
    for id in &ids {
        ScheduledFunction::remove(tx, namespace, *id)?;
    }
    Ok(ids.len())
}

fn catalog(error: lentil_catalog::CatalogError) -> SyscallError {
    from_transaction(error.into())
}
