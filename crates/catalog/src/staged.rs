//! Staged validators: what a schema means to demand of a table's documents later, and whether they
//! would satisfy it already (function-runtime 4.9).

use lentil_database::{Document, Namespace, Transaction};
use lentil_values::{DocumentId, Object, Validator, Value};

use crate::row::{Row, corrupt, fields, rows_by, text};
use crate::{CatalogError, SystemTable};

/// What is known about a staged validator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StagedState {
    /// Documents are being checked.
    Pending,
    /// All satisfy it, those written since included.
    Valid,
    /// One does not.
    Failed {
        /// Which, and why.
        error: String,
    },
}

/// The staged validator of one table of the live schema.
#[derive(Clone, Debug, PartialEq)]
pub struct StagedValidator {
    /// Its row.
    pub id: DocumentId,
    /// The table.
    pub table: String,
    /// What documents would have to satisfy.
    pub validator: Validator,
    /// What is known.
    pub state: StagedState,
    /// Key in `by_creation_time` of the last document checked.
    pub position: Option<Vec<u8>>,
    /// Documents checked.
    pub done: i64,
}

impl StagedValidator {
    /// All of them.
    pub fn all(
        tx: &mut Transaction,
        namespace: Namespace,
    ) -> Result<Vec<StagedValidator>, CatalogError> {
        let rows = rows_by(
            tx,
            namespace,
            SystemTable::StagedValidators,
            "by_table",
            &[],
        )?;
        rows.iter().map(StagedValidator::read).collect()
    }

    /// That of a table.
    pub fn of(
        tx: &mut Transaction,
        namespace: Namespace,
        table: &str,
    ) -> Result<Option<StagedValidator>, CatalogError> {
        let key = [Value::String(table.to_owned())];
        let rows = rows_by(
            tx,
            namespace,
            SystemTable::StagedValidators,
            "by_table",
            &key,
        )?;
        rows.first().map(StagedValidator::read).transpose()
    }

    /// Begins checking the documents of a table.
    pub fn insert(
        tx: &mut Transaction,
        namespace: Namespace,
        table: &str,
        validator: &Validator,
    ) -> Result<(), CatalogError> {
        let row = to_fields(table, validator, &StagedState::Pending, None, 0);
        tx.insert(namespace, SystemTable::StagedValidators.name(), row)?;
        Ok(())
    }

    /// Writes how far it is.
    pub fn save(&self, tx: &mut Transaction, namespace: Namespace) -> Result<(), CatalogError> {
        let position = self.position.as_deref();
        let row = to_fields(
            &self.table,
            &self.validator,
            &self.state,
            position,
            self.done,
        );
        tx.replace(namespace, self.id, row)?;
        Ok(())
    }

    /// Forgets it.
    pub fn remove(&self, tx: &mut Transaction, namespace: Namespace) -> Result<(), CatalogError> {
        tx.delete(namespace, self.id)?;
        Ok(())
    }

    fn read(document: &Document) -> Result<StagedValidator, CatalogError> {
        let table = SystemTable::StagedValidators;
        let row = Row::parse(table, document)?;
        let json = serde_json::from_str(&row.text("validator")?)
            .map_err(|error| corrupt(table, &error.to_string()))?;
        let state = match row.text("state")?.as_str() {
            "pending" => StagedState::Pending,
            "valid" => StagedState::Valid,
            _ => StagedState::Failed {
                error: row.optional_text("error").unwrap_or_default(),
            },
        };
        Ok(StagedValidator {
            id: document.id,
            table: row.text("table")?,
            validator: Validator::from_json(&json)
                .map_err(|error| corrupt(table, &error.to_string()))?,
            state,
            position: row.value("position").and_then(|value| match value {
                Value::Bytes(key) => Some(key.clone()),
                _ => None,
            }),
            done: row.integer("done")?,
        })
    }
}

fn to_fields(
    table: &str,
    validator: &Validator,
    state: &StagedState,
    position: Option<&[u8]>,
    done: i64,
) -> Object {
    let (state, error) = match state {
        StagedState::Pending => ("pending", None),
        StagedState::Valid => ("valid", None),
        StagedState::Failed { error } => ("failed", text(error)),
    };
    fields([
        ("table", text(table)),
        ("validator", text(&validator.to_json().to_string())),
        ("state", text(state)),
        ("error", error),
        ("position", position.map(|key| Value::Bytes(key.to_vec()))),
        ("done", Some(Value::Int64(done))),
    ])
}
