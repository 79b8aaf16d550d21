//! The one writing connection: append, and the removal of what nobody can see any more.

use lentil_values::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use crate::Batch;
use crate::sqlite::reading::{last_of_log, to_sql};

const BEGIN: &str = "BEGIN IMMEDIATE";
const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";
const ADD_TO_LOG: &str = "INSERT INTO log (seq, ts, tablet, id, body) VALUES (?1, ?2, ?3, ?4, ?5)";
const ADD_DOCUMENT: &str =
    "INSERT INTO documents (tablet, id, ts, seq, deleted) VALUES (?1, ?2, ?3, ?4, ?5)";
// A backfill that was cut short writes the same entries again.
const ADD_ENTRY: &str =
    "INSERT OR REPLACE INTO entries (index_id, key, ts, id) VALUES (?1, ?2, ?3, ?4)";
const ADD_TOMBSTONE: &str = "INSERT INTO tombstones (ts, index_id, key) VALUES (?1, ?2, ?3)";
const SET_GLOBAL: &str = "INSERT INTO globals (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
const SET_STATE: &str = "INSERT INTO state (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
const GET_STATE: &str = "SELECT value FROM state WHERE name = ?1";

/// The writing connection and what it must remember between transactions.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) counters: Counters,
}

/// Numbers that the tables alone do not tell. A transaction works on a copy, which replaces the
/// original only when the commit has returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counters {
    /// Largest timestamp ever appended.
    pub(super) latest: Timestamp,
    /// Sequence number of the next log row; never used twice.
    pub(super) next_seq: i64,
    /// Revisions ever removed: `next_seq - 1 - removed` are there.
    pub(super) removed: i64,
    /// Snapshots before this are gone.
    pub(super) horizon: Timestamp,
    /// Last log row whose predecessors pruning has removed.
    pub(super) pruned_seq: i64,
}

impl Counters {
    /// Reads them back. Appending writes none of them as long as the last log row tells them.
    fn load(connection: &Connection) -> rusqlite::Result<Counters> {
        let state = |name: &str| -> rusqlite::Result<Option<i64>> {
            connection
                .prepare_cached(GET_STATE)?
                .query_row([name], |row| row.get(0))
                .optional()
        };
        let (last_seq, last_ts) = last_of_log(connection)?.unwrap_or((0, 0));
        let timestamp = |value: i64| Timestamp(u64::try_from(value).unwrap_or(0));
        Ok(Counters {
            latest: timestamp(state("latest")?.unwrap_or(0).max(last_ts)),
            next_seq: state("next_seq")?.unwrap_or(1).max(last_seq + 1),
            removed: state("removed")?.unwrap_or(0),
            horizon: timestamp(state("horizon")?.unwrap_or(0)),
            pruned_seq: state("pruned_seq")?.unwrap_or(0),
        })
    }

    /// Document revisions that are kept.
    pub(super) fn revisions(&self) -> u64 {
        u64::try_from(self.next_seq - 1 - self.removed).unwrap_or(0)
    }

    /// Writes all of them; part of every transaction that removes rows.
    pub(super) fn save(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut statement = connection.prepare_cached(SET_STATE)?;
        statement.execute(params!["latest", to_sql(self.latest)])?;
        statement.execute(params!["next_seq", self.next_seq])?;
        statement.execute(params!["removed", self.removed])?;
        statement.execute(params!["horizon", to_sql(self.horizon)])?;
        statement.execute(params!["pruned_seq", self.pruned_seq])?;
        Ok(())
    }
}

impl Writer {
    /// Takes over a connection whose tables exist.
    pub(super) fn new(connection: Connection) -> rusqlite::Result<Writer> {
        let counters = Counters::load(&connection)?;
        Ok(Writer {
            connection,
            counters,
        })
    }

    /// Runs `work` in one transaction: its rows and the counters it leaves take effect together, or neither.
    pub(super) fn transact<T>(
        &mut self,
        work: impl FnOnce(&Connection, &mut Counters) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let mut counters = self.counters;
        self.run(BEGIN)?;
        let done = work(&self.connection, &mut counters).and_then(|value| {
            // The point of no return.
            self.run(COMMIT)?;
            Ok(value)
        });
        match done {
            Ok(value) => {
                assert!(
                    self.connection.is_autocommit(),
                    "a committed transaction is over"
                );
                self.counters = counters;
                Ok(value)
            }
            Err(error) => {
                self.undo();
                Err(error)
            }
        }
    }

    /// SQLite ends the transaction by itself after some errors, after others it must be told.
    fn undo(&self) {
        if self.connection.is_autocommit() {
            return;
        }
        if let Err(error) = self.run(ROLLBACK) {
            tracing::error!(%error, "rollback failed");
        }
    }

    fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }
}

/// Adds all of `batch`.
///
/// # Panics
/// If the batch breaks its invariant.
pub(super) fn append(writer: &mut Writer, batch: &Batch) -> rusqlite::Result<()> {
    // Before the transaction, so that a caller's bug leaves none open.
    let latest = batch.checked_latest(writer.counters.latest);
    writer.transact(|connection, counters| append_rows(connection, counters, batch, latest))
}

fn append_rows(
    connection: &Connection,
    counters: &mut Counters,
    batch: &Batch,
    latest: Timestamp,
) -> rusqlite::Result<()> {
    let told_by_log = batch
        .documents
        .last()
        .map_or(counters.latest, |last| last.ts);
    counters.latest = latest;
    append_documents(connection, counters, batch)?;
    append_entries(connection, batch)?;
    if !batch.globals.is_empty() {
        let mut set = connection.prepare_cached(SET_GLOBAL)?;
        for (name, value) in &batch.globals {
            set.execute(params![name, value])?;
        }
    }
    if counters.latest > told_by_log {
        connection
            .prepare_cached(SET_STATE)?
            .execute(params!["latest", to_sql(counters.latest)])?;
    }
    Ok(())
}

fn append_documents(
    connection: &Connection,
    counters: &mut Counters,
    batch: &Batch,
) -> rusqlite::Result<()> {
    let mut add_to_log = connection.prepare_cached(ADD_TO_LOG)?;
    let mut add_document = connection.prepare_cached(ADD_DOCUMENT)?;
    for document in &batch.documents {
        let (ts, tablet, id) = (
            to_sql(document.ts),
            document.tablet.0,
            document.id.0.as_slice(),
        );
        let seq = counters.next_seq;
        counters.next_seq += 1;
        add_to_log.execute(params![seq, ts, tablet, id, document.body.as_deref()])?;
        add_document.execute(params![tablet, id, ts, seq, document.body.is_none()])?;
    }
    Ok(())
}

fn append_entries(connection: &Connection, batch: &Batch) -> rusqlite::Result<()> {
    if batch.entries.is_empty() {
        return Ok(());
    }
    let mut add_entry = connection.prepare_cached(ADD_ENTRY)?;
    let mut add_tombstone = connection.prepare_cached(ADD_TOMBSTONE)?;
    for entry in &batch.entries {
        let (index, key, ts) = (entry.index.0, entry.key.as_slice(), to_sql(entry.ts));
        add_entry.execute(params![
            index,
            key,
            ts,
            entry.id.as_ref().map(|id| id.0.as_slice())
        ])?;
        if entry.id.is_none() {
            add_tombstone.execute(params![ts, index, key])?;
        }
    }
    Ok(())
}
