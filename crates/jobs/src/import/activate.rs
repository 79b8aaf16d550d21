//! The last step of an import, one transaction: hidden tables take the place of visible ones,
//! documents are added to tables that keep theirs, and files appear.

use std::collections::HashSet;

use lentil_catalog::{FileRow, RemovedFile};
use lentil_database::{Namespace, TableInfo, Transaction};
use lentil_functions::deploy::{DeployError, Deployer};
use lentil_values::{DocumentId, TableNumber};

use super::layout::{Part, SchemaIds, copy_indexes};
use super::write::{refused, table_exists};
use crate::plan::Mode;

/// Puts the hidden tables of a component in the place of the visible ones.
pub(crate) fn activate(
    tx: &mut Transaction,
    deployer: &Deployer,
    part: &Part,
    mode: Mode,
) -> Result<(), DeployError> {
    let namespace = part.namespace;
    if SchemaIds::load(tx, &part.component)? != part.schema {
        return Err(refused(
            "ImportSchemaChanged: the schema was changed by a push while the import was running; start it again"
                .to_owned(),
        ));
    }
    check_references(tx, deployer, part, mode)?;
    for name in part.hidden.keys() {
        if !mode.replaces() && tx.count(namespace, name)? > 0 {
            return Err(refused(table_exists(&part.path_of(name))));
        }
        if tx.table(namespace, name).is_some() {
            tx.delete_table(namespace, name)?;
        }
    }
    if mode == Mode::ReplaceAll {
        remove_others(tx, deployer, part)?;
    }
    for table in part.hidden.values() {
        make_way(tx, part, table)?;
        tx.move_table(table, namespace)?;
    }
    Ok(())
}

/// Tables that the file does not have: those of the schema are emptied, the others go.
fn remove_others(
    tx: &mut Transaction,
    deployer: &Deployer,
    part: &Part,
) -> Result<(), DeployError> {
    let schema = deployer.schema(tx, part.namespace)?;
    for table in tx.tables(part.namespace) {
        if table.name.starts_with('_') || part.hidden.contains_key(&table.name) {
            continue;
        }
        let declared = schema
            .as_ref()
            .is_some_and(|schema| schema.tables.contains_key(&table.name));
        if declared {
            renew_table(tx, &table, table.number)?;
        } else {
            tx.delete_table(part.namespace, &table.name)?;
        }
    }
    Ok(())
}

/// A table that has the number of one to come gets another, if it is empty: nobody has an id of it.
fn make_way(tx: &mut Transaction, part: &Part, table: &TableInfo) -> Result<(), DeployError> {
    let Some(other) = tx.table_by_number(part.namespace, table.number) else {
        return Ok(());
    };
    if tx.count(part.namespace, &other.name)? > 0 {
        return Err(refused(format!(
            "TableNumberConflict: ids of {:?} in the file have the number {}, which is that of the table {:?} here: \
             import both, or replace everything with --replace-all",
            table.name, table.number.0, other.name
        )));
    }
    let coming = |number| part.hidden.values().any(|table| table.number == number);
    let mut number = tx.next_table_number(part.namespace)?;
    while coming(number) {
        number = TableNumber(number.0 + 1);
    }
    renew_table(tx, &other, number).map(drop)
}

/// Ids of a table whose number changes lead nowhere: nothing that stays may be declared to hold any.
fn check_references(
    tx: &mut Transaction,
    deployer: &Deployer,
    part: &Part,
    mode: Mode,
) -> Result<(), DeployError> {
    let Some(schema) = deployer
        .schema(tx, part.namespace)?
        .filter(|_| mode != Mode::ReplaceAll)
    else {
        return Ok(());
    };
    for (name, table) in &part.hidden {
        let live = tx.table(part.namespace, name);
        if live.is_none_or(|live| live.number == table.number) {
            continue;
        }
        for (other, declared) in &schema.tables {
            let mut referred = Vec::new();
            if let Some(document) = &declared.document {
                document.id_tables(&mut referred);
            }
            if referred.contains(name)
                && !part.hidden.contains_key(other)
                && tx.count(part.namespace, other)? > 0
            {
                return Err(refused(format!(
                    "ImportForeignKey: documents of {other:?} refer to {name:?}, whose ids in the file are of another \
                     table number; import {other:?} too, or replace everything with --replace-all"
                )));
            }
        }
    }
    Ok(())
}

/// Puts an empty table with the same indexes in the place of one, whatever it holds: far cheaper
/// than deleting document by document.
pub fn renew_table(
    tx: &mut Transaction,
    old: &TableInfo,
    number: TableNumber,
) -> Result<TableInfo, DeployError> {
    let indexes = tx.indexes(old);
    tx.delete_table(old.namespace, &old.name)?;
    let new = tx.create_table(old.namespace, &old.name, Some(number))?;
    copy_indexes(tx, &new, indexes)?;
    Ok(new)
}

/// Makes files visible whose contents are there, and removes the others, if that is asked for.
pub(crate) fn activate_files(
    tx: &mut Transaction,
    namespace: Namespace,
    files: &[FileRow],
    mode: Mode,
) -> Result<(), DeployError> {
    let there = FileRow::ids(tx, namespace)?;
    let coming: HashSet<DocumentId> = files.iter().map(|file| file.id).collect();
    match mode {
        Mode::RequireEmpty if !there.is_empty() => return Err(refused(files_exist())),
        Mode::RequireEmpty | Mode::Append => {}
        Mode::Replace | Mode::ReplaceAll => {
            for id in there.iter().filter(|id| !coming.contains(id)) {
                FileRow::remove(tx, namespace, *id)?;
            }
        }
    }
    // One that was removed here before comes back: its content must stay.
    for removed in RemovedFile::some(tx, usize::MAX)? {
        if coming.contains(&removed.file) {
            removed.forget(tx)?;
        }
    }
    for file in files {
        file.restore(tx, namespace)?;
    }
    Ok(())
}

pub(crate) fn files_exist() -> String {
    "TableExists: there are files in _storage already; use --append to add to them or --replace to put those of the \
     snapshot in their place"
        .to_owned()
}
