//! The life of one socket: frames in, messages to the session; texts back, frames out.

use std::net::IpAddr;

use lentil_protocol::{
    AuthToken, ClientMessage, ClientVersion, Close, CloseCode, MalformedMessage, ServerMessage,
};
use lentil_session::{Outgoing, Session};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;

use crate::ws::frames::{Frames, Step};
use crate::ws::limits::{LINGER, MESSAGE_BYTES_MAX, QUEUE_MAX};
use crate::ws::{SyncOptions, SyncState};

/// How a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// A close frame waits to be sent.
    Closing,
    /// The same, and the client's bytes can no longer be understood.
    ClosingDeaf,
    /// There is nobody to say goodbye to.
    Gone,
}

/// Serves a socket to its end.
pub(super) async fn serve<S>(
    socket: WebSocketStream<S>,
    client: &ClientVersion,
    peer: Option<IpAddr>,
    state: &SyncState,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut frames = Frames::new(socket, client.supports_transition_chunk());
    let version = client.version.as_ref();
    let name = version.map_or_else(
        || client.name.clone(),
        |version| format!("{}-{version}", client.name),
    );
    let mut session = state.sessions.open(name);
    let end = converse(&mut frames, &mut session, peer, state).await;
    session.detach();
    if end != End::Gone {
        // A client that does not read is not waited for.
        let _ = timeout(LINGER, say_goodbye(&mut frames, end)).await;
    }
}

async fn converse<S>(
    frames: &mut Frames<S>,
    session: &mut Session,
    peer: Option<IpAddr>,
    state: &SyncState,
) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut stop = state.stop.clone();
    let stopped = stop.wait_for(|stopping| *stopping);
    let alarm = sleep_until(Instant::now() + state.options.ping_after);
    tokio::pin!(stopped, alarm);
    loop {
        // Everything that is ready leaves in one write.
        while let Some(outgoing) = session.try_next() {
            if send(frames, outgoing) {
                return End::Closing;
            }
        }
        let listens = session.accepts_messages() && frames.queued() < QUEUE_MAX;
        // Unbiased: neither a flood of messages nor one of invalidations keeps the other waiting.
        tokio::select! {
            step = frames.step(listens) => {
                if let Some(end) = take(step, frames, session, peer, state) {
                    return end;
                }
            }
            () = session.step() => {}
            () = &mut alarm => match keep_alive(frames, state.options) {
                Some(next) => alarm.as_mut().reset(next),
                None => return End::Gone,
            },
            _ = &mut stopped => {
                frames.push_close(Close::new(CloseCode::Away, "ServerShutdown"));
                return End::Closing;
            }
        }
    }
}

/// Queues what the session says; true if it was the end.
fn send<S: AsyncRead + AsyncWrite + Unpin>(frames: &mut Frames<S>, outgoing: Outgoing) -> bool {
    match outgoing {
        Outgoing::Message(text) => frames.push_text(text),
        Outgoing::Transition(text) => frames.push_transition(text),
        Outgoing::Close(close) => {
            tracing::debug!(code = close.code.map(CloseCode::number), reason = %close.reason, "closing a socket");
            frames.push_close(close);
            return true;
        }
    }
    false
}

fn take<S>(
    step: Step,
    frames: &mut Frames<S>,
    session: &mut Session,
    peer: Option<IpAddr>,
    state: &SyncState,
) -> Option<End>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match step {
        Step::TransitionsLeft(count) => {
            for _ in 0..count {
                session.transition_left();
            }
        }
        Step::Text(text) => {
            tracing::trace!(target: "lentil::station", number = 1);
            let message = ClientMessage::parse(&text);
            note_key(&message, peer, state);
            session.receive(message);
        }
        Step::Binary => {
            frames.push_close(Close::internal());
            return Some(End::Closing);
        }
        Step::TooLong => {
            let error = MalformedMessage(format!(
                "a message is longer than {} MiB, or one of its frames longer than 16 MiB",
                MESSAGE_BYTES_MAX >> 20
            ));
            frames.push_text(ServerMessage::FatalError { error: &error.0 }.to_text());
            frames.push_close(Close::new(CloseCode::TooBig, "MessageTooLong"));
            return Some(End::ClosingDeaf);
        }
        Step::Gone => return Some(End::Gone),
    }
    None
}

/// Notes where an admin key is used from; whether it lets anybody in is for the session to say.
fn note_key(
    message: &Result<ClientMessage, MalformedMessage>,
    peer: Option<IpAddr>,
    state: &SyncState,
) {
    if let (Some(address), Ok(ClientMessage::Authenticate { token, .. })) = (peer, message)
        && let AuthToken::Admin { key, .. } = token
        && let Ok(key) = state.keys.check(key)
    {
        state.functions.admin_key_used(key, address);
    }
}

/// Pings a client that was sent nothing for long, and gives the time of the next look; `None` if
/// the client is gone.
fn keep_alive<S>(frames: &mut Frames<S>, options: SyncOptions) -> Option<Instant>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let now = Instant::now();
    if now >= frames.last_heard() + options.silent_after {
        tracing::debug!("dropping a client that has been silent");
        return None;
    }
    let mut next = frames.last_sent() + options.ping_after;
    if now >= next {
        next = now + options.ping_after;
        if frames.is_idle() {
            frames.push_text(ServerMessage::Ping.to_text());
        }
    }
    // The answer tells a quiet client from a dead one; both frames leave in one write.
    if frames.is_nearly_idle() && now >= frames.last_heard() + options.ping_after / 2 {
        frames.push_ping();
    }
    Some(next)
}

/// Sends what waits, close frame included, and waits for the client to end the connection: ending
/// it first could destroy what is still on its way.
async fn say_goodbye<S>(frames: &mut Frames<S>, end: End)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let reads = end == End::Closing;
    while !frames.is_idle() || reads {
        if let Step::Gone | Step::TooLong = frames.step(reads).await {
            return;
        }
    }
    frames.drain().await;
}
