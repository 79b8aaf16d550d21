//! What dashboards ask and do (dashboard A3), and what is noted of it.

mod support;
#[path = "support/pushed.rs"]
mod pushed;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lentil_catalog::Author;
use lentil_functions::{FunctionFailure, MutationDone, SessionRequest};
use serde_json::{Value as Json, json};

use pushed::{DATA, module, plain_module, push, push_of, schema, table};
use support::{App, admin, call, call_as, host_options, read_only_admin, user};

fn path(name: &str) -> String {
    format!("_system/frontend/{name}")
}

async fn ask(app: &App, name: &str, args: Json) -> Json {
    let result = app.result(call_as(admin(), &path(name), args)).await;
    let text = result.outcome.result.as_ref();
    let text = text.unwrap_or_else(|failure| panic!("{name}: {}", failure.message));
    serde_json::from_str(text).expect("JSON")
}

async fn run(app: &App, name: &str, args: Json) -> Result<Json, FunctionFailure> {
    let MutationDone { outcome, .. } = app.mutate(call_as(admin(), &path(name), args)).await;
    let text = outcome.result?;
    Ok(serde_json::from_str(&text).expect("JSON"))
}

async fn done(app: &App, name: &str, args: Json) -> Json {
    let value = run(app, name, args).await;
    value.unwrap_or_else(|failure| panic!("{name}: {}", failure.message))
}

/// Ids of documents added to a table.
async fn add(app: &App, table: &str, documents: Json) -> Vec<String> {
    let args = json!({ "table": table, "documents": documents });
    let added = done(app, "addDocument", args).await;
    assert_eq!(added["success"], true, "{added}");
    serde_json::from_value(added["ids"].clone()).expect("ids")
}

async fn page(app: &App, table: &str, filter: Json) -> Json {
    let filters = STANDARD.encode(filter.to_string());
    let options = json!({ "cursor": null, "numItems": 50 });
    let args = json!({ "table": table, "filters": filters, "paginationOpts": options });
    ask(app, "paginatedTableDocuments", args).await
}

fn numbers(page: &Json) -> Vec<i64> {
    let rows = page["page"].as_array().expect("a page").iter();
    rows.map(|row| row["n"].as_f64().expect("a number") as i64)
        .collect()
}

/// Actions that were noted, the newest first.
async fn noted(app: &App) -> Vec<String> {
    let options = json!({ "cursor": null, "numItems": 50 });
    let args = json!({ "paginationOpts": options, "filters": { "minDate": 0 } });
    let events = ask(app, "paginatedDeploymentEvents", args).await;
    let events = events["page"].as_array().expect("a page").clone();
    let action = |event: Json| event["action"].as_str().expect("a text").to_owned();
    events.into_iter().map(action).collect()
}

fn indexed() -> Json {
    schema(json!([table(
        "t",
        &[("n", "number"), ("s", "string")],
        &[("by_s", &["s", "n"])]
    )]))
}

async fn pushed() -> App {
    let app = App::empty(host_options()).await;
    push(&app, push_of(&[module("m.js", DATA)], Some(indexed()))).await;
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn every_function_answers_on_a_new_deployment() {
    let app = App::empty(host_options()).await;
    let pages = json!({ "cursor": null, "numItems": 10 });
    for (name, args, expected) in [
        (
            "getTableMapping",
            json!({}),
            json!({ "540": "_file_storage", "530": "_scheduled_jobs" }),
        ),
        ("tableSize:sizeOfAllTables", json!({}), json!(0.0)),
        ("tableSize:ofEach", json!({}), json!({})),
        (
            "tableSize:ofEachEverywhere",
            json!({}),
            json!({ "_storage": 0.0 }),
        ),
        (
            "listTableScan",
            json!({ "table": "t", "limit": 3 }),
            json!([]),
        ),
        ("getById", json!({ "id": "x" }), json!(null)),
        (
            "getSchemas:schemaValidationProgress",
            json!({}),
            json!(null),
        ),
        ("modules:list", json!({}), json!([])),
        (
            "modules:listForAllComponents",
            json!({}),
            json!([[null, []]]),
        ),
        (
            "modules:argsValidator",
            json!({ "function": "a:b" }),
            json!(null),
        ),
        ("fileStorageV2:numFiles", json!({}), json!(0.0)),
        (
            "fileStorageV2:orphans",
            json!({}),
            json!({ "ids": [], "truncated": false }),
        ),
        (
            "listEnvironmentVariables",
            json!({ "componentId": null }),
            json!([]),
        ),
        ("listAuthProviders", json!({}), json!([])),
        ("listConfiguredSinks", json!({}), json!([])),
        ("snapshotImport:list", json!({}), json!([])),
        ("latestExport", json!({}), json!(null)),
        ("getVersion", json!({}), json!(null)),
        (
            "deploymentState:deploymentState",
            json!({}),
            json!({ "state": "running" }),
        ),
        (
            "backendState:backendState",
            json!({}),
            json!({ "system": "running", "usage_limit": "running", "user": "running" }),
        ),
        ("listCronJobs", json!({}), json!([])),
        ("listCronJobRuns", json!({}), json!([])),
        (
            "listDeploymentEventsFromTime",
            json!({ "fromTimestamp": 0 }),
            json!([]),
        ),
        ("deploymentEvents:lastPushEvent", json!({}), json!(null)),
        (
            "paginatedScheduledJobs",
            json!({ "paginationOpts": pages }),
            json!({ "page": [], "isDone": true, "continueCursor": "end" }),
        ),
        (
            "fileStorageV2:fileMetadata",
            json!({ "paginationOpts": pages }),
            json!({ "page": [], "isDone": true, "continueCursor": "end" }),
        ),
    ] {
        assert_eq!(ask(&app, name, args).await, expected, "{name}");
    }
    let node = ask(&app, "node:version", json!({})).await;
    assert!(
        node.as_str().is_some_and(|text| text.starts_with('v')),
        "{node}"
    );
    for url in ["convexCloudUrl", "convexSiteUrl"] {
        assert!(ask(&app, url, json!({})).await.is_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_admins_whose_key_may_write_edit() {
    let app = App::empty(host_options()).await;
    let name = path("createTable");
    let args = json!({ "table": "t" });
    for (identity, said) in [
        (read_only_admin(), "do not have permission"),
        (user("u"), "Could not find public function"),
    ] {
        let refused = app.mutate(call_as(identity, &name, args.clone())).await;
        let failure = refused.outcome.result.expect_err("refused");
        assert!(failure.message.contains(said), "{}", failure.message);
    }
    let anonymous = app.mutate(call(&name, args.clone())).await;
    assert!(anonymous.outcome.result.is_err());
    let as_query = app.result(call_as(admin(), &name, args)).await;
    let failure = as_query
        .outcome
        .result
        .clone()
        .expect_err("it is a mutation");
    assert!(failure.message.contains("Mutation"), "{}", failure.message);
    let elsewhere = json!({ "table": "t", "componentId": "abc" });
    let failure = run(&app, "createTable", elsewhere)
        .await
        .expect_err("no component");
    assert!(
        failure.message.contains("There is no component"),
        "{}",
        failure.message
    );
    assert!(noted(&app).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn s005_a_table_is_made_and_filled_and_history_says_so() {
    let app = App::empty(host_options()).await;
    assert_eq!(
        done(&app, "createTable", json!({ "table": "t1" })).await,
        json!(null)
    );
    add(&app, "t1", json!([{ "n": 1 }, { "n": 2 }, { "n": 3 }])).await;
    let size = json!({ "tableName": "t1" });
    assert_eq!(ask(&app, "tableSize", size).await, json!(3.0));
    assert_eq!(noted(&app).await, ["add_documents", "create_table"]);
    let events = ask(
        &app,
        "listDeploymentEventsFromTime",
        json!({ "fromTimestamp": 0 }),
    )
    .await;
    let member = json!({ "$integer": "AQAAAAAAAAA=" });
    assert_eq!(
        (&events[0]["action"], &events[0]["member_id"]),
        (&json!("create_table"), &member)
    );
    assert_eq!(events[1]["metadata"]["count"], 3.0);
    for (table, said) in [
        ("t1", "already exists"),
        ("_x", "read-only"),
        ("a b", "a b"),
    ] {
        let failure = run(&app, "createTable", json!({ "table": table }))
            .await
            .expect_err(table);
        assert!(failure.message.contains(said), "{}", failure.message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s006_edits_are_checked_against_the_schema() {
    let app = pushed().await;
    let ids = add(&app, "t", json!([{ "n": 1, "s": "a" }])).await;
    let patch = |fields: Json| json!({ "table": "t", "ids": [ids[0]], "fields": fields });
    let refused = run(&app, "patchDocumentsFields", patch(json!({ "n": "x" }))).await;
    let failure = refused.expect_err("it is no number");
    let data = failure.data.expect("an error of the application");
    assert!(
        data.contains("does not match the schema") && data.contains(".n"),
        "{data}"
    );
    let row = json!({ "id": ids[0] });
    assert_eq!(ask(&app, "getById", row.clone()).await["n"], 1.0);
    assert_eq!(
        done(&app, "patchDocumentsFields", patch(json!({ "n": 2 }))).await["success"],
        true
    );
    let whole = json!({ "id": ids[0], "document": { "n": 3, "s": "b" } });
    assert_eq!(done(&app, "replaceDocument", whole).await["success"], true);
    let found = ask(&app, "getById", row).await;
    assert_eq!((&found["n"], &found["s"]), (&json!(3.0), &json!("b")));
    let extra =
        json!({ "table": "t", "documents": [{ "n": 1, "s": "a" }, { "n": 1, "s": "a", "x": 1 }] });
    assert!(run(&app, "addDocument", extra).await.is_err());
    assert_eq!(
        ask(&app, "tableSize", json!({ "tableName": "t" })).await,
        json!(1.0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_rules_refuse_changes_nothing() {
    let app = App::empty(host_options()).await;
    let ids = add(&app, "t", json!([{ "n": 1 }])).await;
    for (name, args) in [
        (
            "addDocument",
            json!({ "table": "t", "documents": [{ "n": 2 }, { "_id": "x" }] }),
        ),
        (
            "addDocument",
            json!({ "table": "_storage", "documents": [{}] }),
        ),
        (
            "patchDocumentsFields",
            json!({ "table": "u", "ids": [ids[0]], "fields": { "n": 5 } }),
        ),
        (
            "patchDocumentsFields",
            json!({ "table": "t", "ids": ["x"], "fields": { "n": 5 } }),
        ),
        (
            "deleteDocuments",
            json!({ "toDelete": [{ "id": ids[0] }, { "id": "x", "tableName": "t" }] }),
        ),
        (
            "restoreDocuments",
            json!({ "documents": [{ "_id": ids[0], "n": 9 }] }),
        ),
    ] {
        let answer = done(&app, name, args).await;
        assert_eq!(answer["success"], false, "{name}: {answer}");
        assert!(
            answer["error"].as_str().is_some_and(|text| text.len() > 10),
            "{answer}"
        );
    }
    assert_eq!(numbers(&page(&app, "t", json!({})).await), [1]);
    assert_eq!(noted(&app).await, ["add_documents"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn s007_s008_filters_by_fields_types_and_indexes() {
    let app = pushed().await;
    for n in 0..6 {
        let s = if n % 2 == 0 { "even" } else { "odd" };
        add(&app, "t", json!([{ "n": n, "s": s }])).await;
    }
    let clause =
        |op: &str, value: Json| json!({ "clauses": [{ "op": op, "field": "n", "value": value }] });
    assert_eq!(
        numbers(&page(&app, "t", json!({})).await),
        [5, 4, 3, 2, 1, 0]
    );
    assert_eq!(
        numbers(&page(&app, "t", json!({ "order": "asc" })).await),
        [0, 1, 2, 3, 4, 5]
    );
    assert_eq!(
        numbers(&page(&app, "t", clause("gt", json!(3))).await),
        [5, 4]
    );
    assert_eq!(
        numbers(&page(&app, "t", clause("anyOf", json!([1, 4]))).await),
        [4, 1]
    );
    assert_eq!(
        numbers(&page(&app, "t", clause("type", json!("string"))).await),
        [0; 0]
    );
    let index =
        |clauses: Json| json!({ "order": "asc", "index": { "name": "by_s", "clauses": clauses } });
    let even = json!({ "type": "indexEq", "enabled": true, "value": "even" });
    let from = json!({ "type": "indexRange", "enabled": true, "lowerOp": "gte", "lowerValue": 2, "upperOp": "lt", "upperValue": 4 });
    assert_eq!(
        numbers(&page(&app, "t", index(json!([even]))).await),
        [0, 2, 4]
    );
    assert_eq!(
        numbers(&page(&app, "t", index(json!([even, from]))).await),
        [2]
    );
    assert_eq!(
        numbers(&page(&app, "t", index(json!([]))).await),
        [0, 2, 4, 1, 3, 5]
    );
    for wrong in [
        index(json!([even, even, even, even, even])),
        json!({ "index": { "name": "by_nothing" } }),
        json!({ "index": { "name": "s", "search": "x" } }),
        clause("like", json!(1)),
    ] {
        let answer = page(&app, "t", wrong.clone()).await;
        assert_eq!(answer["isDone"], true, "{wrong}");
        assert!(
            answer["page"][0]["error"].is_string() && answer["page"][0].get("_id").is_none(),
            "{answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_end_where_they_ended_when_they_are_asked_for_again() {
    let app = App::empty(host_options()).await;
    for n in 0..5 {
        add(&app, "t", json!([{ "n": n }])).await;
    }
    let first = json!({ "table": "t", "filters": null, "paginationOpts": { "cursor": null, "numItems": 2 } });
    let first = call_as(admin(), &path("paginatedTableDocuments"), first);
    let before = app.result(first.clone()).await;
    add(&app, "t", json!([{ "n": 5 }])).await;
    assert!(!before.is_valid_at(app.latest()), "a page is live");
    let again = app.result_with(first, before.journal.clone()).await;
    let page: Json =
        serde_json::from_str(again.outcome.result.as_ref().expect("a page")).expect("JSON");
    assert_eq!(numbers(&page), [5, 4, 3]);
    let second = json!({ "cursor": page["continueCursor"], "numItems": 2 });
    let second = json!({ "table": "t", "filters": null, "paginationOpts": second });
    let page = ask(&app, "paginatedTableDocuments", second).await;
    assert_eq!(numbers(&page), [2, 1]);
    // A page does not run again for what is not in it.
    let unchanged = json!({ "table": "u", "filters": null, "paginationOpts": { "cursor": null, "numItems": 2 } });
    let other = app
        .result(call_as(
            admin(),
            &path("paginatedTableDocuments"),
            unchanged,
        ))
        .await;
    add(&app, "t", json!([{ "n": 6 }])).await;
    assert!(other.is_valid_at(app.latest()));
}

#[tokio::test(flavor = "multi_thread")]
async fn s009_bulk_edits_are_undone_by_restoring() {
    let app = App::empty(host_options()).await;
    let documents: Vec<Json> = (0..250).map(|n| json!({ "n": n, "s": "x" })).collect();
    let ids = add(&app, "t", json!(documents)).await;
    let listed: Vec<Json> = ids
        .iter()
        .map(|id| json!({ "id": id, "tableName": "t" }))
        .collect();
    let before = ask(&app, "listById", json!({ "ids": listed })).await;
    let fields = json!({ "n": 7, "s": "__undefined__" });
    let patched = json!({ "table": "t", "ids": ids, "fields": fields });
    assert_eq!(
        done(&app, "patchDocumentsFields", patched).await["success"],
        true
    );
    let changed = ask(&app, "listById", json!({ "ids": listed })).await;
    assert!(
        changed[3].get("s").is_none() && changed[3]["n"] == 7.0,
        "{}",
        changed[3]
    );
    assert_eq!(
        done(
            &app,
            "deleteDocuments",
            json!({ "toDelete": listed[..100] })
        )
        .await["success"],
        true
    );
    assert_eq!(
        done(&app, "restoreDocuments", json!({ "documents": before })).await["success"],
        true
    );
    assert_eq!(
        ask(&app, "listById", json!({ "ids": listed })).await,
        before
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s010_tables_are_cleared_page_by_page() {
    let app = App::empty(host_options()).await;
    for _ in 0..3 {
        let documents: Vec<Json> = (0..3_500).map(|n| json!({ "n": n })).collect();
        add(&app, "t", json!(documents)).await;
    }
    let (mut cursor, mut deleted) = (Json::Null, Vec::new());
    loop {
        let args = json!({ "tableName": "t", "cursor": cursor });
        let cleared = done(&app, "clearTablePage", args).await;
        deleted.push(cleared["deleted"].as_f64().expect("a number"));
        cursor = cleared["continueCursor"].clone();
        if cleared["hasMore"] == false {
            break;
        }
    }
    assert_eq!(deleted, [4_000.0, 4_000.0, 2_500.0]);
    assert_eq!(noted(&app).await[0], "clear_tables");
}

#[tokio::test(flavor = "multi_thread")]
async fn s011_tables_of_the_schema_are_not_deleted() {
    let app = pushed().await;
    add(&app, "u", json!([{ "n": 1 }])).await;
    let delete = async |name: &str| {
        app.functions
            .delete_tables(
                Author::System,
                lentil_database::Namespace::ROOT,
                vec![name.to_owned()],
            )
            .await
    };
    let failure = delete("t").await.expect_err("it is declared");
    assert!(failure.message.contains("schema"), "{}", failure.message);
    assert!(delete("_storage").await.is_err());
    assert!(delete("nope").await.is_err());
    delete("u").await.expect("it goes");
    let mapping = ask(&app, "getTableMapping", json!({})).await;
    assert!(!mapping.to_string().contains("\"u\""), "{mapping}");
    assert_eq!(noted(&app).await[0], "delete_tables");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_pushed_is_listed() {
    let app = App::empty(host_options()).await;
    let http = "export default { isRouter: true, getRoutes: () => [['/a', 'GET', {}]], lookup() {}, runRequest() {} };";
    let modules = [module("dir/m.js", DATA), plain_module("http.js", http)];
    push(&app, push_of(&modules, Some(indexed()))).await;
    let listed = ask(&app, "modules:listForAllComponents", json!({})).await;
    assert_eq!(listed[0][0], json!(null));
    let modules = listed[0][1].as_array().expect("modules");
    let of = |path: &str| {
        &modules
            .iter()
            .find(|module| module[0] == path)
            .expect("it is there")[1]
    };
    let insert = &of("dir/m.js")["functions"]
        .as_array()
        .expect("functions")
        .iter()
        .find(|function| function["name"] == "insert")
        .expect("a function")
        .clone();
    assert_eq!(
        (&insert["udfType"], &insert["visibility"]["kind"]),
        (&json!("Mutation"), &json!("public"))
    );
    let route = &of("http.js")["functions"][0];
    assert_eq!(
        (&route["name"], &route["udfType"]),
        (&json!("GET /a"), &json!("HttpAction"))
    );
    let source = ask(&app, "modules:source", json!({ "path": "dir/m.js" })).await;
    assert!(
        source["source"]
            .as_str()
            .is_some_and(|text| text.contains("export const insert"))
    );
    let args = ask(
        &app,
        "modules:argsValidator",
        json!({ "function": "dir/m:insert" }),
    )
    .await;
    assert_eq!(args, json!("{\"type\":\"any\"}"));
    assert_eq!(ask(&app, "getVersion", json!({})).await, json!("1.48.0"));
    let event = ask(&app, "deploymentEvents:lastPushEvent", json!({})).await;
    let diff = &event["metadata"]["component_diffs"][0]["component_diff"];
    assert_eq!(diff["moduleDiff"]["added"][0], "dir/m.js", "{event}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s025_history_names_variables_and_never_values() {
    let app = App::empty(host_options()).await;
    let set = async |name: &str, value: Option<&str>| {
        let changes = vec![(name.to_owned(), value.map(str::to_owned))];
        let done = app
            .deployer
            .update_environment_variables_as(Author::Member(7), changes);
        done.await.expect("it is set");
    };
    set("A", Some("secret one")).await;
    set("A", Some("secret two")).await;
    set("A", Some("secret two")).await;
    set("A", None).await;
    let actions = ["delete", "update", "create"].map(|what| format!("{what}_environment_variable"));
    assert_eq!(noted(&app).await, actions);
    let events = ask(
        &app,
        "listDeploymentEventsFromTime",
        json!({ "fromTimestamp": 0 }),
    )
    .await;
    assert!(!events.to_string().contains("secret"));
    assert_eq!(events[0]["metadata"], json!({ "variable_name": "A" }));
    let filters =
        json!({ "minDate": 0, "actions": ["update_environment_variable"], "authorMemberIds": [7] });
    let options = json!({ "cursor": null, "numItems": 5 });
    let args = json!({ "paginationOpts": options, "filters": filters });
    let page = ask(&app, "paginatedDeploymentEvents", args).await;
    assert_eq!(page["page"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn s027_a_paused_deployment_runs_nothing_until_it_is_resumed() {
    let app = pushed().await;
    let count = call("m:count", json!({ "table": "t" }));
    let live = app.result(count.clone()).await;
    assert!(live.outcome.result.is_ok());
    app.functions
        .set_paused(Author::System, true)
        .await
        .expect("paused");
    assert!(!live.is_valid_at(app.latest()), "live queries see it");
    for failure in [
        app.ask_fails("m:count", json!({ "table": "t" })).await,
        app.run_fails(
            "m:insert",
            json!({ "table": "t", "value": { "n": 1, "s": "a" } }),
        )
        .await,
    ] {
        assert!(failure.message.contains("paused"), "{}", failure.message);
    }
    let state = ask(&app, "deploymentState:deploymentState", json!({})).await;
    assert_eq!(state, json!({ "state": "paused" }));
    add(&app, "t", json!([{ "n": 1, "s": "a" }])).await;
    assert!(app.functions.agenda().is_paused());
    let app = app.reopened().await;
    assert!(
        app.functions.agenda().is_paused(),
        "a restart resumes nothing"
    );
    app.functions
        .set_paused(Author::System, false)
        .await
        .expect("resumed");
    app.functions
        .set_paused(Author::System, false)
        .await
        .expect("it runs already");
    app.functions.agenda().resumed().await;
    assert_eq!(
        app.ask("m:count", json!({ "table": "t" })).await,
        json!(1.0)
    );
    let noted = noted(&app).await;
    assert_eq!(noted[0], "unpause_deployment");
    assert_eq!(
        noted
            .iter()
            .filter(|action| action.contains("pause"))
            .count(),
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_numbered_edit_happens_once() {
    let app = App::empty(host_options()).await;
    let request = SessionRequest {
        session_id: uuid::Uuid::from_u128(7),
        request_id: 3,
    };
    let args = json!({ "table": "t", "documents": [{ "n": 1 }] });
    let added = call_as(admin(), &path("addDocument"), args);
    let first = app.mutate_once(added.clone(), request).await;
    let again = app.mutate_once(added, request).await;
    assert_eq!(first.outcome.result, again.outcome.result);
    assert_eq!(first.ts, again.ts);
    assert_eq!(
        ask(&app, "tableSize", json!({ "tableName": "t" })).await,
        json!(1.0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s021_files_have_names_for_dashboards_and_orphans_are_found() {
    let app = App::empty(host_options()).await;
    let upload = async |text: &'static str| {
        let url = done(&app, "fileStorageV2:generateUploadUrl", json!({})).await;
        let url = url.as_str().expect("a URL").to_owned();
        let token = url.split_once("token=").expect("it has a token").1;
        let mut upload = app.functions.begin_upload(token).await.expect("it begins");
        upload.push(text.into()).await.expect("bytes");
        upload
            .finish(Some("text/plain"), None)
            .await
            .expect("it ends")
            .to_string()
    };
    let (kept, orphan) = (upload("one").await, upload("two").await);
    add(&app, "t", json!([{ "file": kept }])).await;
    let named = json!({ "storageId": kept, "name": "<b>note</b>.txt" });
    assert_eq!(
        done(&app, "fileStorageV2:setFileName", named).await,
        json!(null)
    );
    let options = json!({ "cursor": null, "numItems": 5 });
    let page = ask(
        &app,
        "fileStorageV2:fileMetadata",
        json!({ "paginationOpts": options }),
    )
    .await;
    // In which order they come does not matter here: both may be of one millisecond.
    let rows = page["page"].as_array().expect("rows");
    let name_of = |id: &String| {
        rows.iter()
            .find(|row| row["_id"] == **id)
            .map(|row| &row["name"])
    };
    assert_eq!(name_of(&kept), Some(&json!("<b>note</b>.txt")));
    assert_eq!(name_of(&orphan), Some(&json!(null)));
    assert!(
        page["page"][0]["url"]
            .as_str()
            .is_some_and(|url| url.contains("/api/storage/"))
    );
    let orphans = ask(&app, "fileStorageV2:orphans", json!({})).await;
    assert_eq!(orphans, json!({ "ids": [orphan], "truncated": false }));
    let both = json!({ "storageIds": [kept, orphan] });
    done(&app, "fileStorageV2:deleteFiles", both).await;
    assert_eq!(
        ask(&app, "fileStorageV2:numFiles", json!({})).await,
        json!(0.0)
    );
    assert_eq!(noted(&app).await[0], "delete_files");
}
