//! The first half of a push, and the questions that are asked before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lentil_catalog::{Deployment, Schema, SchemaRow, SchemaState};
use lentil_database::{Namespace, Transaction};
use lentil_values::DocumentId;
use serde_json::{Map, Value as Json, json};

use super::evaluate::{Evaluated, evaluate_schema};
use super::indexes::{self, AnyIndex, IndexDiff};
use super::request::PushRequest;
use super::schema_work::first_violation;
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
    pub(super) evaluated: Evaluated,
    /// The pending schema's row; `None` in a dry run.
    pub(super) schema: Option<DocumentId>,
    /// Of a dry run: the document that violates the schema.
    pub(super) violation: Option<(String, Option<String>)>,
    /// As the CLI names it.
    pub(super) functions: String,
    /// Version of the SDK that pushes.
    pub(super) udf_server_version: Option<String>,
}

impl Deployer {
    /// Evaluates a push and, unless it is a dry run, makes its schema pending.
    pub async fn start_push(&self, body: Json) -> Result<Json, DeployError> {
        let started = self.start(body).await;
        started.map_err(DeployError::while_pushing)
    }

    async fn start(&self, body: Json) -> Result<Json, DeployError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let request = Arc::new(PushRequest::parse(body)?);
        let evaluated = self.evaluate(request.clone()).await?;
        let dry = request.dry_run || request.for_codegen;
        let (text, schema) = (
            evaluated.kept_schema_text().to_owned(),
            evaluated.schema.clone(),
        );
        let trial = self
            .transact(move |tx| {
                let active = active_schema(tx)?;
                let diff = IndexDiff::new(tx, &schema, active.as_ref());
                let mut trial = Trial {
                    diff: diff.to_json(),
                    schema: None,
                    violation: None,
                };
                if dry {
                    trial.violation = first_violation(tx, &schema)?;
                } else {
                    trial.schema = Some(make_pending(tx, &schema, &text)?);
                }
                Ok(trial)
            })
            .await?;
        self.shared.work.notify_one();
        let push = Arc::new(PreparedPush {
            id: format!("{:032x}", rand::random::<u128>()),
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            evaluated,
            schema: trial.schema,
            violation: trial.violation,
            functions: request.functions.clone(),
            udf_server_version: request.app_definition.udf_server_version.clone(),
        });
        let response = push.response(&trial.diff)?;
        self.remember(push);
        Ok(response)
    }

    /// What a push would change about indexes; changes nothing.
    pub async fn evaluate_push(&self, body: Json) -> Result<Json, DeployError> {
        let request = PushRequest::parse(body)?;
        let schema = self.evaluate_only_schema(&request).await?;
        let diff = self
            .transact(move |tx| {
                let active = active_schema(tx)?;
                Ok(IndexDiff::new(tx, &schema, active.as_ref()).to_json())
            })
            .await?;
        Ok(json!({
            "schemaChange": { "allocatedComponentIds": {}, "schemaIds": {}, "indexDiffs": { "": diff } }
        }))
    }

    /// What a push would have to check and fill; changes nothing.
    pub async fn evaluate_schema(&self, body: Json) -> Result<Json, DeployError> {
        let request = PushRequest::parse(body)?;
        let schema = self.evaluate_only_schema(&request).await?;
        self.transact(move |tx| {
            let active = active_schema(tx)?;
            let diff = IndexDiff::new(tx, &schema, active.as_ref());
            Ok(json!({
                "componentSchemaEvaluations": { "": {
                    "definitionPath": "",
                    "schemaValidation": schema.validation,
                    "tables": table_outcomes(tx, &schema, active.as_ref())?,
                    "indexes": index_changes(tx, &diff)?,
                    "discardedStagedValidators": staged::discarded(tx, &schema, active.as_ref())?,
                } },
                "newComponentDefinitions": [],
            }))
        })
        .await
    }
}

impl Deployer {
    /// The schema of a push that is only asked about: what is wrong elsewhere in it, the push
    /// itself will say.
    async fn evaluate_only_schema(&self, request: &PushRequest) -> Result<Schema, DeployError> {
        let module = request.app_definition.schema.as_ref();
        let now_ms = self.shared.database.begin().now_ms();
        let (schema, _) =
            evaluate_schema(&self.shared.host, module, rand::random(), now_ms).await?;
        Ok(schema)
    }
}

/// What the first transaction of a push found or did.
struct Trial {
    diff: Json,
    schema: Option<DocumentId>,
    violation: Option<(String, Option<String>)>,
}

/// Takes the place of an earlier push that never finished, and starts filling indexes.
fn make_pending(
    tx: &mut Transaction,
    schema: &Schema,
    text: &str,
) -> Result<DocumentId, DeployError> {
    for state in [
        SchemaState::Overwritten,
        SchemaState::Failed {
            error: String::new(),
            table: None,
        },
    ] {
        for row in SchemaRow::in_state(tx, &state)? {
            row.remove(tx)?;
        }
    }
    for state in [SchemaState::Pending, SchemaState::Validated] {
        for row in SchemaRow::in_state(tx, &state)? {
            row.set_state(tx, &SchemaState::Overwritten)?;
        }
    }
    indexes::prepare(tx, schema)?;
    let id = SchemaRow::insert(tx, text)?;
    let mut deployment = Deployment::load(tx)?;
    deployment.pending_schema = Some(id);
    deployment.save(tx)?;
    Ok(id)
}

/// The enforced schema.
pub(super) fn active_schema(tx: &mut Transaction) -> Result<Option<Schema>, DeployError> {
    let Some(id) = Deployment::load(tx)?.schema else {
        return Ok(None);
    };
    let Some(row) = SchemaRow::load(tx, id)? else {
        return Ok(None);
    };
    Ok(Some(Schema::parse(&row.json)?))
}

fn table_outcomes(
    tx: &mut Transaction,
    schema: &Schema,
    active: Option<&Schema>,
) -> Result<Vec<Json>, DeployError> {
    let mut outcomes = Vec::new();
    for (name, table) in &schema.tables {
        let outcome = if !schema.validation || table.document.is_none() {
            "notValidated"
        } else if schema.table_accepts_all_of(name, active) {
            "supersetOfEnforced"
        } else if staged::is_promoted(tx, schema, name)? {
            "supersetOfStagedValidated"
        } else {
            "mustWalk"
        };
        let (documents, bytes) = table_size(tx, name)?;
        let mut json =
            json!({ "name": name, "outcome": outcome, "numDocs": documents, "sizeBytes": bytes });
        for (member, value) in staged::evaluation(tx, schema, name, outcome == "mustWalk")? {
            json[member] = value;
        }
        outcomes.push(json);
    }
    Ok(outcomes)
}

fn index_changes(tx: &mut Transaction, diff: &IndexDiff) -> Result<Vec<Json>, DeployError> {
    let mut changes = Vec::new();
    for (change, entries) in [
        ("added", &diff.added),
        ("identical", &diff.identical),
        ("enabled", &diff.enabled),
        ("disabled", &diff.disabled),
        ("dropped", &diff.removed),
    ] {
        for (table, index) in entries {
            changes.push(index_change(tx, change, table, index)?);
        }
    }
    Ok(changes)
}

fn index_change(
    tx: &mut Transaction,
    change: &str,
    table: &str,
    index: &AnyIndex,
) -> Result<Json, DeployError> {
    let documents = tx.count(Namespace::ROOT, table)?;
    let mut json = indexes::config(table, index);
    json["change"] = change.into();
    let filled = matches!(index, AnyIndex::Plain(_));
    json["needsBackfill"] = (filled && change == "added" && documents > 0).into();
    json["numDocs"] = documents.into();
    Ok(json)
}

/// Documents of a table, and about how many bytes they have.
fn table_size(tx: &mut Transaction, table: &str) -> Result<(u64, u64), DeployError> {
    let documents = tx.count(Namespace::ROOT, table)?;
    let mut cursor = tx.query(lentil_database::IndexQuery {
        namespace: Namespace::ROOT,
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
    fn response(&self, index_diff: &Json) -> Result<Json, DeployError> {
        let evaluated = &self.evaluated;
        let schema: Json = match &evaluated.schema_text {
            Some(text) => {
                serde_json::from_str(text).map_err(|error| DeployError::internal(&error))?
            }
            None => Json::Null,
        };
        let analysis = json!({
            "definition": self.definition(),
            "schema": schema,
            "functions": evaluated.analysis,
            "udfConfig": {
                "serverVersion": self.udf_server_version.clone().unwrap_or_default(),
                "importPhaseRngSeed": evaluated.import_seed,
                "importPhaseUnixTimestamp": (evaluated.import_time_ms * 1e6).to_string(),
            },
        });
        let schema_id = self.schema.map(|id| id.to_string());
        Ok(json!({
            "lentilPush": self.id,
            "environmentVariables": evaluated.variables,
            "externalDepsId": evaluated.bundle.node().packages_id(),
            "componentDefinitionPackages": { "": self.id },
            "appAuth": evaluated.auth,
            "analysis": { "": analysis },
            "app": {
                "definitionPath": "",
                "componentPath": "",
                "args": {},
                "childComponents": {},
                "httpRoutes": { "httpModuleRoutes": self.http_routes(), "mounts": [] },
                "exports": {},
            },
            "schemaChange": {
                "lentilPush": self.id,
                "allocatedComponentIds": {},
                "schemaIds": { "": schema_id },
                "indexDiffs": { "": index_diff },
            },
        }))
    }

    /// The app's definition with every key that the CLI requires.
    fn definition(&self) -> Json {
        let exported = &self.evaluated.definition;
        let mut definition = Map::new();
        definition.insert("path".to_owned(), json!(""));
        definition.insert("definitionType".to_owned(), json!({ "type": "app" }));
        definition.insert("childComponents".to_owned(), json!([]));
        definition.insert("httpMounts".to_owned(), json!({}));
        definition.insert(
            "exports".to_owned(),
            json!({ "type": "branch", "branch": [] }),
        );
        definition.insert(
            "envVars".to_owned(),
            exported.get("envVars").cloned().unwrap_or(Json::Null),
        );
        if let Some(prefix) = exported
            .get("httpPrefix")
            .filter(|prefix| prefix.is_string())
        {
            definition.insert("httpPrefix".to_owned(), prefix.clone());
        }
        Json::Object(definition)
    }

    fn http_routes(&self) -> Json {
        let routes = self
            .evaluated
            .analysis
            .get("http.js")
            .and_then(|module| module.http_routes.as_ref());
        match routes {
            None => Json::Null,
            Some(routes) => routes
                .iter()
                .map(|route| json!({ "method": route.route.method, "path": route.route.path }))
                .collect(),
        }
    }
}
