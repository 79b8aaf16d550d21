//! How long user code has run, and how long it may.

use std::time::{Duration, Instant};

use crate::limits::{IDLE_SHARE, WALL_FACTOR};

/// Counts the user time of one execution tree: the time between a frame to the executor and its
/// next frame back.
#[derive(Debug)]
pub(crate) struct Meter {
    /// What the developer was promised, for the error's text.
    promised: Duration,
    limit: Duration,
    spent: Duration,
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
        }
    }

    /// Grants more (compiling is not the call's fault).
    pub(crate) fn allow(&mut self, more: Duration) {
        self.limit += more;
    }

    pub(crate) fn spent(&self) -> Duration {
        self.spent
    }

    pub(crate) fn spend(&mut self, since: Instant) {
        self.spent += since.elapsed();
    }

    /// What is left of the limit for code that started to run at `since`.
    pub(crate) fn left(&self, since: Instant) -> Duration {
        self.limit.saturating_sub(self.spent + since.elapsed())
    }

    /// Judges a process that has used `cpu` since `since`, its time on the wall being up.
    pub(crate) fn judge(&self, since: Instant, cpu: Option<Duration>) -> Verdict {
        let Some(cpu) = cpu else { return Verdict::Stop };
        let wall = self.spent + since.elapsed();
        let used = self.spent + cpu;
        if used >= self.limit {
            return Verdict::Stop;
        }
        if wall >= self.limit * WALL_FACTOR {
            // Code that waits for nothing uses no time either, and that is not the machine's fault.
            let idle = used < self.limit / IDLE_SHARE;
            return if idle {
                Verdict::Stop
            } else {
                Verdict::Starved
            };
        }
        Verdict::WaitFor((self.limit - used).max(Duration::from_millis(1)))
    }

    /// The text of the error where the machine is to blame.
    pub(crate) fn starved_text(&self) -> String {
        format!(
            "The machine is too busy to run this function: it may run for {}s, and did not get that much in {}s. Try \
             again in a moment.",
            self.promised.as_secs_f64(),
            (self.limit * WALL_FACTOR).as_secs()
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
        let long = Instant::now().checked_sub(Duration::from_secs(11)).unwrap();
        assert_eq!(meter.judge(long, half), Verdict::Starved);
        let nothing = Some(Duration::from_millis(10));
        assert_eq!(meter.judge(long, nothing), Verdict::Stop);
        assert_eq!(
            meter.timeout_text(),
            "Function execution timed out (maximum duration: 1s)"
        );
    }
}
