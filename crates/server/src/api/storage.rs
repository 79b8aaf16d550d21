//! Contents of files (function-runtime, appendix B): uploads by token, downloads by public name.
//!
//! Whoever knows a URL may use it. What is served was chosen by strangers: browsers are told not
//! to guess its type, not to run it, and not to show types that could act as this origin.

use axum::Json;
use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt as _;
use headers::{
    ETag, HeaderMapExt as _, IfModifiedSince, IfNoneMatch, IfRange, LastModified, Range,
};
use lentil_functions::{FileFailure, StoredFile, Upload, UrlProof};
use serde::Deserialize;
use std::ops::Bound;
use std::time::{Duration, UNIX_EPOCH};

use crate::errors::ApiError;
use crate::state::Deployment;

const DIGEST: HeaderName = HeaderName::from_static("digest");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");
/// How long a client may go on sending a file that is not kept.
const DRAIN: Duration = Duration::from_secs(10);
/// How long browsers may keep a file.
const CACHED: Duration = Duration::from_secs(2_592_000);
/// Shown in a page of its own, a file is a stranger without scripts.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; img-src 'self' data:; media-src 'self'; style-src 'unsafe-inline'; sandbox",
);
/// What a file is that nobody said anything of.
const UNKNOWN_TYPE: HeaderValue = HeaderValue::from_static("application/octet-stream");

pub(crate) fn router() -> Router<Deployment> {
    Router::new()
        .route(
            "/storage/upload",
            post(upload).layer(DefaultBodyLimit::disable()),
        )
        .route("/storage/{name}", get(download))
}

#[derive(Deserialize)]
struct UploadQuery {
    #[serde(default)]
    token: String,
}

#[derive(Deserialize)]
struct FileQuery {
    component: Option<String>,
    expires: Option<String>,
    signature: Option<String>,
}

async fn upload(
    State(deployment): State<Deployment>,
    Query(query): Query<UploadQuery>,
    request: Request,
) -> Result<Json<serde_json::Value>, ApiError> {
    let announced = announced_digest(request.headers())?;
    let content_type = request.headers().get(CONTENT_TYPE);
    let content_type = content_type
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let mut upload = deployment
        .functions
        .begin_upload(&query.token)
        .await
        .map_err(refused)?;
    if let Err(error) = receive(&mut upload, request.into_body()).await {
        upload.abandon().await;
        return Err(error);
    }
    let id = upload
        .finish(content_type.as_deref(), announced)
        .await
        .map_err(refused)?;
    Ok(Json(serde_json::json!({ "storageId": id.to_string() })))
}

async fn receive(upload: &mut Upload, body: Body) -> Result<(), ApiError> {
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| {
            let message = format!("the file did not arrive in whole and is not kept: {error}");
            ApiError::bad_request("UploadInterrupted", message)
        })?;
        if let Err(failure) = upload.push(chunk).await {
            tokio::spawn(tokio::time::timeout(DRAIN, drain(chunks)));
            return Err(refused(failure));
        }
    }
    Ok(())
}

/// Takes what is left: most clients read an answer only when they have sent everything.
async fn drain(mut chunks: BodyDataStream) {
    while let Some(Ok(_)) = chunks.next().await {}
}

/// The SHA-256 of `Digest: sha-256=<base64>`; other algorithms are let be.
fn announced_digest(headers: &HeaderMap) -> Result<Option<[u8; 32]>, ApiError> {
    let Some(header) = headers.get(DIGEST) else {
        return Ok(None);
    };
    let text = header.to_str().unwrap_or_default();
    let sha256 = text.split(',').find_map(|part| {
        let (algorithm, digest) = part.trim().split_once('=')?;
        algorithm.eq_ignore_ascii_case("sha-256").then_some(digest)
    });
    let Some(sha256) = sha256 else {
        return Ok(None);
    };
    let bytes = STANDARD
        .decode(sha256)
        .ok()
        .and_then(|bytes| bytes.try_into().ok());
    bytes.map(Some).ok_or_else(|| {
        let message = format!("the header `Digest: {text}` holds no SHA-256 in base64");
        ApiError::bad_request("InvalidDigest", message)
    })
}

fn refused(failure: FileFailure) -> ApiError {
    let message = failure.to_string();
    match failure {
        FileFailure::Token(_) => ApiError::new(401, "InvalidUploadToken", message),
        FileFailure::Mismatch { code, .. } => ApiError::bad_request(code, message),
        FileFailure::Path(_) => ApiError::bad_request("InvalidStoragePath", message),
        FileFailure::Denied { code, .. } => ApiError::new(403, code, message),
        FileFailure::NotFound => ApiError::new(404, "FileNotFound", message),
        FileFailure::Store => ApiError::new(503, "FileStoreFailed", message),
        FileFailure::Failed(failure) => ApiError::from_failure(&failure),
        other => ApiError::internal(&other),
    }
}

async fn download(
    State(deployment): State<Deployment>,
    Path(name): Path<String>,
    Query(query): Query<FileQuery>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let proof = UrlProof {
        expires: query.expires.as_deref(),
        signature: query.signature.as_deref(),
    };
    let component = query.component.as_deref().filter(|id| !id.is_empty());
    let file = deployment
        .functions
        .stored_file(&name, component, proof)
        .await
        .map_err(refused)?;
    let about = describe(&file);
    if is_known(&file, &headers) {
        return Ok((StatusCode::NOT_MODIFIED, about).into_response());
    }
    let size = file.row.size;
    let (status, part) = match wanted(&file, &method, &headers) {
        Wanted::Whole => (StatusCode::OK, 0..size),
        Wanted::Part(start, end) => (StatusCode::PARTIAL_CONTENT, start..end),
        Wanted::Nothing => {
            let range = HeaderMap::from_iter([(CONTENT_RANGE, text(&format!("bytes */{size}")))]);
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, range).into_response());
        }
    };
    let mut response = (status, about).into_response();
    let fields = response.headers_mut();
    fields.insert(CONTENT_LENGTH, text(&(part.end - part.start).to_string()));
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {}-{}/{size}", part.start, part.end - 1);
        fields.insert(CONTENT_RANGE, text(&range));
    }
    if method != Method::HEAD {
        let content = file.read(part).await.map_err(refused)?;
        *response.body_mut() = Body::from_stream(content);
    }
    Ok(response)
}

fn text(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("digits and ASCII words make a header")
}

fn etag(file: &StoredFile) -> ETag {
    let tag = format!("\"{}\"", hex::encode(file.row.sha256));
    tag.parse().expect("a quoted digest is an entity tag")
}

fn last_modified(file: &StoredFile) -> LastModified {
    let since = Duration::from_secs_f64(file.row.creation_time_ms.max(0.0) / 1e3);
    LastModified::from(UNIX_EPOCH + since)
}

/// A name's content never changes; no cache shows it longer than its URL is good.
fn cached_for(file: &StoredFile) -> HeaderValue {
    match file.good_for {
        Some(left) if left < CACHED => text(&format!("private, max-age={}", left.as_secs())),
        _ => text(&format!("private, max-age={}", CACHED.as_secs())),
    }
}

/// What is said of a file, whatever part of it is sent.
fn describe(file: &StoredFile) -> HeaderMap {
    let kind = file.row.content_type.as_deref();
    // Not every text that a function gave can stand in a header.
    let kind = kind
        .and_then(|kind| HeaderValue::from_str(kind).ok())
        .unwrap_or(UNKNOWN_TYPE);
    let mut fields = HeaderMap::new();
    if acts(&kind) {
        fields.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
    fields.insert(CONTENT_TYPE, kind);
    fields.insert(
        DIGEST,
        text(&format!("sha-256={}", STANDARD.encode(file.row.sha256))),
    );
    fields.insert(CACHE_CONTROL, cached_for(file));
    fields.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    fields.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    fields.insert(CONTENT_SECURITY_POLICY, POLICY);
    fields.insert(
        CROSS_ORIGIN_RESOURCE_POLICY,
        HeaderValue::from_static("cross-origin"),
    );
    fields.typed_insert(etag(file));
    fields.typed_insert(last_modified(file));
    fields
}

/// Whether a browser that opens a file of this type would let it act: those are saved instead.
fn acts(kind: &HeaderValue) -> bool {
    let kind = kind.to_str().unwrap_or_default().to_ascii_lowercase();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.ends_with("/html") || kind.ends_with("xml") || kind.contains("javascript")
}

/// Whether the client has the content already.
fn is_known(file: &StoredFile, headers: &HeaderMap) -> bool {
    if let Some(tags) = headers.typed_get::<IfNoneMatch>() {
        return !tags.precondition_passes(&etag(file));
    }
    let since = headers.typed_get::<IfModifiedSince>();
    since.is_some_and(|since| !since.is_modified(last_modified(file).into()))
}

enum Wanted {
    Whole,
    Part(u64, u64),
    /// A part that the file has not, or several.
    Nothing,
}

fn wanted(file: &StoredFile, method: &Method, headers: &HeaderMap) -> Wanted {
    let size = file.row.size;
    // A header that cannot be read is as good as none (RFC 9110, 14.2).
    let Some(range) = headers
        .typed_get::<Range>()
        .filter(|_| method == Method::GET)
    else {
        return Wanted::Whole;
    };
    let same = headers.typed_get::<IfRange>().is_none_or(|condition| {
        !condition.is_modified(Some(&etag(file)), Some(&last_modified(file)))
    });
    if !same {
        return Wanted::Whole;
    }
    let several = headers
        .get(axum::http::header::RANGE)
        .is_some_and(|it| it.as_bytes().contains(&b','));
    let mut parts = range.satisfiable_ranges(size);
    let (Some((start, end)), false) = (parts.next(), several) else {
        return Wanted::Nothing;
    };
    let start = match start {
        Bound::Included(start) => start,
        Bound::Excluded(start) => start + 1,
        Bound::Unbounded => 0,
    };
    let end = match end {
        Bound::Included(end) => end.saturating_add(1),
        Bound::Excluded(end) => end,
        Bound::Unbounded => size,
    };
    let end = end.min(size);
    if start < end {
        Wanted::Part(start, end)
    } else {
        Wanted::Nothing
    }
}
