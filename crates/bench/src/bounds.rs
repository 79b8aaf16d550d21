//! What a machine and its libraries can do at best: the bounds beside which we are measured.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
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

/// A chat in raw SQLite, WAL and FULL: what W4 does, by hand.
pub(crate) struct Chat {
    messages: Mutex<rusqlite::Connection>,
    _folder: tempfile::TempDir,
}

impl Chat {
    /// Rows of the list that everybody is sent, and bytes that are kept of each.
    const ROWS: usize = 20;
    const BODY: usize = 200;

    pub(crate) fn open() -> anyhow::Result<Arc<Chat>> {
        let folder = tempfile::tempdir()?;
        let connection = rusqlite::Connection::open(folder.path().join("chat.sqlite3"))?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE messages (id INTEGER PRIMARY KEY, body TEXT);",
        )?;
        Ok(Arc::new(Chat {
            messages: Mutex::new(connection),
            _folder: folder,
        }))
    }

    /// Keeps a message durably and gives the list as it then is.
    fn post(&self, text: &str) -> rusqlite::Result<String> {
        let connection = self.messages.lock().expect("nobody panics while posting");
        let body: String = text.chars().take(Self::BODY).collect();
        let mut insert = connection.prepare_cached("INSERT INTO messages (body) VALUES (?1)")?;
        insert.execute([body])?;
        let mut newest =
            connection.prepare_cached("SELECT id, body FROM messages ORDER BY id DESC LIMIT ?1")?;
        let rows = newest.query_map([Self::ROWS as i64], |row| {
            let (id, body): (i64, String) = (row.get(0)?, row.get(1)?);
            Ok(serde_json::json!({ "id": id, "body": body }))
        })?;
        let list: Vec<_> = rows.collect::<Result<_, _>>()?;
        Ok(serde_json::Value::Array(list).to_string())
    }
}

/// What everybody is sent when one client has sent a text.
async fn answer_to(text: Message, chat: Option<&Arc<Chat>>) -> anyhow::Result<Message> {
    let Some(chat) = chat.cloned() else {
        return Ok(text);
    };
    let list = tokio::task::spawn_blocking(move || chat.post(text.to_text().unwrap_or_default()));
    Ok(Message::text(list.await??))
}

/// Serves the W4 bounds: every text that one client sends goes to all the others, with tungstenite
/// tuned as ours is and nothing else done; or it is kept in a chat, of which all get the list.
pub(crate) async fn serve_broadcast(port: u16, chat: Option<Arc<Chat>>) -> anyhow::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let (everybody, _) = broadcast::channel::<Message>(16);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (everybody, chat) = (everybody.clone(), chat.clone());
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
                        Some(Ok(text @ Message::Text(_))) => {
                            let Ok(answer) = answer_to(text, chat.as_ref()).await else { return };
                            // No receiver is no error: nobody has subscribed yet.
                            let _ = everybody.send(answer);
                        }
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
