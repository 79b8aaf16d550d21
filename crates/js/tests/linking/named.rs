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
