//! Where admin keys were used from, for dashboards: who finds an address there that nobody knows
//! has lost a key.

use lentil_database::{Namespace, Transaction};
use lentil_values::{DocumentId, Value};

use crate::row::{Row, fields, rows_by, text};
use crate::{CatalogError, SystemTable};

const TABLE: SystemTable = SystemTable::KeyUses;

/// Addresses that are remembered of a key; of more, the one unused for longest is forgotten.
const ADDRESSES_MAX: usize = 32;
/// Rows of all keys; of more, the one unused for longest is forgotten.
const ROWS_MAX: usize = 1_000;
/// A use that comes later than this after the one that is noted is noted again, ms.
pub const NOTED_EVERY_MS: f64 = 86_400_000.0;

/// An address from which a key was used.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyUse {
    /// Its row.
    pub id: DocumentId,
    /// What tells the key from others; it opens nothing.
    pub key: String,
    /// Where from: an address, or a word for several that are the same.
    pub address: String,
    /// When it was used from there first, ms since the epoch.
    pub first_ms: f64,
    /// When last, as far as it was noted.
    pub last_ms: f64,
    /// Whether somebody has said that this is as it should be.
    pub known: bool,
}

impl KeyUse {
    /// All of them, by key.
    pub fn all(tx: &mut Transaction) -> Result<Vec<KeyUse>, CatalogError> {
        KeyUse::by_key(tx, &[])
    }

    fn by_key(tx: &mut Transaction, key: &[Value]) -> Result<Vec<KeyUse>, CatalogError> {
        let rows = rows_by(tx, Namespace::ROOT, TABLE, "by_key", key)?.into_iter();
        rows.map(|document| {
            let row = Row::parse(TABLE, &document)?;
            Ok(KeyUse {
                id: document.id,
                key: row.text("key")?,
                address: row.text("address")?,
                first_ms: row.number("first")?,
                last_ms: row.number("last")?,
                known: matches!(row.value("known"), Some(Value::Boolean(true))),
            })
        })
        .collect()
    }

    /// Notes a use. The first address of a key is where it belongs; others are to be looked at.
    pub fn note(
        tx: &mut Transaction,
        key: &str,
        address: &str,
        at_ms: f64,
    ) -> Result<(), CatalogError> {
        let own = KeyUse::by_key(tx, &[Value::String(key.to_owned())])?;
        if let Some(noted) = own.iter().find(|noted| noted.address == address) {
            if noted.last_ms + NOTED_EVERY_MS <= at_ms {
                let last = vec![("last".to_owned(), Some(Value::Float64(at_ms)))];
                tx.patch(Namespace::ROOT, noted.id, last)?;
            }
            return Ok(());
        }
        if own.len() >= ADDRESSES_MAX {
            forget_oldest(tx, own.iter())?;
        } else {
            let all = KeyUse::all(tx)?;
            if all.len() >= ROWS_MAX {
                forget_oldest(tx, all.iter())?;
            }
        }
        let row = fields([
            ("key", text(key)),
            ("address", text(address)),
            ("first", Some(Value::Float64(at_ms))),
            ("last", Some(Value::Float64(at_ms))),
            ("known", Some(Value::Boolean(own.is_empty()))),
        ]);
        tx.insert(Namespace::ROOT, TABLE.name(), row)?;
        Ok(())
    }

    /// Says that an address is as it should be; gives it, if it is still noted.
    pub fn accept(tx: &mut Transaction, id: DocumentId) -> Result<Option<KeyUse>, CatalogError> {
        let found = KeyUse::all(tx)?.into_iter().find(|noted| noted.id == id);
        if let Some(noted) = &found {
            let known = vec![("known".to_owned(), Some(Value::Boolean(true)))];
            tx.patch(Namespace::ROOT, noted.id, known)?;
        }
        Ok(found)
    }
}

fn forget_oldest<'a>(
    tx: &mut Transaction,
    among: impl Iterator<Item = &'a KeyUse>,
) -> Result<(), CatalogError> {
    let oldest = among.min_by(|a, b| a.last_ms.total_cmp(&b.last_ms));
    if let Some(oldest) = oldest {
        tx.delete(Namespace::ROOT, oldest.id)?;
    }
    Ok(())
}
