//! Tables and their documents.

use lentil_database::{Document, IndexQuery, Order, TransactionError};
use lentil_values::{KeyRange, Object, Value, after_prefix};

use super::{Request, bad_argument, document, number, object, text};
use crate::Documents;
use crate::syscalls::VISIBLE_SYSTEM_TABLES;

/// Documents of one page.
const PAGE_DOCUMENTS_MAX: usize = 10_000;
/// Bytes of documents of one page.
const PAGE_BYTES_MAX: usize = 5 << 20;
/// Rows of which one page is chosen.
const PAGE_ROWS_MAX: usize = 16_000;
/// The cursor behind the last document.
pub(super) const END: &str = "end";

/// Differs after every change of the table: the newest commit that this query can see. The read of
/// the whole table makes the query run again when one comes.
pub(super) fn change_marker(request: &mut Request) -> Result<Value, TransactionError> {
    let table = request.text("tableName")?;
    request.tx.count(request.namespace, &table)?;
    Ok(Value::Float64(request.tx.snapshot().0 as f64))
}

/// Names of the component's tables.
pub(super) fn names(request: &mut Request) -> Result<Value, TransactionError> {
    let tables = request.tx.tables(request.namespace);
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
        request.tx.count(request.namespace, &table)? as f64
    ))
}

/// Names of the component's tables by the number that their ids carry, with the two system tables that
/// apps see, under the names that dashboards have for them.
pub(super) fn mapping(request: &mut Request) -> Result<Value, TransactionError> {
    let mut mapping = Object::new();
    for table in request.tx.tables(request.namespace) {
        let name = match table.name.as_str() {
            "_storage" => "_file_storage".to_owned(),
            "_scheduled_functions" => "_scheduled_jobs".to_owned(),
            name if name.starts_with('_') => continue,
            _ => table.name,
        };
        mapping.insert(table.number.0.to_string(), text(name));
    }
    Ok(Value::Object(mapping))
}

/// Number of documents of all of the component's tables.
pub(super) fn size_of_all(request: &mut Request) -> Result<Value, TransactionError> {
    let mut sum = 0;
    for name in user_tables(request) {
        sum += request.tx.count(request.namespace, &name)?;
    }
    Ok(number(sum))
}

/// Number of documents of each of the component's tables, by name.
pub(super) fn size_of_each(request: &mut Request) -> Result<Value, TransactionError> {
    let mut sizes = Object::new();
    for name in user_tables(request) {
        let count = request.tx.count(request.namespace, &name)?;
        sizes.insert(name, number(count));
    }
    Ok(Value::Object(sizes))
}

/// Number of documents of each table of the app and of all components, and of all their files, which
/// are `_storage`.
pub(super) fn size_of_each_everywhere(request: &mut Request) -> Result<Value, TransactionError> {
    let counted = Documents::count(request.tx)?;
    let sizes = counted.tables.into_iter();
    let mut sizes: Object = sizes.map(|(name, count)| (name, number(count))).collect();
    sizes.insert("_storage".to_owned(), number(counted.files));
    Ok(Value::Object(sizes))
}

fn user_tables(request: &mut Request) -> Vec<String> {
    let tables = request.tx.tables(request.namespace).into_iter();
    let names = tables.map(|table| table.name);
    names.filter(|name| !name.starts_with('_')).collect()
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
    let namespace = request.namespace;
    let query = |range| IndexQuery {
        namespace,
        table,
        index: "by_creation_time".to_owned(),
        range,
        order,
    };
    let keep = |_: &mut Request, row: &Document| document(&row.json).map(Some);
    read_page(request, options, KeyRange::all(), query, keep)
}

/// Which page is wanted.
pub(super) struct PageOptions {
    cursor: Option<String>,
    /// Where the page ends that is asked for again, however many rows it has now.
    end: Option<String>,
    documents: usize,
}

/// Reads `paginationOpts`.
pub(super) fn page_options(request: &Request) -> Result<PageOptions, TransactionError> {
    let Some(Value::Object(options)) = request.args.get("paginationOpts") else {
        return Err(bad_argument("paginationOpts", "an object"));
    };
    let cursor = |name: &str| match options.get(name) {
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
    let journal = request.journal.as_deref().map(str::to_owned);
    Ok(PageOptions {
        cursor: cursor("cursor"),
        end: journal
            .or_else(|| cursor("endCursor"))
            .filter(|end| end != END),
        documents,
    })
}

/// A page of what `keep` makes of the rows of a range. Where it ends is in its journal, so that it
/// ends there again when it is asked for anew: the next page begins there.
pub(super) fn read_page(
    request: &mut Request,
    options: PageOptions,
    whole: KeyRange,
    query: impl FnOnce(KeyRange) -> IndexQuery,
    mut keep: impl FnMut(&mut Request, &Document) -> Result<Option<Value>, TransactionError>,
) -> Result<Value, TransactionError> {
    let mut query = query(whole);
    match options.cursor.as_deref() {
        None => {}
        Some(END) => return Ok(result(Vec::new(), true, END.to_owned())),
        Some(cursor) => after(cursor, query.order, &mut query.range)?,
    }
    if let Some(end) = options.end.as_deref() {
        up_to(end, query.order, &mut query.range)?;
    }
    let most = match options.end {
        Some(_) => PAGE_DOCUMENTS_MAX,
        None => options.documents,
    };
    let mut rows = request.tx.query(query)?;
    rows.expect_rows(options.documents);
    let (mut page, mut bytes, mut seen) = (Vec::new(), 0, 0);
    let (done, cursor) = loop {
        let Some((key, row)) = rows.next(request.tx)? else {
            break match options.end {
                Some(end) => (false, end),
                None => (true, END.to_owned()),
            };
        };
        bytes += row.json.len();
        seen += 1;
        page.extend(keep(request, &row)?);
        if page.len() == most || bytes > PAGE_BYTES_MAX || seen == PAGE_ROWS_MAX {
            break (false, to_cursor(&key));
        }
    };
    request.journal = Some(cursor.as_str().into());
    Ok(result(page, done, cursor))
}

pub(super) fn result(page: Vec<Value>, done: bool, cursor: String) -> Value {
    object([
        ("page", Value::Array(page)),
        ("isDone", Value::Boolean(done)),
        ("continueCursor", text(cursor)),
    ])
}

/// Leaves of a range what comes after the row of a cursor, in the order of reading.
fn after(cursor: &str, order: Order, range: &mut KeyRange) -> Result<(), TransactionError> {
    let key = from_cursor(cursor)?;
    match order {
        Order::Asc => range.start = after_prefix(&key).unwrap_or(key),
        Order::Desc => range.end = Some(key),
    }
    Ok(())
}

/// Leaves of a range what comes up to the row of a cursor, and that row.
fn up_to(cursor: &str, order: Order, range: &mut KeyRange) -> Result<(), TransactionError> {
    let key = from_cursor(cursor)?;
    match order {
        Order::Asc => range.end = after_prefix(&key),
        Order::Desc => range.start = key,
    }
    Ok(())
}

fn from_cursor(cursor: &str) -> Result<Vec<u8>, TransactionError> {
    hex::decode(cursor)
        .map_err(|_| bad_argument("paginationOpts.cursor", "a cursor of an earlier page"))
}

fn to_cursor(key: &[u8]) -> String {
    hex::encode(key)
}
