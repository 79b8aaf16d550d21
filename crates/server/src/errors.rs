//! The one place where an error becomes a status and a body `{"code","message"}`
//! (sync-and-http 4.4 and 4.5).

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use lentil_functions::{FailureClass, FunctionFailure};
use lentil_identity::AuthError;

/// What a client is told when its request fails as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl ApiError {
    /// An error with any status; one that HTTP does not know becomes 500.
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> ApiError {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        ApiError {
            status,
            code,
            message: message.into(),
        }
    }

    /// The request itself is wrong.
    pub(crate) fn bad_request(code: &'static str, message: impl Into<String>) -> ApiError {
        ApiError::new(400, code, message)
    }

    /// The body is not what the endpoint takes.
    pub(crate) fn bad_body(message: impl Into<String>) -> ApiError {
        ApiError::bad_request("BadJsonBody", message)
    }

    /// The caller is not a deployment admin.
    pub(crate) fn not_admin() -> ApiError {
        ApiError::new(
            403,
            "BadDeployKey",
            "this endpoint needs the deployment's admin key: send `Authorization: Convex <admin key>`; `lentil keys` prints one",
        )
    }

    /// A read-only key was used to write.
    pub(crate) fn read_only() -> ApiError {
        ApiError::new(
            403,
            "OperationNotPermitted",
            "You do not have permission to perform this operation: the admin key is read-only.",
        )
    }

    /// A fault of the server: logged in full, told in short.
    pub(crate) fn internal(error: &dyn std::fmt::Display) -> ApiError {
        tracing::error!(%error, "request failed");
        ApiError::new(
            500,
            "InternalServerError",
            "Your request couldn't be completed. Try again later.",
        )
    }

    /// A failure that is not an answer of the function (those travel with status 200).
    pub(crate) fn from_failure(failure: &FunctionFailure) -> ApiError {
        match failure.class {
            FailureClass::Developer => ApiError::bad_request("BadRequest", failure.message.clone()),
            FailureClass::Overloaded(code) => ApiError::new(503, code, failure.message.clone()),
            FailureClass::Conflict => ApiError::new(
                503,
                "OptimisticConcurrencyControlFailure",
                failure.message.clone(),
            ),
            FailureClass::Internal => ApiError::internal(&failure.message),
        }
    }

    /// The same of what a tool has asked for: a developer's mistake is in what it asked.
    pub(crate) fn of_tool(failure: FunctionFailure) -> ApiError {
        match failure.class {
            FailureClass::Developer => ApiError::bad_request("InvalidArgument", failure.message),
            _ => ApiError::from_failure(&failure),
        }
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> ApiError {
        ApiError::new(error.status, error.code, error.message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (
            self.status,
            Json(serde_json::json!({ "code": self.code, "message": self.message })),
        )
            .into_response()
    }
}
