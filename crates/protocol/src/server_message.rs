//! Messages from the server to a client (sync-and-http 1.5).
//!
//! A message borrows what it says and writes itself as text; values are encoded JSON already and
//! are spliced in.

use lentil_values::Timestamp;

use crate::json_text::{push_display, push_number, push_string, push_strings};
use crate::{IdentityVersion, QueryId, RequestId, StateVersion};

/// One message.
#[derive(Clone, Copy, Debug)]
pub enum ServerMessage<'a> {
    /// New results.
    Transition(Transition<'a>),
    /// A mutation's end.
    MutationResponse {
        /// Whose.
        request: RequestId,
        /// Encoded value and commit timestamp, or a failure.
        result: Result<(&'a str, Timestamp), Failure<'a>>,
        /// What it logged.
        log_lines: &'a [String],
    },
    /// An action's end.
    ActionResponse {
        /// Whose.
        request: RequestId,
        /// Encoded value, or a failure.
        result: Result<&'a str, Failure<'a>>,
        /// What it logged.
        log_lines: &'a [String],
    },
    /// The identity is refused; the socket is closed after it.
    AuthError {
        /// Why.
        error: &'a str,
        /// The identity version last shown in a transition.
        base: IdentityVersion,
        /// Whether an `Authenticate` was refused, rather than an identity in use.
        update_attempted: bool,
    },
    /// The client must not come back with the same; the socket is closed after it.
    FatalError {
        /// Why.
        error: &'a str,
    },
    /// Keeps clients that see only messages from giving up.
    Ping,
}

/// The step from one version to the next.
#[derive(Clone, Copy, Debug)]
pub struct Transition<'a> {
    /// The version last sent.
    pub start: StateVersion,
    /// The version the modifications lead to.
    pub end: StateVersion,
    /// What changes, in any order.
    pub modifications: &'a [Modification<'a>],
    /// For the client's measurement of transit times; `None` leaves both fields out.
    pub clock: Option<Clock>,
}

/// The pair of fields by which a client measures transit times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Client time minus server time at `Connect`, ms.
    pub client_skew_ms: i64,
    /// Server time now, ns since the epoch.
    pub server_ns: u64,
}

/// One change of a query set's results.
#[derive(Clone, Copy, Debug)]
pub enum Modification<'a> {
    /// A value.
    QueryUpdated {
        /// Which.
        query: QueryId,
        /// Encoded value.
        value: &'a str,
        /// What the run logged.
        log_lines: &'a [String],
        /// Pins the end of a page.
        journal: Option<&'a str>,
    },
    /// A failure.
    QueryFailed {
        /// Which.
        query: QueryId,
        /// Why.
        failure: Failure<'a>,
        /// What the run logged.
        log_lines: &'a [String],
        /// Pins the end of a page.
        journal: Option<&'a str>,
    },
    /// No longer part of the query set.
    QueryRemoved {
        /// Which.
        query: QueryId,
    },
}

/// Why a function did not return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure<'a> {
    /// The text for the client, request-id line included (see [`request_error_text`]).
    pub message: &'a str,
    /// Encoded data of a ConvexError. Clients take any presence, even null, for a ConvexError.
    pub data: Option<&'a str>,
}

/// The error text clients get (sync-and-http 2.8): the request-id line and, unless redacted, the
/// rendered error on the lines below.
pub fn request_error_text(request_id: &str, rendered: Option<&str>) -> String {
    let mut text = format!("[Request ID: {request_id}] Server Error");
    if let Some(rendered) = rendered {
        text.push('\n');
        text.push_str(rendered);
    }
    text
}

impl ServerMessage<'_> {
    /// The message as JSON text.
    pub fn to_text(&self) -> String {
        let mut out = String::with_capacity(self.size_hint());
        match self {
            ServerMessage::Transition(transition) => transition.write(&mut out),
            ServerMessage::MutationResponse {
                request,
                result,
                log_lines,
            } => {
                out.push_str("{\"type\":\"MutationResponse\"");
                push_response(
                    &mut out,
                    *request,
                    result.map(|(value, _)| value),
                    log_lines,
                );
                out.push_str(",\"ts\":");
                match result {
                    Ok((_, ts)) => push_timestamp(&mut out, *ts),
                    Err(_) => out.push_str("null"),
                }
                out.push('}');
            }
            ServerMessage::ActionResponse {
                request,
                result,
                log_lines,
            } => {
                out.push_str("{\"type\":\"ActionResponse\"");
                push_response(&mut out, *request, *result, log_lines);
                out.push('}');
            }
            ServerMessage::AuthError {
                error,
                base,
                update_attempted,
            } => {
                out.push_str("{\"type\":\"AuthError\",\"error\":");
                push_string(&mut out, error);
                out.push_str(",\"baseVersion\":");
                push_number(&mut out, u64::from(*base));
                out.push_str(",\"authUpdateAttempted\":");
                out.push_str(if *update_attempted { "true}" } else { "false}" });
            }
            ServerMessage::FatalError { error } => {
                out.push_str("{\"type\":\"FatalError\",\"error\":");
                push_string(&mut out, error);
                out.push('}');
            }
            ServerMessage::Ping => out.push_str("{\"type\":\"Ping\"}"),
        }
        out
    }

    /// Bytes it will have, roughly: values dominate, and one allocation is enough for them.
    fn size_hint(&self) -> usize {
        const ENVELOPE: usize = 320;
        match self {
            ServerMessage::Transition(transition) => {
                ENVELOPE
                    + transition
                        .modifications
                        .iter()
                        .map(Modification::size_hint)
                        .sum::<usize>()
            }
            ServerMessage::MutationResponse {
                result: Ok((value, _)),
                ..
            }
            | ServerMessage::ActionResponse {
                result: Ok(value), ..
            } => 160 + value.len(),
            _ => ENVELOPE,
        }
    }
}

impl Transition<'_> {
    fn write(&self, out: &mut String) {
        out.push_str("{\"type\":\"Transition\",\"startVersion\":");
        push_version(out, self.start);
        out.push_str(",\"endVersion\":");
        push_version(out, self.end);
        out.push_str(",\"modifications\":[");
        for (index, modification) in self.modifications.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            modification.write(out);
        }
        out.push(']');
        if let Some(clock) = self.clock {
            out.push_str(",\"clientClockSkew\":");
            push_display(out, clock.client_skew_ms);
            out.push_str(",\"serverTs\":");
            push_number(out, clock.server_ns);
        }
        out.push('}');
    }
}

impl Modification<'_> {
    /// The query it is about.
    pub fn query(&self) -> QueryId {
        match self {
            Modification::QueryUpdated { query, .. }
            | Modification::QueryFailed { query, .. }
            | Modification::QueryRemoved { query } => *query,
        }
    }

    fn size_hint(&self) -> usize {
        const ENVELOPE: usize = 96;
        match self {
            Modification::QueryUpdated { value, journal, .. } => {
                ENVELOPE + value.len() + journal.map_or(0, str::len)
            }
            Modification::QueryFailed { failure, .. } => {
                ENVELOPE + failure.message.len() + failure.data.map_or(0, str::len)
            }
            Modification::QueryRemoved { .. } => ENVELOPE,
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Modification::QueryUpdated {
                query,
                value,
                log_lines,
                journal,
            } => {
                out.push_str("{\"type\":\"QueryUpdated\",\"queryId\":");
                push_number(out, u64::from(*query));
                out.push_str(",\"value\":");
                out.push_str(value);
                push_logs_and_journal(out, log_lines, *journal);
            }
            Modification::QueryFailed {
                query,
                failure,
                log_lines,
                journal,
            } => {
                out.push_str("{\"type\":\"QueryFailed\",\"queryId\":");
                push_number(out, u64::from(*query));
                out.push_str(",\"errorMessage\":");
                push_string(out, failure.message);
                push_error_data(out, failure.data);
                push_logs_and_journal(out, log_lines, *journal);
            }
            Modification::QueryRemoved { query } => {
                out.push_str("{\"type\":\"QueryRemoved\",\"queryId\":");
                push_number(out, u64::from(*query));
                out.push('}');
            }
        }
    }
}

fn push_logs_and_journal(out: &mut String, log_lines: &[String], journal: Option<&str>) {
    out.push_str(",\"logLines\":");
    push_strings(out, log_lines);
    out.push_str(",\"journal\":");
    match journal {
        Some(journal) => push_string(out, journal),
        None => out.push_str("null"),
    }
    out.push('}');
}

fn push_response(
    out: &mut String,
    request: RequestId,
    result: Result<&str, Failure<'_>>,
    log_lines: &[String],
) {
    out.push_str(",\"requestId\":");
    push_number(out, u64::from(request));
    match result {
        Ok(value) => {
            out.push_str(",\"success\":true,\"result\":");
            out.push_str(value);
        }
        Err(failure) => {
            out.push_str(",\"success\":false,\"result\":");
            push_string(out, failure.message);
            push_error_data(out, failure.data);
        }
    }
    out.push_str(",\"logLines\":");
    push_strings(out, log_lines);
}

fn push_error_data(out: &mut String, data: Option<&str>) {
    if let Some(data) = data {
        out.push_str(",\"errorData\":");
        out.push_str(data);
    }
}

fn push_version(out: &mut String, version: StateVersion) {
    out.push_str("{\"querySet\":");
    push_number(out, u64::from(version.query_set));
    out.push_str(",\"identity\":");
    push_number(out, u64::from(version.identity));
    out.push_str(",\"ts\":");
    push_timestamp(out, version.ts);
    out.push('}');
}

fn push_timestamp(out: &mut String, ts: Timestamp) {
    out.push('"');
    out.push_str(&ts.to_base64());
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &[String] = &[];

    #[test]
    fn golden_transition() {
        let log = ["[LOG] 'hi'".to_owned()];
        let modifications = [
            Modification::QueryUpdated {
                query: 0,
                value: "[1.0]",
                log_lines: &log,
                journal: None,
            },
            Modification::QueryFailed {
                query: 11,
                failure: Failure {
                    message: "a\nb",
                    data: Some("null"),
                },
                log_lines: LOG,
                journal: Some("J"),
            },
            Modification::QueryRemoved { query: 2 },
        ];
        let message = ServerMessage::Transition(Transition {
            start: StateVersion::default(),
            end: StateVersion {
                query_set: 1,
                identity: 0,
                ts: Timestamp(1_700_000_000_000_000_000),
            },
            modifications: &modifications,
            clock: Some(Clock {
                client_skew_ms: -12,
                server_ns: 1_700_000_000_000_000_000,
            }),
        });
        assert_eq!(
            message.to_text(),
            concat!(
                r#"{"type":"Transition","startVersion":{"querySet":0,"identity":0,"ts":"AAAAAAAAAAA="},"#,
                r#""endVersion":{"querySet":1,"identity":0,"ts":"AAAqNv6clxc="},"modifications":["#,
                r#"{"type":"QueryUpdated","queryId":0,"value":[1.0],"logLines":["[LOG] 'hi'"],"journal":null},"#,
                r#"{"type":"QueryFailed","queryId":11,"errorMessage":"a\nb","errorData":null,"logLines":[],"journal":"J"},"#,
                r#"{"type":"QueryRemoved","queryId":2}],"clientClockSkew":-12,"serverTs":1700000000000000000}"#,
            )
        );
    }

    #[test]
    fn golden_responses() {
        let failure = Failure {
            message: "no",
            data: None,
        };
        for (message, expected) in [
            (
                ServerMessage::MutationResponse {
                    request: 0,
                    result: Ok(("null", Timestamp(5))),
                    log_lines: LOG,
                },
                r#"{"type":"MutationResponse","requestId":0,"success":true,"result":null,"logLines":[],"ts":"BQAAAAAAAAA="}"#,
            ),
            (
                ServerMessage::MutationResponse {
                    request: 12,
                    result: Err(failure),
                    log_lines: LOG,
                },
                r#"{"type":"MutationResponse","requestId":12,"success":false,"result":"no","logLines":[],"ts":null}"#,
            ),
            (
                ServerMessage::ActionResponse {
                    request: 3,
                    result: Err(Failure {
                        message: "no",
                        data: Some("{\"a\":1.0}"),
                    }),
                    log_lines: LOG,
                },
                r#"{"type":"ActionResponse","requestId":3,"success":false,"result":"no","errorData":{"a":1.0},"logLines":[]}"#,
            ),
            (
                ServerMessage::AuthError {
                    error: "bad",
                    base: 0,
                    update_attempted: true,
                },
                r#"{"type":"AuthError","error":"bad","baseVersion":0,"authUpdateAttempted":true}"#,
            ),
            (
                ServerMessage::FatalError { error: "bad" },
                r#"{"type":"FatalError","error":"bad"}"#,
            ),
            (ServerMessage::Ping, r#"{"type":"Ping"}"#),
        ] {
            assert_eq!(message.to_text(), expected);
        }
    }

    #[test]
    fn error_texts() {
        assert_eq!(
            request_error_text("ab", None),
            "[Request ID: ab] Server Error"
        );
        assert_eq!(
            request_error_text("ab", Some("Uncaught Error: x\n")),
            "[Request ID: ab] Server Error\nUncaught Error: x\n"
        );
    }
}
