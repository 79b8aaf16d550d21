//! The tables of the whole deployment: those of the app, and those of its components, named with where
//! these are mounted.

use std::collections::{BTreeMap, HashMap};

use lentil_catalog::{ComponentPath, Components, SystemTable};
use lentil_database::{Namespace, TableInfo, Transaction, TransactionError};

use crate::path::figured;

/// Under which names tables are told apart, as of one moment.
pub(crate) struct AllTables {
    components: HashMap<Namespace, ComponentPath>,
}

impl AllTables {
    /// Those of the app and of all components that are or were part of it.
    pub(crate) fn read(tx: &mut Transaction) -> Result<AllTables, TransactionError> {
        let components = Components::load(tx)?;
        let named = components.shown().map(|it| (it.namespace, it.path.clone()));
        Ok(AllTables {
            components: named.collect(),
        })
    }

    /// `table`, or `@component/table`; `None` for those of the system, and of what is gone.
    pub(crate) fn name(&self, table: &TableInfo) -> Option<String> {
        let component = self.components.get(&table.namespace)?;
        let own = !table.name.starts_with('_');
        own.then(|| figured(component, &*table.name).into_owned())
    }

    /// All of them, those of the system among them.
    pub(crate) fn of(&self, tx: &mut Transaction) -> Vec<TableInfo> {
        let namespaces = self.components.keys();
        namespaces.flat_map(|of| tx.tables(*of)).collect()
    }
}

/// How many documents and files a deployment has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Documents {
    /// By table; those of components as `@component/table`.
    pub tables: BTreeMap<String, u64>,
    /// Files, of all components.
    pub files: u64,
}

impl Documents {
    /// Counts them.
    pub fn count(tx: &mut Transaction) -> Result<Documents, TransactionError> {
        let names = AllTables::read(tx)?;
        let mut counted = Documents::default();
        for table in names.of(tx) {
            let rows = tx.count(table.namespace, &table.name)?;
            if table.name == SystemTable::Files.name() {
                counted.files += rows;
            } else if let Some(name) = names.name(&table) {
                counted.tables.insert(name, rows);
            }
        }
        Ok(counted)
    }
}
