//! Function handles: function-runtime 11.4, scenario 73.

mod support;
#[path = "support/pushed.rs"]
mod pushed;

use lentil_catalog::{FunctionHandles, ScheduledId};
use lentil_database::Namespace;
use lentil_functions::Ended;
use serde_json::{Value as Json, json};

use pushed::{module, push, push_of, schema, table};
use support::{App, call, host_options};

/// Makes handles and uses them, in every kind of function.
const HOLDER: &str = r#"
const action = (handler) => {
  const made = query(handler);
  delete made.isQuery;
  made.isAction = true;
  made.invokeAction = (id, text) => made.invokeQuery(text);
  return made;
};
const create = (address) => call("1.0/createFunctionHandle", { ...address, version: "1" });
const scheduled = (op, functionHandle, args) => call(op, { functionHandle, ts: Date.now() / 1e3, args, version: "1" });

export const make = query(create);
export const makeInMutation = mutation(create);
export const makeInAction = action(create);
export const hold = mutation(({ handle }) => call("1.0/insert", { table: "handles", value: { handle } }));
export const held = query(async ({ id }) => (await call("1.0/get", { id, isSystem: false, version: "1" })).handle);
export const run = mutation(({ udfType, handle, args }) => call("1.0/runUdf", { udfType, functionHandle: handle, args }));
export const ask = query(({ handle, args }) => call("1.0/runUdf", { udfType: "query", functionHandle: handle, args }));
export const act = action(({ op, handle, args }) =>
  call(`1.0/actions/${op}`, { functionHandle: handle, args, version: "1", requestId: "" }));
export const later = mutation(({ handle, args }) => scheduled("1.0/schedule", handle, args));
export const laterInAction = action(({ handle, args }) => scheduled("1.0/actions/schedule", handle, args));
"#;

/// What handles name.
const TARGET: &str = r#"
export const double = query(({ n }) => 2 * n);
export const note = mutation(({ text }) => call("1.0/insert", { table: "handles", value: { handle: text } }), { internal: true });
export default query(() => "default");
"#;

async fn push_with(app: &App, target: Option<&str>) {
    let tables = json!([table("handles", &[("handle", "string")], &[])]);
    let mut modules = vec![module("holder.js", HOLDER)];
    modules.extend(target.map(|source| module("lib/target.js", source)));
    push(app, push_of(&modules, Some(schema(tables)))).await;
}

async fn start() -> App {
    let app = App::empty(host_options()).await;
    push_with(&app, Some(TARGET)).await;
    app
}

async fn make(app: &App, name: &str) -> Json {
    app.ask("holder:make", json!({ "name": name })).await
}

async fn act(app: &App, path: &str, args: Json) -> Result<Json, String> {
    let outcome = app.functions.action(call(path, args)).await;
    match outcome.result {
        Ok(value) => Ok(serde_json::from_str(&value).expect("values are JSON")),
        Err(failure) => Err(failure.message),
    }
}

async fn double(app: &App, handle: &Json) -> Json {
    let args = json!({ "handle": handle, "args": { "n": 4 } });
    app.ask("holder:ask", args).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_is_the_same_wherever_it_is_made() {
    let app = start().await;
    let handle = make(&app, "lib/target:double").await;
    let text = handle.as_str().expect("a text");
    assert!(text.starts_with("function://"), "{text}");
    assert!(text.ends_with("#lib/target.js:double"), "{text}");
    for address in [
        json!({ "name": "lib/target.js:double" }),
        json!({ "reference": "_reference/function/lib/target:double" }),
        json!({ "functionHandle": handle }),
    ] {
        assert_eq!(app.ask("holder:make", address.clone()).await, handle);
        assert_eq!(
            app.run("holder:makeInMutation", address.clone()).await,
            handle
        );
        assert_eq!(
            act(&app, "holder:makeInAction", address).await.as_ref(),
            Ok(&handle)
        );
    }
    let other = make(&app, "lib/target").await;
    assert_ne!(other, handle);
    let called = json!({ "handle": other, "args": {} });
    assert_eq!(app.ask("holder:ask", called).await, "default");
}

#[tokio::test(flavor = "multi_thread")]
async fn handles_are_called_and_scheduled_by_every_kind_of_function() {
    let app = start().await;
    let query = make(&app, "lib/target:double").await;
    let mutation = make(&app, "lib/target:note").await;
    let action = make(&app, "holder:makeInAction").await;
    assert_eq!(double(&app, &query).await, 8.0);
    let run = json!({ "udfType": "query", "handle": query, "args": { "n": 5 } });
    assert_eq!(app.run("holder:run", run).await, 10.0);
    let run = json!({ "udfType": "mutation", "handle": mutation, "args": { "text": "a" } });
    let id = app.run("holder:run", run).await["_id"].clone();
    assert_eq!(app.ask("holder:held", json!({ "id": id })).await, "a");

    let asked = json!({ "op": "query", "handle": query, "args": { "n": 6 } });
    assert_eq!(act(&app, "holder:act", asked).await, Ok(json!(12.0)));
    let asked = json!({ "op": "mutation", "handle": mutation, "args": { "text": "b" } });
    let id = act(&app, "holder:act", asked).await.expect("it works")["_id"].clone();
    assert_eq!(app.ask("holder:held", json!({ "id": id })).await, "b");
    let asked =
        json!({ "op": "action", "handle": action, "args": { "name": "lib/target:double" } });
    assert_eq!(act(&app, "holder:act", asked).await, Ok(query.clone()));

    let args = json!({ "handle": mutation, "args": { "text": "c" } });
    let in_action = act(&app, "holder:laterInAction", args.clone()).await;
    for id in [
        app.run("holder:later", args).await,
        in_action.expect("it is scheduled"),
    ] {
        let id = ScheduledId {
            namespace: Namespace::ROOT,
            id: id.as_str().and_then(|id| id.parse().ok()).expect("an id"),
        };
        assert_eq!(app.functions.run_scheduled(id).await, Ended::Done);
    }
    // What the mutation called is part of the mutation's own run.
    assert_eq!(app.runs_of("lib/target:note"), 3);

    // Kinds are checked as for names.
    let wrong = json!({ "udfType": "mutation", "handle": query, "args": {} });
    let failure = app.run_fails("holder:run", wrong).await;
    let why = "Trying to execute lib/target:double as Mutation, but it is defined as Query";
    assert!(failure.message.contains(why), "{}", failure.message);
    let wrong = json!({ "handle": query, "args": {} });
    let failure = app.run_fails("holder:later", wrong).await;
    let why = "only mutations and actions can be scheduled";
    assert!(failure.message.contains(why), "{}", failure.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn s073_handles_hold_across_pushes() {
    let app = start().await;
    let handle = make(&app, "lib/target:double").await;
    let id = app.run("holder:hold", json!({ "handle": handle })).await["_id"].clone();

    // Other code under the same path: the same handle, which runs the new code.
    let tripled = TARGET.replace("2 * n", "3 * n");
    push_with(&app, Some(&tripled)).await;
    assert_eq!(make(&app, "lib/target:double").await, handle);
    let kept = app.ask("holder:held", json!({ "id": id })).await;
    assert_eq!(double(&app, &kept).await, 12.0);

    // A server that has just begun knows it from its storage.
    let app = app.reopened().await;
    assert_eq!(double(&app, &kept).await, 12.0);

    // The function is gone: for every way to use the handle. It can still be passed on.
    let others = "export const note = mutation(() => null);";
    for target in [Some(others), None] {
        push_with(&app, target).await;
        let args = json!({ "handle": kept, "args": { "n": 4 }, "op": "query", "udfType": "query" });
        for failure in [
            app.ask_fails("holder:ask", args.clone()).await.message,
            app.run_fails("holder:run", args.clone()).await.message,
            app.run_fails("holder:later", args.clone()).await.message,
            act(&app, "holder:act", args.clone())
                .await
                .expect_err("it is gone"),
            act(&app, "holder:laterInAction", args.clone())
                .await
                .expect_err("it is gone"),
        ] {
            let why = "Uncaught Error: Function handle not found: the function of \"function://";
            assert!(failure.starts_with(why), "{failure}");
        }
        let echoed = app.ask("holder:make", json!({ "functionHandle": kept }));
        assert_eq!(echoed.await, kept);
        let name = json!({ "name": "lib/target:double" });
        let failure = app.ask_fails("holder:make", name).await;
        let why = "Could not find function for 'lib/target:double'";
        assert!(failure.message.contains(why), "{}", failure.message);
    }

    // It comes back, and so does its handle.
    push_with(&app, Some(TARGET)).await;
    assert_eq!(double(&app, &kept).await, 8.0);
    assert_eq!(make(&app, "lib/target:double").await, handle);
}

/// As in a data folder that was last pushed to by a version without handles.
#[tokio::test(flavor = "multi_thread")]
async fn functions_that_were_pushed_before_there_were_handles_get_theirs() {
    let app = start().await;
    let database = app.functions.database().clone();
    let forget = move || {
        let mut tx = database.begin();
        let ids = FunctionHandles::all(&mut tx).expect("they are there");
        let double = (String::new(), "lib/target.js:double".to_owned());
        assert!(ids.contains_key(&double), "{ids:?}");
        for id in ids.into_values() {
            tx.delete(Namespace::ROOT, id).expect("it is there");
        }
        database.commit_blocking(tx).expect("it commits");
    };
    tokio::task::spawn_blocking(forget)
        .await
        .expect("they are forgotten");

    let app = app.reopened().await;
    let handle = make(&app, "lib/target:double").await;
    assert_eq!(double(&app, &handle).await, 8.0);
    push_with(&app, Some(TARGET)).await;
    assert_eq!(make(&app, "lib/target:double").await, handle);
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_that_are_no_handles_are_refused() {
    let app = start().await;
    for handle in [
        "function://",
        "function://nothing#a.js:b",
        "lib/target:double",
    ] {
        let args = json!({ "handle": handle, "args": {} });
        let failure = app.ask_fails("holder:ask", args).await;
        let why = format!(
            "Invalid argument `functionHandle` for `runUdf`: \"{handle}\" is not a function handle"
        );
        assert!(failure.message.contains(&why), "{}", failure.message);
    }
    let failure = app.ask_fails("holder:make", json!({})).await;
    let why = "Invalid argument `name` for `createFunctionHandle`: the function to call is missing";
    assert!(failure.message.contains(why), "{}", failure.message);
}
