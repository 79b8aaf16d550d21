//! The push of CLIs before components (up to 1.16): the schema first, then the modules
//! (cli-and-deploy 4.12). Each request is made one of the present push.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::deploy::{push_body, push_error};
use crate::errors::ApiError;
use crate::request::Admin;
use crate::state::Deployment;

/// Schemas that wait for their modules; the oldest goes.
const SCHEMAS_MAX: usize = 16;
/// How long one question about a schema waits for a change, ms.
const STATE_WAIT_MS: u64 = 1_000;
/// How long a push waits for its schema, which was complete when the CLI last asked.
const PUSH_WAIT: Duration = Duration::from_secs(240);

/// Schemas whose modules are still to come.
#[derive(Default)]
pub(crate) struct LegacyPushes {
    prepared: Mutex<VecDeque<PreparedSchema>>,
}

#[derive(Clone)]
struct PreparedSchema {
    id: String,
    bundle: Value,
    /// As start_push answered it.
    change: Value,
    dry: bool,
}

impl LegacyPushes {
    fn remember(&self, schema: PreparedSchema) {
        let mut prepared = self
            .prepared
            .lock()
            .expect("nobody panics while holding it");
        if prepared.len() == SCHEMAS_MAX {
            prepared.pop_front();
        }
        prepared.push_back(schema);
    }

    fn recall(&self, id: &str) -> Result<PreparedSchema, ApiError> {
        let prepared = self
            .prepared
            .lock()
            .expect("nobody panics while holding it");
        let found = prepared.iter().rev().find(|schema| schema.id == id);
        found.cloned().ok_or_else(|| {
            ApiError::bad_request(
                "InvalidSchemaId",
                "the server does not know this schema any more; push again",
            )
        })
    }
}

pub(super) fn router() -> Router<Deployment> {
    Router::new()
        .route("/get_config", post(get_config))
        .route("/prepare_schema", post(prepare_schema))
        .route("/schema_state/{id}", get(schema_state))
        .route("/push_config", post(push_config))
}

/// What is deployed. The modules are left out: a CLI that misses them pushes all of them.
async fn get_config(
    State(deployment): State<Deployment>,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    let (_, body) = push_body(&deployment, request).await?;
    let hashes = deployment.deployer.get_config_hashes(body).await;
    let hashes = hashes.map_err(push_error)?;
    Ok(Json(json!({
        "config": hashes["config"],
        "modules": [],
        "nodeDependencies": [],
        "udfServerVersion": hashes["udfServerVersion"],
    })))
}

async fn prepare_schema(
    State(deployment): State<Deployment>,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    let (_, body) = push_body(&deployment, request).await?;
    let live = deployment.deployer.get_config_hashes(json!({})).await;
    let live = live.map_err(push_error)?;
    let modules = live["moduleHashes"].as_array().cloned().unwrap_or_default();
    let unchanged: Vec<Value> = modules
        .into_iter()
        .map(|module| {
            json!({
                "path": module["path"],
                "environment": module["environment"],
                "sha256": module["hash"],
            })
        })
        .collect();
    let dry = body["dryRun"] == true;
    let push = json!({
        "dryRun": dry,
        "functions": live["config"]["functions"],
        "appDefinition": {
            "schema": body["bundle"],
            "changedModules": [],
            "unchangedModuleHashes": unchanged,
            "udfServerVersion": live["udfServerVersion"],
        },
    });
    let started = deployment.deployer.start_push(push).await;
    let change = started.map_err(push_error)?["schemaChange"].take();
    let ids = [&change["schemaIds"][""], &change["lentilPush"]];
    let id = ids.into_iter().find_map(Value::as_str).unwrap_or_default();
    let answer = json!({
        "added": indexes(&change["indexDiffs"][""]["added_indexes"]),
        "dropped": indexes(&change["indexDiffs"][""]["removed_indexes"]),
        "schemaId": id,
    });
    deployment.legacy.remember(PreparedSchema {
        id: id.to_owned(),
        bundle: body["bundle"].clone(),
        change,
        dry,
    });
    Ok(Json(answer))
}

/// Indexes as these CLIs know them.
fn indexes(list: &Value) -> Vec<Value> {
    let list = list.as_array().into_iter().flatten();
    let one = |index: &Value| {
        let name = index["name"].as_str().unwrap_or_default();
        let (table, name) = name.split_once('.').unwrap_or(("", name));
        let fields = match index["fields"].is_array() {
            true => index["fields"].clone(),
            false => json!({
                "searchField": index["searchField"],
                "filterFields": index["filterFields"],
            }),
        };
        json!({ "table": table, "name": name, "fields": fields, "backfill": { "state": "done" } })
    };
    list.map(one).collect()
}

async fn schema_state(
    State(deployment): State<Deployment>,
    Admin(_): Admin,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let schema = deployment.legacy.recall(&id)?;
    let outcome = outcome(&deployment, &schema, STATE_WAIT_MS).await?;
    let state = match outcome["type"].as_str() {
        Some("complete") => json!({ "state": "validated" }),
        Some("failed") => json!({
            "state": "failed",
            "error": outcome["error"],
            "tableName": outcome["tableName"],
        }),
        Some("raceDetected") => json!({ "state": "overwritten" }),
        _ => json!({ "state": "pending" }),
    };
    Ok(Json(json!({ "indexes": [], "schemaState": state })))
}

async fn outcome(
    deployment: &Deployment,
    schema: &PreparedSchema,
    timeout_ms: u64,
) -> Result<Value, ApiError> {
    let wait = json!({
        "schemaChange": schema.change,
        "timeoutMs": timeout_ms,
        "dryRun": schema.dry,
    });
    let outcome = deployment.deployer.wait_for_schema(wait).await;
    outcome.map_err(push_error)
}

/// Makes modules live, with the schema that was prepared for them.
async fn push_config(
    State(deployment): State<Deployment>,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    let (author, body) = push_body(&deployment, request).await?;
    let schema = match body["schemaId"].as_str() {
        Some(id) => deployment.legacy.recall(id)?.bundle,
        None => Value::Null,
    };
    let mut push = json!({
        "dryRun": false,
        "appDefinition": {
            "schema": schema,
            "changedModules": body["modules"],
            "unchangedModuleHashes": [],
            "udfServerVersion": body["udfServerVersion"],
        },
        "nodeDependencies": body["nodeDependencies"],
    });
    if let Some(functions) = body["config"]["functions"].as_str() {
        push["functions"] = json!(functions);
    }
    let started = deployment.deployer.start_push(push).await;
    let started = started.map_err(push_error)?;
    let waiting = PreparedSchema {
        id: String::new(),
        bundle: Value::Null,
        change: started["schemaChange"].clone(),
        dry: false,
    };
    let deadline = Instant::now() + PUSH_WAIT;
    loop {
        let outcome = outcome(&deployment, &waiting, 10_000).await?;
        match outcome["type"].as_str() {
            Some("complete") => break,
            Some("failed") => {
                let why = outcome["error"].as_str().unwrap_or_default();
                return Err(ApiError::bad_request("SchemaValidationFailed", why));
            }
            Some("inProgress") if Instant::now() < deadline => {}
            Some("inProgress") => {
                return Err(ApiError::bad_request(
                    "SchemaNotReady",
                    "indexes are still being filled; push again in a while",
                ));
            }
            _ => {
                return Err(ApiError::bad_request(
                    "RaceDetected",
                    "another push came in between; push again",
                ));
            }
        }
    }
    let finish = json!({ "startPush": started, "dryRun": false });
    let finished = deployment.deployer.finish_push_as(author, finish).await;
    finished.map_err(push_error)?;
    Ok(Json(Value::Null))
}
