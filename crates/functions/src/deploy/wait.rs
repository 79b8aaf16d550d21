//! Waiting until a pending schema is validated and its indexes are filled.

use std::sync::Arc;
use std::time::Duration;

use lentil_catalog::{Schema, SchemaRow, SchemaState};
use lentil_database::TransactionLimits;
use lentil_values::DocumentId;
use serde_json::{Value as Json, json};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{DeployError, Deployer, blocking, indexes};

/// What a caller may wait for at most in one request.
const WAIT_MAX: Duration = Duration::from_secs(60);

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
        let timeout = body
            .get("timeoutMs")
            .and_then(Json::as_f64)
            .unwrap_or(0.0)
            .max(0.0);
        let deadline = Instant::now() + Duration::from_secs_f64(timeout / 1e3).min(WAIT_MAX);
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
                let status = status(&mut tx, id)?;
                let subscription = database.subscribe(tx.read_set(), tx.snapshot(), waker);
                Ok((status, subscription))
            })
            .await?;
            if status["type"] != "inProgress" {
                return Ok(status);
            }
            if tokio::time::timeout_at(deadline, changed.notified())
                .await
                .is_err()
            {
                return Ok(status);
            }
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

fn status(tx: &mut lentil_database::Transaction, id: DocumentId) -> Result<Json, DeployError> {
    let Some(row) = SchemaRow::load(tx, id)? else {
        return Ok(json!({ "type": "raceDetected" }));
    };
    let validated = match &row.state {
        SchemaState::Overwritten => return Ok(json!({ "type": "raceDetected" })),
        SchemaState::Failed { error, table } => return Ok(failed(error, table.as_deref())),
        SchemaState::Pending => false,
        SchemaState::Validated | SchemaState::Active => true,
    };
    let (complete, total) = indexes::progress(tx, &Schema::parse(&row.json)?);
    if validated && complete == total {
        return Ok(json!({ "type": "complete" }));
    }
    Ok(json!({ "type": "inProgress", "components": { "": {
        "schemaValidationComplete": validated,
        "indexesComplete": complete,
        "indexesTotal": total,
    } } }))
}
