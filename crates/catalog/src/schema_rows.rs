//! Schemas on their way from pending to active.

use lentil_database::{Namespace, Transaction};
use lentil_values::{DocumentId, Value};

use crate::row::{Row, fields, rows_by, text};
use crate::{CatalogError, SystemTable};

/// How far a schema is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// Documents are being checked.
    Pending,
    /// Every document that was there satisfies it.
    Validated,
    /// Enforced.
    Active,
    /// A document does not satisfy it.
    Failed {
        /// Which document, and why.
        error: String,
        /// Its table.
        table: Option<String>,
    },
    /// A later push took its place.
    Overwritten,
}

/// A schema that was pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaRow {
    /// Its row.
    pub id: DocumentId,
    /// How far it is.
    pub state: SchemaState,
    /// Its JSON text (cli-and-deploy 5.4).
    pub json: String,
}

impl SchemaState {
    fn name(&self) -> &'static str {
        match self {
            SchemaState::Pending => "pending",
            SchemaState::Validated => "validated",
            SchemaState::Active => "active",
            SchemaState::Failed { .. } => "failed",
            SchemaState::Overwritten => "overwritten",
        }
    }
}

impl SchemaRow {
    /// Keeps a new schema as pending.
    pub fn insert(
        tx: &mut Transaction,
        namespace: Namespace,
        json: &str,
    ) -> Result<DocumentId, CatalogError> {
        Ok(tx.insert(
            namespace,
            SystemTable::Schemas.name(),
            to_fields(&SchemaState::Pending, json),
        )?)
    }

    /// The schema of that id.
    pub fn load(
        tx: &mut Transaction,
        namespace: Namespace,
        id: DocumentId,
    ) -> Result<Option<SchemaRow>, CatalogError> {
        if id.table != SystemTable::Schemas.number() {
            return Ok(None);
        }
        tx.get(namespace, id)?
            .map(|document| SchemaRow::read(&document))
            .transpose()
    }

    /// All schemas in a state (the reasons of failed ones do not matter).
    pub fn in_state(
        tx: &mut Transaction,
        namespace: Namespace,
        state: &SchemaState,
    ) -> Result<Vec<SchemaRow>, CatalogError> {
        rows_by(
            tx,
            namespace,
            SystemTable::Schemas,
            "by_state",
            &[Value::String(state.name().to_owned())],
        )?
        .iter()
        .map(SchemaRow::read)
        .collect()
    }

    /// Moves a schema to another state.
    pub fn set_state(
        &self,
        tx: &mut Transaction,
        namespace: Namespace,
        state: &SchemaState,
    ) -> Result<(), CatalogError> {
        tx.replace(namespace, self.id, to_fields(state, &self.json))?;
        Ok(())
    }

    /// Removes a schema that nobody will ask for again.
    pub fn remove(&self, tx: &mut Transaction, namespace: Namespace) -> Result<(), CatalogError> {
        tx.delete(namespace, self.id)?;
        Ok(())
    }

    fn read(document: &lentil_database::Document) -> Result<SchemaRow, CatalogError> {
        let row = Row::parse(SystemTable::Schemas, document)?;
        let state = match row.text("state")?.as_str() {
            "pending" => SchemaState::Pending,
            "validated" => SchemaState::Validated,
            "active" => SchemaState::Active,
            "failed" => SchemaState::Failed {
                error: row.optional_text("error").unwrap_or_default(),
                table: row.optional_text("table"),
            },
            _ => SchemaState::Overwritten,
        };
        Ok(SchemaRow {
            id: document.id,
            state,
            json: row.text("json")?,
        })
    }
}

fn to_fields(state: &SchemaState, json: &str) -> lentil_values::Object {
    let (error, table) = match state {
        SchemaState::Failed { error, table } => (text(error), table.as_deref().and_then(text)),
        _ => (None, None),
    };
    fields([
        ("state", text(state.name())),
        ("json", text(json)),
        ("error", error),
        ("table", table),
    ])
}
