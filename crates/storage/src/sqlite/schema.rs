//! The tables, and whose file it is. Described in `docs/storage-format.md`.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension};

use crate::limits::{PAGE_BYTES, STATEMENTS_KEPT};
use crate::sqlite::error::{foreign, from_driver};
use crate::{StorageError, limits};

/// "LNTL": tells a Lentil database from every other SQLite file.
const APPLICATION_ID: i32 = 0x4c4e_544c;

/// The format this code reads and writes; grows with every change that older code would misread.
const FORMAT_VERSION: i32 = 1;

const TABLES: &str = "
CREATE TABLE log (
    seq INTEGER PRIMARY KEY,
    ts INTEGER NOT NULL,
    tablet INTEGER NOT NULL,
    id BLOB NOT NULL,
    body TEXT
);
CREATE TABLE documents (
    tablet INTEGER NOT NULL,
    id BLOB NOT NULL,
    ts INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    PRIMARY KEY (tablet, id, ts)
) WITHOUT ROWID;
CREATE TABLE entries (
    index_id INTEGER NOT NULL,
    key BLOB NOT NULL,
    ts INTEGER NOT NULL,
    id BLOB,
    PRIMARY KEY (index_id, key, ts)
) WITHOUT ROWID;
CREATE TABLE tombstones (
    n INTEGER PRIMARY KEY,
    ts INTEGER NOT NULL,
    index_id INTEGER NOT NULL,
    key BLOB NOT NULL
);
CREATE TABLE globals (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE state (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
";

/// Makes a new file ours, checks that an old one is, and refuses anything else without touching it.
pub(super) fn prepare(connection: &Connection, path: &Path) -> Result<(), StorageError> {
    let failed = |error: rusqlite::Error| from_driver(path, "opening the database", &error);
    let application: i32 = read_pragma(connection, "application_id").map_err(failed)?;
    let version: i32 = read_pragma(connection, "user_version").map_err(failed)?;
    let has_tables = connection
        .query_row("SELECT 1 FROM sqlite_schema LIMIT 1", [], |_| Ok(()))
        .optional()
        .map_err(failed)?
        .is_some();
    match (application, version) {
        (APPLICATION_ID, FORMAT_VERSION) => Ok(()),
        (APPLICATION_ID, _) => Err(other_version(path, version)),
        (0, 0) if !has_tables => create(connection).map_err(failed),
        _ => Err(foreign(path)),
    }
}

/// Settings of the writing connection; `synchronous` is SQLite's word for it.
pub(super) fn configure_writer(
    connection: &Connection,
    synchronous: &str,
    cache_bytes: u64,
) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update_and_check(
        None,
        "journal_size_limit",
        limits::WAL_KEPT_BYTES,
        |_| Ok(()),
    )?;
    configure_reader(connection, cache_bytes)
}

/// Settings that every connection has.
pub(super) fn configure_reader(connection: &Connection, cache_bytes: u64) -> rusqlite::Result<()> {
    let cache_kib = i64::try_from(cache_bytes / 1024)
        .unwrap_or(i64::MAX)
        .clamp(64, 1 << 30);
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    // Without this guarantee SQLite plans a statement anew whenever a range bound is bound, which
    // takes longer than the read itself; every plan here follows from the primary keys alone.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(())
}

fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "auto_vacuum", "incremental")?;
    // A start that was cut short may have left a file without tables: rewriting it makes both settings hold.
    connection.execute_batch("VACUUM")?;
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE;{TABLES}PRAGMA application_id = {APPLICATION_ID};PRAGMA user_version = {FORMAT_VERSION};COMMIT;"
    ))
}

fn read_pragma(connection: &Connection, name: &str) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

fn other_version(path: &Path, found: i32) -> StorageError {
    let remedy = if found > FORMAT_VERSION {
        "start a newer version of Lentil, or restore a backup made by this one"
    } else {
        "start the version of Lentil that wrote it and export the data"
    };
    StorageError::Format(format!(
        "{} has storage format {found}, this version of Lentil reads and writes format {FORMAT_VERSION}; {remedy} (the \
         file was left untouched)",
        path.display()
    ))
}
