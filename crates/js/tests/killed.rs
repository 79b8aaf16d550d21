//! Executors that are ended from outside: a call that nobody has seen anything of begins again.

#![allow(clippy::unwrap_used)] // A test that cannot be set up has failed.
#![cfg(target_os = "linux")]

use std::process::Command;
use std::sync::mpsc::channel;

use lentil_js::{CallResult, FunctionKind, Host, Reply};

mod support;
use support::{World, app, children, invocation, options, runtime};

/// Ends the only executor.
fn kill() -> String {
    let all = children();
    assert_eq!(all.len(), 1, "{all:?}");
    assert!(
        Command::new("kill")
            .args(["-9", &all[0]])
            .status()
            .unwrap()
            .success()
    );
    all[0].clone()
}

#[test]
fn an_idle_executor_that_was_killed_costs_the_next_call_nothing() {
    let host = Host::start(options()).unwrap();
    let bundle = app(
        "export const f = query(async () => 'fine'); export const g = mutation(async () => 'fine');",
    );
    for (name, kind) in [("f", FunctionKind::Query), ("g", FunctionKind::Mutation)] {
        for kill_first in [false, true] {
            let killed = kill_first.then(kill);
            let (outcome, _) = runtime()
                .block_on(host.call(invocation(&bundle, name, kind), World::echo()))
                .unwrap_or_else(|_| panic!("refused"));
            assert_eq!(outcome.result, CallResult::Value("\"fine\"".to_owned()));
            assert_ne!(killed, children().first().cloned(), "it ran in another");
        }
    }
}

#[test]
fn a_call_whose_executor_was_killed_may_be_tried_again() {
    let host = Host::start(options()).unwrap();
    let bundle = app("export const f = query(async () => { await call('here'); for (;;); });");
    let (here, reached) = channel();
    let world = World::new(move |op, args| {
        here.send(op.to_owned()).unwrap();
        Reply::Value(args.to_owned())
    });
    let call = std::thread::spawn({
        let invocation = invocation(&bundle, "f", FunctionKind::Query);
        move || runtime().block_on(host.call(invocation, world))
    });
    assert_eq!(reached.recv().unwrap(), "here");
    kill();
    let (outcome, world) = call.join().unwrap().unwrap_or_else(|_| panic!("refused"));
    assert!(
        matches!(&outcome.result, CallResult::Overloaded(text) if text.contains("ended from outside")),
        "{outcome:?}"
    );
    assert_eq!(
        world.seen.len(),
        1,
        "what has been asked is not asked twice"
    );
}
