//! Small questions that tools ask with an admin key.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use lentil_functions::LIMITS;

use crate::errors::ApiError;
use crate::request::Admin;
use crate::state::Deployment;

pub(crate) fn router() -> Router<Deployment> {
    Router::new()
        .route("/check_admin_key", get(check_admin_key))
        .route("/limits", get(limits))
        .route("/realms", get(realms))
}

/// Whether the key is good, and whether it may write. No list of operations means all of them.
async fn check_admin_key(
    State(_): State<Deployment>,
    Admin(identity): Admin,
) -> Result<Json<serde_json::Value>, ApiError> {
    let issued = identity.admin_key().map(|key| key.issued_secs);
    Ok(Json(serde_json::json!({
        "success": true,
        "allowedOps": [],
        "isReadOnly": !identity.can_write(),
        "issuedSecs": issued,
    })))
}

/// What a function call may use (Lentil's own; docs/limits.md).
async fn limits(State(deployment): State<Deployment>, Admin(_): Admin) -> Json<serde_json::Value> {
    let values = deployment.functions.limits().values();
    let rows = LIMITS.iter().zip(values).map(|(limit, value)| {
        serde_json::json!({
            "name": limit.name,
            "value": value,
            "default": limit.default,
            "unit": limit.unit,
            "what": limit.what,
        })
    });
    Json(serde_json::json!({ "limits": rows.collect::<Vec<_>>() }))
}

/// Whether calls run in kept realms, where not and why, and what shadow checks found (Lentil's own;
/// ADR 0010).
async fn realms(State(deployment): State<Deployment>, Admin(_): Admin) -> Json<serde_json::Value> {
    let report = deployment.functions.realms();
    let findings = report.findings.iter().map(|one| {
        serde_json::json!({
            "module": one.module,
            "function": one.function,
            "what": one.what,
            "isDifference": one.is_difference,
        })
    });
    Json(serde_json::json!({
        "calls": report.calls,
        "reused": report.reused,
        "checked": report.checked,
        "differences": report.differences,
        "findings": findings.collect::<Vec<_>>(),
    }))
}
