//! Writing a snapshot: everything as of one transaction's timestamp, a page in memory at a time.

use std::fs::File;
use std::io::{self, Write};

use futures::StreamExt as _;
use lentil_catalog::{ComponentPath, Components, FileRow, SystemTable};
use lentil_database::{IndexQuery, Namespace, Order, TableInfo, Transaction, TransactionError};
use lentil_functions::Functions;
use lentil_values::{DocumentId, KeyRange, Value, ValueFormat, after_prefix};
use serde_json::json;
use tokio::runtime::Handle;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{DOCUMENTS, GENERATED_SCHEMA, STORAGE, TABLES, TablePath, UNIFORM, prefix_of};

/// Bytes of documents that one transaction reads before the next takes over: a transaction
/// remembers what it has read.
const PAGE_BYTES: usize = 4 << 20;
/// Documents that one transaction reads.
const PAGE_DOCUMENTS: usize = 2_000;
/// Bytes from which on an entry of the archive needs 64-bit sizes, with room for what deflate adds.
const LARGE_BYTES: u64 = 0xf000_0000;

const README: &str = "\
# A snapshot of a Convex deployment

Made by Lentil. Each folder is a table: `documents.jsonl` holds one document a line, with its `_id`
and `_creationTime`; integers (`1`) are int64 and floats (`1.0`) are float64. `_tables` lists the
tables with the numbers that are part of their ids, `_storage` holds the files, if they were asked
for. `_components/<name>` holds the same of each component, nested like them. `npx convex import --replace-all <this file>` or `lentil import` puts everything back, here or
into another deployment.
";

/// Why a snapshot was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stopped {
    /// Whoever asked for it does not want it any more, or the server stops.
    #[error("it was given up")]
    Canceled,
    /// The disk, the store of files or the database refuses.
    #[error("{0}")]
    Failed(String),
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Stopped {
        Stopped::Failed(format!(
            "the file cannot be written: {error}; is there room on the disk?"
        ))
    }
}

impl From<zip::result::ZipError> for Stopped {
    fn from(error: zip::result::ZipError) -> Stopped {
        Stopped::Failed(format!("the archive cannot be written: {error}"))
    }
}

impl From<TransactionError> for Stopped {
    fn from(error: TransactionError) -> Stopped {
        Stopped::Failed(format!("the data cannot be read: {error}"))
    }
}

/// What a snapshot holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Documents of user tables.
    pub(crate) documents: u64,
    /// Files with their contents.
    pub(crate) files: u64,
}

/// What a snapshot is to hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct What {
    /// Files with their contents.
    pub(crate) storage: bool,
    /// The component with which it begins: that one and those below it, everything for the root.
    pub(crate) base: ComponentPath,
}

/// Told how far it is; says whether to go on.
pub(crate) type Progress<'a> = dyn FnMut(String) -> bool + 'a;

/// Writes what `tx` sees of it into `file`. Blocks; must run where the runtime allows that.
pub(crate) fn write_snapshot(
    functions: &Functions,
    tx: &Transaction,
    what: &What,
    file: File,
    progress: &mut Progress,
) -> Result<Summary, Stopped> {
    let mut writer = SnapshotWriter {
        functions,
        tx,
        zip: ZipWriter::new(io::BufWriter::new(file)),
        progress,
        summary: Summary::default(),
    };
    writer.entry("README.md", 0)?.write_all(README.as_bytes())?;
    let components = Components::load(&mut tx.fresh()).map_err(TransactionError::from)?;
    for component in components.shown() {
        let Some(prefix) = prefix_of(&what.base, &component.path) else {
            continue;
        };
        let part = Part {
            component: &component.path,
            namespace: component.namespace,
            prefix,
        };
        // What is kept of one that is not mounted belongs to the snapshot; that there was one does not.
        if !component.is_active() && !writer.has_something(&part)? {
            continue;
        }
        writer.tables(&part)?;
        if what.storage {
            writer.storage(&part)?;
        }
    }
    let summary = writer.summary;
    let file = writer.zip.finish()?.into_inner();
    // Whoever hears that it is complete may rely on it after a power cut.
    file.map_err(|error| error.into_error())?.sync_all()?;
    Ok(summary)
}

/// What belongs to one component.
struct Part<'a> {
    component: &'a ComponentPath,
    namespace: Namespace,
    /// What the names of its entries begin with.
    prefix: String,
}

impl Part<'_> {
    /// How people call a table.
    fn shown(&self, table: &str) -> String {
        let table = TablePath {
            component: self.component.clone(),
            table: table.to_owned(),
        };
        table.to_string()
    }
}

struct SnapshotWriter<'a, 'b> {
    functions: &'a Functions,
    /// Holds the snapshot; reads are made by others at its timestamp.
    tx: &'a Transaction,
    zip: ZipWriter<io::BufWriter<File>>,
    progress: &'a mut Progress<'b>,
    summary: Summary,
}

impl SnapshotWriter<'_, '_> {
    /// Begins an entry that may have so many bytes.
    fn entry(
        &mut self,
        name: &str,
        bytes: u64,
    ) -> Result<&mut ZipWriter<io::BufWriter<File>>, Stopped> {
        let options = SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated)
            .unix_permissions(0o644)
            .large_file(bytes >= LARGE_BYTES);
        self.zip.start_file(name, options)?;
        Ok(&mut self.zip)
    }

    fn report(&mut self, how_far: String) -> Result<(), Stopped> {
        match (self.progress)(how_far) {
            true => Ok(()),
            false => Err(Stopped::Canceled),
        }
    }

    fn has_something(&self, part: &Part) -> Result<bool, Stopped> {
        let tables = self.tx.fresh().tables(part.namespace).into_iter();
        for name in tables.map(|table| table.name) {
            let counts = !name.starts_with('_') || name == SystemTable::Files.name();
            if counts && self.tx.fresh().count(part.namespace, &name)? > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn tables(&mut self, part: &Part) -> Result<(), Stopped> {
        let mut tables = self.tx.fresh().tables(part.namespace);
        tables.retain(|table| !table.name.starts_with('_'));
        tables.sort_by_key(|table| table.number);
        self.entry(&format!("{}{TABLES}/{DOCUMENTS}", part.prefix), 0)?;
        for table in &tables {
            let line = json!({ "name": table.name, "id": table.number.0 });
            writeln!(self.zip, "{line}")?;
        }
        let mut by_size = Vec::with_capacity(tables.len());
        for table in tables {
            let count = self.tx.fresh().count(part.namespace, &table.name)?;
            by_size.push((count, table));
        }
        by_size.sort_by(|one, two| (one.0, &one.1.name).cmp(&(two.0, &two.1.name)));
        for (count, table) in by_size {
            self.table(part, &table, count)?;
        }
        Ok(())
    }

    fn table(&mut self, part: &Part, table: &TableInfo, count: u64) -> Result<(), Stopped> {
        let folder = format!("{}{}", part.prefix, table.name);
        self.entry(&format!("{folder}/{GENERATED_SCHEMA}"), 0)?;
        writeln!(self.zip, "{UNIFORM}")?;
        // How many bytes there will be is not known before.
        self.entry(&format!("{folder}/{DOCUMENTS}"), u64::MAX)?;
        let shown = part.shown(&table.name);
        let mut pages = Pages::of(part.namespace, &table.name);
        let (mut line, mut done) = (String::new(), 0);
        while let Some(page) = pages.next(self.tx)? {
            self.report(format!(
                "Exporting the table {shown} ({done} of {count} documents)"
            ))?;
            for json in page {
                let document = Value::parse(&json).map_err(|error| damaged(&shown, &error))?;
                line.clear();
                ValueFormat::Export.write(&document, &mut line);
                line.push('\n');
                self.zip.write_all(line.as_bytes())?;
                done += 1;
            }
        }
        self.summary.documents += done;
        Ok(())
    }

    fn storage(&mut self, part: &Part) -> Result<(), Stopped> {
        let name = SystemTable::Files.name();
        let (before, count) = (
            self.summary.files,
            self.tx.fresh().count(part.namespace, name)?,
        );
        self.entry(&format!("{}{STORAGE}/{DOCUMENTS}", part.prefix), u64::MAX)?;
        let mut pages = Pages::of(part.namespace, name);
        while let Some(page) = pages.next(self.tx)? {
            for json in page {
                let line = file_line(&json).map_err(|error| damaged(name, &error))?;
                writeln!(self.zip, "{line}")?;
            }
        }
        let mut pages = Pages::of(part.namespace, name);
        while let Some(page) = pages.next(self.tx)? {
            for json in page {
                let done = self.summary.files - before;
                self.report(format!(
                    "Exporting {} ({done} of {count} files)",
                    part.shown(name)
                ))?;
                let id = id_of(&json).map_err(|error| damaged(name, &error))?;
                let row = FileRow::get(&mut self.tx.fresh(), part.namespace, id);
                let row = row.map_err(|error| damaged(name, &error))?;
                let row = row.ok_or_else(|| damaged(name, &"a row has gone"))?;
                self.file(part, &row)?;
                self.summary.files += 1;
            }
        }
        Ok(())
    }

    fn file(&mut self, part: &Part, row: &FileRow) -> Result<(), Stopped> {
        let extension = extension(row.content_type.as_deref());
        self.entry(
            &format!("{}{STORAGE}/{}{extension}", part.prefix, row.id),
            row.size,
        )?;
        let failed = |error: &dyn std::fmt::Display| {
            Stopped::Failed(format!("the file {} cannot be read: {error}", row.id))
        };
        let runtime = Handle::current();
        let mut content = runtime
            .block_on(self.functions.content(row))
            .map_err(|error| failed(&error))?;
        while let Some(chunk) = runtime.block_on(content.next()) {
            self.zip
                .write_all(&chunk.map_err(|error| failed(&error))?)?;
        }
        Ok(())
    }
}

fn damaged(table: &str, error: &dyn std::fmt::Display) -> Stopped {
    Stopped::Failed(format!("a document of {table} is damaged: {error}"))
}

/// The documents of a table in the order of their ids, page by page.
struct Pages {
    namespace: Namespace,
    table: String,
    rest: Option<KeyRange>,
}

impl Pages {
    fn of(namespace: Namespace, table: &str) -> Pages {
        Pages {
            namespace,
            table: table.to_owned(),
            rest: Some(KeyRange::all()),
        }
    }

    /// The JSON of the next documents as of the snapshot of `at`; `None` behind the last.
    fn next(
        &mut self,
        at: &Transaction,
    ) -> Result<Option<Vec<std::sync::Arc<str>>>, TransactionError> {
        let Some(range) = self.rest.take() else {
            return Ok(None);
        };
        let mut tx = at.fresh();
        tx.lift_limits();
        let mut cursor = tx.query(IndexQuery {
            namespace: self.namespace,
            table: self.table.clone(),
            index: "by_id".to_owned(),
            range,
            order: Order::Asc,
        })?;
        let (mut page, mut bytes) = (Vec::new(), 0);
        while let Some((key, document)) = cursor.next(&mut tx)? {
            bytes += document.json.len();
            page.push(document.json);
            if bytes >= PAGE_BYTES || page.len() == PAGE_DOCUMENTS {
                self.rest = after_prefix(&key).map(|start| KeyRange { start, end: None });
                break;
            }
        }
        Ok((!page.is_empty()).then_some(page))
    }
}

/// The line that says what is known of a file.
fn file_line(json: &str) -> Result<String, String> {
    let Ok(Value::Object(mut fields)) = Value::parse(json) else {
        return Err("it is no object".to_owned());
    };
    // Where the content lies is nobody's business, but tools expect the member.
    if let Some(id) = fields.get("_id").cloned() {
        fields.insert("internalId".to_owned(), id);
    }
    let mut line = String::new();
    ValueFormat::Export.write(&Value::Object(fields), &mut line);
    Ok(line)
}

fn id_of(json: &str) -> Result<DocumentId, String> {
    let Ok(Value::Object(fields)) = Value::parse(json) else {
        return Err("it is no object".to_owned());
    };
    match fields.get("_id") {
        Some(Value::String(id)) => id.parse().map_err(|_| format!("{id:?} is no id")),
        _ => Err("it has no id".to_owned()),
    }
}

/// What a file's name ends with, so that programs know what it is.
fn extension(content_type: Option<&str>) -> &'static str {
    let essence = content_type.unwrap_or_default().split(';').next();
    match essence.unwrap_or_default().trim() {
        "image/png" => ".png",
        "image/jpeg" => ".jpeg",
        "image/gif" => ".gif",
        "image/webp" => ".webp",
        "image/svg+xml" => ".svg",
        "application/pdf" => ".pdf",
        "application/json" => ".json",
        "application/zip" => ".zip",
        "application/gzip" => ".gz",
        "audio/mpeg" => ".mp3",
        "video/mp4" => ".mp4",
        "video/webm" => ".webm",
        "text/plain" => ".txt",
        "text/html" => ".html",
        "text/css" => ".css",
        "text/csv" => ".csv",
        "text/javascript" => ".js",
        _ => "",
    }
}
