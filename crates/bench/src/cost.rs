//! W1c and W6c · what counting costs when nobody watches (dashboard C4: at most 1 %).
//!
//! Two processes of one program differ by more than that for as long as they live, and a machine
//! changes from second to second. So one server counts and does not count in turn, while work goes
//! on without a pause, and what an operation costs in a turn that counts is compared with the turns
//! before and after it. The same of a server that never counts shows what the comparison itself is
//! off by. Servers are started anew a few times.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::task::JoinSet;

use crate::Pace;
use crate::report::{Cost, Report};
use crate::sample::spread;
use crate::server::Server;
use crate::{w1, w6};

/// How long a server counts, and then does not.
const TURN: Duration = Duration::from_millis(250);
/// From the beginning of a turn: what was begun in the one before has ended then.
const AFTER: Duration = Duration::from_millis(15);
/// Before its end, so that nothing of the next is taken for its own.
const BEFORE: Duration = Duration::from_millis(10);
/// Resamplings behind an interval.
const RESAMPLED: usize = 4_000;

/// What servers are: the flag that makes one so, with the milliseconds of [`TURN`].
const SETUPS: [(&str, Option<&str>); 2] = [
    ("counters", Some("--count-in-turns=250")),
    ("the same again", None),
];

/// Work that goes on until it is dropped. A task ends only if it fails.
pub(crate) type Work = JoinSet<anyhow::Result<()>>;

pub(crate) async fn transfers(pace: Pace, report: &mut Report) -> anyhow::Result<()> {
    compare("W1c", w1::begin, pace, report).await
}

pub(crate) async fn invalidations(pace: Pace, report: &mut Report) -> anyhow::Result<()> {
    compare("W6c", w6::begin, pace, report).await
}

/// Begins work on a server; it adds to the number what it has done.
async fn compare(
    workload: &str,
    begin: impl AsyncFn(&Server, Pace, Arc<AtomicU64>) -> anyhow::Result<Work>,
    pace: Pace,
    report: &mut Report,
) -> anyhow::Result<()> {
    let turns = (3 * pace.measure).div_duration_f64(TURN).ceil() as usize;
    let mut measured = SETUPS.map(|_| Vec::new());
    let started = Instant::now();
    for set in 0..pace.rounds {
        for ((what, flag), measured) in SETUPS.iter().zip(&mut measured) {
            let mut flags = vec!["--introspection", "off", "--log-days", "0"];
            flags.extend(flag);
            let server = Server::start(&flags)?;
            let done = Arc::new(AtomicU64::new(0));
            let mut work = begin(&server, pace, done.clone()).await?;
            tokio::time::sleep(pace.warm_up).await;
            let taken = take(&server, &done, turns).await;
            if let Some(ended) = work.try_join_next() {
                ended??;
            }
            let compared = compared(&taken);
            let ratio = spread(compared.iter().map(|it| it.ratio()).collect()).0;
            println!("{workload}, set {}, {what}: {ratio:.4}", set + 1);
            measured.push(compared);
        }
    }
    println!("{workload}: {:.0} s", started.elapsed().as_secs_f64());
    for ((what, _), measured) in SETUPS.iter().zip(&measured) {
        report.add_cost(cost_of(workload, what, measured));
    }
    Ok(())
}

/// What was seen of one turn; nothing if the look at its end came too late.
struct Turn {
    counting: bool,
    /// Microseconds of the server's CPU an operation.
    cpu_us: Option<f64>,
}

async fn take(server: &Server, done: &AtomicU64, turns: usize) -> Vec<Turn> {
    let mut taken = Vec::new();
    let first = since_epoch().as_millis() as u64 / TURN.as_millis() as u64 + 1;
    for number in (first..).take(turns) {
        let begin = Duration::from_millis(number * TURN.as_millis() as u64);
        until(begin + AFTER).await;
        let (cpu, operations) = (server.threads_cpu(), done.load(Ordering::Relaxed));
        until(begin + TURN - BEFORE).await;
        let cpu = server.threads_cpu().since(&cpu);
        let operations = done.load(Ordering::Relaxed) - operations;
        let in_time = since_epoch() < begin + TURN && operations > 0;
        taken.push(Turn {
            counting: number.is_multiple_of(2),
            cpu_us: in_time.then(|| cpu * 1e6 / operations as f64),
        });
    }
    taken
}

fn since_epoch() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default()
}

async fn until(when: Duration) {
    tokio::time::sleep(when.saturating_sub(since_epoch())).await;
}

/// A turn that counts, and the mean of its neighbours, which do not.
struct Compared {
    counting: f64,
    beside: f64,
}

impl Compared {
    fn ratio(&self) -> f64 {
        self.counting / self.beside
    }
}

fn compared(turns: &[Turn]) -> Vec<Compared> {
    let three = |three: &[Turn]| {
        let [before, turn, after] = three else {
            return None;
        };
        let beside = (before.cpu_us? + after.cpu_us?) / 2.0;
        let counting = turn.cpu_us?;
        turn.counting.then_some(Compared { counting, beside })
    };
    turns.windows(3).filter_map(three).collect()
}

fn cost_of(workload: &str, what: &str, measured: &[Vec<Compared>]) -> Cost {
    let median = |of: fn(&Compared) -> f64| spread(measured.iter().flatten().map(of).collect()).0;
    let ratios: Vec<Vec<f64>> = measured
        .iter()
        .map(|set| set.iter().map(Compared::ratio).collect())
        .collect();
    let (low, high) = interval(&ratios);
    Cost {
        workload: workload.to_owned(),
        what: what.to_owned(),
        cpu_us: median(|it| it.counting),
        beside: "not counting".to_owned(),
        beside_cpu_us: median(|it| it.beside),
        ratio: median(Compared::ratio),
        low,
        high,
        rounds: measured.iter().map(Vec::len).sum(),
        sets: measured.len(),
    }
}

/// The 95 % interval of the median, by drawing sets and then turns of them again: turns of one
/// server have in common what it is like.
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
    fn a_turn_is_compared_with_its_neighbours_and_drift_costs_both_the_same() {
        // Ten more in every turn; counting costs one more.
        let turn = |n: u32| Turn {
            counting: n.is_multiple_of(2),
            cpu_us: (n != 9).then(|| f64::from(100 + 10 * n + u32::from(n.is_multiple_of(2)))),
        };
        let turns: Vec<Turn> = (1..=12).map(turn).collect();
        let compared = compared(&turns);
        // Of 2, 4, 6, 8 and 10 the last two have a neighbour of which nothing is known.
        assert_eq!(compared.len(), 3);
        for it in compared {
            assert_eq!(it.counting - it.beside, 1.0);
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
