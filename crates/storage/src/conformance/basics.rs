//! Each operation by itself, on data small enough to read.

use lentil_values::KeyRange;

use super::*;
use crate::{Held, StorageStats, StorageUsage};

pub(super) fn empty_store(harness: &mut dyn Harness) {
    for _ in 0..2 {
        let store = harness.store();
        assert_eq!(store.latest().expect("latest answers"), Timestamp::ZERO);
        assert_eq!(get(store, 1, u64::MAX >> 1), None);
        assert_eq!(table(store, TABLET, 0), []);
        assert_eq!(
            keys(store, KeyRange::all(), Order::Desc, 5, 10),
            [] as [IndexKey; 0]
        );
        assert_eq!(
            store
                .read_log(ts(0), Timestamp::MAX, 10)
                .expect("read_log answers"),
            []
        );
        assert_eq!(store.global("absent").expect("global answers"), None);
        assert_eq!(prune_fully(store, 100, 10), 0);
        assert!(
            !store
                .drop_index(INDEX, 10)
                .expect("drop_index answers")
                .more
        );
        assert!(
            !store
                .drop_tablet(TABLET, 10)
                .expect("drop_tablet answers")
                .more
        );
        let StorageStats { revisions, .. } = store.stats().expect("stats answers");
        assert_eq!(revisions, 0);
        harness.reopen();
    }
}

pub(super) fn revisions_by_snapshot(harness: &mut dyn Harness) {
    let store = harness.store();
    append(store, 10, vec![document(TABLET, 1, 10, Some("a"))], vec![]);
    // Three transactions in one batch, two of them on one document.
    let batch = vec![
        document(TABLET, 1, 20, Some("b")),
        document(TABLET, 2, 20, Some("c")),
        document(TABLET, 1, 21, None),
        document(OTHER_TABLET, 1, 22, Some("d")),
    ];
    append(store, 22, batch, vec![]);
    append(store, 30, vec![document(TABLET, 1, 30, Some("e"))], vec![]);
    for _ in 0..2 {
        let store = harness.store();
        let expected = [
            (0, None),
            (9, None),
            (10, Some(row(1, 10, "a"))),
            (19, Some(row(1, 10, "a"))),
            (20, Some(row(1, 20, "b"))),
            (21, None),
            (29, None),
            (30, Some(row(1, 30, "e"))),
            (Timestamp::MAX.0, Some(row(1, 30, "e"))),
        ];
        for (at, document) in expected {
            assert_eq!(get(store, 1, at), document, "at {at}");
        }
        assert_eq!(table(store, TABLET, 20), [row(1, 20, "b"), row(2, 20, "c")]);
        assert_eq!(table(store, TABLET, 25), [row(2, 20, "c")]);
        assert_eq!(table(store, OTHER_TABLET, 21), []);
        assert_eq!(table(store, OTHER_TABLET, 22), [row(1, 22, "d")]);
        assert_eq!(store.stats().expect("stats answers").revisions, 6);
        harness.reopen();
        assert_eq!(harness.store().latest().expect("latest answers"), ts(30));
    }
}

pub(super) fn ranges_orders_limits(harness: &mut dyn Harness) {
    let store = harness.store();
    let all: [&[u8]; 6] = [b"", b"a", b"a\0", b"ab", b"b", b"\xff\xff"];
    let documents = (0..6).map(|n| document(TABLET, n, 5, Some("x"))).collect();
    let mut entries: Vec<_> = (0..6)
        .map(|n| entry(INDEX, all[n as usize], 5, Some(n)))
        .collect();
    entries.push(entry(OTHER_INDEX, b"aa", 5, Some(0)));
    append(store, 5, documents, entries);
    let whole: Vec<IndexKey> = all.iter().map(|key| key.to_vec()).collect();
    let bounds: [&[u8]; 9] = [
        b"",
        b"\0",
        b"a",
        b"a\0",
        b"aa",
        b"ab",
        b"b",
        b"\xff",
        b"\xff\xff\xff",
    ];
    for start in bounds {
        for end in bounds.into_iter().map(Some).chain([None]) {
            let range = between(start, end);
            let inside: Vec<IndexKey> = whole
                .iter()
                .filter(|key| range.contains(key))
                .cloned()
                .collect();
            for limit in [0, 1, 2, 6, usize::MAX] {
                let expected: Vec<_> = inside.iter().take(limit).cloned().collect();
                assert_eq!(
                    keys(store, range.clone(), Order::Asc, 5, limit),
                    expected,
                    "{range:?}"
                );
                let expected: Vec<_> = inside.iter().rev().take(limit).cloned().collect();
                assert_eq!(
                    keys(store, range.clone(), Order::Desc, 5, limit),
                    expected,
                    "{range:?}"
                );
            }
        }
    }
    assert_eq!(
        keys(store, KeyRange::all(), Order::Asc, 4, 9),
        [] as [IndexKey; 0]
    );
    table_ranges(store);
}

/// Bounds of a table scan are bytes of any length, not only ids.
fn table_ranges(store: &dyn Persistence) {
    let ids = |range: KeyRange, order| -> Vec<InternalId> {
        let scan = TableScan {
            tablet: TABLET,
            range,
            order,
            at: ts(5),
            limit: 4,
        };
        store
            .scan_table(&scan)
            .expect("scan_table answers")
            .into_iter()
            .map(|row| row.id)
            .collect()
    };
    assert_eq!(ids(between(&id(4).0, None), Order::Asc), [id(4), id(5)]);
    assert_eq!(
        ids(between(&[&id(4).0[..], &[0]].concat(), None), Order::Asc),
        [id(5)]
    );
    assert_eq!(
        ids(between(&[0], Some(&id(2).0)), Order::Desc),
        [id(1), id(0)]
    );
    assert_eq!(
        ids(between(&[], Some(&id(2).0[..15])), Order::Asc),
        [id(0), id(1)]
    );
    assert_eq!(ids(between(&id(3).0, Some(&id(3).0)), Order::Asc), []);
    assert_eq!(ids(between(&id(3).0, Some(&id(1).0)), Order::Desc), []);
}

pub(super) fn entries_come_and_go(harness: &mut dyn Harness) {
    let store = harness.store();
    append(
        store,
        10,
        vec![document(TABLET, 1, 10, Some("a"))],
        vec![entry(INDEX, b"k1", 10, Some(1))],
    );
    // The key stays, the body changes: no entry is written, the new body is found.
    append(store, 20, vec![document(TABLET, 1, 20, Some("b"))], vec![]);
    let moved = vec![
        entry(INDEX, b"k1", 30, None),
        entry(INDEX, b"k2", 30, Some(1)),
    ];
    append(store, 30, vec![document(TABLET, 1, 30, Some("c"))], moved);
    let back = vec![
        entry(INDEX, b"k2", 40, None),
        entry(INDEX, b"k1", 40, Some(1)),
    ];
    append(store, 40, vec![document(TABLET, 1, 40, Some("d"))], back);
    append(
        store,
        50,
        vec![document(TABLET, 1, 50, None)],
        vec![entry(INDEX, b"k1", 50, None)],
    );
    for _ in 0..2 {
        let store = harness.store();
        for order in [Order::Asc, Order::Desc] {
            let seen = |at| index(store, KeyRange::all(), order, at, 10);
            assert_eq!(seen(9), []);
            assert_eq!(seen(10), [(b"k1".to_vec(), row(1, 10, "a"))]);
            assert_eq!(seen(29), [(b"k1".to_vec(), row(1, 20, "b"))]);
            assert_eq!(seen(30), [(b"k2".to_vec(), row(1, 30, "c"))]);
            assert_eq!(seen(40), [(b"k1".to_vec(), row(1, 40, "d"))]);
            assert_eq!(seen(50), []);
        }
        harness.reopen();
    }
}

pub(super) fn many_revisions(harness: &mut dyn Harness) {
    let store = harness.store();
    // Two hot documents between two calm ones; the second hot one comes and goes.
    let calm = |n| document(TABLET, n, 1, Some("calm"));
    append(
        store,
        1,
        vec![calm(1), calm(4)],
        vec![
            entry(INDEX, b"1", 1, Some(1)),
            entry(INDEX, b"4", 1, Some(4)),
        ],
    );
    for at in 2..300 {
        let is_there = at % 2 == 0;
        let documents = vec![
            document(TABLET, 2, at, Some("hot")),
            document(TABLET, 3, at, is_there.then_some("comes and goes")),
        ];
        let mut entries = vec![entry(INDEX, b"3", at, is_there.then_some(3))];
        if at == 2 {
            entries.push(entry(INDEX, b"2", at, Some(2)));
        }
        append(store, at, documents, entries);
    }
    for at in [
        1, 2, 3, 24, 25, 26, 27, 48, 49, 50, 150, 151, 298, 299, 1_000,
    ] {
        let hot = at.min(299);
        let mut expected = vec![(b"1".to_vec(), row(1, 1, "calm"))];
        if at >= 2 {
            expected.push((b"2".to_vec(), row(2, hot, "hot")));
        }
        if at >= 2 && hot % 2 == 0 {
            expected.push((b"3".to_vec(), row(3, hot, "comes and goes")));
        }
        expected.push((b"4".to_vec(), row(4, 1, "calm")));
        let documents: Vec<_> = expected
            .iter()
            .map(|(_, document)| document.clone())
            .collect();
        assert_eq!(table(store, TABLET, at), documents, "at {at}");
        for limit in [1, 2, 3, 4, 9] {
            let found = index(store, KeyRange::all(), Order::Asc, at, limit);
            assert_eq!(
                found,
                expected.iter().take(limit).cloned().collect::<Vec<_>>(),
                "at {at}"
            );
            let found = index(store, KeyRange::all(), Order::Desc, at, limit);
            assert_eq!(
                found,
                expected
                    .iter()
                    .rev()
                    .take(limit)
                    .cloned()
                    .collect::<Vec<_>>(),
                "at {at}"
            );
        }
    }
}

pub(super) fn sizes(harness: &mut dyn Harness) {
    let bodies = [
        "".to_owned(),
        "\"κλειδί \\u0000 🌱\"".to_owned(),
        "x".repeat(1_000),
        "y".repeat(1 << 20),
    ];
    let long_keys = [vec![0xff; 3], vec![0; 5_000], vec![7; 40_000], Vec::new()];
    let documents = (0..4)
        .map(|n| document(TABLET, n, 3, Some(&bodies[n as usize])))
        .collect();
    let entries = (0..4)
        .map(|n| entry(INDEX, &long_keys[n as usize], 3, Some(n)))
        .collect();
    append(harness.store(), 3, documents, entries);
    for _ in 0..2 {
        let store = harness.store();
        for (n, body) in bodies.iter().enumerate() {
            assert_eq!(get(store, n as u64, 3), Some(row(n as u64, 3, body)));
        }
        let mut sorted = long_keys.to_vec();
        sorted.sort();
        assert_eq!(keys(store, KeyRange::all(), Order::Asc, 3, 10), sorted);
        harness.reopen();
    }
}

pub(super) fn globals(harness: &mut dyn Harness) {
    let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let store = harness.store();
    let first = Batch {
        globals: vec![set("a", "1"), set("b", "")],
        ..Batch::default()
    };
    store.append(&first).expect("globals alone are a batch");
    assert_eq!(store.latest().expect("latest answers"), Timestamp::ZERO);
    append(store, 10, vec![document(TABLET, 1, 10, Some("a"))], vec![]);
    let second = Batch {
        ts: ts(10),
        globals: vec![set("a", "2"), set("a", "3")],
        ..Batch::default()
    };
    store
        .append(&second)
        .expect("a batch without documents may repeat the timestamp");
    // A batch without documents may also move the clock.
    append(store, 12, vec![], vec![]);
    for _ in 0..2 {
        let store = harness.store();
        assert_eq!(
            store.global("a").expect("global answers").as_deref(),
            Some("3")
        );
        assert_eq!(
            store.global("b").expect("global answers").as_deref(),
            Some("")
        );
        assert_eq!(store.global("A").expect("global answers"), None);
        harness.reopen();
        assert_eq!(harness.store().latest().expect("latest answers"), ts(12));
    }
}

/// A backfill writes entries as of an older snapshot, and after a crash writes some of them again.
pub(super) fn entries_written_twice(harness: &mut dyn Harness) {
    let store = harness.store();
    let documents = (1..=3)
        .map(|n| document(TABLET, n, 10, Some("old")))
        .collect();
    append(store, 10, documents, vec![]);
    // Meanwhile, a commit that already maintains the index deletes one of them and moves another.
    let moved = vec![
        entry(INDEX, b"2", 20, None),
        entry(INDEX, b"3", 20, None),
        entry(INDEX, b"9", 20, Some(3)),
    ];
    append(
        store,
        20,
        vec![
            document(TABLET, 2, 20, None),
            document(TABLET, 3, 20, Some("new")),
        ],
        moved,
    );
    let backfill: Vec<_> = (1..=3)
        .map(|n| entry(INDEX, n.to_string().as_bytes(), 10, Some(n)))
        .collect();
    for entries in [backfill[..2].to_vec(), backfill] {
        let batch = Batch {
            ts: ts(20),
            entries,
            ..Batch::default()
        };
        store
            .append(&batch)
            .expect("a backfill repeats the timestamp");
    }
    harness.reopen();
    let store = harness.store();
    assert_eq!(
        index(store, KeyRange::all(), Order::Asc, 20, 10),
        [
            (b"1".to_vec(), row(1, 10, "old")),
            (b"9".to_vec(), row(3, 20, "new"))
        ]
    );
    assert_eq!(
        keys(store, KeyRange::all(), Order::Desc, 19, 10),
        [b"3".to_vec(), b"2".to_vec(), b"1".to_vec()]
    );
}

pub(super) fn log_pages(harness: &mut dyn Harness) {
    let store = harness.store();
    // Timestamp 10·n has n revisions.
    for n in 1..=9 {
        let documents = (0..n)
            .map(|which| document(TABLET, which, 10 * n, (which != 2).then_some("x")))
            .collect();
        append(store, 10 * n, documents, vec![]);
    }
    let stamps = |after, until, limit| -> Vec<u64> {
        let rows = store
            .read_log(ts(after), ts(until), limit)
            .expect("read_log answers");
        rows.iter().map(|row| row.ts.0).collect()
    };
    assert_eq!(stamps(0, 30, 100), [10, 20, 20, 30, 30, 30]);
    assert_eq!(stamps(10, 30, 1), [20, 20]);
    assert_eq!(stamps(10, 30, 2), [20, 20]);
    assert_eq!(stamps(10, 30, 3), [20, 20, 30, 30, 30]);
    assert_eq!(stamps(19, 29, 100), [20, 20]);
    assert_eq!(stamps(20, 29, 100), [] as [u64; 0]);
    assert_eq!(stamps(0, 100, 0), [] as [u64; 0]);
    assert_eq!(stamps(85, Timestamp::MAX.0, 1), [90; 9]);
    assert_eq!(stamps(90, Timestamp::MAX.0, 5), [] as [u64; 0]);
    let third = store.read_log(ts(20), ts(30), 9).expect("read_log answers");
    assert_eq!(
        third.iter().map(|row| row.id).collect::<Vec<_>>(),
        [id(0), id(1), id(2)]
    );
    assert_eq!(third[1].body.as_deref(), Some("x"));
    assert_eq!(third[2].body, None);
}

pub(super) fn usage(harness: &mut dyn Harness) {
    let nothing = harness.store().usage().expect("usage answers");
    assert_eq!(nothing, StorageUsage::default());
    let documents = vec![
        document(TABLET, 1, 10, Some("abc")),
        document(TABLET, 2, 10, Some("\u{e9}")),
        document(OTHER_TABLET, 1, 10, Some("x")),
    ];
    let entries = vec![
        entry(INDEX, b"key", 10, Some(1)),
        entry(OTHER_INDEX, b"k", 10, Some(1)),
    ];
    append(harness.store(), 10, documents, entries);
    let documents = vec![
        document(TABLET, 1, 20, None),
        document(TABLET, 2, 20, Some("abcd")),
    ];
    append(
        harness.store(),
        20,
        documents,
        vec![entry(INDEX, b"key", 20, None)],
    );
    let held = |rows, bytes| Held { rows, bytes };
    for _ in 0..2 {
        let usage = harness.store().usage().expect("usage answers");
        let tablets = [(TABLET, held(4, 9)), (OTHER_TABLET, held(1, 1))];
        assert_eq!(usage.tablets, tablets.into());
        let indexes = [(INDEX, held(2, 6)), (OTHER_INDEX, held(1, 1))];
        assert_eq!(usage.indexes, indexes.into());
        harness.reopen();
    }
}
