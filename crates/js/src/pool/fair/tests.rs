//! The scheduler under a clock that the tests turn: functions with a rate and a running time, and
//! how long their calls wait.

use std::collections::BTreeMap;

use super::*;

const MS: Duration = Duration::from_millis(1);
const SLOW_AFTER: Duration = crate::limits::SLOW_AFTER;

/// Calls of a function: the first at `from`, then one `every`, each taking `takes`.
struct Load {
    lane: LaneKey,
    from: Duration,
    every: Duration,
    takes: Duration,
}

fn load(lane: LaneKey, every: Duration, takes: Duration) -> Load {
    Load {
        lane,
        from: Duration::ZERO,
        every,
        takes,
    }
}

#[derive(Default)]
struct Seen {
    waits: Vec<Duration>,
    ran: Duration,
    refused: usize,
}

impl Seen {
    /// The longest wait but for one call in a hundred.
    fn p99(&mut self) -> Duration {
        self.waits.sort();
        self.waits[self.waits.len() * 99 / 100]
    }
}

/// Runs loads for some time, in steps of a millisecond.
fn simulate(
    executors: usize,
    queue: usize,
    loads: &[Load],
    time: Duration,
) -> BTreeMap<LaneKey, Seen> {
    let mut fair: Fair<(Duration, Duration)> = Fair::new(executors, queue, SLOW_AFTER);
    let mut ends: Vec<Option<Duration>> = vec![None; Fair::<()>::seats(executors)];
    let mut due: Vec<Duration> = loads.iter().map(|load| load.from).collect();
    let mut seen: BTreeMap<LaneKey, Seen> = BTreeMap::new();
    let mut now = Duration::ZERO;
    while now < time {
        for (seat, end) in ends.iter_mut().enumerate() {
            if end.is_some_and(|end| end <= now) {
                *end = None;
                fair.end(seat, now);
            }
        }
        for (load, due) in loads.iter().zip(&mut due) {
            while *due <= now {
                *due += load.every;
                if fair.wait(load.lane, (now, load.takes), 0).is_err() {
                    seen.entry(load.lane).or_default().refused += 1;
                }
            }
        }
        while let Some((lane, (came, takes))) = fair.next(now) {
            let free = ends.iter().position(Option::is_none);
            let seat = free.expect("whoever may run has a seat");
            fair.begin(seat, lane, now);
            ends[seat] = Some(now + takes);
            let seen = seen.entry(lane).or_default();
            seen.waits.push(now - came);
            seen.ran += takes;
        }
        now += MS;
    }
    seen
}

#[test]
fn endless_calls_hold_light_ones_up_only_until_they_are_found_out() {
    for executors in [1, 2, 4] {
        let light = load(1, MS * 5, MS * 2);
        let endless: Vec<Load> = (0..executors as u64)
            .map(|_| load(2, MS * 1000, MS * 1000))
            .collect();
        let quiet = simulate(executors, 4096, &[light], MS * 60_000)
            .remove(&1)
            .unwrap()
            .p99();
        let mut loads = endless;
        loads.push(load(1, MS * 5, MS * 2));
        let mut seen = simulate(executors, 4096, &loads, MS * 60_000);
        let beside = seen.get_mut(&1).unwrap();
        assert!(
            beside.p99() <= quiet + MS * 2,
            "{executors}: {:?} instead of {quiet:?}",
            beside.p99()
        );
        let worst = *beside.waits.last().unwrap();
        assert!(worst <= SLOW_AFTER + MS * 30, "{executors}: {worst:?}");
        let heavy = &seen[&2];
        assert!(
            heavy.waits.len() > 20 * executors,
            "the heavy function is served as well"
        );
    }
}

#[test]
fn many_different_endless_functions_leave_a_seat_to_those_that_have_proved_quick() {
    let mut loads = vec![load(1, MS * 5, MS * 2)];
    // Each comes once, so nothing is known of it.
    loads.extend((0..60).map(|n| Load {
        lane: 100 + n,
        from: MS * 1_000 + MS * 10 * u32::try_from(n).unwrap(),
        every: MS * 1_000_000,
        takes: MS * 1_000,
    }));
    let mut seen = simulate(2, 4096, &loads, MS * 20_000);
    let light = seen.get_mut(&1).unwrap();
    assert!(light.p99() <= MS * 5, "{:?}", light.p99());
    assert_eq!(seen.len(), 61, "all have run");
}

#[test]
fn functions_of_one_kind_share_by_time_and_not_by_calls() {
    // Both ask for more than there is; calls of the one take ten times as long.
    let loads = [load(1, MS * 4, MS * 4), load(2, MS * 40, MS * 40)];
    let seen = simulate(1, 100_000, &loads, MS * 40_000);
    let (one, ten) = (seen[&1].ran.as_secs_f64(), seen[&2].ran.as_secs_f64());
    assert!((0.9..1.1).contains(&(one / ten)), "{one} s and {ten} s");
}

#[test]
fn nobody_is_starved() {
    // Light calls alone would fill the executors.
    let mut loads: Vec<Load> = (0..8).map(|n| load(n, MS * 4, MS * 2)).collect();
    loads.push(load(50, MS * 1_000, MS * 1_000));
    loads.push(load(51, MS * 500, MS * 90));
    let seen = simulate(2, 100_000, &loads, MS * 30_000);
    for lane in [50, 51] {
        let longest = seen[&lane].waits.iter().max().unwrap();
        assert!(*longest < MS * 3_000, "{lane} waited {longest:?}");
    }
}

#[test]
fn time_in_which_a_function_wanted_nothing_is_not_saved_up() {
    let late = Load {
        from: MS * 10_000,
        ..load(2, MS * 10, MS * 10)
    };
    let mut seen = simulate(1, 100_000, &[load(1, MS * 10, MS * 10), late], MS * 12_000);
    // From then on they take turns: the first one is not shut out until the other has caught up.
    let worst = seen
        .get_mut(&1)
        .unwrap()
        .waits
        .iter()
        .max()
        .copied()
        .unwrap();
    assert!(worst <= MS * 1_100, "{worst:?}");
}

#[test]
fn one_function_never_fills_the_queue() {
    let mut fair: Fair<u32> = Fair::new(1, 100, SLOW_AFTER);
    fair.begin(0, 1, Duration::ZERO);
    let mut taken = 0;
    let full = loop {
        match fair.wait(1, 0, 0) {
            Ok(()) => taken += 1,
            Err((_, full)) => break full,
        }
    };
    assert_eq!(taken, 75);
    assert_eq!(
        full,
        Full::Function {
            waiting: 75,
            cost: Duration::ZERO
        }
    );
    for other in 2..27 {
        fair.wait(other, 0, 0).expect("others have room");
    }
    assert_eq!(
        fair.wait(99, 0, 0).unwrap_err().1,
        Full::All { waiting: 100 }
    );
    assert_eq!(fair.clear().len(), 100);
    assert_eq!((fair.waiting(), fair.next(MS)), (0, None));
}

#[test]
fn starting_a_process_is_not_the_calls_fault() {
    let mut fair: Fair<u32> = Fair::new(1, 10, SLOW_AFTER);
    for n in 0..10 {
        let now = MS * 1_000 * n;
        fair.begin(0, 1, now);
        fair.begin_again(0, now + MS * 900);
        fair.end(0, now + MS * 902);
    }
    fair.begin(0, 2, MS * 20_000);
    fair.begin(1, 2, MS * 20_000);
    assert!(
        fair.may_begin(1, MS * 20_000 + SLOW_AFTER),
        "function 1 is quick"
    );
    assert!(
        !fair.may_begin(3, MS * 20_000 + MS),
        "the quick have no seat before the others are found out"
    );
}

#[test]
fn lanes_are_forgotten_when_there_are_too_many() {
    let mut fair: Fair<u32> = Fair::new(1, 10, SLOW_AFTER);
    for lane in 0..LANES_MAX as u64 * 3 {
        fair.begin(0, lane, Duration::ZERO);
        fair.end(0, MS);
    }
    assert!(fair.lanes.len() <= LANES_MAX);
}

#[test]
fn quick_functions_alone_have_no_more_seats_than_executors() {
    let mut fair: Fair<u32> = Fair::new(2, 10, SLOW_AFTER);
    for lane in 1..4 {
        fair.begin(0, lane, Duration::ZERO);
        fair.end(0, MS);
    }
    fair.begin(0, 1, MS);
    assert!(fair.may_begin(2, MS));
    fair.begin(1, 2, MS);
    assert!(!fair.may_begin(3, MS * 2));
    fair.end(1, MS * 2);
    fair.begin(1, 9, MS * 2);
    assert!(
        fair.may_begin(3, MS * 3),
        "nobody knows how long function 9 takes"
    );
}

#[test]
fn whoever_waits_only_for_a_process_takes_nobodys_place() {
    let mut fair: Fair<u32> = Fair::new(2, 0, SLOW_AFTER);
    assert!(fair.may_begin(1, Duration::ZERO));
    // Two are started, as nobody runs yet: the two calls are as good as running.
    fair.wait(1, 0, 1).expect("it has a seat");
    assert!(fair.wants_more(0, Duration::ZERO) && !fair.wants_more(1, Duration::ZERO));
    fair.wait(1, 0, 2).expect("it has a seat as well");
    assert!(fair.wants_more(1, Duration::ZERO) && !fair.wants_more(2, Duration::ZERO));
    assert_eq!(fair.wait(1, 0, 2).unwrap_err().1, Full::All { waiting: 0 });
    for seat in 0..2 {
        let (lane, _) = fair.next(Duration::ZERO).expect("a process is there");
        fair.begin(seat, lane, Duration::ZERO);
    }
    assert!(!fair.wants_more(0, MS * 10_000), "nobody waits");
}

#[test]
fn no_process_is_started_for_those_who_may_not_run() {
    let mut fair: Fair<u32> = Fair::new(1, 10, SLOW_AFTER);
    fair.begin(0, 1, Duration::ZERO);
    fair.wait(1, 0, 0).expect("there is room");
    assert!(!fair.wants_more(0, MS), "the only executor is taken");
    // The call that runs has turned out to be slow.
    assert!(fair.wants_more(0, SLOW_AFTER));
    assert!(!fair.wants_more(1, SLOW_AFTER), "one is being started");
}
