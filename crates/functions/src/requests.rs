//! The records by which a mutation that is sent again is found to have run (sync-and-http 2.6).
//!
//! A record is one row, whatever the caller's result: a result or log that does not fit a document
//! is cut into parts, which are rows of the same table under ids of their own.

use std::sync::Arc;

use lentil_catalog::session_requests;
use lentil_database::{Transaction, TransactionError};
use lentil_values::Timestamp;
use sha2::{Digest, Sha256};

use crate::{FunctionFailure, SessionRequest};

/// Bytes of a row's texts; documents may have a little more.
const ROW_BYTES_MAX: usize = 900 << 10;
/// Begins the result of a row whose texts are in parts. No encoded value begins so: `$` names are
/// reserved.
const PARTS: &str = "{\"$parts\":";

/// What a mutation answered when it ran.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) result: Arc<str>,
    pub(crate) log_lines: Vec<String>,
    /// When it committed.
    pub(crate) ts: Timestamp,
}

/// The record of a request, if it has run. The look-up is a read of the transaction, so that two
/// attempts cannot both commit.
pub(crate) fn find_record(
    tx: &mut Transaction,
    request: SessionRequest,
) -> Result<Option<Record>, FunctionFailure> {
    Ok(uncounted(tx, |tx| find(tx, request))?)
}

/// The highest request of a session that has a record.
pub(crate) fn highest_request(
    tx: &mut Transaction,
    request: SessionRequest,
) -> Result<Option<u32>, FunctionFailure> {
    let session = request.session_id.into_bytes();
    Ok(uncounted(tx, |tx| session_requests::highest(tx, session))?)
}

/// The same read as [`find_record`]'s for a request that has no record, without looking.
pub(crate) fn assume_no_record(tx: &mut Transaction, request: SessionRequest) {
    session_requests::assume_absent(tx, request.session_id.into_bytes(), request.request_id);
}

/// Writes the record of a request that is about to commit.
pub(crate) fn keep_record(
    tx: &mut Transaction,
    request: SessionRequest,
    result: &str,
    log_lines: &[String],
) -> Result<(), FunctionFailure> {
    Ok(uncounted(tx, |tx| keep(tx, request, result, log_lines))?)
}

/// The server's own rows do not count against the function's limits.
pub(crate) fn uncounted<T>(tx: &mut Transaction, body: impl FnOnce(&mut Transaction) -> T) -> T {
    let (usage, limits) = (tx.usage(), tx.lift_limits());
    let value = body(tx);
    tx.set_limits(limits);
    tx.restore_usage(usage);
    value
}

fn find(tx: &mut Transaction, request: SessionRequest) -> Result<Option<Record>, TransactionError> {
    let session = request.session_id.into_bytes();
    let Some(row) = session_requests::get(tx, session, request.request_id)? else {
        return Ok(None);
    };
    let count = row
        .result
        .strip_prefix(PARTS)
        .and_then(|rest| rest.strip_suffix('}'));
    let Some(count) = count else {
        return Ok(Some(Record {
            result: row.result.into(),
            log_lines: row.log_lines,
            ts: row.ts,
        }));
    };
    let corrupt = |reason: &str| {
        TransactionError::Corrupt(format!(
            "a row of the system table _session_requests cannot be read: {reason}"
        ))
    };
    let count: u32 = count
        .parse()
        .map_err(|_| corrupt("the number of parts is none"))?;
    let mut text = String::new();
    for part in 0..count {
        let row = session_requests::get(tx, part_session(session, part), request.request_id)?;
        text.push_str(&row.ok_or_else(|| corrupt("a part is missing"))?.result);
    }
    let (result, log_lines): (String, Vec<String>) =
        serde_json::from_str(&text).map_err(|error| corrupt(&error.to_string()))?;
    Ok(Some(Record {
        result: result.into(),
        log_lines,
        ts: row.ts,
    }))
}

fn keep(
    tx: &mut Transaction,
    request: SessionRequest,
    result: &str,
    log_lines: &[String],
) -> Result<(), TransactionError> {
    let session = request.session_id.into_bytes();
    let bytes: usize = result.len() + log_lines.iter().map(|line| line.len() + 8).sum::<usize>();
    if bytes <= ROW_BYTES_MAX {
        return session_requests::insert(tx, session, request.request_id, result, log_lines);
    }
    let text = serde_json::json!([result, log_lines]).to_string();
    let mut rest = text.as_str();
    let mut count = 0;
    while !rest.is_empty() {
        let (part, later) = rest.split_at(rest.floor_char_boundary(ROW_BYTES_MAX));
        session_requests::insert(
            tx,
            part_session(session, count),
            request.request_id,
            part,
            &[],
        )?;
        rest = later;
        count += 1;
    }
    let head = format!("{PARTS}{count}}}");
    session_requests::insert(tx, session, request.request_id, &head, &[])
}

/// Where a part of a session's record is filed: under a session of its own.
fn part_session(session: [u8; 16], part: u32) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(b"part");
    hash.update(part.to_le_bytes());
    hash.update(session);
    let mut id = [0; 16];
    id.copy_from_slice(&hash.finalize()[..16]);
    id
}
