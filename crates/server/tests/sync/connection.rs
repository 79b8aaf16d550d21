//! Opening, keeping alive and closing a socket.

use std::time::Duration;

use futures::StreamExt;
use lentil_testkit::TestServer;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::client::{Client, SESSION, enc64};

#[tokio::test]
async fn s001_version_path() {
    let server = TestServer::start().await;
    for path in [
        "/api/1.48.0/sync",
        "/api/sync",
        "//api/1.48.0/sync",
        "/api/sync?x=y",
    ] {
        Client::open_at(&server, path, None).await;
    }
    Client::open_at(&server, "/api/sync", Some("rust-0.10.4")).await;
    for (path, header) in [("/api/foo/sync", None), ("/api/sync", Some("nodash"))] {
        let Err(Error::Http(response)) = Client::try_open(&server, path, header).await else {
            panic!("{path} must be refused");
        };
        assert_eq!(response.status(), 400);
        let body: serde_json::Value =
            serde_json::from_slice(response.body().as_ref().unwrap()).unwrap();
        assert_eq!(body["code"], "InvalidClientVersion");
        assert!(body["message"].as_str().unwrap().len() > 10);
    }
}

#[tokio::test]
async fn s001_refused_upgrades() {
    let server = TestServer::start().await;
    let good = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (method, headers, status, code) in [
        ("GET", good.to_owned(), 101, ""),
        ("GET", String::new(), 400, "InvalidConnectionHeader"),
        (
            "GET",
            good.replace("WebSocket\r", "h2c\r"),
            400,
            "InvalidUpgradeHeader",
        ),
        (
            "GET",
            good.replace("13", "8"),
            400,
            "InvalidWebSocketVersionHeader",
        ),
        (
            "GET",
            good.replace("Sec-WebSocket-Key", "X-Key"),
            400,
            "WebSocketKeyHeaderMissing",
        ),
        ("POST", good.to_owned(), 400, "MethodNotGet"),
    ] {
        let answer = server
            .raw(&format!(
                "{method} /api/sync HTTP/1.1\r\nHost: x\r\n{headers}\r\n"
            ))
            .await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{headers}: {answer}"
        );
        assert!(answer.contains(code), "{headers}: {answer}");
        if status == 101 {
            assert!(
                answer
                    .to_ascii_lowercase()
                    .contains("s3pplmbitxaq9kygzzhzrbk+xoo="),
                "{answer}"
            );
        }
    }
}

#[tokio::test]
async fn s002_s003_pings() {
    let clocks = (Duration::from_millis(100), Duration::from_secs(60));
    let server =
        TestServer::start_with(|options| (options.ping_after, options.silent_after) = clocks).await;
    // Even before Connect.
    let mut client = Client::open(&server).await;
    let (mut texts, mut pings) = (0, 0);
    while texts < 3 || pings < 1 {
        match client.socket.next().await.unwrap().unwrap() {
            Message::Text(text) => {
                assert_eq!(text.as_str(), r#"{"type":"Ping"}"#);
                texts += 1;
            }
            Message::Ping(_) => pings += 1,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn silent_clients_are_dropped() {
    let clocks = (Duration::from_millis(50), Duration::from_millis(300));
    let server =
        TestServer::start_with(|options| (options.ping_after, options.silent_after) = clocks).await;
    // Reads, but answers no ping.
    let mut socket = tokio::net::TcpStream::connect(server.address())
        .await
        .unwrap();
    let request = "GET /api/sync HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 101"));
    assert!(answer.windows(4).any(|it| it == b"Ping"));
}

#[tokio::test]
async fn answering_clients_are_kept() {
    let clocks = (Duration::from_millis(50), Duration::from_millis(400));
    let server =
        TestServer::start_with(|options| (options.ping_after, options.silent_after) = clocks).await;
    let mut client = Client::open(&server).await;
    let opened = tokio::time::Instant::now();
    // Reading answers the pings.
    while opened.elapsed() < Duration::from_secs(1) {
        client.socket.next().await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn s004_empty_query_set() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    client.modify(&[], &[]).await;
    assert_eq!(client.transition().await.len(), 0);
    assert_eq!((client.version.0, client.version.1), (1, 0));
    assert!(client.version.2 > 0);
}

#[tokio::test]
async fn s005_connect_variants() {
    let server = TestServer::start().await;
    for (name, value) in [
        ("lastCloseReason", json!(null)),
        ("connectionCount", json!(1)),
        ("clientTs", json!(0)),
        ("clientTs", json!(-3.5)),
        ("newField", json!({"a": [1]})),
        ("maxObservedTimestamp", json!(enc64(1))),
    ] {
        let mut client = Client::open(&server).await;
        let mut connect = json!({"type": "Connect", "sessionId": SESSION, "connectionCount": 0, "lastCloseReason": "x"});
        connect[name] = value;
        client.say(connect).await;
        client.modify(&[], &[]).await;
        client.until_query_set(1).await;
    }
}

#[tokio::test]
async fn the_clock_is_right_or_absent() {
    let server = TestServer::start().await;
    let now_ms = || {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_millis() as i64
    };
    for (client_ts, skew) in [(json!(0), None), (json!(now_ms() - 60_000), Some(-60_000))] {
        let mut client = Client::open(&server).await;
        client
            .say(json!({"type": "Connect", "sessionId": SESSION, "clientTs": client_ts}))
            .await;
        client.modify(&[], &[]).await;
        let message = client.next().await;
        let Some(skew) = skew else {
            assert!(message.get("clientClockSkew").is_none() && message.get("serverTs").is_none());
            continue;
        };
        let shown = message["clientClockSkew"].as_i64().unwrap();
        assert!((shown - skew).abs() < 30_000, "{shown}");
        let server_ms = message["serverTs"].as_i64().unwrap() / 1_000_000;
        assert!((server_ms - now_ms()).abs() < 30_000, "{server_ms}");
    }
}

#[tokio::test]
async fn s006_future_timestamp() {
    let server = TestServer::start().await;
    let latest = server.latest();
    // Far in the future: refused, with a reason.
    let mut client = Client::open(&server).await;
    let far = latest + 3_600 * 1_000_000_000;
    client
        .say(json!({"type": "Connect", "sessionId": SESSION, "maxObservedTimestamp": enc64(far)}))
        .await;
    let ended = client.ended().await;
    assert_eq!(ended.code, Some(1011));
    assert!(
        ended.reason.starts_with("InternalServerError"),
        "{}",
        ended.reason
    );
    // As after the data folder was wiped: the clock moves, and nothing older is ever shown.
    let mut client = Client::open(&server).await;
    let near = latest + 60 * 1_000_000_000;
    client
        .say(json!({"type": "Connect", "sessionId": SESSION, "maxObservedTimestamp": enc64(near)}))
        .await;
    client.subscribe(0, "messages:list", json!({})).await;
    client.until_query_set(1).await;
    assert!(client.version.2 >= near);
    server.mutation("messages:send", json!({"body": "x"})).await;
    client.until(0, json!(["x"])).await;
    assert!(client.version.2 > near);
    assert_eq!(client.pings, 0, "nothing waited for a clock");
}

#[tokio::test]
async fn s007_events_are_ignored() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    client
        .say(json!({"type": "Event", "eventType": "Whatever", "event": {}}))
        .await;
    client.say(json!({"type": "Event", "eventType": "NetworkRecoveryReconnect", "event": {"timeSavedMs": 1}})).await;
    client.modify(&[], &[]).await;
    client.until_query_set(1).await;
}

#[tokio::test]
async fn stopping_closes_the_sockets() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    client.subscribe(0, "messages:list", json!({})).await;
    client.until_query_set(1).await;
    server.stop();
    let ended = client.ended().await;
    assert_eq!(
        (ended.code, ended.reason.as_str()),
        (Some(1001), "ServerShutdown")
    );
}
