//! What is deployed: variables, URLs, functions, schemas.

use lentil_catalog::{Deployment, SchemaRow, SchemaState, Variable};
use lentil_database::TransactionError;
use lentil_values::{DocumentId, Object, Value};
use serde_json::{Value as Json, json};

use super::{Request, document, object, text};
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
    let Some(image) = request.functions.images().current(request.tx)? else {
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
fn plain(json: &Json) -> Value {
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

/// The root app; components come later.
pub(super) fn components(_: &mut Request) -> Result<Value, TransactionError> {
    Ok(Value::Array(vec![object([
        ("id", text("root")),
        ("name", Value::Null),
        ("path", text("")),
        ("args", object([])),
        ("state", text("active")),
        ("httpPrefix", Value::Null),
    ])]))
}

/// JSON texts of the enforced schema and of the one on trial.
pub(super) fn schemas(request: &mut Request) -> Result<Value, TransactionError> {
    let deployment = Deployment::load(request.tx)?;
    let mut found = Object::new();
    if let Some(row) = schema_row(request, deployment.schema)?
        && row.json != NO_SCHEMA
    {
        found.insert("active".to_owned(), text(row.json));
    }
    if let Some(row) = schema_row(request, deployment.pending_schema)?
        && matches!(row.state, SchemaState::Pending | SchemaState::Validated)
    {
        found.insert("inProgress".to_owned(), text(row.json));
    }
    Ok(Value::Object(found))
}

fn schema_row(
    request: &mut Request,
    id: Option<DocumentId>,
) -> Result<Option<SchemaRow>, TransactionError> {
    Ok(id
        .map(|id| SchemaRow::load(request.tx, id))
        .transpose()?
        .flatten())
}
