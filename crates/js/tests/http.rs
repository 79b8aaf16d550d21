//! HTTP actions in the function host: the two operations of routers, bodies, clients that leave.

#![allow(clippy::unwrap_used)] // A test that cannot be set up has failed.

mod support;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use lentil_js::{
    ActionOptions, ActionRefused, ActionSyscalls, Answer, Bundle, CallResult, FunctionKind, Host,
    HostOptions, HttpEnd, HttpExchange, HttpHead, HttpOutcome, Invocation, RequestBody,
};
use support::*;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

struct Nothing;

impl ActionSyscalls for Nothing {
    fn call(self: Arc<Self>, _op: String, args: String) -> Answer {
        Box::pin(async move { Ok(args) })
    }
}

/// A router with one route, `POST /hook`, whose handler has this body.
fn router(handler: &str) -> Arc<Bundle> {
    link(&[(
        "http.js",
        &format!(
            "async function handle(request) {{ {handler} }}
             const lookup = (path, method) => (path === '/hook' ? [handle, 'POST', '/hook'] : null);
             async function runRequest(args, path) {{
               const request = Convex.jsSyscall('requestFromConvexJson', {{ convexJson: JSON.parse(args) }});
               const response = await lookup(path, request.method)[0](request);
               return JSON.stringify(Convex.jsSyscall('convexJsonFromResponse', {{ response }}));
             }}
             export default {{ isRouter: true, lookup, runRequest }};"
        ),
    )])
}

fn invocation_of(bundle: &Arc<Bundle>, path: &str, has_body: bool) -> Invocation {
    let request = serde_json::json!({
        "url": format!("https://host.example{path}?q=1"), "method": "POST", "path": path,
        "headerPairs": [["x-a", "1"], ["x-a", "2"], ["x-latin", "é"]], "hasBody": has_body,
    });
    Invocation {
        module: "http.js".to_owned(),
        function: "default".to_owned(),
        args: request.to_string(),
        ..invocation(bundle, "default", FunctionKind::HttpAction)
    }
}

type Answered = Result<HttpOutcome, ActionRefused>;

/// A client of one exchange.
struct Client {
    head: oneshot::Receiver<HttpHead>,
    chunks: mpsc::Receiver<bytes::Bytes>,
    running: JoinHandle<HttpOutcome>,
}

impl Client {
    fn of(handler: &str, path: &str, body: Option<RequestBody>, most: u64) -> Client {
        Client::within(Duration::from_secs(600), handler, path, body, most)
    }

    fn within(
        time: Duration,
        handler: &str,
        path: &str,
        body: Option<RequestBody>,
        most: u64,
    ) -> Client {
        let actions = ActionOptions {
            time,
            ..ActionOptions::default()
        };
        Client::with(actions, handler, path, body, most)
    }

    fn with(
        actions: ActionOptions,
        handler: &str,
        path: &str,
        body: Option<RequestBody>,
        most: u64,
    ) -> Client {
        let actions = ActionOptions {
            processes: 1,
            ..actions
        };
        let host = Host::start(HostOptions {
            actions,
            ..options()
        })
        .unwrap();
        let invocation = invocation_of(&router(handler), path, body.is_some());
        let (head_sender, head) = oneshot::channel();
        let (sender, chunks) = mpsc::channel(1);
        let exchange = HttpExchange {
            body,
            head: head_sender,
            chunks: sender,
            response_bytes: most,
        };
        let running = tokio::spawn(async move {
            let ran = host.http_action(&invocation, Arc::new(Nothing), exchange);
            ran.await.unwrap()
        });
        Client {
            head,
            chunks,
            running,
        }
    }

    /// Asks a host that others ask, too, and takes nothing of what it says but the head.
    fn on(host: &Host, handler: &str) -> (JoinHandle<Answered>, oneshot::Receiver<HttpHead>) {
        let invocation = invocation_of(&router(handler), "/hook", false);
        let (head_sender, head) = oneshot::channel();
        let (sender, chunks) = mpsc::channel(1);
        let exchange = HttpExchange {
            body: None,
            head: head_sender,
            chunks: sender,
            response_bytes: u64::MAX,
        };
        let host = host.clone();
        let running = tokio::spawn(async move {
            let ran = host.http_action(&invocation, Arc::new(Nothing), exchange);
            let outcome = ran.await;
            drop(chunks);
            outcome
        });
        (running, head)
    }

    fn asks(handler: &str) -> Client {
        Client::of(handler, "/hook", None, u64::MAX)
    }

    async fn text(&mut self) -> String {
        let mut text = Vec::new();
        while let Some(chunk) = self.chunks.recv().await {
            text.extend_from_slice(&chunk);
        }
        String::from_utf8(text).unwrap()
    }

    async fn error(self) -> String {
        match self.running.await.unwrap().action.result {
            CallResult::Error(error) => error.rendered,
            other => panic!("expected an error, got {other:?}"),
        }
    }
}

fn body(parts: Vec<Result<&'static str, &'static str>>) -> Option<RequestBody> {
    let parts = parts.into_iter().map(|part| {
        part.map(|text| bytes::Bytes::from_static(text.as_bytes()))
            .map_err(str::to_owned)
    });
    Some(Box::pin(futures::stream::iter(parts)))
}

/// Reads the body beside the run: the end comes when the sender is given back and dropped.
async fn answer(client: Client) -> (HttpHead, String, HttpOutcome) {
    let Client {
        head,
        mut chunks,
        running,
    } = client;
    let reading = tokio::spawn(async move {
        let mut text = Vec::new();
        while let Some(chunk) = chunks.recv().await {
            text.extend_from_slice(&chunk);
        }
        String::from_utf8(text).unwrap()
    });
    let head = head.await.unwrap();
    let mut outcome = running.await.unwrap();
    assert!(outcome.chunks.take().is_some(), "{outcome:?}");
    (head, reading.await.unwrap(), outcome)
}

#[tokio::test]
async fn requests_are_of_the_realm_and_responses_cross() {
    let handler = "const { url, method, headers, body } = request;
        return Response.json([request instanceof Request, headers instanceof Headers, url, method,
          headers.get('x-a'), headers.get('x-latin'), body, request.signal.aborted],
          { status: 201, headers: [['set-cookie', 'a'], ['set-cookie', 'b']] });";
    let (head, text, outcome) = answer(Client::asks(handler)).await;
    assert_eq!(
        text,
        r#"[true,true,"https://host.example/hook?q=1","POST","1, 2","é",null,false]"#
    );
    assert_eq!((head.status, head.length), (201, Some(text.len() as u64)));
    let cookies = head.headers.iter().filter(|(name, _)| name == "set-cookie");
    assert_eq!(cookies.count(), 2);
    assert_eq!(outcome.route.as_deref(), Some("POST /hook"));
    assert_eq!((outcome.status, outcome.end), (Some(201), HttpEnd::Whole));
}

#[tokio::test]
async fn bodies_stream_through_and_break_where_they_break() {
    let parts = vec![Ok("one "), Ok("two "), Ok("three")];
    let echo = "return new Response(request.body);";
    let (head, text, _) = answer(Client::of(echo, "/hook", body(parts), u64::MAX)).await;
    assert_eq!((text.as_str(), head.length), ("one two three", None));
    let parts = vec![Ok("one "), Err("it broke")];
    let whole = "try { await request.text(); } catch (e) { return new Response(`${e instanceof TypeError} ${e.message}`); }";
    let (_, text, _) = answer(Client::of(whole, "/hook", body(parts), u64::MAX)).await;
    assert_eq!(text, "true it broke");
    let mut large = Client::asks("return new Response('x'.repeat(1000000));");
    assert_eq!(large.chunks.recv().await.unwrap().len(), 1 << 18);
}

#[tokio::test]
async fn what_is_no_response_fails_before_the_head() {
    for (handler, says) in [
        ("return 'text';", "must return a Response, not text"),
        ("return { status: 200 };", "must return a Response, not"),
        ("return Response.error();", "cannot return Response.error()"),
        (
            "return new Response('', { headers: { a: '\\x01' } });",
            "The header a of the response",
        ),
        (
            "const r = new Response('x'); await r.text(); return r;",
            "Body is unusable",
        ),
        ("throw new Error('boom');", "Uncaught Error: boom\n    at "),
        (
            "await new Promise(() => {});",
            "Returned promise will never resolve",
        ),
    ] {
        let error = Client::asks(handler).error().await;
        assert!(error.contains(says), "{handler}: {error}");
    }
}

#[tokio::test]
async fn requests_that_no_route_matches_do_not_run() {
    let client = Client::of("throw 1;", "/other", None, u64::MAX);
    assert!(client.head.await.is_err());
    let outcome = client.running.await.unwrap();
    assert_eq!(outcome.route, None);
    assert!(matches!(outcome.action.result, CallResult::Value(_)));
}

/// A handler that waits for the signal, and one whose stream gives nothing more, both hear of a
/// client that leaves; what they do then is awaited.
#[tokio::test]
async fn s052_clients_that_leave_abort_the_signal() {
    let waits = "await new Promise((go) => request.signal.addEventListener('abort', go));
        console.log(request.signal.reason.name);
        return new Response('late');";
    let client = Client::asks(waits);
    drop((client.head, client.chunks));
    let outcome = client.running.await.unwrap();
    assert_eq!(outcome.action.logs[0].messages, ["'AbortError'"]);
    assert_eq!((outcome.status, outcome.end), (None, HttpEnd::Gone));
    let stays = "request.signal;
        return new Response(new ReadableStream({
          start: (c) => c.enqueue(new Uint8Array(3)),
          cancel: async (why) => {
            await Convex.asyncSyscall('x', '');
            console.log(why.name);
          },
        }));";
    let mut client = Client::asks(stays);
    client.head.await.unwrap();
    assert_eq!(client.chunks.recv().await.unwrap().len(), 3);
    drop(client.chunks);
    let outcome = client.running.await.unwrap();
    assert_eq!(outcome.action.logs[0].messages, ["'AbortError'"]);
    assert_eq!(outcome.action.unawaited, Vec::<String>::new());
    assert_eq!((outcome.status, outcome.end), (Some(200), HttpEnd::Gone));
}

#[tokio::test]
async fn s050_responses_that_are_too_large_are_cut() {
    let handler = "return new Response(new ReadableStream({
        pull: (c) => c.enqueue(new Uint8Array(300).fill(97)) }));";
    let mut client = Client::of(handler, "/hook", None, 1_000);
    let text = client.text().await;
    assert!((900..=1_000).contains(&text.len()), "{}", text.len());
    let outcome = client.running.await.unwrap();
    assert_eq!(
        (outcome.status, outcome.end),
        (Some(200), HttpEnd::TooLarge)
    );
    assert!(outcome.chunks.is_none());
}

#[tokio::test]
async fn the_time_limit_holds_for_the_response_too() {
    let handler =
        "return new Response(new ReadableStream({ start: (c) => c.enqueue(new Uint8Array(3)) }));";
    let handler = format!("setInterval(() => {{}}, 10); {handler}");
    let time = Duration::from_secs(2);
    let mut client = Client::within(time, &handler, "/hook", None, u64::MAX);
    assert_eq!(client.text().await.len(), 3);
    let outcome = client.running.await.unwrap();
    let text = "Function execution timed out (maximum duration: 2s)".to_owned();
    assert_eq!(outcome.action.result, CallResult::Timeout(text));
    assert_eq!(
        (outcome.status, outcome.chunks.is_none()),
        (Some(200), true)
    );
}

/// The handler's stream is asked for more only as chunks are taken, and the request's body only as
/// the handler reads.
#[tokio::test]
async fn both_directions_have_back_pressure() {
    let pulls = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = pulls.clone();
    let parts = futures::stream::repeat_with(move || {
        counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Ok(bytes::Bytes::from_static(b"part"))
    });
    let body: RequestBody = Box::pin(parts.take(1_000));
    let mut client = Client::of(
        "return new Response(request.body);",
        "/hook",
        Some(body),
        u64::MAX,
    );
    for taken in 1..=20 {
        client.chunks.recv().await.unwrap();
        let read = pulls.load(std::sync::atomic::Ordering::SeqCst);
        assert!(read <= taken + 5, "{read} read, {taken} taken");
    }
}

#[tokio::test]
async fn clients_that_take_nothing_are_left_in_time() {
    let handler = "request.signal.addEventListener('abort', () => console.log('left'));
        return new Response(new ReadableStream({
          pull(controller) { controller.enqueue(new Uint8Array(300_000)); },
          cancel() { console.log('cancelled'); },
        }));";
    let idle = ActionOptions {
        http_idle: Duration::from_millis(200),
        ..ActionOptions::default()
    };
    // It keeps its end of the line and takes nothing.
    let client = Client::with(idle, handler, "/hook", None, u64::MAX);
    let outcome = client.running.await.unwrap();
    assert_eq!((outcome.status, outcome.end), (Some(200), HttpEnd::Idle));
    assert!(outcome.chunks.is_none());
    let lines = outcome
        .action
        .logs
        .iter()
        .map(|line| line.messages.join(" "));
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    assert_eq!(lines, ["'cancelled'", "'left'"]);
}

#[tokio::test]
async fn clients_that_send_nothing_are_left_in_time() {
    let idle = ActionOptions {
        http_idle: Duration::from_millis(200),
        ..ActionOptions::default()
    };
    let begun = futures::stream::iter([Ok(bytes::Bytes::from_static(b"begun"))]);
    let body: RequestBody = Box::pin(begun.chain(futures::stream::pending()));
    let handler = "return new Response(await request.text());";
    let client = Client::with(idle, handler, "/hook", Some(body), u64::MAX);
    let error = client.error().await;
    assert!(
        error.contains(
            "The client sent nothing more of the request's body for 0.2 s (limit http_idle_ms)"
        ),
        "{error}"
    );
}

/// What streams for long takes no place of an action, and the other way round.
#[tokio::test]
async fn http_actions_have_places_of_their_own() {
    let actions = ActionOptions {
        processes: 1,
        running: 1,
        http_running: 1,
        waiting: 0,
        ..ActionOptions::default()
    };
    let host = Host::start(HostOptions {
        actions,
        ..options()
    })
    .unwrap();
    let endless = "return new Response(new ReadableStream({
          start(controller) { controller.enqueue(new Uint8Array(1)); },
        }));";
    let (client, head) = Client::on(&host, endless);
    head.await.unwrap();
    let bundle = app("export const f = action(async () => 7);");
    let call = invocation(&bundle, "f", FunctionKind::Action);
    let outcome = host.action(&call, Arc::new(Nothing)).await.unwrap();
    assert_eq!(outcome.result, CallResult::Value("7".to_owned()));
    // Its own places are taken.
    let (second, _head) = Client::on(&host, endless);
    assert!(second.await.unwrap().is_err());
    client.abort();
}
