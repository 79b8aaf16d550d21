//! Byte order is value order: on the list of the specification, and on generated pairs.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::Object;

/// Pairs that are compared; each value is also a tuple's part.
const PAIRS: usize = 1_000_000;

fn key(value: Option<&Value>) -> IndexKey {
    let mut key = Vec::new();
    push_key_value(value, &mut key);
    key
}

/// The strictly ascending list of function-runtime 4.4.
fn ascending() -> Vec<Option<Value>> {
    let text = |text: &str| Value::String(text.to_owned());
    let object = |fields: &[(&str, Value)]| {
        Value::Object(
            fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
        )
    };
    let mut list = vec![None];
    list.extend(
        [
            Value::Null,
            Value::Int64(i64::MIN),
            Value::Int64(-1),
            Value::Int64(0),
            Value::Int64(1),
            Value::Int64(i64::MAX),
            Value::Float64(-f64::NAN),
            Value::Float64(f64::NEG_INFINITY),
            Value::Float64(-1.5),
            Value::Float64(-5e-324),
            Value::Float64(-0.0),
            Value::Float64(0.0),
            Value::Float64(5e-324),
            Value::Float64(1.0),
            Value::Float64(f64::INFINITY),
            Value::Float64(f64::NAN.abs()),
            Value::Boolean(false),
            Value::Boolean(true),
            text(""),
            text("\0"),
            text("a"),
            text("aa"),
            text("b"),
            text("\u{ffff}"),
            text("\u{10000}"),
            Value::Bytes(vec![]),
            Value::Bytes(vec![0]),
            Value::Bytes(vec![0, 0]),
            Value::Bytes(vec![1]),
            Value::Array(vec![]),
            Value::Array(vec![Value::Null]),
            Value::Array(vec![Value::Null, Value::Null]),
            Value::Array(vec![Value::Int64(1)]),
            Value::Array(vec![Value::Float64(1.0)]),
            object(&[]),
            object(&[("a", Value::Int64(1))]),
            object(&[("a", Value::Float64(1.0))]),
            object(&[("a", Value::Float64(1.0)), ("b", Value::Float64(0.0))]),
            object(&[("b", Value::Float64(0.0))]),
        ]
        .map(Some),
    );
    list
}

#[test]
fn the_list_of_the_specification_ascends_as_values_and_as_bytes() {
    let list = ascending();
    for pair in list.windows(2) {
        assert!(pair[0] < pair[1], "{:?} < {:?}", pair[0], pair[1]);
        assert!(
            key(pair[0].as_ref()) < key(pair[1].as_ref()),
            "{:?} < {:?}",
            pair[0],
            pair[1]
        );
    }
}

/// Values that are often equal or nearly so.
fn generate(random: &mut StdRng, depth: usize) -> Value {
    let kinds = if depth == 0 { 6 } else { 8 };
    match random.random_range(0..kinds) {
        0 => Value::Null,
        1 => Value::Boolean(random.random()),
        2 => Value::Int64(match random.random_range(0..4) {
            0 => random.random_range(-2..3),
            1 => i64::MAX - random.random_range(0..2),
            2 => i64::MIN + random.random_range(0..2),
            _ => random.random(),
        }),
        3 => Value::Float64(match random.random_range(0..5) {
            0 => f64::from_bits(random.random()),
            1 => f64::from_bits(0x7ff8_0000_0000_0000 + random.random_range(0..3)),
            2 => f64::from(random.random_range(-2..3)),
            3 => -0.0,
            _ => f64::from_bits((random.random_range(0..2u64) << 63) + random.random_range(0..3)),
        }),
        4 => Value::String(text(random)),
        5 => Value::Bytes(
            (0..random.random_range(0..4))
                .map(|_| [0, 1, 0xfe, 0xff][random.random_range(0..4)])
                .collect(),
        ),
        6 => Value::Array(
            (0..random.random_range(0..4))
                .map(|_| generate(random, depth - 1))
                .collect(),
        ),
        _ => Value::Object(
            (0..random.random_range(0..4))
                .map(|_| {
                    (
                        ["", "a", "ab", "b"][random.random_range(0..4)].to_owned(),
                        generate(random, depth - 1),
                    )
                })
                .collect::<Object>(),
        ),
    }
}

fn text(random: &mut StdRng) -> String {
    let letters = [
        '\0',
        '\u{1}',
        'a',
        'b',
        '\u{7f}',
        '\u{ffff}',
        '\u{10000}',
        '\u{10ffff}',
    ];
    (0..random.random_range(0..4))
        .map(|_| letters[random.random_range(0..letters.len())])
        .collect()
}

fn generate_optional(random: &mut StdRng) -> Option<Value> {
    (random.random_range(0..12) > 0).then(|| generate(random, 2))
}

#[test]
fn byte_order_equals_value_order_and_tuple_order() {
    let mut random = StdRng::seed_from_u64(0x6c65_6e74_696c);
    let mut last: Vec<Option<Value>> = vec![None, None];
    let mut last_key = [key(None), key(None)].concat();
    for _ in 0..PAIRS {
        // One field in two is kept, so that the second decides often.
        let first = if random.random() {
            last[0].clone()
        } else {
            generate_optional(&mut random)
        };
        let tuple = vec![first, generate_optional(&mut random)];
        let bytes = [key(tuple[0].as_ref()), key(tuple[1].as_ref())].concat();
        assert_eq!(
            tuple.cmp(&last),
            bytes.cmp(&last_key),
            "{tuple:?} against {last:?}"
        );
        (last, last_key) = (tuple, bytes);
    }
}

/// Also where one value's bytes begin with another's, as `"a\0"` does with `"a"`.
#[test]
fn ranges_of_values_hold_exactly_what_has_them() {
    let list = ascending();
    for (place, value) in list.iter().enumerate() {
        let values = key(value.as_ref());
        let range = KeyRange::of_values(&values);
        for (other_place, other) in list.iter().enumerate() {
            for next in &list {
                let found = [key(other.as_ref()), key(next.as_ref())].concat();
                assert_eq!(
                    range.contains(&found),
                    place == other_place,
                    "{value:?} in {other:?}, {next:?}"
                );
                assert_eq!(
                    found >= after_values(&values),
                    other_place > place,
                    "{other:?} behind {value:?}"
                );
            }
        }
    }
    assert_eq!(KeyRange::of_values(&[]), KeyRange::all());
}

#[test]
fn a_prefix_range_holds_exactly_what_begins_with_it() {
    let range = KeyRange::prefix(&[1, 0xff]);
    assert!(range.contains(&[1, 0xff]));
    assert!(range.contains(&[1, 0xff, 0xff, 0xff]));
    assert!(!range.contains(&[2]));
    assert!(!range.contains(&[1, 0xfe, 0xff]));
    assert_eq!(KeyRange::prefix(&[0xff, 0xff]).end, None);
    assert_eq!(KeyRange::prefix(&[]), KeyRange::all());
}
