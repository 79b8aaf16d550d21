//! How long user code has run, and how long it may.

use std::time::{Duration, Instant};

use crate::limits::{IDLE_SHARE, WALL_FACTOR, WALL_FACTOR_BEHIND};

/// Calls that have run for so long are measured by the process's CPU clock: on a busy machine much
/// of the time on the wall is somebody else's. Most calls are over before, and cost no reading.
const EXACT_FROM: Duration = Duration::from_millis(20);

/// Counts the user time of one execution tree: the time between a frame to the executor and its
/// next frame back.
#[derive(Debug)]
pub(crate) struct Meter {
    /// What the developer was promised, for the error's text.
    promised: Duration,
    limit: Duration,
    spent: Duration,
    /// The same by the clock on the wall.
    wall: Duration,
    wall_factor: u32,
}

/// What to do when the time is up by the clock on the wall.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// End the process.
    Stop,
    /// End the process, and blame the machine: it let it run, but much too seldom.
    Starved,
    /// The machine was too busy to let it run: wait so much longer.
    WaitFor(Duration),
}

impl Meter {
    pub(crate) fn new(promised: Duration) -> Self {
        Meter {
            promised,
            limit: promised,
            spent: Duration::ZERO,
            wall: Duration::ZERO,
            wall_factor: WALL_FACTOR,
        }
    }

    /// Others have the processors first from now on, so it may take longer.
    pub(crate) fn go_behind(&mut self) {
        self.wall_factor = WALL_FACTOR_BEHIND;
    }

    /// Grants more (compiling is not the call's fault).
    pub(crate) fn allow(&mut self, more: Duration) {
        self.limit += more;
    }

    /// What was granted beyond the promise.
    pub(crate) fn allowed(&self) -> Duration {
        self.limit.saturating_sub(self.promised)
    }

    pub(crate) fn spent(&self) -> Duration {
        self.spent
    }

    /// Whether time is to be measured by the CPU clock from now on.
    pub(crate) fn is_exact(&self) -> bool {
        self.spent >= EXACT_FROM
    }

    /// Counts what code that started to run at `since` has used: `cpu`, if that was measured.
    pub(crate) fn spend(&mut self, since: Instant, cpu: Option<Duration>) {
        let wall = since.elapsed();
        self.wall += wall;
        // Threads of the process beside the one that runs code are not charged.
        self.spent += cpu.map_or(wall, |cpu| cpu.min(wall));
    }

    /// What is left of the limit for code that started to run at `since`.
    pub(crate) fn left(&self, since: Instant) -> Duration {
        self.limit.saturating_sub(self.spent + since.elapsed())
    }

    /// Judges a process that has used `cpu` since `since`, its time on the wall being up.
    pub(crate) fn judge(&self, since: Instant, cpu: Option<Duration>) -> Verdict {
        let Some(cpu) = cpu else { return Verdict::Stop };
        let elapsed = since.elapsed();
        let wall = self.wall + elapsed;
        let used = self.spent + cpu.min(elapsed);
        if used >= self.limit {
            return Verdict::Stop;
        }
        // Code that waits for nothing uses no time either, and that is not the machine's fault.
        if wall >= self.limit * WALL_FACTOR && used < self.limit / IDLE_SHARE {
            return Verdict::Stop;
        }
        if wall >= self.limit * self.wall_factor {
            return Verdict::Starved;
        }
        Verdict::WaitFor((self.limit - used).max(Duration::from_millis(1)))
    }

    /// The text of the error where the machine is to blame.
    pub(crate) fn starved_text(&self) -> String {
        format!(
            "The machine is too busy to run this function: it may run for {}s, and did not get that much in {}s. Try \
             again in a moment.",
            self.promised.as_secs_f64(),
            (self.limit * self.wall_factor).as_secs()
        )
    }

    /// The text of the error.
    pub(crate) fn timeout_text(&self) -> String {
        format!(
            "Function execution timed out (maximum duration: {}s)",
            self.promised.as_secs_f64()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_had_of_the_machine_is_not_charged() {
        let mut meter = Meter::new(Duration::from_secs(1));
        let ago = |ms| {
            let since = Instant::now().checked_sub(Duration::from_millis(ms));
            since.unwrap()
        };
        assert!(!meter.is_exact());
        meter.spend(ago(30), None);
        assert!(meter.is_exact() && meter.spent() >= Duration::from_millis(30));
        for _ in 0..6 {
            meter.spend(ago(300), Some(Duration::from_millis(100)));
        }
        let spent = meter.spent();
        assert!(spent >= Duration::from_millis(630) && spent < Duration::from_millis(700));
        // More CPU than time went by: other threads of the process.
        meter.spend(ago(10), Some(Duration::from_secs(5)));
        assert!(meter.spent() < Duration::from_millis(800));
    }

    #[test]
    fn a_starved_process_gets_more_wall_time_but_not_for_ever() {
        let meter = Meter::new(Duration::from_secs(1));
        let since = Instant::now()
            .checked_sub(Duration::from_millis(1100))
            .unwrap();
        assert_eq!(meter.left(since), Duration::ZERO);
        assert_eq!(
            meter.judge(since, Some(Duration::from_secs(1))),
            Verdict::Stop
        );
        let half = Some(Duration::from_millis(500));
        assert_eq!(
            meter.judge(since, half),
            Verdict::WaitFor(Duration::from_millis(500))
        );
        let long = Instant::now()
            .checked_sub(Duration::from_secs(u64::from(WALL_FACTOR) + 1))
            .unwrap();
        assert_eq!(meter.judge(long, half), Verdict::Starved);
        let mut behind = Meter::new(Duration::from_secs(1));
        behind.go_behind();
        assert_eq!(
            behind.judge(long, half),
            Verdict::WaitFor(Duration::from_millis(500))
        );
        assert_eq!(
            behind.judge(long, Some(Duration::from_millis(10))),
            Verdict::Stop
        );
        let nothing = Some(Duration::from_millis(10));
        assert_eq!(meter.judge(long, nothing), Verdict::Stop);
        assert_eq!(
            meter.timeout_text(),
            "Function execution timed out (maximum duration: 1s)"
        );
    }
}
