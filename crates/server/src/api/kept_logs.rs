//! A search of the logs that are kept on disk (Lentil's own; ADR 0014).

use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use lentil_functions::{LogKeeper, LogSearch, LogsFound};
use serde::Deserialize;
use serde_json::json;

use crate::errors::ApiError;
use crate::request::Admin;
use crate::state::Deployment;

/// Entries that one answer has unless it is asked for others.
const LIMIT: usize = 200;

pub(crate) fn router() -> Router<Deployment> {
    Router::new().route("/introspection/v1/logs", get(logs))
}

/// What is looked for; lists have commas in between.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LogsQuery {
    /// Words with spaces in between.
    text: String,
    functions: String,
    levels: String,
    request: String,
    id: String,
    min_ms: f64,
    /// Ms since the epoch.
    from: f64,
    /// The same; not this or later.
    to: Option<f64>,
    /// `next` of the step before.
    before: Option<String>,
    limit: usize,
}

impl Default for LogsQuery {
    fn default() -> LogsQuery {
        LogsQuery {
            text: String::new(),
            functions: String::new(),
            levels: String::new(),
            request: String::new(),
            id: String::new(),
            min_ms: 0.0,
            from: 0.0,
            to: None,
            before: None,
            limit: LIMIT,
        }
    }
}

/// One step of a search: entries, newest first, and where the next step goes on.
async fn logs(
    State(deployment): State<Deployment>,
    Admin(_): Admin,
    Query(query): Query<LogsQuery>,
) -> Result<Response, ApiError> {
    let Some(keeper) = deployment.functions.logs().keeper() else {
        let nothing = json!({ "entries": [], "next": null, "lookedTo": null, "kept": null });
        return Ok(Json(nothing).into_response());
    };
    let found = keeper
        .search(search_of(query)?)
        .await
        .map_err(ApiError::of_tool)?;
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, answer(&found, keeper)).into_response())
}

fn search_of(query: LogsQuery) -> Result<LogSearch, ApiError> {
    let list = |text: &str| {
        let parts = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect::<Vec<_>>()
    };
    let before = query.before.map(|text| {
        text.parse().map_err(|_| {
            ApiError::bad_request(
                "InvalidCursor",
                format!("before={text:?} is not what an earlier answer gave as \"next\""),
            )
        })
    });
    Ok(LogSearch {
        words: query.text.split_whitespace().map(str::to_owned).collect(),
        functions: list(&query.functions),
        levels: list(&query.levels),
        request: query.request,
        id: query.id,
        min_ms: query.min_ms,
        from_ms: query.from,
        to_ms: query.to,
        before: before.transpose()?,
        limit: query.limit,
    })
}

/// The entries are JSON already.
fn answer(found: &LogsFound, keeper: &LogKeeper) -> String {
    let options = keeper.options();
    let kept = json!({
        "since": found.since_ms,
        "bytes": found.bytes,
        "bytesMax": options.bytes,
        "days": options.age.as_secs() / 86_400,
    });
    let next = found.next.map(|at| at.to_string());
    format!(
        "{{\"entries\":[{}],\"next\":{},\"lookedTo\":{},\"kept\":{kept}}}",
        found.entries.join(","),
        json!(next),
        json!(found.looked_to_ms),
    )
}
