//! W4 · shared fan-out: one commit, one execution, a push to every subscriber.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::sync::Notify;

use crate::Pace;
use crate::report::Report;
use crate::sample::Sample;
use crate::server::{Bound, Server};
use crate::sync_client::SyncClient;

/// Messages in the query's result.
const MESSAGES: usize = 20;
/// Bytes of a message's text, so that the result has about 4 kB with ids and field names.
const BODY: usize = 100;
/// How long one commit may take to reach everybody.
const LIMIT: Duration = Duration::from_secs(30);

pub(crate) async fn run(pace: Pace, report: &mut Report) -> anyhow::Result<()> {
    let sizes: &[usize] = match pace.shrink {
        1 => &[100, 1_000, 5_000],
        10 => &[100, 1_000],
        _ => &[20],
    };
    for &sockets in sizes {
        let (mut ours, mut bound) = (Vec::new(), Vec::new());
        for _ in 0..pace.rounds {
            let (sample, payload) = fan_out(sockets, pace).await?;
            ours.push(sample);
            bound.push(broadcast(sockets, payload, pace).await?);
        }
        report.add(
            "W4",
            &format!("{sockets} sockets"),
            &ours,
            "tuned tungstenite",
            &bound,
        );
    }
    Ok(())
}

/// Counts what arrives, and wakes the writer when the last subscriber has been served.
struct Arrivals {
    count: AtomicU64,
    all: Notify,
    sockets: u64,
}

impl Arrivals {
    fn new(sockets: usize) -> Arc<Arrivals> {
        Arc::new(Arrivals {
            count: AtomicU64::new(0),
            all: Notify::new(),
            sockets: sockets as u64,
        })
    }

    fn one(&self) {
        if (self.count.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(self.sockets) {
            self.all.notify_one();
        }
    }

    async fn everybody(&self) -> anyhow::Result<()> {
        let waited = tokio::time::timeout(LIMIT, self.all.notified()).await;
        ensure!(
            waited.is_ok(),
            "a commit reached only {} of {}",
            self.count.load(Ordering::Relaxed),
            self.sockets
        );
        Ok(())
    }
}

async fn fan_out(sockets: usize, pace: Pace) -> anyhow::Result<(Sample, usize)> {
    let server = Server::start(&["--realms", "kept"])?;
    let mut writer = SyncClient::open(server.port).await?;
    let body = "x".repeat(BODY);
    let message = format!(r#"{{"channel":"general","body":"{body}"}}"#);
    for _ in 0..MESSAGES {
        writer.mutation("chat:send", &message).await?;
    }
    let arrivals = Arrivals::new(sockets);
    let mut payload = 0;
    for _ in 0..sockets {
        let mut client = SyncClient::open(server.port).await?;
        client
            .subscribe(
                "chat:list",
                &format!(r#"{{"channel":"general","count":{MESSAGES}}}"#),
            )
            .await?;
        payload = client.next_update().await?.len();
        let arrivals = arrivals.clone();
        tokio::spawn(async move {
            while client.next_update().await.is_ok() {
                arrivals.one();
            }
        });
    }
    let sample = closed_loop(
        pace,
        sockets,
        || server.cpu(),
        async || {
            writer.mutation("chat:send", &message).await?;
            arrivals.everybody().await
        },
    )
    .await?;
    Ok((sample, payload))
}

async fn broadcast(sockets: usize, payload: usize, pace: Pace) -> anyhow::Result<Sample> {
    let bound = Bound::start("--broadcast-bound")?;
    let arrivals = Arrivals::new(sockets);
    for _ in 0..sockets {
        let mut client = SyncClient::connect(bound.port, "/").await?;
        let arrivals = arrivals.clone();
        tokio::spawn(async move {
            while client.next().await.is_ok() {
                arrivals.one();
            }
        });
    }
    // The writer listens as well (its own copy is one delivery more, not counted).
    let mut writer = SyncClient::connect(bound.port, "/").await?;
    let text = "x".repeat(payload);
    closed_loop(
        pace,
        sockets,
        || bound.cpu(),
        async || {
            writer.send(text.clone()).await?;
            writer.next().await?;
            arrivals.everybody().await
        },
    )
    .await
}

/// One write after the other, each when the last one has reached everybody.
async fn closed_loop(
    pace: Pace,
    sockets: usize,
    cpu: impl Fn() -> f64,
    mut write: impl AsyncFnMut() -> anyhow::Result<()>,
) -> anyhow::Result<Sample> {
    let warm = Instant::now();
    while warm.elapsed() < pace.warm_up {
        write().await?;
    }
    let (start, cpu_before) = (Instant::now(), cpu());
    let (mut commits, mut latencies) = (0, Vec::new());
    while start.elapsed() < pace.measure {
        let begin = Instant::now();
        write().await?;
        latencies.push(begin.elapsed());
        commits += 1;
    }
    Ok(Sample {
        operations: commits * sockets as u64,
        elapsed: start.elapsed(),
        latencies,
        cpu: cpu() - cpu_before,
    })
}
