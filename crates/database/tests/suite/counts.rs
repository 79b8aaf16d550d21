//! Counts of index ranges against a model, at every snapshot, and what they conflict with.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lentil_database::{
    Database, DatabaseOptions, IndexQuery, Order, Transaction, TransactionError,
};
use lentil_storage::MemoryPersistence;
use lentil_values::{DocumentId, KeyRange, Object, Value, push_key_value};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::{
    Model, Query, ROOT, Row, TestEnv, WriteOp, commit, is_conflict, make_table, open, open_memory,
};

/// The keys of one `g` with `n` in `from..below`.
fn group(g: u8, from: u8, below: u8) -> KeyRange {
    let bound = |n: u8| {
        let mut key = Vec::new();
        push_key_value(Some(&Value::Float64(f64::from(g))), &mut key);
        push_key_value(Some(&Value::Float64(f64::from(n))), &mut key);
        key
    };
    KeyRange {
        start: bound(from),
        end: Some(bound(below)),
    }
}

fn count(tx: &mut Transaction, index: &str, range: KeyRange) -> u64 {
    count_or(tx, index, range).unwrap()
}

fn count_or(tx: &mut Transaction, index: &str, range: KeyRange) -> Result<u64, TransactionError> {
    tx.count_in(IndexQuery {
        namespace: ROOT,
        table: "t".into(),
        index: index.into(),
        range,
        order: Order::Asc,
    })
}

/// Public key range of ids from one on.
fn from_id(id: DocumentId) -> KeyRange {
    let mut start = Vec::new();
    push_key_value(Some(&Value::String(id.to_string())), &mut start);
    KeyRange { start, end: None }
}

fn check(tx: &mut Transaction, model: &Model, rng: &mut StdRng) {
    let g = rng.random_range(1..4u8);
    let from = rng.random_range(0..12);
    let below = rng.random_range(from..=12);
    let query = Query::ByGroup {
        g: Some(g),
        from,
        below,
        order: Order::Asc,
        take: usize::MAX,
    };
    let expected = model.run(&query).len() as u64;
    assert_eq!(count(tx, "by_g_n", group(g, from, below)), expected);
    let all = model.documents.len() as u64;
    assert_eq!(count(tx, "by_g_n", KeyRange::all()), all);
    assert_eq!(count(tx, "by_creation_time", KeyRange::all()), all);
    if let Some(id) = model.documents.keys().nth(rng.random_range(0..8)) {
        let expected = model.documents.range(id..).count() as u64;
        assert_eq!(count(tx, "by_id", from_id(*id)), expected);
    }
}

/// Random commits; counts in the middle of a transaction, at the newest and at older snapshots.
#[test]
fn ranges_are_counted_as_a_model_counts_them() {
    for seed in 0..15 {
        let mut rng = StdRng::seed_from_u64(seed);
        let persistence = Arc::new(MemoryPersistence::new());
        let mut db = open(persistence.clone(), TestEnv::new(seed));
        make_table(&db);
        let mut model = Model::default();
        let mut older: Vec<(Transaction, Model)> = Vec::new();
        for round in 0..60 {
            let mut tx = db.begin();
            for _ in 0..rng.random_range(1..6) {
                let known: Vec<DocumentId> = model.documents.keys().copied().collect();
                let operation = WriteOp::random(&mut rng, &known);
                apply(&mut tx, &operation, &mut model);
                if rng.random_range(0..3) == 0 {
                    check(&mut tx, &model, &mut rng);
                }
            }
            commit(&db, tx);
            check(&mut db.begin(), &model, &mut rng);
            if rng.random_range(0..4) == 0 {
                older.push((db.begin(), model.clone()));
            }
            for (tx, model) in &mut older {
                check(tx, model, &mut rng);
            }
            if older.len() > 5 {
                older.remove(0);
            }
            if round == 30 {
                older.clear();
                drop(db);
                db = open(persistence.clone(), TestEnv::new(seed + 1_000));
            }
        }
    }
}

fn apply(tx: &mut Transaction, operation: &WriteOp, model: &mut Model) {
    let id = match operation {
        WriteOp::Insert(row) => tx.insert(ROOT, "t", row.fields()).unwrap(),
        WriteOp::Patch(id, row) => tx.patch(ROOT, *id, row.patch()).unwrap().id,
        WriteOp::Replace(id, row) => tx.replace(ROOT, *id, row.fields()).unwrap().id,
        WriteOp::Delete(id) => {
            tx.delete(ROOT, *id).unwrap();
            model.documents.remove(id);
            return;
        }
    };
    let document = tx.get(ROOT, id).unwrap().unwrap();
    model.documents.insert(id, document.json.to_string());
}

fn insert(db: &Database, g: u8, n: u8) -> DocumentId {
    let mut tx = db.begin();
    let id = tx.insert(ROOT, "t", Row { g: Some(g), n }.fields());
    commit(db, tx);
    id.unwrap()
}

#[test]
fn a_count_conflicts_with_writes_to_its_range_only() {
    let db = open_memory(1);
    make_table(&db);
    let inside = insert(&db, 1, 5);
    let outside = insert(&db, 1, 9);
    let counting = |db: &Database| {
        let mut tx = db.begin();
        assert_eq!(count(&mut tx, "by_g_n", group(1, 0, 8)), 1);
        tx.insert(ROOT, "counts", Object::new()).unwrap();
        tx
    };
    let tx = counting(&db);
    // Another group, the same group behind the range, a document that moves outside of it.
    insert(&db, 2, 5);
    insert(&db, 1, 8);
    let mut moving = db.begin();
    let row = Row { g: Some(1), n: 11 };
    moving.patch(ROOT, outside, row.patch()).unwrap();
    commit(&db, moving);
    commit(&db, tx);
    let writes: [fn(&mut Transaction, DocumentId, DocumentId); 3] = [
        |tx, _, _| drop(tx.insert(ROOT, "t", Row { g: Some(1), n: 0 }.fields())),
        |tx, inside, _| drop(tx.delete(ROOT, inside)),
        |tx, _, outside| drop(tx.patch(ROOT, outside, Row { g: Some(1), n: 7 }.patch())),
    ];
    for write in writes {
        let tx = {
            let mut tx = db.begin();
            count(&mut tx, "by_g_n", group(1, 0, 8));
            tx.insert(ROOT, "counts", Object::new()).unwrap();
            tx
        };
        let mut writer = db.begin();
        write(&mut writer, inside, outside);
        commit(&db, writer);
        assert!(is_conflict(&db.commit_blocking(tx)));
    }
}

#[test]
fn a_count_is_told_of_writes_to_its_range_only() {
    let db = open_memory(1);
    make_table(&db);
    insert(&db, 1, 5);
    let mut tx = db.begin();
    count(&mut tx, "by_g_n", group(1, 0, 8));
    let woken = Arc::new(AtomicUsize::new(0));
    let waker = {
        let woken = woken.clone();
        Arc::new(move |_| {
            woken.fetch_add(1, Ordering::SeqCst);
        })
    };
    let _subscription = db.subscribe(tx.read_set(), tx.snapshot(), waker);
    insert(&db, 1, 8);
    insert(&db, 3, 1);
    assert_eq!(woken.load(Ordering::SeqCst), 0);
    insert(&db, 1, 7);
    assert_eq!(woken.load(Ordering::SeqCst), 1);
}

#[test]
fn what_cannot_be_counted_says_why() {
    let db = open_memory(1);
    let mut tx = db.begin();
    assert_eq!(count(&mut tx, "by_creation_time", KeyRange::all()), 0);
    let code = |result| match result {
        Err(TransactionError::Developer { code, .. }) => code,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        code(count_or(&mut tx, "by_g_n", KeyRange::all())),
        "IndexNotFoundError"
    );
    make_table(&db);
    insert(&db, 1, 1);
    let mut tx = db.begin();
    assert_eq!(count(&mut tx, "by_g_n", group(1, 0, 12)), 1);
    let nothing = KeyRange {
        start: vec![9],
        end: Some(vec![3]),
    };
    assert_eq!(count(&mut tx, "by_g_n", nothing), 0);
    // An index that goes is not counted any more, and one of the same name begins anew.
    let table = tx.table(ROOT, "t").unwrap();
    let mut ddl = db.begin();
    ddl.drop_index(&table, "by_g_n").unwrap();
    commit(&db, ddl);
    assert_eq!(count(&mut tx, "by_g_n", group(1, 0, 12)), 1);
    let mut tx = db.begin();
    assert_eq!(
        code(count_or(&mut tx, "by_g_n", KeyRange::all())),
        "IndexNotFoundError"
    );
}

/// While writers go on, counts are read into memory for the first time; every one is right.
#[test]
fn the_first_count_is_right_beside_writers() {
    for seed in 0..6 {
        let persistence = Arc::new(MemoryPersistence::new());
        let db =
            Database::open(persistence, DatabaseOptions::default(), TestEnv::new(seed)).unwrap();
        make_table(&db);
        let ids: Vec<_> = (0..200).map(|n| insert(&db, 1, n % 12)).collect();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for id in &ids[..100] {
                    let mut tx = db.begin();
                    tx.delete(ROOT, *id).unwrap();
                    tx.insert(ROOT, "t", Row { g: Some(1), n: 3 }.fields())
                        .unwrap();
                    commit(&db, tx);
                }
            });
            while !writer.is_finished() {
                let mut tx = db.begin();
                assert_eq!(count(&mut tx, "by_g_n", group(1, 0, 12)), 200);
                assert_eq!(count(&mut tx, "by_id", KeyRange::all()), 200);
            }
            writer.join().unwrap();
        });
        let mut tx = db.begin();
        assert_eq!(count(&mut tx, "by_g_n", group(1, 0, 12)), 200);
    }
}
