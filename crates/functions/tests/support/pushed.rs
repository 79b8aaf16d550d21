//! Applications written for one test: modules in the shape that the SDK gives them.

#![allow(dead_code, reason = "each test file uses some of it")]

use lentil_functions::deploy::{DeployError, Deployer};
use serde_json::{Value as Json, json};

use crate::support::App;

/// What every module of functions begins with: builders like the SDK's.
const BUILDERS: &str = r#"
function made(kind, invoke, handler, { args, internal } = {}) {
  const made = () => { throw new Error("called directly"); };
  made[kind] = true;
  made[internal ? "isInternal" : "isPublic"] = true;
  made.exportArgs = () => JSON.stringify(args ?? { type: "any" });
  made.exportReturns = () => "null";
  made[invoke] = async (text) => JSON.stringify((await handler(JSON.parse(text)[0])) ?? null);
  made._handler = handler;
  return made;
}
const query = (handler, options) => made("isQuery", "invokeQuery", handler, options);
const mutation = (handler, options) => made("isMutation", "invokeMutation", handler, options);
const call = async (op, args) => JSON.parse(await Convex.asyncSyscall(op, JSON.stringify(args)));
"#;

/// A module `m.js` that writes and reads any table.
pub(crate) const DATA: &str = r#"
export const insert = mutation(({ table, value }) => call("1.0/insert", { table, value }));
export const count = query(({ table }) => call("1.0/count", { table }));
export const byIndex = query(async ({ table, index, field, value }) => {
  const range = [{ type: "Eq", fieldPath: field, value }];
  const source = { type: "IndexRange", indexName: `${table}.${index}`, range, order: "asc" };
  const text = Convex.syscall("1.0/queryStream", JSON.stringify({ query: { source, operators: [] }, version: "1" }));
  const { queryId } = JSON.parse(text);
  let rows = 0;
  while (!(await call("1.0/queryStreamNext", { queryId })).done) rows++;
  return rows;
});
"#;

/// A module of functions.
pub(crate) fn module(path: &str, source: &str) -> Json {
    plain_module(path, &format!("{BUILDERS}{source}"))
}

/// A module as it is.
pub(crate) fn plain_module(path: &str, source: &str) -> Json {
    json!({ "path": path, "source": source, "environment": "isolate" })
}

/// `schema.js` that exports this schema.
pub(crate) fn schema(tables: Json) -> Json {
    let text = json!({ "tables": tables, "schemaValidation": true }).to_string();
    let source = format!(
        "export default {{ export() {{ return {}; }} }};",
        json!(text)
    );
    plain_module("schema.js", &source)
}

/// A table whose documents have these required fields of simple types, with indexes.
pub(crate) fn table(name: &str, fields: &[(&str, &str)], indexes: &[(&str, &[&str])]) -> Json {
    let field = |kind: &str| json!({ "fieldType": { "type": kind }, "optional": false });
    let fields = fields
        .iter()
        .map(|(name, kind)| ((*name).to_owned(), field(kind)));
    let indexes = indexes
        .iter()
        .map(|(name, fields)| json!({ "indexDescriptor": name, "fields": fields }));
    json!({
        "tableName": name,
        "indexes": indexes.collect::<Vec<_>>(),
        "documentType": { "type": "object", "value": fields.collect::<serde_json::Map<_, _>>() },
    })
}

/// The body of a push.
pub(crate) fn push_of(modules: &[Json], schema: Option<Json>) -> Json {
    json!({
        "adminKey": "k", "dryRun": false, "functions": "convex/", "somethingNew": {},
        "appDefinition": {
            "definition": null, "dependencies": [], "schema": schema,
            "changedModules": modules, "unchangedModuleHashes": [], "udfServerVersion": "1.48.0",
        },
        "componentDefinitions": [], "nodeDependencies": [],
    })
}

/// Hashes of what is live, as `unchangedModuleHashes` names them.
pub(crate) async fn live_hashes(app: &App) -> Vec<Json> {
    let config = app.deployer.get_config_hashes(json!({})).await;
    let config = config.expect("it can always be asked");
    let hashes = config["moduleHashes"].as_array().expect("a list").clone();
    let renamed = |hash: Json| json!({ "path": hash["path"], "sha256": hash["hash"], "environment": hash["environment"] });
    hashes.into_iter().map(renamed).collect()
}

/// Waits for a schema for at most so long.
pub(crate) async fn wait(deployer: &Deployer, started: &Json, timeout_ms: u64) -> Json {
    let body = json!({ "schemaChange": started["schemaChange"], "timeoutMs": timeout_ms, "dryRun": false });
    deployer
        .wait_for_schema(body)
        .await
        .expect("it is answered")
}

pub(crate) async fn finish(deployer: &Deployer, started: &Json) -> Result<Json, DeployError> {
    deployer
        .finish_push(json!({ "startPush": started, "dryRun": false }))
        .await
}

/// Pushes to the end; gives what both halves answered.
pub(crate) async fn push(app: &App, body: Json) -> (Json, Json) {
    let started = app.deployer.start_push(body).await.expect("it starts");
    let state = wait(&app.deployer, &started, 30_000).await;
    assert_eq!(state["type"], "complete", "{state}");
    let finished = finish(&app.deployer, &started).await.expect("it finishes");
    (started, finished)
}

/// Why a push does not start.
pub(crate) async fn refused(app: &App, body: Json) -> DeployError {
    app.deployer
        .start_push(body)
        .await
        .expect_err("it is refused")
}
