//! Requests as text, answers taken apart.

use std::net::SocketAddr;
use std::time::Duration;

use lentil_testkit::TestServer;
use serde_json::Value as Json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Long enough for a cold start on a busy machine; nothing waits so long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// A header by its lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(of, _)| of == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn header_names(&self) -> impl Iterator<Item = &str> {
        self.headers.iter().map(|(name, _)| name.as_str())
    }

    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.body))
    }

    /// The body of an answer that must be 200.
    pub(crate) fn ok(&self) -> Json {
        assert_eq!(self.status, 200, "{}", self.body);
        self.json()
    }

    /// Asserts a status and a body of `code` and a message that says something; the message.
    pub(crate) fn refused(&self, status: u16, code: &str) -> String {
        let body = self.json();
        assert_eq!(
            (self.status, body["code"].as_str()),
            (status, Some(code)),
            "{}",
            self.body
        );
        let message = body["message"].as_str().expect("a message");
        assert!(message.len() > 10, "{message}");
        message.to_owned()
    }
}

/// Sends a request with exactly these headers and reads the answer to its end.
pub(crate) async fn send(
    address: SocketAddr,
    line: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut text = format!("{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    text.push_str(body);
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = tokio::time::timeout(PATIENCE, exchange)
        .await
        .expect("an answer in time");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a whole head");
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .unwrap();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    Answer {
        status: status.parse().unwrap(),
        headers: headers.collect(),
        body: body.to_owned(),
    }
}

/// POSTs JSON with more headers than its content type.
pub(crate) async fn post_with(
    server: &TestServer,
    path: &str,
    headers: &[(&str, &str)],
    body: &Json,
) -> Answer {
    let mut all = vec![("Content-Type", "application/json")];
    all.extend(headers);
    send(
        server.address(),
        &format!("POST {path}"),
        &all,
        &body.to_string(),
    )
    .await
}

/// POSTs JSON.
pub(crate) async fn post(server: &TestServer, path: &str, body: &Json) -> Answer {
    post_with(server, path, &[], body).await
}
