//! Messages from a client to the server (sync-and-http 1.4).
//!
//! Unknown fields are ignored. An unknown type, a missing field or a value of the wrong JSON type
//! makes a message malformed. Arguments are kept as the text they came in.

use std::sync::Arc;

use lentil_values::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{IdentityVersion, QueryId, QuerySetVersion, RequestId};

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientMessage {
    /// The first message of every socket.
    Connect(Connect),
    /// Subscribes and unsubscribes.
    ModifyQuerySet(QuerySetChange),
    /// Runs a mutation.
    Mutation(FunctionRequest),
    /// Runs an action.
    Action(FunctionRequest),
    /// Says who is asking from here on.
    Authenticate {
        /// Identity version before this message.
        base: IdentityVersion,
        /// The proof.
        token: AuthToken,
    },
    /// Telemetry; carries nothing we use.
    Event,
}

/// What a client says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Connect {
    /// The client object, across reconnects; hyphenated UUID.
    pub session_id: String,
    /// Sockets it opened before.
    pub connection_count: u32,
    /// Why its last socket ended.
    pub last_close_reason: Option<String>,
    /// The largest timestamp it was shown.
    pub max_observed_ts: Option<Timestamp>,
    /// Its clock, ms since the epoch; clients without one send 0.
    pub client_ms: Option<f64>,
}

/// A change of the query set.
#[derive(Clone, Debug, PartialEq)]
pub struct QuerySetChange {
    /// Version before.
    pub base: QuerySetVersion,
    /// Version after.
    pub new: QuerySetVersion,
    /// In order.
    pub modifications: Vec<QuerySetModification>,
}

/// One step of it.
#[derive(Clone, Debug, PartialEq)]
pub enum QuerySetModification {
    /// Subscribes.
    Add(QueryAddition),
    /// Unsubscribes.
    Remove(QueryId),
}

/// A new subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryAddition {
    /// Its number.
    pub query: QueryId,
    /// Function path as the client spells it.
    pub path: String,
    /// JSON text of the argument array.
    pub args: Arc<str>,
    /// What pinned its page on an earlier socket.
    pub journal: Option<Arc<str>>,
    /// Component; empty for the root app.
    pub component: String,
}

/// A mutation or an action.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionRequest {
    /// Its number.
    pub request: RequestId,
    /// Function path as the client spells it.
    pub path: String,
    /// JSON text of the argument array.
    pub args: Arc<str>,
    /// Component; empty for the root app.
    pub component: String,
}

/// A proof of identity.
#[derive(Clone, Debug, PartialEq)]
pub enum AuthToken {
    /// An admin key.
    Admin {
        /// The key.
        key: String,
        /// Whom to act as.
        acting_as: Option<ActingAs>,
    },
    /// A user's token.
    User(String),
    /// Nobody.
    None,
}

/// Attributes of a user an admin acts as; as JSON, not yet checked.
pub type ActingAs = serde_json::Value;

/// Not a message of the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MalformedMessage(pub String);

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawConnect {
    session_id: String,
    #[serde(default)]
    connection_count: u32,
    #[serde(default)]
    last_close_reason: Option<String>,
    #[serde(default)]
    max_observed_timestamp: Option<String>,
    #[serde(default)]
    client_ts: serde_json::Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawModifyQuerySet<'a> {
    base_version: u32,
    new_version: u32,
    #[serde(borrow)]
    modifications: Vec<RawModification<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawModification<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
    query_id: u32,
    udf_path: Option<String>,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
    #[serde(default)]
    journal: Option<Arc<str>>,
    #[serde(default)]
    component_path: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawFunction<'a> {
    request_id: u32,
    udf_path: String,
    #[serde(borrow)]
    args: &'a RawValue,
    #[serde(default)]
    component_path: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawAuthenticate {
    base_version: u32,
    token_type: String,
    #[serde(default)]
    value: Option<String>,
    // The JS client calls it `impersonating`, the Rust client `acting_as`.
    #[serde(default, alias = "acting_as")]
    impersonating: Option<serde_json::Value>,
}

impl ClientMessage {
    /// Decodes one text message.
    pub fn parse(text: &str) -> Result<ClientMessage, MalformedMessage> {
        let envelope: Envelope<'_> = read("message", text)?;
        match envelope.kind.as_ref() {
            "Connect" => connect(read("Connect message", text)?).map(ClientMessage::Connect),
            "ModifyQuerySet" => query_set_change(read("ModifyQuerySet message", text)?)
                .map(ClientMessage::ModifyQuerySet),
            "Mutation" => function(read("Mutation message", text)?).map(ClientMessage::Mutation),
            "Action" => function(read("Action message", text)?).map(ClientMessage::Action),
            "Authenticate" => authenticate(read("Authenticate message", text)?),
            "Event" => Ok(ClientMessage::Event),
            other => Err(MalformedMessage(format!(
                "unknown message type \"{other}\""
            ))),
        }
    }
}

fn read<'a, T: Deserialize<'a>>(what: &str, text: &'a str) -> Result<T, MalformedMessage> {
    serde_json::from_str(text)
        .map_err(|error| MalformedMessage(format!("malformed {what}: {error}")))
}

fn connect(raw: RawConnect) -> Result<Connect, MalformedMessage> {
    let max_observed_ts = match &raw.max_observed_timestamp {
        None => None,
        Some(text) => Some(Timestamp::from_base64(text).ok_or_else(|| {
            MalformedMessage(format!(
                "malformed Connect message: maxObservedTimestamp \"{text}\" is not a timestamp"
            ))
        })?),
    };
    Ok(Connect {
        session_id: raw.session_id,
        connection_count: raw.connection_count,
        last_close_reason: raw.last_close_reason,
        max_observed_ts,
        client_ms: raw.client_ts.as_f64(),
    })
}

fn query_set_change(raw: RawModifyQuerySet<'_>) -> Result<QuerySetChange, MalformedMessage> {
    let modifications = raw
        .modifications
        .into_iter()
        .map(modification)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(QuerySetChange {
        base: raw.base_version,
        new: raw.new_version,
        modifications,
    })
}

fn modification(raw: RawModification<'_>) -> Result<QuerySetModification, MalformedMessage> {
    match raw.kind.as_ref() {
        "Add" => {
            let missing = |field: &str| {
                MalformedMessage(format!(
                    "malformed Add modification: missing field `{field}`"
                ))
            };
            Ok(QuerySetModification::Add(QueryAddition {
                query: raw.query_id,
                path: raw.udf_path.ok_or_else(|| missing("udfPath"))?,
                args: args(raw.args.ok_or_else(|| missing("args"))?)?,
                journal: raw.journal,
                component: raw.component_path.unwrap_or_default(),
            }))
        }
        "Remove" => Ok(QuerySetModification::Remove(raw.query_id)),
        other => Err(MalformedMessage(format!(
            "unknown query set modification \"{other}\""
        ))),
    }
}

fn function(raw: RawFunction<'_>) -> Result<FunctionRequest, MalformedMessage> {
    Ok(FunctionRequest {
        request: raw.request_id,
        path: raw.udf_path,
        args: args(raw.args)?,
        component: raw.component_path.unwrap_or_default(),
    })
}

/// Clients send an array; an object is taken as its only element.
fn args(raw: &RawValue) -> Result<Arc<str>, MalformedMessage> {
    let text = raw.get();
    if text.starts_with('[') || text.starts_with('{') {
        Ok(Arc::from(text))
    } else {
        Err(MalformedMessage(
            "malformed message: args is not an array".to_owned(),
        ))
    }
}

fn authenticate(raw: RawAuthenticate) -> Result<ClientMessage, MalformedMessage> {
    let value = |raw: Option<String>| {
        raw.ok_or_else(|| {
            MalformedMessage("malformed Authenticate message: missing field `value`".to_owned())
        })
    };
    let token = match raw.token_type.as_str() {
        "Admin" => AuthToken::Admin {
            key: value(raw.value)?,
            acting_as: raw.impersonating,
        },
        "User" => AuthToken::User(value(raw.value)?),
        "None" => AuthToken::None,
        other => return Err(MalformedMessage(format!("unknown token type \"{other}\""))),
    };
    Ok(ClientMessage::Authenticate {
        base: raw.base_version,
        token,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> ClientMessage {
        ClientMessage::parse(text).unwrap()
    }

    #[test]
    fn connect_variants() {
        let full = parse(
            r#"{"connectionCount":1,"lastCloseReason":null,"clientTs":-1.5,"type":"Connect",
                "sessionId":"b1e611f3-c0e6-4c17-8bed-a571762c7df3","maxObservedTimestamp":"CAAAAAAAAAA=","new":{}}"#,
        );
        let ClientMessage::Connect(connect) = full else {
            panic!("{full:?}")
        };
        assert_eq!(connect.max_observed_ts, Some(Timestamp(8)));
        assert_eq!(connect.client_ms, Some(-1.5));
        assert_eq!(connect.last_close_reason, None);
        let ClientMessage::Connect(connect) = parse(r#"{"type":"Connect","sessionId":"x"}"#) else {
            panic!()
        };
        assert_eq!((connect.client_ms, connect.max_observed_ts), (None, None));
    }

    #[test]
    fn query_sets() {
        let message = parse(
            r#"{"type":"ModifyQuerySet","baseVersion":1,"newVersion":2,"modifications":[
                {"type":"Add","queryId":0,"udfPath":"m:l","args":[{"b": 1, "a":"\u00e4"}],"journal":null,"componentPath":"w"},
                {"type":"Add","queryId":1,"udfPath":"m:l","args":[],"journal":"J"},
                {"type":"Remove","queryId":3}]}"#,
        );
        let ClientMessage::ModifyQuerySet(change) = message else {
            panic!("{message:?}")
        };
        assert_eq!((change.base, change.new), (1, 2));
        let QuerySetModification::Add(first) = &change.modifications[0] else {
            panic!()
        };
        assert_eq!(&*first.args, r#"[{"b": 1, "a":"\u00e4"}]"#);
        assert_eq!(
            (first.journal.as_deref(), first.component.as_str()),
            (None, "w")
        );
        let QuerySetModification::Add(second) = &change.modifications[1] else {
            panic!()
        };
        assert_eq!(
            (second.journal.as_deref(), second.component.as_str()),
            (Some("J"), "")
        );
        assert_eq!(change.modifications[2], QuerySetModification::Remove(3));
    }

    #[test]
    fn both_names_of_acting_as() {
        for name in ["impersonating", "acting_as"] {
            let text = format!(
                r#"{{"type":"Authenticate","baseVersion":0,"tokenType":"Admin","value":"k","{name}":{{"subject":"s"}}}}"#
            );
            let ClientMessage::Authenticate { base: 0, token } = parse(&text) else {
                panic!()
            };
            let expected = AuthToken::Admin {
                key: "k".to_owned(),
                acting_as: Some(serde_json::json!({"subject":"s"})),
            };
            assert_eq!(token, expected);
        }
        let none = parse(r#"{"type":"Authenticate","baseVersion":1,"tokenType":"None"}"#);
        assert_eq!(
            none,
            ClientMessage::Authenticate {
                base: 1,
                token: AuthToken::None
            }
        );
    }

    #[test]
    fn events_never_fail() {
        for text in [
            r#"{"type":"Event"}"#,
            r#"{"type":"Event","eventType":3,"event":[{"a":null}]}"#,
        ] {
            assert_eq!(parse(text), ClientMessage::Event);
        }
    }

    #[test]
    fn malformed() {
        for text in [
            "",
            "[]",
            "{}",
            "nonsense",
            r#"{"type":"Nope"}"#,
            r#"{"type":3}"#,
            r#"{"type":"Connect"}"#,
            r#"{"type":"Connect","sessionId":"x","maxObservedTimestamp":"!"}"#,
            r#"{"type":"ModifyQuerySet","baseVersion":-1,"newVersion":0,"modifications":[]}"#,
            r#"{"type":"ModifyQuerySet","baseVersion":0,"newVersion":4294967296,"modifications":[]}"#,
            r#"{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[{"type":"Add","queryId":0}]}"#,
            r#"{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[{"type":"X","queryId":0}]}"#,
            r#"{"type":"Mutation","requestId":0,"udfPath":"a:b","args":3}"#,
            r#"{"type":"Mutation","requestId":"0","udfPath":"a:b","args":[{}]}"#,
            r#"{"type":"Authenticate","baseVersion":0,"tokenType":"User"}"#,
            r#"{"type":"Authenticate","baseVersion":0,"tokenType":"Robot","value":"x"}"#,
        ] {
            let error = ClientMessage::parse(text).expect_err(text);
            assert!(!error.0.is_empty());
        }
    }

    proptest::proptest! {
        #[test]
        fn parsing_never_panics(text in ".{0,200}") {
            let _ = ClientMessage::parse(&text);
        }
    }
}
