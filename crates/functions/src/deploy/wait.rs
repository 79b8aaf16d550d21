//! Waiting until a pending schema is validated and its indexes are filled.

use std::sync::Arc;
use std::time::Duration;

use lentil_catalog::{Deployment, Schema, SchemaRow, SchemaState};
use lentil_database::{Database, Transaction, TransactionLimits};
use lentil_values::DocumentId;
use serde_json::{Value as Json, json};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::indexes::Progress;
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
        let id = change
            .get("schemaIds")
            .and_then(|ids| ids.get(""))
            .and_then(Json::as_str);
        let id: DocumentId = id.and_then(|id| id.parse().ok()).ok_or_else(|| {
            DeployError::bad(
                "InvalidSchemaId",
                "\"schemaChange\" is not what start_push answered",
            )
        })?;
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
            let database = self.shared.database.clone();
            let (status, _subscription) = blocking(move || {
                let mut tx = database.begin();
                tx.set_limits(TransactionLimits::UNLIMITED);
                let status = Status::read(&database, &mut tx, id)?;
                let subscription = database.subscribe(tx.read_set(), tx.snapshot(), waker);
                Ok((status, subscription))
            })
            .await?;
            let Status::InProgress { json, missing } = status else {
                return Ok(status.into_json());
            };
            if missing {
                self.transact(move |tx| fill_what_is_missing(tx, id))
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
            Some((error, table)) => failed(error, table.as_deref()),
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

fn failed(error: &str, table: Option<&str>) -> Json {
    json!({ "type": "failed", "error": error, "componentPath": "", "tableName": table })
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

impl Status {
    fn read(
        database: &Database,
        tx: &mut Transaction,
        id: DocumentId,
    ) -> Result<Status, DeployError> {
        let race = || Ok(Status::Ended(json!({ "type": "raceDetected" })));
        let Some(row) = SchemaRow::load(tx, id)? else {
            return race();
        };
        let validated = match &row.state {
            SchemaState::Overwritten => return race(),
            SchemaState::Failed { error, table } => {
                return Ok(Status::Ended(failed(error, table.as_deref())));
            }
            SchemaState::Pending => false,
            SchemaState::Validated | SchemaState::Active => true,
        };
        let progress = indexes::progress(tx, &Schema::parse(&row.json)?);
        if validated && progress.complete == progress.total {
            return Ok(Status::Ended(json!({ "type": "complete" })));
        }
        let json = json!({ "type": "inProgress", "components": { "": {
            "schemaValidationComplete": validated,
            "indexesComplete": progress.complete,
            "indexesTotal": progress.total,
            "backfills": backfills(database, &progress)?,
        } } });
        Ok(Status::InProgress {
            json,
            missing: progress.missing,
        })
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
fn fill_what_is_missing(tx: &mut Transaction, id: DocumentId) -> Result<(), DeployError> {
    if Deployment::load(tx)?.pending_schema != Some(id) {
        return Ok(());
    }
    match SchemaRow::load(tx, id)? {
        Some(row) if matches!(row.state, SchemaState::Pending | SchemaState::Validated) => {
            indexes::prepare(tx, &Schema::parse(&row.json)?)
        }
        _ => Ok(()),
    }
}
