//! Node actions: all of Node, shared modules, and what one call may cost the others.

#![allow(clippy::unwrap_used)] // A test that cannot be set up has failed.

#[path = "node_actions/files.rs"]
mod files;
mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lentil_js::{
    ActionOptions, ActionOutcome, ActionSyscalls, AnalyzeError, AnalyzedModule, Answer, Bundle,
    CallResult, FunctionKind, Host, HostOptions, Invocation, LogLevel, ModuleEnvironment,
    ModuleSource, NodeOptions, SyscallError,
};
use support::*;
use tokio::sync::Notify;

/// Answers `hold` when it is released, `data` with an error that has data, all else with the arguments.
#[derive(Default)]
struct Outside {
    release: Notify,
    held: Notify,
}

impl ActionSyscalls for Outside {
    fn call(self: Arc<Self>, op: String, args: String) -> Answer {
        Box::pin(async move {
            match op.as_str() {
                "data" => Err(SyscallError::Developer {
                    message: "with data".to_owned(),
                    data: Some(r#"{"code":7}"#.to_owned()),
                }),
                "hold" => {
                    self.held.notify_one();
                    self.release.notified().await;
                    Ok(args)
                }
                "never" => std::future::pending().await,
                _ => Ok(args),
            }
        })
    }
}

/// One process, so that calls meet in it.
fn limits() -> ActionOptions {
    ActionOptions {
        processes: 1,
        ..NodeOptions::default().actions
    }
}

fn host_in(folder: Option<&Path>, actions: ActionOptions) -> Host {
    Host::start(HostOptions {
        node_actions: NodeOptions {
            folder: folder.map(Path::to_owned),
            actions,
            ..NodeOptions::default()
        },
        ..options()
    })
    .unwrap()
}

fn node_host() -> Host {
    host_in(None, limits())
}

/// Node modules, and the little SDK as their chunk.
fn node_modules(modules: &[(&str, &str)]) -> Arc<Bundle> {
    let sdk = std::iter::once(("_deps/node/sdk.js", SDK));
    let sources = modules
        .iter()
        .copied()
        .chain(sdk)
        .map(|(path, source)| ModuleSource {
            environment: ModuleEnvironment::Node,
            ..module(path, source)
        });
    Arc::new(Bundle::link(sources.collect(), [7; 32], IMPORT_TIME).unwrap())
}

/// One Node module `a.js`.
fn node_app(source: &str) -> Arc<Bundle> {
    let source = format!(
        "import {{query, mutation, action, call, now}} from './_deps/node/sdk.js';{source}"
    );
    node_modules(&[("a.js", &source)])
}

async fn act_with(host: &Host, call: Invocation, world: &Arc<Outside>) -> ActionOutcome {
    host.action(&call, world.clone()).await.unwrap()
}

async fn act(host: &Host, bundle: &Arc<Bundle>, name: &str) -> ActionOutcome {
    let call = invocation(bundle, name, FunctionKind::Action);
    act_with(host, call, &Arc::default()).await
}

/// What an action with this body returns.
async fn evaluate(body: &str) -> serde_json::Value {
    let bundle = node_app(&format!(
        "export const f = action(async () => {{ {body} }});"
    ));
    json(&act(&node_host(), &bundle, "f").await)
}

fn json(outcome: &ActionOutcome) -> serde_json::Value {
    match &outcome.result {
        CallResult::Value(text) => serde_json::from_str(text).unwrap(),
        other => panic!("expected a value, got {other:?}"),
    }
}

fn thrown(outcome: &ActionOutcome) -> &str {
    match &outcome.result {
        CallResult::Error(error) => &error.rendered,
        other => panic!("expected an error, got {other:?}"),
    }
}

fn lines(outcome: &ActionOutcome) -> Vec<(LogLevel, String)> {
    let lines = outcome.logs.iter();
    lines
        .map(|line| (line.level, line.messages.join(" ")))
        .collect()
}

/// Starts a call that holds until it is released, and waits until it does.
async fn begin(
    host: &Host,
    bundle: &Arc<Bundle>,
    name: &str,
) -> (Arc<Outside>, tokio::task::JoinHandle<ActionOutcome>) {
    let world = Arc::new(Outside::default());
    let call = invocation(bundle, name, FunctionKind::Action);
    let (host, outside) = (host.clone(), world.clone());
    let run = tokio::spawn(async move { act_with(&host, call, &outside).await });
    world.held.notified().await;
    (world, run)
}

const HOLD: &str =
    "export const holds = action(async () => { await call('hold'); return 'held'; });";

#[tokio::test]
async fn all_of_node_is_there() {
    let all = evaluate(
        r#"
        const fs = require("fs"), os = require("os"), path = require("node:path"), net = require("net");
        const { execFileSync } = await import("node:child_process");
        const file = path.join(os.tmpdir(), "mine.txt");
        fs.writeFileSync(file, "written");
        fs.writeFileSync("beside.txt", "here");
        const server = net.createServer((socket) => socket.end("hello")).listen(0, "127.0.0.1");
        await new Promise((resolve) => server.once("listening", resolve));
        const socket = net.connect(server.address().port, "127.0.0.1");
        let said = "";
        for await (const part of socket) said += part;
        server.close();
        const child = execFileSync(process.execPath, ["-p", "process.env.MINE + process.cwd()"], { encoding: "utf8" });
        return [
          fs.readFileSync(file, "utf8"), said, child.trim() === "undefined" + process.cwd(), os.tmpdir() === process.cwd(),
          typeof Buffer, typeof __dirname, typeof __filename, typeof module, typeof exports, typeof crypto.subtle,
          typeof globalThis.fs, new Function("return 7")(), Object.keys(process.env).sort(),
          (await new Blob(["x"]).text()) + new URL("http://a/b").pathname,
        ];
        "#,
    )
    .await;
    let env = ["HOME", "LANG", "PATH", "PWD", "TMPDIR", "TZ"];
    assert_eq!(
        all,
        serde_json::json!([
            "written",
            "hello",
            true,
            true,
            "function",
            "string",
            "string",
            "object",
            "object",
            "object",
            "undefined",
            7,
            env,
            "x/b"
        ])
    );
}

#[tokio::test]
async fn requests_are_answered_and_errors_carry_data() {
    let bundle = node_app(
        "export const f = action(async () => {
           const both = await Promise.all([call('echo', {n: 1}), call('echo', {n: 2})]);
           try { await call('data'); } catch (e) { return [both, e.message, e.data]; }
         });
         export const throws = action(async () => {
           const mark = Symbol.for('ConvexError');
           throw Object.assign(new Error('no'), {[mark]: true, ConvexErrorSymbol: mark, data: '{\"code\":7}'});
         });",
    );
    let host = node_host();
    let outcome = act(&host, &bundle, "f").await;
    assert_eq!(
        json(&outcome),
        serde_json::json!([[{"n": 1}, {"n": 2}], "with data", {"code": 7}])
    );
    let outcome = act(&host, &bundle, "throws").await;
    assert!(
        matches!(&outcome.result, CallResult::Error(error) if error.data.as_deref() == Some(r#"{"code":7}"#)),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn s080_module_state_stays_in_a_warm_process_and_an_exit_fails_one_call() {
    let bundle = node_app(&format!(
        "let n = 0; export const count = action(async () => ++n);
         export const exits = action(async () => {{ process.exit(1); }}); {HOLD}"
    ));
    let host = node_host();
    for n in 1..=3 {
        assert_eq!(json(&act(&host, &bundle, "count").await), n);
    }
    let (world, held) = begin(&host, &bundle, "holds").await;
    let outcome = act(&host, &bundle, "exits").await;
    let text = thrown(&outcome);
    assert!(
        text.starts_with("Uncaught Error: process.exit(1) was called"),
        "{text}"
    );
    world.release.notify_one();
    assert_eq!(json(&held.await.unwrap()), "held");
    assert_eq!(json(&act(&host, &bundle, "count").await), 1);
}

#[tokio::test]
async fn what_nobody_catches_fails_the_call_that_it_is_of() {
    let bundle = node_app(&format!(
        "export const rejects = action(async () => {{
           Promise.reject(new RangeError('nobody waits')); await call('never');
         }});
         export const late = action(async () => {{
           setTimeout(() => {{ throw new Error('in a timer'); }}, 1); await call('never');
         }}); {HOLD}"
    ));
    let host = node_host();
    for (name, says) in [
        ("rejects", "Uncaught unhandledRejection: nobody waits\n"),
        ("late", "Uncaught uncaughtException: in a timer\n"),
    ] {
        let (world, held) = begin(&host, &bundle, "holds").await;
        let outcome = act(&host, &bundle, name).await;
        let text = thrown(&outcome);
        assert!(
            text.starts_with(says) && text.contains("../convex/a.js:"),
            "{text}"
        );
        world.release.notify_one();
        assert_eq!(json(&held.await.unwrap()), "held");
    }
}

#[tokio::test]
async fn a_crash_loses_its_process_and_another_takes_over() {
    let bundle = node_app(
        "export const dies = action(async () => { process.kill(process.pid, 'SIGKILL'); await call('never'); });
         export const f = action(async () => 'well');",
    );
    let host = node_host();
    let outcome = act(&host, &bundle, "dies").await;
    let text = thrown(&outcome);
    assert!(
        text.starts_with(
            "The process that ran this action was lost: it ended unexpectedly (signal: 9"
        ),
        "{text}"
    );
    assert_eq!(json(&act(&host, &bundle, "f").await), "well");
    assert_eq!(host.stats().lost, 1);
}

#[tokio::test]
async fn memory_ends_the_process_and_another_takes_over() {
    let bundle = node_app(
        "export const eats = action(async () => { const all = []; for (;;) all.push(new Array(1e6).fill({})); });
         export const f = action(async () => 'well');",
    );
    let host = host_in(
        None,
        ActionOptions {
            heap_mib: 64,
            ..limits()
        },
    );
    let outcome = act(&host, &bundle, "eats").await;
    assert!(
        matches!(&outcome.result, CallResult::OutOfMemory(text) if text.contains("64 MB")),
        "{outcome:?}"
    );
    assert_eq!(json(&act(&host, &bundle, "f").await), "well");
}

#[tokio::test]
async fn a_loop_ends_with_its_process() {
    let bundle = node_app(
        "export const loops = action(async () => { for (;;); }); export const f = action(async () => 'well');",
    );
    let blocking = Duration::from_secs(1);
    let host = host_in(
        None,
        ActionOptions {
            blocking,
            ..limits()
        },
    );
    let outcome = act(&host, &bundle, "loops").await;
    assert!(
        matches!(&outcome.result, CallResult::Timeout(text) if text.contains("1s without awaiting anything")),
        "{outcome:?}"
    );
    assert_eq!(json(&act(&host, &bundle, "f").await), "well");
}

#[tokio::test]
async fn one_that_takes_too_long_is_given_up_with_its_process() {
    let bundle = node_app(
        "let n = 0; export const slow = action(async () => { n = 5; await call('never'); });
         export const count = action(async () => ++n);",
    );
    let time = Duration::from_millis(1_500);
    let host = host_in(None, ActionOptions { time, ..limits() });
    let outcome = act(&host, &bundle, "slow").await;
    let text = "Action `a:slow` execution timed out (maximum duration 1.5s)".to_owned();
    assert_eq!(outcome.result, CallResult::Timeout(text));
    assert_eq!(json(&act(&host, &bundle, "count").await), 1);
}

#[tokio::test]
async fn children_end_with_their_process() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let bundle = node_app(&format!(
        "export const f = action(async () => {{
           const script = 'exec 3>\"$0\"; echo up; exec sleep 1000';
           const child = require('child_process').spawn('sh', ['-c', script, {pipe:?}], {{stdio: ['ignore', 'pipe', 'ignore']}});
           return await new Promise((resolve) => child.stdout.once('data', (said) => resolve(String(said))));
         }});"
    ));
    let host = node_host();
    // Reading begins when the child has opened the pipe, and ends when nobody has it open.
    let ended = tokio::task::spawn_blocking(move || std::fs::read(pipe));
    assert_eq!(json(&act(&host, &bundle, "f").await), "up\n");
    assert!(!ended.is_finished());
    host.shutdown().await;
    let ended = tokio::time::timeout(Duration::from_secs(20), ended).await;
    assert_eq!(ended.expect("the child ends").unwrap().unwrap(), b"");
}

#[tokio::test]
async fn lines_arrive_as_node_prints_them() {
    let bundle = node_app(
        r#"export const f = action(async () => {
             console.log("text", { a: [1, { b: new Map([[1, 2]]) }] }, 7n);
             console.warn("careful"); console.error(new Error("seen").message); console.debug(null); console.info(undefined);
             console.table([{ a: 1 }]); console.time(); console.timeEnd();
             process.stdout.write("written\n"); process.stderr.write("complained");
             await call("echo");
             console.log("after");
           });
           export const many = action(async () => { for (let i = 0; i < 300; i++) console.log("x".repeat(40000)); });"#,
    );
    let host = node_host();
    let seen = lines(&act(&host, &bundle, "f").await);
    let expected = [
        (LogLevel::Log, "'text' { a: [ 1, { b: [Map] } ] } 7n"),
        (LogLevel::Warn, "'careful'"),
        (LogLevel::Error, "'seen'"),
        (LogLevel::Debug, "null"),
        (LogLevel::Info, "undefined"),
    ];
    for ((level, text), (seen_level, seen_text)) in expected.iter().zip(&seen) {
        assert_eq!((level, *text), (seen_level, seen_text.as_str()));
    }
    assert!(seen[5].1.contains("(index)"), "{seen:?}");
    assert!(
        seen[6].0 == LogLevel::Info && seen[6].1.starts_with("default: "),
        "{seen:?}"
    );
    let rest: Vec<&str> = seen[7..].iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(rest, ["written", "complained", "'after'"]);

    let seen = act(&host, &bundle, "many").await.logs;
    assert!(seen[0].is_truncated && seen[0].messages[0].ends_with(" (truncated due to length)"));
    assert!(seen.len() < 40, "a million characters: {}", seen.len());
    assert!(seen.last().unwrap().messages[0].starts_with("Log overflow"));
}

#[tokio::test]
async fn stacks_name_the_source_and_not_this_machine() {
    let bundle = node_modules(&[
        (
            "dir/a.js",
            "import {action} from '../_deps/node/sdk.js';
import {deep} from '../_deps/node/deep.js';
export const f = action(async () => {
  await deep();
});",
        ),
        (
            "_deps/node/deep.js",
            "export async function deep() {\n  await null;\n  throw new TypeError('below');\n}",
        ),
    ]);
    let call = Invocation {
        module: "dir/a.js".to_owned(),
        ..invocation(&bundle, "f", FunctionKind::Action)
    };
    let outcome = act_with(&node_host(), call, &Arc::default()).await;
    let text = thrown(&outcome);
    assert!(
        text.starts_with(
            "Uncaught TypeError: below\n    at deep (../convex/_deps/node/deep.js:3:9)\n    at async ../convex/dir/a.js:4:3\n"
        ),
        "{text}"
    );
    assert!(!text.contains("file:"), "{text}");
    let seen = evaluate("return new Error('mine').stack;").await;
    let seen = seen.as_str().unwrap();
    assert!(
        seen.starts_with("Error: mine\n    at") && seen.contains("convex:/a.js:1:"),
        "{seen}"
    );
    assert!(!seen.contains("file:"), "{seen}");
}

#[tokio::test]
async fn processes_with_nothing_to_do_end() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let bundle = node_app(&format!(
        "let n = 0; export const f = action(async () => {{ require('fs').openSync({pipe:?}, 'w'); return ++n; }});
         export const g = action(async () => ++n);"
    ));
    let host = Host::start(HostOptions {
        idle_after: Duration::from_millis(300),
        ..options()
    })
    .unwrap();
    let ended = tokio::task::spawn_blocking(move || std::fs::read(pipe));
    assert_eq!(json(&act(&host, &bundle, "f").await), 1);
    let ended = tokio::time::timeout(Duration::from_secs(20), ended).await;
    assert_eq!(ended.expect("the process ends").unwrap().unwrap(), b"");
    assert_eq!(json(&act(&host, &bundle, "g").await), 1);
    assert_eq!(host.stats().lost, 0);
}

#[tokio::test]
async fn calls_of_code_that_was_replaced_run_to_their_end() {
    let bundle = node_app(HOLD);
    let host = node_host();
    let (world, held) = begin(&host, &bundle, "holds").await;
    for n in 0..5 {
        let next = node_app(&format!("export const f = action(async () => {n});"));
        assert_eq!(json(&act(&host, &next, "f").await), n);
    }
    world.release.notify_one();
    assert_eq!(json(&held.await.unwrap()), "held");

    let (_, held) = begin(&host, &bundle, "holds").await;
    for n in 0..5 {
        let next = node_app(&format!("export const f = action(async () => {n});"));
        act(&host, &next, "f").await;
    }
    host.shutdown().await;
    assert!(matches!(held.await.unwrap().result, CallResult::System(_)));
}

#[tokio::test]
async fn what_is_left_over_is_warned_of_and_refused() {
    let bundle = node_app(
        "let kept; let later;
         export const leaves = action(async () => {
           void call('1.0/actions/mutation'); void call('1.0/actions/mutation'); void call('1.0/actions/query');
           kept = () => call('echo'); later = new Promise((resolve) => setTimeout(() => resolve(kept()), 1)).catch((e) => e.message);
         });
         export const takes = action(async () => {
           const stale = await Convex.asyncSyscall('echo', JSON.stringify({requestId: '1-gone'})).catch((e) => e.message);
           return [stale, await later];
         });",
    );
    let host = node_host();
    let outcome = act(&host, &bundle, "leaves").await;
    let seen = lines(&outcome);
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert!(
        seen[0]
            .1
            .starts_with("You have an outstanding mutation call. "),
        "{seen:?}"
    );
    assert!(
        seen[1]
            .1
            .starts_with("You have an outstanding query call. "),
        "{seen:?}"
    );
    assert_eq!(seen[0].0, LogLevel::Warn);
    let left = json(&act(&host, &bundle, "takes").await);
    for text in left.as_array().unwrap() {
        assert!(
            text.as_str()
                .unwrap()
                .starts_with("Leftover state detected"),
            "{left}"
        );
    }
}

#[tokio::test]
async fn another_environment_means_another_process() {
    let bundle = node_app(
        "const at = process.env.MINE; let n = 0;
         export const f = action(async () => [at, process.env.MINE, ++n, process.env.CONVEX_CLOUD_URL]);",
    );
    let host = node_host();
    let with = |value: &str| Invocation {
        env: env(&[("MINE", value), ("CONVEX_CLOUD_URL", "http://here")]),
        ..invocation(&bundle, "f", FunctionKind::Action)
    };
    for (value, n) in [("a\nb", 1), ("a\nb", 2), ("c", 1), ("a\nb", 3)] {
        let outcome = act_with(&host, with(value), &Arc::default()).await;
        assert_eq!(
            json(&outcome),
            serde_json::json!([value, value, n, "http://here"])
        );
    }
}

#[tokio::test]
async fn s080_arguments_have_a_limit_of_their_own() {
    let bundle = node_app("export const f = action(async (text) => text.length);");
    let sized = |bytes: usize| Invocation {
        args: format!("[\"{}\"]", "x".repeat(bytes - 4)),
        ..invocation(&bundle, "f", FunctionKind::Action)
    };
    let host = node_host();
    let outcome = act_with(&host, sized(5 << 20), &Arc::default()).await;
    assert_eq!(json(&outcome), (5 << 20) - 4);
    let outcome = act_with(&host, sized((5 << 20) + 1), &Arc::default()).await;
    assert!(
        thrown(&outcome).starts_with("ArgsTooLarge: the arguments of a:f have 5242881 bytes"),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn code_that_was_changed_on_disk_does_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = node_app(
        "export const f = action(async () => 'mine');
         export const dies = action(async () => { process.kill(process.pid, 'SIGKILL'); await call('never'); });",
    );
    let host = host_in(Some(folder.path()), limits());
    assert_eq!(json(&act(&host, &bundle, "f").await), "mine");
    let bundles = std::fs::read_dir(folder.path().join("bundles")).unwrap();
    let bundles: Vec<_> = bundles.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(bundles.len(), 1);
    let file = bundles[0].join("a.js");
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, "export const f = 'evil';").unwrap();
    thrown(&act(&host, &bundle, "dies").await);
    assert_eq!(json(&act(&host, &bundle, "f").await), "mine");
    assert!(std::fs::read_to_string(&file).unwrap().contains("'mine'"));
}

async fn analyze(bundle: &Arc<Bundle>) -> Result<BTreeMap<String, AnalyzedModule>, AnalyzeError> {
    node_host()
        .analyze(bundle.clone(), env(&[("MINE", "set")]))
        .await
}

#[tokio::test]
async fn modules_are_analysed_in_node() {
    let bundle = node_app(
        "import fs from 'node:fs';
if (process.env.MINE !== 'set') throw new Error('no environment');
export const first = action(async () => fs.constants, {isPublic: undefined, isInternal: true});
export const second = action(async () => 2, {exportArgs: () => '{\"type\":\"object\",\"value\":{}}'});
export const other = 5;",
    );
    let modules = analyze(&bundle).await.unwrap();
    assert_eq!(modules.keys().collect::<Vec<_>>(), ["a.js"]);
    let functions = &modules["a.js"].functions;
    let seen: Vec<_> = functions
        .iter()
        .map(|f| {
            (
                f.name.as_str(),
                f.kind,
                f.public,
                f.pos.as_ref().unwrap().start_lineno,
            )
        })
        .collect();
    let kind = FunctionKind::Action;
    assert_eq!(
        seen,
        [
            ("first", kind, Some(false), 2),
            ("second", kind, Some(true), 3)
        ]
    );
    assert_eq!(
        functions[1].args.as_deref(),
        Some("{\"type\":\"object\",\"value\":{}}")
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_node_module_is_said() {
    for (source, says) in [
        (
            "export const q = query(async () => 1);",
            "`q` of a.js is a query, and a.js is marked \"use node\": only actions run in Node.js.",
        ),
        (
            "export const m = mutation(async () => 1);",
            "`m` of a.js is a mutation",
        ),
        (
            "export const h = Object.assign(() => {}, {isHttp: true, invokeHttpAction: () => {}});",
            "`h` of a.js is an HTTP action",
        ),
        (
            "throw new Error('at import');",
            "Failed to analyze a.js: Uncaught Error: at import\n    at ../convex/a.js:1:",
        ),
        (
            "import 'not-there';",
            "Cannot find package 'not-there' imported from convex:/a.js",
        ),
        (
            "console.log('seen'); process.exit(3);",
            "process.exit(3) was called",
        ),
        (
            "await call('echo');",
            "Can't use this operation at import time (`echo`)",
        ),
        (
            "export const f = action(async () => 1, {exportArgs: () => '{\"type\":\"string\"}'});",
            "exportArgs of `f` must describe an object",
        ),
    ] {
        let error = analyze(&node_app(source)).await.unwrap_err();
        assert!(error.message.contains(says), "{source}: {}", error.message);
        assert_eq!(error.code, "InvalidModule");
    }
}

#[tokio::test]
async fn a_deployment_without_node_actions_says_so() {
    let host = Host::start(HostOptions {
        node_actions: NodeOptions {
            refused: Some("it was started with --node-actions off".to_owned()),
            ..NodeOptions::default()
        },
        ..options()
    })
    .unwrap();
    let bundle = node_app("export const f = action(async () => 1);");
    let error = host
        .analyze(bundle.clone(), Arc::default())
        .await
        .unwrap_err();
    assert_eq!(error.code, "DeploymentNotConfiguredForNodeActions");
    assert!(
        error.message.ends_with("--node-actions off"),
        "{}",
        error.message
    );
    assert!(thrown(&act(&host, &bundle, "f").await).contains("--node-actions off"));
}

/// Answers every request a little later than it came, and out of order.
struct Jumbled;

impl ActionSyscalls for Jumbled {
    fn call(self: Arc<Self>, _op: String, args: String) -> Answer {
        Box::pin(async move {
            for _ in 0..args.len() % 7 {
                tokio::task::yield_now().await;
            }
            Ok(args)
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_calls_say_and_ask_beside_each_other_does_not_mix() {
    let bundle = node_app(
        "import { setTimeout as sleep } from 'node:timers/promises';
         export const f = action(async (me) => {
           const seen = [];
           for (let i = 0; i < 10; i++) {
             console.log(me, i);
             seen.push((await call('echo', {text: 'x'.repeat(i) + me})).text.slice(i));
             await sleep(i % 3);
             await Promise.all([1, 2].map(async (n) => { await null; console.log(me, i, n); }));
           }
           return seen.every((text) => text === String(me));
         });",
    );
    let host = host_in(
        None,
        ActionOptions {
            processes: 2,
            ..limits()
        },
    );
    let calls = (0..60).map(|me| {
        let call = Invocation {
            args: format!("[{me}]"),
            ..invocation(&bundle, "f", FunctionKind::Action)
        };
        let host = host.clone();
        tokio::spawn(async move { host.action(&call, Arc::new(Jumbled)).await.unwrap() })
    });
    for (me, call) in calls.collect::<Vec<_>>().into_iter().enumerate() {
        let outcome = call.await.unwrap();
        assert_eq!(json(&outcome), true);
        let mine = format!("{me} ");
        assert_eq!(outcome.logs.len(), 30);
        for (_, line) in lines(&outcome) {
            assert!(line.starts_with(&mine), "{me}: {line}");
        }
    }
    assert_eq!(host.stats().executors, 2);
}
