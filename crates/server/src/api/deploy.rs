//! The push (cli-and-deploy 4): what `npx convex dev`, `deploy` and `codegen` call.

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use lentil_catalog::Author;
use tower_http::decompression::RequestDecompressionLayer;

use crate::errors::ApiError;
use crate::request::{Admin, Peer, admin_of_body, read_body};
use crate::state::Deployment;

/// Bytes a push may have once decompressed.
const PUSH_BYTES_MAX: usize = 200 << 20;

pub(crate) fn router() -> Router<Deployment> {
    Router::new()
        .route("/get_config_hashes", post(get_config_hashes))
        .route("/deploy2/evaluate_schema", post(evaluate_schema))
        .route("/deploy2/evaluate_push", post(evaluate_push))
        .route("/deploy2/start_push", post(start_push))
        .route("/deploy2/wait_for_schema", post(wait_for_schema))
        .route("/deploy2/finish_push", post(finish_push))
        .route(
            "/deploy2/report_push_completed",
            post(report_push_completed),
        )
        .merge(super::legacy::router())
        .layer(RequestDecompressionLayer::new())
        .layer(DefaultBodyLimit::disable())
        .route("/v1/get_canonical_urls", get(get_canonical_urls))
}

/// Declares a handler that checks the key in the body and hands the body to the deployer.
macro_rules! push_step {
    ($name:ident) => {
        async fn $name(
            State(deployment): State<Deployment>,
            request: Request,
        ) -> Result<Response, ApiError> {
            let (_, body) = push_body(&deployment, request).await?;
            let answer = deployment.deployer.$name(body).await.map_err(push_error)?;
            Ok(Json(answer).into_response())
        }
    };
}

push_step!(get_config_hashes);
push_step!(evaluate_schema);
push_step!(evaluate_push);
push_step!(start_push);
push_step!(wait_for_schema);

/// The step that makes the push live, which is noted.
async fn finish_push(
    State(deployment): State<Deployment>,
    request: Request,
) -> Result<Response, ApiError> {
    let (author, body) = push_body(&deployment, request).await?;
    let answer = deployment.deployer.finish_push_as(author, body).await;
    Ok(Json(answer.map_err(push_error)?).into_response())
}

/// Timings of a push that has ended; of no use to this server.
async fn report_push_completed(
    State(deployment): State<Deployment>,
    request: Request,
) -> Result<Json<serde_json::Value>, ApiError> {
    push_body(&deployment, request).await?;
    Ok(Json(serde_json::Value::Null))
}

async fn get_canonical_urls(State(deployment): State<Deployment>, Admin(_): Admin) -> Response {
    Json(serde_json::json!({ "convexCloudUrl": deployment.cloud_url, "convexSiteUrl": deployment.site_url }))
        .into_response()
}

/// Reads, parses (off the async workers: a push may have 200 MB) and authenticates a body.
pub(super) async fn push_body(
    deployment: &Deployment,
    request: Request,
) -> Result<(Author, serde_json::Value), ApiError> {
    let peer = Peer::of(request.extensions());
    let bytes = read_body(request, PUSH_BYTES_MAX).await?;
    let body =
        tokio::task::spawn_blocking(move || serde_json::from_slice::<serde_json::Value>(&bytes))
            .await
            .map_err(|error| ApiError::internal(&error))?
            .map_err(|error| ApiError::bad_body(format!("the body is not JSON: {error}")))?;
    let author = admin_of_body(deployment, &peer, &body)?;
    Ok((author, body))
}

pub(super) fn push_error(error: lentil_functions::deploy::DeployError) -> ApiError {
    ApiError::new(error.status, error.code, error.message)
}
