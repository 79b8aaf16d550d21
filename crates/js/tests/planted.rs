//! The corpus of escapes notices an escape: what passes as it is fails when the bridge lets
//! something out on purpose (`executor/planted.js`, which releases do not have).

#![allow(clippy::unwrap_used)] // A test that cannot be set up has failed.
#![cfg(debug_assertions)]

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

use lentil_js::{Bundle, CallResult, FunctionKind, Host, HostOptions};
use serde_json::{Value, json};

mod support;
use support::{CHECKS, World, app, invocation, node, options, run_on};

/// `planted/corpus.mjs`, which knows the corpus.
fn corpus(what: &str, input: &Value) -> Vec<String> {
    let mut child = Command::new(node())
        .args(["corpus.mjs", what])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/planted"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let text = input.to_string();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The corpus as functions of a module, and the search for whatever leads out as the last.
fn attackers() -> (Arc<Bundle>, usize) {
    let bodies = corpus("list", &Value::Null);
    let one = |(at, body): (usize, &String)| {
        format!("export const c{at} = query(async (ctx) => {{\n{body}\n}});\n")
    };
    let functions: String = bodies.iter().enumerate().map(one).collect();
    let walls = include_str!("globals/walls.js");
    let bundle = app(&format!(
        "{CHECKS}\n{functions}\nexport const walls = query(async () => {{ const {{wrong, same, fails, end}} = checks();\n{walls}\nreturn end(); }});"
    ));
    (bundle, bodies.len())
}

/// What the corpus has to say about a host.
fn objections(bundle: &Arc<Bundle>, cases: usize, planted: Option<&str>) -> Vec<String> {
    let host = Host::start(HostOptions {
        planted_escape: planted.map(str::to_owned),
        ..options()
    })
    .unwrap();
    let call = |function: &str| {
        let call = invocation(bundle, function, FunctionKind::Query);
        run_on(&host, call, World::echo()).0.result
    };
    let answers: Vec<Value> = (0..cases)
        .map(|at| match call(&format!("c{at}")) {
            CallResult::Value(text) => json!({ "status": "success", "value": serde_json::from_str::<Value>(&text).unwrap() }),
            CallResult::Error(error) => json!({ "status": "error", "errorMessage": error.rendered }),
            other => json!({ "status": "error", "errorMessage": format!("{other:?}") }),
        })
        .collect();
    let mut wrong = corpus("judge", &Value::from(answers));
    match call("walls") {
        CallResult::Value(text) if text == "[]" => {}
        other => wrong.push(format!("walls: {other:?}").chars().take(400).collect()),
    }
    wrong
}

#[test]
fn planted_escapes_are_caught_by_the_corpus() {
    let (bundle, cases) = attackers();
    assert!(cases >= 100, "{cases} cases");
    let none: Vec<String> = Vec::new();
    assert_eq!(objections(&bundle, cases, None), none, "nothing is planted");
    for planted in [
        "function", "method", "result", "promise", "error", "require",
    ] {
        let said = objections(&bundle, cases, Some(planted));
        println!(
            "{planted}: {} objections, such as {:?}",
            said.len(),
            said.first()
        );
        assert!(
            !said.is_empty(),
            "nobody has noticed the planted escape \"{planted}\""
        );
    }
}
