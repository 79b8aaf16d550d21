//! Environment variables (cli-and-deploy 10 and 18).

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use lentil_functions::author_of;
use serde::Deserialize;

use crate::errors::ApiError;
use crate::request::{Admin, JsonBody, WritingAdmin};
use crate::state::Deployment;

pub(crate) fn router() -> Router<Deployment> {
    Router::new()
        .route("/update_environment_variables", post(update))
        .route("/v1/update_environment_variables", post(update))
        .route("/reveal_environment_variables", post(reveal))
        .route("/list_environment_variables", get(list))
        .route("/v1/list_environment_variables", get(list))
}

#[derive(Deserialize)]
struct UpdateRequest {
    changes: Vec<Change>,
}

/// No value deletes.
#[derive(Deserialize)]
struct Change {
    name: String,
    value: Option<String>,
}

async fn update(
    State(deployment): State<Deployment>,
    WritingAdmin(author): WritingAdmin,
    JsonBody(request): JsonBody<UpdateRequest>,
) -> Result<(), ApiError> {
    let changes = request
        .changes
        .into_iter()
        .map(|change| (change.name, change.value))
        .collect();
    deployment
        .deployer
        .update_environment_variables_as(author, changes)
        .await
        .map_err(|error| ApiError::new(error.status, error.code, error.message))
}

#[derive(Deserialize)]
struct RevealRequest {
    /// None given are all.
    names: Option<Vec<String>>,
}

/// Values for somebody's eyes (Lentil's own, for its dashboard): the history says who has seen
/// which.
async fn reveal(
    State(deployment): State<Deployment>,
    Admin(identity): Admin,
    JsonBody(request): JsonBody<RevealRequest>,
) -> Result<Json<serde_json::Value>, ApiError> {
    let author = author_of(&identity);
    let shown = deployment
        .functions
        .reveal_environment(author, request.names);
    let shown = shown
        .await
        .map_err(|failure| ApiError::from_failure(&failure))?;
    let rows = shown.into_iter();
    let rows = rows.map(|(name, value)| serde_json::json!({ "name": name, "value": value }));
    Ok(Json(
        serde_json::json!({ "variables": rows.collect::<Vec<_>>() }),
    ))
}

async fn list(
    State(deployment): State<Deployment>,
    Admin(_): Admin,
) -> Result<Json<serde_json::Value>, ApiError> {
    let variables = deployment
        .deployer
        .environment_variables()
        .await
        .map_err(|error| ApiError::new(error.status, error.code, error.message))?;
    Ok(Json(
        serde_json::json!({ "environmentVariables": variables }),
    ))
}
