//! The function logs as the CLI and dashboards poll them (sync-and-http 4.7, cli-and-deploy 14).

use std::time::Duration;

use axum::Router;
use axum::extract::{FromRequestParts, Query, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use lentil_functions::{LogEntry, LogForm};
use serde::Deserialize;

use crate::errors::ApiError;
use crate::request::Admin;
use crate::state::Deployment;

/// How long a poll with nothing new is held.
const POLL: Duration = Duration::from_secs(60);

pub(crate) fn router() -> Router<Deployment> {
    Router::new()
        .route("/stream_function_logs", get(stream_function_logs))
        .route("/stream_udf_execution", get(stream_udf_execution))
}

/// An admin; everybody else gets 403, because the CLI gives up at once only on that.
struct LogReader;

impl FromRequestParts<Deployment> for LogReader {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        deployment: &Deployment,
    ) -> Result<LogReader, ApiError> {
        match Admin::from_request_parts(parts, deployment).await {
            Ok(_) => Ok(LogReader),
            Err(_) => Err(ApiError::new(
                403,
                "BadDeployKey",
                "reading logs needs this deployment's admin key; the one that was sent is not it (`lentil keys` prints one)",
            )),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogQuery {
    #[serde(default)]
    cursor: f64,
    session_id: Option<uuid::Uuid>,
    client_request_counter: Option<u32>,
}

async fn stream_function_logs(
    State(deployment): State<Deployment>,
    _: LogReader,
    headers: HeaderMap,
    Query(query): Query<LogQuery>,
) -> Result<Response, ApiError> {
    let client = headers
        .get("convex-client")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let structured = ["npm-cli-", "dashboard-", "console-"]
        .iter()
        .any(|name| client.starts_with(name));
    let form = if structured {
        LogForm::Structured
    } else {
        LogForm::Text
    };
    let only = match (query.session_id, query.client_request_counter) {
        (Some(session), Some(counter)) => Some(lentil_functions::request_id_of(&session, counter)),
        _ => None,
    };
    let shown = |entry: &LogEntry| only.as_deref().is_none_or(|id| entry.request_id() == id);
    poll(&deployment, query.cursor, form, shown).await
}

async fn stream_udf_execution(
    State(deployment): State<Deployment>,
    _: LogReader,
    Query(query): Query<LogQuery>,
) -> Result<Response, ApiError> {
    poll(
        &deployment,
        query.cursor,
        LogForm::Text,
        LogEntry::is_completion,
    )
    .await
}

/// Everything newer than `cursor`; waits for it, but not for ever.
async fn poll(
    deployment: &Deployment,
    cursor: f64,
    form: LogForm,
    shown: impl Fn(&LogEntry) -> bool,
) -> Result<Response, ApiError> {
    let logs = deployment.functions.logs();
    let newer = tokio::time::timeout(POLL, logs.newer_than(cursor)).await;
    let (entries, new_cursor) = newer.unwrap_or_else(|_| (Vec::new(), cursor));
    let mut body = String::from("{\"entries\":[");
    let shown = entries.iter().filter(|entry| shown(entry));
    for (index, entry) in shown.enumerate() {
        if index > 0 {
            body.push(',');
        }
        body.push_str(&entry.to_json(form));
    }
    body.push_str("],\"newCursor\":");
    body.push_str(&serde_json::Value::from(new_cursor).to_string());
    body.push('}');
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}
