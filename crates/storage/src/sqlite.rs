//! The embedded default: one SQLite file in WAL mode.
//!
//! One connection writes, behind a mutex; up to sixteen read, each lent to one read at a time; one,
//! on a thread of its own, copies the write-ahead log back into the file. The
//! layout of the file is described in `docs/storage-format.md`.

mod backup;
mod schema;
mod lock;
mod log_file;
mod readers;
mod reading;
mod writing;
mod pruning;
mod checkpoints;
mod gathering;
mod error;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use lentil_values::{InternalId, Timestamp};
use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use crate::limits::{BUSY_WAIT, CACHE_BYTES_DEFAULT, READER_COOLS_AFTER};
pub use crate::sqlite::backup::{check_database, copy_database};
use crate::sqlite::checkpoints::Checkpoints;
use crate::sqlite::lock::DatabaseLock;
pub use crate::sqlite::log_file::{LogEntryRow, LogFile, LogFileState, LogFilter, search_log};
use crate::sqlite::readers::Readers;
use crate::sqlite::reading::ReadError;
use crate::sqlite::writing::Writer;
use crate::{
    Batch, DocumentRow, IndexId, IndexRow, IndexScan, LogRow, Persistence, PruneReport,
    StorageError, StorageStats, StorageUsage, TableScan, TabletId,
};

/// How hard a commit is pressed onto the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synchronous {
    /// fsync at every commit: an acknowledged mutation survives a power cut.
    Full,
    /// fsync at checkpoints only: a power cut may lose acknowledged mutations.
    MayLoseOnPowerCut,
}

/// Where and how the file is opened.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// The database file; its folder must exist.
    pub path: PathBuf,
    /// Durability.
    pub synchronous: Synchronous,
    /// Page cache of each connection, bytes.
    pub cache_bytes: u64,
}

impl SqliteOptions {
    /// The file at `path`, every commit synced, 16 MiB of page cache a connection.
    pub fn new(path: impl Into<PathBuf>) -> SqliteOptions {
        SqliteOptions {
            path: path.into(),
            synchronous: Synchronous::Full,
            cache_bytes: CACHE_BYTES_DEFAULT,
        }
    }
}

/// Persistence in one SQLite file.
pub struct SqlitePersistence {
    path: PathBuf,
    /// Mirrors the writer's counter, so that asking does not wait for a commit.
    latest: AtomicU64,
    /// Set before a pruning transaction begins: whoever read what it removed finds the new horizon.
    horizon: AtomicU64,
    revisions: AtomicU64,
    // Dropped in this order: the writer closes last, because the last connection tidies the write-ahead log away and
    // the readers may not write; the lock goes when nothing is open any more.
    readers: Readers,
    checkpoints: Checkpoints,
    writer: Mutex<Writer>,
    _lock: DatabaseLock,
}

impl SqlitePersistence {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// `Locked` if a server has it open, `Inaccessible` if folder or file cannot be used, `Format` if it is not a
    /// Lentil database or one of another format version, `Full` and `Io` as the disk says.
    pub fn open(options: SqliteOptions) -> Result<SqlitePersistence, StorageError> {
        check_place(&options.path)?;
        // Two names of one file must meet at one lock.
        let path = options
            .path
            .canonicalize()
            .unwrap_or_else(|_| options.path.clone());
        let lock = DatabaseLock::take(&path)?;
        let mut writer = open_writer(&path, &options)?;
        let store = SqlitePersistence {
            latest: AtomicU64::new(writer.counters.latest.0),
            horizon: AtomicU64::new(writer.counters.horizon.0),
            revisions: AtomicU64::new(writer.counters.revisions()),
            checkpoints: Checkpoints::start(&mut writer.connection, &path)?,
            readers: Readers::new(path.clone(), options.cache_bytes),
            writer: Mutex::new(writer),
            _lock: lock,
            path,
        };
        Ok(store)
    }

    fn failed(&self, doing: &str, error: &rusqlite::Error) -> StorageError {
        error::from_driver(&self.path, doing, error)
    }

    /// Runs one read on a lent connection.
    fn read<T>(
        &self,
        doing: &str,
        read: impl FnOnce(&Connection) -> Result<T, ReadError>,
    ) -> Result<T, StorageError> {
        let reader = self.readers.take()?;
        read(&reader).map_err(|error| match error {
            ReadError::Driver(error) => self.failed(doing, &error),
            ReadError::Corrupt(what) => StorageError::Corrupt(format!(
                "{} is damaged: {what}, while {doing}; restore it from a backup",
                self.path.display()
            )),
        })
    }

    /// As [`Self::read`], for a snapshot. The horizon is looked at afterwards: a removal that the read could have
    /// seen had moved it before.
    fn read_at<T>(
        &self,
        at: Timestamp,
        doing: &str,
        read: impl FnOnce(&Connection) -> Result<T, ReadError>,
    ) -> Result<T, StorageError> {
        let answer = self.read(doing, read);
        let horizon = Timestamp(self.horizon.load(Ordering::SeqCst));
        if at < horizon {
            return Err(StorageError::pruned(at, horizon));
        }
        answer
    }

    /// Runs one change on the writing connection and publishes the counters it leaves.
    fn write<T>(
        &self,
        doing: &str,
        write: impl FnOnce(&mut Writer) -> rusqlite::Result<T>,
    ) -> Result<T, StorageError> {
        let mut writer = self.writer.lock();
        let answer = write(&mut writer).map_err(|error| self.failed(doing, &error));
        let counters = writer.counters;
        self.latest.store(counters.latest.0, Ordering::SeqCst);
        self.revisions.store(counters.revisions(), Ordering::SeqCst);
        self.checkpoints.after_commit(&writer.connection);
        answer
    }
}

/// Errors that SQLite would only call "unable to open".
fn check_place(path: &Path) -> Result<(), StorageError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        return Err(error::inaccessible(
            path,
            &format!("the folder {} does not exist", folder.display()),
        ));
    }
    if path.is_dir() {
        return Err(error::inaccessible(path, "it is a folder, not a file"));
    }
    Ok(())
}

fn open_writer(path: &Path, options: &SqliteOptions) -> Result<Writer, StorageError> {
    let failed = |error: rusqlite::Error| error::from_driver(path, "opening the database", &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // Without a sync at every commit others may look for frames that are not written yet.
    let gathers = options.synchronous == Synchronous::Full;
    let connection = match gathering::file_system().filter(|_| gathers) {
        Some(name) => Connection::open_with_flags_and_vfs(path, flags, name),
        None => Connection::open_with_flags(path, flags),
    };
    let connection = connection.map_err(failed)?;
    connection.busy_timeout(BUSY_WAIT).map_err(failed)?;
    schema::prepare(&connection, path)?;
    let synchronous = match options.synchronous {
        Synchronous::Full => "full",
        Synchronous::MayLoseOnPowerCut => "normal",
    };
    schema::configure_writer(&connection, synchronous, options.cache_bytes).map_err(failed)?;
    let mode: String = connection
        .pragma_query_value(None, "journal_mode", |row| row.get(0))
        .map_err(failed)?;
    if mode != "wal" {
        return Err(error::inaccessible(
            path,
            "its file system cannot hold a write-ahead log (a network share?)",
        ));
    }
    Writer::new(connection).map_err(failed)
}

impl Persistence for SqlitePersistence {
    fn latest(&self) -> Result<Timestamp, StorageError> {
        Ok(Timestamp(self.latest.load(Ordering::SeqCst)))
    }

    fn append(&self, batch: &Batch) -> Result<(), StorageError> {
        self.write("appending a batch", |writer| writing::append(writer, batch))
    }

    fn get(
        &self,
        tablet: TabletId,
        id: InternalId,
        at: Timestamp,
    ) -> Result<Option<DocumentRow>, StorageError> {
        self.read_at(at, "reading a document", |connection| {
            reading::get(connection, tablet, id, at)
        })
    }

    fn scan_index(&self, scan: &IndexScan) -> Result<Vec<IndexRow>, StorageError> {
        self.read_at(scan.at, "reading an index", |connection| {
            reading::scan_index(connection, scan)
        })
    }

    fn scan_table(&self, scan: &TableScan) -> Result<Vec<DocumentRow>, StorageError> {
        self.read_at(scan.at, "reading a table", |connection| {
            reading::scan_table(connection, scan)
        })
    }

    fn read_log(
        &self,
        after: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<LogRow>, StorageError> {
        self.read("reading the log", |connection| {
            reading::read_log(connection, after, until, limit)
        })
    }

    fn global(&self, name: &str) -> Result<Option<String>, StorageError> {
        self.read("reading a global", |connection| {
            let mut statement =
                connection.prepare_cached("SELECT value FROM globals WHERE name = ?1")?;
            Ok(statement.query_row([name], |row| row.get(0)).optional()?)
        })
    }

    fn prune(&self, horizon: Timestamp, limit: usize) -> Result<PruneReport, StorageError> {
        self.write("removing old revisions", |writer| {
            self.horizon
                .fetch_max(horizon.min(writer.counters.latest).0, Ordering::SeqCst);
            pruning::prune(writer, horizon, limit)
        })
    }

    fn drop_index(&self, index: IndexId, limit: usize) -> Result<PruneReport, StorageError> {
        self.write("dropping an index", |writer| {
            pruning::drop_index(writer, index, limit)
        })
    }

    fn drop_tablet(&self, tablet: TabletId, limit: usize) -> Result<PruneReport, StorageError> {
        self.write("dropping a table", |writer| {
            pruning::drop_tablet(writer, tablet, limit)
        })
    }

    fn usage(&self) -> Result<StorageUsage, StorageError> {
        self.read("adding up what is kept", reading::usage)
    }

    fn give_back(&self) {
        self.readers.cool(READER_COOLS_AFTER);
    }

    fn stats(&self) -> Result<StorageStats, StorageError> {
        let mut bytes = 0;
        for suffix in ["", "-wal", "-shm"] {
            let mut name = self.path.clone().into_os_string();
            name.push(suffix);
            match std::fs::metadata(&name) {
                Ok(metadata) => bytes += metadata.len(),
                // SQLite makes and removes its companions as it likes.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error::inaccessible(&self.path, &error.to_string())),
            }
        }
        Ok(StorageStats {
            bytes,
            revisions: self.revisions.load(Ordering::SeqCst),
        })
    }
}

impl fmt::Debug for SqlitePersistence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlitePersistence")
            .field("path", &self.path)
            .field("latest", &self.latest.load(Ordering::SeqCst))
            .field("readers", &self.readers)
            .finish_non_exhaustive()
    }
}
