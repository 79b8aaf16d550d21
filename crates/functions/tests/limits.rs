//! Limits that were set: what is told before one is reached, and when it is (function-runtime 5).

mod support;

use lentil_database::Namespace;
use serde_json::json;
use support::App;

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_settings() {
    let app = App::start_limited(&[
        "documents_read=10",
        "documents_written=8",
        "arguments_bytes=2000",
        "page_items=5",
        "log_lines=3",
    ])
    .await;
    app.insert("numbers", &[json!({ "n": 1 }), json!({ "n": 2 })])
        .await;
    let failure = app
        .run_fails(
            "queries:fill",
            json!({ "table": "numbers", "from": 0, "to": 9 }),
        )
        .await;
    let message = failure.message;
    assert!(
        message.contains("Too many writes") && message.contains("(limit: 8)"),
        "{message}"
    );
    for from in [10, 18] {
        let to = from + 8;
        app.run(
            "queries:fill",
            json!({ "table": "numbers", "from": from, "to": to }),
        )
        .await;
    }
    let failure = app
        .ask_fails("queries:all", json!({ "table": "numbers" }))
        .await;
    assert!(
        failure
            .message
            .contains("Too many documents read in a single function execution (limit: 10)"),
        "{}",
        failure.message
    );
    let long = json!({ "table": "x".repeat(3_000) });
    let failure = app.ask_fails("queries:all", long).await;
    assert!(
        failure.message.contains("limit: 2000 bytes"),
        "{}",
        failure.message
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_comes_near_a_limit_says_so_in_its_log() {
    let app = App::start_limited(&["documents_written=10"]).await;
    for (to, warns) in [(8, false), (9, true)] {
        app.run(
            "queries:fill",
            json!({ "table": "numbers", "from": 0, "to": to }),
        )
        .await;
        let entries = app.logs();
        let lines = entries.last().expect("it was logged")["logLines"].clone();
        let found = lines
            .as_array()
            .expect("lines")
            .iter()
            .find(|line| line["systemMetadata"]["code"] == "warning:TooManyWrites");
        assert_eq!(found.is_some(), warns, "{lines}");
        if let Some(line) = found {
            assert_eq!(line["level"], "WARN");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_keeps_the_database_busy_for_too_long_is_ended() {
    let app = App::start_limited(&["system_time_ms=1"]).await;
    let failure = app
        .run_fails(
            "queries:fill",
            json!({ "table": "numbers", "from": 0, "to": 4_000 }),
        )
        .await;
    assert!(
        failure.message.contains("too many system operations")
            && failure.message.contains("SystemTimeoutError"),
        "{}",
        failure.message
    );
    // Not asked by a query, which has no more time than that call had.
    let mut tx = app.functions.database().begin();
    let left = tx.count(Namespace::ROOT, "numbers").expect("counted");
    assert_eq!(left, 0, "nothing is left of it");
}
