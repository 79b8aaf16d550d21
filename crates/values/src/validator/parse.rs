//! Validators as JSON (cli-and-deploy 5.3).

use serde_json::{Value as Json, json};

use super::{FieldValidator, ObjectValidator, Validator, ValidatorError};
use crate::Value;

/// Levels of validators inside validators; values are no deeper.
const NESTING_MAX: usize = 64;

impl Validator {
    /// Reads the JSON of function-runtime 4.7 and cli-and-deploy 5.3.
    pub fn from_json(json: &Json) -> Result<Validator, ValidatorError> {
        parse(json, 0)
    }

    /// Writes the JSON of cli-and-deploy 5.3.
    pub fn to_json(&self) -> Json {
        match self {
            Validator::Null => json!({ "type": "null" }),
            Validator::Float64 => json!({ "type": "number" }),
            Validator::Int64 => json!({ "type": "bigint" }),
            Validator::Boolean => json!({ "type": "boolean" }),
            Validator::String => json!({ "type": "string" }),
            Validator::Bytes => json!({ "type": "bytes" }),
            Validator::Any => json!({ "type": "any" }),
            Validator::CommitTs => json!({ "type": "commitTs" }),
            Validator::Literal(value) => json!({ "type": "literal", "value": value.to_json() }),
            Validator::Id(table) => json!({ "type": "id", "tableName": table }),
            Validator::Array(element) => json!({ "type": "array", "value": element.to_json() }),
            Validator::Record(keys, values) => json!({
                "type": "record",
                "keys": keys.to_json(),
                "values": { "fieldType": values.to_json(), "optional": false },
            }),
            Validator::Object(fields) => {
                let fields: serde_json::Map<_, _> = fields
                    .iter()
                    .map(|(name, field)| {
                        (name.clone(), json!({ "fieldType": field.validator.to_json(), "optional": field.optional }))
                    })
                    .collect();
                json!({ "type": "object", "value": fields })
            }
            Validator::Union(members) => {
                json!({ "type": "union", "value": members.iter().map(Validator::to_json).collect::<Vec<_>>() })
            }
        }
    }
}

fn parse(json: &Json, depth: usize) -> Result<Validator, ValidatorError> {
    if depth > NESTING_MAX {
        return Err(ValidatorError(format!(
            "the validator is nested more than {NESTING_MAX} levels deep"
        )));
    }
    let inner = |json: &Json| parse(json, depth + 1);
    let name = member(json, "type")?.as_str().unwrap_or_default();
    Ok(match name {
        "null" => Validator::Null,
        "number" => Validator::Float64,
        "bigint" => Validator::Int64,
        "boolean" => Validator::Boolean,
        "string" => Validator::String,
        "bytes" => Validator::Bytes,
        // What bundles of before sets and maps were dropped still say.
        "any" | "map" | "set" => Validator::Any,
        "commitTs" => Validator::CommitTs,
        "literal" => Validator::Literal(literal(member(json, "value")?)?),
        "id" => Validator::Id(text(member(json, "tableName")?, "tableName")?),
        "array" => Validator::Array(Box::new(inner(member(json, "value")?)?)),
        "record" => {
            let keys = inner(member(json, "keys")?)?;
            let values = member(json, "values")?;
            if values.get("optional").and_then(Json::as_bool) == Some(true) {
                return Err(ValidatorError(
                    "InvalidRecordType: the values of a record cannot be optional".to_owned(),
                ));
            }
            if !is_key_validator(&keys) {
                return Err(ValidatorError(format!(
                    "InvalidRecordType: the keys of a record must be strings or ids, and no literals; got {keys}"
                )));
            }
            Validator::Record(
                Box::new(keys),
                Box::new(inner(member(values, "fieldType")?)?),
            )
        }
        "object" => {
            let fields = member(json, "value")?;
            let fields = fields
                .as_object()
                .ok_or_else(|| wrong("value", "an object", fields))?;
            let mut validators = ObjectValidator::new();
            for (name, field) in fields {
                let validator = inner(member(field, "fieldType")?)?;
                let optional = field
                    .get("optional")
                    .and_then(Json::as_bool)
                    .unwrap_or(false);
                validators.insert(
                    name.clone(),
                    FieldValidator {
                        validator,
                        optional,
                    },
                );
            }
            Validator::Object(validators)
        }
        "union" => {
            let members = member(json, "value")?;
            let members = members
                .as_array()
                .ok_or_else(|| wrong("value", "an array", members))?;
            Validator::Union(members.iter().map(inner).collect::<Result<_, _>>()?)
        }
        _ => {
            return Err(ValidatorError(format!(
                "there is no validator of type {name:?}"
            )));
        }
    })
}

/// Keys must be string-like (function-runtime 4.7).
fn is_key_validator(keys: &Validator) -> bool {
    match keys {
        Validator::String | Validator::Id(_) | Validator::Any => true,
        Validator::Union(members) => members.iter().all(is_key_validator),
        _ => false,
    }
}

fn literal(json: &Json) -> Result<Value, ValidatorError> {
    let value = Value::from_json(json)
        .map_err(|error| ValidatorError(format!("a literal is no value: {error}")))?;
    match value {
        Value::String(_) | Value::Float64(_) | Value::Int64(_) | Value::Boolean(_) => Ok(value),
        _ => Err(wrong("value", "a string, number, bigint or boolean", json)),
    }
}

fn member<'a>(json: &'a Json, name: &str) -> Result<&'a Json, ValidatorError> {
    json.get(name).ok_or_else(|| {
        ValidatorError(format!(
            "a validator has no member {name:?}: {}",
            shortened(json)
        ))
    })
}

fn text(json: &Json, name: &str) -> Result<String, ValidatorError> {
    json.as_str()
        .map(str::to_owned)
        .ok_or_else(|| wrong(name, "a text", json))
}

fn wrong(name: &str, wanted: &str, got: &Json) -> ValidatorError {
    ValidatorError(format!(
        "the member {name:?} of a validator must be {wanted}, not {}",
        shortened(got)
    ))
}

fn shortened(json: &Json) -> String {
    json.to_string().chars().take(80).collect()
}
