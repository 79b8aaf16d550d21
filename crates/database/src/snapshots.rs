//! Which snapshots are in use: the write log and retention keep what they may still need.

use std::collections::BTreeMap;
use std::sync::Arc;

use lentil_values::Timestamp;
use parking_lot::Mutex;

/// The snapshots of running transactions.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    /// How many users each snapshot has. Lock order: taken last, nothing is locked inside.
    users: Mutex<Users>,
}

#[derive(Debug, Default)]
struct Users {
    counts: BTreeMap<Timestamp, usize>,
    /// Retention has removed (or is removing) what only older snapshots see.
    horizon: Timestamp,
}

/// Keeps a snapshot in use until dropped.
#[derive(Debug)]
pub(crate) struct SnapshotGuard {
    snapshots: Arc<Snapshots>,
    pub(crate) snapshot: Timestamp,
}

impl Snapshots {
    /// Takes the snapshot that `choose` names. It is asked under the lock, so that nobody can
    /// decide in between that the snapshot is in nobody's use.
    pub(crate) fn take<T>(
        self: &Arc<Self>,
        choose: impl FnOnce() -> (Timestamp, T),
    ) -> (SnapshotGuard, T) {
        let mut users = self.users.lock();
        let (snapshot, with) = choose();
        assert!(
            snapshot >= users.horizon,
            "the newest snapshot is never behind the horizon"
        );
        *users.counts.entry(snapshot).or_default() += 1;
        (
            SnapshotGuard {
                snapshots: self.clone(),
                snapshot,
            },
            with,
        )
    }

    /// Takes an older snapshot unless retention has passed it.
    pub(crate) fn take_retained(self: &Arc<Self>, snapshot: Timestamp) -> Option<SnapshotGuard> {
        let mut users = self.users.lock();
        if snapshot < users.horizon {
            return None;
        }
        *users.counts.entry(snapshot).or_default() += 1;
        Some(SnapshotGuard {
            snapshots: self.clone(),
            snapshot,
        })
    }

    /// The oldest snapshot in use, at most `newest`.
    pub(crate) fn oldest(&self, newest: Timestamp) -> Timestamp {
        self.users
            .lock()
            .counts
            .first_key_value()
            .map_or(newest, |(oldest, _)| (*oldest).min(newest))
    }

    /// Moves the horizon up to `wanted` or to the oldest snapshot in use; never back. From then
    /// on nobody gets a snapshot below it.
    pub(crate) fn advance_horizon(&self, wanted: Timestamp) -> Timestamp {
        let mut users = self.users.lock();
        let oldest = users
            .counts
            .first_key_value()
            .map_or(wanted, |(oldest, _)| (*oldest).min(wanted));
        users.horizon = users.horizon.max(oldest);
        users.horizon
    }
}

impl SnapshotGuard {
    /// Another guard of the same snapshot.
    pub(crate) fn again(&self) -> SnapshotGuard {
        let again = self.snapshots.take_retained(self.snapshot);
        again.expect("a snapshot in use is not behind the horizon")
    }
}

impl Drop for SnapshotGuard {
    fn drop(&mut self) {
        let mut users = self.snapshots.users.lock();
        let count = users
            .counts
            .get_mut(&self.snapshot)
            .expect("a guard is counted until it is dropped");
        *count -= 1;
        if *count == 0 {
            users.counts.remove(&self.snapshot);
        }
    }
}
