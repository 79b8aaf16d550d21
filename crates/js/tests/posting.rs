//! Posted writes: a call goes on without waiting for them, and tells of them with its next frame.

mod support;

use lentil_js::{CallOutcome, CallResult, FunctionKind, HostOptions, Realms, Reply, Reserved};
use serde_json::json;
use support::*;

const ALONG: [&str; 2] = [r#"{"_id":"first"}"#, r#"{"_id":"second"}"#];

fn world() -> World {
    let mut world = World::new(|_, args| Reply::Value(args.to_owned()));
    world.posts.posting = Some(vec![Reserved {
        begins: r#"{"table":"t","#.to_owned(),
        answers: ALONG.map(str::to_owned).to_vec(),
    }]);
    world
}

/// Runs `f`, which may post, with two ids for table `t`; what is asked for is echoed.
fn run_in(world: World, source: &str) -> (CallOutcome, World) {
    let bundle = app(&format!(
        "const insert = (table, value = {{}}) => call('1.0/insert', {{table, value}});
         const patch = (id) => call('1.0/shallowMerge', {{id, value: {{}}}});
         export const f = mutation(async () => {{ {source} }});
         export const g = mutation(async () => {{ await patch('nested'); return 'g'; }});"
    ));
    run_on(
        host(),
        invocation(&bundle, "f", FunctionKind::Mutation),
        world,
    )
}

fn run(source: &str) -> (CallOutcome, World) {
    run_in(world(), source)
}

#[test]
fn writes_do_not_cross_and_come_in_order() {
    let source = "const a = await insert('t'); await patch(a._id); const b = await insert('t');
         await call('1.0/remove', {id: b._id}); await call('1.0/replace', {id: a._id, value: {}});
         return [a._id, b._id];";
    let (outcome, world) = run(source);
    assert_eq!(value(&outcome), json!(["first", "second"]));
    let posted = [
        r#"posted 1.0/insert {"table":"t","value":{}} {"_id":"first"}"#,
        r#"posted 1.0/shallowMerge {"id":"first","value":{}} null"#,
        r#"posted 1.0/insert {"table":"t","value":{}} {"_id":"second"}"#,
        r#"posted 1.0/remove {"id":"second"} null"#,
        r#"posted 1.0/replace {"id":"first","value":{}} null"#,
    ];
    assert_eq!(world.seen, posted);
}

#[test]
fn what_is_asked_later_comes_after_them() {
    let source = "void insert('t'); now('s'); await insert('t'); await call('1.0/get', {id: 'x'});
         await patch('x'); return null;";
    let (_, world) = run(source);
    let ops: Vec<&str> = world
        .seen
        .iter()
        .map(|text| text.split(" {").next().unwrap_or(text))
        .collect();
    // What is queued when user code crosses is not posted yet.
    let insert = "posted 1.0/insert";
    assert_eq!(
        ops,
        [
            "sync s",
            insert,
            insert,
            "1.0/get",
            "posted 1.0/shallowMerge"
        ]
    );
}

#[test]
fn who_asks_for_more_than_writes_waits() {
    for (source, seen) in [
        // Another table, and with it what was asked in the same turn.
        (
            "await Promise.all([insert('t'), insert('u')]);",
            vec!["1.0/insert", "1.0/insert"],
        ),
        // A read beside a write.
        (
            "await Promise.all([call('1.0/get'), insert('t')]);",
            vec!["1.0/get", "1.0/insert"],
        ),
        // More than was reserved.
        (
            "await Promise.all([insert('t'), insert('t'), insert('t')]);",
            vec!["1.0/insert"; 3],
        ),
    ] {
        let (outcome, world) = run(&format!("{source} return null;"));
        assert_eq!(value(&outcome), json!(null));
        assert_eq!(world.seen, seen, "{source}");
    }
    let (outcome, world) = run_in(World::echo(), "return await insert('t', {n: 1});");
    assert_eq!(
        value(&outcome),
        json!({ "table": "t", "value": { "n": 1 } })
    );
    assert_eq!(world.seen, ["1.0/insert"], "nothing may be posted");
}

#[test]
fn answers_bring_more_ids() {
    let mut world = world();
    let more = |answers: &[&str]| {
        vec![Reserved {
            begins: r#"{"table":"t","#.to_owned(),
            answers: answers.iter().map(|text| (*text).to_owned()).collect(),
        }]
    };
    world.posts.more = vec![more(&[]), more(&[r#"{"_id":"third"}"#])];
    let (outcome, world) = run_in(
        world,
        "const ids = []; for (let i = 0; i < 5; i++) ids.push((await insert('t'))._id ?? 'asked'); return ids;",
    );
    assert_eq!(
        value(&outcome),
        json!(["first", "second", "asked", "third", "asked"])
    );
    let posted = |text: &String| text.starts_with("posted ");
    let seen: Vec<bool> = world.seen.iter().map(posted).collect();
    assert_eq!(seen, [true, true, false, true, false]);
}

#[test]
fn a_loop_of_writes_is_told_of_before_its_end() {
    let (_, world) = run("for (let i = 0; i < 200; i++) await patch('x'); return null;");
    let posted = |text: &&String| text.starts_with("posted ");
    assert_eq!(world.seen.len(), 200);
    // Every 65th tells of the 64 before it.
    let waited: Vec<usize> = (0..200).filter(|at| !posted(&&world.seen[*at])).collect();
    assert_eq!(waited, [64, 129, 194]);
    let long = "const value = {text: 'x'.repeat(100_000)};
         for (let i = 0; i < 6; i++) await call('1.0/replace', {id: 'x', value}); return null;";
    let (_, world) = run(long);
    let waited: Vec<usize> = (0..6).filter(|at| !posted(&&world.seen[*at])).collect();
    assert_eq!(waited, [2, 5]);
}

#[test]
fn nothing_counts_after_a_write_that_fails() {
    for source in [
        "await insert('t'); return 'went on';",
        "await insert('t'); throw new Error('because of it');",
        "try { await insert('t'); } catch {} await call('1.0/get'); return 'went on';",
        "await insert('t'); now('s'); await call('1.0/get'); return 'went on';",
        "await insert('t'); await patch('x'); await call('1.0/get'); return 'went on';",
    ] {
        let mut refusing = world();
        refusing.posts.refuses = true;
        let (outcome, world) = run_in(refusing, source);
        assert!(
            matches!(&outcome.result, CallResult::System(why) if why.contains("posted write")),
            "{source}: {outcome:?}"
        );
        let after: Vec<_> = world.seen.iter().skip(1).collect();
        assert!(
            after.iter().all(|text| text.starts_with("sync ")),
            "{source}: {after:?}"
        );
        // The process is as good as before.
        let (outcome, world) = run("await patch('x'); return 1;");
        assert_eq!((value(&outcome), world.seen.len()), (json!(1), 1));
    }
}

#[test]
fn nested_calls_wait_and_come_after_what_was_posted() {
    let bundle = app(
        "const patch = (id) => call('1.0/shallowMerge', {id, value: {}});
         export const f = mutation(async () => {
           await patch('a'); const inner = await call('1.0/runUdf', {}); await patch('b'); return inner;
         });
         export const g = mutation(async () => { await patch('nested'); return 'g'; });",
    );
    let nested = invocation(&bundle, "g", FunctionKind::Mutation);
    let mut world = World::new(move |op, args| match op {
        "1.0/runUdf" => Reply::Nested(Box::new(nested.clone())),
        _ => Reply::Value(args.to_owned()),
    });
    world.posts.posting = Some(Vec::new());
    let call = invocation(&bundle, "f", FunctionKind::Mutation);
    let (outcome, world) = run_on(host(), call, world);
    assert_eq!(value(&outcome), json!("g"));
    let seen: Vec<String> = world
        .seen
        .iter()
        .map(|text| text.replace(r#","value":{}"#, ""))
        .collect();
    assert_eq!(
        seen,
        [
            r#"posted 1.0/shallowMerge {"id":"a"} null"#,
            "1.0/runUdf",
            "1.0/shallowMerge",
            r#"posted 1.0/shallowMerge {"id":"b"} null"#,
        ]
    );
}

#[test]
fn shadow_checks_see_what_was_posted() {
    let options = HostOptions {
        realms: Realms::Watched,
        shadow_every: 1,
        ..options()
    };
    let host = lentil_js::Host::start(options).expect("Node is installed");
    let bundle = app("export const f = mutation(async () => {
           const {_id} = await call('1.0/insert', {table: 't', value: {}});
           now('s');
           await call('1.0/shallowMerge', {id: _id, value: {}});
           return [_id, await call('1.0/get', {id: _id})];
         });");
    for _ in 0..6 {
        let call = invocation(&bundle, "f", FunctionKind::Mutation);
        let (outcome, _) = run_on(&host, call, world());
        assert_eq!(value(&outcome), json!(["first", { "id": "first" }]));
    }
    // The last check may still run; it has to end before the next call does.
    let call = invocation(&bundle, "f", FunctionKind::Mutation);
    run_on(&host, call, world());
    let report = host.realms();
    assert!(report.checked > 0, "{report:?}");
    assert_eq!(report.differences, 0, "{report:?}");
}
