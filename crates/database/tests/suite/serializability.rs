//! Concurrent transactions over few documents, replayed in the order of their timestamps: every
//! committed transaction must have read what it would have read alone, at its place in that order.

use std::sync::Arc;

use lentil_database::{Database, DatabaseOptions};
use lentil_storage::{MemoryPersistence, SqliteOptions, SqlitePersistence};
use lentil_values::{DocumentId, Timestamp};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::{
    Model, Query, ROOT, Row, TestEnv, WriteOp, commit, is_conflict, make_table, open, open_memory,
};

/// What a committed transaction did, in order.
enum Step {
    Read(Query, Vec<(DocumentId, String)>),
    Write(DocumentId, Option<String>),
}

struct Execution {
    /// Its place in the order; a transaction without writes comes after the commit of its snapshot.
    at: (Timestamp, bool),
    steps: Vec<Step>,
}

/// Runs one random transaction; `None` if it conflicted.
fn execute(db: &Database, rng: &mut StdRng, known: &Mutex<Vec<DocumentId>>) -> Option<Execution> {
    let mut tx = db.begin();
    let mut steps = Vec::new();
    let mut inserted = Vec::new();
    for _ in 0..rng.random_range(1..6) {
        let known = known.lock().clone();
        if rng.random_ratio(3, 5) {
            let query = Query::random(rng, &known);
            let found = query.run(&mut tx).unwrap();
            steps.push(Step::Read(query, found));
            continue;
        }
        // The table stays small, so that transactions meet.
        let write = match WriteOp::random(rng, &known) {
            WriteOp::Insert(row) if known.len() > 14 => {
                WriteOp::Patch(known[rng.random_range(0..known.len())], row)
            }
            write => write,
        };
        match write {
            WriteOp::Insert(row) => {
                let id = tx.insert(ROOT, "t", row.fields()).unwrap();
                let json = tx.get(ROOT, id).unwrap().unwrap().json.to_string();
                inserted.push(id);
                steps.push(Step::Write(id, Some(json)));
            }
            WriteOp::Patch(id, row) | WriteOp::Replace(id, row) => {
                match tx.patch(ROOT, id, row.patch()) {
                    Ok(document) => steps.push(Step::Write(id, Some(document.json.to_string()))),
                    Err(_) => steps.push(Step::Read(Query::Get(id), Vec::new())),
                }
            }
            WriteOp::Delete(id) => match tx.delete(ROOT, id) {
                Ok(_) => steps.push(Step::Write(id, None)),
                Err(_) => steps.push(Step::Read(Query::Get(id), Vec::new())),
            },
        }
    }
    let snapshot = tx.snapshot();
    let result = db.commit_blocking(tx);
    if is_conflict(&result) {
        return None;
    }
    // Writes that cancel out are no commit.
    let ts = result.unwrap().ts;
    let at = (ts, ts == snapshot);
    known.lock().extend(inserted);
    let deleted = |id: &DocumentId| {
        steps
            .iter()
            .any(|step| matches!(step, Step::Write(other, None) if other == id))
    };
    known.lock().retain(|id| !deleted(id));
    Some(Execution { at, steps })
}

fn replay(mut executions: Vec<Execution>, mut model: Model) -> Model {
    executions.sort_by_key(|execution| execution.at);
    for pair in executions.windows(2) {
        assert!(
            pair[0].at < pair[1].at || pair[1].at.1,
            "two commits have one timestamp"
        );
    }
    for execution in executions {
        for step in execution.steps {
            match step {
                Step::Read(query, found) => {
                    assert_eq!(found, model.run(&query), "{query:?} at {:?}", execution.at)
                }
                Step::Write(id, Some(json)) => drop(model.documents.insert(id, json)),
                Step::Write(id, None) => drop(model.documents.remove(&id)),
            }
        }
    }
    model
}

fn check(db: &Database, seed: u64, transactions: usize) {
    const THREADS: u64 = 8;
    make_table(db);
    let known = Mutex::new(Vec::new());
    let mut start = Model::default();
    let mut tx = db.begin();
    for n in 0..8 {
        let id = tx
            .insert(ROOT, "t", Row { g: Some(n % 3), n }.fields())
            .unwrap();
        start
            .documents
            .insert(id, tx.get(ROOT, id).unwrap().unwrap().json.to_string());
        known.lock().push(id);
    }
    commit(db, tx);
    let results: Vec<(Vec<Execution>, usize)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (known, db) = (&known, db.clone());
                scope.spawn(move || {
                    let mut rng = StdRng::seed_from_u64(seed * 1_000 + thread);
                    let mut done = Vec::new();
                    let mut conflicts = 0;
                    for _ in 0..transactions / THREADS as usize {
                        match execute(&db, &mut rng, known) {
                            Some(execution) => done.push(execution),
                            None => conflicts += 1,
                        }
                    }
                    (done, conflicts)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let conflicts: usize = results.iter().map(|(_, conflicts)| conflicts).sum();
    let executions: Vec<_> = results.into_iter().flat_map(|(done, _)| done).collect();
    let committed = executions.len();
    println!("seed {seed}: {committed} committed, {conflicts} conflicts");
    assert!(
        committed > transactions / 4,
        "{committed} of {transactions} committed"
    );
    let end = replay(executions, start);
    let all = Query::ById {
        order: lentil_database::Order::Asc,
        take: usize::MAX,
    };
    assert_eq!(all.run(&mut db.begin()).unwrap(), end.run(&all));
}

#[test]
fn concurrent_histories_are_serializable() {
    // LENTIL_SERIALIZABILITY=1000000 checks for as long as one likes.
    let transactions = std::env::var("LENTIL_SERIALIZABILITY")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(24_000);
    for seed in 0..4 {
        check(&open_memory(seed), seed, transactions / 4);
    }
}

#[test]
fn concurrent_histories_on_sqlite_are_serializable() {
    let folder = tempfile::tempdir().unwrap();
    let persistence =
        SqlitePersistence::open(SqliteOptions::new(folder.path().join("db.sqlite3"))).unwrap();
    check(&open(Arc::new(persistence), TestEnv::new(9)), 9, 2_000);
}

/// With no cache every read asks storage; with a tiny one entries come and go all the time.
#[test]
fn concurrent_histories_are_serializable_whatever_the_cache() {
    for (seed, cache_bytes) in [(20, 0), (21, 2_000)] {
        let options = DatabaseOptions {
            cache_bytes,
            ..DatabaseOptions::default()
        };
        let db = Database::open(
            Arc::new(MemoryPersistence::new()),
            options,
            TestEnv::new(seed),
        )
        .unwrap();
        check(&db, seed, 3_000);
    }
}
