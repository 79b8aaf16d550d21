//! HTTP actions: the site port, and `/http` on the main one (sync-and-http 5).
//!
//! Both bodies are streams, of which one chunk at a time is in memory here. No CORS headers: those
//! are the developer's (5.5).

mod head;
mod incoming;

use std::io;

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use lentil_functions::{
    FailureClass, FunctionFailure, Functions, HttpBody, HttpFailure, HttpHead, HttpRequest,
    HttpResponse,
};
use lentil_identity::AdminKeys;

use self::head::Head;
use self::incoming::incoming;
use crate::errors::ApiError;
use crate::request::{announced_length, drain, request_id_of};

/// What the handler can reach.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) functions: Functions,
    pub(crate) keys: AdminKeys,
    /// Whether clients get errors in the production form.
    pub(crate) redact: bool,
}

/// Answers every path and method.
pub(crate) fn router(site: Site) -> Router {
    Router::new().fallback(answer).with_state(site)
}

async fn answer(State(site): State<Site>, request: Request) -> Response {
    respond(&site, request)
        .await
        .unwrap_or_else(ApiError::into_response)
}

async fn respond(site: &Site, request: Request) -> Result<Response, ApiError> {
    let method = request.method().clone();
    if method == Method::TRACE || method == Method::CONNECT {
        return Ok(StatusCode::METHOD_NOT_ALLOWED.into_response());
    }
    let most = site.functions.limits().http_request_bytes;
    let bodiless = matches!(method, Method::GET | Method::HEAD | Method::OPTIONS);
    if let Some(length) = announced_length(request.headers()).filter(|length| *length > most)
        && !bodiless
    {
        drain(request, length, most).await;
        let message = format!(
            "the body has {length} bytes; this deployment takes at most {most} (its limit http_request_bytes)"
        );
        return Err(ApiError::new(413, "RequestTooLarge", message));
    }
    let request_id = request_id_of(request.headers())?;
    let (parts, body) = request.into_parts();
    let Head { url, path, headers } = Head::read(&parts)?;
    let asked = HttpRequest {
        method: method.to_string(),
        url,
        path,
        headers,
        body: (!bodiless && !axum::body::HttpBody::is_end_stream(&body))
            .then(|| incoming(body, most)),
        identity: head::identity(&parts.headers, &site.keys),
        request_id: request_id.clone(),
    };
    match site.functions.http_action(asked).await {
        Ok(response) => outgoing(response, &method).await,
        Err(HttpFailure::NoRouter) => Ok(not_found(
            "This Convex deployment does not have HTTP actions enabled.",
        )),
        Err(HttpFailure::NoRoute) => Ok(not_found("No matching routes found")),
        Err(HttpFailure::Failed(failure)) if failure.class == FailureClass::Developer => {
            Ok(failed(&request_id, &failure, site.redact))
        }
        Err(HttpFailure::Failed(failure)) => Err(ApiError::from_failure(&failure)),
    }
}

fn not_found(text: &'static str) -> Response {
    (StatusCode::NOT_FOUND, text).into_response()
}

async fn outgoing(response: HttpResponse, method: &Method) -> Result<Response, ApiError> {
    let HttpResponse { head, mut body } = response;
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() =
        StatusCode::from_u16(head.status).map_err(|error| ApiError::internal(&error))?;
    *answer.headers_mut() = head::response_headers(&head)?;
    if *method == Method::HEAD {
        // The action ends soon: its body is not asked for. Leaving now would look like a client
        // that went away.
        while let Some(Ok(_)) = body.next().await {}
        return Ok(answer);
    }
    if head.has_body {
        say_length(&head, answer.headers_mut());
        *answer.body_mut() = Body::from_stream(chunks(body));
    }
    Ok(answer)
}

/// Bodies whose length is known go out with it.
fn say_length(head: &HttpHead, headers: &mut HeaderMap) {
    if let (Some(length), None) = (head.length, headers.get(CONTENT_LENGTH)) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
}

/// A body that was cut breaks the connection, so that nobody takes it for whole.
fn chunks(body: HttpBody) -> impl futures::Stream<Item = io::Result<Bytes>> {
    stream::unfold(Some(body), async |body| {
        let mut body = body?;
        match body.next().await? {
            Ok(chunk) => Some((Ok(chunk), Some(body))),
            Err(cut) => Some((Err(io::Error::other(cut)), None)),
        }
    })
}

/// What is answered for an action that failed before it had a response (function-runtime 8.2).
fn failed(request_id: &str, failure: &FunctionFailure, redact: bool) -> Response {
    let head = format!("[Request ID: {request_id}] Server Error");
    let mut body = if redact {
        serde_json::json!({ "code": head })
    } else {
        let message = failure
            .message
            .split("\n    at ")
            .next()
            .unwrap_or_default();
        let code = format!("{head}: {}", message.trim_end());
        serde_json::json!({ "code": code, "trace": failure.message })
    };
    let data = failure.data.as_deref();
    if let Some(data) = data.and_then(|data| serde_json::from_str::<serde_json::Value>(data).ok()) {
        body["data"] = data;
    }
    let kind = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (StatusCode::INTERNAL_SERVER_ERROR, kind, Json(body)).into_response()
}
