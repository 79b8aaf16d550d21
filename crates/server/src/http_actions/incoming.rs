//! The body of a request for an HTTP action: as much of it as the limit allows, and what becomes
//! of the part that no handler reads.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use lentil_functions::RequestBody;

/// How long a client may go on sending what nobody reads.
const DRAIN: Duration = Duration::from_secs(10);

/// A body that may be left unread. Most clients read an answer only when they have sent
/// everything, so the rest is taken as well, within the limit.
struct Incoming {
    chunks: Option<BodyDataStream>,
    most: u64,
    left: u64,
}

/// Ends with a sentence where the body is too long or breaks off.
pub(super) fn incoming(body: Body, most: u64) -> RequestBody {
    Box::pin(Incoming {
        chunks: Some(body.into_data_stream()),
        most,
        left: most,
    })
}

impl Stream for Incoming {
    type Item = Result<Bytes, String>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(chunks) = &mut this.chunks else {
            return Poll::Ready(None);
        };
        let part = match std::task::ready!(chunks.poll_next_unpin(cx)) {
            Some(Ok(chunk)) => match this.left.checked_sub(chunk.len() as u64) {
                Some(left) => {
                    this.left = left;
                    return Poll::Ready(Some(Ok(chunk)));
                }
                None => Some(Err(format!(
                    "RequestTooLarge: the body of the request is larger than {} bytes, the limit http_request_bytes",
                    this.most
                ))),
            },
            Some(Err(_)) => Some(Err(
                "The client did not send the whole body of the request".to_owned()
            )),
            None => None,
        };
        this.chunks = None;
        Poll::Ready(part)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let (Some(mut chunks), Ok(runtime)) =
            (self.chunks.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        let mut left = self.left;
        runtime.spawn(tokio::time::timeout(DRAIN, async move {
            while let Some(Ok(chunk)) = chunks.next().await {
                match left.checked_sub(chunk.len() as u64) {
                    Some(rest) => left = rest,
                    None => return,
                }
            }
        }));
    }
}
