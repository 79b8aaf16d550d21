//! Staged validators: checked against what is there and what is written, and enforced on nobody
//! (function-runtime 4.9, cli-and-deploy 4.6).
//!
//! From the commit of a push on, every write is checked against the live schema's staged validators
//! as well; the documents that were there before are walked in the background, some at a time. So
//! once the walk is over and nothing was found, all documents satisfy the validator for as long as
//! it stays staged, and a push that makes it the enforced one need read none.

use lentil_catalog::{Components, Schema, StagedState, StagedValidator, check_fields};
use lentil_database::{IndexQuery, Namespace, Order, Transaction, TransactionLimits};
use lentil_values::{IdResolver, KeyRange, Object, Value};
use serde_json::{Value as Json, json};

use super::{DeployError, Deployer, transact};
use crate::validate::TableNames;

/// Documents that one step checks.
const STEP_DOCUMENTS: usize = 1_000;

/// What a step of the walk found.
struct Walked {
    position: Option<Vec<u8>>,
    done: i64,
    state: StagedState,
}

/// Makes the staged validators those of a schema that becomes live. One that stays goes on where it
/// is, one that has failed is tried again.
pub(super) fn sync(
    tx: &mut Transaction,
    namespace: Namespace,
    schema: &Schema,
) -> Result<(), DeployError> {
    let mut missing: Vec<&str> = schema.tables.keys().map(String::as_str).collect();
    for row in StagedValidator::all(tx, namespace)? {
        let stays = schema.staged(&row.table) == Some(&row.validator);
        if stays && !matches!(row.state, StagedState::Failed { .. }) {
            missing.retain(|table| *table != row.table);
        } else {
            row.remove(tx, namespace)?;
        }
    }
    for table in missing {
        if let Some(validator) = schema.staged(table) {
            StagedValidator::insert(tx, namespace, table, validator)?;
        }
    }
    Ok(())
}

/// Called for every write: a document that the staged validator of its table does not allow fails
/// that validator, in the write's own transaction, and not the write.
pub(super) fn note_write(
    tx: &mut Transaction,
    namespace: Namespace,
    schema: Option<&Schema>,
    table: &str,
    fields: &Object,
    names: Option<&dyn IdResolver>,
) -> Result<(), DeployError> {
    let Some(validator) = schema.and_then(|schema| schema.staged(table)) else {
        return Ok(());
    };
    let checked = match names {
        Some(names) => check_fields(validator, fields, names),
        None => check_fields(validator, fields, &TableNames::new(tx, namespace)),
    };
    let Err(why) = checked else { return Ok(()) };
    if let Some(mut row) = StagedValidator::of(tx, namespace, table)?
        && !matches!(row.state, StagedState::Failed { .. })
    {
        let error =
            format!("New document in table \"{table}\" does not match the staged validator: {why}");
        row.state = StagedState::Failed { error };
        row.save(tx, namespace)?;
    }
    Ok(())
}

/// Whether a table's documents are known to satisfy a schema, because they satisfy what is staged.
pub(super) fn is_promoted(
    tx: &mut Transaction,
    namespace: Namespace,
    schema: &Schema,
    table: &str,
) -> Result<bool, DeployError> {
    let Some(row) = StagedValidator::of(tx, namespace, table)? else {
        return Ok(false);
    };
    Ok(row.state == StagedState::Valid && accepts(schema, &row))
}

/// Whether every document that satisfies what is staged satisfies the schema.
fn accepts(schema: &Schema, row: &StagedValidator) -> bool {
    let validator = schema
        .tables
        .get(&row.table)
        .and_then(|it| it.document.as_ref());
    validator.is_none_or(|validator| validator.accepts_all_of(&row.validator))
}

/// What the CLI prints about a table's staged validator: the members to add to its evaluation.
pub(super) fn evaluation(
    tx: &mut Transaction,
    namespace: Namespace,
    schema: &Schema,
    table: &str,
    must_walk: bool,
) -> Result<Vec<(&'static str, Json)>, DeployError> {
    let Some(row) = StagedValidator::of(tx, namespace, table)? else {
        return Ok(Vec::new());
    };
    let mut members = vec![("staged", state_json(tx, namespace, &row)?)];
    if must_walk && row.state == StagedState::Pending && accepts(schema, &row) {
        members.push(("canSkipAfterStagedValidation", json!(true)));
    }
    Ok(members)
}

/// The staged validators whose checking a schema would throw away: not those that it makes the
/// enforced ones.
pub(super) fn discarded(
    tx: &mut Transaction,
    namespace: Namespace,
    schema: &Schema,
    active: Option<&Schema>,
) -> Result<Vec<Json>, DeployError> {
    let mut discarded = Vec::new();
    for row in StagedValidator::all(tx, namespace)? {
        let staged = schema.staged(&row.table);
        let narrower = !schema.table_accepts_all_of(&row.table, active);
        let promoted = staged.is_none() && narrower && accepts(schema, &row);
        let failed = matches!(row.state, StagedState::Failed { .. });
        if staged != Some(&row.validator) && !promoted && !failed {
            let state = state_json(tx, namespace, &row)?;
            discarded.push(
                json!({ "tableName": row.table, "state": state, "replaced": staged.is_some() }),
            );
        }
    }
    Ok(discarded)
}

fn state_json(
    tx: &mut Transaction,
    namespace: Namespace,
    row: &StagedValidator,
) -> Result<Json, DeployError> {
    Ok(match &row.state {
        StagedState::Pending => {
            let total = tx.count(namespace, &row.table)?;
            json!({ "state": "pending", "numDocsValidated": row.done, "totalDocs": total })
        }
        StagedState::Valid => json!({ "state": "valid" }),
        StagedState::Failed { error } => json!({ "state": "failed", "error": error }),
    })
}

impl Deployer {
    /// One step of checking the documents of one table against its staged validator; blocks.
    pub(super) fn validate_staged(&self) -> Result<bool, DeployError> {
        let database = &self.shared.database;
        let mut tx = database.begin();
        tx.set_limits(TransactionLimits::UNLIMITED);
        let Some((namespace, row)) = next_pending(&mut tx)? else {
            return Ok(false);
        };
        let walked = walk(&mut tx, namespace, &row)?;
        drop(tx);
        // In a transaction of its own, which does not conflict with whoever writes what was walked:
        // those writes have been checked.
        transact(database, |tx| {
            match StagedValidator::of(tx, namespace, &row.table)? {
                Some(mut now) if now == row => {
                    now.position.clone_from(&walked.position);
                    now.done = walked.done;
                    now.state = walked.state.clone();
                    Ok(now.save(tx, namespace)?)
                }
                // A write has failed it, or a push has replaced it.
                _ => Ok(()),
            }
        })?;
        Ok(true)
    }
}

/// The first that is to be checked, of any component, and where its table is.
fn next_pending(tx: &mut Transaction) -> Result<Option<(Namespace, StagedValidator)>, DeployError> {
    for component in Components::load(tx)?.active() {
        let namespace = component.namespace;
        let rows = StagedValidator::all(tx, namespace)?.into_iter();
        let mut pending = rows.filter(|row| row.state == StagedState::Pending);
        if let Some(row) = pending.next() {
            return Ok(Some((namespace, row)));
        }
    }
    Ok(None)
}

fn walk(
    tx: &mut Transaction,
    namespace: Namespace,
    row: &StagedValidator,
) -> Result<Walked, DeployError> {
    let start = row.position.as_ref().map_or_else(Vec::new, |key| {
        let mut next = key.clone();
        next.push(0);
        next
    });
    let mut cursor = tx.query(IndexQuery {
        namespace,
        table: row.table.clone(),
        index: "by_creation_time".to_owned(),
        range: KeyRange { start, end: None },
        order: Order::Asc,
    })?;
    let mut walked = Walked {
        position: row.position.clone(),
        done: row.done,
        state: StagedState::Pending,
    };
    for _ in 0..STEP_DOCUMENTS {
        let Some((key, document)) = cursor.next(tx)? else {
            walked.state = StagedState::Valid;
            return Ok(walked);
        };
        walked.position = Some(key);
        walked.done += 1;
        let Ok(Value::Object(fields)) = Value::parse(&document.json) else {
            let damaged = format!("the document {} is damaged", document.id);
            return Err(DeployError::internal(&damaged));
        };
        let checked = check_fields(&row.validator, &fields, &TableNames::new(tx, namespace));
        if let Err(why) = checked {
            let error = format!(
                "Document with ID \"{}\" in table \"{}\" does not match the staged validator: {why}",
                document.id, row.table
            );
            walked.state = StagedState::Failed { error };
            return Ok(walked);
        }
    }
    Ok(walked)
}
