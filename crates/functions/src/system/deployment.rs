//! What is deployed: variables, URLs, functions, schemas.

use lentil_catalog::{Deployment, SchemaRow, SchemaState, Variable};
use lentil_database::TransactionError;
use lentil_values::{DocumentId, Object, Value};
use serde_json::{Value as Json, json};

use super::{Request, document, number, object, text};
use crate::deploy::{NO_SCHEMA, validator_json};

/// All variables of the user, ordered by name.
pub(super) fn environment_variables(request: &mut Request) -> Result<Value, TransactionError> {
    let variables = Variable::all(request.tx)?;
    variables
        .iter()
        .map(|variable| document(&variable.json))
        .collect::<Result<_, _>>()
        .map(Value::Array)
}

/// The names alone: what they hold is shown when somebody asks, which is noted.
pub(super) fn environment_names(request: &mut Request) -> Result<Value, TransactionError> {
    let variables = Variable::all(request.tx)?.into_iter();
    let names = variables.map(|variable| object([("name", text(variable.name))]));
    Ok(Value::Array(names.collect()))
}

/// One variable of the effective environment, the built-in ones included.
pub(super) fn environment_variable(request: &mut Request) -> Result<Value, TransactionError> {
    let name = request.text("name")?;
    let environment = request.functions.images().environment(request.tx)?;
    Ok(match environment.get(&name) {
        Some(value) => object([("name", text(name)), ("value", text(value.as_str()))]),
        None => Value::Null,
    })
}

pub(super) fn cloud_url(request: &mut Request) -> Result<Value, TransactionError> {
    Ok(text(request.functions.options().cloud_url.as_str()))
}

pub(super) fn site_url(request: &mut Request) -> Result<Value, TransactionError> {
    Ok(text(request.functions.options().site_url.as_str()))
}

/// Every function and route, as `npx convex function-spec` prints them (cli-and-deploy 15.1).
pub(super) fn api_spec(request: &mut Request) -> Result<Value, TransactionError> {
    let Some(image) = request.image()? else {
        return Ok(Value::Array(Vec::new()));
    };
    let mut spec = Vec::new();
    for (path, module) in image.analysis.iter() {
        for function in &module.functions {
            spec.push(json!({
                "identifier": format!("{path}:{}", function.name),
                "functionType": function.udf_type,
                "visibility": function.visibility.as_ref().map(|visibility| json!({ "kind": visibility.kind })),
                "args": validator_json(function.args.as_deref()),
                "returns": validator_json(function.returns.as_deref()),
            }));
        }
        for route in module.http_routes.iter().flatten() {
            spec.push(json!({
                "functionType": "HttpAction",
                "method": route.route.method,
                "path": route.route.path,
            }));
        }
    }
    Ok(plain(&Json::Array(spec)))
}

/// A tree as a value: numbers are floats, and only literals of validators are encoded values.
pub(crate) fn plain(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(boolean) => Value::Boolean(*boolean),
        Json::Number(number) => Value::Float64(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(string) => text(string.as_str()),
        Json::Array(elements) => Value::Array(elements.iter().map(plain).collect()),
        Json::Object(fields) if fields.keys().any(|name| name.starts_with('$')) => {
            Value::from_json(json).unwrap_or(Value::Null)
        }
        Json::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, json)| (name.clone(), plain(json)))
                .collect::<Object>(),
        ),
    }
}

/// JSON texts of the enforced schema and of the one on trial.
pub(super) fn schemas(request: &mut Request) -> Result<Value, TransactionError> {
    let (live, pending) = schema_ids(request)?;
    let mut found = Object::new();
    if let Some(row) = schema_row(request, live)?
        && row.json != NO_SCHEMA
    {
        found.insert("active".to_owned(), text(row.json));
    }
    if let Some(row) = schema_row(request, pending)?
        && matches!(row.state, SchemaState::Pending | SchemaState::Validated)
    {
        found.insert("inProgress".to_owned(), text(row.json));
    }
    Ok(Value::Object(found))
}

/// How many documents the schema on trial has been checked against, or null. Like the progress of
/// an index this is part of no document: it is asked again, not awaited.
pub(super) fn schema_progress(request: &mut Request) -> Result<Value, TransactionError> {
    let (_, pending) = schema_ids(request)?;
    let pending = schema_row(request, pending)?;
    let Some(row) = pending.filter(|row| row.state == SchemaState::Pending) else {
        return Ok(Value::Null);
    };
    let done = request.functions.images().checked_documents(row.id);
    let schema = request.image()?;
    let schema = schema.and_then(|image| image.pending_schema.clone());
    let mut total = 0;
    for name in schema
        .iter()
        .flat_map(|pending| pending.schema.tables.keys())
    {
        total += request.tx.count(request.namespace, name)?;
    }
    Ok(object([
        ("numDocsValidated", number(done)),
        ("totalDocs", number(total)),
    ]))
}

/// What `auth.config.ts` exports.
pub(super) fn auth_providers(request: &mut Request) -> Result<Value, TransactionError> {
    let deployment = Deployment::load(request.tx)?;
    let providers = deployment.auth.as_deref().map(serde_json::from_str::<Json>);
    Ok(match providers {
        Some(Ok(providers)) => plain(&providers),
        Some(Err(_)) | None => Value::Array(Vec::new()),
    })
}

/// Where logs are streamed to: nowhere, in this version.
pub(super) fn sinks(_: &mut Request) -> Result<Value, TransactionError> {
    Ok(Value::Array(Vec::new()))
}

/// What is always so.
pub(super) fn yes(_: &mut Request) -> Result<Value, TransactionError> {
    Ok(Value::Boolean(true))
}

/// Whether functions run.
pub(super) fn state(request: &mut Request) -> Result<Value, TransactionError> {
    Ok(object([("state", text(running_or_paused(request)?))]))
}

/// The same, by who may have stopped them.
pub(super) fn backend_state(request: &mut Request) -> Result<Value, TransactionError> {
    Ok(object([
        ("system", text("running")),
        ("usage_limit", text("running")),
        ("user", text(running_or_paused(request)?)),
    ]))
}

fn running_or_paused(request: &mut Request) -> Result<&'static str, TransactionError> {
    let paused = Deployment::load(request.tx)?.paused;
    Ok(if paused { "paused" } else { "running" })
}

/// Version of the npm package that pushed last, or null.
pub(super) fn version(request: &mut Request) -> Result<Value, TransactionError> {
    let version = Deployment::load(request.tx)?.udf_server_version;
    Ok(version.map_or(Value::Null, text))
}

/// Version of the Node that runs functions.
pub(super) fn node_version(request: &mut Request) -> Result<Value, TransactionError> {
    Ok(text(request.functions.host().node_version()))
}

/// The rows of the component's enforced schema and of the one on trial.
fn schema_ids(
    request: &mut Request,
) -> Result<(Option<DocumentId>, Option<DocumentId>), TransactionError> {
    let component = &request.component;
    if !component.path.is_root() {
        return Ok((component.schema, component.pending_schema));
    }
    let deployment = Deployment::load(request.tx)?;
    Ok((deployment.schema, deployment.pending_schema))
}

fn schema_row(
    request: &mut Request,
    id: Option<DocumentId>,
) -> Result<Option<SchemaRow>, TransactionError> {
    Ok(id
        .map(|id| SchemaRow::load(request.tx, request.namespace, id))
        .transpose()?
        .flatten())
}
