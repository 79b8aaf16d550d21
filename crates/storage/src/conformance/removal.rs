//! Pruning, dropping, and where the space goes.

use super::*;
use crate::StorageError;

/// Documents `0..count` with `revisions` revisions each at timestamps 1, 2, …; at each the key of every
/// document changes.
fn fill(store: &dyn Persistence, count: u64, revisions: u64) {
    let body = "z".repeat(400);
    for at in 1..=revisions {
        let documents = (0..count)
            .map(|n| document(TABLET, n, at, Some(&body)))
            .collect();
        let mut entries = Vec::new();
        for n in 0..count {
            if at > 1 {
                entries.push(entry(INDEX, &key(n, at - 1), at, None));
            }
            entries.push(entry(INDEX, &key(n, at), at, Some(n)));
        }
        append(store, at, documents, entries);
    }
}

fn key(n: u64, at: u64) -> IndexKey {
    format!("{:03}/{n:05}", at % 7).into_bytes()
}

pub(super) fn prune_keeps_the_visible(harness: &mut dyn Harness) {
    fill(harness.store(), 5, 30);
    append(
        harness.store(),
        31,
        vec![document(TABLET, 0, 31, None)],
        vec![entry(INDEX, &key(0, 30), 31, None)],
    );
    let seen = |store: &dyn Persistence, at| {
        (
            table(store, TABLET, at),
            index(store, KeyRange::all(), Order::Desc, at, usize::MAX),
        )
    };
    for horizon in [1, 2, 10, 20, 29, 30, 31] {
        let before: Vec<_> = (horizon..=32).map(|at| seen(harness.store(), at)).collect();
        prune_fully(harness.store(), horizon, 7);
        let after: Vec<_> = (horizon..=32).map(|at| seen(harness.store(), at)).collect();
        assert_eq!(before, after, "pruned to {horizon}");
        harness.reopen();
        let reopened: Vec<_> = (horizon..=32).map(|at| seen(harness.store(), at)).collect();
        assert_eq!(before, reopened, "pruned to {horizon} and reopened");
    }
    assert_eq!(
        harness.store().stats().expect("stats answers").revisions,
        4,
        "the deleted document is gone"
    );
    assert_eq!(prune_fully(harness.store(), 31, 7), 0);
}

pub(super) fn prune_is_bounded(harness: &mut dyn Harness) {
    let store = harness.store();
    fill(store, 20, 11);
    let mut calls = 0;
    let mut removed = 0;
    for _ in 0..10_000 {
        let report = store.prune(ts(11), 10).expect("prune answers");
        assert!(
            report.removed <= 40,
            "{} rows in one step of 10",
            report.removed
        );
        calls += 1;
        removed += report.removed;
        if !report.more {
            break;
        }
    }
    assert!(calls >= 10, "the work came in pieces");
    assert!(
        removed >= 200,
        "at least the ten old revisions of twenty documents went: {removed}"
    );
    assert_eq!(store.stats().expect("stats answers").revisions, 20);
    assert_eq!(table(store, TABLET, 11).len(), 20);
    assert_eq!(keys(store, KeyRange::all(), Order::Asc, 11, 100).len(), 20);
    let log = store
        .read_log(ts(0), ts(11), 1_000)
        .expect("read_log answers");
    assert!(
        log.iter().all(|row| row.ts == ts(11)),
        "only what can still be seen is in the log"
    );
}

pub(super) fn horizon(harness: &mut dyn Harness) {
    fill(harness.store(), 3, 10);
    prune_fully(harness.store(), 6, 100);
    // Neither a lower horizon nor a restart takes it back.
    prune_fully(harness.store(), 2, 100);
    harness.reopen();
    let store = harness.store();
    for at in [0, 5] {
        let refused = store.get(TABLET, id(0), ts(at));
        assert!(
            matches!(refused, Err(StorageError::Pruned(_))),
            "at {at}: {refused:?}"
        );
        let scan = TableScan {
            tablet: TABLET,
            range: KeyRange::all(),
            order: Order::Asc,
            at: ts(at),
            limit: 1,
        };
        assert!(matches!(
            store.scan_table(&scan),
            Err(StorageError::Pruned(_))
        ));
        let scan = IndexScan {
            index: INDEX,
            tablet: TABLET,
            range: KeyRange::all(),
            order: Order::Asc,
            at: ts(at),
            limit: 1,
        };
        assert!(matches!(
            store.scan_index(&scan),
            Err(StorageError::Pruned(_))
        ));
    }
    assert!(get(store, 0, 6).is_some());
    // A horizon in the future is the present: what is appended next stays readable from there.
    prune_fully(store, 1_000_000, 100);
    assert!(get(store, 0, 10).is_some());
    assert!(matches!(
        store.get(TABLET, id(0), ts(9)),
        Err(StorageError::Pruned(_))
    ));
    append(
        store,
        11,
        vec![document(TABLET, 0, 11, Some("new"))],
        vec![],
    );
    assert_eq!(get(store, 0, 11), Some(row(0, 11, "new")));
    assert!(get(store, 0, 10).is_some());
}

pub(super) fn dropping(harness: &mut dyn Harness) {
    let store = harness.store();
    fill(store, 10, 5);
    let other = vec![
        document(OTHER_TABLET, 1, 6, Some("kept")),
        document(TABLET, 99, 6, Some("last")),
    ];
    append(store, 6, other, vec![entry(OTHER_INDEX, b"k", 6, Some(1))]);
    drop_stepwise(|| store.drop_index(INDEX, 8).expect("drop_index answers").more);
    assert_eq!(
        keys(store, KeyRange::all(), Order::Asc, 6, 10),
        [] as [IndexKey; 0]
    );
    assert_eq!(
        table(store, TABLET, 6).len(),
        11,
        "dropping an index leaves the documents"
    );
    drop_stepwise(|| {
        store
            .drop_tablet(TABLET, 8)
            .expect("drop_tablet answers")
            .more
    });
    for _ in 0..2 {
        let store = harness.store();
        assert_eq!(table(store, TABLET, 6), []);
        assert_eq!(get(store, 99, 6), None);
        assert_eq!(store.stats().expect("stats answers").revisions, 1);
        let log = store.read_log(ts(0), ts(6), 100).expect("read_log answers");
        assert_eq!(log.len(), 1, "a dropped table leaves the log as well");
        let scan = IndexScan {
            index: OTHER_INDEX,
            tablet: OTHER_TABLET,
            range: KeyRange::all(),
            order: Order::Asc,
            at: ts(6),
            limit: 9,
        };
        assert_eq!(
            store.scan_index(&scan).expect("scan_index answers").len(),
            1,
            "others are left alone"
        );
        harness.reopen();
        // The newest row went with its tablet; the clock must not go back with it.
        assert_eq!(harness.store().latest().expect("latest answers"), ts(6));
    }
    // Tombstones of the dropped index are still queued; life goes on.
    prune_fully(harness.store(), 6, 8);
    append(
        harness.store(),
        7,
        vec![document(OTHER_TABLET, 1, 7, Some("newer"))],
        vec![],
    );
    prune_fully(harness.store(), 7, 8);
    assert_eq!(
        table(harness.store(), OTHER_TABLET, 7),
        [row(1, 7, "newer")]
    );
    assert_eq!(harness.store().stats().expect("stats answers").revisions, 1);
}

fn drop_stepwise(mut step: impl FnMut() -> bool) {
    let mut steps = 1;
    while step() {
        steps += 1;
        assert!(steps < 1_000, "dropping does not end");
    }
    assert!(steps > 1, "the work came in pieces");
}

pub(super) fn space_returns(harness: &mut dyn Harness) {
    fill(harness.store(), 1_000, 12);
    harness.reopen();
    let full = harness.store().stats().expect("stats answers").bytes;
    prune_fully(harness.store(), 12, 500);
    harness.reopen();
    let pruned = harness.store().stats().expect("stats answers").bytes;
    assert!(
        pruned < full / 3,
        "{pruned} bytes left of {full} after removing eleven revisions of twelve"
    );
    drop_stepwise(|| {
        harness
            .store()
            .drop_index(INDEX, 300)
            .expect("drop_index answers")
            .more
    });
    drop_stepwise(|| {
        harness
            .store()
            .drop_tablet(TABLET, 300)
            .expect("drop_tablet answers")
            .more
    });
    harness.reopen();
    let dropped = harness.store().stats().expect("stats answers").bytes;
    assert!(
        dropped < full / 20,
        "{dropped} bytes left of {full} after dropping everything"
    );
}
