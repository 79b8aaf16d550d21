//! The tables of the app and of all its components, for whoever counts or lists them.

use lentil_database::{TableInfo, Transaction};

use crate::{CatalogError, ComponentPath, Components};

/// A table that the app, or one of its components, has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppTable {
    /// Whose it is; the root for the app's own.
    pub component: ComponentPath,
    /// The table.
    pub table: TableInfo,
}

impl AppTable {
    /// All but those of the server, the app's own first; also those of components that are not
    /// mounted any more.
    pub fn all(tx: &mut Transaction) -> Result<Vec<AppTable>, CatalogError> {
        let components = Components::load(tx)?;
        let mut tables = Vec::new();
        for component in components.shown() {
            let own = tx.tables(component.namespace).into_iter();
            let own = own.filter(|table| !table.name.starts_with('_'));
            tables.extend(own.map(|table| AppTable {
                component: component.path.clone(),
                table,
            }));
        }
        Ok(tables)
    }
}
