//! Exporting everything into a file, and fetching the file (cli-and-deploy 13.1).

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use tokio_util::io::ReaderStream;

use super::import::job_error;
use crate::errors::ApiError;
use crate::request::{Admin, JsonBody, WritingAdmin};
use crate::state::Deployment;

pub(crate) fn router() -> Router<Deployment> {
    Router::new()
        .route("/export/request/zip", post(request))
        .route("/export/zip/{key}", get(download))
        .route("/export/cancel/{id}", post(cancel))
        .route("/export/set_expiration/{id}", post(set_expiration))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestQuery {
    #[serde(default)]
    include_storage: bool,
    component: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Expiration {
    expiration_ts_ns: i64,
}

async fn request(
    State(deployment): State<Deployment>,
    _: WritingAdmin,
    Query(query): Query<RequestQuery>,
) -> Result<Json<serde_json::Value>, ApiError> {
    let exports = &deployment.exports;
    let id = exports
        .request(query.include_storage, query.component)
        .await;
    let id = id.map_err(job_error)?;
    Ok(Json(serde_json::json!({ "snapshotId": id })))
}

/// The file, in chunks as the client takes them.
async fn download(
    State(deployment): State<Deployment>,
    _: Admin,
    Path(key): Path<String>,
) -> Result<Response, ApiError> {
    let export = deployment.exports.file(&key).await.map_err(job_error)?;
    let file = tokio::fs::File::open(&export.path).await;
    let file = file.map_err(|error| ApiError::internal(&error))?;
    let length = file.metadata().await;
    let length = length.map_err(|error| ApiError::internal(&error))?.len();
    let name = format!(
        "snapshot_{}_{}.zip",
        deployment.instance_name, export.start_ts
    );
    let headers = [
        (CONTENT_TYPE, "application/zip".to_owned()),
        (CONTENT_LENGTH, length.to_string()),
        (CONTENT_DISPOSITION, format!("attachment; filename={name}")),
        (CACHE_CONTROL, "private, no-store".to_owned()),
    ];
    Ok((headers, Body::from_stream(ReaderStream::new(file))).into_response())
}

async fn cancel(
    State(deployment): State<Deployment>,
    _: WritingAdmin,
    Path(id): Path<String>,
) -> Result<Json<serde_json::Value>, ApiError> {
    deployment.exports.cancel(&id).await.map_err(job_error)?;
    Ok(Json(serde_json::Value::Null))
}

async fn set_expiration(
    State(deployment): State<Deployment>,
    _: WritingAdmin,
    Path(id): Path<String>,
    JsonBody(expiration): JsonBody<Expiration>,
) -> Result<Json<serde_json::Value>, ApiError> {
    let set = deployment
        .exports
        .set_expiration(&id, expiration.expiration_ts_ns);
    set.await.map_err(job_error)?;
    Ok(Json(serde_json::Value::Null))
}
