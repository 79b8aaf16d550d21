//! Files (function-runtime 4.10): what apps see of them, and those that are to be removed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lentil_database::{Document, IndexQuery, Namespace, Order, TableInfo, Transaction};
use lentil_values::{DocumentId, InternalId, KeyRange, Object, Value};

use crate::row::{Row, corrupt, fields, text};
use crate::{CatalogError, SystemTable};

/// A file as `_storage` has it. Its content lies in the file store under its id.
#[derive(Clone, Debug, PartialEq)]
pub struct FileRow {
    /// The storage id.
    pub id: DocumentId,
    /// SHA-256 of the content.
    pub sha256: [u8; 32],
    /// Bytes of the content.
    pub size: u64,
    /// What the uploader said it is.
    pub content_type: Option<String>,
    /// When it became visible, ms since the epoch.
    pub creation_time_ms: f64,
}

impl FileRow {
    /// The storage id that belongs to an internal one.
    pub fn id_of(internal: InternalId) -> DocumentId {
        SystemTable::Files.id(internal)
    }

    /// Whether an id is one of a file.
    pub fn is_id(id: DocumentId) -> bool {
        id.table == SystemTable::Files.number()
    }

    /// The file, if there is one.
    pub fn get(
        tx: &mut Transaction,
        namespace: Namespace,
        id: DocumentId,
    ) -> Result<Option<FileRow>, CatalogError> {
        let document = tx.get(namespace, id)?;
        document
            .map(|document| FileRow::read(&document))
            .transpose()
    }

    /// Reads a row.
    pub fn read(document: &Document) -> Result<FileRow, CatalogError> {
        let table = SystemTable::Files;
        let row = Row::parse(table, document)?;
        let digest = STANDARD.decode(row.text("sha256")?).ok();
        let sha256 = digest
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| corrupt(table, "\"sha256\" is no digest"))?;
        Ok(FileRow {
            id: document.id,
            sha256,
            size: row.number("size")? as u64,
            content_type: row.optional_text("contentType"),
            creation_time_ms: row.number("_creationTime")?,
        })
    }

    /// Makes the file visible with the transaction's commit; the creation time is the
    /// transaction's.
    pub fn insert(
        tx: &mut Transaction,
        namespace: Namespace,
        internal: InternalId,
        sha256: &[u8; 32],
        size: u64,
        content_type: Option<&str>,
    ) -> Result<DocumentId, CatalogError> {
        let info = table_info(tx, namespace)?;
        let now_ms = tx.now_ms();
        let value = value(sha256, size, content_type);
        Ok(tx.insert_with(&info, internal, now_ms, value)?)
    }

    /// Makes a file that an import brings visible with the transaction's commit, as it was where it
    /// comes from. One of that id that is there keeps its creation time.
    pub fn restore(&self, tx: &mut Transaction, namespace: Namespace) -> Result<(), CatalogError> {
        let value = value(&self.sha256, self.size, self.content_type.as_deref());
        if tx.get(namespace, self.id)?.is_some() {
            tx.replace(namespace, self.id, value)?;
            return Ok(());
        }
        let info = table_info(tx, namespace)?;
        tx.insert_with(&info, self.id.internal, self.creation_time_ms, value)?;
        Ok(())
    }

    /// The ids of all files.
    pub fn ids(
        tx: &mut Transaction,
        namespace: Namespace,
    ) -> Result<Vec<DocumentId>, CatalogError> {
        let mut rows = tx.query(IndexQuery {
            namespace,
            table: SystemTable::Files.name().to_owned(),
            index: "by_id".to_owned(),
            range: KeyRange::all(),
            order: Order::Asc,
        })?;
        let mut ids = Vec::new();
        while let Some((_, document)) = rows.next(tx)? {
            ids.push(document.id);
        }
        Ok(ids)
    }

    /// Removes the file with the transaction's commit, and notes that its content is to be; false
    /// if there is none.
    pub fn remove(
        tx: &mut Transaction,
        namespace: Namespace,
        id: DocumentId,
    ) -> Result<bool, CatalogError> {
        if tx.get(namespace, id)?.is_none() {
            return Ok(false);
        }
        tx.delete(namespace, id)?;
        let value = fields([("file", text(&id.to_string()))]);
        tx.insert(Namespace::ROOT, SystemTable::RemovedFiles.name(), value)?;
        Ok(true)
    }
}

fn table_info(tx: &mut Transaction, namespace: Namespace) -> Result<TableInfo, CatalogError> {
    let table = SystemTable::Files;
    tx.table(namespace, table.name())
        .ok_or_else(|| corrupt(table, "the table is missing"))
}

fn value(sha256: &[u8; 32], size: u64, content_type: Option<&str>) -> Object {
    fields([
        ("sha256", text(&STANDARD.encode(sha256))),
        // Sizes are numbers to apps, exact up to 9 PB.
        ("size", Some(Value::Float64(size as f64))),
        (
            "contentType",
            Some(content_type.map_or(Value::Null, |it| Value::String(it.to_owned()))),
        ),
    ])
}

/// A file that apps have removed and whose content may still be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemovedFile {
    /// The row that notes it.
    pub row: DocumentId,
    /// The storage id it had.
    pub file: DocumentId,
}

impl RemovedFile {
    /// At most `limit` of them, the oldest first.
    pub fn some(tx: &mut Transaction, limit: usize) -> Result<Vec<RemovedFile>, CatalogError> {
        let table = SystemTable::RemovedFiles;
        let mut rows = tx.query(IndexQuery {
            namespace: Namespace::ROOT,
            table: table.name().to_owned(),
            index: "by_creation_time".to_owned(),
            range: KeyRange::all(),
            order: Order::Asc,
        })?;
        let mut found = Vec::new();
        while found.len() < limit {
            let Some((_, document)) = rows.next(tx)? else {
                break;
            };
            let file = Row::parse(table, &document)?.text("file")?;
            let file = file
                .parse()
                .map_err(|_| corrupt(table, "\"file\" is no id"))?;
            found.push(RemovedFile {
                row: document.id,
                file,
            });
        }
        Ok(found)
    }

    /// Forgets it: its content is gone.
    pub fn forget(&self, tx: &mut Transaction) -> Result<(), CatalogError> {
        tx.delete(Namespace::ROOT, self.row)?;
        Ok(())
    }
}
