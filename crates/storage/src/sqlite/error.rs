//! What SQLite says, as what the operator must do.

use std::path::Path;

use rusqlite::{ErrorCode, ffi};

use crate::StorageError;

/// Sorts an error of the driver into its class; `doing` completes "… while {doing}".
pub(super) fn from_driver(path: &Path, doing: &str, error: &rusqlite::Error) -> StorageError {
    let file = path.display();
    let Some(code) = error.sqlite_error() else {
        // A column of a type that was never written.
        return StorageError::Corrupt(format!(
            "{file}: {error} while {doing}; restore the file from a backup"
        ));
    };
    match code.code {
        ErrorCode::DiskFull => full(path, doing),
        // The shared-memory file beside the database could not grow.
        _ if code.extended_code == ffi::SQLITE_IOERR_SHMSIZE => full(path, doing),
        ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
            inaccessible(path, &format!("{error} while {doing}"))
        }
        ErrorCode::NotADatabase => foreign(path),
        ErrorCode::DatabaseCorrupt => StorageError::Corrupt(format!(
            "{file} is damaged ({error} while {doing}); restore it from a backup"
        )),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StorageError::Io(format!(
            "{file} is held by another program ({error} while {doing}); close the shell or tool that has it open"
        )),
        _ => StorageError::Io(format!(
            "{file}: {error} (SQLite code {}) while {doing}; check the disk and the system log",
            code.extended_code
        )),
    }
}

/// The disk is full.
fn full(path: &Path, doing: &str) -> StorageError {
    StorageError::Full(format!(
        "no space left for {} while {doing}; free space on that disk (or raise its quota) and restart the server",
        path.display()
    ))
}

/// A file or folder that cannot be used, with what usually helps.
pub(super) fn inaccessible(path: &Path, reason: &str) -> StorageError {
    StorageError::Inaccessible(format!(
        "cannot open {}: {reason}; check that the folder exists, is on a writable disk and belongs to the user who \
         runs the server",
        path.display()
    ))
}

/// A file that somebody else wrote.
pub(super) fn foreign(path: &Path) -> StorageError {
    StorageError::Format(format!(
        "{} is not a Lentil database and was left untouched; choose another data folder, or move that file away",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classify(extended: i32) -> StorageError {
        let error = rusqlite::Error::SqliteFailure(ffi::Error::new(extended), None);
        from_driver(Path::new("data/db"), "appending", &error)
    }

    #[test]
    fn each_code_has_its_class_and_names_the_file() {
        type Expected = fn(&StorageError) -> bool;
        let cases: [(i32, Expected); 9] = [
            (ffi::SQLITE_FULL, |e| matches!(e, StorageError::Full(_))),
            (ffi::SQLITE_IOERR_SHMSIZE, |e| {
                matches!(e, StorageError::Full(_))
            }),
            (ffi::SQLITE_CANTOPEN, |e| {
                matches!(e, StorageError::Inaccessible(_))
            }),
            (ffi::SQLITE_READONLY, |e| {
                matches!(e, StorageError::Inaccessible(_))
            }),
            (ffi::SQLITE_PERM, |e| {
                matches!(e, StorageError::Inaccessible(_))
            }),
            (ffi::SQLITE_NOTADB, |e| matches!(e, StorageError::Format(_))),
            (ffi::SQLITE_CORRUPT, |e| {
                matches!(e, StorageError::Corrupt(_))
            }),
            (ffi::SQLITE_BUSY, |e| matches!(e, StorageError::Io(_))),
            (ffi::SQLITE_IOERR_FSYNC, |e| {
                matches!(e, StorageError::Io(_))
            }),
        ];
        for (code, expected) in cases {
            let error = classify(code);
            assert!(expected(&error), "code {code} became {error:?}");
            assert!(error.to_string().contains("data/db"), "{error}");
        }
    }
}
