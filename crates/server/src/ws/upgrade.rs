//! From an HTTP request to a socket.
//!
//! The handshake is done here rather than by axum because its sockets cannot fragment what they
//! send.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{
    CONNECTION, HeaderMap, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{Method, Response, StatusCode};
use axum::response::IntoResponse;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use lentil_protocol::{ClientVersion, ErrorBody};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::request::Peer;
use crate::ws::SyncState;
use crate::ws::connection;
use crate::ws::limits::{
    FRAME_BYTES_MAX, MESSAGE_BYTES_MAX, READ_BUFFER_BYTES, WRITE_GATHER_BYTES,
};

/// `/api/sync`
pub(super) async fn without_version(
    State(state): State<SyncState>,
    request: Request,
) -> Response<Body> {
    upgrade(state, None, request)
}

/// `/api/{version}/sync`
pub(super) async fn with_version(
    State(state): State<SyncState>,
    Path(version): Path<String>,
    request: Request,
) -> Response<Body> {
    upgrade(state, Some(&version), request)
}

fn upgrade(state: SyncState, version: Option<&str>, mut request: Request) -> Response<Body> {
    let checked = client(version, request.headers())
        .map_err(|text| ErrorBody::new("InvalidClientVersion", text))
        .and_then(|client| Ok((client, accept_key(&request)?)))
        .and_then(|(client, accept)| {
            let on_upgrade = request
                .extensions_mut()
                .remove::<OnUpgrade>()
                .ok_or_else(|| {
                    ErrorBody::new(
                        "ConnectionNotUpgradable",
                        "this connection cannot become a WebSocket",
                    )
                })?;
            Ok((client, accept, on_upgrade))
        });
    let (client, accept, on_upgrade) = match checked {
        Ok(parts) => parts,
        Err(body) => return (StatusCode::BAD_REQUEST, Json(body)).into_response(),
    };
    let Peer(peer) = Peer::of(request.extensions());
    state.tracker.clone().spawn(async move {
        match on_upgrade.await {
            Ok(upgraded) => {
                let config = config();
                let io = TokioIo::new(upgraded);
                let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
                connection::serve(socket, &client, peer, &state).await;
            }
            Err(error) => tracing::debug!(%error, "upgrade to WebSocket failed"),
        }
    });
    let headers = [
        (UPGRADE, "websocket".to_owned()),
        (CONNECTION, "Upgrade".to_owned()),
        (SEC_WEBSOCKET_ACCEPT, accept),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_GATHER_BYTES)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(FRAME_BYTES_MAX))
}

/// The header wins over the path.
fn client(version: Option<&str>, headers: &HeaderMap) -> Result<ClientVersion, String> {
    let from_path = version
        .map(ClientVersion::from_path)
        .transpose()
        .map_err(|error| error.0)?;
    match headers.get("convex-client") {
        Some(value) => {
            let text = value
                .to_str()
                .map_err(|_| "the Convex-Client header is not ASCII".to_owned())?;
            ClientVersion::from_header(text).map_err(|error| error.0)
        }
        None => Ok(from_path.unwrap_or_else(ClientVersion::unknown)),
    }
}

/// Checks that the request asks for a WebSocket, and answers its key.
fn accept_key(request: &Request) -> Result<String, ErrorBody> {
    let headers = request.headers();
    let refuse = |code: &str, message: &str| Err(ErrorBody::new(code, message));
    if request.method() != Method::GET {
        return refuse("MethodNotGet", "a WebSocket is opened with GET");
    }
    if !has_token(headers, &CONNECTION, "upgrade") {
        return refuse(
            "InvalidConnectionHeader",
            "this is the sync WebSocket: the Connection header must say upgrade",
        );
    }
    if !has_token(headers, &UPGRADE, "websocket") {
        return refuse(
            "InvalidUpgradeHeader",
            "the Upgrade header must say websocket",
        );
    }
    if !has_token(headers, &SEC_WEBSOCKET_VERSION, "13") {
        return refuse(
            "InvalidWebSocketVersionHeader",
            "the Sec-WebSocket-Version header must say 13",
        );
    }
    match headers.get(SEC_WEBSOCKET_KEY) {
        Some(key) => Ok(derive_accept_key(key.as_bytes())),
        None => refuse(
            "WebSocketKeyHeaderMissing",
            "the Sec-WebSocket-Key header is missing",
        ),
    }
}

/// Whether a comma-separated header has this token, in any case.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}
