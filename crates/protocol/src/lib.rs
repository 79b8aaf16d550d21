//! This crate is the wire vocabulary: the messages of the sync protocol, the versions they carry,
//! client names and versions, close codes and the body of an HTTP error.
//!
//! It does not contain logic or I/O, and it never looks into a value: values travel as JSON text
//! that is spliced in and out unread.
//!
//! Invariants: what [`ServerMessage`]s write is one JSON object per message; decoding ignores
//! unknown fields and refuses everything else that it does not understand.

mod version;
mod client_message;
mod server_message;
mod chunk;
mod client_version;
mod close;
mod error_body;
mod json_text;
mod limits;

pub use crate::chunk::TransitionChunks;
pub use crate::client_message::{
    ActingAs, AuthToken, ClientMessage, Connect, FunctionRequest, MalformedMessage, QueryAddition,
    QuerySetChange, QuerySetModification,
};
pub use crate::client_version::{ClientVersion, ClientVersionError};
pub use crate::close::{Close, CloseCode};
pub use crate::error_body::ErrorBody;
pub use crate::limits::{
    CLOSE_REASON_BYTES_MAX, TRANSITION_CHUNK_BYTES, TRANSITION_CHUNK_NPM_SINCE,
};
pub use crate::server_message::{
    Clock, Failure, Modification, ServerMessage, Transition, request_error_text,
};
pub use crate::version::{IdentityVersion, QueryId, QuerySetVersion, RequestId, StateVersion};
