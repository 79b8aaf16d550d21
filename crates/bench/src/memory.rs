//! Memory over time: what pushes and a burst of heavy queries take of a live server, and whether it
//! comes back. Draws what it saw.

mod client;
mod page;
mod plot;
mod sampler;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;
use futures::future::try_join_all;

use self::client::Client;
use self::sampler::{Mark, Moment, Sampler};
use crate::server::Server;

/// Pushes, and heavy queries, before what later ones are compared with.
const PUSHES_FIRST: usize = 10;
const HEAVY_FIRST: usize = 8;
/// What a server has served before: so many connections at once, and so many calls over each. One
/// that was just started takes memory for its first connections, and for results it keeps.
const CONNECTIONS: usize = 200;
const CALLS_EACH: usize = 5;
/// Bytes of a pushed bundle.
const BUNDLE_BYTES: usize = 2_000_000;
/// Executors give memory back after five seconds with nothing to do; so long it is waited before
/// memory is called that of rest.
const REST: Duration = Duration::from_secs(12);
/// After five minutes with nothing to do they go away; by then all are gone.
const GONE_WITHIN: Duration = Duration::from_secs(400);

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    pushes: usize,
    queries: usize,
    /// Whether it is waited until no executor is left.
    until_gone: bool,
}

impl Scale {
    pub(crate) fn new(smoke: bool, quick: bool) -> Scale {
        let (pushes, queries) = match (smoke, quick) {
            (true, _) => (20, 20),
            (false, true) => (100, 200),
            (false, false) => (500, 200),
        };
        Scale {
            pushes,
            queries,
            until_gone: !smoke,
        }
    }
}

/// What happened in one run, for a plot and a table.
pub(crate) struct Story {
    /// Names its files.
    name: &'static str,
    title: String,
    moments: Vec<Moment>,
    marks: Vec<Mark>,
}

/// Runs both, each on a server of its own; writes pictures and a page into `folder`, if there is
/// one.
pub(crate) async fn run(scale: Scale, folder: Option<&Path>) -> anyhow::Result<()> {
    let mut stories = Vec::new();
    for next in [Next::Burst, Next::Pushes] {
        let story = match next {
            Next::Burst => burst(scale).await?,
            Next::Pushes => pushes(scale).await?,
        };
        println!("\n{}\n\n{}", story.title, page::table(&story));
        let picture = plot::draw(&story)?;
        ensure!(
            picture.contains("</svg>"),
            "the picture of {} is not whole",
            story.name
        );
        if let Some(folder) = folder {
            let file = |kind: &str| folder.join(format!("memory-{}.{kind}", story.name));
            std::fs::write(file("svg"), picture)?;
            std::fs::write(file("csv"), page::csv(&story))?;
        }
        stories.push(story);
        // After each: the next takes long.
        if let Some(folder) = folder {
            page::write(&folder.join("memory.md"), &stories)?;
        }
    }
    Ok(())
}

/// What is done to a server.
enum Next {
    Burst,
    Pushes,
}

/// Bundles of 2 MB, unlike one another, each pushed and called.
async fn pushes(scale: Scale) -> anyhow::Result<Story> {
    let server = Server::launch(&[])?;
    let sampler = Sampler::start(server.pid());
    let mut client = Client::connect(&server, Some(&server.key()?)).await?;
    for number in 0..PUSHES_FIRST {
        client.push_and_call(number, BUNDLE_BYTES).await?;
    }
    sampler.rest(&format!("{PUSHES_FIRST} pushes, idle")).await;
    let every = (scale.pushes / 5).max(1);
    for number in 1..=scale.pushes {
        let pushed = client
            .push_and_call(PUSHES_FIRST + number, BUNDLE_BYTES)
            .await;
        pushed?;
        if number % every == 0 {
            sampler.mark(&format!("{number} more, busy"));
        }
    }
    sampler.rest(&format!("{} more, idle", scale.pushes)).await;
    sampler.end(scale).await.map(|(moments, marks)| Story {
        name: "pushes",
        title: format!("{} pushes of a bundle of 2 MB", scale.pushes + PUSHES_FIRST),
        moments,
        marks,
    })
}

/// Queries that make 200,000 objects each, all at once.
async fn burst(scale: Scale) -> anyhow::Result<Story> {
    let server = Server::launch(&[])?;
    let sampler = Sampler::start(server.pid());
    let mut client = Client::connect(&server, Some(&server.key()?)).await?;
    client.push_and_call(0, 0).await?;
    sampler.rest("a push, idle").await;
    use_lightly(&server).await?;
    heavy(&server, 0..HEAVY_FIRST).await?;
    let calls = CONNECTIONS * CALLS_EACH;
    let title = format!("{calls} light queries and {HEAVY_FIRST} heavy ones, idle");
    sampler.rest(&title).await;
    heavy(&server, HEAVY_FIRST..HEAVY_FIRST + scale.queries).await?;
    sampler.mark(&format!("{} heavy ones at once, busy", scale.queries));
    let title = format!("{} heavy ones at once, idle", scale.queries);
    sampler.rest(&title).await;
    sampler.end(scale).await.map(|(moments, marks)| Story {
        name: "burst",
        title: format!("{} heavy queries at once", scale.queries),
        moments,
        marks,
    })
}

/// Questions that cost nothing, each another, over many connections at once.
async fn use_lightly(server: &Server) -> anyhow::Result<()> {
    let clients = try_join_all((0..CONNECTIONS).map(|_| Client::connect(server, None))).await?;
    let calls = clients
        .into_iter()
        .enumerate()
        .map(|(number, mut client)| async move {
            for call in 0..CALLS_EACH {
                client.call("a:f", number * CALLS_EACH + call).await?;
            }
            anyhow::Ok(())
        });
    try_join_all(calls).await?;
    Ok(())
}

/// Each over a connection of its own, and none of them twice: the answer must not be in the cache.
async fn heavy(server: &Server, numbers: std::ops::Range<usize>) -> anyhow::Result<()> {
    let clients = try_join_all(numbers.clone().map(|_| Client::connect(server, None))).await?;
    let calls = clients
        .into_iter()
        .zip(numbers)
        .map(|(mut client, number)| async move { client.call("a:heavy", number).await });
    try_join_all(calls).await?;
    Ok(())
}

impl Sampler {
    /// Lets executors rest until they have given memory back, and says what there is then.
    async fn rest(&self, what: &str) {
        // Nothing tells when a process has given memory back. In pieces, because all of this may be
        // halted for a while by somebody who measures beside it.
        for _ in 0..REST.as_millis() / sampler::EVERY.as_millis() {
            tokio::time::sleep(sampler::EVERY).await;
        }
        self.mark(what);
    }

    /// Waits until idle executors are gone, if that is wanted.
    async fn end(self, scale: Scale) -> anyhow::Result<(Vec<Moment>, Vec<Mark>)> {
        let begun = Instant::now();
        while scale.until_gone && self.now().executors > 0 {
            ensure!(
                begun.elapsed() < GONE_WITHIN,
                "{} executors are still there after {GONE_WITHIN:?} with nothing to do",
                self.now().executors
            );
            // The sampler itself looks no more often.
            tokio::time::sleep(sampler::EVERY).await;
        }
        if scale.until_gone {
            self.rest("idle executors gone").await;
        }
        Ok(self.stop())
    }
}
