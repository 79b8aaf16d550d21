//! The tables and indexes that exist at one moment: an immutable picture, rebuilt from the
//! documents of `_tables` and `_indexes` and replaced when a commit touches them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use lentil_storage::{IndexId, TabletId};
use lentil_values::{InternalId, TableNumber, Timestamp};

use crate::catalog_key::{
    FIRST_FREE_ID, INDEXES_BY_CREATION_TIME, INDEXES_BY_ID, INDEXES_TABLET,
    TABLES_BY_CREATION_TIME, TABLES_BY_ID, TABLES_TABLET,
};
use crate::definition::{Definition, StoredIndex, TableDefinition};
use crate::{IndexDefinition, IndexInfo, IndexState, Namespace, TableInfo};

/// The indexes of a table that have entries: all but `by_id`, `by_creation_time` first. Two equal
/// pointers mean the same indexes, so that keys computed for one are right for the other.
pub(crate) type IndexSet = [Arc<IndexInfo>];

/// A live table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) info: Arc<TableInfo>,
    pub(crate) indexes: Arc<IndexSet>,
}

impl Table {
    /// The declared index or `by_creation_time` of that name (`by_id` is no entry index).
    pub(crate) fn index(&self, name: &str) -> Option<&Arc<IndexInfo>> {
        self.indexes
            .iter()
            .find(|index| index.definition.name == name)
    }

    /// `by_id` as callers see it.
    pub(crate) fn by_id(&self) -> IndexInfo {
        built_in("by_id", "_id", self.info.by_id, self.info.tablet)
    }
}

/// Something dropped whose space is still held.
#[derive(Clone, Debug)]
pub(crate) struct Freeing {
    /// The document that notes it.
    pub(crate) document: InternalId,
    /// What it was.
    pub(crate) definition: Definition,
    /// The commit that dropped it: older snapshots may still read it.
    pub(crate) since: Timestamp,
}

#[derive(Clone, Debug, Default)]
struct NamespaceTables {
    names: BTreeMap<String, TabletId>,
    numbers: BTreeMap<TableNumber, TabletId>,
}

/// All tables and indexes. Cloning costs a pointer per table; done only by transactions and
/// commits that change definitions.
#[derive(Clone, Debug)]
pub(crate) struct Registry {
    namespaces: BTreeMap<Namespace, Arc<NamespaceTables>>,
    tablets: HashMap<TabletId, Arc<Table>>,
    /// Which table an index (dropped ones not included) belongs to.
    index_tablets: HashMap<IndexId, TabletId>,
    /// Every definition by its document, dropped ones included, and when it was written.
    documents: HashMap<InternalId, (Arc<Definition>, Timestamp)>,
}

impl Registry {
    /// What every database has: `_tables` and `_indexes` themselves.
    pub(crate) fn built_in() -> Registry {
        let mut registry = Registry {
            namespaces: BTreeMap::new(),
            tablets: HashMap::new(),
            index_tablets: HashMap::new(),
            documents: HashMap::new(),
        };
        let catalog = [
            (
                "_tables",
                TABLES_TABLET,
                TABLES_BY_ID,
                TABLES_BY_CREATION_TIME,
            ),
            (
                "_indexes",
                INDEXES_TABLET,
                INDEXES_BY_ID,
                INDEXES_BY_CREATION_TIME,
            ),
        ];
        for (name, tablet, by_id, by_creation_time) in catalog {
            registry.add_table(&TableDefinition {
                tablet,
                namespace: Namespace::ROOT,
                name: name.to_owned(),
                number: TableNumber(tablet.0),
                by_id,
                by_creation_time,
                deleting: false,
            });
        }
        registry
    }

    pub(crate) fn table(&self, tablet: TabletId) -> Option<&Arc<Table>> {
        self.tablets.get(&tablet)
    }

    pub(crate) fn by_name(&self, namespace: Namespace, name: &str) -> Option<&Arc<Table>> {
        self.table(*self.namespaces.get(&namespace)?.names.get(name)?)
    }

    pub(crate) fn by_number(
        &self,
        namespace: Namespace,
        number: TableNumber,
    ) -> Option<&Arc<Table>> {
        self.table(*self.namespaces.get(&namespace)?.numbers.get(&number)?)
    }

    /// Tables of a namespace by name.
    pub(crate) fn tables(&self, namespace: Namespace) -> impl Iterator<Item = &Arc<Table>> {
        let names = self
            .namespaces
            .get(&namespace)
            .map(|tables| tables.names.values());
        names
            .into_iter()
            .flatten()
            .filter_map(|tablet| self.table(*tablet))
    }

    pub(crate) fn table_count(&self, namespace: Namespace) -> usize {
        self.namespaces
            .get(&namespace)
            .map_or(0, |tables| tables.names.len())
    }

    /// The smallest number at or above `from` that comes after every number given so far in
    /// `from..below`; numbers of dropped tables are not given again while their note is kept.
    pub(crate) fn next_number(&self, namespace: Namespace, from: u32, below: u32) -> TableNumber {
        let dropped =
            self.documents
                .values()
                .filter_map(|(definition, _)| match definition.as_ref() {
                    Definition::Table(table) if table.deleting && table.namespace == namespace => {
                        Some(table.number.0)
                    }
                    _ => None,
                });
        let live = self
            .namespaces
            .get(&namespace)
            .into_iter()
            .flat_map(|tables| tables.numbers.keys())
            .map(|n| n.0);
        let last = live
            .chain(dropped)
            .filter(|n| (from..below).contains(n))
            .max();
        TableNumber(last.map_or(from, |last| last + 1))
    }

    /// The table an index belongs to.
    pub(crate) fn table_of_index(&self, index: IndexId) -> Option<&Arc<Table>> {
        self.table(*self.index_tablets.get(&index)?)
    }

    /// The document that defines a live table.
    pub(crate) fn table_document(&self, tablet: TabletId) -> Option<InternalId> {
        self.find(
            |definition| matches!(definition, Definition::Table(table) if table.tablet == tablet),
        )
    }

    /// The document that defines an index.
    pub(crate) fn index_document(&self, index: IndexId) -> Option<InternalId> {
        self.find(
            |definition| matches!(definition, Definition::Index(stored) if stored.id == index),
        )
    }

    fn find(&self, matches: impl Fn(&Definition) -> bool) -> Option<InternalId> {
        self.documents
            .iter()
            .find(|(_, (definition, _))| matches(definition))
            .map(|(id, _)| *id)
    }

    /// Dropped tables and indexes whose space is still held; the indexes of a table come first,
    /// because the table's own note must outlive theirs.
    pub(crate) fn freeing(&self) -> Vec<Freeing> {
        let mut found = Vec::new();
        for (document, (definition, ts)) in &self.documents {
            let since = match definition.as_ref() {
                Definition::Table(table) => table.deleting.then_some(*ts),
                Definition::Index(index) if index.deleting => Some(*ts),
                Definition::Index(index) => self.dropped_since(index.tablet),
            };
            if let Some(since) = since {
                found.push(Freeing {
                    document: *document,
                    definition: definition.as_ref().clone(),
                    since,
                });
            }
        }
        found.sort_by_key(|freeing| {
            (
                matches!(freeing.definition, Definition::Table(_)),
                freeing.since,
                freeing.document,
            )
        });
        found
    }

    fn dropped_since(&self, tablet: TabletId) -> Option<Timestamp> {
        self.documents
            .values()
            .find_map(|(definition, ts)| match definition.as_ref() {
                Definition::Table(table) if table.tablet == tablet && table.deleting => Some(*ts),
                _ => None,
            })
    }

    /// The first number above every tablet and index known here.
    pub(crate) fn next_id(&self) -> u32 {
        let used = self
            .documents
            .values()
            .map(|(definition, _)| match definition.as_ref() {
                Definition::Table(table) => table
                    .tablet
                    .0
                    .max(table.by_id.0)
                    .max(table.by_creation_time.0),
                Definition::Index(index) => index.id.0,
            });
        used.max()
            .map_or(FIRST_FREE_ID, |last| FIRST_FREE_ID.max(last + 1))
    }

    /// What the definition document `document` says now; `None` if it is gone.
    pub(crate) fn definition(&self, document: InternalId) -> Option<&Definition> {
        self.documents
            .get(&document)
            .map(|(definition, _)| definition.as_ref())
    }

    /// Follows a write of a definition document. Tables must be applied before their indexes.
    pub(crate) fn apply(
        &mut self,
        document: InternalId,
        ts: Timestamp,
        definition: Option<Definition>,
    ) {
        let old = self.documents.remove(&document).map(|(old, _)| old);
        if let (Some(Definition::Table(old)), Some(Definition::Table(new))) =
            (old.as_deref(), &definition)
            && !old.deleting
            && !new.deleting
        {
            self.move_table(old, new);
            let new = Arc::new(Definition::Table(new.clone()));
            self.documents.insert(document, (new, ts));
            return;
        }
        match old.as_deref() {
            Some(Definition::Table(table)) => self.remove_table(table),
            Some(Definition::Index(index)) => self.remove_index(index),
            None => {}
        }
        let Some(definition) = definition else { return };
        match &definition {
            Definition::Table(table) if !table.deleting => self.add_table(table),
            Definition::Index(index) if !index.deleting => self.add_index(index),
            _ => {}
        }
        self.documents.insert(document, (Arc::new(definition), ts));
    }

    fn add_table(&mut self, definition: &TableDefinition) {
        let info = TableInfo {
            tablet: definition.tablet,
            namespace: definition.namespace,
            name: definition.name.clone(),
            number: definition.number,
            by_id: definition.by_id,
            by_creation_time: definition.by_creation_time,
        };
        let by_creation_time = built_in(
            "by_creation_time",
            "_creationTime",
            info.by_creation_time,
            info.tablet,
        );
        let tables = Arc::make_mut(self.namespaces.entry(info.namespace).or_default());
        let same_name = tables.names.insert(info.name.clone(), info.tablet);
        assert!(same_name.is_none(), "two live tables have one name");
        let same_number = tables.numbers.insert(info.number, info.tablet);
        assert!(same_number.is_none(), "two live tables have one number");
        self.index_tablets.insert(info.by_id, info.tablet);
        self.index_tablets
            .insert(info.by_creation_time, info.tablet);
        let table = Table {
            info: Arc::new(info),
            indexes: Arc::new([Arc::new(by_creation_time)]),
        };
        let same_tablet = self.tablets.insert(definition.tablet, Arc::new(table));
        assert!(
            same_tablet.is_none(),
            "two live tables share their contents"
        );
    }

    /// A live table changes its namespace and keeps its indexes.
    fn move_table(&mut self, old: &TableDefinition, new: &TableDefinition) {
        let table = self.tablets.get(&old.tablet);
        let indexes = table
            .expect("a live table is in the registry")
            .indexes
            .clone();
        let ids: Vec<IndexId> = indexes.iter().map(|index| index.id).collect();
        self.remove_table(old);
        self.add_table(new);
        self.index_tablets
            .extend(ids.into_iter().map(|index| (index, new.tablet)));
        let table = self
            .tablets
            .get_mut(&new.tablet)
            .expect("the table was just added");
        *table = Arc::new(Table {
            info: table.info.clone(),
            indexes,
        });
    }

    fn remove_table(&mut self, definition: &TableDefinition) {
        let Some(table) = self.tablets.get(&definition.tablet) else {
            return;
        };
        for index in table.indexes.iter() {
            self.index_tablets.remove(&index.id);
        }
        self.index_tablets.remove(&definition.by_id);
        self.tablets.remove(&definition.tablet);
        if let Some(tables) = self.namespaces.get_mut(&definition.namespace) {
            let tables = Arc::make_mut(tables);
            tables.names.remove(&definition.name);
            tables.numbers.remove(&definition.number);
        }
    }

    fn add_index(&mut self, stored: &StoredIndex) {
        let index = IndexInfo {
            id: stored.id,
            tablet: stored.tablet,
            definition: stored.definition.clone(),
            state: stored.state,
        };
        if self.change_indexes(stored.tablet, |indexes| {
            assert!(
                indexes
                    .iter()
                    .all(|other| other.id != index.id
                        && other.definition.name != index.definition.name),
                "two live indexes of a table have one name or number"
            );
            indexes.push(Arc::new(index));
        }) {
            self.index_tablets.insert(stored.id, stored.tablet);
        }
    }

    fn remove_index(&mut self, stored: &StoredIndex) {
        self.change_indexes(stored.tablet, |indexes| {
            indexes.retain(|index| index.id != stored.id)
        });
        self.index_tablets.remove(&stored.id);
    }

    /// Gives a table another list of indexes; `false` if the table has been dropped.
    fn change_indexes(
        &mut self,
        tablet: TabletId,
        change: impl FnOnce(&mut Vec<Arc<IndexInfo>>),
    ) -> bool {
        let Some(table) = self.tablets.get_mut(&tablet) else {
            return false;
        };
        let mut indexes = table.indexes.to_vec();
        change(&mut indexes);
        indexes.sort_by_key(|index| index.id);
        *table = Arc::new(Table {
            info: table.info.clone(),
            indexes: indexes.into(),
        });
        true
    }
}

fn built_in(name: &str, field: &str, id: IndexId, tablet: TabletId) -> IndexInfo {
    let definition = IndexDefinition {
        name: name.to_owned(),
        fields: vec![field.to_owned()],
        staged: false,
    };
    IndexInfo {
        id,
        tablet,
        definition,
        state: IndexState::Enabled,
    }
}
