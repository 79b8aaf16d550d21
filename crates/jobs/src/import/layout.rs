//! Where the documents of an import go: into hidden tables that take the place of the visible ones
//! at the end, or into tables that have documents and keep them.

use std::collections::BTreeMap;

use lentil_catalog::{Component, ComponentPath, Components, Deployment};
use lentil_database::{Database, IndexInfo, IndexState, Namespace, TableInfo, Transaction};
use lentil_functions::deploy::DeployError;
use lentil_values::{DocumentId, IdResolver, TableNumber};

use super::source::Source;
use super::write::{USER_TABLE_NUMBERS, refused, table_exists};
use crate::plan::{Mode, Plan};
use crate::snapshot::{TablePath, below};

/// Where the hidden tables for a namespace are: no function and no tool looks there.
pub(crate) fn hidden(namespace: Namespace) -> Namespace {
    Namespace(!namespace.0)
}

/// Where everything goes.
pub(crate) struct Layout {
    /// A part for each component, the parents first.
    pub(crate) parts: Vec<Part>,
}

/// Where what belongs to one component goes.
pub(crate) struct Part {
    /// The component.
    pub(crate) component: ComponentPath,
    /// Where its tables are.
    pub(crate) namespace: Namespace,
    /// Tables whose documents go into a hidden table, by name.
    pub(crate) hidden: BTreeMap<String, TableInfo>,
    /// Tables to which documents are added, by name.
    pub(crate) direct: BTreeMap<String, TableInfo>,
    /// What table names will stand for.
    pub(crate) names: Names,
    /// The schema against which documents are checked.
    pub(crate) schema: SchemaIds,
}

impl Part {
    /// One of its tables.
    pub(crate) fn path_of(&self, table: &str) -> TablePath {
        TablePath {
            component: self.component.clone(),
            table: table.to_owned(),
        }
    }
}

/// Which schemas of a component are enforced and on trial, and that it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SchemaIds {
    live: Option<DocumentId>,
    pending: Option<DocumentId>,
    namespace: Option<Namespace>,
}

impl SchemaIds {
    pub(crate) fn load(
        tx: &mut Transaction,
        component: &ComponentPath,
    ) -> Result<SchemaIds, DeployError> {
        if component.is_root() {
            let deployment = Deployment::load(tx)?;
            return Ok(SchemaIds {
                live: deployment.schema,
                pending: deployment.pending_schema,
                namespace: Some(Namespace::ROOT),
            });
        }
        let components = Components::load(tx)?;
        let found = components.by_path(&component.0);
        Ok(SchemaIds {
            live: found.and_then(|it| it.schema),
            pending: found.and_then(|it| it.pending_schema),
            namespace: found.map(|it| it.namespace),
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
pub(crate) type Wanted = (TablePath, Option<TableNumber>);

/// What the file has for one component.
pub(crate) struct Target {
    pub(crate) component: Component,
    pub(crate) wanted: Vec<Wanted>,
}

/// Finds the components that an import is for, parents first: those that the file has something of,
/// and where what it does not have goes, all that it could have something of.
pub(crate) fn targets(
    tx: &mut Transaction,
    plan: &Plan,
    source: &mut Source,
) -> Result<Vec<Target>, String> {
    let components = Components::load(tx).map_err(|error| error.to_string())?;
    let mut named = source.components();
    named.push(plan.component.clone());
    for path in &named {
        let found = components.by_path(&path.0);
        let needed = *path == plan.component || source.has_something(path);
        if needed && found.is_none_or(|component| !component.is_shown()) {
            return Err(format!(
                "ComponentNotFound: there is no component {:?} here; push the app that mounts it, then import",
                path.0
            ));
        }
    }
    let mut wanted: BTreeMap<ComponentPath, Vec<Wanted>> = BTreeMap::new();
    for table in source.tables() {
        let number = source.number_of(&table)?;
        let of = wanted.entry(table.component.clone()).or_default();
        of.push((table, number));
    }
    let concerned = components.shown().filter(|component| {
        let replaced = plan.mode == Mode::ReplaceAll
            && component.is_active()
            && below(&plan.component, &component.path).is_some();
        replaced || named.contains(&component.path)
    });
    let target = |component: &Component| Target {
        component: component.clone(),
        wanted: wanted.remove(&component.path).unwrap_or_default(),
    };
    Ok(concerned.map(target).collect())
}

/// What becomes of one table.
enum Destiny {
    Direct(TableInfo),
    Hidden { number: Option<TableNumber> },
}

/// Decides for every table, without changing anything.
fn look(
    tx: &mut Transaction,
    mode: Mode,
    Target { component, wanted }: &Target,
) -> Result<Vec<(String, Destiny)>, DeployError> {
    let namespace = component.namespace;
    let mut destinies = Vec::with_capacity(wanted.len());
    let mut taken: BTreeMap<TableNumber, &str> = BTreeMap::new();
    for (path, number) in wanted {
        let name = &path.table;
        if let Some(number) = number.filter(|number| number.0 < USER_TABLE_NUMBERS) {
            return Err(refused(format!(
                "InvalidId: the first document's \"_id\" is of a system table (number {}); ids of {name:?} have \
                 numbers from {USER_TABLE_NUMBERS}",
                number.0
            )));
        }
        let live = tx.table(namespace, name);
        // Counting a table reads all of it; what is replaced anyway need not be counted.
        let empty = mode.replaces() || tx.count(namespace, name)? == 0;
        let destiny = match (mode, live) {
            (Mode::RequireEmpty, _) if !empty => return Err(refused(table_exists(path))),
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
pub(crate) fn check(
    database: &Database,
    mode: Mode,
    targets: &[Target],
) -> Result<(), DeployError> {
    let mut tx = database.begin();
    tx.lift_limits();
    for target in targets {
        look(&mut tx, mode, target)?;
    }
    Ok(())
}

/// Makes the hidden tables. `looking` sees what is there; `tx` changes it, and so does not conflict
/// with those who write to the tables meanwhile.
pub(crate) fn prepare(
    looking: &mut Transaction,
    tx: &mut Transaction,
    mode: Mode,
    targets: &[Target],
) -> Result<Layout, DeployError> {
    clear(tx)?;
    let mut parts = Vec::with_capacity(targets.len());
    for target in targets {
        parts.push(prepare_part(looking, tx, mode, target)?);
    }
    Ok(Layout { parts })
}

fn prepare_part(
    looking: &mut Transaction,
    tx: &mut Transaction,
    mode: Mode,
    target: &Target,
) -> Result<Part, DeployError> {
    let destinies = look(looking, mode, target)?;
    let (namespace, component) = (target.component.namespace, target.component.path.clone());
    let mut part = Part {
        schema: SchemaIds::load(tx, &component)?,
        component,
        namespace,
        hidden: BTreeMap::new(),
        direct: BTreeMap::new(),
        names: Names::default(),
    };
    for table in looking.tables(namespace) {
        part.names.set(&table.name, table.number);
    }
    let mut free = looking.next_table_number(namespace)?.0;
    for (name, destiny) in destinies {
        let number = match destiny {
            Destiny::Direct(table) => {
                part.direct.insert(name, table);
                continue;
            }
            Destiny::Hidden { number } => number,
        };
        let number = number.unwrap_or_else(|| {
            let wanted = &target.wanted;
            let wanted = |number| wanted.iter().any(|(_, other)| *other == Some(number));
            while wanted(TableNumber(free)) {
                free += 1;
            }
            free += 1;
            TableNumber(free - 1)
        });
        let live = looking.table(namespace, &name);
        let to = hidden(namespace);
        let table = make_hidden(looking, tx, to, (&name, number), live.as_ref())?;
        part.names.set(&name, number);
        part.hidden.insert(name, table);
    }
    Ok(part)
}

/// An empty hidden table with the indexes of the visible one.
fn make_hidden(
    looking: &mut Transaction,
    tx: &mut Transaction,
    to: Namespace,
    (name, number): (&str, TableNumber),
    live: Option<&TableInfo>,
) -> Result<TableInfo, DeployError> {
    let table = tx.create_table(to, name, Some(number))?;
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
    for namespace in Components::load(tx)?.namespaces() {
        for table in tx.tables(hidden(namespace)) {
            tx.delete_table(hidden(namespace), &table.name)?;
        }
    }
    Ok(())
}
