//! Components at work in one process: what is counted of them, and what the app's own settings mean
//! for functions that were never pushed.

mod support;
#[path = "support/pushed.rs"]
mod pushed;

use lentil_functions::{Call, ComponentPath};
use serde_json::{Value as Json, json};

use pushed::{DATA, module, plain_module, push, push_of};
use support::{App, admin, call_as, host_options};

/// What a `convex.config.js` has to export.
fn config(exported: Json) -> Json {
    let source = format!("export default {{ export() {{ return {exported}; }} }};");
    plain_module("convex.config.js", &source)
}

/// A push of an app of `m.js`, and of the component `part` that has the same module.
fn with_part() -> Json {
    let mut body = push_of(&[module("m.js", DATA)], None);
    let child = json!({ "name": "part", "path": "part", "args": null, "env": [] });
    body["appDefinition"]["definition"] = config(json!({
        "definitionType": { "type": "app" }, "childComponents": [child], "httpMounts": {},
    }));
    body["appDefinition"]["dependencies"] = json!(["part"]);
    body["componentDefinitions"] = json!([{
        "definitionPath": "part", "dependencies": [], "schema": null, "udfServerVersion": "1.48.0",
        "functions": [module("m.js", DATA)],
        "definition": config(json!({
            "definitionType": { "type": "childComponent", "name": "part" }, "childComponents": [],
            "httpMounts": {},
        })),
    }]);
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_one_name_are_counted_by_component() {
    let app = App::empty(host_options()).await;
    push(&app, with_part()).await;
    let insert = async |component: &str| {
        let args = json!({ "table": "notes", "value": { "n": 1 } });
        let done = app.mutate(Call {
            component: ComponentPath(component.to_owned()),
            ..call_as(admin(), "m:insert", args)
        });
        done.await.outcome.result.expect("inserted");
    };
    for component in ["", "part", "part"] {
        insert(component).await;
    }
    let usage = app.functions.usage(1).await.expect("it is told");
    let tables = &usage["days"][0]["tables"];
    // Documents and bytes read, documents inserted, updated, deleted.
    assert_eq!(tables["notes"][2], json!(1), "{tables}");
    assert_eq!(tables["@part/notes"][2], json!(2), "{tables}");
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_name_the_component_of_their_mutation() {
    let app = App::empty(host_options()).await;
    push(&app, with_part()).await;
    let reader = app.functions.read_events();
    let mut since = reader.newest();
    let args = json!({ "table": "notes", "value": { "n": 1 } });
    let done = app.mutate(Call {
        component: ComponentPath("part".to_owned()),
        ..call_as(admin(), "m:insert", args)
    });
    done.await.outcome.result.expect("inserted");
    let commit = loop {
        let news = reader.after(since).await;
        since = news.seq;
        let found = news.events.iter().find(|event| event.topic == "commit");
        if let Some(event) = found {
            break serde_json::from_str::<Json>(&event.line).expect("events are JSON");
        }
    };
    assert_eq!(commit["path"], json!("@part/m:insert"), "{commit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_was_never_pushed_has_the_environment_of_those_that_were() {
    let app = App::empty(host_options()).await;
    let site = "export const site = query(() => process.env.CONVEX_SITE_URL);";
    let mut body = push_of(&[module("m.js", site)], None);
    body["appDefinition"]["definition"] = config(json!({
        "definitionType": { "type": "app" }, "childComponents": [], "httpMounts": {},
        "httpPrefix": "/api/",
    }));
    push(&app, body).await;
    let pushed = app.ask("m:site", json!({})).await;
    assert_eq!(pushed, json!("http://127.0.0.1:3211/api"));
    let source = r#"import { query } from "convex:/_system/repl/wrappers.js";
        export default query({ handler: () => process.env.CONVEX_SITE_URL });"#;
    let asked = app
        .functions
        .one_off_query(source.into(), call_as(admin(), "m:x", json!({})));
    let result = asked.await.result.expect("it runs");
    assert_eq!(&*result, pushed.to_string());
}
