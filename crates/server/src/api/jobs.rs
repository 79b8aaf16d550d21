//! What dashboards do about scheduled functions.

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use lentil_functions::{FailureClass, FunctionFailure};
use serde::Deserialize;

use crate::errors::ApiError;
use crate::request::{JsonBody, WritingAdmin};
use crate::state::Deployment;

pub(crate) fn router() -> Router<Deployment> {
    Router::new()
        .route("/cancel_job", post(cancel))
        .route("/cancel_all_jobs", post(cancel_all))
}

#[derive(Deserialize)]
struct CancelRequest {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CancelAllRequest {
    udf_path: Option<String>,
}

/// Cancels one that has not ended.
async fn cancel(
    State(deployment): State<Deployment>,
    _: WritingAdmin,
    JsonBody(request): JsonBody<CancelRequest>,
) -> Result<(), ApiError> {
    let args = serde_json::json!({ "id": request.id }).to_string();
    let canceled = deployment.functions.cancel_scheduled(&args).await;
    canceled.map_err(refused)
}

/// Cancels all that wait, or those of one function.
async fn cancel_all(
    State(deployment): State<Deployment>,
    _: WritingAdmin,
    JsonBody(request): JsonBody<CancelAllRequest>,
) -> Result<(), ApiError> {
    let path = request.udf_path.as_deref();
    let canceled = deployment.functions.cancel_all_scheduled(path).await;
    canceled.map_err(refused)
}

fn refused(failure: FunctionFailure) -> ApiError {
    match failure.class {
        FailureClass::Developer => ApiError::bad_request("InvalidArgument", failure.message),
        FailureClass::Overloaded(code) => ApiError::new(503, code, failure.message),
        FailureClass::Conflict | FailureClass::Internal => {
            ApiError::new(500, "InternalServerError", failure.message)
        }
    }
}
