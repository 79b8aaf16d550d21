//! What dashboards do about scheduled functions, tables, and the deployment as a whole.

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use lentil_catalog::Component;
use lentil_database::Namespace;
use lentil_functions::FailureClass;
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
        .route("/delete_component", post(delete_component))
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

/// The component of an id; none is the root's.
pub(super) async fn component_of(
    deployment: &Deployment,
    id: Option<String>,
) -> Result<Component, ApiError> {
    let component = deployment.functions.component(id).await;
    component.map_err(|failure| match failure.class {
        FailureClass::Developer => ApiError::bad_request("ComponentNotFound", failure.message),
        _ => ApiError::of_tool(failure),
    })
}

/// Where its tables are.
async fn namespace_of(deployment: &Deployment, id: Option<String>) -> Result<Namespace, ApiError> {
    Ok(component_of(deployment, id).await?.namespace)
}

/// Deletes a component that is not mounted, with its data.
async fn delete_component(
    State(deployment): State<Deployment>,
    WritingAdmin(author): WritingAdmin,
    JsonBody(request): JsonBody<OfComponent>,
) -> Result<(), ApiError> {
    let id = request.component_id.ok_or_else(|| {
        ApiError::bad_request(
            "InvalidArgument",
            "`componentId` must be the id of a component",
        )
    })?;
    namespace_of(&deployment, Some(id.clone())).await?;
    let deleted = deployment.functions.delete_component(author, id).await;
    deleted.map_err(ApiError::of_tool)
}

/// Cancels one that has not ended.
async fn cancel(
    State(deployment): State<Deployment>,
    WritingAdmin(author): WritingAdmin,
    JsonBody(request): JsonBody<CancelRequest>,
) -> Result<(), ApiError> {
    let namespace = namespace_of(&deployment, request.component_id).await?;
    let args = serde_json::json!({ "id": request.id }).to_string();
    let canceled = deployment
        .functions
        .cancel_scheduled_as(author, namespace, &args)
        .await;
    canceled.map_err(ApiError::of_tool)
}

/// Cancels all that wait, or those of one function.
async fn cancel_all(
    State(deployment): State<Deployment>,
    WritingAdmin(author): WritingAdmin,
    JsonBody(request): JsonBody<CancelAllRequest>,
) -> Result<(), ApiError> {
    let namespace = namespace_of(&deployment, request.component_id).await?;
    let path = request.udf_path.as_deref();
    let canceled = deployment
        .functions
        .cancel_all_scheduled(author, namespace, path)
        .await;
    canceled.map_err(ApiError::of_tool)
}

/// Forgets all scheduled functions, those that wait included.
async fn delete_scheduled_functions(
    State(deployment): State<Deployment>,
    WritingAdmin(author): WritingAdmin,
    JsonBody(request): JsonBody<OfComponent>,
) -> Result<(), ApiError> {
    let namespace = namespace_of(&deployment, request.component_id).await?;
    let deleted = deployment
        .functions
        .delete_scheduled(author, namespace)
        .await;
    deleted.map_err(ApiError::of_tool)
}

/// Deletes tables that the schema does not declare.
async fn delete_tables(
    State(deployment): State<Deployment>,
    WritingAdmin(author): WritingAdmin,
    JsonBody(request): JsonBody<DeleteTablesRequest>,
) -> Result<(), ApiError> {
    let namespace = namespace_of(&deployment, request.component_id).await?;
    let deleted = deployment
        .functions
        .delete_tables(author, namespace, request.table_names);
    deleted.await.map_err(ApiError::of_tool)
}

/// Stops all functions.
async fn pause(
    State(deployment): State<Deployment>,
    WritingAdmin(author): WritingAdmin,
) -> Result<(), ApiError> {
    let paused = deployment.functions.set_paused(author, true).await;
    paused.map_err(ApiError::of_tool)
}

/// Lets them run again.
async fn unpause(
    State(deployment): State<Deployment>,
    WritingAdmin(author): WritingAdmin,
) -> Result<(), ApiError> {
    let resumed = deployment.functions.set_paused(author, false).await;
    resumed.map_err(ApiError::of_tool)
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
    changed.map_err(ApiError::of_tool)
}
