//! What functions may ask of the data beyond documents and ranges: counts of ranges, commit
//! timestamps, system tables.

mod support;
#[path = "support/pushed.rs"]
mod pushed;

use lentil_database::Namespace;
use lentil_values::{Object, Value};
use serde_json::{Value as Json, json};

use pushed::{DATA, module, push, push_of, schema, table};
use support::{App, call, host_options, int};

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

const TIMES: &str = r#"
const now = { $commitTs: null };
const stream = async (table, index, range) => {
  const source = { type: "IndexRange", indexName: `${table}.${index}`, range, order: "asc" };
  const text = Convex.syscall("1.0/queryStream", JSON.stringify({ query: { source, operators: [] }, version: "1" }));
  const { queryId } = JSON.parse(text);
  const rows = [];
  for (;;) {
    const { value, done } = await call("1.0/queryStreamNext", { queryId });
    if (done) return rows;
    rows.push(value);
  }
};
const run = (udfType, name, args) => call("1.0/runUdf", { udfType, name, args });
export const write = mutation(async ({ names }) => {
  for (const name of names) await call("1.0/insert", { table: "t", value: { name, at: now, all: [{ at: now }] } });
  const own = await stream("t", "by_at", [{ type: "Eq", fieldPath: "at", value: now }]);
  const snapshot = JSON.parse(Convex.syscall("1.0/getSnapshotTs", "{}"));
  return { at: now, own: own.map((row) => row.name), read: own[0]?.at, snapshot };
});
export const touch = mutation(({ id }) => call("1.0/shallowMerge", { id, value: { at: now } }).then(() => null));
export const nested = mutation(async () => {
  const [viaQuery, viaMutation] = [await run("query", "m:echo", { at: now }), await run("mutation", "m:keep", { at: now })];
  return { viaQuery, viaMutation };
});
const at = { type: "object", value: { at: { fieldType: { type: "commitTs" }, optional: false } } };
export const echo = query(({ at }) => at, { args: at });
export const keep = mutation(async ({ at }) => {
  await call("1.0/insert", { table: "t", value: { name: "kept", at, all: [] } });
  return at;
}, { args: at });
export const schedule = mutation(({ deep }) =>
  call("1.0/schedule", { name: "m:touch", ts: Date.now() / 1e3, args: deep ? { id: [{ at: now }] } : { id: now }, version: "1" }));
export const leak = query(() => ({ deep: [now] }));
export const leakOfChild = query(() => run("query", "m:leak", {}));
export const passOn = query(() => run("query", "m:echo", { at: now }));
export const all = query(() => stream("t", "by_at", []));
export const since = query(({ at }) => stream("t", "by_at", [{ type: "Gt", fieldPath: "at", value: at }]));
"#;

async fn app_with_times() -> App {
    let object = json!({ "type": "object", "value": { "at": { "fieldType": { "type": "bigint" }, "optional": false } } });
    let mut t = table(
        "t",
        &[("name", "string"), ("at", "commitTs")],
        &[("by_at", &["at"])],
    );
    t["documentType"]["value"]["all"] =
        json!({ "fieldType": { "type": "array", "value": object }, "optional": false });
    app(TIMES, json!([t])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn commit_timestamps_are_known_when_the_commit_is() {
    let app = app_with_times().await;
    let done = app
        .mutate(call("m:write", json!({ "names": ["a", "b"] })))
        .await;
    let ts = int(done.ts.expect("it committed").0.cast_signed());
    let result = done.outcome.result.expect("it works");
    let first: Json = serde_json::from_str(&result).expect("JSON");
    assert_eq!(first["at"], ts, "the result has the time of the commit");
    assert_eq!(first["read"], ts);
    assert_eq!(
        first["own"],
        json!(["a", "b"]),
        "own rows have the time to come"
    );
    assert_ne!(first["snapshot"], ts);

    let second = app.run("m:write", json!({ "names": ["c"] })).await;
    assert_eq!(
        second["own"],
        json!(["c"]),
        "rows of other commits have theirs"
    );
    assert_ne!(second["at"], ts);
    let rows = app.ask("m:all", json!({})).await;
    let rows = rows.as_array().expect("a list");
    let seen: Vec<_> = rows.iter().map(|row| (&row["name"], &row["at"])).collect();
    let (a, b, c) = (json!("a"), json!("b"), json!("c"));
    assert_eq!(
        seen,
        [(&a, &ts), (&b, &ts), (&c, &second["at"])],
        "in order"
    );
    assert_eq!(rows[0]["all"], json!([{ "at": ts }]));
    // The index has the time itself, not the place of what is pending.
    let later = app.ask("m:since", json!({ "at": ts })).await;
    assert_eq!(later[0]["name"], "c");
    assert_eq!(later.as_array().map(Vec::len), Some(1));
    let id = rows[0]["_id"].clone();
    app.run("m:touch", json!({ "id": id })).await;
    let moved = app.ask("m:since", json!({ "at": second["at"] })).await;
    assert_eq!(moved[0]["name"], "a", "an update takes a new time");
}

#[tokio::test(flavor = "multi_thread")]
async fn commit_timestamps_stay_within_mutations() {
    let app = app_with_times().await;
    let both = app.run("m:nested", json!({})).await;
    assert_eq!(both["viaQuery"], both["viaMutation"]);
    assert_eq!(app.ask("m:all", json!({})).await[0]["at"], both["viaQuery"]);
    for path in ["m:leak", "m:leakOfChild"] {
        let failure = app.ask_fails(path, json!({})).await;
        let why = "queries cannot return an unresolved commit timestamp";
        assert!(failure.message.contains(why), "{}", failure.message);
    }
    let pending = json!({ "at": { "$commitTs": null } });
    let why = "is known only within a mutation";
    for failure in [
        app.ask_fails("m:passOn", json!({})).await,
        app.ask_fails("m:echo", pending.clone()).await,
        app.run_fails("m:keep", pending).await,
    ] {
        assert!(failure.message.contains(why), "{}", failure.message);
    }
}

/// Scenario 38, which says more than this; the rest is above.
#[tokio::test(flavor = "multi_thread")]
async fn s038_scheduled_arguments_hold_no_commit_timestamp() {
    let app = app_with_times().await;
    for deep in [false, true] {
        let failure = app.run_fails("m:schedule", json!({ "deep": deep })).await;
        let why = "Invalid argument `args` for `scheduler.runAt`: db.vars.commitTs is known only when the mutation has \
                   committed, so that it cannot be passed to a scheduled function.";
        assert!(failure.message.contains(why), "{}", failure.message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mutation_sent_again_has_the_timestamp_of_its_commit() {
    let app = app_with_times().await;
    let request = lentil_functions::SessionRequest {
        session_id: uuid::Uuid::from_u128(7),
        request_id: 1,
    };
    let mut results = Vec::new();
    for _ in 0..2 {
        let call = call("m:write", json!({ "names": ["once"] }));
        let done = app.mutate_once(call, request).await;
        results.push((done.ts, done.outcome.result.expect("it works")));
    }
    assert_eq!(results[0], results[1]);
    assert!(results[0].1.contains("$integer"), "{}", results[0].1);
}

const SYSTEM: &str = r#"
const stream = async (source) => {
  const text = Convex.syscall("1.0/queryStream", JSON.stringify({ query: { source, operators: [] }, version: "1" }));
  const { queryId } = JSON.parse(text);
  const rows = [];
  for (;;) {
    const { value, done } = await call("1.0/queryStreamNext", { queryId });
    if (done) return rows;
    rows.push(value);
  }
};
export const list = query(({ table }) => stream({ type: "FullTableScan", tableName: table, order: "desc" }));
export const byId = query(({ table, id }) => {
  const range = [{ type: "Eq", fieldPath: "_id", value: id }];
  return stream({ type: "IndexRange", indexName: `${table}.by_id`, range, order: "asc" });
});
export const get = query(({ id, isSystem }) => call("1.0/get", { id, isSystem, version: "1" }));
export const normalize = query(({ table, id }) =>
  JSON.parse(Convex.syscall("1.0/db/normalizeId", JSON.stringify({ table, idString: id }))).id);
export const remove = mutation(({ id }) => call("1.0/remove", { id }));
"#;

/// What the server itself would write.
async fn store(app: &App, size: f64) -> String {
    let database = app.functions.database();
    let mut tx = database.begin();
    let fields = Object::from([
        ("contentType".to_owned(), Value::Null),
        ("sha256".to_owned(), Value::String("c2hh".to_owned())),
        ("size".to_owned(), Value::Float64(size)),
    ]);
    let id = tx.insert(Namespace::ROOT, "_storage", fields);
    database.commit(tx).await.expect("it commits");
    id.expect("the table is there").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn system_tables_are_read_like_others_and_written_by_nobody() {
    let app = app(SYSTEM, json!([])).await;
    for table in ["_storage", "_scheduled_functions"] {
        let none = app.ask("m:list", json!({ "table": table })).await;
        assert_eq!(none, json!([]), "{table}");
    }
    let id = store(&app, 1.0).await;
    let listed = app.ask("m:list", json!({ "table": "_storage" })).await;
    assert_eq!(listed[0]["_id"], json!(id), "the query is live");
    assert_eq!(
        (&listed[0]["sha256"], &listed[0]["size"]),
        (&json!("c2hh"), &json!(1.0))
    );
    let other = store(&app, 2.0).await;
    let listed = app.ask("m:list", json!({ "table": "_storage" })).await;
    assert_eq!(
        (&listed[0]["_id"], &listed[1]["_id"]),
        (&json!(other), &json!(id))
    );
    let one = app
        .ask("m:byId", json!({ "table": "_storage", "id": other }))
        .await;
    assert_eq!(one, json!([listed[0]]));
    let got = app
        .ask("m:get", json!({ "id": id, "isSystem": true }))
        .await;
    assert_eq!(got, listed[1]);
    let normalized = |table: &str| json!({ "table": table, "id": id });
    assert_eq!(
        app.ask("m:normalize", normalized("_storage")).await,
        json!(id)
    );
    let other_table = app
        .ask("m:normalize", normalized("_scheduled_functions"))
        .await;
    assert_eq!(other_table, Json::Null);
    let failure = app
        .ask_fails("m:get", json!({ "id": id, "isSystem": false }))
        .await;
    assert!(
        failure.message.contains("Use `db.system.get` instead."),
        "{}",
        failure.message
    );

    let insert = json!({ "table": "_storage", "value": {} });
    for failure in [
        app.run_fails("m:insert", insert).await,
        app.run_fails("m:remove", json!({ "id": id })).await,
    ] {
        assert!(
            failure.message.contains("are read-only."),
            "{}",
            failure.message
        );
    }
    // The server's own tables stay its own.
    let failure = app.ask_fails("m:list", json!({ "table": "_tables" })).await;
    assert!(
        failure.message.contains("cannot be read by functions"),
        "{}",
        failure.message
    );
}

const BESIDE: &str = r#"
const sync = (op, args) => JSON.parse(Convex.syscall(op, JSON.stringify(args)));
export const argument = query(() => sync("1.0/componentArgument", { name: "x" }));
export const operation = query(() => sync("1.0/requireOperation", { operation: "x" }));
export const times = mutation(async () => {
  const snapshot = () => sync("1.0/getSnapshotTs", {});
  const child = (udfType) => call("1.0/runUdf", { udfType, name: "m:time", args: {} });
  return [snapshot(), await child("query"), await child("snapshotQuery"), snapshot()];
});
export const time = query(() => sync("1.0/getSnapshotTs", {}));
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_root_app_has_no_arguments_and_one_snapshot() {
    let app = app(BESIDE, json!([])).await;
    let failure = app.ask_fails("m:argument", json!({})).await;
    assert!(
        failure.message.contains("NoComponentArgs"),
        "{}",
        failure.message
    );
    assert_eq!(app.ask("m:operation", json!({})).await, Json::Null);
    let times = app.run("m:times", json!({})).await;
    let times = times.as_array().expect("a list");
    assert!(times.iter().all(|time| *time == times[0]), "{times:?}");
    let before = app.latest();
    insert(&app, "t", json!({})).await;
    let now = int(app.latest().0.cast_signed());
    assert!(app.latest() > before);
    assert_eq!(app.ask("m:time", json!({})).await, now);
}
