//! Where the documents of an import go: into hidden tables that take the place of the visible ones
//! at the end, or into tables that have documents and keep them.

use std::collections::BTreeMap;

use lentil_catalog::Deployment;
use lentil_database::{Database, IndexInfo, IndexState, Namespace, TableInfo, Transaction};
use lentil_functions::deploy::DeployError;
use lentil_values::{DocumentId, IdResolver, TableNumber};

use super::write::{USER_TABLE_NUMBERS, refused, table_exists};
use crate::plan::Mode;

/// Where the hidden tables are: no function and no tool looks there.
pub(crate) const HIDDEN: Namespace = Namespace(u32::MAX);

/// Where everything goes.
pub(crate) struct Layout {
    /// Tables whose documents go into a hidden table, by name.
    pub(crate) hidden: BTreeMap<String, TableInfo>,
    /// Tables to which documents are added, by name.
    pub(crate) direct: BTreeMap<String, TableInfo>,
    /// What table names will stand for.
    pub(crate) names: Names,
    /// The schema against which documents are checked.
    pub(crate) schema: SchemaIds,
}

/// Which schemas are enforced and on trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SchemaIds {
    live: Option<DocumentId>,
    pending: Option<DocumentId>,
}

impl SchemaIds {
    pub(crate) fn load(tx: &mut Transaction) -> Result<SchemaIds, DeployError> {
        let deployment = Deployment::load(tx)?;
        Ok(SchemaIds {
            live: deployment.schema,
            pending: deployment.pending_schema,
        })
    }
}

/// Table names and numbers as they will be when the import is done.
#[derive(Debug, Default)]
pub(crate) struct Names {
    numbers: BTreeMap<String, TableNumber>,
    names: BTreeMap<TableNumber, String>,
}

impl Names {
    fn set(&mut self, name: &str, number: TableNumber) {
        self.forget(name);
        if let Some(other) = self.names.insert(number, name.to_owned()) {
            self.numbers.remove(&other);
        }
        self.numbers.insert(name.to_owned(), number);
    }

    fn forget(&mut self, name: &str) {
        if let Some(number) = self.numbers.remove(name) {
            self.names.remove(&number);
        }
    }
}

impl IdResolver for Names {
    fn number_of(&self, table: &str) -> Option<TableNumber> {
        self.numbers.get(table).copied()
    }
    fn name_of(&self, number: TableNumber) -> Option<String> {
        self.names.get(&number).cloned()
    }
}

/// A table of the file, and the number its documents' ids have, if they have any.
pub(crate) type Wanted = (String, Option<TableNumber>);

/// What becomes of one table.
enum Destiny {
    Direct(TableInfo),
    Hidden { number: Option<TableNumber> },
}

/// Decides for every table, without changing anything.
fn look(
    tx: &mut Transaction,
    mode: Mode,
    wanted: &[Wanted],
) -> Result<Vec<(String, Destiny)>, DeployError> {
    let mut destinies = Vec::with_capacity(wanted.len());
    let mut taken: BTreeMap<TableNumber, &str> = BTreeMap::new();
    for (name, number) in wanted {
        if let Some(number) = number.filter(|number| number.0 < USER_TABLE_NUMBERS) {
            return Err(refused(format!(
                "InvalidId: the first document's \"_id\" is of a system table (number {}); ids of {name:?} have \
                 numbers from {USER_TABLE_NUMBERS}",
                number.0
            )));
        }
        let live = tx.table(Namespace::ROOT, name);
        // Counting a table reads all of it; what is replaced anyway need not be counted.
        let empty = mode.replaces() || tx.count(Namespace::ROOT, name)? == 0;
        let destiny = match (mode, live) {
            (Mode::RequireEmpty, _) if !empty => return Err(refused(table_exists(name))),
            (Mode::Append, Some(live)) if !empty => Destiny::Direct(live),
            (_, live) => Destiny::Hidden {
                number: number.or(live.map(|live| live.number)),
            },
        };
        let number = match &destiny {
            Destiny::Direct(live) => Some(live.number),
            Destiny::Hidden { number } => *number,
        };
        if let Some(number) = number
            && let Some(other) = taken.insert(number, name)
        {
            return Err(refused(format!(
                "TableNumberConflict: ids of the tables {name:?} and {other:?} have the same number {}: they cannot \
                 both be here",
                number.0
            )));
        }
        destinies.push((name.clone(), destiny));
    }
    Ok(destinies)
}

/// What would be changed is checked, and nothing is done: for the question before an import.
pub(crate) fn check(database: &Database, mode: Mode, wanted: &[Wanted]) -> Result<(), DeployError> {
    let mut tx = database.begin();
    tx.lift_limits();
    look(&mut tx, mode, wanted).map(drop)
}

/// Makes the hidden tables. `looking` sees what is there; `tx` changes it, and so does not conflict
/// with those who write to the tables meanwhile.
pub(crate) fn prepare(
    looking: &mut Transaction,
    tx: &mut Transaction,
    mode: Mode,
    wanted: &[Wanted],
) -> Result<Layout, DeployError> {
    let destinies = look(looking, mode, wanted)?;
    clear(tx)?;
    let mut layout = Layout {
        hidden: BTreeMap::new(),
        direct: BTreeMap::new(),
        names: Names::default(),
        schema: SchemaIds::load(tx)?,
    };
    for table in looking.tables(Namespace::ROOT) {
        layout.names.set(&table.name, table.number);
    }
    let mut free = looking.next_table_number(Namespace::ROOT)?.0;
    for (name, destiny) in destinies {
        let number = match destiny {
            Destiny::Direct(table) => {
                layout.direct.insert(name, table);
                continue;
            }
            Destiny::Hidden { number } => number,
        };
        let number = number.unwrap_or_else(|| {
            let wanted = |number| wanted.iter().any(|(_, other)| *other == Some(number));
            while wanted(TableNumber(free)) {
                free += 1;
            }
            free += 1;
            TableNumber(free - 1)
        });
        let live = looking.table(Namespace::ROOT, &name);
        let table = make_hidden(looking, tx, &name, number, live.as_ref())?;
        layout.names.set(&name, number);
        layout.hidden.insert(name, table);
    }
    Ok(layout)
}

/// An empty hidden table with the indexes of the visible one.
fn make_hidden(
    looking: &mut Transaction,
    tx: &mut Transaction,
    name: &str,
    number: TableNumber,
    live: Option<&TableInfo>,
) -> Result<TableInfo, DeployError> {
    let table = tx.create_table(HIDDEN, name, Some(number))?;
    let indexes = live.map_or_else(Vec::new, |live| looking.indexes(live));
    copy_indexes(tx, &table, indexes)?;
    Ok(table)
}

/// Gives a table that is new and empty the indexes of another.
pub(crate) fn copy_indexes(
    tx: &mut Transaction,
    table: &TableInfo,
    indexes: Vec<IndexInfo>,
) -> Result<(), DeployError> {
    for index in indexes {
        let (name, staged) = (index.definition.name.clone(), index.definition.staged);
        if matches!(name.as_str(), "by_id" | "by_creation_time") {
            continue;
        }
        tx.add_index(table, index.definition)?;
        // Nothing is there to fill, so one that was being filled is complete.
        if index.state == IndexState::Enabled {
            tx.set_index(table, &name, index.state, staged)?;
        }
    }
    Ok(())
}

/// Drops what an import that did not end has left.
pub(crate) fn clear(tx: &mut Transaction) -> Result<(), DeployError> {
    for table in tx.tables(HIDDEN) {
        tx.delete_table(HIDDEN, &table.name)?;
    }
    Ok(())
}
