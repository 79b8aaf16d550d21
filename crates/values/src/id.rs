//! Document ids (function-runtime 4.3).

use std::fmt;
use std::str::FromStr;

/// The number of a table in its namespace; never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableNumber(pub u32);

/// The 16 bytes that tell a document from the others of its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InternalId(pub [u8; 16]);

/// A document id as clients see it. `Display` and `FromStr` are the base32 form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentId {
    /// Table within the namespace of whoever holds the id.
    pub table: TableNumber,
    /// Document within the table.
    pub internal: InternalId,
}

/// Why a text is not a document id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// Not the canonical form of any id; says why.
    #[error("{0}")]
    Malformed(String),
}

impl InternalId {
    /// 14 random bytes and the day number since the epoch, big-endian (4.3: a clustering aid).
    pub fn from_random(random: [u8; 14], day: u16) -> InternalId {
        let _ = (random, day);
        todo!()
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _ = f;
        todo!()
    }
}

impl FromStr for DocumentId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<DocumentId, IdError> {
        let _ = text;
        todo!()
    }
}
