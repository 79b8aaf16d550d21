//! Waits for what an executor sends while user code runs in it: counts its time, lowers its
//! priority when it runs for long, and says when its time is up.

use std::time::{Duration, Instant};

use super::{BODY, End, Executor, broken};
use crate::limits::*;
use crate::meter::{Meter, Verdict};
use crate::process::Waited;

impl Executor {
    /// Waits for the next frame while user code runs; returns its kind, its fields are in
    /// `input[fields..frame_end]`.
    pub(super) fn receive(&mut self, meter: &mut Meter) -> Result<u8, End> {
        self.have = 0;
        self.cpu_before = None;
        if meter.is_exact() {
            self.cpu_before = self.process.cpu_time();
        }
        let mut wanted = 4;
        while self.have < wanted {
            let got = self.next_bytes(meter)?;
            if got == 0 {
                return Err(End::System(
                    "the executor ended unexpectedly".to_owned(),
                    false,
                ));
            }
            self.have += got;
            if wanted == 4 && self.have >= 4 {
                let length = u32::from_le_bytes([
                    self.input[0],
                    self.input[1],
                    self.input[2],
                    self.input[3],
                ]);
                wanted = 4 + length as usize;
                if length == 0 || wanted > FRAME_BYTES_MAX {
                    return Err(End::System(
                        format!("the executor sent a frame of {length} bytes"),
                        false,
                    ));
                }
                if wanted > self.input.len() {
                    self.input.resize(wanted, 0);
                }
            }
        }
        meter.spend(self.running_since, self.cpu_used());
        (self.fields, self.frame_end) = (BODY, wanted);
        Ok(self.input[4])
    }

    /// CPU time of the process since `cpu_before`, if that was read.
    fn cpu_used(&self) -> Option<Duration> {
        let before = self.cpu_before?;
        Some(self.process.cpu_time()?.saturating_sub(before))
    }

    /// Reads what comes next, if it comes before the time of user code is up; 0 bytes when the
    /// process is gone.
    fn next_bytes(&mut self, meter: &mut Meter) -> Result<usize, End> {
        let since = self.running_since;
        if self.cpu_before.is_none() {
            // Most frames come at once: one system call, and no look at the CPU clock.
            let got = self.process.read_soon(&mut self.input[self.have..]);
            if let Some(got) = got.map_err(|error| broken(&error))? {
                return Ok(got);
            }
            let used = self.process.cpu_time();
            self.cpu_before = used.map(|used| used.saturating_sub(since.elapsed()));
        }
        let mut left = self.until_background(meter, since);
        while self.process.wait(left).map_err(|error| broken(&error))? == Waited::TimedOut {
            if self.is_called && !self.background {
                if self.has_run(meter, since) >= self.background_after(meter) {
                    // Calls that hold nobody up for long go first. Where the system does not
                    // allow it, nothing changes.
                    self.background = true;
                    self.process.set_background(true);
                    meter.go_behind();
                }
                left = self.until_background(meter, since);
                if !left.is_zero() {
                    continue;
                }
            }
            match meter.judge(since, self.cpu_used()) {
                Verdict::Stop => return Err(End::Timeout),
                Verdict::Starved => return Err(End::Starved),
                Verdict::WaitFor(more) => left = more,
            }
        }
        let got = self.process.read(&mut self.input[self.have..]);
        got.map_err(|error| broken(&error))
    }

    /// How long to wait before the priority is lowered, or else for the time to be up.
    fn until_background(&self, meter: &Meter, since: Instant) -> Duration {
        let left = meter.left(since);
        if self.background || !self.is_called {
            return left;
        }
        let after = self.background_after(meter);
        let more = after.saturating_sub(self.has_run(meter, since));
        left.min(more.max(Duration::from_millis(1)))
    }

    /// How long a call runs before others go first. Where that cannot be taken back the process is
    /// lost by it, and compiling must not be why: the next one would have to compile again.
    fn background_after(&self, meter: &Meter) -> Duration {
        if self.comes_forward {
            BACKGROUND_AFTER
        } else {
            BACKGROUND_FOR_GOOD_AFTER + meter.allowed()
        }
    }

    /// For how long the call has run: what others had of the machine does not count.
    fn has_run(&self, meter: &Meter, since: Instant) -> Duration {
        let elapsed = since.elapsed();
        let used = self.cpu_used();
        meter.spent() + used.map_or(elapsed, |used| used.min(elapsed))
    }

    /// The call has ended, and what comes next may be quick. False if the system does not let the
    /// process out of the background again: whatever it ran would wait for everything else.
    pub(crate) fn come_forward(&mut self) -> bool {
        self.is_called = false;
        if self.background && self.process.set_background(false) {
            self.background = false;
        }
        !self.background
    }
}
