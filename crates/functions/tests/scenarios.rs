//! Numbered scenarios of function-runtime 12 about calls, logs and pushes, those that no other
//! suite has.

mod support;
#[path = "support/pushed.rs"]
mod pushed;

use serde_json::{Value as Json, json};

use pushed::{DATA, finish, module, push, push_of, schema, table, wait};
use support::{App, call, host_options};

async fn empty() -> App {
    App::empty(host_options()).await
}

const RANDOM: &str = "const atImport = Math.random();
    export const roll = mutation(() => [atImport, Math.random()]);";

#[tokio::test(flavor = "multi_thread")]
async fn s042_module_randomness_lasts_until_the_next_push() {
    let app = empty().await;
    push(&app, push_of(&[module("m.js", RANDOM)], None)).await;
    let roll = async || app.run("m:roll", json!({})).await;
    let (one, two) = (roll().await, roll().await);
    assert_eq!(one[0], two[0]);
    assert_ne!(one[1], two[1]);
    let changed = format!("{RANDOM} // changed");
    push(&app, push_of(&[module("m.js", &changed)], None)).await;
    let pushed = roll().await;
    assert_ne!(one[0], pushed[0]);
    assert_eq!(pushed[0], roll().await[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn s054_too_many_lines_and_too_long_ones() {
    let app = empty().await;
    let code = "export const many = query(() => { for (let i = 0; i < 300; i++) console.log(i); });
        export const long = query(() => console.log('x'.repeat(40000)));";
    push(&app, push_of(&[module("m.js", code)], None)).await;
    let many = app.result(call("m:many", json!({}))).await;
    let lines = &many.outcome.log_lines;
    assert_eq!(lines.len(), 256);
    assert_eq!(lines[254], "[LOG] 254");
    assert!(
        lines[255].starts_with("[ERROR] Log overflow"),
        "{}",
        lines[255]
    );
    let long = app.result(call("m:long", json!({}))).await;
    let line = &long.outcome.log_lines[0];
    assert!((32_000..33_000).contains(&line.len()), "{}", line.len());
    assert!(
        line.ends_with("(truncated due to length)"),
        "{}",
        &line[line.len() - 80..]
    );
}

async fn insert(app: &App, a: Json) -> Json {
    app.run("m:insert", json!({ "table": "t", "value": { "a": a } }))
        .await
}

fn with_schema(code: &str, kind: &str, validation: bool) -> Json {
    let mut tables = schema(json!([table("t", &[("a", kind)], &[])]));
    if !validation {
        let source = tables["source"].as_str().expect("text");
        let off = source.replace(
            "\\\"schemaValidation\\\":true",
            "\\\"schemaValidation\\\":false",
        );
        assert_ne!(source, off);
        tables["source"] = off.into();
    }
    push_of(&[module("m.js", code)], Some(tables))
}

#[tokio::test(flavor = "multi_thread")]
async fn s058_a_narrower_validator_over_a_bad_row() {
    let app = empty().await;
    let versioned = |version: u32| format!("{DATA} export const version = query(() => {version});");
    push(&app, with_schema(&versioned(1), "any", true)).await;
    insert(&app, json!("good")).await;
    let bad = insert(&app, json!(5)).await["_id"].clone();
    let started = app
        .deployer
        .start_push(with_schema(&versioned(2), "string", true))
        .await;
    let started = started.expect("it starts");
    let state = wait(&app.deployer, &started, 30_000).await;
    assert_eq!(
        (&state["type"], &state["tableName"]),
        (&json!("failed"), &json!("t"))
    );
    let (said, id) = (
        state["error"].as_str().expect("a text"),
        bad.as_str().expect("an id"),
    );
    assert!(said.contains(id) && said.contains("Path: .a"), "{said}");
    finish(&app.deployer, &started)
        .await
        .expect_err("it is refused");
    assert_eq!(app.ask("m:version", json!({})).await, 1.0);
    insert(&app, json!(6)).await;
    // Nothing is looked at where nothing is enforced.
    push(&app, with_schema(&versioned(3), "string", false)).await;
    assert_eq!(app.ask("m:version", json!({})).await, 3.0);
    insert(&app, json!(7)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s060_a_new_index_serves_the_functions_of_its_push() {
    let app = empty().await;
    push(&app, push_of(&[module("m.js", DATA)], None)).await;
    for n in 0..50 {
        insert(&app, json!(n % 5)).await;
    }
    let indexed = schema(json!([table("t", &[("a", "number")], &[("by_a", &["a"])])]));
    push(&app, push_of(&[module("m.js", DATA)], Some(indexed))).await;
    let by_a = json!({ "table": "t", "index": "by_a", "field": "a", "value": 3 });
    assert_eq!(app.ask("m:byIndex", by_a).await, 10.0);
}
