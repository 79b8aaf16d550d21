//! Table and index definitions as documents of `_tables` and `_indexes`.

use lentil_storage::{IndexId, TabletId};
use lentil_values::{Object, TableNumber, Value};

use crate::catalog_key::{INDEXES_TABLET, TABLES_TABLET};
use crate::{IndexDefinition, IndexState, Namespace};

/// A document of `_tables`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableDefinition {
    pub(crate) tablet: TabletId,
    pub(crate) namespace: Namespace,
    pub(crate) name: String,
    pub(crate) number: TableNumber,
    pub(crate) by_id: IndexId,
    pub(crate) by_creation_time: IndexId,
    /// Dropped: invisible, kept as the note that its space is still to be freed.
    pub(crate) deleting: bool,
}

/// A document of `_indexes` (declared indexes only; the two built-in ones belong to the table).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredIndex {
    pub(crate) id: IndexId,
    pub(crate) tablet: TabletId,
    pub(crate) definition: IndexDefinition,
    pub(crate) state: IndexState,
    /// Dropped: invisible, kept as the note that its space is still to be freed.
    pub(crate) deleting: bool,
}

/// What a document of one of the two tables says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Definition {
    Table(TableDefinition),
    Index(StoredIndex),
}

/// A stored definition is not one; names the field.
#[derive(Debug, thiserror::Error)]
#[error("a document of {table} is not a definition: field {field:?} is missing or wrong")]
pub(crate) struct DefinitionError {
    table: &'static str,
    field: &'static str,
}

impl Definition {
    /// Reads a document of the tablet `_tables` or `_indexes`.
    pub(crate) fn read(tablet: TabletId, document: &Object) -> Result<Definition, DefinitionError> {
        if tablet == TABLES_TABLET {
            read_table(&Fields {
                document,
                table: "_tables",
            })
            .map(Definition::Table)
        } else {
            assert!(
                tablet == INDEXES_TABLET,
                "only the two catalog tablets hold definitions"
            );
            read_index(&Fields {
                document,
                table: "_indexes",
            })
            .map(Definition::Index)
        }
    }

    /// Where it is kept.
    pub(crate) fn tablet(&self) -> TabletId {
        match self {
            Definition::Table(_) => TABLES_TABLET,
            Definition::Index(_) => INDEXES_TABLET,
        }
    }

    /// The fields of its document, system fields not included.
    pub(crate) fn write(&self) -> Object {
        match self {
            Definition::Table(table) => Object::from([
                ("name".into(), Value::String(table.name.clone())),
                ("namespace".into(), number(table.namespace.0)),
                ("number".into(), number(table.number.0)),
                ("tablet".into(), number(table.tablet.0)),
                ("byId".into(), number(table.by_id.0)),
                ("byCreationTime".into(), number(table.by_creation_time.0)),
                ("deleting".into(), Value::Boolean(table.deleting)),
            ]),
            Definition::Index(index) => Object::from([
                ("index".into(), number(index.id.0)),
                ("tablet".into(), number(index.tablet.0)),
                ("name".into(), Value::String(index.definition.name.clone())),
                (
                    "fields".into(),
                    Value::Array(
                        index
                            .definition
                            .fields
                            .iter()
                            .cloned()
                            .map(Value::String)
                            .collect(),
                    ),
                ),
                ("staged".into(), Value::Boolean(index.definition.staged)),
                (
                    "state".into(),
                    Value::String(state_name(index.state).into()),
                ),
                ("deleting".into(), Value::Boolean(index.deleting)),
            ]),
        }
    }
}

struct Fields<'a> {
    document: &'a Object,
    table: &'static str,
}

impl Fields<'_> {
    fn wrong(&self, field: &'static str) -> DefinitionError {
        DefinitionError {
            table: self.table,
            field,
        }
    }
    fn number(&self, field: &'static str) -> Result<u32, DefinitionError> {
        match self.document.get(field) {
            Some(Value::Float64(n))
                if *n >= 0.0 && *n <= f64::from(u32::MAX) && n.fract() == 0.0 =>
            {
                Ok(*n as u32)
            }
            _ => Err(self.wrong(field)),
        }
    }
    fn text(&self, field: &'static str) -> Result<&str, DefinitionError> {
        match self.document.get(field) {
            Some(Value::String(text)) => Ok(text),
            _ => Err(self.wrong(field)),
        }
    }
    fn flag(&self, field: &'static str) -> Result<bool, DefinitionError> {
        match self.document.get(field) {
            Some(Value::Boolean(flag)) => Ok(*flag),
            _ => Err(self.wrong(field)),
        }
    }
}

fn read_table(fields: &Fields<'_>) -> Result<TableDefinition, DefinitionError> {
    Ok(TableDefinition {
        tablet: TabletId(fields.number("tablet")?),
        namespace: Namespace(fields.number("namespace")?),
        name: fields.text("name")?.to_owned(),
        number: TableNumber(fields.number("number")?),
        by_id: IndexId(fields.number("byId")?),
        by_creation_time: IndexId(fields.number("byCreationTime")?),
        deleting: fields.flag("deleting")?,
    })
}

fn read_index(fields: &Fields<'_>) -> Result<StoredIndex, DefinitionError> {
    let Some(Value::Array(paths)) = fields.document.get("fields") else {
        return Err(fields.wrong("fields"));
    };
    let paths = paths.iter().map(|path| match path {
        Value::String(path) => Ok(path.clone()),
        _ => Err(fields.wrong("fields")),
    });
    Ok(StoredIndex {
        id: IndexId(fields.number("index")?),
        tablet: TabletId(fields.number("tablet")?),
        definition: IndexDefinition {
            name: fields.text("name")?.to_owned(),
            fields: paths.collect::<Result<_, _>>()?,
            staged: fields.flag("staged")?,
        },
        state: state_of(fields.text("state")?).ok_or_else(|| fields.wrong("state"))?,
        deleting: fields.flag("deleting")?,
    })
}

fn number(n: u32) -> Value {
    Value::Float64(f64::from(n))
}

fn state_name(state: IndexState) -> &'static str {
    match state {
        IndexState::Backfilling => "backfilling",
        IndexState::Backfilled => "backfilled",
        IndexState::Enabled => "enabled",
    }
}

fn state_of(name: &str) -> Option<IndexState> {
    [
        IndexState::Backfilling,
        IndexState::Backfilled,
        IndexState::Enabled,
    ]
    .into_iter()
    .find(|state| state_name(*state) == name)
}
