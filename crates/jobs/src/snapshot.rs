//! Snapshot archives: the zip files that exports make and imports read (cli-and-deploy 13.2).

mod read;
mod write;

pub(crate) use self::read::Archive;
pub(crate) use self::write::{Stopped, write_snapshot};

/// The file of a table's documents.
pub(crate) const DOCUMENTS: &str = "documents.jsonl";
/// The file that says how the documents are written.
pub(crate) const GENERATED_SCHEMA: &str = "generated_schema.jsonl";
/// What it says: as this version writes them.
pub(crate) const UNIFORM: &str = "\"uniform\"";
/// The folder of the list of tables.
pub(crate) const TABLES: &str = "_tables";
/// The folder of files.
pub(crate) const STORAGE: &str = "_storage";
