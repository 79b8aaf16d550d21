//! Whatever is cached, shared or re-run: a query's result is what was true at the asked timestamp.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lentil_functions::Signal;
use lentil_values::Timestamp;
use parking_lot::Mutex;
use serde_json::json;
use support::{App, call};

const WRITES: usize = 150;
const READERS: usize = 6;

/// Commits by timestamp, and what the counter was from then on.
type History = Arc<Mutex<BTreeMap<Timestamp, f64>>>;

fn at(history: &BTreeMap<Timestamp, f64>, ts: Timestamp) -> f64 {
    history
        .range(..=ts)
        .next_back()
        .map_or(0.0, |(_, value)| *value)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn results_are_exact_while_writers_write() {
    let app = Arc::new(App::start().await);
    let id = app.run("misc:createCounter", json!({})).await;
    let history: History = Arc::default();
    let stop = Arc::new(AtomicBool::new(false));

    let mut readers = tokio::task::JoinSet::new();
    for reader in 0..READERS {
        let (app, stop, id) = (app.clone(), stop.clone(), id.clone());
        readers.spawn(async move {
            let question = call("data:get", json!({ "id": id }));
            let (mut seen, mut earlier) = (Vec::new(), app.latest());
            while !stop.load(Ordering::Relaxed) {
                // Kept results are given without waiting: the writers want a turn too.
                tokio::task::yield_now().await;
                // Most ask as of now, some as of a moment ago.
                let ts = if reader % 3 == 0 {
                    earlier
                } else {
                    app.latest()
                };
                earlier = app.latest();
                let result = app
                    .functions
                    .query(&question, ts, None)
                    .await
                    .expect("it is retained");
                let value = result.outcome.result.clone().expect("the counter is there");
                let value: serde_json::Value = serde_json::from_str(&value).expect("JSON");
                let value = value["value"].as_f64().expect("a number");
                assert!(result.is_valid_at(ts));
                let now = app.latest();
                if result.is_valid_at(now) {
                    seen.push((now, value));
                }
                seen.push((ts, value));
                // Now and then wait for news instead of asking again and again.
                if seen.len() % 5 == 0 && !stop.load(Ordering::Relaxed) {
                    let news = Arc::new(Signal::default());
                    let _watch = result.watch(&news);
                    let pause = std::time::Duration::from_millis(200);
                    let _either = tokio::time::timeout(pause, news.taken()).await;
                }
            }
            seen
        });
    }

    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let (app, history, id) = (app.clone(), history.clone(), id.clone());
        writers.spawn(async move {
            for _ in 0..WRITES / 3 {
                let done = app
                    .mutate(call("misc:increment", json!({ "id": id })))
                    .await;
                let value = done.outcome.result.expect("increments work");
                let value: f64 = value.parse().expect("a number");
                history.lock().insert(done.ts.expect("it committed"), value);
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.expect("writers work");
    }
    stop.store(true, Ordering::Relaxed);
    let history = history.lock().clone();
    let mut checked = 0;
    while let Some(seen) = readers.join_next().await {
        for (ts, value) in seen.expect("readers work") {
            assert_eq!(value, at(&history, ts), "at {ts:?}");
            checked += 1;
        }
    }
    assert_eq!(history.len(), WRITES);
    assert!(
        checked >= WRITES,
        "{checked} reads are too few to tell anything"
    );
    let runs = app.runs_of("data:get");
    assert!(
        runs <= 2 * WRITES + READERS,
        "{runs} runs for {WRITES} commits: results are not shared"
    );
}
