//! Rules for tables and indexes, with their codes (function-runtime 4.8, cli-and-deploy 5.5).

use std::collections::{BTreeMap, BTreeSet};

use lentil_values::Validator;

use crate::limits::{INDEX_FIELDS_MAX, INDEXES_MAX, NAME_MAX};

use super::{IndexJson, IndexSpec, OtherIndex, OtherIndexKind, SchemaError};

/// A document is an object, so its validator is one, or a union of them, or any.
pub(super) fn check_top_level(table: &str, validator: &Validator) -> Result<(), SchemaError> {
    let allowed = match validator {
        Validator::Any => true,
        Validator::Object(fields) => {
            if let Some(name) = fields.keys().find(|name| name.starts_with('_')) {
                return Err(SchemaError {
                    code: "InvalidSchema",
                    message: format!(
                        "the table {table:?} declares the field {name:?}: names that begin with '_' are for system fields, which are there by themselves"
                    ),
                });
            }
            true
        }
        Validator::Union(members) => {
            members
                .iter()
                .try_for_each(|member| check_top_level(table, member))?;
            true
        }
        _ => false,
    };
    if allowed {
        return Ok(());
    }
    Err(SchemaError {
        code: "InvalidTopLevelTypeInSchemaError",
        message: format!(
            "documents of the table {table:?} must be objects: v.object, a union of them, or v.any; not {validator}"
        ),
    })
}

pub(super) fn check_name(name: &str, what: &str, code: &'static str) -> Result<(), SchemaError> {
    let refused = |why: &str| {
        Err(SchemaError {
            code,
            message: format!("{name:?} cannot name {what}: {why}"),
        })
    };
    if name.is_empty() || name.len() > NAME_MAX {
        return refused(&format!("names have 1 to {NAME_MAX} characters"));
    }
    if name.starts_with('_') {
        return refused("names that begin with '_' are for the system, rename it");
    }
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphabetic());
    if !begins_well || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return refused("letters, digits and underscores, beginning with a letter");
    }
    Ok(())
}

pub(super) fn check_index(table: &str, index: &IndexJson) -> Result<(), SchemaError> {
    let name = &index.index_descriptor;
    let refused = |code, why: String| {
        Err(SchemaError {
            code,
            message: format!("index {table}.{name}: {why}"),
        })
    };
    if matches!(name.as_str(), "by_id" | "by_creation_time") {
        return refused(
            "IndexNameReserved",
            "this name is for the index that every table has, choose another".to_owned(),
        );
    }
    check_name(
        name,
        &format!("an index of the table {table:?}"),
        "InvalidIndexName",
    )?;
    if index.fields.is_empty() {
        return refused(
            "EmptyIndex",
            "it has no fields; name at least one".to_owned(),
        );
    }
    if index.fields.len() > INDEX_FIELDS_MAX {
        return refused(
            "IndexTooManyFields",
            format!(
                "it has {} fields; at most {INDEX_FIELDS_MAX} are allowed",
                index.fields.len()
            ),
        );
    }
    let mut seen = BTreeSet::new();
    for field in &index.fields {
        check_field_path(table, name, field)?;
        if !seen.insert(field) {
            return refused(
                "FieldsNotUniqueWithinIndex",
                format!("it has the field {field:?} twice"),
            );
        }
    }
    Ok(())
}

/// A field path that an index may have.
pub(super) fn check_field_path(table: &str, index: &str, field: &str) -> Result<(), SchemaError> {
    let refused = |code, why: String| {
        Err(SchemaError {
            code,
            message: format!("index {table}.{index}: {why}"),
        })
    };
    match field {
        "_id" => {
            return refused(
                "IndexFieldsContainId",
                "\"_id\" is part of every index by itself, leave it out".to_owned(),
            );
        }
        "_creationTime" => {
            return refused(
                "IndexFieldsContainCreationTime",
                "\"_creationTime\" is part of every index by itself, leave it out".to_owned(),
            );
        }
        _ if field.starts_with('_') => {
            return refused(
                "IndexFieldNameReserved",
                format!(
                    "the field {field:?}: names that begin with '_' are for the system, rename it"
                ),
            );
        }
        _ => {}
    }
    let identifier = |step: &str| {
        step.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && step.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if !field.split('.').all(identifier) {
        return refused(
            "InvalidIndexField",
            format!("{field:?} is no field path (identifiers joined by dots)"),
        );
    }
    Ok(())
}

pub(super) fn check_index_set(
    table: &str,
    indexes: &[IndexSpec],
    others: &[OtherIndex],
) -> Result<(), SchemaError> {
    let count = indexes.len() + others.len();
    if count > INDEXES_MAX {
        return Err(SchemaError {
            code: "TooManyIndexes",
            message: format!(
                "the table {table:?} has {count} indexes; at most {INDEXES_MAX} are allowed"
            ),
        });
    }
    let mut names = BTreeSet::new();
    let others_names = others.iter().map(|index| &index.name);
    for name in indexes.iter().map(|index| &index.name).chain(others_names) {
        if !names.insert(name) {
            return Err(SchemaError {
                code: "IndexNamesNotUnique",
                message: format!("the table {table:?} has two indexes named {name:?}"),
            });
        }
    }
    let mut fields = BTreeMap::new();
    for index in indexes {
        if let Some(other) = fields.insert(&index.fields, &index.name) {
            return Err(SchemaError {
                code: "IndexNotUnique",
                message: format!(
                    "the indexes {table}.{other} and {table}.{} have the same fields",
                    index.name
                ),
            });
        }
    }
    check_others_differ(table, others)
}

/// Two search indexes over the same field with the same filters, or two vector indexes over the
/// same field, would be one.
fn check_others_differ(table: &str, others: &[OtherIndex]) -> Result<(), SchemaError> {
    let mut seen: BTreeMap<_, &str> = BTreeMap::new();
    for index in others {
        let (code, filters): (_, BTreeSet<_>) = match index.kind {
            OtherIndexKind::Search { .. } => (
                "SearchIndexFieldNotUnique",
                index.filter_fields.iter().collect(),
            ),
            OtherIndexKind::Vector { .. } => ("VectorIndexFieldNotUnique", BTreeSet::new()),
        };
        if let Some(other) = seen.insert((&index.kind, filters), &index.name) {
            return Err(SchemaError {
                code,
                message: format!(
                    "the indexes {table}.{other} and {table}.{} search the same field {:?} in the same way",
                    index.name,
                    index.field()
                ),
            });
        }
    }
    Ok(())
}

/// Documents must be able to have what is indexed.
pub(super) fn check_paths(
    table: &str,
    document: &Validator,
    indexes: &[IndexSpec],
    others: &[OtherIndex],
) -> Result<(), SchemaError> {
    let refused = |index: &str, field: &str, why: &str| {
        Err(SchemaError {
            code: "InvalidSchema",
            message: format!("index {table}.{index}: the field {field:?} {why}"),
        })
    };
    const NOT_THERE: &str = "is not among the fields that the table's validator allows";
    let plain = indexes
        .iter()
        .flat_map(|index| index.fields.iter().map(|field| (&index.name, field)));
    let filters = others
        .iter()
        .flat_map(|index| index.filter_fields.iter().map(|field| (&index.name, field)));
    for (index, field) in plain.chain(filters) {
        if !may_have(document, field, &|_| true) {
            return refused(index, field, NOT_THERE);
        }
    }
    for index in others {
        let field = index.field();
        match index.kind {
            OtherIndexKind::Search { .. } if !may_have(document, field, &is_text) => {
                return refused(&index.name, field, "can never be a text, which is searched");
            }
            OtherIndexKind::Vector { .. } if !may_have(document, field, &is_vector) => {
                return refused(
                    &index.name,
                    field,
                    "can never be a vector, v.array(v.float64())",
                );
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether a value that satisfies `validator` may have, at that path, one that `wanted` accepts.
fn may_have(validator: &Validator, path: &str, wanted: &dyn Fn(&Validator) -> bool) -> bool {
    let (step, rest) = match path.split_once('.') {
        Some((step, rest)) => (step, Some(rest)),
        None => (path, None),
    };
    let inside = |found: &Validator| match rest {
        Some(rest) => may_have(found, rest, wanted),
        None => any_member(found, wanted),
    };
    match validator {
        Validator::Any => true,
        Validator::Object(fields) => fields
            .get(step)
            .is_some_and(|field| inside(&field.validator)),
        Validator::Record(_, values) => inside(values),
        Validator::Union(members) => members.iter().any(|member| may_have(member, path, wanted)),
        _ => false,
    }
}

fn any_member(validator: &Validator, wanted: &dyn Fn(&Validator) -> bool) -> bool {
    match validator {
        Validator::Union(members) => members.iter().any(|member| any_member(member, wanted)),
        validator => wanted(validator),
    }
}

fn is_text(validator: &Validator) -> bool {
    matches!(
        validator,
        Validator::Any
            | Validator::String
            | Validator::Id(_)
            | Validator::Literal(lentil_values::Value::String(_))
    )
}

fn is_vector(validator: &Validator) -> bool {
    match validator {
        Validator::Any => true,
        Validator::Array(element) => any_member(element, &|kind| {
            matches!(kind, Validator::Any | Validator::Float64)
        }),
        _ => false,
    }
}
