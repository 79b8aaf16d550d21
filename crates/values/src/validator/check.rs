//! Checking a value, and saying what is wrong and where.

use std::fmt::Write as _;

use super::print::Shown;
use super::{IdResolver, ObjectValidator, ValidationError, Validator};
use crate::{DocumentId, Object, Value};

/// Characters of a value or validator that a message shows before it is cut.
const SHOWN_MAX: usize = 4_096;

impl Validator {
    /// Checks `value`.
    pub fn check(&self, value: &Value, ids: &dyn IdResolver) -> Result<(), ValidationError> {
        check(self, value, ids, &mut Vec::new())
    }
}

/// One step from a value to a part of it.
#[derive(Clone, Copy)]
enum Step<'a> {
    Field(&'a str),
    Element(usize),
    Keys,
    Values,
}

fn check<'a>(
    validator: &'a Validator,
    value: &'a Value,
    ids: &dyn IdResolver,
    path: &mut Vec<Step<'a>>,
) -> Result<(), ValidationError> {
    match (validator, value) {
        (Validator::Any, _)
        | (Validator::Null, Value::Null)
        | (Validator::Float64, Value::Float64(_))
        | (Validator::Int64 | Validator::CommitTs, Value::Int64(_) | Value::CommitTs)
        | (Validator::Boolean, Value::Boolean(_))
        | (Validator::String, Value::String(_))
        | (Validator::Bytes, Value::Bytes(_)) => Ok(()),
        (Validator::Literal(literal), _) if literal == value => Ok(()),
        (Validator::Literal(_), _) => {
            let message = format!(
                "`{}` does not match literal validator `{validator}`.",
                cut(Shown(value))
            );
            Err(inline(message, path))
        }
        (Validator::Id(table), Value::String(text)) => {
            check_id(table, text, value, validator, ids, path)
        }
        (Validator::Array(element), Value::Array(elements)) => {
            for (index, value) in elements.iter().enumerate() {
                within(path, Step::Element(index), |path| {
                    check(element, value, ids, path)
                })?;
            }
            Ok(())
        }
        (Validator::Record(keys, values), Value::Object(fields)) => {
            for (name, value) in fields {
                check_key(keys, name, ids, path)?;
                within(path, Step::Values, |path| check(values, value, ids, path))?;
            }
            Ok(())
        }
        (Validator::Object(fields), Value::Object(object)) => {
            check_object(fields, object, validator, value, ids, path)
        }
        (Validator::Union(members), _) => check_union(members, value, validator, ids, path),
        _ => Err(mismatch("Value", value, validator, path)),
    }
}

fn check_object<'a>(
    fields: &'a ObjectValidator,
    object: &'a Object,
    validator: &'a Validator,
    value: &'a Value,
    ids: &dyn IdResolver,
    path: &mut Vec<Step<'a>>,
) -> Result<(), ValidationError> {
    for (name, field) in fields {
        match object.get(name) {
            Some(value) => within(path, Step::Field(name), |path| {
                check(&field.validator, value, ids, path)
            })?,
            None if field.optional => {}
            None => {
                let first = format!(
                    "Object is missing the required field `{name}`. Consider wrapping the field validator in `v.optional(...)` if this is expected."
                );
                return Err(detailed(&first, "Object", value, validator, path));
            }
        }
    }
    match object.keys().find(|name| !fields.contains_key(*name)) {
        None => Ok(()),
        Some(name) => {
            let first =
                format!("Object contains extra field `{name}` that is not in the validator.");
            Err(detailed(&first, "Object", value, validator, path))
        }
    }
}

/// A key is checked as the text it is; any text satisfies the two commonest validators of keys.
fn check_key<'a>(
    keys: &'a Validator,
    name: &str,
    ids: &dyn IdResolver,
    path: &[Step<'a>],
) -> Result<(), ValidationError> {
    if matches!(keys, Validator::String | Validator::Any) {
        return Ok(());
    }
    let key = Value::String(name.to_owned());
    if keys.check(&key, ids).is_ok() {
        return Ok(());
    }
    let mut path = path.to_vec();
    path.push(Step::Keys);
    check(keys, &key, ids, &mut path)
}

/// The first member that matches wins. With one member its own complaint is the most precise.
fn check_union<'a>(
    members: &'a [Validator],
    value: &'a Value,
    validator: &'a Validator,
    ids: &dyn IdResolver,
    path: &mut Vec<Step<'a>>,
) -> Result<(), ValidationError> {
    if let [only] = members {
        return check(only, value, ids, path);
    }
    if members
        .iter()
        .any(|member| member.check(value, ids).is_ok())
    {
        return Ok(());
    }
    Err(mismatch("Value", value, validator, path))
}

fn check_id<'a>(
    table: &str,
    text: &str,
    value: &'a Value,
    validator: &'a Validator,
    ids: &dyn IdResolver,
    path: &[Step<'a>],
) -> Result<(), ValidationError> {
    let Ok(id) = text.parse::<DocumentId>() else {
        return Err(mismatch("Value", value, validator, path));
    };
    if ids.number_of(table) == Some(id.table) {
        return Ok(());
    }
    let Some(found) = ids.name_of(id.table) else {
        return Err(mismatch("Value", value, validator, path));
    };
    let message = format!(
        "Found ID \"{text}\" from table `{found}`, which does not match the table name in validator `{validator}`."
    );
    Err(inline(message, path))
}

fn within<'a, T>(
    path: &mut Vec<Step<'a>>,
    step: Step<'a>,
    work: impl FnOnce(&mut Vec<Step<'a>>) -> Result<T, ValidationError>,
) -> Result<T, ValidationError> {
    path.push(step);
    let result = work(path);
    path.pop();
    result
}

fn mismatch(what: &str, value: &Value, validator: &Validator, path: &[Step]) -> ValidationError {
    detailed(
        "Value does not match validator.",
        what,
        value,
        validator,
        path,
    )
}

/// First line, path (a blank line at the root), value, validator.
fn detailed(
    first: &str,
    what: &str,
    value: &Value,
    validator: &Validator,
    path: &[Step],
) -> ValidationError {
    let path = if path.is_empty() {
        String::new()
    } else {
        format!("Path: {}", shown_path(path))
    };
    let message = format!(
        "{first}\n{path}\n{what}: {}\nValidator: {}",
        cut(Shown(value)),
        cut(validator)
    );
    ValidationError { message }
}

/// These two messages carry their path behind the final period.
fn inline(mut message: String, path: &[Step]) -> ValidationError {
    if !path.is_empty() {
        message.push_str("Path: ");
        message.push_str(&shown_path(path));
    }
    ValidationError { message }
}

fn shown_path(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Field(name) => write!(text, ".{name}"),
            Step::Element(index) => write!(text, "[{index}]"),
            Step::Keys => write!(text, ".keys()"),
            Step::Values => write!(text, ".values()"),
        }
        .expect("writing to a String does not fail");
    }
    text
}

fn cut(shown: impl std::fmt::Display) -> String {
    let text = shown.to_string();
    match text.char_indices().nth(SHOWN_MAX) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
