//! Waiting until the pending schemas of a push are validated and their indexes are filled.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lentil_catalog::{ComponentPath, Schema, SchemaRow, SchemaState};
use lentil_database::{Database, Transaction, TransactionLimits};
use lentil_values::DocumentId;
use serde_json::{Map, Value as Json, json};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::indexes::Progress;
use super::schema_slots::SchemaSlots;
use super::{DeployError, Deployer, blocking, indexes};

/// Milliseconds that a caller may wait for at most in one request.
const WAIT_MS_MAX: f64 = 60_000.0;

impl Deployer {
    /// Answers once the outcome is final, or with how far things are after `timeoutMs`.
    pub async fn wait_for_schema(&self, body: Json) -> Result<Json, DeployError> {
        let change = body.get("schemaChange").cloned().unwrap_or(Json::Null);
        if body.get("dryRun").and_then(Json::as_bool) == Some(true) {
            return self.outcome_of_dry_run(&change);
        }
        let ids = schema_ids(&change).ok_or_else(|| {
            DeployError::bad(
                "InvalidSchemaId",
                "\"schemaChange\" is not what start_push answered",
            )
        })?;
        let ids = Arc::new(ids);
        let timeout_ms = body
            .get("timeoutMs")
            .and_then(Json::as_f64)
            .unwrap_or(0.0)
            .clamp(0.0, WAIT_MS_MAX);
        let deadline = Instant::now() + Duration::from_secs_f64(timeout_ms / 1e3);
        loop {
            let changed = Arc::new(Notify::new());
            let waker = {
                let changed = changed.clone();
                Arc::new(move |_| changed.notify_one())
            };
            let (database, asked) = (self.shared.database.clone(), ids.clone());
            let (status, _subscription) = blocking(move || {
                let mut tx = database.begin();
                tx.set_limits(TransactionLimits::UNLIMITED);
                let status = Status::read(&database, &mut tx, &asked)?;
                let subscription = database.subscribe(tx.read_set(), tx.snapshot(), waker);
                Ok((status, subscription))
            })
            .await?;
            let Status::InProgress { json, missing } = status else {
                return Ok(status.into_json());
            };
            if missing {
                let asked = ids.clone();
                self.transact(move |tx| fill_what_is_missing(tx, &asked))
                    .await?;
                self.shared.work.notify_one();
            }
            if Instant::now() >= deadline {
                return Ok(json);
            }
            // When the time is over it is read once more: it tells how far things are by then.
            let _over = tokio::time::timeout_at(deadline, changed.notified()).await;
        }
    }

    fn outcome_of_dry_run(&self, change: &Json) -> Result<Json, DeployError> {
        let id = change
            .get("lentilPush")
            .and_then(Json::as_str)
            .unwrap_or_default();
        let push = self.recall(id).ok_or_else(DeployError::forgotten)?;
        Ok(match &push.violation {
            None => json!({ "type": "complete" }),
            Some((component, (error, table))) => failed(component, error, table.as_deref()),
        })
    }
}

impl DeployError {
    /// The server has restarted, or many pushes were started since. 409 makes `dev` push again.
    pub(super) fn forgotten() -> DeployError {
        DeployError::new(
            409,
            "PushNotPrepared",
            "the server does not know this push any more; push again",
        )
    }
}

/// The pending schemas by the paths of their components.
type SchemaIds = BTreeMap<ComponentPath, DocumentId>;

fn schema_ids(change: &Json) -> Option<SchemaIds> {
    let ids = change.get("schemaIds")?.as_object()?;
    let id = |(path, id): (&String, &Json)| {
        Some((ComponentPath(path.clone()), id.as_str()?.parse().ok()?))
    };
    let ids: SchemaIds = ids.iter().map(id).collect::<Option<_>>()?;
    // That of the app is always there.
    ids.contains_key(&ComponentPath::root()).then_some(ids)
}

fn failed(component: &ComponentPath, error: &str, table: Option<&str>) -> Json {
    json!({ "type": "failed", "error": error, "componentPath": component.0, "tableName": table })
}

/// How far a schema on trial is.
enum Status {
    /// Final.
    Ended(Json),
    /// Not yet.
    InProgress {
        json: Json,
        /// Whether there is an index that nobody fills yet.
        missing: bool,
    },
}

/// How far the schema of one component is.
enum One {
    /// It will not become active.
    Ended(Json),
    Complete(Json),
    InProgress {
        json: Json,
        missing: bool,
    },
}

impl Status {
    /// Of all schemas of a push.
    fn read(
        database: &Database,
        tx: &mut Transaction,
        ids: &SchemaIds,
    ) -> Result<Status, DeployError> {
        let (mut components, mut any_missing, mut complete) = (Map::new(), false, true);
        for (component, id) in ids {
            let (json, missing) = match Status::read_one(database, tx, component, *id)? {
                One::Ended(json) => return Ok(Status::Ended(json)),
                One::Complete(json) => (json, false),
                One::InProgress { json, missing } => {
                    complete = false;
                    (json, missing)
                }
            };
            any_missing |= missing;
            components.insert(component.0.clone(), json);
        }
        if complete {
            return Ok(Status::Ended(json!({ "type": "complete" })));
        }
        Ok(Status::InProgress {
            json: json!({ "type": "inProgress", "components": components }),
            missing: any_missing,
        })
    }

    fn read_one(
        database: &Database,
        tx: &mut Transaction,
        component: &ComponentPath,
        id: DocumentId,
    ) -> Result<One, DeployError> {
        let race = || Ok(One::Ended(json!({ "type": "raceDetected" })));
        let Some(slots) = SchemaSlots::at(tx, component)? else {
            return race();
        };
        let namespace = slots.namespace;
        let Some(row) = SchemaRow::load(tx, namespace, id)? else {
            return race();
        };
        let validated = match &row.state {
            SchemaState::Overwritten => return race(),
            SchemaState::Failed { error, table } => {
                return Ok(One::Ended(failed(component, error, table.as_deref())));
            }
            SchemaState::Pending => false,
            SchemaState::Validated | SchemaState::Active => true,
        };
        let progress = indexes::progress(tx, namespace, &Schema::parse(&row.json)?);
        let json = json!({
            "schemaValidationComplete": validated,
            "indexesComplete": progress.complete,
            "indexesTotal": progress.total,
            "backfills": backfills(database, &progress)?,
        });
        if validated && progress.complete == progress.total {
            return Ok(One::Complete(json));
        }
        let missing = progress.missing;
        Ok(One::InProgress { json, missing })
    }

    fn into_json(self) -> Json {
        match self {
            Status::Ended(json) | Status::InProgress { json, .. } => json,
        }
    }
}

/// How far each index is that is being filled: the CLI only counts indexes, and takes more members.
fn backfills(database: &Database, progress: &Progress) -> Result<Vec<Json>, DeployError> {
    let mut backfills = Vec::new();
    for (table, index) in &progress.filling {
        let documents = database.backfill_progress(index)?;
        let name = indexes::declared_name(index);
        backfills.push(json!({
            "index": format!("{table}.{name}"),
            "numDocsIndexed": documents.done,
            "totalDocs": documents.total,
        }));
    }
    Ok(backfills)
}

/// Starts filling indexes of tables that came after the push was started, while it is on trial.
fn fill_what_is_missing(tx: &mut Transaction, ids: &SchemaIds) -> Result<(), DeployError> {
    for (component, id) in ids {
        let slots = SchemaSlots::at(tx, component)?;
        let Some(slots) = slots.filter(|slots| slots.pending == Some(*id)) else {
            continue;
        };
        match SchemaRow::load(tx, slots.namespace, *id)? {
            Some(row) if matches!(row.state, SchemaState::Pending | SchemaState::Validated) => {
                indexes::prepare(tx, slots.namespace, &Schema::parse(&row.json)?)?;
            }
            _ => {}
        }
    }
    Ok(())
}
