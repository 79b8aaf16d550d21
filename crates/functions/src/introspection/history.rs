//! What was counted of one thing in each of the last steps of time: only steps in which something
//! was, so that what rests costs nothing.

use std::collections::VecDeque;

/// Seconds of a step.
pub(crate) const STEP: u64 = 10;
/// Steps that are remembered: an hour and a little.
const KEPT: u64 = 3_600 / STEP + 6;

/// The steps of something with `N` counters.
#[derive(Debug)]
pub(crate) struct History<const N: usize> {
    /// The counters when they were looked at last.
    last: [u64; N],
    steps: VecDeque<Step<N>>,
}

/// What came in one step.
#[derive(Clone, Debug)]
pub(crate) struct Step<const N: usize> {
    /// When it began, seconds since the epoch.
    pub(crate) start: u64,
    /// Counters that moved, and by how much.
    moved: Vec<(u8, u32)>,
}

impl<const N: usize> Default for History<N> {
    fn default() -> History<N> {
        History {
            last: [0; N],
            steps: VecDeque::new(),
        }
    }
}

impl<const N: usize> History<N> {
    /// Notes the counters as they are at a time.
    pub(crate) fn note(&mut self, now_secs: u64, counters: &[u64; N]) {
        let start = now_secs - now_secs % STEP;
        if *counters != self.last {
            if self.steps.back().is_none_or(|step| step.start != start) {
                let moved = Vec::new();
                self.steps.push_back(Step { start, moved });
            }
            let step = self.steps.back_mut().expect("there is one by now");
            for (at, (now, then)) in counters.iter().zip(&self.last).enumerate() {
                step.add(at as u8, now.saturating_sub(*then));
            }
            self.last = *counters;
        }
        while self
            .steps
            .front()
            .is_some_and(|step| step.start + KEPT * STEP < now_secs)
        {
            self.steps.pop_front();
        }
    }

    /// The steps that began at a time or later.
    pub(crate) fn from(&self, secs: u64) -> impl Iterator<Item = &Step<N>> {
        let first = self.steps.partition_point(|step| step.start < secs);
        self.steps.range(first..)
    }

    /// What came since a time, in all.
    pub(crate) fn sum_from(&self, secs: u64) -> [u64; N] {
        let mut sum = [0; N];
        for step in self.from(secs) {
            step.add_to(&mut sum);
        }
        sum
    }

    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

impl<const N: usize> Step<N> {
    fn add(&mut self, at: u8, by: u64) {
        if by == 0 {
            return;
        }
        let by = u32::try_from(by).unwrap_or(u32::MAX);
        match self.moved.iter_mut().find(|(other, _)| *other == at) {
            Some((_, count)) => *count = count.saturating_add(by),
            None => self.moved.push((at, by)),
        }
    }

    pub(crate) fn add_to(&self, sum: &mut [u64; N]) {
        for (at, count) in &self.moved {
            sum[usize::from(*at)] += u64::from(*count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_hold_what_came_in_them_and_are_forgotten_after_an_hour() {
        let mut history: History<2> = History::default();
        for (now, counters) in [(100, [1, 0]), (105, [3, 0]), (112, [3, 4]), (130, [3, 4])] {
            history.note(now, &counters);
        }
        let steps: Vec<_> = history
            .from(0)
            .map(|step| (step.start, step.moved.clone()))
            .collect();
        assert_eq!(steps, [(100, vec![(0, 3)]), (110, vec![(1, 4)])]);
        assert_eq!(history.sum_from(105), [0, 4]);
        history.note(5_000, &[3, 4]);
        assert!(history.is_empty());
    }
}
