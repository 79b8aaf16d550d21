//! A sync client that costs little: it builds messages as text and looks only at what it needs.

use anyhow::{Context, bail, ensure};
use futures::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// One connection.
pub(crate) struct SyncClient {
    socket: WebSocketStream<TcpStream>,
    next_request: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    request_id: u32,
    success: bool,
    #[serde(borrow)]
    result: &'a RawValue,
}

impl SyncClient {
    /// Connects to any path that speaks WebSocket.
    pub(crate) async fn connect(port: u16, path: &str) -> anyhow::Result<SyncClient> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let config = WebSocketConfig::default()
            .read_buffer_size(4096)
            .write_buffer_size(0);
        let url = format!("ws://127.0.0.1:{port}{path}");
        let (socket, _) = client_async_with_config(url, stream, Some(config)).await?;
        Ok(SyncClient {
            socket,
            next_request: 0,
        })
    }

    /// Connects to a server and introduces itself.
    pub(crate) async fn open(port: u16) -> anyhow::Result<SyncClient> {
        let mut client = SyncClient::connect(port, "/api/1.48.0/sync").await?;
        let session = uuid::Uuid::new_v4();
        let connect = format!(
            r#"{{"type":"Connect","sessionId":"{session}","connectionCount":0,"lastCloseReason":"InitialConnect","clientTs":0}}"#
        );
        client.send(connect).await?;
        Ok(client)
    }

    pub(crate) async fn send(&mut self, text: String) -> anyhow::Result<()> {
        Ok(self.socket.send(Message::text(text)).await?)
    }

    /// The next text message.
    pub(crate) async fn next(&mut self) -> anyhow::Result<String> {
        loop {
            match self
                .socket
                .next()
                .await
                .context("the server closed the socket")??
            {
                Message::Text(text) => return Ok(text.as_str().to_owned()),
                Message::Close(frame) => bail!("the server closed the socket: {frame:?}"),
                _ => {}
            }
        }
    }

    /// Runs a mutation and waits for its response; gives the result's JSON.
    pub(crate) async fn mutation(&mut self, path: &str, args: &str) -> anyhow::Result<String> {
        let id = self.next_request;
        self.next_request += 1;
        self.send(format!(
            r#"{{"type":"Mutation","requestId":{id},"udfPath":"{path}","args":[{args}]}}"#
        ))
        .await?;
        loop {
            let text = self.next().await?;
            if !text.contains("\"MutationResponse\"") {
                ensure!(!text.contains("\"FatalError\""), "{text}");
                continue;
            }
            let response: Response = serde_json::from_str(&text)?;
            if response.request_id == id {
                ensure!(response.success, "{path} failed: {}", response.result);
                return Ok(response.result.get().to_owned());
            }
        }
    }

    /// Subscribes to one query.
    pub(crate) async fn subscribe(&mut self, path: &str, args: &str) -> anyhow::Result<()> {
        self.send(format!(
            r#"{{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[{{"type":"Add","queryId":0,"udfPath":"{path}","args":[{args}]}}]}}"#
        ))
        .await
    }

    /// Waits for the next transition that carries a result; gives the whole message.
    pub(crate) async fn next_update(&mut self) -> anyhow::Result<String> {
        loop {
            let text = self.next().await?;
            ensure!(!text.contains("\"QueryFailed\""), "{text}");
            if text.contains("\"QueryUpdated\"") {
                return Ok(text);
            }
        }
    }
}
