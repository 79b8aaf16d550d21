//! A wrapper that makes storage fail on purpose, for tests.
//!
//! Appends are counted from 1 since the wrapper was made. A "restart" is a new wrapper (or none)
//! around the same inner store.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use lentil_values::{InternalId, Timestamp};
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::{
    Batch, DocumentRow, IndexId, IndexRow, IndexScan, LogRow, Persistence, PruneReport,
    StorageError, StorageStats, StorageUsage, TableScan, TabletId,
};

/// What goes wrong at a chosen append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The append fails and nothing of it is kept.
    FailBefore,
    /// The append is kept, but reported as failed (a lost acknowledgement).
    FailAfter,
    /// The disk is full from now on.
    Full,
}

/// Passes everything through to another adapter, with faults.
pub struct FaultyPersistence {
    inner: Arc<dyn Persistence>,
    plan: Mutex<Plan>,
    /// Something about held appends changed.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Plan {
    /// Appends that have begun.
    appends: u64,
    /// Pages that were asked for.
    scans: u64,
    faults: HashMap<u64, Fault>,
    /// Draws a fault for an append that has none: state of the generator, and one fault in so many appends.
    seeded: Option<(u64, u64)>,
    is_full: bool,
    is_crashed: bool,
    is_held: bool,
    /// Appends that wait for `release`.
    waiting: u64,
}

impl FaultyPersistence {
    /// Without faults until some are planned.
    pub fn new(inner: Arc<dyn Persistence>) -> FaultyPersistence {
        FaultyPersistence {
            inner,
            plan: Mutex::new(Plan::default()),
            changed: Condvar::new(),
        }
    }

    /// About one append in `one_in` fails, before or after it is kept; which ones depends on `seed` alone.
    ///
    /// # Panics
    /// If `one_in` is 0.
    pub fn seeded(inner: Arc<dyn Persistence>, seed: u64, one_in: u64) -> FaultyPersistence {
        assert!(one_in > 0, "one append in none cannot fail");
        let faulty = FaultyPersistence::new(inner);
        faulty.plan.lock().seeded = Some((seed, one_in));
        faulty
    }

    /// Plans `fault` for the `nth` append since this wrapper was made, the first being 1.
    pub fn fail_append(&self, nth: u64, fault: Fault) {
        self.plan.lock().faults.insert(nth, fault);
    }

    /// Everything fails from now on, reads included, as if the process were gone. Held appends fail too.
    pub fn crash(&self) {
        self.plan.lock().is_crashed = true;
        self.changed.notify_all();
    }

    /// Appends that have begun, failed ones included.
    pub fn appends(&self) -> u64 {
        self.plan.lock().appends
    }

    /// Pages of indexes and tables that were asked for.
    pub fn scans(&self) -> u64 {
        self.plan.lock().scans
    }

    /// Lets appends wait from now on, as on a disk that has stalled, until [`Self::release`].
    pub fn hold(&self) {
        self.plan.lock().is_held = true;
    }

    /// Lets held appends, and all later ones, go on.
    pub fn release(&self) {
        self.plan.lock().is_held = false;
        self.changed.notify_all();
    }

    /// Blocks until an append waits for [`Self::release`].
    pub fn wait_until_held(&self) {
        let mut plan = self.plan.lock();
        // Ends: with an append, which the calling test has started.
        while plan.waiting == 0 {
            self.changed.wait(&mut plan);
        }
    }

    fn admit_append(&self) -> Result<Option<Fault>, StorageError> {
        let mut plan = self.plan.lock();
        plan.appends += 1;
        let nth = plan.appends;
        self.wait_for_release(&mut plan);
        plan.check_alive()?;
        let fault = plan.faults.remove(&nth).or_else(|| plan.draw());
        if fault == Some(Fault::Full) {
            plan.is_full = true;
        }
        if plan.is_full {
            return Err(StorageError::Full(
                "no space left (planned by the test)".to_owned(),
            ));
        }
        Ok(fault)
    }

    fn wait_for_release(&self, plan: &mut MutexGuard<'_, Plan>) {
        // Ends: when the test calls `release` or `crash`.
        while plan.is_held && !plan.is_crashed {
            plan.waiting += 1;
            self.changed.notify_all();
            self.changed.wait(plan);
            plan.waiting -= 1;
        }
    }

    fn alive(&self) -> Result<&dyn Persistence, StorageError> {
        self.plan.lock().check_alive()?;
        Ok(self.inner.as_ref())
    }

    /// For writes other than `append`, which a full disk stops as well.
    fn writable(&self) -> Result<&dyn Persistence, StorageError> {
        if self.plan.lock().is_full {
            return Err(StorageError::Full(
                "no space left (planned by the test)".to_owned(),
            ));
        }
        self.alive()
    }
}

impl Plan {
    fn check_alive(&self) -> Result<(), StorageError> {
        if self.is_crashed {
            Err(failure("crashed"))
        } else {
            Ok(())
        }
    }

    fn draw(&mut self) -> Option<Fault> {
        let (state, one_in) = self.seeded.as_mut()?;
        let drawn = crate::conformance::next_random(state);
        if !drawn.is_multiple_of(*one_in) {
            return None;
        }
        Some(if (drawn >> 32).is_multiple_of(2) {
            Fault::FailBefore
        } else {
            Fault::FailAfter
        })
    }
}

fn failure(what: &str) -> StorageError {
    StorageError::Io(format!("{what} (planned by the test)"))
}

impl Persistence for FaultyPersistence {
    fn latest(&self) -> Result<Timestamp, StorageError> {
        self.alive()?.latest()
    }

    fn append(&self, batch: &Batch) -> Result<(), StorageError> {
        match self.admit_append()? {
            Some(Fault::FailBefore) => Err(failure("append failed and was not kept")),
            Some(Fault::FailAfter) => {
                self.inner.append(batch)?;
                Err(failure("append was kept, but reported as failed"))
            }
            Some(Fault::Full) | None => self.inner.append(batch),
        }
    }

    fn get(
        &self,
        tablet: TabletId,
        id: InternalId,
        at: Timestamp,
    ) -> Result<Option<DocumentRow>, StorageError> {
        self.alive()?.get(tablet, id, at)
    }

    fn scan_index(&self, scan: &IndexScan) -> Result<Vec<IndexRow>, StorageError> {
        self.plan.lock().scans += 1;
        self.alive()?.scan_index(scan)
    }

    fn scan_table(&self, scan: &TableScan) -> Result<Vec<DocumentRow>, StorageError> {
        self.plan.lock().scans += 1;
        self.alive()?.scan_table(scan)
    }

    fn read_log(
        &self,
        after: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<LogRow>, StorageError> {
        self.alive()?.read_log(after, until, limit)
    }

    fn global(&self, name: &str) -> Result<Option<String>, StorageError> {
        self.alive()?.global(name)
    }

    fn prune(&self, horizon: Timestamp, limit: usize) -> Result<PruneReport, StorageError> {
        self.writable()?.prune(horizon, limit)
    }

    fn drop_index(&self, index: IndexId, limit: usize) -> Result<PruneReport, StorageError> {
        self.writable()?.drop_index(index, limit)
    }

    fn drop_tablet(&self, tablet: TabletId, limit: usize) -> Result<PruneReport, StorageError> {
        self.writable()?.drop_tablet(tablet, limit)
    }

    fn usage(&self) -> Result<StorageUsage, StorageError> {
        self.alive()?.usage()
    }

    fn give_back(&self) {
        self.inner.give_back();
    }

    fn stats(&self) -> Result<StorageStats, StorageError> {
        self.alive()?.stats()
    }
}

impl fmt::Debug for FaultyPersistence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyPersistence")
            .field("plan", &*self.plan.lock())
            .finish_non_exhaustive()
    }
}
