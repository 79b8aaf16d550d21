//! Whether one validator accepts everything that another does; used to skip walking a table when
//! its schema only grew wider.

use super::Validator;

impl Validator {
    /// Whether every value that satisfies `other` satisfies `self`; `false` when unsure.
    pub fn accepts_all_of(&self, other: &Validator) -> bool {
        if self == other {
            return true;
        }
        match (self, other) {
            (Validator::Any, _) => true,
            (_, Validator::Union(members)) => {
                members.iter().all(|member| self.accepts_all_of(member))
            }
            (Validator::Union(members), _) => {
                members.iter().any(|member| member.accepts_all_of(other))
            }
            (Validator::Int64, Validator::CommitTs)
            | (Validator::CommitTs, Validator::Int64)
            | (Validator::String, Validator::Id(_)) => true,
            (_, Validator::Literal(value)) => match self {
                Validator::String => matches!(value, crate::Value::String(_)),
                Validator::Float64 => matches!(value, crate::Value::Float64(_)),
                Validator::Int64 => matches!(value, crate::Value::Int64(_)),
                Validator::Boolean => matches!(value, crate::Value::Boolean(_)),
                _ => false,
            },
            (Validator::Array(mine), Validator::Array(theirs)) => mine.accepts_all_of(theirs),
            (Validator::Record(my_keys, my_values), Validator::Record(keys, values)) => {
                my_keys.accepts_all_of(keys) && my_values.accepts_all_of(values)
            }
            (Validator::Object(mine), Validator::Object(theirs)) => {
                let known = theirs.iter().all(|(name, field)| {
                    mine.get(name).is_some_and(|my| {
                        my.validator.accepts_all_of(&field.validator)
                            && (my.optional || !field.optional)
                    })
                });
                known
                    && mine
                        .iter()
                        .all(|(name, my)| my.optional || theirs.contains_key(name))
            }
            _ => false,
        }
    }
}
