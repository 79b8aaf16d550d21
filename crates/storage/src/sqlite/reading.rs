//! What was there at a snapshot.
//!
//! Both trees, `documents` and `entries`, are ordered by (space, key, ts), so one walk serves both:
//! of the revisions of a key that are not later than the snapshot, the newest decides.

use std::sync::Arc;

use lentil_values::{IndexKey, InternalId, KeyRange, Timestamp};
use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, Rows, params};

use crate::limits::SCAN_STEPS_PER_KEY_MAX;
use crate::{
    DocumentRow, Held, IndexId, IndexRow, IndexScan, LogRow, Order, StorageUsage, TableScan,
    TabletId,
};

/// A driver error, or a sentence about data that cannot be.
pub(super) enum ReadError {
    Driver(rusqlite::Error),
    Corrupt(String),
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> ReadError {
        ReadError::Driver(error)
    }
}

impl From<rusqlite::types::FromSqlError> for ReadError {
    fn from(error: rusqlite::types::FromSqlError) -> ReadError {
        ReadError::Corrupt(error.to_string())
    }
}

/// The statements of one tree. Scans select (key, ts, target); a target that is NULL means gone.
struct Tree {
    /// Without and with an end of the range; the same for `descending`.
    ascending: [&'static str; 2],
    descending: [&'static str; 2],
    newest: &'static str,
}

macro_rules! scan_sql {
    ($table:literal, $space:literal, $key:literal, $target:literal, $end:literal, $order:literal) => {
        concat!(
            "SELECT ",
            $key,
            ", ts, ",
            $target,
            " FROM ",
            $table,
            " WHERE ",
            $space,
            " = ?1 AND ",
            $key,
            " >= ?2 AND ts <= ?3",
            $end,
            " ORDER BY ",
            $key,
            " ",
            $order,
            ", ts ",
            $order
        )
    };
}

const DOCUMENTS: Tree = Tree {
    ascending: [
        scan_sql!(
            "documents",
            "tablet",
            "id",
            "CASE WHEN deleted THEN NULL ELSE seq END",
            "",
            "ASC"
        ),
        scan_sql!(
            "documents",
            "tablet",
            "id",
            "CASE WHEN deleted THEN NULL ELSE seq END",
            " AND id < ?4",
            "ASC"
        ),
    ],
    descending: [
        scan_sql!(
            "documents",
            "tablet",
            "id",
            "CASE WHEN deleted THEN NULL ELSE seq END",
            "",
            "DESC"
        ),
        scan_sql!(
            "documents",
            "tablet",
            "id",
            "CASE WHEN deleted THEN NULL ELSE seq END",
            " AND id < ?4",
            "DESC"
        ),
    ],
    newest: "SELECT ts, CASE WHEN deleted THEN NULL ELSE seq END FROM documents \
             WHERE tablet = ?1 AND id = ?2 AND ts <= ?3 ORDER BY ts DESC LIMIT 1",
};

const ENTRIES: Tree = Tree {
    ascending: [
        scan_sql!("entries", "index_id", "key", "id", "", "ASC"),
        scan_sql!("entries", "index_id", "key", "id", " AND key < ?4", "ASC"),
    ],
    descending: [
        scan_sql!("entries", "index_id", "key", "id", "", "DESC"),
        scan_sql!("entries", "index_id", "key", "id", " AND key < ?4", "DESC"),
    ],
    newest: "SELECT ts, id FROM entries WHERE index_id = ?1 AND key = ?2 AND ts <= ?3 ORDER BY ts DESC LIMIT 1",
};

const GET: &str = "SELECT d.ts, d.deleted, l.body FROM documents d LEFT JOIN log l ON l.seq = d.seq \
                   WHERE d.tablet = ?1 AND d.id = ?2 AND d.ts <= ?3 ORDER BY d.ts DESC LIMIT 1";
const BODY: &str = "SELECT body FROM log WHERE seq = ?1";
const LOG_FIRST: &str = "SELECT seq, ts FROM log WHERE seq >= ?1 ORDER BY seq LIMIT 1";
const LOG_LAST: &str = "SELECT seq, ts FROM log ORDER BY seq DESC LIMIT 1";
const LOG_PAGE: &str = "SELECT ts, tablet, id, body FROM log WHERE seq >= ?1 ORDER BY seq";

/// For the test that looks at their plans.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[
    DOCUMENTS.ascending[0],
    DOCUMENTS.ascending[1],
    DOCUMENTS.descending[0],
    DOCUMENTS.descending[1],
    DOCUMENTS.newest,
    ENTRIES.ascending[0],
    ENTRIES.ascending[1],
    ENTRIES.descending[0],
    ENTRIES.descending[1],
    ENTRIES.newest,
    GET,
    BODY,
    LOG_FIRST,
    LOG_LAST,
    LOG_PAGE,
];

/// A timestamp as SQLite keeps it.
pub(super) fn to_sql(ts: Timestamp) -> i64 {
    i64::try_from(ts.0).unwrap_or(i64::MAX)
}

/// A timestamp back from SQLite; only what was written comes back, so never negative.
pub(super) fn from_sql(ts: i64) -> Timestamp {
    Timestamp(u64::try_from(ts).unwrap_or(0))
}

/// The document as of `at`.
pub(super) fn get(
    connection: &Connection,
    tablet: TabletId,
    id: InternalId,
    at: Timestamp,
) -> Result<Option<DocumentRow>, ReadError> {
    let mut statement = connection.prepare_cached(GET)?;
    get_with(&mut statement, tablet, id, at)
}

fn get_with(
    statement: &mut CachedStatement<'_>,
    tablet: TabletId,
    id: InternalId,
    at: Timestamp,
) -> Result<Option<DocumentRow>, ReadError> {
    let mut rows = statement.query(params![tablet.0, id.0.as_slice(), to_sql(at)])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    if row.get::<_, bool>(1)? {
        return Ok(None);
    }
    let ts = from_sql(row.get(0)?);
    let body = body_of(row.get_ref(2)?)?.ok_or_else(|| missing("the body", tablet, id, ts))?;
    Ok(Some(DocumentRow { id, ts, body }))
}

/// A page of an index; entry first, then the document it points to.
pub(super) fn scan_index(
    connection: &Connection,
    scan: &IndexScan,
) -> Result<Vec<IndexRow>, ReadError> {
    let mut found = Vec::new();
    if scan.limit == 0 || scan.range.is_empty() {
        return Ok(found);
    }
    let mut get = connection.prepare_cached(GET)?;
    let walk = Walk {
        tree: &ENTRIES,
        space: scan.index.0,
        order: scan.order,
        at: scan.at,
    };
    walk.run(connection, &scan.range, |key, _, target| {
        let id = internal_id(target.as_blob()?)?;
        let document = get_with(&mut get, scan.tablet, id, scan.at)?.ok_or_else(|| {
            missing(
                "the document of a live index entry",
                scan.tablet,
                id,
                scan.at,
            )
        })?;
        found.push(IndexRow {
            key: key.to_vec(),
            document,
        });
        Ok(found.len() < scan.limit)
    })?;
    Ok(found)
}

/// A page of a tablet.
pub(super) fn scan_table(
    connection: &Connection,
    scan: &TableScan,
) -> Result<Vec<DocumentRow>, ReadError> {
    let mut found = Vec::new();
    if scan.limit == 0 || scan.range.is_empty() {
        return Ok(found);
    }
    let mut read_body = connection.prepare_cached(BODY)?;
    let walk = Walk {
        tree: &DOCUMENTS,
        space: scan.tablet.0,
        order: scan.order,
        at: scan.at,
    };
    walk.run(connection, &scan.range, |key, ts, target| {
        let id = internal_id(key)?;
        let mut rows = read_body.query([target.as_i64()?])?;
        let body = match rows.next()? {
            Some(row) => body_of(row.get_ref(0)?)?,
            None => None,
        };
        let body = body.ok_or_else(|| missing("the body", scan.tablet, id, ts))?;
        found.push(DocumentRow { id, ts, body });
        Ok(found.len() < scan.limit)
    })?;
    Ok(found)
}

/// One direction through one tree at one snapshot.
struct Walk<'a> {
    tree: &'a Tree,
    space: u32,
    order: Order,
    at: Timestamp,
}

/// The target of a revision, owned so that the cursor may move on.
enum Target {
    Gone,
    Blob([u8; 16]),
    Seq(i64),
}

/// The newest revision of one key met so far.
struct Newest {
    key: IndexKey,
    ts: Timestamp,
    target: Target,
    steps: u32,
}

impl Walk<'_> {
    /// Calls `visit` with (key, ts, target) of every key that is live, until it answers `false`.
    fn run<F>(
        &self,
        connection: &Connection,
        range: &KeyRange,
        mut visit: F,
    ) -> Result<(), ReadError>
    where
        F: FnMut(&[u8], Timestamp, ValueRef<'_>) -> Result<bool, ReadError>,
    {
        let mut range = range.clone();
        // Ends: each round begins behind a key of the round before.
        while let Some(mut stuck) = self.walk_until_stuck(connection, &range, &mut visit)? {
            if self.order == Order::Asc {
                self.seek_newest(connection, &mut stuck)?;
            }
            if !stuck.visit(&mut visit)? {
                return Ok(());
            }
            match self.order {
                Order::Asc => {
                    range.start = stuck.key;
                    range.start.push(0);
                }
                Order::Desc => range.end = Some(stuck.key),
            }
        }
        Ok(())
    }

    /// Walks on until the range or the visitor is done (`None`), or a key has so many revisions that
    /// seeking is cheaper: that key, not yet visited.
    fn walk_until_stuck<F>(
        &self,
        connection: &Connection,
        range: &KeyRange,
        visit: &mut F,
    ) -> Result<Option<Newest>, ReadError>
    where
        F: FnMut(&[u8], Timestamp, ValueRef<'_>) -> Result<bool, ReadError>,
    {
        let statements = match self.order {
            Order::Asc => &self.tree.ascending,
            Order::Desc => &self.tree.descending,
        };
        let mut statement =
            connection.prepare_cached(statements[usize::from(range.end.is_some())])?;
        let mut rows = self.bind(&mut statement, range)?;
        let mut current: Option<Newest> = None;
        // Ends: with the rows.
        while let Some(row) = rows.next()? {
            let key = row.get_ref(0)?.as_blob()?;
            if let Some(newest) = &mut current {
                if newest.key == key {
                    newest.steps += 1;
                    if self.order == Order::Asc {
                        newest.ts = from_sql(row.get(1)?);
                        newest.target = target_of(row)?;
                    }
                    if newest.steps >= SCAN_STEPS_PER_KEY_MAX {
                        return Ok(current);
                    }
                    continue;
                }
                if !newest.visit(visit)? {
                    return Ok(None);
                }
            }
            let ts = from_sql(row.get(1)?);
            current = Some(Newest {
                key: key.to_vec(),
                ts,
                target: target_of(row)?,
                steps: 0,
            });
        }
        if let Some(newest) = current {
            newest.visit(visit)?;
        }
        Ok(None)
    }

    fn bind<'s>(
        &self,
        statement: &'s mut CachedStatement<'_>,
        range: &KeyRange,
    ) -> rusqlite::Result<Rows<'s>> {
        match &range.end {
            None => statement.query(params![self.space, range.start.as_slice(), to_sql(self.at)]),
            Some(end) => statement.query(params![
                self.space,
                range.start.as_slice(),
                to_sql(self.at),
                end.as_slice()
            ]),
        }
    }

    fn seek_newest(&self, connection: &Connection, newest: &mut Newest) -> Result<(), ReadError> {
        let mut statement = connection.prepare_cached(self.tree.newest)?;
        let mut rows =
            statement.query(params![self.space, newest.key.as_slice(), to_sql(self.at)])?;
        // The key had such a revision a moment ago; if pruning took it since, what was read stands.
        if let Some(row) = rows.next()? {
            newest.ts = from_sql(row.get(0)?);
            newest.target = target_from(row.get_ref(1)?)?;
        }
        Ok(())
    }
}

impl Newest {
    fn visit<F>(&self, visit: &mut F) -> Result<bool, ReadError>
    where
        F: FnMut(&[u8], Timestamp, ValueRef<'_>) -> Result<bool, ReadError>,
    {
        match &self.target {
            Target::Gone => Ok(true),
            Target::Blob(id) => visit(&self.key, self.ts, ValueRef::Blob(id)),
            Target::Seq(seq) => visit(&self.key, self.ts, ValueRef::Integer(*seq)),
        }
    }
}

fn target_of(row: &Row<'_>) -> Result<Target, ReadError> {
    target_from(row.get_ref(2)?)
}

fn target_from(value: ValueRef<'_>) -> Result<Target, ReadError> {
    match value {
        ValueRef::Null => Ok(Target::Gone),
        ValueRef::Integer(seq) => Ok(Target::Seq(seq)),
        other => Ok(Target::Blob(internal_id(other.as_blob()?)?.0)),
    }
}

/// Revisions with `after < ts <= until`.
pub(super) fn read_log(
    connection: &Connection,
    after: Timestamp,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<LogRow>, ReadError> {
    let mut found: Vec<LogRow> = Vec::new();
    let Some(start) = first_seq_after(connection, after)? else {
        return Ok(found);
    };
    if limit == 0 {
        return Ok(found);
    }
    let mut statement = connection.prepare_cached(LOG_PAGE)?;
    let mut rows = statement.query([start])?;
    // Ends: with the rows.
    while let Some(row) = rows.next()? {
        let ts = from_sql(row.get(0)?);
        let is_cut = found.len() >= limit && found.last().is_none_or(|last| last.ts != ts);
        if ts > until || is_cut {
            break;
        }
        found.push(LogRow {
            tablet: TabletId(row.get(1)?),
            id: internal_id(row.get_ref(2)?.as_blob()?)?,
            ts,
            body: body_of(row.get_ref(3)?)?,
        });
    }
    Ok(found)
}

/// Where the rows later than `after` begin. Timestamps never fall along the log, so this is a binary
/// search; an index on `ts` would cost a write a revision instead.
fn first_seq_after(connection: &Connection, after: Timestamp) -> rusqlite::Result<Option<i64>> {
    let after = to_sql(after);
    let Some((last, last_ts)) = last_of_log(connection)? else {
        return Ok(None);
    };
    if last_ts <= after {
        return Ok(None);
    }
    let mut at_or_behind = connection.prepare_cached(LOG_FIRST)?;
    // Invariant: the rows sought begin at or behind `low` and at or before `high`.
    let (mut low, mut high) = (0, last);
    while low < high {
        let middle = low + (high - low) / 2;
        let row: Option<(i64, i64)> = at_or_behind
            .query_row([middle], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        match row {
            Some((seq, ts)) if ts <= after => low = seq + 1,
            _ => high = middle,
        }
    }
    Ok(Some(high))
}

/// Sequence number and timestamp of the last row of the log.
pub(super) fn last_of_log(connection: &Connection) -> rusqlite::Result<Option<(i64, i64)>> {
    connection
        .prepare_cached(LOG_LAST)?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

fn body_of(value: ValueRef<'_>) -> Result<Option<Arc<str>>, ReadError> {
    Ok(value.as_str_or_null()?.map(Arc::from))
}

/// An id from its 16 bytes.
pub(super) fn internal_id(bytes: &[u8]) -> Result<InternalId, ReadError> {
    match bytes.try_into() {
        Ok(bytes) => Ok(InternalId(bytes)),
        Err(_) => Err(ReadError::Corrupt(format!(
            "an id of {} bytes instead of 16",
            bytes.len()
        ))),
    }
}

fn missing(what: &str, tablet: TabletId, id: InternalId, at: Timestamp) -> ReadError {
    let id: String = id.0.iter().map(|byte| format!("{byte:02x}")).collect();
    ReadError::Corrupt(format!(
        "{what} is missing (tablet {}, id {id}, at {})",
        tablet.0, at.0
    ))
}

/// What is kept, by tablet and index. `octet_length` does not read long values.
pub(super) fn usage(connection: &Connection) -> Result<StorageUsage, ReadError> {
    let held = |row: &rusqlite::Row<'_>| {
        let held = Held {
            rows: row.get::<_, i64>(1)?.unsigned_abs(),
            bytes: row.get::<_, i64>(2)?.unsigned_abs(),
        };
        Ok((row.get::<_, u32>(0)?, held))
    };
    let mut documents = connection.prepare(
        "SELECT tablet, count(*), coalesce(sum(octet_length(body)), 0) FROM log GROUP BY tablet",
    )?;
    let tablets = documents.query_map([], held)?;
    let tablets = tablets.map(|row| row.map(|(tablet, held)| (TabletId(tablet), held)));
    let mut entries = connection.prepare(
        "SELECT index_id, count(*), coalesce(sum(octet_length(key)), 0) FROM entries GROUP BY index_id",
    )?;
    let indexes = entries.query_map([], held)?;
    let indexes = indexes.map(|row| row.map(|(index, held)| (IndexId(index), held)));
    Ok(StorageUsage {
        tablets: tablets.collect::<Result<_, _>>()?,
        indexes: indexes.collect::<Result<_, _>>()?,
    })
}
