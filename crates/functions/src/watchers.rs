//! Whom to wake when a query's result no longer holds.
//!
//! The thread that publishes commits only puts a result's watchers on a list; a thread of this
//! crate wakes them, however many they are.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::JoinHandle;

use lentil_database::Waker;
use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

/// The watchers of one result.
#[derive(Default)]
pub(crate) struct Watchers {
    state: Mutex<State>,
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

    fn fire(&self) {
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
