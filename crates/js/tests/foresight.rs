//! Answers in advance: what a call is expected to ask first is sent along with it.

mod support;

use lentil_js::{CallOutcome, Foreseen, FunctionKind, HostOptions, Realms, Reply};
use serde_json::json;
use support::*;

/// Runs `f` with answers in advance to `op(args)`, each "sent along"; everything else is echoed.
fn run(source: &str, expected: &[(&'static str, &str)]) -> (CallOutcome, World) {
    let bundle = app(&format!(
        "export const f = query(async () => {{ {source} }});"
    ));
    let foreseen = expected.iter().map(|(op, args)| Foreseen {
        op,
        args: (*args).into(),
        answer: r#""sent along""#.to_owned(),
    });
    let mut world = World::new(|_, args| Reply::Value(args.to_owned()));
    world.foreseen = foreseen.collect();
    run_on(host(), invocation(&bundle, "f", FunctionKind::Query), world)
}

#[test]
fn what_is_asked_as_expected_does_not_cross() {
    let source =
        "const a = await call('x', {n: 1}); const both = await Promise.all([call('y'), call('z')]);
         return [a, ...both, await call('w', {n: 2})];";
    let expected = [("x", r#"{"n":1}"#), ("y", "{}"), ("z", "{}")];
    let (outcome, world) = run(source, &expected);
    let along = "sent along";
    assert_eq!(value(&outcome), json!([along, along, along, { "n": 2 }]));
    assert_eq!(world.seen, ["used 3", "w"]);
}

#[test]
fn the_end_of_the_call_tells_what_was_used() {
    let (outcome, world) = run("return await call('x');", &[("x", "{}"), ("y", "{}")]);
    assert_eq!(value(&outcome), json!("sent along"));
    assert_eq!(world.seen, ["used 1"]);
}

#[test]
fn synchronous_requests_come_in_their_place() {
    let source = "now('s'); await call('x'); now('t'); return null;";
    let (_, world) = run(source, &[("x", "{}")]);
    assert_eq!(world.seen, ["sync s", "used 1", "sync t"]);
}

#[test]
fn whoever_asks_otherwise_is_answered_by_the_server() {
    for (source, expected, seen) in [
        // Other arguments; nothing that comes later is taken from what was sent.
        (
            "return [await call('x', {n: 2}), await call('y', {n: 3})];",
            [("x", r#"{"n":1}"#), ("y", r#"{"n":3}"#)],
            vec!["x", "y"],
        ),
        // Another order.
        (
            "return await Promise.all([call('y'), call('x')]);",
            [("x", "{}"), ("y", "{}")],
            vec!["y", "x"],
        ),
        // More at once than was expected.
        (
            "return await Promise.all([call('x'), call('y'), call('z')]);",
            [("x", "{}"), ("y", "{}")],
            vec!["x", "y", "z"],
        ),
    ] {
        let (outcome, world) = run(source, &expected);
        assert!(!value(&outcome).to_string().contains("along"), "{source}");
        assert_eq!(world.seen, seen, "{source}");
    }
}

#[test]
fn a_call_after_one_that_ended_early_is_told_nothing_of_it() {
    let bundle = app("export const f = query(async ({first}) => {
           if (first) { void call('x'); throw new Error('early'); }
           return await call('x');
         });");
    let world = |answer: &str| {
        let mut world = World::echo();
        world.foreseen.push(Foreseen {
            op: "x",
            args: "{}".into(),
            answer: answer.to_owned(),
        });
        world
    };
    let mut call = invocation(&bundle, "f", FunctionKind::Query);
    call.args = r#"[{"first":true}]"#.to_owned();
    let (outcome, _) = run_on(host(), call.clone(), world("1"));
    assert!(error(&outcome).contains("early"));
    call.args = r#"[{"first":false}]"#.to_owned();
    let (outcome, after) = run_on(host(), call.clone(), World::echo());
    assert_eq!(
        (value(&outcome), after.seen),
        (json!({}), vec!["x".to_owned()])
    );
    let (outcome, after) = run_on(host(), call, world("2"));
    assert_eq!(
        (value(&outcome), after.seen),
        (json!(2), vec!["used 1".to_owned()])
    );
}

#[test]
fn shadow_checks_see_what_was_used() {
    let options = HostOptions {
        realms: Realms::Watched,
        shadow_every: 1,
        ..options()
    };
    let host = lentil_js::Host::start(options).expect("Node is installed");
    let bundle = app("export const f = query(async () => {
           now('s'); const x = await call('x'); now('t'); return [x, await call('y')];
         });");
    for _ in 0..6 {
        let mut world = World::echo();
        for op in ["x", "z"] {
            world.foreseen.push(Foreseen {
                op,
                args: "{}".into(),
                answer: "1".to_owned(),
            });
        }
        let call = invocation(&bundle, "f", FunctionKind::Query);
        let (outcome, world) = run_on(&host, call, world);
        assert_eq!(value(&outcome), json!([1, {}]));
        assert_eq!(world.seen, ["sync s", "used 1", "sync t", "y"]);
    }
    // The last check may still run; it has to end before the next call does.
    let call = invocation(&bundle, "f", FunctionKind::Query);
    run_on(&host, call, World::echo());
    let report = host.realms();
    assert!(report.checked > 0, "{report:?}");
    assert_eq!(report.differences, 0, "{report:?}");
}
