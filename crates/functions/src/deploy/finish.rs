//! The second half of a push: one commit makes functions, schema and indexes live.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lentil_catalog::{
    Author, Deployment, FunctionHandles, ModuleRow, SchemaRow, SchemaState, Variable,
};
use lentil_database::Transaction;
use serde_json::{Value as Json, json};

use super::image::Code;
use super::indexes::{self, IndexDiff};
use super::start::{PreparedPush, active_schema};
use super::{DeployError, Deployer, NO_SCHEMA, declared, node, staged};
use crate::crons;
use crate::path::FunctionPath;
use crate::system::{note, plain};

/// Bytes of a push's message.
const MESSAGE_BYTES_MAX: usize = 1_024;

impl Deployer {
    /// Makes a started push live, or says why it cannot be.
    pub async fn finish_push(&self, body: Json) -> Result<Json, DeployError> {
        self.finish_push_as(Author::System, body).await
    }

    /// The same in somebody's name.
    pub async fn finish_push_as(&self, author: Author, body: Json) -> Result<Json, DeployError> {
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
        let evaluated = &push.evaluated;
        let code = Code::new(evaluated.bundle.clone(), evaluated.analysis.clone())?;
        let (applying, images) = (push.clone(), self.shared.images.clone());
        let message = message.to_owned();
        let response = self
            .transact(move |tx| {
                let response = apply(tx, &applying)?;
                note_push(tx, author, &message, &response)?;
                let paths = code.functions.keys().map(FunctionPath::canonical);
                let code = code
                    .clone()
                    .with_handles(&FunctionHandles::ensure(tx, paths)?);
                // Before the commit, so that the first call after it need not link again.
                images.remember_code(applying.evaluated.import_seed, code);
                Ok(response)
            })
            .await?;
        self.shared.agenda.note_crons();
        self.shared.prepared.lock().remove(&push.id);
        // Staged indexes and validators are worked on from now on.
        self.shared.work.notify_one();
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

/// Keeps what the push has changed where dashboards list it.
fn note_push(
    tx: &mut Transaction,
    author: Author,
    message: &str,
    response: &Json,
) -> Result<(), DeployError> {
    let diff = json!({
        "component_path": null,
        "component_diff": response["componentDiffs"][""],
    });
    let message = Some(message).filter(|message| !message.is_empty());
    let metadata = [
        ("message", plain(&json!(message))),
        ("auth_diff", plain(&response["authDiff"])),
        ("component_diffs", plain(&json!([diff]))),
    ];
    Ok(note(tx, author, "push_config_with_components", metadata)?)
}

fn apply(tx: &mut Transaction, push: &Arc<PreparedPush>) -> Result<Json, DeployError> {
    let evaluated = &push.evaluated;
    let mut deployment = Deployment::load(tx)?;
    let row = ready_schema(tx, push, &deployment)?;
    check_environment(tx, push)?;

    let active = active_schema(tx)?;
    let index_diff = IndexDiff::new(tx, &evaluated.schema, active.as_ref()).to_json();
    indexes::activate(tx, &evaluated.schema)?;
    let module_diff = store_modules(tx, push)?;
    staged::sync(tx, &evaluated.schema)?;
    let cron_diff = crons::sync(tx, &evaluated.analysis)?;
    let schema_diff = activate_schema(tx, &row, &deployment)?;
    let auth_diff = auth_diff(deployment.auth.as_deref(), &evaluated.auth);
    let config_diff = config_diff(&deployment, push);
    let auth =
        serde_json::to_string(&evaluated.auth).map_err(|error| DeployError::internal(&error))?;
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
    deployment.definition = Some(evaluated.definition.to_string());
    node::store(&mut deployment, evaluated.bundle.node());
    deployment.save(tx)?;

    let first = deployment.push == 1;
    Ok(json!({
        "authDiff": auth_diff,
        "definitionDiffs": { "": {} },
        "componentDiffs": { "": {
            "diffType": { "type": if first { "create" } else { "modify" } },
            "moduleDiff": module_diff,
            "udfConfigDiff": config_diff,
            "cronDiff": cron_diff,
            "indexDiff": index_diff,
            "schemaDiff": schema_diff,
        } },
    }))
}

/// The environment must be the one that the push was evaluated with, and what it requires.
fn check_environment(tx: &mut Transaction, push: &PreparedPush) -> Result<(), DeployError> {
    let variables: BTreeMap<String, String> = Variable::all(tx)?
        .into_iter()
        .map(|variable| (variable.name, variable.value))
        .collect();
    if push.evaluated.variables != variables {
        return Err(DeployError::bad(
            "RaceDetected",
            "environment variables changed while the push was going on; push again",
        ));
    }
    declared::check_all(&push.evaluated.declared, &variables)
}

/// Makes the push's modules the live ones; gives which came and which went.
fn store_modules(tx: &mut Transaction, push: &PreparedPush) -> Result<Json, DeployError> {
    let mut modules = Vec::with_capacity(push.evaluated.modules.len());
    for module in &push.evaluated.modules {
        let analysis = push.evaluated.analysis.get(&module.path);
        let analysis = analysis
            .filter(|_| !module.is_chunk())
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
    let shown = |paths: Vec<String>| -> Vec<String> {
        paths
            .into_iter()
            .filter(|path| !path.contains("_deps/"))
            .collect()
    };
    Ok(json!({ "added": shown(added), "removed": shown(removed) }))
}

/// Puts the push's schema in the place of the enforced one; gives how they differ.
fn activate_schema(
    tx: &mut Transaction,
    row: &SchemaRow,
    deployment: &Deployment,
) -> Result<Json, DeployError> {
    let previous = deployment
        .schema
        .map(|id| SchemaRow::load(tx, id))
        .transpose()?
        .flatten();
    if let Some(previous) = &previous {
        previous.remove(tx)?;
    }
    row.set_state(tx, &SchemaState::Active)?;
    let declared = |text: &str| (text != NO_SCHEMA).then(|| text.to_owned());
    let previous = previous.and_then(|row| declared(&row.json));
    let next = declared(&row.json);
    Ok(match previous == next {
        true => Json::Null,
        false => json!({ "previous_schema": previous, "next_schema": next }),
    })
}

fn config_diff(before: &Deployment, push: &PreparedPush) -> Json {
    if before.udf_server_version == push.udf_server_version {
        return Json::Null;
    }
    let shown = |version: &Option<String>| version.clone().unwrap_or_default();
    json!({
        "previous_version": shown(&before.udf_server_version),
        "next_version": shown(&push.udf_server_version),
    })
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
    for (name, table) in &push.evaluated.schema.tables {
        for index in &table.other_indexes {
            let index = &index.name;
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
