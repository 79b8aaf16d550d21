//! The pool without executors: jobs that are closures, on workers whose processes cannot be started.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::{LaneKey, Pool, State};
use crate::HostOptions;
use crate::executor::End;
use crate::node::Node;
use crate::process::Launch;

/// How long something may take that is to happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A pool whose processes cannot be started.
fn pool(executors: usize, slow_after: Duration) -> Pool {
    let options = HostOptions {
        executors,
        slow_after,
        ..HostOptions::default()
    };
    let launch = Launch {
        node: Node::nowhere(),
        heap_mib: 64,
        data_bytes: 1 << 30,
        network: false,
        sandbox: None,
        planted: None,
        full: None,
        comes_forward: true,
    };
    Pool::start(&options, &launch).expect("threads can be started")
}

/// A job that has begun when it says so, and ends when it is let.
struct Held {
    begun: Receiver<()>,
    end: Sender<()>,
}

fn hold(pool: &Pool, lane: LaneKey) -> Held {
    let (begins, begun) = bounded(1);
    let (end, ended) = bounded(1);
    let job = move |_: &mut super::Worker| {
        begins.send(()).expect("the test waits");
        // The test that has failed lets go of it, too.
        let _ = ended.recv();
    };
    let taken = pool.submit(lane, Box::new(job));
    assert!(taken.is_ok(), "there is room");
    Held { begun, end }
}

impl Held {
    fn wait_for_begin(&self) {
        self.begun.recv_timeout(PATIENCE).expect("it begins");
    }

    fn end(&self) {
        self.end.send(()).expect("it runs");
    }
}

/// Waits until the pool is as described.
fn until(pool: &Pool, what: &str, is: impl Fn(&State) -> bool) {
    let since = Instant::now();
    while !is(&pool.shared.state.lock()) {
        assert!(since.elapsed() < PATIENCE, "{what}");
        std::thread::yield_now();
    }
}

fn at_rest(state: &State) -> usize {
    state.idle.len() + state.cold.len()
}

#[test]
fn processes_that_do_not_start_are_told_of_and_tried_again() {
    let pool = pool(1, Duration::from_secs(60));
    let seats = pool.shared.state.lock().seats.len();
    for _ in 0..3 {
        let (answer, answered) = bounded(1);
        let job = move |worker: &mut super::Worker| {
            let done = worker.run(|_| Ok::<(), End>(()));
            answer.send(done).expect("the test waits");
        };
        assert!(pool.submit(1, Box::new(job)).is_ok(), "there is room");
        let told = answered.recv_timeout(PATIENCE).expect("it is told");
        assert!(
            matches!(&told, Err(End::System(why, _)) if why.starts_with("cannot start")),
            "{told:?}"
        );
        until(&pool, "everybody comes to rest", |state| {
            at_rest(state) == seats && state.starting == 0
        });
    }
    assert_eq!(pool.stats().executors, 0);
}

/// Who waits while all seats are taken is looked after when they no longer are: what runs may turn
/// out to be slow, which nobody else tells.
#[test]
fn a_call_that_waited_for_a_seat_is_woken_when_another_turns_out_to_be_slow() {
    let slow_after = Duration::from_secs(1);
    let pool = pool(1, slow_after);
    let seats = pool.shared.state.lock().seats.len();
    let (slow, young, quick, waiting) = (1, 2, 3, 4);
    // One call that ends at once: its function has proved quick.
    let proof = hold(&pool, quick);
    proof.wait_for_begin();
    proof.end();
    until(&pool, "the proof ends", |state| at_rest(state) == seats);
    let slow = hold(&pool, slow);
    slow.wait_for_begin();
    // Begins when the first has become slow.
    let young = hold(&pool, young);
    young.wait_for_begin();
    let quick = hold(&pool, quick);
    quick.wait_for_begin();
    // All seats are taken.
    let waiting = hold(&pool, waiting);
    until(&pool, "time alone lets nobody run", |state| !state.watched);
    for (left, ending) in [(1, &slow), (2, &quick)] {
        ending.end();
        until(&pool, "it ends", |state| at_rest(state) == left);
    }
    // Nothing ends from here on.
    waiting.wait_for_begin();
    waiting.end();
    young.end();
}
