//! The HTTP API under `/api`, one file an endpoint group.

mod admin;
mod deploy;
mod environment;
mod functions;
mod import;
mod logs;

use axum::Router;
use axum::extract::OriginalUri;
use axum::http::Method;

use crate::errors::ApiError;
use crate::state::Deployment;

/// Everything under `/api` but the sync socket.
pub(crate) fn router() -> Router<Deployment> {
    Router::new()
        .merge(functions::router())
        .merge(deploy::router())
        .merge(environment::router())
        .merge(import::router())
        .merge(logs::router())
        .merge(admin::router())
        .fallback(unknown)
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
