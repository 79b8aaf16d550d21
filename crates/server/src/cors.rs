//! Who may call from a browser: everybody, with credentials (sync-and-http 4.8).

use std::time::Duration;

use axum::http::Method;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

/// How long a browser may remember a preflight.
const MAX_AGE: Duration = Duration::from_secs(86_400);

/// Mirrors origin and headers; a wildcard would not work with credentials.
pub(crate) fn layer() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::mirror_request())
        .allow_headers(AllowHeaders::mirror_request())
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::OPTIONS,
            Method::PATCH,
            Method::DELETE,
            Method::PUT,
        ])
        .allow_credentials(true)
        .max_age(MAX_AGE)
}
