//! Station 11 · who must hear of a commit.
//!
//! Arrives: published writes (`write_log.rs`). Leaves: wake-ups of the subscriptions whose read
//! set they touch, to `functions/src/query.rs` (station 12). Look-up is by interval: a commit
//! costs what it touches and not what exists.

use std::sync::Arc;

use lentil_values::Timestamp;

/// Called once, with the commit's timestamp, on the thread that publishes: must be quick and never block.
pub type Waker = Arc<dyn Fn(Timestamp) + Send + Sync>;

/// Watches a read set until dropped.
pub struct Subscription {
    _private: (),
}

impl Subscription {
    /// The first commit after the subscribed snapshot that touched the read set, if any. Set
    /// before that commit becomes visible as [`crate::Database::latest`].
    pub fn invalidated_at(&self) -> Option<Timestamp> {
        todo!()
    }
}
