//! Where HTTP actions will be served: the site port, and `/http` on the main one.
//!
//! They do not run yet, so every path answers as a deployment without them does
//! (sync-and-http 5.3). No CORS headers: those are the developer's (5.5).

use axum::Router;
use axum::http::StatusCode;

/// Answers every path and method.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().fallback(async || {
        (
            StatusCode::NOT_FOUND,
            "This Convex deployment does not have HTTP actions enabled.",
        )
    })
}
