//! Who runs when mutations keep conflicting.
//!
//! Mutations run at once and optimistically. One that has conflicted a few times takes turns with
//! others that conflicted over the same table, so that they do not undo each other's work; one
//! that conflicts even so runs alone. So every mutation ends, however many contend.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{
    Mutex as Turns, OwnedMutexGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock,
};

/// Conflicts after which a mutation takes turns.
const OPTIMISTIC: u32 = 2;
/// Conflicts after which a mutation runs alone.
const IN_TURNS: u32 = 6;
/// The longest pause before running alone once more, for writers that are no mutations.
const PAUSE_MAX: Duration = Duration::from_millis(128);

/// How one mutation has fared so far.
#[derive(Debug, Default)]
pub(crate) struct Conflicts {
    pub(crate) count: u32,
    /// The table of the last one.
    pub(crate) table: String,
}

impl Conflicts {
    pub(crate) fn add(&mut self, table: String) {
        self.count += 1;
        self.table = table;
    }
}

/// The turns of a deployment's mutations. Locks are taken in the order of the fields.
#[derive(Default)]
pub(crate) struct Contention {
    /// Bounded by the number of tables.
    tables: Mutex<HashMap<String, Arc<Turns<()>>>>,
    /// Shared by those that run, owned by the one that runs alone.
    all: Arc<RwLock<()>>,
}

/// Leave to run once; held until the commit has been answered.
pub(crate) enum Turn {
    Shared {
        _all: OwnedRwLockReadGuard<()>,
        _table: Option<OwnedMutexGuard<()>>,
    },
    Alone {
        _all: OwnedRwLockWriteGuard<()>,
    },
}

impl Contention {
    /// Waits for leave to run.
    pub(crate) async fn turn(&self, conflicts: &Conflicts) -> Turn {
        if conflicts.count >= IN_TURNS {
            let exponent = (conflicts.count - IN_TURNS).min(10);
            if exponent > 0 {
                // Grows only under repeated conflict, and jitter is of no use to one that runs alone.
                let pause = Duration::from_millis(1 << exponent).min(PAUSE_MAX);
                tokio::time::sleep(pause).await;
            }
            return Turn::Alone {
                _all: self.all.clone().write_owned().await,
            };
        }
        let table = if conflicts.count >= OPTIMISTIC {
            Some(self.table(&conflicts.table).lock_owned().await)
        } else {
            None
        };
        Turn::Shared {
            _all: self.all.clone().read_owned().await,
            _table: table,
        }
    }

    fn table(&self, name: &str) -> Arc<Turns<()>> {
        let mut tables = self.tables.lock();
        match tables.get(name) {
            Some(turns) => turns.clone(),
            None => tables.entry(name.to_owned()).or_default().clone(),
        }
    }
}
