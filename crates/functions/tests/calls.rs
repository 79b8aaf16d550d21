//! Who may call what, arguments and results, caching and sharing: function-runtime 12, scenarios
//! 55, 56, 68 to 70, 77, 78, 81 and 83.

mod support;

use std::sync::Arc;

use lentil_functions::{FailureClass, FunctionFailure, Signal, client_message};
use serde_json::{Value as Json, json};
use support::{App, admin, call, call_as, read_only_admin, user};

#[tokio::test(flavor = "multi_thread")]
async fn s055_arguments_are_validated() {
    let app = App::start().await;
    let good = json!({ "name": "n", "kind": "a" });
    assert_eq!(app.ask("misc:strictArgs", good).await, json!("n"));
    for (args, parts) in [
        (
            json!({ "name": "n", "kind": "a", "extra": 1 }),
            vec![
                "Object contains extra field `extra` that is not in the validator.",
                "Object: {",
                "Validator: v.object({",
            ],
        ),
        (
            json!({ "name": "n", "kind": "c" }),
            vec![
                "Value does not match validator.",
                "Path: .kind",
                "Validator: v.union(",
            ],
        ),
        (
            json!({ "kind": "a" }),
            vec!["Object is missing the required field `name`."],
        ),
    ] {
        let failure = app.ask_fails("misc:strictArgs", args).await;
        assert!(
            failure.message.starts_with("ArgumentValidationError: "),
            "{}",
            failure.message
        );
        for part in parts {
            assert!(
                failure.message.contains(part),
                "{part} in {}",
                failure.message
            );
        }
        assert!(
            !failure.message.contains("\n    at "),
            "no frames: {}",
            failure.message
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s056_functions_without_validators() {
    let app = App::start().await;
    let any = json!({ "a": 1, "b": ["x"] });
    assert_eq!(
        app.ask("misc:noValidator", any).await,
        json!({ "a": 1.0, "b": ["x"] })
    );
    let failure = app
        .ask_fails("misc:strictArgs", json!([{ "name": "n" }, 2]))
        .await;
    assert!(
        failure
            .message
            .starts_with("Expected to receive a single object as the function's argument.")
    );
    let failure = app.ask_fails("misc:returnsNumber", json!({})).await;
    assert!(
        failure
            .message
            .starts_with("ReturnsValidationError: Value does not match validator."),
        "{}",
        failure.message
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_see_what_they_may() {
    let app = App::start().await;
    let hidden = app.ask_fails("misc:hidden", json!({})).await;
    let missing = app.ask_fails("misc:nothing", json!({})).await;
    assert_eq!(
        hidden.message,
        "Could not find public function for 'misc:hidden'."
    );
    assert_eq!(
        missing.message,
        "Could not find public function for 'misc:nothing'."
    );
    let system = app
        .ask_fails(
            "_system/cli/tables",
            json!({ "paginationOpts": { "cursor": null, "numItems": 1 } }),
        )
        .await;
    assert_eq!(
        system.message,
        "Could not find public function for '_system/cli/tables'."
    );
    for path in ["misc:hiddenWrite", "misc:nothing"] {
        let failure = app.run_fails(path, json!({})).await;
        assert_eq!(
            failure.message,
            format!("Could not find public function for '{path}'.")
        );
    }
    let asked = app
        .result(call_as(admin(), "misc.js:hidden", json!({})))
        .await;
    assert_eq!(asked.outcome.result.as_deref(), Ok("\"hidden\""));
    let done = app
        .mutate(call_as(admin(), "misc:hiddenWrite", json!({})))
        .await;
    assert_eq!(done.outcome.result.as_deref(), Ok("\"written\""));
    let mut elsewhere = call_as(admin(), "misc:hidden", json!({}));
    elsewhere.component.0 = "comp".to_owned();
    let failure = app
        .result(elsewhere)
        .await
        .outcome
        .result
        .clone()
        .expect_err("there are no components");
    assert_eq!(
        failure.message,
        "Could not find public function for 'misc:hidden' in 'comp'."
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn read_only_keys_look_and_do_not_touch() {
    let app = App::start().await;
    let asked = app
        .result(call_as(read_only_admin(), "misc:hidden", json!({})))
        .await;
    assert_eq!(asked.outcome.result.as_deref(), Ok("\"hidden\""));
    for path in ["misc:hiddenWrite", "misc:createCounter"] {
        let done = app
            .mutate(call_as(read_only_admin(), path, json!({})))
            .await;
        let failure = done.outcome.result.expect_err("it may not write");
        assert!(
            failure
                .message
                .starts_with("You do not have permission to perform this operation")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kinds_are_not_mixed_up() {
    let app = App::start().await;
    let failure = app.ask_fails("misc:createCounter", json!({})).await;
    assert_eq!(
        failure.message,
        "Trying to execute misc:createCounter as Query, but it is defined as Mutation."
    );
    let failure = app.run_fails("misc:plain", json!({})).await;
    assert_eq!(
        failure.message,
        "Trying to execute misc:plain as Mutation, but it is defined as Query."
    );
    let failure = app.run_fails("misc:act", json!({})).await;
    assert_eq!(
        failure.message,
        "Trying to execute misc:act as Mutation, but it is defined as Action."
    );
    let action = async |path: &str| {
        let outcome = app.functions.action(call(path, json!({}))).await;
        outcome.result.expect_err("that is no action").message
    };
    assert_eq!(
        action("misc:nothing").await,
        "Could not find public function for 'misc:nothing'."
    );
    assert_eq!(
        action("misc:plain").await,
        "Trying to execute misc:plain as Action, but it is defined as Query."
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn any_kind_by_its_path() {
    let app = App::start().await;
    let any = async |identity, path: &str| {
        app.functions
            .any(call_as(identity, path, json!({})))
            .await
            .result
    };
    assert_eq!(
        any(admin(), "misc:hidden").await.as_deref(),
        Ok("\"hidden\"")
    );
    assert_eq!(
        any(admin(), "misc:hiddenWrite").await.as_deref(),
        Ok("\"written\"")
    );
    let message = |result: Result<Arc<str>, FunctionFailure>| result.expect_err("it fails").message;
    assert!(
        message(any(admin(), "misc:nothing").await)
            .starts_with("Could not find function for 'misc:nothing'.")
    );
    assert_eq!(any(admin(), "misc:act").await.as_deref(), Ok("\"acted\""));
    let stranger = any(lentil_identity::Identity::Anonymous, "misc:hidden").await;
    assert_eq!(
        message(stranger),
        "Could not find public function for 'misc:hidden'."
    );
    assert!(message(any(admin(), "not a path!").await).contains("is not a function path"));
    let url = any(admin(), "_system/cli/convexUrl:cloudUrl").await;
    assert_eq!(url.as_deref(), Ok("\"http://127.0.0.1:3210\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_paths_are_failures_and_no_faults() {
    let app = App::start().await;
    let failure = app.ask_fails("../x", json!({})).await;
    assert_eq!(failure.class, FailureClass::Developer);
    assert!(failure.message.contains("is not a function path"));
    assert_eq!(
        app.run_fails("", json!({})).await.class,
        FailureClass::Developer
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_was_pushed_yet() {
    let app = App::empty(support::host_options()).await;
    let failure = app.ask_fails("misc:plain", json!({})).await;
    assert_eq!(
        failure.message,
        "Could not find public function for 'misc:plain'."
    );
    let failure = app.run_fails("misc:createCounter", json!({})).await;
    assert_eq!(
        failure.message,
        "Could not find public function for 'misc:createCounter'."
    );
    let tables = json!({ "paginationOpts": { "cursor": null, "numItems": 9 } });
    let tables = app
        .result(call_as(admin(), "_system/cli/tables", tables))
        .await;
    assert!(tables.outcome.result.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn s068_identity_belongs_to_the_key_of_those_who_look() {
    let app = App::start().await;
    let ask = async |subject: &str, look: bool| {
        let result = app
            .result(call_as(user(subject), "misc:who", json!({ "look": look })))
            .await;
        result.outcome.result.clone().expect("it works").to_string()
    };
    assert_eq!(ask("ann", false).await, "null");
    assert_eq!(ask("bob", false).await, "null");
    assert_eq!(app.runs_of("misc:who"), 1, "nobody looked");
    assert_eq!(ask("ann", true).await, "\"ann\"");
    assert_eq!(ask("bob", true).await, "\"bob\"");
    assert_eq!(app.runs_of("misc:who"), 3);
    assert_eq!(ask("ann", true).await, "\"ann\"");
    assert_eq!(ask("bob", false).await, "null");
    assert_eq!(app.runs_of("misc:who"), 3, "both are kept");
    let nobody = app.ask("misc:who", json!({ "look": true })).await;
    assert_eq!(nobody, Json::Null);
}

/// Askers with different identities who meet in one run do not share what it saw.
#[tokio::test(flavor = "multi_thread")]
async fn s068_a_run_in_progress_is_not_shared_across_identities() {
    let app = Arc::new(App::start().await);
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..12 {
        let app = app.clone();
        tasks.spawn(async move {
            let subject = format!("user{}", n % 3);
            let result = app
                .result(call_as(user(&subject), "misc:who", json!({ "look": true })))
                .await;
            assert_eq!(
                result.outcome.result.as_deref(),
                Ok(format!("\"{subject}\"").as_str())
            );
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("each sees itself");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s069_results_that_depend_on_the_clock_are_shared_for_a_while() {
    let app = App::start().await;
    app.ask("misc:time", json!({})).await;
    app.ask("misc:time", json!({})).await;
    assert_eq!(app.runs_of("misc:time"), 1);
    // That they are not shared for longer is a test of the cache, which can wait without a clock.
}

#[tokio::test(flavor = "multi_thread")]
async fn s070_environment_and_errors() {
    let app = App::start().await;
    let colour = app.result(call("misc:environment", json!({}))).await;
    assert_eq!(colour.outcome.result.as_deref(), Ok("null"));
    let news = Arc::new(Signal::default());
    let _watch = colour.watch(&news);
    let changes = vec![("COLOUR".to_owned(), Some("blue".to_owned()))];
    app.deployer
        .update_environment_variables(changes)
        .await
        .expect("the variable is set");
    news.taken().await;
    assert!(!colour.is_valid_at(app.latest()));
    assert_eq!(app.ask("misc:environment", json!({})).await, json!("blue"));

    // A failure is shared while somebody holds it, and never longer: asking again runs it again.
    let mut asked = 0;
    while app.runs_of("misc:fails") < 2 {
        let failure = app.ask_fails("misc:fails", json!({})).await;
        assert!(
            failure.message.starts_with("Uncaught Error: no numbers\n"),
            "{}",
            failure.message
        );
        asked += 1;
        assert!(asked < 1_000, "failures are not cached");
    }
    let failed = app.result(call("misc:fails", json!({}))).await;
    app.insert("numbers", &[json!({ "n": 1 })]).await;
    assert!(
        !failed.is_valid_at(app.latest()),
        "a failure has a read set too"
    );
    assert_eq!(app.ask("misc:fails", json!({})).await, json!("some"));
}

#[tokio::test(flavor = "multi_thread")]
async fn data_of_errors_is_encoded() {
    let app = App::start().await;
    let failure = app.ask_fails("misc:failsWithData", json!({})).await;
    assert_eq!(
        failure.data.as_deref(),
        Some(r#"{"big":{"$integer":"AQAAAAAAAAA="},"code":7.0}"#)
    );
    assert!(
        failure.message.starts_with("Uncaught ConvexError: "),
        "{}",
        failure.message
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s077_s078_failures_as_clients_get_them() {
    let app = App::start().await;
    let failure = app.run_fails("misc:insertThenFail", json!({})).await;
    let shown = client_message("0123456789abcdef", &failure.message, false);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(
        lines[..2],
        [
            "[Request ID: 0123456789abcdef] Server Error",
            "Uncaught Error: after all"
        ]
    );
    assert!(
        lines[2].starts_with("    at handler (../convex/misc.ts:"),
        "{shown}"
    );
    let redacted = client_message("0123456789abcdef", &failure.message, true);
    assert_eq!(redacted, "[Request ID: 0123456789abcdef] Server Error");
}

#[tokio::test(flavor = "multi_thread")]
async fn s081_module_state_does_not_survive() {
    let app = App::start().await;
    for x in 0..3 {
        assert_eq!(app.ask("misc:state", json!({ "x": x })).await, json!(1.0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s083_unknown_and_unsupported_operations() {
    let app = App::start().await;
    for (op, args, sync, expected) in [
        (
            "1.0/brandNew",
            json!({}),
            false,
            "Unknown async operation 1.0/brandNew",
        ),
        (
            "1.0/brandNew",
            json!({}),
            true,
            "Unknown operation 1.0/brandNew",
        ),
        (
            "1.0/schedule",
            json!({}),
            false,
            "Invalid arguments for `scheduler.runAt`: missing field `ts`",
        ),
        (
            "1.0/storageGetUrl",
            json!({}),
            false,
            "Invalid arguments for `storage.getUrl`: missing field `storageId`",
        ),
        (
            "1.0/createFunctionHandle",
            json!({}),
            false,
            "Invalid argument `name` for `createFunctionHandle`: the function to call is missing",
        ),
        (
            "1.0/get",
            json!("no json"),
            false,
            "Invalid arguments for `db.get`: Received invalid json",
        ),
        (
            "1.0/get",
            json!({}),
            false,
            "Invalid arguments for `db.get`: missing field `id`",
        ),
        (
            "1.0/queryStreamNext",
            json!({ "queryId": 9 }),
            false,
            "Query with ID 9 not found",
        ),
        ("1.0/queryCleanup", json!({ "queryId": 9 }), true, "false"),
        (
            "1.0/runUdf",
            json!({ "udfType": "query", "args": {} }),
            false,
            "Invalid argument `name` for `runUdf`: the function to call is missing",
        ),
        ("1.0/auditLog", json!({ "body": {} }), false, "null"),
    ] {
        let answer = app
            .run("misc:raw", json!({ "op": op, "args": args, "sync": sync }))
            .await;
        assert_eq!(answer, json!(expected), "{op}");
    }
    let raw = json!({ "op": "1.0/getRequestMetadata", "args": {}, "sync": false });
    let answer = app.ask("misc:rawInQuery", raw).await;
    assert!(
        answer
            .as_str()
            .is_some_and(|text| text.contains("RequestMetadataNotAllowed")),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_know_where_they_are() {
    let app = App::start().await;
    let about = app.run("misc:about", json!({})).await;
    assert_eq!(
        (&about[0]["name"], &about[0]["componentPath"]),
        (&json!("misc:about"), &json!(""))
    );
    assert_eq!(
        (&about[1]["name"], &about[1]["class"]),
        (&json!("convex-self-hosted"), &json!("s16"))
    );
    assert_eq!(about[2], json!("0123456789abcdef"));
    let ts = app.latest();
    let text = app.ask("misc:snapshot", json!({})).await;
    let expected = json!(support::int(i64::try_from(ts.0).expect("it fits")).to_string());
    assert_eq!(text, expected);
}

/// One commit runs each affected query once, whatever the number of those who watch it.
#[tokio::test(flavor = "multi_thread")]
async fn one_run_serves_all_watchers() {
    let app = Arc::new(App::start().await);
    let mut watchers = Vec::new();
    for _ in 0..200 {
        let result = app.result(call("misc:plain", json!({}))).await;
        let news = Arc::new(Signal::default());
        watchers.push((result.watch(&news), news));
    }
    assert_eq!(app.runs_of("misc:plain"), 1);
    app.insert("numbers", &[json!({ "n": 1 })]).await;
    let mut tasks = tokio::task::JoinSet::new();
    for (watch, news) in watchers {
        let app = app.clone();
        tasks.spawn(async move {
            news.taken().await;
            drop(watch);
            let mut call = call("misc:plain", json!({}));
            call.caller = "SyncWorker";
            let result = app.result(call).await;
            assert_eq!(result.outcome.result.as_deref(), Ok("1.0"));
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("each gets the new result");
    }
    assert_eq!(app.runs_of("misc:plain"), 2);
    assert_eq!(
        app.logs()
            .iter()
            .filter(|entry| entry["caller"] == "SyncWorker")
            .count(),
        1,
        "sharing is not logged"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn old_snapshots_give_old_results() {
    let app = App::start().await;
    let before = app.latest();
    app.insert("numbers", &[json!({ "n": 1 })]).await;
    let between = app.latest();
    app.insert("numbers", &[json!({ "n": 2 })]).await;
    let now = app.latest();
    for (ts, expected) in [
        (now, "2.0"),
        (before, "0.0"),
        (between, "1.0"),
        (now, "2.0"),
        (before, "0.0"),
    ] {
        let result = app
            .functions
            .query(&call("misc:plain", json!({})), ts, None)
            .await
            .expect("it is retained");
        assert_eq!(result.outcome.result.as_deref(), Ok(expected));
        assert!(result.is_valid_at(ts));
    }
    assert_eq!(
        app.runs_of("misc:plain"),
        3,
        "versions that still hold somewhere are kept for a while"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_reaches_live_queries() {
    let app = App::start().await;
    let watched = app.result(call("misc:plain", json!({}))).await;
    let news = Arc::new(Signal::default());
    let _watch = watched.watch(&news);
    app.push(serde_json::from_str(include_str!("app/app.json")).expect("JSON"))
        .await;
    news.taken().await;
    assert!(!watched.is_valid_at(app.latest()));
}
