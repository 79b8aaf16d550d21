//! Scheduled mutations: thousands that fall due at once, against the same ones called by clients.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::Pace;
use crate::http_client::HttpClient;
use crate::report::Report;
use crate::sample::Sample;
use crate::server::Server;
use crate::sync_client::SyncClient;

/// How many one mutation schedules, which is the most it may.
const BATCH: usize = 1_000;
/// Clients that call, one request in flight each.
const CLIENTS: usize = 64;
/// How often it is asked whether all have run.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// How long all may take.
const LIMIT: Duration = Duration::from_secs(300);

pub(crate) async fn run(pace: Pace, report: &mut Report) -> anyhow::Result<()> {
    let total = (20 * BATCH / pace.shrink).max(BATCH);
    let server = Server::start(&["--realms", "watched"])?;
    let (mut scheduled, mut called) = (Vec::new(), Vec::new());
    for _ in 0..pace.rounds {
        scheduled.push(fall_due(&server, total).await?);
        called.push(called_by_clients(&server, total).await?);
    }
    report.add(
        "scheduler",
        &format!(
            "{total} mutations of one insert, due at once, from the first schedule to the last run"
        ),
        &scheduled,
        "called by 64 clients",
        &called,
    );
    Ok(())
}

async fn fall_due(server: &Server, total: usize) -> anyhow::Result<Sample> {
    let mut client = SyncClient::open(server.port).await?;
    let mut asker = HttpClient::connect(server.port).await?;
    let before = finished(&mut asker).await?;
    let (start, cpu) = (Instant::now(), server.cpu());
    for _ in 0..total / BATCH {
        let args = format!(r#"{{"count":{BATCH}}}"#);
        client.mutation("later:schedule", &args).await?;
    }
    let mut ran = 0;
    while ran < total {
        ensure!(
            start.elapsed() < LIMIT,
            "{ran} of {total} scheduled mutations ran in time"
        );
        tokio::time::sleep(ASK_EVERY).await;
        ran = finished(&mut asker).await? - before;
    }
    let elapsed = start.elapsed();
    tokio::time::sleep(ASK_EVERY).await;
    let ran = finished(&mut asker).await? - before;
    ensure!(ran == total, "{ran} ran, but {total} were scheduled");
    Ok(Sample {
        operations: total as u64,
        elapsed,
        latencies: Vec::new(),
        cpu: server.cpu() - cpu,
    })
}

async fn finished(client: &mut HttpClient) -> anyhow::Result<usize> {
    let body = r#"{"path":"later:finished","args":{},"format":"json"}"#;
    let answer: serde_json::Value = serde_json::from_str(&client.post("/api/query", body).await?)?;
    let count = answer["value"].as_f64();
    Ok(count.with_context(|| format!("no count: {answer}"))? as usize)
}

async fn called_by_clients(server: &Server, total: usize) -> anyhow::Result<Sample> {
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(SyncClient::open(server.port).await?);
    }
    let (start, cpu) = (Instant::now(), server.cpu());
    let mut running = tokio::task::JoinSet::new();
    for mut client in clients {
        running.spawn(async move {
            for n in 0..total / CLIENTS {
                client
                    .mutation("small:add", &format!(r#"{{"n":{n}}}"#))
                    .await?;
            }
            anyhow::Ok(total / CLIENTS)
        });
    }
    let mut operations = 0;
    while let Some(ended) = running.join_next().await {
        operations += ended?? as u64;
    }
    Ok(Sample {
        operations,
        elapsed: start.elapsed(),
        latencies: Vec::new(),
        cpu: server.cpu() - cpu,
    })
}
