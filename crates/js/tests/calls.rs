//! Calls, syscalls, nesting, errors.

mod support;

use lentil_js::{CallResult, FunctionKind, Reply, SyscallError};
use support::*;

#[test]
fn a_mutation_reads_and_writes() {
    let bundle = app("export const f = mutation(async ({amount}) => {
           const [a, b] = await Promise.all([call('1.0/get', {n: 1}), call('1.0/get', {n: 2})]);
           await call('1.0/shallowMerge', {id: 'a', v: a.n + amount});
           return [a, b, now('1.0/db/normalizeId', {table: 't'})];
         });");
    let mut call = invocation(&bundle, "f", FunctionKind::Mutation);
    call.args = r#"[{"amount": 5}]"#.to_owned();
    let (outcome, world) = run_on(host(), call, World::echo());
    assert_eq!(
        value(&outcome),
        serde_json::json!([{"n": 1}, {"n": 2}, {"table": "t"}])
    );
    assert_eq!(
        world.seen,
        [
            "1.0/get",
            "1.0/get",
            "1.0/shallowMerge",
            "sync 1.0/db/normalizeId"
        ]
    );
}

#[test]
fn text_of_every_kind_crosses_both_ways() {
    let text = "ascii ö € 😀 \u{2028} \" \\ \u{0}";
    let bundle = app("export const f = query(async (args) => [args, await call('x', args)]);");
    let mut call = invocation(&bundle, "f", FunctionKind::Query);
    call.args = serde_json::json!([{ "text": text, "long": "ä".repeat(300_000) }]).to_string();
    let (outcome, _) = run_on(host(), call, World::echo());
    let out = value(&outcome);
    assert_eq!(out[0], out[1]);
    assert_eq!(out[0]["text"], text);
}

#[test]
fn rejections_are_realm_errors_with_parsed_data() {
    let bundle = app("export const f = query(async () => {
           const out = [];
           for (const op of ['plain', 'data']) {
             try { await call(op); } catch (e) {
               out.push([e instanceof Error, e.constructor === Error, e.message, e.data ?? null]);
             }
           }
           try { now('plain'); } catch (e) { out.push([e instanceof Error, e.message]); }
           return out;
         });");
    let world = World::new(|op, _| match op {
        "data" => developer("with data", Some(r#"{"code": 7}"#)),
        _ => developer("no", None),
    });
    let (outcome, _) = run_on(host(), invocation(&bundle, "f", FunctionKind::Query), world);
    assert_eq!(
        value(&outcome),
        serde_json::json!([
            [true, true, "no", null],
            [true, true, "with data", {"code": 7}],
            [true, "no"]
        ])
    );
}

#[test]
fn s036_unawaited_writes_still_run() {
    let bundle = app(
        "export const f = mutation(async () => { call('insert'); call('insert'); return 1; });",
    );
    let (outcome, world) = run_on(
        host(),
        invocation(&bundle, "f", FunctionKind::Mutation),
        World::echo(),
    );
    assert_eq!(value(&outcome), 1);
    assert_eq!(world.seen, ["insert", "insert"]);
    // And what they lead to, as long as there is more.
    let bundle = app(
        "export const f = mutation(async () => { call('a').then(() => call('b')).then(() => call('c')); });",
    );
    let (_, world) = run_on(
        host(),
        invocation(&bundle, "f", FunctionKind::Mutation),
        World::echo(),
    );
    assert_eq!(world.seen, ["a", "b", "c"]);
    // A failing one is an unhandled rejection.
    let bundle = app("export const f = mutation(async () => { call('insert'); return 1; });");
    let world = World::new(|_, _| developer("invalid value", None));
    let (outcome, _) = run_on(
        host(),
        invocation(&bundle, "f", FunctionKind::Mutation),
        world,
    );
    assert!(
        error(&outcome).starts_with("Uncaught Error: invalid value"),
        "{outcome:?}"
    );
}

#[test]
fn a_rejecting_handler_drops_what_it_left() {
    let bundle = app(
        "export const f = mutation(async () => { call('a').then(() => call('never')); await call('b'); throw new Error('x'); });",
    );
    let (outcome, world) = run_on(
        host(),
        invocation(&bundle, "f", FunctionKind::Mutation),
        World::echo(),
    );
    assert!(error(&outcome).starts_with("Uncaught Error: x"));
    assert_eq!(world.seen, ["a", "b"]);
}

#[test]
fn s037_a_promise_that_never_resolves() {
    let outcome = query(&app("export const f = query(() => new Promise(() => {}));"));
    assert_eq!(error(&outcome), "Returned promise will never resolve");
    let out = eval("return await Promise.race([new Promise(() => {}), call('x', {ok: true})]);");
    assert_eq!(out, serde_json::json!({"ok": true}));
}

#[test]
fn missing_things_and_wrong_kinds_are_named() {
    let bundle = app(
        "export const f = query(() => 1); export const g = 5; export default mutation(() => 2);",
    );
    let run = |function: &str, kind| {
        error(&run_on(host(), invocation(&bundle, function, kind), World::echo()).0)
    };
    assert!(
        run("nope", FunctionKind::Query).starts_with("Couldn't find \"nope\" in module \"a.js\".")
    );
    assert_eq!(
        run("f", FunctionKind::Mutation),
        "Trying to execute a.js:f as Mutation, but it is defined as Query."
    );
    assert!(run("g", FunctionKind::Query).contains("is not a Convex function"));
    let mut call = invocation(&bundle, "f", FunctionKind::Query);
    call.module = "gone.js".to_owned();
    assert!(
        error(&run_on(host(), call, World::echo()).0)
            .starts_with("Couldn't find JavaScript module 'gone.js'")
    );
    let (outcome, _) = run_on(
        host(),
        invocation(&bundle, "default", FunctionKind::Mutation),
        World::echo(),
    );
    assert_eq!(value(&outcome), 2);
}

fn nesting(depth: usize, inner: &'static str) -> (lentil_js::CallOutcome, World) {
    let bundle = app(&format!(
        "let counter = 0;
         export const f = mutation(async ({{left}}) => {{
           counter += 1;
           if (left === 0) {{ {inner} }}
           const [before, below, after] =
             await Promise.all([call('before', {{left}}), call('1.0/runUdf', {{left: left - 1}}), call('after', {{left}})]);
           return [counter, Date.now(), below];
         }});",
    ));
    let mut call = invocation(&bundle, "f", FunctionKind::Mutation);
    call.args = format!("[{{\"left\": {depth}}}]");
    let template = call.clone();
    let world = World::new(move |op, args| match op {
        "1.0/runUdf" => {
            let mut nested = template.clone();
            nested.args = format!("[{args}]");
            Reply::Nested(Box::new(nested))
        }
        _ => Reply::Value(args.to_owned()),
    });
    run_on(host(), call, world)
}

#[test]
fn s041_nested_calls_run_in_their_own_realm_at_the_same_time() {
    let (outcome, world) = nesting(3, "return 'deep';");
    let now = serde_json::json!(NOW as u64);
    assert_eq!(
        value(&outcome),
        serde_json::json!([1, now, [1, now, [1, now, "deep"]]])
    );
    assert_eq!(world.nested.len(), 3);
    let expected: Vec<&str> = ["before", "1.0/runUdf"]
        .repeat(3)
        .into_iter()
        .chain(["after"; 3])
        .collect();
    assert_eq!(world.seen, expected);
}

#[test]
fn errors_of_nested_calls_reach_the_caller() {
    let (outcome, _) = nesting(
        1,
        "throw Object.assign(new Error('inner'), {[Symbol.for('ConvexError')]: true, ConvexErrorSymbol: Symbol.for('ConvexError'), data: '{\"code\":7}'});",
    );
    let CallResult::Error(error) = &outcome.result else {
        panic!("{outcome:?}")
    };
    assert!(
        error
            .rendered
            .starts_with("Uncaught Error: Uncaught Error: inner"),
        "{}",
        error.rendered
    );
    assert_eq!(
        error.data, None,
        "the test's handler does not rethrow a ConvexError"
    );
}

#[test]
fn a_nested_call_that_loops_ends_the_whole_tree() {
    let (outcome, world) = nesting(2, "for (;;) {}");
    assert_eq!(
        outcome.result,
        CallResult::Timeout("Function execution timed out (maximum duration: 1s)".to_owned())
    );
    assert_eq!(
        world.nested.len(),
        2,
        "every nested call is finished exactly once"
    );
}

#[test]
fn a_system_error_cannot_be_caught_and_costs_nothing_else() {
    let bundle = app(
        "export const f = mutation(async () => { try { await call('x'); } catch {} call('y'); return 1; });
         export const g = mutation(async () => { try { now('x'); } catch {} return 1; });",
    );
    for function in ["f", "g"] {
        let world = World::new(|_, _| {
            Reply::Error(SyscallError::System {
                message: "disk on fire".to_owned(),
            })
        });
        let (outcome, world) = run_on(
            host(),
            invocation(&bundle, function, FunctionKind::Mutation),
            world,
        );
        assert_eq!(
            outcome.result,
            CallResult::System("disk on fire".to_owned())
        );
        assert_eq!(world.seen.len(), 1);
        let (outcome, _) = run_on(
            host(),
            invocation(&bundle, "f", FunctionKind::Mutation),
            World::echo(),
        );
        assert_eq!(value(&outcome), 1);
    }
}

#[test]
fn s078_frames_point_into_the_source() {
    let source = "\n\nasync function inner() {\n  await call('x');\n  throw new TypeError('boom');\n}\nexport const f = query(async () => {\n  await inner();\n});\n";
    let outcome = query(&app(source));
    // What follows are the frames of the test's own little SDK.
    let expected = "Uncaught TypeError: boom\n    at inner (../convex/a.js:5:9)\n    at async ../convex/a.js:8:3\n";
    assert!(error(&outcome).starts_with(expected), "{}", error(&outcome));
}

#[test]
fn s079_anything_can_be_thrown() {
    let thrown = [
        ("throw 'a string'", "Uncaught a string"),
        ("throw null", "Uncaught null"),
        ("throw undefined", "Uncaught undefined"),
        ("throw 42n", "Uncaught 42"),
        ("throw Symbol('s')", "Uncaught Symbol(s)"),
        ("throw {a: 1}", "Uncaught [object Object]"),
        ("throw {toString() { throw 1 }}", "Uncaught #<Object>"),
        ("throw Object.create(null)", "Uncaught #<Object>"),
        ("throw () => {}", "Uncaught #<Function>"),
        (
            "throw new Proxy({}, {get() { throw 1 }, getPrototypeOf() { throw 2 }})",
            "Uncaught #<Object>",
        ),
        (
            "throw new Proxy(new Error('p'), {get() { throw 1 }})",
            "Uncaught Error",
        ),
        (
            "const e = new Error('x'); Object.defineProperty(e, 'stack', {get() { throw 1 }}); throw e",
            "Uncaught Error: x",
        ),
        (
            "const e = new Error('x'); Object.defineProperty(e, 'message', {get() { throw 1 }}); e.stack = 5; throw e",
            "Uncaught Error",
        ),
    ];
    for (body, expected) in thrown {
        let outcome = query(&app(&format!(
            "export const f = query(async () => {{ {body} }});"
        )));
        assert_eq!(error(&outcome), expected, "{body}");
    }
    let outcome = query(&app(
        "export const f = query(async () => { throw new Error('x'.repeat(200000)); });",
    ));
    let text = error(&outcome);
    assert!(
        text.starts_with("Uncaught Error: xxx") && text.len() <= 66_000,
        "{}",
        text.len()
    );
    let outcome = query(&app(
        "export const f = query(async () => { await null; Promise.reject(new Error('lost')); return 1; });",
    ));
    assert!(
        error(&outcome).starts_with("Uncaught Error: lost\n    at "),
        "{outcome:?}"
    );
}

#[test]
fn s077_convex_errors_carry_their_data() {
    let outcome = query(&app(
        "class ConvexError extends Error {
           constructor(data) { super(JSON.stringify(data)); this.name = 'ConvexError'; this.data = JSON.stringify(data); this[Symbol.for('ConvexError')] = true; this.ConvexErrorSymbol = Symbol.for('ConvexError'); }
         }
         export const f = query(async () => { throw new ConvexError({code: 7}); });",
    ));
    let CallResult::Error(error) = &outcome.result else {
        panic!("{outcome:?}")
    };
    assert!(
        error
            .rendered
            .starts_with("Uncaught ConvexError: {\"code\":7}\n    at "),
        "{}",
        error.rendered
    );
    assert_eq!(error.data.as_deref(), Some("{\"code\":7}"));
}

#[test]
fn import_time_errors_fail_the_call() {
    let outcome = query(&app(
        "export const f = query(() => 1);\nthrow new Error('at import');",
    ));
    assert_eq!(
        error(&outcome),
        "Uncaught Error: at import\n    at ../convex/a.js:2:7\n"
    );
    for (body, expected) in [
        (
            "Convex.syscall('1.0/queryStream', '{}');",
            "Can't use the database at import time",
        ),
        (
            "setTimeout(() => {}, 1);",
            "Can't use setTimeout at import time",
        ),
        ("fetch('http://x');", "Can't use fetch() at import time"),
    ] {
        let outcome = query(&app(&format!("export const f = query(() => 1); {body}")));
        assert!(error(&outcome).contains(expected), "{outcome:?}");
    }
}
