//! Transfers a second: two point reads and two patches a transaction, from many threads, on SQLite
//! with every commit synced, beside what the storage adapter alone does with the same rows.
//!
//! Then the same inserts beside ever more subscriptions, each on a range of its own: the rate must
//! not depend on how many there are.
//!
//! `cargo run --release -p lentil-database --example commit_rate -- [threads] [seconds] [accounts]`

// A measurement is about real time.
#![allow(clippy::disallowed_methods)]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lentil_database::{
    CommitError, Database, DatabaseOptions, IndexDefinition, IndexQuery, IndexState, Namespace,
    Order, Subscription, SystemEnv, TabletId, TransactionError, TransactionLimits,
};
use lentil_storage::{
    Batch, DocumentWrite, MemoryPersistence, Persistence, SqliteOptions, SqlitePersistence,
};
use lentil_values::{DocumentId, InternalId, KeyRange, Object, Timestamp, Value, push_key_value};
use rand::RngExt;

const ROOT: Namespace = Namespace::ROOT;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let threads = arguments.next().transpose()?.unwrap_or(16);
    let seconds = arguments.next().transpose()?.unwrap_or(3);
    let accounts = arguments.next().transpose()?.unwrap_or(100_000);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("db.sqlite3");
    let sqlite: Arc<dyn Persistence> =
        Arc::new(SqlitePersistence::open(SqliteOptions::new(&path))?);
    for (name, persistence) in [
        (
            "memory",
            Arc::new(MemoryPersistence::new()) as Arc<dyn Persistence>,
        ),
        ("sqlite", sqlite),
    ] {
        transfers(name, persistence, threads, seconds, accounts)?;
    }
    let options = SqliteOptions::new(folder.path().join("raw.sqlite3"));
    for transfers_a_batch in [1, threads as usize] {
        raw(
            &SqlitePersistence::open(options.clone())?,
            transfers_a_batch,
            seconds,
        )?;
        std::fs::remove_file(&options.path)?;
    }
    subscriptions(seconds)
}

/// Inserts that each hit one of many disjoint subscriptions.
fn subscriptions(seconds: u64) -> Result<(), Box<dyn Error>> {
    for count in [0u32, 100, 10_000, 100_000] {
        let db = Database::open(
            Arc::new(MemoryPersistence::new()),
            DatabaseOptions::default(),
            Arc::new(SystemEnv),
        )?;
        let mut tx = db.begin();
        let table = tx.create_table(ROOT, "messages", None)?;
        let fields = vec!["channel".to_owned()];
        tx.add_index(
            &table,
            IndexDefinition {
                name: "by_channel".into(),
                fields,
                staged: false,
            },
        )?;
        tx.set_index(&table, "by_channel", IndexState::Enabled, false)?;
        db.commit_blocking(tx)?;
        let hits = Arc::new(AtomicU64::new(0));
        let watch = |channel: u32| -> Result<Subscription, TransactionError> {
            let mut prefix = Vec::new();
            push_key_value(Some(&Value::Float64(f64::from(channel))), &mut prefix);
            let mut tx = db.begin();
            let mut cursor = tx.query(IndexQuery {
                namespace: ROOT,
                table: "messages".into(),
                index: "by_channel".into(),
                range: KeyRange::prefix(&prefix),
                order: Order::Desc,
            })?;
            cursor.expect_rows(1);
            cursor.next(&mut tx)?;
            let hits = hits.clone();
            let waker = Arc::new(move |_| {
                hits.fetch_add(1, Ordering::Relaxed);
            });
            Ok(db.subscribe(tx.read_set(), tx.snapshot(), waker))
        };
        let mut watching = (0..count).map(watch).collect::<Result<Vec<_>, _>>()?;
        let mut rng = rand::rng();
        let (mut done, start) = (0u64, Instant::now());
        while start.elapsed() < Duration::from_secs(seconds) {
            let channel = rng.random_range(0..count.max(1));
            let message =
                Object::from([("channel".to_owned(), Value::Float64(f64::from(channel)))]);
            let mut tx = db.begin();
            tx.insert(ROOT, "messages", message)?;
            db.commit_blocking(tx)?;
            if count > 0 {
                watching[channel as usize] = watch(channel)?;
            }
            done += 1;
        }
        let rate = done as f64 / start.elapsed().as_secs_f64();
        assert_eq!(
            hits.load(Ordering::Relaxed),
            if count > 0 { done } else { 0 }
        );
        println!(
            "{count} disjoint subscriptions, one hit and renewed by each commit: {rate:.0} commits/s"
        );
    }
    Ok(())
}

/// Transfers through transactions.
fn transfers(
    name: &str,
    persistence: Arc<dyn Persistence>,
    threads: u64,
    seconds: u64,
    accounts: u64,
) -> Result<(), Box<dyn Error>> {
    let db = Database::open(persistence, DatabaseOptions::default(), Arc::new(SystemEnv))?;
    let mut ids = Vec::new();
    while (ids.len() as u64) < accounts {
        let mut tx = db.begin();
        tx.set_limits(TransactionLimits::UNLIMITED);
        for _ in 0..1_000 {
            let account = Object::from([("balance".to_owned(), Value::Float64(1_000.0))]);
            ids.push(tx.insert(ROOT, "accounts", account)?);
        }
        db.commit_blocking(tx)?;
    }
    let (done, conflicts) = (AtomicU64::new(0), AtomicU64::new(0));
    let stop = AtomicBool::new(false);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    match transfer(&db, &ids) {
                        Ok(()) => done.fetch_add(1, Ordering::Relaxed),
                        Err(CommitError::Conflict { .. }) => {
                            conflicts.fetch_add(1, Ordering::Relaxed)
                        }
                        Err(error) => panic!("{error}"),
                    };
                }
            });
        }
        std::thread::sleep(Duration::from_secs(seconds));
        stop.store(true, Ordering::Relaxed);
    });
    let rate = done.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64();
    println!(
        "{name}: {rate:.0} transfers/s from {threads} threads, {} conflicts",
        conflicts.load(Ordering::Relaxed)
    );
    Ok(())
}

fn transfer(db: &Database, ids: &[DocumentId]) -> Result<(), CommitError> {
    let mut rng = rand::rng();
    let [from, to] = [0, 1].map(|_| ids[rng.random_range(0..ids.len())]);
    let mut tx = db.begin();
    for (id, amount) in [(from, -1.0), (to, 1.0)] {
        let document = tx
            .get(ROOT, id)
            .expect("reads work")
            .expect("accounts stay");
        let Ok(Value::Object(fields)) = Value::parse(&document.json) else {
            panic!("documents are objects")
        };
        let Some(Value::Float64(balance)) = fields.get("balance") else {
            panic!("accounts have a balance")
        };
        let patch = vec![("balance".to_owned(), Some(Value::Float64(balance + amount)))];
        tx.patch(ROOT, id, patch).expect("accounts stay");
    }
    db.commit_blocking(tx).map(drop)
}

/// The same rows, written by the adapter alone.
fn raw(
    persistence: &SqlitePersistence,
    transfers_a_batch: usize,
    seconds: u64,
) -> Result<(), Box<dyn Error>> {
    let body: Arc<str> =
        r#"{"_creationTime":1700000000000.1234,"_id":"j57000820c20a1g7104gm2rc1m70ynr8","balance":1000.0}"#.into();
    let mut rng = rand::rng();
    let start = Instant::now();
    let (mut ts, mut done) = (1, 0);
    while start.elapsed() < Duration::from_secs(seconds) {
        let mut batch = Batch::default();
        for _ in 0..transfers_a_batch {
            ts += 1;
            for _ in 0..2 {
                let id = InternalId(u128::from(rng.random_range(0..100_000u32)).to_be_bytes());
                if batch.documents.iter().any(|write| write.id == id) {
                    continue;
                }
                batch.documents.push(DocumentWrite {
                    tablet: TabletId(9),
                    id,
                    ts: Timestamp(ts),
                    body: Some(body.clone()),
                });
            }
        }
        batch.ts = Timestamp(ts);
        persistence.append(&batch)?;
        done += transfers_a_batch;
    }
    let rate = done as f64 / start.elapsed().as_secs_f64();
    println!("adapter alone: {rate:.0} transfers/s, {transfers_a_batch} a batch");
    Ok(())
}
