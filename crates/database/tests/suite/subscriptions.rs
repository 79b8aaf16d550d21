//! Subscriptions against running everything again after each commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use lentil_database::{Database, Subscription};
use lentil_values::{DocumentId, Timestamp};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::{Model, Query, ROOT, Row, WriteOp, long, make_table, open_memory};

struct Watched {
    query: Query,
    result: Vec<(DocumentId, String)>,
    subscription: Subscription,
    woken_at: Arc<AtomicU64>,
}

fn watch(db: &Database, query: Query) -> Watched {
    let mut tx = db.begin();
    let result = query.run(&mut tx).unwrap();
    let woken_at = Arc::new(AtomicU64::new(0));
    let seen = woken_at.clone();
    let waker = Arc::new(move |ts: Timestamp| {
        assert_eq!(
            seen.swap(ts.0, Ordering::SeqCst),
            0,
            "a waker is called once"
        );
    });
    let subscription = db.subscribe(tx.read_set(), tx.snapshot(), waker);
    Watched {
        query,
        result,
        subscription,
        woken_at,
    }
}

#[test]
fn no_update_is_missed() {
    let (mut hits, mut spurious) = (0, 0);
    for seed in 0..if long() { 120 } else { 6 } {
        let db = open_memory(seed);
        make_table(&db);
        let rng = &mut StdRng::seed_from_u64(seed);
        let mut known = Vec::new();
        let mut watched: Vec<Watched> = Vec::new();
        for _ in 0..400 {
            while watched.len() < 25 {
                watched.push(watch(&db, Query::random(rng, &known)));
            }
            if rng.random_ratio(1, 10) {
                watched.swap_remove(rng.random_range(0..watched.len()));
            }
            let mut tx = db.begin();
            let mut sees = Model::default();
            let all = Query::ById {
                order: lentil_database::Order::Asc,
                take: usize::MAX,
            };
            sees.documents.extend(all.run(&mut tx).unwrap());
            for _ in 0..rng.random_range(1..4) {
                known.extend(
                    WriteOp::random(rng, &known)
                        .run(&mut tx, &mut sees)
                        .map(|(id, _)| id)
                        .filter(|id| !known.contains(id)),
                );
            }
            let committed = db.commit_blocking(tx).unwrap();
            for mut item in std::mem::take(&mut watched) {
                let result = item.query.run(&mut db.begin()).unwrap();
                let changed = result != item.result;
                let invalidated = item.subscription.invalidated_at();
                let woken = item.woken_at.load(Ordering::SeqCst);
                assert_eq!(
                    woken,
                    invalidated.map_or(0, |ts| ts.0),
                    "marked and woken at the same commit"
                );
                match invalidated {
                    Some(ts) => {
                        assert_eq!(ts, committed.ts, "{:?}", item.query);
                        hits += 1;
                        spurious += usize::from(!changed);
                    }
                    None => {
                        assert!(!changed, "missed: {:?}", item.query);
                        item.result = result;
                        watched.push(item);
                    }
                }
            }
        }
    }
    println!("{hits} invalidations, {spurious} of them spurious");
    assert!(hits > 500);
    // A row whose key stays but whose body changes is always a change; the rest are cut-off scans.
    assert!(
        spurious * 4 < hits,
        "{spurious} of {hits} invalidations were spurious"
    );
}

#[test]
fn commits_between_snapshot_and_registration_are_not_missed() {
    let db = open_memory(5);
    make_table(&db);
    let query = Query::ByGroup {
        g: Some(1),
        from: 0,
        below: 12,
        order: lentil_database::Order::Asc,
        take: usize::MAX,
    };
    let mut tx = db.begin();
    assert!(query.run(&mut tx).unwrap().is_empty());
    let [first, _second] = [1, 2].map(|n| insert(&db, Row { g: Some(1), n }));
    let woken = Arc::new(AtomicU64::new(0));
    let seen = woken.clone();
    let late = db.subscribe(
        tx.read_set(),
        tx.snapshot(),
        Arc::new(move |ts| seen.store(ts.0, Ordering::SeqCst)),
    );
    assert_eq!(late.invalidated_at(), Some(first));
    assert_eq!(woken.load(Ordering::SeqCst), first.0);
}

fn insert(db: &Database, row: Row) -> Timestamp {
    let mut tx = db.begin();
    tx.insert(ROOT, "t", row.fields()).unwrap();
    db.commit_blocking(tx).unwrap().ts
}

/// Readers subscribe while writers commit: in the end everyone whose result is stale was told.
#[test]
fn subscriptions_race_with_commits() {
    let db = open_memory(6);
    make_table(&db);
    let wakes = Arc::new(AtomicUsize::new(0));
    let left: Mutex<Vec<Watched>> = Mutex::default();
    std::thread::scope(|scope| {
        for thread in 0..2u64 {
            let db = db.clone();
            scope.spawn(move || {
                let mut rng = StdRng::seed_from_u64(thread);
                for _ in 0..1_500 {
                    insert(
                        &db,
                        Row {
                            g: Some(rng.random_range(1..4)),
                            n: rng.random_range(0..12),
                        },
                    );
                }
            });
        }
        for thread in 10..12u64 {
            let (db, wakes, left) = (db.clone(), wakes.clone(), &left);
            scope.spawn(move || {
                let mut rng = StdRng::seed_from_u64(thread);
                for round in 0..600 {
                    let query = match Query::random(&mut rng, &[]) {
                        // Whole tables are always hit; a few rows are more interesting.
                        Query::ById { order, .. } => Query::ById { order, take: 3 },
                        query => query,
                    };
                    let mut tx = db.begin();
                    let result = query.run(&mut tx).unwrap();
                    let wakes = wakes.clone();
                    let waker = Arc::new(move |_| {
                        wakes.fetch_add(1, Ordering::SeqCst);
                    });
                    let subscription = db.subscribe(tx.read_set(), tx.snapshot(), waker);
                    if round % 3 != 0 {
                        left.lock().push(Watched {
                            query,
                            result,
                            subscription,
                            woken_at: Arc::default(),
                        });
                    }
                }
            });
        }
    });
    let mut stale = 0;
    for Watched {
        query,
        result,
        subscription,
        ..
    } in left.into_inner()
    {
        if query.run(&mut db.begin()).unwrap() != result {
            stale += 1;
            assert!(subscription.invalidated_at().is_some(), "missed: {query:?}");
        }
    }
    assert!(stale > 100, "{stale} stale results");
    assert!(wakes.load(Ordering::SeqCst) >= stale);
}

#[test]
fn a_waker_that_panics_hurts_nobody_else() {
    let db = open_memory(7);
    make_table(&db);
    let query = Query::ByAge {
        order: lentil_database::Order::Asc,
        take: usize::MAX,
    };
    let mut tx = db.begin();
    query.run(&mut tx).unwrap();
    let _bad = db.subscribe(
        tx.read_set(),
        tx.snapshot(),
        Arc::new(|_| panic!("the waker's own fault")),
    );
    let woken = Arc::new(AtomicUsize::new(0));
    let seen = woken.clone();
    let good = db.subscribe(
        tx.read_set(),
        tx.snapshot(),
        Arc::new(move |_| {
            seen.fetch_add(1, Ordering::SeqCst);
        }),
    );
    for _ in 0..2 {
        let mut tx = db.begin();
        tx.insert(ROOT, "t", Row { g: None, n: 1 }.fields())
            .unwrap();
        let committed = db.commit_blocking(tx).unwrap();
        assert!(good.invalidated_at().is_some_and(|ts| ts <= committed.ts));
    }
    assert_eq!(woken.load(Ordering::SeqCst), 1);
}

/// A waker may drop subscriptions and even the last handle of the database.
#[test]
fn wakers_may_end_subscriptions_and_the_database() {
    let db = open_memory(8);
    make_table(&db);
    let query = Query::ByAge {
        order: lentil_database::Order::Asc,
        take: usize::MAX,
    };
    let mut tx = db.begin();
    query.run(&mut tx).unwrap();
    let owned: Arc<Mutex<Option<(Database, Subscription)>>> = Arc::default();
    let taken = owned.clone();
    let (done, ended) = std::sync::mpsc::channel();
    let first = db.subscribe(
        tx.read_set(),
        tx.snapshot(),
        Arc::new(move |_| {
            drop(taken.lock().take());
            done.send(()).unwrap();
        }),
    );
    let second = db.subscribe(tx.read_set(), tx.snapshot(), Arc::new(|_| {}));
    drop(tx);
    let mut tx = db.begin();
    tx.insert(ROOT, "t", Row { g: None, n: 1 }.fields())
        .unwrap();
    let committing = db.clone();
    let mut held = owned.lock();
    let commit = std::thread::Builder::new()
        .spawn(move || committing.commit_blocking(tx))
        .unwrap();
    *held = Some((db, second));
    drop(held);
    ended.recv().unwrap();
    commit.join().unwrap().unwrap();
    assert!(first.invalidated_at().is_some());
}
