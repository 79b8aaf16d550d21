//! The superset test against checking: validators are narrowed and widened on purpose, and the
//! values are drawn from the validator that is said to be the narrower one.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::tests::{Tables, any_validator, id_of};
use super::*;

/// Validators that are widened and narrowed.
const ROUNDS: usize = 4_000;

/// A validator that accepts at least what `narrow` does.
fn widened(narrow: &Validator, random: &mut StdRng) -> Validator {
    match random.random_range(0..8) {
        0 => return Validator::Any,
        1 => return Validator::Union(vec![Validator::Null, narrow.clone()]),
        _ => {}
    }
    match narrow {
        Validator::Literal(Value::String(_)) | Validator::Id(_) => Validator::String,
        Validator::Literal(Value::Float64(_)) => Validator::Float64,
        Validator::Int64 => Validator::CommitTs,
        Validator::Array(element) => Validator::Array(Box::new(widened(element, random))),
        Validator::Record(keys, values) => {
            Validator::Record(keys.clone(), Box::new(widened(values, random)))
        }
        Validator::Object(fields) => {
            let mut wide: ObjectValidator = fields
                .iter()
                .map(|(name, field)| {
                    let optional = field.optional || random.random();
                    let validator = widened(&field.validator, random);
                    let field = FieldValidator {
                        validator,
                        optional,
                    };
                    (name.clone(), field)
                })
                .collect();
            if random.random() {
                let field = FieldValidator {
                    validator: Validator::Null,
                    optional: true,
                };
                wide.insert("more".to_owned(), field);
            }
            Validator::Object(wide)
        }
        Validator::Union(members) => {
            Validator::Union(members.iter().map(|one| widened(one, random)).collect())
        }
        other => other.clone(),
    }
}

/// A value that satisfies `validator`; none if nothing does.
fn satisfying(validator: &Validator, random: &mut StdRng) -> Option<Value> {
    Some(match validator {
        Validator::Null => Value::Null,
        Validator::Float64 => Value::Float64(f64::from(random.random_range(0..3))),
        Validator::Int64 | Validator::CommitTs => Value::Int64(1),
        Validator::Boolean => Value::Boolean(random.random()),
        Validator::String => {
            Value::String(["a", "b", &id_of(10_001)][random.random_range(0..3)].to_owned())
        }
        Validator::Bytes => Value::Bytes(Vec::new()),
        Validator::Any => Value::Array(vec![Value::Boolean(random.random())]),
        Validator::Literal(value) => value.clone(),
        Validator::Id(_) => Value::String(id_of(10_001)),
        Validator::Array(element) => Value::Array(
            (0..random.random_range(0..3))
                .filter_map(|_| satisfying(element, random))
                .collect(),
        ),
        Validator::Record(_, values) => Value::Object(
            ["k", "l"]
                .into_iter()
                .filter(|_| random.random())
                .collect::<Vec<_>>()
                .into_iter()
                .filter_map(|name| Some((name.to_owned(), satisfying(values, random)?)))
                .collect(),
        ),
        Validator::Object(fields) => {
            let mut object = crate::Object::new();
            for (name, field) in fields {
                if field.optional && random.random() {
                    continue;
                }
                match satisfying(&field.validator, random) {
                    Some(value) => object.insert(name.clone(), value),
                    None if field.optional => continue,
                    None => return None,
                };
            }
            Value::Object(object)
        }
        Validator::Union(members) => {
            let start = random.random_range(0..members.len().max(1));
            let mut turned = members[start.min(members.len())..].iter().chain(members);
            return turned.find_map(|member| satisfying(member, random));
        }
    })
}

/// Some values of the narrower satisfy the wider; gives how many were tried.
fn assert_includes(wide: &Validator, narrow: &Validator, random: &mut StdRng) -> usize {
    let values: Vec<Value> = (0..4).filter_map(|_| satisfying(narrow, random)).collect();
    for value in &values {
        assert_eq!(narrow.check(value, &Tables), Ok(()), "the sample is good");
        assert!(
            wide.check(value, &Tables).is_ok(),
            "{wide} is said to accept all of {narrow}, but not {value:?}"
        );
    }
    values.len()
}

#[test]
fn what_a_superset_is_said_to_accept_it_accepts() {
    let mut random = StdRng::seed_from_u64(7);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let (mut tried, mut back) = (0, 0);
    for _ in 0..ROUNDS {
        let tree = any_validator().new_tree(&mut runner).expect("a validator");
        let narrow = tree.current();
        let wide = widened(&narrow, &mut random);
        assert!(
            wide.accepts_all_of(&narrow),
            "{wide} is wider than {narrow}"
        );
        tried += assert_includes(&wide, &narrow, &mut random);
        // The other way round it may or may not be so; what is claimed must hold.
        if narrow.accepts_all_of(&wide) {
            back += assert_includes(&narrow, &wide, &mut random);
        }
    }
    assert!(
        tried > ROUNDS && back > ROUNDS / 4,
        "{tried} and {back} values"
    );
}

#[test]
fn what_was_narrowed_is_no_superset() {
    let object = |optional, validator| {
        Validator::Object(ObjectValidator::from([(
            "f".to_owned(),
            FieldValidator {
                validator,
                optional,
            },
        )]))
    };
    let none = Validator::Object(ObjectValidator::new());
    let literal = |text: &str| Validator::Literal(Value::String(text.to_owned()));
    for (wide, narrow) in [
        (Validator::Float64, Validator::Int64),
        (Validator::Null, Validator::Any),
        (literal("a"), Validator::String),
        (literal("a"), literal("b")),
        (
            Validator::Id("users".to_owned()),
            Validator::Id("posts".to_owned()),
        ),
        (Validator::Id("users".to_owned()), Validator::String),
        (none.clone(), object(true, Validator::Null)),
        (object(false, Validator::Null), none),
        (
            object(false, Validator::Null),
            object(true, Validator::Null),
        ),
        (
            object(true, Validator::Null),
            object(true, Validator::String),
        ),
        (
            Validator::String,
            Validator::Union(vec![Validator::String, Validator::Null]),
        ),
        (
            Validator::Array(Box::new(Validator::Null)),
            Validator::Array(Box::new(Validator::Any)),
        ),
    ] {
        assert!(!wide.accepts_all_of(&narrow), "{wide} and {narrow}");
    }
}
