//! Errors, one enum per operation.

use lentil_storage::StorageError;

/// The database cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Storage said no.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// What storage holds is not a database of this version.
    #[error("{0}")]
    Corrupt(String),
    /// The operating system gives no thread for the committer.
    #[error("the committer's thread cannot be started: {0}")]
    Thread(String),
}

/// No transaction at that snapshot.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BeginError {
    /// Older than what retention keeps, so reads could miss revisions.
    #[error("snapshot {0} is older than what is retained")]
    OutOfRetention(u64),
    /// Newer than the newest commit.
    #[error("snapshot {0} is in the future")]
    Future(u64),
    /// Storage failed while the tables of that snapshot were read.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// A read or write inside a transaction failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransactionError {
    /// The developer's doing; `message` is what they see, `code` the short code of the spec.
    #[error("{message}")]
    Developer {
        /// e.g. `TooManyReads`, `IndexNotFoundError`, `NonexistentDocument`.
        code: &'static str,
        /// The text.
        message: String,
    },
    /// Storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A row that the server itself keeps cannot be what it wrote.
    #[error("{0}")]
    Corrupt(String),
    /// The snapshot fell out of retention while it was used.
    #[error("the transaction's snapshot is no longer retained")]
    OutOfRetention,
}

/// A transaction did not commit. Nothing of it is visible.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// Another commit wrote what this one had read: run it again on a fresh snapshot.
    #[error(
        "documents read from or written to the table {table:?} changed while this mutation was being run"
    )]
    Conflict {
        /// The table it happened in.
        table: String,
        /// Where exactly, if that is known.
        place: Option<Box<crate::ConflictPlace>>,
    },
    /// The committer's queue is full: try later.
    #[error("too many commits are waiting")]
    Overloaded,
    /// Storage failed and is latched: nothing commits until a restart.
    #[error("storage failed: {0}")]
    Storage(StorageError),
    /// The database is shutting down.
    #[error("the database is shutting down")]
    ShuttingDown,
}

/// An error of the developer's doing.
pub(crate) fn developer(code: &'static str, message: impl Into<String>) -> TransactionError {
    TransactionError::Developer {
        code,
        message: message.into(),
    }
}
