//! What a machine and its libraries can do at best: the bounds beside which we are measured.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rand::Rng as _;
use rand::RngExt as _;
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio_tungstenite::accept_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::sample::Sample;

/// Raw SQLite, WAL and FULL: transfers of two reads and two updates, `batch` to a commit.
pub(crate) fn sqlite_transfers(
    accounts: usize,
    batch: u64,
    measure: Duration,
) -> anyhow::Result<Sample> {
    let folder = tempfile::tempdir()?;
    let mut connection = rusqlite::Connection::open(folder.path().join("bound.sqlite3"))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance REAL);",
    )?;
    let fill = connection.transaction()?;
    for id in 0..accounts {
        fill.execute("INSERT INTO accounts VALUES (?1, 1000.0)", [id as i64])?;
    }
    fill.commit()?;
    let mut random = rand::rng();
    let start = Instant::now();
    let mut operations = 0;
    while start.elapsed() < measure {
        let commit = connection.transaction()?;
        {
            let mut read = commit.prepare_cached("SELECT balance FROM accounts WHERE id = ?1")?;
            let mut write =
                commit.prepare_cached("UPDATE accounts SET balance = ?2 WHERE id = ?1")?;
            for _ in 0..batch {
                let (from, to) = (
                    random.random_range(0..accounts) as i64,
                    random.random_range(0..accounts) as i64,
                );
                let source: f64 = read.query_row([from], |row| row.get(0))?;
                let target: f64 = read.query_row([to], |row| row.get(0))?;
                write.execute((from, source - 1.0))?;
                write.execute((to, target + 1.0))?;
            }
        }
        commit.commit()?;
        operations += batch;
    }
    Ok(Sample {
        operations,
        elapsed: start.elapsed(),
        ..Sample::default()
    })
}

/// Serves the W4 bound: every text that one client sends goes to all the others, with tungstenite
/// tuned as ours is and nothing else done.
pub(crate) async fn serve_broadcast(port: u16) -> anyhow::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let (everybody, _) = broadcast::channel::<Message>(16);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let everybody = everybody.clone();
        tokio::spawn(async move {
            let config = WebSocketConfig::default()
                .read_buffer_size(1024)
                .write_buffer_size(0);
            // Before the client knows that it is connected, or it could miss the first message.
            let mut mine = everybody.subscribe();
            // A probe that connects and leaves is no client.
            let Ok(mut socket) = accept_async_with_config(stream, Some(config)).await else {
                return;
            };
            loop {
                tokio::select! {
                    message = mine.recv() => {
                        let message = match message {
                            Ok(message) => message,
                            // A slow client misses some, as ours are spared some.
                            Err(broadcast::error::RecvError::Lagged(_)) => continue,
                            Err(broadcast::error::RecvError::Closed) => return,
                        };
                        if socket.send(message).await.is_err() { return; }
                    }
                    message = socket.next() => match message {
                        // No receiver is no error: nobody has subscribed yet.
                        Some(Ok(text @ Message::Text(_))) => { let _ = everybody.send(text); }
                        Some(Ok(_)) => {}
                        _ => return,
                    }
                }
            }
        });
    }
}

/// Serves the W7 bound: hyper answering every request with the same bytes.
pub(crate) async fn serve_static(port: u16) -> anyhow::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let body: Arc<str> = Arc::from(static_body());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let body = body.clone();
        tokio::spawn(async move {
            let answer = service_fn(move |_| {
                let body = Bytes::copy_from_slice(body.as_bytes());
                async move {
                    let response =
                        hyper::Response::builder().header("content-type", "application/json");
                    Ok::<_, Infallible>(
                        response
                            .body(Full::new(body))
                            .expect("static headers are valid"),
                    )
                }
            });
            // A connection that breaks is the client's business.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        });
    }
}

/// About as large as ten rows of W7.
fn static_body() -> String {
    let mut random = rand::rng();
    let filler: String = (0..1_800)
        .map(|_| char::from(b'a' + (random.next_u32() % 26) as u8))
        .collect();
    format!("{{\"status\":\"success\",\"value\":\"{filler}\"}}")
}
