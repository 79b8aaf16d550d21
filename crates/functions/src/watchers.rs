//! Whom to wake when a query's result no longer holds.
//!
//! The thread that publishes commits sees to a few results itself, which costs a task or a signal
//! each; it puts the watchers of others on a list, and a thread of this crate wakes them, however
//! many they are. Where several watch one result, the question is asked
//! again first: each of them then finds the answer instead of waiting for it, and wakes once.

use std::sync::{Arc, OnceLock, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lentil_database::Waker;
use parking_lot::{Condvar, Mutex};
use slab::Slab;

use crate::{QueryResult, Signal};

/// With so many watchers, the answer is made before they are woken.
const SHARED_BY: usize = 2;

/// Results that the publishing thread sees to itself in so much time: going through another thread
/// costs more than the work, and waits for a core while others are about to be idle.
const AT_ONCE_MAX: u32 = 4;
const AT_ONCE_WITHIN: Duration = Duration::from_micros(250);

/// Starts asking a question again; what it is given is dropped when the answer is there.
pub(crate) type Refresh = Box<dyn Fn(WakeAll) + Send + Sync>;

/// The watchers of one result.
#[derive(Default)]
pub(crate) struct Watchers {
    state: Mutex<State>,
    refresh: OnceLock<Refresh>,
    /// What the question was answered with when it was asked again for all of them.
    next: OnceLock<Weak<QueryResult>>,
}

/// Wakes all watchers of a result when dropped, whatever became of the new answer.
pub(crate) struct WakeAll(Arc<Watchers>);

impl WakeAll {
    /// Tells the watchers, before they are woken, what holds now.
    pub(crate) fn answered(&self, next: &Arc<QueryResult>) {
        // Once: results are asked again once.
        let _known = self.0.next.set(Arc::downgrade(next));
    }
}

impl Drop for WakeAll {
    fn drop(&mut self) {
        self.0.wake_all();
    }
}

#[derive(Default)]
struct State {
    /// All were woken; later ones are woken when they come.
    fired: bool,
    watching: Slab<Arc<Signal>>,
}

/// The number of a watcher that is not kept: it was woken when it came.
const WOKEN: usize = usize::MAX;

impl Watchers {
    /// Adds one and returns its number; wakes it at once if the others have been woken.
    ///
    /// Not already when the result is marked as invalidated: that happens a moment before the
    /// commit is visible, and whoever is woken before it is finds nothing to do and is never woken
    /// again.
    pub(crate) fn add(&self, signal: &Arc<Signal>) -> usize {
        let mut state = self.state.lock();
        if !state.fired {
            return state.watching.insert(signal.clone());
        }
        drop(state);
        signal.raise();
        WOKEN
    }

    /// Nobody comes after the watchers were woken, so that a number is never another's.
    pub(crate) fn remove(&self, number: usize) {
        let signal = self.state.lock().watching.try_remove(number);
        drop(signal);
    }

    /// The conversations that watch, by number.
    pub(crate) fn sessions(&self) -> Vec<u64> {
        let state = self.state.lock();
        let numbers = state.watching.iter().map(|(_, signal)| signal.session());
        numbers.filter(|number| *number > 0).collect()
    }

    /// The result that was made for all watchers of this one, if somebody still has it.
    pub(crate) fn next(&self) -> Option<Arc<QueryResult>> {
        self.next.get()?.upgrade()
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

    /// Whether firing costs little, however many there are.
    fn fires_quickly(&self) -> bool {
        self.refresh.get().is_some() || self.state.lock().watching.len() < SHARED_BY
    }

    fn wake_all(&self) {
        let watching = {
            let mut state = self.state.lock();
            state.fired = true;
            std::mem::take(&mut state.watching)
        };
        for (_, signal) in watching {
            signal.raise();
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
    at_once: Mutex<Option<AtOnce>>,
}

/// What the publishing thread has seen to since.
struct AtOnce {
    since: Instant,
    count: u32,
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
            if watchers.fires_quickly() && shared.takes_one_at_once() {
                return watchers.clone().fire();
            }
            shared.queue.lock().hit.push(watchers.clone());
            shared.bell.notify_one();
        })
    }
}

impl Shared {
    fn takes_one_at_once(&self) -> bool {
        let mut at_once = self.at_once.lock();
        match &mut *at_once {
            Some(AtOnce { since, count }) if since.elapsed() < AT_ONCE_WITHIN => {
                *count += 1;
                *count <= AT_ONCE_MAX
            }
            other => {
                *other = Some(AtOnce {
                    since: Instant::now(),
                    count: 1,
                });
                true
            }
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a wake-up waits to be taken.
    fn was_woken(signal: &Signal) -> bool {
        use std::pin::pin;
        use std::task::{Context, Waker as TaskWaker};
        let mut context = Context::from_waker(TaskWaker::noop());
        pin!(signal.taken()).poll(&mut context).is_ready()
    }

    #[test]
    fn a_few_are_seen_to_at_once_and_many_are_listed() {
        let shared = Shared::default();
        assert!((0..AT_ONCE_MAX).all(|_| shared.takes_one_at_once()));
        let since = shared.at_once.lock().as_ref().map(|it| it.since);
        // Unless it has taken longer than that to get here.
        let taken = shared.takes_one_at_once();
        assert!(!taken || since.is_some_and(|since| since.elapsed() >= AT_ONCE_WITHIN));
        std::thread::sleep(AT_ONCE_WITHIN);
        assert!(shared.takes_one_at_once());
    }

    #[test]
    fn watchers_are_woken_when_the_commit_is_visible_however_late_they_come() {
        let watchers = Arc::new(Watchers::default());
        let [early, late, gone] = [(); 3].map(|()| Arc::new(Signal::default()));
        watchers.add(&early);
        let number = watchers.add(&gone);
        watchers.remove(number);
        assert!(!was_woken(&early));
        watchers.clone().fire();
        let number = watchers.add(&late);
        watchers.remove(number);
        assert!(was_woken(&early) && was_woken(&late) && !was_woken(&gone));
    }
}
