//! Small questions that tools ask with an admin key.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use lentil_database::Namespace;
use lentil_functions::LIMITS;

use crate::errors::ApiError;
use crate::request::Admin;
use crate::state::Deployment;

pub(crate) fn router() -> Router<Deployment> {
    Router::new()
        .route("/check_admin_key", get(check_admin_key))
        .route("/limits", get(limits))
        .route("/status", get(status))
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

/// How the server is, for `lentil status` (Lentil's own).
async fn status(
    State(deployment): State<Deployment>,
    Admin(_): Admin,
) -> Result<Json<serde_json::Value>, ApiError> {
    let database = deployment.database.clone();
    let asked = tokio::task::spawn_blocking(move || {
        let stats = database.stats();
        let tables = database.begin().tables(Namespace::ROOT);
        let user = tables.iter().filter(|table| !table.name.starts_with('_'));
        stats.map(|stats| (stats, user.count()))
    });
    let (stats, tables) = asked
        .await
        .map_err(|error| ApiError::internal(&error))?
        .map_err(|error| ApiError::internal(&error))?;
    Ok(Json(serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "instanceName": deployment.instance_name,
        "uptimeSeconds": deployment.started.elapsed().as_secs(),
        "sockets": deployment.sync.sockets(),
        "tables": tables,
        "databaseBytes": stats.bytes,
        "revisions": stats.revisions,
        "memoryBytes": resident_bytes(),
    })))
}

/// Memory that the process has, as Linux tells it; 0 elsewhere.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}
