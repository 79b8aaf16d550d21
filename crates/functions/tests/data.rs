//! What functions may ask of the data beyond documents and ranges: counts of ranges, commit
//! timestamps, system tables.

mod support;
#[path = "support/pushed.rs"]
mod pushed;

use serde_json::{Value as Json, json};

use pushed::{DATA, module, push, push_of, schema, table};
use support::{App, host_options};

const COUNTS: &str = r#"
export const countIn = query((args) => call("1.0/count", args));
export const countTwice = mutation(async ({ table, index, range, value }) => {
  const before = await call("1.0/count", { table, index, range });
  await call("1.0/insert", { table, value });
  return [before, await call("1.0/count", { table, index, range })];
});
"#;

async fn app(source: &str, tables: Json) -> App {
    let app = App::empty(host_options()).await;
    let modules = [module("m.js", &format!("{DATA}{source}"))];
    push(&app, push_of(&modules, Some(schema(tables)))).await;
    app
}

async fn insert(app: &App, table: &str, value: Json) -> String {
    let args = json!({ "table": table, "value": value });
    let id = app.run("m:insert", args).await;
    id["_id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_of_indexes_are_counted() {
    let fields = [("room", "string"), ("at", "number")];
    let tables = json!([table("messages", &fields, &[("by_room", &["room", "at"])])]);
    let app = app(COUNTS, tables).await;
    for at in 0..10 {
        insert(&app, "messages", json!({ "room": "a", "at": at })).await;
        insert(&app, "messages", json!({ "room": "b", "at": at * 2 })).await;
    }
    let range = |room: &str, from: i32| {
        json!({ "table": "messages", "index": "by_room", "range": [
            { "type": "Eq", "fieldPath": "room", "value": room },
            { "type": "Gte", "fieldPath": "at", "value": from },
        ] })
    };
    assert_eq!(app.ask("m:countIn", range("a", 3)).await, 7.0);
    assert_eq!(app.ask("m:countIn", range("b", 3)).await, 8.0);
    assert_eq!(app.ask("m:countIn", range("c", 0)).await, 0.0);
    let whole = json!({ "table": "messages", "index": "by_creation_time" });
    assert_eq!(app.ask("m:countIn", whole).await, 20.0);
    assert_eq!(
        app.ask("m:countIn", json!({ "table": "messages" })).await,
        20.0
    );

    let mut own = range("a", 3);
    own["value"] = json!({ "room": "a", "at": 5 });
    assert_eq!(app.run("m:countTwice", own).await, json!([7.0, 8.0]));

    // A write outside of the range leaves the cached count alone, one inside does not.
    let runs = || app.runs_of("m:countIn");
    assert_eq!(app.ask("m:countIn", range("a", 3)).await, 8.0);
    let before = runs();
    insert(&app, "messages", json!({ "room": "a", "at": 2 })).await;
    insert(&app, "messages", json!({ "room": "b", "at": 7 })).await;
    assert_eq!(app.ask("m:countIn", range("a", 3)).await, 8.0);
    assert_eq!(runs(), before);
    insert(&app, "messages", json!({ "room": "a", "at": 4 })).await;
    assert_eq!(app.ask("m:countIn", range("a", 3)).await, 9.0);
    assert_eq!(runs(), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_that_make_no_sense_are_refused() {
    let tables = json!([table("t", &[("a", "string")], &[("by_a", &["a"])])]);
    let app = app(COUNTS, tables).await;
    let on = |index: Json, field: &str| {
        let range = [json!({ "type": "Eq", "fieldPath": field, "value": "x" })];
        json!({ "table": "t", "index": index, "range": range })
    };
    for (args, why) in [
        (on(json!("by_b"), "a"), "Index t.by_b not found."),
        (
            on(json!("by_a"), "b"),
            "uses the field b, which is not in the index",
        ),
        (on(Json::Null, "a"), "a range without the index"),
        (
            json!({ "table": "_tables", "index": "by_id" }),
            "cannot be read by functions",
        ),
    ] {
        let failure = app.ask_fails("m:countIn", args).await;
        assert!(failure.message.contains(why), "{}", failure.message);
    }
}
