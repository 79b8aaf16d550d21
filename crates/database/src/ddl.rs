//! Creating and dropping tables and indexes in a transaction.
//!
//! Definitions are documents of `_tables` and `_indexes`; a change is a buffered write of such a
//! document and an own copy of the registry in which it has already happened.

use std::sync::Arc;

use lentil_storage::{IndexId, Order, TableScan, TabletId};
use lentil_values::{DocumentId, InternalId, KeyRange, TableNumber, Timestamp, Value};

use crate::catalog_key::{self, CATALOG};
use crate::definition::{Definition, StoredIndex, TableDefinition};
use crate::error::developer;
use crate::index_key::{key_of, keys_of};
use crate::limits::{TABLE_NAME_MAX, TABLES_MAX};
use crate::registry::{Registry, Table};
use crate::shared::parse;
use crate::table_numbers::number_range;
use crate::transaction::read_error;
use crate::write_set::{Pending, Revision};
use crate::{
    IndexDefinition, IndexInfo, IndexState, Namespace, TableInfo, Transaction, TransactionError,
};

impl Transaction {
    // --- tables -----------------------------------------------------------------------------

    /// The table, own creations included; the look-up is part of the read set.
    pub fn table(&mut self, namespace: Namespace, name: &str) -> Option<TableInfo> {
        self.look_up_name(namespace, name)
            .map(|table| table.info.as_ref().clone())
    }
    /// The table with that number in ids.
    pub fn table_by_number(
        &mut self,
        namespace: Namespace,
        number: TableNumber,
    ) -> Option<TableInfo> {
        self.look_up_number(namespace, number)
            .map(|table| table.info.as_ref().clone())
    }
    /// All tables of a namespace by name, system tables included; reads the whole table list.
    pub fn tables(&mut self, namespace: Namespace) -> Vec<TableInfo> {
        let mut prefix = Vec::new();
        catalog_key::table_name(&mut prefix, namespace, None);
        self.reads.insert(CATALOG, KeyRange::prefix(&prefix));
        self.registry
            .tables(namespace)
            .map(|table| table.info.as_ref().clone())
            .collect()
    }
    /// Creates a table. `number`: `None` allots the next user number (>= 10001), or the next
    /// system number (>= 512) for names beginning with `_`; `Some` asks for that one. A table that
    /// exists with that number (or with any, if none is asked for) is returned as it is.
    pub fn create_table(
        &mut self,
        namespace: Namespace,
        name: &str,
        number: Option<TableNumber>,
    ) -> Result<TableInfo, TransactionError> {
        if let Some(existing) = self.look_up_name(namespace, name) {
            return match number {
                Some(number) if number != existing.info.number => Err(developer(
                    "TableExists",
                    format!(
                        "Table \"{name}\" exists with the number {}, not {}.",
                        existing.info.number.0, number.0
                    ),
                )),
                _ => Ok(existing.info.as_ref().clone()),
            };
        }
        check_table_name(name)?;
        self.check_room(namespace)?;
        let number = match number {
            Some(number) => number,
            None => self.next_number(namespace, name.starts_with('_'))?,
        };
        if number.0 == 0 || self.look_up_number(namespace, number).is_some() {
            return Err(number_taken(number));
        }
        let definition = TableDefinition {
            tablet: TabletId(self.shared.draw_id()),
            namespace,
            name: name.to_owned(),
            number,
            by_id: IndexId(self.shared.draw_id()),
            by_creation_time: IndexId(self.shared.draw_id()),
            deleting: false,
        };
        let tablet = definition.tablet;
        self.add_definition(Definition::Table(definition));
        let table = self
            .registry
            .table(tablet)
            .expect("the table was just added");
        Ok(table.info.as_ref().clone())
    }
    /// Deletes a table with its indexes and contents (space is freed in the background).
    pub fn delete_table(
        &mut self,
        namespace: Namespace,
        name: &str,
    ) -> Result<(), TransactionError> {
        let Some(table) = self.look_up_name(namespace, name) else {
            return Err(developer(
                "NonexistentTable",
                format!("Table \"{name}\" does not exist."),
            ));
        };
        let document = self.registry.table_document(table.info.tablet);
        let document = document.ok_or_else(|| built_in_table(name))?;
        let Some(Definition::Table(mut definition)) = self.registry.definition(document).cloned()
        else {
            unreachable!("the document of a table defines a table");
        };
        definition.deleting = true;
        self.change_definition(document, Definition::Table(definition))
    }

    /// Gives a table with its indexes and contents to another namespace, which must have none of
    /// that name or number.
    pub fn move_table(
        &mut self,
        table: &TableInfo,
        namespace: Namespace,
    ) -> Result<TableInfo, TransactionError> {
        let live = self.live_table(table)?;
        if self.look_up_name(namespace, &table.name).is_some() {
            return Err(developer(
                "TableExists",
                format!("Table \"{}\" exists already.", table.name),
            ));
        }
        if self.look_up_number(namespace, table.number).is_some() {
            return Err(number_taken(table.number));
        }
        self.check_room(namespace)?;
        let document = self.registry.table_document(live.info.tablet);
        let document = document.ok_or_else(|| built_in_table(&table.name))?;
        let Some(Definition::Table(mut definition)) = self.registry.definition(document).cloned()
        else {
            unreachable!("the document of a table defines a table");
        };
        definition.namespace = namespace;
        self.change_definition(document, Definition::Table(definition))?;
        let moved = self.registry.table(live.info.tablet);
        let moved = moved.expect("a moved table is still there");
        Ok(moved.info.as_ref().clone())
    }
    /// The number that the next user table of the namespace would get; another transaction may give
    /// it away meanwhile.
    pub fn next_table_number(
        &mut self,
        namespace: Namespace,
    ) -> Result<TableNumber, TransactionError> {
        self.next_number(namespace, false)
    }

    // --- indexes ----------------------------------------------------------------------------

    /// All indexes of a table, `by_id` and `by_creation_time` included.
    pub fn indexes(&mut self, table: &TableInfo) -> Vec<IndexInfo> {
        let mut prefix = Vec::new();
        catalog_key::index_name(&mut prefix, table.tablet, None);
        self.reads.insert(CATALOG, KeyRange::prefix(&prefix));
        let Some(table) = self.registry.table(table.tablet) else {
            return Vec::new();
        };
        let entries = table.indexes.iter().map(|index| index.as_ref().clone());
        std::iter::once(table.by_id()).chain(entries).collect()
    }
    /// Adds an index, `Backfilling` if the table may have documents, else `Backfilled`.
    pub fn add_index(
        &mut self,
        table: &TableInfo,
        definition: IndexDefinition,
    ) -> Result<IndexInfo, TransactionError> {
        let table = self.live_table(table)?;
        let name = definition.name.clone();
        if name == "by_id" || self.look_up_index(&table, &name).is_some() {
            return Err(developer(
                "IndexExists",
                format!("Index {}.{name} exists already.", table.info.name),
            ));
        }
        let empty = self.committed_documents_absent(&table)?;
        let state = if empty {
            IndexState::Backfilled
        } else {
            IndexState::Backfilling
        };
        let id = IndexId(self.shared.draw_id());
        let stored = StoredIndex {
            id,
            tablet: table.info.tablet,
            definition,
            state,
            deleting: false,
        };
        self.add_definition(Definition::Index(stored));
        self.index_own_writes(table.info.tablet, id)?;
        let table = self
            .registry
            .table(table.info.tablet)
            .expect("the table is still there");
        Ok(table
            .index(&name)
            .expect("the index was just added")
            .as_ref()
            .clone())
    }
    /// Moves an index to another state or changes its `staged` mark.
    pub fn set_index(
        &mut self,
        table: &TableInfo,
        name: &str,
        state: IndexState,
        staged: bool,
    ) -> Result<(), TransactionError> {
        let (document, mut stored) = self.stored_index(table, name)?;
        if stored.state == state && stored.definition.staged == staged {
            return Ok(());
        }
        stored.state = state;
        stored.definition.staged = staged;
        self.change_definition(document, Definition::Index(stored))
    }
    /// Gives an index another name, which no index of the table may have.
    pub fn rename_index(
        &mut self,
        table: &TableInfo,
        name: &str,
        new_name: &str,
    ) -> Result<(), TransactionError> {
        let live = self.live_table(table)?;
        if self.look_up_index(&live, new_name).is_some() {
            return Err(developer(
                "IndexExists",
                format!("Index {}.{new_name} exists already.", table.name),
            ));
        }
        let (document, mut stored) = self.stored_index(table, name)?;
        new_name.clone_into(&mut stored.definition.name);
        self.change_definition(document, Definition::Index(stored))
    }
    /// Drops an index.
    pub fn drop_index(&mut self, table: &TableInfo, name: &str) -> Result<(), TransactionError> {
        let (document, mut stored) = self.stored_index(table, name)?;
        stored.deleting = true;
        self.change_definition(document, Definition::Index(stored))
    }

    // --- parts ------------------------------------------------------------------------------

    fn check_room(&self, namespace: Namespace) -> Result<(), TransactionError> {
        if self.registry.table_count(namespace) < TABLES_MAX {
            return Ok(());
        }
        Err(developer(
            "TooManyTables",
            format!("Number of tables cannot exceed {TABLES_MAX}."),
        ))
    }

    /// A number that no table of the namespace has or had: an id must not come to mean another
    /// table's document.
    fn next_number(
        &self,
        namespace: Namespace,
        system: bool,
    ) -> Result<TableNumber, TransactionError> {
        let (from, below) = number_range(system);
        let floor = self
            .shared
            .number_floor(namespace, system)
            .map_err(read_error)?;
        let next = self.registry.next_number(namespace, from, below);
        Ok(next.max(TableNumber(floor)))
    }

    fn live_table(&mut self, table: &TableInfo) -> Result<Arc<Table>, TransactionError> {
        self.look_up_name(table.namespace, &table.name)
            .filter(|found| found.info.tablet == table.tablet)
            .ok_or_else(|| {
                developer(
                    "NonexistentTable",
                    format!("Table \"{}\" does not exist.", table.name),
                )
            })
    }

    fn stored_index(
        &mut self,
        table: &TableInfo,
        name: &str,
    ) -> Result<(InternalId, StoredIndex), TransactionError> {
        let table = self.live_table(table)?;
        let found = self.look_up_index(&table, name);
        let found = found.ok_or_else(|| {
            developer(
                "IndexNotFoundError",
                format!("Index {}.{name} not found.", table.info.name),
            )
        })?;
        let document = self.registry.index_document(found.id).ok_or_else(|| {
            developer(
                "IndexNameReserved",
                format!(
                    "Index {}.{name} belongs to the table itself.",
                    table.info.name
                ),
            )
        })?;
        match self.registry.definition(document).cloned() {
            Some(Definition::Index(stored)) => Ok((document, stored)),
            _ => unreachable!("the document of an index defines an index"),
        }
    }

    /// Whether the table holds no committed document. Concluding that it is empty is a read of the
    /// whole table: an insert that commits first has written no entry and must be a conflict.
    fn committed_documents_absent(&mut self, table: &Table) -> Result<bool, TransactionError> {
        let scan = TableScan {
            tablet: table.info.tablet,
            range: KeyRange::all(),
            order: Order::Asc,
            at: self.guard.snapshot,
            limit: 1,
        };
        let empty = self
            .shared
            .persistence
            .scan_table(&scan)
            .map_err(read_error)?
            .is_empty();
        if empty {
            self.reads.insert(table.info.by_id, KeyRange::all());
        }
        Ok(empty)
    }

    /// Gives documents already written in this transaction a key in the index `id`.
    fn index_own_writes(&mut self, tablet: TabletId, id: IndexId) -> Result<(), TransactionError> {
        let table = self
            .registry
            .table(tablet)
            .expect("an index is added to a live table")
            .clone();
        let written: Vec<_> = self
            .writes
            .of_table(tablet)
            .map(|(id, pending)| (id, pending.clone()))
            .collect();
        assert!(
            table.indexes.iter().any(|index| index.id == id),
            "the index was just added"
        );
        for (document, pending) in written {
            let rekeyed = Pending {
                sequence: pending.sequence,
                old: pending
                    .old
                    .as_deref()
                    .map(|old| rekey(old, &table))
                    .transpose()?,
                new: pending
                    .new
                    .as_deref()
                    .map(|new| rekey(new, &table))
                    .transpose()?,
            };
            self.writes.rekey(tablet, document, rekeyed);
        }
        Ok(())
    }

    fn add_definition(&mut self, definition: Definition) {
        let id = self.draw_internal_id();
        let time = self.next_creation_time();
        self.put_definition(id, time, None, definition);
    }

    fn change_definition(
        &mut self,
        document: InternalId,
        definition: Definition,
    ) -> Result<(), TransactionError> {
        let table = self
            .registry
            .table(definition.tablet())
            .expect("the catalog tables are built in")
            .clone();
        let json = self
            .read_document(&table, document)?
            .expect("a definition in the registry has a document");
        let fields = parse(&json)?;
        let Some(Value::Float64(time)) = fields.get("_creationTime") else {
            unreachable!("every document has a creation time");
        };
        let time = *time;
        let old = self.revision(&table, json, &fields);
        self.put_definition(document, time, Some(old), definition);
        Ok(())
    }

    /// Removes the note that something dropped is still to be freed.
    pub(crate) fn remove_definition(
        &mut self,
        tablet: TabletId,
        document: InternalId,
    ) -> Result<(), TransactionError> {
        let table = self
            .registry
            .table(tablet)
            .expect("the catalog tables are built in")
            .clone();
        let Some(json) = self.read_document(&table, document)? else {
            return Ok(());
        };
        let fields = parse(&json)?;
        let old = self.revision(&table, json, &fields);
        self.writes.put(tablet, document, Some(old), None);
        Arc::make_mut(&mut self.registry).apply(document, Timestamp::MAX, None);
        Ok(())
    }

    fn put_definition(
        &mut self,
        document: InternalId,
        creation_time_ms: f64,
        old: Option<Arc<Revision>>,
        definition: Definition,
    ) {
        let tablet = definition.tablet();
        let table = self
            .registry
            .table(tablet)
            .expect("the catalog tables are built in")
            .clone();
        let id = DocumentId {
            table: table.info.number,
            internal: document,
        };
        let mut fields = definition.write();
        fields.insert("_id".into(), Value::String(id.to_string()));
        fields.insert("_creationTime".into(), Value::Float64(creation_time_ms));
        let json = Value::Object(fields.clone()).to_json_string().into();
        let new = self.revision(&table, json, &fields);
        self.writes.put(tablet, document, old, Some(new));
        // Until the commit has a timestamp, the own definition counts as newest.
        Arc::make_mut(&mut self.registry).apply(document, Timestamp::MAX, Some(definition));
    }
}

impl Registry {
    /// What a revision of a definition document says.
    pub(crate) fn read_revision(tablet: TabletId, revision: &Revision) -> Definition {
        let fields = parse(&revision.json).expect("a definition was written by this crate");
        Definition::read(tablet, &fields).expect("a definition was written by this crate")
    }
}

/// The same revision with keys in the table's present indexes.
pub(crate) fn rekey(revision: &Revision, table: &Table) -> Result<Arc<Revision>, TransactionError> {
    let fields = parse(&revision.json)?;
    let keys = match revision.indexes.len() + 1 == table.indexes.len()
        && table.indexes.starts_with(&revision.indexes)
    {
        // One index more at the end: the other keys are known.
        true => {
            let added = table
                .indexes
                .last()
                .expect("the set is longer than another");
            revision
                .keys
                .iter()
                .cloned()
                .chain([key_of(added, &fields)])
                .collect()
        }
        false => keys_of(&table.indexes, &fields),
    };
    Ok(Arc::new(Revision {
        json: revision.json.clone(),
        indexes: table.indexes.clone(),
        keys,
    }))
}

fn built_in_table(name: &str) -> TransactionError {
    developer(
        "ReadOnlySystemTable",
        format!("Table \"{name}\" is built in and cannot be deleted."),
    )
}

fn number_taken(number: TableNumber) -> TransactionError {
    developer(
        "TableNumberTaken",
        format!("The table number {} is taken.", number.0),
    )
}

fn check_table_name(name: &str) -> Result<(), TransactionError> {
    let mut characters = name.chars();
    let head = characters
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !head
        || !characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
        || name.len() > TABLE_NAME_MAX
    {
        return Err(developer(
            "InvalidTableName",
            format!(
                "Invalid table name \"{name}\": a table name begins with a letter, holds only letters, digits and \
                 underscores, and is at most {TABLE_NAME_MAX} characters long."
            ),
        ));
    }
    Ok(())
}
