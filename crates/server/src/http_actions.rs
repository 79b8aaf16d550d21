//! Where HTTP actions will be served: the site port, and `/http` on the main one.
//!
//! They do not run yet: a request that no route matches gets the answer it will always get
//! (sync-and-http 5.3), one that a route matches is told so. No CORS headers: those are the
//! developer's (5.5).

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use lentil_functions::{Functions, HttpRoute};

use crate::errors::ApiError;

/// Answers every path and method.
pub(crate) fn router(functions: Functions) -> Router {
    Router::new().fallback(answer).with_state(functions)
}

async fn answer(State(functions): State<Functions>, request: Request) -> Response {
    let (method, path) = (request.method(), request.uri().path());
    if *method == Method::TRACE || *method == Method::CONNECT {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let not_found = |text: &'static str| (StatusCode::NOT_FOUND, text).into_response();
    match functions.http_route(method.as_str(), path).await {
        Ok(HttpRoute::NoRouter) => {
            not_found("This Convex deployment does not have HTTP actions enabled.")
        }
        Ok(HttpRoute::NoMatch) => not_found("No matching routes found"),
        Ok(HttpRoute::Match) => (
            StatusCode::NOT_IMPLEMENTED,
            "A route matches, but HTTP actions are not supported by this version of Lentil yet.",
        )
            .into_response(),
        Err(failure) => ApiError::from_failure(&failure).into_response(),
    }
}
