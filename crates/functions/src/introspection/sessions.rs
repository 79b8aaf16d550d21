//! The conversations that are open, as dashboards draw them.

use std::collections::BTreeMap;
use std::sync::Arc;

use lentil_identity::Identity;
use parking_lot::Mutex;

use crate::logs::identity_type;

/// What is known of a conversation.
#[derive(Clone, Debug)]
pub(crate) struct Present {
    /// What the client says it is.
    pub(crate) client: String,
    /// In whose name it last asked.
    pub(crate) identity: &'static str,
    /// When it came, ms since the epoch.
    pub(crate) since_ms: f64,
    /// Whether it asks the server itself: it is a dashboard, and no client of the app.
    pub(crate) system: bool,
}

/// All of them, by number.
#[derive(Default)]
pub(crate) struct Sessions {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    present: BTreeMap<u64, Present>,
    next: u64,
}

impl Sessions {
    /// A conversation begins, and ends when what is given is dropped.
    pub(crate) fn enter(self: &Arc<Self>, client: String, since_ms: f64) -> Presence {
        let mut state = self.state.lock();
        state.next += 1;
        let number = state.next;
        let present = Present {
            client,
            identity: "unknown",
            since_ms,
            system: false,
        };
        state.present.insert(number, present);
        Presence {
            all: self.clone(),
            number,
        }
    }

    /// Those of the app's clients, by number.
    pub(crate) fn all(&self) -> Vec<(u64, Present)> {
        let state = self.state.lock();
        let own = state.present.iter().filter(|(_, it)| !it.system);
        own.map(|(number, it)| (*number, it.clone())).collect()
    }

    /// How many there are of the app's clients.
    pub(crate) fn count(&self) -> usize {
        let state = self.state.lock();
        state.present.values().filter(|it| !it.system).count()
    }
}

/// An open conversation.
pub struct Presence {
    all: Arc<Sessions>,
    number: u64,
}

impl Presence {
    /// Its number; no other of this process has or had it.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Notes in whose name it asks now, and whether it asks the server itself.
    pub fn asks(&self, identity: &Identity, system: bool) {
        let mut state = self.all.state.lock();
        if let Some(present) = state.present.get_mut(&self.number) {
            present.identity = identity_type(identity);
            present.system |= system;
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.all.state.lock().present.remove(&self.number);
    }
}
