//! Streaming import, as Airbyte writes into a deployment (cli-and-deploy 17.2).

use std::collections::BTreeMap;

use axum::extract::State;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use lentil_database::{CommitError, IndexDefinition, IndexQuery, IndexState};
use lentil_database::{Namespace, Order, Transaction, TransactionError};
use lentil_functions::deploy::{DeployError, Deployer};
use lentil_values::{DocumentId, KeyRange, Object, Value, push_key_value};
use serde::Deserialize;
use serde_json::Value as JsonValue;

use crate::errors::ApiError;
use crate::request::{Admin, JsonBody, WritingAdmin};
use crate::state::Deployment;

/// The index that finds a record by its primary key.
const PRIMARY_KEY: &str = "airbyte_primary_key";
/// Times a request is written again when it conflicts.
const CONFLICTS_MAX: usize = 32;

pub(crate) fn router() -> Router<Deployment> {
    Router::new()
        .route(
            "/streaming_import/import_airbyte_records",
            post(import_records),
        )
        .route("/streaming_import/clear_tables", put(clear_tables))
        .route("/streaming_import/replace_tables", post(replace_tables))
        .route(
            "/streaming_import/add_primary_key_indexes",
            put(add_indexes),
        )
        .route(
            "/streaming_import/primary_key_indexes_ready",
            get(indexes_ready).post(indexes_ready),
        )
        .route("/streaming_import/get_schema", get(get_schema))
}

/// A path to a field, from outside to inside.
type FieldPath = Vec<String>;

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Records {
    tables: BTreeMap<String, Stream>,
    messages: Vec<Message>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stream {
    primary_key: Option<Vec<FieldPath>>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    table_name: String,
    data: serde_json::Map<String, JsonValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TableNames {
    table_names: Vec<String>,
}

#[derive(Deserialize)]
struct Tables {
    tables: Vec<String>,
}

#[derive(Deserialize)]
struct Indexes {
    indexes: BTreeMap<String, Vec<FieldPath>>,
}

async fn import_records(
    State(deployment): State<Deployment>,
    _: WritingAdmin,
    JsonBody(records): JsonBody<Records>,
) -> Result<Json<JsonValue>, ApiError> {
    let mut rows = Vec::with_capacity(records.messages.len());
    for message in records.messages {
        let stream = records.tables.get(&message.table_name).ok_or_else(|| {
            let message = format!(
                "a message is for the table {:?}, which \"tables\" does not name",
                message.table_name
            );
            ApiError::bad_request("UnknownTable", message)
        })?;
        let key = stream.primary_key.clone().unwrap_or_default();
        let key: Vec<String> = key.iter().map(field_path).collect();
        let fields =
            fields_of(message.data).map_err(|why| ApiError::bad_request("InvalidRecord", why))?;
        rows.push((table_name(&message.table_name), key, fields));
    }
    transact(&deployment, move |tx, deployer| {
        rows.iter()
            .try_for_each(|(table, key, fields)| put_record(tx, deployer, table, key, fields))
    })
    .await?;
    Ok(Json(JsonValue::Null))
}

/// Writes a record in the place of the one with its key, if it has one.
fn put_record(
    tx: &mut Transaction,
    deployer: &Deployer,
    table: &str,
    key: &[String],
    fields: &Object,
) -> Result<(), DeployError> {
    deployer
        .check_write(tx, Namespace::ROOT, table, fields, None)?
        .map_err(|why| {
            developer(
                "SchemaEnforcementError",
                format!("a record does not match the schema of the table {table:?}: {why}"),
            )
        })?;
    match find_record(tx, table, key, fields)? {
        Some(id) => tx.replace(Namespace::ROOT, id, fields.clone()).map(drop)?,
        None => tx
            .insert(Namespace::ROOT, table, fields.clone())
            .map(drop)?,
    }
    Ok(())
}

fn find_record(
    tx: &mut Transaction,
    table: &str,
    key: &[String],
    fields: &Object,
) -> Result<Option<DocumentId>, DeployError> {
    if key.is_empty() {
        return Ok(None);
    }
    let index = tx.index(Namespace::ROOT, table, PRIMARY_KEY)?;
    let usable =
        index.filter(|index| index.state == IndexState::Enabled && index.definition.fields == key);
    if usable.is_none() {
        return Err(developer(
            "PrimaryKeyIndexNotReady",
            format!(
                "the table {table:?} has no ready index of the primary key {key:?}: call add_primary_key_indexes, and \
                 wait until primary_key_indexes_ready says so"
            ),
        ));
    }
    let mut prefix = Vec::new();
    for path in key {
        push_key_value(value_at(fields, path), &mut prefix);
    }
    let mut rows = tx.query(IndexQuery {
        namespace: Namespace::ROOT,
        table: table.to_owned(),
        index: PRIMARY_KEY.to_owned(),
        range: KeyRange::of_values(&prefix),
        order: Order::Asc,
    })?;
    Ok(rows.next(tx)?.map(|(_, document)| document.id))
}

fn value_at<'a>(fields: &'a Object, path: &str) -> Option<&'a Value> {
    let mut parts = path.split('.');
    let mut value = fields.get(parts.next()?)?;
    for part in parts {
        let Value::Object(inner) = value else {
            return None;
        };
        value = inner.get(part)?;
    }
    Some(value)
}

async fn clear_tables(
    State(deployment): State<Deployment>,
    _: WritingAdmin,
    JsonBody(tables): JsonBody<TableNames>,
) -> Result<Json<JsonValue>, ApiError> {
    transact(&deployment, move |tx, _| {
        for name in &tables.table_names {
            if let Some(table) = tx.table(Namespace::ROOT, &table_name(name)) {
                lentil_jobs::renew_table(tx, &table, table.number)?;
            }
        }
        Ok(())
    })
    .await?;
    Ok(Json(JsonValue::Null))
}

async fn replace_tables(State(_): State<Deployment>, _: WritingAdmin) -> ApiError {
    ApiError::bad_request(
        "OverwriteNotSupported",
        "the sync mode that overwrites tables is not supported: choose \"append\" or \"append + deduped\"",
    )
}

async fn add_indexes(
    State(deployment): State<Deployment>,
    _: WritingAdmin,
    JsonBody(wanted): JsonBody<Indexes>,
) -> Result<Json<JsonValue>, ApiError> {
    transact(&deployment, move |tx, _| {
        for (name, key) in &wanted.indexes {
            let fields: Vec<String> = key.iter().map(field_path).collect();
            if fields.is_empty() {
                return Err(developer(
                    "EmptyIndex",
                    format!("the primary key of {name:?} has no fields"),
                ));
            }
            add_index(tx, &table_name(name), fields)?;
        }
        Ok(())
    })
    .await?;
    deployment.deployer.wake();
    Ok(Json(JsonValue::Null))
}

fn add_index(tx: &mut Transaction, table: &str, fields: Vec<String>) -> Result<(), DeployError> {
    let table = tx.create_table(Namespace::ROOT, table, None)?;
    let mut indexes = tx.indexes(&table).into_iter();
    if let Some(there) = indexes.find(|index| index.definition.name == PRIMARY_KEY) {
        if there.definition.fields == fields {
            return Ok(());
        }
        tx.drop_index(&table, PRIMARY_KEY)?;
    }
    let index = IndexDefinition {
        name: PRIMARY_KEY.to_owned(),
        fields,
        staged: false,
    };
    tx.add_index(&table, index)?;
    Ok(())
}

/// Whether the indexes can be used; those that are filled can be from now on.
async fn indexes_ready(
    State(deployment): State<Deployment>,
    _: WritingAdmin,
    JsonBody(wanted): JsonBody<Tables>,
) -> Result<Json<JsonValue>, ApiError> {
    let ready = transact(&deployment, move |tx, _| {
        let mut ready = true;
        for name in &wanted.tables {
            let Some(table) = tx.table(Namespace::ROOT, &table_name(name)) else {
                ready = false;
                continue;
            };
            let mut indexes = tx.indexes(&table).into_iter();
            let index = indexes.find(|index| index.definition.name == PRIMARY_KEY);
            match index.map(|index| index.state) {
                Some(IndexState::Enabled) => {}
                Some(IndexState::Backfilled) => {
                    tx.set_index(&table, PRIMARY_KEY, IndexState::Enabled, false)?;
                }
                Some(IndexState::Backfilling) | None => ready = false,
            }
        }
        Ok(ready)
    });
    let ready = ready.await?;
    Ok(Json(serde_json::json!({ "indexesReady": ready })))
}

/// The enforced schema as `schema.ts` exports it, or null.
async fn get_schema(
    State(deployment): State<Deployment>,
    Admin(_): Admin,
) -> Result<Json<JsonValue>, ApiError> {
    let schema = transact(&deployment, |tx, _| {
        let live = lentil_catalog::Deployment::load(tx)?.schema;
        let row = live.map(|id| lentil_catalog::SchemaRow::load(tx, Namespace::ROOT, id));
        Ok(row.transpose()?.flatten().map(|row| row.json))
    });
    let schema = schema.await?;
    let schema = schema.map(|json| serde_json::from_str(&json).unwrap_or_default());
    Ok(Json(schema.unwrap_or_default()))
}

async fn transact<T: Send + 'static>(
    deployment: &Deployment,
    body: impl Fn(&mut Transaction, &Deployer) -> Result<T, DeployError> + Send + 'static,
) -> Result<T, ApiError> {
    let (database, deployer) = (deployment.database.clone(), deployment.deployer.clone());
    let done = tokio::task::spawn_blocking(move || {
        for _ in 0..CONFLICTS_MAX {
            let mut tx = database.begin();
            tx.lift_limits();
            let value = body(&mut tx, &deployer)
                .map_err(|error| ApiError::new(error.status, error.code, error.message))?;
            match database.commit_blocking(tx) {
                Ok(_) => return Ok(value),
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(ApiError::internal(&error)),
            }
        }
        Err(ApiError::new(
            503,
            "OptimisticConcurrencyControlFailure",
            "the tables keep changing while the records are written; send them again",
        ))
    });
    done.await.map_err(|error| ApiError::internal(&error))?
}

fn developer(code: &'static str, message: String) -> DeployError {
    TransactionError::Developer { code, message }.into()
}

/// A record's fields under names that documents may have.
fn fields_of(data: serde_json::Map<String, JsonValue>) -> Result<Object, String> {
    let mut fields = Object::new();
    for (name, json) in data {
        fields.insert(identifier(&name), value_of(json)?);
    }
    Ok(fields)
}

fn value_of(json: JsonValue) -> Result<Value, String> {
    Ok(match json {
        JsonValue::Object(members) => Value::Object(fields_of(members)?),
        JsonValue::Array(elements) => Value::Array(
            elements
                .into_iter()
                .map(value_of)
                .collect::<Result<_, _>>()?,
        ),
        plain => Value::from_json(&plain).map_err(|error| error.to_string())?,
    })
}

fn field_path(path: &FieldPath) -> String {
    let parts: Vec<String> = path.iter().map(|part| identifier(part)).collect();
    parts.join(".")
}

fn table_name(name: &str) -> String {
    identifier(name)
}

/// A name of letters, digits and underscores that begins with a letter.
fn identifier(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = name.chars().map(plain).collect();
    match name.trim_start_matches('_') {
        "" => "field".to_owned(),
        rest if rest.starts_with(|c: char| c.is_ascii_digit()) => format!("n{rest}"),
        rest => rest.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_become_identifiers() {
        for (name, identifier) in [
            ("plain", "plain"),
            ("with space", "with_space"),
            ("_airbyte_id", "airbyte_id"),
            ("$price", "price"),
            ("1st", "n1st"),
            ("é", "field"),
        ] {
            assert_eq!(super::identifier(name), identifier);
        }
    }
}
