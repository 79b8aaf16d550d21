//! Mutations that do not wait for their writes end as those that do: the same results, the same
//! errors in the same places, the same documents.

mod support;
#[path = "support/pushed.rs"]
mod pushed;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lentil_functions::SessionRequest;
use pushed::{module, push, push_of, schema, table};
use serde_json::{Value as Json, json};
use support::{App, call};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// Counts writes that came without anybody waiting for them.
#[derive(Clone, Default)]
struct Posted(Arc<AtomicUsize>);

impl<S: tracing::Subscriber> Layer<S> for Posted {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let posted = event.metadata().target() == "lentil::station"
            && event.metadata().fields().field("posted").is_some();
        self.0.fetch_add(usize::from(posted), Ordering::SeqCst);
    }
}

/// Does what its arguments say, step by step; documents are named by the order of their inserts.
const STEPS: &str = r#"
const run = async ({ steps }) => {
  const ids = [];
  const of = (n) => ids[n] ?? "k5700000000000000000000000000000";
  const one = async ([what, ...args]) => {
    switch (what) {
      case "insert": {
        const { _id } = await call("1.0/insert", { table: args[0], value: args[1] });
        ids.push(_id);
        return "inserted";
      }
      case "big":
        return await call("1.0/shallowMerge", { id: of(args[0]), value: { text: "x".repeat(1100000) } }), "grown";
      case "patch":
        return await call("1.0/shallowMerge", { id: of(args[0]), value: args[1] }), "patched";
      case "replace":
        return await call("1.0/replace", { id: of(args[0]), value: args[1] }), "replaced";
      case "remove":
        return await call("1.0/remove", { id: of(args[0]) }), "removed";
      case "get": {
        const found = await call("1.0/get", { id: of(args[0]) });
        return found === null ? null : { n: found.n, text: found.text };
      }
      case "count": return await call("1.0/count", { table: args[0] });
      case "normalize":
        return JSON.parse(Convex.syscall("1.0/db/normalizeId", JSON.stringify({ table: args[0], idString: of(args[1]) }))).id === of(args[1]);
      case "all": return await Promise.all(args.map(one));
      case "void": return void one(args[0]), "begun";
      case "try":
        try { return await one(args[0]); } catch (error) { return `caught ${error.message}`; }
      case "late": {
        const promise = one(args[0]);
        await one(["count", "rows"]);
        return await promise.catch((error) => `late ${error.message}`);
      }
      case "many": {
        for (let i = 0; i < args[0]; i++) await one(args[1]);
        return args[0];
      }
      case "throw": throw new Error(args[0]);
      case "spin": for (;;);
    }
  };
  const out = [];
  for (const step of steps) out.push(await one(step));
  return out;
};
"#;

fn cases() -> Vec<Json> {
    let good = json!(["insert", "rows", { "n": 1, "text": "" }]);
    let bad = json!(["insert", "rows", { "n": "one", "text": "" }]);
    let gone = json!(["patch", 7, { "n": 2 }]);
    vec![
        json!([good, ["get", 0]]),
        json!([good, ["patch", 0, { "n": 5 }], ["get", 0], ["count", "rows"]]),
        json!([good, good, ["replace", 1, { "n": 6, "text": "six" }], ["remove", 0], ["get", 0], ["get", 1]]),
        json!([good, ["normalize", "rows", 0], ["patch", 0, { "n": 8 }]]),
        json!([bad]),
        json!([good, bad, ["throw", "not reached"]]),
        json!([["try", bad], good]),
        json!([good, ["try", ["patch", 0, { "n": "two" }]], ["get", 0]]),
        json!([["void", bad], good]),
        json!([["void", bad]]),
        json!([["late", bad], good]),
        json!([["late", gone]]),
        json!([["all", good, bad, good]]),
        json!([["all", good, ["get", 0], good]]),
        json!([gone, ["throw", "not reached"]]),
        json!([["try", gone], ["throw", "reached"]]),
        json!([good, ["remove", 0], ["remove", 0]]),
        json!([good, ["remove", 0], ["try", ["remove", 0]], ["patch", 0, { "n": 1 }]]),
        json!([["insert", "_storage", {}]]),
        json!([["insert", "other", { "free": true }], ["count", "other"]]),
        json!([["insert", "rows", { "_id": "x", "n": 1, "text": "" }]]),
        json!([good, ["big", 0]]),
        json!([good, ["try", ["big", 0]], ["get", 0]]),
        json!([["many", 40, good]]),
        json!([good, ["many", 150, ["patch", 0, { "n": 3 }]], ["get", 0]]),
        json!([good, ["throw", "on purpose"]]),
        json!([bad, ["spin"]]),
        json!([good, ["try", gone], ["many", 70, ["try", gone]]]),
    ]
}

/// How a mutation ended, and what it left; the names of functions and ids of documents are left out.
async fn run(app: &App, name: &str, steps: &Json) -> Json {
    let args = json!({ "steps": steps });
    let done = app.mutate(call(&format!("m:{name}"), args)).await;
    let ended = match done.outcome.result {
        Ok(value) => json!({ "value": &*value }),
        Err(failure) => json!({ "message": failure.message, "data": failure.data }),
    };
    let left = app.ask("m:rows", json!({})).await;
    app.mutate(call("m:clear", json!({}))).await;
    let text = json!({ "ended": ended, "left": left }).to_string();
    // Two ids or names are the same length, and stand in the same places.
    let mut known = text.replace(&format!("m:{name}"), "m:f");
    for word in text.split(|c: char| !c.is_ascii_alphanumeric()) {
        if word.len() == 32 && word != "k5700000000000000000000000000000" {
            known = known.replace(word, "ID");
        }
    }
    serde_json::from_str(&known).expect("still JSON")
}

/// One test, since what is counted is the process's.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_tell_whether_a_mutation_waits_for_its_writes() {
    let posted = Posted::default();
    let subscriber = tracing_subscriber::registry().with(posted.clone());
    tracing::subscriber::set_global_default(subscriber).expect("the first");
    let app = App::empty(support::host_options()).await;
    let cases = cases();
    let functions: String = (0..cases.len() + 1)
        .map(|n| {
            format!(
                "export const waits{n} = mutation(run);\nexport const posts{n} = mutation(run);\n"
            )
        })
        .collect();
    let others = r#"
        const walk = async (table, each) => {
          const source = { type: "FullTableScan", tableName: table, order: "asc" };
          const text = Convex.syscall("1.0/queryStream", JSON.stringify({ query: { source, operators: [] }, version: "1" }));
          const { queryId } = JSON.parse(text);
          for (let row; !(row = await call("1.0/queryStreamNext", { queryId })).done; ) await each(row.value);
        };
        export const rows = query(async () => {
          const out = [];
          for (const table of ["rows", "other"]) await walk(table, ({ n, text }) => out.push([table, n ?? null, text?.length ?? null]));
          return out;
        });
        export const clear = mutation(async () => {
          for (const table of ["rows", "other"]) {
            const found = [];
            await walk(table, ({ _id }) => found.push(_id));
            for (const id of found) await call("1.0/remove", { id });
          }
          return null;
        });"#;
    let modules = [module("m.js", &format!("{STEPS}{functions}{others}"))];
    let tables = json!([
        table("rows", &[("n", "number"), ("text", "string")], &[]),
        { "tableName": "other", "indexes": [], "documentType": { "type": "any" } },
    ]);
    push(&app, push_of(&modules, Some(schema(tables)))).await;

    let good = json!(["insert", "rows", { "n": 1, "text": "" }]);
    let usual = json!([good, ["patch", 0, { "n": 2 }], good]);
    for (n, steps) in cases.iter().enumerate() {
        let waited = run(&app, &format!("waits{n}"), steps).await;
        let name = format!("posts{n}");
        // After this it is known to write, and what.
        run(&app, &name, &usual).await;
        let before = posted.0.load(Ordering::SeqCst);
        let went_on = run(&app, &name, steps).await;
        assert_eq!(went_on, waited, "{steps}");
        // Clearing up posts, too, where there is something; not counted is what fails at once.
        let count = posted.0.load(Ordering::SeqCst) - before;
        let first = (steps[0][0].as_str(), steps[0][1].as_str());
        let writes_first = matches!(
            first,
            (Some("insert"), Some("rows")) | (Some("patch" | "many"), _)
        );
        // What is ended by force has told of nothing.
        let ended = steps[1][0] == "spin";
        assert!(
            count > 0 || ended || !writes_first,
            "{steps} posted nothing"
        );
    }

    // A request that is numbered takes effect once, though it runs twice.
    let name = format!("posts{}", cases.len());
    run(&app, &name, &usual).await;
    let bad = json!(["insert", "rows", { "n": "one", "text": "" }]);
    let args = json!({ "steps": [good, ["try", bad], good] });
    let request = SessionRequest {
        session_id: uuid::Uuid::from_u128(7),
        request_id: 1,
    };
    for _ in 0..2 {
        let once = call(&format!("m:{name}"), args.clone());
        let done = app.mutate_once(once, request).await;
        assert!(done.outcome.result.is_ok(), "{done:?}");
    }
    let left = app.ask("m:rows", json!({})).await;
    assert_eq!(left.as_array().map(Vec::len), Some(2), "{left}");
}
