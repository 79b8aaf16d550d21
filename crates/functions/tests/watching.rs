//! Those who watch a result are woken for every commit that changes it, however fast commits come.

mod support;

use std::sync::Arc;
use std::time::Duration;

use lentil_functions::Signal;
use serde_json::json;
use support::{App, call};

const WATCHERS: usize = 40;
const COMMITS: u32 = 400;

/// Watches as a client's conversation does: asks again when it is woken and what it holds does not
/// hold any more, and does nothing else.
async fn watch(app: Arc<App>) {
    let signal = Arc::new(Signal::default());
    let all = call("queries:all", json!({ "table": "numbers" }));
    let mut result = app.result(all.clone()).await;
    let mut watching = result.watch(&signal);
    loop {
        let value = result.outcome.result.clone().expect("the query works");
        if value.contains(&format!("\"n\":{}.0", COMMITS - 1)) {
            return;
        }
        signal.taken().await;
        if !result.is_valid_at(app.latest()) {
            result = app.result(all.clone()).await;
            let next = result.watch(&signal);
            drop(std::mem::replace(&mut watching, next));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_hears_of_the_last_commit() {
    let app = Arc::new(App::start().await);
    let mut watchers = tokio::task::JoinSet::new();
    for _ in 0..WATCHERS {
        watchers.spawn(watch(app.clone()));
    }
    for n in 0..COMMITS {
        app.insert("numbers", &[json!({ "n": n })]).await;
    }
    let everybody = async { while watchers.join_next().await.is_some() {} };
    let waited = tokio::time::timeout(Duration::from_secs(30), everybody).await;
    assert!(waited.is_ok(), "some were never woken again");
}
