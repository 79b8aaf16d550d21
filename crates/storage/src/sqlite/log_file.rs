//! A file of what functions logged, beside the database: its own SQLite file, so that neither writes
//! to it nor its loss have anything to do with documents. Written in batches by one thread, searched
//! by others, bounded by age and size.
//!
//! What it holds may be lost: a file that cannot be read is put aside, and nothing waits for the disk.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, params, params_from_iter};

use crate::StorageError;
use crate::limits::{BUSY_WAIT, LOG_PRUNE_SHARE, STATEMENTS_KEPT};
use crate::sqlite::error::{foreign, from_driver};

/// "LNTG": tells it from every other SQLite file.
const APPLICATION_ID: i32 = 0x4c4e_5447;
/// Grows with every change that older code would misread; a file of another version is put aside.
const FORMAT_VERSION: i32 = 1;

const TABLES: &str = "
CREATE TABLE entries (
    at INTEGER PRIMARY KEY,
    request TEXT NOT NULL,
    execution TEXT NOT NULL,
    path TEXT NOT NULL,
    levels INTEGER NOT NULL,
    micros INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX entries_by_request ON entries (request);
";

/// An entry as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntryRow {
    /// Microseconds since the epoch; tells it from all others and orders them.
    pub at: i64,
    /// The request it belongs to.
    pub request: String,
    /// The execution it belongs to.
    pub execution: String,
    /// The function, in small letters.
    pub path: String,
    /// A bit for each kind of line that it has.
    pub levels: u32,
    /// How long the call took.
    pub micros: i64,
    /// Whatever else; not looked into.
    pub body: String,
}

/// Which entries a search wants; what is empty or zero asks for nothing.
#[derive(Clone, Debug, Default)]
pub struct LogFilter {
    /// Older than this.
    pub before: Option<i64>,
    /// Not older than this.
    pub from: i64,
    /// How the request's id begins.
    pub request: String,
    /// How the id of the request or of the execution begins.
    pub id: String,
    /// Parts of names of functions, in small letters; any of them.
    pub paths: Vec<String>,
    /// At least one of these bits.
    pub levels: u32,
    /// Calls that took at least so long.
    pub micros: i64,
}

/// What is in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogFileState {
    /// The oldest entry.
    pub oldest: Option<i64>,
    /// The newest entry.
    pub newest: Option<i64>,
    /// Bytes in use.
    pub bytes: u64,
}

/// The file, open for its one writer.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    connection: Connection,
}

impl LogFile {
    /// Opens the file, or makes it. One that is damaged, or of another version, is put aside (its
    /// name gets `.unreadable`), and a new one is begun. Blocks.
    pub fn open(path: &Path) -> Result<LogFile, StorageError> {
        match Self::try_open(path) {
            Err(error @ (StorageError::Corrupt(_) | StorageError::Format(_))) => {
                tracing::warn!(%error, "the kept logs cannot be read");
                Self::begin_anew(path)
            }
            opened => opened,
        }
    }

    /// Puts the file aside, whatever is in it, and begins a new one. Blocks.
    pub fn begin_anew(path: &Path) -> Result<LogFile, StorageError> {
        let aside = beside(path, ".unreadable");
        tracing::warn!(aside = %aside.display(), "beginning new logs; the old ones are put aside");
        put_aside(path, &aside)?;
        Self::try_open(path)
    }

    fn try_open(path: &Path) -> Result<LogFile, StorageError> {
        let failed = |error: rusqlite::Error| from_driver(path, "opening the kept logs", &error);
        let connection = Connection::open(path).map_err(failed)?;
        connection.busy_timeout(BUSY_WAIT).map_err(failed)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        let read =
            |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
        let (application, version) = (
            read("application_id").map_err(failed)?,
            read("user_version").map_err(failed)?,
        );
        let new = connection
            .query_row("SELECT 1 FROM sqlite_schema LIMIT 1", [], |_| Ok(()))
            .optional()
            .map_err(failed)?
            .is_none();
        match (application, version, new) {
            (APPLICATION_ID, FORMAT_VERSION, _) => {}
            (0, 0, true) => create(&connection).map_err(failed)?,
            (APPLICATION_ID, ..) => {
                return Err(StorageError::Format(format!(
                    "{} has format {version}, this version of Lentil reads {FORMAT_VERSION}",
                    path.display()
                )));
            }
            _ => return Err(foreign(path)),
        }
        // The last entries may go with the power: only checkpoints wait for the disk.
        connection
            .execute_batch("PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 8388608;")
            .map_err(failed)?;
        Ok(LogFile {
            path: path.to_owned(),
            connection,
        })
    }

    /// Adds entries, which are newer than all there are. Blocks.
    pub fn append(&mut self, rows: &[LogEntryRow]) -> Result<(), StorageError> {
        let path = &self.path;
        let failed = |error: rusqlite::Error| from_driver(path, "keeping logs", &error);
        let transaction = self.connection.transaction().map_err(failed)?;
        {
            let mut insert = transaction
                .prepare_cached("INSERT INTO entries VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")
                .map_err(failed)?;
            for row in rows {
                insert
                    .execute(params![
                        row.at,
                        row.request,
                        row.execution,
                        row.path,
                        row.levels,
                        row.micros,
                        row.body
                    ])
                    .map_err(failed)?;
            }
        }
        transaction.commit().map_err(failed)
    }

    /// Removes what is older than `oldest`, and, if there are more than `bytes_max` bytes, a share of
    /// the oldest; gives how many. Pages that become free are used again, so that the file stays
    /// within its bound. Blocks.
    pub fn prune(&mut self, oldest: i64, bytes_max: u64) -> Result<usize, StorageError> {
        let failed = |error: rusqlite::Error| from_driver(&self.path, "removing old logs", &error);
        let remove = "DELETE FROM entries WHERE at < ?1";
        let mut removed = self.connection.execute(remove, [oldest]).map_err(failed)?;
        if bytes_used(&self.connection).map_err(failed)? > bytes_max {
            let cut = "DELETE FROM entries WHERE at <= (SELECT at FROM entries ORDER BY at LIMIT 1 OFFSET \
                       (SELECT count(*) / ?1 FROM entries))";
            removed += self
                .connection
                .execute(cut, [LOG_PRUNE_SHARE])
                .map_err(failed)?;
        }
        Ok(removed)
    }

    /// What is in the file. Blocks.
    pub fn state(&self) -> Result<LogFileState, StorageError> {
        state(&self.connection, &self.path)
    }
}

/// Looks through a file of logs from the newest entry on, beside its writer, until `each` breaks. Blocks.
///
/// `each` gets the body of an entry that the filter lets through, and `None` for one that it does
/// not, so that whoever looks can tell how many were looked at.
pub fn search_log(
    path: &Path,
    filter: &LogFilter,
    mut each: impl FnMut(i64, Option<String>) -> ControlFlow<()>,
) -> Result<LogFileState, StorageError> {
    let failed = |error: rusqlite::Error| from_driver(path, "searching the kept logs", &error);
    // Not read-only: reading what is being written takes a place in its shared memory.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY_WAIT).map_err(failed)?;
    let mut sql = "SELECT at, request, execution, path, levels, micros, body FROM entries WHERE at < ?1 AND at >= ?2"
        .to_owned();
    let mut values: Vec<rusqlite::types::Value> =
        vec![filter.before.unwrap_or(i64::MAX).into(), filter.from.into()];
    if !filter.request.is_empty() {
        sql.push_str(" AND request >= ?3 AND request < ?4");
        values.push(filter.request.clone().into());
        values.push(format!("{}\u{10ffff}", filter.request).into());
    }
    sql.push_str(" ORDER BY at DESC");
    let mut statement = connection.prepare(&sql).map_err(failed)?;
    let mut rows = statement.query(params_from_iter(values)).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let at = row.get(0).map_err(failed)?;
        let body = match passes(filter, row).map_err(failed)? {
            true => Some(row.get(6).map_err(failed)?),
            false => None,
        };
        if each(at, body).is_break() {
            break;
        }
    }
    state(&connection, path)
}

/// Whether an entry is one that is wanted; its body is not read for it.
fn passes(filter: &LogFilter, row: &rusqlite::Row<'_>) -> rusqlite::Result<bool> {
    let text = |column: usize| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
    if filter.levels != 0 && row.get::<_, u32>(4)? & filter.levels == 0 {
        return Ok(false);
    }
    if filter.micros > 0 && row.get::<_, i64>(5)? < filter.micros {
        return Ok(false);
    }
    if !filter.id.is_empty()
        && !text(1)?.starts_with(&filter.id)
        && !text(2)?.starts_with(&filter.id)
    {
        return Ok(false);
    }
    let path = text(3)?;
    Ok(filter.paths.is_empty() || filter.paths.iter().any(|part| path.contains(part)))
}

fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.execute_batch(&format!(
        "BEGIN; {TABLES} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT_VERSION}; COMMIT;"
    ))
}

fn bytes_used(connection: &Connection) -> rusqlite::Result<u64> {
    let read = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = read("page_count")? - read("freelist_count")?;
    Ok((pages * read("page_size")?).unsigned_abs())
}

fn state(connection: &Connection, path: &Path) -> Result<LogFileState, StorageError> {
    let failed = |error: rusqlite::Error| from_driver(path, "reading the kept logs", &error);
    // Each a look at one end of the tree; together they would be a scan.
    let end = |sql: &str| {
        connection
            .query_row(sql, [], |row| row.get(0))
            .map_err(failed)
    };
    Ok(LogFileState {
        oldest: end("SELECT min(at) FROM entries")?,
        newest: end("SELECT max(at) FROM entries")?,
        bytes: bytes_used(connection).map_err(failed)?,
    })
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn put_aside(path: &Path, aside: &Path) -> Result<(), StorageError> {
    let failed = |error: std::io::Error| {
        StorageError::Inaccessible(format!("cannot put {} aside: {error}", path.display()))
    };
    std::fs::rename(path, aside).map_err(failed)?;
    for ending in ["-wal", "-shm"] {
        match std::fs::remove_file(beside(path, ending)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(error));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(at: i64, path: &str) -> LogEntryRow {
        LogEntryRow {
            at,
            request: format!("r{at:03}"),
            execution: format!("e{at:03}"),
            path: path.to_owned(),
            levels: if at % 2 == 0 { 1 } else { 2 },
            micros: at * 1_000,
            body: format!("body {at}"),
        }
    }

    fn found(path: &Path, filter: &LogFilter) -> Vec<String> {
        let mut found = Vec::new();
        search_log(path, filter, |_, body| {
            found.extend(body);
            ControlFlow::Continue(())
        })
        .expect("searched");
        found
    }

    fn filled(path: &Path, count: i64) -> LogFile {
        let mut file = LogFile::open(path).expect("it opens");
        let rows: Vec<_> = (1..=count)
            .map(|at| row(at, if at < 3 { "a:f" } else { "b:g" }))
            .collect();
        file.append(&rows).expect("kept");
        file
    }

    #[test]
    fn entries_are_found_by_each_part_of_a_filter_also_after_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("logs.sqlite3");
        drop(filled(&path, 5));
        let file = LogFile::open(&path).expect("it opens again");
        assert_eq!(found(&path, &LogFilter::default()).len(), 5);
        let cases = [
            (
                LogFilter {
                    before: Some(2),
                    ..LogFilter::default()
                },
                vec!["body 1"],
            ),
            (
                LogFilter {
                    from: 5,
                    ..LogFilter::default()
                },
                vec!["body 5"],
            ),
            (
                LogFilter {
                    request: "r00".into(),
                    from: 4,
                    ..LogFilter::default()
                },
                vec!["body 5", "body 4"],
            ),
            (
                LogFilter {
                    request: "r002".into(),
                    ..LogFilter::default()
                },
                vec!["body 2"],
            ),
            (
                LogFilter {
                    id: "e003".into(),
                    ..LogFilter::default()
                },
                vec!["body 3"],
            ),
            (
                LogFilter {
                    paths: vec!["a:".into()],
                    ..LogFilter::default()
                },
                vec!["body 2", "body 1"],
            ),
            (
                LogFilter {
                    levels: 1,
                    ..LogFilter::default()
                },
                vec!["body 4", "body 2"],
            ),
            (
                LogFilter {
                    micros: 5_000,
                    ..LogFilter::default()
                },
                vec!["body 5"],
            ),
        ];
        for (filter, expected) in cases {
            assert_eq!(found(&path, &filter), expected, "{filter:?}");
        }
        let state = file.state().expect("read");
        assert_eq!((state.oldest, state.newest), (Some(1), Some(5)));
    }

    #[test]
    fn old_entries_go_and_so_do_those_that_are_too_many() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("logs.sqlite3");
        let mut file = filled(&path, 2_000);
        assert_eq!(file.prune(11, u64::MAX).expect("pruned"), 10);
        let bound = file.state().expect("read").bytes / 2;
        let mut rounds = 0;
        while file.prune(0, bound).expect("pruned") > 0 {
            rounds += 1;
            assert!(rounds < 50, "it does not end");
        }
        let state = file.state().expect("read");
        assert!(
            state.bytes <= bound && state.oldest > Some(500),
            "{state:?}"
        );
        assert_eq!(state.newest, Some(2_000), "the newest stay");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_put_aside() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("logs.sqlite3");
        std::fs::write(
            &path,
            b"this is no database, but it is long enough to be taken for one".repeat(40),
        )
        .expect("written");
        let file = LogFile::open(&path).expect("it begins anew");
        assert_eq!(file.state().expect("read").newest, None);
        assert!(folder.path().join("logs.sqlite3.unreadable").exists());
    }
}
