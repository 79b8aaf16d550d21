//! Queries, mutations and what else runs a function over HTTP (sync-and-http 4.3 and 4.4).

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use lentil_functions::{Call, ComponentPath, FailureClass, FunctionPath, Outcome};
use lentil_identity::Identity;
use lentil_values::{Timestamp, Value, ValueFormat};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::jobs::component_of;
use crate::errors::ApiError;
use crate::request::{Admin, Caller, JsonBody, Peer, RequestId, key_of_body};
use crate::state::Deployment;

/// How a call is named in the function logs.
const CALLER: &str = "HttpApi";

pub(crate) fn router() -> Router<Deployment> {
    Router::new()
        .route("/query", post(query).get(query_by_get))
        .route("/query_ts", post(query_ts))
        .route("/query_at_ts", post(query_at_ts))
        .route("/query_batch", post(query_batch))
        .route("/mutation", post(mutation))
        .route("/action", post(action))
        .route("/function", post(function))
        .route("/run/{*path}", post(run))
        .route("/run_test_function", post(run_test_function))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FunctionRequest {
    path: String,
    #[serde(default = "no_arguments")]
    args: Box<RawValue>,
    format: Option<String>,
    component_path: Option<String>,
}

#[derive(Deserialize)]
struct QueryAtRequest {
    #[serde(flatten)]
    ts: TimestampField,
    path: String,
    #[serde(default = "no_arguments")]
    args: Box<RawValue>,
    format: Option<String>,
}

#[derive(Deserialize)]
struct TimestampField {
    ts: String,
}

#[derive(Deserialize)]
struct BatchRequest {
    queries: Vec<FunctionRequest>,
}

#[derive(Deserialize)]
struct GetRequest {
    path: Option<String>,
    args: Option<String>,
    format: Option<String>,
}

#[derive(Deserialize)]
struct RunRequest {
    #[serde(default = "no_arguments")]
    args: Box<RawValue>,
    format: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TestFunctionRequest {
    bundle: TestModule,
    #[serde(default)]
    args: serde_json::Map<String, serde_json::Value>,
    format: Option<String>,
    component_id: Option<String>,
}

#[derive(Deserialize)]
struct TestModule {
    source: String,
}

fn no_arguments() -> Box<RawValue> {
    RawValue::from_string("{}".to_owned()).expect("an empty object is JSON")
}

async fn query(
    State(deployment): State<Deployment>,
    Caller(identity): Caller,
    RequestId(request_id): RequestId,
    JsonBody(request): JsonBody<FunctionRequest>,
) -> Result<Response, ApiError> {
    let (call, format) = prepare(request, identity, request_id)?;
    let ts = deployment.functions.latest();
    query_at(&deployment, call, ts, format).await
}

async fn query_by_get(
    State(deployment): State<Deployment>,
    Caller(identity): Caller,
    RequestId(request_id): RequestId,
    Query(request): Query<GetRequest>,
) -> Result<Response, ApiError> {
    let path = request
        .path
        .ok_or_else(|| ApiError::bad_request("BadQueryArgs", "the query string has no `path`"))?;
    let args = RawValue::from_string(request.args.unwrap_or_else(|| "{}".to_owned())).map_err(
        |error| ApiError::bad_request("BadQueryArgs", format!("`args` is not JSON: {error}")),
    )?;
    let request = FunctionRequest {
        path,
        args,
        format: request.format,
        component_path: None,
    };
    let (call, format) = prepare(request, identity, request_id)?;
    let ts = deployment.functions.latest();
    query_at(&deployment, call, ts, format).await
}

async fn query_ts(State(deployment): State<Deployment>) -> Response {
    axum::Json(serde_json::json!({ "ts": deployment.functions.latest().to_base64() }))
        .into_response()
}

async fn query_at_ts(
    State(deployment): State<Deployment>,
    Caller(identity): Caller,
    RequestId(request_id): RequestId,
    JsonBody(request): JsonBody<QueryAtRequest>,
) -> Result<Response, ApiError> {
    let ts = Timestamp::from_base64(&request.ts.ts).ok_or_else(|| {
        ApiError::bad_body(
            "`ts` is not a timestamp as /api/query_ts gives it (base64 of 8 little-endian bytes)",
        )
    })?;
    if ts > deployment.functions.latest() {
        return Err(ApiError::bad_request(
            "InvalidTimestamp",
            "`ts` is later than the newest commit",
        ));
    }
    let request = FunctionRequest {
        path: request.path,
        args: request.args,
        format: request.format,
        component_path: None,
    };
    let (call, format) = prepare(request, identity, request_id)?;
    query_at(&deployment, call, ts, format).await
}

async fn query_batch(
    State(deployment): State<Deployment>,
    Caller(identity): Caller,
    RequestId(request_id): RequestId,
    JsonBody(request): JsonBody<BatchRequest>,
) -> Result<Response, ApiError> {
    let ts = deployment.functions.latest();
    let mut calls = Vec::with_capacity(request.queries.len());
    for query in request.queries {
        calls.push(prepare(query, identity.clone(), request_id.clone())?);
    }
    let mut body = String::from("{\"results\":[");
    for (index, (call, format)) in calls.into_iter().enumerate() {
        if index > 0 {
            body.push(',');
        }
        let result = deployment
            .functions
            .query(&call, ts, None)
            .await
            .map_err(|failure| ApiError::from_failure(&failure))?;
        body.push_str(&render(
            &deployment,
            &call.request_id,
            &result.outcome,
            format,
        )?);
    }
    body.push_str("]}");
    Ok(json(body))
}

async fn mutation(
    State(deployment): State<Deployment>,
    Caller(identity): Caller,
    RequestId(request_id): RequestId,
    JsonBody(request): JsonBody<FunctionRequest>,
) -> Result<Response, ApiError> {
    let (call, format) = prepare(request, identity, request_id.clone())?;
    let done = deployment.functions.mutation(call, None).await;
    answer(&deployment, &request_id, &done.outcome, format)
}

async fn action(
    State(deployment): State<Deployment>,
    Caller(identity): Caller,
    RequestId(request_id): RequestId,
    JsonBody(request): JsonBody<FunctionRequest>,
) -> Result<Response, ApiError> {
    let (call, format) = prepare(request, identity, request_id.clone())?;
    if !call.identity.can_write() {
        return Err(ApiError::read_only());
    }
    let outcome = deployment.functions.action(call).await;
    answer(&deployment, &request_id, &outcome, format)
}

/// Any kind of function, for admins: what `npx convex run` calls.
async fn function(
    State(deployment): State<Deployment>,
    Admin(identity): Admin,
    RequestId(request_id): RequestId,
    JsonBody(request): JsonBody<FunctionRequest>,
) -> Result<Response, ApiError> {
    let (call, format) = prepare(request, identity, request_id.clone())?;
    let outcome = deployment.functions.any(call).await;
    answer(&deployment, &request_id, &outcome, format)
}

/// Any kind of function, named by the URL: `/api/run/dir/module/function`.
async fn run(
    State(deployment): State<Deployment>,
    Caller(identity): Caller,
    RequestId(request_id): RequestId,
    Path(path): Path<String>,
    JsonBody(request): JsonBody<RunRequest>,
) -> Result<Response, ApiError> {
    let (module, function) = path.trim_end_matches('/').rsplit_once('/').ok_or_else(|| {
        ApiError::bad_request(
            "MissingIdentifier",
            "the URL must name a module and a function: /api/run/module/function",
        )
    })?;
    let request = FunctionRequest {
        path: format!("{module}:{function}"),
        args: request.args,
        format: request.format,
        component_path: None,
    };
    let (call, format) = prepare(request, identity, request_id.clone())?;
    let outcome = deployment.functions.any(call).await;
    answer(&deployment, &request_id, &outcome, format)
}

/// A query whose source comes with the request: `npx convex run --inline-query`.
async fn run_test_function(
    State(deployment): State<Deployment>,
    RequestId(request_id): RequestId,
    peer: Peer,
    JsonBody(body): JsonBody<serde_json::Value>,
) -> Result<Response, ApiError> {
    let identity = Identity::Admin(key_of_body(&deployment, &peer, &body)?);
    let request: TestFunctionRequest =
        serde_json::from_value(body).map_err(|error| ApiError::bad_body(error.to_string()))?;
    let component = component_of(&deployment, request.component_id).await?;
    let named = FunctionRequest {
        path: "testQuery".to_owned(),
        args: serde_json::value::to_raw_value(&request.args)
            .expect("what was parsed can be written"),
        format: request.format,
        component_path: None,
    };
    let (mut call, format) = prepare(named, identity, request_id.clone())?;
    call.caller = "Tester";
    call.component = component.path;
    let source = Arc::from(request.bundle.source);
    let outcome = deployment.functions.one_off_query(source, call).await;
    answer(&deployment, &request_id, &outcome, format)
}

/// Checks everything that can be checked before anything runs.
fn prepare(
    request: FunctionRequest,
    identity: Identity,
    request_id: String,
) -> Result<(Call, ValueFormat), ApiError> {
    let format = match &request.format {
        None => ValueFormat::Clean,
        Some(name) => ValueFormat::by_name(name).ok_or_else(|| {
            ApiError::bad_request(
                "BadFormat",
                format!("there is no format {name:?}: use \"json\", \"convex_encoded_json\" or \"export_json\""),
            )
        })?,
    };
    FunctionPath::parse(&request.path)
        .map_err(|error| ApiError::bad_request("BadConvexFunctionIdentifier", error.to_string()))?;
    let call = Call {
        path: request.path,
        component: ComponentPath(request.component_path.unwrap_or_default()),
        args: Arc::from(request.args.get()),
        identity,
        request_id,
        caller: CALLER,
        origin: Default::default(),
        question: Default::default(),
    };
    Ok((call, format))
}

async fn query_at(
    deployment: &Deployment,
    call: Call,
    ts: Timestamp,
    format: ValueFormat,
) -> Result<Response, ApiError> {
    let result = deployment
        .functions
        .query(&call, ts, None)
        .await
        .map_err(|failure| ApiError::from_failure(&failure))?;
    answer(deployment, &call.request_id, &result.outcome, format)
}

fn answer(
    deployment: &Deployment,
    request_id: &str,
    outcome: &Outcome,
    format: ValueFormat,
) -> Result<Response, ApiError> {
    if let Err(failure) = &outcome.result
        && failure.class != FailureClass::Developer
    {
        return Err(ApiError::from_failure(failure));
    }
    Ok(json(render(deployment, request_id, outcome, format)?))
}

/// The text of a FunctionResponse.
fn render(
    deployment: &Deployment,
    request_id: &str,
    outcome: &Outcome,
    format: ValueFormat,
) -> Result<String, ApiError> {
    let mut body = String::with_capacity(128);
    match &outcome.result {
        Ok(value) => {
            body.push_str("{\"status\":\"success\",\"value\":");
            push_value(&mut body, value, format)?;
        }
        Err(failure) => {
            let message =
                lentil_functions::client_message(request_id, &failure.message, deployment.redact);
            body.push_str("{\"status\":\"error\",\"errorMessage\":");
            body.push_str(&serde_json::Value::from(message).to_string());
            if let Some(data) = &failure.data {
                body.push_str(",\"errorData\":");
                push_value(&mut body, data, format)?;
            }
        }
    }
    if !outcome.log_lines.is_empty() && !deployment.redact {
        body.push_str(",\"logLines\":");
        body.push_str(&serde_json::Value::from(outcome.log_lines.as_slice()).to_string());
    }
    body.push('}');
    Ok(body)
}

/// Encoded JSON passes as it is; other formats take it apart.
fn push_value(body: &mut String, encoded: &str, format: ValueFormat) -> Result<(), ApiError> {
    if format == ValueFormat::Encoded {
        body.push_str(encoded);
        return Ok(());
    }
    let value = Value::parse(encoded).map_err(|error| ApiError::internal(&error))?;
    format.write(&value, body);
    Ok(())
}

fn json(body: String) -> Response {
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}
