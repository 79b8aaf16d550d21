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
/// How the last message begins.
const LAST: &str = "the last one ";
/// How long one commit may take to reach everybody.
const LIMIT: Duration = Duration::from_secs(30);

pub(crate) async fn run(pace: Pace, report: &mut Report) -> anyhow::Result<()> {
    let sizes: &[usize] = match pace.shrink {
        1 => &[100, 1_000, 5_000],
        10 => &[100, 1_000],
        _ => &[20],
    };
    for &sockets in sizes {
        for (writer, name) in [
            (Writer::Acknowledged, format!("{sockets} sockets")),
            (
                Writer::Everybody,
                format!("{sockets} sockets, one commit at a time"),
            ),
        ] {
            if !pace.wants(&name) {
                continue;
            }
            let (mut ours, mut bound, mut chat) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..pace.rounds {
                let (sample, payload) = fan_out(sockets, writer, pace).await?;
                ours.push(sample);
                for (flag, samples) in [
                    ("--broadcast-bound", &mut bound),
                    ("--chat-bound", &mut chat),
                ] {
                    samples.push(broadcast(flag, sockets, payload, writer, pace).await?);
                }
            }
            for (samples, bound) in [
                (&bound, "tuned tungstenite"),
                (&chat, "the same over SQLite"),
            ] {
                report.add("W4", &name, &ours, bound, samples);
            }
        }
    }
    Ok(())
}

/// Counts what arrives, and wakes the writer when the last subscriber has been served.
struct Arrivals {
    count: AtomicU64,
    all: Notify,
    /// Subscribers that have seen [`LAST`].
    saw_last: AtomicU64,
    sockets: u64,
}

impl Arrivals {
    fn new(sockets: usize) -> Arc<Arrivals> {
        Arc::new(Arrivals {
            count: AtomicU64::new(0),
            all: Notify::new(),
            saw_last: AtomicU64::new(0),
            sockets: sockets as u64,
        })
    }

    fn one(&self, text: &str) {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let last = text.contains(LAST) && {
            let saw = self.saw_last.fetch_add(1, Ordering::Relaxed) + 1;
            saw == self.sockets
        };
        if last || count.is_multiple_of(self.sockets) {
            self.all.notify_one();
        }
    }

    async fn served(&self, writer: Writer) -> anyhow::Result<()> {
        if writer == Writer::Acknowledged {
            return Ok(());
        }
        let waited = tokio::time::timeout(LIMIT, self.all.notified()).await;
        let count = self.count.load(Ordering::Relaxed);
        ensure!(
            waited.is_ok(),
            "a commit did not reach all of {} ({count} pushes so far)",
            self.sockets
        );
        Ok(())
    }

    /// Pushes of several commits may come as one, but nobody may miss the last.
    async fn everybody_saw_last(&self) -> anyhow::Result<()> {
        let everybody = async {
            while self.saw_last.load(Ordering::Relaxed) < self.sockets {
                self.all.notified().await;
            }
        };
        let waited = tokio::time::timeout(LIMIT, everybody).await;
        let saw = self.saw_last.load(Ordering::Relaxed);
        ensure!(
            waited.is_ok(),
            "the last commit reached only {saw} of {}",
            self.sockets
        );
        Ok(())
    }
}

/// How the writer goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writer {
    /// When its mutation is acknowledged: pushes and the next commit overlap.
    Acknowledged,
    /// When everybody has been served: the time of a round is that of the last subscriber.
    Everybody,
}

async fn fan_out(sockets: usize, writer: Writer, pace: Pace) -> anyhow::Result<(Sample, usize)> {
    let server = Server::start(&["--realms", "watched"])?;
    let mut client = SyncClient::open(server.port).await?;
    for _ in 0..MESSAGES {
        client.mutation("chat:send", &message("x")).await?;
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
            while let Ok(text) = client.next_update().await {
                arrivals.one(&text);
            }
        });
    }
    let body = message("x");
    let sample = closed_loop(
        pace,
        &arrivals,
        || server.cpu(),
        async || {
            client.mutation("chat:send", &body).await?;
            arrivals.served(writer).await
        },
    )
    .await?;
    client.mutation("chat:send", &message(LAST)).await?;
    arrivals.everybody_saw_last().await?;
    Ok((sample, payload))
}

fn message(begin: &str) -> String {
    format!(r#"{{"channel":"general","body":"{begin:x<BODY$}"}}"#)
}

async fn broadcast(
    flag: &str,
    sockets: usize,
    payload: usize,
    writer: Writer,
    pace: Pace,
) -> anyhow::Result<Sample> {
    let bound = Bound::start(flag)?;
    let arrivals = Arrivals::new(sockets);
    for _ in 0..sockets {
        let mut client = SyncClient::connect(bound.port, "/").await?;
        let arrivals = arrivals.clone();
        tokio::spawn(async move {
            while let Ok(text) = client.next().await {
                arrivals.one(&text);
            }
        });
    }
    // The writer listens as well (its own copy is one delivery more, not counted).
    let mut client = SyncClient::connect(bound.port, "/").await?;
    let text = "x".repeat(payload);
    let sample = closed_loop(
        pace,
        &arrivals,
        || bound.cpu(),
        async || {
            client.send(text.clone()).await?;
            client.next().await?;
            arrivals.served(writer).await
        },
    )
    .await?;
    client.send(LAST.to_owned()).await?;
    arrivals.everybody_saw_last().await?;
    Ok(sample)
}

/// One write after the other; counts what arrives meanwhile.
async fn closed_loop(
    pace: Pace,
    arrivals: &Arrivals,
    cpu: impl Fn() -> f64,
    mut write: impl AsyncFnMut() -> anyhow::Result<()>,
) -> anyhow::Result<Sample> {
    let warm = Instant::now();
    while warm.elapsed() < pace.warm_up {
        write().await?;
    }
    let (start, cpu_before) = (Instant::now(), cpu());
    let before = arrivals.count.load(Ordering::Relaxed);
    let mut latencies = Vec::new();
    while start.elapsed() < pace.measure {
        let begin = Instant::now();
        write().await?;
        latencies.push(begin.elapsed());
    }
    Ok(Sample {
        operations: arrivals.count.load(Ordering::Relaxed) - before,
        elapsed: start.elapsed(),
        latencies,
        cpu: cpu() - cpu_before,
    })
}
