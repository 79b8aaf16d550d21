//! Whose call runs next, and whether it may run now. No threads and no clock: the pool tells the
//! time, and so do the tests.
//!
//! Calls of one function wait in one lane. Of the lanes that may run, the one goes first that has
//! had the least time of executors (start-time fair queueing): a function pays for what its calls
//! were measured to take. Functions whose calls have lately been slow may hold as many seats as
//! there are executors, and so may the others beside them: neither class waits for the other. A
//! call that turns out to be slow while it runs counts with the slow ones from then on, so its
//! seat among the quick is free again. One seat more is for functions that have proved quick.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use crate::limits::{FAIR_COST_MIN, LANES_MAX};

/// Which function a call is of.
pub(crate) type LaneKey = u64;

/// Time since the pool began.
pub(crate) type Time = Duration;

/// Why a call may not even wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// All calls together are too many.
    All {
        /// So many wait.
        waiting: usize,
    },
    /// Its function has more than its part of the queue.
    Function {
        /// So many of its calls wait.
        waiting: usize,
        /// What its calls took lately, on average.
        cost: Duration,
    },
}

#[derive(Debug)]
struct Lane<J> {
    jobs: VecDeque<J>,
    /// The time its calls have had, in the common measure; never behind lanes that were served
    /// while it had nothing to run.
    had: Duration,
    /// What its calls take: a moving average that begins at nothing, so that one slow call
    /// (the first one compiles) makes no slow function.
    cost: Duration,
    /// Lately its calls took long.
    slow: bool,
    /// A call has ended, and quickly.
    proven: bool,
    running: usize,
}

impl<J> Lane<J> {
    fn new(had: Duration) -> Self {
        Lane {
            jobs: VecDeque::new(),
            had,
            cost: Duration::ZERO,
            slow: false,
            proven: false,
            running: 0,
        }
    }

    fn expected(&self) -> Duration {
        self.cost.max(FAIR_COST_MIN)
    }
}

#[derive(Debug, Clone, Copy)]
struct Running {
    lane: LaneKey,
    since: Time,
    /// Its function was slow when it began.
    slow: bool,
    /// Its function had proved quick.
    proven: bool,
    /// What the lane has been charged already.
    charged: Duration,
}

/// The waiting and the running calls of a pool.
#[derive(Debug)]
pub(crate) struct Fair<J> {
    executors: usize,
    queue: usize,
    slow_after: Duration,
    lanes: HashMap<LaneKey, Lane<J>>,
    /// Lanes in which calls wait, the one that has had least first.
    ready: BTreeSet<(Duration, LaneKey)>,
    /// What the lane had had that was served last, of the quick and of the slow ones.
    served: [Duration; 2],
    waiting: usize,
    seats: Vec<Option<Running>>,
    busy: usize,
}

/// Who sits where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Held {
    quick: usize,
    /// Of the quick, those of functions that have proved so.
    proven: usize,
    slow: usize,
}

impl<J> Fair<J> {
    /// For so many executors and waiting calls; slow is what takes so long.
    pub(crate) fn new(executors: usize, queue: usize, slow_after: Duration) -> Self {
        let executors = executors.max(1);
        Fair {
            executors,
            queue,
            slow_after,
            lanes: HashMap::new(),
            ready: BTreeSet::new(),
            served: [Duration::ZERO; 2],
            waiting: 0,
            seats: vec![None; Self::seats(executors)],
            busy: 0,
        }
    }

    /// How many calls can run at most: a process starts only for a seat that is taken.
    pub(crate) fn seats(executors: usize) -> usize {
        executors.max(1) * 2 + 1
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether a call of that lane may begin at once; nobody who may run is passed over.
    pub(crate) fn may_begin(&self, lane: LaneKey, now: Time) -> bool {
        let lane = self.lanes.get(&lane);
        if self.waiting > 0 && lane.is_some_and(|lane| !lane.jobs.is_empty()) {
            return false;
        }
        let (slow, proven) = lane.map_or((false, false), |lane| (lane.slow, lane.proven));
        if self.busy < self.executors && self.waiting == 0 {
            return true;
        }
        let held = self.held(now);
        self.has_seat(held, slow, proven) && !self.ready_before(held)
    }

    /// Lets a call wait; so many that wait only for processes to start are not too many.
    pub(crate) fn wait(&mut self, key: LaneKey, job: J, coming: usize) -> Result<(), (J, Full)> {
        if self.waiting >= coming
            && let Some(full) = self.full(key, coming)
        {
            return Err((job, full));
        }
        let lane = self.lane(key);
        lane.jobs.push_back(job);
        let had = lane.had;
        self.ready.insert((had, key));
        self.waiting += 1;
        Ok(())
    }

    /// Why there is no place in the queue, if there is none.
    fn full(&self, key: LaneKey, coming: usize) -> Option<Full> {
        let lane = self.lanes.get(&key);
        let (waiting, cost) = lane.map_or((0, Duration::ZERO), |lane| (lane.jobs.len(), lane.cost));
        // As if they ran already.
        let all = self.waiting.saturating_sub(coming);
        let waiting = waiting.saturating_sub(coming);
        let left = self.queue.saturating_sub(all);
        if left == 0 {
            return Some(Full::All { waiting: all });
        }
        // Never the whole queue: there is room for another function whatever one does.
        (waiting >= left.saturating_mul(3)).then_some(Full::Function { waiting, cost })
    }

    /// Whether somebody waits who would run if there were more processes than those that are now
    /// being started.
    pub(crate) fn wants_more(&self, starting: usize, now: Time) -> bool {
        if self.waiting <= starting || self.busy + starting >= self.seats.len() {
            return false;
        }
        // Of which kind those will be that take what is being started is not known.
        let mut held = self.held(now);
        held.quick += starting;
        held.slow += starting;
        self.ready_before(held)
    }

    /// The call that runs next, if one may.
    pub(crate) fn next(&mut self, now: Time) -> Option<(LaneKey, J)> {
        if self.waiting == 0 {
            return None;
        }
        let held = self.held(now);
        let found = self.ready.iter().find(|(_, key)| self.may(held, *key));
        let &(had, key) = found?;
        let lane = self.lanes.get_mut(&key)?;
        let job = lane.jobs.pop_front()?;
        self.waiting -= 1;
        if lane.jobs.is_empty() {
            self.ready.remove(&(had, key));
        }
        Some((key, job))
    }

    /// A call sits down.
    pub(crate) fn begin(&mut self, seat: usize, key: LaneKey, now: Time) {
        let lane = self.lane(key);
        let charged = lane.expected();
        lane.running += 1;
        let (slow, proven, had) = (lane.slow, lane.proven, lane.had);
        let served = &mut self.served[usize::from(slow)];
        *served = had.max(*served);
        self.charge(key, |had| had + charged);
        self.seats[seat] = Some(Running {
            lane: key,
            since: now,
            slow,
            proven,
            charged,
        });
        self.busy += 1;
    }

    /// Its process had to be started first, which is not its fault.
    pub(crate) fn begin_again(&mut self, seat: usize, now: Time) {
        if let Some(running) = &mut self.seats[seat] {
            running.since = now;
        }
    }

    /// A call has ended.
    pub(crate) fn end(&mut self, seat: usize, now: Time) {
        let Some(running) = self.seats[seat].take() else {
            return;
        };
        self.busy -= 1;
        let took = now.saturating_sub(running.since);
        self.charge(running.lane, |had| {
            (had + took).saturating_sub(running.charged)
        });
        let Some(lane) = self.lanes.get_mut(&running.lane) else {
            return;
        };
        lane.cost = (lane.cost * 3 + took) / 4;
        lane.proven |= took < self.slow_after;
        lane.running -= 1;
        let slow = lane.cost > self.slow_after;
        if slow != std::mem::replace(&mut lane.slow, slow) {
            // It is among others now, who have had more or less.
            let served = self.served[usize::from(slow)];
            self.charge(running.lane, |_| served);
        }
    }

    /// Whether time alone can let somebody run: a running call may turn out to be slow.
    pub(crate) fn waits_for_time(&self) -> bool {
        self.waiting > 0 && self.busy < self.seats.len()
    }

    /// Lets all calls go that wait.
    pub(crate) fn clear(&mut self) -> Vec<J> {
        self.ready.clear();
        self.waiting = 0;
        let lanes = self.lanes.values_mut();
        lanes
            .flat_map(|lane| std::mem::take(&mut lane.jobs))
            .collect()
    }

    fn held(&self, now: Time) -> Held {
        let mut held = Held::default();
        for running in self.seats.iter().flatten() {
            if running.slow || now.saturating_sub(running.since) >= self.slow_after {
                held.slow += 1;
            } else {
                held.quick += 1;
                held.proven += usize::from(running.proven);
            }
        }
        held
    }

    fn has_seat(&self, held: Held, slow: bool, proven: bool) -> bool {
        let executors = self.executors;
        if slow || !proven {
            let of_kind = if slow { held.slow } else { held.quick };
            return self.busy < executors * 2 && of_kind < executors;
        }
        // One seat is for them alone, while others hold what is theirs.
        self.busy < executors * 2 + 1 && held.proven < executors && held.quick <= executors
    }

    fn may(&self, held: Held, key: LaneKey) -> bool {
        let lane = self.lanes.get(&key);
        lane.is_some_and(|lane| self.has_seat(held, lane.slow, lane.proven))
    }

    fn ready_before(&self, held: Held) -> bool {
        self.ready.iter().any(|(_, key)| self.may(held, *key))
    }

    fn lane(&mut self, key: LaneKey) -> &mut Lane<J> {
        if self.lanes.len() >= LANES_MAX && !self.lanes.contains_key(&key) {
            // What is known of functions that do nothing now is learned again soon enough.
            self.lanes
                .retain(|_, lane| lane.running > 0 || !lane.jobs.is_empty());
        }
        let served = self.served;
        let lane = self.lanes.entry(key);
        let lane = lane.or_insert_with(|| Lane::new(served[0]));
        if lane.jobs.is_empty() && lane.running == 0 {
            // Time in which it wanted nothing is not saved up.
            lane.had = lane.had.max(served[usize::from(lane.slow)]);
        }
        lane
    }

    fn charge(&mut self, key: LaneKey, change: impl FnOnce(Duration) -> Duration) {
        let Some(lane) = self.lanes.get_mut(&key) else {
            return;
        };
        let had = change(lane.had);
        if !lane.jobs.is_empty() {
            self.ready.remove(&(lane.had, key));
            self.ready.insert((had, key));
        }
        lane.had = had;
    }
}

#[cfg(test)]
mod tests;
