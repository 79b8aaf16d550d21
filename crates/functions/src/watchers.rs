//! Whom to wake when a query's result no longer holds.
//!
//! The thread that publishes commits only puts a result's watchers on a list; a thread of this
//! crate wakes them, however many they are. Where several watch one result, the question is asked
//! again first: each of them then finds the answer instead of waiting for it, and wakes once.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use lentil_database::Waker;
use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

/// With so many watchers, the answer is made before they are woken.
const SHARED_BY: usize = 2;

/// Starts asking a question again; what it is given is dropped when the answer is there.
pub(crate) type Refresh = Box<dyn Fn(WakeAll) + Send + Sync>;

/// The watchers of one result.
#[derive(Default)]
pub(crate) struct Watchers {
    state: Mutex<State>,
    refresh: OnceLock<Refresh>,
}

/// Wakes all watchers of a result when dropped, whatever became of the new answer.
pub(crate) struct WakeAll(Arc<Watchers>);

impl Drop for WakeAll {
    fn drop(&mut self) {
        self.0.wake_all();
    }
}

#[derive(Default)]
struct State {
    /// All were woken; later ones are woken when they come.
    fired: bool,
    next: u64,
    watching: HashMap<u64, Arc<Notify>>,
}

impl Watchers {
    /// Adds one and returns its number; wakes it at once if the result no longer holds already.
    pub(crate) fn add(&self, notify: Arc<Notify>, invalidated: impl FnOnce() -> bool) -> u64 {
        let mut state = self.state.lock();
        let number = state.next;
        state.next += 1;
        // Asked under the lock: an invalidation that this misses finds the new entry.
        if state.fired || invalidated() {
            drop(state);
            notify.notify_one();
        } else {
            state.watching.insert(number, notify);
        }
        number
    }

    pub(crate) fn remove(&self, number: u64) {
        let notify = self.state.lock().watching.remove(&number);
        drop(notify);
    }

    /// Sets how the question is asked again; before anybody watches.
    pub(crate) fn refresh_with(&self, refresh: Refresh) {
        let known = self.refresh.set(refresh);
        debug_assert!(known.is_ok(), "a result has one question");
    }

    fn fire(self: Arc<Self>) {
        let shared = self.state.lock().watching.len() >= SHARED_BY;
        let watchers = self.clone();
        match watchers.refresh.get().filter(|_| shared) {
            Some(refresh) => refresh(WakeAll(self)),
            None => self.wake_all(),
        }
    }

    fn wake_all(&self) {
        let watching = {
            let mut state = self.state.lock();
            state.fired = true;
            std::mem::take(&mut state.watching)
        };
        for notify in watching.into_values() {
            notify.notify_one();
        }
    }
}

/// The thread that wakes watchers.
pub(crate) struct Dispatcher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    bell: Condvar,
}

/// Bounded by the subscriptions there are: each comes here once.
#[derive(Default)]
struct Queue {
    hit: Vec<Arc<Watchers>>,
    closed: bool,
}

impl Dispatcher {
    pub(crate) fn start() -> Dispatcher {
        let shared = Arc::new(Shared::default());
        let thread = std::thread::Builder::new()
            .name("lentil-waker".to_owned())
            .spawn({
                let shared = shared.clone();
                move || shared.run()
            })
            .expect("a thread can be started while the service is being wired");
        Dispatcher {
            shared,
            thread: Some(thread),
        }
    }

    /// What the database calls when a commit touches the read set behind `watchers`.
    pub(crate) fn waker(&self, watchers: &Arc<Watchers>) -> Waker {
        let (shared, watchers) = (self.shared.clone(), watchers.clone());
        Arc::new(move |_ts| {
            shared.queue.lock().hit.push(watchers.clone());
            shared.bell.notify_one();
        })
    }
}

impl Shared {
    fn run(&self) {
        loop {
            let hit = {
                let mut queue = self.queue.lock();
                while queue.hit.is_empty() && !queue.closed {
                    self.bell.wait(&mut queue);
                }
                if queue.closed {
                    return;
                }
                std::mem::take(&mut queue.hit)
            };
            for watchers in hit {
                watchers.fire();
            }
        }
    }
}

impl Drop for Dispatcher {
    fn drop(&mut self) {
        self.shared.queue.lock().closed = true;
        self.shared.bell.notify_one();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("waking does not panic");
        }
    }
}
