//! Tables and their documents.

use lentil_database::{Document, IndexQuery, Namespace, Order, TransactionError};
use lentil_values::{KeyRange, Object, Value, after_prefix};

use super::{Request, bad_argument, document, object, text};
use crate::syscalls::VISIBLE_SYSTEM_TABLES;

/// Documents of one page.
const PAGE_DOCUMENTS_MAX: usize = 10_000;
/// Bytes of documents of one page.
const PAGE_BYTES_MAX: usize = 5 << 20;
/// The cursor behind the last document.
const END: &str = "end";

/// Differs after every change of the table: the newest commit that this query can see. The read of
/// the whole table makes the query run again when one comes.
pub(super) fn change_marker(request: &mut Request) -> Result<Value, TransactionError> {
    let table = request.text("tableName")?;
    request.tx.count(Namespace::ROOT, &table)?;
    Ok(Value::Float64(request.tx.snapshot().0 as f64))
}

/// Names of the app's tables.
pub(super) fn names(request: &mut Request) -> Result<Value, TransactionError> {
    let tables = request.tx.tables(Namespace::ROOT);
    let names = tables
        .into_iter()
        .filter(|table| !table.name.starts_with('_'));
    let page = names
        .map(|table| object([("name", text(table.name))]))
        .collect();
    Ok(object([
        ("page", Value::Array(page)),
        ("isDone", Value::Boolean(true)),
        ("continueCursor", text(END)),
    ]))
}

/// Number of documents.
pub(super) fn size(request: &mut Request) -> Result<Value, TransactionError> {
    let table = request.text("tableName")?;
    Ok(Value::Float64(
        request.tx.count(Namespace::ROOT, &table)? as f64
    ))
}

/// A page of documents by creation time. Of the system's tables only those that apps may see are
/// shown.
pub(super) fn page(request: &mut Request) -> Result<Value, TransactionError> {
    let table = request.text("table")?;
    let order = match request.optional_text("order").as_deref() {
        Some("asc") => Order::Asc,
        None | Some("desc") => Order::Desc,
        Some(_) => return Err(bad_argument("order", "\"asc\" or \"desc\"")),
    };
    let options = page_options(request)?;
    if table.starts_with('_') && !VISIBLE_SYSTEM_TABLES.contains(&table.as_str()) {
        return Ok(result(Vec::new(), true, END.to_owned()));
    }
    let query = |range| IndexQuery {
        namespace: Namespace::ROOT,
        table,
        index: "by_creation_time".to_owned(),
        range,
        order,
    };
    let keep = |row: &Document| document(&row.json).map(Some);
    read_page(request, options, KeyRange::all(), query, keep)
}

/// Which page is wanted.
pub(super) struct PageOptions {
    cursor: Option<String>,
    documents: usize,
}

/// Reads `paginationOpts`.
pub(super) fn page_options(request: &Request) -> Result<PageOptions, TransactionError> {
    let Some(Value::Object(options)) = request.args.get("paginationOpts") else {
        return Err(bad_argument("paginationOpts", "an object"));
    };
    let cursor = match options.get("cursor") {
        Some(Value::String(cursor)) => Some(cursor.clone()),
        _ => None,
    };
    let documents = match options.get("numItems") {
        Some(Value::Float64(count)) if *count >= 1.0 => (*count as usize).min(PAGE_DOCUMENTS_MAX),
        _ => {
            return Err(bad_argument(
                "paginationOpts.numItems",
                "a number of at least 1",
            ));
        }
    };
    Ok(PageOptions { cursor, documents })
}

/// A page of what `keep` makes of the rows of a range.
pub(super) fn read_page(
    request: &mut Request,
    options: PageOptions,
    whole: KeyRange,
    query: impl FnOnce(KeyRange) -> IndexQuery,
    keep: impl Fn(&Document) -> Result<Option<Value>, TransactionError>,
) -> Result<Value, TransactionError> {
    let mut query = query(whole);
    match options.cursor.as_deref() {
        None => {}
        Some(END) => return Ok(result(Vec::new(), true, END.to_owned())),
        Some(cursor) => after(cursor, query.order, &mut query.range)?,
    }
    let mut rows = request.tx.query(query)?;
    rows.expect_rows(options.documents);
    let (mut page, mut bytes) = (Vec::new(), 0);
    loop {
        let Some((key, row)) = rows.next(request.tx)? else {
            return Ok(result(page, true, END.to_owned()));
        };
        bytes += row.json.len();
        page.extend(keep(&row)?);
        if page.len() == options.documents || bytes > PAGE_BYTES_MAX {
            return Ok(result(page, false, to_cursor(&key)));
        }
    }
}

fn result(page: Vec<Value>, done: bool, cursor: String) -> Value {
    Value::Object(Object::from([
        ("page".to_owned(), Value::Array(page)),
        ("isDone".to_owned(), Value::Boolean(done)),
        ("continueCursor".to_owned(), text(cursor)),
    ]))
}

/// Leaves of a range what comes after the row of a cursor, in the order of reading.
fn after(cursor: &str, order: Order, range: &mut KeyRange) -> Result<(), TransactionError> {
    let key = hex::decode(cursor)
        .map_err(|_| bad_argument("paginationOpts.cursor", "a cursor of an earlier page"))?;
    match order {
        Order::Asc => range.start = after_prefix(&key).unwrap_or(key),
        Order::Desc => range.end = Some(key),
    }
    Ok(())
}

fn to_cursor(key: &[u8]) -> String {
    hex::encode(key)
}
