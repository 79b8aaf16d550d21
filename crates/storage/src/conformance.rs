//! The conformance suite: what every adapter of [`Persistence`] must do.
//!
//! An adapter's test makes a [`Harness`] and calls [`run`]; the first broken promise panics with
//! what was expected. Random histories are seeded, so a failure repeats.

mod model;
mod basics;
mod histories;
mod removal;
mod concurrency;

use std::sync::Arc;

use lentil_values::{IndexKey, InternalId, KeyRange, Timestamp};

use crate::{
    Batch, DocumentRow, DocumentWrite, EntryWrite, IndexId, IndexRow, IndexScan, Order,
    Persistence, TableScan, TabletId,
};

/// One store under test.
pub trait Harness {
    /// The store as it is open now.
    fn store(&self) -> &dyn Persistence;
    /// Closes the store and opens it again, as a restart would.
    fn reopen(&mut self);
}

type Check = fn(&mut dyn Harness);

/// Runs every check, each on a fresh store.
///
/// # Panics
/// At the first promise that the adapter breaks.
pub fn run(make: &dyn Fn() -> Box<dyn Harness>) {
    let checks: [(&str, Check); 17] = [
        ("an empty store answers", basics::empty_store),
        ("revisions by snapshot", basics::revisions_by_snapshot),
        ("ranges, orders and limits", basics::ranges_orders_limits),
        ("entries come and go", basics::entries_come_and_go),
        ("keys with many revisions", basics::many_revisions),
        ("bodies and keys of every size", basics::sizes),
        ("globals and batches without documents", basics::globals),
        ("entries written twice", basics::entries_written_twice),
        ("pages of the log", basics::log_pages),
        ("random histories", histories::random_histories),
        (
            "pruning keeps what can be seen",
            removal::prune_keeps_the_visible,
        ),
        ("pruning is bounded and ends", removal::prune_is_bounded),
        ("the horizon", removal::horizon),
        ("dropping", removal::dropping),
        ("space returns", removal::space_returns),
        ("what is kept, by whose it is", basics::usage),
        ("readers during writes", concurrency::readers_during_writes),
    ];
    for (name, check) in checks {
        tracing::debug!(name, "conformance check");
        check(make().as_mut());
    }
}

/// The next number of a splitmix64 sequence: small, seeded, and the same everywhere.
pub(crate) fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A seeded source of choices.
struct Choices(u64);

impl Choices {
    /// A number below `bound`.
    fn below(&mut self, bound: u64) -> u64 {
        next_random(&mut self.0) % bound
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

const TABLET: TabletId = TabletId(10_001);
const OTHER_TABLET: TabletId = TabletId(10_002);
const INDEX: IndexId = IndexId(7);
const OTHER_INDEX: IndexId = IndexId(8);

fn ts(n: u64) -> Timestamp {
    Timestamp(n)
}

/// An id whose order is that of `n`.
fn id(n: u64) -> InternalId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    InternalId(bytes)
}

fn document(tablet: TabletId, n: u64, at: u64, body: Option<&str>) -> DocumentWrite {
    DocumentWrite {
        tablet,
        id: id(n),
        ts: ts(at),
        body: body.map(Arc::from),
    }
}

fn entry(index: IndexId, key: &[u8], at: u64, target: Option<u64>) -> EntryWrite {
    EntryWrite {
        index,
        key: key.to_vec(),
        ts: ts(at),
        id: target.map(id),
    }
}

fn row(n: u64, at: u64, body: &str) -> DocumentRow {
    DocumentRow {
        id: id(n),
        ts: ts(at),
        body: Arc::from(body),
    }
}

fn append(
    store: &dyn Persistence,
    at: u64,
    documents: Vec<DocumentWrite>,
    entries: Vec<EntryWrite>,
) {
    let batch = Batch {
        ts: ts(at),
        documents,
        entries,
        globals: Vec::new(),
    };
    store.append(&batch).expect("a good batch is appended");
    assert_eq!(store.latest().expect("latest answers"), ts(at));
}

fn get(store: &dyn Persistence, n: u64, at: u64) -> Option<DocumentRow> {
    store.get(TABLET, id(n), ts(at)).expect("get answers")
}

/// Every live document of a tablet.
fn table(store: &dyn Persistence, tablet: TabletId, at: u64) -> Vec<DocumentRow> {
    let scan = TableScan {
        tablet,
        range: KeyRange::all(),
        order: Order::Asc,
        at: ts(at),
        limit: usize::MAX,
    };
    store.scan_table(&scan).expect("scan_table answers")
}

/// Keys and documents of [`INDEX`] over [`TABLET`].
fn index(
    store: &dyn Persistence,
    range: KeyRange,
    order: Order,
    at: u64,
    limit: usize,
) -> Vec<(IndexKey, DocumentRow)> {
    let scan = IndexScan {
        index: INDEX,
        tablet: TABLET,
        range,
        order,
        at: ts(at),
        limit,
    };
    let rows = store.scan_index(&scan).expect("scan_index answers");
    rows.into_iter()
        .map(|IndexRow { key, document }| (key, document))
        .collect()
}

fn keys(
    store: &dyn Persistence,
    range: KeyRange,
    order: Order,
    at: u64,
    limit: usize,
) -> Vec<IndexKey> {
    index(store, range, order, at, limit)
        .into_iter()
        .map(|(key, _)| key)
        .collect()
}

fn between(start: &[u8], end: Option<&[u8]>) -> KeyRange {
    KeyRange {
        start: start.to_vec(),
        end: end.map(<[u8]>::to_vec),
    }
}

/// Prunes until nothing is left to do; answers how much was removed.
fn prune_fully(store: &dyn Persistence, horizon: u64, limit: usize) -> u64 {
    let mut removed = 0;
    for _ in 0..100_000 {
        let report = store.prune(ts(horizon), limit).expect("prune answers");
        removed += report.removed;
        if !report.more {
            return removed;
        }
    }
    panic!("pruning does not end");
}
