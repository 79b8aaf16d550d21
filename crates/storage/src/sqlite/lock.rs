//! One server at a time: an advisory lock on a file beside the database.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::StorageError;
use crate::sqlite::error::inaccessible;

/// Held as long as the store is open. The kernel releases it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct DatabaseLock {
    /// Never read again; dropping it releases the lock. The file stays: removing it would let two
    /// servers lock two different files of one name.
    _file: File,
}

impl DatabaseLock {
    /// Takes the lock of `database`, or says who has it.
    pub(super) fn take(database: &Path) -> Result<DatabaseLock, StorageError> {
        let path = path_of_lock(database);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| inaccessible(&path, &error.to_string()))?;
        match file.try_lock() {
            Ok(()) => {
                // The number is a courtesy to whoever meets the lock; failing to leave it is no reason not to start.
                let noted = file
                    .set_len(0)
                    .and_then(|()| writeln!(file, "{}", std::process::id()));
                if let Err(error) = noted {
                    tracing::warn!(path = %path.display(), %error, "process id not noted in lock file");
                }
                Ok(DatabaseLock { _file: file })
            }
            Err(TryLockError::WouldBlock) => Err(StorageError::Locked(describe_holder(
                database, &path, &mut file,
            ))),
            Err(TryLockError::Error(error)) => Err(inaccessible(&path, &error.to_string())),
        }
    }
}

/// `<database>.lock`, in the same folder.
fn path_of_lock(database: &Path) -> PathBuf {
    let mut name = OsString::from(database.as_os_str());
    name.push(".lock");
    PathBuf::from(name)
}

fn describe_holder(database: &Path, lock: &Path, file: &mut File) -> String {
    let mut text = String::new();
    let pid = file
        .seek(SeekFrom::Start(0))
        .and_then(|_| file.read_to_string(&mut text))
        .ok()
        .and_then(|_| text.trim().parse::<u32>().ok());
    let holder = match pid {
        Some(pid) if pid == std::process::id() => "this process itself".to_owned(),
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    };
    format!(
        "the database {} is already open by {holder} (lock file {}); stop that server, or start this one with another \
         data folder",
        database.display(),
        lock.display()
    )
}
