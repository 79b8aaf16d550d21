//! What random graphs have found, each as the smallest graph that shows it.

use super::{Case, Host, options, reference};

/// What V8 makes of these modules, of which `entry.js` exports `observe`, and what the linker does.
fn agree(modules: &[(&str, &str)]) -> Case {
    let graph = serde_json::json!({ "dynamic": false, "modules": modules });
    let case = reference(["graph", &graph.to_string()]).last().unwrap();
    let said = case.objection(&Host::start(options()).unwrap());
    assert_eq!(said, None);
    case
}

/// V8 takes `for (x.async of …)` for a loop over a variable called `async`.
#[test]
fn a_loop_may_be_over_an_import_that_is_exported_as_async() {
    let entry = "import { async as it } from './m.js';
        export const observe = () => { try { for (it of [1]); } catch (e) { return [e.name, it]; } };";
    let case = agree(&[
        ("m.js", "let a = 7; export { a as async };"),
        ("entry.js", entry),
    ]);
    assert_eq!(
        case.expected.value,
        Some(serde_json::json!(["TypeError", 7]))
    );
}

/// Two stars that lead to one binding by two of its names are not in conflict.
#[test]
fn a_binding_of_two_names_is_one() {
    let entry =
        "import * as both from './both.js'; export const observe = () => Object.keys(both);";
    let case = agree(&[
        ("m.js", "let a = 7; export { a as x, a as y };"),
        ("p.js", "export { x as it } from './m.js';"),
        ("q.js", "export { y as it } from './m.js';"),
        ("both.js", "export * from './p.js'; export * from './q.js';"),
        ("entry.js", entry),
    ]);
    assert_eq!(case.expected.value, Some(serde_json::json!(["it"])));
}

/// Two variables that hold one namespace object are two bindings, and in V8 so are two of
/// `export * as`.
#[test]
fn a_namespace_object_in_two_variables_is_two_bindings() {
    let entry = "import * as both from './both.js'; import * as one from './one.js';
        export const observe = () => [Object.keys(both), Object.keys(one)];";
    let p =
        "import * as n from './m.js'; export { n, n as again }; export * as star from './m.js';";
    let q = "import * as n from './m.js'; export { n }; export * as star from './m.js';";
    let case = agree(&[
        ("m.js", "export let a = 7;"),
        ("p.js", p),
        ("q.js", q),
        ("both.js", "export * from './p.js'; export * from './q.js';"),
        ("r.js", "export { n as k } from './p.js';"),
        ("s.js", "export { again as k } from './p.js';"),
        ("one.js", "export * from './r.js'; export * from './s.js';"),
        ("entry.js", entry),
    ]);
    assert_eq!(
        case.expected.value,
        Some(serde_json::json!([["again"], ["k"]]))
    );
}

/// What is in conflict further down cannot be imported, but a namespace object shows what is left.
#[test]
fn a_conflict_further_down_is_as_good_as_absent_in_namespace_objects() {
    let modules = [
        ("one.js", "export let x = 1;"),
        ("two.js", "export let x = 2; export let y = 3;"),
        (
            "both.js",
            "export * from './one.js'; export * from './two.js';",
        ),
        (
            "top.js",
            "export * from './one.js'; export * from './both.js';",
        ),
    ];
    let entry = "import * as top from './top.js'; import * as both from './both.js';
        export const observe = () => [Object.entries(top), Object.entries(both)];";
    let case = agree(&[&modules[..], &[("entry.js", entry)]].concat());
    let seen = serde_json::json!([[["x", 1], ["y", 3]], [["y", 3]]]);
    assert_eq!(case.expected.value, Some(seen));
    let entry = "import { x } from './top.js'; export const observe = () => x;";
    let case = agree(&[&modules[..], &[("entry.js", entry)]].concat());
    assert_eq!(case.expected.link.as_deref(), Some("SyntaxError"));
}

#[test]
fn modules_that_export_all_of_one_another_show_all() {
    let entry =
        "import * as a from './one.js'; import * as b from './two.js'; import * as c from './three.js';
        export const observe = () => [a, b, c].map((it) => Object.entries(it));";
    let case = agree(&[
        ("one.js", "export * from './two.js'; export let one = 1;"),
        ("two.js", "export * from './three.js'; export let two = 2;"),
        (
            "three.js",
            "export * from './one.js'; export let three = 3;",
        ),
        ("entry.js", entry),
    ]);
    let all = serde_json::json!([["one", 1], ["three", 3], ["two", 2]]);
    assert_eq!(
        case.expected.value,
        Some(serde_json::json!([all, all, all]))
    );
}
