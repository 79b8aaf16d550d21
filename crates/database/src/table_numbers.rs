//! Table numbers are given once: an old id must never come to mean a document of a newer table.
//!
//! As long as the note of a dropped table is there, it tells that its number was used. When the note
//! goes, its number goes into a global: the floor of what is given from then on.

use lentil_storage::StorageError;
use lentil_values::TableNumber;

use crate::limits::{SYSTEM_TABLE_NUMBERS, USER_TABLE_NUMBERS};
use crate::shared::Shared;
use crate::{CommitError, Namespace};

/// Where the numbers of a kind of table begin, and before which they end.
pub(crate) fn number_range(system: bool) -> (u32, u32) {
    if system {
        (SYSTEM_TABLE_NUMBERS, USER_TABLE_NUMBERS)
    } else {
        (USER_TABLE_NUMBERS, u32::MAX)
    }
}

impl Shared {
    /// The smallest number that no freed table of this kind had. Blocks.
    pub(crate) fn number_floor(
        &self,
        namespace: Namespace,
        system: bool,
    ) -> Result<u32, StorageError> {
        match self.persistence.global(&global(namespace, system))? {
            None => Ok(0),
            Some(text) => text.parse().map_err(|_| {
                StorageError::Corrupt(format!("the stored counter {text:?} is not a number"))
            }),
        }
    }

    /// The global to write before the note of a freed table is removed, if it is not there yet.
    pub(crate) fn note_number(
        &self,
        namespace: Namespace,
        number: TableNumber,
    ) -> Result<Option<(String, String)>, CommitError> {
        let system = number.0 < USER_TABLE_NUMBERS;
        // Below the range numbers are chosen by the caller, not given.
        if !(number_range(system).0..number_range(system).1).contains(&number.0) {
            return Ok(None);
        }
        let floor = self
            .number_floor(namespace, system)
            .map_err(CommitError::Storage)?;
        let next = number.0 + 1;
        Ok((next > floor).then(|| (global(namespace, system), next.to_string())))
    }
}

fn global(namespace: Namespace, system: bool) -> String {
    let kind = if system { "system" } else { "user" };
    format!("next_table_number/{}/{kind}", namespace.0)
}
