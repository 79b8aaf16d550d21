//! Fills an index that was added to a table with data, a bounded step at a time, while others write.
//!
//! From the commit that added the index, writers index what they write. A step reads a page of the
//! table in id order at a snapshot after that commit, and writes the entries of what it found with
//! the timestamps of the revisions. An entry that a writer moves meanwhile ends at a later
//! timestamp, in whatever order the two arrive, so every step may take a snapshot of its own: what
//! lies before its page was indexed by an earlier step or, if it changed since, by its writer.
//! While a step runs its snapshot is in use, so that retention removes no end of an entry that the
//! step is about to write.

use lentil_storage::{EntryWrite, IndexId, Order, StorageError, TableScan};
use lentil_values::{InternalId, KeyRange};

use crate::committer::Appendix;
use crate::index_key::key_of;
use crate::limits::BACKFILL_SLICE;
use crate::read_set::after;
use crate::shared::parse;
use crate::{
    CommitError, Database, IndexInfo, IndexState, TableInfo, Transaction, TransactionError,
};

/// How far a backfill is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackfillProgress {
    /// Documents done.
    pub done: u64,
    /// Documents there are, if counted.
    pub total: Option<u64>,
}

/// The result of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackfillStep {
    /// More to do.
    More(BackfillProgress),
    /// The index has become `Backfilled`.
    Done,
    /// The index is gone or was not backfilling.
    Nothing,
}

/// Where a backfill goes on after a step or a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Position {
    done: u64,
    /// The last document done.
    last: Option<InternalId>,
}

impl Database {
    /// One step of filling an index (call until `Done` or `Nothing`); blocks.
    pub fn backfill_step(&self, index: IndexId, limit: usize) -> Result<BackfillStep, CommitError> {
        let mut tx = self.begin();
        let Some((table, index)) = backfilling(&tx, index) else {
            return Ok(BackfillStep::Nothing);
        };
        let position = self.backfill_position(index.id)?;
        // Counted once, for the estimate; from then on the committer keeps the number.
        self.shared()
            .count_at(table.tablet, tx.snapshot())
            .map_err(CommitError::Storage)?;
        let limit = limit.max(1);
        let scan = TableScan {
            tablet: table.tablet,
            range: KeyRange {
                start: position.last.map_or(Vec::new(), |last| after(&last.0)),
                end: None,
            },
            order: Order::Asc,
            at: tx.snapshot(),
            limit,
        };
        let rows = self
            .shared()
            .persistence
            .scan_table(&scan)
            .map_err(CommitError::Storage)?;
        let Some(last) = rows.last() else {
            return self.finish_backfill(&mut tx, &table, &index);
        };
        let next = Position {
            done: position.done + rows.len() as u64,
            last: Some(last.id),
        };
        let mut entries = Vec::with_capacity(rows.len());
        for row in &rows {
            let key = key_of(&index, &parse(&row.body).map_err(CommitError::Storage)?).to_vec();
            entries.push(EntryWrite {
                index: index.id,
                key,
                ts: row.ts,
                id: Some(row.id),
            });
        }
        let complete = rows.len() < limit;
        drop(rows);
        self.append_in_slices(entries, (position_global(index.id), next.write()))?;
        if complete {
            return self.finish_backfill(&mut tx, &table, &index);
        }
        Ok(BackfillStep::More(BackfillProgress {
            done: next.done,
            total: self.shared().known_count(table.tablet),
        }))
    }

    /// How far filling an index is: documents done by all processes so far, and how many the table
    /// has, once a step has counted them. Blocks.
    pub fn backfill_progress(&self, index: &IndexInfo) -> Result<BackfillProgress, CommitError> {
        Ok(BackfillProgress {
            done: self.backfill_position(index.id)?.done,
            total: self.shared().known_count(index.tablet),
        })
    }

    fn backfill_position(&self, index: IndexId) -> Result<Position, CommitError> {
        let text = self
            .shared()
            .persistence
            .global(&position_global(index))
            .map_err(CommitError::Storage)?;
        text.as_deref()
            .map_or(Ok(Position::default()), Position::read)
    }

    /// Writes the entries of one step a few at a time, because commits wait while they are written;
    /// in the order of their keys, so that those of one slice share pages. The position moves with
    /// the last slice: a step that was cut short is done again, and writes the same entries.
    fn append_in_slices(
        &self,
        mut entries: Vec<EntryWrite>,
        position: (String, String),
    ) -> Result<(), CommitError> {
        entries.sort_unstable_by(|one, two| one.key.cmp(&two.key));
        while entries.len() > BACKFILL_SLICE {
            let rest = entries.split_off(BACKFILL_SLICE);
            self.append_blocking(Appendix {
                entries,
                globals: Vec::new(),
            })?;
            entries = rest;
        }
        self.append_blocking(Appendix {
            entries,
            globals: vec![position],
        })
    }

    /// Marks the index `Backfilled`, again if somebody changes it at the same time.
    fn finish_backfill(
        &self,
        tx: &mut Transaction,
        table: &TableInfo,
        index: &IndexInfo,
    ) -> Result<BackfillStep, CommitError> {
        const ATTEMPTS: usize = 100;
        for _ in 0..ATTEMPTS {
            let name = &index.definition.name;
            // Re-read what may have changed since the step began.
            *tx = self.begin();
            let Some((_, now)) = backfilling(tx, index.id) else {
                return Ok(BackfillStep::Nothing);
            };
            let set = tx.set_index(table, name, IndexState::Backfilled, now.definition.staged);
            set.map_err(transaction_failed)?;
            let committing = std::mem::replace(tx, self.begin());
            match self.commit_blocking(committing) {
                Ok(_) => return Ok(BackfillStep::Done),
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        // Still backfilling: the next step finds nothing to read and comes here again.
        Ok(BackfillStep::More(BackfillProgress::default()))
    }
}

/// Where the position of a backfill is kept.
fn position_global(index: IndexId) -> String {
    format!("backfill/{}", index.0)
}

/// The index and its table, if it is there and backfilling.
fn backfilling(tx: &Transaction, index: IndexId) -> Option<(TableInfo, IndexInfo)> {
    let table = tx.registry.table_of_index(index)?;
    let index = table.indexes.iter().find(|other| other.id == index)?;
    (index.state == IndexState::Backfilling)
        .then(|| (table.info.as_ref().clone(), index.as_ref().clone()))
}

/// A transaction of the database's own failed.
pub(crate) fn transaction_failed(error: TransactionError) -> CommitError {
    match error {
        TransactionError::Storage(error) => CommitError::Storage(error),
        // Somebody dropped what was looked up a moment ago: the next step sees that.
        TransactionError::Developer { .. } => CommitError::Conflict {
            table: "_indexes".to_owned(),
            place: None,
        },
        error => CommitError::Storage(StorageError::Corrupt(error.to_string())),
    }
}

impl Position {
    fn write(&self) -> String {
        let last = self.last.map_or(String::new(), |last| {
            format!("{:032x}", u128::from_be_bytes(last.0))
        });
        format!("{} {last}", self.done)
    }

    fn read(text: &str) -> Result<Position, CommitError> {
        let wrong = || {
            CommitError::Storage(StorageError::Corrupt(format!(
                "{text:?} is no position of a backfill"
            )))
        };
        let (done, last) = text.split_once(' ').ok_or_else(wrong)?;
        let last = match last {
            "" => None,
            last => Some(InternalId(
                u128::from_str_radix(last, 16)
                    .map_err(|_| wrong())?
                    .to_be_bytes(),
            )),
        };
        Ok(Position {
            done: done.parse().map_err(|_| wrong())?,
            last,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_survive_writing() {
        for last in [
            None,
            Some(InternalId([0; 16])),
            Some(InternalId([7; 16])),
            Some(InternalId([0xff; 16])),
        ] {
            let position = Position { done: 12, last };
            assert_eq!(Position::read(&position.write()).unwrap(), position);
        }
        assert!(Position::read("12").is_err());
        assert!(Position::read("x ").is_err());
        assert!(Position::read("1 zz").is_err());
    }
}
