//! W7 · queries over HTTP: cached, and uncached index ranges.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::ensure;
use rand::RngExt as _;

use crate::Pace;
use crate::http_client::HttpClient;
use crate::report::Report;
use crate::sample::Sample;
use crate::server::{Bound, Server};
use crate::sync_client::SyncClient;

/// Connections with one request in flight each.
const CONNECTIONS: usize = 64;
/// Rows in the full run.
const ROWS: usize = 100_000;

pub(crate) async fn run(pace: Pace, report: &mut Report) -> anyhow::Result<()> {
    let server = Server::start(&["--realms", "watched"])?;
    let rows = (ROWS / pace.shrink).max(1_000);
    let mut client = SyncClient::open(server.port).await?;
    let body = "x".repeat(80);
    for from in (0..rows).step_by(1_000) {
        client
            .mutation(
                "rows:fill",
                &format!(r#"{{"from":{from},"count":1000,"body":"{body}"}}"#),
            )
            .await?;
    }
    let bound = Bound::start("--static-bound")?;
    let (mut cached, mut uncached, mut fixed) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..pace.rounds {
        cached.push(requests(server.port, pace, || server.cpu(), |_| request(7.0)).await?);
        uncached.push(
            requests(
                server.port,
                pace,
                || server.cpu(),
                // A fraction, so that hardly any two requests are the same.
                move |random| request(random * (rows - 10) as f64),
            )
            .await?,
        );
        fixed.push(requests(bound.port, pace, || bound.cpu(), |_| request(7.0)).await?);
    }
    let mut http = HttpClient::connect(server.port).await?;
    let answer: serde_json::Value =
        serde_json::from_str(&http.post("/api/query", &request(7.0)).await?)?;
    let first = &answer["value"][0]["n"];
    ensure!(
        answer["value"].as_array().map(Vec::len) == Some(10) && first.as_f64() == Some(7.0),
        "wrong rows: {answer}"
    );
    report.add("W7a", "cached query", &cached, "hyper static", &fixed);
    report.add(
        "W7b",
        "uncached query, 10 rows",
        &uncached,
        "hyper static",
        &fixed,
    );
    Ok(())
}

fn request(from: f64) -> String {
    format!(r#"{{"path":"rows:range","args":{{"from":{from:?}}},"format":"convex_encoded_json"}}"#)
}

async fn requests(
    port: u16,
    pace: Pace,
    cpu: impl Fn() -> f64,
    body: impl Fn(f64) -> String + Clone + Send + Sync + 'static,
) -> anyhow::Result<Sample> {
    let (counting, stop) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut client = HttpClient::connect(port).await?;
        let (counting, stop, body) = (counting.clone(), stop.clone(), body.clone());
        clients.push(tokio::spawn(async move {
            let mut latencies = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let body = body(rand::rng().random());
                let start = Instant::now();
                let answer = client.post("/api/query", &body).await?;
                ensure!(answer.starts_with("{\"status\":\"success\""), "{answer}");
                if counting.load(Ordering::Relaxed) {
                    latencies.push(start.elapsed());
                }
            }
            anyhow::Ok(latencies)
        }));
    }
    tokio::time::sleep(pace.warm_up).await;
    let (start, cpu_before) = (Instant::now(), cpu());
    counting.store(true, Ordering::Relaxed);
    tokio::time::sleep(pace.measure).await;
    counting.store(false, Ordering::Relaxed);
    let (elapsed, cpu) = (start.elapsed(), cpu() - cpu_before);
    stop.store(true, Ordering::Relaxed);
    let mut latencies = Vec::new();
    for client in clients {
        latencies.extend(client.await??);
    }
    Ok(Sample {
        operations: latencies.len() as u64,
        elapsed,
        latencies,
        cpu,
    })
}
