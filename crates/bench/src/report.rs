//! The table that a run leaves behind.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Pace;
use crate::sample::{Sample, spread};

/// One line: something of ours against its bound.
#[derive(serde::Serialize)]
struct Row {
    workload: String,
    what: String,
    rate: f64,
    bound: String,
    bound_rate: f64,
    ratio: f64,
    ratio_min: f64,
    ratio_max: f64,
    p50_ms: f64,
    p99_ms: f64,
    cpu_us: f64,
}

/// One line of what something costs: CPU an operation beside that of a server without it.
#[derive(serde::Serialize)]
pub(crate) struct Cost {
    pub(crate) workload: String,
    pub(crate) what: String,
    pub(crate) cpu_us: f64,
    pub(crate) beside: String,
    pub(crate) beside_cpu_us: f64,
    /// The median of the rounds, and its 95 % interval.
    pub(crate) ratio: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) rounds: usize,
    pub(crate) sets: usize,
}

/// All lines of a run.
pub(crate) struct Report {
    pace: Pace,
    rows: Vec<Row>,
    costs: Vec<Cost>,
}

impl Report {
    pub(crate) fn new(pace: Pace) -> Report {
        Report {
            pace,
            rows: Vec::new(),
            costs: Vec::new(),
        }
    }

    /// Adds a line from interleaved rounds: `ours[i]` was measured beside `bound[i]`.
    pub(crate) fn add(
        &mut self,
        workload: &str,
        what: &str,
        ours: &[Sample],
        bound_name: &str,
        bound: &[Sample],
    ) {
        let ratios = ours
            .iter()
            .zip(bound)
            .map(|(ours, bound)| ours.rate() / bound.rate())
            .collect();
        let (ratio, ratio_min, ratio_max) = spread(ratios);
        let median = |value: &dyn Fn(&Sample) -> f64, of: &[Sample]| {
            spread(of.iter().map(value).collect()).0
        };
        let row = Row {
            workload: workload.to_owned(),
            what: what.to_owned(),
            rate: median(&Sample::rate, ours),
            bound: bound_name.to_owned(),
            bound_rate: median(&Sample::rate, bound),
            ratio,
            ratio_min,
            ratio_max,
            p50_ms: median(&|sample| sample.percentile_ms(0.5), ours),
            p99_ms: median(&|sample| sample.percentile_ms(0.99), ours),
            cpu_us: median(&Sample::cpu_us, ours),
        };
        println!(
            "{workload} {what}: {:.0}/s, {:.2} of {bound_name} ({:.0}/s), p50 {:.2} ms, p99 {:.2} ms",
            row.rate, row.ratio, row.bound_rate, row.p50_ms, row.p99_ms
        );
        self.rows.push(row);
    }

    /// Adds a line of cost.
    pub(crate) fn add_cost(&mut self, cost: Cost) {
        println!(
            "{} {}: {:.1} µs an operation, {:.4} ({:.4}–{:.4}) of {} ({:.1} µs)",
            cost.workload,
            cost.what,
            cost.cpu_us,
            cost.ratio,
            cost.low,
            cost.high,
            cost.beside,
            cost.beside_cpu_us
        );
        self.costs.push(cost);
    }

    /// Nothing that belongs on the page was measured.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.costs.is_empty()
    }

    pub(crate) fn print(&self) {
        println!("\n{}{}", self.table(), self.cost_table());
    }

    fn table(&self) -> String {
        let mut text = String::from(
            "| workload | what | a second | bound | bound a second | ratio (min–max) | p50 ms | p99 ms | server CPU µs |\n|---|---|---|---|---|---|---|---|---|\n",
        );
        for row in &self.rows {
            let _ = writeln!(
                text,
                "| {} | {} | {:.0} | {} | {:.0} | {:.2} ({:.2}–{:.2}) | {:.2} | {:.2} | {:.0} |",
                row.workload,
                row.what,
                row.rate,
                row.bound,
                row.bound_rate,
                row.ratio,
                row.ratio_min,
                row.ratio_max,
                row.p50_ms,
                row.p99_ms,
                row.cpu_us
            );
        }
        text
    }

    fn cost_table(&self) -> String {
        if self.costs.is_empty() {
            return String::new();
        }
        let mut text = String::from(
            "\n| workload | what | server CPU µs | beside | server CPU µs | ratio (95 % interval) | rounds |\n|---|---|---|---|---|---|---|\n",
        );
        for cost in &self.costs {
            let _ = writeln!(
                text,
                "| {} | {} | {:.1} | {} | {:.1} | {:.3} ({:.3}–{:.3}) | {} of {} sets of servers |",
                cost.workload,
                cost.what,
                cost.cpu_us,
                cost.beside,
                cost.beside_cpu_us,
                cost.ratio,
                cost.low,
                cost.high,
                cost.rounds,
                cost.sets
            );
        }
        text
    }

    /// Writes the page and the JSON beside it.
    pub(crate) fn write(&self, page: &Path) -> anyhow::Result<()> {
        let node = std::env::var("LENTIL_NODE").unwrap_or_else(|_| "node".to_owned());
        let text = format!(
            "# Benchmarks\n\n\
             Written by `cargo xtask bench`; every ratio is between things measured side by side, in {} interleaved rounds of {} s \
             after {} s of warm-up (median, and minimum to maximum).\n\
             Client, bound and server share the machine's cores.\n\
             Durability: SQLite WAL with an fsync for every commit; many of our commits share one. Of the bounds those that name SQLite keep what they are sent, with an fsync each; the others keep nothing.\n\
             After each run sums are checked and the final state is compared with a fresh query; a run that fails the check reports nothing.\n\n\
             Machine: {}.\nNode {}, {}.\n\n{}{}\n\
             W1: transfers between accounts by a TypeScript mutation, 64 clients with one request in flight over WebSocket.\n\
             W1c, W6c: the CPU that servers need for W1 and W6 at a fixed pace well below what they can do, with counters and kept logs as all have, beside that of one with neither; nobody watches. The rule is a ratio of at most 1.01. Slices of 0.25 s take turns; \"the same again\" is a second server of the first kind, and says what the comparison itself is off by.\n\
             W4: commits pushed to every subscriber of one query of 20 messages; deliveries a second. One writer, which goes on when its mutation is acknowledged (p50, p99: until then) or, \"one commit at a time\", when everybody was served (until then).\n\
             Such a round runs one mutation and one query, in one process after another, before anything is pushed: with few sockets that weighs more than the pushing. Of the two bounds the first only passes on what it is sent; the second inserts a row with an fsync, selects the newest 20 and sends the list, all in native code.\n\
             W6: every subscriber has a question of its own over the same ten rows; executions (and deliveries) a second, and the time until the last was told. The bound runs the handler with the npm package on a host that answers with constants, alone on one core; ours share two with 1,000 sockets and their clients.\n\
             W7: queries over HTTP, 64 connections; (a) cached, (b) an index range of 10 rows with a random argument.\n\
             W8: over HTTP, one connection, one request at a time, every argument new.\n\
             Scheduler: both ways run the same mutation; a scheduled one also has its place in `_scheduled_functions` taken and given back.\n",
            self.pace.rounds,
            self.pace.measure.as_secs_f64(),
            self.pace.warm_up.as_secs_f64(),
            machine(),
            first_line(Command::new(node).arg("--version")),
            first_line(Command::new("rustc").arg("--version")),
            self.table(),
            self.cost_table()
        );
        fs::write(page, text)?;
        let rows = serde_json::json!({ "rows": self.rows, "costs": self.costs });
        fs::write(
            page.with_extension("json"),
            serde_json::to_string_pretty(&rows)? + "\n",
        )?;
        println!("wrote {}", page.display());
        Ok(())
    }
}

/// The processor and how many cores there are.
pub(crate) fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown processor", |rest| {
            rest.trim_start_matches([' ', '\t', ':'])
        });
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {cores} cores")
}

fn first_line(command: &mut Command) -> String {
    let output = command
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    output
        .unwrap_or_default()
        .lines()
        .next()
        .unwrap_or("unknown")
        .to_owned()
}
