//! System functions: what the CLI asks, and how the answers stay live (cli-and-deploy 3.2).

mod support;
#[path = "support/pushed.rs"]
mod pushed;

use std::sync::Arc;

use lentil_functions::{Call, FailureClass, Origin, QueryResult};
use lentil_identity::Identity;
use serde_json::{Value as Json, json};

use pushed::{DATA, module, plain_module, push, push_of, schema, table};
use support::{App, admin, call, call_as, host_options, read_only_admin, user};

async fn empty() -> App {
    App::empty(host_options()).await
}

async fn live(app: &App, path: &str, args: Json) -> Arc<QueryResult> {
    app.result(call_as(admin(), path, args)).await
}

async fn ask(app: &App, path: &str, args: Json) -> Json {
    let result = live(app, path, args).await;
    let text = result.outcome.result.as_ref();
    serde_json::from_str(text.unwrap_or_else(|failure| panic!("{path}: {}", failure.message)))
        .expect("JSON")
}

async fn insert(app: &App, table: &str, value: Json) {
    app.run("m:insert", json!({ "table": table, "value": value }))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_function_of_the_cli_answers_on_a_new_deployment() {
    let app = empty().await;
    let pages = json!({ "cursor": null, "numItems": 10 });
    let nothing = json!({ "page": [], "isDone": true, "continueCursor": "end" });
    for (path, args, expected) in [
        (
            "_system/cli/queryEnvironmentVariables",
            json!({}),
            json!([]),
        ),
        (
            "_system/cli/queryEnvironmentVariables:get",
            json!({ "name": "A" }),
            json!(null),
        ),
        (
            "_system/cli/tables",
            json!({ "paginationOpts": pages }),
            nothing.clone(),
        ),
        (
            "_system/cli/tableData",
            json!({ "table": "t", "order": "asc", "paginationOpts": pages }),
            nothing.clone(),
        ),
        (
            "_system/cli/tableData",
            json!({ "table": "_storage", "order": "desc", "paginationOpts": pages }),
            nothing,
        ),
        (
            "_system/cli/tableSize",
            json!({ "tableName": "t" }),
            json!(0.0),
        ),
        ("_system/cli/modules:apiSpec", json!({}), json!([])),
        ("_system/cli/exports:getLatest", json!({}), json!(null)),
        ("_system/cli/queryImport:list", json!({}), json!([])),
        ("_system/frontend/getSchemas", json!({}), json!({})),
    ] {
        assert_eq!(ask(&app, path, args).await, expected, "{path}");
    }
    for url in ["cloudUrl", "siteUrl"] {
        let url = ask(&app, &format!("_system/cli/convexUrl:{url}"), json!({})).await;
        assert!(
            url.as_str().is_some_and(|url| url.starts_with("http://")),
            "{url}"
        );
    }
    let components = ask(&app, "_system/frontend/components:list", json!({})).await;
    assert_eq!(components[0]["path"], "");
    let marker = json!({ "tableName": "t" });
    assert!(
        ask(&app, "_system/cli/queryTable", marker)
            .await
            .is_number()
    );
}

/// What an action runs, it runs in its caller's name; results are kept for those who may have them.
#[tokio::test(flavor = "multi_thread")]
async fn functions_are_not_given_what_was_kept_for_admins() {
    let app = empty().await;
    let size = |identity| {
        call_as(
            identity,
            "_system/cli/tableSize",
            json!({ "tableName": "t" }),
        )
    };
    let from_function = |identity| Call {
        origin: Origin::Server {
            scheduled: None,
            parent: None,
        },
        ..size(identity)
    };
    let kept = app.result(size(admin())).await;
    assert_eq!(kept.outcome.result.as_deref(), Ok("0.0"));
    for stranger in [Identity::Anonymous, user("u")] {
        let refused = app.result(from_function(stranger)).await;
        let failure = refused.outcome.result.as_ref().expect_err("refused");
        assert!(
            failure.message.contains("Could not find public function"),
            "{}",
            failure.message
        );
    }
    let of_admin = app.result(from_function(admin())).await;
    assert_eq!(of_admin.outcome.result.as_deref(), Ok("0.0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_admins_are_answered() {
    let app = empty().await;
    let args = json!({ "tableName": "t" });
    let size = |identity| call_as(identity, "_system/cli/tableSize", args.clone());
    let as_reader = app.result(size(read_only_admin())).await;
    assert_eq!(as_reader.outcome.result.as_deref(), Ok("0.0"));
    for refused in [
        call("_system/cli/tableSize", args.clone()),
        size(user("u")),
        call_as(admin(), "_system/cli/nope", json!({})),
    ] {
        let result = app.result(refused).await;
        let failure = result.outcome.result.as_ref().expect_err("refused");
        assert_eq!(failure.class, FailureClass::Developer);
        assert!(
            failure.message.contains("Could not find public function"),
            "{}",
            failure.message
        );
    }
    let bad = live(&app, "_system/cli/tableSize", json!({ "tableName": 5 })).await;
    let failure = bad.outcome.result.as_ref().expect_err("refused");
    assert!(failure.message.contains("tableName"), "{}", failure.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn s041_s043_variables_are_listed_and_effective() {
    let app = empty().await;
    let list = live(&app, "_system/cli/queryEnvironmentVariables", json!({})).await;
    let change = |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
    let set = async |changes| app.deployer.update_environment_variables(changes).await;
    set(vec![change("B", Some("2")), change("A", Some("b"))])
        .await
        .expect("set");
    assert!(!list.is_valid_at(app.latest()), "the list is live");
    let listed = ask(&app, "_system/cli/queryEnvironmentVariables", json!({})).await;
    assert_eq!(
        (&listed[0]["name"], &listed[0]["value"], &listed[1]["name"]),
        (&json!("A"), &json!("b"), &json!("B"))
    );
    let get = async |name: &str| {
        ask(
            &app,
            "_system/cli/queryEnvironmentVariables:get",
            json!({ "name": name }),
        )
        .await
    };
    assert_eq!(get("A").await, json!({ "name": "A", "value": "b" }));
    assert!(get("CONVEX_SITE_URL").await["value"].is_string());
    set(vec![change("A", None), change("NEVER", None)])
        .await
        .expect("a missing one is fine");
    assert_eq!(get("A").await, json!(null));

    // All or none.
    let error = set(vec![change("C", Some("x")), change("1X", Some("y"))])
        .await
        .expect_err("refused");
    assert_eq!(
        (error.status, error.code),
        (400, "EnvironmentVariableNameInvalid")
    );
    assert_eq!(get("C").await, json!(null));
    let error = set(vec![change("CONVEX_SITE_URL", Some("x"))])
        .await
        .expect_err("refused");
    assert_eq!(error.code, "EnvVarNameForbidden");
    let many = (0..=512)
        .map(|n| change(&format!("V{n}"), Some("")))
        .collect();
    assert_eq!(
        set(many).await.expect_err("too many").code,
        "EnvVarLimitMet"
    );
    let large = (0..70)
        .map(|n| change(&format!("V{n}"), Some(&"x".repeat(8_192))))
        .collect();
    assert_eq!(
        set(large).await.expect_err("too large").code,
        "EnvVarTotalSizeLimitMet"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s045_tables_are_read_page_by_page() {
    let app = empty().await;
    push(&app, push_of(&[module("m.js", DATA)], None)).await;
    let names = live(
        &app,
        "_system/cli/tables",
        json!({ "paginationOpts": { "cursor": null, "numItems": 9 } }),
    )
    .await;
    for n in 0..7 {
        insert(&app, "b", json!({ "n": n })).await;
    }
    insert(&app, "a", json!({})).await;
    assert!(
        !names.is_valid_at(app.latest()),
        "the list of tables is live"
    );
    let names = ask(
        &app,
        "_system/cli/tables",
        json!({ "paginationOpts": { "cursor": null, "numItems": 9 } }),
    )
    .await;
    assert_eq!(names["page"], json!([{ "name": "a" }, { "name": "b" }]));
    for (order, expected) in [
        ("asc", [0, 1, 2, 3, 4, 5, 6]),
        ("desc", [6, 5, 4, 3, 2, 1, 0]),
    ] {
        let (mut cursor, mut seen) = (Json::Null, Vec::new());
        loop {
            let args = json!({ "table": "b", "order": order, "paginationOpts": { "cursor": cursor, "numItems": 3 } });
            let page = ask(&app, "_system/cli/tableData", args).await;
            let rows = page["page"].as_array().expect("a page");
            assert!(rows.len() <= 3);
            seen.extend(
                rows.iter()
                    .map(|row| row["n"].as_f64().expect("a number") as i32),
            );
            cursor = page["continueCursor"].clone();
            if page["isDone"] == true {
                break;
            }
        }
        assert_eq!(seen, expected, "{order}");
    }
    for options in [
        json!({}),
        json!({ "cursor": "zz", "numItems": 1 }),
        json!({ "cursor": null, "numItems": 0 }),
    ] {
        let args = json!({ "table": "b", "order": "asc", "paginationOpts": options });
        assert!(
            live(&app, "_system/cli/tableData", args)
                .await
                .outcome
                .result
                .is_err()
        );
    }
    assert_eq!(
        ask(&app, "_system/cli/tableSize", json!({ "tableName": "b" })).await,
        7.0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s012_the_marker_of_a_table_differs_after_every_change() {
    let app = empty().await;
    push(&app, push_of(&[module("m.js", DATA)], None)).await;
    let marker = json!({ "tableName": "t" });
    let mut seen = Vec::new();
    for n in 0..5 {
        let before = live(&app, "_system/cli/queryTable", marker.clone()).await;
        insert(&app, "other", json!({})).await;
        assert!(
            before.is_valid_at(app.latest()),
            "another table does not matter"
        );
        insert(&app, "t", json!({ "n": n })).await;
        assert!(!before.is_valid_at(app.latest()));
        let value = before.outcome.result.clone().expect("a value");
        assert!(!seen.contains(&value));
        seen.push(value);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s056_the_specification_of_what_is_live() {
    let app = empty().await;
    let source = "export const list = query(() => 1, { args: { type: 'object', value: { \
        n: { fieldType: { type: 'literal', value: { $integer: 'BQAAAAAAAAA=' } }, optional: false } } } });\n\
        export const hidden = mutation(() => 1, { internal: true });";
    let http = "export default { isRouter: true, getRoutes: () => [['/a', 'GET', {}]], lookup() {}, runRequest() {} };";
    let tables = json!([table("t", &[("a", "string")], &[])]);
    let before = live(&app, "_system/cli/modules:apiSpec", json!({})).await;
    let modules = [module("dir/m.js", source), plain_module("http.js", http)];
    push(&app, push_of(&modules, Some(schema(tables)))).await;
    assert!(!before.is_valid_at(app.latest()));
    let spec = ask(&app, "_system/cli/modules:apiSpec", json!({})).await;
    let spec = spec.as_array().expect("a list");
    let of = |identifier: &str| {
        spec.iter()
            .find(|item| item["identifier"] == identifier)
            .expect("it is there")
    };
    let list = of("dir/m.js:list");
    assert_eq!(
        (
            &list["functionType"],
            &list["visibility"]["kind"],
            &list["returns"]
        ),
        (&json!("Query"), &json!("public"), &json!(null))
    );
    assert_eq!(
        list["args"]["value"]["n"]["fieldType"]["value"]["$integer"],
        "BQAAAAAAAAA="
    );
    assert_eq!(of("dir/m.js:hidden")["visibility"]["kind"], "internal");
    assert!(spec.contains(&json!({ "functionType": "HttpAction", "method": "GET", "path": "/a" })));

    let schemas = ask(&app, "_system/frontend/getSchemas", json!({})).await;
    assert!(
        schemas["active"]
            .as_str()
            .expect("a text")
            .contains("\"tableName\":\"t\"")
    );
    assert!(schemas.get("inProgress").is_none());
    let other = json!([table("u", &[("a", "string")], &[])]);
    let body = push_of(&modules, Some(schema(other)));
    app.deployer.start_push(body).await.expect("it starts");
    let schemas = ask(&app, "_system/frontend/getSchemas", json!({})).await;
    assert!(
        schemas["inProgress"]
            .as_str()
            .expect("a text")
            .contains("\"tableName\":\"u\"")
    );
}
