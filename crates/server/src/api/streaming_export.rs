//! Streaming export, as Airbyte and Fivetran read a deployment: a snapshot page by page, then what
//! has changed since (cli-and-deploy 17.1).

mod schemas;
mod selection;
mod shapes;
mod snapshots;

use axum::Router;
use axum::extract::{FromRequest, Query, Request, State};
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use lentil_catalog::Components;
use lentil_database::{ChangesError, Database};
use lentil_values::{Object, Timestamp, Value, ValueFormat};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use self::selection::Selection;
pub(crate) use self::snapshots::StreamingSnapshots;
use crate::errors::ApiError;
use crate::request::{Admin, JsonBody};
use crate::state::Deployment;

/// Documents of one page.
const PAGE_DOCUMENTS: usize = 2_000;
/// Bytes of documents of one page, about.
const PAGE_BYTES: usize = 4 << 20;

pub(crate) fn router() -> Router<Deployment> {
    Router::new()
        .route("/list_snapshot", get(list_snapshot).post(list_snapshot))
        .route(
            "/document_deltas",
            get(document_deltas).post(document_deltas),
        )
        .route("/json_schemas", get(schemas::json_schemas))
        .route("/get_table_column_names", get(schemas::column_names))
        .route("/shapes2", get(schemas::shapes))
        .route(
            "/test_streaming_export_connection",
            get(test_connection).post(test_connection),
        )
}

/// Parameters that stand in the query of a GET or in the body of a POST.
struct Parameters<T>(T);

impl<T: DeserializeOwned> FromRequest<Deployment> for Parameters<T> {
    type Rejection = ApiError;

    async fn from_request(
        request: Request,
        deployment: &Deployment,
    ) -> Result<Parameters<T>, ApiError> {
        if request.method() == Method::POST {
            let JsonBody(parameters) = JsonBody::from_request(request, deployment).await?;
            return Ok(Parameters(parameters));
        }
        let parameters = Query::<T>::try_from_uri(request.uri());
        let Query(parameters) = parameters.map_err(|error| {
            ApiError::bad_request("BadQueryArgs", format!("a parameter is wrong: {error}"))
        })?;
        Ok(Parameters(parameters))
    }
}

/// A number, as JSON has it or as a text in a query.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
enum Number {
    Number(i64),
    #[serde(deserialize_with = "number_in_text")]
    Text(i64),
}

fn number_in_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

impl Number {
    fn timestamp(self) -> Timestamp {
        let (Number::Number(number) | Number::Text(number)) = self;
        Timestamp(u64::try_from(number).unwrap_or(0))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SnapshotParameters {
    snapshot: Option<Number>,
    cursor: Option<String>,
    format: Option<String>,
    #[serde(flatten)]
    which: Which,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeltaParameters {
    cursor: Option<Number>,
    format: Option<String>,
    #[serde(flatten)]
    which: Which,
}

/// Which tables are wanted.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Which {
    table_name: Option<String>,
    component: Option<String>,
    selection: Option<serde_json::Value>,
}

async fn test_connection(State(_): State<Deployment>, Admin(_): Admin) -> Response {
    json("null".to_owned())
}

async fn list_snapshot(
    State(deployment): State<Deployment>,
    Admin(_): Admin,
    Parameters(wanted): Parameters<SnapshotParameters>,
) -> Result<Response, ApiError> {
    let format = format(wanted.format.as_deref())?;
    let selection = Selection::read(wanted.which)?;
    let page = blocking(move || {
        deployment.streaming.page(
            &deployment.database,
            wanted.snapshot.map(Number::timestamp),
            wanted.cursor.as_deref(),
            &selection,
        )
    });
    let page = page.await?;
    let mut out = String::from("{\"values\":[");
    for (n, row) in page.rows.iter().enumerate() {
        separate(n, &mut out);
        let place = (row.component.0.as_str(), row.table.as_str());
        write_row(format, place, row.ts, None, &row.fields, &mut out);
    }
    let cursor = page.cursor.map(|cursor| serde_json::json!(cursor));
    out.push_str(&format!(
        "],\"snapshot\":{},\"cursor\":{},\"hasMore\":{}}}",
        page.snapshot.0,
        cursor.clone().unwrap_or_default(),
        cursor.is_some()
    ));
    Ok(json(out))
}

async fn document_deltas(
    State(deployment): State<Deployment>,
    Admin(_): Admin,
    Parameters(wanted): Parameters<DeltaParameters>,
) -> Result<Response, ApiError> {
    let format = format(wanted.format.as_deref())?;
    let selection = Selection::read(wanted.which)?;
    let after = wanted.cursor.ok_or_else(|| {
        ApiError::bad_request(
            "DocumentDeltasCursorRequired",
            "`cursor` is missing: begin with the `snapshot` of a finished list_snapshot",
        )
    })?;
    let database: Database = deployment.database.clone();
    let changes = blocking(move || {
        let changes = database.changes_after(
            Components::may_own,
            after.timestamp(),
            PAGE_DOCUMENTS,
            PAGE_BYTES,
        );
        let changes = changes.map_err(no_changes)?;
        // Those that came meanwhile are among them.
        let components = Components::load(&mut database.begin());
        let components = components.map_err(|error| ApiError::internal(&error))?;
        selection.check(&components)?;
        Ok((changes, components, selection))
    });
    let (changes, components, selection) = changes.await?;
    let mut out = String::from("{\"values\":[");
    let mut count = 0;
    for change in &changes.changes {
        let component = components.by_namespace(change.table.namespace);
        // Nobody gets to see the data of one that was not mounted yet.
        let Some(component) = component.filter(|it| it.is_shown()) else {
            continue;
        };
        let place = (component.path.0.as_str(), change.table.name.as_str());
        if !selection.has(place) {
            continue;
        }
        let fields = match &change.json {
            Some(json) => selection.columns(place, read(json)?),
            None => Object::from([("_id".to_owned(), Value::String(change.id.to_string()))]),
        };
        separate(count, &mut out);
        count += 1;
        let deleted = Some(change.json.is_none());
        write_row(format, place, change.ts, deleted, &fields, &mut out);
    }
    out.push_str(&format!(
        "],\"cursor\":{},\"hasMore\":{}}}",
        changes.until.0, changes.more
    ));
    Ok(json(out))
}

fn no_changes(error: ChangesError) -> ApiError {
    match error {
        ChangesError::Storage(error) => ApiError::internal(&error),
        ChangesError::Future(_) => ApiError::bad_request(
            "InvalidDocumentDeltasCursor",
            format!("`cursor` is no timestamp of this deployment: {error}"),
        ),
        ChangesError::Forgotten(_) => ApiError::bad_request(
            "DocumentDeltasCursorTooOld",
            format!(
                "{error}: begin again with list_snapshot, and sync more often or start the server with a longer \
                 --retention (DOCUMENT_RETENTION_DELAY)"
            ),
        ),
        error => ApiError::bad_request(
            "DocumentDeltasInterrupted",
            format!("{error}, as an import does: begin again with list_snapshot"),
        ),
    }
}

fn separate(n: usize, out: &mut String) {
    if n > 0 {
        out.push(',');
    }
}

/// A component's path and the name of one of its tables: neither needs escapes.
type TableAt<'a> = (&'a str, &'a str);

/// A row with what stands beside the document's fields.
fn write_row(
    format: ValueFormat,
    (component, table): TableAt,
    ts: Timestamp,
    deleted: Option<bool>,
    fields: &Object,
    out: &mut String,
) {
    out.push_str(&format!(
        "{{\"_component\":\"{component}\",\"_table\":\"{table}\",\"_ts\":{}",
        ts.0
    ));
    if let Some(deleted) = deleted {
        out.push_str(&format!(",\"_deleted\":{deleted}"));
    }
    let mut document = String::new();
    format.write(&Value::Object(fields.clone()), &mut document);
    let members = &document[1..document.len() - 1];
    if !members.is_empty() {
        out.push(',');
        out.push_str(members);
    }
    out.push('}');
}

fn format(name: Option<&str>) -> Result<ValueFormat, ApiError> {
    let name = name.unwrap_or("json");
    ValueFormat::by_name(name).ok_or_else(|| {
        ApiError::bad_request(
            "UnknownFormat",
            format!("there is no format {name:?}: json, convex_encoded_json or export_json"),
        )
    })
}

fn read(json: &str) -> Result<Object, ApiError> {
    match Value::parse(json) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(ApiError::internal(&"a stored document is no object")),
        Err(error) => Err(ApiError::internal(&error)),
    }
}

fn json(body: String) -> Response {
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ApiError::internal(&error))?
}
