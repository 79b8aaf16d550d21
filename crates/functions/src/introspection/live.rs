//! The queries that somebody watches: how many do, what they read, how often they ran again and
//! whether that was for anything.
//!
//! A result knows its question's entry, so that whoever begins or ceases to watch only counts up or
//! down; the table of all entries is looked into once a run.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use lentil_values::Timestamp;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::history::History;
use crate::QueryResult;
use crate::cache::QueryKey;
use crate::path::figured;

/// Counters of a question: runs again, those for nothing, bytes sent.
pub(crate) const CELLS: usize = 3;
/// Characters of arguments that are shown.
const PREVIEW: usize = 200;
/// Causes that are remembered of a question.
const CAUSES_KEPT: usize = 50;

/// A commit that made a query run again.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    pub(crate) ts: Timestamp,
    /// When it ran again, ms since the epoch.
    pub(crate) at_ms: f64,
    pub(crate) seconds: f64,
    pub(crate) changed: bool,
}

/// One question.
pub(crate) struct LiveQuery {
    pub(crate) key: Arc<QueryKey>,
    watching: AtomicUsize,
    cells: [AtomicU64; CELLS],
    last_rerun_ms: AtomicU64,
    state: Mutex<State>,
    hash: OnceLock<String>,
}

#[derive(Default)]
struct State {
    current: Option<Weak<QueryResult>>,
    history: History<CELLS>,
    causes: std::collections::VecDeque<Cause>,
}

/// A question that ran again because of a commit.
pub(crate) struct Rerun {
    pub(crate) because: Timestamp,
    pub(crate) changed: bool,
    pub(crate) watching: usize,
}

impl LiveQuery {
    fn new(key: Arc<QueryKey>) -> LiveQuery {
        LiveQuery {
            key,
            watching: AtomicUsize::new(0),
            cells: Default::default(),
            last_rerun_ms: AtomicU64::new(0),
            state: Mutex::default(),
            hash: OnceLock::new(),
        }
    }

    /// How many watch it.
    pub(crate) fn watching(&self) -> usize {
        self.watching.load(Ordering::Relaxed)
    }

    /// When it ran again last, ms since the epoch; 0 if never.
    pub(crate) fn last_rerun_ms(&self) -> u64 {
        self.last_rerun_ms.load(Ordering::Relaxed)
    }

    /// Its path as it is shown.
    pub(crate) fn query(&self) -> String {
        figured(&self.key.component, self.key.path.to_string()).into_owned()
    }

    /// Tells it from other questions of its function.
    pub(crate) fn args_hash(&self) -> &str {
        self.hash.get_or_init(|| {
            let mut hash = Sha256::new();
            hash.update(self.key.args.as_bytes());
            hash.update(self.key.identity.as_deref().unwrap_or_default());
            hex::encode(&hash.finalize()[..6])
        })
    }

    /// Its name and what tells it from others of its function.
    pub(crate) fn group(&self) -> String {
        format!("{} {}", self.query(), self.args_hash())
    }

    /// The beginning of its arguments.
    pub(crate) fn args_preview(&self) -> &str {
        let args = &self.key.args;
        &args[..args.floor_char_boundary(PREVIEW)]
    }

    /// The result that is held now, if one is.
    pub(crate) fn current(&self) -> Option<Arc<QueryResult>> {
        self.state.lock().current.as_ref()?.upgrade()
    }

    /// Runs again, those for nothing and bytes sent since a time, seconds since the epoch.
    pub(crate) fn since(&self, secs: u64) -> [u64; CELLS] {
        self.state.lock().history.sum_from(secs)
    }

    /// Why it ran again, the newest last.
    pub(crate) fn causes(&self) -> Vec<Cause> {
        self.state.lock().causes.iter().cloned().collect()
    }

    fn total(&self) -> [u64; CELLS] {
        std::array::from_fn(|at| self.cells[at].load(Ordering::Relaxed))
    }

    /// Takes the result of a run; says if it was one that a commit has caused.
    fn ran(&self, result: &Arc<QueryResult>, seconds: f64, now_ms: f64) -> Option<Rerun> {
        let mut state = self.state.lock();
        let before = state.current.replace(Arc::downgrade(result));
        let watching = self.watching();
        if watching == 0 {
            return None;
        }
        let before = before.and_then(|before| before.upgrade())?;
        let because = before.invalidated_at()?;
        let changed = before.outcome.result != result.outcome.result;
        if state.causes.len() == CAUSES_KEPT {
            state.causes.pop_front();
        }
        state.causes.push_back(Cause {
            ts: because,
            at_ms: now_ms,
            seconds,
            changed,
        });
        drop(state);
        self.cells[0].fetch_add(1, Ordering::Relaxed);
        if changed {
            let bytes = result.outcome.result.as_ref().map_or(0, |text| text.len());
            self.cells[2].fetch_add((bytes * watching) as u64, Ordering::Relaxed);
        } else {
            self.cells[1].fetch_add(1, Ordering::Relaxed);
        }
        self.last_rerun_ms.store(now_ms as u64, Ordering::Relaxed);
        Some(Rerun {
            because,
            changed,
            watching,
        })
    }
}

/// The entry of a result's question.
pub(crate) struct Entry {
    all: Arc<LiveQueries>,
    query: Arc<LiveQuery>,
}

impl Entry {
    /// Somebody watches.
    pub(crate) fn watch(&self) {
        self.all.watches.fetch_add(1, Ordering::Relaxed);
        if self.query.watching.fetch_add(1, Ordering::Relaxed) == 0 {
            // It may have been forgotten since it ran.
            let mut known = self.all.known.lock();
            let key = self.query.key.clone();
            known.entry(key).or_insert_with(|| self.query.clone());
        }
    }

    /// Somebody watches no more.
    pub(crate) fn unwatch(&self) {
        self.all.watches.fetch_sub(1, Ordering::Relaxed);
        self.query.watching.fetch_sub(1, Ordering::Relaxed);
    }
}

/// All questions that are watched, and those that were just asked.
#[derive(Default)]
pub(crate) struct LiveQueries {
    known: Mutex<HashMap<Arc<QueryKey>, Arc<LiveQuery>>>,
    watches: AtomicUsize,
    /// Whose the subscriptions of the database are, while somebody wants to know.
    subscribed: Mutex<Option<HashMap<u64, Arc<LiveQuery>>>>,
}

impl LiveQueries {
    /// Takes the result of a run and gives it its entry.
    pub(crate) fn ran(
        self: &Arc<Self>,
        key: &Arc<QueryKey>,
        result: &Arc<QueryResult>,
        seconds: f64,
        now_ms: f64,
        detail: bool,
    ) -> Option<(Arc<LiveQuery>, Rerun)> {
        // Where a page ends is no part of the question here.
        let key = key.with_journal(None);
        let query = {
            let mut known = self.known.lock();
            match known.get(&key) {
                Some(query) => query.clone(),
                None => {
                    let query = Arc::new(LiveQuery::new(key.clone()));
                    known.insert(key, query.clone());
                    query
                }
            }
        };
        let rerun = query.ran(result, seconds, now_ms);
        if detail {
            self.subscribe(result, &query);
        }
        // Once: each result is given its entry by the run that made it.
        let _set = result.live.set(Entry {
            all: self.clone(),
            query: query.clone(),
        });
        rerun.map(|rerun| (query, rerun))
    }

    /// How many watch anything.
    pub(crate) fn watches(&self) -> usize {
        self.watches.load(Ordering::Relaxed)
    }

    /// Those that are watched.
    pub(crate) fn watched(&self) -> Vec<Arc<LiveQuery>> {
        let known = self.known.lock();
        let watched = known.values().filter(|query| query.watching() > 0);
        watched.cloned().collect()
    }

    /// The questions of subscriptions that a commit has hit, each asked for once. Known only while
    /// `follow` is told to follow them.
    pub(crate) fn take_subscribed(
        &self,
        numbers: impl Iterator<Item = u64>,
    ) -> HashMap<u64, Arc<LiveQuery>> {
        let mut subscribed = self.subscribed.lock();
        let mut found = HashMap::new();
        for number in numbers {
            if let Some(query) = subscribed.as_mut().and_then(|known| known.remove(&number)) {
                found.insert(number, query);
            }
        }
        found
    }

    /// Begins or ceases to know which subscription is whose.
    pub(crate) fn follow(&self, on: bool) {
        if !on {
            *self.subscribed.lock() = None;
            return;
        }
        *self.subscribed.lock() = Some(HashMap::new());
        for query in self.watched() {
            if let Some(result) = query.current() {
                self.subscribe(&result, &query);
            }
        }
    }

    fn subscribe(&self, result: &QueryResult, query: &Arc<LiveQuery>) {
        if let Some(known) = self.subscribed.lock().as_mut()
            && let Some(subscription) = &result.subscription
        {
            known.insert(subscription.number(), query.clone());
        }
    }

    /// Notes what has come since the last time, and forgets what nobody watches.
    pub(crate) fn note(&self, now_secs: u64) {
        let watched = {
            let mut known = self.known.lock();
            known.retain(|_, query| query.watching() > 0);
            known.values().cloned().collect::<Vec<_>>()
        };
        if let Some(subscribed) = self.subscribed.lock().as_mut() {
            subscribed.retain(|_, query| query.watching() > 0);
        }
        for query in watched {
            let total = query.total();
            query.state.lock().history.note(now_secs, &total);
        }
    }
}
