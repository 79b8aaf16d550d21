//! A client that checks what every client relies on: the version chain, time that does not go
//! back, no unknown messages, `logLines` where they must be.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use lentil_testkit::TestServer;
use serde_json::{Value as Json, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Long enough for a cold start on a busy machine; nothing waits so long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const SESSION: &str = "b1e611f3-c0e6-4c17-8bed-a571762c7df3";

pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// `querySet`, `identity`, `ts` as last shown.
    pub(crate) version: (u64, u64, u64),
    /// What is shown of each query: its last QueryUpdated or QueryFailed.
    pub(crate) view: BTreeMap<u64, Json>,
    pub(crate) query_set: u64,
    pub(crate) pings: usize,
    chunks: Vec<String>,
}

/// How a socket ended.
#[derive(Debug, PartialEq)]
pub(crate) struct Ended {
    pub(crate) code: Option<u16>,
    pub(crate) reason: String,
}

impl Client {
    /// Opens a socket as the JS client does and says nothing.
    pub(crate) async fn open(server: &TestServer) -> Client {
        Client::open_at(server, "/api/1.48.0/sync", None).await
    }

    pub(crate) async fn open_at(server: &TestServer, path: &str, header: Option<&str>) -> Client {
        Client::try_open(server, path, header)
            .await
            .expect("the socket opens")
    }

    pub(crate) async fn try_open(
        server: &TestServer,
        path: &str,
        header: Option<&str>,
    ) -> Result<Client, Error> {
        let mut request = format!("ws://{}{path}", server.address()).into_client_request()?;
        if let Some(header) = header {
            request
                .headers_mut()
                .insert("convex-client", header.parse().unwrap());
        }
        let (socket, _) = connect_async(request).await?;
        Ok(Client {
            socket,
            version: (0, 0, 0),
            view: BTreeMap::new(),
            query_set: 0,
            pings: 0,
            chunks: Vec::new(),
        })
    }

    /// Opens a socket and sends `Connect` with a session of its own.
    pub(crate) async fn connect(server: &TestServer) -> Client {
        Client::connect_as(server, &uuid::Uuid::new_v4().to_string()).await
    }

    pub(crate) async fn connect_as(server: &TestServer, session: &str) -> Client {
        let mut client = Client::open(server).await;
        client.say_connect(session).await;
        client
    }

    pub(crate) async fn say_connect(&mut self, session: &str) {
        self.say(
            json!({"type": "Connect", "sessionId": session, "connectionCount": 0,
            "lastCloseReason": "InitialConnect", "clientTs": 1_700_000_000_000_u64}),
        )
        .await;
    }

    pub(crate) async fn say(&mut self, message: Json) {
        self.say_text(&message.to_string()).await;
    }

    pub(crate) async fn say_text(&mut self, text: &str) {
        self.socket
            .send(Message::text(text))
            .await
            .expect("the socket takes messages");
    }

    /// Subscribes and unsubscribes: `(id, path, args)` and ids.
    pub(crate) async fn modify(&mut self, add: &[(u64, &str, Json)], remove: &[u64]) {
        let adds = add.iter().map(|(id, path, args)| {
            json!({"type": "Add", "queryId": id, "udfPath": path, "args": [args]})
        });
        let removes = remove
            .iter()
            .map(|id| json!({"type": "Remove", "queryId": id}));
        self.modify_raw(adds.chain(removes).collect()).await;
    }

    pub(crate) async fn modify_raw(&mut self, modifications: Vec<Json>) {
        let base = self.query_set;
        self.query_set += 1;
        self.say(
            json!({"type": "ModifyQuerySet", "baseVersion": base, "newVersion": base + 1,
            "modifications": modifications}),
        )
        .await;
    }

    pub(crate) async fn subscribe(&mut self, id: u64, path: &str, args: Json) {
        self.modify(&[(id, path, args)], &[]).await;
    }

    pub(crate) async fn call(&mut self, kind: &str, request: u64, path: &str, args: Json) {
        self.say(json!({"type": kind, "requestId": request, "udfPath": path, "args": [args]}))
            .await;
    }

    pub(crate) async fn mutation(&mut self, request: u64, path: &str, args: Json) {
        self.call("Mutation", request, path, args).await;
    }

    /// The next message that is no `Ping`; transitions are checked and taken in.
    pub(crate) async fn next(&mut self) -> Json {
        match self.next_or_end().await {
            Ok(message) => message,
            Err(ended) => panic!("the socket ended: {ended:?}"),
        }
    }

    pub(crate) async fn next_or_end(&mut self) -> Result<Json, Ended> {
        tokio::time::timeout(PATIENCE, self.receive())
            .await
            .expect("the server says something in time")
    }

    async fn receive(&mut self) -> Result<Json, Ended> {
        loop {
            let text = match self.socket.next().await {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Close(frame))) => return Err(ended(frame)),
                Some(Ok(Message::Binary(_))) => panic!("binary message"),
                Some(Ok(_)) => continue,
                Some(Err(error)) => panic!("socket failed: {error}"),
                None => panic!("the socket ended without a close frame"),
            };
            let message: Json = serde_json::from_str(&text).expect("messages are JSON");
            match message["type"].as_str().expect("messages have a type") {
                "Ping" => self.pings += 1,
                "TransitionChunk" => {
                    if let Some(whole) = self.take_chunk(&message) {
                        self.take_transition(&whole);
                        return Ok(whole);
                    }
                }
                "Transition" => {
                    assert!(
                        self.chunks.is_empty(),
                        "nothing but Ping comes between chunks"
                    );
                    self.take_transition(&message);
                    return Ok(message);
                }
                "MutationResponse" | "ActionResponse" => {
                    assert!(message["logLines"].is_array());
                    return Ok(message);
                }
                "AuthError" | "FatalError" => return Ok(message),
                other => panic!("unknown message {other}"),
            }
        }
    }

    fn take_chunk(&mut self, message: &Json) -> Option<Json> {
        assert_eq!(message["partNumber"], json!(self.chunks.len()));
        self.chunks
            .push(message["chunk"].as_str().unwrap().to_owned());
        if json!(self.chunks.len()) != message["totalParts"] {
            return None;
        }
        Some(
            serde_json::from_str(&std::mem::take(&mut self.chunks).concat())
                .expect("chunks make a message"),
        )
    }

    fn take_transition(&mut self, message: &Json) {
        let (start, end) = (
            version(&message["startVersion"]),
            version(&message["endVersion"]),
        );
        assert_eq!(
            start, self.version,
            "a transition starts where the one before ended"
        );
        assert!(end.2 >= start.2, "time does not go back");
        self.version = end;
        for modification in message["modifications"].as_array().unwrap() {
            let id = modification["queryId"].as_u64().unwrap();
            if modification["type"] == "QueryRemoved" {
                self.view.remove(&id);
                continue;
            }
            assert!(modification["logLines"].is_array());
            self.view.insert(id, modification.clone());
        }
    }

    /// The text of the next message that is no `Ping`.
    pub(crate) async fn next_text(&mut self) -> String {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next())
                .await
                .expect("a message in time");
            if let Some(Ok(Message::Text(text))) = message
                && !text.contains("\"Ping\"")
            {
                return text.to_string();
            }
        }
    }

    /// The next message, which must be a transition; its modifications.
    pub(crate) async fn transition(&mut self) -> Vec<Json> {
        let message = self.next().await;
        assert_eq!(message["type"], "Transition", "{message}");
        message["modifications"].as_array().unwrap().clone()
    }

    /// The next response; transitions before it are taken in.
    pub(crate) async fn response(&mut self) -> Json {
        loop {
            let message = self.next().await;
            if message["type"] != "Transition" {
                return message;
            }
        }
    }

    /// Takes messages until the value of a query is this.
    pub(crate) async fn until(&mut self, id: u64, value: Json) {
        while self.value(id) != Some(&value) {
            self.next().await;
        }
    }

    /// Takes messages until this query set is shown.
    pub(crate) async fn until_query_set(&mut self, version: u64) {
        while self.version.0 < version {
            self.next().await;
        }
    }

    /// Takes messages until time has come so far.
    pub(crate) async fn until_ts(&mut self, ts: u64) {
        while self.version.2 < ts {
            self.next().await;
        }
    }

    /// The value shown of a query.
    pub(crate) fn value(&self, id: u64) -> Option<&Json> {
        self.view.get(&id).and_then(|it| it.get("value"))
    }

    /// The error text shown of a query.
    pub(crate) fn error(&self, id: u64) -> &str {
        self.view[&id]["errorMessage"]
            .as_str()
            .expect("the query has failed")
    }

    /// Takes messages until the socket ends.
    pub(crate) async fn ended(&mut self) -> Ended {
        loop {
            if let Err(ended) = self.next_or_end().await {
                return ended;
            }
        }
    }

    /// Asserts that nothing comes: whatever was on its way has come before the answer to a message
    /// that is always answered at once.
    pub(crate) async fn hears_nothing_new(&mut self) {
        let before = self.view.clone();
        self.modify(&[], &[]).await;
        self.until_query_set(self.query_set).await;
        assert_eq!(self.view, before);
    }

    /// Breaks the connection without a word.
    pub(crate) fn drop_connection(self) {
        drop(self);
    }
}

fn ended(frame: Option<CloseFrame>) -> Ended {
    match frame {
        Some(frame) => Ended {
            code: Some(frame.code.into()),
            reason: frame.reason.to_string(),
        },
        None => Ended {
            code: None,
            reason: String::new(),
        },
    }
}

pub(crate) fn version(json: &Json) -> (u64, u64, u64) {
    let number = |name: &str| json[name].as_u64().expect("versions are numbers");
    (number("querySet"), number("identity"), ts(&json["ts"]))
}

pub(crate) fn ts(json: &Json) -> u64 {
    lentil_values::Timestamp::from_base64(json.as_str().expect("a timestamp"))
        .expect("a timestamp")
        .0
}

pub(crate) fn enc64(ts: u64) -> String {
    lentil_values::Timestamp(ts).to_base64()
}
