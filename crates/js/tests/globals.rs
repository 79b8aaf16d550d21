//! The globals of function realms: each file of `globals/` is the body of a query that compares
//! what it got with what the Web standards say, and returns the list of what differs.

mod support;

use std::sync::Arc;

use lentil_js::{ActionSyscalls, Answer, CallResult, FunctionKind, Host, SyscallError};
use support::*;

/// The world of actions that ask the server nothing.
struct Nothing;

impl ActionSyscalls for Nothing {
    fn call(self: Arc<Self>, op: String, _: String) -> Answer {
        let message = format!("{op} was not expected");
        Box::pin(async {
            Err(SyscallError::Developer {
                message,
                data: None,
            })
        })
    }
}

fn holds(body: &str) {
    let outcome = query(&app(&format!(
        "{CHECKS} export const f = query(async () => {{ const {{wrong, same, fails, end}} = checks();\n{body}\nreturn end(); }});"
    )));
    assert_eq!(value(&outcome), serde_json::json!([]));
}

#[test]
fn text_encodings_and_base64() {
    holds(include_str!("globals/text.js"));
}

#[test]
fn urls() {
    holds(include_str!("globals/url.js"));
}

#[test]
fn structured_clones() {
    holds(include_str!("globals/clone.js"));
}

#[test]
fn events_and_abort_signals() {
    holds(include_str!("globals/events.js"));
}

#[test]
fn crypto_and_web_crypto() {
    holds(include_str!("globals/crypto.js"));
}

/// In an action, where keys may be made.
#[tokio::test]
async fn keys_and_pairs_of_keys() {
    let body = include_str!("globals/keys.js");
    let bundle = app(&format!(
        "{CHECKS} export const f = action(async () => {{ const {{wrong, same, fails, end}} = checks();\n{body}\nreturn end(); }});"
    ));
    let host = Host::start(options()).unwrap();
    let call = invocation(&bundle, "f", FunctionKind::Action);
    let Ok(outcome) = host.action(&call, Arc::new(Nothing)).await else {
        panic!("the action was refused");
    };
    let CallResult::Value(differs) = outcome.result else {
        panic!("{:?}", outcome.result);
    };
    assert_eq!(differs, "[]");
}

#[test]
fn headers_bodies_and_forms() {
    holds(include_str!("globals/bodies.js"));
}

#[test]
fn readable_streams() {
    holds(include_str!("globals/readable.js"));
}

#[test]
fn clocks() {
    holds(include_str!("globals/time.js"));
}

#[test]
fn small_globals() {
    holds(include_str!("globals/misc.js"));
}

#[test]
fn nothing_leads_out_of_the_realm() {
    holds(include_str!("globals/walls.js"));
}

#[test]
fn randomness_is_seeded() {
    let bundle = app(
        "const first = Math.random(); export const f = query(async () => [first, Math.random(), crypto.randomUUID(), [...crypto.getRandomValues(new Uint8Array(4))]]);",
    );
    let with = |seed: u8| {
        let mut call = invocation(&bundle, "f", FunctionKind::Query);
        call.seed = [seed; 32];
        value(&run_on(host(), call, World::echo()).0)
    };
    let (one, again, other) = (with(1), with(1), with(2));
    assert_eq!(one, again);
    assert_eq!(one[0], other[0], "import has the seed of the push");
    for i in 1..4 {
        assert_ne!(one[i], other[i]);
    }
    let uuid = one[2].as_str().unwrap();
    assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"), "{uuid}");
    let number = one[1].as_f64().unwrap();
    assert!((0.0..1.0).contains(&number), "{number}");
}

#[test]
fn console_lines() {
    let outcome = query(&app(
        "export const f = query(async () => {
           console.debug('d'); console.error(new Error('e').message, 1); console.info({a: [1n]});
           console.log('it\\'s', null, undefined); console.warn(new Map([[1, 2]])); console.trace('t');
           console.time(); console.time(); console.timeLog('default', 'x'); console.timeEnd(); console.timeEnd('none');
           console.log('l', {a: [1, 'x']}); console.time('x'); console.timeLog('x'); console.timeEnd('x');
         });",
    ));
    let lines: Vec<(String, Vec<String>)> = outcome
        .logs
        .iter()
        .map(|line| {
            (
                format!("{:?}", line.level).to_uppercase(),
                line.messages.clone(),
            )
        })
        .collect();
    let simple: Vec<(&str, Vec<&str>)> = lines
        .iter()
        .map(|(level, messages)| {
            (
                level.as_str(),
                messages.iter().map(String::as_str).collect(),
            )
        })
        .collect();
    assert_eq!(simple[0], ("DEBUG", vec!["'d'"]));
    assert_eq!(simple[1], ("ERROR", vec!["'e'", "1"]));
    assert_eq!(simple[2].0, "INFO");
    assert_eq!(simple[3], ("LOG", vec!["'it\\'s'", "null", "undefined"]));
    assert_eq!(simple[4].0, "WARN");
    assert_eq!((simple[5].0, simple[5].1[0]), ("LOG", "'t'"));
    assert!(simple[5].1[1].contains("at "), "{:?}", simple[5]);
    assert_eq!(simple[6], ("WARN", vec!["Timer 'default' already exists"]));
    assert_eq!(simple[7], ("INFO", vec!["default: 0ms", "'x'"]));
    assert_eq!(simple[8], ("INFO", vec!["default: 0ms"]));
    assert_eq!(simple[9], ("WARN", vec!["Timer 'none' does not exist"]));
    assert_eq!((simple[10].0, simple[10].1[0]), ("LOG", "'l'"));
    let object = simple[10].1[1];
    assert!(
        object.contains("a: [") && object.contains("'x'"),
        "{object}"
    );
    assert_eq!(simple[11], ("INFO", vec!["x: 0ms"]));
    assert_eq!(simple[12], ("INFO", vec!["x: 0ms"]));
    assert_eq!(simple.len(), 13);
}

#[test]
fn structured_clone_has_no_transfers() {
    let outcome = query(&app(
        "export const f = query(async () => { const b = new ArrayBuffer(1); try { structuredClone(b, {transfer: [b]}); } catch {} return 1; });",
    ));
    assert_eq!(
        error(&outcome),
        "structuredClone with a transfer list is not supported"
    );
}
