//! Paged query streams: what is recorded is what user code has taken.

mod support;

use serde_json::{Value as Json, json};
use support::{App, call};

fn open(operators: Json) -> Json {
    let source =
        json!({ "type": "IndexRange", "indexName": "numbers.by_n", "range": [], "order": "asc" });
    // As text: names that begin with `$` cannot be arguments.
    let args = json!({ "query": { "source": source, "operators": operators } }).to_string();
    json!({ "op": "1.0/queryStream", "args": args, "sync": true })
}

fn page(consumed: usize, max: usize) -> Json {
    json!({ "op": "1.0/queryStreamPage", "args": { "queryId": 0, "consumed": consumed, "max": max } })
}

fn close(consumed: usize) -> Json {
    json!({ "op": "1.0/queryCleanup", "args": { "queryId": 0, "consumed": consumed }, "sync": true })
}

fn steps(steps: &[Json]) -> Json {
    json!({ "steps": steps })
}

/// The numbers of a page, and whether it was the last.
fn numbers(page: &Json) -> (Vec<f64>, bool) {
    let rows = page["values"].as_array().expect("a page has values");
    let numbers = rows
        .iter()
        .map(|row| row["n"].as_f64().expect("a number"))
        .collect();
    (
        numbers,
        page["done"]
            .as_bool()
            .expect("a page says whether it is the last"),
    )
}

async fn app_with(count: u32) -> App {
    let app = App::start().await;
    app.run(
        "queries:fill",
        json!({ "table": "numbers", "from": 0, "to": count }),
    )
    .await;
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_one_another() {
    let app = app_with(10).await;
    let script = [
        open(json!([])),
        page(0, 4),
        page(4, 4),
        page(4, 4),
        page(2, 4),
        close(1),
    ];
    let answers = app.ask("misc:scriptInQuery", steps(&script)).await;
    assert_eq!(numbers(&answers[1]), (vec![0.0, 1.0, 2.0, 3.0], false));
    assert_eq!(numbers(&answers[2]), (vec![4.0, 5.0, 6.0, 7.0], false));
    assert_eq!(numbers(&answers[3]), (vec![8.0, 9.0], true));
    assert_eq!(numbers(&answers[4]), (vec![], true));
    assert_eq!(answers[5], json!(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_not_taken_are_not_recorded() {
    let app = app_with(10).await;
    // What is taken, and the largest number at which an insert is noticed.
    for (script, noticed, unnoticed) in [
        (vec![open(json!([])), page(0, 8), close(3)], 1.5, 2.5),
        (
            vec![open(json!([])), page(0, 4), page(4, 4), close(1)],
            3.5,
            4.5,
        ),
        (vec![open(json!([])), page(0, 20), close(10)], 8.5, 9.5),
        (
            vec![open(json!([{ "limit": 4 }])), page(0, 20), close(5)],
            2.5,
            3.5,
        ),
        // A page of which nothing is said counts as taken.
        (vec![open(json!([])), page(0, 4)], 2.5, 3.5),
    ] {
        let watched = app.result(call("misc:scriptInQuery", steps(&script))).await;
        let id = app
            .insert("numbers", &[json!({ "n": unnoticed })])
            .await
            .remove(0);
        assert!(watched.is_valid_at(app.latest()), "{script:?}");
        app.run("data:remove", json!({ "id": id })).await;
        let id = app
            .insert("numbers", &[json!({ "n": noticed })])
            .await
            .remove(0);
        assert!(!watched.is_valid_at(app.latest()), "{script:?}");
        app.run("data:remove", json!({ "id": id })).await;
    }
    let script = [open(json!([])), page(0, 20), close(11)];
    let watched = app.result(call("misc:scriptInQuery", steps(&script))).await;
    app.insert("numbers", &[json!({ "n": 99 })]).await;
    assert!(
        !watched.is_valid_at(app.latest()),
        "who has seen the end depends on it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_taken_back_come_again_as_they_then_are() {
    let app = app_with(6).await;
    let insert =
        json!({ "op": "1.0/insert", "args": { "table": "numbers", "value": { "n": 2.5 } } });
    let behind =
        json!({ "op": "1.0/insert", "args": { "table": "numbers", "value": { "n": 0.5 } } });
    let script = [
        open(json!([{ "limit": 5 }])),
        page(0, 4),
        page(2, 0),
        insert,
        behind,
        page(0, 10),
    ];
    let answers = app.run("misc:script", steps(&script)).await;
    assert_eq!(numbers(&answers[1]), (vec![0.0, 1.0, 2.0, 3.0], false));
    assert_eq!(numbers(&answers[2]), (vec![], false));
    assert_eq!(
        numbers(&answers[5]),
        (vec![2.0, 2.5, 3.0], true),
        "two of five were taken"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_and_limits_work_across_pages() {
    let app = App::start().await;
    let rows: Vec<Json> = (0..40)
        .map(|n| json!({ "n": n, "tag": if n % 3 == 0 { "x" } else { "y" } }))
        .collect();
    app.insert("numbers", &rows).await;
    let filter = json!({ "filter": { "$eq": [{ "$field": "tag" }, { "$literal": "x" }] } });
    let operators = json!([{ "limit": 20 }, filter, { "limit": 5 }]);
    let script = [open(operators), page(0, 3), page(1, 3), page(3, 3)];
    let answers = app.ask("misc:scriptInQuery", steps(&script)).await;
    assert_eq!(numbers(&answers[1]), (vec![0.0, 3.0, 6.0], false));
    assert_eq!(
        numbers(&answers[2]),
        (vec![3.0, 6.0, 9.0], false),
        "one was taken"
    );
    assert_eq!(numbers(&answers[3]), (vec![12.0], true), "five in all");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_rows_taken_count() {
    let app = app_with(10).await;
    let metrics = json!({ "op": "1.0/getTransactionMetrics", "args": {} });
    let script = [open(json!([])), page(0, 8), page(3, 0), metrics];
    let answers = app.ask("misc:scriptInQuery", steps(&script)).await;
    assert_eq!(answers[3]["documentsRead"]["used"], json!(3.0));
}
