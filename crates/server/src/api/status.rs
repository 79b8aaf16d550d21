//! How the server is (Lentil's own).

use std::collections::BTreeMap;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use lentil_catalog::AppTable;
use serde_json::json;

use crate::errors::ApiError;
use crate::request::Admin;
use crate::state::Deployment;

pub(crate) fn router() -> Router<Deployment> {
    Router::new().route("/status", get(status))
}

/// How the server is, for `lentil status`.
async fn status(
    State(deployment): State<Deployment>,
    Admin(_): Admin,
) -> Result<Json<serde_json::Value>, ApiError> {
    let database = deployment.database.clone();
    let asked = tokio::task::spawn_blocking(move || {
        let stats = database.stats();
        let tables = AppTable::all(&mut database.begin());
        (stats, tables)
    });
    let (stats, tables) = asked.await.map_err(|error| ApiError::internal(&error))?;
    let stats = stats.map_err(|error| ApiError::internal(&error))?;
    let tables = tables.map_err(|error| ApiError::internal(&error))?;
    let mut components: BTreeMap<&str, usize> = BTreeMap::new();
    for table in &tables {
        *components.entry(&table.component.0).or_default() += 1;
    }
    let of_components = components
        .iter()
        .map(|(path, tables)| json!({ "component": path, "tables": tables }));
    Ok(Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "instanceName": deployment.instance_name,
        "uptimeSeconds": deployment.started.elapsed().as_secs(),
        "sockets": deployment.sync.sockets(),
        "tables": tables.len(),
        "tablesByComponent": of_components.collect::<Vec<_>>(),
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
