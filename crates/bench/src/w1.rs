//! W1 · durable transfers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use anyhow::ensure;
use rand::RngExt as _;

use crate::Pace;
use crate::bounds::sqlite_transfers;
use crate::cost::Work;
use crate::http_client::HttpClient;
use crate::report::Report;
use crate::sample::Sample;
use crate::server::Server;
use crate::sync_client::SyncClient;

/// Clients with one request in flight each.
const CLIENTS: usize = 64;
/// Accounts in the full run.
const ACCOUNTS: usize = 100_000;
/// What every account starts with.
const BALANCE: f64 = 1_000.0;
/// Accounts made by one mutation.
const CHUNK: usize = 2_000;

pub(crate) async fn run(pace: Pace, report: &mut Report) -> anyhow::Result<()> {
    let accounts = (ACCOUNTS / pace.shrink).max(CHUNK);
    let mut setups = Vec::new();
    for realms in ["watched", "fresh"] {
        let server = Server::start(&["--realms", realms])?;
        let ids = Arc::new(open_accounts(&server, accounts).await?);
        setups.push((realms, server, ids, Vec::new()));
    }
    let (mut single, mut sixteen) = (Vec::new(), Vec::new());
    for _ in 0..pace.rounds {
        for (_, server, ids, samples) in &mut setups {
            samples.push(transfers(server, ids, pace).await?);
        }
        single.push(sqlite_transfers(accounts, 1, pace.measure)?);
        sixteen.push(sqlite_transfers(accounts, 16, pace.measure)?);
    }
    for (realms, server, _, samples) in &setups {
        check(server, accounts).await?;
        report.add(
            "W1",
            &format!("{realms} realms"),
            samples,
            "SQLite, 1 a commit",
            &single,
        );
        report.add(
            "W1",
            &format!("{realms} realms"),
            samples,
            "SQLite, 16 a commit",
            &sixteen,
        );
    }
    Ok(())
}

async fn open_accounts(server: &Server, accounts: usize) -> anyhow::Result<Vec<String>> {
    let mut client = SyncClient::open(server.port).await?;
    let mut ids = Vec::with_capacity(accounts);
    while ids.len() < accounts {
        let count = CHUNK.min(accounts - ids.len());
        let made = client
            .mutation(
                "bank:open",
                &format!(r#"{{"count":{count},"balance":{BALANCE}}}"#),
            )
            .await?;
        ids.extend(serde_json::from_str::<Vec<String>>(&made)?);
    }
    Ok(ids)
}

async fn transfers(server: &Server, ids: &Arc<Vec<String>>, pace: Pace) -> anyhow::Result<Sample> {
    let counting = Arc::new(AtomicBool::new(false));
    let stop = Arc::new(AtomicBool::new(false));
    let operations = Arc::new(AtomicU64::new(0));
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = SyncClient::open(server.port).await?;
        let (ids, counting, stop, operations) = (
            ids.clone(),
            counting.clone(),
            stop.clone(),
            operations.clone(),
        );
        clients.push(tokio::spawn(async move {
            let mut latencies = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let start = Instant::now();
                transfer(&mut client, &ids).await?;
                if counting.load(Ordering::Relaxed) {
                    operations.fetch_add(1, Ordering::Relaxed);
                    latencies.push(start.elapsed());
                }
            }
            anyhow::Ok(latencies)
        }));
    }
    tokio::time::sleep(pace.warm_up).await;
    let cpu = server.cpu();
    let start = Instant::now();
    counting.store(true, Ordering::Relaxed);
    tokio::time::sleep(pace.measure).await;
    counting.store(false, Ordering::Relaxed);
    let elapsed = start.elapsed();
    let cpu = server.cpu() - cpu;
    stop.store(true, Ordering::Relaxed);
    let mut latencies = Vec::new();
    for client in clients {
        latencies.extend(client.await??);
    }
    Ok(Sample {
        operations: operations.load(Ordering::Relaxed),
        elapsed,
        latencies,
        cpu,
    })
}

fn pick_two(count: usize) -> (usize, usize) {
    let mut random = rand::rng();
    let from = random.random_range(0..count);
    let to = (from + random.random_range(1..count)) % count;
    (from, to)
}

/// Transfers without end, by as many clients, counted when they have been acknowledged.
pub(crate) async fn begin(
    server: &Server,
    pace: Pace,
    done: Arc<AtomicU64>,
) -> anyhow::Result<Work> {
    let accounts = (ACCOUNTS / 10 / pace.shrink).max(CHUNK);
    let ids = Arc::new(open_accounts(server, accounts).await?);
    let mut work = Work::new();
    for _ in 0..CLIENTS {
        let mut client = SyncClient::open(server.port).await?;
        let (ids, done) = (ids.clone(), done.clone());
        work.spawn(async move {
            loop {
                transfer(&mut client, &ids).await?;
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    Ok(work)
}

async fn transfer(client: &mut SyncClient, ids: &[String]) -> anyhow::Result<()> {
    let (from, to) = pick_two(ids.len());
    let args = format!(
        r#"{{"from":"{}","to":"{}","amount":1}}"#,
        ids[from], ids[to]
    );
    client.mutation("bank:transfer", &args).await?;
    Ok(())
}

/// No money was made or lost.
async fn check(server: &Server, accounts: usize) -> anyhow::Result<()> {
    let mut client = HttpClient::connect(server.port).await?;
    let (mut sum, mut count, mut cursor) = (0.0, 0, serde_json::Value::Null);
    loop {
        let body =
            format!(r#"{{"path":"bank:page","args":{{"cursor":{cursor}}},"format":"json"}}"#);
        let answer: serde_json::Value =
            serde_json::from_str(&client.post("/api/query", &body).await?)?;
        let page = &answer["value"];
        ensure!(page.is_object(), "bank:page failed: {answer}");
        sum += page["sum"].as_f64().unwrap_or(f64::NAN);
        count += page["count"].as_f64().unwrap_or(f64::NAN) as usize;
        if page["isDone"] == true {
            break;
        }
        cursor = page["continueCursor"].clone();
    }
    ensure!(count == accounts, "{count} accounts instead of {accounts}");
    ensure!(
        (sum - BALANCE * accounts as f64).abs() < 1e-6,
        "the sum is {sum}"
    );
    Ok(())
}
