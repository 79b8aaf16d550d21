//! Importing a file in parts (cli-and-deploy 12.2).

use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;

use crate::errors::ApiError;
use crate::request::{JsonBody, WritingAdmin, read_body};
use crate::state::Deployment;

/// Bytes of one part; the CLI sends 5 MiB, or more for files of over 50 GB.
const PART_BYTES_MAX: usize = 256 << 20;

pub(crate) fn router() -> Router<Deployment> {
    Router::new()
        .route("/import/start_upload", post(start_upload))
        .route(
            "/import/upload_part",
            post(upload_part).layer(DefaultBodyLimit::disable()),
        )
        .route("/import/finish_upload", post(finish_upload))
        .route(
            "/import",
            post(import_at_once).layer(DefaultBodyLimit::disable()),
        )
        .route("/perform_import", post(perform_import))
        .route("/cancel_import", post(cancel_import))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PartQuery {
    upload_token: String,
    part_number: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FinishRequest {
    import: serde_json::Value,
    upload_token: String,
    part_tokens: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImportRequest {
    import_id: String,
}

async fn start_upload(
    State(deployment): State<Deployment>,
    _: WritingAdmin,
) -> Result<Json<serde_json::Value>, ApiError> {
    let token = deployment.imports.start_upload().await.map_err(job_error)?;
    Ok(Json(serde_json::json!({ "uploadToken": token })))
}

async fn upload_part(
    State(deployment): State<Deployment>,
    _: WritingAdmin,
    Query(query): Query<PartQuery>,
    request: Request,
) -> Result<Json<serde_json::Value>, ApiError> {
    let bytes = read_body(request, PART_BYTES_MAX).await?;
    let token = deployment
        .imports
        .upload_part(&query.upload_token, query.part_number, bytes.to_vec())
        .await
        .map_err(job_error)?;
    Ok(Json(serde_json::Value::from(token)))
}

async fn finish_upload(
    State(deployment): State<Deployment>,
    _: WritingAdmin,
    JsonBody(request): JsonBody<FinishRequest>,
) -> Result<Json<serde_json::Value>, ApiError> {
    let id = deployment
        .imports
        .finish_upload(request.import, &request.upload_token, request.part_tokens)
        .await
        .map_err(job_error)?;
    Ok(Json(serde_json::json!({ "importId": id })))
}

/// A file in one request, performed without a question.
async fn import_at_once(
    State(deployment): State<Deployment>,
    _: WritingAdmin,
    Query(import): Query<serde_json::Value>,
    request: Request,
) -> Result<Json<serde_json::Value>, ApiError> {
    let bytes = read_body(request, PART_BYTES_MAX).await?;
    let imports = &deployment.imports;
    let upload = imports.start_upload().await.map_err(job_error)?;
    let part = imports.upload_part(&upload, 1, bytes.to_vec()).await;
    let parts = vec![serde_json::Value::from(part.map_err(job_error)?)];
    let id = imports.finish_upload(import, &upload, parts).await;
    let written = imports.perform_at_once(&id.map_err(job_error)?).await;
    let written = written.map_err(job_error)?;
    Ok(Json(serde_json::json!({ "numWritten": written })))
}

async fn perform_import(
    State(deployment): State<Deployment>,
    _: WritingAdmin,
    JsonBody(request): JsonBody<ImportRequest>,
) -> Result<Json<serde_json::Value>, ApiError> {
    deployment
        .imports
        .perform(&request.import_id)
        .await
        .map_err(job_error)?;
    Ok(Json(serde_json::Value::Null))
}

async fn cancel_import(
    State(deployment): State<Deployment>,
    _: WritingAdmin,
    JsonBody(request): JsonBody<ImportRequest>,
) -> Result<Json<serde_json::Value>, ApiError> {
    deployment
        .imports
        .cancel(&request.import_id)
        .await
        .map_err(job_error)?;
    Ok(Json(serde_json::Value::Null))
}

pub(super) fn job_error(error: lentil_jobs::JobError) -> ApiError {
    ApiError::new(error.status, error.code, error.message)
}
