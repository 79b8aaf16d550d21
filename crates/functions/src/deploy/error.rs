//! Why a push, or a change of the environment, was refused.

use lentil_catalog::{CatalogError, EnvironmentError, SchemaError};
use lentil_database::{CommitError, TransactionError};
use lentil_js::{AnalyzeError, LinkError};

/// What the CLI is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DeployError {
    /// HTTP status; the CLI treats 400 as the developer's, 409 and 5xx as passing.
    pub status: u16,
    /// Short code; the CLI knows some of them.
    pub code: &'static str,
    /// What is wrong, where, and what to do.
    pub message: String,
}

impl DeployError {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> DeployError {
        DeployError {
            status,
            code,
            message: message.into(),
        }
    }

    /// The developer's doing.
    pub(crate) fn bad(code: &'static str, message: impl Into<String>) -> DeployError {
        DeployError::new(400, code, message)
    }

    /// The same with the line that tells the failures of a push from others.
    pub(crate) fn while_pushing(mut self) -> DeployError {
        const FIRST: &str = "Hit an error while pushing:";
        if self.status < 500 && !self.message.starts_with(FIRST) {
            self.message = format!("{FIRST}\n{}", self.message);
        }
        self
    }

    /// The same with the component whose definition it is about.
    pub(super) fn in_component(mut self, definition_path: &str) -> DeployError {
        if self.status < 500 {
            self.message = format!(
                "{}\nThis is about the component in {definition_path:?}.",
                self.message.trim_end()
            );
        }
        self
    }

    /// The server's fault: logged in full.
    pub(crate) fn internal(error: &dyn std::fmt::Display) -> DeployError {
        tracing::error!(%error, "a push failed in the server");
        DeployError::new(
            500,
            "InternalServerError",
            format!("the server failed: {error}"),
        )
    }
}

impl From<TransactionError> for DeployError {
    fn from(error: TransactionError) -> DeployError {
        match error {
            TransactionError::Developer { code, message } => DeployError::bad(code, message),
            other => DeployError::internal(&other),
        }
    }
}

impl From<CatalogError> for DeployError {
    fn from(error: CatalogError) -> DeployError {
        match error {
            CatalogError::Transaction(error) => error.into(),
            other => DeployError::internal(&other),
        }
    }
}

impl From<CommitError> for DeployError {
    fn from(error: CommitError) -> DeployError {
        match error {
            CommitError::Overloaded => DeployError::new(
                503,
                "CommitterFullError",
                "too many commits are waiting; try again",
            ),
            other => DeployError::internal(&other),
        }
    }
}

impl From<SchemaError> for DeployError {
    fn from(error: SchemaError) -> DeployError {
        DeployError::bad(
            error.code,
            format!("Hit an error while pushing:\n{}", error.message),
        )
    }
}

impl From<EnvironmentError> for DeployError {
    fn from(error: EnvironmentError) -> DeployError {
        DeployError::bad(error.code, error.message)
    }
}

impl From<AnalyzeError> for DeployError {
    fn from(error: AnalyzeError) -> DeployError {
        if error.code == "TooManyConcurrentRequests" {
            return DeployError::new(503, error.code, error.message);
        }
        DeployError::bad(
            error.code,
            format!("Hit an error while pushing:\n{}", error.message),
        )
    }
}

impl From<LinkError> for DeployError {
    fn from(error: LinkError) -> DeployError {
        DeployError::bad(
            "InvalidModule",
            format!("Hit an error while pushing:\n{}", error.message),
        )
    }
}
