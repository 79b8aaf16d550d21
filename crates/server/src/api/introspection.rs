//! What goes on in the deployment (dashboard C4), the metrics of the stock dashboard, and those of
//! Prometheus.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use futures::StreamExt as _;
use lentil_functions::{Call, ComponentPath, EventReader, SeriesQuery, hide_data};
use lentil_identity::{Identity, UserIdentity};
use serde::Deserialize;
use serde_json::Value;

use crate::errors::ApiError;
use crate::request::{Admin, JsonBody, RequestId};
use crate::state::Deployment;

pub(crate) fn router() -> Router<Deployment> {
    Router::new()
        .route("/introspection/v1/snapshot", get(snapshot))
        .route("/introspection/v1/events", get(events))
        .route("/introspection/v1/series", get(series))
        .route("/introspection/v1/usage", get(usage))
        .route("/introspection/v1/explain", post(explain))
        .route("/app_metrics/{name}", get(app_metric))
}

/// What stands outside `/api`.
pub(crate) fn outside() -> Router<Deployment> {
    Router::new().route("/metrics", get(metrics))
}

async fn snapshot(
    State(deployment): State<Deployment>,
    Admin(identity): Admin,
) -> Result<Json<Value>, ApiError> {
    let snapshot = deployment.functions.introspection_snapshot().await;
    let mut snapshot = snapshot.map_err(ApiError::of_tool)?;
    let sees_data = identity.can_watch_data();
    if !sees_data {
        hide_data(&mut snapshot);
    }
    snapshot["dataView"] = sees_data.into();
    Ok(Json(snapshot))
}

#[derive(Deserialize)]
struct EventsQuery {
    /// Topics, with commas in between; all if there is none.
    #[serde(default)]
    topics: String,
    /// The last event that the reader has had.
    since: Option<u64>,
}

/// The stream: one JSON object a line, as things happen, until the reader goes.
async fn events(
    State(deployment): State<Deployment>,
    Admin(identity): Admin,
    Query(query): Query<EventsQuery>,
) -> Response {
    let sees_data = identity.can_watch_data();
    let reader = deployment.functions.read_events();
    let mut hello = deployment.functions.introspection_hello();
    hello["dataView"] = sees_data.into();
    let topics: Arc<[String]> = query
        .topics
        .split(',')
        .map(str::trim)
        .filter(|topic| !topic.is_empty())
        .map(str::to_owned)
        .collect();
    let newest = reader.newest();
    // Numbers from before a restart mean nothing now.
    let since = query
        .since
        .filter(|since| *since <= newest)
        .unwrap_or(newest);
    let first = Bytes::from(format!("{hello}\n"));
    let begin = (reader, since, Some(first));
    let mut stop = deployment.stop.clone();
    let stopped = async move {
        // A sender that is gone means the process is on its way out as well.
        let _ = stop.wait_for(|stopping| *stopping).await;
    };
    let lines = futures::stream::unfold(begin, move |(reader, since, first)| {
        let topics = topics.clone();
        async move {
            if let Some(first) = first {
                return Some((Ok::<_, Infallible>(first), (reader, since, None)));
            }
            let (lines, since) = next_lines(&reader, since, &topics, sees_data).await;
            Some((Ok(lines), (reader, since, None)))
        }
    });
    let lines = lines.take_until(Box::pin(stopped));
    let headers = [
        (CONTENT_TYPE, "application/x-ndjson"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, Body::from_stream(lines)).into_response()
}

/// What comes next of the topics that are asked for, and how far that is.
async fn next_lines(
    reader: &EventReader,
    mut since: u64,
    topics: &[String],
    sees_data: bool,
) -> (Bytes, u64) {
    loop {
        let news = reader.after(since).await;
        since = news.seq;
        let mut lines = String::new();
        if news.lost > 0 {
            lines.push_str(&format!("{{\"type\":\"gap\",\"lost\":{}}}\n", news.lost));
        }
        for event in &news.events {
            let wanted = topics.is_empty()
                || event.topic == "gap"
                || topics.iter().any(|topic| topic == event.topic);
            if wanted {
                lines.push_str(&event.line_for(sees_data));
                lines.push('\n');
            }
        }
        if !lines.is_empty() {
            return (lines.into(), since);
        }
    }
}

#[derive(Deserialize)]
struct WrittenSeries {
    metric: String,
    by: Option<String>,
    from: f64,
    to: Option<f64>,
    step: Option<u64>,
}

/// What was counted over a time; times are seconds since the epoch.
async fn series(
    State(deployment): State<Deployment>,
    Admin(_): Admin,
    Query(query): Query<WrittenSeries>,
) -> Result<Json<Value>, ApiError> {
    let query = SeriesQuery {
        metric: query.metric,
        by: query.by,
        from: query.from,
        to: query
            .to
            .unwrap_or(f64::from(u32::MAX))
            .min(query.from + 500.0 * 86_400.0),
        step: query.step,
    };
    let series = deployment.functions.series(&query).await;
    series.map(Json).map_err(ApiError::of_tool)
}

#[derive(Deserialize)]
struct UsageQuery {
    /// Days back from now, this one included.
    #[serde(default = "month")]
    days: u64,
}

fn month() -> u64 {
    30
}

/// What functions, tables and indexes were used for, by day.
async fn usage(
    State(deployment): State<Deployment>,
    Admin(_): Admin,
    Query(query): Query<UsageQuery>,
) -> Result<Json<Value>, ApiError> {
    let usage = deployment.functions.usage(query.days).await;
    usage.map(Json).map_err(ApiError::of_tool)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExplainRequest {
    path: Option<String>,
    source: Option<String>,
    /// The component of the path, as its path; none is the app.
    #[serde(default)]
    component_path: Option<String>,
    #[serde(default)]
    args: Value,
    identity: Option<Value>,
}

/// Runs a query past the cache and tells what it read.
async fn explain(
    State(deployment): State<Deployment>,
    Admin(admin): Admin,
    RequestId(request_id): RequestId,
    JsonBody(request): JsonBody<ExplainRequest>,
) -> Result<Json<Value>, ApiError> {
    let path = match (&request.path, &request.source) {
        (Some(path), None) => path.clone(),
        (None, Some(_)) => "testQuery".to_owned(),
        _ => {
            return Err(ApiError::bad_body(
                "exactly one of \"path\" and \"source\" must be given",
            ));
        }
    };
    let identity = match (request.identity, &admin) {
        (Some(attributes), Identity::Admin(key)) if !attributes.is_null() => Identity::ActingAs {
            admin: *key,
            user: UserIdentity::from_attributes(attributes)?,
        },
        _ => admin,
    };
    let args = match request.args {
        Value::Null => "{}".to_owned(),
        args => args.to_string(),
    };
    let call = Call {
        path,
        component: ComponentPath(request.component_path.unwrap_or_default()),
        args: args.into(),
        identity,
        request_id,
        caller: "Tester",
        origin: Default::default(),
        question: Default::default(),
    };
    let source = request.source.map(Arc::from);
    let explained = deployment.functions.explain(call, source).await;
    explained.map(Json).map_err(ApiError::of_tool)
}

/// One metric of the stock dashboard.
async fn app_metric(
    State(deployment): State<Deployment>,
    Admin(_): Admin,
    Path(name): Path<String>,
    Query(parameters): Query<HashMap<String, String>>,
) -> Result<Json<Value>, ApiError> {
    let metric = deployment.functions.app_metric(&name, &parameters);
    match metric.map_err(ApiError::of_tool)? {
        Some(metric) => Ok(Json(metric)),
        None => Err(ApiError::new(
            404,
            "UnknownMetric",
            format!("there is no metric {name:?}; docs/compat.md lists those there are"),
        )),
    }
}

/// All counters in the text format of Prometheus.
async fn metrics(
    State(deployment): State<Deployment>,
    Admin(_): Admin,
) -> Result<Response, ApiError> {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    let text = deployment.functions.prometheus().await;
    let text = text.map_err(ApiError::of_tool)?;
    Ok(([(CONTENT_TYPE, kind)], text).into_response())
}
