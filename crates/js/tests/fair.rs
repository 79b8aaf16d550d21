//! Heavy functions do not hold light ones up: the pool with real executors.

#![allow(clippy::unwrap_used)] // A test that cannot be set up has failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use lentil_js::{Bundle, CallResult, FunctionKind, Host, HostOptions, Realms, Reply};

mod support;
use support::{World, app, children, invocation, options, runtime};

fn start(executors: usize, queue: usize) -> Host {
    Host::start(HostOptions {
        executors,
        queue,
        slow_after: Duration::from_millis(100),
        realms: Realms::Watched,
        ..options()
    })
    .unwrap()
}

async fn call(host: &Host, bundle: &Arc<Bundle>, function: &str) -> Result<CallResult, String> {
    let invocation = invocation(bundle, function, FunctionKind::Query);
    match host.call(invocation, World::echo()).await {
        Ok((outcome, _)) => Ok(outcome.result),
        Err((_, refused)) => Err(refused.to_string()),
    }
}

/// What the machine may have to do besides, to say how long something takes.
fn is_busy() -> bool {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: f64 = load
        .split(' ')
        .next()
        .and_then(|load| load.parse().ok())
        .unwrap_or(0.0);
    load > 2.0 * std::thread::available_parallelism().unwrap().get() as f64
}

/// How long so many light calls take, one after the other, the shortest first.
async fn light(host: &Host, bundle: &Arc<Bundle>, calls: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..calls {
        let begun = Instant::now();
        let result = call(host, bundle, "light").await;
        assert_eq!(result, Ok(CallResult::Value("1".to_owned())));
        times.push(begun.elapsed());
    }
    times.sort();
    times
}

/// As many clients of one function as there are executors, each calling it again and again.
async fn beside(function: &'static str) {
    let executors = 2;
    let host = start(executors, 64);
    let bundle = app("export const light = query(async () => 1);
         export const endless = query(async () => { for (;;); });
         export const second = query(async () => { const t = performance.now(); for (let i = 0; i < 4e8; i++); return t; });");
    light(&host, &bundle, 20).await;
    let busy_before = is_busy();
    let quiet = light(&host, &bundle, 200).await[198];
    let stop = Arc::new(AtomicBool::new(false));
    let ended = Arc::new(AtomicUsize::new(0));
    let heavy: Vec<_> = (0..executors)
        .map(|_| {
            let (host, bundle) = (host.clone(), bundle.clone());
            let (stop, ended) = (stop.clone(), ended.clone());
            tokio::spawn(async move {
                let begun = Instant::now();
                while !stop.load(Ordering::Relaxed) {
                    call(&host, &bundle, function).await.unwrap();
                    ended.fetch_add(1, Ordering::Relaxed);
                }
                begun.elapsed()
            })
        })
        .collect();
    let times = light(&host, &bundle, 600).await;
    let busy = host.stats();
    stop.store(true, Ordering::Relaxed);
    let mut took = Duration::ZERO;
    for client in heavy {
        took += client.await.unwrap();
    }
    let ended = ended.load(Ordering::Relaxed);
    let one = took / u32::try_from(ended).unwrap();
    let (p90, p99) = (times[540], times[594]);
    println!("{function}: {one:?}; light ones {quiet:?} alone, {p90:?} and {p99:?} beside it");
    // In one queue a light call takes as long as a heavy one.
    assert!(p90 * 4 < one, "{p90:?} beside calls of {one:?}");
    // Times say something where nobody else has the cores, which three processes share.
    let floor = Duration::from_millis(4);
    assert!(
        busy_before || is_busy() || p99 <= quiet.max(floor) * 25,
        "{p99:?} instead of {quiet:?}"
    );
    assert!(busy.executors <= executors * 2 + 1, "{busy:?}");
    assert!(ended >= executors, "the heavy function runs as well");
    host.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_functions_do_not_hold_light_ones_up() {
    beside("endless").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_that_compute_for_long_do_not_hold_light_ones_up() {
    beside("second").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_with_too_many_calls_is_refused_and_others_are_not() {
    let host = start(1, 8);
    let bundle = app("export const light = query(async () => 1);
         export const endless = query(async () => { for (;;); });");
    // Known to be slow, so that only one runs at a time.
    assert!(matches!(
        call(&host, &bundle, "endless").await,
        Ok(CallResult::Timeout(_))
    ));
    let mut waiting: Vec<_> = (0..7)
        .map(|_| Box::pin(call(&host, &bundle, "endless")))
        .collect();
    for call in &mut waiting {
        // Polled once, it is handed in.
        assert!(futures::poll!(call).is_pending());
    }
    let refused = call(&host, &bundle, "endless").await.unwrap_err();
    assert!(
        refused
            .starts_with("Too many calls of this function are waiting to run (6; lately one took "),
        "{refused}"
    );
    let begun = Instant::now();
    assert_eq!(
        call(&host, &bundle, "light").await,
        Ok(CallResult::Value("1".to_owned()))
    );
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "it did not wait for the others"
    );
    drop(waiting);
    host.shutdown().await;
    let refused = call(&host, &bundle, "light").await.unwrap_err();
    assert_eq!(refused, "The server is shutting down.");
}

/// The priority of a process; a higher number lets others go first.
fn niceness(pid: &str) -> i32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields
        .split_ascii_whitespace()
        .nth(16)
        .unwrap()
        .parse()
        .unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn calls_that_run_for_long_let_others_go_first() {
    let host = start(1, 8);
    let bundle = app(
        "export const f = query(async ({ ms }) => { for (let i = 0, n = 0; i < ms * 1e5; i++) n += i % 7; return await call('nice'); });",
    );
    let seen = |work: &str| {
        let world = World::new(|_, _| {
            let nice = children().first().map_or(0, |pid| niceness(pid));
            Reply::Value(nice.to_string())
        });
        let mut invocation = invocation(&bundle, "f", FunctionKind::Query);
        invocation.args = format!("[{{\"ms\":{work}}}]");
        let (outcome, _) = runtime()
            .block_on(host.call(invocation, world))
            .unwrap_or_else(|_| panic!("refused"));
        outcome.result
    };
    let normal = CallResult::Value(niceness("self").to_string());
    // The first call may take long to compile.
    seen("0");
    assert_eq!(seen("0"), normal);
    assert_ne!(seen("5000"), normal);
    // In the same process, or, where priorities cannot be raised again, in another.
    assert_eq!(seen("0"), normal);
}
