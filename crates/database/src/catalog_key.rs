//! The keys under which look-ups of tables and indexes are recorded as reads.
//!
//! Definitions are documents of `_tables` and `_indexes`; looking one up by name is a read of a
//! key in one index that exists in memory only, and every write of a definition emits the keys it
//! had and has. So definitions conflict and invalidate exactly like data.

use lentil_storage::{IndexId, TabletId};
use lentil_values::{IndexKey, TableNumber};

use crate::Namespace;
use crate::definition::Definition;

/// The contents of `_tables`.
pub(crate) const TABLES_TABLET: TabletId = TabletId(1);
/// The contents of `_indexes`.
pub(crate) const INDEXES_TABLET: TabletId = TabletId(2);
/// `by_id` of `_tables`.
pub(crate) const TABLES_BY_ID: IndexId = IndexId(3);
/// `by_creation_time` of `_tables`.
pub(crate) const TABLES_BY_CREATION_TIME: IndexId = IndexId(4);
/// `by_id` of `_indexes`.
pub(crate) const INDEXES_BY_ID: IndexId = IndexId(5);
/// `by_creation_time` of `_indexes`.
pub(crate) const INDEXES_BY_CREATION_TIME: IndexId = IndexId(6);
/// The index of look-ups; it has no entries in storage.
pub(crate) const CATALOG: IndexId = IndexId(7);
/// The first number given to a tablet or index that is not built in.
pub(crate) const FIRST_FREE_ID: u32 = 64;

const BY_NAME: u8 = b'n';
const BY_NUMBER: u8 = b'u';
const INDEX_OF: u8 = b'i';

/// Replaces `key` by the key of a table name (or, with no name, the prefix of all names).
pub(crate) fn table_name(key: &mut IndexKey, namespace: Namespace, name: Option<&str>) {
    key.clear();
    key.push(BY_NAME);
    key.extend_from_slice(&namespace.0.to_be_bytes());
    if let Some(name) = name {
        key.extend_from_slice(name.as_bytes());
    }
}

/// Replaces `key` by the key of a table number.
pub(crate) fn table_number(key: &mut IndexKey, namespace: Namespace, number: TableNumber) {
    key.clear();
    key.push(BY_NUMBER);
    key.extend_from_slice(&namespace.0.to_be_bytes());
    key.extend_from_slice(&number.0.to_be_bytes());
}

/// Replaces `key` by the key of an index of a table (or, with no name, the prefix of all of them).
pub(crate) fn index_name(key: &mut IndexKey, tablet: TabletId, name: Option<&str>) {
    key.clear();
    key.push(INDEX_OF);
    key.extend_from_slice(&tablet.0.to_be_bytes());
    if let Some(name) = name {
        key.extend_from_slice(name.as_bytes());
    }
}

/// Calls `emit` with every look-up key of a definition.
pub(crate) fn of_definition(definition: &Definition, mut emit: impl FnMut(&[u8])) {
    let mut key = IndexKey::new();
    match definition {
        Definition::Table(table) => {
            table_name(&mut key, table.namespace, Some(&table.name));
            emit(&key);
            table_number(&mut key, table.namespace, table.number);
            emit(&key);
        }
        Definition::Index(index) => {
            index_name(&mut key, index.tablet, Some(&index.definition.name));
            emit(&key);
        }
    }
}
