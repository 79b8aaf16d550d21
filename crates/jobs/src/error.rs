//! Why a request about an import or an export is refused.

use lentil_functions::deploy::DeployError;

/// A request about an import or an export was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct JobError {
    /// HTTP status.
    pub status: u16,
    /// Short code.
    pub code: &'static str,
    /// What is wrong and what to do.
    pub message: String,
}

impl JobError {
    pub(crate) fn bad(code: &'static str, message: impl Into<String>) -> JobError {
        JobError {
            status: 400,
            code,
            message: message.into(),
        }
    }

    pub(crate) fn internal(error: &dyn std::fmt::Display) -> JobError {
        tracing::error!(%error, "an import or export failed in the server");
        JobError {
            status: 500,
            code: "InternalServerError",
            message: format!("the server failed: {error}"),
        }
    }
}

impl From<DeployError> for JobError {
    fn from(error: DeployError) -> JobError {
        JobError {
            status: error.status,
            code: error.code,
            message: error.message,
        }
    }
}
