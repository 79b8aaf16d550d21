//! What can go wrong with a system table.

use lentil_database::TransactionError;

/// A system table could not be read or written.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The transaction failed.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    /// A row is not what this version writes.
    #[error("a row of the system table {table} cannot be read: {reason}")]
    Corrupt {
        /// Which table.
        table: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl From<CatalogError> for TransactionError {
    fn from(error: CatalogError) -> TransactionError {
        match error {
            CatalogError::Transaction(error) => error,
            corrupt @ CatalogError::Corrupt { .. } => {
                TransactionError::Corrupt(corrupt.to_string())
            }
        }
    }
}
