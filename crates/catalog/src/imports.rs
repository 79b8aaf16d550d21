//! Imports and how far they are (cli-and-deploy 12.3).

use lentil_database::{Document, IndexQuery, Namespace, Order, Transaction};
use lentil_values::{DocumentId, KeyRange, Object, Value};

use crate::row::{Row, fields, text};
use crate::{CatalogError, SystemTable};

/// How far an import is; the names and fields are those that the CLI reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportState {
    /// The file is there and is being read.
    Uploaded,
    /// It was read; somebody must say yes.
    WaitingForConfirmation {
        /// What will happen.
        message: String,
        /// Whether a person must be asked.
        manual: bool,
    },
    /// It is being written.
    InProgress {
        /// How far.
        progress: String,
        /// Steps that are done.
        checkpoints: Vec<String>,
    },
    /// It is there.
    Completed {
        /// The snapshot that it was written over, ns since the epoch.
        ts: i64,
        /// Documents written.
        rows: i64,
    },
    /// It is not, and nothing of it is.
    Failed {
        /// Why.
        error: String,
    },
}

/// One import.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportRow {
    /// `{format, table}`.
    pub format: Value,
    /// `RequireEmpty`, `Append`, `Replace`, `ReplaceAll`.
    pub mode: String,
    /// The path of the component it is for, if that is not the root.
    pub component: Option<String>,
    /// The uploaded file's token.
    pub upload: String,
    /// How far it is.
    pub state: ImportState,
}

impl ImportState {
    fn to_value(&self) -> Value {
        let object = |name: &str, rest: Vec<(&str, Value)>| {
            let mut object: Object = rest
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect();
            object.insert("state".to_owned(), Value::String(name.to_owned()));
            Value::Object(object)
        };
        let string = |text: &str| Value::String(text.to_owned());
        match self {
            ImportState::Uploaded => object("uploaded", vec![]),
            ImportState::WaitingForConfirmation { message, manual } => object(
                "waiting_for_confirmation",
                vec![
                    ("message_to_confirm", string(message)),
                    ("require_manual_confirmation", Value::Boolean(*manual)),
                ],
            ),
            ImportState::InProgress {
                progress,
                checkpoints,
            } => object(
                "in_progress",
                vec![
                    ("progress_message", string(progress)),
                    (
                        "checkpoint_messages",
                        Value::Array(checkpoints.iter().map(|line| string(line)).collect()),
                    ),
                ],
            ),
            ImportState::Completed { ts, rows } => object(
                "completed",
                vec![
                    ("timestamp", Value::Int64(*ts)),
                    ("num_rows_written", Value::Int64(*rows)),
                ],
            ),
            ImportState::Failed { error } => {
                object("failed", vec![("error_message", string(error))])
            }
        }
    }

    fn from_value(value: Option<&Value>) -> Option<ImportState> {
        let Value::Object(state) = value? else {
            return None;
        };
        let text = |name: &str| match state.get(name) {
            Some(Value::String(text)) => text.clone(),
            _ => String::new(),
        };
        let integer = |name: &str| match state.get(name) {
            Some(Value::Int64(integer)) => *integer,
            _ => 0,
        };
        Some(match text("state").as_str() {
            "uploaded" => ImportState::Uploaded,
            "waiting_for_confirmation" => ImportState::WaitingForConfirmation {
                message: text("message_to_confirm"),
                manual: state.get("require_manual_confirmation") == Some(&Value::Boolean(true)),
            },
            "in_progress" => ImportState::InProgress {
                progress: text("progress_message"),
                checkpoints: texts(state.get("checkpoint_messages")),
            },
            "completed" => ImportState::Completed {
                ts: integer("timestamp"),
                rows: integer("num_rows_written"),
            },
            "failed" => ImportState::Failed {
                error: text("error_message"),
            },
            _ => return None,
        })
    }
}

/// The texts of an array.
fn texts(value: Option<&Value>) -> Vec<String> {
    let Some(Value::Array(elements)) = value else {
        return Vec::new();
    };
    let text = |element: &Value| match element {
        Value::String(text) => Some(text.clone()),
        _ => None,
    };
    elements.iter().filter_map(text).collect()
}

impl ImportRow {
    /// Keeps a new import.
    pub fn insert(&self, tx: &mut Transaction) -> Result<DocumentId, CatalogError> {
        Ok(tx.insert(
            Namespace::ROOT,
            SystemTable::Imports.name(),
            self.to_fields(),
        )?)
    }

    /// Writes an import back.
    pub fn save(&self, tx: &mut Transaction, id: DocumentId) -> Result<(), CatalogError> {
        tx.replace(Namespace::ROOT, id, self.to_fields())?;
        Ok(())
    }

    /// The import of that id, if there is one.
    pub fn load(tx: &mut Transaction, id: DocumentId) -> Result<Option<ImportRow>, CatalogError> {
        let Some(document) = ImportRow::document(tx, id)? else {
            return Ok(None);
        };
        ImportRow::read(&document).map(Some)
    }

    /// All imports, the newest first.
    pub fn all(tx: &mut Transaction) -> Result<Vec<(DocumentId, ImportRow)>, CatalogError> {
        ImportRow::newest(tx, usize::MAX)?
            .iter()
            .map(|document| Ok((document.id, ImportRow::read(document)?)))
            .collect()
    }

    fn read(document: &Document) -> Result<ImportRow, CatalogError> {
        let row = Row::parse(SystemTable::Imports, document)?;
        let state = ImportState::from_value(row.value("state"));
        let state = state
            .ok_or_else(|| crate::row::corrupt(SystemTable::Imports, "its state is not known"))?;
        Ok(ImportRow {
            format: row.value("format").cloned().unwrap_or(Value::Null),
            mode: row.text("mode")?,
            component: row.optional_text("component_path"),
            upload: row.text("upload")?,
            state,
        })
    }

    /// The import's row as the CLI reads it.
    pub fn document(
        tx: &mut Transaction,
        id: DocumentId,
    ) -> Result<Option<Document>, CatalogError> {
        if id.table != SystemTable::Imports.number() {
            return Ok(None);
        }
        Ok(tx.get(Namespace::ROOT, id)?)
    }

    /// The last imports, newest first.
    pub fn newest(tx: &mut Transaction, count: usize) -> Result<Vec<Document>, CatalogError> {
        let mut cursor = tx.query(IndexQuery {
            namespace: Namespace::ROOT,
            table: SystemTable::Imports.name().to_owned(),
            index: "by_creation_time".to_owned(),
            range: KeyRange::all(),
            order: Order::Desc,
        })?;
        let mut rows = Vec::new();
        while rows.len() < count {
            let Some((_, document)) = cursor.next(tx)? else {
                break;
            };
            rows.push(document);
        }
        Ok(rows)
    }

    fn to_fields(&self) -> Object {
        let requestor = Object::from([(
            "type".to_owned(),
            Value::String("snapshotImport".to_owned()),
        )]);
        fields([
            ("format", Some(self.format.clone())),
            ("mode", text(&self.mode)),
            ("component_path", self.component.as_deref().and_then(text)),
            ("upload", text(&self.upload)),
            ("state", Some(self.state.to_value())),
            ("requestor", Some(Value::Object(requestor))),
        ])
    }
}
