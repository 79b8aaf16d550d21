//! Would an engine inside the server be the answer? The same handlers over the same host functions,
//! in a stock executor behind the real pool and its socket pair, and in QuickJS in this process
//! (docs/adr/0016).

mod answers;
mod inside;
mod outside;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde::Deserialize;

use self::answers::Answers;
use crate::Pace;
use crate::report::machine;
use crate::sample::spread;
use crate::server::{cpu_of_tree, lay_out};

/// Handlers, what they are and how many rows they read.
const HANDLERS: [Handler; 2] = [
    Handler {
        title: "W6's question: ten rows as JSON",
        module: "ten",
        function: "watch",
        rows: 10,
    },
    Handler {
        title: "a thousand rows sorted, written as JSON and read again",
        module: "heavy",
        function: "sorted",
        rows: 1_000,
    },
];

/// Callers at once: one, and as many as keep every core with a next call.
const CALLERS: [usize; 2] = [1, 8];

/// A function of the app.
#[derive(Clone, Copy)]
pub(crate) struct Handler {
    title: &'static str,
    pub(crate) module: &'static str,
    pub(crate) function: &'static str,
    rows: usize,
}

/// The app, as its engines take it.
#[derive(Deserialize)]
pub(crate) struct App {
    pub(crate) modules: Vec<Module>,
    /// All of it as one script that sets `app`.
    pub(crate) script: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Module {
    pub(crate) path: String,
    pub(crate) source: String,
    pub(crate) source_map: Option<String>,
}

/// What a call costs in one engine, microseconds: medians of the rounds.
struct Cost {
    handler: &'static str,
    callers: usize,
    engine: &'static str,
    cpu: f64,
    wall: f64,
    calls: u64,
}

/// Something that runs a handler for so long, with so many callers; gives how many calls ended.
trait Engine {
    const NAME: &'static str;
    fn run(&mut self, callers: usize, length: Duration) -> anyhow::Result<u64>;
}

/// Arguments that were not there before.
fn arguments(counter: &AtomicU64) -> String {
    format!("[{{\"tag\":{}}}]", counter.fetch_add(1, Ordering::Relaxed))
}

/// Measures all of it, and writes a page into `folder` if there is one.
pub(crate) fn run(pace: Pace, folder: Option<&Path>) -> anyhow::Result<()> {
    let app = bundle()?;
    let mut costs = Vec::new();
    for handler in HANDLERS {
        let answers = Arc::new(Answers::new(handler.rows));
        let mut asks = outside::Asks::start(&app, handler, &answers)?;
        let mut foreseen = outside::Foresees::start(&app, handler, &answers)?;
        let mut inside = inside::Inside::new(&app, handler, &answers)?;
        let expected = inside.once()?;
        for other in [asks.once()?, foreseen.once()?] {
            ensure!(
                other == expected,
                "{}: {other} in an executor and {expected} in QuickJS",
                handler.title
            );
        }
        for callers in CALLERS {
            let mut rounds = [Vec::new(), Vec::new(), Vec::new()];
            for _ in 0..pace.rounds {
                rounds[0].push(measure(&mut asks, callers, pace)?);
                rounds[1].push(measure(&mut foreseen, callers, pace)?);
                rounds[2].push(measure(&mut inside, callers, pace)?);
            }
            let names = [
                outside::Asks::NAME,
                outside::Foresees::NAME,
                inside::Inside::NAME,
            ];
            for (engine, rounds) in names.into_iter().zip(rounds) {
                let cost = Cost::of(handler.title, callers, engine, &rounds);
                println!(
                    "{}, {callers} callers, {engine}: {:.1} µs of CPU, {:.1} µs a call",
                    cost.handler, cost.cpu, cost.wall
                );
                costs.push(cost);
            }
        }
    }
    let table = table(&costs);
    println!("\n{table}");
    if let Some(folder) = folder {
        write(&folder.join("engine.md"), pace, &table)?;
    }
    Ok(())
}

/// CPU and wall seconds of one round, and its calls.
fn measure<E: Engine>(
    engine: &mut E,
    callers: usize,
    pace: Pace,
) -> anyhow::Result<(f64, f64, u64)> {
    engine.run(callers, pace.warm_up)?;
    let (begun, before) = (Instant::now(), cpu_of_tree(std::process::id()));
    let calls = engine.run(callers, pace.measure)?;
    let wall = begun.elapsed().as_secs_f64();
    let cpu = cpu_of_tree(std::process::id()) - before;
    ensure!(calls > 0, "{}: no call has ended", E::NAME);
    Ok((cpu, wall, calls))
}

impl Cost {
    fn of(
        handler: &'static str,
        callers: usize,
        engine: &'static str,
        rounds: &[(f64, f64, u64)],
    ) -> Cost {
        let each = |of: fn(&(f64, f64, u64)) -> f64| {
            let micros = rounds.iter().map(|round| of(round) * 1e6 / round.2 as f64);
            spread(micros.collect()).0
        };
        Cost {
            handler,
            callers,
            engine,
            cpu: each(|round| round.0),
            wall: each(|round| round.1),
            calls: rounds.iter().map(|round| round.2).sum(),
        }
    }
}

fn table(costs: &[Cost]) -> String {
    let mut text = String::from(
        "| handler | callers | engine | CPU a call, µs | by the clock, µs | calls measured |\n|---|---|---|---|---|---|\n",
    );
    for cost in costs {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.1} | {:.1} | {} |",
            cost.handler, cost.callers, cost.engine, cost.cpu, cost.wall, cost.calls
        );
    }
    text
}

fn write(page: &Path, pace: Pace, table: &str) -> anyhow::Result<()> {
    let text = format!(
        "# An engine inside the server\n\n\
         Written by `cargo xtask bench engine`, for the decision in [ADR 0016](../adr/0016-crossings-are-few-and-stay-between-processes.md). \
         The same handlers, bundled with the npm package, over the same host functions, which answer with constants, so \
         that nothing but running JavaScript and reaching it is counted: in stock executors behind the pool and its \
         socket pairs (V8, watched realms, the sandbox), and in QuickJS-NG in the process that calls (crate `rquickjs`), a \
         context a thread that is kept for ever, with nothing verified between calls, host functions called directly, an \
         interrupt handler and a limit of memory. Medians of {} interleaved rounds of {} s after {} s of warm-up; CPU is of \
         this process and all executors; by the clock is the time of a round divided by its calls. As many executors, or \
         threads with QuickJS, as there are cores.\n\n\
         \"Pages foreseen\" is how a question that is asked again runs (W6): what it will ask comes with the call.\n\n\
         Machine: {}.\n\n{table}",
        pace.rounds,
        pace.measure.as_secs_f64(),
        pace.warm_up.as_secs_f64(),
        machine()
    );
    std::fs::write(page, text)?;
    println!("wrote {}", page.display());
    Ok(())
}

/// Has the app bundled with the npm package.
fn bundle() -> anyhow::Result<App> {
    let folder = tempfile::tempdir()?;
    lay_out(folder.path())?;
    let node = std::env::var_os("LENTIL_NODE").unwrap_or_else(|| "node".into());
    let output = Command::new(node)
        .arg("bundle.mjs")
        .current_dir(folder.path())
        .output()
        .context("cannot start Node")?;
    ensure!(
        output.status.success(),
        "the app was not bundled: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Threads that each run one engine.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}
