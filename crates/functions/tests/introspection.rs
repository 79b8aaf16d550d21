//! What is seen of the deployment at work (dashboard C4): runs for nothing, conflicts, and that
//! nothing is made of which nobody reads.

mod support;
#[path = "support/pushed.rs"]
mod pushed;

use std::sync::Arc;

use lentil_functions::{EventReader, SeriesQuery, Signal};
use serde_json::{Value as Json, json};

use pushed::{module, push, push_of, schema, table};
use support::{App, call, host_options};

/// Documents with a name that is shown and a number that is not.
const PEOPLE: &str = r#"
export const add = mutation(({ name }) => call("1.0/insert", { table: "people", value: { name, n: 0 } }));
export const nameOf = query(async ({ id }) => (await call("1.0/get", { id })).name);
export const beat = mutation(({ id, n }) => call("1.0/shallowMerge", { id, value: { n } }));
export const rename = mutation(({ id, name }) => call("1.0/shallowMerge", { id, value: { name } }));
"#;

/// Events of a type that came after a number.
async fn events(reader: &EventReader, since: u64, topic: &str) -> Vec<Json> {
    let news = reader.after(since).await;
    let lines = news.events.iter().filter(|event| event.topic == topic);
    lines
        .map(|event| serde_json::from_str(&event.line).expect("events are JSON"))
        .collect()
}

async fn people() -> (App, String) {
    let app = App::empty(host_options()).await;
    push(&app, push_of(&[module("p.js", PEOPLE)], None)).await;
    let added = app.run("p:add", json!({ "name": "Ada" })).await;
    let id = added["_id"].as_str().expect("an id").to_owned();
    (app, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn s033_runs_for_nothing_are_told_from_others() {
    let (app, id) = people().await;
    let question = call("p:nameOf", json!({ "id": id }));
    let signal = Arc::new(Signal::default());
    let mut result = app.result(question.clone()).await;
    let mut watching = result.watch(&signal);
    let reader = app.functions.read_events();
    let mut changed = Vec::new();
    for (path, args) in [
        ("p:beat", json!({ "id": id, "n": 1 })),
        ("p:beat", json!({ "id": id, "n": 2 })),
        ("p:rename", json!({ "id": id, "name": "Grace" })),
    ] {
        let since = reader.newest();
        app.run(path, args).await;
        signal.taken().await;
        result = app.result(question.clone()).await;
        drop(std::mem::replace(&mut watching, result.watch(&signal)));
        let reruns = events(&reader, since, "rerun").await;
        assert_eq!(reruns.len(), 1, "{reruns:?}");
        assert_eq!(
            (&reruns[0]["query"], &reruns[0]["sessions"]),
            (&json!("p:nameOf"), &json!(1))
        );
        changed.push(reruns[0]["changed"].clone());
    }
    assert_eq!(changed, [false, false, true]);
    app.functions.sample().await;
    let snapshot = app
        .functions
        .introspection_snapshot()
        .await
        .expect("a snapshot");
    let group = &snapshot["subscriptions"][0];
    assert_eq!(
        (&group["reruns1m"], &group["unchangedReruns1m"]),
        (&json!(3), &json!(2)),
        "{group}"
    );
    let causes = group["causes"].as_array().expect("causes");
    let paths: Vec<&Json> = causes.iter().map(|cause| &cause["path"]).collect();
    assert_eq!(paths, ["p:rename", "p:beat", "p:beat"]);
    drop(watching);
    app.functions.sample().await;
    let snapshot = app
        .functions
        .introspection_snapshot()
        .await
        .expect("a snapshot");
    assert_eq!(
        snapshot["subscriptions"],
        json!([]),
        "nobody watches any more"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s035_conflicts_name_winner_and_loser() {
    let app = Arc::new(App::start().await);
    let id = app.run("misc:createCounter", json!({})).await;
    let reader = app.functions.read_events();
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (app, id) = (app.clone(), id.clone());
        running.spawn(async move { app.run("misc:increment", json!({ "id": id })).await });
    }
    while let Some(ran) = running.join_next().await {
        ran.expect("it does not panic");
    }
    let conflicts = events(&reader, 0, "conflict").await;
    assert!(!conflicts.is_empty(), "twenty at once meet each other");
    for conflict in &conflicts {
        assert_eq!(conflict["table"], "counters", "{conflict}");
        assert_eq!(conflict["loser"]["path"], "misc:increment");
        assert_eq!(
            (&conflict["outcome"], &conflict["docId"]),
            (&json!("retried"), &id)
        );
    }
    let known = conflicts
        .iter()
        .find(|it| it["winner"]["path"] == "misc:increment");
    let known = known.expect("one of which the winner is known");
    for who in ["loser", "winner"] {
        assert!(known[who]["ranMs"].as_f64() > Some(0.0), "{known}");
    }
    let metrics = app.functions.prometheus().await.expect("they are told");
    let counted = format!("lentil_conflict_retries_total {}\n", conflicts.len());
    assert!(metrics.contains(&counted), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s021_what_an_action_runs_names_the_action() {
    let app = App::start().await;
    let outcome = app
        .functions
        .action(call("acts:addAll", json!({ "numbers": [1, 2] })))
        .await;
    assert!(outcome.result.is_ok(), "{:?}", outcome.result);
    let logs = app.logs();
    let of = |path: &str| {
        logs.iter()
            .find(|entry| entry["identifier"] == path)
            .expect(path)
    };
    let action = of("acts:addAll");
    assert_eq!(action["parentExecutionId"], Json::Null);
    assert_eq!(of("acts:add")["parentExecutionId"], action["executionId"]);
    assert_eq!(of("acts:add")["requestId"], action["requestId"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn s039_what_was_counted_is_known_after_a_restart() {
    let (app, id) = people().await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.expect("a clock").as_secs_f64();
    let calls = async |app: &App| {
        let query = SeriesQuery {
            metric: "calls".to_owned(),
            by: None,
            from: now - 7_200.0,
            to: now + 7_200.0,
            step: Some(60),
        };
        let series = app.functions.series(&query).await.expect("a series");
        let points = series["points"].as_array().expect("points").clone();
        let values = points
            .iter()
            .map(|point| point[1].as_f64().expect("a number"));
        values.sum::<f64>()
    };
    app.run("p:beat", json!({ "id": id, "n": 1 })).await;
    app.functions.keep_open_samples().await;
    assert_eq!(calls(&app).await, 2.0);
    let app = app.reopened().await;
    assert_eq!(calls(&app).await, 2.0);
    app.run("p:beat", json!({ "id": id, "n": 2 })).await;
    app.functions.sample().await;
    assert_eq!(calls(&app).await, 3.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_made_of_which_nobody_reads() {
    let (app, id) = people().await;
    for n in 0..10 {
        app.run("p:beat", json!({ "id": id, "n": n })).await;
        app.ask("p:nameOf", json!({ "id": id })).await;
    }
    let reader = app.functions.read_events();
    assert_eq!(reader.newest(), 0);
    app.run("p:beat", json!({ "id": id, "n": 99 })).await;
    assert!(reader.newest() > 0);
    drop(reader);
    // What the call before made while somebody read may come a moment after its answer.
    let newest = app.functions.read_events().newest();
    app.ask("p:nameOf", json!({ "id": id })).await;
    assert_eq!(app.functions.read_events().newest(), newest);
    let metrics = app.functions.prometheus().await.expect("they are told");
    assert!(
        metrics.contains("lentil_calls_total{kind=\"mutation\",result=\"ok\"} 12\n"),
        "{metrics}"
    );
    assert!(
        metrics.contains("lentil_query_cache_misses_total 11\n"),
        "{metrics}"
    );
}

/// Writes many documents at once.
const MANY: &str = r#"
export const many = mutation(async ({ count }) => {
  for (let n = 0; n < count; n++) await call("1.0/insert", { table: "many", value: { n } });
  return null;
});
"#;

#[tokio::test(flavor = "multi_thread")]
async fn s016_filling_an_index_is_told_step_by_step_until_it_is_ready() {
    let app = App::empty(host_options()).await;
    let body = |indexes: &[(&str, &[&str])]| {
        let tables = json!([table("many", &[("n", "number")], indexes)]);
        push_of(&[module("m.js", MANY)], Some(schema(tables)))
    };
    push(&app, body(&[])).await;
    for _ in 0..3 {
        app.run("m:many", json!({ "count": 1_200 })).await;
    }
    let reader = app.functions.read_events();
    let since = reader.newest();
    app.push(body(&[("by_n", &["n"])])).await;
    let told = events(&reader, since, "index").await;
    let steps = told.iter().map(|event| {
        assert_eq!(event["component"], Json::Null);
        assert_eq!(
            (&event["table"], &event["index"]),
            (&json!("many"), &json!("by_n"))
        );
        let number = |name: &str| event[name].as_u64();
        (
            event["state"].as_str().expect("a state"),
            number("done"),
            number("total"),
        )
    });
    let filling = |done| ("backfilling", Some(done), Some(3_600));
    assert_eq!(
        steps.collect::<Vec<_>>(),
        [
            filling(1_000),
            filling(2_000),
            filling(3_000),
            ("backfilled", Some(3_600), Some(3_600)),
            ("ready", None, None),
        ]
    );
    let snapshot = app.functions.introspection_snapshot().await;
    let snapshot = snapshot.expect("a picture");
    let indexes = snapshot["tables"][0]["indexes"].as_array().expect("a list");
    let by_n = indexes.iter().find(|index| index["name"] == "by_n");
    let by_n = by_n.expect("it is listed");
    assert_eq!(
        (&by_n["state"], &by_n["done"]),
        (&json!("ready"), &Json::Null)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_functions_causes_the_store_and_who_runs() {
    let app = App::start().await;
    let rows = [1, 2, 3].map(|n| json!({ "tag": "x", "n": n }));
    for row in &rows {
        app.insert("numbers", std::slice::from_ref(row)).await;
    }
    let metrics = app.functions.prometheus().await.expect("they are told");
    let value = |line: &str| -> Option<f64> {
        let mut lines = metrics.lines();
        lines.find_map(|it| it.strip_prefix(line)?.trim().parse().ok())
    };
    let sends = r#"{function="data:insertMany",kind="mutation"}"#;
    assert_eq!(
        value(&format!("lentil_function_calls_total{sends}")),
        Some(3.0),
        "{metrics}"
    );
    assert_eq!(
        value(&format!("lentil_function_errors_total{sends}")),
        Some(0.0)
    );
    assert_eq!(
        value(&format!("lentil_function_seconds_count{sends}")),
        Some(3.0)
    );
    assert!(
        value("lentil_commits_total") >= value("lentil_fsyncs_total"),
        "{metrics}"
    );
    assert!(value("lentil_commits_total") > Some(3.0));
    assert!(value("lentil_executors") >= Some(1.0));
    assert_eq!(value("lentil_queued_commits"), Some(0.0));
    let table = r#"component="",table="numbers""#;
    let live = |metric: &str| value(&format!("lentil_{metric}{{{table},state=\"live\"}}"));
    assert_eq!(live("table_documents"), Some(3.0), "{metrics}");
    assert!(live("table_bytes") > Some(30.0));
    let retained = format!(r#"lentil_table_documents{{{table},state="retained"}}"#);
    assert_eq!(value(&retained), Some(0.0));
    let entries = format!(r#"lentil_index_entries{{{table},index="by_n",state="live"}}"#);
    assert_eq!(value(&entries), Some(3.0), "{metrics}");

    let bytes = format!(r#"lentil_index_bytes{{{table},index="by_n",state="live"}}"#);
    let snapshot = app.functions.introspection_snapshot().await;
    let snapshot = snapshot.expect("a picture");
    let tables = snapshot["tables"].as_array().expect("a list");
    let numbers = tables.iter().find(|table| table["name"] == "numbers");
    let indexes = numbers.expect("the table")["indexes"]
        .as_array()
        .expect("a list");
    let by_n = indexes
        .iter()
        .find(|index| index["name"] == "by_n")
        .expect("the index");
    assert!(by_n["bytes"].as_u64() > Some(3), "{by_n}");
    assert_eq!(by_n["bytes"].as_f64(), value(&bytes));
}
