//! What handlers read from a request: who asks, the body, the request id.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::body::Bytes;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Request};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, Method};
use futures::StreamExt as _;
use lentil_catalog::Author;
use lentil_functions::author_of;
use lentil_identity::{AdminKey, Identity, parse_authorization};
use serde::de::DeserializeOwned;

use crate::errors::ApiError;
use crate::state::Deployment;

/// Bytes a JSON body may have: 16 MiB of arguments and what stands around them.
const BODY_BYTES_MAX: usize = (16 << 20) + 2_000;

/// Longest request id taken from a client, characters.
const REQUEST_ID_MAX: usize = 64;

/// The address that the request comes from, if the listener says it. What a proxy says of its
/// clients is not believed.
pub(crate) struct Peer(pub(crate) Option<IpAddr>);

impl Peer {
    pub(crate) fn of(extensions: &Extensions) -> Peer {
        let socket = extensions.get::<ConnectInfo<SocketAddr>>();
        Peer(socket.map(|ConnectInfo(address)| address.ip()))
    }

    /// Notes that an admin key was shown from here, if one was.
    fn showed(&self, deployment: &Deployment, identity: &Identity) {
        if let (Some(address), Some(key)) = (self.0, identity.admin_key()) {
            deployment.functions.admin_key_used(*key, address);
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Peer, Infallible> {
        Ok(Peer::of(&parts.extensions))
    }
}

/// Who asks: from the `Authorization` header, else from `?adminKey=`.
pub(crate) struct Caller(pub(crate) Identity);

impl FromRequestParts<Deployment> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        deployment: &Deployment,
    ) -> Result<Caller, ApiError> {
        let identity = identity_of(parts, deployment)?;
        Peer::of(&parts.extensions).showed(deployment, &identity);
        Ok(Caller(identity))
    }
}

fn identity_of(parts: &Parts, deployment: &Deployment) -> Result<Identity, ApiError> {
    let header = match parts.headers.get(AUTHORIZATION) {
        Some(value) => Some(value.to_str().map_err(|_| {
            ApiError::bad_request(
                "InvalidHeaderFailure",
                "the Authorization header is not printable ASCII",
            )
        })?),
        None => None,
    };
    if header.is_none() {
        let given = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
            .find(|(name, _)| name == "adminKey");
        if let Some((_, key)) = given {
            return Ok(parse_authorization(
                Some(&format!("Convex {key}")),
                &deployment.keys,
            )?);
        }
    }
    Ok(parse_authorization(header, &deployment.keys)?)
}

/// A caller that is a deployment admin.
pub(crate) struct Admin(pub(crate) Identity);

impl FromRequestParts<Deployment> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        deployment: &Deployment,
    ) -> Result<Admin, ApiError> {
        let Caller(identity) = Caller::from_request_parts(parts, deployment).await?;
        if identity.is_admin() {
            Ok(Admin(identity))
        } else {
            Err(ApiError::not_admin())
        }
    }
}

/// An admin whose key may write, as what they do is noted.
pub(crate) struct WritingAdmin(pub(crate) Author);

impl FromRequestParts<Deployment> for WritingAdmin {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        deployment: &Deployment,
    ) -> Result<WritingAdmin, ApiError> {
        let Admin(identity) = Admin::from_request_parts(parts, deployment).await?;
        if identity.can_write() {
            Ok(WritingAdmin(author_of(&identity)))
        } else {
            Err(ApiError::read_only())
        }
    }
}

/// The key that stands in the body; what the header says does not matter.
pub(crate) fn key_of_body(
    deployment: &Deployment,
    peer: &Peer,
    body: &serde_json::Value,
) -> Result<AdminKey, ApiError> {
    let key = body.get("adminKey").and_then(serde_json::Value::as_str);
    let key = key.ok_or_else(|| ApiError::bad_body("the body has no text in \"adminKey\""))?;
    let key = deployment
        .keys
        .check(key)
        .map_err(|error| ApiError::new(401, "BadAdminKey", error.to_string()))?;
    peer.showed(deployment, &Identity::Admin(key));
    Ok(key)
}

/// Who pushes.
pub(crate) fn admin_of_body(
    deployment: &Deployment,
    peer: &Peer,
    body: &serde_json::Value,
) -> Result<Author, ApiError> {
    let key = key_of_body(deployment, peer, body)?;
    if key.read_only {
        Err(ApiError::read_only())
    } else {
        Ok(author_of(&Identity::Admin(key)))
    }
}

/// A JSON body that must say so and must be of the given shape.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Deployment> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(
        request: Request,
        deployment: &Deployment,
    ) -> Result<JsonBody<T>, ApiError> {
        require_json(request.method(), request.headers())?;
        let _ = deployment;
        let bytes = read_body(request, BODY_BYTES_MAX).await?;
        serde_json::from_slice(&bytes)
            .map(JsonBody)
            .map_err(|error| {
                ApiError::bad_body(format!(
                    "the body is not the JSON this endpoint takes: {error}"
                ))
            })
    }
}

/// A body that is too large is read to its end, so that the refusal arrives, up to so many times
/// the limit.
const DRAINED_LIMITS: u64 = 4;

/// The bytes that a body has, as its header says.
pub(crate) fn announced_length(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get(CONTENT_LENGTH)?;
    value.to_str().ok()?.parse().ok()
}

/// Reads a body that will be refused, unless it is very large. Most clients read an answer only
/// when they have sent everything; one that wants to send very much more is told at once.
pub(crate) async fn drain(request: Request, length: u64, limit: u64) {
    if length <= limit.saturating_mul(DRAINED_LIMITS) {
        let mut rest = request.into_body().into_data_stream();
        while let Some(Ok(_)) = rest.next().await {}
    }
}

/// Reads a whole body of at most `limit` bytes.
pub(crate) async fn read_body(request: Request, limit: usize) -> Result<Bytes, ApiError> {
    let announced = announced_length(request.headers());
    if let Some(length) = announced.filter(|length| *length > limit as u64) {
        drain(request, length, limit as u64).await;
        return Err(ApiError::bad_body(format!(
            "the body has {length} bytes; at most {limit} are taken"
        )));
    }
    axum::body::to_bytes(request.into_body(), limit)
        .await
        .map_err(|error| {
            ApiError::bad_body(format!(
                "the body cannot be read, or is larger than {limit} bytes: {error}"
            ))
        })
}

fn require_json(method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
    let given = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = given
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let json = essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"));
    if json || *method == Method::GET {
        return Ok(());
    }
    Err(ApiError::bad_body(format!(
        "the body must be JSON with `Content-Type: application/json`; got {given:?}"
    )))
}

/// The client's `convex-request-id`, else a random one.
pub(crate) struct RequestId(pub(crate) String);

impl FromRequestParts<Deployment> for RequestId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Deployment) -> Result<RequestId, ApiError> {
        request_id_of(&parts.headers).map(RequestId)
    }
}

/// The request id that the client gives, else a random one.
pub(crate) fn request_id_of(headers: &HeaderMap) -> Result<String, ApiError> {
    let Some(given) = headers.get("convex-request-id") else {
        let random = uuid::Uuid::new_v4().simple().to_string();
        return Ok(random[..16].to_owned());
    };
    match given.to_str() {
        Ok(text)
            if !text.is_empty()
                && text.len() <= REQUEST_ID_MAX
                && text.chars().all(|c| c.is_ascii_graphic()) =>
        {
            Ok(text.to_owned())
        }
        _ => Err(ApiError::bad_request(
            "InvalidRequestId",
            format!(
                "convex-request-id must be 1 to {REQUEST_ID_MAX} printable characters without spaces"
            ),
        )),
    }
}
