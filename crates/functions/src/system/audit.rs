//! Noting what admins do, in the transaction that does it (dashboard A3).

use lentil_catalog::{AuditEvent, Author, CatalogError};
use lentil_database::Transaction;
use lentil_identity::{Identity, Member};
use lentil_values::{Object, Value};

/// Who an admin is, as events name them.
pub fn author_of(identity: &Identity) -> Author {
    match identity.admin_key().map(|key| key.member) {
        Some(Member::Id(id)) => Author::Member(id),
        Some(Member::System) | None => Author::System,
    }
}

/// Notes something with the transaction's commit.
pub(crate) fn note<const N: usize>(
    tx: &mut Transaction,
    author: Author,
    action: &'static str,
    metadata: [(&str, Value); N],
) -> Result<(), CatalogError> {
    let metadata = metadata.into_iter();
    AuditEvent {
        action,
        author,
        metadata: metadata
            .map(|(name, value)| (name.to_owned(), value))
            .collect::<Object>(),
    }
    .insert(tx)
}
