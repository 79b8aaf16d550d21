//! Order-preserving bytes of index keys.
//!
//! Each value is a tag byte and a body that delimits itself, so that keys of several fields can be
//! written one after the other: the byte order of whole keys is the order of the tuples.
//! Tags ascend in the order of types (function-runtime 4.4), with 0 kept for "here a sequence ends".

use crate::Value;

/// What stands before each value, and what ends one.
pub(crate) mod tags {
    /// Ends an array or object; sorts below every tag, so that shorter sequences come first.
    pub(crate) const END: u8 = 0x00;
    /// A field that is not there.
    pub(crate) const ABSENT: u8 = 0x01;
    pub(crate) const NULL: u8 = 0x02;
    pub(crate) const INT64: u8 = 0x03;
    pub(crate) const FLOAT64: u8 = 0x04;
    pub(crate) const FALSE: u8 = 0x05;
    pub(crate) const TRUE: u8 = 0x06;
    pub(crate) const STRING: u8 = 0x07;
    pub(crate) const BYTES: u8 = 0x08;
    pub(crate) const ARRAY: u8 = 0x09;
    pub(crate) const OBJECT: u8 = 0x0a;

    /// Stands behind a zero byte that is data; an end has none.
    pub(crate) const ESCAPE: u8 = 0xff;
}
use tags::*;

const _: () = assert!(OBJECT < ESCAPE);

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
        KeyRange {
            start: Vec::new(),
            end: None,
        }
    }

    /// Exactly `key`.
    pub fn point(key: IndexKey) -> KeyRange {
        let mut end = key.clone();
        end.push(0);
        KeyRange {
            start: key,
            end: Some(end),
        }
    }

    /// Every key whose first values are exactly those of `values`, as [`push_key_value`] wrote them.
    /// Not every key that begins with these bytes: `"a"` is a prefix of `"a\0"` in bytes.
    pub fn of_values(values: &[u8]) -> KeyRange {
        KeyRange {
            start: values.to_vec(),
            end: (!values.is_empty()).then(|| after_values(values)),
        }
    }

    /// Every key that begins with the bytes `prefix`.
    pub fn prefix(prefix: &[u8]) -> KeyRange {
        KeyRange {
            start: prefix.to_vec(),
            end: after_prefix(prefix),
        }
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

/// The first key that is larger than every key with that prefix; `None` if there is none.
pub fn after_prefix(prefix: &[u8]) -> Option<IndexKey> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

/// The first key behind all whose first values are exactly those of `values`, and before any whose
/// last of these values is larger.
///
/// What follows a value is the tag of the next one; what follows a zero byte that is data, and not
/// an end, is `ESCAPE`, which is larger than every tag.
pub fn after_values(values: &[u8]) -> IndexKey {
    let mut end = values.to_vec();
    end.push(ESCAPE);
    end
}

/// Appends the self-delimiting, order-preserving bytes of `value` (`None` = absent) to `key`.
pub fn push_key_value(value: Option<&Value>, key: &mut IndexKey) {
    let Some(value) = value else {
        key.push(ABSENT);
        return;
    };
    match value {
        Value::Null => key.push(NULL),
        Value::Int64(integer) => {
            key.push(INT64);
            // Flipping the sign bit makes two's complement ascend.
            key.extend_from_slice(&((*integer as u64) ^ (1 << 63)).to_be_bytes());
        }
        Value::CommitTs => push_key_value(Some(&Value::Int64(i64::MAX)), key),
        Value::Float64(float) => {
            key.push(FLOAT64);
            key.extend_from_slice(&float_order(*float).to_be_bytes());
        }
        Value::Boolean(false) => key.push(FALSE),
        Value::Boolean(true) => key.push(TRUE),
        Value::String(text) => {
            key.push(STRING);
            push_escaped(text.as_bytes(), key);
        }
        Value::Bytes(bytes) => {
            key.push(BYTES);
            push_escaped(bytes, key);
        }
        Value::Array(elements) => {
            key.push(ARRAY);
            for element in elements {
                push_key_value(Some(element), key);
            }
            key.push(END);
        }
        Value::Object(fields) => {
            key.push(OBJECT);
            for (name, value) in fields {
                key.push(STRING);
                push_escaped(name.as_bytes(), key);
                push_key_value(Some(value), key);
            }
            key.push(END);
        }
    }
}

/// IEEE total order as unsigned order.
fn float_order(float: f64) -> u64 {
    let bits = float.to_bits();
    if bits >> 63 == 1 {
        !bits
    } else {
        bits | 1 << 63
    }
}

/// Zero bytes are escaped and the end is a bare zero: a shorter text is smaller than all that begin
/// with it, whatever value follows. Ranges over what begins with a value need [`after_values`].
fn push_escaped(bytes: &[u8], key: &mut IndexKey) {
    let mut rest = bytes;
    while let Some(zero) = rest.iter().position(|byte| *byte == 0) {
        key.extend_from_slice(&rest[..zero]);
        key.extend_from_slice(&[0, ESCAPE]);
        rest = &rest[zero + 1..];
    }
    key.extend_from_slice(rest);
    key.push(END);
}

#[cfg(test)]
mod tests;
