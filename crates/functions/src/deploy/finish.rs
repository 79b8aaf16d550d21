//! The second half of a push: one commit makes functions, schema and indexes live.

use std::collections::BTreeSet;
use std::sync::Arc;

use lentil_catalog::{Deployment, ModuleRow, SchemaRow, SchemaState, Variable};
use lentil_database::Transaction;
use serde_json::{Value as Json, json};

use super::indexes::{self, IndexDiff};
use super::start::PreparedPush;
use super::{DeployError, Deployer};

/// Bytes of a push's message.
const MESSAGE_BYTES_MAX: usize = 1_024;

impl Deployer {
    /// Makes a started push live, or says why it cannot be.
    pub async fn finish_push(&self, body: Json) -> Result<Json, DeployError> {
        let message = body
            .get("message")
            .and_then(Json::as_str)
            .unwrap_or_default();
        if message.len() > MESSAGE_BYTES_MAX {
            return Err(DeployError::bad(
                "PushMessageTooLong",
                format!(
                    "the push's message has {} bytes; at most {MESSAGE_BYTES_MAX} are allowed",
                    message.len()
                ),
            ));
        }
        let id = body
            .get("startPush")
            .and_then(|start| start.get("lentilPush"))
            .and_then(Json::as_str);
        let id = id.ok_or_else(|| {
            DeployError::bad(
                "BadJsonBody",
                "\"startPush\" is not what start_push answered",
            )
        })?;
        let push = self.recall(id).ok_or_else(DeployError::forgotten)?;
        if body.get("dryRun").and_then(Json::as_bool) == Some(true) {
            return Ok(
                json!({ "authDiff": { "added": [], "removed": [] }, "definitionDiffs": {}, "componentDiffs": {} }),
            );
        }
        let applying = push.clone();
        let response = self.transact(move |tx| apply(tx, &applying)).await?;
        self.shared.prepared.lock().remove(&push.id);
        let functions: usize = push
            .evaluated
            .analysis
            .values()
            .map(|module| module.functions.len())
            .sum();
        tracing::info!(
            modules = push.evaluated.modules.len(),
            functions,
            "a push is live"
        );
        warn_of_what_does_not_run(&push);
        Ok(response)
    }
}

fn apply(tx: &mut Transaction, push: &Arc<PreparedPush>) -> Result<Json, DeployError> {
    let evaluated = &push.evaluated;
    let mut deployment = Deployment::load(tx)?;
    let row = ready_schema(tx, push, &deployment)?;
    let variables = Variable::all(tx)?
        .into_iter()
        .map(|variable| (variable.name, variable.value))
        .collect();
    if evaluated.variables != variables {
        return Err(DeployError::bad(
            "RaceDetected",
            "environment variables changed while the push was going on; push again",
        ));
    }
    check_required_variables(push)?;

    let index_diff = IndexDiff::new(tx, &evaluated.schema).to_json();
    indexes::activate(tx, &evaluated.schema)?;
    let mut modules = Vec::with_capacity(evaluated.modules.len());
    for module in &evaluated.modules {
        let analysis = (!module.is_chunk())
            .then(|| evaluated.analysis.get(&module.path))
            .flatten();
        let analysis = analysis
            .map(serde_json::to_string)
            .transpose()
            .map_err(|error| DeployError::internal(&error))?;
        modules.push(ModuleRow {
            path: module.path.clone(),
            environment: module.environment.clone(),
            hash: module.text().save(tx)?,
            analysis,
        });
    }
    let (added, removed) = ModuleRow::replace_all(tx, &modules)?;

    let previous_schema = deployment
        .schema
        .map(|id| SchemaRow::load(tx, id))
        .transpose()?
        .flatten();
    if let Some(previous) = &previous_schema {
        previous.remove(tx)?;
    }
    row.set_state(tx, &SchemaState::Active)?;
    let auth =
        serde_json::to_string(&evaluated.auth).map_err(|error| DeployError::internal(&error))?;
    let auth_diff = auth_diff(deployment.auth.as_deref(), &evaluated.auth);
    let previous_version = deployment.udf_server_version.take();
    deployment.push += 1;
    deployment
        .udf_server_version
        .clone_from(&push.udf_server_version);
    deployment.functions.clone_from(&push.functions);
    deployment.import_seed = evaluated.import_seed;
    deployment.import_time_ms = evaluated.import_time_ms;
    deployment.schema = Some(row.id);
    deployment.pending_schema = None;
    deployment.auth = Some(auth);
    deployment.save(tx)?;

    let first = deployment.push == 1;
    let previous_schema = previous_schema.map(|row| row.json);
    let schema_diff = match previous_schema.as_deref() == Some(&row.json) {
        true => Json::Null,
        false => json!({ "previous_schema": previous_schema, "next_schema": row.json }),
    };
    let version_diff = match previous_version == push.udf_server_version {
        true => Json::Null,
        false => {
            json!({ "previous_version": previous_version.unwrap_or_default(), "next_version": push.udf_server_version.clone().unwrap_or_default() })
        }
    };
    let shown = |paths: Vec<String>| -> Vec<String> {
        paths
            .into_iter()
            .filter(|path| !path.contains("_deps/"))
            .collect()
    };
    Ok(json!({
        "authDiff": auth_diff,
        "definitionDiffs": { "": {} },
        "componentDiffs": { "": {
            "diffType": { "type": if first { "create" } else { "modify" } },
            "moduleDiff": { "added": shown(added), "removed": shown(removed) },
            "udfConfigDiff": version_diff,
            "cronDiff": { "added": [], "updated": [], "deleted": [] },
            "indexDiff": index_diff,
            "schemaDiff": schema_diff,
        } },
    }))
}

/// The push's own schema, if it is the pending one and every document satisfies it.
fn ready_schema(
    tx: &mut Transaction,
    push: &PreparedPush,
    deployment: &Deployment,
) -> Result<SchemaRow, DeployError> {
    let race = || {
        DeployError::bad(
            "RaceDetected",
            "another push was started while this one was going on; push again",
        )
    };
    let id = push
        .schema
        .filter(|id| deployment.pending_schema == Some(*id))
        .ok_or_else(race)?;
    let row = SchemaRow::load(tx, id)?.ok_or_else(race)?;
    match &row.state {
        SchemaState::Validated => Ok(row),
        SchemaState::Failed { error, .. } => {
            Err(DeployError::bad("SchemaValidationFailed", error.clone()))
        }
        SchemaState::Pending => Err(DeployError::bad(
            "SchemaNotValidated",
            "documents are still being checked against the schema; wait_for_schema comes first",
        )),
        SchemaState::Active | SchemaState::Overwritten => Err(race()),
    }
}

/// Variables that `convex.config.ts` declares must be set.
fn check_required_variables(push: &PreparedPush) -> Result<(), DeployError> {
    let declared = push
        .evaluated
        .definition
        .get("envVars")
        .and_then(Json::as_array);
    let missing: Vec<&str> = declared
        .into_iter()
        .flatten()
        .filter(|entry| {
            entry
                .get(1)
                .and_then(|of| of.get("optional"))
                .and_then(Json::as_bool)
                != Some(true)
        })
        .filter_map(|entry| entry.get(0).and_then(Json::as_str))
        .filter(|name| !push.evaluated.variables.contains_key(*name))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(DeployError::bad(
        "MissingEnvironmentVariables",
        format!(
            "Environment variables that convex.config.ts requires are not set: {}.",
            missing.join(", ")
        ),
    ))
}

fn auth_diff(before: Option<&str>, after: &[Json]) -> Json {
    let before: Vec<Json> = before
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let texts = |list: &[Json]| -> BTreeSet<String> { list.iter().map(Json::to_string).collect() };
    let (before, after) = (texts(&before), texts(after));
    json!({
        "added": after.difference(&before).collect::<Vec<_>>(),
        "removed": before.difference(&after).collect::<Vec<_>>(),
    })
}

/// What was taken and kept, but is not served by this version.
fn warn_of_what_does_not_run(push: &PreparedPush) {
    let analysis = &push.evaluated.analysis;
    if analysis
        .get("http.js")
        .is_some_and(|module| module.http_routes.is_some())
    {
        tracing::warn!("convex/http.ts was pushed; HTTP actions do not run in this version yet");
    }
    if analysis
        .get("crons.js")
        .is_some_and(|module| module.cron_specs.is_some())
    {
        tracing::warn!("convex/crons.ts was pushed; cron jobs do not run in this version yet");
    }
    for (name, table) in &push.evaluated.schema.tables {
        for index in &table.other_indexes {
            tracing::warn!(
                "the search or vector index {name}.{index} is not served in this version yet"
            );
        }
    }
    if !push.evaluated.auth.is_empty() {
        tracing::warn!(
            "convex/auth.config.ts was pushed; user tokens are not checked in this version yet"
        );
    }
}
