//! Gives space back: superseded revisions that no snapshot can see any more, and what dropped
//! tables and indexes have left.

use lentil_storage::IndexId;
use lentil_values::Timestamp;

use crate::backfill::transaction_failed;
use crate::committer::Appendix;
use crate::database::NEXT_ID_GLOBAL;
use crate::definition::Definition;
use crate::registry::Freeing;
use crate::{CommitError, Database};

impl Database {
    /// One step of removing what retention no longer keeps and what dropped tables and indexes
    /// left; returns whether more is left. Blocks.
    pub fn prune_step(&self, limit: usize) -> Result<bool, CommitError> {
        let shared = self.shared();
        let retention_ns = u64::try_from(shared.options.retention.as_nanos()).unwrap_or(u64::MAX);
        let wanted = Timestamp(shared.env.now_ns().saturating_sub(retention_ns)).min(self.latest());
        let horizon = shared.snapshots.advance_horizon(wanted);
        let report = shared
            .persistence
            .prune(horizon, limit)
            .map_err(CommitError::Storage)?;
        if report.more {
            return Ok(true);
        }
        // Snapshots before the drop still read it; they are all behind the horizon once it has passed.
        let freeing = shared.published.load().registry.freeing();
        match freeing.into_iter().find(|freeing| freeing.since <= horizon) {
            Some(freeing) => self.free(&freeing, limit).map(|()| true),
            None => Ok(false),
        }
    }

    /// One step of freeing what was dropped; the note of it goes last.
    fn free(&self, freeing: &Freeing, limit: usize) -> Result<(), CommitError> {
        let persistence = &self.shared().persistence;
        let drop_index = |index: IndexId| {
            persistence
                .drop_index(index, limit)
                .map(|report| report.more)
        };
        let more = match &freeing.definition {
            Definition::Index(index) => drop_index(index.id),
            Definition::Table(table) => drop_index(table.by_creation_time)
                .and_then(|more| Ok(more || persistence.drop_tablet(table.tablet, limit)?.more)),
        };
        if more.map_err(CommitError::Storage)? {
            return Ok(());
        }
        self.remove_note(freeing)
    }

    fn remove_note(&self, freeing: &Freeing) -> Result<(), CommitError> {
        // Numbers are never used again, also when nothing tells any more that they were.
        let next_id = self.shared().peek_id().to_string();
        let mut globals = vec![(NEXT_ID_GLOBAL.to_owned(), next_id)];
        if let Definition::Table(table) = &freeing.definition {
            globals.extend(self.shared().note_number(table.namespace, table.number)?);
        }
        self.append_blocking(Appendix {
            entries: Vec::new(),
            globals,
        })?;
        let mut tx = self.begin();
        tx.remove_definition(freeing.definition.tablet(), freeing.document)
            .map_err(transaction_failed)?;
        match self.commit_blocking(tx) {
            // On a conflict the note stays, and the next step comes here again.
            Ok(_) | Err(CommitError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
