//! The second half of a push: one commit makes functions, schema and indexes live.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lentil_catalog::{
    Author, ComponentPath, Components, Deployment, FunctionHandles, ModuleChanges, ModuleRow,
    ModuleText, Schema, SchemaRow, SchemaState, Variable,
};
use lentil_database::{Namespace, Transaction};
use serde_json::{Map, Value as Json, json};

use super::code::{Code, ComponentCode};
use super::evaluate::{Evaluated, EvaluatedDefinition};
use super::indexes::{self, IndexDiff};
use super::schema_slots::SchemaSlots;
use super::start::PreparedPush;
use super::{DeployError, Deployer, NO_SCHEMA, declared, node, staged};
use crate::crons;
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
        let code = code_of(evaluated)?;
        let (applying, images) = (push.clone(), self.shared.images.clone());
        let message = message.to_owned();
        let response = self
            .transact(move |tx| {
                let response = apply(tx, &applying)?;
                note_push(tx, author, &message, &response)?;
                let handles = FunctionHandles::ensure(tx, code.handled())?;
                let code = code.clone().with_handles(&handles);
                // Before the commit, so that the first call after it need not link again.
                images.remember_code(applying.evaluated.import_seed, code);
                Ok(response)
            })
            .await?;
        let introspection = &self.shared.introspection;
        introspection.tell_usable_indexes(&response["componentDiffs"]);
        self.shared.agenda.note_crons();
        // What a component has left that was not mounted is due long since.
        self.shared.agenda.note_scheduled(f64::NEG_INFINITY);
        self.shared.prepared.lock().remove(&push.id);
        // Staged indexes and validators are worked on from now on.
        self.shared.work.notify_one();
        let definitions = push.evaluated.definitions.values();
        let modules: usize = definitions.clone().map(|it| it.modules.len()).sum();
        let functions = definitions.flat_map(|it| it.analysis.values());
        let functions: usize = functions.map(|module| module.functions.len()).sum();
        let components = push.evaluated.tree.mounted.len();
        tracing::info!(modules, functions, components, "a push is live");
        warn_of_what_does_not_run(&push);
        Ok(response)
    }
}

/// The code of all components that the push mounts.
fn code_of(evaluated: &Evaluated) -> Result<Code, DeployError> {
    let mut code = Code::default();
    let mut made: BTreeMap<&str, ComponentCode> = BTreeMap::new();
    for (path, definition) in evaluated.instances() {
        let folder = &*definition.definition.path;
        let one = match made.get(folder) {
            Some(one) => one.clone(),
            None => ComponentCode::new(definition.bundle.clone(), definition.analysis.clone())?,
        };
        made.insert(folder, one.clone());
        code.components.insert(path, one);
    }
    Ok(code)
}

/// Keeps what the push has changed where dashboards list it.
fn note_push(
    tx: &mut Transaction,
    author: Author,
    message: &str,
    response: &Json,
) -> Result<(), DeployError> {
    let diffs = response["componentDiffs"].as_object().into_iter().flatten();
    let diffs = diffs.map(|(path, diff)| {
        let path = (!path.is_empty()).then_some(path);
        json!({ "component_path": path, "component_diff": diff })
    });
    let message = Some(message).filter(|message| !message.is_empty());
    let metadata = [
        ("message", plain(&json!(message))),
        ("auth_diff", plain(&response["authDiff"])),
        ("component_diffs", plain(&diffs.collect())),
    ];
    Ok(note(tx, author, "push_config_with_components", metadata)?)
}

fn apply(tx: &mut Transaction, push: &Arc<PreparedPush>) -> Result<Json, DeployError> {
    let evaluated = &push.evaluated;
    // Before anything is changed: another push may have been started since.
    for (path, _) in evaluated.instances() {
        ready_schema(tx, push, &path)?;
    }
    check_environment(tx, push)?;
    let before = Deployment::load(tx)?;
    let changes = Components::apply(tx, &evaluated.tree.mounted)?;
    let mut unused = BTreeSet::new();
    let mut diffs = Map::new();
    for (path, definition) in evaluated.instances() {
        let kind = match path.is_root() {
            true if before.push == 0 => "create",
            _ if changes.created.contains(&path) => "create",
            _ if changes.remounted.contains(&path) => "remount",
            _ => "modify",
        };
        let row = ready_schema(tx, push, &path)?;
        let mut diff = apply_one(tx, &row, definition, &mut unused)?;
        diff["diffType"] = json!({ "type": kind });
        diff["udfConfigDiff"] = match path.is_root() {
            true => config_diff(&before, definition),
            false => Json::Null,
        };
        diffs.insert(path.0, diff);
    }
    for path in &changes.unmounted {
        let diff = unmount(tx, path, &mut unused)?;
        diffs.insert(path.0.clone(), diff);
    }
    let components = Components::load(tx)?;
    let namespaces: Vec<Namespace> = components.all().map(|it| it.namespace).collect();
    ModuleText::remove_unused(tx, unused, namespaces)?;
    let auth_diff = auth_diff(before.auth.as_deref(), &evaluated.auth);
    save_deployment(tx, push)?;
    let definitions = evaluated.definitions.keys().cloned();
    let definitions: Map<String, Json> = definitions.map(|path| (path, json!({}))).collect();
    Ok(json!({
        "authDiff": auth_diff,
        "definitionDiffs": definitions,
        "componentDiffs": diffs,
    }))
}

/// Makes one component what the push says; gives what that changes.
fn apply_one(
    tx: &mut Transaction,
    (slots, row): &(SchemaSlots, SchemaRow),
    definition: &EvaluatedDefinition,
    unused: &mut BTreeSet<String>,
) -> Result<Json, DeployError> {
    let (namespace, schema) = (slots.namespace, &definition.schema);
    let active = slots.active_schema(tx)?;
    let index_diff = IndexDiff::new(tx, namespace, schema, active.as_ref()).to_json();
    indexes::activate(tx, namespace, schema)?;
    let changes = store_modules(tx, namespace, definition)?;
    staged::sync(tx, namespace, schema)?;
    let cron_diff = crons::sync(tx, namespace, &definition.analysis)?;
    let schema_diff = activate_schema(tx, slots, row)?;
    let module_diff = module_diff(&changes);
    unused.extend(changes.unused);
    Ok(json!({
        "moduleDiff": module_diff,
        "cronDiff": cron_diff,
        "indexDiff": index_diff,
        "schemaDiff": schema_diff,
    }))
}

/// Takes away what a component runs; its documents stay, with their indexes.
fn unmount(
    tx: &mut Transaction,
    path: &ComponentPath,
    unused: &mut BTreeSet<String>,
) -> Result<Json, DeployError> {
    let gone = || DeployError::internal(&format!("the component {:?} is gone", path.0));
    let mut slots = SchemaSlots::at(tx, path)?.ok_or_else(gone)?;
    let namespace = slots.namespace;
    let changes = ModuleRow::replace_all(tx, namespace, &[])?;
    staged::sync(tx, namespace, &Schema::default())?;
    let cron_diff = crons::sync(tx, namespace, &BTreeMap::new())?;
    let previous = match slots.active.take() {
        Some(id) => SchemaRow::load(tx, namespace, id)?,
        None => None,
    };
    if let Some(row) = &previous {
        row.remove(tx, namespace)?;
    }
    slots.pending = None;
    slots.save(tx)?;
    let module_diff = module_diff(&changes);
    unused.extend(changes.unused);
    let previous = previous.and_then(|row| declared_schema(&row.json));
    Ok(json!({
        "diffType": { "type": "unmount" },
        "moduleDiff": module_diff,
        "udfConfigDiff": null,
        "cronDiff": cron_diff,
        "indexDiff": IndexDiff::default().to_json(),
        "schemaDiff": previous.map(|text| json!({ "previous_schema": text, "next_schema": null })),
    }))
}

fn save_deployment(tx: &mut Transaction, push: &PreparedPush) -> Result<(), DeployError> {
    let evaluated = &push.evaluated;
    let app = evaluated.app();
    let auth =
        serde_json::to_string(&evaluated.auth).map_err(|error| DeployError::internal(&error))?;
    let mut deployment = Deployment::load(tx)?;
    deployment.push += 1;
    deployment
        .udf_server_version
        .clone_from(&app.udf_server_version);
    deployment.functions.clone_from(&push.functions);
    deployment.import_seed = evaluated.import_seed;
    deployment.import_time_ms = evaluated.import_time_ms;
    deployment.auth = Some(auth);
    deployment.definition = Some(app.definition.exported.to_string());
    node::store(&mut deployment, app.bundle.node());
    Ok(deployment.save(tx)?)
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
    declared::check_all(&push.evaluated.app().definition.declared, &variables)
}

/// Makes a component's modules the live ones.
fn store_modules(
    tx: &mut Transaction,
    namespace: Namespace,
    definition: &EvaluatedDefinition,
) -> Result<ModuleChanges, DeployError> {
    let mut modules = Vec::with_capacity(definition.modules.len());
    for module in &definition.modules {
        let analysis = definition.analysis.get(&module.path);
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
    Ok(ModuleRow::replace_all(tx, namespace, &modules)?)
}

fn module_diff(changes: &ModuleChanges) -> Json {
    let shown = |paths: &[String]| -> Vec<String> {
        let paths = paths.iter().filter(|path| !path.contains("_deps/"));
        paths.cloned().collect()
    };
    json!({ "added": shown(&changes.added), "removed": shown(&changes.removed) })
}

/// The text of a schema, unless it stands for there being none.
fn declared_schema(text: &str) -> Option<String> {
    (text != NO_SCHEMA).then(|| text.to_owned())
}

/// Puts the push's schema in the place of the enforced one; gives how they differ.
fn activate_schema(
    tx: &mut Transaction,
    slots: &SchemaSlots,
    row: &SchemaRow,
) -> Result<Json, DeployError> {
    let namespace = slots.namespace;
    let previous = match slots.active {
        Some(id) => SchemaRow::load(tx, namespace, id)?,
        None => None,
    };
    if let Some(previous) = &previous {
        previous.remove(tx, namespace)?;
    }
    row.set_state(tx, namespace, &SchemaState::Active)?;
    let live = SchemaSlots {
        active: Some(row.id),
        pending: None,
        ..slots.clone()
    };
    live.save(tx)?;
    let previous = previous.and_then(|row| declared_schema(&row.json));
    let next = declared_schema(&row.json);
    Ok(match previous == next {
        true => Json::Null,
        false => json!({ "previous_schema": previous, "next_schema": next }),
    })
}

fn config_diff(before: &Deployment, app: &EvaluatedDefinition) -> Json {
    if before.udf_server_version == app.udf_server_version {
        return Json::Null;
    }
    let shown = |version: &Option<String>| version.clone().unwrap_or_default();
    json!({
        "previous_version": shown(&before.udf_server_version),
        "next_version": shown(&app.udf_server_version),
    })
}

/// The push's own schema of a component, if it is the pending one and every document satisfies it.
fn ready_schema(
    tx: &mut Transaction,
    push: &PreparedPush,
    component: &ComponentPath,
) -> Result<(SchemaSlots, SchemaRow), DeployError> {
    let race = || {
        DeployError::bad(
            "RaceDetected",
            "another push was started while this one was going on; push again",
        )
    };
    let slots = SchemaSlots::at(tx, component)?.ok_or_else(race)?;
    let id = push.schemas.get(component).copied();
    let id = id
        .filter(|id| slots.pending == Some(*id))
        .ok_or_else(race)?;
    let row = SchemaRow::load(tx, slots.namespace, id)?.ok_or_else(race)?;
    match &row.state {
        SchemaState::Validated => Ok((slots, row)),
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
    let definitions = push.evaluated.definitions.values();
    for (name, table) in definitions.flat_map(|it| &it.schema.tables) {
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
