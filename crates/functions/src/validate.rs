//! What goes into a function and what comes out of it: sizes, shapes and validators.

use std::cell::RefCell;

use lentil_database::{Namespace, Transaction};
use lentil_js::FunctionKind;
use lentil_values::{
    IdResolver, Object, TableNumber, Validator, Value, ValueError, canonical_text, is_unresolved,
};

use crate::limits::{Limits, count, in_bytes};
use crate::path::FunctionPath;

/// How much encoded text can hold a value of the allowed size: no type's text is longer than this
/// many times its bytes (control characters in strings).
const TEXT_PER_BYTE_MAX: usize = 6;

/// Resolves the tables of `v.id(…)` through a transaction, so that the look-ups are recorded.
pub(crate) struct TableNames<'a> {
    tx: RefCell<&'a mut Transaction>,
    namespace: Namespace,
}

impl<'a> TableNames<'a> {
    pub(crate) fn new(tx: &'a mut Transaction, namespace: Namespace) -> TableNames<'a> {
        TableNames {
            tx: RefCell::new(tx),
            namespace,
        }
    }
}

impl IdResolver for TableNames<'_> {
    fn number_of(&self, table: &str) -> Option<TableNumber> {
        let found = self.tx.borrow_mut().table(self.namespace, table)?;
        Some(found.number)
    }
    fn name_of(&self, number: TableNumber) -> Option<String> {
        let found = self
            .tx
            .borrow_mut()
            .table_by_number(self.namespace, number)?;
        Some(found.name)
    }
}

/// Who speaks: a mutation may speak of the timestamp of its commit, everybody else knows none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaker {
    /// A mutation, or what it calls.
    Mutation,
    /// A query.
    Query,
}

impl Speaker {
    pub(crate) fn of(kind: FunctionKind) -> Speaker {
        match kind {
            FunctionKind::Mutation => Speaker::Mutation,
            _ => Speaker::Query,
        }
    }
}

/// Reads encoded arguments: an array with one object, or the object itself. The error is ready for
/// the developer.
pub(crate) fn parse_args(
    path: &FunctionPath,
    text: &str,
    limits: &Limits,
) -> Result<Object, String> {
    read_args(path, text, limits, Value::parse)
}

/// The same for what a function calls.
pub(crate) fn parse_nested_args(
    path: &FunctionPath,
    text: &str,
    limits: &Limits,
    caller: Speaker,
) -> Result<Object, String> {
    match caller {
        Speaker::Mutation => read_args(path, text, limits, Value::parse_unresolved),
        Speaker::Query => read_args(path, text, limits, Value::parse),
    }
}

fn read_args(
    path: &FunctionPath,
    text: &str,
    limits: &Limits,
    parse: fn(&str) -> Result<Value, ValueError>,
) -> Result<Object, String> {
    let most = count(limits.arguments_bytes);
    let value = (text.len() <= most.saturating_mul(TEXT_PER_BYTE_MAX))
        .then(|| parse(text))
        .transpose()
        .map_err(|error| format!("Invalid arguments for {path}: {error}"))?;
    let size = value.as_ref().map_or(text.len(), Value::size);
    let Some(value) = value.filter(|_| size <= most) else {
        return Err(format!(
            "Arguments for {path} are too large (actual: {size} bytes, limit: {})",
            in_bytes(limits.arguments_bytes)
        ));
    };
    let object = single_object(value)?;
    Value::Object(object.clone())
        .check_limits()
        .map_err(|error| format!("Invalid arguments for {path}: {error}"))?;
    Ok(object)
}

fn single_object(value: Value) -> Result<Object, String> {
    const EXPECTED: &str =
        "Expected to receive a single object as the function's argument. Instead received";
    match value {
        Value::Object(object) => Ok(object),
        Value::Array(mut elements) if elements.len() == 1 => match elements.remove(0) {
            Value::Object(object) => Ok(object),
            other => Err(format!("{EXPECTED} {}", other.to_json_string())),
        },
        Value::Array(elements) => {
            let count = elements.len();
            let text = Value::Array(elements).to_json_string();
            Err(format!("{EXPECTED} {count} arguments: {text}"))
        }
        other => Err(format!("{EXPECTED} {}", other.to_json_string())),
    }
}

/// Checks arguments against their validator.
pub(crate) fn check_args(
    validator: &Validator,
    args: &Value,
    ids: &TableNames<'_>,
) -> Result<(), String> {
    validator
        .check(args, ids)
        .map_err(|error| format!("ArgumentValidationError: {error}"))
}

/// Reads a function's result, checks it, and gives it its canonical text.
pub(crate) fn check_result(
    path: &FunctionPath,
    text: &str,
    validator: Option<&Validator>,
    ids: &TableNames<'_>,
    limits: &Limits,
    speaker: Speaker,
) -> Result<String, String> {
    if speaker == Speaker::Query && is_unresolved(text) {
        return Err(format!(
            "Function {path} return value invalid: queries cannot return an unresolved commit timestamp \
             (db.vars.commitTs)"
        ));
    }
    if validator.is_none()
        && let Some(canonical) = canonical_text(text)
        && canonical.size <= count(limits.result_bytes)
    {
        return Ok(canonical.text);
    }
    let value = Value::parse_unresolved(text)
        .map_err(|error| format!("Function {path} return value invalid: {error}"))?;
    let size = value.size();
    if size > count(limits.result_bytes) {
        return Err(format!(
            "Function {path} return value is too large (actual: {size} bytes, limit: {})",
            in_bytes(limits.result_bytes)
        ));
    }
    value
        .check_limits()
        .map_err(|error| format!("Function {path} return value invalid: {error}"))?;
    if let Some(validator) = validator {
        validator
            .check(&value, ids)
            .map_err(|error| format!("ReturnsValidationError: {error}"))?;
    }
    Ok(value.to_json_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, String> {
        let path = FunctionPath::parse("m:f").expect("it is a path");
        parse_args(&path, text, &Limits::default())
            .map(|object| Value::Object(object).to_json_string())
    }

    #[test]
    fn s056_arguments_are_one_object() {
        assert_eq!(parse("{}").as_deref(), Ok("{}"));
        assert_eq!(
            parse(r#"[{"b":1,"a":"x"}]"#).as_deref(),
            Ok(r#"{"a":"x","b":1.0}"#)
        );
        let text =
            "Expected to receive a single object as the function's argument. Instead received";
        assert_eq!(
            parse("[1,2]"),
            Err(format!("{text} 2 arguments: [1.0,2.0]"))
        );
        assert_eq!(parse("[]"), Err(format!("{text} 0 arguments: []")));
        assert_eq!(parse("[3]"), Err(format!("{text} 3.0")));
        assert_eq!(parse("null"), Err(format!("{text} null")));
        assert!(parse("[{]").is_err_and(|error| error.starts_with("Invalid arguments for m:f: ")));
    }

    #[test]
    fn large_arguments_are_refused() {
        let text = format!("{{\"a\":\"{}\"}}", "x".repeat(16 << 20));
        let error = parse(&text).expect_err("it is over the limit");
        assert_eq!(
            error,
            "Arguments for m:f are too large (actual: 16777222 bytes, limit: 16 MiB)"
        );
    }
}
