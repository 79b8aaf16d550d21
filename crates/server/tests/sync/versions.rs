//! Versions, protocol errors, large messages, slow readers.

use futures::{SinkExt, StreamExt};
use lentil_testkit::TestServer;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;

use super::client::{Client, Ended};

async fn is_fatal(client: &mut Client) {
    let message = client.response().await;
    assert_eq!(message["type"], "FatalError", "{message}");
    assert!(message["error"].as_str().unwrap().len() > 10);
    assert_eq!(
        client.ended().await,
        Ended {
            code: None,
            reason: String::new()
        }
    );
}

#[tokio::test]
async fn s037_wrong_base_version() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    client.say(json!({"type": "ModifyQuerySet", "baseVersion": 5, "newVersion": 6, "modifications": []})).await;
    is_fatal(&mut client).await;
}

#[tokio::test]
async fn s038_malformed_messages() {
    let server = TestServer::start().await;
    for text in [
        "{",
        "[]",
        "null",
        "",
        r#"{"type":"Nope"}"#,
        r#"{"type":"Mutation","requestId":"x"}"#,
    ] {
        let mut client = Client::connect(&server).await;
        client.say_text(text).await;
        is_fatal(&mut client).await;
    }
    let mut client = Client::connect(&server).await;
    client
        .socket
        .send(Message::binary(vec![1, 2, 3]))
        .await
        .unwrap();
    assert_eq!(client.ended().await.code, Some(1011));
}

#[tokio::test]
async fn over_long_messages_are_refused() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    let text = "x".repeat((16 << 20) + 1);
    // The server may close before it has read everything.
    let _ = client.socket.send(Message::text(text)).await;
    let message = client.response().await;
    assert_eq!(message["type"], "FatalError", "{message}");
    assert_eq!(client.ended().await.code, Some(1009));
}

#[tokio::test]
async fn broken_frames_end_that_socket_alone() {
    let server = TestServer::start().await;
    let mut other = Client::connect(&server).await;
    let mut socket = tokio::net::TcpStream::connect(server.address())
        .await
        .unwrap();
    let request = "GET /api/sync HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    socket.write_all(&[0xff; 64]).await.unwrap();
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 101"));
    other.modify(&[], &[]).await;
    other.until_query_set(1).await;
}

#[tokio::test]
async fn s039_large_result_to_an_npm_client() {
    let server = TestServer::start().await;
    for path in ["/api/1.48.0/sync", "/api/1.20.0/sync"] {
        let mut client = Client::open_at(&server, path, None).await;
        client
            .subscribe(
                0,
                "values:large",
                json!({"bytes": 12_000_000, "filler": "ä\""}),
            )
            .await;
        let expected = "ä\"".repeat(4_000_000);
        client.until_query_set(1).await;
        assert!(
            client.value(0) == Some(&json!(expected)),
            "the value arrived whole"
        );
    }
}

#[tokio::test]
async fn s040_large_result_to_another_client() {
    let server = TestServer::start().await;
    for header in [Some("rust-0.10.4"), None] {
        let mut client = Client::open_at(&server, "/api/sync", header).await;
        let args = |filler: &str| json!({"bytes": 10_000_000, "filler": filler});
        client
            .modify(
                &[
                    (0, "values:large", args("a")),
                    (1, "values:large", args("b")),
                ],
                &[],
            )
            .await;
        // The client refuses frames above 16 MiB, and the message is one.
        let Some(Ok(Message::Text(text))) = client.socket.next().await else {
            panic!("one text message")
        };
        assert!(text.len() > 20_000_000);
        assert!(text.starts_with(r#"{"type":"Transition""#));
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
    }
}

#[tokio::test]
async fn s042_slow_reader() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    // Large enough that a few results fill the buffers of the network.
    client
        .subscribe(0, "messages:countPadded", json!({"bytes": 1_000_000}))
        .await;
    client.until_query_set(1).await;
    for _ in 0..100 {
        server.mutation("messages:send", json!({"body": "x"})).await;
    }
    let mut transitions = 0;
    while client.value(0).unwrap()["count"] != json!(100.0) {
        client.next().await;
        transitions += 1;
    }
    assert!(transitions < 50, "{transitions} transitions were buffered");
}
