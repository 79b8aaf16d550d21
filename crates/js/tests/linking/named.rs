//! What random graphs have found, each as the smallest graph that shows it.

use super::{Case, Host, options, reference};

/// What V8 makes of these modules, of which `entry.js` exports `observe`, and what the linker does.
fn agree(modules: &[(&str, &str)]) -> Case {
    let graph = serde_json::json!({ "dynamic": false, "modules": modules });
    let case = reference(["graph", &graph.to_string()]).next().unwrap();
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
