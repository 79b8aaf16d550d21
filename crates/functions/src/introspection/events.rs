//! The stream of what happens, for those who watch (dashboard C4): the newest events, numbered, so
//! that a reader who comes back goes on where it was and a slow one knows what it has missed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;
use serde_json::{Value as Json, json};
use tokio::sync::Notify;

/// Events that are remembered.
const KEPT: usize = 8_192;
/// Events of detail in a second; of more a part is told.
pub(crate) const DETAIL_PER_SECOND: u64 = 2_000;

/// One event.
#[derive(Debug)]
pub struct Event {
    /// Its number; no two have the same, and later ones larger ones.
    pub seq: u64,
    /// What it is of, e.g. `exec`.
    pub topic: &'static str,
    /// One line of JSON.
    pub line: Arc<str>,
}

/// What a reader finds.
#[derive(Debug)]
pub struct News {
    /// Events after the one asked for, oldest first.
    pub events: Vec<Arc<Event>>,
    /// Events that came after it and are forgotten already.
    pub lost: u64,
    /// The newest number.
    pub seq: u64,
}

#[derive(Default)]
struct Ring {
    events: VecDeque<Arc<Event>>,
    next: u64,
    /// Events of detail that came in this second, told or not.
    offered: u64,
    told: u64,
    /// Detail that was left out since the last `gap`.
    left_out: u64,
    /// One of so many is told.
    sampling: u64,
}

/// The stream.
#[derive(Default)]
pub(crate) struct Events {
    ring: Mutex<Ring>,
    news: Notify,
    readers: AtomicUsize,
    detail: AtomicBool,
}

impl Events {
    /// Whether anybody wants detail: the one question that is asked where things happen.
    pub(crate) fn wanted(&self) -> bool {
        self.detail.load(Ordering::Relaxed)
    }

    /// A reader comes; whether it is the first.
    pub(crate) fn enter(&self) -> bool {
        let first = self.readers.fetch_add(1, Ordering::AcqRel) == 0;
        self.detail.store(true, Ordering::Relaxed);
        first
    }

    /// A reader goes; whether it was the last.
    pub(crate) fn leave(&self) -> bool {
        let last = self.readers.fetch_sub(1, Ordering::AcqRel) == 1;
        if last {
            self.detail.store(false, Ordering::Relaxed);
        }
        last
    }

    /// Adds an event that is always told.
    pub(crate) fn push(&self, topic: &'static str, now_ms: f64, json: Json) {
        self.ring.lock().push(topic, now_ms, json);
        self.news.notify_waiters();
    }

    /// Adds an event of detail, which is made only if it is told.
    pub(crate) fn detail(&self, topic: &'static str, now_ms: f64, json: impl FnOnce() -> Json) {
        if !self.wanted() {
            return;
        }
        {
            let mut ring = self.ring.lock();
            ring.offered += 1;
            let chosen = ring.offered.is_multiple_of(ring.sampling.max(1));
            if !chosen || ring.told >= DETAIL_PER_SECOND {
                ring.left_out += 1;
                return;
            }
            ring.told += 1;
        }
        let json = json();
        self.ring.lock().push(topic, now_ms, json);
        self.news.notify_waiters();
    }

    /// Says that something could not be told.
    pub(crate) fn leave_out(&self) {
        self.ring.lock().left_out += 1;
    }

    /// Ends a second: says what was left out in it, and how much of the next is told.
    pub(crate) fn second(&self, now_ms: f64) {
        let mut ring = self.ring.lock();
        ring.sampling = ring.offered.div_ceil(DETAIL_PER_SECOND).max(1);
        (ring.offered, ring.told) = (0, 0);
        let lost = std::mem::take(&mut ring.left_out);
        if lost > 0 {
            ring.push("gap", now_ms, json!({ "lost": lost }));
        }
    }

    /// One of so many events of detail is told.
    pub(crate) fn sampling(&self) -> u64 {
        self.ring.lock().sampling.max(1)
    }

    /// The newest number.
    pub(crate) fn newest(&self) -> u64 {
        self.ring.lock().next
    }

    /// What came after a number, as soon as something has.
    pub(crate) async fn after(&self, seq: u64) -> News {
        loop {
            let news = self.news.notified();
            tokio::pin!(news);
            // Registered before looking, so that an event in between is not missed.
            news.as_mut().enable();
            let found = self.found_after(seq);
            if !found.events.is_empty() || found.lost > 0 {
                return found;
            }
            news.await;
        }
    }

    fn found_after(&self, seq: u64) -> News {
        let ring = self.ring.lock();
        let first = ring.events.partition_point(|event| event.seq <= seq);
        let events: Vec<_> = ring.events.range(first..).cloned().collect();
        let oldest = events.first().map_or(ring.next + 1, |event| event.seq);
        News {
            // A number from before a restart is larger than any: nothing is lost that is known.
            lost: oldest.saturating_sub(seq.saturating_add(1)),
            events,
            seq: ring.next,
        }
    }
}

impl Ring {
    fn push(&mut self, topic: &'static str, now_ms: f64, mut json: Json) {
        self.next += 1;
        json["type"] = json!(topic);
        json["seq"] = json!(self.next);
        json["t"] = json!(now_ms);
        self.events.push_back(Arc::new(Event {
            seq: self.next,
            topic,
            line: json.to_string().into(),
        }));
        if self.events.len() > KEPT {
            self.events.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn readers_go_on_where_they_were_and_know_what_they_missed() {
        let events = Events::default();
        for n in 0..3 {
            events.push("tick", 0.0, json!({ "n": n }));
        }
        let news = events.after(1).await;
        assert_eq!((news.events.len(), news.lost, news.seq), (2, 0, 3));
        for n in 0..KEPT {
            events.push("tick", 0.0, json!({ "n": n }));
        }
        let news = events.after(1).await;
        assert_eq!((news.events.len(), news.lost), (KEPT, 2));
        let events = Arc::new(events);
        let waiting = tokio::spawn({
            let events = events.clone();
            async move { events.after(news.seq).await.events[0].topic }
        });
        tokio::task::yield_now().await;
        events.push("deploy", 0.0, json!({}));
        assert_eq!(waiting.await.expect("it does not panic"), "deploy");
    }

    #[test]
    fn s020_detail_is_made_only_if_wanted_and_at_most_so_often() {
        let events = Events::default();
        events.detail("exec", 0.0, || panic!("nobody wants it"));
        assert!(events.enter() && !events.enter());
        for _ in 0..DETAIL_PER_SECOND * 3 {
            events.detail("exec", 0.0, || json!({}));
        }
        assert_eq!(events.newest(), DETAIL_PER_SECOND);
        events.second(0.0);
        assert_eq!(events.sampling(), 3);
        let found = events.found_after(DETAIL_PER_SECOND);
        assert!(
            found.events[0].line.contains("\"lost\":4000"),
            "{}",
            found.events[0].line
        );
        for _ in 0..DETAIL_PER_SECOND * 3 {
            events.detail("exec", 0.0, || json!({}));
        }
        assert_eq!(events.newest(), DETAIL_PER_SECOND * 2 + 1);
        assert!(!events.leave() && events.leave() && !events.wanted());
    }
}
