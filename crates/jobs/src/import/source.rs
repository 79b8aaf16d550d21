//! What an import reads its documents from.

use std::path::Path;

use lentil_catalog::{ComponentPath, Schema};
use lentil_values::{DocumentId, Object, TableNumber, Value};

use crate::parse::{self, Format, Place, Sink};
use crate::plan::{Content, Plan};
use crate::snapshot::{Archive, TablePath};

/// An uploaded file, open.
pub(crate) enum Source {
    /// Documents of one table.
    Table {
        file: std::path::PathBuf,
        of: TablePath,
        format: Format,
    },
    /// A snapshot.
    Snapshot(Box<Archive>),
}

impl Source {
    /// Opens the file. The error is for the developer.
    pub(crate) fn open(plan: &Plan, file: &Path) -> Result<Source, String> {
        Ok(match &plan.content {
            Content::Table { name, format } => Source::Table {
                file: file.to_owned(),
                of: TablePath {
                    component: plan.component.clone(),
                    table: name.clone(),
                },
                format: *format,
            },
            Content::Snapshot => Source::Snapshot(Box::new(Archive::open(file, &plan.component)?)),
        })
    }

    /// The components that it speaks of.
    pub(crate) fn components(&self) -> Vec<ComponentPath> {
        match self {
            Source::Table { of, .. } => vec![of.component.clone()],
            Source::Snapshot(archive) => archive.components().cloned().collect(),
        }
    }

    /// Whether it has documents or files of a component.
    pub(crate) fn has_something(&self, of: &ComponentPath) -> bool {
        match self {
            Source::Table { .. } => true,
            Source::Snapshot(archive) => archive.has_something(of),
        }
    }

    /// The tables it has documents of.
    pub(crate) fn tables(&self) -> Vec<TablePath> {
        match self {
            Source::Table { of, .. } => vec![of.clone()],
            Source::Snapshot(archive) => archive.tables(),
        }
    }

    /// The archive, if it is one.
    pub(crate) fn archive(&mut self) -> Option<&mut Archive> {
        match self {
            Source::Table { .. } => None,
            Source::Snapshot(archive) => Some(archive),
        }
    }

    /// An error of a document of a table, with the name of the entry it stands in.
    pub(crate) fn at(&self, table: &TablePath, why: &str) -> String {
        let entry = match self {
            Source::Table { .. } => None,
            Source::Snapshot(archive) => archive.entry_of(table),
        };
        entry.map_or_else(|| why.to_owned(), |entry| format!("{entry}: {why}"))
    }

    /// Hands every document of a table to `sink`.
    pub(crate) fn documents(
        &mut self,
        table: &TablePath,
        schema: Option<&Schema>,
        sink: &mut Sink,
    ) -> Result<(), String> {
        match self {
            Source::Table { file, format, .. } => {
                parse::documents(file, *format, &table.table, schema, sink)
            }
            Source::Snapshot(archive) => archive.documents(table, sink),
        }
    }

    /// The number that a table has in the ids of its documents: as the snapshot says, else as the
    /// first document does; `None` if no document brings an id.
    pub(crate) fn number_of(&mut self, table: &TablePath) -> Result<Option<TableNumber>, String> {
        if let Source::Snapshot(archive) = self
            && let Some(number) = archive.number_of(table)
        {
            return Ok(Some(number));
        }
        let mut found = None;
        let first = self.documents(table, None, &mut |place, fields| {
            found = Some(id_of(place, &fields));
            // One is enough: this ends the reading.
            Err("enough".to_owned())
        });
        match (found, first) {
            (Some(found), _) => found,
            (None, Ok(())) => Ok(None),
            (None, Err(why)) => Err(why),
        }
    }
}

fn id_of(place: Place, fields: &Object) -> Result<Option<TableNumber>, String> {
    match fields.get("_id") {
        Some(Value::String(text)) => {
            let id: Result<DocumentId, _> = text.parse();
            id.map(|id| Some(id.table))
                .map_err(|error| format!("{place}: InvalidId: {text:?} is no id: {error}"))
        }
        // What is wrong with it is said when it is written.
        _ => Ok(None),
    }
}
