//! Pushes without a CLI: what becomes live, when, and what is refused (cli-and-deploy 4, 21).

mod support;
#[path = "support/pushed.rs"]
mod pushed;

use lentil_functions::deploy::Deployer;
use lentil_functions::{Functions, FunctionsOptions, Host};
use serde_json::json;

use pushed::{
    DATA, finish, live_hashes, module, plain_module, push, push_of, refused, schema, table, wait,
};
use support::{App, call, host_options};

async fn empty() -> App {
    App::empty(host_options()).await
}

const ONE: &str = "export const f = query(() => 1);";
const TWO: &str = "export const f = query(() => 2);";

#[tokio::test(flavor = "multi_thread")]
async fn s002_s003_s004_only_what_changed_is_sent() {
    let app = empty().await;
    let config = app
        .deployer
        .get_config_hashes(json!({}))
        .await
        .expect("a new deployment");
    assert_eq!(config["config"]["functions"], "convex/");
    assert_eq!(
        (&config["moduleHashes"], &config["udfServerVersion"]),
        (&json!([]), &json!(null))
    );

    let chunk = plain_module("_deps/ABCD.js", "export const shared = 7;");
    let user = module(
        "a/user.js",
        "import { shared } from \"../_deps/ABCD.js\";\nexport const f = query(() => shared);",
    );
    let (started, finished) = push(&app, push_of(&[chunk, user, module("m.js", ONE)], None)).await;
    assert!(
        started["analysis"][""]["functions"]
            .get("_deps/ABCD.js")
            .is_none()
    );
    let diff = &finished["componentDiffs"][""];
    assert_eq!(diff["diffType"]["type"], "create");
    assert_eq!(
        diff["moduleDiff"],
        json!({ "added": ["a/user.js", "m.js"], "removed": [] })
    );
    assert_eq!(diff["udfConfigDiff"]["next_version"], "1.48.0");
    assert_eq!(app.ask("a/user:f", json!({})).await, 7.0);

    let mut again = push_of(&[module("m.js", TWO)], None);
    let hashes = live_hashes(&app).await;
    assert_eq!(hashes.len(), 3);
    let unchanged: Vec<_> = hashes
        .iter()
        .filter(|hash| hash["path"] != "m.js")
        .cloned()
        .collect();
    again["appDefinition"]["unchangedModuleHashes"] = json!(unchanged);
    let (_, finished) = push(&app, again.clone()).await;
    let diff = &finished["componentDiffs"][""];
    assert_eq!(diff["moduleDiff"], json!({ "added": [], "removed": [] }));
    assert_eq!(
        (&diff["udfConfigDiff"], &diff["schemaDiff"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(app.ask("m:f", json!({})).await, 2.0);
    assert_eq!(app.ask("a/user:f", json!({})).await, 7.0);

    // What is in neither list goes.
    let mut fewer = push_of(&[], None);
    let m = live_hashes(&app)
        .await
        .into_iter()
        .filter(|hash| hash["path"] == "m.js");
    fewer["appDefinition"]["unchangedModuleHashes"] = m.collect();
    let (_, finished) = push(&app, fewer).await;
    assert_eq!(
        finished["componentDiffs"][""]["moduleDiff"]["removed"],
        json!(["a/user.js"])
    );
    let said = app.ask_fails("a/user:f", json!({})).await.message;
    assert!(said.contains("Could not find"), "{said}");
    assert_eq!(live_hashes(&app).await.len(), 1);

    // 409 makes the CLI fetch the hashes again.
    let error = refused(&app, again).await;
    assert_eq!((error.status, error.code), (409, "MissingExistingModule"));
    for (member, value, code) in [
        ("sha256", "00", "ExistingModuleHashConflict"),
        ("environment", "node", "ExistingModuleEnvConflict"),
    ] {
        let mut body = push_of(&[], None);
        body["appDefinition"]["unchangedModuleHashes"] = json!(live_hashes(&app).await);
        body["appDefinition"]["unchangedModuleHashes"][0][member] = value.into();
        assert_eq!(refused(&app, body).await.code, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn older_clis_name_the_modules_otherwise() {
    let app = empty().await;
    let body = json!({
        "dryRun": false,
        "appDefinition": { "definition": null, "schema": null, "functions": [module("m.js", ONE)], "udfServerVersion": "1.31.0" },
    });
    push(&app, body).await;
    assert_eq!(app.ask("m:f", json!({})).await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn s007_what_is_wrong_is_said_with_its_place_and_changes_nothing() {
    let app = empty().await;
    push(&app, push_of(&[module("m.js", ONE)], None)).await;
    let before = live_hashes(&app).await;
    let cases = [
        (
            plain_module("m.js", "export const f = 1;\nlet 5 = x;\n"),
            "InvalidModule",
            "m.js:2:",
        ),
        (
            plain_module(
                "m.js",
                "console.log('before');\nthrow new Error('at import');",
            ),
            "InvalidModule",
            "at import",
        ),
        (
            plain_module("m.js", "import { x } from './nope.js';"),
            "InvalidModule",
            "./nope.js",
        ),
        (plain_module("m.js", "await 1;"), "InvalidModule", "await"),
        (
            plain_module("a b.js", ""),
            "BadConvexModuleIdentifier",
            "a b.js",
        ),
        (
            plain_module("_system/x.js", ""),
            "BadConvexModuleIdentifier",
            "_system",
        ),
        (
            module(
                "m.js",
                "export const f = query(() => 1, { args: { type: 'string' } });",
            ),
            "InvalidModule",
            "exportArgs",
        ),
    ];
    for (bad, code, text) in cases {
        let error = refused(&app, push_of(&[bad], None)).await;
        assert_eq!((error.status, error.code), (400, code), "{error}");
        assert!(error.message.contains(text), "{error}");
    }
    let mut node = push_of(&[plain_module("http.js", "")], None);
    node["appDefinition"]["changedModules"][0]["environment"] = "node".into();
    let error = refused(&app, node).await;
    assert_eq!((error.status, error.code), (400, "InvalidModules"));
    assert!(error.message.contains("http.js must not say"), "{error}");
    let twice = push_of(&[module("m.js", ONE), module("m.js", TWO)], None);
    assert_eq!(refused(&app, twice).await.code, "InvalidModules");
    let many: Vec<_> = (0..=4_096)
        .map(|n| plain_module(&format!("m{n}.js"), ""))
        .collect();
    assert_eq!(
        refused(&app, push_of(&many, None)).await.code,
        "ModulesTooLarge"
    );
    assert_eq!(refused(&app, json!({})).await.code, "BadJsonBody");
    assert_eq!(live_hashes(&app).await, before);
    assert_eq!(app.ask("m:f", json!({})).await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_schemas_are_refused() {
    let app = empty().await;
    let index = table("t", &[("a", "string")], &[("by_id", &["a"])]);
    let cases = [
        (schema(json!([index])), "IndexNameReserved"),
        (
            plain_module("schema.js", "export const x = 1;"),
            "MissingSchemaExportError",
        ),
        (
            plain_module("schema.js", "export default { export: () => '{' };"),
            "InvalidSchemaExport",
        ),
        (
            plain_module("schema.js", "throw new Error('no');"),
            "InvalidSchema",
        ),
    ];
    for (bad, code) in cases {
        let body = push_of(&[module("m.js", ONE)], Some(bad));
        let evaluated = app.deployer.evaluate_schema(body.clone()).await;
        assert_eq!(evaluated.expect_err("refused").code, code);
        let error = refused(&app, body).await;
        assert_eq!((error.status, error.code), (400, code), "{error}");
    }
    assert!(live_hashes(&app).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn components_are_refused_clearly() {
    let app = empty().await;
    let mut body = push_of(&[], None);
    body["appDefinition"]["dependencies"] = json!(["sub/kid"]);
    let error = refused(&app, body).await;
    assert_eq!((error.status, error.code), (400, "InvalidDefinition"));
    let definition = |text: &str| {
        let mut body = push_of(&[], None);
        body["appDefinition"]["definition"] = plain_module("convex.config.js", text);
        body
    };
    let component = "export default { export: () => ({ definitionType: { type: 'childComponent', name: 'x' } }) };";
    assert_eq!(
        refused(&app, definition(component)).await.code,
        "InvalidConvexConfig"
    );
    let app_definition = "export default { export: () => ({ definitionType: { type: 'app' }, childComponents: [], httpMounts: {}, exports: { type: 'branch', branch: [] } }) };";
    let (started, _) = push(&app, definition(app_definition)).await;
    let definition = &started["analysis"][""]["definition"];
    for key in [
        "path",
        "definitionType",
        "childComponents",
        "httpMounts",
        "exports",
        "envVars",
    ] {
        assert!(definition.get(key).is_some(), "{key}");
    }
    for key in [
        "args",
        "childComponents",
        "httpRoutes",
        "exports",
        "definitionPath",
        "componentPath",
    ] {
        assert!(started["app"].get(key).is_some(), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s031_routes_and_jobs_are_kept() {
    let app = empty().await;
    let http = "export default { isRouter: true, getRoutes: () => [['/a', 'GET', {}], ['/b/*', 'POST', {}]], lookup() {}, runRequest() {} };";
    let crons = "export default { isCrons: true, export: () => JSON.stringify({ tick: { name: 'm:f', args: [{}], schedule: { type: 'interval', seconds: 5 } } }) };";
    let target = "export const f = mutation(() => 1);";
    let modules = [
        plain_module("http.js", http),
        plain_module("crons.js", crons),
        module("m.js", target),
    ];
    let (started, _) = push(&app, push_of(&modules, None)).await;
    let functions = &started["analysis"][""]["functions"];
    assert_eq!(
        functions["http.js"]["httpRoutes"][1]["route"],
        json!({ "path": "/b/*", "method": "POST" })
    );
    assert_eq!(functions["crons.js"]["cronSpecs"][0]["identifier"], "tick");
    assert_eq!(
        started["app"]["httpRoutes"]["httpModuleRoutes"][0]["method"],
        "GET"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s008_auth_may_need_variables() {
    let app = empty().await;
    let auth =
        "export default { providers: [{ domain: process.env.DOMAIN, applicationID: 'x' }] };";
    let body = push_of(
        &[plain_module("auth.config.js", auth), module("m.js", ONE)],
        None,
    );
    let error = refused(&app, body.clone()).await;
    assert_eq!(error.code, "AuthConfigMissingEnvironmentVariable");
    assert!(
        error.message.contains("Environment variable DOMAIN "),
        "{error}"
    );

    let set = |value: Option<&str>| vec![("DOMAIN".to_owned(), value.map(str::to_owned))];
    app.deployer
        .update_environment_variables(set(Some("a.example.com")))
        .await
        .expect("set");
    let (started, finished) = push(&app, body).await;
    assert_eq!(
        started["appAuth"],
        json!([{ "applicationID": "x", "domain": "https://a.example.com" }])
    );
    assert_eq!(
        finished["authDiff"]["added"]
            .as_array()
            .expect("a list")
            .len(),
        1
    );

    // Changes are held against the live configuration.
    let error = app
        .deployer
        .update_environment_variables(set(None))
        .await
        .expect_err("needed");
    assert_eq!(error.code, "AuthConfigMissingEnvironmentVariable");
    let error = app
        .deployer
        .update_environment_variables(set(Some("ftp://x")))
        .await
        .expect_err("wrong");
    assert_eq!(error.code, "InvalidProviderDomainUrl");
    let kept = app.deployer.environment_variables().await.expect("listed");
    assert_eq!(kept["DOMAIN"], "a.example.com");
    app.deployer
        .update_environment_variables(set(Some("b.example.com")))
        .await
        .expect("set");
}

#[tokio::test(flavor = "multi_thread")]
async fn s009_s029_declared_variables_are_required() {
    let app = empty().await;
    let declared = "export default { export: () => ({ definitionType: { type: 'app' }, envVars: [\
        ['A', { type: 'value', value: '{\"type\":\"string\"}' }], ['B', { type: 'value', value: '{\"type\":\"string\"}' }]] }) };";
    let mut body = push_of(
        &[module(
            "m.js",
            "export const f = query(() => process.env.A);",
        )],
        None,
    );
    body["appDefinition"]["definition"] = plain_module("convex.config.js", declared);
    let started = app
        .deployer
        .start_push(body.clone())
        .await
        .expect("it starts");
    wait(&app.deployer, &started, 30_000).await;
    let error = finish(&app.deployer, &started).await.expect_err("not set");
    assert_eq!(
        (error.status, error.code),
        (400, "MissingEnvironmentVariables")
    );
    assert!(error.message.contains("are not set: A, B."), "{error}");

    let variable = |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
    let both = vec![variable("A", Some("x")), variable("B", Some("y"))];
    app.deployer
        .update_environment_variables(both)
        .await
        .expect("set");
    push(&app, body).await;
    assert_eq!(app.ask("m:f", json!({})).await, "x");
    let error = app
        .deployer
        .update_environment_variables(vec![variable("B", None)])
        .await;
    assert_eq!(
        error.expect_err("required").code,
        "RequiredEnvironmentVariable"
    );
    app.deployer
        .update_environment_variables(vec![variable("A", Some("z"))])
        .await
        .expect("set");
    assert_eq!(app.ask("m:f", json!({})).await, "z");
}

#[tokio::test(flavor = "multi_thread")]
async fn s016_a_change_of_the_environment_between_the_halves() {
    let app = empty().await;
    let started = app
        .deployer
        .start_push(push_of(&[module("m.js", ONE)], None))
        .await
        .expect("it starts");
    assert_eq!(started["environmentVariables"], json!({}));
    wait(&app.deployer, &started, 30_000).await;
    let set = vec![("A".to_owned(), Some("x".to_owned()))];
    app.deployer
        .update_environment_variables(set)
        .await
        .expect("set");
    let error = finish(&app.deployer, &started).await.expect_err("a race");
    assert_eq!((error.status, error.code), (400, "RaceDetected"));
    assert!(live_hashes(&app).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn s013_s026_a_later_push_takes_the_place_of_an_unfinished_one() {
    let app = empty().await;
    push(&app, push_of(&[module("m.js", DATA)], None)).await;
    app.run("m:insert", json!({ "table": "t", "value": { "a": "x" } }))
        .await;
    let with = |index: &[(&str, &[&str])]| {
        let tables = json!([table("t", &[("a", "string")], index)]);
        push_of(&[module("m.js", DATA)], Some(schema(tables)))
    };
    // What codegen leaves behind.
    let first = app
        .deployer
        .start_push(with(&[("by_a", &["a"])]))
        .await
        .expect("it starts");
    let second = app
        .deployer
        .start_push(with(&[("by_b", &["a"])]))
        .await
        .expect("it starts");
    assert_eq!(
        wait(&app.deployer, &first, 30_000).await["type"],
        "raceDetected"
    );
    assert_eq!(
        finish(&app.deployer, &first)
            .await
            .expect_err("a race")
            .code,
        "RaceDetected"
    );
    assert_eq!(
        wait(&app.deployer, &second, 30_000).await["type"],
        "complete"
    );
    let finished = finish(&app.deployer, &second).await.expect("it finishes");
    let diff = &finished["componentDiffs"][""]["indexDiff"];
    assert_eq!(diff["added_indexes"][0]["name"], "t.by_b");
    assert_eq!(
        (
            diff["added_indexes"].as_array().map(Vec::len),
            &diff["removed_indexes"]
        ),
        (Some(1), &json!([]))
    );
    let error = finish(&app.deployer, &second).await.expect_err("only once");
    assert_eq!(error.status, 409);
    let rows = json!({ "table": "t", "index": "by_b", "field": "a", "value": "x" });
    assert_eq!(app.ask("m:byIndex", rows).await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn s021_a_dry_run_changes_nothing() {
    let app = empty().await;
    push(&app, push_of(&[module("m.js", DATA)], None)).await;
    app.run("m:insert", json!({ "table": "t", "value": { "a": 1 } }))
        .await;
    let before = (live_hashes(&app).await, app.latest());
    for (kind, outcome) in [("number", "complete"), ("string", "failed")] {
        let tables = json!([table("t", &[("a", kind)], &[("by_a", &["a"])])]);
        let mut body = push_of(&[module("m.js", TWO)], Some(schema(tables)));
        body["dryRun"] = true.into();
        let evaluated = app
            .deployer
            .evaluate_push(body.clone())
            .await
            .expect("evaluated");
        assert_eq!(
            evaluated["schemaChange"]["indexDiffs"][""]["added_indexes"][0]["fields"],
            json!(["a"])
        );
        let started = app.deployer.start_push(body).await.expect("it starts");
        assert_eq!(
            started["schemaChange"]["indexDiffs"][""]["added_indexes"][0]["type"],
            "database"
        );
        let asked =
            json!({ "schemaChange": started["schemaChange"], "timeoutMs": 10_000, "dryRun": true });
        let state = app.deployer.wait_for_schema(asked).await.expect("answered");
        assert_eq!(state["type"], outcome, "{state}");
        let finished = json!({ "startPush": started, "dryRun": true });
        app.deployer
            .finish_push(finished)
            .await
            .expect("it finishes");
    }
    assert_eq!((live_hashes(&app).await, app.latest()), before);
    assert_eq!(app.ask("m:count", json!({ "table": "t" })).await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn live_queries_see_a_push_at_one_commit() {
    let app = empty().await;
    push(&app, push_of(&[module("m.js", ONE)], None)).await;
    let live = app.result(call("m:f", json!({}))).await;
    assert_eq!(live.outcome.result.as_deref(), Ok("1.0"));
    push(&app, push_of(&[module("m.js", TWO)], None)).await;
    assert!(!live.is_valid_at(app.latest()), "the push reaches it");
    assert_eq!(app.ask("m:f", json!({})).await, 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_finds_what_was_pushed() {
    let app = empty().await;
    // More than one row's worth of text, with characters of several bytes on the cuts.
    let long = format!(
        "/* {} */\nexport const f = query(() => 5);",
        "é€".repeat(500_000)
    );
    let mut big = module("big.js", &long);
    big["sourceMap"] =
        json!({ "version": 3, "sources": [], "mappings": "", "names": ["é".repeat(700_000)] })
            .to_string()
            .into();
    let tables = json!([table("t", &[("a", "string")], &[])]);
    push(
        &app,
        push_of(&[big, module("m.js", DATA)], Some(schema(tables))),
    )
    .await;
    let hashes = live_hashes(&app).await;

    let host = Host::start(host_options()).expect("Node is installed");
    let functions = Functions::new(
        app.functions.database().clone(),
        host,
        FunctionsOptions::default(),
    );
    let deployer = Deployer::new(&functions);
    deployer.bootstrap().await.expect("everything is there");
    let again = App {
        functions,
        deployer,
    };
    assert_eq!(again.ask("big:f", json!({})).await, 5.0);
    assert_eq!(live_hashes(&again).await, hashes);
    let bad = json!({ "table": "t", "value": { "a": 1 } });
    assert!(
        again
            .run_fails("m:insert", bad)
            .await
            .message
            .contains("does not match the schema")
    );
    // The text is found by its hash.
    let mut body = push_of(&[], None);
    body["appDefinition"]["unchangedModuleHashes"] = json!(hashes);
    push(&app, body).await;
    assert_eq!(app.ask("big:f", json!({})).await, 5.0);
    let forgotten = json!({ "startPush": { "lentilPush": "x" }, "dryRun": false });
    assert_eq!(
        again
            .deployer
            .finish_push(forgotten)
            .await
            .expect_err("unknown")
            .status,
        409
    );
}
