//! Files as dashboards list, upload, name and delete them.

use std::collections::BTreeSet;

use lentil_catalog::{FileName, FileRow, SystemTable};
use lentil_database::{Document, IndexQuery, Namespace, Order, Transaction, TransactionError};
use lentil_values::{DocumentId, KeyRange, Value, push_key_value};

use super::tables::{page_options, read_page};
use super::{
    Request, as_number, author_of, bad_argument, document, note, number, object, parse_id, text,
};
use crate::FunctionFailure;
use crate::files::operations::url_of;

/// Files that one mutation deletes.
const DELETED_MAX: usize = 4_096;
/// Bytes of a file's name.
const NAME_BYTES_MAX: usize = 1_024;
/// Documents that are looked at for references, and files that may have none.
const SEARCHED_MAX: usize = 200_000;
const UNREFERRED_MAX: usize = 10_000;

/// How many files there are.
pub(super) fn count(request: &mut Request) -> Result<Value, TransactionError> {
    let count = request
        .tx
        .count(request.namespace, SystemTable::Files.name())?;
    Ok(number(count))
}

/// A page of files by creation time, the newest first unless asked otherwise.
pub(super) fn page(request: &mut Request) -> Result<Value, TransactionError> {
    let filters = match request.args.get("filters") {
        Some(Value::Object(filters)) => filters.clone(),
        _ => Default::default(),
    };
    let order = match filters.get("order") {
        Some(Value::String(order)) if order == "asc" => Order::Asc,
        _ => Order::Desc,
    };
    let key = |name: &str| {
        as_number(filters.get(name)).map(|ms| {
            let mut key = Vec::new();
            push_key_value(Some(&Value::Float64(ms)), &mut key);
            key
        })
    };
    let whole = KeyRange {
        start: key("minCreationTime").unwrap_or_default(),
        end: key("maxCreationTime"),
    };
    let options = page_options(request)?;
    let namespace = request.namespace;
    let query = |range| of_files(namespace, range, order);
    let keep = |request: &mut Request, row: &Document| shown(request, row).map(Some);
    read_page(request, options, whole, query, keep)
}

fn of_files(namespace: Namespace, range: KeyRange, order: Order) -> IndexQuery {
    IndexQuery {
        namespace,
        table: SystemTable::Files.name().to_owned(),
        index: "by_creation_time".to_owned(),
        range,
        order,
    }
}

/// One file by its id, or null.
pub(super) fn one(request: &mut Request) -> Result<Value, TransactionError> {
    let Some(id) = parse_id(request.args.get("storageId")).filter(|id| FileRow::is_id(*id)) else {
        return Ok(Value::Null);
    };
    match request.tx.get(request.namespace, id)? {
        Some(row) => shown(request, &row),
        None => Ok(Value::Null),
    }
}

fn shown(request: &mut Request, row: &Document) -> Result<Value, TransactionError> {
    let Value::Object(mut fields) = document(&row.json)? else {
        return Err(TransactionError::Corrupt(
            "the row of a file is no object".to_owned(),
        ));
    };
    let name = FileName::of(request.tx, row.id)?;
    fields.insert(
        "name".to_owned(),
        name.map_or(Value::Null, |it| text(it.name)),
    );
    let inner = request.functions.inner();
    // As for functions: a URL that ends is as good as a look at the clock.
    request.observed.time |= inner.signer.ends();
    let url = url_of(inner, request.component.id, row.id, request.tx.now_ms());
    fields.insert("url".to_owned(), text(url));
    Ok(Value::Object(fields))
}

/// Files whose id stands in no document. Every document is looked at, up to a limit.
pub(super) fn orphans(request: &mut Request) -> Result<Value, TransactionError> {
    let mut files = request
        .tx
        .query(of_files(request.namespace, KeyRange::all(), Order::Desc))?;
    let mut unreferred = BTreeSet::new();
    let mut truncated = false;
    while let Some((_, row)) = files.next(request.tx)? {
        if unreferred.len() == UNREFERRED_MAX {
            truncated = true;
            break;
        }
        unreferred.insert(row.id.to_string());
    }
    let namespace = request.namespace;
    let tables = request.tx.tables(namespace).into_iter();
    let mut looked = 0;
    for table in tables.filter(|table| !table.name.starts_with('_')) {
        let mut rows = request.tx.query(IndexQuery {
            namespace,
            table: table.name,
            index: "by_creation_time".to_owned(),
            range: KeyRange::all(),
            order: Order::Asc,
        })?;
        while !unreferred.is_empty()
            && let Some((_, row)) = rows.next(request.tx)?
        {
            looked += 1;
            if looked > SEARCHED_MAX {
                truncated = true;
                break;
            }
            for id in texts_of(&row.json) {
                unreferred.remove(id);
            }
        }
    }
    let ids = unreferred.into_iter().map(text).collect();
    Ok(object([
        ("ids", Value::Array(ids)),
        ("truncated", Value::Boolean(truncated)),
    ]))
}

/// What stands between quotation marks in a document; ids need no escapes.
fn texts_of(json: &str) -> impl Iterator<Item = &str> {
    json.split('"').filter(|part| part.len() >= 31)
}

/// A URL to which a file can be posted.
pub(super) fn upload_url(request: &mut Request) -> Result<Value, FunctionFailure> {
    let inner = request.functions.inner();
    let seed = request.tx.draw_seed();
    let token = inner
        .uploads
        .seal(request.namespace, request.tx.now_ms(), &seed);
    let url = format!(
        "{}/api/storage/upload?token={token}",
        inner.options.cloud_url
    );
    let author = author_of(request.identity);
    note(request.tx, author, "generate_upload_url", []).map_err(TransactionError::from)?;
    Ok(text(url))
}

/// Deletes one file.
pub(super) fn delete_one(request: &mut Request) -> Result<Value, FunctionFailure> {
    let id = request.id("storageId")?;
    delete(request, &[id])
}

/// Deletes some files.
pub(super) fn delete_many(request: &mut Request) -> Result<Value, FunctionFailure> {
    let ids = request.list("storageIds")?;
    let ids: Option<Vec<DocumentId>> = ids.iter().map(|id| parse_id(Some(id))).collect();
    let ids = ids.filter(|ids| ids.len() <= DELETED_MAX).ok_or_else(|| {
        bad_argument(
            "storageIds",
            &format!("an array of at most {DELETED_MAX} ids of files"),
        )
    })?;
    delete(request, &ids)
}

fn delete(request: &mut Request, ids: &[DocumentId]) -> Result<Value, FunctionFailure> {
    if !ids.iter().all(|id| FileRow::is_id(*id)) {
        return Err(bad_argument("storageIds", "ids of files").into());
    }
    let namespace = request.namespace;
    let deleted = |tx: &mut Transaction| {
        for id in ids {
            FileName::forget(tx, *id)?;
            FileRow::remove(tx, namespace, *id)?;
        }
        let shown = ids.iter().map(|id| text(id.to_string())).collect();
        let author = author_of(request.identity);
        note(
            tx,
            author,
            "delete_files",
            [("storage_ids", Value::Array(shown))],
        )
    };
    deleted(request.tx).map_err(TransactionError::from)?;
    Ok(Value::Null)
}

/// Keeps the name that a file had where it was uploaded from.
pub(super) fn set_name(request: &mut Request) -> Result<Value, FunctionFailure> {
    let id = request.id("storageId")?;
    let name = request.text("name")?;
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        let wanted = format!("a text of 1 to {NAME_BYTES_MAX} bytes");
        return Err(bad_argument("name", &wanted).into());
    }
    let known = FileRow::is_id(id) && request.tx.get(request.namespace, id)?.is_some();
    if !known {
        return Err(bad_argument("storageId", "the id of a file that is there").into());
    }
    FileName::set(request.tx, id, &name).map_err(TransactionError::from)?;
    Ok(Value::Null)
}
