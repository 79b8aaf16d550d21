//! Reading index keys back, for people who want to know what a key or the edge of a range says.

use crate::Value;
use crate::key::tags::{
    ABSENT, ARRAY, BYTES, END, ESCAPE, FALSE, FLOAT64, INT64, NULL, OBJECT, STRING, TRUE,
};

/// The values that a key begins with, `None` for absent ones, up to its end or to what is no whole
/// value: the edges of ranges may be cut or have a byte more.
pub fn read_key_values(mut key: &[u8]) -> Vec<Option<Value>> {
    let mut values = Vec::new();
    while let Some(value) = read(&mut key) {
        values.push(value);
    }
    values
}

/// The value that the bytes begin with, which are then behind it.
#[allow(
    clippy::option_option,
    reason = "an absent value is one, and the end of the key is none"
)]
fn read(key: &mut &[u8]) -> Option<Option<Value>> {
    let tag = take(key)?;
    let value = match tag {
        ABSENT => return Some(None),
        NULL => Value::Null,
        INT64 => Value::Int64((word(key)? ^ (1 << 63)) as i64),
        FLOAT64 => {
            let order = word(key)?;
            let bits = if order >> 63 == 1 {
                order & !(1 << 63)
            } else {
                !order
            };
            Value::Float64(f64::from_bits(bits))
        }
        FALSE => Value::Boolean(false),
        TRUE => Value::Boolean(true),
        STRING => Value::String(String::from_utf8(escaped(key)?).ok()?),
        BYTES => Value::Bytes(escaped(key)?),
        ARRAY => {
            let mut elements = Vec::new();
            while *key.first()? != END {
                elements.push(read(key)??);
            }
            take(key)?;
            Value::Array(elements)
        }
        OBJECT => {
            let mut fields = crate::Object::new();
            while *key.first()? != END {
                let Value::String(name) = read(key)?? else {
                    return None;
                };
                fields.insert(name, read(key)??);
            }
            take(key)?;
            Value::Object(fields)
        }
        _ => return None,
    };
    Some(Some(value))
}

fn take(key: &mut &[u8]) -> Option<u8> {
    let (first, rest) = key.split_first()?;
    *key = rest;
    Some(*first)
}

fn word(key: &mut &[u8]) -> Option<u64> {
    let (word, rest) = key.split_first_chunk::<8>()?;
    *key = rest;
    Some(u64::from_be_bytes(*word))
}

/// Bytes up to a bare zero.
fn escaped(key: &mut &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        match take(key)? {
            0 if key.first() == Some(&ESCAPE) => {
                take(key)?;
                bytes.push(0);
            }
            0 => return Some(bytes),
            byte => bytes.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{after_values, push_key_value};

    #[test]
    fn keys_are_read_as_they_were_written() {
        let values = json!([
            null, { "$integer": "BQAAAAAAAAA=" }, -1.5, 2, true, false, "a\u{0}b", "",
            { "$bytes": "AAE=" }, [1, ["x"]], { "a": { "b": null } },
        ]);
        let Value::Array(values) = Value::from_json(&values).expect("values") else {
            panic!("a list");
        };
        let mut values: Vec<Option<Value>> = values.into_iter().map(Some).collect();
        values.insert(3, None);
        let mut key = Vec::new();
        for value in &values {
            push_key_value(value.as_ref(), &mut key);
        }
        assert_eq!(read_key_values(&key), values);
        assert_eq!(read_key_values(&after_values(&key)), values);
        assert!(read_key_values(&key[..key.len() - 1]).len() < values.len());
        assert_eq!(read_key_values(&[0x42, 0x43]), []);
    }
}
