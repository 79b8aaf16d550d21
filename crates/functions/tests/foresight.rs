//! Questions that are asked again are answered in advance: with the same results, without asking
//! the server, and without reading what was not asked for.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lentil_functions::{QueryResult, Signal};
use serde_json::{Value as Json, json};
use support::{App, call};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// Counts requests of user code that came to the server (station 6).
#[derive(Clone, Default)]
struct Requests(Arc<AtomicUsize>);

impl<S: tracing::Subscriber> Layer<S> for Requests {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        struct Station(u64);
        impl tracing::field::Visit for Station {
            fn record_i64(&mut self, _: &tracing::field::Field, number: i64) {
                self.0 = number.unsigned_abs();
            }
            fn record_u64(&mut self, _: &tracing::field::Field, number: u64) {
                self.0 = number;
            }
            fn record_debug(&mut self, _: &tracing::field::Field, _: &dyn std::fmt::Debug) {}
        }
        if event.metadata().target() == "lentil::station" {
            let mut station = Station(0);
            event.record(&mut station);
            self.0
                .fetch_add(usize::from(station.0 == 6), Ordering::SeqCst);
        }
    }
}

impl Requests {
    /// How many since it was asked last.
    fn take(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}

fn value(result: &QueryResult) -> Json {
    let text = result.outcome.result.as_ref().expect("the query works");
    serde_json::from_str(text).expect("a result is JSON")
}

/// One test, since what is counted is the process's.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_first_is_sent_along() {
    let requests = Requests::default();
    let subscriber = tracing_subscriber::registry().with(requests.clone());
    tracing::subscriber::set_global_default(subscriber).expect("the first");
    let app = App::start().await;
    app.insert("numbers", &[json!({ "n": 1 }), json!({ "n": 2 })])
        .await;

    // Asked again after a change: nothing is asked of the server, and the change is seen.
    let two = call("queries:firstTwo", json!({}));
    assert_eq!(value(&*app.result(two.clone()).await), json!([1.0, 2.0]));
    app.insert("numbers", &[json!({ "n": 0 })]).await;
    requests.take();
    let held = app.result(two.clone()).await;
    assert_eq!(value(&held), json!([0.0, 1.0]));
    assert_eq!(requests.take(), 0);

    // Only what it took was read: it took two rows, and a third is none of its business.
    let signal = Arc::new(Signal::default());
    let _watch = held.watch(&signal);
    app.insert("numbers", &[json!({ "n": 3 })]).await;
    assert!(held.is_valid_at(app.latest()));
    app.insert("numbers", &[json!({ "n": 0.5 })]).await;
    assert!(!held.is_valid_at(app.latest()));

    // A function that begins now so, now otherwise, is answered rightly, and what was sent along for
    // the other way was not read.
    let fickle = call("queries:fickle", json!({}));
    let mut rows = std::collections::BTreeMap::from([("loose", 0), ("numbers", 5)]);
    for n in 0..40 {
        let held = app.result(fickle.clone()).await;
        let seen = value(&held);
        let (read, other) = match seen["table"].as_str() {
            Some("loose") => ("loose", "numbers"),
            _ => ("numbers", "loose"),
        };
        assert_eq!(seen["rows"], json!(rows[read] as f64), "round {n}");
        for (table, stays) in [(other, true), (read, false)] {
            app.insert(table, &[json!({ "n": n })]).await;
            *rows.entry(table).or_default() += 1;
            assert_eq!(held.is_valid_at(app.latest()), stays, "round {n}: {table}");
        }
    }
}
