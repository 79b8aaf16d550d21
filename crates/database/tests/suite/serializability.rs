//! Concurrent transactions over few documents, replayed in the order of their timestamps: every
//! committed transaction must have read what it would have read alone, at its place in that order.
//!
//! Two ways to be concurrent: threads that run as they like, many transactions long; and short
//! histories of two to four transactions whose steps one thread interleaves, so that a seed is one
//! order of steps. The short ones are the many.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lentil_database::{CommitError, Committed, Database, DatabaseOptions, Document, Transaction};
use lentil_storage::{MemoryPersistence, SqliteOptions, SqlitePersistence};
use lentil_values::{DocumentId, Timestamp};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::serial::{Execution, Replay, replay};
use crate::support::{
    Model, Query, ROOT, Row, TestEnv, WriteOp, commit, is_conflict, long, make_table, open,
    open_memory,
};

/// What a transaction did.
pub(crate) enum Step {
    Read(Query, Vec<(DocumentId, String)>),
    Write(DocumentId, Option<String>),
}

/// One random transaction, step by step.
struct Player {
    tx: Transaction,
    steps: Vec<Step>,
    inserted: Vec<DocumentId>,
    /// Steps that are still to be made.
    left: u8,
    /// From so many documents on none is inserted: the table stays small, so that transactions meet.
    full: usize,
}

impl Player {
    fn begin(db: &Database, steps: u8, full: usize) -> Player {
        Player {
            tx: db.begin(),
            steps: Vec::new(),
            inserted: Vec::new(),
            left: steps,
            full,
        }
    }

    fn step(&mut self, rng: &mut StdRng, known: &Mutex<Vec<DocumentId>>) {
        self.left -= 1;
        let known = known.lock().clone();
        if rng.random_ratio(3, 5) {
            let query = Query::random(rng, &known);
            let found = query.run(&mut self.tx).unwrap();
            self.steps.push(Step::Read(query, found));
            return;
        }
        let write = match WriteOp::random(rng, &known) {
            WriteOp::Insert(row) if known.len() > self.full => {
                WriteOp::Patch(known[rng.random_range(0..known.len())], row)
            }
            write => write,
        };
        let tx = &mut self.tx;
        let text = |document: Document| document.json.to_string();
        let (id, written) = match write {
            WriteOp::Insert(row) => {
                let id = tx.insert(ROOT, "t", row.fields()).unwrap();
                self.inserted.push(id);
                let document = tx.get(ROOT, id).unwrap();
                (id, Ok(document.map(text)))
            }
            WriteOp::Patch(id, row) | WriteOp::Replace(id, row) => {
                (id, tx.patch(ROOT, id, row.patch()).map(text).map(Some))
            }
            WriteOp::Delete(id) => (id, tx.delete(ROOT, id).map(|_| None)),
        };
        self.steps.push(match written {
            Ok(json) => Step::Write(id, json),
            // It is not there, which was read.
            Err(_) => Step::Read(Query::Get(id), Vec::new()),
        });
    }

    /// Takes what it did apart from how it is to be committed.
    fn end(self) -> (Transaction, Played) {
        let snapshot = self.tx.snapshot();
        let (steps, inserted) = (self.steps, self.inserted);
        (
            self.tx,
            Played {
                snapshot,
                steps,
                inserted,
            },
        )
    }
}

/// A transaction that made its steps and was sent to be committed.
struct Played {
    snapshot: Timestamp,
    steps: Vec<Step>,
    inserted: Vec<DocumentId>,
}

impl Played {
    /// `None` if it conflicted.
    fn finish(
        self,
        result: Result<Committed, CommitError>,
        known: &Mutex<Vec<DocumentId>>,
    ) -> Option<Execution<Step>> {
        if is_conflict(&result) {
            return None;
        }
        // Writes that cancel out are no commit.
        let ts = result.unwrap().ts;
        let at = (ts, ts == self.snapshot);
        let mut known = known.lock();
        known.extend(&self.inserted);
        for step in &self.steps {
            if let Step::Write(id, None) = step {
                known.retain(|other| other != id);
            }
        }
        Some(Execution {
            at,
            steps: self.steps,
        })
    }
}

/// Runs one random transaction from begin to commit; `None` if it conflicted.
fn execute(
    db: &Database,
    rng: &mut StdRng,
    known: &Mutex<Vec<DocumentId>>,
) -> Option<Execution<Step>> {
    let mut player = Player::begin(db, rng.random_range(1..6), 14);
    while player.left > 0 {
        player.step(rng, known);
    }
    let (tx, played) = player.end();
    played.finish(db.commit_blocking(tx), known)
}

impl Replay<Step> for Model {
    fn play(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Read(query, found) => {
                let expected = self.run(query);
                if *found != expected {
                    return Err(format!("{query:?} gave {found:?} instead of {expected:?}"));
                }
            }
            Step::Write(id, Some(json)) => drop(self.documents.insert(*id, json.clone())),
            Step::Write(id, None) => drop(self.documents.remove(id)),
        }
        Ok(())
    }
}

/// The table with so many rows, as the model and the known ids have it.
fn prepare(db: &Database, rows: u8) -> (Model, Mutex<Vec<DocumentId>>) {
    make_table(db);
    let mut start = Model::default();
    let mut tx = db.begin();
    for n in 0..rows {
        let row = Row { g: Some(n % 3), n };
        let id = tx.insert(ROOT, "t", row.fields()).unwrap();
        let document = tx.get(ROOT, id).unwrap().unwrap();
        start.documents.insert(id, document.json.to_string());
    }
    commit(db, tx);
    let known = start.documents.keys().copied().collect();
    (start, Mutex::new(known))
}

fn check_end(db: &Database, end: &Model) {
    let all = Query::ById {
        order: lentil_database::Order::Asc,
        take: usize::MAX,
    };
    assert_eq!(all.run(&mut db.begin()).unwrap(), end.run(&all));
}

fn check(db: &Database, seed: u64, transactions: usize) {
    const THREADS: u64 = 8;
    let (start, known) = prepare(db, 8);
    let results: Vec<(Vec<Execution<Step>>, usize)> = std::thread::scope(|scope| {
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
    check_end(db, &replay(executions, start));
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
            page_cache_bytes: cache_bytes,
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

/// Short histories: a million in the long suite, a twentieth of that otherwise.
fn short_histories() -> usize {
    if long() { 1_000_000 } else { 50_000 }
}

/// Histories that share a database; few, so that what one of them did wrong has few suspects.
const HISTORIES_OF_A_DATABASE: usize = 500;

/// Two to four transactions, step by step in a random order. Those that are done commit alone or
/// together with others, so that the committer meets them in one batch. Returns who committed, and
/// how many conflicted.
fn short_history(
    db: &Database,
    rng: &mut StdRng,
    known: &Mutex<Vec<DocumentId>>,
    runtime: &tokio::runtime::Runtime,
) -> (Vec<Execution<Step>>, usize) {
    let mut waiting: u8 = rng.random_range(2..=4);
    let (mut playing, mut done, mut executions) = (Vec::new(), Vec::new(), Vec::new());
    let mut conflicts = 0;
    while waiting > 0 || !playing.is_empty() || !done.is_empty() {
        let at = rng.random_range(0..=playing.len());
        if at == playing.len() {
            if waiting > 0 && rng.random_ratio(1, 2) {
                waiting -= 1;
                playing.push(Player::begin(db, rng.random_range(1..=4), 5));
                continue;
            }
            if !done.is_empty() && (playing.is_empty() || rng.random_ratio(1, 2)) {
                for ended in commit_together(db, std::mem::take(&mut done), known, runtime) {
                    match ended {
                        Some(execution) => executions.push(execution),
                        None => conflicts += 1,
                    }
                }
            }
            continue;
        }
        playing[at].step(rng, known);
        if playing[at].left == 0 {
            done.push(playing.swap_remove(at).end());
        }
    }
    (executions, conflicts)
}

fn commit_together(
    db: &Database,
    done: Vec<(Transaction, Played)>,
    known: &Mutex<Vec<DocumentId>>,
    runtime: &tokio::runtime::Runtime,
) -> Vec<Option<Execution<Step>>> {
    let (transactions, played): (Vec<_>, Vec<_>) = done.into_iter().unzip();
    let results = runtime.block_on(async {
        // A task submits when it is first polled, and all are before one of them is answered.
        let mut commits = tokio::task::JoinSet::new();
        for (place, tx) in transactions.into_iter().enumerate() {
            let db = db.clone();
            commits.spawn(async move { (place, db.commit(tx).await) });
        }
        let mut results = commits.join_all().await;
        results.sort_by_key(|(place, _)| *place);
        results.into_iter().map(|(_, result)| result)
    });
    let ends = played.into_iter().zip(results);
    ends.map(|(played, result)| played.finish(result, known))
        .collect()
}

/// Plays the short histories of one database; returns how many committed and conflicted.
fn check_short(seed: u64, histories: usize) -> (usize, usize) {
    let db = open_memory(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let rng = &mut StdRng::seed_from_u64(seed);
    let (mut model, known) = prepare(&db, 4);
    let (mut committed, mut conflicted) = (0, 0);
    for _ in 0..histories {
        let (executions, conflicts) = short_history(&db, rng, &known, &runtime);
        committed += executions.len();
        conflicted += conflicts;
        model = replay(executions, model);
    }
    check_end(&db, &model);
    (committed, conflicted)
}

#[test]
fn short_histories_are_serializable() {
    let next = AtomicUsize::new(0);
    let databases = short_histories() / HISTORIES_OF_A_DATABASE;
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let work = || {
        let (mut committed, mut conflicted) = (0, 0);
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= databases {
                return (committed, conflicted);
            }
            let played =
                std::panic::catch_unwind(|| check_short(seed as u64, HISTORIES_OF_A_DATABASE));
            let (commits, conflicts) = played.unwrap_or_else(|panic| {
                println!("the history is of seed {seed}");
                std::panic::resume_unwind(panic)
            });
            committed += commits;
            conflicted += conflicts;
        }
    };
    let sums: Vec<(usize, usize)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let committed: usize = sums.iter().map(|sum| sum.0).sum();
    let conflicted: usize = sums.iter().map(|sum| sum.1).sum();
    println!("{committed} transactions committed, {conflicted} conflicted");
    // Transactions that never met would prove nothing.
    assert!(committed > databases * HISTORIES_OF_A_DATABASE);
    assert!(conflicted * 10 > committed, "{conflicted} conflicts");
}
