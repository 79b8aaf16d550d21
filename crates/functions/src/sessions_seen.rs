//! Which numbered mutations cannot have run before, without asking storage.
//!
//! A client numbers its mutations and sends them again after a lost connection, so each has to be
//! looked up before it runs (sync-and-http 2.6). Nearly always it is newer than all that its
//! session has sent, and then there is nothing to find. The look-up stays a read of the
//! transaction in any case; what is spared is asking storage, and the thread that may wait for it.
//!
//! Invariant: if `learned`, no request above `highest` of that session has a record, and no run of
//! one is under way. It holds because every run enters here before it takes its snapshot, and
//! because an entry is forgotten only long after its last run ended: whatever that one committed
//! is visible to whoever learns the session anew.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use uuid::Uuid;

use crate::SessionRequest;

/// Entries that are looked through for old ones when one more comes.
const SWEEP_FROM: usize = 4_096;
/// An entry that nobody used for so long may go.
const IDLE: Duration = Duration::from_secs(120);

/// The sessions that have sent mutations lately.
#[derive(Default)]
pub(crate) struct SessionsSeen {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sessions: HashMap<Uuid, Session>,
    sweep_at: usize,
}

struct Session {
    /// The highest request that a run has entered with, or that storage knew when it was asked.
    highest: u32,
    /// Whether storage was asked.
    learned: bool,
    runs: u32,
    used: Instant,
}

/// What is known of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has not run, and nobody is running it.
    New,
    /// It may have run: ask storage.
    Perhaps,
    /// The session is new here: ask storage for its highest request as well, and say it with
    /// [`SessionsSeen::learn`].
    Unknown,
}

/// A run that has entered; leaves when dropped.
pub(crate) struct Entered<'a> {
    seen: &'a SessionsSeen,
    session: Uuid,
    /// What was known when it entered.
    pub(crate) standing: Standing,
}

impl SessionsSeen {
    /// Enters a run of a request. Before the run's transaction begins.
    pub(crate) fn enter(&self, request: SessionRequest) -> Entered<'_> {
        self.enter_at(request, Instant::now())
    }

    fn enter_at(&self, request: SessionRequest, now: Instant) -> Entered<'_> {
        let mut state = self.state.lock();
        state.sweep(now);
        let session = state.sessions.entry(request.session_id).or_insert(Session {
            highest: 0,
            learned: false,
            runs: 0,
            used: now,
        });
        let standing = match session.learned {
            false => Standing::Unknown,
            true if request.request_id > session.highest => Standing::New,
            true => Standing::Perhaps,
        };
        session.highest = session.highest.max(request.request_id);
        session.runs += 1;
        session.used = now;
        Entered {
            seen: self,
            session: request.session_id,
            standing,
        }
    }

    /// Takes note of the highest request of a session that storage knows; from a transaction that
    /// began after its run entered.
    pub(crate) fn learn(&self, session: Uuid, highest: Option<u32>) {
        if let Some(entry) = self.state.lock().sessions.get_mut(&session) {
            entry.highest = entry.highest.max(highest.unwrap_or(0));
            entry.learned = true;
        }
    }
}

impl State {
    /// Forgets idle sessions whenever there are twice as many as were left the last time.
    fn sweep(&mut self, now: Instant) {
        if self.sessions.len() < self.sweep_at.max(SWEEP_FROM) {
            return;
        }
        self.sessions
            .retain(|_, it| it.runs > 0 || now.duration_since(it.used) < IDLE);
        self.sweep_at = self.sessions.len() * 2;
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if let Some(entry) = self.seen.state.lock().sessions.get_mut(&self.session) {
            entry.runs -= 1;
            entry.used = entry.used.max(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(session: u128, request_id: u32) -> SessionRequest {
        SessionRequest {
            session_id: Uuid::from_u128(session),
            request_id,
        }
    }

    #[test]
    fn only_requests_above_all_that_were_seen_are_new() {
        let seen = SessionsSeen::default();
        let first = seen.enter(request(1, 5));
        assert_eq!(first.standing, Standing::Unknown);
        // Storage has not answered yet: nobody may rely on it.
        assert_eq!(seen.enter(request(1, 9)).standing, Standing::Unknown);
        seen.learn(Uuid::from_u128(1), Some(7));
        for (number, standing) in [
            (7, Standing::Perhaps),
            (9, Standing::Perhaps),
            (10, Standing::New),
            (10, Standing::Perhaps),
            (11, Standing::New),
        ] {
            assert_eq!(
                seen.enter(request(1, number)).standing,
                standing,
                "{number}"
            );
        }
        assert_eq!(seen.enter(request(2, 12)).standing, Standing::Unknown);
        drop(first);
    }

    #[test]
    fn sessions_are_forgotten_when_they_are_idle_and_not_before() {
        let seen = SessionsSeen::default();
        let start = Instant::now();
        let running = seen.enter_at(request(0, 1), start);
        seen.learn(Uuid::from_u128(0), None);
        for session in 1..SWEEP_FROM as u128 {
            seen.enter_at(request(session, 1), start);
        }
        let later = Instant::now() + IDLE;
        drop(seen.enter_at(request(u128::MAX, 1), later));
        assert!(seen.state.lock().sessions.len() <= 3);
        // One that runs is kept, however long it takes.
        assert_eq!(seen.enter(request(0, 1)).standing, Standing::Perhaps);
        drop(running);
    }
}
