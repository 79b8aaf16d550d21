//! W6 · distinct invalidations: one write makes every subscriber's question be asked again.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde::Deserialize;
use tokio::sync::Notify;

use crate::Pace;
use crate::cost::Work;
use crate::report::Report;
use crate::sample::Sample;
use crate::server::Server;
use crate::sync_client::SyncClient;

/// Rows in the range that everybody watches.
const ROWS: usize = 10;
/// How long one write may take to reach everybody.
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) async fn run(pace: Pace, report: &mut Report) -> anyhow::Result<()> {
    let subscribers = if pace.shrink > 10 { 50 } else { 1_000 };
    let (mut ours, mut bound) = (Vec::new(), Vec::new());
    let server = Server::start(&["--realms", "watched"])?;
    let mut load = Load::start(&server, subscribers).await?;
    for _ in 0..pace.rounds {
        ours.push(load.measure(pace, &server).await?);
        bound.push(bare(pace, &server)?);
    }
    load.check().await?;
    report.add(
        "W6",
        &format!("{subscribers} distinct questions asked again after each write"),
        &ours,
        "the bare handler, one core",
        &bound,
    );
    Ok(())
}

/// Subscribers, each with a question of its own, and the writer.
struct Load {
    writer: SyncClient,
    subscribers: u64,
    /// Updates that carried the text written last.
    arrived: Arc<AtomicU64>,
    all: Arc<Notify>,
    writes: u64,
    written: tokio::sync::watch::Sender<String>,
}

impl Load {
    async fn start(server: &Server, subscribers: u64) -> anyhow::Result<Load> {
        let mut writer = SyncClient::open(server.port).await?;
        let fill = format!(r#"{{"from":0,"count":{ROWS},"body":""}}"#);
        writer.mutation("rows:fill", &fill).await?;
        let (written, _) = tokio::sync::watch::channel(String::new());
        let (arrived, all) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
        for tag in 0..subscribers {
            let mut client = SyncClient::open(server.port).await?;
            client
                .subscribe("ten:watch", &format!(r#"{{"tag":{tag}}}"#))
                .await?;
            client.next_update().await?;
            let (arrived, all) = (arrived.clone(), all.clone());
            let awaited = written.subscribe();
            tokio::spawn(async move {
                while let Ok(update) = client.next_update().await {
                    // An update that lacks the last text is of a write before.
                    if update.contains(awaited.borrow().as_str())
                        && (arrived.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(subscribers)
                    {
                        all.notify_one();
                    }
                }
            });
        }
        Ok(Load {
            writer,
            subscribers,
            arrived,
            all,
            writes: 0,
            written,
        })
    }

    /// One write, until everybody was told.
    async fn write(&mut self) -> anyhow::Result<()> {
        self.writes += 1;
        let text = format!("text {} {}", self.writes, "x".repeat(90));
        self.written.send_replace(text.clone());
        self.arrived.store(0, Ordering::Relaxed);
        let row = self.writes as usize % ROWS;
        let change = format!(r#"{{"n":{row},"body":"{text}"}}"#);
        self.writer.mutation("ten:change", &change).await?;
        let told = tokio::time::timeout(LIMIT, self.all.notified()).await;
        let arrived = self.arrived.load(Ordering::Relaxed);
        ensure!(
            told.is_ok(),
            "a write reached {arrived} of {} subscribers",
            self.subscribers
        );
        Ok(())
    }

    async fn measure(&mut self, pace: Pace, server: &Server) -> anyhow::Result<Sample> {
        let warm = Instant::now();
        while warm.elapsed() < pace.warm_up {
            self.write().await?;
        }
        let (start, cpu) = (Instant::now(), server.cpu());
        let mut latencies = Vec::new();
        while start.elapsed() < pace.measure {
            let begin = Instant::now();
            self.write().await?;
            latencies.push(begin.elapsed());
        }
        Ok(Sample {
            operations: latencies.len() as u64 * self.subscribers,
            elapsed: start.elapsed(),
            latencies,
            cpu: server.cpu() - cpu,
        })
    }

    /// Nobody was told twice of the last write.
    async fn check(&mut self) -> anyhow::Result<()> {
        self.write().await?;
        tokio::time::sleep(Duration::from_millis(200)).await;
        let arrived = self.arrived.load(Ordering::Relaxed);
        ensure!(
            arrived == self.subscribers,
            "the last write came {arrived} times to {} subscribers",
            self.subscribers
        );
        Ok(())
    }
}

/// Few, so that a turn of [`crate::cost`] has many writes.
const SUBSCRIBERS_WITHOUT_END: u64 = 25;

/// Writes without end, each when everybody was told of the one before; a question asked again
/// counts.
pub(crate) async fn begin(server: &Server, _: Pace, done: Arc<AtomicU64>) -> anyhow::Result<Work> {
    let mut load = Load::start(server, SUBSCRIBERS_WITHOUT_END).await?;
    let mut work = Work::new();
    work.spawn(async move {
        loop {
            load.write().await?;
            done.fetch_add(load.subscribers, Ordering::Relaxed);
        }
    });
    Ok(work)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bare {
    operations: u64,
    ms: f64,
    cpu_us: f64,
}

/// The same handler in a bare Node.
fn bare(pace: Pace, server: &Server) -> anyhow::Result<Sample> {
    let node = std::env::var_os("LENTIL_NODE").unwrap_or_else(|| "node".into());
    let output = Command::new(node)
        .arg("bare.mjs")
        .arg(pace.warm_up.as_millis().to_string())
        .arg(pace.measure.as_millis().to_string())
        .current_dir(server.app())
        .output()
        .context("cannot start Node")?;
    ensure!(
        output.status.success(),
        "the bare handler failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let bare: Bare = serde_json::from_slice(&output.stdout)?;
    Ok(Sample {
        operations: bare.operations,
        elapsed: Duration::from_secs_f64(bare.ms / 1e3),
        latencies: Vec::new(),
        cpu: bare.cpu_us / 1e6,
    })
}
