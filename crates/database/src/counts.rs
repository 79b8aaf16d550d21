//! How many documents tables hold: counted once, then kept up to date by every commit.
//!
//! A table created while the server runs is known from its first commit on; one that was there
//! before is counted when somebody first asks. Nothing is stored.

use std::collections::HashMap;

use lentil_storage::{Order, StorageError, TableScan, TabletId};
use lentil_values::{InternalId, KeyRange, Timestamp};

use crate::definition::Definition;
use crate::limits::{PAGE_ROWS_FIRST, next_page_rows};
use crate::read_set::after;
use crate::shared::Shared;
use crate::write_log::CountChange;

/// The numbers of documents as of the newest published commit, of those tables that are known.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    known: HashMap<TabletId, u64>,
}

impl Counts {
    /// Follows a commit.
    pub(crate) fn follow(
        &mut self,
        definitions: &[(InternalId, Option<Definition>)],
        changes: &[CountChange],
        existed: impl Fn(TabletId) -> bool,
    ) {
        for (_, definition) in definitions {
            match definition {
                Some(Definition::Table(table)) if table.deleting => {
                    self.known.remove(&table.tablet);
                }
                // Created; a table that moves to another namespace keeps what is in it.
                Some(Definition::Table(table)) if !existed(table.tablet) => {
                    self.known.entry(table.tablet).or_insert(0);
                }
                _ => {}
            }
        }
        for (tablet, by) in changes {
            if let Some(count) = self.known.get_mut(tablet) {
                *count = count
                    .checked_add_signed(*by)
                    .expect("no table has fewer than no documents");
            }
        }
    }
}

impl Shared {
    /// The number of committed documents of a table at a snapshot that is in use.
    pub(crate) fn count_at(
        &self,
        tablet: TabletId,
        snapshot: Timestamp,
    ) -> Result<u64, StorageError> {
        {
            let publication = self.publication.lock();
            let growth = publication.log.growth(tablet, snapshot);
            if let (Some(newest), Ok(growth)) = (publication.counts.known.get(&tablet), growth) {
                let then = newest.checked_add_signed(-growth);
                return Ok(then.expect("no table ever had fewer than no documents"));
            }
        }
        let counted = self.count_rows(tablet, snapshot)?;
        let mut publication = self.publication.lock();
        let alive = self.published.load().registry.table(tablet).is_some();
        if let Ok(growth) = publication.log.growth(tablet, snapshot)
            && alive
        {
            let newest = counted
                .checked_add_signed(growth)
                .expect("no table has fewer than no documents");
            let known = publication.counts.known.insert(tablet, newest);
            assert!(
                known.is_none_or(|known| known == newest),
                "two counts of a table agree"
            );
        }
        Ok(counted)
    }

    /// The number of documents a table has by now, if it is known without counting.
    pub(crate) fn known_count(&self, tablet: TabletId) -> Option<u64> {
        self.publication.lock().counts.known.get(&tablet).copied()
    }

    fn count_rows(&self, tablet: TabletId, at: Timestamp) -> Result<u64, StorageError> {
        let (order, mut limit) = (Order::Asc, PAGE_ROWS_FIRST);
        let mut range = KeyRange::all();
        let mut count = 0;
        loop {
            let rows = self.persistence.scan_table(&TableScan {
                tablet,
                range,
                order,
                at,
                limit,
            })?;
            count += rows.len() as u64;
            match rows.last() {
                Some(last) if rows.len() == limit => {
                    range = KeyRange {
                        start: after(&last.id.0),
                        end: None,
                    };
                    limit = next_page_rows(limit, rows.iter().map(|row| row.body.len()).sum());
                }
                _ => return Ok(count),
            }
        }
    }
}
