//! HTTP actions over the wire: routes, heads, failures, clients that leave.

use lentil_functions::LogForm;
use lentil_testkit::TestServer;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::{Answer, send};

const TEXT: Option<&str> = Some("text/plain; charset=utf-8");

/// The same request on the site port and on the main one.
async fn both(server: &TestServer, method: &str, path: &str) -> [Answer; 2] {
    [
        send(server.site_address(), &format!("{method} {path}"), &[], "").await,
        send(server.address(), &format!("{method} /http{path}"), &[], "").await,
    ]
}

#[tokio::test]
async fn s074_missing_routes() {
    let server = TestServer::start().await;
    for path in ["/", "/hooks", "/version"] {
        for answer in both(&server, "GET", path).await {
            assert_eq!(answer.status, 404);
            assert_eq!(answer.header("content-type"), TEXT);
            assert_eq!(
                answer.body,
                "This Convex deployment does not have HTTP actions enabled."
            );
        }
    }
    push_routes(&server).await;
    for (method, path) in [
        ("GET", "/nothing"),
        ("POST", "/exact"),
        ("OPTIONS", "/exact"),
        ("POST", "/profile"),
        ("POST", "/exact?a=/profile/"),
    ] {
        for answer in both(&server, method, path).await {
            assert_eq!(answer.status, 404, "{method} {path}");
            assert_eq!(answer.header("content-type"), TEXT);
            assert_eq!(answer.body, "No matching routes found");
        }
    }
    for answer in both(&server, "TRACE", "/exact").await {
        assert_eq!(answer.status, 405);
    }
}

/// A router as that of the SDK is for the server: an exact path and a prefix, and handlers.
const ROUTER: &str = r#"
const text = (response) => JSON.stringify(Convex.jsSyscall("convexJsonFromResponse", { response }));
const handlers = {
  "GET /exact": (request) => new Response(`${request.method} ${request.url}`, { headers: { "x-one": "1" } }),
  "POST /profile/*": async (request) => new Response(`got ${await request.text()}`),
  "GET /who": async () => new Response(await Convex.asyncSyscall("1.0/getUserIdentity", "{}")),
  "PUT /unread": () => new Response("no", { status: 401 }),
  "GET /boom": () => { throw new Error("boom"); },
  "GET /cookies": () => new Response(null, { status: 204, headers: [
    ["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"], ["Connection", "x-mine"], ["x-mine", "1"], ["Transfer-Encoding", "gzip"]] }),
  "GET /length": () => new Response(new ReadableStream({ start(controller) {
    controller.enqueue(new Uint8Array([97, 98]));
    controller.close();
  } }), { headers: { "content-length": "2" } }),
  "GET /wait": async (request) => new Response(new ReadableStream({ start(controller) {
    controller.enqueue(new TextEncoder().encode("first"));
    request.signal.addEventListener("abort", () => console.log("gone"));
  } })),
};
function lookup(path, method) {
  method = method === "HEAD" ? "GET" : method;
  const route = handlers[`${method} ${path}`] !== undefined ? path : path.startsWith("/profile/") ? "/profile/*" : "";
  const handler = handlers[`${method} ${route}`];
  return handler === undefined ? null : [handler, method, route];
}
async function runRequest(args, path) {
  const request = Convex.jsSyscall("requestFromConvexJson", { convexJson: JSON.parse(args) });
  return text(await lookup(path, request.method)[0](request));
}
const getRoutes = () => Object.keys(handlers).map((route) => [...route.split(" ").reverse(), handlers[route]]);
export default { isRouter: true, lookup, runRequest, getRoutes };
"#;

#[tokio::test]
async fn s073_heads_and_urls_are_those_of_the_caller() {
    let server = TestServer::start().await;
    push_routes(&server).await;
    let addresses = [server.site_address(), server.address()];
    for (answer, address) in both(&server, "GET", "/exact?x=%20")
        .await
        .iter()
        .zip(addresses)
    {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body, format!("GET http://{address}/exact?x=%20"));
        assert_eq!(answer.header("x-one"), Some("1"));
        let length = answer.body.len().to_string();
        assert_eq!(answer.header("content-length"), Some(length.as_str()));
    }
    for answer in both(&server, "HEAD", "/exact").await {
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
        assert_eq!(answer.header("x-one"), Some("1"));
    }
    let site = server.site_address();
    let answer = send(site, "POST /profile/a", &[], "a body").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "got a body"));
    let answer = send(site, "POST /profile/", &[], "").await;
    assert_eq!(answer.body, "got ");
}

#[tokio::test]
async fn hosts_that_make_no_url_are_refused() {
    let server = TestServer::start().await;
    push_routes(&server).await;
    for host in ["a b", "user@host", "user:secret@host", "[::"] {
        let request =
            format!("GET /http/exact HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = server.raw(&request).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{host}: {answer}");
    }
}

#[tokio::test]
async fn s051_headers_of_the_response() {
    let server = TestServer::start().await;
    push_routes(&server).await;
    for answer in both(&server, "GET", "/cookies").await {
        assert_eq!(answer.status, 204);
        let cookies = answer.header_names().filter(|name| *name == "set-cookie");
        assert_eq!(cookies.count(), 2);
        assert_eq!(answer.header("x-mine"), None);
        assert_eq!(answer.header("transfer-encoding"), None);
    }
    for answer in both(&server, "GET", "/length").await {
        assert_eq!(answer.header("content-length"), Some("2"));
        assert_eq!(answer.header("transfer-encoding"), None);
        assert_eq!(answer.body, "ab");
    }
}

#[tokio::test]
async fn s077_failures_name_the_request() {
    for redact in [false, true] {
        let server = TestServer::start_redacting(redact).await;
        push_routes(&server).await;
        let headers = [("Convex-Request-Id", "r7")];
        let answer = send(server.site_address(), "GET /boom", &headers, "").await;
        assert_eq!(answer.status, 500);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let body = answer.json();
        if redact {
            assert_eq!(body, json!({ "code": "[Request ID: r7] Server Error" }));
        } else {
            let code = "[Request ID: r7] Server Error: Uncaught Error: boom";
            assert_eq!(body["code"], code);
            let trace = body["trace"].as_str().unwrap();
            assert!(
                trace.starts_with("Uncaught Error: boom\n    at "),
                "{trace}"
            );
        }
    }
}

#[tokio::test]
async fn s078_foreign_authorization_does_not_fail_the_call() {
    let server = TestServer::start().await;
    push_routes(&server).await;
    let who =
        async |headers: &[(&str, &str)]| send(server.site_address(), "GET /who", headers, "").await;
    let answer = who(&[]).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "null"));
    for header in ["Bearer not-a-jwt", "Basic eDp5", "Convex wrong|key", "x"] {
        let answer = who(&[("Authorization", header)]).await;
        let code = answer.json()["code"].as_str().unwrap().to_owned();
        assert_eq!(answer.status, 500, "{header}");
        assert!(code.contains("identity is not known"), "{header}: {code}");
        let headers = [("Authorization", header)];
        let answer = send(server.site_address(), "GET /exact", &headers, "").await;
        assert_eq!(answer.status, 200, "{header}");
    }
    let key = format!("Convex {}", server.admin_key());
    assert_eq!(who(&[("Authorization", &key)]).await.body, "null");
}

/// The head and the first chunk are there although the handler's stream never ends; when the
/// client leaves, the handler hears of it.
#[tokio::test]
async fn s052_clients_that_leave_are_noticed() {
    let server = TestServer::start().await;
    push_routes(&server).await;
    let mut client = TcpStream::connect(server.site_address()).await.unwrap();
    let request = b"GET /wait HTTP/1.1\r\nHost: test\r\n\r\n";
    client.write_all(request).await.unwrap();
    let mut seen = Vec::new();
    while !seen.windows(5).any(|part| part == b"first") {
        let mut part = [0; 1024];
        let count = client.read(&mut part).await.unwrap();
        assert_ne!(count, 0, "the connection goes on");
        seen.extend_from_slice(&part[..count]);
    }
    drop(client);
    let logs = server.functions().logs().clone();
    let (mut cursor, mut lines) = (0.0, Vec::new());
    let end = 'end: loop {
        let (entries, newest) = logs.newer_than(cursor).await;
        cursor = newest;
        for entry in entries {
            let entry: serde_json::Value =
                serde_json::from_str(&entry.to_json(LogForm::Text)).unwrap();
            if entry["identifier"] != "GET /wait" {
                continue;
            }
            assert_eq!(entry["udfType"], "HttpAction");
            lines.extend(entry["logLines"].as_array().unwrap().clone());
            if entry["kind"] == "Completion" {
                break 'end entry;
            }
        }
    };
    assert_eq!(lines[0], "[LOG] 'gone'");
    let last = lines[1].as_str().unwrap();
    assert!(last.starts_with("[INFO] The client went away"), "{last}");
    assert_eq!(end["success"]["status"], "200");
    assert_eq!(end["logLines"], json!([]));
}

/// A handler may answer without reading: the client, which sends all of its body first, gets the
/// answer, and the connection goes on.
#[tokio::test]
async fn bodies_that_nobody_reads_are_taken() {
    let server = TestServer::start().await;
    push_routes(&server).await;
    let mut client = TcpStream::connect(server.site_address()).await.unwrap();
    for _ in 0..2 {
        let length = 8 << 20;
        let head =
            format!("PUT /unread HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        client.write_all(&vec![0; length]).await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"\r\n\r\nno") {
            let mut part = [0; 1024];
            let count = client.read(&mut part).await.unwrap();
            assert_ne!(count, 0, "the connection goes on");
            seen.extend_from_slice(&part[..count]);
        }
        assert!(seen.starts_with(b"HTTP/1.1 401 "));
    }
}

/// Pushes the fixture with the router.
async fn push_routes(server: &TestServer) {
    let mut app = TestServer::fixture();
    app["appDefinition"]["changedModules"]
        .as_array_mut()
        .unwrap()
        .push(json!({
            "path": "http.js", "source": ROUTER, "sourceMap": null, "environment": "isolate",
        }));
    server.push(app).await;
}
