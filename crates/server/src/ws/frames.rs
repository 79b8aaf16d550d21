//! What one socket sends and receives: a queue of messages on the way out, fragmented or chunked
//! as the client can take them, and liveness on both ways.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::{Sink, Stream};
use lentil_protocol::{Close, TRANSITION_CHUNK_BYTES, TransitionChunks};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::ws::limits::{FRAGMENT_BYTES, WRITE_GATHER_BYTES};

/// Something to send, in whole.
enum Item {
    Text(Bytes),
    /// A transition in pieces, which are made when they are sent.
    Chunks(TransitionChunks),
    Ping,
    Close(Close),
}

/// A message on its way, what is left of it.
struct Fragments {
    rest: Bytes,
    is_first: bool,
}

/// What happened on a socket.
#[derive(Debug)]
pub(super) enum Step {
    /// So many transitions were handed to the network.
    TransitionsLeft(usize),
    /// A message.
    Text(Utf8Bytes),
    /// A message that is not text.
    Binary,
    /// A message above the limits; nothing more can be read.
    TooLong,
    /// The client has gone, or its frames make no sense.
    Gone,
}

/// One socket and what waits to be sent on it.
pub(super) struct Frames<S> {
    stream: WebSocketStream<S>,
    can_chunk: bool,
    queue: VecDeque<(Item, bool)>,
    current: Option<(Fragments, bool)>,
    /// Transitions that were written but not flushed.
    transitions_written: usize,
    is_flushed: bool,
    is_blocked: bool,
    last_sent: Instant,
    last_heard: Instant,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Frames<S> {
    /// Nothing sent, nothing received. `can_chunk`: the client understands `TransitionChunk`.
    pub(super) fn new(stream: WebSocketStream<S>, can_chunk: bool) -> Frames<S> {
        let now = Instant::now();
        Frames {
            stream,
            can_chunk,
            queue: VecDeque::new(),
            current: None,
            transitions_written: 0,
            is_flushed: true,
            is_blocked: false,
            last_sent: now,
            last_heard: now,
        }
    }

    /// Messages that wait.
    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Whether everything was handed to the network.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.current.is_none() && self.is_flushed
    }

    /// Whether nothing waits but what keeps the client alive.
    pub(super) fn is_nearly_idle(&self) -> bool {
        self.queue.len() <= 1 && self.current.is_none() && self.is_flushed
    }

    /// When something was last handed to the network.
    pub(super) fn last_sent(&self) -> Instant {
        self.last_sent
    }

    /// When the client last gave a sign of life.
    pub(super) fn last_heard(&self) -> Instant {
        self.last_heard
    }

    /// Sends a message.
    pub(super) fn push_text(&mut self, text: String) {
        self.queue.push_back((Item::Text(text.into()), false));
    }

    /// Sends a transition.
    pub(super) fn push_transition(&mut self, text: String) {
        let item = if self.can_chunk && text.len() > TRANSITION_CHUNK_BYTES {
            Item::Chunks(TransitionChunks::new(text))
        } else {
            Item::Text(text.into())
        };
        self.queue.push_back((item, true));
    }

    /// Sends a WebSocket ping.
    pub(super) fn push_ping(&mut self) {
        self.queue.push_back((Item::Ping, false));
    }

    /// Sends a close frame, after what waits.
    pub(super) fn push_close(&mut self, close: Close) {
        self.queue.push_back((Item::Close(close), false));
    }

    /// Sends what waits and, if `read`, receives, until something happened. May be dropped and
    /// called again at any time.
    pub(super) async fn step(&mut self, read: bool) -> Step {
        poll_fn(|cx| self.poll_step(cx, read)).await
    }

    fn poll_step(&mut self, cx: &mut Context<'_>, read: bool) -> Poll<Step> {
        match self.poll_write(cx) {
            Poll::Ready(Ok(transitions)) => return Poll::Ready(Step::TransitionsLeft(transitions)),
            Poll::Ready(Err(_)) => return Poll::Ready(Step::Gone),
            Poll::Pending => {}
        }
        if !read {
            return Poll::Pending;
        }
        loop {
            let received = ready!(Pin::new(&mut self.stream).poll_next(cx));
            self.last_heard = Instant::now();
            return Poll::Ready(match received {
                Some(Ok(Message::Text(text))) => Step::Text(text),
                Some(Ok(Message::Binary(_))) => Step::Binary,
                // Pongs are written by the library; a close is answered by it, and the end of the
                // stream follows.
                Some(Ok(
                    Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_),
                )) => continue,
                Some(Err(Error::Capacity(CapacityError::MessageTooLong { .. }))) => Step::TooLong,
                Some(Err(_)) | None => Step::Gone,
            });
        }
    }

    /// Writes and flushes; ready with the number of transitions that left, pending if nothing
    /// more can be done.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Error>> {
        loop {
            let mut gathered = 0;
            while gathered < WRITE_GATHER_BYTES
                && (self.current.is_some() || !self.queue.is_empty())
            {
                match Pin::new(&mut self.stream).poll_ready(cx) {
                    Poll::Ready(result) => result?,
                    Poll::Pending => {
                        self.is_blocked = true;
                        return Poll::Pending;
                    }
                }
                let message = self.next_message();
                gathered += message.len();
                Pin::new(&mut self.stream).start_send(message)?;
                self.is_flushed = false;
            }
            if self.is_flushed {
                return Poll::Pending;
            }
            match Pin::new(&mut self.stream).poll_flush(cx) {
                Poll::Ready(result) => result?,
                Poll::Pending => {
                    self.is_blocked = true;
                    return Poll::Pending;
                }
            }
            self.is_flushed = true;
            self.last_sent = Instant::now();
            if std::mem::take(&mut self.is_blocked) {
                // The network took what it had refused: somebody reads at the other end.
                self.last_heard = self.last_sent;
            }
            if self.transitions_written > 0 {
                return Poll::Ready(Ok(std::mem::take(&mut self.transitions_written)));
            }
        }
    }

    /// The next frame or small message. Only while something waits.
    fn next_message(&mut self) -> Message {
        if let Some((fragments, is_transition)) = self.current.take() {
            return self.next_fragment(fragments, is_transition);
        }
        let (item, is_transition) = self.queue.pop_front().expect("something waits");
        match item {
            Item::Text(rest) => self.next_fragment(
                Fragments {
                    rest,
                    is_first: true,
                },
                is_transition,
            ),
            Item::Chunks(mut chunks) => {
                let chunk = chunks.next().expect("a transition has at least one chunk");
                let is_last = chunks.is_done();
                if !is_last {
                    self.queue.push_front((Item::Chunks(chunks), is_transition));
                }
                self.next_fragment(
                    Fragments {
                        rest: chunk.into(),
                        is_first: true,
                    },
                    is_transition && is_last,
                )
            }
            Item::Ping => Message::Ping(Bytes::new()),
            Item::Close(close) => Message::Close(close.code.map(|code| CloseFrame {
                code: code.number().into(),
                reason: close.reason.as_ref().into(),
            })),
        }
    }

    fn next_fragment(&mut self, mut fragments: Fragments, is_transition: bool) -> Message {
        let is_last = fragments.rest.len() <= FRAGMENT_BYTES;
        let piece = if is_last {
            // Most messages are one frame: taking it whole shares no buffer.
            std::mem::take(&mut fragments.rest)
        } else {
            fragments.rest.split_to(FRAGMENT_BYTES)
        };
        let code = if fragments.is_first {
            Data::Text
        } else {
            Data::Continue
        };
        if is_last {
            self.transitions_written += usize::from(is_transition);
        } else {
            self.current = Some((
                Fragments {
                    is_first: false,
                    ..fragments
                },
                is_transition,
            ));
        }
        Message::Frame(Frame::message(piece, OpCode::Data(code), is_last))
    }

    /// Reads and forgets what the client still sends, until it ends the connection.
    pub(super) async fn drain(&mut self) {
        use tokio::io::AsyncReadExt;
        let mut scratch = [0; 1 << 10];
        while let Ok(1..) = self.stream.get_mut().read(&mut scratch).await {}
    }
}
