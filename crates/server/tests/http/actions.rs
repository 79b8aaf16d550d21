//! HTTP actions: what is answered where none runs.

use lentil_testkit::TestServer;
use serde_json::json;

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
    for (method, path) in [
        ("GET", "/exact?x=1"),
        ("POST", "/profile/"),
        ("POST", "/profile/a/b"),
    ] {
        for answer in both(&server, method, path).await {
            assert_eq!(answer.status, 501, "{method} {path}: {}", answer.body);
            assert!(answer.body.contains("not supported"), "{}", answer.body);
        }
    }
    for answer in both(&server, "TRACE", "/exact").await {
        assert_eq!(answer.status, 405);
    }
}

/// Pushes the fixture with an `http.js` whose router declares an exact path and a prefix.
async fn push_routes(server: &TestServer) {
    let mut app = TestServer::fixture();
    let source = "const handler = () => {};\n\
        export default { isRouter: true, lookup() {}, getRoutes: () => [['/exact', 'GET', handler], ['/profile/*', 'POST', handler]] };\n";
    app["appDefinition"]["changedModules"]
        .as_array_mut()
        .unwrap()
        .push(json!({
            "path": "http.js", "source": source, "sourceMap": null, "environment": "isolate",
        }));
    server.push(app).await;
}
