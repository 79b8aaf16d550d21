//! Tables and their documents.

use lentil_database::{IndexQuery, Namespace, Order, TransactionError};
use lentil_values::{KeyRange, Object, Value, after_prefix};

use super::{Request, bad_argument, document, object, text};

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
/// shown, and those are empty in this version.
pub(super) fn page(request: &mut Request) -> Result<Value, TransactionError> {
    let table = request.text("table")?;
    let order = match request.optional_text("order").as_deref() {
        Some("asc") => Order::Asc,
        None | Some("desc") => Order::Desc,
        Some(_) => return Err(bad_argument("order", "\"asc\" or \"desc\"")),
    };
    let Some(Value::Object(options)) = request.args.get("paginationOpts").cloned() else {
        return Err(bad_argument("paginationOpts", "an object"));
    };
    let cursor = match options.get("cursor") {
        Some(Value::String(cursor)) => Some(cursor.clone()),
        _ => None,
    };
    let wanted = match options.get("numItems") {
        Some(Value::Float64(count)) if *count >= 1.0 => (*count as usize).min(PAGE_DOCUMENTS_MAX),
        _ => {
            return Err(bad_argument(
                "paginationOpts.numItems",
                "a number of at least 1",
            ));
        }
    };
    if table.starts_with('_') {
        return Ok(result(Vec::new(), true, END.to_owned()));
    }
    let range = match cursor.as_deref() {
        None => KeyRange::all(),
        Some(END) => return Ok(result(Vec::new(), true, END.to_owned())),
        Some(cursor) => after(cursor, order)?,
    };
    read_page(request, table, range, order, wanted)
}

fn read_page(
    request: &mut Request,
    table: String,
    range: KeyRange,
    order: Order,
    wanted: usize,
) -> Result<Value, TransactionError> {
    let mut rows = request.tx.query(IndexQuery {
        namespace: Namespace::ROOT,
        table,
        index: "by_creation_time".to_owned(),
        range,
        order,
    })?;
    rows.expect_rows(wanted);
    let (mut page, mut bytes) = (Vec::new(), 0);
    loop {
        let Some((key, row)) = rows.next(request.tx)? else {
            return Ok(result(page, true, END.to_owned()));
        };
        bytes += row.json.len();
        page.push(document(&row.json)?);
        if page.len() == wanted || bytes > PAGE_BYTES_MAX {
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

/// What comes after the row of a cursor, in the order of reading.
fn after(cursor: &str, order: Order) -> Result<KeyRange, TransactionError> {
    let key = hex::decode(cursor)
        .map_err(|_| bad_argument("paginationOpts.cursor", "a cursor of an earlier page"))?;
    Ok(match order {
        Order::Asc => KeyRange {
            start: after_prefix(&key).unwrap_or(key),
            end: None,
        },
        Order::Desc => KeyRange {
            start: Vec::new(),
            end: Some(key),
        },
    })
}

fn to_cursor(key: &[u8]) -> String {
    hex::encode(key)
}
