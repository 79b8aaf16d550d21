//! Filling an index while others write, and across restarts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lentil_database::{
    BackfillStep, CommitError, Database, IndexDefinition, IndexId, IndexQuery, IndexState, Order,
    TableInfo,
};
use lentil_storage::{Persistence, SqliteOptions, SqlitePersistence};
use lentil_values::{DocumentId, KeyRange};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::{Query, ROOT, Row, TestEnv, commit, make_table, open, open_memory};

fn fill(db: &Database, rows: usize) -> Vec<DocumentId> {
    let mut rng = StdRng::seed_from_u64(1);
    let mut tx = db.begin();
    let ids = (0..rows)
        .map(|_| {
            tx.insert(ROOT, "t", Row::random(&mut rng).fields())
                .unwrap()
        })
        .collect();
    commit(db, tx);
    ids
}

fn add_index(db: &Database) -> (TableInfo, IndexId) {
    let mut tx = db.begin();
    let table = tx.table(ROOT, "t").unwrap();
    let definition = IndexDefinition {
        name: "by_n".into(),
        fields: vec!["n".into()],
        staged: false,
    };
    let index = tx.add_index(&table, definition).unwrap();
    assert_eq!(index.state, IndexState::Backfilling);
    commit(db, tx);
    (table, index.id)
}

/// Enables the index and checks it against the table: the same documents, in the order of `n`.
fn check(db: &Database, table: &TableInfo) {
    let mut tx = db.begin();
    tx.set_index(table, "by_n", IndexState::Enabled, false)
        .unwrap();
    commit(db, tx);
    let mut tx = db.begin();
    let mut by_id = Query::ById {
        order: Order::Asc,
        take: usize::MAX,
    }
    .run(&mut tx)
    .unwrap();
    let query = IndexQuery {
        namespace: ROOT,
        table: "t".into(),
        index: "by_n".into(),
        range: KeyRange::all(),
        order: Order::Asc,
    };
    let mut cursor = tx.query(query).unwrap();
    let mut found = Vec::new();
    while let Some((_, document)) = cursor.next(&mut tx).unwrap() {
        found.push((document.id, document.json.to_string()));
    }
    let n = |json: &str| crate::support::row_of(json).1.n;
    assert!(
        found.windows(2).all(|pair| n(&pair[0].1) <= n(&pair[1].1)),
        "the index is in order"
    );
    found.sort();
    by_id.sort();
    assert_eq!(found, by_id);
}

/// Patches, deletes and inserts until told to stop; returns the commits made.
fn write_until(db: &Database, ids: &[DocumentId], seed: u64, stop: &AtomicBool) -> usize {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut commits = 0;
    while !stop.load(Ordering::Relaxed) {
        let mut tx = db.begin();
        let id = ids[rng.random_range(0..ids.len())];
        let row = Row::random(&mut rng);
        match rng.random_range(0..8) {
            0 => drop(tx.insert(ROOT, "t", row.fields()).unwrap()),
            1 => drop(tx.delete(ROOT, id)),
            _ => drop(tx.patch(ROOT, id, row.patch())),
        }
        match db.commit_blocking(tx) {
            Ok(_) => commits += 1,
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    commits
}

#[test]
fn an_index_is_filled_while_others_write() {
    let db = open_memory(3);
    make_table(&db);
    let ids = fill(&db, 1_500);
    let stop = AtomicBool::new(false);
    let table = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|seed| {
                scope.spawn({
                    let (db, ids, stop) = (&db, &ids, &stop);
                    move || write_until(db, ids, seed, stop)
                })
            })
            .collect();
        let (table, index) = add_index(&db);
        let mut steps = 0;
        loop {
            steps += 1;
            match db.backfill_step(index, 7).unwrap() {
                BackfillStep::More(progress) => assert!(progress.done > 0),
                BackfillStep::Done => break,
                BackfillStep::Nothing => panic!("the index is there"),
            }
        }
        assert!(steps > 100, "{steps} steps");
        assert_eq!(db.backfill_step(index, 7).unwrap(), BackfillStep::Nothing);
        stop.store(true, Ordering::Relaxed);
        let commits: usize = writers
            .into_iter()
            .map(|writer| writer.join().unwrap())
            .sum();
        assert!(commits > 100, "{commits} commits beside the backfill");
        table
    });
    check(&db, &table);
}

#[test]
fn an_index_is_filled_across_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let env = TestEnv::new(4);
    let reopen = || {
        let options = SqliteOptions::new(folder.path().join("db.sqlite3"));
        let persistence: Arc<dyn Persistence> = Arc::new(SqlitePersistence::open(options).unwrap());
        open(persistence, env.clone())
    };
    let db = reopen();
    make_table(&db);
    let ids = fill(&db, 300);
    let (table, index) = add_index(&db);
    drop(db);
    let mut rng = StdRng::seed_from_u64(4);
    let mut restarts = 0;
    let db = loop {
        let db = reopen();
        let mut step = BackfillStep::Nothing;
        for _ in 0..4 {
            let mut tx = db.begin();
            drop(tx.patch(
                ROOT,
                ids[rng.random_range(0..ids.len())],
                Row::random(&mut rng).patch(),
            ));
            commit(&db, tx);
            step = db.backfill_step(index, 13).unwrap();
            if step == BackfillStep::Done {
                break;
            }
        }
        if step == BackfillStep::Done {
            break db;
        }
        restarts += 1;
    };
    assert!(restarts > 3, "{restarts} restarts");
    check(&db, &table);
}

#[test]
fn an_index_that_is_dropped_stops_filling() {
    let db = open_memory(3);
    make_table(&db);
    fill(&db, 20);
    let (table, index) = add_index(&db);
    assert!(matches!(
        db.backfill_step(index, 5).unwrap(),
        BackfillStep::More(_)
    ));
    let mut tx = db.begin();
    tx.drop_index(&table, "by_n").unwrap();
    commit(&db, tx);
    assert_eq!(db.backfill_step(index, 5).unwrap(), BackfillStep::Nothing);
    assert_eq!(
        db.backfill_step(IndexId(999_999), 5).unwrap(),
        BackfillStep::Nothing
    );
}
