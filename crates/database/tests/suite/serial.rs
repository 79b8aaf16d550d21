//! The order of commits as the judge: executions are played one after the other in that order, and
//! each step must have had the outcome it has there.
//!
//! The tests of `crates/functions` judge what ran through executors with this file, too.

use lentil_values::Timestamp;

/// What a committed transaction did, in order.
pub(crate) struct Execution<S> {
    /// Its place in the order; a transaction without writes comes after the commit of its snapshot.
    pub(crate) at: (Timestamp, bool),
    pub(crate) steps: Vec<S>,
}

/// The data at one moment of the order.
pub(crate) trait Replay<S> {
    /// Does the step; why not, if its outcome was another than it has here.
    fn play(&mut self, step: &S) -> Result<(), String>;
}

/// Plays the executions in the order of their commits; panics at the first step that cannot have
/// been made there.
pub(crate) fn replay<S, M: Replay<S>>(mut executions: Vec<Execution<S>>, mut model: M) -> M {
    executions.sort_by_key(|execution| execution.at);
    for pair in executions.windows(2) {
        assert!(
            pair[0].at < pair[1].at || pair[1].at.1,
            "two commits have one timestamp"
        );
    }
    for execution in executions {
        for step in execution.steps {
            if let Err(why) = model.play(&step) {
                panic!("at {:?}: {why}", execution.at);
            }
        }
    }
    model
}
