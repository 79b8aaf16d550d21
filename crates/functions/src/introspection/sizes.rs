//! How many bytes tables have: counted by reading, and remembered for a while.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use lentil_database::{IndexQuery, Order, TableInfo, TabletId, Transaction, TransactionError};
use lentil_values::KeyRange;
use parking_lot::Mutex;

/// Documents that are read of a table; of a larger one the size is an estimate.
const READ_MAX: u64 = 20_000;
/// How long a size is believed as long as the number of documents stays the same, and if not.
const BELIEVED: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(5));

#[derive(Clone, Copy)]
struct Size {
    documents: u64,
    bytes: u64,
    read: Instant,
}

/// Sizes of tables.
#[derive(Default)]
pub(crate) struct TableSizes(Mutex<HashMap<TabletId, Size>>);

impl TableSizes {
    /// Bytes of a table's documents, of which there are so many.
    pub(crate) fn of(
        &self,
        tx: &mut Transaction,
        table: &TableInfo,
        documents: u64,
    ) -> Result<u64, TransactionError> {
        let known = self.0.lock().get(&table.tablet).copied();
        if let Some(known) = known {
            let same = known.documents == documents;
            let age = if same { BELIEVED.0 } else { BELIEVED.1 };
            if known.read.elapsed() < age {
                return Ok(scaled(known.bytes, known.documents, documents));
            }
        }
        let mut rows = tx.query(IndexQuery {
            namespace: table.namespace,
            table: table.name.clone(),
            index: "by_creation_time".to_owned(),
            range: KeyRange::all(),
            order: Order::Desc,
        })?;
        let (mut bytes, mut read) = (0, 0);
        while read < READ_MAX
            && let Some((_, row)) = rows.next(tx)?
        {
            bytes += row.json.len() as u64;
            read += 1;
        }
        let size = Size {
            documents,
            bytes: scaled(bytes, read, documents),
            read: Instant::now(),
        };
        self.0.lock().insert(table.tablet, size);
        Ok(size.bytes)
    }
}

fn scaled(bytes: u64, of: u64, to: u64) -> u64 {
    match of {
        0 => 0,
        of if of == to => bytes,
        of => (bytes as f64 * to as f64 / of as f64) as u64,
    }
}
