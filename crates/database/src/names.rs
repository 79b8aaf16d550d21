//! Namespaces, tables and indexes as callers see them.

use lentil_storage::{IndexId, TabletId};
use lentil_values::TableNumber;

/// The tables of one component; the root app is [`Namespace::ROOT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Namespace(pub u32);

impl Namespace {
    /// The root app, and the deployment's own system tables.
    pub const ROOT: Namespace = Namespace(0);
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableInfo {
    /// Its contents.
    pub tablet: TabletId,
    /// Whose it is.
    pub namespace: Namespace,
    /// Its name; system tables begin with `_`.
    pub name: String,
    /// Its number in ids: from 10001 for user tables, below 10000 for system tables.
    pub number: TableNumber,
    /// Its `by_id` index (the documents themselves; no entries are kept).
    pub by_id: IndexId,
    /// Its `by_creation_time` index.
    pub by_creation_time: IndexId,
}

/// How far an index is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexState {
    /// Entries of old documents are being written; new writes are already indexed.
    Backfilling,
    /// Complete, not yet usable by queries (waits for its push to finish, or staged).
    Backfilled,
    /// Usable.
    Enabled,
}

/// What an index is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexDefinition {
    /// Its name, unique in its table.
    pub name: String,
    /// Declared field paths; `_creationTime` and `_id` follow implicitly.
    pub fields: Vec<String>,
    /// Whether it was declared staged.
    pub staged: bool,
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexInfo {
    /// Its entries.
    pub id: IndexId,
    /// The table's contents it covers.
    pub tablet: TabletId,
    /// Declaration.
    pub definition: IndexDefinition,
    /// How far it is.
    pub state: IndexState,
}

impl IndexInfo {
    /// Declared fields followed by `_creationTime` and `_id`: the parts of a key.
    pub fn key_fields(&self) -> impl Iterator<Item = &str> {
        let by_id = self.definition.name == "by_id";
        let by_creation_time = self.definition.name == "by_creation_time";
        self.definition
            .fields
            .iter()
            .map(String::as_str)
            .chain((!by_id && !by_creation_time).then_some("_creationTime"))
            .chain((!by_id).then_some("_id"))
    }
}
