//! Indexes on their way from declared to live (function-runtime 4.8).
//!
//! An index whose fields change keeps serving under its name while its successor is filled under
//! the name with [`SUCCESSOR`] behind it, which no declared index can have.

use std::collections::BTreeSet;

use lentil_catalog::{IndexSpec, OtherIndex, OtherIndexKind, Schema};
use lentil_database::{IndexDefinition, IndexInfo, IndexState, Namespace, TableInfo, Transaction};
use serde_json::{Value as Json, json};

use super::DeployError;

/// What stands behind the name of an index that will take another's place.
const SUCCESSOR: &str = "~next";

/// A declared index of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AnyIndex {
    /// Over documents.
    Plain(IndexSpec),
    /// Search or vector: kept and not served yet, so that only the schema knows of it.
    Other(OtherIndex),
}

/// What a schema changes about the indexes that are live.
#[derive(Debug, Default)]
pub(super) struct IndexDiff {
    /// Declared and not there.
    pub(super) added: Vec<(String, AnyIndex)>,
    /// There and not declared any more.
    pub(super) removed: Vec<(String, AnyIndex)>,
    /// Filled before, usable from now on.
    pub(super) enabled: Vec<(String, AnyIndex)>,
    /// Usable before, only filled from now on.
    pub(super) disabled: Vec<(String, AnyIndex)>,
    /// Unchanged.
    pub(super) identical: Vec<(String, AnyIndex)>,
}

impl IndexDiff {
    /// Compares a schema with what is live; `active` is the enforced one.
    pub(super) fn new(
        tx: &mut Transaction,
        namespace: Namespace,
        schema: &Schema,
        active: Option<&Schema>,
    ) -> IndexDiff {
        let mut diff = IndexDiff::default();
        let tables = user_tables(tx, namespace);
        let mut names: BTreeSet<&str> = tables.iter().map(|table| table.name.as_str()).collect();
        names.extend(schema.tables.keys().map(String::as_str));
        names.extend(
            active
                .iter()
                .flat_map(|active| active.tables.keys())
                .map(String::as_str),
        );
        for name in names {
            let table = tables.iter().find(|table| table.name == name);
            let declared = table.map_or_else(Vec::new, |table| declared(tx, table));
            let live = declared.into_iter().filter(is_live).map(spec_of);
            let live: Vec<AnyIndex> = live
                .map(AnyIndex::Plain)
                .chain(others(active, name))
                .collect();
            let plain = wanted(schema, name).iter().cloned().map(AnyIndex::Plain);
            diff.compare(
                name,
                &live,
                &plain.chain(others(Some(schema), name)).collect::<Vec<_>>(),
            );
        }
        diff
    }

    fn compare(&mut self, table: &str, live: &[AnyIndex], wanted: &[AnyIndex]) {
        for old in live {
            let new = wanted.iter().find(|new| new.is_as(old));
            let list = match new {
                None => &mut self.removed,
                Some(new) if old.staged() && !new.staged() => &mut self.enabled,
                Some(new) if !old.staged() && new.staged() => &mut self.disabled,
                Some(_) => &mut self.identical,
            };
            list.push((table.to_owned(), new.unwrap_or(old).clone()));
        }
        let added = wanted
            .iter()
            .filter(|new| !live.iter().any(|old| new.is_as(old)));
        self.added
            .extend(added.map(|new| (table.to_owned(), new.clone())));
    }

    /// The form of cli-and-deploy 4.8.
    pub(super) fn to_json(&self) -> Json {
        let list = |entries: &[(String, AnyIndex)]| -> Vec<Json> {
            entries
                .iter()
                .map(|(table, index)| config(table, index))
                .collect()
        };
        json!({
            "added_indexes": list(&self.added),
            "removed_indexes": list(&self.removed),
            "enabled_indexes": list(&self.enabled),
            "disabled_indexes": list(&self.disabled),
        })
    }
}

impl AnyIndex {
    fn staged(&self) -> bool {
        match self {
            AnyIndex::Plain(index) => index.staged,
            AnyIndex::Other(index) => index.staged,
        }
    }

    /// Whether the two differ at most in being staged.
    fn is_as(&self, other: &AnyIndex) -> bool {
        match (self, other) {
            (AnyIndex::Plain(one), AnyIndex::Plain(two)) => {
                one.name == two.name && one.fields == two.fields
            }
            (AnyIndex::Other(one), AnyIndex::Other(two)) => {
                one.name == two.name
                    && one.kind == two.kind
                    && one.filter_fields == two.filter_fields
            }
            _ => false,
        }
    }
}

/// One index as the CLI prints it: declared fields only.
pub(super) fn config(table: &str, index: &AnyIndex) -> Json {
    match index {
        AnyIndex::Plain(index) => json!({
            "name": format!("{table}.{}", index.name),
            "type": "database",
            "fields": index.fields,
            "staged": index.staged,
        }),
        AnyIndex::Other(index) => {
            let mut json = match &index.kind {
                OtherIndexKind::Search { search_field } => {
                    json!({ "type": "search", "searchField": search_field })
                }
                OtherIndexKind::Vector {
                    vector_field,
                    dimensions,
                } => {
                    json!({ "type": "vector", "vectorField": vector_field, "dimensions": dimensions })
                }
            };
            json["name"] = format!("{table}.{}", index.name).into();
            json["filterFields"] = index.filter_fields.clone().into();
            json["staged"] = index.staged.into();
            json
        }
    }
}

/// Drops what an abandoned push left and starts filling what the schema adds to tables that exist.
pub(super) fn prepare(
    tx: &mut Transaction,
    namespace: Namespace,
    schema: &Schema,
) -> Result<(), DeployError> {
    for table in user_tables(tx, namespace) {
        let wanted = wanted(schema, &table.name);
        for index in declared(tx, &table)
            .into_iter()
            .filter(|index| !is_live(index))
        {
            let name = declared_name(&index);
            if !wanted
                .iter()
                .any(|new| new.name == name && new.fields == index.definition.fields)
            {
                tx.drop_index(&table, &index.definition.name)?;
            }
        }
        let there = declared(tx, &table);
        for new in wanted {
            let under = |name: &str| there.iter().find(|index| index.definition.name == name);
            let name = match under(&new.name) {
                None => new.name.clone(),
                Some(old) if old.definition.fields == new.fields => continue,
                Some(_) => successor(&new.name),
            };
            if under(&name).is_none() {
                let definition = IndexDefinition {
                    name,
                    fields: new.fields.clone(),
                    // Only what is live is marked as staged, see `is_live`.
                    staged: false,
                };
                tx.add_index(&table, definition)?;
            }
        }
    }
    Ok(())
}

/// How far the indexes of a schema on trial are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Progress {
    /// Usable ones that are filled.
    pub(super) complete: usize,
    /// Usable ones on tables that exist.
    pub(super) total: usize,
    /// Whether one is not even being filled: its table came after the push was started.
    pub(super) missing: bool,
    /// Those that are being filled, with the names of their tables.
    pub(super) filling: Vec<(String, IndexInfo)>,
}

/// How far the schema's usable indexes are; those of tables that do not exist need no filling.
pub(super) fn progress(tx: &mut Transaction, namespace: Namespace, schema: &Schema) -> Progress {
    let mut progress = Progress::default();
    for table in user_tables(tx, namespace) {
        let there = declared(tx, &table);
        for new in wanted(schema, &table.name)
            .iter()
            .filter(|index| !index.staged)
        {
            let found = there.iter().find(|index| {
                declared_name(index) == new.name && index.definition.fields == new.fields
            });
            let filled = found.is_some_and(|index| index.state != IndexState::Backfilling);
            progress.total += 1;
            progress.complete += usize::from(filled);
            progress.missing |= found.is_none();
            if let Some(index) = found.filter(|_| !filled) {
                progress.filling.push((table.name.clone(), index.clone()));
            }
        }
    }
    progress
}

/// Makes exactly the schema's indexes live and creates its tables; part of the push's one commit.
pub(super) fn activate(
    tx: &mut Transaction,
    namespace: Namespace,
    schema: &Schema,
) -> Result<(), DeployError> {
    for name in schema.tables.keys() {
        if tx.table(namespace, name).is_none() {
            tx.create_table(namespace, name, None)?;
        }
    }
    for table in user_tables(tx, namespace) {
        let wanted = wanted(schema, &table.name).to_vec();
        for new in &wanted {
            activate_one(tx, &table, new)?;
        }
        for index in declared(tx, &table) {
            if !wanted.iter().any(|new| new.name == index.definition.name) {
                tx.drop_index(&table, &index.definition.name)?;
            }
        }
    }
    Ok(())
}

fn activate_one(
    tx: &mut Transaction,
    table: &TableInfo,
    new: &IndexSpec,
) -> Result<(), DeployError> {
    let find = |tx: &mut Transaction, name: &str| {
        declared(tx, table)
            .into_iter()
            .find(|index| index.definition.name == name)
    };
    if find(tx, &successor(&new.name)).is_some_and(|next| next.definition.fields == new.fields) {
        if find(tx, &new.name).is_some() {
            tx.drop_index(table, &new.name)?;
        }
        tx.rename_index(table, &successor(&new.name), &new.name)?;
    }
    let index = match find(tx, &new.name) {
        Some(index) if index.definition.fields == new.fields => index,
        Some(_) => return Err(not_ready(table, new)),
        None => {
            let definition = IndexDefinition {
                name: new.name.clone(),
                fields: new.fields.clone(),
                staged: new.staged,
            };
            tx.add_index(table, definition)?
        }
    };
    let state = match (index.state, new.staged) {
        (IndexState::Backfilling, true) => IndexState::Backfilling,
        (IndexState::Backfilling, false) => return Err(not_ready(table, new)),
        (_, true) => IndexState::Backfilled,
        (_, false) => IndexState::Enabled,
    };
    tx.set_index(table, &new.name, state, new.staged)?;
    Ok(())
}

fn not_ready(table: &TableInfo, index: &IndexSpec) -> DeployError {
    DeployError::bad(
        "RaceDetected",
        format!(
            "the index {}.{} is not filled: the table or another push changed in between; push again",
            table.name, index.name
        ),
    )
}

fn wanted<'a>(schema: &'a Schema, table: &str) -> &'a [IndexSpec] {
    schema.tables.get(table).map_or(&[], |table| &table.indexes)
}

/// A schema's search and vector indexes of a table.
fn others(schema: Option<&Schema>, table: &str) -> Vec<AnyIndex> {
    let table = schema.and_then(|schema| schema.tables.get(table));
    let indexes = table.map_or(&[][..], |table| &table.other_indexes);
    indexes.iter().cloned().map(AnyIndex::Other).collect()
}

fn successor(name: &str) -> String {
    format!("{name}{SUCCESSOR}")
}

/// The name that the schema gives an index, also while it is still to take another's place.
pub(crate) fn declared_name(index: &IndexInfo) -> &str {
    index.definition.name.trim_end_matches(SUCCESSOR)
}

/// Usable, or declared staged by what is live; not one that a push is only trying.
fn is_live(index: &IndexInfo) -> bool {
    !index.definition.name.ends_with(SUCCESSOR)
        && (index.state == IndexState::Enabled || index.definition.staged)
}

fn spec_of(index: IndexInfo) -> IndexSpec {
    IndexSpec {
        name: index.definition.name,
        fields: index.definition.fields,
        staged: index.definition.staged,
    }
}

/// Tables of a component, without the system's.
pub(super) fn user_tables(tx: &mut Transaction, namespace: Namespace) -> Vec<TableInfo> {
    tx.tables(namespace)
        .into_iter()
        .filter(|table| !table.name.starts_with('_'))
        .collect()
}

/// Indexes of a table but the two that every table has.
fn declared(tx: &mut Transaction, table: &TableInfo) -> Vec<IndexInfo> {
    let indexes = tx.indexes(table);
    indexes
        .into_iter()
        .filter(|index| !matches!(index.definition.name.as_str(), "by_id" | "by_creation_time"))
        .collect()
}
