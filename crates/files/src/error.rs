//! What can go wrong with a file.

/// A file could not be written, read or removed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// There is nothing under the key.
    #[error("the content of the file is missing")]
    Missing,
    /// The store refuses; the operator must act.
    #[error("{action} failed: {message}")]
    Store {
        /// What was being done.
        action: &'static str,
        /// What the store says.
        message: String,
    },
}

impl FileError {
    pub(crate) fn of(action: &'static str, error: &object_store::Error) -> FileError {
        match error {
            object_store::Error::NotFound { .. } => FileError::Missing,
            other => FileError::Store {
                action,
                message: other.to_string(),
            },
        }
    }
}
