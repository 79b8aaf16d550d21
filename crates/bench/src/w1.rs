//! W1 · durable transfers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use rand::RngExt as _;

use crate::Pace;
use crate::bounds::sqlite_transfers;
use crate::cost::Sliced;
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

/// Clients of [`Transfers`].
const PACED_CLIENTS: usize = 16;
/// Transfers a second of [`Transfers`]: a fraction of what a server can do.
const PACED_RATE: f64 = 600.0;

/// Transfers that are begun at fixed times, whatever became of those before.
pub(crate) struct Transfers {
    clients: Vec<SyncClient>,
    ids: Arc<Vec<String>>,
}

impl Sliced for Transfers {
    const WORKLOAD: &'static str = "W1c";

    async fn prepare(server: &Server, pace: Pace) -> anyhow::Result<Transfers> {
        let accounts = (ACCOUNTS / 10 / pace.shrink).max(CHUNK);
        let ids = Arc::new(open_accounts(server, accounts).await?);
        let mut clients = Vec::new();
        for _ in 0..PACED_CLIENTS {
            clients.push(SyncClient::open(server.port).await?);
        }
        Ok(Transfers { clients, ids })
    }

    async fn slice(&mut self, length: Duration) -> anyhow::Result<u64> {
        let each = (length.as_secs_f64() * PACED_RATE / PACED_CLIENTS as f64).ceil() as u32;
        let start = Instant::now();
        let every = length / each;
        let mut running = tokio::task::JoinSet::new();
        for (at, mut client) in self.clients.drain(..).enumerate() {
            let ids = self.ids.clone();
            let offset = every * at as u32 / PACED_CLIENTS as u32;
            running.spawn(async move {
                for n in 0..each {
                    tokio::time::sleep_until((start + offset + every * n).into()).await;
                    transfer(&mut client, &ids).await?;
                }
                anyhow::Ok(client)
            });
        }
        while let Some(client) = running.join_next().await {
            self.clients.push(client??);
        }
        Ok(u64::from(each) * PACED_CLIENTS as u64)
    }
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
