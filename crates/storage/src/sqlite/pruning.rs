//! Removal, a bounded piece at a time: what no snapshot can see any more, and what was dropped.
//!
//! Pruning follows the log. A revision at or before the horizon hides every earlier one of its
//! document, so walking the log once, from where the last step ended, meets everything that can go;
//! the cost is that of the changes, not of the data. Entries have a queue of their tombstones instead,
//! for only a tombstone hides an entry.

use lentil_values::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use crate::limits::{PRUNE_LOOKS_PER_REMOVAL, VACUUM_PAGES_PER_STEP};
use crate::sqlite::reading::to_sql;
use crate::sqlite::writing::{Counters, Writer};
use crate::{IndexId, PruneReport, TabletId};

const LOG_BEHIND: &str = "SELECT seq, ts, tablet, id, body IS NULL FROM log WHERE seq > ?1 AND seq < ?2 ORDER BY seq LIMIT ?3";
const REMOVE_EARLIER: &str =
    "DELETE FROM documents WHERE tablet = ?1 AND id = ?2 AND ts < ?3 RETURNING seq";
const REMOVE_DOCUMENT: &str = "DELETE FROM documents WHERE tablet = ?1 AND id = ?2 AND ts = ?3";
const REMOVE_FROM_LOG: &str = "DELETE FROM log WHERE seq = ?1";
const TOMBSTONES: &str = "SELECT n, ts, index_id, key FROM tombstones ORDER BY n LIMIT ?1";
const REMOVE_TOMBSTONE: &str = "DELETE FROM tombstones WHERE n = ?1";
const REMOVE_HIDDEN: &str = "DELETE FROM entries WHERE index_id = ?1 AND key = ?2 AND ts <= ?3";
const ENTRY_AT: &str =
    "SELECT key, ts FROM entries WHERE index_id = ?1 ORDER BY key, ts LIMIT 1 OFFSET ?2";
const REMOVE_ENTRIES: &str = "DELETE FROM entries WHERE index_id = ?1";
const REMOVE_ENTRIES_BEFORE: &str =
    "DELETE FROM entries WHERE index_id = ?1 AND (key, ts) < (?2, ?3)";
const TABLET_PAGE: &str =
    "SELECT id, ts, seq FROM documents WHERE tablet = ?1 ORDER BY id, ts LIMIT ?2";

/// For the test that looks at their plans.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[
    LOG_BEHIND,
    REMOVE_EARLIER,
    REMOVE_DOCUMENT,
    REMOVE_FROM_LOG,
    TOMBSTONES,
    REMOVE_TOMBSTONE,
    REMOVE_HIDDEN,
    ENTRY_AT,
    REMOVE_ENTRIES,
    REMOVE_ENTRIES_BEFORE,
    TABLET_PAGE,
];

/// One step towards `horizon`.
pub(super) fn prune(
    writer: &mut Writer,
    horizon: Timestamp,
    limit: usize,
) -> rusqlite::Result<PruneReport> {
    let limit = limit.max(1);
    let report = writer.transact(|connection, counters| {
        counters.horizon = counters.horizon.max(horizon.min(counters.latest));
        let revisions = prune_documents(connection, counters, limit)?;
        let entries = prune_entries(connection, counters.horizon, limit)?;
        counters.removed += i64::try_from(revisions.removed).unwrap_or(i64::MAX);
        counters.save(connection)?;
        Ok(PruneReport {
            removed: revisions.removed + entries.removed,
            more: revisions.more || entries.more,
        })
    })?;
    return_space(&writer.connection)?;
    Ok(report)
}

/// A log row as pruning sees it.
struct Revision {
    seq: i64,
    ts: i64,
    tablet: u32,
    id: Vec<u8>,
    is_deletion: bool,
}

fn prune_documents(
    connection: &Connection,
    counters: &mut Counters,
    limit: usize,
) -> rusqlite::Result<PruneReport> {
    let looks = limit.saturating_mul(PRUNE_LOOKS_PER_REMOVAL);
    let page = revisions_behind(connection, counters, looks)?;
    let horizon = to_sql(counters.horizon);
    let mut removed = 0;
    let mut remove_earlier = connection.prepare_cached(REMOVE_EARLIER)?;
    let mut remove_document = connection.prepare_cached(REMOVE_DOCUMENT)?;
    let mut remove_from_log = connection.prepare_cached(REMOVE_FROM_LOG)?;
    for revision in &page {
        if revision.ts > horizon {
            return Ok(PruneReport {
                removed,
                more: false,
            });
        }
        if removed >= limit as u64 {
            return Ok(PruneReport {
                removed,
                more: true,
            });
        }
        let earlier: Vec<i64> = remove_earlier
            .query_map(params![revision.tablet, revision.id, revision.ts], |row| {
                row.get(0)
            })?
            .collect::<rusqlite::Result<_>>()?;
        for seq in &earlier {
            remove_from_log.execute([seq])?;
        }
        removed += earlier.len() as u64;
        if revision.is_deletion {
            removed +=
                remove_document.execute(params![revision.tablet, revision.id, revision.ts])? as u64;
            remove_from_log.execute([revision.seq])?;
        }
        counters.pruned_seq = revision.seq;
    }
    Ok(PruneReport {
        removed,
        more: page.len() == looks,
    })
}

fn revisions_behind(
    connection: &Connection,
    counters: &Counters,
    looks: usize,
) -> rusqlite::Result<Vec<Revision>> {
    connection
        .prepare_cached(LOG_BEHIND)?
        .query_map(
            params![counters.pruned_seq, counters.next_seq, sql_limit(looks)],
            |row| {
                Ok(Revision {
                    seq: row.get(0)?,
                    ts: row.get(1)?,
                    tablet: row.get(2)?,
                    id: row.get(3)?,
                    is_deletion: row.get(4)?,
                })
            },
        )?
        .collect()
}

fn prune_entries(
    connection: &Connection,
    horizon: Timestamp,
    limit: usize,
) -> rusqlite::Result<PruneReport> {
    let page: Vec<(i64, i64, u32, Vec<u8>)> = connection
        .prepare_cached(TOMBSTONES)?
        .query_map([sql_limit(limit)], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut removed = 0;
    let mut remove_hidden = connection.prepare_cached(REMOVE_HIDDEN)?;
    let mut remove_tombstone = connection.prepare_cached(REMOVE_TOMBSTONE)?;
    for (n, ts, index, key) in &page {
        if *ts > to_sql(horizon) {
            return Ok(PruneReport {
                removed,
                more: false,
            });
        }
        removed += remove_hidden.execute(params![index, key, ts])? as u64;
        remove_tombstone.execute([n])?;
    }
    Ok(PruneReport {
        removed,
        more: page.len() == limit,
    })
}

/// Removes up to `limit` entries of an index.
pub(super) fn drop_index(
    writer: &mut Writer,
    index: IndexId,
    limit: usize,
) -> rusqlite::Result<PruneReport> {
    let limit = limit.max(1);
    let report = writer.transact(|connection, _| {
        let boundary: Option<(Vec<u8>, i64)> = connection
            .prepare_cached(ENTRY_AT)?
            .query_row(params![index.0, sql_limit(limit)], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let removed = match &boundary {
            Some((key, ts)) => connection
                .prepare_cached(REMOVE_ENTRIES_BEFORE)?
                .execute(params![index.0, key, ts])?,
            None => connection
                .prepare_cached(REMOVE_ENTRIES)?
                .execute([index.0])?,
        };
        Ok(PruneReport {
            removed: removed as u64,
            more: boundary.is_some(),
        })
    })?;
    return_space(&writer.connection)?;
    Ok(report)
}

/// Removes up to `limit` revisions of a tablet, from the documents and from the log.
pub(super) fn drop_tablet(
    writer: &mut Writer,
    tablet: TabletId,
    limit: usize,
) -> rusqlite::Result<PruneReport> {
    let limit = limit.max(1);
    let report = writer.transact(|connection, counters| {
        let page: Vec<(Vec<u8>, i64, i64)> = connection
            .prepare_cached(TABLET_PAGE)?
            .query_map(params![tablet.0, sql_limit(limit)], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        let mut remove_document = connection.prepare_cached(REMOVE_DOCUMENT)?;
        let mut remove_from_log = connection.prepare_cached(REMOVE_FROM_LOG)?;
        for (id, ts, seq) in &page {
            remove_document.execute(params![tablet.0, id, ts])?;
            remove_from_log.execute([seq])?;
        }
        counters.removed += i64::try_from(page.len()).unwrap_or(i64::MAX);
        counters.save(connection)?;
        Ok(PruneReport {
            removed: page.len() as u64,
            more: page.len() == limit,
        })
    })?;
    return_space(&writer.connection)?;
    Ok(report)
}

/// Gives free pages back; the file becomes shorter at the next checkpoint.
fn return_space(connection: &Connection) -> rusqlite::Result<()> {
    let free: u32 = connection.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
    if free == 0 {
        return Ok(());
    }
    // The pragma answers with a row a page: all must be stepped through.
    let mut statement = connection.prepare(&format!(
        "PRAGMA incremental_vacuum({VACUUM_PAGES_PER_STEP})"
    ))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
