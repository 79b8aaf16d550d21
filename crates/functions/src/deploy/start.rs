//! The first half of a push, and the questions that are asked before it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lentil_catalog::{ComponentPath, Components, Schema, SchemaRow, SchemaState};
use lentil_database::{Namespace, Transaction};
use lentil_values::DocumentId;
use serde_json::{Map, Value as Json, json};

use super::evaluate::{Evaluated, EvaluatedDefinition, evaluate_schema};
use super::indexes::{self, AnyIndex, IndexDiff};
use super::request::PushRequest;
use super::schema_slots::SchemaSlots;
use super::schema_work::{Violation, first_violation};
use super::{DeployError, Deployer, staged};

/// Documents whose size is looked at to estimate a table's.
const SIZE_SAMPLE: usize = 100;

/// A push between its halves.
#[derive(Debug)]
pub(super) struct PreparedPush {
    /// Names it in the response; random.
    pub(super) id: String,
    /// Ascends.
    pub(super) number: u64,
    /// What was evaluated.
    pub(super) evaluated: Arc<Evaluated>,
    /// The rows of the pending schemas, one a component; none in a dry run.
    pub(super) schemas: BTreeMap<ComponentPath, DocumentId>,
    /// Of a dry run: the document that violates a schema, and its component.
    pub(super) violation: Option<(ComponentPath, Violation)>,
    /// As the CLI names it.
    pub(super) functions: String,
}

impl Deployer {
    /// Evaluates a push and, unless it is a dry run, makes its schemas pending.
    pub async fn start_push(&self, body: Json) -> Result<Json, DeployError> {
        let started = self.start(body).await;
        started.map_err(DeployError::while_pushing)
    }

    async fn start(&self, body: Json) -> Result<Json, DeployError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let request = Arc::new(PushRequest::parse(body)?);
        let evaluated = Arc::new(self.evaluate(request.clone()).await?);
        let dry = request.dry_run || request.for_codegen;
        let trying = evaluated.clone();
        let trial = match dry {
            true => self.look(move |tx| Trial::look(tx, &trying)).await?,
            false => self.transact(move |tx| Trial::begin(tx, &trying)).await?,
        };
        self.shared.work.notify_one();
        let push = Arc::new(PreparedPush {
            id: format!("{:032x}", rand::random::<u128>()),
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            evaluated,
            schemas: trial.schemas,
            violation: trial.violation,
            functions: request.functions.clone(),
        });
        let response = push.response(&trial.places, &trial.diffs)?;
        self.remember(push);
        Ok(response)
    }

    /// What a push would change about indexes; changes nothing.
    pub async fn evaluate_push(&self, body: Json) -> Result<Json, DeployError> {
        let request = Arc::new(PushRequest::parse(body)?);
        let evaluated = self.evaluate(request).await?;
        let trial = self.look(move |tx| Trial::compare(tx, &evaluated)).await?;
        Ok(json!({
            "schemaChange": {
                "allocatedComponentIds": {}, "schemaIds": {}, "indexDiffs": by_path(trial.diffs),
            }
        }))
    }

    /// What a push would have to check and fill; changes nothing.
    pub async fn evaluate_schema(&self, body: Json) -> Result<Json, DeployError> {
        let request = Arc::new(PushRequest::parse(body)?);
        if request.component_definitions.is_empty() {
            // What is wrong elsewhere in the push, the push itself will say.
            let schema = self.evaluate_only_schema(&request).await?;
            let evaluation = self.look(move |tx| {
                let Some(slots) = SchemaSlots::at(tx, &ComponentPath::root())? else {
                    return Ok(Json::Null);
                };
                evaluation_json(tx, "", &schema, &slots)
            });
            return Ok(evaluations_json(
                json!({ "": evaluation.await? }),
                Vec::new(),
            ));
        }
        let evaluated = self.evaluate(request).await?;
        self.look(move |tx| evaluations(tx, &evaluated)).await
    }
}

/// The answer of `evaluate_schema` of an app with components.
fn evaluations(tx: &mut Transaction, evaluated: &Evaluated) -> Result<Json, DeployError> {
    let before = Components::load(tx)?;
    let known: BTreeSet<String> = before
        .active()
        .map(|it| it.definition_path.clone())
        .collect();
    Components::allocate(tx, &evaluated.tree.mounted)?;
    let mut all = Map::new();
    for (path, definition) in evaluated.instances() {
        if let Some(slots) = SchemaSlots::at(tx, &path)? {
            let folder = &definition.definition.path;
            let json = evaluation_json(tx, folder, &definition.schema, &slots)?;
            all.insert(path.0, json);
        }
    }
    let definitions = evaluated.definitions.keys().cloned();
    let new = definitions.filter(|path| !known.contains(path));
    Ok(evaluations_json(Json::Object(all), new.collect()))
}

fn evaluations_json(evaluations: Json, new: Vec<String>) -> Json {
    json!({ "componentSchemaEvaluations": evaluations, "newComponentDefinitions": new })
}

fn evaluation_json(
    tx: &mut Transaction,
    definition_path: &str,
    schema: &Schema,
    slots: &SchemaSlots,
) -> Result<Json, DeployError> {
    let (namespace, active) = (slots.namespace, slots.active_schema(tx)?);
    let active = active.as_ref();
    let diff = IndexDiff::new(tx, namespace, schema, active);
    Ok(json!({
        "definitionPath": definition_path,
        "schemaValidation": schema.validation,
        "tables": table_outcomes(tx, namespace, schema, active)?,
        "indexes": index_changes(tx, namespace, &diff)?,
        "discardedStagedValidators": staged::discarded(tx, namespace, schema, active)?,
    }))
}

impl Deployer {
    /// The schema of a push that is only asked about.
    async fn evaluate_only_schema(&self, request: &PushRequest) -> Result<Schema, DeployError> {
        let module = request.app_definition.schema.as_ref();
        let now_ms = self.shared.database.begin().now_ms();
        let (schema, _) =
            evaluate_schema(&self.shared.host, module, rand::random(), now_ms).await?;
        Ok(schema)
    }
}

/// What the first transaction of a push found or did.
#[derive(Default)]
struct Trial {
    diffs: BTreeMap<ComponentPath, Json>,
    /// The ids of the components.
    places: BTreeMap<ComponentPath, DocumentId>,
    schemas: BTreeMap<ComponentPath, DocumentId>,
    violation: Option<(ComponentPath, Violation)>,
}

impl Trial {
    /// Says what the push changes about indexes. Components that are new get their places in the
    /// transaction.
    fn compare(tx: &mut Transaction, evaluated: &Evaluated) -> Result<Trial, DeployError> {
        let mut trial = Trial::default();
        let components = Components::allocate(tx, &evaluated.tree.mounted)?;
        for (path, definition) in evaluated.instances() {
            let Some(slots) = SchemaSlots::at(tx, &path)? else {
                continue;
            };
            let id = components.by_path(&path.0).and_then(|it| it.id);
            trial.places.extend(id.map(|id| (path.clone(), id)));
            let active = slots.active_schema(tx)?;
            let schema = &definition.schema;
            let diff = IndexDiff::new(tx, slots.namespace, schema, active.as_ref());
            trial.diffs.insert(path, diff.to_json());
        }
        Ok(trial)
    }

    /// The same for a dry run, which checks the documents at once.
    fn look(tx: &mut Transaction, evaluated: &Evaluated) -> Result<Trial, DeployError> {
        let mut trial = Trial::compare(tx, evaluated)?;
        for (path, definition) in evaluated.instances() {
            let Some(slots) = SchemaSlots::at(tx, &path)? else {
                continue;
            };
            if let Some(violation) = first_violation(tx, &slots, &definition.schema)? {
                trial.violation = Some((path, violation));
                break;
            }
        }
        Ok(trial)
    }

    /// The same for a push, which puts its schemas on trial.
    fn begin(tx: &mut Transaction, evaluated: &Evaluated) -> Result<Trial, DeployError> {
        let mut trial = Trial::compare(tx, evaluated)?;
        for mut slots in SchemaSlots::all(tx)? {
            forget_trials(tx, slots.namespace)?;
            if slots.pending.take().is_some() {
                slots.save(tx)?;
            }
        }
        for (path, definition) in evaluated.instances() {
            let Some(mut slots) = SchemaSlots::at(tx, &path)? else {
                continue;
            };
            let namespace = slots.namespace;
            indexes::prepare(tx, namespace, &definition.schema)?;
            let id = SchemaRow::insert(tx, namespace, definition.kept_schema_text())?;
            slots.pending = Some(id);
            slots.save(tx)?;
            trial.schemas.insert(path, id);
        }
        Ok(trial)
    }
}

/// Takes the place of an earlier push that never finished.
fn forget_trials(tx: &mut Transaction, namespace: Namespace) -> Result<(), DeployError> {
    for state in [
        SchemaState::Overwritten,
        SchemaState::Failed {
            error: String::new(),
            table: None,
        },
    ] {
        for row in SchemaRow::in_state(tx, namespace, &state)? {
            row.remove(tx, namespace)?;
        }
    }
    for state in [SchemaState::Pending, SchemaState::Validated] {
        for row in SchemaRow::in_state(tx, namespace, &state)? {
            row.set_state(tx, namespace, &SchemaState::Overwritten)?;
        }
    }
    Ok(())
}

fn by_path<T: Into<Json>>(entries: BTreeMap<ComponentPath, T>) -> Json {
    let entries = entries.into_iter();
    Json::Object(entries.map(|(path, it)| (path.0, it.into())).collect())
}

fn table_outcomes(
    tx: &mut Transaction,
    namespace: Namespace,
    schema: &Schema,
    active: Option<&Schema>,
) -> Result<Vec<Json>, DeployError> {
    let mut outcomes = Vec::new();
    for (name, table) in &schema.tables {
        let outcome = if !schema.validation || table.document.is_none() {
            "notValidated"
        } else if schema.table_accepts_all_of(name, active) {
            "supersetOfEnforced"
        } else if staged::is_promoted(tx, namespace, schema, name)? {
            "supersetOfStagedValidated"
        } else {
            "mustWalk"
        };
        let (documents, bytes) = table_size(tx, namespace, name)?;
        let mut json =
            json!({ "name": name, "outcome": outcome, "numDocs": documents, "sizeBytes": bytes });
        for (member, value) in
            staged::evaluation(tx, namespace, schema, name, outcome == "mustWalk")?
        {
            json[member] = value;
        }
        outcomes.push(json);
    }
    Ok(outcomes)
}

fn index_changes(
    tx: &mut Transaction,
    namespace: Namespace,
    diff: &IndexDiff,
) -> Result<Vec<Json>, DeployError> {
    let mut changes = Vec::new();
    for (change, entries) in [
        ("added", &diff.added),
        ("identical", &diff.identical),
        ("enabled", &diff.enabled),
        ("disabled", &diff.disabled),
        ("dropped", &diff.removed),
    ] {
        for (table, index) in entries {
            changes.push(index_change(tx, namespace, change, table, index)?);
        }
    }
    Ok(changes)
}

fn index_change(
    tx: &mut Transaction,
    namespace: Namespace,
    change: &str,
    table: &str,
    index: &AnyIndex,
) -> Result<Json, DeployError> {
    let documents = tx.count(namespace, table)?;
    let mut json = indexes::config(table, index);
    json["change"] = change.into();
    let filled = matches!(index, AnyIndex::Plain(_));
    json["needsBackfill"] = (filled && change == "added" && documents > 0).into();
    json["numDocs"] = documents.into();
    Ok(json)
}

/// Documents of a table, and about how many bytes they have.
fn table_size(
    tx: &mut Transaction,
    namespace: Namespace,
    table: &str,
) -> Result<(u64, u64), DeployError> {
    let documents = tx.count(namespace, table)?;
    let mut cursor = tx.query(lentil_database::IndexQuery {
        namespace,
        table: table.to_owned(),
        index: "by_creation_time".to_owned(),
        range: lentil_values::KeyRange::all(),
        order: lentil_database::Order::Asc,
    })?;
    let (mut seen, mut bytes) = (0u64, 0u64);
    while seen < SIZE_SAMPLE as u64 {
        let Some((_, document)) = cursor.next(tx)? else {
            break;
        };
        seen += 1;
        bytes += document.json.len() as u64;
    }
    Ok((documents, bytes * documents / seen.max(1)))
}

impl PreparedPush {
    /// The response of cli-and-deploy 4.4.
    fn response(
        &self,
        places: &BTreeMap<ComponentPath, DocumentId>,
        diffs: &BTreeMap<ComponentPath, Json>,
    ) -> Result<Json, DeployError> {
        let evaluated = &self.evaluated;
        let mut analysis = Map::new();
        for (path, definition) in &evaluated.definitions {
            analysis.insert(path.clone(), self.analysis(definition)?);
        }
        let packages = evaluated.definitions.keys().cloned();
        let packages: Map<String, Json> = packages
            .map(|path| (path, self.id.clone().into()))
            .collect();
        let ids = |ids: &BTreeMap<ComponentPath, DocumentId>| {
            let texts = ids.iter().map(|(path, id)| (path.clone(), id.to_string()));
            by_path(texts.collect())
        };
        Ok(json!({
            "lentilPush": self.id,
            "environmentVariables": evaluated.variables,
            "externalDepsId": evaluated.app().bundle.node().packages_id(),
            "componentDefinitionPackages": packages,
            "appAuth": evaluated.auth,
            "analysis": analysis,
            "app": evaluated.tree.checked,
            "schemaChange": {
                "lentilPush": self.id,
                "allocatedComponentIds": ids(places),
                "schemaIds": ids(&self.schemas),
                "indexDiffs": by_path(diffs.clone()),
            },
        }))
    }

    fn analysis(&self, definition: &EvaluatedDefinition) -> Result<Json, DeployError> {
        let schema: Json = match &definition.schema_text {
            Some(text) => {
                serde_json::from_str(text).map_err(|error| DeployError::internal(&error))?
            }
            None => Json::Null,
        };
        let evaluated = &self.evaluated;
        Ok(json!({
            "definition": definition.definition.to_json(&definition.exports),
            "schema": schema,
            "functions": definition.analysis,
            "udfConfig": {
                "serverVersion": definition.udf_server_version.clone().unwrap_or_default(),
                "importPhaseRngSeed": evaluated.import_seed,
                "importPhaseUnixTimestamp": (evaluated.import_time_ms * 1e6).to_string(),
            },
        }))
    }
}
