//! What goes on in the background while a schema is pending: documents are checked and indexes
//! are filled, a bounded step at a time.

use std::sync::Arc;

use lentil_catalog::{Components, Schema, SchemaRow, SchemaState};
use lentil_database::{
    BackfillStep, Document, IndexInfo, IndexQuery, IndexState, Namespace, Order, Transaction,
    TransactionLimits,
};
use lentil_values::{DocumentId, IdResolver, IndexKey, KeyRange, Object, Value};

use super::schema_slots::SchemaSlots;
use super::{DeployError, Deployer, indexes, staged, transact};
use crate::deploy::image::{DeploymentImage, PendingSchema};
use crate::validate::TableNames;

/// Documents that one step of filling an index takes.
const BACKFILL_DOCUMENTS: usize = 1_000;

/// Documents that one step of checking a schema takes.
const CHECK_DOCUMENTS: usize = 1_000;

/// A document that a schema does not allow, as the message for the developer; and its table.
pub(super) type Violation = (String, Option<String>);

/// The last document checked: its table, and its key in `by_creation_time`.
type Place = (String, IndexKey);

/// How far a schema's documents are checked. Kept in memory: after a restart it begins anew.
#[derive(Debug)]
pub(super) struct Trial {
    schema: DocumentId,
    last: Place,
}

/// What checking some documents led to.
enum Checked {
    /// All satisfy the schema.
    All,
    /// More are to be checked behind this one.
    UpTo(Place),
    Violation(Violation),
}

impl Deployer {
    /// Does what is left to do and gives whether anything was; blocks.
    pub fn background_step(&self) -> Result<bool, DeployError> {
        let validated = self.validate_pending()?;
        let filled = self.fill_indexes()?;
        let checked = self.validate_staged()?;
        Ok(validated || filled || checked)
    }

    /// Checks some documents of the pending schema's tables. What is written from the moment it
    /// became pending is checked by the writes themselves, so each step may look at a snapshot of
    /// its own.
    fn validate_pending(&self) -> Result<bool, DeployError> {
        let database = &self.shared.database;
        let mut tx = database.begin();
        tx.set_limits(TransactionLimits::UNLIMITED);
        let Some((slots, row)) = next_pending(&mut tx)? else {
            return Ok(false);
        };
        let schema = Schema::parse(&row.json)?;
        let trial = self.shared.trial.lock().take();
        let from = trial.filter(|trial| trial.schema == row.id);
        let from = from.map(|trial| trial.last);
        let state = match check_documents(&mut tx, &slots, &schema, from, CHECK_DOCUMENTS)? {
            Checked::All => SchemaState::Validated,
            Checked::Violation((error, table)) => SchemaState::Failed { error, table },
            Checked::UpTo(last) => {
                let schema = row.id;
                self.shared
                    .images
                    .note_checked(schema, CHECK_DOCUMENTS as u64);
                *self.shared.trial.lock() = Some(Trial { schema, last });
                return Ok(true);
            }
        };
        transact(database, move |tx| {
            // Only if it is still on trial: a write may have failed it, a push overwritten it.
            match SchemaSlots::at(tx, &slots.component)? {
                Some(now) if now.pending == Some(row.id) => match pending_row(tx, &now)? {
                    Some(row) => Ok(row.set_state(tx, now.namespace, &state)?),
                    None => Ok(()),
                },
                _ => Ok(()),
            }
        })?;
        Ok(true)
    }

    /// One step of filling one index, so that whoever drives this can stop in between, and a push
    /// that comes meanwhile is judged before all is filled.
    fn fill_indexes(&self) -> Result<bool, DeployError> {
        let database = &self.shared.database;
        let mut tx = database.begin();
        let components = Components::load(&mut tx)?;
        let unfilled = components.all().find_map(|component| {
            let (table, index) = first_unfilled(&mut tx, component.namespace)?;
            Some((component.path.clone(), table, index))
        });
        drop(tx);
        let Some((component, table, index)) = unfilled else {
            return Ok(false);
        };
        let step = database.backfill_step(index.id, BACKFILL_DOCUMENTS)?;
        let name = &index.definition.name;
        let tell = |state, progress| {
            let names = (&*table, indexes::declared_name(&index));
            let introspection = &self.shared.introspection;
            introspection.tell_index(&component, names, state, Some(progress));
        };
        match step {
            BackfillStep::More(progress) => {
                tracing::debug!(table, index = name, ?progress, "filling an index");
                tell(IndexState::Backfilling, progress);
            }
            BackfillStep::Done => {
                tracing::info!(table, index = name, "an index is filled");
                tell(IndexState::Backfilled, database.backfill_progress(&index)?);
            }
            BackfillStep::Nothing => {}
        }
        Ok(true)
    }
}

fn first_unfilled(tx: &mut Transaction, namespace: Namespace) -> Option<(String, IndexInfo)> {
    let mut tables = indexes::user_tables(tx, namespace).into_iter();
    tables.find_map(|table| {
        let indexes = tx.indexes(&table).into_iter();
        let mut unfilled = indexes.filter(|index| index.state == IndexState::Backfilling);
        unfilled.next().map(|index| (table.name, index))
    })
}

/// The first schema, of any component, that is pending and not yet judged.
fn next_pending(tx: &mut Transaction) -> Result<Option<(SchemaSlots, SchemaRow)>, DeployError> {
    for slots in SchemaSlots::all(tx)? {
        if let Some(row) = pending_row(tx, &slots)? {
            return Ok(Some((slots, row)));
        }
    }
    Ok(None)
}

fn pending_row(
    tx: &mut Transaction,
    slots: &SchemaSlots,
) -> Result<Option<SchemaRow>, DeployError> {
    let Some(id) = slots.pending else {
        return Ok(None);
    };
    let row = SchemaRow::load(tx, slots.namespace, id)?;
    Ok(row.filter(|row| row.state == SchemaState::Pending))
}

/// The first document that violates a schema of the component.
pub(super) fn first_violation(
    tx: &mut Transaction,
    slots: &SchemaSlots,
    schema: &Schema,
) -> Result<Option<Violation>, DeployError> {
    Ok(
        match check_documents(tx, slots, schema, None, usize::MAX)? {
            Checked::Violation(violation) => Some(violation),
            Checked::All | Checked::UpTo(_) => None,
        },
    )
}

/// Checks at most so many documents behind `from`, table by table; tables whose validator only grew
/// wider, or was staged and found to hold, are not read.
fn check_documents(
    tx: &mut Transaction,
    slots: &SchemaSlots,
    schema: &Schema,
    from: Option<Place>,
    mut limit: usize,
) -> Result<Checked, DeployError> {
    let (active, namespace) = (slots.active_schema(tx)?, slots.namespace);
    for name in schema.tables.keys() {
        let key = match &from {
            Some((table, _)) if name < table => continue,
            Some((table, key)) if name == table => Some(key),
            _ => None,
        };
        if schema.table_accepts_all_of(name, active.as_ref())
            || staged::is_promoted(tx, namespace, schema, name)?
        {
            continue;
        }
        let start = key.map_or_else(Vec::new, |key| {
            let mut next = key.clone();
            next.push(0);
            next
        });
        let mut cursor = tx.query(IndexQuery {
            namespace,
            table: name.clone(),
            index: "by_creation_time".to_owned(),
            range: KeyRange { start, end: None },
            order: Order::Asc,
        })?;
        while let Some((key, document)) = cursor.next(tx)? {
            if let Some(violation) = violation_of(tx, namespace, schema, name, &document)? {
                return Ok(Checked::Violation(violation));
            }
            limit -= 1;
            if limit == 0 {
                return Ok(Checked::UpTo((name.clone(), key)));
            }
        }
    }
    Ok(Checked::All)
}

fn violation_of(
    tx: &mut Transaction,
    namespace: Namespace,
    schema: &Schema,
    table: &str,
    document: &Document,
) -> Result<Option<Violation>, DeployError> {
    let Ok(Value::Object(fields)) = Value::parse(&document.json) else {
        let damaged = format!("the document {} is damaged", document.id);
        return Err(DeployError::internal(&damaged));
    };
    let checked = schema.check_document(table, &fields, &TableNames::new(tx, namespace));
    Ok(checked.err().map(|error| {
        let message = format!(
            "Document with ID \"{}\" in table \"{table}\" does not match the schema: {error}",
            document.id
        );
        (message, Some(table.to_owned()))
    }))
}

/// Called for every write: a document that the pending schema does not allow fails that schema, in
/// the write's own transaction, and so with what is staged. The write itself goes on: only the
/// active schema can refuse it. `names` says what table names stand for, if not what they stand for
/// in the namespace of the component.
pub(crate) fn note_write(
    tx: &mut Transaction,
    image: &DeploymentImage,
    table: &str,
    fields: &Object,
    names: Option<&dyn IdResolver>,
) -> Result<(), DeployError> {
    let namespace = image.place.namespace;
    staged::note_write(tx, namespace, image.schema.as_deref(), table, fields, names)?;
    let pending = image.pending_schema.as_ref();
    let Some(PendingSchema { id, schema }) = pending else {
        return Ok(());
    };
    let schema: Arc<Schema> = schema.clone();
    let checked = match names {
        Some(names) => schema.check_document(table, fields, names),
        None => schema.check_document(table, fields, &TableNames::new(tx, namespace)),
    };
    let Err(error) = checked else {
        return Ok(());
    };
    let Some(row) = SchemaRow::load(tx, namespace, *id)? else {
        return Ok(());
    };
    if matches!(row.state, SchemaState::Pending | SchemaState::Validated) {
        let error = format!("New document in table \"{table}\" does not match the schema: {error}");
        row.set_state(
            tx,
            namespace,
            &SchemaState::Failed {
                error,
                table: Some(table.to_owned()),
            },
        )?;
    }
    Ok(())
}
