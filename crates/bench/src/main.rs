//! This crate measures: workloads of docs/benchmarks.md against their bounds, in one run.
//!
//! It is not part of the product. Absolute figures drift on shared machines, so every claim is a
//! ratio between things measured side by side, in interleaved rounds.

mod server;
mod sync_client;
mod http_client;
mod later;
mod bounds;
mod cost;
mod engine;
mod memory;
mod report;
mod sample;
mod w1;
mod w4;
mod w6;
mod w7;
mod w8;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::report::Report;

/// Measures workloads against their bounds.
#[derive(Parser)]
struct Arguments {
    /// W1, W1c, W4, W6, W6c, W7, W8, scheduler; all of these if none is named. And memory, and engine.
    workloads: Vec<String>,
    /// Markdown file to write; a JSON file goes beside it.
    #[arg(long)]
    report: PathBuf,
    /// Short rounds.
    #[arg(long)]
    quick: bool,
    /// Of W4 and W8 only the rows whose names contain this.
    #[arg(long)]
    only: Option<String>,
    /// Seconds only; writes nothing.
    #[arg(long)]
    smoke: bool,
    /// Internal: serve the W4 bound on this port instead of measuring.
    #[arg(long, hide = true)]
    broadcast_bound: Option<u16>,
    /// Internal: the one that keeps what it sends.
    #[arg(long, hide = true)]
    chat_bound: Option<u16>,
    /// Internal: serve the W7 bound on this port instead of measuring.
    #[arg(long, hide = true)]
    static_bound: Option<u16>,
}

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Before anything is counted.
    pub(crate) warm_up: Duration,
    /// What is counted.
    pub(crate) measure: Duration,
    /// Interleaved rounds.
    pub(crate) rounds: usize,
    /// Divides data sizes.
    pub(crate) shrink: usize,
    /// What the names of rows have to contain.
    pub(crate) only: &'static str,
}

impl Pace {
    /// Whether a row of this name is wanted.
    pub(crate) fn wants(&self, name: &str) -> bool {
        name.contains(self.only)
    }
}

impl Arguments {
    fn pace(&self) -> Pace {
        let (warm_up, measure, rounds, shrink) = if self.smoke {
            (200, 500, 1, 100)
        } else if self.quick {
            (1_500, 4_000, 3, 10)
        } else {
            (5_000, 20_000, 5, 1)
        };
        Pace {
            warm_up: Duration::from_millis(warm_up),
            measure: Duration::from_millis(measure),
            rounds,
            shrink,
            // Once in the life of the process.
            only: self.only.clone().unwrap_or_default().leak(),
        }
    }

    fn wants(&self, name: &str) -> bool {
        self.workloads.is_empty()
            || self
                .workloads
                .iter()
                .any(|workload| workload.eq_ignore_ascii_case(name))
    }

    /// For what is measured only if it is named, because it takes long or has a page of its own.
    fn names(&self, name: &str) -> bool {
        !self.workloads.is_empty() && self.wants(name)
    }

    /// The folder of pages that belong to one workload.
    fn folder(&self) -> anyhow::Result<Option<PathBuf>> {
        if self.smoke {
            return Ok(None);
        }
        let folder = self.report.with_extension("");
        std::fs::create_dir_all(&folder)?;
        Ok(Some(folder))
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(port) = arguments.broadcast_bound {
        return bounds::serve_broadcast(port, None).await;
    }
    if let Some(port) = arguments.chat_bound {
        return bounds::serve_broadcast(port, Some(bounds::Chat::open()?)).await;
    }
    if let Some(port) = arguments.static_bound {
        return bounds::serve_static(port).await;
    }
    let pace = arguments.pace();
    let mut report = Report::new(pace);
    if arguments.wants("W1") {
        w1::run(pace, &mut report).await?;
    }
    if arguments.wants("W1c") {
        cost::transfers(pace, &mut report).await?;
    }
    if arguments.wants("W4") {
        w4::run(pace, &mut report).await?;
    }
    if arguments.wants("W6") {
        w6::run(pace, &mut report).await?;
    }
    if arguments.wants("W6c") {
        cost::invalidations(pace, &mut report).await?;
    }
    if arguments.wants("W7") {
        w7::run(pace, &mut report).await?;
    }
    if arguments.wants("W8") {
        w8::run(pace, &mut report).await?;
    }
    if arguments.wants("scheduler") {
        later::run(pace, &mut report).await?;
    }
    if arguments.names("memory") {
        let scale = memory::Scale::new(arguments.smoke, arguments.quick);
        memory::run(scale, arguments.folder()?.as_deref()).await?;
    }
    if arguments.names("engine") {
        let folder = arguments.folder()?;
        // It has a runtime of its own, and blocks.
        tokio::task::spawn_blocking(move || engine::run(pace, folder.as_deref())).await??;
    }
    if report.is_empty() {
        return Ok(());
    }
    report.print();
    if !arguments.smoke {
        report.write(&arguments.report)?;
    }
    Ok(())
}
