//! From range expressions to an interval of index keys (function-runtime 1.6).

use std::collections::HashMap;

use lentil_database::IndexInfo;
use lentil_values::{IndexKey, KeyRange, Value, after_values, push_key_value};
use serde::Deserialize;
use serde_json::Value as Json;

use crate::filter::optional_value;

/// One expression of `withIndex(…)`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RangeExpression {
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(default)]
    field_path: String,
    value: Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Kind {
    Eq,
    Gt,
    Gte,
    Lt,
    Lte,
}

/// Why expressions are no range of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RangeError {
    /// The short code of the spec.
    pub(crate) code: &'static str,
    /// The text for the developer.
    pub(crate) message: String,
}

/// A lower or upper bound.
struct Bound<'a> {
    field: &'a str,
    inclusive: bool,
    value: Option<Value>,
}

/// The expressions, sorted by what they do.
#[derive(Default)]
struct Parts<'a> {
    equal: HashMap<&'a str, Option<Value>>,
    lower: Option<Bound<'a>>,
    upper: Option<Bound<'a>>,
}

/// The keys that satisfy all expressions. `table` is for messages.
pub(crate) fn key_range(
    table: &str,
    index: &IndexInfo,
    expressions: &[RangeExpression],
) -> Result<KeyRange, RangeError> {
    let fields: Vec<&str> = index.key_fields().collect();
    let name = format!("{table}.{}", index.definition.name);
    let parts = sort(&name, &fields, expressions)?;
    check_prefix(&name, &fields, &parts, expressions)?;

    let mut prefix = IndexKey::new();
    for field in &fields[..parts.equal.len()] {
        push_key_value(parts.equal[field].as_ref(), &mut prefix);
    }
    // Nothing follows the last field, so that the next key after one that names it is `key, 0`.
    let last = fields.len() - 1;
    let whole = |bounded: usize| bounded > last;
    let with = |bound: &Bound<'_>| {
        let mut key = prefix.clone();
        push_key_value(bound.value.as_ref(), &mut key);
        key
    };
    let bounded = parts.equal.len() + 1;
    let start = match &parts.lower {
        None => prefix.clone(),
        Some(bound) if bound.inclusive => with(bound),
        Some(bound) => next(with(bound), whole(bounded)),
    };
    let end = match &parts.upper {
        None if prefix.is_empty() => None,
        None => Some(next(prefix.clone(), whole(parts.equal.len()))),
        Some(bound) if bound.inclusive => Some(next(with(bound), whole(bounded))),
        Some(bound) => Some(with(bound)),
    };
    Ok(KeyRange { start, end })
}

/// The first key behind every key that has these values.
fn next(mut key: IndexKey, whole: bool) -> IndexKey {
    if !whole {
        return after_values(&key);
    }
    key.push(0);
    key
}

fn sort<'a>(
    name: &str,
    fields: &[&str],
    expressions: &'a [RangeExpression],
) -> Result<Parts<'a>, RangeError> {
    let mut parts = Parts::default();
    for expression in expressions {
        let field = expression.field_path.as_str();
        if field.is_empty() {
            return Err(RangeError {
                code: "FieldNotInIndex",
                message: format!(
                    "The index range of {name} has a comparison without a field. The index's fields are {}.",
                    list(fields)
                ),
            });
        }
        if !fields.contains(&field) {
            return Err(RangeError {
                code: "FieldNotInIndex",
                message: format!(
                    "The index range of {name} uses the field {field}, which is not in the index. Its fields are {}.",
                    list(fields)
                ),
            });
        }
        let value = optional_value(&expression.value).map_err(|why| RangeError {
            code: "InvalidArgument",
            message: format!(
                "The index range of {name} has a bad value for the field {field}: {why}"
            ),
        })?;
        let bound = |inclusive| Bound {
            field,
            inclusive,
            value: value.clone(),
        };
        let taken = match expression.kind {
            Kind::Eq => parts.equal.insert(field, value).is_some(),
            Kind::Gt => parts.lower.replace(bound(false)).is_some(),
            Kind::Gte => parts.lower.replace(bound(true)).is_some(),
            Kind::Lt => parts.upper.replace(bound(false)).is_some(),
            Kind::Lte => parts.upper.replace(bound(true)).is_some(),
        };
        if taken {
            return Err(already_defined(name, field, expression.kind));
        }
    }
    if let (Some(lower), Some(upper)) = (&parts.lower, &parts.upper)
        && lower.field != upper.field
    {
        return Err(RangeError {
            code: "BoundsOnMultipleFields",
            message: format!(
                "The index range of {name} has a lower bound on {} and an upper bound on {}. Both bounds must be on \
                 the same field.",
                lower.field, upper.field
            ),
        });
    }
    Ok(parts)
}

fn already_defined(name: &str, field: &str, kind: Kind) -> RangeError {
    let what = match kind {
        Kind::Eq => "equality",
        Kind::Gt | Kind::Gte => "lower bound",
        Kind::Lt | Kind::Lte => "upper bound",
    };
    RangeError {
        code: "AlreadyDefinedBound",
        message: format!(
            "The index range of {name} defines a second {what} (on the field {field}). Keep only one."
        ),
    }
}

/// Equalities must cover a prefix of the fields, and bounds the field behind it.
fn check_prefix(
    name: &str,
    fields: &[&str],
    parts: &Parts<'_>,
    expressions: &[RangeExpression],
) -> Result<(), RangeError> {
    let covered = parts.equal.len();
    let gap = fields[..covered]
        .iter()
        .find(|field| !parts.equal.contains_key(*field));
    let bound = parts.lower.as_ref().or(parts.upper.as_ref());
    let wrong = match (gap, bound) {
        (Some(missing), _) => {
            let position = |field: &str| fields.iter().position(|name| *name == field);
            let first = expressions
                .iter()
                .map(|expression| expression.field_path.as_str())
                .filter(|field| position(field) > position(missing))
                .min_by_key(|field| position(field));
            first.unwrap_or(missing)
        }
        (None, Some(bound)) if fields.get(covered) != Some(&bound.field) => bound.field,
        _ => return Ok(()),
    };
    let queried: Vec<&str> = expressions
        .iter()
        .map(|expression| expression.field_path.as_str())
        .collect();
    Err(RangeError {
        code: "InvalidIndexRange",
        message: format!(
            "The index range of {name} must compare a prefix of the index's fields for equality, and may bound the \
             next field. Index fields: {}. Query fields: {}. First incorrect field: {wrong}.",
            list(fields),
            list(&queried)
        ),
    })
}

fn list(fields: &[&str]) -> String {
    format!("[{}]", fields.join(", "))
}

#[cfg(test)]
mod tests {
    use lentil_database::{IndexDefinition, IndexId, IndexState, TabletId};
    use serde_json::json;

    use super::*;

    fn index(name: &str, fields: &[&str]) -> IndexInfo {
        IndexInfo {
            id: IndexId(1),
            tablet: TabletId(1),
            definition: IndexDefinition {
                name: name.to_owned(),
                fields: fields.iter().map(|field| (*field).to_owned()).collect(),
                staged: false,
            },
            state: IndexState::Enabled,
        }
    }

    fn range(expressions: Json) -> Result<KeyRange, &'static str> {
        let expressions: Vec<RangeExpression> =
            serde_json::from_value(expressions).expect("they are expressions");
        key_range("t", &index("by_a_b", &["a", "b"]), &expressions).map_err(|error| error.code)
    }

    fn expression(kind: &str, field: &str, value: Json) -> Json {
        json!({ "type": kind, "fieldPath": field, "value": value })
    }

    /// The key of a document with those fields.
    fn key(a: Option<Value>, b: Option<Value>) -> IndexKey {
        let mut key = IndexKey::new();
        push_key_value(a.as_ref(), &mut key);
        push_key_value(b.as_ref(), &mut key);
        push_key_value(Some(&Value::Float64(1.5)), &mut key);
        push_key_value(Some(&Value::String("id".to_owned())), &mut key);
        key
    }

    fn float(n: i32) -> Option<Value> {
        Some(Value::Float64(n.into()))
    }

    #[track_caller]
    fn check(expressions: Json, inside: &[(i32, i32)]) {
        let range = range(expressions.clone()).expect("it is a range");
        for a in 0..4 {
            for b in 0..4 {
                let expected = inside.contains(&(a, b));
                assert_eq!(
                    range.contains(&key(float(a), float(b))),
                    expected,
                    "{a}, {b} in {expressions}"
                );
            }
        }
    }

    #[test]
    fn s015_ranges_follow_the_index() {
        let (eq_a, eq_b) = (
            expression("Eq", "a", json!(1)),
            expression("Eq", "b", json!(2)),
        );
        check(json!([eq_b, eq_a]), &[(1, 2)]);
        check(json!([eq_a]), &[(1, 0), (1, 1), (1, 2), (1, 3)]);
        check(
            json!([eq_a, expression("Gt", "b", json!(1))]),
            &[(1, 2), (1, 3)],
        );
        check(
            json!([eq_a, expression("Lte", "b", json!(1))]),
            &[(1, 0), (1, 1)],
        );
        let both = json!([
            eq_a,
            expression("Gte", "b", json!(1)),
            expression("Lt", "b", json!(3))
        ]);
        check(both, &[(1, 1), (1, 2)]);
        check(
            json!([expression("Gt", "a", json!(2))]),
            &[(3, 0), (3, 1), (3, 2), (3, 3)],
        );
        check(
            json!([eq_a, eq_b, expression("Gt", "_creationTime", json!(1))]),
            &[(1, 2)],
        );
        check(
            json!([eq_a, eq_b, expression("Lt", "_creationTime", json!(1.5))]),
            &[],
        );
        let id = expression("Eq", "_id", json!("id"));
        let creation = expression("Eq", "_creationTime", json!(1.5));
        check(json!([eq_a, eq_b, creation, id]), &[(1, 2)]);
        check(
            json!([]),
            &(0..4)
                .flat_map(|a| (0..4).map(move |b| (a, b)))
                .collect::<Vec<_>>(),
        );
    }

    #[test]
    fn s015_other_shapes_are_refused() {
        let (eq_a, gt_b) = (
            expression("Eq", "a", json!(1)),
            expression("Gt", "b", json!(1)),
        );
        let code = |expressions: Json| range(expressions).expect_err("it is no range");
        assert_eq!(
            code(json!([expression("Eq", "b", json!(1))])),
            "InvalidIndexRange"
        );
        assert_eq!(code(json!([gt_b])), "InvalidIndexRange");
        assert_eq!(
            code(json!([eq_a, expression("Gt", "_creationTime", json!(1))])),
            "InvalidIndexRange"
        );
        assert_eq!(
            code(json!([eq_a, expression("Gt", "a", json!(1))])),
            "InvalidIndexRange"
        );
        assert_eq!(code(json!([eq_a, gt_b, gt_b])), "AlreadyDefinedBound");
        assert_eq!(
            code(json!([eq_a, gt_b, expression("Gte", "b", json!(1))])),
            "AlreadyDefinedBound"
        );
        assert_eq!(code(json!([eq_a, eq_a])), "AlreadyDefinedBound");
        let elsewhere = expression("Lt", "_creationTime", json!(1));
        assert_eq!(
            code(json!([eq_a, gt_b, elsewhere])),
            "BoundsOnMultipleFields"
        );
        assert_eq!(
            code(json!([expression("Eq", "c", json!(1))])),
            "FieldNotInIndex"
        );
        assert_eq!(
            code(json!([expression("Eq", "a", json!({"$x": 1}))])),
            "InvalidArgument"
        );
    }

    #[test]
    fn messages_name_the_first_incorrect_field() {
        let skipped = [expression("Eq", "b", json!(1))];
        let expressions: Vec<RangeExpression> =
            serde_json::from_value(json!(skipped)).expect("they are expressions");
        let error = key_range("t", &index("by_a_b", &["a", "b"]), &expressions).expect_err("a gap");
        assert_eq!(
            error.message,
            "The index range of t.by_a_b must compare a prefix of the index's fields for equality, and may bound the \
             next field. Index fields: [a, b, _creationTime, _id]. Query fields: [b]. First incorrect field: b."
        );
    }

    #[test]
    fn s007_undefined_selects_documents_without_the_field() {
        let absent =
            range(json!([expression("Eq", "a", json!({"$undefined": null}))])).expect("a range");
        assert!(absent.contains(&key(None, float(1))));
        assert!(!absent.contains(&key(Some(Value::Null), float(1))));
        let null = range(json!([expression("Eq", "a", json!(null))])).expect("a range");
        assert!(null.contains(&key(Some(Value::Null), float(1))));
        assert!(!null.contains(&key(None, float(1))));
        let below = range(json!([expression("Lt", "a", json!(5))])).expect("a range");
        for a in [None, Some(Value::Null), Some(Value::Int64(9)), float(4)] {
            assert!(below.contains(&key(a, None)));
        }
        assert!(!below.contains(&key(float(5), None)));
    }

    #[test]
    fn ids_are_compared_as_whole_keys() {
        let by_id = index("by_id", &["_id"]);
        let expressions: Vec<RangeExpression> =
            serde_json::from_value(json!([expression("Eq", "_id", json!("x"))]))
                .expect("expressions");
        let range = key_range("t", &by_id, &expressions).expect("a range");
        let mut key = IndexKey::new();
        push_key_value(Some(&Value::String("x".to_owned())), &mut key);
        assert_eq!(range, KeyRange::point(key));
    }
}
