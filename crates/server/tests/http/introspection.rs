//! The stream of what happens, the snapshot, series and metrics (dashboard C4).

use std::sync::Arc;
use std::time::Duration;

use lentil_functions::{Call, ComponentPath, QueryResult, Signal};
use lentil_identity::Identity;
use lentil_testkit::TestServer;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::client::{Answer, post_with, send};

/// Long enough for a busy machine; nothing waits so long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(30);

async fn get(server: &TestServer, path: &str) -> Answer {
    get_as(server, path, &server.admin_key()).await
}

async fn get_as(server: &TestServer, path: &str, key: &str) -> Answer {
    let key = format!("Convex {key}");
    let headers = [("Authorization", key.as_str())];
    send(server.address(), &format!("GET {path}"), &headers, "").await
}

/// A reader of the stream of events.
struct Reader(BufReader<TcpStream>);

impl Reader {
    async fn open(server: &TestServer, topics: &str) -> Reader {
        Reader::open_as(server, topics, &server.admin_key()).await
    }

    async fn open_as(server: &TestServer, topics: &str, key: &str) -> Reader {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let request = format!(
            "GET /api/introspection/v1/events?topics={topics} HTTP/1.1\r\nHost: x\r\nAuthorization: Convex {key}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reader = Reader(BufReader::new(stream));
        let hello = reader.next("hello").await;
        assert_eq!(hello["deployment"], "test", "{hello}");
        reader
    }

    /// The next event of a type; others are passed over.
    async fn next(&mut self, wanted: &str) -> Json {
        let read = async {
            loop {
                let mut line = String::new();
                let count = self.0.read_line(&mut line).await.unwrap();
                assert!(count > 0, "the stream ended");
                // Headers and the sizes of chunks are no events.
                let Ok(event) = serde_json::from_str::<Json>(line.trim()) else {
                    continue;
                };
                if event["type"] == wanted {
                    return event;
                }
            }
        };
        tokio::time::timeout(PATIENCE, read)
            .await
            .expect("an event in time")
    }
}

/// The query that the tests watch, asked now.
async fn listed(server: &TestServer) -> Arc<QueryResult> {
    let call = Call {
        path: "messages:list".to_owned(),
        component: ComponentPath::default(),
        args: "{}".into(),
        identity: Identity::Anonymous,
        request_id: "0123456789abcdef".to_owned(),
        caller: "SyncWorker",
        origin: Default::default(),
        question: Default::default(),
    };
    let functions = server.functions();
    let result = functions.query(&call, functions.latest(), None).await;
    result.unwrap_or_else(|failure| panic!("{}", failure.message))
}

#[tokio::test]
async fn s032_a_commit_tells_which_live_queries_ran_again_and_why() {
    let server = TestServer::start().await;
    let mut reader = Reader::open(&server, "exec,commit,invalidate,rerun").await;
    let signal = Arc::new(Signal::default());
    let result = listed(&server).await;
    let watching = result.watch(&signal);
    server
        .mutation("messages:send", json!({ "body": "b" }))
        .await;
    let commit = reader.next("commit").await;
    assert_eq!(
        (&commit["path"], &commit["tables"][0]["ins"]),
        (&json!("messages:send"), &json!(1))
    );
    let id = commit["tables"][0]["ids"][0].as_str().unwrap().to_owned();
    let invalidate = reader.next("invalidate").await;
    assert_eq!(invalidate["cause"]["path"], "messages:send", "{invalidate}");
    assert_eq!(invalidate["commitTs"], commit["ts"]);
    let hit = &invalidate["hits"][0];
    assert_eq!(
        (&hit["query"], &hit["table"]),
        (&json!("messages:list"), &json!("messages"))
    );
    assert_eq!(hit["docId"], id.as_str());
    assert!(
        hit["rangeText"]
            .as_str()
            .is_some_and(|text| !text.is_empty())
    );
    signal.taken().await;
    let renewed = listed(&server).await;
    let still_watching = renewed.watch(&signal);
    drop(watching);
    let rerun = reader.next("rerun").await;
    assert_eq!(
        (&rerun["query"], &rerun["changed"]),
        (&json!("messages:list"), &json!(true))
    );
    assert_eq!(rerun["becauseCommitTs"], commit["ts"]);
    let snapshot = get(&server, "/api/introspection/v1/snapshot").await.ok();
    let group = snapshot["subscriptions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["query"] == "messages:list")
        .unwrap()
        .clone();
    assert_eq!(
        (&group["watchers"], &group["causes"][0]["path"]),
        (&json!(1), &json!("messages:send")),
        "{group}"
    );
    assert_eq!(group["readSet"][0]["table"], "messages");
    let table = snapshot["tables"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["name"] == "messages")
        .unwrap()
        .clone();
    assert!(
        table["docs"] == 1 && table["bytes"].as_u64() > Some(50),
        "{table}"
    );
    drop(still_watching);
}

/// Who may see how the deployment does is not told what is in it, nor what others ask.
#[tokio::test]
async fn s026_a_limited_key_gets_events_and_the_picture_without_data() {
    let server = TestServer::start().await;
    let topics = "exec,commit,invalidate";
    let mut limited = Reader::open_as(&server, topics, &server.read_only_key()).await;
    let mut full = Reader::open(&server, topics).await;
    let signal = Arc::new(Signal::default());
    let result = listed(&server).await;
    let watching = result.watch(&signal);
    server
        .mutation("messages:send", json!({ "body": "b" }))
        .await;
    let (commit, whole) = (limited.next("commit").await, full.next("commit").await);
    assert_eq!(
        (&commit["tables"][0]["ids"], &commit["tables"][0]["ins"]),
        (&Json::Null, &json!(1))
    );
    assert!(whole["tables"][0]["ids"][0].is_string(), "{whole}");
    assert_eq!(commit["seq"], whole["seq"]);
    let (invalidate, whole) = (
        limited.next("invalidate").await,
        full.next("invalidate").await,
    );
    let (hit, whole) = (&invalidate["hits"][0], &whole["hits"][0]);
    for hidden in ["argsPreview", "docId", "rangeText"] {
        assert_eq!(
            hit.get(hidden),
            Some(&Json::Null),
            "{hidden} of {invalidate}"
        );
        assert!(whole[hidden].is_string(), "{hidden} of {whole}");
    }
    for shown in ["query", "argsHash", "table", "index", "count"] {
        assert_eq!(hit[shown], whole[shown]);
        assert!(!hit[shown].is_null(), "{shown} of {invalidate}");
    }
    // What it reads is known again when it has run again.
    signal.taken().await;
    let renewed = listed(&server).await;
    let still_watching = renewed.watch(&signal);
    drop(watching);
    let path = "/api/introspection/v1/snapshot";
    let snapshot = get_as(&server, path, &server.read_only_key()).await.ok();
    let whole = get(&server, path).await.ok();
    assert_eq!(
        (&snapshot["dataView"], &whole["dataView"]),
        (&json!(false), &json!(true))
    );
    let (group, whole) = (&snapshot["subscriptions"][0], &whole["subscriptions"][0]);
    assert_eq!(
        (&group["argsPreview"], &group["readSet"][0]["rangeText"]),
        (&Json::Null, &Json::Null)
    );
    assert!(whole["argsPreview"].is_string() && whole["readSet"][0]["rangeText"].is_string());
    assert_eq!(
        (
            &group["query"],
            &group["argsHash"],
            &group["readSet"][0]["table"]
        ),
        (
            &whole["query"],
            &whole["argsHash"],
            &whole["readSet"][0]["table"]
        )
    );
    drop(still_watching);
}

#[tokio::test]
async fn executions_are_told_with_what_they_read_and_wrote() {
    let server = TestServer::start().await;
    let mut reader = Reader::open(&server, "exec").await;
    server
        .mutation("messages:send", json!({ "body": "b" }))
        .await;
    let exec = reader.next("exec").await;
    assert_eq!(
        (&exec["path"], &exec["kind"], &exec["ok"]),
        (&json!("messages:send"), &json!("Mutation"), &json!(true))
    );
    assert_eq!(
        (&exec["writes"][0]["table"], &exec["writes"][0]["ins"]),
        (&json!("messages"), &json!(1))
    );
    server.query("messages:list", json!({})).await;
    let exec = reader.next("exec").await;
    assert_eq!(
        (&exec["path"], &exec["cached"]),
        (&json!("messages:list"), &json!(false))
    );
    assert_eq!(
        (&exec["reads"][0]["table"], &exec["reads"][0]["docs"]),
        (&json!("messages"), &json!(1))
    );
    server.query("messages:list", json!({})).await;
    assert_eq!(reader.next("exec").await["cached"], true);
}

#[tokio::test]
async fn s029_seconds_are_told_and_kept() {
    let server = TestServer::start().await;
    let mut reader = Reader::open(&server, "tick").await;
    for _ in 0..5 {
        server.query("messages:list", json!({})).await;
    }
    let (mut ok, mut hits) = (0, 0);
    while ok < 5 {
        let tick = reader.next("tick").await;
        ok += tick["perKind"]["query"]["ok"].as_u64().unwrap();
        hits += tick["cache"]["hit"].as_u64().unwrap();
        assert_eq!(tick["latency"]["query"].as_array().map(Vec::len), Some(40));
    }
    assert_eq!((ok, hits), (5, 4));
    let series = get(
        &server,
        "/api/introspection/v1/series?metric=calls&from=0&step=1&by=kind",
    )
    .await;
    series.refused(400, "InvalidArgument");
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let path = format!(
        "/api/introspection/v1/series?metric=calls&from={}&to={}&step=1&by=kind",
        now - 60,
        now + 60
    );
    let series = get(&server, &path).await.ok();
    let points = series["series"]["query"].as_array().unwrap();
    let sum: f64 = points.iter().map(|point| point[1].as_f64().unwrap()).sum();
    assert_eq!(sum, 5.0, "{series}");
    let metrics = get(&server, "/metrics").await;
    assert!(
        metrics
            .body
            .contains("lentil_calls_total{kind=\"query\",result=\"ok\"} 5"),
        "{}",
        metrics.body
    );
    assert!(
        metrics.body.contains("lentil_query_cache_hits_total 4"),
        "{}",
        metrics.body
    );
    let anonymous = send(server.address(), "GET /metrics", &[], "").await;
    anonymous.refused(403, "BadDeployKey");
}

#[tokio::test]
async fn the_metrics_of_the_stock_dashboard_are_counted() {
    let server = TestServer::start().await;
    for _ in 0..4 {
        server.query("messages:list", json!({})).await;
    }
    server
        .mutation("messages:send", json!({ "body": "b" }))
        .await;
    // Counted when the second ends.
    server.functions().sample().await;
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let window = json!({
        "start": { "secs_since_epoch": now - 3_540, "nanos_since_epoch": 0 },
        "end": { "secs_since_epoch": now + 60, "nanos_since_epoch": 0 },
        "num_buckets": 60,
    });
    let window: String = url_encoded(&window.to_string());
    let metric = async |query: &str| {
        let separator = if query.contains('?') { '&' } else { '?' };
        get(
            &server,
            &format!("/api/app_metrics/{query}{separator}window={window}"),
        )
        .await
        .ok()
    };
    let sum = |series: &Json| -> f64 {
        series
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|point| point[1].as_f64())
            .sum()
    };
    let function = "path=messages:list&udfType=Query";
    assert_eq!(
        sum(&metric(&format!("udf_rate?metric=invocations&{function}")).await),
        4.0
    );
    assert_eq!(
        sum(&metric(&format!("udf_rate?metric=cacheHits&{function}")).await),
        3.0
    );
    assert_eq!(
        sum(&metric(&format!("cache_hit_percentage?{function}")).await),
        75.0
    );
    let latency = metric(&format!(
        "latency_percentiles?percentiles=[50,99]&{function}"
    ))
    .await;
    assert!(
        latency[0][0] == 50.0 && sum(&latency[1][1]) > 0.0,
        "{latency}"
    );
    assert_eq!(
        sum(&metric("table_rate?name=messages&metric=rowsWritten").await),
        1.0
    );
    let top = metric("function_call_count_top_k?k=1").await;
    assert_eq!(
        (&top[0][0], &top[1][0]),
        (&json!("messages:list"), &json!("_rest"))
    );
    let least = metric("cache_hit_percentage_top_k?k=3").await;
    assert_eq!(least[0][0], "messages:list");
    assert_eq!(metric("failure_percentage_top_k?k=3").await, json!([]));
    assert_eq!(
        metric("subscription_invalidations_top_k?k=3").await,
        json!([])
    );
    assert!(metric("scheduled_job_lag").await.is_array());
    let running = metric("function_concurrency").await;
    assert!(running["outstanding_functions:isolate:Query:running"].is_array());
    get(&server, "/api/app_metrics/nothing?window=x")
        .await
        .refused(400, "InvalidArgument");
}

#[tokio::test]
async fn s018_explaining_tells_indexes_ranges_and_times() {
    let server = TestServer::start().await;
    server
        .mutation("messages:send", json!({ "body": "b" }))
        .await;
    let key = format!("Convex {}", server.admin_key());
    let explain = async |body: Json| {
        let headers = [("Authorization", key.as_str())];
        post_with(&server, "/api/introspection/v1/explain", &headers, &body).await
    };
    let told = explain(json!({ "path": "messages:list", "args": {} }))
        .await
        .ok();
    assert_eq!(
        (&told["status"], &told["documentsRead"]),
        (&json!("success"), &json!(1)),
        "{told}"
    );
    assert_eq!(
        (&told["indexes"][0]["table"], &told["indexes"][0]["docs"]),
        (&json!("messages"), &json!(1))
    );
    assert!(told["readSet"][0]["rangeText"].is_string() && told["steps"].is_array());
    let source = "import { query } from 'convex:/_system/repl/wrappers.js';
        export default query({ handler: async (ctx) => (await ctx.db.query('messages').collect()).length });";
    let told = explain(json!({ "source": source })).await.ok();
    assert_eq!(
        (&told["value"], &told["indexes"][0]["fullScan"]),
        (&json!(1.0), &json!(true)),
        "{told}"
    );
    let source = "import { query } from 'convex:/_system/repl/wrappers.js';
        export default query({ handler: async (ctx) => await ctx.db.query('messages')
            .filter((q) => q.and(q.gt(q.field('at'), 1), q.eq(q.field('body'), 'b'))).first() });";
    let told = explain(json!({ "source": source })).await.ok();
    assert_eq!(
        told["indexes"][0]["scans"],
        json!([{ "filtered": true, "equal": ["body"], "range": "at" }]),
        "{told}"
    );
    let source = "import { query } from 'convex:/_system/repl/wrappers.js';
        export default query({ handler: async (ctx) => await ctx.db.query('messages').order('desc').take(5) });";
    let told = explain(json!({ "source": source })).await.ok();
    assert_eq!(
        (&told["indexes"][0]["docs"], &told["indexes"][0]["fullScan"]),
        (&json!(1), &json!(false)),
        "the newest few are no scan: {told}"
    );
    explain(json!({})).await.refused(400, "BadJsonBody");
    explain(json!({ "path": "messages:send" }))
        .await
        .refused(400, "InvalidArgument");
}

fn url_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
