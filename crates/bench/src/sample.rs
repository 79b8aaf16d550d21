//! Counts and latencies of one round.

use std::time::Duration;

/// What one round gave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    /// Operations counted.
    pub(crate) operations: u64,
    /// Over how long.
    pub(crate) elapsed: Duration,
    /// Of single operations; empty if not taken.
    pub(crate) latencies: Vec<Duration>,
    /// CPU seconds the measured server used.
    pub(crate) cpu: f64,
}

impl Sample {
    /// Operations a second.
    pub(crate) fn rate(&self) -> f64 {
        self.operations as f64 / self.elapsed.as_secs_f64().max(f64::EPSILON)
    }

    /// CPU microseconds of the server for one operation.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.cpu * 1e6 / (self.operations.max(1) as f64)
    }

    /// The latency below which the given share lies, in milliseconds.
    pub(crate) fn percentile_ms(&self, share: f64) -> f64 {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let index = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
        sorted
            .get(index)
            .map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    }
}

/// Median, minimum and maximum.
pub(crate) fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    (
        values.get(values.len() / 2).copied().unwrap_or(0.0),
        values.first().copied().unwrap_or(0.0),
        values.get(last).copied().unwrap_or(0.0),
    )
}
