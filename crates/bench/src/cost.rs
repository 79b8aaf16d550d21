//! W1c and W6c · what counting costs when nobody watches (dashboard C4: at most 1 %).
//!
//! Throughput drifts by ten times as much, so CPU is compared and not rates: every server gets the
//! same number of operations at the same pace, well below what it could do, in many short slices
//! that take turns (A B C, C B A), and a round compares what its slices cost. Two servers without
//! counters show what the comparison itself is off by. Sets of servers are started anew a few
//! times, because two processes of one program differ a little for as long as they live.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::Pace;
use crate::report::{Cost, Report};
use crate::sample::spread;
use crate::server::Server;
use crate::w1::Transfers;
use crate::w6;

/// Neither counts what goes on nor keeps logs.
const BARE: &[&str] = &["--introspection", "off", "--log-days", "0"];
const COUNTING: &[&str] = &["--log-days", "0"];
/// What servers are, the first being what the others are compared with.
const SETUPS: [(&str, &[&str]); 4] = [
    ("no counters, no kept logs", BARE),
    ("the same again", BARE),
    ("counters", COUNTING),
    ("counters and kept logs", &[]),
];
/// Short, because what else the machine does changes from second to second.
const LENGTH: Duration = Duration::from_millis(250);
/// Resamplings behind an interval.
const RESAMPLED: usize = 4_000;

/// Work in slices of one size.
pub(crate) trait Sliced: Sized {
    /// What an operation is.
    const WORKLOAD: &'static str;
    /// Makes a server ready.
    async fn prepare(server: &Server, pace: Pace) -> anyhow::Result<Self>;
    /// Does its number of operations over that time; gives the number.
    async fn slice(&mut self, length: Duration) -> anyhow::Result<u64>;
}

/// CPU microseconds an operation of each setup, round by round.
type Rounds = Vec<[f64; SETUPS.len()]>;

pub(crate) async fn transfers(pace: Pace, report: &mut Report) -> anyhow::Result<()> {
    compare::<Transfers>(pace, report).await
}

pub(crate) async fn invalidations(pace: Pace, report: &mut Report) -> anyhow::Result<()> {
    compare::<w6::Load>(pace, report).await
}

async fn compare<W: Sliced>(pace: Pace, report: &mut Report) -> anyhow::Result<()> {
    let (sets, rounds) = match pace.rounds {
        1 => (1, 1),
        rounds => (rounds, 12 * rounds),
    };
    let mut measured = Vec::new();
    let began = Instant::now();
    for _ in 0..sets {
        measured.push(one_set::<W>(pace, rounds).await?);
        say_set::<W>(&measured);
    }
    println!(
        "{}: {sets} sets of servers, {rounds} rounds each, {:.0} s",
        W::WORKLOAD,
        began.elapsed().as_secs_f64()
    );
    for (at, (what, _)) in SETUPS.iter().enumerate().skip(1) {
        report.add_cost(cost_of::<W>(&measured, at, what));
    }
    Ok(())
}

/// Sets that differ much say that processes do, or that the machine did something else.
fn say_set<W: Sliced>(measured: &[Rounds]) {
    let Some(set) = measured.last() else { return };
    let ratios = (1..SETUPS.len()).map(|at| {
        let ratio = spread(set.iter().map(|round| round[at] / round[0]).collect()).0;
        format!("{} {ratio:.3}", SETUPS[at].0)
    });
    let ratios: Vec<String> = ratios.collect();
    println!(
        "{}, set {}: {}",
        W::WORKLOAD,
        measured.len(),
        ratios.join(", ")
    );
}

async fn one_set<W: Sliced>(pace: Pace, rounds: usize) -> anyhow::Result<Rounds> {
    let mut servers = Vec::new();
    for (_, flags) in SETUPS {
        let server = Server::start(flags)?;
        let work = W::prepare(&server, pace).await?;
        servers.push((server, work));
    }
    for (_, work) in &mut servers {
        work.slice(pace.warm_up).await?;
    }
    let mut measured = Vec::new();
    for round in 0..rounds {
        let (mut cpu, mut operations) = ([0.0; SETUPS.len()], [0; SETUPS.len()]);
        for at in order(round) {
            let (server, work) = &mut servers[at];
            let before = server.threads_cpu();
            operations[at] += work.slice(LENGTH).await?;
            cpu[at] += server.threads_cpu().since(&before);
        }
        let each = |at: usize| cpu[at] * 1e6 / operations[at] as f64;
        measured.push(std::array::from_fn(each));
    }
    Ok(measured)
}

/// All, then all in reverse: what drifts evenly over a round costs everybody the same. Who comes
/// first changes from round to round.
fn order(round: usize) -> impl Iterator<Item = usize> {
    let turn = move |at: usize| (at + round) % SETUPS.len();
    (0..SETUPS.len()).chain((0..SETUPS.len()).rev()).map(turn)
}

fn cost_of<W: Sliced>(measured: &[Rounds], at: usize, what: &str) -> Cost {
    let all = || measured.iter().flatten();
    let median = |values: Vec<f64>| spread(values).0;
    let ratio_of = |round: &[f64; SETUPS.len()]| round[at] / round[0];
    let ratios: Vec<Vec<f64>> = measured
        .iter()
        .map(|set| set.iter().map(ratio_of).collect())
        .collect();
    let (low, high) = interval(&ratios);
    Cost {
        workload: W::WORKLOAD.to_owned(),
        what: what.to_owned(),
        cpu_us: median(all().map(|round| round[at]).collect()),
        beside: SETUPS[0].0.to_owned(),
        beside_cpu_us: median(all().map(|round| round[0]).collect()),
        ratio: median(all().map(ratio_of).collect()),
        low,
        high,
        rounds: all().count(),
        sets: measured.len(),
    }
}

/// The 95 % interval of the median, by drawing sets and then rounds of them again: rounds of one
/// set of servers have in common what these servers are like.
fn interval(ratios: &[Vec<f64>]) -> (f64, f64) {
    let mut random = StdRng::seed_from_u64(7);
    let mut medians: Vec<f64> = (0..RESAMPLED)
        .map(|_| {
            let mut drawn = Vec::new();
            for _ in ratios {
                let set = &ratios[random.random_range(0..ratios.len())];
                drawn.extend(set.iter().map(|_| set[random.random_range(0..set.len())]));
            }
            spread(drawn).0
        })
        .collect();
    medians.sort_by(f64::total_cmp);
    let at = |share: f64| medians[((medians.len() - 1) as f64 * share).round() as usize];
    (at(0.025), at(0.975))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_two_slices_a_round_and_drift_costs_all_the_same() {
        for round in 0..5 {
            let slices: Vec<usize> = order(round).collect();
            for setup in 0..SETUPS.len() {
                let places = slices.iter().enumerate().filter(|(_, at)| **at == setup);
                let sum: usize = places.map(|(place, _)| place).sum();
                assert_eq!(sum, 2 * SETUPS.len() - 1, "{setup} in round {round}");
            }
        }
    }

    #[test]
    fn the_interval_holds_what_is_there_and_not_what_is_not() {
        // Twenty values evenly about one, in each of five sets.
        let sets = |around: f64| -> Vec<Vec<f64>> {
            let value = |n: i32| around + 0.003 * (f64::from(n) - 9.5);
            vec![(0..20).map(value).collect(); 5]
        };
        let (low, high) = interval(&sets(1.0));
        assert!(low < 1.0 && 1.0 < high && high - low < 0.03, "{low} {high}");
        let (low, high) = interval(&sets(1.05));
        assert!(low > 1.02 && high < 1.08, "{low} {high}");
    }
}
