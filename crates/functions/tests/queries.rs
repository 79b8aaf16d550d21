//! Scans, ranges, streams, limits and pages: function-runtime 12, scenarios 14 to 24.

mod support;

use std::sync::Arc;

use serde_json::{Value as Json, json};
use support::{App, call};

async fn numbers(app: &App, from: i64, to: i64) {
    app.run(
        "queries:fill",
        json!({ "table": "numbers", "from": from, "to": to }),
    )
    .await;
}

fn options(options: Json) -> Json {
    json!({ "paginationOpts": options })
}

#[tokio::test(flavor = "multi_thread")]
async fn s014_first_depends_on_what_stands_before_it() {
    let app = App::start().await;
    numbers(&app, 10, 60).await;
    let first = app.result(call("queries:first", json!({}))).await;
    let two = app.result(call("queries:firstTwo", json!({}))).await;
    app.insert("numbers", &[json!({ "n": 30 }), json!({ "n": 12 })])
        .await;
    assert!(
        first.is_valid_at(app.latest()),
        "an insert behind the first row does not matter"
    );
    assert!(two.is_valid_at(app.latest()));
    app.insert("numbers", &[json!({ "n": 10.5 })]).await;
    assert!(first.is_valid_at(app.latest()));
    assert!(!two.is_valid_at(app.latest()));
    app.insert("numbers", &[json!({ "n": 5 })]).await;
    assert!(!first.is_valid_at(app.latest()), "an insert before it does");
}

#[tokio::test(flavor = "multi_thread")]
async fn s015_index_ranges() {
    let app = App::start().await;
    app.insert(
        "loose",
        &[
            json!({ "f": 1, "g": 1 }),
            json!({ "f": 1, "g": 2 }),
            json!({ "f": 2, "g": 1 }),
        ],
    )
    .await;
    let query = |bounds: Json| json!({ "table": "loose", "index": "by_f_g", "bounds": bounds });
    let eq = |field: &str, value: i32| json!({ "op": "eq", "field": field, "value": value });
    let gt = |field: &str| json!({ "op": "gt", "field": field, "value": 0 });
    // The SDK's builder takes them in any order, as the host does.
    let rows = app
        .ask("queries:indexed", query(json!([eq("g", 2), eq("f", 1)])))
        .await;
    assert_eq!(
        (rows.as_array().map(Vec::len), &rows[0]["g"]),
        (Some(1), &json!(2.0))
    );
    let rows = app
        .ask(
            "queries:indexed",
            query(json!([eq("f", 1), eq("g", 1), gt("_creationTime")])),
        )
        .await;
    assert_eq!(rows.as_array().map(Vec::len), Some(1));
    for (bounds, expected) in [
        (json!([eq("g", 1)]), "First incorrect field: g"),
        (
            json!([eq("f", 1), gt("_creationTime")]),
            "First incorrect field: _creationTime",
        ),
        (
            json!([eq("f", 1), gt("g"), gt("g")]),
            "defines a second lower bound",
        ),
        (
            json!([eq("h", 1)]),
            "uses the field h, which is not in the index",
        ),
    ] {
        let failure = app.ask_fails("queries:indexed", query(bounds)).await;
        assert!(failure.message.contains(expected), "{}", failure.message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s016_missing_indexes_and_tables() {
    let app = App::start().await;
    let query = |table: &str, index: &str| json!({ "table": table, "index": index, "bounds": [] });
    for (table, index) in [("loose", "by_nothing"), ("nowhere", "by_f")] {
        let failure = app.ask_fails("queries:indexed", query(table, index)).await;
        assert!(
            failure
                .message
                .contains(&format!("Index {table}.{index} not found.")),
            "{}",
            failure.message
        );
    }
    assert_eq!(
        app.ask("queries:all", json!({ "table": "nowhere" })).await,
        json!([])
    );
    for index in ["by_id", "by_creation_time"] {
        assert_eq!(
            app.ask("queries:indexed", query("nowhere", index)).await,
            json!([])
        );
    }
    let nowhere = app
        .result(call("queries:all", json!({ "table": "nowhere" })))
        .await;
    app.insert("nowhere", &[json!({})]).await;
    assert!(
        !nowhere.is_valid_at(app.latest()),
        "a table that comes into being is noticed"
    );
    // The SDK refuses system tables, and so does the host.
    let source = json!({ "type": "FullTableScan", "tableName": "_deployment", "order": null });
    let query = json!({ "query": { "source": source, "operators": [] } });
    let args = json!({ "queryId": 0, "consumed": 0, "max": 1, "open": query });
    let raw = json!({ "op": "1.0/queryStreamPage", "args": args, "sync": false });
    let answer = app.run("misc:raw", raw).await;
    assert_eq!(
        answer,
        json!("The system table \"_deployment\" cannot be read by functions.")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s017_query_objects_are_used_once() {
    let app = App::start().await;
    let ids = app
        .insert(
            "numbers",
            &[json!({ "n": 1 }), json!({ "n": 1 }), json!({ "n": 2 })],
        )
        .await;
    app.ask_fails("queries:reuse", json!({})).await;
    let failure = app.ask_fails("queries:unique", json!({ "n": 1 })).await;
    for part in ["numbers", &ids[0], &ids[1]] {
        assert!(failure.message.contains(part), "{}", failure.message);
    }
    assert_eq!(
        app.ask("queries:unique", json!({ "n": 2 })).await["_id"],
        json!(ids[2])
    );
    assert_eq!(
        app.ask("queries:unique", json!({ "n": 3 })).await,
        Json::Null
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s018_a_loop_that_ends_early_depends_on_what_it_saw() {
    let app = App::start().await;
    numbers(&app, 0, 200).await;
    let args = json!({ "after": 3 });
    assert_eq!(
        app.ask("queries:breaking", args.clone()).await,
        json!([0.0, 1.0, 2.0])
    );
    let seen = app.result(call("queries:breaking", args)).await;
    app.insert("numbers", &[json!({ "n": 2.5 })]).await;
    assert!(seen.is_valid_at(app.latest()));
    app.insert("numbers", &[json!({ "n": 1.5 })]).await;
    assert!(!seen.is_valid_at(app.latest()));
    let entry = app
        .logs()
        .into_iter()
        .find(|entry| entry["identifier"] == "queries:breaking");
    assert_eq!(
        entry.expect("it was logged")["usageStats"]["databaseReadDocuments"],
        3
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s019_reading_too_much() {
    let app = App::start().await;
    for start in 0..3 {
        let args = json!({ "table": "loose", "from": start * 11_000, "to": (start + 1) * 11_000 });
        app.run("queries:fill", args).await;
    }
    let errors = app
        .ask("queries:readTooMuch", json!({ "how": "scan" }))
        .await;
    let errors = errors.as_array().expect("a list");
    assert_eq!(errors.len(), 2, "caught, and again later");
    for error in errors {
        let error = error.as_str().expect("a text");
        assert!(
            error.starts_with(
                "Too many documents read in a single function execution (limit: 32000)"
            ),
            "{error}"
        );
    }
    let id = app.insert("numbers", &[json!({ "n": 1 })]).await.remove(0);
    let errors = app.ask("queries:readTooMuch", json!({ "how": id })).await;
    assert_eq!(errors.as_array().map(Vec::len), Some(2));
    let error = errors[0].as_str().expect("a text");
    assert!(
        error.starts_with("Too many reads in a single function execution (limit: 4096)"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s020_pages_keep_their_ends() {
    let app = App::start().await;
    numbers(&app, 0, 25).await;
    let first = call(
        "queries:page",
        options(json!({ "numItems": 10, "cursor": null })),
    );
    let page = app.result(first.clone()).await;
    let journal = page
        .journal
        .clone()
        .expect("a paginating query has a journal");
    let page: Json =
        serde_json::from_str(page.outcome.result.as_ref().expect("a page")).expect("JSON");
    assert_eq!(
        (page["page"].as_array().map(Vec::len), &page["isDone"]),
        (Some(10), &json!(false))
    );
    let second = options(json!({ "numItems": 10, "cursor": page["continueCursor"] }));
    let next = app.ask("queries:page", second.clone()).await;
    assert_eq!(next["page"][0], json!(10.0));

    app.insert("numbers", &[json!({ "n": 4.5 })]).await;
    let again = app.result_with(first.clone(), Some(journal.clone())).await;
    assert_eq!(again.journal, Some(journal));
    let again: Json =
        serde_json::from_str(again.outcome.result.as_ref().expect("a page")).expect("JSON");
    assert_eq!(again["page"].as_array().map(Vec::len), Some(11));
    assert_eq!(again["continueCursor"], page["continueCursor"]);
    assert_eq!(
        app.ask("queries:page", second).await,
        next,
        "the next page starts where it did"
    );
    // Without the journal the page is the first ten again.
    let without: Json = app
        .ask(
            "queries:page",
            options(json!({ "numItems": 10, "cursor": null })),
        )
        .await;
    assert_eq!(without["page"].as_array().map(Vec::len), Some(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_cover_everything_once_in_both_directions() {
    let app = App::start().await;
    numbers(&app, 0, 23).await;
    for (path, expected) in [
        ("queries:page", (0..23).map(f64::from).collect::<Vec<_>>()),
        ("queries:pageDown", (0..23).rev().map(f64::from).collect()),
    ] {
        let (mut seen, mut cursor, mut pages) = (Vec::new(), Json::Null, 0);
        loop {
            let page = app
                .ask(path, options(json!({ "numItems": 5, "cursor": cursor })))
                .await;
            seen.extend(
                page["page"]
                    .as_array()
                    .expect("rows")
                    .iter()
                    .filter_map(Json::as_f64),
            );
            pages += 1;
            assert!(page["continueCursor"].is_string());
            cursor = page["continueCursor"].clone();
            if page["isDone"] == true {
                break;
            }
        }
        assert_eq!((seen, pages), (expected, 5));
        let past = app
            .ask(path, options(json!({ "numItems": 5, "cursor": cursor })))
            .await;
        assert_eq!((&past["page"], &past["isDone"]), (&json!([]), &json!(true)));
    }
    // An exact multiple: the last full page is not the end.
    let all = app
        .ask(
            "queries:page",
            options(json!({ "numItems": 23, "cursor": null })),
        )
        .await;
    assert_eq!(
        (all["page"].as_array().map(Vec::len), &all["isDone"]),
        (Some(23), &json!(false))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn split_cursors_cut_a_page_in_two() {
    let app = App::start().await;
    numbers(&app, 0, 30).await;
    let page = app
        .ask(
            "queries:page",
            options(json!({ "numItems": 10, "cursor": null })),
        )
        .await;
    let (split, end) = (&page["splitCursor"], &page["continueCursor"]);
    let half = |cursor: &Json, end: &Json| {
        options(json!({ "numItems": 10, "cursor": cursor, "endCursor": end }))
    };
    let left = app.ask("queries:page", half(&Json::Null, split)).await;
    let right = app.ask("queries:page", half(split, end)).await;
    let rows = |page: &Json| page["page"].as_array().expect("rows").clone();
    assert_eq!([rows(&left), rows(&right)].concat(), rows(&page));
    assert_eq!(
        (&left["continueCursor"], &right["continueCursor"]),
        (split, end)
    );
    assert!(rows(&left).len() >= 4 && rows(&right).len() >= 4);
    let short = app
        .ask(
            "queries:page",
            options(json!({ "numItems": 2, "cursor": null })),
        )
        .await;
    assert_eq!(
        (&short["splitCursor"], &short["pageStatus"]),
        (&Json::Null, &Json::Null)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s021_a_cursor_of_another_query() {
    let app = App::start().await;
    numbers(&app, 0, 10).await;
    let page = app
        .ask(
            "queries:page",
            options(json!({ "numItems": 3, "cursor": null })),
        )
        .await;
    let data = json!({ "isConvexSystemError": true, "paginationError": "InvalidCursor" });
    for cursor in [page["continueCursor"].clone(), json!("nonsense"), json!("")] {
        let failure = app
            .ask_fails(
                "queries:pageDown",
                options(json!({ "numItems": 3, "cursor": cursor })),
            )
            .await;
        assert!(
            failure.message.contains("InvalidCursor: "),
            "{}",
            failure.message
        );
        let found: Json =
            serde_json::from_str(&failure.data.expect("it is a ConvexError")).expect("JSON");
        assert_eq!(found, data);
    }
    let stale = call(
        "queries:page",
        options(json!({ "numItems": 3, "cursor": null })),
    );
    let result = app
        .result_with(stale, Some(Arc::from("not a journal")))
        .await;
    let failure = result
        .outcome
        .result
        .clone()
        .expect_err("the journal is none");
    assert!(failure.data.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn s022_one_pagination_for_each_run() {
    let app = App::start().await;
    let failure = app
        .ask_fails(
            "queries:twoPages",
            options(json!({ "numItems": 1, "cursor": null })),
        )
        .await;
    assert!(
        failure.message.contains("multiple paginated queries"),
        "{}",
        failure.message
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s023_a_page_that_reads_its_maximum() {
    let app = App::start().await;
    numbers(&app, 0, 8).await;
    let rows: Vec<Json> = (8..10).map(|n| json!({ "n": n, "tag": "x" })).collect();
    app.insert("numbers", &rows).await;
    let page = |cursor: Json| {
        let options = json!({ "numItems": 5, "cursor": cursor, "maximumRowsRead": 5 });
        json!({ "paginationOpts": options, "tag": "x" })
    };
    let first = app.ask("queries:page", page(Json::Null)).await;
    assert_eq!(first["page"], json!([]));
    assert_eq!(
        (&first["isDone"], &first["pageStatus"]),
        (&json!(false), &json!("SplitRequired"))
    );
    assert!(first["splitCursor"].is_string());
    let second = app
        .ask("queries:page", page(first["continueCursor"].clone()))
        .await;
    assert_eq!(second["page"], json!([8.0, 9.0]));
    let options = json!({ "numItems": 5, "cursor": null, "maximumBytesRead": 1 });
    let one = app
        .ask("queries:page", json!({ "paginationOpts": options }))
        .await;
    assert_eq!(
        (&one["page"], &one["pageStatus"]),
        (&json!([0.0]), &json!("SplitRequired"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s024_page_sizes() {
    let app = App::start().await;
    for (size, expected) in [
        (
            json!({ "numItems": 0, "cursor": null }),
            "NoDocumentsForPagination",
        ),
        (
            json!({ "numItems": 32_001, "cursor": null }),
            "PageSizeTooLarge",
        ),
        (
            json!({ "numItems": 1, "cursor": null, "maximumRowsRead": 0 }),
            "InvalidPaginationLimit",
        ),
        (
            json!({ "numItems": 1, "cursor": null, "maximumBytesRead": 0 }),
            "InvalidPaginationLimit",
        ),
    ] {
        let failure = app.ask_fails("queries:page", options(size)).await;
        assert!(failure.message.contains(expected), "{}", failure.message);
    }
}
