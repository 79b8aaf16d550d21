//! Node actions as a push makes them live, and what of them lasts.

mod support;
#[path = "support/pushed.rs"]
mod pushed;

use serde_json::{Value as Json, json};

use pushed::{module, push, push_of, refused};
use support::*;

/// A push of a query and of a Node module that asks it.
fn app_of(source: &str) -> Json {
    let mut node = module("n.js", source);
    node["environment"] = "node".into();
    push_of(
        &[module("m.js", "export const f = query(() => 7);"), node],
        None,
    )
}

const NODE: &str = "
import { readFileSync } from 'node:fs';
const act = (handler, options) => {
  const it = made('isAction', 'invokeAction', handler, options);
  const { invokeAction } = it;
  it.invokeAction = (id, text) => invokeAction(text);
  return it;
};
export const f = act(async () => {
  console.log('in node');
  return [typeof readFileSync, await call('1.0/actions/query', { name: 'm:f', args: {}, version: '1' })];
});
export const hidden = act(async () => 1, { internal: true });
export const strict = act(async () => 1, { args: { type: 'object', value: {} } });
";

async fn acted(app: &App, path: &str, args: Json) -> Result<Json, String> {
    let outcome = app.functions.action(call(path, args)).await;
    match outcome.result {
        Ok(value) => Ok(serde_json::from_str(&value).expect("values are JSON")),
        Err(failure) => Err(failure.message),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn node_modules_are_live_after_the_push_and_after_a_restart() {
    let app = App::empty(host_options()).await;
    let (started, _) = push(&app, app_of(NODE)).await;
    let functions = &started["analysis"][""]["functions"]["n.js"]["functions"];
    let names: Vec<_> = functions
        .as_array()
        .expect("a list")
        .iter()
        .map(|f| &f["name"])
        .collect();
    assert_eq!(names, ["f", "hidden", "strict"]);
    let works = Ok(json!(["function", 7.0]));
    assert_eq!(acted(&app, "n:f", json!({})).await, works);
    let logs = app.logs();
    let entry = |kind: &str| {
        let mut own = logs.iter().filter(|entry| entry["identifier"] == "n:f");
        own.find(|entry| entry["kind"] == kind)
            .expect("it is logged")
    };
    let end = entry("Completion");
    assert_eq!(
        (&end["environment"], &end["udfType"]),
        (&json!("node"), &json!("Action"))
    );
    let lines = &entry("Progress")["logLines"];
    assert_eq!(lines[0]["messages"], json!(["'in node'"]));
    let hidden = acted(&app, "n:hidden", json!({}))
        .await
        .expect_err("it is internal");
    assert!(
        hidden.contains("Could not find public function"),
        "{hidden}"
    );
    let wrong = acted(&app, "n:strict", json!({ "more": 1 }))
        .await
        .expect_err("it is checked");
    assert!(wrong.contains("ArgumentValidationError"), "{wrong}");

    let app = app.reopened().await;
    assert_eq!(acted(&app, "n:f", json!({})).await, works);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_node_runs_with_is_kept_and_told_to_the_cli() {
    let app = App::empty(host_options()).await;
    // Without a Node module nothing is fetched or installed.
    let mut body = push_of(&[module("m.js", "export const f = query(() => 7);")], None);
    body["nodeVersion"] = "22".into();
    body["nodeDependencies"] = json!([{ "name": "sharp", "version": "0.34.5" }]);
    let (started, _) = push(&app, body.clone()).await;
    assert!(started["externalDepsId"].is_string());
    let app = app.reopened().await;
    assert_eq!(app.ask("m:f", json!({})).await, 7.0);
    let config = app
        .deployer
        .get_config_hashes(json!({}))
        .await
        .expect("it can be asked");
    assert_eq!(config["nodeVersion"], "22");
    assert_eq!(config["nodeDependencies"], body["nodeDependencies"]);

    for (member, value, code) in [
        ("nodeVersion", json!("18"), "NodeVersionNotSupported"),
        ("nodeVersion", json!(22), "BadJsonBody"),
        (
            "nodeDependencies",
            json!([{ "name": "a", "version": "file:/" }]),
            "InvalidNodeDependencies",
        ),
        ("nodeDependencies", json!([{ "name": "a" }]), "BadJsonBody"),
    ] {
        let mut bad = body.clone();
        bad[member] = value;
        let error = refused(&app, bad).await;
        assert_eq!((error.status, error.code), (400, code), "{error}");
    }
    push(&app, push_of(&[], None)).await;
    let config = app
        .deployer
        .get_config_hashes(json!({}))
        .await
        .expect("it can be asked");
    assert_eq!(
        (config.get("nodeVersion"), &config["nodeDependencies"]),
        (None, &json!([]))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_in_a_node_module_fails_the_push() {
    let app = App::empty(host_options()).await;
    let error = refused(&app, app_of("export const q = query(() => 1);")).await;
    assert_eq!((error.status, error.code), (400, "InvalidModule"));
    assert!(
        error.message.contains("only actions run in Node.js"),
        "{error}"
    );
}
