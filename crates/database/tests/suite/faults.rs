//! Storage fails: what was acknowledged stays, what was refused leaves no half, and nothing more
//! commits until a restart.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lentil_database::{CommitError, Database, DatabaseOptions, Transaction};
use lentil_storage::{Fault, FaultyPersistence, MemoryPersistence, Persistence};
use lentil_values::DocumentId;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::{Query, ROOT, Row, TestEnv, commit, make_table, open, row_of};

/// Two rows whose `n` always sum to 11.
fn make_pair(db: &Database) -> [DocumentId; 2] {
    make_table(db);
    let mut tx = db.begin();
    let pair = [4, 7].map(|n| {
        tx.insert(ROOT, "t", Row { g: Some(1), n }.fields())
            .unwrap()
    });
    commit(db, tx);
    pair
}

fn read_pair(db: &Database, pair: [DocumentId; 2]) -> [u8; 2] {
    let mut tx = db.begin();
    pair.map(|id| row_of(&tx.get(ROOT, id).unwrap().unwrap().json).1.n)
}

fn set_pair(db: &Database, pair: [DocumentId; 2], first: u8) -> Transaction {
    let mut tx = db.begin();
    for (id, n) in pair.into_iter().zip([first, 11 - first]) {
        tx.patch(ROOT, id, Row { g: Some(1), n }.patch()).unwrap();
    }
    tx
}

fn by_group(db: &Database) -> Vec<u8> {
    let query = Query::ByGroup {
        g: Some(1),
        from: 0,
        below: 12,
        order: lentil_database::Order::Asc,
        take: usize::MAX,
    };
    query
        .run(&mut db.begin())
        .unwrap()
        .iter()
        .map(|(_, json)| row_of(json).1.n)
        .collect()
}

#[test]
fn a_failed_append_latches_and_a_restart_decides() {
    for fault in [Fault::FailBefore, Fault::FailAfter, Fault::Full] {
        let store = MemoryPersistence::new();
        let db = open(Arc::new(store.clone()), TestEnv::new(1));
        let pair = make_pair(&db);
        drop(db);
        let faulty = Arc::new(FaultyPersistence::new(Arc::new(store.clone())));
        faulty.fail_append(3, fault);
        let db = open(faulty.clone(), TestEnv::new(2));
        let watch = {
            let mut tx = db.begin();
            tx.get(ROOT, pair[0]).unwrap();
            (tx.read_set().clone(), tx.snapshot())
        };
        commit(&db, set_pair(&db, pair, 1));
        commit(&db, set_pair(&db, pair, 2));
        let subscription = db.subscribe(
            &watch.0,
            db.latest(),
            Arc::new(|_| panic!("nothing was committed")),
        );
        let latest = db.latest();
        for first in [3, 5] {
            let refused = db.commit_blocking(set_pair(&db, pair, first));
            assert!(
                matches!(refused, Err(CommitError::Storage(_))),
                "{fault:?}: {refused:?}"
            );
        }
        assert!(db.failure().is_some(), "{fault:?}: operators can tell");
        // Readers go on, at what was acknowledged.
        assert_eq!(
            (db.latest(), read_pair(&db, pair)),
            (latest, [2, 9]),
            "{fault:?}"
        );
        assert_eq!(subscription.invalidated_at(), None);
        assert!(db.begin().count(ROOT, "t").is_ok());
        drop(subscription);
        drop(db);
        let db = open(Arc::new(store), TestEnv::new(3));
        let expected = if fault == Fault::FailAfter {
            [3, 8]
        } else {
            [2, 9]
        };
        assert_eq!(read_pair(&db, pair), expected, "{fault:?}");
        let mut sorted = expected;
        sorted.sort_unstable();
        assert_eq!(by_group(&db), sorted, "{fault:?}: the index agrees");
        commit(&db, set_pair(&db, pair, 6));
        assert_eq!(read_pair(&db, pair), [6, 5]);
    }
}

/// Threads commit until storage fails at a random append; after the restart the last acknowledged
/// state is there, or a later whole one that nobody was told about.
#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_half_there() {
    let store = MemoryPersistence::new();
    let mut rng = StdRng::seed_from_u64(8);
    let db = open(Arc::new(store.clone()), TestEnv::new(1));
    let pair = make_pair(&db);
    drop(db);
    for round in 0..30 {
        let faulty = Arc::new(FaultyPersistence::new(Arc::new(store.clone())));
        let fault = [Fault::FailBefore, Fault::FailAfter, Fault::Full][round % 3];
        faulty.fail_append(rng.random_range(1..20), fault);
        let db = open(faulty, TestEnv::new(round as u64));
        let failed = AtomicBool::new(false);
        let acknowledged: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..3u8)
                .map(|thread| {
                    let (db, failed) = (&db, &failed);
                    scope.spawn(move || {
                        let mut acknowledged = Vec::new();
                        for step in 0u8.. {
                            if failed.load(Ordering::Relaxed) {
                                break;
                            }
                            let first = (step * 3 + thread) % 12;
                            match db.commit_blocking(set_pair(db, pair, first)) {
                                Ok(committed) => acknowledged.push((committed.ts, first)),
                                Err(CommitError::Conflict { .. }) => {}
                                Err(CommitError::Storage(_)) => {
                                    failed.store(true, Ordering::Relaxed)
                                }
                                Err(error) => panic!("{error}"),
                            }
                        }
                        acknowledged
                    })
                })
                .collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap())
                .collect()
        });
        let visible = (db.latest(), read_pair(&db, pair));
        drop(db);
        if let Some((ts, first)) = acknowledged.iter().max() {
            assert!(visible.0 >= *ts);
            assert_eq!(
                visible.1,
                [*first, 11 - *first],
                "readers see the last acknowledged state"
            );
        }
        let db = open(Arc::new(store.clone()), TestEnv::new(1_000));
        let found = read_pair(&db, pair);
        assert_eq!(found[0] + found[1], 11, "both rows or none");
        assert!(db.latest() >= visible.0);
        if db.latest() == visible.0 {
            assert_eq!(found, visible.1);
        }
        let mut sorted = found;
        sorted.sort_unstable();
        assert_eq!(by_group(&db), sorted);
    }
}

/// While an append hangs, commits gather and then share one; more than the queue holds are told so.
#[test]
fn commits_share_an_append_and_a_full_queue_says_so() {
    let faulty = Arc::new(FaultyPersistence::new(Arc::new(MemoryPersistence::new())));
    let options = DatabaseOptions {
        commit_queue: 8,
        ..DatabaseOptions::default()
    };
    let db = Database::open(faulty.clone(), options, TestEnv::new(1)).unwrap();
    make_table(&db);
    let insert = || {
        let mut tx = db.begin();
        tx.insert(ROOT, "t", Row { g: Some(1), n: 1 }.fields())
            .unwrap();
        tx
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let before = faulty.appends();
    faulty.hold();
    let spawn = |tx| {
        let db = db.clone();
        runtime.spawn(async move { db.commit(tx).await })
    };
    let first = spawn(insert());
    faulty.wait_until_held();
    // Eight fit behind the one under way; polled here, so that they are in the queue for certain.
    let mut waiting: Vec<_> = (0..8).map(|_| Box::pin(db.commit(insert()))).collect();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for commit in &mut waiting {
        assert!(commit.as_mut().poll(&mut context).is_pending());
    }
    assert!(matches!(
        db.commit_blocking(insert()),
        Err(CommitError::Overloaded)
    ));
    faulty.release();
    let timestamps = runtime.block_on(async {
        let mut timestamps = vec![first.await.unwrap().unwrap().ts];
        for commit in waiting {
            timestamps.push(commit.await.unwrap().ts);
        }
        timestamps
    });
    assert!(
        timestamps.windows(2).all(|pair| pair[0] < pair[1]),
        "in order, one timestamp each"
    );
    assert_eq!(faulty.appends() - before, 2);
    assert_eq!(db.latest(), *timestamps.last().unwrap());
    drop(runtime);
}

#[test]
fn shutdown_finishes_what_was_taken_and_refuses_the_rest() {
    let store = MemoryPersistence::new();
    let db = open(Arc::new(store.clone()), TestEnv::new(1));
    let pair = make_pair(&db);
    let late = set_pair(&db, pair, 1);
    db.shutdown();
    assert!(matches!(
        db.commit_blocking(late),
        Err(CommitError::ShuttingDown)
    ));
    assert_eq!(read_pair(&db, pair), [4, 7]);
    db.shutdown();
    assert_eq!(store.latest().unwrap(), db.latest());
}
