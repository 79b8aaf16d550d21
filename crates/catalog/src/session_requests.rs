//! Mutations that clients have numbered: each runs at most once (sync-and-http 2.6).

use lentil_database::{IndexQuery, Namespace, Order, Transaction, TransactionError};
use lentil_values::{InternalId, KeyRange, Timestamp, Value, push_key_value};
use sha2::{Digest, Sha256};

use crate::SystemTable;
use crate::row::{Row, corrupt, fields, text};

/// Bytes of a row's id that tell its session.
const SESSION_BYTES: usize = 12;

/// What a mutation that has committed answered.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionRequestRecord {
    /// Encoded JSON of its result.
    pub result: String,
    /// Log lines as clients get them.
    pub log_lines: Vec<String>,
    /// When it committed.
    pub ts: Timestamp,
}

/// The row's id follows from session and request, so that two attempts touch the same row. The
/// request comes last, in the order of numbers: the rows of a session lie side by side.
fn internal_id(session: &[u8; 16], request: u32) -> InternalId {
    let mut id = [0; 16];
    id[..SESSION_BYTES].copy_from_slice(&Sha256::digest(session)[..SESSION_BYTES]);
    id[SESSION_BYTES..].copy_from_slice(&request.to_be_bytes());
    InternalId(id)
}

/// The highest request of a session that has a record.
pub fn highest(tx: &mut Transaction, session: [u8; 16]) -> Result<Option<u32>, TransactionError> {
    let table = SystemTable::SessionRequests;
    let key = |request| {
        let id = table.id(internal_id(&session, request)).to_string();
        let mut key = Vec::new();
        push_key_value(Some(&Value::String(id)), &mut key);
        key
    };
    let mut end = key(u32::MAX);
    // Just above the last: keys are compared byte by byte.
    end.push(0xff);
    let mut rows = tx.query(IndexQuery {
        namespace: Namespace::ROOT,
        table: table.name().to_owned(),
        index: "by_id".to_owned(),
        range: KeyRange {
            start: key(0),
            end: Some(end),
        },
        order: Order::Desc,
    })?;
    let last = rows.next(tx)?.map(|(_, row)| row.id.internal.0);
    Ok(last.map(|id| {
        let mut request = [0; 4];
        request.copy_from_slice(&id[SESSION_BYTES..]);
        u32::from_be_bytes(request)
    }))
}

/// Records that the transaction relies on the request having no record, without looking: for
/// callers that know it has none as of the snapshot.
pub fn assume_absent(tx: &mut Transaction, session: [u8; 16], request: u32) {
    let id = SystemTable::SessionRequests.id(internal_id(&session, request));
    tx.assume_absent(Namespace::ROOT, id);
}

/// What the request answered when it ran, if it has.
pub fn get(
    tx: &mut Transaction,
    session: [u8; 16],
    request: u32,
) -> Result<Option<SessionRequestRecord>, TransactionError> {
    let table = SystemTable::SessionRequests;
    let id = table.id(internal_id(&session, request));
    let Some(document) = tx.get(Namespace::ROOT, id)? else {
        return Ok(None);
    };
    let ts = tx
        .revision_ts(Namespace::ROOT, id)?
        .ok_or_else(|| corrupt(table, "a row has no commit"))?;
    let row = Row::parse(table, &document)?;
    let log_lines = match row.value("logLines") {
        Some(Value::Array(lines)) => lines
            .iter()
            .filter_map(|line| match line {
                Value::String(line) => Some(line.clone()),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    let result = row.text("result")?;
    Ok(Some(SessionRequestRecord {
        result,
        log_lines,
        ts,
    }))
}

/// Records what a request is about to answer; becomes true with the transaction's commit.
pub fn insert(
    tx: &mut Transaction,
    session: [u8; 16],
    request: u32,
    result: &str,
    log_lines: &[String],
) -> Result<(), TransactionError> {
    let table = SystemTable::SessionRequests;
    let info = tx
        .table(Namespace::ROOT, table.name())
        .ok_or_else(|| corrupt(table, "the table is missing"))?;
    let lines = log_lines
        .iter()
        .map(|line| Value::String(line.clone()))
        .collect();
    let value = fields([
        ("result", text(result)),
        ("logLines", Some(Value::Array(lines))),
    ]);
    let now_ms = tx.now_ms();
    tx.insert_with(&info, internal_id(&session, request), now_ms, value)?;
    Ok(())
}

/// Forgets at most `limit` records that were made before `before_ms` (ms since the epoch); gives
/// how many it was.
pub fn remove_before(
    tx: &mut Transaction,
    before_ms: f64,
    limit: usize,
) -> Result<usize, TransactionError> {
    let mut end = Vec::new();
    push_key_value(Some(&Value::Float64(before_ms)), &mut end);
    let mut rows = tx.query(IndexQuery {
        namespace: Namespace::ROOT,
        table: SystemTable::SessionRequests.name().to_owned(),
        index: "by_creation_time".to_owned(),
        range: KeyRange {
            start: Vec::new(),
            end: Some(end),
        },
        order: Order::Asc,
    })?;
    let mut ids = Vec::new();
    while ids.len() < limit {
        let Some((_, row)) = rows.next(tx)? else {
            break;
        };
        ids.push(row.id);
    }
    for id in &ids {
        tx.delete(Namespace::ROOT, *id)?;
    }
    Ok(ids.len())
}
