//! What wakes one subscriber: raised any number of times by anybody, taken by its one owner.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use atomic_waker::AtomicWaker;

/// Raised until its owner has seen it. Cheaper than a `Notify`, of which anybody may wait: a
/// conversation looks at its signal whenever it is polled.
#[derive(Debug, Default)]
pub struct Signal {
    /// The number of the conversation that it wakes; 0 if it wakes none.
    session: u64,
    raised: AtomicBool,
    owner: AtomicWaker,
}

impl Signal {
    /// One that wakes a conversation.
    pub fn of_session(session: u64) -> Signal {
        Signal {
            session,
            ..Signal::default()
        }
    }

    /// The number of the conversation that it wakes; 0 if it wakes none.
    pub fn session(&self) -> u64 {
        self.session
    }

    /// Wakes the owner, now or when it looks.
    pub fn raise(&self) {
        if !self.raised.swap(true, Ordering::AcqRel) {
            self.owner.wake();
        }
    }

    /// Waits until it is raised, and takes that. For one task at a time; may be dropped and called
    /// again at any time.
    pub async fn taken(&self) {
        poll_fn(|cx| self.poll_taken(cx)).await;
    }

    fn poll_taken(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.raised.swap(false, Ordering::AcqRel) {
            return Poll::Ready(());
        }
        self.owner.register(cx.waker());
        // It may have been raised before the waker was there.
        match self.raised.swap(false, Ordering::AcqRel) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn it_wakes_whoever_waits_and_whoever_comes_later() {
        let signal = Arc::new(Signal::default());
        signal.raise();
        signal.raise();
        signal.taken().await;
        let waiting = tokio::spawn({
            let signal = signal.clone();
            async move { signal.taken().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "it was taken");
        signal.raise();
        waiting.await.expect("it was woken");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn none_is_lost_in_a_race() {
        let (ping, pong) = (Arc::new(Signal::default()), Arc::new(Signal::default()));
        let answering = tokio::spawn({
            let (ping, pong) = (ping.clone(), pong.clone());
            async move {
                for _ in 0..20_000 {
                    ping.taken().await;
                    pong.raise();
                }
            }
        });
        for _ in 0..20_000 {
            ping.raise();
            pong.taken().await;
        }
        answering.await.expect("it ends");
    }
}
