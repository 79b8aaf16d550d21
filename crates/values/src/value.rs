//! The eight types of value, a placeholder, and their total order.

use std::cmp::Ordering;
use std::collections::BTreeMap;

/// An object: field names in ASCII byte order, as every encoding emits them.
pub type Object = BTreeMap<String, Value>;

/// A Convex value (sync-and-http 3.1). `Ord` is the total order of function-runtime 4.4; equality
/// follows it (NaN equals itself, -0 differs from +0, int64 1 differs from float 1).
#[derive(Clone, Debug)]
pub enum Value {
    /// `null`.
    Null,
    /// JS `bigint`.
    Int64(i64),
    /// JS `number`.
    Float64(f64),
    /// JS `boolean`.
    Boolean(bool),
    /// Well-formed Unicode text.
    String(String),
    /// JS `ArrayBuffer`.
    Bytes(Vec<u8>),
    /// JS array.
    Array(Vec<Value>),
    /// JS plain object.
    Object(Object),
    /// The timestamp of the commit that a mutation will end with: an int64 once it has, and the
    /// largest one in the order until then.
    CommitTs,
}

/// Why a JSON text or tree is not a value, or a value breaks a limit of function-runtime 4.2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// The text is not JSON, or a `$…` wrapper is wrong; says what and where.
    #[error("{0}")]
    Malformed(String),
    /// A limit on count, depth or size was passed; the text is the one clients see.
    #[error("{message}")]
    Limit {
        /// The short code, e.g. `ValueTooLargeError`, `TooNestedError`.
        code: &'static str,
        /// The message with actual and maximum.
        message: String,
    },
}

impl Value {
    /// The value at a dotted path (`a.b.c`), walking nested objects only.
    pub fn at_path<'a>(document: &'a Object, path: &str) -> Option<&'a Value> {
        let mut steps = path.split('.');
        let mut found = document.get(steps.next()?)?;
        for step in steps {
            let Value::Object(fields) = found else {
                return None;
            };
            found = fields.get(step)?;
        }
        Some(found)
    }

    /// Where the type stands in the total order.
    fn rank(&self) -> u8 {
        match self {
            Value::Null => 0,
            Value::Int64(_) | Value::CommitTs => 1,
            Value::Float64(_) => 2,
            Value::Boolean(_) => 3,
            Value::String(_) => 4,
            Value::Bytes(_) => 5,
            Value::Array(_) => 6,
            Value::Object(_) => 7,
        }
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Value) -> Ordering {
        match (self, other) {
            (Value::Int64(left), Value::Int64(right)) => left.cmp(right),
            (Value::Int64(left), Value::CommitTs) => left.cmp(&i64::MAX),
            (Value::CommitTs, Value::Int64(right)) => i64::MAX.cmp(right),
            (Value::Float64(left), Value::Float64(right)) => left.total_cmp(right),
            (Value::Boolean(left), Value::Boolean(right)) => left.cmp(right),
            // UTF-8 byte order is code point order.
            (Value::String(left), Value::String(right)) => left.cmp(right),
            (Value::Bytes(left), Value::Bytes(right)) => left.cmp(right),
            (Value::Array(left), Value::Array(right)) => left.cmp(right),
            (Value::Object(left), Value::Object(right)) => left.cmp(right),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Value) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Value {}
