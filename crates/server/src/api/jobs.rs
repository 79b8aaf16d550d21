//! What dashboards do about scheduled functions, tables, and the deployment as a whole.

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use lentil_database::Namespace;
use lentil_functions::{FailureClass, FunctionFailure};
use serde::Deserialize;

use crate::errors::ApiError;
use crate::request::{JsonBody, WritingAdmin};
use crate::state::Deployment;

pub(crate) fn router() -> Router<Deployment> {
    Router::new()
        .route("/cancel_job", post(cancel))
        .route("/cancel_all_jobs", post(cancel_all))
        .route(
            "/delete_scheduled_functions_table",
            post(delete_scheduled_functions),
        )
        .route("/delete_tables", post(delete_tables))
        .route("/pause_deployment", post(pause))
        .route("/v1/pause_deployment", post(pause))
        .route("/unpause_deployment", post(unpause))
        .route("/v1/unpause_deployment", post(unpause))
        .route("/change_deployment_state", post(change_state))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CancelRequest {
    id: String,
    component_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CancelAllRequest {
    udf_path: Option<String>,
    component_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeleteTablesRequest {
    table_names: Vec<String>,
    component_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChangeStateRequest {
    new_state: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfComponent {
    component_id: Option<String>,
}

/// The root app is all there is.
fn check_component(id: Option<&str>) -> Result<(), ApiError> {
    match id {
        None | Some("" | "root") => Ok(()),
        Some(_) => {
            let text = "components are not supported by this version of Lentil yet";
            Err(ApiError::bad_request("ComponentNotFound", text))
        }
    }
}

/// Cancels one that has not ended.
async fn cancel(
    State(deployment): State<Deployment>,
    WritingAdmin(author): WritingAdmin,
    JsonBody(request): JsonBody<CancelRequest>,
) -> Result<(), ApiError> {
    check_component(request.component_id.as_deref())?;
    let args = serde_json::json!({ "id": request.id }).to_string();
    let canceled = deployment
        .functions
        .cancel_scheduled_as(author, Namespace::ROOT, &args)
        .await;
    canceled.map_err(refused)
}

/// Cancels all that wait, or those of one function.
async fn cancel_all(
    State(deployment): State<Deployment>,
    WritingAdmin(author): WritingAdmin,
    JsonBody(request): JsonBody<CancelAllRequest>,
) -> Result<(), ApiError> {
    check_component(request.component_id.as_deref())?;
    let path = request.udf_path.as_deref();
    let canceled = deployment
        .functions
        .cancel_all_scheduled(author, Namespace::ROOT, path)
        .await;
    canceled.map_err(refused)
}

/// Forgets all scheduled functions, those that wait included.
async fn delete_scheduled_functions(
    State(deployment): State<Deployment>,
    WritingAdmin(author): WritingAdmin,
    JsonBody(request): JsonBody<OfComponent>,
) -> Result<(), ApiError> {
    check_component(request.component_id.as_deref())?;
    let deleted = deployment.functions.delete_scheduled(author).await;
    deleted.map_err(refused)
}

/// Deletes tables that the schema does not declare.
async fn delete_tables(
    State(deployment): State<Deployment>,
    WritingAdmin(author): WritingAdmin,
    JsonBody(request): JsonBody<DeleteTablesRequest>,
) -> Result<(), ApiError> {
    check_component(request.component_id.as_deref())?;
    let deleted = deployment
        .functions
        .delete_tables(author, request.table_names);
    deleted.await.map_err(refused)
}

/// Stops all functions.
async fn pause(
    State(deployment): State<Deployment>,
    WritingAdmin(author): WritingAdmin,
) -> Result<(), ApiError> {
    let paused = deployment.functions.set_paused(author, true).await;
    paused.map_err(refused)
}

/// Lets them run again.
async fn unpause(
    State(deployment): State<Deployment>,
    WritingAdmin(author): WritingAdmin,
) -> Result<(), ApiError> {
    let resumed = deployment.functions.set_paused(author, false).await;
    resumed.map_err(refused)
}

/// The same by the name of the state.
async fn change_state(
    State(deployment): State<Deployment>,
    WritingAdmin(author): WritingAdmin,
    JsonBody(request): JsonBody<ChangeStateRequest>,
) -> Result<(), ApiError> {
    let paused = match request.new_state.as_str() {
        "paused" => true,
        "running" => false,
        other => {
            let text = format!("a deployment can be \"running\" or \"paused\", not {other:?}");
            return Err(ApiError::bad_request("InvalidArgument", text));
        }
    };
    let changed = deployment.functions.set_paused(author, paused).await;
    changed.map_err(refused)
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
