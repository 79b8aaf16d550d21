//! The HTTP API under `/api`, one file an endpoint group.

mod admin;
mod backups;
mod deploy;
mod environment;
mod export;
mod functions;
mod import;
mod introspection;
mod jobs;
mod kept_logs;
pub(crate) mod legacy;
mod logs;
mod status;
mod storage;
pub(crate) mod streaming_export;
mod streaming_import;
mod usage;

use std::time::Duration;

use axum::Router;
use axum::extract::{OriginalUri, Request};
use axum::http::{HeaderMap, Method};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use lentil_protocol::ClientVersion;

use crate::errors::ApiError;
use crate::state::Deployment;

/// How long one request may take (sync-and-http 4.1).
const REQUEST_TIME: Duration = Duration::from_secs(300);

/// Everything under `/api` but the sync socket.
pub(crate) fn router() -> Router<Deployment> {
    Router::new()
        .merge(functions::router())
        .merge(deploy::router())
        .merge(environment::router())
        .merge(export::router())
        .merge(import::router())
        .merge(jobs::router())
        .merge(logs::router())
        .merge(kept_logs::router())
        .merge(storage::router())
        .merge(streaming_export::router())
        .merge(streaming_import::router())
        .merge(usage::router())
        .merge(status::router())
        .merge(admin::router())
        .merge(backups::router())
        .merge(introspection::router())
        .fallback(unknown)
        .layer(from_fn(common))
}

/// What operators ask for outside of it.
pub(crate) fn outside() -> Router<Deployment> {
    introspection::outside()
}

/// What holds for every endpoint (sync-and-http 4.1). No version of a client is turned away.
async fn common(headers: HeaderMap, request: Request, next: Next) -> Result<Response, ApiError> {
    if let Some(client) = headers.get("convex-client") {
        let text = String::from_utf8_lossy(client.as_bytes());
        ClientVersion::from_header(&text)
            .map_err(|error| ApiError::bad_request("InvalidClientVersion", error.to_string()))?;
    }
    let answer = tokio::time::timeout(REQUEST_TIME, next.run(request)).await;
    answer.map_err(|_| {
        let message = format!(
            "the request was not answered within {} s",
            REQUEST_TIME.as_secs()
        );
        ApiError::new(408, "ClientDisconnected", message)
    })
}

/// An endpoint that does not exist answers at once and says so. The status is not 404, which the
/// CLI would retry for half a minute (cli-and-deploy 1.3).
async fn unknown(method: Method, OriginalUri(uri): OriginalUri) -> ApiError {
    let status = if method == Method::GET { 405 } else { 501 };
    let version = env!("CARGO_PKG_VERSION");
    ApiError::new(
        status,
        "UnknownEndpoint",
        format!(
            "Lentil {version} has no endpoint {method} {}. If a newer or much older client needs it, docs/compat.md lists what is served.",
            uri.path()
        ),
    )
}
