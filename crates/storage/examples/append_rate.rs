//! What this machine's disk and SQLite allow, and what the adapter makes of it.
//!
//! `cargo run --release -p lentil-storage --example append_rate [folder]` prints rates of durable
//! transfers (two small documents each) for a bare SQLite table and for the adapter, and the time of
//! reads. The folder should be on the disk in question; without one, the temporary folder is used.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lentil_storage::{
    Batch, DocumentWrite, EntryWrite, IndexId, IndexScan, Order, Persistence, SqliteOptions,
    SqlitePersistence, TabletId,
};
use lentil_values::{InternalId, KeyRange, Timestamp};

const ACCOUNTS: u64 = 100_000;
const ROUND: Duration = Duration::from_secs(3);
const TABLET: TabletId = TabletId(1);
const INDEX: IndexId = IndexId(1);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = match std::env::args().nth(1) {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    for batch in [1, 16, 64] {
        let bound = bare_sqlite(&folder.path().join(format!("bare-{batch}.db")), batch)?;
        let ours = adapter(&folder.path().join(format!("ours-{batch}.db")), batch)?;
        println!(
            "{batch:3} a commit: bare SQLite {bound}, adapter {ours}, ratio {:.2}",
            ours.rate / bound.rate
        );
    }
    reads(&folder.path().join("ours-16.db"))?;
    pruning(&folder.path().join("ours-16.db"))?;
    Ok(())
}

/// Transfers a second, and how long single commits took.
struct Rate {
    rate: f64,
    commits: Vec<Duration>,
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut sorted = self.commits.clone();
        sorted.sort();
        let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share) as usize].as_micros();
        write!(
            f,
            "{:.0}/s (commit p50 {} µs, p99 {} µs, p99.9 {} µs, max {} µs)",
            self.rate,
            at(0.5),
            at(0.99),
            at(0.999),
            at(1.0)
        )
    }
}

fn measure<E>(batch: u64, mut commit: impl FnMut(u64) -> Result<(), E>) -> Result<Rate, E> {
    let begin = Instant::now();
    let mut commits = Vec::new();
    let mut n = 0;
    while begin.elapsed() < ROUND {
        let start = Instant::now();
        commit(n)?;
        commits.push(start.elapsed());
        n += 1;
    }
    Ok(Rate {
        rate: (n * batch) as f64 / begin.elapsed().as_secs_f64(),
        commits,
    })
}

/// A pseudo-random account.
fn account(n: u64) -> u64 {
    n.wrapping_add(1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(31)
        .wrapping_mul(0xbf58_476d_1ce4_e5b9)
        % ACCOUNTS
}

fn body(account: u64, balance: u64) -> String {
    format!(
        "{{\"_creationTime\":1700000000000.0,\"_id\":\"k17{account:029}\",\"balance\":{balance},\"owner\":\"u{account}\"}}"
    )
}

/// The bound: two updates by primary key a transfer, nothing kept of the past.
fn bare_sqlite(path: &Path, batch: u64) -> rusqlite::Result<Rate> {
    let mut connection = rusqlite::Connection::open(path)?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.execute_batch("CREATE TABLE accounts (id INTEGER PRIMARY KEY, body TEXT)")?;
    let filling = connection.transaction()?;
    for n in 0..ACCOUNTS {
        filling
            .prepare_cached("INSERT INTO accounts VALUES (?1, ?2)")?
            .execute((n as i64, body(n, 0)))?;
    }
    filling.commit()?;
    measure(batch, |n| {
        let transaction = connection.transaction()?;
        {
            let mut read = transaction.prepare_cached("SELECT body FROM accounts WHERE id = ?1")?;
            let mut write =
                transaction.prepare_cached("UPDATE accounts SET body = ?2 WHERE id = ?1")?;
            for side in 0..2 * batch {
                let which = account(n * 2 * batch + side);
                let _: String = read.query_row([which as i64], |row| row.get(0))?;
                write.execute((which as i64, body(which, n)))?;
            }
        }
        transaction.commit()
    })
}

fn id(n: u64) -> InternalId {
    let mut bytes = [7; 16];
    bytes[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    InternalId(bytes)
}

fn adapter(path: &Path, batch: u64) -> Result<Rate, Box<dyn std::error::Error>> {
    let store = SqlitePersistence::open(SqliteOptions::new(path))?;
    let mut filling = Batch {
        ts: Timestamp(1),
        ..Batch::default()
    };
    for n in 0..ACCOUNTS {
        let document = DocumentWrite {
            tablet: TABLET,
            id: id(n),
            ts: Timestamp(1),
            body: Some(body(n, 0).into()),
        };
        filling.documents.push(document);
        let key = n.to_be_bytes().to_vec();
        filling.entries.push(EntryWrite {
            index: INDEX,
            key,
            ts: Timestamp(1),
            id: Some(id(n)),
        });
    }
    store.append(&filling)?;
    let mut rate = measure(batch, |n| store.append(&transfers(&store, n, batch)?))?;
    rate.commits.retain(|commit| !commit.is_zero());
    Ok(rate)
}

/// Reads both accounts of each transfer as of now, and writes them anew.
fn transfers(
    store: &SqlitePersistence,
    n: u64,
    batch: u64,
) -> Result<Batch, lentil_storage::StorageError> {
    let now = store.latest()?;
    let mut appended = Batch {
        ts: Timestamp(now.0 + batch),
        ..Batch::default()
    };
    let mut written = std::collections::HashSet::new();
    for transfer in 0..batch {
        let ts = Timestamp(now.0 + 1 + transfer);
        for side in 0..2 {
            let which = account((n * batch + transfer) * 2 + side);
            store.get(TABLET, id(which), now)?;
            if written.insert((which, ts)) {
                let body: Arc<str> = body(which, n).into();
                appended.documents.push(DocumentWrite {
                    tablet: TABLET,
                    id: id(which),
                    ts,
                    body: Some(body),
                });
            }
        }
    }
    Ok(appended)
}

fn reads(path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let store = SqlitePersistence::open(SqliteOptions::new(path))?;
    let at = store.latest()?;
    for round in ["first", "again"] {
        let begin = Instant::now();
        for n in 0..ACCOUNTS {
            store.get(TABLET, id(account(n)), at)?;
        }
        println!(
            "get, {round}: {:.2} µs",
            begin.elapsed().as_secs_f64() * 1e6 / ACCOUNTS as f64
        );
    }
    let scans = 2_000;
    let begin = Instant::now();
    for n in 0..scans {
        let range = KeyRange {
            start: (account(n) % (ACCOUNTS - 50)).to_be_bytes().to_vec(),
            end: None,
        };
        let scan = IndexScan {
            index: INDEX,
            tablet: TABLET,
            range,
            order: Order::Asc,
            at,
            limit: 50,
        };
        assert_eq!(store.scan_index(&scan)?.len(), 50);
    }
    println!(
        "index scan of 50: {:.1} µs",
        begin.elapsed().as_secs_f64() * 1e6 / scans as f64
    );
    let begin = Instant::now();
    for n in 0..scans {
        let after = Timestamp(account(n) % at.0);
        store.read_log(after, at, 1)?;
    }
    println!(
        "log row at a random timestamp: {:.1} µs",
        begin.elapsed().as_secs_f64() * 1e6 / scans as f64
    );
    Ok(())
}

fn pruning(path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let store = SqlitePersistence::open(SqliteOptions::new(path))?;
    let (before, at) = (store.stats()?, store.latest()?);
    let begin = Instant::now();
    let (mut removed, mut slowest) = (0, Duration::ZERO);
    loop {
        let start = Instant::now();
        let report = store.prune(at, 1_000)?;
        slowest = slowest.max(start.elapsed());
        removed += report.removed;
        if !report.more {
            break;
        }
    }
    let rate = removed as f64 / begin.elapsed().as_secs_f64();
    drop(store);
    let after = SqlitePersistence::open(SqliteOptions::new(path))?.stats()?;
    println!(
        "pruning: {rate:.0} revisions/s, slowest step of 1,000 {} ms, {} -> {} MB, {} -> {} revisions",
        slowest.as_millis(),
        before.bytes >> 20,
        after.bytes >> 20,
        before.revisions,
        after.revisions
    );
    Ok(())
}
