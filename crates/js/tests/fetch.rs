//! `fetch` in actions, against a server of this test's own.

#![allow(clippy::unwrap_used)] // A test that cannot be set up has failed.

#[path = "fetch/proxy.rs"]
mod proxy;
mod support;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::RawQuery;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use futures::StreamExt;
use lentil_js::{
    ActionOptions, ActionOutcome, ActionSyscalls, Answer, CallResult, FunctionKind, Host,
    HostOptions, Network,
};
use support::*;
use tokio::sync::Notify;

struct Nothing;

impl ActionSyscalls for Nothing {
    fn call(self: Arc<Self>, _op: String, args: String) -> Answer {
        Box::pin(async move { Ok(args) })
    }
}

/// Tells a test that a connection was dropped.
#[derive(Clone, Default)]
struct Dropped(Arc<Notify>);

struct Tells(Dropped);

impl Drop for Tells {
    fn drop(&mut self) {
        self.0.0.notify_one();
    }
}

async fn echo(method: Method, headers: HeaderMap, body: Bytes) -> Response {
    let text = |name: &str| {
        headers
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    };
    axum::Json(serde_json::json!({
        "method": method.as_str(), "type": text("content-type"), "x": text("x"),
        "chunked": text("transfer-encoding"), "auth": text("authorization"), "body": String::from_utf8_lossy(&body),
    }))
    .into_response()
}

async fn chunks() -> Response {
    let chunks = futures::stream::iter(0..5).then(|n| async move {
        tokio::task::yield_now().await;
        Ok::<_, std::io::Error>(Bytes::from(format!("chunk {n};")))
    });
    Body::from_stream(chunks).into_response()
}

async fn broken() -> Response {
    let begun = futures::stream::once(async { Ok(Bytes::from_static(b"begun")) });
    let cut = futures::stream::once(async {
        // Until what has begun is on its way.
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err(std::io::Error::other("cut"))
    });
    Body::from_stream(begun.chain(cut)).into_response()
}

/// Serves on a free port; gives the address.
async fn serve(dropped: Dropped) -> String {
    let endless = move || {
        let tells = Tells(dropped.clone());
        async move {
            let chunks = futures::stream::unfold(tells, |tells| async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                Some((Ok::<_, std::io::Error>(Bytes::from_static(b"more ")), tells))
            });
            Body::from_stream(chunks).into_response()
        }
    };
    let cookies = [
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("x-two", "c, d"),
    ];
    let router = Router::new()
        .route("/echo", any(echo))
        .route("/chunks", get(chunks))
        .route("/broken", get(broken))
        .route("/endless", get(endless))
        .route("/cookies", get(move || async move { axum::response::AppendHeaders(cookies) }))
        .route("/missing", get(|| async { (StatusCode::NOT_FOUND, "not here") }))
        .route("/empty", get(|| async { StatusCode::NO_CONTENT }))
        .route("/moved", any(|| async { (StatusCode::FOUND, [("location", "/echo")]) }))
        .route("/elsewhere", get(|RawQuery(to): RawQuery| async move {
            (StatusCode::FOUND, [("location", to.unwrap_or_default())])
        }))
        .route("/round", get(|| async { (StatusCode::FOUND, [("location", "/round")]) }))
        .route("/form", get(|| async {
            let body = "--b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\nv\r\n--b\r\nContent-Disposition: form-data; \
                        name=\"f\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nhi\r\n--b--\r\n";
            ([("content-type", "multipart/form-data; boundary=b")], body)
        }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}")
}

async fn run(body: &str, dropped: Dropped) -> ActionOutcome {
    run_in(body, dropped, |_| Network::Open).await
}

/// Runs checks in an action of a host whose network is made from the server's address.
async fn run_in(
    body: &str,
    dropped: Dropped,
    network: impl FnOnce(&str) -> Network,
) -> ActionOutcome {
    let options = |address: &str| ActionOptions {
        network: network(address),
        ..ActionOptions::default()
    };
    run_with(body, dropped, options).await
}

/// The same with options that are made from it.
async fn run_with(
    body: &str,
    dropped: Dropped,
    actions: impl FnOnce(&str) -> ActionOptions,
) -> ActionOutcome {
    let address = serve(dropped).await;
    // Nobody listens there any more once the listener is dropped.
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    let bundle = app(&format!(
        "{CHECKS} export const f = action(async () => {{ const at = {address:?}, closed = {closed:?}; const {{wrong, same, fails, end}} = checks();\n{body}\nreturn end(); }});"
    ));
    let host = Host::start(HostOptions {
        actions: ActionOptions {
            processes: 1,
            time: Duration::from_secs(30),
            ..actions(&address)
        },
        ..options()
    })
    .unwrap();
    let call = invocation(&bundle, "f", FunctionKind::Action);
    host.action(&call, Arc::new(Nothing)).await.unwrap()
}

fn json(outcome: &ActionOutcome) -> serde_json::Value {
    match &outcome.result {
        CallResult::Value(text) => serde_json::from_str(text).unwrap(),
        other => panic!("expected a value, got {other:?}"),
    }
}

/// Runs checks in an action; `at` is the server's address.
async fn holds(body: &str) {
    let outcome = run(body, Dropped::default()).await;
    assert_eq!(json(&outcome), serde_json::json!([]));
    assert_eq!(outcome.unawaited, Vec::<String>::new());
}

#[tokio::test]
async fn whole_bodies_go_out_and_come_in() {
    holds(include_str!("fetch/whole.js")).await;
}

#[tokio::test]
async fn bodies_stream_in_both_directions() {
    holds(include_str!("fetch/streams.js")).await;
}

#[tokio::test]
async fn redirects_are_followed_or_not() {
    holds(include_str!("fetch/redirects.js")).await;
}

#[tokio::test]
async fn failures_say_why() {
    holds(include_str!("fetch/failures.js")).await;
}

#[tokio::test]
async fn patched_classes_cost_their_own_action() {
    let body = "Headers.prototype.append = () => { throw new RangeError('patched'); };
         await fetch(at + '/echo');";
    let outcome = run(body, Dropped::default()).await;
    let CallResult::Error(error) = &outcome.result else {
        panic!("expected an error, got {outcome:?}");
    };
    assert!(
        error.rendered.starts_with("Uncaught RangeError: patched"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_fetch_that_nobody_awaits_is_named() {
    let outcome = run("fetch(at + '/endless');", Dropped::default()).await;
    assert_eq!(outcome.unawaited, ["fetch"]);
}

#[tokio::test]
async fn the_end_of_an_action_ends_its_connections() {
    let dropped = Dropped::default();
    let outcome = run(
        "const response = await fetch(at + '/endless'); same('status', response.status, 200);",
        dropped.clone(),
    )
    .await;
    assert_eq!(json(&outcome), serde_json::json!([]));
    dropped.0.notified().await;
}

#[tokio::test]
async fn aborting_ends_the_connection() {
    let dropped = Dropped::default();
    let outcome = run(
        "const controller = new AbortController();
         const response = await fetch(at + '/endless', {signal: controller.signal});
         const reader = response.body.getReader();
         same('a chunk', (await reader.read()).done, false);
         const reading = (async () => { for (;;) await reader.read(); })();
         controller.abort(new TypeError('enough'));
         await fails('reading on', () => reading, 'TypeError');",
        dropped.clone(),
    )
    .await;
    assert_eq!(json(&outcome), serde_json::json!([]));
    dropped.0.notified().await;
}

#[tokio::test]
async fn public_only_means_no_spelling_of_a_private_address() {
    let body = include_str!("fetch/private.js");
    let network = |_: &str| Network::PublicOnly {
        allowed: Vec::new(),
    };
    let outcome = run_in(body, Dropped::default(), network).await;
    assert_eq!(json(&outcome), serde_json::json!([]));
}

#[tokio::test]
async fn exceptions_are_reached_and_redirect_nowhere_else() {
    // The second server is on another port of the same machine.
    let other = serve(Dropped::default()).await;
    let body = format!(
        "same('allowed', (await fetch(at + '/missing')).status, 404);
         same('inside', (await fetch(at + '/moved')).status, 200);
         const error = await fetch(at + '/elsewhere?{other}/missing').catch((e) => e);
         same('elsewhere', error.cause?.code, 'ERR_ADDRESS_NOT_PUBLIC');"
    );
    let network = |address: &str| Network::PublicOnly {
        allowed: vec![address.trim_start_matches("http://").to_owned()],
    };
    let outcome = run_in(&body, Dropped::default(), network).await;
    assert_eq!(json(&outcome), serde_json::json!([]));
}
