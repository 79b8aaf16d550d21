//! What the tables look like, as tools that copy them ask for it.

use axum::Json as JsonAnswer;
use axum::extract::{Query, State};
use lentil_catalog::{Component, Components, Schema};
use lentil_database::{Transaction, TransactionError};
use lentil_functions::deploy::DeployError;
use lentil_values::{Validator, ValueFormat};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::shapes::{Shape, TableNames};
use super::{blocking, format};
use crate::errors::ApiError;
use crate::request::Admin;
use crate::state::Deployment;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SchemaParameters {
    #[serde(default)]
    delta_schema: bool,
    format: Option<String>,
    #[serde(default)]
    by_component: bool,
}

/// A JSON Schema for each table.
pub(super) async fn json_schemas(
    State(deployment): State<Deployment>,
    Admin(_): Admin,
    Query(wanted): Query<SchemaParameters>,
) -> Result<JsonAnswer<Json>, ApiError> {
    let format = format(wanted.format.as_deref())?;
    let which = match wanted.by_component {
        true => Asked::All,
        false => Asked::Root,
    };
    let of =
        move |tx: &mut Transaction, names: &TableNames, schema: Option<&Schema>, table: &str| {
            let declared = schema.and_then(|schema| schema.tables.get(table));
            let mut of = match declared.and_then(|declared| declared.document.as_ref()) {
                Some(validator) if *validator != Validator::Any => of_validator(format, validator),
                _ => of_shape(format, &Shape::of_table(tx, names, table)?),
            };
            add_system_fields(&mut of, wanted.delta_schema);
            of["$schema"] = json!("http://json-schema.org/draft-07/schema#");
            Ok(of)
        };
    let components = each_table(deployment, which, of).await?;
    if !wanted.by_component {
        return Ok(JsonAnswer(only(components)));
    }
    let components = components.into_iter();
    let components = components.map(|(path, tables)| (path, Json::Object(tables)));
    Ok(JsonAnswer(Json::Object(components.collect())))
}

/// The columns of each table.
pub(super) async fn column_names(
    State(deployment): State<Deployment>,
    Admin(_): Admin,
) -> Result<JsonAnswer<Json>, ApiError> {
    let of = |tx: &mut Transaction, names: &TableNames, schema: Option<&Schema>, table: &str| {
        let mut columns = vec!["_id".to_owned(), "_creationTime".to_owned()];
        let declared = schema.and_then(|schema| schema.tables.get(table));
        if let Some(Validator::Object(fields)) =
            declared.and_then(|declared| declared.document.as_ref())
        {
            columns.extend(fields.keys().cloned());
        }
        if let Shape::Object(fields) = Shape::of_table(tx, names, table)? {
            columns.extend(fields.into_keys());
        }
        let mut seen = std::collections::HashSet::new();
        columns.retain(|column| seen.insert(column.clone()));
        Ok(json!({ "name": table, "columns": columns }))
    };
    let components = each_table(deployment, Asked::All, of).await?.into_iter();
    let components: Map<String, Json> = components
        .map(|(path, tables)| (path, tables.into_iter().map(|(_, table)| table).collect()))
        .collect();
    Ok(JsonAnswer(json!({ "byComponent": components })))
}

#[derive(Deserialize)]
pub(super) struct ShapeParameters {
    component: Option<String>,
}

/// The shape of each table, as it is found; of the component of an id, if one is given.
pub(super) async fn shapes(
    State(deployment): State<Deployment>,
    Admin(_): Admin,
    Query(wanted): Query<ShapeParameters>,
) -> Result<JsonAnswer<Json>, ApiError> {
    let which = Asked::Id(wanted.component.unwrap_or_default());
    let of = |tx: &mut Transaction, names: &TableNames, _: Option<&Schema>, table: &str| {
        Ok(Shape::of_table(tx, names, table)?.to_json())
    };
    Ok(JsonAnswer(only(each_table(deployment, which, of).await?)))
}

/// Of which components tables are asked for.
enum Asked {
    Root,
    All,
    /// Of one, by its id; the root's may be empty.
    Id(String),
}

/// What is said of the tables of the only component.
fn only(components: Vec<(String, Map<String, Json>)>) -> Json {
    let tables = components.into_iter().next().map(|(_, tables)| tables);
    Json::Object(tables.unwrap_or_default())
}

/// What `of` says of each user table of each component, at one snapshot.
async fn each_table(
    deployment: Deployment,
    which: Asked,
    of: impl Fn(&mut Transaction, &TableNames, Option<&Schema>, &str) -> Result<Json, TransactionError>
    + Send
    + 'static,
) -> Result<Vec<(String, Map<String, Json>)>, ApiError> {
    blocking(move || {
        let mut tx = deployment.database.begin();
        tx.lift_limits();
        let mut components = Vec::new();
        for component in components_of(&mut tx, which)? {
            let schema = deployment.deployer.schema(&mut tx, component.namespace);
            let schema = schema.map_err(|error: DeployError| ApiError::internal(&error.message))?;
            let names = TableNames::of(&mut tx, component.namespace);
            let mut told = Map::new();
            for table in names.user() {
                // A transaction remembers what it reads; the next table needs none of it.
                let mut tx = tx.fresh();
                tx.lift_limits();
                let json = of(&mut tx, &names, schema.as_deref(), table);
                let json = json.map_err(|error| ApiError::internal(&error))?;
                told.insert(table.to_owned(), json);
            }
            components.push((component.path.0, told));
        }
        Ok(components)
    })
    .await
}

fn components_of(tx: &mut Transaction, which: Asked) -> Result<Vec<Component>, ApiError> {
    let id = match which {
        Asked::Root => return Ok(vec![Component::root()]),
        Asked::Id(id) if matches!(id.as_str(), "" | "root" | "null") => {
            return Ok(vec![Component::root()]);
        }
        Asked::Id(id) => Some(id),
        Asked::All => None,
    };
    let components = Components::load(tx).map_err(|error| ApiError::internal(&error))?;
    let Some(id) = id else {
        return Ok(components.shown().cloned().collect());
    };
    let found = id.parse().ok().and_then(|id| components.by_id(id));
    let found = found.cloned().ok_or_else(|| {
        let message = format!("there is no component with the id {id:?}");
        ApiError::bad_request("ComponentNotFound", message)
    });
    found.map(|component| vec![component])
}

fn add_system_fields(schema: &mut Json, deltas: bool) {
    if schema["type"] != "object" || !schema["properties"].is_object() {
        *schema = json!({ "type": "object", "properties": {}, "additionalProperties": true });
    }
    schema["properties"]["_id"] = json!({ "type": "string" });
    schema["properties"]["_creationTime"] = json!({ "type": "number" });
    if deltas {
        schema["properties"]["_table"] = json!({ "type": "string" });
        schema["properties"]["_component"] = json!({ "type": "string" });
        schema["properties"]["_ts"] = json!({ "type": "integer" });
        schema["properties"]["_deleted"] = json!({ "type": "boolean" });
    }
}

fn integer(format: ValueFormat) -> Json {
    match format {
        ValueFormat::Clean => json!({ "type": "string" }),
        ValueFormat::Export => json!({ "type": "integer" }),
        ValueFormat::Encoded => wrapped("$integer"),
    }
}

fn bytes(format: ValueFormat) -> Json {
    match format {
        ValueFormat::Clean => json!({ "type": "string" }),
        ValueFormat::Export | ValueFormat::Encoded => wrapped("$bytes"),
    }
}

fn float(format: ValueFormat) -> Json {
    let special = match format {
        ValueFormat::Clean => json!({ "enum": ["NaN", "Infinity", "-Infinity"] }),
        ValueFormat::Export | ValueFormat::Encoded => wrapped("$float"),
    };
    json!({ "anyOf": [{ "type": "number" }, special] })
}

fn wrapped(name: &str) -> Json {
    json!({ "type": "object", "properties": { name: { "type": "string" } } })
}

fn object(properties: Map<String, Json>, required: Vec<String>) -> Json {
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn of_validator(format: ValueFormat, validator: &Validator) -> Json {
    match validator {
        Validator::Null => json!({ "type": "null" }),
        Validator::Float64 => float(format),
        Validator::Int64 | Validator::CommitTs => integer(format),
        Validator::Boolean => json!({ "type": "boolean" }),
        Validator::String => json!({ "type": "string" }),
        Validator::Bytes => bytes(format),
        Validator::Any => json!({}),
        Validator::Literal(value) => {
            let mut text = String::new();
            format.write(value, &mut text);
            let value: Json = serde_json::from_str(&text).unwrap_or_default();
            json!({ "const": value })
        }
        Validator::Id(table) => json!({ "type": "string", "$description": format!("Id({table})") }),
        Validator::Array(of) => json!({ "type": "array", "items": of_validator(format, of) }),
        Validator::Record(_, of) => {
            json!({ "type": "object", "additionalProperties": of_validator(format, of) })
        }
        Validator::Union(members) => {
            let members: Vec<Json> = members.iter().map(|it| of_validator(format, it)).collect();
            json!({ "anyOf": members })
        }
        Validator::Object(fields) => {
            let of = |name: &String| of_validator(format, &fields[name].validator);
            let properties = fields.keys().map(|name| (name.clone(), of(name))).collect();
            let required = fields.iter().filter(|(_, field)| !field.optional);
            object(properties, required.map(|(name, _)| name.clone()).collect())
        }
    }
}

fn of_shape(format: ValueFormat, shape: &Shape) -> Json {
    match shape {
        Shape::Never | Shape::Unknown => json!({}),
        Shape::Null => json!({ "type": "null" }),
        Shape::Int64 => integer(format),
        Shape::Float64 => float(format),
        Shape::Boolean => json!({ "type": "boolean" }),
        Shape::String => json!({ "type": "string" }),
        Shape::Bytes => bytes(format),
        Shape::Id(table) => json!({ "type": "string", "$description": format!("Id({table})") }),
        Shape::Array(of) => json!({ "type": "array", "items": of_shape(format, of) }),
        Shape::Record(of) => {
            json!({ "type": "object", "additionalProperties": of_shape(format, of) })
        }
        Shape::Union(members) => {
            let members: Vec<Json> = members.iter().map(|it| of_shape(format, it)).collect();
            json!({ "anyOf": members })
        }
        Shape::Object(fields) => {
            let of = |name: &String| of_shape(format, &fields[name].shape);
            let properties = fields.keys().map(|name| (name.clone(), of(name))).collect();
            let required = fields.iter().filter(|(_, field)| !field.optional);
            object(properties, required.map(|(name, _)| name.clone()).collect())
        }
    }
}
