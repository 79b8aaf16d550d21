//! Validators: parsing, checking, and the texts of function-runtime 4.7.

mod check;
mod parse;
mod print;
mod superset;

use std::collections::BTreeMap;

use crate::{TableNumber, Value};

/// A validator as `v.…` builds it and the SDK exports it.
#[derive(Clone, Debug, PartialEq)]
pub enum Validator {
    /// `v.null()`.
    Null,
    /// `v.number()`, `v.float64()`.
    Float64,
    /// `v.bigint()`, `v.int64()`.
    Int64,
    /// `v.boolean()`.
    Boolean,
    /// `v.string()`.
    String,
    /// `v.bytes()`.
    Bytes,
    /// `v.any()`; also what older bundles call `map` and `set`.
    Any,
    /// `v.commitTs()`: an int64.
    CommitTs,
    /// `v.literal(x)`.
    Literal(Value),
    /// `v.id("table")`.
    Id(String),
    /// `v.array(v)`.
    Array(Box<Validator>),
    /// `v.record(k, v)`.
    Record(Box<Validator>, Box<Validator>),
    /// `v.object({…})`.
    Object(ObjectValidator),
    /// `v.union(…)`.
    Union(Vec<Validator>),
}

/// The fields of a `v.object`.
pub type ObjectValidator = BTreeMap<String, FieldValidator>;

/// One field of a `v.object`.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldValidator {
    /// What the field must satisfy when present.
    pub validator: Validator,
    /// Whether it may be absent.
    pub optional: bool,
}

/// Maps table names to numbers in the namespace a check runs in.
pub trait IdResolver {
    /// The number of `table`, or `None` if there is no such table.
    fn number_of(&self, table: &str) -> Option<TableNumber>;
    /// The name of the table with that number, if any (for messages).
    fn name_of(&self, number: TableNumber) -> Option<String>;
}

/// A value does not satisfy a validator. `Display` is the text of 4.7, to be put behind
/// `ArgumentValidationError: ` and the like.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ValidationError {
    /// The whole text, first line and details.
    pub message: String,
}

/// A validator's JSON is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValidatorError(pub String);

impl Validator {
    /// Table names that occur in `v.id(…)` anywhere inside.
    pub fn id_tables(&self, into: &mut Vec<String>) {
        match self {
            Validator::Id(table) => into.push(table.clone()),
            Validator::Array(element) => element.id_tables(into),
            Validator::Record(keys, values) => {
                keys.id_tables(into);
                values.id_tables(into);
            }
            Validator::Object(fields) => fields
                .values()
                .for_each(|field| field.validator.id_tables(into)),
            Validator::Union(members) => members.iter().for_each(|member| member.id_tables(into)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod superset_tests;
