//! Transcripts: what happens, and what the state machine wants done, line by line.
//!
//! `>` the client says, `*` something else happens, `<` an effect. Versions are `querySet.identity.ts`.

use std::fmt::Write;

use lentil_protocol::QueryAddition;
use serde_json::Value as Json;

use super::*;

mod cases;
mod hostile;
mod random;

pub(super) const SESSION: &str = "b1e611f3-c0e6-4c17-8bed-a571762c7df3";

pub(super) fn outcome(value: &str) -> Outcome {
    let result = match value.strip_prefix('!') {
        Some(message) => Err(failure(FailureClass::Developer, message)),
        None => Ok(Arc::from(value)),
    };
    Outcome {
        result,
        log_lines: Arc::default(),
    }
}

pub(super) fn failure(class: FailureClass, message: &str) -> FunctionFailure {
    FunctionFailure {
        class,
        message: message.to_owned(),
        data: None,
    }
}

pub(super) fn add(query: u32) -> QuerySetModification {
    let args = Arc::from("[{}]");
    let path = format!("m:q{query}");
    QuerySetModification::Add(QueryAddition {
        query,
        path,
        args,
        journal: None,
        component: String::new(),
    })
}

pub(super) fn connect(observed: Option<u64>) -> ClientMessage {
    ClientMessage::Connect(Connect {
        session_id: SESSION.to_owned(),
        connection_count: 0,
        last_close_reason: None,
        max_observed_ts: observed.map(Timestamp),
        client_ms: None,
    })
}

pub(super) fn request(number: u32) -> FunctionRequest {
    FunctionRequest {
        request: number,
        path: format!("m:f{number}"),
        args: Arc::from("[{}]"),
        component: String::new(),
    }
}

/// Replays the inputs of a transcript and compares everything with what came of them.
fn check(transcript: &str) {
    check_with(transcript, false);
}

fn check_with(transcript: &str, redact: bool) {
    let mut replay = Replay {
        state: State::new(7, redact),
        latest: 10,
        out: String::new(),
    };
    let expected: Vec<&str> = transcript
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    for line in expected.iter().filter(|line| !line.starts_with('<')) {
        writeln!(replay.out, "{line}").unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        if let Some(event) = replay.event(&words) {
            replay.step(event);
        }
    }
    let expected: String = expected.iter().map(|line| format!("{line}\n")).collect();
    assert_eq!(expected, replay.out, "\n--- actual ---\n{}", replay.out);
}

struct Replay {
    state: State,
    latest: u64,
    out: String,
}

impl Replay {
    fn step(&mut self, event: Event) {
        let mut effects = Vec::new();
        let moment = Moment {
            latest: Timestamp(self.latest),
            server_ns: 1_000_000_000,
        };
        self.state.apply(event, moment, &mut effects);
        for effect in effects {
            writeln!(self.out, "< {}", render(&effect)).unwrap();
        }
    }

    fn event(&mut self, words: &[&str]) -> Option<Event> {
        let number = |at: usize| words[at].parse::<u32>().unwrap();
        Some(match words[1] {
            "connect" => Event::Message(connect(words.get(2).map(|it| it.parse().unwrap()))),
            "set" => Event::Message(ClientMessage::ModifyQuerySet(QuerySetChange {
                base: number(2),
                new: number(3),
                modifications: words[4..].iter().map(|word| modification(word)).collect(),
            })),
            "mutation" => Event::Message(ClientMessage::Mutation(request(number(2)))),
            "action" => Event::Message(ClientMessage::Action(request(number(2)))),
            "auth" => Event::Message(ClientMessage::Authenticate {
                base: number(2),
                token: AuthToken::None,
            }),
            "event" => Event::Message(ClientMessage::Event),
            "nonsense" => Event::Malformed("nonsense".to_owned()),
            "good" => Event::Authenticated(Ok(Identity::Anonymous)),
            "bad" => Event::Authenticated(Err(Refusal::Token("bad".to_owned()))),
            "advanced" => {
                self.latest = words[2].parse().unwrap();
                Event::Advanced(Ok(()))
            }
            "commit" => {
                self.latest = words[2].parse().unwrap();
                return None;
            }
            "touched" => Event::Invalidated {
                ready: words.get(2).map(|word| Timestamp(word.parse().unwrap())),
            },
            "answer" => Event::Computed(words[2..].iter().map(|word| self.answer(word)).collect()),
            "unanswered" => Event::ComputeFailed(failure(FailureClass::Overloaded("Busy"), "busy")),
            "retry" => Event::RetryDue,
            "left" => Event::TransitionLeft,
            "hold" => Event::HoldExpired,
            "overdue" => Event::MutationOverdue,
            "done" => Event::MutationFinished(
                number(2),
                MutationDone {
                    outcome: outcome(words[3]),
                    ts: words.get(4).map(|it| Timestamp(it.parse().unwrap())),
                },
            ),
            "conflict" => Event::MutationFinished(number(2), failed(FailureClass::Conflict)),
            "broken" => Event::MutationFinished(number(2), failed(FailureClass::Internal)),
            "acted" => Event::ActionFinished(number(2), outcome(words[3])),
            other => panic!("unknown word {other}"),
        })
    }

    /// `0=value`, `0=!error`, `0=value/journal`.
    fn answer(&self, word: &str) -> Answer {
        let (query, value) = word.split_once('=').unwrap();
        let query: u32 = query.parse().unwrap();
        let (value, journal) = value
            .split_once('/')
            .map_or((value, None), |(v, j)| (v, Some(Arc::from(j))));
        let addition = self
            .state
            .queries()
            .iter()
            .find(|(id, _)| *id == query)
            .map_or(0, |(_, it)| it.addition);
        Answer {
            query,
            addition,
            outcome: outcome(value),
            journal,
        }
    }
}

fn failed(class: FailureClass) -> MutationDone {
    let outcome = Outcome {
        result: Err(failure(class, "failed")),
        log_lines: Arc::default(),
    };
    MutationDone { outcome, ts: None }
}

fn modification(word: &str) -> QuerySetModification {
    match word.split_at(1) {
        ("+", query) => add(query.parse().unwrap()),
        ("-", query) => QuerySetModification::Remove(query.parse().unwrap()),
        _ => panic!("unknown modification {word}"),
    }
}

fn render(effect: &Effect) -> String {
    match effect {
        Effect::Advance(ts) => format!("advance {}", ts.0),
        Effect::Authenticate(_) => "authenticate".to_owned(),
        Effect::RunMutation(request, ..) => format!("run {request}"),
        Effect::RunAction(request, _) => format!("act {request}"),
        Effect::Compute(ts) => format!("compute {}", ts.0),
        Effect::RetryAfter(delay_ms) => {
            assert!(*delay_ms >= RETRY_DELAY_MS_MIN / 2 && *delay_ms <= RETRY_DELAY_MS_MAX);
            "retry later".to_owned()
        }
        Effect::Send(text) | Effect::SendTransition(text) => render_text(text),
        Effect::Close(close) => format!(
            "close {} {}",
            close.code.map_or(0, CloseCode::number),
            close.reason
        )
        .trim_end()
        .to_owned(),
    }
}

fn render_text(text: &str) -> String {
    let json: Json = serde_json::from_str(text).expect("every message is JSON");
    let kind = json["type"].as_str().unwrap();
    match kind {
        "Transition" => {
            let mut out = format!(
                "T {} {}",
                version(&json["startVersion"]),
                version(&json["endVersion"])
            );
            for modification in json["modifications"].as_array().unwrap() {
                let query = &modification["queryId"];
                let said = match modification["type"].as_str().unwrap() {
                    "QueryUpdated" => format!(" {query}={}", modification["value"]),
                    "QueryFailed" => {
                        format!(" {query}=!{}", short_error(&modification["errorMessage"]))
                    }
                    _ => format!(" -{query}"),
                };
                out.push_str(&said);
                if let Some(journal) = modification["journal"].as_str() {
                    write!(out, "/{journal}").unwrap();
                }
            }
            out
        }
        "MutationResponse" | "ActionResponse" => {
            let result = match json["success"] {
                Json::Bool(true) => json["result"].to_string(),
                _ => format!("!{}", short_error(&json["result"])),
            };
            let ts = json["ts"]
                .as_str()
                .map_or(String::new(), |ts| format!(" {}", timestamp(ts)));
            format!("{kind} {} {result}{ts}", json["requestId"])
        }
        "AuthError" => format!(
            "AuthError base {} {}",
            json["baseVersion"], json["authUpdateAttempted"]
        ),
        "FatalError" => "FatalError".to_owned(),
        other => other.to_owned(),
    }
}

/// The error without its request-id line, which must be there.
fn short_error(text: &Json) -> String {
    let text = text.as_str().unwrap();
    let rest = text
        .strip_prefix("[Request ID: ")
        .expect("a request-id line");
    let (id, rest) = rest.split_at(16);
    assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    rest.strip_prefix("] Server Error")
        .expect("a request-id line")
        .trim_start()
        .to_owned()
}

fn timestamp(text: &str) -> u64 {
    Timestamp::from_base64(text).unwrap().0
}

fn version(json: &Json) -> String {
    format!(
        "{}.{}.{}",
        json["querySet"],
        json["identity"],
        timestamp(json["ts"].as_str().unwrap())
    )
}
