//! This crate holds the vocabulary of data: values, document ids, timestamps, validators, the
//! order-preserving bytes of index keys, size accounting and the JSON encodings.
//!
//! It does not know tables, transactions or sockets, and it performs no I/O.
//!
//! Invariant: for any two (optional) values, the byte order of their key encodings equals their
//! total order.

mod value;
mod json;
mod canonical;
mod format;
mod key;
mod key_values;
pub mod limits;
mod id;
mod timestamp;
mod commit_ts;
mod size;
mod validator;

pub use crate::canonical::{Canonical, canonical_text};
pub use crate::commit_ts::{is_unresolved, resolve_commit_ts};
pub use crate::format::ValueFormat;
pub use crate::id::{DocumentId, IdError, InternalId, TableNumber};
pub use crate::json::write_object;
pub use crate::key::{IndexKey, KeyRange, after_prefix, after_values, push_key_value};
pub use crate::key_values::read_key_values;
pub use crate::timestamp::Timestamp;
pub use crate::validator::{
    FieldValidator, IdResolver, ObjectValidator, ValidationError, Validator, ValidatorError,
};
pub use crate::value::{Object, Value, ValueError};
