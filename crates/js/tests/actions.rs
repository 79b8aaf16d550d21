//! Actions: many to a process, requests answered in any order, limits, lost processes.

#![allow(clippy::unwrap_used)] // A test that cannot be set up has failed.

mod support;

use std::sync::Arc;
use std::time::Duration;

use lentil_js::{
    ActionOptions, ActionOutcome, ActionRefused, ActionSyscalls, Answer, CallResult, FunctionKind,
    Host, HostOptions, LogLevel, Realms, SyscallError,
};
use parking_lot::Mutex;
use support::*;
use tokio::sync::Notify;

/// Answers `echo` with its arguments, `fail` and `data` with errors, `hold` when it is released.
#[derive(Default)]
struct Outside {
    seen: Mutex<Vec<String>>,
    release: Notify,
    held: Notify,
}

impl ActionSyscalls for Outside {
    fn call(self: Arc<Self>, op: String, args: String) -> Answer {
        self.seen.lock().push(op.clone());
        Box::pin(async move {
            let error = |message: &str, data: Option<&str>| {
                Err(SyscallError::Developer {
                    message: message.to_owned(),
                    data: data.map(str::to_owned),
                })
            };
            match op.as_str() {
                "fail" => error("it failed", None),
                "data" => error("with data", Some(r#"{"code":7}"#)),
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

fn acting(actions: ActionOptions) -> Host {
    Host::start(HostOptions {
        actions,
        ..options()
    })
    .unwrap()
}

fn one_process() -> ActionOptions {
    ActionOptions {
        processes: 1,
        ..ActionOptions::default()
    }
}

async fn act(host: &Host, bundle: &Arc<lentil_js::Bundle>, name: &str) -> ActionOutcome {
    act_in(host, bundle, name, Arc::default()).await
}

async fn act_in(
    host: &Host,
    bundle: &Arc<lentil_js::Bundle>,
    name: &str,
    world: Arc<Outside>,
) -> ActionOutcome {
    let invocation = invocation(bundle, name, FunctionKind::Action);
    host.action(&invocation, world).await.unwrap()
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

/// What `f` of `a.js`, an action with this body, returns.
async fn evaluate(body: &str) -> ActionOutcome {
    let bundle = app(&format!(
        "export const f = action(async () => {{ {body} }});"
    ));
    act(&acting(one_process()), &bundle, "f").await
}

#[tokio::test]
async fn requests_are_answered_and_lines_arrive() {
    let outcome = evaluate(
        "console.log('begun');
         const both = await Promise.all([call('echo', {n: 1}), call('echo', {n: 2})]);
         const errors = [];
         for (const op of ['fail', 'data']) {
           try { await call(op); } catch (e) { errors.push([e instanceof Error, e.message, e.data ?? null]); }
         }
         return [both, errors];",
    )
    .await;
    assert_eq!(
        json(&outcome),
        serde_json::json!([
            [{"n": 1}, {"n": 2}],
            [[true, "it failed", null], [true, "with data", {"code": 7}]]
        ])
    );
    assert_eq!(outcome.logs.len(), 1);
    assert_eq!(outcome.logs[0].level, LogLevel::Log);
    assert_eq!(outcome.logs[0].messages, ["'begun'"]);
    assert_eq!(outcome.unawaited, Vec::<String>::new());
}

#[tokio::test]
async fn errors_have_frames_of_the_source() {
    let outcome = evaluate("\n throw new Error('boom');").await;
    let text = thrown(&outcome);
    let start = "Uncaught Error: boom\n    at ../convex/a.js:2:8\n";
    assert!(text.starts_with(start), "{text}");
    assert!(!text.contains("lentil:"), "{text}");
}

#[tokio::test]
async fn actions_run_beside_each_other_in_one_process() {
    let bundle = app(
        "export const slow = action(async () => { await call('hold'); return 'slow'; });
         export const fast = action(async () => { await call('echo'); return 'fast'; });",
    );
    let host = acting(one_process());
    let world = Arc::new(Outside::default());
    let slow = {
        let (host, bundle, world) = (host.clone(), bundle.clone(), world.clone());
        tokio::spawn(async move { act_in(&host, &bundle, "slow", world).await })
    };
    world.held.notified().await;
    assert_eq!(json(&act(&host, &bundle, "fast").await), "fast");
    assert_eq!(host.stats().executors, 1);
    assert!(!slow.is_finished());
    world.release.notify_one();
    assert_eq!(json(&slow.await.unwrap()), "slow");
}

#[tokio::test]
async fn requests_begin_in_order_and_so_many_at_a_time() {
    let bundle = app("export const f = action(async () => {
           const first = Array.from({length: 3}, () => call('hold'));
           const rest = Array.from({length: 20}, (_, n) => call('n' + n));
           await Promise.all([...first, ...rest]);
         });");
    let host = acting(ActionOptions {
        concurrent: 3,
        ..one_process()
    });
    let world = Arc::new(Outside::default());
    let run = {
        let (host, bundle, world) = (host.clone(), bundle.clone(), world.clone());
        tokio::spawn(async move { act_in(&host, &bundle, "f", world).await })
    };
    for _ in 0..3 {
        world.held.notified().await;
        if world.seen.lock().len() == 3 {
            break;
        }
    }
    assert_eq!(*world.seen.lock(), ["hold", "hold", "hold"]);
    while !run.is_finished() {
        world.release.notify_waiters();
        tokio::task::yield_now().await;
    }
    run.await.unwrap();
    let numbered: Vec<String> = (0..20).map(|n| format!("n{n}")).collect();
    assert_eq!(world.seen.lock()[3..], numbered);
}

#[tokio::test]
async fn s082_what_nobody_awaits_is_named() {
    let outcome = evaluate("call('never'); call('never'); return 1;").await;
    assert_eq!(json(&outcome), 1);
    assert_eq!(outcome.unawaited, ["never", "never"]);
}

#[tokio::test]
async fn promises_that_never_resolve_end_the_action() {
    let outcome = evaluate("await new Promise(() => {});").await;
    assert_eq!(thrown(&outcome), "Returned promise will never resolve");
}

#[tokio::test]
async fn an_unhandled_rejection_fails_the_action() {
    let outcome = evaluate("Promise.reject(new Error('lost')); await call('echo');").await;
    assert!(thrown(&outcome).starts_with("Uncaught Error: lost"));
}

#[tokio::test]
async fn timers_fire_in_order_and_can_be_cleared() {
    let outcome = evaluate(
        "const seen = [];
         const id = setTimeout(() => seen.push('cleared'), 1);
         clearTimeout(id);
         await new Promise((resolve) => {
           const every = setInterval((...args) => {
             seen.push(args.join());
             if (seen.length < 3) return;
             clearInterval(every);
             resolve();
           }, 1, 'a', 'b');
         });
         await new Promise((resolve) => setTimeout(resolve, -5));
         return [typeof id, seen];",
    )
    .await;
    assert_eq!(
        json(&outcome),
        serde_json::json!(["number", ["a,b", "a,b", "a,b"]])
    );
}

#[tokio::test]
async fn what_a_timer_throws_fails_the_action() {
    let outcome =
        evaluate("setTimeout(() => { throw new TypeError('late'); }, 1); await call('never');")
            .await;
    assert!(thrown(&outcome).starts_with("Uncaught TypeError: late"));
}

#[tokio::test]
async fn the_clock_goes_and_chance_is_chance() {
    let body = "const before = Date.now(), tick = performance.now();
         await new Promise((resolve) => setTimeout(resolve, 20));
         const key = await crypto.subtle.generateKey({name: 'AES-GCM', length: 256}, true, ['encrypt']);
         return [Date.now() - before >= 19, performance.now() - tick >= 19, before, key.type,
           new Date(before).getTime() === before];";
    let out = json(&evaluate(body).await);
    assert_eq!((&out[0], &out[1]), (&true.into(), &true.into()));
    assert!(out[2].as_f64().unwrap() > NOW, "{out}");
    assert_eq!((&out[3], &out[4]), (&"secret".into(), &true.into()));
}

#[tokio::test]
async fn abort_signals_time_out() {
    let outcome = evaluate(
        "const signal = AbortSignal.timeout(5);
         return await new Promise((resolve) => signal.addEventListener('abort', () => resolve(signal.reason.name)));",
    )
    .await;
    assert_eq!(json(&outcome), "TimeoutError");
}

#[tokio::test]
async fn realms_are_fresh_or_kept_as_the_setting_says() {
    let bundle = app("let count = 0; export const f = action(async () => ++count);");
    for (realms, second) in [(Realms::Fresh, 1), (Realms::Kept, 2)] {
        let host = Host::start(HostOptions {
            realms,
            actions: one_process(),
            ..options()
        })
        .unwrap();
        assert_eq!(json(&act(&host, &bundle, "f").await), 1);
        assert_eq!(json(&act(&host, &bundle, "f").await), second);
    }
}

#[tokio::test]
async fn an_action_has_so_much_time() {
    let bundle = app("export const f = action(async () => {
           const all = []; for (;;) { await new Promise((resolve) => setTimeout(resolve, 1)); all.push(1); }
         });
         export const g = action(async () => 'well');");
    let host = acting(ActionOptions {
        time: Duration::from_millis(300),
        ..one_process()
    });
    let outcome = act(&host, &bundle, "f").await;
    assert_eq!(
        outcome.result,
        CallResult::Timeout("Function execution timed out (maximum duration: 0.3s)".to_owned())
    );
    assert_eq!(json(&act(&host, &bundle, "g").await), "well");
    assert_eq!(host.stats().lost, 0);
}

#[tokio::test]
async fn a_loop_costs_its_process_and_is_blamed() {
    let bundle = app(
        "export const wait = action(async () => { await call('hold'); return 1; });
         export const loop = action(async () => { await call('echo'); for (;;) {} });
         export const g = action(async () => 'well');",
    );
    let host = acting(ActionOptions {
        blocking: Duration::from_millis(600),
        ..one_process()
    });
    let world = Arc::new(Outside::default());
    let waiting = {
        let (host, bundle, world) = (host.clone(), bundle.clone(), world.clone());
        tokio::spawn(async move { act_in(&host, &bundle, "wait", world).await })
    };
    world.held.notified().await;
    let looped = act(&host, &bundle, "loop").await;
    assert_eq!(
        looped.result,
        CallResult::Timeout(
            "Function execution timed out (maximum duration: 0.6s without awaiting anything)"
                .to_owned()
        )
    );
    let waiting = waiting.await.unwrap();
    assert!(
        thrown(&waiting).contains("another action in it ran too long"),
        "{waiting:?}"
    );
    // Once: it was not run again.
    assert_eq!(*world.seen.lock(), ["hold"]);
    assert_eq!(json(&act(&host, &bundle, "g").await), "well");
    assert_eq!(host.stats().lost, 1);
}

#[tokio::test]
async fn memory_ends_the_process_and_another_takes_over() {
    let bundle = app("export const f = action(async () => {
           const all = []; for (;;) all.push(new Array(1e6).fill({}));
         });
         export const g = action(async () => 'well');");
    let host = acting(ActionOptions {
        heap_mib: 32,
        ..one_process()
    });
    let outcome = act(&host, &bundle, "f").await;
    assert!(
        matches!(&outcome.result, CallResult::OutOfMemory(text) if text.contains("32 MB")),
        "{outcome:?}"
    );
    assert_eq!(json(&act(&host, &bundle, "g").await), "well");
}

#[tokio::test]
async fn more_than_may_run_wait_and_more_than_may_wait_are_refused() {
    let bundle = app("export const f = action(async () => { await call('hold'); });");
    let host = acting(ActionOptions {
        running: 1,
        waiting: 1,
        patience: Duration::from_millis(50),
        ..one_process()
    });
    let world = Arc::new(Outside::default());
    let first = {
        let (host, bundle, world) = (host.clone(), bundle.clone(), world.clone());
        tokio::spawn(async move { act_in(&host, &bundle, "f", world).await })
    };
    world.held.notified().await;
    let call = invocation(&bundle, "f", FunctionKind::Action);
    let (second, third) = tokio::join!(
        host.action(&call, Arc::<Outside>::default()),
        host.action(&call, Arc::<Outside>::default())
    );
    assert_eq!(second.unwrap_err(), ActionRefused::Busy);
    assert_eq!(third.unwrap_err(), ActionRefused::Busy);
    world.release.notify_one();
    first.await.unwrap();
}

#[tokio::test]
async fn a_host_that_ends_fails_its_actions() {
    let bundle = app("export const f = action(async () => { await call('hold'); });");
    let host = acting(one_process());
    let world = Arc::new(Outside::default());
    let run = {
        let (host, bundle, world) = (host.clone(), bundle.clone(), world.clone());
        tokio::spawn(async move { act_in(&host, &bundle, "f", world).await })
    };
    world.held.notified().await;
    host.shutdown().await;
    let outcome = run.await.unwrap();
    assert!(
        matches!(outcome.result, CallResult::System(_)),
        "{outcome:?}"
    );
    let call = invocation(&bundle, "f", FunctionKind::Action);
    let refused = host.action(&call, Arc::<Outside>::default()).await;
    assert_eq!(refused.unwrap_err(), ActionRefused::ShuttingDown);
}

#[tokio::test]
async fn s046_modules_can_be_imported_while_an_action_runs() {
    let bundle = link(&[
        (
            "a.js",
            "import {action} from './_deps/sdk.js';
             export const f = action(async () => {
               const one = await import('./dir/b.js'), again = await import('./dir/b');
               const fails = [];
               for (const path of ['./none.js', './throws.js', './throws.js', 'node:fs']) {
                 await import(path).catch((error) => fails.push(error.message));
               }
               return [one.b, one === again, one.count(), again.count(), fails];
             });",
        ),
        (
            "dir/b.js",
            "import {c} from '../c.js'; let n = 0; export const count = () => ++n; export const b = 'b' + c;",
        ),
        ("c.js", "export const c = 'c';"),
        ("throws.js", "throw new Error('not today');"),
    ]);
    let outcome = act(&acting(one_process()), &bundle, "f").await;
    let missing =
        |name: &str| format!("Couldn't find module '{name}' among those that were pushed");
    assert_eq!(
        json(&outcome),
        serde_json::json!([
            "bc",
            true,
            1,
            2,
            [
                missing("./none.js"),
                "not today",
                "not today",
                missing("node:fs")
            ]
        ])
    );
}

/// The server's parser takes it, V8 does not.
#[tokio::test]
async fn an_imported_module_that_v8_refuses_is_a_syntax_error() {
    let bundle = link(&[
        (
            "a.js",
            "import {action} from './_deps/sdk.js';
             export const f = action(async () => {
               const said = (error) => [error instanceof SyntaxError, error.message];
               return [await import('./b.js').catch(said), await import('./c.js').catch(said)];
             });",
        ),
        ("b.js", "import './c.js';"),
        ("c.js", "const o = {}; for (o.async of []);"),
    ]);
    let outcome = act(&acting(one_process()), &bundle, "f").await;
    let said = "The left-hand side of a for-of loop may not be 'async'. (in c.js)";
    assert_eq!(
        json(&outcome),
        serde_json::json!([[true, said], [true, said]])
    );
}

#[tokio::test]
async fn operations_of_queries_are_unknown() {
    let outcome = evaluate("try { now('1.0/queryStream'); } catch (e) { return e.message; }").await;
    assert_eq!(json(&outcome), "Unknown operation 1.0/queryStream");
}

#[tokio::test]
async fn nothing_leads_out_of_the_realm() {
    let body = include_str!("globals/walls.js");
    let bundle = app(&format!(
        "{CHECKS} export const f = action(async () => {{ const {{wrong, same, fails, end}} = checks();\n{body}\nreturn end(); }});"
    ));
    let outcome = act(&acting(one_process()), &bundle, "f").await;
    assert_eq!(json(&outcome), serde_json::json!([]));
}
