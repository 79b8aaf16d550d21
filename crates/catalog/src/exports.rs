//! Exports and how far they are (cli-and-deploy 13.1).

use lentil_database::{Document, IndexQuery, Namespace, Order, Transaction};
use lentil_values::{DocumentId, KeyRange, Object, Value};

use crate::row::{Row, corrupt, fields, text};
use crate::{CatalogError, SystemTable};

/// How far an export is; the names and fields are those that the CLI reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportState {
    /// It was asked for.
    Requested,
    /// It is being made.
    InProgress {
        /// How far.
        progress: String,
    },
    /// Its file is there.
    Completed {
        /// The snapshot it holds, ns since the epoch.
        start_ts: i64,
        /// When it was done, ns since the epoch.
        complete_ts: i64,
        /// Name of its file.
        object: String,
        /// When its file goes away, ns since the epoch.
        expiration_ts: i64,
        /// Bytes of its file.
        size: i64,
    },
    /// It could not be made.
    Failed {
        /// Why.
        error: String,
    },
    /// Somebody gave it up, or its file has expired.
    Canceled,
}

/// One export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportRow {
    /// Whether the contents of files are in it.
    pub include_storage: bool,
    /// How far it is.
    pub state: ExportState,
}

impl ExportState {
    /// Whether it is going to be made, or being made.
    pub fn is_open(&self) -> bool {
        matches!(
            self,
            ExportState::Requested | ExportState::InProgress { .. }
        )
    }

    /// The members that a row has for its state.
    fn fields(&self) -> Object {
        let integer = |n: &i64| Some(Value::Int64(*n));
        match self {
            ExportState::Requested => fields([("state", text("requested"))]),
            ExportState::InProgress { progress } => fields([
                ("state", text("in_progress")),
                ("progress_message", text(progress)),
            ]),
            ExportState::Completed {
                start_ts,
                complete_ts,
                object,
                expiration_ts,
                size,
            } => fields([
                ("state", text("completed")),
                ("start_ts", integer(start_ts)),
                ("complete_ts", integer(complete_ts)),
                ("zip_object_key", text(object)),
                ("expiration_ts", integer(expiration_ts)),
                ("size", integer(size)),
            ]),
            ExportState::Failed { error } => {
                fields([("state", text("failed")), ("error_message", text(error))])
            }
            ExportState::Canceled => fields([("state", text("canceled"))]),
        }
    }

    fn read(row: &Row) -> Result<ExportState, CatalogError> {
        Ok(match row.text("state")?.as_str() {
            "requested" => ExportState::Requested,
            "in_progress" => ExportState::InProgress {
                progress: row.optional_text("progress_message").unwrap_or_default(),
            },
            "completed" => ExportState::Completed {
                start_ts: row.integer("start_ts")?,
                complete_ts: row.integer("complete_ts")?,
                object: row.text("zip_object_key")?,
                expiration_ts: row.integer("expiration_ts")?,
                size: row.integer("size")?,
            },
            "failed" => ExportState::Failed {
                error: row.optional_text("error_message").unwrap_or_default(),
            },
            "canceled" => ExportState::Canceled,
            _ => return Err(corrupt(SystemTable::Exports, "its state is not known")),
        })
    }
}

impl ExportRow {
    /// Keeps a new export.
    pub fn insert(&self, tx: &mut Transaction) -> Result<DocumentId, CatalogError> {
        Ok(tx.insert(
            Namespace::ROOT,
            SystemTable::Exports.name(),
            self.to_fields(),
        )?)
    }

    /// Writes an export back.
    pub fn save(&self, tx: &mut Transaction, id: DocumentId) -> Result<(), CatalogError> {
        tx.replace(Namespace::ROOT, id, self.to_fields())?;
        Ok(())
    }

    /// The export of that id, if there is one.
    pub fn load(tx: &mut Transaction, id: DocumentId) -> Result<Option<ExportRow>, CatalogError> {
        if id.table != SystemTable::Exports.number() {
            return Ok(None);
        }
        let document = tx.get(Namespace::ROOT, id)?;
        document
            .map(|document| ExportRow::read(&document))
            .transpose()
    }

    /// All exports, the newest first.
    pub fn all(tx: &mut Transaction) -> Result<Vec<(DocumentId, ExportRow)>, CatalogError> {
        let documents = ExportRow::newest(tx, usize::MAX)?;
        documents
            .iter()
            .map(|document| Ok((document.id, ExportRow::read(document)?)))
            .collect()
    }

    /// The rows of at most so many exports, the newest first.
    pub fn newest(tx: &mut Transaction, count: usize) -> Result<Vec<Document>, CatalogError> {
        let mut cursor = tx.query(IndexQuery {
            namespace: Namespace::ROOT,
            table: SystemTable::Exports.name().to_owned(),
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

    fn read(document: &Document) -> Result<ExportRow, CatalogError> {
        let row = Row::parse(SystemTable::Exports, document)?;
        let include_storage = match row.value("format") {
            Some(Value::Object(format)) => {
                format.get("include_storage") == Some(&Value::Boolean(true))
            }
            _ => false,
        };
        Ok(ExportRow {
            include_storage,
            state: ExportState::read(&row)?,
        })
    }

    fn to_fields(&self) -> Object {
        let format = fields([
            ("format", text("zip")),
            (
                "include_storage",
                Some(Value::Boolean(self.include_storage)),
            ),
        ]);
        let requestor = fields([("type", text("snapshotExport"))]);
        let mut row = self.state.fields();
        row.insert("format".to_owned(), Value::Object(format));
        row.insert("requestor".to_owned(), Value::Object(requestor));
        row
    }
}
