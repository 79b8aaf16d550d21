//! What is counted of everything that runs: cumulative, and cheap enough to be always on.
//!
//! A count is one relaxed addition to a cell of the thread's own shard; whoever wants to know adds
//! the shards up.

use std::cell::Cell;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

use lentil_js::FunctionKind;

/// Kinds of functions.
pub(crate) const KINDS: [FunctionKind; 4] = [
    FunctionKind::Query,
    FunctionKind::Mutation,
    FunctionKind::Action,
    FunctionKind::HttpAction,
];
/// Classes of duration, from a tenth of a millisecond to a minute, each larger than the one before
/// by the same factor.
pub(crate) const BUCKETS: usize = 40;
/// The first and the last bound of a class, ms.
const BOUNDS_MS: (f64, f64) = (0.1, 60_000.0);
/// Cells in a shard: three and a histogram of each kind, and the others.
pub(crate) const CELLS: usize = 4 * (3 + BUCKETS) + 11;
/// Threads share shards only if there are more of them.
const SHARDS: usize = 16;

/// Upper bounds of the classes, ms; what is longer than the last counts in the last.
pub(crate) static BUCKET_BOUNDS_MS: LazyLock<[f64; BUCKETS]> = LazyLock::new(|| {
    let factor = (BOUNDS_MS.1 / BOUNDS_MS.0).powf(1.0 / (BUCKETS - 1) as f64);
    std::array::from_fn(|n| BOUNDS_MS.0 * factor.powi(n as i32))
});

/// The class of a duration.
pub(crate) fn bucket_of(seconds: f64) -> usize {
    let ms = seconds * 1e3;
    BUCKET_BOUNDS_MS
        .partition_point(|bound| *bound < ms)
        .min(BUCKETS - 1)
}

/// Something that is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Counter {
    /// Calls that began.
    Started(FunctionKind),
    /// Calls that returned.
    Ok(FunctionKind),
    /// Calls that failed.
    Failed(FunctionKind),
    /// Calls of a class of duration.
    Latency(FunctionKind, usize),
    CacheHit,
    CacheMiss,
    /// Runs of mutations that met another, and were run again.
    Retried,
    /// Mutations that were given up because of that.
    ConflictFailed,
    DocsRead,
    BytesRead,
    DocsWritten,
    BytesWritten,
    /// Bytes of results.
    Egress,
    /// Live queries that a commit made run again.
    Rerun,
    /// Those of them whose result was the same.
    Unchanged,
}

/// The place of a kind.
pub(crate) fn place_of(kind: FunctionKind) -> usize {
    match kind {
        FunctionKind::Query => 0,
        FunctionKind::Mutation => 1,
        FunctionKind::Action => 2,
        FunctionKind::HttpAction => 3,
    }
}

impl Counter {
    pub(crate) fn cell(self) -> usize {
        const OTHERS: usize = 4 * (3 + BUCKETS);
        let of = |kind, at| place_of(kind) * (3 + BUCKETS) + at;
        match self {
            Counter::Started(kind) => of(kind, 0),
            Counter::Ok(kind) => of(kind, 1),
            Counter::Failed(kind) => of(kind, 2),
            Counter::Latency(kind, bucket) => of(kind, 3 + bucket),
            Counter::CacheHit => OTHERS,
            Counter::CacheMiss => OTHERS + 1,
            Counter::Retried => OTHERS + 2,
            Counter::ConflictFailed => OTHERS + 3,
            Counter::DocsRead => OTHERS + 4,
            Counter::BytesRead => OTHERS + 5,
            Counter::DocsWritten => OTHERS + 6,
            Counter::BytesWritten => OTHERS + 7,
            Counter::Egress => OTHERS + 8,
            Counter::Rerun => OTHERS + 9,
            Counter::Unchanged => OTHERS + 10,
        }
    }
}

/// The names of the cells, under which they are kept.
pub(crate) fn cell_names() -> &'static [String] {
    static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
        let mut names = Vec::new();
        for kind in ["query", "mutation", "action", "http"] {
            names.extend(["started", "ok", "failed"].map(|what| format!("{kind}.{what}")));
            names.extend((0..BUCKETS).map(|bucket| format!("{kind}.latency{bucket}")));
        }
        let others = [
            "cacheHit",
            "cacheMiss",
            "retried",
            "conflictFailed",
            "docsRead",
            "bytesRead",
            "docsWritten",
            "bytesWritten",
            "egress",
            "reruns",
            "unchanged",
        ];
        names.extend(others.map(str::to_owned));
        names
    });
    &NAMES
}

/// The duration below which a share of the runs of some classes took, seconds; `None` of none.
pub(crate) fn percentile(classes: &[u64], share: f64) -> Option<f64> {
    let total: u64 = classes.iter().sum();
    let rank = (share * total as f64).ceil().max(1.0);
    let mut below = 0.0;
    for (count, (at, bound)) in classes.iter().zip(BUCKET_BOUNDS_MS.iter().enumerate()) {
        let inside = *count as f64;
        if inside > 0.0 && below + inside >= rank {
            let lower = if at == 0 {
                0.0
            } else {
                BUCKET_BOUNDS_MS[at - 1]
            };
            return Some((lower + (bound - lower) * (rank - below) / inside) / 1e3);
        }
        below += inside;
    }
    None
}

/// What was counted up to a moment, or between two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counts(pub(crate) Box<[u64; CELLS]>);

impl Default for Counts {
    fn default() -> Counts {
        Counts(Box::new([0; CELLS]))
    }
}

impl Counts {
    pub(crate) fn get(&self, counter: Counter) -> u64 {
        self.0[counter.cell()]
    }

    /// What came since an earlier moment.
    pub(crate) fn since(&self, earlier: &Counts) -> Counts {
        let pairs = self.0.iter().zip(earlier.0.iter());
        let mut counts = Counts::default();
        for (to, (now, then)) in counts.0.iter_mut().zip(pairs) {
            *to = now.saturating_sub(*then);
        }
        counts
    }

    pub(crate) fn add(&mut self, other: &Counts) {
        for (to, by) in self.0.iter_mut().zip(other.0.iter()) {
            *to += by;
        }
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.0.iter().all(|count| *count == 0)
    }
}

/// Neighbouring shards lie in different cache lines.
#[repr(align(128))]
struct Shard([AtomicU64; CELLS]);

/// The cells of all threads.
pub(crate) struct Counters {
    shards: Box<[Shard]>,
    /// Calls of each kind that have begun and not ended.
    outstanding: [AtomicI64; 4],
}

impl Default for Counters {
    fn default() -> Counters {
        let shard = || Shard(std::array::from_fn(|_| AtomicU64::new(0)));
        Counters {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            outstanding: Default::default(),
        }
    }
}

thread_local! {
    /// The shard of this thread.
    static SHARD: Cell<usize> = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        Cell::new(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS)
    };
}

impl Counters {
    pub(crate) fn add(&self, counter: Counter, by: u64) {
        let cell = &self.shards[SHARD.get()].0[counter.cell()];
        cell.fetch_add(by, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub(crate) fn total(&self) -> Counts {
        let mut counts = Counts::default();
        for shard in &self.shards {
            for (to, cell) in counts.0.iter_mut().zip(&shard.0) {
                *to += cell.load(Ordering::Relaxed);
            }
        }
        counts
    }

    /// Counts a call as begun, and as going on until what it gives is dropped.
    pub(crate) fn begin(&self, kind: FunctionKind) -> Outstanding<'_> {
        self.add(Counter::Started(kind), 1);
        let cell = &self.outstanding[place_of(kind)];
        cell.fetch_add(1, Ordering::Relaxed);
        Outstanding(cell)
    }

    /// Calls of a kind that have begun and not ended.
    pub(crate) fn outstanding(&self, kind: FunctionKind) -> u64 {
        let count = self.outstanding[place_of(kind)].load(Ordering::Relaxed);
        u64::try_from(count).unwrap_or(0)
    }
}

/// A call that goes on.
pub(crate) struct Outstanding<'a>(&'a AtomicI64);

impl Drop for Outstanding<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_a_cell_of_its_own() {
        let mut cells: Vec<usize> = Vec::new();
        for kind in KINDS {
            cells.extend(
                [
                    Counter::Started(kind),
                    Counter::Ok(kind),
                    Counter::Failed(kind),
                ]
                .map(Counter::cell),
            );
            cells.extend((0..BUCKETS).map(|bucket| Counter::Latency(kind, bucket).cell()));
        }
        let others = [
            Counter::CacheHit,
            Counter::CacheMiss,
            Counter::Retried,
            Counter::ConflictFailed,
            Counter::DocsRead,
            Counter::BytesRead,
            Counter::DocsWritten,
            Counter::BytesWritten,
            Counter::Egress,
            Counter::Rerun,
            Counter::Unchanged,
        ];
        cells.extend(others.map(Counter::cell));
        cells.sort_unstable();
        assert_eq!(cells, (0..CELLS).collect::<Vec<_>>());
        let names = cell_names();
        assert_eq!(names.len(), CELLS);
        assert_eq!(
            names[Counter::Failed(FunctionKind::Action).cell()],
            "action.failed"
        );
        assert_eq!(names[Counter::Unchanged.cell()], "unchanged");
    }

    #[test]
    fn threads_add_up_and_durations_have_classes() {
        let counters = Counters::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1_000).for_each(|_| counters.add(Counter::CacheHit, 1)));
            }
        });
        let before = counters.total();
        assert_eq!(before.get(Counter::CacheHit), 4_000);
        counters.add(Counter::CacheMiss, 2);
        let since = counters.total().since(&before);
        assert_eq!(
            (since.get(Counter::CacheHit), since.get(Counter::CacheMiss)),
            (0, 2)
        );
        assert_eq!(
            (bucket_of(0.0), bucket_of(0.0001), bucket_of(600.0)),
            (0, 0, BUCKETS - 1)
        );
        for bucket in 1..BUCKETS {
            assert_eq!(bucket_of(BUCKET_BOUNDS_MS[bucket] * 0.999 / 1e3), bucket);
        }
    }

    #[test]
    fn percentiles_lie_in_their_class() {
        let mut classes = [0; BUCKETS];
        assert_eq!(percentile(&classes, 0.5), None);
        classes[bucket_of(0.010)] = 90;
        classes[bucket_of(1.0)] = 10;
        let (half, most) = (percentile(&classes, 0.5), percentile(&classes, 0.99));
        assert_eq!(half.map(bucket_of), Some(bucket_of(0.010)));
        assert_eq!(most.map(bucket_of), Some(bucket_of(1.0)));
    }

    #[test]
    fn calls_go_on_until_they_end() {
        let counters = Counters::default();
        let one = counters.begin(FunctionKind::Query);
        let two = counters.begin(FunctionKind::Query);
        assert_eq!(counters.outstanding(FunctionKind::Query), 2);
        drop((one, two));
        assert_eq!(counters.outstanding(FunctionKind::Query), 0);
        assert_eq!(
            counters.total().get(Counter::Started(FunctionKind::Query)),
            2
        );
    }
}
