//! Texts of function-runtime 4.7, JSON, and the superset test against checking.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{DocumentId, InternalId};

/// `users` is 10001, `posts` 10002.
pub(super) struct Tables;

impl IdResolver for Tables {
    fn number_of(&self, table: &str) -> Option<TableNumber> {
        match table {
            "users" => Some(TableNumber(10_001)),
            "posts" => Some(TableNumber(10_002)),
            _ => None,
        }
    }
    fn name_of(&self, number: TableNumber) -> Option<String> {
        ["users", "posts"]
            .into_iter()
            .find(|name| self.number_of(name) == Some(number))
            .map(str::to_owned)
    }
}

pub(super) fn id_of(table: u32) -> String {
    DocumentId {
        table: TableNumber(table),
        internal: InternalId([7; 16]),
    }
    .to_string()
}

fn validator(json: serde_json::Value) -> Validator {
    Validator::from_json(&json).expect("a validator")
}

fn object(fields: serde_json::Value) -> Validator {
    validator(json!({ "type": "object", "value": fields }))
}

fn field(json: serde_json::Value, optional: bool) -> serde_json::Value {
    json!({ "fieldType": json, "optional": optional })
}

fn complaint(validator: &Validator, json: &str) -> String {
    validator
        .check(&Value::parse(json).expect("a value"), &Tables)
        .expect_err("does not match")
        .message
}

#[test]
fn s055_missing_and_extra_fields_and_mismatches() {
    let args = object(json!({ "body": field(json!({ "type": "string" }), false) }));
    assert_eq!(
        complaint(&args, "{}"),
        "Object is missing the required field `body`. Consider wrapping the field validator in `v.optional(...)` if this is expected.\n\nObject: {}\nValidator: v.object({body: v.string()})"
    );
    assert_eq!(
        complaint(&args, r#"{"body":"a","x":1}"#),
        "Object contains extra field `x` that is not in the validator.\n\nObject: {body: \"a\", x: 1.0}\nValidator: v.object({body: v.string()})"
    );
    assert_eq!(
        complaint(&args, r#"{"body":5}"#),
        "Value does not match validator.\nPath: .body\nValue: 5.0\nValidator: v.string()"
    );
    let union =
        validator(json!({ "type": "union", "value": [{ "type": "string" }, { "type": "null" }] }));
    assert_eq!(
        complaint(&union, "1"),
        "Value does not match validator.\n\nValue: 1.0\nValidator: v.union(v.string(), v.null())"
    );
}

#[test]
fn paths_name_fields_elements_keys_and_values() {
    let numbers = json!({ "type": "array", "value": { "type": "number" } });
    let record = json!({ "type": "record", "keys": { "type": "id", "tableName": "users" }, "values": { "fieldType": numbers, "optional": false } });
    let outer = object(json!({ "a": field(record, true) }));
    let user = id_of(10_001);
    assert!(
        complaint(&outer, &format!(r#"{{"a":{{"{user}":[1,"x"]}}}}"#))
            .contains("\nPath: .a.values()[1]\n")
    );
    assert!(complaint(&outer, r#"{"a":{"k":[]}}"#).contains("\nPath: .a.keys()\n"));
    assert!(
        complaint(&outer, &format!(r#"{{"a":{{"{}":[]}}}}"#, id_of(10_002)))
            .ends_with("validator `v.id(\"users\")`.Path: .a.keys()")
    );
    assert_eq!(
        outer.to_string(),
        "v.object({a: v.optional(v.record(v.id(\"users\"), v.array(v.float64())))})"
    );
}

#[test]
fn ids_are_checked_by_table_and_literals_by_value() {
    let users = validator(json!({ "type": "id", "tableName": "users" }));
    assert!(users.check(&Value::String(id_of(10_001)), &Tables).is_ok());
    let post = id_of(10_002);
    assert_eq!(
        complaint(&users, &format!("\"{post}\"")),
        format!(
            "Found ID \"{post}\" from table `posts`, which does not match the table name in validator `v.id(\"users\")`."
        )
    );
    assert!(complaint(&users, "\"nonsense\"").starts_with("Value does not match validator.\n"));
    assert!(
        complaint(&users, &format!("\"{}\"", id_of(10_009)))
            .starts_with("Value does not match validator.\n")
    );
    let inside = object(json!({ "u": field(json!({ "type": "literal", "value": "y" }), false) }));
    assert_eq!(
        complaint(&inside, r#"{"u":"x"}"#),
        "`\"x\"` does not match literal validator `v.literal(\"y\")`.Path: .u"
    );
    let one = validator(json!({ "type": "literal", "value": { "$integer": "AQAAAAAAAAA=" } }));
    assert!(one.check(&Value::Int64(1), &Tables).is_ok());
    assert!(one.check(&Value::Float64(1.0), &Tables).is_err());
}

#[test]
fn unions_of_one_delegate_and_of_none_match_nothing() {
    let one = validator(
        json!({ "type": "union", "value": [{ "type": "array", "value": { "type": "null" } }] }),
    );
    assert!(complaint(&one, "[1]").contains("Path: [0]"));
    let none = validator(json!({ "type": "union", "value": [] }));
    assert!(complaint(&none, "null").ends_with("Validator: v.union()"));
}

#[test]
fn bad_json_says_what_is_wrong() {
    for (json, why) in [
        (json!({ "type": "nope" }), "\"nope\""),
        (json!({}), "\"type\""),
        (json!({ "type": "array" }), "\"value\""),
        (json!({ "type": "literal", "value": [] }), "bigint"),
        (
            json!({ "type": "record", "keys": { "type": "literal", "value": "a" }, "values": { "fieldType": { "type": "any" }, "optional": false } }),
            "InvalidRecordType",
        ),
        (
            json!({ "type": "record", "keys": { "type": "string" }, "values": { "fieldType": { "type": "any" }, "optional": true } }),
            "InvalidRecordType",
        ),
    ] {
        let error = Validator::from_json(&json).expect_err("no validator");
        assert!(error.to_string().contains(why), "{json}: {error}");
    }
}

pub(super) fn any_validator() -> impl Strategy<Value = Validator> {
    let leaf = prop_oneof![
        Just(Validator::Null),
        Just(Validator::Float64),
        Just(Validator::Int64),
        Just(Validator::CommitTs),
        Just(Validator::String),
        Just(Validator::Boolean),
        Just(Validator::Any),
        Just(Validator::Id("users".to_owned())),
        Just(Validator::Literal(Value::String("a".to_owned()))),
        Just(Validator::Literal(Value::Float64(1.0))),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            inner
                .clone()
                .prop_map(|element| Validator::Array(Box::new(element))),
            inner.clone().prop_map(|values| Validator::Record(
                Box::new(Validator::String),
                Box::new(values)
            )),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Validator::Union),
            prop::collection::btree_map("[ab]", (inner, any::<bool>()), 0..3).prop_map(|fields| {
                Validator::Object(
                    fields
                        .into_iter()
                        .map(|(name, (validator, optional))| {
                            (
                                name,
                                FieldValidator {
                                    validator,
                                    optional,
                                },
                            )
                        })
                        .collect(),
                )
            }),
        ]
    })
}

fn small_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        Just(Value::Int64(1)),
        Just(Value::Float64(1.0)),
        Just(Value::Boolean(true)),
        Just(Value::String("a".to_owned())),
        Just(Value::String(id_of(10_001))),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::btree_map("[ab]", inner, 0..3).prop_map(Value::Object),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn json_round_trips(validator in any_validator()) {
        prop_assert_eq!(Validator::from_json(&validator.to_json()), Ok(validator));
    }

    #[test]
    fn a_superset_accepts_what_the_other_accepts(wide in any_validator(), narrow in any_validator(), value in small_value()) {
        if wide.accepts_all_of(&narrow) && narrow.check(&value, &Tables).is_ok() {
            prop_assert!(wide.check(&value, &Tables).is_ok(), "{wide} {narrow} {value:?}");
        }
    }
}
