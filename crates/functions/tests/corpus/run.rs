//! Runs a group of the corpus against a deployment and compares what it is told.

use lentil_functions::deploy::DeployError;
use lentil_functions::{Call, FailureClass, FunctionFailure, Outcome};
use lentil_identity::Identity;
use serde_json::{Value as Json, json};

use crate::entry::{Act, Caller, Endpoint, Entry, GROUPS, Kind, Push, Request, Variables, entries};
use crate::message::{matches, without_frames};
use crate::pushed::{finish, plain_module, wait};
use crate::support::{App, admin, call, host_options, read_only_admin};

/// The body of a push of the application.
const APP: &str = include_str!("../app/app.json");
/// What the modules of this corpus begin with.
const NAMES: &str = "import * as wrong from \"./wrong.js\";
const { action, api, bareFunction, ConvexError, convexToJson, cronJobs, cyclic, deep, defineSchema, defineTable, httpAction, httpRouter, internalMutation, internalQuery, makeFunctionReference, mutation, paginationOptsValidator, Point, query, raw, rawSync, v, wide } = wrong;
";
/// Builders for the tables of a schema.
const SCHEMA_NAMES: &str = include_str!("schema.js");

/// Runs the entries of a group and reports every message that is not the expected one.
pub(crate) async fn group(name: &str) {
    let (_, text) = GROUPS
        .iter()
        .find(|(group, _)| *group == name)
        .expect("the group is listed");
    let entries = entries(name, text);
    let app = App::empty(host_options()).await;
    app.push(with_exports(name, &entries)).await;
    let mut wrong = Vec::new();
    for (number, entry) in entries.iter().enumerate() {
        let found = without_frames(&message(&app, name, number, entry).await);
        let expected = entry.expect.text();
        if !matches(&expected, &found) {
            wrong.push(format!(
                "{:?}\n  expected {}\n  found    {}",
                entry.name,
                json!(expected),
                json!(found)
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} messages in corpus/{name}.json are not the expected ones:\n\n{}\n",
        wrong.len(),
        entries.len(),
        wrong.join("\n\n")
    );
}

/// The application with a module of the group's own functions.
fn with_exports(group: &str, entries: &[Entry]) -> Json {
    let mut source = NAMES.to_owned();
    for (number, entry) in entries.iter().enumerate() {
        if let Act::Export(_, function) = entry.act() {
            source.push_str(&format!("export const e{number} = {function};\n"));
        }
    }
    let mut app: Json = serde_json::from_str(APP).expect("the application is JSON");
    let modules = app["appDefinition"]["changedModules"].as_array_mut();
    let module = plain_module(&format!("corpus_{group}.js"), &source);
    modules.expect("the application has modules").push(module);
    app
}

/// What is said about an entry.
async fn message(app: &App, group: &str, number: usize, entry: &Entry) -> String {
    match entry.act() {
        Act::Export(kind, _) => {
            let path = format!("corpus_{group}:e{number}");
            run(app, kind, call_of(&path, entry)).await
        }
        Act::Call(path) => run(app, entry.kind, call_of(path, entry)).await,
        Act::Push(push) => push_message(app, push).await,
        Act::Environment(variables) => environment_message(app, variables).await,
        Act::Request(request) => request_message(app, request).await,
    }
}

fn call_of(path: &str, entry: &Entry) -> Call {
    let mut call = call(path, Json::Null);
    call.args = entry.args().into();
    call.component.0.clone_from(&entry.component);
    call.identity = match entry.by {
        Caller::Anyone => Identity::Anonymous,
        Caller::Admin => admin(),
        Caller::ReadOnlyAdmin => read_only_admin(),
    };
    call
}

async fn run(app: &App, kind: Kind, call: Call) -> String {
    let functions = &app.functions;
    let outcome = match kind {
        Kind::Query => {
            let result = functions.query(&call, functions.latest(), None).await;
            result.map_or_else(Outcome::failed, |result| result.outcome.clone())
        }
        Kind::Mutation => functions.mutation(call, None).await.outcome,
        Kind::Action => functions.action(call).await,
        Kind::Any => functions.any(call).await,
    };
    match outcome.result {
        Ok(value) => format!("(no failure but the value {value})"),
        Err(failure) => failure_text(failure),
    }
}

fn failure_text(failure: FunctionFailure) -> String {
    let mut text = without_frames(&failure.message);
    if failure.class != FailureClass::Developer {
        text = format!("({:?}) {text}", failure.class);
    }
    if let Some(data) = failure.data {
        text.push_str(&format!("\nData: {data}"));
    }
    text
}

async fn push_message(app: &App, push: &Push) -> String {
    for (table, rows) in &push.rows {
        let rows = rows.as_array().expect("rows are a list");
        app.insert(table, rows).await;
    }
    let started = match app.deployer.start_push(body_of(push)).await {
        Ok(started) => started,
        Err(error) => return refusal(&error),
    };
    let state = wait(&app.deployer, &started, 30_000).await;
    match state["type"].as_str() {
        Some("failed") => {
            let text = |name: &str| state[name].as_str().unwrap_or_default().to_owned();
            format!("failed, table {}: {}", text("tableName"), text("error"))
        }
        _ => match finish(&app.deployer, &started).await {
            Ok(finished) => format!("(no failure but {finished})"),
            Err(error) => refusal(&error),
        },
    }
}

async fn environment_message(app: &App, variables: &Variables) -> String {
    let value = |value: &Json| match value {
        Json::Number(letters) => Some("x".repeat(letters.as_u64().unwrap_or_default() as usize)),
        value => value.as_str().map(str::to_owned),
    };
    let set = variables
        .set
        .iter()
        .map(|(name, given)| (name.clone(), value(given)));
    let more = (0..variables.more).map(|n| (format!("MORE_{n}"), Some(String::new())));
    let changes = set.chain(more).collect();
    match app.deployer.update_environment_variables(changes).await {
        Ok(()) => "(no failure)".to_owned(),
        Err(error) => refusal(&error),
    }
}

async fn request_message(app: &App, request: &Request) -> String {
    let (deployer, body) = (&app.deployer, request.body.clone());
    let answer = match request.to {
        Endpoint::StartPush => deployer.start_push(body).await,
        Endpoint::EvaluatePush => deployer.evaluate_push(body).await,
        Endpoint::EvaluateSchema => deployer.evaluate_schema(body).await,
        Endpoint::WaitForSchema => deployer.wait_for_schema(body).await,
        Endpoint::FinishPush => deployer.finish_push(body).await,
    };
    match answer {
        Ok(answer) => format!("(no failure but {answer})"),
        Err(error) => refusal(&error),
    }
}

fn refusal(error: &DeployError) -> String {
    format!("{} {}: {}", error.status, error.code, error.message)
}

/// The request of a push: what the entry has, and what its modules may import.
fn body_of(push: &Push) -> Json {
    let mut body: Json = serde_json::from_str(APP).expect("the application is JSON");
    let app = &mut body["appDefinition"];
    let modules = app["changedModules"].as_array_mut().expect("a list");
    modules.retain(|module| {
        let path = module["path"].as_str().unwrap_or_default();
        path == "wrong.js" || path.starts_with("_deps/")
    });
    for (path, source) in &push.modules {
        let source: crate::entry::Lines =
            serde_json::from_value(source.clone()).expect("a source is lines");
        let source = source.text();
        // What is evaluated alone imports nothing.
        let names = if path == "auth.config.js" { "" } else { NAMES };
        modules.push(plain_module(path, &format!("{names}{source}")));
    }
    app["schema"] = match (&push.schema, &push.tables) {
        (Some(source), _) => plain_module("schema.js", &source.text()),
        (None, Some(tables)) => {
            let source = format!(
                "{SCHEMA_NAMES}\nexport default schema([{}]);",
                tables.text()
            );
            plain_module("schema.js", &source)
        }
        (None, None) => Json::Null,
    };
    if let Some(source) = &push.definition {
        app["definition"] = plain_module("convex.config.js", &source.text());
    }
    for (name, value) in &push.app {
        app[name] = value.clone();
    }
    for (name, value) in &push.body {
        body[name] = value.clone();
    }
    body
}
