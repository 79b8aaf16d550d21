//! What stands outside `/api`: who this is, whether it is well, and the network test.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::routing::{get, post};

use crate::state::Deployment;

/// Bytes that `POST /echo` gives back.
const ECHO_BYTES_MAX: usize = 128 << 20;

pub(crate) fn router() -> Router<Deployment> {
    Router::new()
        .route(
            "/",
            get(async || "This is a Lentil deployment: a reactive backend that speaks Convex.\n"),
        )
        .route("/version", get(async || env!("CARGO_PKG_VERSION")))
        .route("/instance_version", get(async || env!("CARGO_PKG_VERSION")))
        .route("/instance_name", get(instance_name))
        .route("/health", get(health))
        .route(
            "/echo",
            post(async |body: Bytes| body).layer(DefaultBodyLimit::max(ECHO_BYTES_MAX)),
        )
}

/// Exactly the name, without a newline: local mode compares it (cli-and-deploy 19.3).
async fn instance_name(State(deployment): State<Deployment>) -> String {
    deployment.instance_name.clone()
}

/// Whether storage still takes commits; 503 with the reason if it does not.
async fn health(State(deployment): State<Deployment>) -> (axum::http::StatusCode, String) {
    match deployment.database.failure() {
        None => (axum::http::StatusCode::OK, "ok\n".to_owned()),
        Some(error) => (
            axum::http::StatusCode::SERVICE_UNAVAILABLE,
            format!("storage failed, nothing commits until a restart: {error}\n"),
        ),
    }
}
