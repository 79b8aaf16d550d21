//! Memory comes back: what pushes and bursts take is gone when they are over. `LENTIL_LONG=1` has
//! 500 pushes and 200 queries at once.

#![allow(clippy::unwrap_used)] // A test that cannot be set up has failed.
#![cfg(target_os = "linux")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use lentil_js::{Bundle, CallResult, FunctionKind, Host, HostOptions, Realms};

mod support;
use support::{IMPORT_TIME, SDK, World, app, children, invocation, module, options, runtime};

/// Executors give memory back when they have had nothing to do for so long.
const TRIM_AFTER: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(60);

/// Memory of its own that a process has, MiB.
fn resident(pid: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

/// This process, which stands for the server, and one of its executors.
fn memory() -> (f64, f64) {
    let executors = children();
    let all: f64 = executors.iter().map(|pid| resident(pid)).sum();
    (resident("self"), all / executors.len().max(1) as f64)
}

fn row(what: &str) {
    let (server, executor) = memory();
    println!("| {what} | {server:.1} | {executor:.1} |");
}

/// Lets executors rest until they have given memory back; what there is then.
fn rested(what: &str) -> (f64, f64) {
    // Nothing tells when a process has given memory back.
    std::thread::sleep(TRIM_AFTER + Duration::from_secs(3));
    println!("| after | server, MiB | an executor, MiB |\n|---|---|---|");
    row(what);
    memory()
}

/// Waits until both are within a tenth of what they were. The server is small, and may keep what
/// an allocator does.
fn returns_to(what: &str, before: (f64, f64)) {
    let server = 6.0;
    let fits = |now: (f64, f64)| now.0 <= before.0 * 1.1 + server && now.1 <= before.1 * 1.1;
    let begun = Instant::now();
    while !fits(memory()) {
        assert!(
            begun.elapsed() < PATIENCE,
            "after {what} server and an executor have {:?} MiB instead of {before:?}",
            memory()
        );
        std::thread::sleep(Duration::from_millis(250));
    }
    row(what);
}

fn is_long() -> bool {
    std::env::var_os("LENTIL_LONG").is_some_and(|it| !it.is_empty())
}

fn watched(executors: usize, idle_after: Duration) -> Host {
    Host::start(HostOptions {
        executors,
        idle_after,
        queue: 512,
        realms: Realms::Watched,
        user_time: Duration::from_secs(10),
        ..options()
    })
    .unwrap()
}

/// A bundle of so many bytes, unlike all others.
fn bundle(number: usize, bytes: usize) -> Arc<Bundle> {
    let mut text = format!(
        "import {{ query }} from './_deps/sdk.js'; export const f = query(() => {number});\n"
    );
    let mut at = 0;
    while text.len() < bytes {
        text.push_str(&format!("export const g{at} = (o) => {{ const x = {{ a: o?.a ?? '{number}', b: [{at}] }}; x.b.push(x.a); return x; }};\n"));
        at += 1;
    }
    Arc::new(
        Bundle::link(
            vec![module("a.js", &text), module("_deps/sdk.js", SDK)],
            [7; 32],
            IMPORT_TIME,
        )
        .unwrap(),
    )
}

fn push(host: &Host, number: usize, bytes: usize) {
    let bundle = bundle(number, bytes);
    runtime()
        .block_on(host.analyze(bundle.clone(), Arc::default()))
        .unwrap();
    for _ in 0..4 {
        let call = host.call(invocation(&bundle, "f", FunctionKind::Query), World::echo());
        let (outcome, _) = runtime()
            .block_on(call)
            .unwrap_or_else(|_| panic!("refused"));
        assert_eq!(outcome.result, CallResult::Value(number.to_string()));
    }
}

#[test]
fn pushes_leave_no_memory_behind() {
    let (count, bytes) = if is_long() {
        (500, 2_000_000)
    } else {
        (20, 400_000)
    };
    let host = watched(1, Duration::from_secs(600));
    (0..10).for_each(|number| push(&host, number, bytes));
    let before = rested(&format!("10 pushes of {bytes} bytes, idle"));
    for number in 1..=count {
        push(&host, 10 + number, bytes);
        if number % 50 == 0 || number == count {
            row(&format!("{number} more, busy"));
        }
    }
    returns_to(&format!("{count} more, idle"), before);
}

/// Nobody has time to rest between these, and each is dropped only when there is no room left.
#[test]
fn pushes_one_after_another_leave_a_call_what_it_was_promised() {
    let host = Host::start(HostOptions {
        heap_mib: 8,
        user_time: Duration::from_secs(10),
        ..options()
    })
    .unwrap();
    (0..18).for_each(|number| push(&host, number, 1_000_000));
    assert_eq!(host.stats().lost, 0);
}

/// A query that makes 200,000 objects.
const HEAVY: &str = "export const collector = query(async () => [typeof gc, 'gc' in globalThis]); export const heavy = query(async () => { const all = []; for (let i = 0; i < 2e5; i++) all.push({ i, text: 'x' + i }); return all.length; });";

/// By itself or, if that leaves it a little larger, by another process in its place.
#[test]
fn an_executor_gives_back_what_heavy_queries_took() {
    let host = watched(1, Duration::from_secs(600));
    let bundle = app(HEAVY);
    let call = |function: &str, count: usize, result: &str| {
        for _ in 0..count {
            let query = invocation(&bundle, function, FunctionKind::Query);
            let called = runtime().block_on(host.call(query, World::echo()));
            let (outcome, _) = called.unwrap_or_else(|(_, refused)| panic!("{refused}"));
            assert_eq!(outcome.result, CallResult::Value(result.to_owned()));
        }
    };
    call("heavy", 3, "200000");
    let before = rested("3 heavy queries, idle");
    // What collects its garbage is at nobody's hand, neither in fresh contexts nor in kept ones.
    call("collector", 6, r#"["undefined",false]"#);
    call("heavy", 60, "200000");
    row("60 more, busy");
    returns_to("60 more, idle", before);
}

#[test]
fn a_burst_of_heavy_queries_leaves_no_memory_behind() {
    let host = watched(2, Duration::from_secs(600));
    let bundle = app(HEAVY);
    let call = |function: &str| {
        host.call(
            invocation(&bundle, function, FunctionKind::Query),
            World::echo(),
        )
    };
    let all = |function: &'static str, count: usize| {
        let calls = (0..count).map(|_| call(function));
        for done in runtime().block_on(join_all(calls)) {
            let (outcome, _) = done.unwrap_or_else(|(_, refused)| panic!("{refused}"));
            assert!(
                matches!(outcome.result, CallResult::Value(_)),
                "{outcome:?}"
            );
        }
    };
    all("heavy", 8);
    let before = rested("8 heavy queries, idle");
    let count = if is_long() { 200 } else { 40 };
    all("heavy", count);
    row(&format!("{count} at once, busy"));
    returns_to(&format!("{count} at once, idle"), before);
}

#[test]
fn executors_with_nothing_to_do_go_away() {
    let host = watched(2, Duration::from_millis(300));
    let bundle = app("export const f = query(async () => 1);");
    for _ in 0..2 {
        let calls =
            (0..4).map(|_| host.call(invocation(&bundle, "f", FunctionKind::Query), World::echo()));
        for done in runtime().block_on(join_all(calls)) {
            assert!(done.is_ok());
        }
        let begun = Instant::now();
        while !children().is_empty() {
            assert!(begun.elapsed() < PATIENCE, "{:?}", children());
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(host.stats().executors, 0);
    }
}

#[test]
fn the_setting_for_memory_is_kept() {
    let hungry = app(
        "export const f = query(async () => { const all = []; for (let i = 0; i < 24; i++) all.push(new Array(5e5).fill(i)); return all.length; });",
    );
    for (heap_mib, enough) in [(16, false), (256, true)] {
        let host = Host::start(HostOptions {
            heap_mib,
            user_time: Duration::from_secs(10),
            ..options()
        })
        .unwrap();
        let call = host.call(invocation(&hungry, "f", FunctionKind::Query), World::echo());
        let (outcome, _) = runtime()
            .block_on(call)
            .unwrap_or_else(|_| panic!("refused"));
        let kept = match outcome.result {
            CallResult::Value(text) => text == "24",
            CallResult::OutOfMemory(text) => !text.contains(&format!("{heap_mib} MB")),
            other => panic!("{other:?}"),
        };
        assert_eq!(kept, enough, "with {heap_mib} MiB");
    }
}
