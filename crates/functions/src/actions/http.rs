//! HTTP actions: a request that came in is run by the app's router, and its response leaves as it
//! is produced (function-runtime 2.3, sync-and-http 5).
//!
//! Like other actions they run once and to their end: when the client goes away the request's
//! signal is aborted and the response's stream is cancelled, and the code goes on.

mod routes;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use lentil_database::TransactionUsage;
use lentil_identity::Identity;
use lentil_js::{
    FunctionKind, HttpEnd, HttpExchange, HttpHead, HttpOutcome, Invocation, LogLevel, RequestBody,
};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use self::routes::{Routed, route};
use super::requests::ActionRequests;
use super::{line, overloaded, unawaited_line, value_of};
use crate::limits::{Limits, in_bytes};
use crate::logs::{Execution, flatten, identity_type};
use crate::path::FunctionPath;
use crate::service::Inner;
use crate::{Call, ComponentPath, FailureClass, FunctionFailure, Functions, Origin, Place};

/// The module whose default export is the router.
const ROUTER: &str = "http.js";
/// How log entries name who called.
const CALLER: &str = "HttpEndpoint";
/// How the log names the line about a response that did not end well.
const BROKEN: &str = "error:httpAction";
/// How the log names the line about a client that did not wait for the end.
const LEFT: &str = "info:httpAction";

/// A request for an HTTP action.
pub struct HttpRequest {
    /// As the client wrote it, but for `CONNECT` and `TRACE`.
    pub method: String,
    /// As the handler is to see it.
    pub url: String,
    /// The raw path by which it is routed.
    pub path: String,
    /// In order; of the values each character is a byte.
    pub headers: Vec<(String, String)>,
    /// Its body, if it has one; a failure is told to user code that reads on.
    pub body: Option<RequestBody>,
    /// Who asks, or why that cannot be told: then the app runs, and is told so when it asks.
    pub identity: Result<Identity, String>,
    /// Shown in errors and logs.
    pub request_id: String,
}

/// What an HTTP action answers.
#[derive(Debug)]
pub struct HttpResponse {
    /// Status and headers.
    pub head: HttpHead,
    /// The body; dropping it tells the action that the client is gone.
    pub body: HttpBody,
}

/// The body of a response, as it is produced.
#[derive(Debug)]
pub struct HttpBody {
    chunks: mpsc::Receiver<Bytes>,
    whole: oneshot::Receiver<()>,
}

/// A body that ended before it was whole; the log says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the HTTP action did not send the whole response")]
pub struct CutShort;

impl HttpBody {
    /// The next chunk; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes, CutShort>> {
        if let Some(chunk) = self.chunks.recv().await {
            return Some(Ok(chunk));
        }
        // Said before the chunks end.
        match self.whole.try_recv() {
            Ok(()) => None,
            Err(_) => Some(Err(CutShort)),
        }
    }
}

/// Why there is no response of an HTTP action.
#[derive(Debug, PartialEq, Eq)]
pub enum HttpFailure {
    /// The deployment has no `http.js`.
    NoRouter,
    /// It has, and no route of it matches.
    NoRoute,
    /// The action, or what runs it, failed.
    Failed(FunctionFailure),
}

impl From<FunctionFailure> for HttpFailure {
    fn from(failure: FunctionFailure) -> HttpFailure {
        HttpFailure::Failed(failure)
    }
}

impl Functions {
    /// Runs the HTTP action that is routed for the request, once. Once begun it runs to its end;
    /// dropping the future or the body tells it that the client is gone.
    pub async fn http_action(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        let (head, headed) = oneshot::channel();
        // One chunk waits for the client while the next is made.
        let (sender, chunks) = mpsc::channel(1);
        let (done, whole) = oneshot::channel();
        let client = Client {
            head,
            chunks: sender,
            whole: done,
        };
        let running = tokio::spawn(run(self.inner().clone(), request, client));
        if let Ok(head) = headed.await {
            let body = HttpBody { chunks, whole };
            return Ok(HttpResponse { head, body });
        }
        let ended = running.await.unwrap_or_else(|error| {
            Err(FunctionFailure::internal("an HTTP action's task failed", &error).into())
        });
        let headless = || FunctionFailure::internal("an HTTP action ended", &"without a response");
        Err(ended.err().unwrap_or_else(|| headless().into()))
    }
}

/// Where the response goes.
struct Client {
    head: oneshot::Sender<HttpHead>,
    chunks: mpsc::Sender<Bytes>,
    whole: oneshot::Sender<()>,
}

/// Runs to the end; fails if there was no head.
async fn run(
    inner: Arc<Inner>,
    mut request: HttpRequest,
    client: Client,
) -> Result<(), HttpFailure> {
    let (started, id) = (Instant::now(), uuid::Uuid::new_v4());
    let _outstanding = inner.introspection.counters.begin(FunctionKind::HttpAction);
    let body = request.body.take();
    let (unknown, call) = call_of(&mut request);
    let prepared = {
        let inner = inner.clone();
        let has_body = body.is_some();
        tokio::task::spawn_blocking(move || prepare(&inner, &request, has_body))
    };
    let prepared = prepared.await.unwrap_or_else(|error| {
        let what = "an HTTP action could not be prepared";
        Err(FunctionFailure::internal(what, &error).into())
    });
    let (invocation, place) = prepared?;
    let (mut call, mut unknown) = (call, unknown);
    if !place.is_root() {
        // Components do not know who calls (function-runtime 11.5).
        call.component = place.component.clone();
        call.identity = Identity::Anonymous;
        unknown = None;
    }
    let path = FunctionPath {
        module: ROUTER.to_owned(),
        function: "default".to_owned(),
    };
    let requests =
        Arc::new(ActionRequests::new(inner.clone(), &call, place, path, id).of_http(unknown));
    let exchange = HttpExchange {
        body,
        head: client.head,
        chunks: client.chunks,
        response_bytes: inner.options.limits.http_response_bytes,
    };
    let ran = inner
        .host
        .http_action(&invocation, requests.clone(), exchange);
    let outcome = ran
        .await
        .map_err(|refused| overloaded(refused, "http_actions_running"))?;
    conclude(&requests, &call, started, outcome, client.whole)
}

/// The call that stands for the request, and why nobody knows whose it is.
fn call_of(request: &mut HttpRequest) -> (Option<String>, Call) {
    let identity = std::mem::replace(&mut request.identity, Ok(Identity::Anonymous));
    let (unknown, identity) = match identity {
        Ok(identity) => (None, identity),
        Err(why) => (Some(why), Identity::Anonymous),
    };
    let call = Call {
        path: "http".to_owned(),
        component: ComponentPath::default(),
        args: "{}".into(),
        identity,
        request_id: request.request_id.clone(),
        caller: CALLER,
        origin: Origin::Client,
        question: Default::default(),
    };
    (unknown, call)
}

fn prepare(
    inner: &Inner,
    request: &HttpRequest,
    has_body: bool,
) -> Result<(Invocation, Arc<Place>), HttpFailure> {
    let mut tx = inner.database.begin();
    let live = inner.live(&mut tx).map_err(FunctionFailure::from)?;
    live.check_running()?;
    let deployment = live.image.ok_or(HttpFailure::NoRouter)?;
    let Routed { image, path } = route(&deployment, &request.method, &request.path)?;
    let args = json!({
        "url": request.url, "method": request.method, "path": path,
        "headerPairs": request.headers, "hasBody": has_body,
    });
    let invocation = Invocation {
        bundle: image.bundle.clone(),
        module: ROUTER.to_owned(),
        function: "default".to_owned(),
        kind: FunctionKind::HttpAction,
        args: args.to_string(),
        env: image.environment.clone(),
        seed: tx.draw_seed(),
        now_ms: tx.now_ms(),
    };
    Ok((invocation, image.place.clone()))
}

/// Logs the end, and says it to whoever has had the head.
fn conclude(
    requests: &ActionRequests,
    call: &Call,
    started: Instant,
    outcome: HttpOutcome,
    whole: oneshot::Sender<()>,
) -> Result<(), HttpFailure> {
    let HttpOutcome {
        action,
        route,
        status,
        end,
        chunks,
    } = outcome;
    let inner = &requests.inner;
    let now_ms = inner.database.begin().now_ms();
    let limits = &inner.options.limits;
    let mut lines = flatten(action.logs, Vec::new(), limits.log_lines);
    lines.extend(unawaited_line(&action.unawaited, now_ms));
    let result = value_of(action.result).map(drop);
    let ending = ending(end, status, &result, limits);
    lines.extend(ending.map(|(level, text, code)| line(level, text, code, now_ms)));
    let reported = match &result {
        Ok(()) => true,
        Err(failure) => failure.class == FailureClass::Developer,
    };
    let routed = route.is_some();
    if let Some(route) = route.filter(|_| reported) {
        requests.conclude(&lines, describe(call, route, started, &result, status));
    }
    if chunks.is_some() {
        // Before the chunks end; who is gone does not hear it.
        let _ = whole.send(());
    }
    drop(chunks);
    result?;
    match routed {
        true => Ok(()),
        false => Err(HttpFailure::NoRoute),
    }
}

/// What is to be said of a response that did not go its way.
fn ending(
    end: HttpEnd,
    status: Option<u16>,
    result: &Result<(), FunctionFailure>,
    limits: &Limits,
) -> Option<(LogLevel, String, &'static str)> {
    match (end, result) {
        (HttpEnd::TooLarge, _) => {
            let text = format!(
                "HttpResponseTooLarge: the response is larger than {} and was cut. Raise the limit http_response_bytes, \
                 or store the content and redirect to its URL.",
                in_bytes(limits.http_response_bytes)
            );
            Some((LogLevel::Error, text, BROKEN))
        }
        (HttpEnd::Gone, _) => {
            let text = "The client went away before it had the whole response.".to_owned();
            Some((LogLevel::Info, text, LEFT))
        }
        (HttpEnd::Idle, _) => {
            let text = format!(
                "The client took nothing more of the response for {} s and was left (limit http_idle_ms).",
                limits.http_idle_ms as f64 / 1e3
            );
            Some((LogLevel::Info, text, LEFT))
        }
        (HttpEnd::Whole, Err(failure)) if status.is_some() => {
            let text = format!(
                "The response had begun when the action failed, and was cut: {}",
                failure.message
            );
            Some((LogLevel::Error, text, BROKEN))
        }
        (HttpEnd::Whole, _) => None,
    }
}

fn describe(
    call: &Call,
    route: String,
    started: Instant,
    result: &Result<(), FunctionFailure>,
    status: Option<u16>,
) -> Execution {
    // Without a head the server answers a failure.
    let status = status.or(result.is_err().then_some(500));
    Execution {
        id: uuid::Uuid::new_v4(),
        parent: call.origin.parent(),
        work: Default::default(),
        kind: FunctionKind::HttpAction,
        node: false,
        component: call.component.clone(),
        identifier: route,
        // They went before.
        lines: Arc::default(),
        seconds: started.elapsed().as_secs_f64(),
        user_seconds: 0.0,
        cached: false,
        caller: call.caller,
        request_id: call.request_id.clone(),
        identity_type: identity_type(&call.identity),
        error: result.as_ref().err().map(|failure| failure.message.clone()),
        usage: TransactionUsage::default(),
        return_bytes: None,
        http_status: status,
        conflicts: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s050_the_line_about_a_response_that_is_too_large() {
        let (level, text, code) =
            ending(HttpEnd::TooLarge, Some(200), &Ok(()), &Limits::default()).expect("it is told");
        assert_eq!((level, code), (LogLevel::Error, "error:httpAction"));
        assert!(
            text.starts_with("HttpResponseTooLarge: the response is larger than 20 MiB"),
            "{text}"
        );
    }

    #[test]
    fn failures_are_told_in_the_log_once_the_head_is_out() {
        let limits = Limits::default();
        let failed = Err(FunctionFailure::developer("Uncaught Error: late"));
        assert_eq!(ending(HttpEnd::Whole, None, &failed, &limits), None);
        let (_, text, _) = ending(HttpEnd::Whole, Some(200), &failed, &limits).expect("it is told");
        assert!(text.ends_with("Uncaught Error: late"), "{text}");
        assert_eq!(ending(HttpEnd::Whole, Some(200), &Ok(()), &limits), None);
    }
}
