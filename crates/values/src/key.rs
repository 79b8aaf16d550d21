//! Order-preserving bytes of index keys.

use crate::Value;

/// The encoded key of one index entry. Byte order is index order.
pub type IndexKey = Vec<u8>;

/// A half-open interval of encoded keys: `start <= key < end`; no end means to the last key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyRange {
    /// First key inside.
    pub start: IndexKey,
    /// First key outside, if any.
    pub end: Option<IndexKey>,
}

impl KeyRange {
    /// Every key.
    pub fn all() -> KeyRange {
        KeyRange { start: Vec::new(), end: None }
    }
    /// Exactly `key`.
    pub fn point(key: IndexKey) -> KeyRange {
        let mut end = key.clone();
        end.push(0);
        KeyRange { start: key, end: Some(end) }
    }
    /// Every key that begins with `prefix`.
    pub fn prefix(prefix: &[u8]) -> KeyRange {
        let _ = prefix;
        todo!()
    }
    /// Whether `key` lies inside.
    pub fn contains(&self, key: &[u8]) -> bool {
        key >= self.start.as_slice() && self.end.as_ref().is_none_or(|end| key < end.as_slice())
    }
    /// Whether nothing lies inside.
    pub fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end <= &self.start)
    }
}

/// Appends the self-delimiting, order-preserving bytes of `value` (`None` = absent) to `key`.
pub fn push_key_value(value: Option<&Value>, key: &mut IndexKey) {
    let _ = (value, key);
    todo!()
}
