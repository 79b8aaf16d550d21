//! An HTTP/1.1 client that costs little: one connection, one request in flight, prepared bytes.

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One keep-alive connection.
pub(crate) struct HttpClient {
    stream: TcpStream,
    buffer: Vec<u8>,
    request: Vec<u8>,
}

impl HttpClient {
    pub(crate) async fn connect(port: u16) -> anyhow::Result<HttpClient> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(HttpClient {
            stream,
            buffer: Vec::with_capacity(16 << 10),
            request: Vec::new(),
        })
    }

    /// Posts JSON and gives the body; anything but 200 is an error.
    pub(crate) async fn post(&mut self, path: &str, body: &str) -> anyhow::Result<String> {
        self.request.clear();
        let length = body.len();
        self.request.extend_from_slice(
            format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
                .as_bytes(),
        );
        self.stream.write_all(&self.request).await?;
        self.buffer.clear();
        loop {
            if let Some((head, length)) = head(&self.buffer)?
                && self.buffer.len() >= head + length
            {
                return Ok(String::from_utf8(
                    self.buffer[head..head + length].to_vec(),
                )?);
            }
            ensure!(
                self.stream.read_buf(&mut self.buffer).await? > 0,
                "the server closed the connection"
            );
        }
    }
}

/// Length of the head and of the body, once the head is complete.
fn head(buffer: &[u8]) -> anyhow::Result<Option<(usize, usize)>> {
    let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&buffer[..end])?;
    ensure!(
        text.starts_with("HTTP/1.1 200"),
        "{text}\n{}",
        String::from_utf8_lossy(&buffer[end..])
    );
    let length = text
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length:")
                .map(|rest| rest.trim().to_owned())
        })
        .context("the answer has no content-length")?;
    Ok(Some((end + 4, length.parse()?)))
}
