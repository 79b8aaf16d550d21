//! Components (function-runtime 11.1): who is mounted where, and in which namespace its tables are.
//!
//! The root app is implicit: it has [`Namespace::ROOT`], the path `""`, and neither a row nor an id.
//! Every other component has a row for as long as anything of it may be left: one that a push leaves
//! out is kept as [`ComponentState::Unmounted`], and the push that mounts something at its path again
//! finds its tables as they were.
//!
//! Namespaces are numbered upwards from 1 and never given twice, not even after a component and its
//! data were deleted, for which its row stays behind. They end at [`LAST_NAMESPACE`]; the upper half
//! belongs to imports, whose hidden tables for the namespace `n` lie in `!n`.
//!
//! Rows of mounted components change with pushes only, which change the deployment's row as well: who
//! keeps something by that row may keep what it needs of [`Components`] beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use lentil_database::{Document, IndexQuery, Namespace, Order, Transaction};
use lentil_values::{DocumentId, KeyRange, Object, Value};

use crate::row::{Row, corrupt, fields, text};
use crate::table::create_in_component;
use crate::{CatalogError, SystemTable};

const TABLE: SystemTable = SystemTable::Components;
/// The last namespace that a component may have.
const LAST_NAMESPACE: u32 = u32::MAX / 2;
/// The state of rows that only keep a namespace from being given again.
const DELETED: &str = "deleted";

/// The path of a component: names joined by `/`, empty for the root app.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ComponentPath(pub String);

impl ComponentPath {
    /// The root app's.
    pub fn root() -> ComponentPath {
        ComponentPath::default()
    }

    /// Whether it is the root app.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// That of the child of this name.
    pub fn child(&self, name: &str) -> ComponentPath {
        if self.is_root() {
            return ComponentPath(name.to_owned());
        }
        ComponentPath(format!("{}/{name}", self.0))
    }

    /// That of the component that has mounted it, and its name there; `None` for the root.
    pub fn split(&self) -> Option<(ComponentPath, &str)> {
        if self.is_root() {
            return None;
        }
        Some(match self.0.rsplit_once('/') {
            Some((parent, name)) => (ComponentPath(parent.to_owned()), name),
            None => (ComponentPath::root(), self.0.as_str()),
        })
    }
}

impl fmt::Display for ComponentPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How far a component is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComponentState {
    /// A push that is not finished has made its namespace; it was never mounted.
    Allocated,
    /// It is part of the app.
    Active,
    /// It was part of the app; its data is kept.
    Unmounted,
}

impl ComponentState {
    /// Its name in rows and to dashboards.
    pub fn name(self) -> &'static str {
        match self {
            ComponentState::Allocated => "allocated",
            ComponentState::Active => "active",
            ComponentState::Unmounted => "unmounted",
        }
    }
}

/// One component.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// Its row's id, by which tools name it; `None` for the root.
    pub id: Option<DocumentId>,
    /// The component that has mounted it; `None` for the root and its children.
    pub parent: Option<DocumentId>,
    /// Its name in its parent; empty for the root.
    pub name: String,
    /// Where it is mounted.
    pub path: ComponentPath,
    /// Where its tables are.
    pub namespace: Namespace,
    /// The definition of which it is an instance; empty for the root.
    pub definition_path: String,
    /// How far it is.
    pub state: ComponentState,
    /// Where its HTTP routes are mounted, if they are.
    pub http_prefix: Option<String>,
    /// Bindings of its environment variables, as its parent's definition has them.
    pub env: serde_json::Value,
    /// The row of its active schema, in its namespace.
    pub schema: Option<DocumentId>,
    /// The row of the schema that a push is trying, in its namespace.
    pub pending_schema: Option<DocumentId>,
}

/// A component as a push mounts it.
#[derive(Clone, Debug, PartialEq)]
pub struct MountedComponent {
    /// Where.
    pub path: ComponentPath,
    /// The definition of which it is an instance.
    pub definition_path: String,
    /// Where its HTTP routes are mounted, if they are.
    pub http_prefix: Option<String>,
    /// Bindings of its environment variables.
    pub env: serde_json::Value,
}

impl MountedComponent {
    /// One with neither routes nor variables, of a definition that is named as it is.
    pub fn plain(path: &str) -> MountedComponent {
        MountedComponent {
            path: ComponentPath(path.to_owned()),
            definition_path: path.to_owned(),
            http_prefix: None,
            env: serde_json::json!({}),
        }
    }
}

/// What a push has done to the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComponentChanges {
    /// Mounted for the first time.
    pub created: Vec<ComponentPath>,
    /// Mounted again, with the data they had.
    pub remounted: Vec<ComponentPath>,
    /// No longer mounted.
    pub unmounted: Vec<ComponentPath>,
}

/// All components at one moment, the root among them.
#[derive(Clone, Debug, PartialEq)]
pub struct Components {
    by_path: BTreeMap<ComponentPath, Component>,
    /// The first namespace that was never given.
    free: u32,
}

impl Component {
    /// The root app, which has no row to be read.
    pub fn root() -> Component {
        Component {
            id: None,
            parent: None,
            name: String::new(),
            path: ComponentPath::root(),
            namespace: Namespace::ROOT,
            definition_path: String::new(),
            state: ComponentState::Active,
            http_prefix: None,
            env: serde_json::Value::Null,
            schema: None,
            pending_schema: None,
        }
    }

    /// Whether functions of it may run and write.
    pub fn is_active(&self) -> bool {
        self.state == ComponentState::Active
    }

    /// Whether it is or was part of the app.
    pub fn is_shown(&self) -> bool {
        self.state != ComponentState::Allocated
    }

    /// Writes its row; the root has none.
    pub fn save(&self, tx: &mut Transaction) -> Result<(), CatalogError> {
        if let Some(id) = self.id {
            tx.replace(Namespace::ROOT, id, self.to_fields(self.state.name()))?;
        }
        Ok(())
    }

    fn to_fields(&self, state: &str) -> Object {
        let id = |id: Option<DocumentId>| id.and_then(|id| text(&id.to_string()));
        fields([
            ("parent", id(self.parent)),
            ("path", text(&self.path.0)),
            (
                "namespace",
                Some(Value::Float64(f64::from(self.namespace.0))),
            ),
            ("definitionPath", text(&self.definition_path)),
            ("state", text(state)),
            ("httpPrefix", self.http_prefix.as_deref().and_then(text)),
            ("env", text(&self.env.to_string())),
            ("schema", id(self.schema)),
            ("pendingSchema", id(self.pending_schema)),
        ])
    }
}

impl Components {
    /// Reads them: one scan of a table that has a row a component.
    pub fn load(tx: &mut Transaction) -> Result<Components, CatalogError> {
        let mut components = Components {
            by_path: BTreeMap::new(),
            free: Namespace::ROOT.0 + 1,
        };
        let root = Component::root();
        components.by_path.insert(root.path.clone(), root);
        let mut rows = tx.query(IndexQuery {
            namespace: Namespace::ROOT,
            table: TABLE.name().to_owned(),
            index: "by_creation_time".to_owned(),
            range: KeyRange::all(),
            order: Order::Asc,
        })?;
        while let Some((_, document)) = rows.next(tx)? {
            components.add(&document)?;
        }
        Ok(components)
    }

    fn add(&mut self, document: &Document) -> Result<(), CatalogError> {
        let row = Row::parse(TABLE, document)?;
        let number = row.number("namespace")?;
        let namespace = Namespace(number as u32);
        if f64::from(namespace.0) != number || namespace.0 > LAST_NAMESPACE || namespace.0 == 0 {
            return Err(corrupt(TABLE, "\"namespace\" is not one"));
        }
        self.free = self.free.max(namespace.0 + 1);
        let state = match row.text("state")?.as_str() {
            "allocated" => ComponentState::Allocated,
            "active" => ComponentState::Active,
            "unmounted" => ComponentState::Unmounted,
            DELETED => return Ok(()),
            _ => return Err(corrupt(TABLE, "\"state\" is not known")),
        };
        let id = |name: &str| {
            let read = |id: String| id.parse().map_err(|_| corrupt(TABLE, "an id is none"));
            row.optional_text(name).map(read).transpose()
        };
        let path = ComponentPath(row.text("path")?);
        let Some((_, name)) = path.split() else {
            return Err(corrupt(TABLE, "\"path\" is that of the root"));
        };
        let component = Component {
            id: Some(document.id),
            parent: id("parent")?,
            name: name.to_owned(),
            namespace,
            definition_path: row.text("definitionPath")?,
            state,
            http_prefix: row.optional_text("httpPrefix"),
            env: serde_json::from_str(&row.text("env")?)
                .map_err(|_| corrupt(TABLE, "\"env\" is no JSON"))?,
            schema: id("schema")?,
            pending_schema: id("pendingSchema")?,
            path: path.clone(),
        };
        if self.by_path.insert(path, component).is_some() {
            return Err(corrupt(TABLE, "two components have one path"));
        }
        Ok(())
    }

    /// The root app.
    pub fn root(&self) -> &Component {
        &self.by_path[&ComponentPath::root()]
    }

    /// The one at a path, mounted or not; `""` is the root.
    pub fn by_path(&self, path: &str) -> Option<&Component> {
        self.by_path.get(&ComponentPath(path.to_owned()))
    }

    /// The one of that id, mounted or not; the root has none.
    pub fn by_id(&self, id: DocumentId) -> Option<&Component> {
        self.all().find(|component| component.id == Some(id))
    }

    /// The one whose tables are there.
    pub fn by_namespace(&self, namespace: Namespace) -> Option<&Component> {
        self.all()
            .find(|component| component.namespace == namespace)
    }

    /// Whether a namespace is the root's or is, was or may become that of a component: not one of an
    /// import's hidden tables.
    pub fn may_own(namespace: Namespace) -> bool {
        namespace.0 <= LAST_NAMESPACE
    }

    /// Every namespace that was ever given, the root's first.
    pub fn namespaces(&self) -> impl Iterator<Item = Namespace> {
        (Namespace::ROOT.0..self.free).map(Namespace)
    }

    /// All, by path, the root first: parents before their children.
    pub fn all(&self) -> impl Iterator<Item = &Component> {
        self.by_path.values()
    }

    /// Those that are part of the app, the root first.
    pub fn active(&self) -> impl Iterator<Item = &Component> {
        self.all().filter(|component| component.is_active())
    }

    /// Those that tools show: all that are or were part of the app, the root first.
    pub fn shown(&self) -> impl Iterator<Item = &Component> {
        self.all().filter(|component| component.is_shown())
    }

    /// Gives those of a coming push that are new a row and a namespace with its system tables, so
    /// that pending schemas and indexes have a place. Functions and tools do not see them yet.
    pub fn allocate(
        tx: &mut Transaction,
        mounted: &[MountedComponent],
    ) -> Result<Components, CatalogError> {
        let mut components = Components::load(tx)?;
        let mut mounted: Vec<&MountedComponent> = mounted.iter().collect();
        mounted.sort_by(|a, b| a.path.cmp(&b.path));
        for new in mounted {
            if components.by_path.contains_key(&new.path) {
                continue;
            }
            components.create(tx, new)?;
        }
        Ok(components)
    }

    fn create(&mut self, tx: &mut Transaction, new: &MountedComponent) -> Result<(), CatalogError> {
        let orphan = || corrupt(TABLE, &format!("{:?} has no parent", new.path.0));
        let (parent, name) = new.path.split().ok_or_else(orphan)?;
        let parent = self.by_path.get(&parent).ok_or_else(orphan)?.id;
        if self.free > LAST_NAMESPACE {
            return Err(corrupt(TABLE, "all namespaces have been given"));
        }
        let mut component = Component {
            id: None,
            parent,
            name: name.to_owned(),
            path: new.path.clone(),
            namespace: Namespace(self.free),
            definition_path: new.definition_path.clone(),
            state: ComponentState::Allocated,
            http_prefix: new.http_prefix.clone(),
            env: new.env.clone(),
            schema: None,
            pending_schema: None,
        };
        let row = component.to_fields(component.state.name());
        component.id = Some(tx.insert(Namespace::ROOT, TABLE.name(), row)?);
        create_in_component(tx, component.namespace)?;
        self.free += 1;
        self.by_path.insert(component.path.clone(), component);
        Ok(())
    }

    /// Makes these, and no others, part of the app; the root is not among them. Parents must be
    /// named with their children, in any order.
    pub fn apply(
        tx: &mut Transaction,
        mounted: &[MountedComponent],
    ) -> Result<ComponentChanges, CatalogError> {
        let components = Components::allocate(tx, mounted)?;
        let mut changes = ComponentChanges::default();
        let wanted: BTreeMap<&ComponentPath, &MountedComponent> =
            mounted.iter().map(|new| (&new.path, new)).collect();
        for old in components.all().filter(|old| !old.path.is_root()) {
            let Some(new) = wanted.get(&old.path) else {
                if old.is_active() {
                    let mut gone = old.clone();
                    gone.state = ComponentState::Unmounted;
                    gone.save(tx)?;
                    changes.unmounted.push(gone.path);
                }
                continue;
            };
            match old.state {
                ComponentState::Allocated => changes.created.push(old.path.clone()),
                ComponentState::Unmounted => changes.remounted.push(old.path.clone()),
                ComponentState::Active => {}
            }
            let component = Component {
                definition_path: new.definition_path.clone(),
                http_prefix: new.http_prefix.clone(),
                env: new.env.clone(),
                state: ComponentState::Active,
                ..old.clone()
            };
            if component != *old {
                component.save(tx)?;
            }
        }
        Ok(changes)
    }

    /// Deletes one that is not mounted, and its children, with all their tables; `false` if one of
    /// them is mounted, and nothing is done then.
    pub fn delete(tx: &mut Transaction, id: DocumentId) -> Result<bool, CatalogError> {
        let components = Components::load(tx)?;
        let mut doomed = BTreeSet::from([id]);
        // Parents come before their children.
        for component in components.all() {
            if let (Some(id), Some(parent)) = (component.id, component.parent)
                && doomed.contains(&parent)
            {
                doomed.insert(id);
            }
        }
        let is_doomed = |one: &&Component| one.id.is_some_and(|id| doomed.contains(&id));
        if components.active().any(|one| is_doomed(&one)) || components.by_id(id).is_none() {
            return Ok(false);
        }
        for component in components.all().filter(is_doomed) {
            for table in tx.tables(component.namespace) {
                tx.delete_table(component.namespace, &table.name)?;
            }
            if let Some(id) = component.id {
                tx.replace(Namespace::ROOT, id, component.to_fields(DELETED))?;
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
