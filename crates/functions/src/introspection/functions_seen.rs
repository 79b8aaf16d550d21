//! What is counted of each function.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use lentil_js::FunctionKind;
use parking_lot::{Mutex, RwLock};

use super::counters::{BUCKETS, KINDS, bucket_of, place_of};
use super::history::History;
use crate::logs::Execution;

/// Functions that are told apart; what comes after is counted in none of them.
const FUNCTIONS_MAX: usize = 4_096;
/// The counters of a function, the classes of duration included.
pub(crate) const CELLS: usize = Cell::Latency as usize + BUCKETS;

/// A counter of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Cell {
    Calls,
    Errors,
    Hits,
    Misses,
    /// Times that a commit made it run again for those who watch.
    Reruns,
    /// Those of them that gave the same result.
    Unchanged,
    /// Times that it met another mutation.
    Conflicts,
    /// Those of them after which it was given up.
    ConflictFailures,
    /// Microseconds in its code.
    Micros,
    DocsRead,
    BytesRead,
    DocsWritten,
    BytesWritten,
    /// Bytes returned.
    Egress,
    /// The first class of duration.
    Latency,
}

/// One function.
#[derive(Debug, Default)]
pub(crate) struct FunctionCounters {
    cells: [AtomicU64; Cell::Latency as usize],
    latency: Latency,
    /// The most documents and bytes that one run has read since the server began.
    most: [AtomicU64; 2],
    pub(crate) history: Mutex<History<CELLS>>,
}

#[derive(Debug)]
struct Latency([AtomicU32; BUCKETS]);

impl Default for Latency {
    fn default() -> Latency {
        Latency(std::array::from_fn(|_| AtomicU32::new(0)))
    }
}

impl FunctionCounters {
    pub(crate) fn add(&self, cell: Cell, by: u64) {
        self.cells[cell as usize].fetch_add(by, Ordering::Relaxed);
    }

    /// Notes what one run has used.
    pub(crate) fn used(&self, run: &Execution) {
        let usage = &run.usage;
        let read = [usage.documents_read, usage.bytes_read].map(|count| count as u64);
        for (most, now) in self.most.iter().zip(read) {
            most.fetch_max(now, Ordering::Relaxed);
        }
        for (cell, by) in [
            (Cell::Micros, (run.user_seconds * 1e6) as u64),
            (Cell::DocsRead, read[0]),
            (Cell::BytesRead, read[1]),
            (Cell::DocsWritten, usage.documents_written as u64),
            (Cell::BytesWritten, usage.bytes_written as u64),
        ] {
            if by > 0 {
                self.add(cell, by);
            }
        }
    }

    /// The most documents and bytes that one run has read.
    pub(crate) fn most_read(&self) -> [u64; 2] {
        [0, 1].map(|at: usize| self.most[at].load(Ordering::Relaxed))
    }

    /// Counts a run that took a while.
    pub(crate) fn took(&self, seconds: f64) {
        self.latency.0[bucket_of(seconds)].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn total(&self) -> [u64; CELLS] {
        let mut total = [0; CELLS];
        for (to, cell) in total.iter_mut().zip(&self.cells) {
            *to = cell.load(Ordering::Relaxed);
        }
        let classes = total[Cell::Latency as usize..].iter_mut();
        for (to, class) in classes.zip(&self.latency.0) {
            *to = u64::from(class.load(Ordering::Relaxed));
        }
        total
    }
}

type Known = RwLock<HashMap<Arc<str>, Arc<FunctionCounters>>>;

/// All functions that were called, by kind and display path.
#[derive(Debug, Default)]
pub(crate) struct FunctionsSeen {
    kinds: [Known; 4],
}

impl FunctionsSeen {
    /// The counters of a function.
    pub(crate) fn of(&self, kind: FunctionKind, path: &str) -> Option<Arc<FunctionCounters>> {
        let known = &self.kinds[place_of(kind)];
        if let Some(counters) = known.read().get(path) {
            return Some(counters.clone());
        }
        let mut known = known.write();
        if known.len() >= FUNCTIONS_MAX && !known.contains_key(path) {
            return None;
        }
        Some(known.entry(path.into()).or_default().clone())
    }

    /// The counters of a function that was called.
    pub(crate) fn get(&self, kind: FunctionKind, path: &str) -> Option<Arc<FunctionCounters>> {
        self.kinds[place_of(kind)].read().get(path).cloned()
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<(FunctionKind, Arc<str>, Arc<FunctionCounters>)> {
        let mut all = Vec::new();
        for kind in KINDS {
            let known = self.kinds[place_of(kind)].read();
            let of_kind = known.iter();
            all.extend(of_kind.map(|(path, counters)| (kind, path.clone(), counters.clone())));
        }
        all
    }

    /// Notes what has come since the last time.
    pub(crate) fn note(&self, now_secs: u64) {
        for (_, _, counters) in self.all() {
            let total = counters.total();
            counters.history.lock().note(now_secs, &total);
        }
    }
}
