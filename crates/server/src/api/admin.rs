//! Small questions that tools ask with an admin key.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};

use crate::errors::ApiError;
use crate::request::Admin;
use crate::state::Deployment;

pub(crate) fn router() -> Router<Deployment> {
    Router::new().route("/check_admin_key", get(check_admin_key))
}

/// Whether the key is good, and whether it may write. No list of operations means all of them.
async fn check_admin_key(
    State(_): State<Deployment>,
    Admin(identity): Admin,
) -> Result<Json<serde_json::Value>, ApiError> {
    Ok(Json(
        serde_json::json!({ "success": true, "allowedOps": [], "isReadOnly": !identity.can_write() }),
    ))
}
