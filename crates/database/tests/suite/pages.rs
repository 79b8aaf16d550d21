//! Pages of ranges that are kept in memory: storage is asked once, pages follow a few writes, and
//! nobody is ever given what is not true at its snapshot. (The model tests run with them, too.)

use std::sync::Arc;

use lentil_database::{Database, DatabaseOptions, Order, Transaction};
use lentil_storage::{FaultyPersistence, MemoryPersistence};
use lentil_values::{DocumentId, Value};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::support::{Model, Query, ROOT, Row, TestEnv, commit, make_table, open, row_of};

/// A database, the storage that counts what it is asked, and ten rows: `n` from 0 in group 1.
fn ten_rows() -> (Database, Arc<FaultyPersistence>, Vec<DocumentId>) {
    let storage = Arc::new(FaultyPersistence::new(Arc::new(MemoryPersistence::new())));
    let db = open(storage.clone(), TestEnv::new(3));
    make_table(&db);
    let mut tx = db.begin();
    let ids = (0..10).map(|n| {
        tx.insert(ROOT, "t", Row { g: Some(1), n }.fields())
            .unwrap()
    });
    let ids = ids.collect();
    commit(&db, tx);
    (db, storage, ids)
}

fn group(g: u8, order: Order, take: usize) -> Query {
    Query::ByGroup {
        g: Some(g),
        from: 0,
        below: 12,
        order,
        take,
    }
}

fn numbers(db: &Database, query: &Query) -> Vec<u8> {
    let rows = query.run(&mut db.begin()).unwrap();
    rows.iter().map(|(_, json)| row_of(json).1.n).collect()
}

fn insert(db: &Database, g: u8, n: u8) {
    let mut tx = db.begin();
    tx.insert(ROOT, "t", Row { g: Some(g), n }.fields())
        .unwrap();
    commit(db, tx);
}

/// How often storage is asked for pages meanwhile.
fn scans<T>(storage: &FaultyPersistence, body: impl FnOnce() -> T) -> (u64, T) {
    let before = storage.scans();
    let result = body();
    (storage.scans() - before, result)
}

#[test]
fn a_range_is_read_once_and_follows_what_is_written() {
    let (db, storage, ids) = ten_rows();
    let query = group(1, Order::Asc, usize::MAX);
    let ask = || scans(&storage, || numbers(&db, &query));
    let all: Vec<u8> = (0..10).collect();
    assert_eq!(ask(), (1, all.clone()));
    assert_eq!(ask(), (0, all.clone()));
    insert(&db, 2, 5);
    assert_eq!(
        ask(),
        (0, all),
        "what lies elsewhere is no reason to ask again"
    );
    insert(&db, 1, 10);
    assert_eq!(ask(), (0, (0..11).collect()));
    let mut tx = db.begin();
    tx.delete(ROOT, ids[0]).unwrap();
    commit(&db, tx);
    assert_eq!(ask(), (0, (1..11).collect()));
}

#[test]
fn a_page_is_read_again_after_many_writes_and_where_rows_from_behind_it_are_wanted() {
    let (db, storage, ids) = ten_rows();
    let query = group(1, Order::Asc, 3);
    let ask = || scans(&storage, || numbers(&db, &query));
    assert_eq!(ask(), (1, vec![0, 1, 2]));
    let mut tx = db.begin();
    tx.delete(ROOT, ids[1]).unwrap();
    commit(&db, tx);
    assert_eq!(ask(), (1, vec![0, 2, 3]));
    let mut tx = db.begin();
    for _ in 0..40 {
        tx.insert(ROOT, "t", Row { g: Some(1), n: 0 }.fields())
            .unwrap();
    }
    commit(&db, tx);
    assert_eq!(ask(), (1, vec![0, 0, 0]));
}

#[test]
fn a_page_is_read_again_if_what_was_written_is_no_longer_in_memory() {
    let storage = Arc::new(FaultyPersistence::new(Arc::new(MemoryPersistence::new())));
    let options = DatabaseOptions {
        cache_bytes: 0,
        ..DatabaseOptions::default()
    };
    let db = Database::open(storage.clone(), options, TestEnv::new(3)).unwrap();
    make_table(&db);
    insert(&db, 1, 1);
    let query = group(1, Order::Asc, usize::MAX);
    assert_eq!(numbers(&db, &query), [1]);
    insert(&db, 1, 2);
    assert_eq!(scans(&storage, || numbers(&db, &query)), (1, vec![1, 2]));
}

/// Random writes, and after each commit the same questions, at the newest snapshot and at some
/// that were taken before.
#[test]
fn pages_that_follow_are_what_a_model_holds() {
    let (db, storage, mut ids) = ten_rows();
    let mut rng = StdRng::seed_from_u64(11);
    let (asc, desc) = (Order::Asc, Order::Desc);
    let mut questions = vec![Query::ById {
        order: asc,
        take: 4,
    }];
    for (order, take) in [(asc, 3), (desc, 3), (asc, 8), (desc, usize::MAX)] {
        questions.extend([Query::ByAge { order, take }, group(1, order, take)]);
    }
    let (mut asked, mut before) = (0, Vec::new());
    for round in 0..400 {
        let mut tx = db.begin();
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..ids.len());
            let row = Row {
                g: Some(rng.random_range(1..3)),
                n: rng.random_range(0..12),
            };
            let grow = ids.len() < 5 || (ids.len() < 16 && rng.random());
            match rng.random_range(0..3) {
                0 => drop(tx.patch(ROOT, ids[at], row.patch()).unwrap()),
                1 if grow => ids.push(tx.insert(ROOT, "t", row.fields()).unwrap()),
                1 => drop(tx.delete(ROOT, ids.swap_remove(at)).unwrap()),
                _ => {
                    let note = Some(Value::String(format!("{round}")));
                    tx.patch(ROOT, ids[at], vec![("note".to_owned(), note)])
                        .unwrap();
                }
            }
        }
        commit(&db, tx);
        let mut tx = db.begin();
        let documents = ids.iter().map(|id| {
            let document = tx.get(ROOT, *id).unwrap().unwrap();
            (*id, document.json.to_string())
        });
        let model = Model {
            documents: documents.collect(),
        };
        for question in &questions {
            let (scanned, found) = scans(&storage, || question.run(&mut db.begin()).unwrap());
            assert_eq!(found, model.run(question), "{question:?} in round {round}");
            asked += scanned;
        }
        before.push((tx, model));
        let (mut old, model) = before.swap_remove(rng.random_range(0..before.len()));
        for question in &questions {
            let found = question.run(&mut old).unwrap();
            assert_eq!(found, model.run(question), "{question:?} before {round}");
        }
    }
    let all = 400 * questions.len() as u64;
    assert!(asked * 2 < all, "{asked} of {all} asked storage");
}

#[test]
fn a_document_that_stays_where_it_is_changes_its_page() {
    let (db, storage, ids) = ten_rows();
    let query = group(1, Order::Asc, 3);
    let bodies = || query.run(&mut db.begin()).unwrap();
    let before = bodies();
    let mut tx = db.begin();
    tx.patch(
        ROOT,
        ids[1],
        vec![("note".to_owned(), Some(Value::String("x".into())))],
    )
    .unwrap();
    commit(&db, tx);
    let (asked, after) = scans(&storage, bodies);
    assert_eq!(asked, 0);
    assert!(!before[1].1.contains("note") && after[1].1.contains("note"));
}

#[test]
fn a_full_page_does_not_mind_what_comes_behind_it() {
    for (order, behind, inside) in [(Order::Asc, 11, 0), (Order::Desc, 0, 11)] {
        let (db, storage, _) = ten_rows();
        let query = group(1, order, 3);
        let first = numbers(&db, &query);
        insert(&db, 1, behind);
        let again = scans(&storage, || numbers(&db, &query));
        assert_eq!(again, (0, first.clone()), "{order:?}");
        insert(&db, 1, inside);
        let (asked, after) = scans(&storage, || numbers(&db, &query));
        assert_eq!(asked, 0, "{order:?}");
        assert_ne!(after, first, "{order:?}");
        assert_eq!(after.len(), 3);
    }
}

#[test]
fn an_older_snapshot_keeps_seeing_what_it_saw() {
    let (db, storage, _) = ten_rows();
    let query = group(1, Order::Asc, usize::MAX);
    let (mut early, mut late) = (db.begin(), db.begin());
    insert(&db, 1, 10);
    assert_eq!(numbers(&db, &query).len(), 11);
    let seen = |tx: &mut Transaction| scans(&storage, || query.run(tx).unwrap().len());
    assert_eq!(seen(&mut early), (1, 10), "the page in memory is too new");
    insert(&db, 2, 1);
    assert_eq!(seen(&mut db.begin()), (0, 11), "and stays");
    assert_eq!(seen(&mut late), (1, 10));
}

#[test]
fn a_transaction_sees_its_own_writes_in_a_kept_page() {
    let (db, storage, ids) = ten_rows();
    let query = group(1, Order::Asc, usize::MAX);
    assert_eq!(numbers(&db, &query).len(), 10);
    let mut tx = db.begin();
    tx.delete(ROOT, ids[3]).unwrap();
    tx.insert(ROOT, "t", Row { g: Some(1), n: 11 }.fields())
        .unwrap();
    let (asked, rows) = scans(&storage, || query.run(&mut tx).unwrap());
    assert_eq!(asked, 0);
    let seen: Vec<u8> = rows.iter().map(|(_, json)| row_of(json).1.n).collect();
    assert_eq!(seen, [0, 1, 2, 4, 5, 6, 7, 8, 9, 11]);
    assert_eq!(numbers(&db, &query).len(), 10, "nobody else does");
}
