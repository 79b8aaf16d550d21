//! Transactions of the server's own on behalf of functions that have none: actions and admins.

use lentil_database::{CommitError, Database, Transaction};
use lentil_js::SyscallError;

use crate::FunctionFailure;

/// Runs a transaction off the async workers, again if it conflicts. `what` is said in the log when
/// it fails for no fault of the caller's.
pub(crate) async fn transact<T: Send + 'static>(
    database: Database,
    what: &'static str,
    body: impl Fn(&mut Transaction) -> Result<T, SyscallError> + Send + 'static,
) -> Result<T, FunctionFailure> {
    let committed = tokio::task::spawn_blocking(move || {
        loop {
            let mut tx = database.begin();
            tx.lift_limits();
            let value = body(&mut tx).map_err(|error| match error {
                SyscallError::Developer { message, .. } => FunctionFailure::developer(message),
                SyscallError::System { message } => FunctionFailure::internal(what, &message),
            })?;
            match database.commit_blocking(tx) {
                Ok(_) => return Ok(value),
                // Whoever was first has got something done.
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    });
    committed
        .await
        .map_err(|error| FunctionFailure::internal(what, &error))?
}
