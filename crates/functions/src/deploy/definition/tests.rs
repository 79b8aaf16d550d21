//! What definitions of components may say.

use serde_json::json;

use super::*;

fn read(exported: &Json) -> Result<Definition, String> {
    Definition::read("", &exported.to_string()).map_err(|error| error.code.to_owned())
}

fn app(children: &Json, mounts: &Json) -> Json {
    json!({
        "definitionType": { "type": "app" }, "childComponents": children, "httpMounts": mounts,
        "exports": { "type": "branch", "branch": [] },
    })
}

#[test]
fn children_have_names_of_their_own() {
    let child = |name: &str| json!({ "name": name, "path": "sub/kid", "args": [], "env": null });
    let good = read(&app(&json!([child("a"), child("b")]), &json!({}))).expect("good");
    assert_eq!(good.children.len(), 2);
    assert_eq!(good.children["a"].definition_path, "sub/kid");
    for name in ["", "a/b", "a-b", "ä"] {
        let refused = read(&app(&json!([child(name)]), &json!({})));
        assert_eq!(refused.expect_err(name), "InvalidComponentName");
    }
    let twice = read(&app(&json!([child("a"), child("a")]), &json!({})));
    assert_eq!(twice.expect_err("two of a name"), "TypecheckError");
    let component = json!({ "definitionType": { "type": "childComponent", "name": "x" } });
    assert_eq!(read(&component).expect_err("no app"), "InvalidConvexConfig");
}

#[test]
fn mounts_are_of_children_and_are_prefixes() {
    let children = json!([{ "name": "a", "path": "kid", "env": null }]);
    let reference = "_reference/childComponent/a";
    let good = read(&app(&children, &json!({ "/a/": reference }))).expect("good");
    assert_eq!(good.children["a"].http_prefix.as_deref(), Some("/a/"));
    for mounts in [
        json!({ "/a/": "_reference/childComponent/b" }),
        json!({ "a/": reference }),
        json!({ "/a": reference }),
        json!({ "/a*/": reference }),
        json!({ "/a/": reference, "/b/": reference }),
    ] {
        let refused = read(&app(&children, &mounts));
        assert_eq!(refused.expect_err("no mount"), "TypecheckError", "{mounts}");
    }
}

#[test]
fn public_functions_are_exported_by_file() {
    let function = |name: &str, kind: &str| {
        serde_json::from_value(json!({
            "name": name, "pos": null, "udfType": "Query", "visibility": { "kind": kind },
            "args": null, "returns": null,
        }))
        .expect("a function")
    };
    let module = |functions| AnalyzedModuleJson {
        functions,
        ..AnalyzedModuleJson::empty()
    };
    let definition = Definition {
        path: "kid".to_owned(),
        ..Definition::none()
    };
    let mut analysis = BTreeMap::from([
        (
            "lib/a.js".to_owned(),
            module(vec![function("f", "public"), function("g", "internal")]),
        ),
        (
            "b.js".to_owned(),
            module(vec![function("default", "public")]),
        ),
    ]);
    let exports = Exports::of(&definition, &analysis).expect("good");
    assert_eq!(
        exports.to_definition(),
        json!({ "type": "branch", "branch": [
            ["b", { "type": "branch", "branch": [
                ["default", { "type": "leaf", "leaf": "_reference/function/b:default" }],
            ] }],
            ["lib", { "type": "branch", "branch": [
                ["a", { "type": "branch", "branch": [
                    ["f", { "type": "leaf", "leaf": "_reference/function/lib/a:f" }],
                ] }],
            ] }],
        ] })
    );
    let checked = exports.to_checked("x/y");
    assert_eq!(
        checked["b"]["children"]["default"]["resource"]["path"],
        json!({ "component": "x/y", "udfPath": "b:default" })
    );
    analysis.insert("lib.js".to_owned(), module(vec![function("a", "public")]));
    let refused = Exports::of(&definition, &analysis).expect_err("two at one path");
    assert_eq!(refused.code, "InvalidExport");
}
