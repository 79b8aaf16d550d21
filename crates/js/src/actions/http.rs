//! What an HTTP action has besides what actions have: a request whose body arrives as it is asked
//! for, and a response that leaves as it is produced.
//!
//! One chunk of either is on its way at a time, so an exchange costs the same memory whatever the
//! bodies hold, and who is slow slows the other side down.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use serde::Deserialize;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::ActionOutcome;
use crate::call::CallResult;
use crate::wire::Malformed;

/// The body of a request; a failure is told to user code that reads on.
pub type RequestBody = Pin<Box<dyn Stream<Item = Result<Bytes, String>> + Send>>;

/// Where the request of an HTTP action comes from and where its response goes.
pub struct HttpExchange {
    /// The request's body.
    pub body: Option<RequestBody>,
    /// Gets the head of the response, if there is one.
    pub head: oneshot::Sender<HttpHead>,
    /// Gets the chunks of its body. When the receiver is dropped the client counts as gone.
    pub chunks: mpsc::Sender<Bytes>,
    /// Bytes that the body may have; what is longer is cut.
    pub response_bytes: u64,
}

/// The head of a response.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpHead {
    /// 200 to 599.
    pub status: u16,
    /// In order; of the values each character is a byte.
    pub headers: Vec<(String, String)>,
    /// Whether there is a body, be it empty.
    pub has_body: bool,
    /// Bytes of the body, where that is known.
    pub length: Option<u64>,
}

/// How the response of an HTTP action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpEnd {
    /// It was sent, or the action failed.
    Whole,
    /// The client went away before.
    Gone,
    /// The client took nothing of it for too long, and was left.
    Idle,
    /// It was longer than allowed.
    TooLarge,
}

/// The end of an HTTP action.
#[derive(Debug)]
pub struct HttpOutcome {
    /// How the action ended; a value says nothing.
    pub action: ActionOutcome,
    /// The route as its router names it, `GET /path`; `None` if no route matches, or nobody asked.
    pub route: Option<String>,
    /// The status of the response whose head was sent.
    pub status: Option<u16>,
    /// How the response ended.
    pub end: HttpEnd,
    /// Where the chunks went, if all of them did.
    pub chunks: Option<mpsc::Sender<Bytes>>,
}

/// What the process says of an exchange.
#[derive(Debug)]
pub(super) enum HttpFrame {
    Pull,
    Route(String),
    Head(String),
    Chunk(Bytes),
}

/// What the process is to be told.
#[derive(Debug)]
pub(super) enum Step {
    /// The next of the request's body; `None` at its end.
    Body(Option<Result<Bytes, String>>),
    /// The last chunk was taken.
    Taken,
    /// No chunk will be taken any more.
    Gone,
}

/// An exchange in progress.
pub(crate) struct Exchange {
    body: Option<RequestBody>,
    pulled: bool,
    /// How long the client is waited for, and from when on it is too long.
    idle: Duration,
    patience: Option<Instant>,
    head: Option<oneshot::Sender<HttpHead>>,
    /// `None` once nobody listens, or may.
    chunks: Option<mpsc::Sender<Bytes>>,
    waiting: Option<Bytes>,
    left: u64,
    route: Option<String>,
    status: Option<u16>,
    end: HttpEnd,
    untold: bool,
}

impl Exchange {
    /// An exchange with a client that is waited for so long.
    pub(crate) fn new(exchange: HttpExchange, idle: Duration) -> Exchange {
        Exchange {
            body: exchange.body,
            pulled: false,
            idle,
            patience: None,
            head: Some(exchange.head),
            chunks: Some(exchange.chunks),
            waiting: None,
            left: exchange.response_bytes,
            route: None,
            status: None,
            end: HttpEnd::Whole,
            untold: false,
        }
    }

    /// Takes what the process says; gives the route when it is told.
    pub(super) fn take(&mut self, frame: HttpFrame) -> Result<Option<String>, Malformed> {
        match frame {
            HttpFrame::Pull => self.pulled = true,
            HttpFrame::Route(route) => {
                self.route = Some(route).filter(|route| !route.is_empty());
                return Ok(self.route.clone());
            }
            HttpFrame::Head(text) => {
                let head: HttpHead = serde_json::from_str(&text).map_err(|_| Malformed)?;
                let sender = self.head.take().ok_or(Malformed)?;
                self.status = Some(head.status);
                // Who is gone is noticed by the chunks.
                let _ = sender.send(head);
            }
            HttpFrame::Chunk(_) if self.chunks.is_none() => {}
            HttpFrame::Chunk(chunk) => {
                if self.head.is_some() || self.waiting.is_some() {
                    return Err(Malformed);
                }
                let length = chunk.len() as u64;
                self.waiting = Some(chunk);
                match self.left.checked_sub(length) {
                    Some(left) => self.left = left,
                    None => self.cut(),
                }
            }
        }
        Ok(None)
    }

    /// Sends what is still allowed, if there is room for it, and no more.
    fn cut(&mut self) {
        let (chunks, waiting) = (self.chunks.take(), self.waiting.take());
        if let (Some(chunks), Some(mut chunk)) = (chunks, waiting) {
            chunk.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
            // A client that is behind gets less; what it gets is cut in any case.
            let _ = chunks.try_send(chunk);
        }
        self.end = HttpEnd::TooLarge;
        self.untold = true;
    }

    fn gone(&mut self, end: HttpEnd) -> Step {
        self.chunks = None;
        self.waiting = None;
        self.end = end;
        Step::Gone
    }

    /// Nothing came from the client, or nothing went to it, for too long.
    fn lost_patience(&mut self) -> Step {
        self.patience = None;
        if self.waiting.is_some() {
            return self.gone(HttpEnd::Idle);
        }
        self.pulled = false;
        self.body = None;
        Step::Body(Some(Err(format!(
            "The client sent nothing more of the request's body for {} s (limit http_idle_ms)",
            self.idle.as_secs_f64()
        ))))
    }

    /// Waits for the next thing to tell. May be dropped and called again at any time.
    pub(super) async fn step(&mut self) -> Step {
        if std::mem::take(&mut self.untold) {
            return Step::Gone;
        }
        let pulled = self.pulled;
        let waits = self.waiting.is_some();
        let patience = match (pulled || waits, self.patience) {
            (false, _) => None,
            (true, Some(until)) => Some(until),
            (true, None) => Some(Instant::now() + self.idle),
        };
        self.patience = patience;
        let impatient = async {
            match patience {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        let (body, chunks) = (&mut self.body, self.chunks.as_ref());
        let next = async {
            match body {
                Some(body) => body.next().await,
                None => None,
            }
        };
        let reserved = async {
            match chunks {
                Some(chunks) => chunks.reserve().await.ok(),
                None => std::future::pending().await,
            }
        };
        let closed = async {
            match chunks {
                Some(chunks) => chunks.closed().await,
                None => std::future::pending().await,
            }
        };
        let idle = tokio::select! {
            part = next, if pulled => {
                self.pulled = false;
                self.patience = None;
                if part.is_none() {
                    self.body = None;
                }
                return Step::Body(part);
            }
            permit = reserved, if waits => if let Some(permit) = permit {
                if let Some(chunk) = self.waiting.take() {
                    permit.send(chunk);
                }
                self.patience = None;
                return Step::Taken;
            } else {
                false
            },
            () = closed => false,
            () = impatient => true,
        };
        match idle {
            true => self.lost_patience(),
            false => self.gone(HttpEnd::Gone),
        }
    }

    /// What is left when the action has ended.
    pub(crate) fn finish(self, action: ActionOutcome) -> HttpOutcome {
        let value = matches!(action.result, CallResult::Value(_));
        let gone = self.chunks.as_ref().is_some_and(mpsc::Sender::is_closed);
        let end = match self.end {
            HttpEnd::Whole if gone => HttpEnd::Gone,
            end => end,
        };
        let whole = value && end == HttpEnd::Whole && self.waiting.is_none();
        HttpOutcome {
            route: self.route,
            status: self.status,
            end,
            chunks: self.chunks.filter(|_| whole),
            action,
        }
    }
}
