//! Usage and its limits, which Convex's cloud meters and a server of one's own does not
//! (cli-and-deploy 15.2): the answers are empty, and limits cannot be set.

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::errors::ApiError;
use crate::request::{Admin, WritingAdmin};
use crate::state::Deployment;

pub(crate) fn router() -> Router<Deployment> {
    Router::new()
        .route("/v1/get_current_usage", get(current))
        .route("/v1/list_usage_limits", get(list))
        .route("/v1/create_usage_limit", post(refuse))
        .route("/v1/update_usage_limit/{id}", post(refuse))
        .route("/v1/delete_usage_limit/{id}", post(refuse))
}

async fn current(State(_): State<Deployment>, Admin(_): Admin) -> Json<Value> {
    Json(json!({ "seedStatus": "complete", "metrics": {} }))
}

async fn list(State(_): State<Deployment>, Admin(_): Admin) -> Json<Value> {
    Json(json!({ "usageLimits": [] }))
}

async fn refuse(State(_): State<Deployment>, _: WritingAdmin) -> ApiError {
    ApiError::bad_request(
        "UsageLimitsNotSupported",
        "a self-hosted deployment is not metered and has no usage limits; what one call may use is set when the server \
         starts (docs/limits.md)",
    )
}
