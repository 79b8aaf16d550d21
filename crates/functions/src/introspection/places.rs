//! Which component a table is of, in the names that readers of figures get: `@notes/tasks` is the
//! table `tasks` of the component `notes`.
//!
//! A namespace is never given twice and a component's path never changes, so what was found once
//! holds for ever.

use std::collections::HashMap;

use lentil_catalog::{ComponentPath, Components};
use lentil_database::{Database, Namespace, TableInfo};
use parking_lot::RwLock;

use crate::path::figured;

/// Paths of components by their namespaces; `None` for what is no component's, like the hidden
/// tables of an import.
#[derive(Default)]
pub(crate) struct Places(RwLock<HashMap<Namespace, Option<ComponentPath>>>);

impl Places {
    /// The name of a table as figures have it.
    pub(crate) fn table_name(&self, database: &Database, table: &TableInfo) -> String {
        if table.namespace == Namespace::ROOT {
            return table.name.clone();
        }
        if let Some(known) = self.0.read().get(&table.namespace) {
            return named(known.as_ref(), &table.name);
        }
        let mut tx = database.begin();
        let Ok(components) = Components::load(&mut tx) else {
            return table.name.clone();
        };
        let found = components.by_namespace(table.namespace);
        let path = found.map(|component| component.path.clone());
        let name = named(path.as_ref(), &table.name);
        self.0.write().insert(table.namespace, path);
        name
    }
}

fn named(component: Option<&ComponentPath>, table: &str) -> String {
    component.map_or_else(
        || table.to_owned(),
        |path| figured(path, table).into_owned(),
    )
}
