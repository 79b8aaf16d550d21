//! Filling an index of a large table does not slow writers down, and survives being killed.

#![allow(
    clippy::disallowed_methods,
    reason = "it measures time, and its processes need entropy of their own"
)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use lentil_database::{
    BackfillStep, Database, IndexDefinition, IndexId, IndexQuery, IndexState, Order, TableInfo,
};
use lentil_storage::{Persistence, SqliteOptions, SqlitePersistence};
use lentil_values::{DocumentId, KeyRange, Object, Value};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::{ROOT, TestEnv, commit, open};

/// Documents that one transaction writes.
const PER_COMMIT: usize = 2_000;
/// Documents that one step takes.
const PER_STEP: usize = 1_000;
/// Commits of one stretch, with or without a backfill beside it.
const STRETCH: usize = 25;

fn open_file(folder: &Path) -> Database {
    let options = SqliteOptions::new(folder.join("db.sqlite3"));
    let persistence: Arc<dyn Persistence> = Arc::new(SqlitePersistence::open(options).unwrap());
    // Every process needs entropy of its own, or it draws the ids of the one before.
    open(
        persistence,
        TestEnv::new(rand::rng().random::<u32>().into()),
    )
}

/// A document of the size that apps have, with a value that spreads all over an index.
fn document(rng: &mut StdRng) -> Object {
    Object::from([
        (
            "word".to_owned(),
            Value::String(format!("{:016x}", rng.random::<u64>())),
        ),
        ("count".to_owned(), Value::Float64(0.0)),
        ("text".to_owned(), Value::String("lorem ipsum ".repeat(10))),
    ])
}

/// Fills the table `t`; answers some of the documents.
fn fill(db: &Database, documents: usize) -> Vec<DocumentId> {
    let mut rng = StdRng::seed_from_u64(9);
    let mut some = Vec::new();
    let mut written = 0;
    while written < documents {
        let mut tx = db.begin();
        for _ in 0..PER_COMMIT.min(documents - written) {
            let id = tx.insert(ROOT, "t", document(&mut rng)).unwrap();
            written += 1;
            if written % 50 == 0 {
                some.push(id);
            }
        }
        commit(db, tx);
    }
    some
}

fn add_index(db: &Database) -> (TableInfo, IndexId) {
    let mut tx = db.begin();
    let table = tx.table(ROOT, "t").unwrap();
    let definition = IndexDefinition {
        name: "by_word".into(),
        fields: vec!["word".into()],
        staged: false,
    };
    let index = tx.add_index(&table, definition).unwrap();
    assert_eq!(index.state, IndexState::Backfilling);
    commit(db, tx);
    (table, index.id)
}

/// Enables the index and walks it: every document once, in order.
fn check(db: &Database, table: &TableInfo) {
    let mut tx = db.begin();
    tx.set_index(table, "by_word", IndexState::Enabled, false)
        .unwrap();
    commit(db, tx);
    let mut tx = db.begin();
    tx.lift_limits();
    let expected = tx.count(ROOT, "t").unwrap();
    let query = IndexQuery {
        namespace: ROOT,
        table: "t".into(),
        index: "by_word".into(),
        range: KeyRange::all(),
        order: Order::Asc,
    };
    let mut cursor = tx.query(query).unwrap();
    let (mut found, mut last) = (0, String::new());
    let mut seen = std::collections::HashSet::new();
    while let Some((_, document)) = cursor.next(&mut tx).unwrap() {
        let Ok(Value::Object(fields)) = Value::parse(&document.json) else {
            panic!("no object")
        };
        let Some(Value::String(word)) = fields.get("word") else {
            panic!("no word")
        };
        assert!(*word >= last, "the index is in order");
        last.clone_from(word);
        assert!(seen.insert(document.id), "a document stands in it once");
        found += 1;
    }
    assert_eq!(found, expected);
}

/// A backfill that goes on and pauses as it is told, on a thread of its own.
#[derive(Default)]
struct Beside {
    /// Whether it may go on, and whether it is done.
    state: Mutex<(bool, bool)>,
    changed: Condvar,
}

impl Beside {
    fn allow(&self, may_run: bool) {
        self.state.lock().unwrap().0 = may_run;
        self.changed.notify_all();
    }

    fn is_done(&self) -> bool {
        self.state.lock().unwrap().1
    }

    /// Fills until the end; answers how long it took, pauses left out.
    fn run(&self, db: &Database, index: IndexId) -> Duration {
        let mut busy = Duration::ZERO;
        loop {
            let state = self.state.lock().unwrap();
            drop(self.changed.wait_while(state, |state| !state.0).unwrap());
            let since = Instant::now();
            let step = db.backfill_step(index, PER_STEP).unwrap();
            busy += since.elapsed();
            if !matches!(step, BackfillStep::More(_)) {
                self.state.lock().unwrap().1 = true;
                return busy;
            }
        }
    }
}

/// How long each commit of a stretch takes.
fn write(db: &Database, ids: &[DocumentId], rng: &mut StdRng, latencies: &mut Vec<Duration>) {
    for _ in 0..STRETCH {
        let mut tx = db.begin();
        let id = ids[rng.random_range(0..ids.len())];
        let patch = vec![("count".to_owned(), Some(Value::Float64(rng.random())))];
        tx.patch(ROOT, id, patch).unwrap();
        let word = Value::String(format!("{:016x}", rng.random::<u64>()));
        let other = ids[rng.random_range(0..ids.len())];
        tx.patch(ROOT, other, vec![("word".to_owned(), Some(word))])
            .unwrap();
        let since = Instant::now();
        commit(db, tx);
        latencies.push(since.elapsed());
    }
}

fn percentile(latencies: &mut [Duration], percent: usize) -> Duration {
    latencies.sort();
    latencies[(latencies.len() * percent / 100).min(latencies.len() - 1)]
}

/// What commits take without and with a backfill beside them.
struct Measured {
    quiet: Vec<Duration>,
    beside: Vec<Duration>,
}

impl Measured {
    /// Whether writers hardly noticed. Below a millisecond the clock of the scheduler says more
    /// than the database.
    fn is_fine(&mut self) -> bool {
        [50, 99].into_iter().all(|percent| {
            let quiet = percentile(&mut self.quiet, percent);
            percentile(&mut self.beside, percent) < quiet.max(Duration::from_millis(1)) * 3
        })
    }
}

/// Fills an index of so many documents beside a writer that takes turns in writing with and
/// without it, so that a slow disk slows both.
fn measure(documents: usize) -> Measured {
    let folder = tempfile::tempdir().unwrap();
    let db = open_file(folder.path());
    let ids = fill(&db, documents);
    let (table, index) = add_index(&db);
    let filling = Beside::default();
    let mut rng = StdRng::seed_from_u64(10);
    let (mut quiet, mut beside) = (Vec::new(), Vec::new());
    let took = std::thread::scope(|scope| {
        let thread = scope.spawn(|| filling.run(&db, index));
        while !filling.is_done() {
            write(&db, &ids, &mut rng, &mut quiet);
            filling.allow(true);
            write(&db, &ids, &mut rng, &mut beside);
            filling.allow(false);
        }
        thread.join().unwrap()
    });
    let mut measured = Measured { quiet, beside };
    let mut shown = |percent| {
        let quiet = percentile(&mut measured.quiet, percent);
        (quiet, percentile(&mut measured.beside, percent))
    };
    println!(
        "{documents} documents in {took:?}; commits quiet and beside: p50 {:?}, p99 {:?}",
        shown(50),
        shown(99)
    );
    check(&db, &table);
    measured
}

/// With `./test --long` the table has a million documents.
#[test]
fn writers_do_not_notice_a_backfill() {
    let long = std::env::var_os("LENTIL_LONG").is_some_and(|long| !long.is_empty());
    let documents = if long { 1_000_000 } else { 50_000 };
    // Whatever else the machine does may hit one side only: three measurements must all be bad.
    let fine = (0..3).any(|_| measure(documents).is_fine());
    assert!(
        fine,
        "commits beside a backfill take three times as long as without"
    );
}

const PATH_VARIABLE: &str = "LENTIL_BACKFILL_KILL_TEST_PATH";

/// A process that is killed in the middle of a backfill goes on where it was when it starts again.
#[test]
fn killed_while_filling_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let db = open_file(folder.path());
    fill(&db, 40_000);
    let (table, index) = add_index(&db);
    drop(db);
    let mut done = 0;
    for steps in [1, 2, 3, 4] {
        let reached = fill_until_killed(folder.path(), index, steps);
        // It went on behind what was done, and may have gone further than it could tell.
        assert!(
            reached >= done + steps * PER_STEP as u64,
            "{steps} steps from {done} on led to {reached}"
        );
        done = reached;
    }
    let db = open_file(folder.path());
    let first = match db.backfill_step(index, PER_STEP).unwrap() {
        BackfillStep::More(progress) => progress,
        other => panic!("{other:?}"),
    };
    assert!(first.done > done, "the position was kept");
    assert!(first.done < 40_000, "the kill came before the end");
    while db.backfill_step(index, PER_STEP).unwrap() != BackfillStep::Done {}
    check(&db, &table);
}

/// Starts a child that fills and writes, kills it after so many steps; answers how far it was.
fn fill_until_killed(folder: &Path, index: IndexId, steps: u64) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "backfill_load::child_that_fills", "--nocapture"])
        .env(PATH_VARIABLE, folder)
        .env("LENTIL_BACKFILL_KILL_TEST_INDEX", index.0.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let reached = lines
        .by_ref()
        .map_while(Result::ok)
        .filter_map(|line| {
            line.strip_prefix("filled ")?
                .strip_suffix('.')?
                .parse()
                .ok()
        })
        .nth(steps as usize - 1);
    child.kill().unwrap();
    child.wait().unwrap();
    reached.expect("the child fills until it is killed")
}

/// The child's part; without the variable there is nothing to do.
#[test]
fn child_that_fills() {
    let Some(folder) = std::env::var_os(PATH_VARIABLE) else {
        return;
    };
    let index = std::env::var("LENTIL_BACKFILL_KILL_TEST_INDEX").unwrap();
    let index = IndexId(index.parse().unwrap());
    let db = open_file(Path::new(&folder));
    let mut output = std::io::stdout();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut rng = StdRng::from_rng(&mut rand::rng());
            while !stop.load(Ordering::Relaxed) {
                let mut tx = db.begin();
                tx.insert(ROOT, "t", document(&mut rng)).unwrap();
                commit(&db, tx);
            }
        });
        // Ends: the parent kills it, and a parent that is gone breaks the pipe.
        while let BackfillStep::More(progress) = db.backfill_step(index, PER_STEP).unwrap() {
            if writeln!(output, "\nfilled {}.", progress.done).is_err() {
                break;
            }
            output.flush().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        writing.join().unwrap();
    });
}
