//! A copy of the database while a server works on it.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::StorageError;
use crate::sqlite::error::from_driver;

/// Copies a database as of one moment into a new file, without what is free in it; the server that
/// has it open goes on writing. Blocks.
pub fn copy_database(from: &Path, to: &Path) -> Result<(), StorageError> {
    let failed = |error: rusqlite::Error| from_driver(from, "copying the database", &error);
    let connection = open(from)?;
    let target = to.to_str().ok_or_else(|| {
        StorageError::Inaccessible(format!("the path {} is not UTF-8 text", to.display()))
    })?;
    connection
        .execute("VACUUM INTO ?1", [target])
        .map(drop)
        .map_err(failed)
}

/// Reads all of a database that nobody has open and says what is wrong with it. Blocks.
pub fn check_database(path: &Path) -> Result<(), StorageError> {
    let failed = |error: rusqlite::Error| from_driver(path, "checking the database", &error);
    let told: String = open(path)?
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(failed)?;
    match told.as_str() {
        "ok" => Ok(()),
        wrong => Err(StorageError::Corrupt(format!(
            "{} is damaged: {wrong}",
            path.display()
        ))),
    }
}

fn open(path: &Path) -> Result<Connection, StorageError> {
    // Not read-only: reading what a server is writing takes a place in its shared memory.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .map_err(|error| from_driver(path, "opening the database", &error))?;
    connection
        .busy_timeout(std::time::Duration::from_secs(10))
        .map_err(|error| from_driver(path, "opening the database", &error))?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use lentil_values::{InternalId, Timestamp};

    use super::*;
    use crate::{Batch, DocumentWrite, Persistence, SqliteOptions, SqlitePersistence, TabletId};

    #[test]
    fn a_copy_is_whole_while_the_original_is_open() {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (
            folder.path().join("a.sqlite3"),
            folder.path().join("b.sqlite3"),
        );
        let original = SqlitePersistence::open(SqliteOptions::new(&from)).expect("it opens");
        let write = |n: u64| {
            let document = DocumentWrite {
                tablet: TabletId(1),
                id: InternalId([n as u8; 16]),
                ts: Timestamp(n),
                body: Some(format!("{{\"n\":{n}}}").into()),
            };
            let batch = Batch {
                ts: Timestamp(n),
                documents: vec![document],
                ..Batch::default()
            };
            original.append(&batch).expect("appended");
        };
        (1..100).for_each(write);
        copy_database(&from, &to).expect("copied");
        (100..110).for_each(write);
        check_database(&to).expect("whole");
        assert!(copy_database(&from, &to).is_err(), "nothing is overwritten");
        let copy = SqlitePersistence::open(SqliteOptions::new(&to)).expect("it is one of ours");
        assert_eq!(copy.latest().expect("readable"), Timestamp(99));
        let row = copy.get(TabletId(1), InternalId([7; 16]), Timestamp(99));
        assert_eq!(&*row.expect("readable").expect("there").body, "{\"n\":7}");
        assert_eq!(original.latest().expect("readable"), Timestamp(109));
    }

    #[test]
    fn a_damaged_copy_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.sqlite3");
        std::fs::write(&path, vec![7; 8_192]).expect("written");
        assert!(check_database(&path).is_err());
        assert!(check_database(&folder.path().join("none")).is_err());
    }
}
