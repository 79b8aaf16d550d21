//! Failures: how they are made from the errors of the crates below, and how clients read them.

use std::fmt;
use std::sync::Arc;

use lentil_database::{BeginError, CommitError, TransactionError};
use lentil_js::SyscallError;

use crate::path::{ComponentPath, FunctionPath};
use crate::{FailureClass, FunctionFailure};

/// Bytes of an error message that are kept (function-runtime 5).
const MESSAGE_MAX: usize = 64 << 10;
/// What outsiders are told of an internal fault; the details go to the server's log.
const INTERNAL: &str = "Your request couldn't be completed. Try again later.";
/// What a holder of a read-only key is told; the CLI looks for the first sentence.
pub(crate) const NO_PERMISSION: &str =
    "You do not have permission to perform this operation. The admin key is read-only.";

impl FunctionFailure {
    /// The developer's doing; `message` is what they read.
    pub(crate) fn developer(message: impl Into<String>) -> FunctionFailure {
        FunctionFailure {
            class: FailureClass::Developer,
            message: cut(message.into()),
            data: None,
        }
    }

    /// A fault of the server: told in full to the log, in short to the client.
    pub(crate) fn internal(what: &str, error: &dyn fmt::Display) -> FunctionFailure {
        tracing::error!(%error, "{what}");
        FunctionFailure {
            class: FailureClass::Internal,
            message: INTERNAL.to_owned(),
            data: None,
        }
    }

    /// Not now; the client tries again later.
    pub(crate) fn overloaded(code: &'static str, message: impl Into<String>) -> FunctionFailure {
        FunctionFailure {
            class: FailureClass::Overloaded(code),
            message: message.into(),
            data: None,
        }
    }

    pub(crate) fn with_data(mut self, data: Option<String>) -> FunctionFailure {
        self.data = data.map(Arc::from);
        self
    }
}

impl From<TransactionError> for FunctionFailure {
    fn from(error: TransactionError) -> FunctionFailure {
        match error {
            TransactionError::Developer { message, .. } => FunctionFailure::developer(message),
            TransactionError::OutOfRetention => out_of_retention(),
            error => FunctionFailure::internal("reading from the database failed", &error),
        }
    }
}

impl From<BeginError> for FunctionFailure {
    fn from(error: BeginError) -> FunctionFailure {
        match error {
            BeginError::OutOfRetention(_) => out_of_retention(),
            error => FunctionFailure::internal("a transaction cannot begin", &error),
        }
    }
}

impl From<CommitError> for FunctionFailure {
    fn from(error: CommitError) -> FunctionFailure {
        match error {
            CommitError::Overloaded => FunctionFailure::overloaded(
                "CommitterFullError",
                "Too many commits are waiting. Try again in a moment.",
            ),
            CommitError::ShuttingDown => {
                FunctionFailure::overloaded("Busy", "The server is shutting down.")
            }
            error => FunctionFailure::internal("a commit failed", &error),
        }
    }
}

fn out_of_retention() -> FunctionFailure {
    FunctionFailure::overloaded(
        "InternalServerError",
        "The timestamp is older than what this server retains. Read at a newer one.",
    )
}

/// An error thrown at the call site of a syscall.
pub(crate) fn thrown(message: impl Into<String>) -> SyscallError {
    SyscallError::Developer {
        message: message.into(),
        data: None,
    }
}

/// A transaction's error as a syscall reports it.
pub(crate) fn from_transaction(error: TransactionError) -> SyscallError {
    match error {
        TransactionError::Developer { code, message } => thrown(with_advice(code, message)),
        TransactionError::OutOfRetention => SyscallError::System {
            message: error.to_string(),
        },
        error => SyscallError::System {
            message: format!("the database failed: {error}"),
        },
    }
}

/// What to do, where the database cannot know it.
fn with_advice(code: &str, message: String) -> String {
    match code {
        "IndexNotFoundError" => {
            format!(
                "{message} Declare it in the table's schema and push, or use an index that is there."
            )
        }
        _ => message,
    }
}

/// The one text for a function that is missing and for one that the caller may not know of.
pub(crate) fn no_public_function(
    path: &FunctionPath,
    component: &ComponentPath,
) -> FunctionFailure {
    FunctionFailure::developer(format!(
        "Could not find public function for '{path}'{}.",
        in_component(component)
    ))
}

/// The text for a missing function where any kind may be called; the CLI looks for its beginning.
pub(crate) fn no_function(path: &FunctionPath, component: &ComponentPath) -> FunctionFailure {
    FunctionFailure::developer(format!(
        "Could not find function for '{path}'{}. Did you forget to run `npx convex dev` or `npx convex deploy`?",
        in_component(component)
    ))
}

fn in_component(component: &ComponentPath) -> String {
    if component.is_root() {
        String::new()
    } else {
        format!(" in '{}'", component.0)
    }
}

/// The message clients get (sync-and-http 2.8): the request id's line, then, unless redacted, the error.
pub fn client_message(request_id: &str, message: &str, redact: bool) -> String {
    let head = format!("[Request ID: {request_id}] Server Error");
    if redact {
        head
    } else {
        format!("{head}\n{message}")
    }
}

/// Cuts a message at 64 KiB, between characters.
fn cut(mut message: String) -> String {
    if message.len() > MESSAGE_MAX {
        message.truncate(message.floor_char_boundary(MESSAGE_MAX));
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_cut_between_characters() {
        let failure = FunctionFailure::developer("é".repeat(40_000));
        assert_eq!(failure.message.len(), MESSAGE_MAX);
        let failure = FunctionFailure::developer(format!("x{}", "é".repeat(40_000)));
        assert_eq!(failure.message.len(), MESSAGE_MAX - 1);
    }

    #[test]
    fn redaction_leaves_the_request_id() {
        let redacted = client_message("0123456789abcdef", "Uncaught Error: boom", true);
        assert_eq!(redacted, "[Request ID: 0123456789abcdef] Server Error");
        let shown = client_message("0123456789abcdef", "Uncaught Error: boom\n", false);
        assert_eq!(
            shown,
            "[Request ID: 0123456789abcdef] Server Error\nUncaught Error: boom\n"
        );
    }
}
