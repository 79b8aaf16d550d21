//! The data page: reading tables by filters, and editing documents.
//!
//! An edit that is against the database's rules answers `{success: false, error}` and changes
//! nothing; one that is against the schema is thrown as an error of the application.

use lentil_database::{IndexQuery, Order, TransactionError};
use lentil_values::{DocumentId, KeyRange, Object, Value};

use super::filters::{Fault, Filters, UNDEFINED};
use super::tables::{END, page_options, read_page, result};
use super::{Request, author_of, bad_argument, document, note, number, object, parse_id, text};
use crate::FunctionFailure;
use crate::deploy::note_write;
use crate::syscalls::VISIBLE_SYSTEM_TABLES;
use crate::validate::TableNames;

/// Documents that one call adds or deletes.
const EDITED_MAX: usize = 4_096;
/// Documents that one call changes where it changes a whole table.
const PATCHED_MAX: usize = 16_000;
/// Documents that one call clears.
const CLEARED_MAX: usize = 4_000;
/// Documents that one look gives.
const SCANNED_MAX: f64 = 10_000.0;
/// Ids that an event names.
const NAMED_MAX: usize = 100;

// --- reading --------------------------------------------------------------------------------

/// A page of a table's documents, chosen and ordered by a filter.
pub(super) fn page(request: &mut Request) -> Result<Value, TransactionError> {
    let table = request.text("table")?;
    if is_hidden(&table) {
        return Ok(result(Vec::new(), true, END.to_owned()));
    }
    let filters = match Filters::read(request.optional_text("filters").as_deref()) {
        Ok(filters) => filters,
        Err(faults) => return Ok(wrong(faults)),
    };
    if request.tx.table(request.namespace, &table).is_none() {
        return Ok(result(Vec::new(), true, END.to_owned()));
    }
    let index = filters.index().to_owned();
    let whole = match request.tx.index(request.namespace, &table, &index)? {
        Some(found) => match filters.range(&table, &found) {
            Ok(range) => range,
            Err(faults) => return Ok(wrong(faults)),
        },
        None => {
            let error = format!("the table {table:?} has no index {index:?}");
            return Ok(wrong(vec![Fault { clause: -1, error }]));
        }
    };
    let options = page_options(request)?;
    let namespace = request.namespace;
    let query = |range| IndexQuery {
        namespace,
        table,
        index,
        range,
        order: filters.order,
    };
    let read = read_page(request, options, whole, query, |_, row| {
        match document(&row.json)? {
            Value::Object(fields) if !filters.keeps(&fields) => Ok(None),
            shown => Ok(Some(shown)),
        }
    });
    match read {
        // An index that is still being filled, say.
        Err(TransactionError::Developer { message, code }) if code.starts_with("Index") => {
            Ok(wrong(vec![Fault {
                clause: -1,
                error: message,
            }]))
        }
        read => read,
    }
}

/// What is wrong with a filter takes the place of documents.
fn wrong(faults: Vec<Fault>) -> Value {
    let faults = faults.into_iter().map(|fault| {
        object([
            ("filter", Value::Float64(f64::from(fault.clause))),
            ("error", text(fault.error)),
        ])
    });
    result(faults.collect(), true, END.to_owned())
}

/// Of the system's tables only those are shown that apps may see.
fn is_hidden(table: &str) -> bool {
    table.starts_with('_') && !VISIBLE_SYSTEM_TABLES.contains(&table)
}

/// The first documents of a table.
pub(super) fn scan(request: &mut Request) -> Result<Value, TransactionError> {
    let table = request.text("table")?;
    let limit = super::as_number(request.args.get("limit")).unwrap_or(SCANNED_MAX);
    if is_hidden(&table) {
        return Ok(Value::Array(Vec::new()));
    }
    let limit = limit.clamp(0.0, SCANNED_MAX) as usize;
    let rows = rows_of(request, &table, limit)?;
    rows.iter()
        .map(|(_, json)| document(json))
        .collect::<Result<_, _>>()
        .map(Value::Array)
}

/// Documents by id, null in the place of those that are not there.
pub(super) fn by_ids(request: &mut Request) -> Result<Value, TransactionError> {
    let ids = request.list("ids")?;
    let mut found = Vec::with_capacity(ids.len());
    for id in &ids {
        let id = match id {
            Value::Object(named) => parse_id(named.get("id")),
            id => parse_id(Some(id)),
        };
        found.push(read(request, id)?);
    }
    Ok(Value::Array(found))
}

/// A document by its id, or null.
pub(super) fn by_id(request: &mut Request) -> Result<Value, TransactionError> {
    let id = parse_id(request.args.get("id"));
    read(request, id)
}

fn read(request: &mut Request, id: Option<DocumentId>) -> Result<Value, TransactionError> {
    let Some(id) = id else { return Ok(Value::Null) };
    let table = request.tx.table_by_number(request.namespace, id.table);
    if table.is_none_or(|table| is_hidden(&table.name)) {
        return Ok(Value::Null);
    }
    match request.tx.get(request.namespace, id)? {
        Some(found) => document(&found.json),
        None => Ok(Value::Null),
    }
}

type Row = (DocumentId, std::sync::Arc<str>);

/// The oldest documents of a table.
fn rows_of(request: &mut Request, table: &str, limit: usize) -> Result<Vec<Row>, TransactionError> {
    let mut rows = request.tx.query(IndexQuery {
        namespace: request.namespace,
        table: table.to_owned(),
        index: "by_creation_time".to_owned(),
        range: KeyRange::all(),
        order: Order::Asc,
    })?;
    let mut found = Vec::new();
    while found.len() < limit
        && let Some((_, row)) = rows.next(request.tx)?
    {
        found.push((row.id, row.json));
    }
    Ok(found)
}

// --- writing --------------------------------------------------------------------------------

/// Why an edit does not happen.
enum Refusal {
    /// It is against the database's rules, or the server failed.
    Rules(TransactionError),
    /// It is against the schema.
    Schema(String),
}

impl<E: Into<TransactionError>> From<E> for Refusal {
    fn from(error: E) -> Refusal {
        Refusal::Rules(error.into())
    }
}

/// What an edit changed.
struct Edit {
    action: &'static str,
    table: String,
    ids: Vec<DocumentId>,
}

/// Does an edit whole or not at all, and notes it.
fn edit(
    request: &mut Request,
    body: impl FnOnce(&mut Request) -> Result<Edit, Refusal>,
) -> Result<Value, FunctionFailure> {
    request.tx.begin_nested();
    let done = body(request).and_then(|edit| {
        let ids = edit.ids.iter().take(NAMED_MAX);
        let ids = ids.map(|id| text(id.to_string())).collect();
        let metadata = [
            ("table", text(edit.table.as_str())),
            ("document_ids", Value::Array(ids)),
            ("count", number(edit.ids.len() as u64)),
        ];
        note(
            request.tx,
            author_of(request.identity),
            edit.action,
            metadata,
        )?;
        Ok(edit)
    });
    match done {
        Ok(edit) => {
            request.tx.keep_nested();
            let ids = edit.ids.iter().map(|id| text(id.to_string())).collect();
            Ok(object([
                ("success", Value::Boolean(true)),
                ("ids", Value::Array(ids)),
            ]))
        }
        Err(Refusal::Schema(message)) => {
            let data = text(message.as_str()).to_json_string();
            Err(FunctionFailure::developer(message).with_data(Some(data)))
        }
        Err(Refusal::Rules(TransactionError::Developer { message, .. })) => {
            request.tx.undo_nested();
            Ok(object([
                ("success", Value::Boolean(false)),
                ("error", text(message)),
            ]))
        }
        Err(Refusal::Rules(error)) => Err(error.into()),
    }
}

/// Makes an empty table.
pub(super) fn create_table(request: &mut Request) -> Result<Value, FunctionFailure> {
    let table = request.text("table")?;
    check_own(&table)?;
    if request.tx.table(request.namespace, &table).is_some() {
        return Err(FunctionFailure::developer(format!(
            "Table \"{table}\" already exists."
        )));
    }
    request.tx.create_table(request.namespace, &table, None)?;
    let metadata = [("table", text(table))];
    note(
        request.tx,
        author_of(request.identity),
        "create_table",
        metadata,
    )
    .map_err(TransactionError::from)?;
    Ok(Value::Null)
}

/// Adds documents to a table.
pub(super) fn add(request: &mut Request) -> Result<Value, FunctionFailure> {
    let table = request.text("table")?;
    let documents = objects(request, "documents")?;
    edit(request, |request| {
        check_own(&table)?;
        check_count(documents.len())?;
        let mut ids = Vec::with_capacity(documents.len());
        for fields in documents {
            let copy = fields.clone();
            let id = request.tx.insert(request.namespace, &table, fields)?;
            check_schema(request, &table, &copy)?;
            ids.push(id);
        }
        Ok(Edit {
            action: "add_documents",
            table,
            ids,
        })
    })
}

/// Changes fields of some documents of a table, or of all.
pub(super) fn patch(request: &mut Request) -> Result<Value, FunctionFailure> {
    let table = request.text("table")?;
    let fields = request.object("fields")?;
    let wanted = match request.args.get("ids") {
        None | Some(Value::Null) => None,
        Some(_) => Some(request.list("ids")?),
    };
    edit(request, |request| {
        check_own(&table)?;
        let ids = match wanted {
            Some(ids) => ids_of(&ids)?,
            None => {
                let rows = rows_of(request, &table, PATCHED_MAX + 1)?;
                if rows.len() > PATCHED_MAX {
                    return Err(Refusal::from(refused(format!(
                        "the table has more than {PATCHED_MAX} documents: select those to be changed"
                    ))));
                }
                rows.into_iter().map(|(id, _)| id).collect()
            }
        };
        let is_gone = |value: &Value| matches!(value, Value::String(text) if text == UNDEFINED);
        let changes: Vec<(String, Option<Value>)> = fields
            .into_iter()
            .map(|(name, value)| (name, Some(value).filter(|value| !is_gone(value))))
            .collect();
        for id in &ids {
            check_is_in(request, &table, *id)?;
            let changed = request.tx.patch(request.namespace, *id, changes.clone())?;
            check_schema(request, &table, &fields_of(&changed.json)?)?;
        }
        Ok(Edit {
            action: "update_documents",
            table,
            ids,
        })
    })
}

/// Puts another document in the place of one.
pub(super) fn replace(request: &mut Request) -> Result<Value, FunctionFailure> {
    let id = request.id("id")?;
    let fields = request.object("document")?;
    edit(request, |request| {
        let table = own_table_of(request, id)?;
        let changed = request.tx.replace(request.namespace, id, fields)?;
        check_schema(request, &table, &fields_of(&changed.json)?)?;
        Ok(Edit {
            action: "replace_documents",
            table,
            ids: vec![id],
        })
    })
}

/// Deletes documents; those that somebody else has deleted are gone already.
pub(super) fn delete(request: &mut Request) -> Result<Value, FunctionFailure> {
    let listed = request.list("toDelete")?;
    edit(request, |request| {
        check_count(listed.len())?;
        let ids = ids_of(&listed)?;
        let mut tables = Vec::new();
        for id in &ids {
            let table = own_table_of(request, *id)?;
            if request.tx.get(request.namespace, *id)?.is_some() {
                request.tx.delete(request.namespace, *id)?;
            }
            if !tables.contains(&table) {
                tables.push(table);
            }
        }
        Ok(Edit {
            action: "delete_documents",
            table: tables.join(", "),
            ids,
        })
    })
}

/// Puts documents back as they were, under their ids: what undoes an edit.
pub(super) fn restore(request: &mut Request) -> Result<Value, FunctionFailure> {
    let documents = objects(request, "documents")?;
    edit(request, |request| {
        check_count(documents.len())?;
        let (mut ids, mut tables) = (Vec::new(), Vec::new());
        for mut fields in documents {
            let id = parse_id(fields.get("_id"));
            let time = super::as_number(fields.get("_creationTime"));
            let (Some(id), Some(time)) = (id, time) else {
                return Err(refused("each document must have its _id and _creationTime").into());
            };
            let table = own_table_of(request, id)?;
            if request.tx.get(request.namespace, id)?.is_some() {
                request.tx.replace(request.namespace, id, fields.clone())?;
            } else {
                fields.remove("_id");
                fields.remove("_creationTime");
                let info = request.tx.table(request.namespace, &table);
                let info = info.ok_or_else(|| refused("its table is gone"))?;
                request
                    .tx
                    .insert_with(&info, id.internal, time, fields.clone())?;
            }
            check_schema(request, &table, &fields)?;
            ids.push(id);
            if !tables.contains(&table) {
                tables.push(table);
            }
        }
        Ok(Edit {
            action: "replace_documents",
            table: tables.join(", "),
            ids,
        })
    })
}

/// Deletes the oldest documents of a table, some at a time.
pub(super) fn clear_page(request: &mut Request) -> Result<Value, FunctionFailure> {
    let table = request.text("tableName")?;
    check_own(&table)?;
    let first = matches!(request.args.get("cursor"), None | Some(Value::Null));
    let rows = rows_of(request, &table, CLEARED_MAX + 1)?;
    let more = rows.len() > CLEARED_MAX;
    let deleted = rows.len().min(CLEARED_MAX);
    for (id, _) in rows.into_iter().take(CLEARED_MAX) {
        request.tx.delete(request.namespace, id)?;
    }
    if first {
        let metadata = [("table_names", Value::Array(vec![text(table)]))];
        note(
            request.tx,
            author_of(request.identity),
            "clear_tables",
            metadata,
        )
        .map_err(TransactionError::from)?;
    }
    // What is left is the oldest: there is nothing to remember but that it has begun.
    Ok(object([
        ("deleted", number(deleted as u64)),
        ("hasMore", Value::Boolean(more)),
        ("continueCursor", text(if more { "more" } else { END })),
    ]))
}

// --- parts ----------------------------------------------------------------------------------

fn refused(message: impl Into<String>) -> TransactionError {
    TransactionError::Developer {
        code: "InvalidArgument",
        message: message.into(),
    }
}

fn check_own(table: &str) -> Result<(), TransactionError> {
    if table.starts_with('_') {
        return Err(refused("System tables (prefixed with `_`) are read-only."));
    }
    Ok(())
}

fn check_count(count: usize) -> Result<(), TransactionError> {
    if count > EDITED_MAX {
        return Err(refused(format!(
            "{count} documents; at most {EDITED_MAX} are taken at a time"
        )));
    }
    Ok(())
}

/// The app's table that an id is of.
fn own_table_of(request: &mut Request, id: DocumentId) -> Result<String, TransactionError> {
    let table = request.tx.table_by_number(request.namespace, id.table);
    let table = table.ok_or_else(|| {
        refused(format!(
            "\"{id}\" is not the id of a document of this deployment"
        ))
    })?;
    check_own(&table.name)?;
    Ok(table.name)
}

fn check_is_in(request: &mut Request, table: &str, id: DocumentId) -> Result<(), TransactionError> {
    let found = own_table_of(request, id)?;
    if found != table {
        return Err(refused(format!(
            "\"{id}\" is the id of a document of {found:?}, not of {table:?}"
        )));
    }
    Ok(())
}

/// The ids of a list, each a text or an object with it.
fn ids_of(listed: &[Value]) -> Result<Vec<DocumentId>, TransactionError> {
    let id = |value: &Value| match value {
        Value::Object(named) => parse_id(named.get("id")),
        value => parse_id(Some(value)),
    };
    let ids: Option<Vec<DocumentId>> = listed.iter().map(id).collect();
    ids.ok_or_else(|| refused("one of the ids is not the id of a document"))
}

fn objects(request: &Request, name: &str) -> Result<Vec<Object>, TransactionError> {
    let listed = request.list(name)?.into_iter();
    let objects: Option<Vec<Object>> = listed
        .map(|value| match value {
            Value::Object(fields) => Some(fields),
            _ => None,
        })
        .collect();
    objects.ok_or_else(|| bad_argument(name, "an array of objects"))
}

fn fields_of(json: &str) -> Result<Object, TransactionError> {
    match document(json)? {
        Value::Object(fields) => Ok(fields),
        _ => Err(TransactionError::Corrupt(
            "a document is no object".to_owned(),
        )),
    }
}

/// Checks what was written against the enforced schema, and fails one on trial that forbids it.
fn check_schema(request: &mut Request, table: &str, fields: &Object) -> Result<(), Refusal> {
    let Some(image) = request.image()? else {
        return Ok(());
    };
    if let Some(schema) = &image.schema {
        let ids = TableNames::new(request.tx, request.namespace);
        schema.check_document(table, fields, &ids).map_err(|why| {
            Refusal::Schema(format!(
                "Failed to insert or update a document in table \"{table}\" because it does not match the schema: {why}"
            ))
        })?;
    }
    note_write(request.tx, &image, table, fields, None).map_err(|error| {
        Refusal::Rules(TransactionError::Corrupt(format!(
            "the schema on trial cannot be marked as failed: {error}"
        )))
    })
}
