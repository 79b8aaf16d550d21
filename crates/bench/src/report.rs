//! The table that a run leaves behind.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::Pace;
use crate::sample::{Sample, spread};

/// One line: something of ours against its bound.
#[derive(Serialize, Deserialize)]
struct Row {
    workload: String,
    what: String,
    /// How many rounds, and how long each.
    rounds: String,
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
#[derive(Serialize, Deserialize)]
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

/// A line of a table.
trait Line {
    /// What it is about: workload, what was done, beside what.
    fn key(&self) -> [&str; 3];
}

impl Line for Row {
    fn key(&self) -> [&str; 3] {
        [&self.workload, &self.what, &self.bound]
    }
}

impl Line for Cost {
    fn key(&self) -> [&str; 3] {
        [&self.workload, &self.what, &self.beside]
    }
}

/// Lines of the page.
#[derive(Default, Serialize, Deserialize)]
struct Lines {
    rows: Vec<Row>,
    costs: Vec<Cost>,
}

impl Lines {
    /// With those of an earlier page that were not measured again: what is measured by name only
    /// in part leaves its other lines as well.
    fn after(self, earlier: Lines, only_some: bool) -> Lines {
        Lines {
            rows: merge(earlier.rows, self.rows, only_some),
            costs: merge(earlier.costs, self.costs, only_some),
        }
    }
}

fn merge<L: Line>(earlier: Vec<L>, new: Vec<L>, only_some: bool) -> Vec<L> {
    let stays = |line: &L| {
        let mut of_workload = new.iter().filter(|it| it.key()[0] == line.key()[0]);
        match only_some {
            true => of_workload.all(|it| it.key() != line.key()),
            false => of_workload.next().is_none(),
        }
    };
    let mut lines: Vec<L> = earlier.into_iter().filter(stays).collect();
    lines.extend(new);
    lines.sort_by(|a, b| a.key()[0].cmp(b.key()[0]));
    lines
}

/// All lines of a run.
pub(crate) struct Report {
    pace: Pace,
    lines: Lines,
}

impl Report {
    pub(crate) fn new(pace: Pace) -> Report {
        Report {
            pace,
            lines: Lines::default(),
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
            rounds: format!("{} × {} s", ours.len(), self.pace.measure.as_secs_f64()),
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
        self.lines.rows.push(row);
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
        self.lines.costs.push(cost);
    }

    /// Nothing that belongs on the page was measured.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.rows.is_empty() && self.lines.costs.is_empty()
    }

    pub(crate) fn print(&self) {
        println!("\n{}{}", self.lines.table(), self.lines.cost_table());
    }

    /// Writes the page and the JSON beside it.
    pub(crate) fn write(self, page: &Path) -> anyhow::Result<()> {
        let data = page.with_extension("json");
        let earlier = match fs::read_to_string(&data) {
            Ok(text) => serde_json::from_str(&text)
                .with_context(|| format!("{} is not what a run leaves", data.display()))?,
            Err(_) => Lines::default(),
        };
        let lines = self.lines.after(earlier, !self.pace.only.is_empty());
        fs::write(page, lines.page())?;
        fs::write(data, serde_json::to_string_pretty(&lines)? + "\n")?;
        println!("wrote {}", page.display());
        Ok(())
    }
}

impl Lines {
    fn table(&self) -> String {
        let mut text = String::from(
            "| workload | what | rounds | a second | bound | bound a second | ratio (min–max) | p50 ms | p99 ms | server CPU µs |\n|---|---|---|---|---|---|---|---|---|---|\n",
        );
        for row in &self.rows {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {:.0} | {} | {:.0} | {:.2} ({:.2}–{:.2}) | {:.2} | {:.2} | {:.0} |",
                row.workload,
                row.what,
                row.rounds,
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
            "\n| workload | what | server CPU µs | beside | server CPU µs | ratio (95 % interval) | turns |\n|---|---|---|---|---|---|---|\n",
        );
        for cost in &self.costs {
            let _ = writeln!(
                text,
                "| {} | {} | {:.1} | {} | {:.1} | {:.4} ({:.4}–{:.4}) | {} on {} servers |",
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

    fn page(&self) -> String {
        let node = std::env::var("LENTIL_NODE").unwrap_or_else(|_| "node".to_owned());
        format!(
            "# Benchmarks\n\n\
             Written by `cargo xtask bench`; every ratio is between things measured side by side, in interleaved rounds \
             after a warm-up of a quarter of their length or more (median, and minimum to maximum). A run replaces the lines of the workloads that it measures.\n\
             Client, bound and server share the machine's cores.\n\
             Durability: SQLite WAL with an fsync for every commit; many of our commits share one. Of the bounds those that name SQLite keep what they are sent, with an fsync each; the others keep nothing.\n\
             After each run sums are checked and the final state is compared with a fresh query; a run that fails the check reports nothing.\n\n\
             Machine: {}.\nNode {}, {}.\n\n{}{}\n\
             W1: transfers between accounts by a TypeScript mutation, 64 clients with one request in flight over WebSocket.\n\
             W1c, W6c: the server's CPU for an operation of W1 and of W6 (with 25 subscribers) while it counts what goes on and nobody watches, beside that of the same process a quarter of a second before and after, when it does not. The rule is a ratio of at most 1.01. \"The same again\" is a server that never counts, compared with itself in the same way: what the comparison is off by.\n\
             W4: commits pushed to every subscriber of one query of 20 messages; deliveries a second. One writer, which goes on when its mutation is acknowledged (p50, p99: until then) or, \"one commit at a time\", when everybody was served (until then).\n\
             Such a round runs one mutation and one query, in one process after another, before anything is pushed: with few sockets that weighs more than the pushing. Of the two bounds the first only passes on what it is sent; the second inserts a row with an fsync, selects the newest 20 and sends the list, all in native code.\n\
             W6: every subscriber has a question of its own over the same ten rows; executions (and deliveries) a second, and the time until the last was told. The bound runs the handler with the npm package on a host that answers with constants, alone on one core; ours share two with 1,000 sockets and their clients.\n\
             W7: queries over HTTP, 64 connections; (a) cached, (b) an index range of 10 rows with a random argument.\n\
             W8: over HTTP, one connection, one request at a time, every argument new.\n\
             Scheduler: both ways run the same mutation; a scheduled one also has its place in `_scheduled_functions` taken and given back.\n",
            machine(),
            first_line(Command::new(node).arg("--version")),
            first_line(Command::new("rustc").arg("--version")),
            self.table(),
            self.cost_table()
        )
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

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(workload: &str, what: &str, ratio: f64) -> Cost {
        Cost {
            workload: workload.to_owned(),
            what: what.to_owned(),
            cpu_us: 1.0,
            beside: "nothing".to_owned(),
            beside_cpu_us: 1.0,
            ratio,
            low: ratio,
            high: ratio,
            rounds: 1,
            sets: 1,
        }
    }

    #[test]
    fn a_run_replaces_the_lines_of_what_it_measured() {
        let earlier = || {
            vec![
                cost("W1", "one", 1.0),
                cost("W1", "two", 2.0),
                cost("W4", "three", 3.0),
            ]
        };
        let seen = |lines: Vec<Cost>| -> Vec<(String, f64)> {
            lines.into_iter().map(|it| (it.what, it.ratio)).collect()
        };
        let named = |lines: &[(&str, f64)]| -> Vec<(String, f64)> {
            lines
                .iter()
                .map(|(what, ratio)| ((*what).to_owned(), *ratio))
                .collect()
        };
        let again = || vec![cost("W1", "one", 9.0)];
        let whole = merge(earlier(), again(), false);
        assert_eq!(seen(whole), named(&[("one", 9.0), ("three", 3.0)]));
        let part = merge(earlier(), again(), true);
        assert_eq!(
            seen(part),
            named(&[("two", 2.0), ("one", 9.0), ("three", 3.0)])
        );
    }
}
