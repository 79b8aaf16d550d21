//! Station 11 · who must hear of a commit.
//!
//! Arrives: published writes (`write_log.rs`). Leaves: wake-ups of the subscriptions whose read
//! set they touch, to `functions/src/query.rs` (station 12). Look-up is by interval: a commit
//! costs what it touches and not what exists.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lentil_storage::IndexId;
use lentil_values::{KeyRange, Timestamp};

use crate::interval_tree::{End, IntervalTree, OwnerId, Owners};
use crate::read_set::is_point;
use crate::shared::Shared;
use crate::write_log::Touch;
use crate::{HitReport, ReadSet};

/// Called once, with the commit's timestamp, on the thread that publishes: must be quick and never block.
pub type Waker = Arc<dyn Fn(Timestamp) + Send + Sync>;

/// Watches a read set until dropped.
pub struct Subscription {
    shared: Arc<Shared>,
    owner: OwnerId,
    intervals: usize,
    invalidated_at: Arc<AtomicU64>,
}

impl Subscription {
    pub(crate) fn new(
        shared: Arc<Shared>,
        owner: OwnerId,
        intervals: usize,
        invalidated_at: Arc<AtomicU64>,
    ) -> Subscription {
        Subscription {
            shared,
            owner,
            intervals,
            invalidated_at,
        }
    }

    /// Its number; no other subscription of this process has or had it.
    pub fn number(&self) -> u64 {
        self.owner
    }

    /// How many intervals it watches, or has watched.
    pub fn intervals(&self) -> usize {
        self.intervals
    }

    /// What it watches; nothing once it was hit.
    pub fn ranges(&self) -> Vec<(IndexId, KeyRange)> {
        self.shared
            .publication
            .lock()
            .subscriptions
            .watched(self.owner)
    }

    /// The first commit after the subscribed snapshot that touched the read set, if any. Set
    /// before that commit becomes visible as [`crate::Database::latest`].
    pub fn invalidated_at(&self) -> Option<Timestamp> {
        match self.invalidated_at.load(Ordering::Acquire) {
            0 => None,
            ts => Some(Timestamp(ts)),
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // One that was hit has been taken out of the indexes already.
        if self.invalidated_at().is_none() {
            let waker = self
                .shared
                .publication
                .lock()
                .subscriptions
                .remove(self.owner);
            // Dropped after the lock is given back: what it holds may end a subscription itself.
            drop(waker);
        }
    }
}

/// A wake-up to be delivered once the commit is visible.
pub(crate) struct Hit {
    pub(crate) waker: Waker,
    pub(crate) ts: Timestamp,
}

struct Watched {
    index: IndexId,
    start: Arc<[u8]>,
    /// `None` for a single key.
    end: Option<End>,
}

struct Entry {
    watched: Vec<Watched>,
    waker: Waker,
    invalidated_at: Arc<AtomicU64>,
}

impl Entry {
    /// Where it is hit by one of the touches.
    fn place(&self, owner: OwnerId, touches: &[Touch]) -> Option<HitReport> {
        touches.iter().find_map(|touch| {
            let mut watched = self.watched.iter();
            let hit = watched.find(|it| it.index == touch.index && it.contains(&touch.key))?;
            Some(HitReport {
                subscription: owner,
                index: touch.index,
                key: touch.key.clone(),
                range: hit.range(),
            })
        })
    }
}

impl Watched {
    fn contains(&self, key: &[u8]) -> bool {
        match &self.end {
            None => *self.start == *key,
            Some(end) => *self.start <= *key && end.as_ref().is_none_or(|end| key < end.as_ref()),
        }
    }

    fn range(&self) -> KeyRange {
        match &self.end {
            None => KeyRange::point(self.start.to_vec()),
            Some(end) => KeyRange {
                start: self.start.to_vec(),
                end: end.as_ref().map(|end| end.to_vec()),
            },
        }
    }
}

#[derive(Default)]
struct IndexSubscriptions {
    points: HashMap<Arc<[u8]>, Owners>,
    ranges: IntervalTree,
}

/// All subscriptions, by what they watch.
#[derive(Default)]
pub(crate) struct Subscriptions {
    entries: HashMap<OwnerId, Entry>,
    indexes: HashMap<IndexId, IndexSubscriptions>,
    next_owner: OwnerId,
}

impl Subscriptions {
    /// Watches `reads`.
    pub(crate) fn add(
        &mut self,
        reads: &ReadSet,
        waker: Waker,
        invalidated_at: Arc<AtomicU64>,
    ) -> OwnerId {
        let owner = self.next_owner;
        self.next_owner += 1;
        let watched = reads
            .intervals()
            .map(|(index, start, end)| self.watch(owner, index, start, end))
            .collect();
        self.entries.insert(
            owner,
            Entry {
                watched,
                waker,
                invalidated_at,
            },
        );
        owner
    }

    /// What a subscription watches.
    pub(crate) fn watched(&self, owner: OwnerId) -> Vec<(IndexId, KeyRange)> {
        let entry = self.entries.get(&owner);
        let watched = entry.iter().flat_map(|entry| &entry.watched);
        watched.map(|item| (item.index, item.range())).collect()
    }

    /// The owner number of a subscription that was hit before it could be added.
    pub(crate) fn skip_owner(&mut self) -> OwnerId {
        self.next_owner += 1;
        self.next_owner - 1
    }

    fn watch(
        &mut self,
        owner: OwnerId,
        index: IndexId,
        start: &[u8],
        end: Option<&[u8]>,
    ) -> Watched {
        let of_index = self.indexes.entry(index).or_default();
        if is_point(start, end) {
            // Subscriptions of the same key share its bytes.
            let shared_start = of_index
                .points
                .get_key_value(start)
                .map(|(key, _)| key.clone());
            let start = shared_start.unwrap_or_else(|| Arc::from(start));
            of_index
                .points
                .entry(start.clone())
                .and_modify(|owners| owners.add(owner))
                .or_insert(Owners::One(owner));
            return Watched {
                index,
                start,
                end: None,
            };
        }
        let (start, end): (Arc<[u8]>, End) = (Arc::from(start), end.map(Arc::from));
        of_index.ranges.insert(start.clone(), end.clone(), owner);
        Watched {
            index,
            start,
            end: Some(end),
        }
    }

    /// Stops watching and hands the waker back; `None` if the subscription is gone.
    pub(crate) fn remove(&mut self, owner: OwnerId) -> Option<Waker> {
        let entry = self.entries.remove(&owner)?;
        self.unwatch(owner, &entry.watched);
        Some(entry.waker)
    }

    fn unwatch(&mut self, owner: OwnerId, watched: &[Watched]) {
        for item in watched {
            let Some(of_index) = self.indexes.get_mut(&item.index) else {
                continue;
            };
            match &item.end {
                Some(end) => of_index.ranges.remove(&item.start, end, owner),
                None => {
                    if of_index
                        .points
                        .get_mut(&item.start)
                        .is_some_and(|owners| owners.remove(owner))
                    {
                        of_index.points.remove(&item.start);
                    }
                }
            }
            if of_index.points.is_empty() && of_index.ranges.is_empty() {
                self.indexes.remove(&item.index);
            }
        }
    }

    /// Marks and takes out every subscription that one of the touches of the commit `ts` hits.
    /// `told` is given where each of them was hit.
    pub(crate) fn commit(
        &mut self,
        ts: Timestamp,
        touches: &[Touch],
        hits: &mut Vec<Hit>,
        mut told: Option<&mut Vec<HitReport>>,
    ) {
        if self.entries.is_empty() {
            return;
        }
        let mut owners = Vec::new();
        for touch in touches {
            let Some(of_index) = self.indexes.get(&touch.index) else {
                continue;
            };
            if let Some(watching) = of_index.points.get(&touch.key) {
                watching.each(|owner| owners.push(owner));
            }
            of_index
                .ranges
                .covering(&touch.key, &mut |owner| owners.push(owner));
        }
        // In the order of registration, and each once.
        owners.sort_unstable();
        owners.dedup();
        for owner in owners {
            let entry = self
                .entries
                .remove(&owner)
                .expect("what is watched has an entry");
            self.unwatch(owner, &entry.watched);
            if let Some(told) = &mut told {
                told.extend(entry.place(owner, touches));
            }
            entry.invalidated_at.store(ts.0, Ordering::Release);
            hits.push(Hit {
                waker: entry.waker,
                ts,
            });
        }
    }
}
