//! Paged query streams: what is recorded is what user code has taken.

mod support;

use serde_json::{Value as Json, json};
use support::{App, call};

/// The first page of a stream over `numbers`.
fn open(operators: Json, max: usize) -> Json {
    let source =
        json!({ "type": "IndexRange", "indexName": "numbers.by_n", "range": [], "order": "asc" });
    let query = json!({ "query": { "source": source, "operators": operators } });
    // As text: names that begin with `$` cannot be arguments.
    let args = json!({ "queryId": 0, "consumed": 0, "max": max, "open": query }).to_string();
    json!({ "op": "1.0/queryStreamPage", "args": args })
}

fn page(consumed: usize, max: usize) -> Json {
    json!({ "op": "1.0/queryStreamPage", "args": { "queryId": 0, "consumed": consumed, "max": max } })
}

fn close(consumed: usize) -> Json {
    json!({ "op": "1.0/queryCleanup", "args": { "queryId": 0, "consumed": consumed } })
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
        open(json!([]), 4),
        page(4, 4),
        page(4, 4),
        page(2, 4),
        close(1),
    ];
    let answers = app.ask("misc:scriptInQuery", steps(&script)).await;
    assert_eq!(numbers(&answers[0]), (vec![0.0, 1.0, 2.0, 3.0], false));
    assert_eq!(numbers(&answers[1]), (vec![4.0, 5.0, 6.0, 7.0], false));
    assert_eq!(numbers(&answers[2]), (vec![8.0, 9.0], true));
    assert_eq!(numbers(&answers[3]), (vec![], true));
    assert_eq!(answers[4], json!(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_not_taken_are_not_recorded() {
    let app = app_with(10).await;
    // What is taken, and the largest number at which an insert is noticed.
    for (script, noticed, unnoticed) in [
        (vec![open(json!([]), 8), close(3)], 1.5, 2.5),
        (vec![open(json!([]), 4), page(4, 4), close(1)], 3.5, 4.5),
        (vec![open(json!([]), 20), close(10)], 8.5, 9.5),
        (vec![open(json!([{ "limit": 4 }]), 20), close(5)], 2.5, 3.5),
        // A page of which nothing is said counts as taken.
        (vec![open(json!([]), 4)], 2.5, 3.5),
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
    let script = [open(json!([]), 20), close(11)];
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
        open(json!([{ "limit": 5 }]), 4),
        page(2, 0),
        insert,
        behind,
        page(0, 10),
    ];
    let answers = app.run("misc:script", steps(&script)).await;
    assert_eq!(numbers(&answers[0]), (vec![0.0, 1.0, 2.0, 3.0], false));
    assert_eq!(answers[1], json!(null), "nothing was asked for");
    assert_eq!(
        numbers(&answers[4]),
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
    let script = [open(operators, 3), page(1, 3), page(3, 3)];
    let answers = app.ask("misc:scriptInQuery", steps(&script)).await;
    assert_eq!(numbers(&answers[0]), (vec![0.0, 3.0, 6.0], false));
    assert_eq!(
        numbers(&answers[1]),
        (vec![3.0, 6.0, 9.0], false),
        "one was taken"
    );
    assert_eq!(numbers(&answers[2]), (vec![12.0], true), "five in all");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_rows_taken_count() {
    let app = app_with(10).await;
    let metrics = json!({ "op": "1.0/getTransactionMetrics", "args": {} });
    let script = [open(json!([]), 8), page(3, 0), metrics];
    let answers = app.ask("misc:scriptInQuery", steps(&script)).await;
    assert_eq!(answers[2]["documentsRead"]["used"], json!(3.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_row_by_row_sees_own_writes() {
    let app = app_with(40).await;
    let seen = app
        .run("streams:readAndWrite", json!({ "every": 10 }))
        .await;
    let expected: Vec<f64> = (0..40)
        .flat_map(|n| {
            let n = f64::from(n);
            // Behind every tenth row one is written that was not there when reading began.
            if n % 10.0 == 0.0 {
                vec![n, n + 0.5]
            } else {
                vec![n]
            }
        })
        .collect();
    assert_eq!(seen, json!(expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_asked_for_together_come_in_order() {
    let app = app_with(40).await;
    let seen = app.run("streams:together", json!({})).await;
    assert_eq!(seen["first"], json!([0.0, 1.0, 2.0]));
    assert_eq!(
        seen["second"],
        json!([3.0, 3.5, 4.0]),
        "written between the two"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_side_by_side_and_within_each_other() {
    let app = app_with(20).await;
    let seen = app.ask("streams:sideBySide", json!({})).await;
    assert_eq!(seen["lengths"], json!([20.0, 5.0, 1.0]));
    assert_eq!(seen["pairs"], json!(190.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loop_that_is_left_early_depends_on_what_it_saw() {
    let app = app_with(40).await;
    let watched = app.result(call("streams:leave", json!({ "at": 20 }))).await;
    let id = app
        .insert("numbers", &[json!({ "n": 20.5 })])
        .await
        .remove(0);
    assert!(watched.is_valid_at(app.latest()));
    app.run("data:remove", json!({ "id": id })).await;
    app.insert("numbers", &[json!({ "n": 19.5 })]).await;
    assert!(!watched.is_valid_at(app.latest()));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_many_pages_is_counted() {
    let app = app_with(1_500).await;
    let metrics = app.ask("streams:collectAndCount", json!({})).await;
    assert_eq!(metrics["rows"], json!(1500.0));
    assert_eq!(metrics["read"], json!(1500.0));
}
