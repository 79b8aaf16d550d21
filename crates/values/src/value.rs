//! The eight types of value and their total order.

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
    /// Parses encoded JSON text (sync-and-http 3.2): every bare number is a float64.
    pub fn parse(text: &str) -> Result<Value, ValueError> {
        let _ = text;
        todo!()
    }
    /// Converts a JSON tree in the encoded form.
    pub fn from_json(json: &serde_json::Value) -> Result<Value, ValueError> {
        let _ = json;
        todo!()
    }
    /// Converts to a JSON tree in the encoded form.
    pub fn to_json(&self) -> serde_json::Value {
        todo!()
    }
    /// Appends the encoded JSON text, keys sorted, to `out`.
    pub fn write_json(&self, out: &mut String) {
        let _ = out;
        todo!()
    }
    /// The encoded JSON text.
    pub fn to_json_string(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }
    /// Bytes this value counts for (function-runtime 4.2).
    pub fn size(&self) -> usize {
        todo!()
    }
    /// Checks field names, counts, the nesting of 64 and the size of 32 MiB.
    pub fn check_limits(&self) -> Result<(), ValueError> {
        todo!()
    }
    /// Checks a stored document: an object, nesting at most 16, at most 1 MiB (`_id` and
    /// `_creationTime` included), no top-level `_…` name but those two.
    pub fn check_document(document: &Object) -> Result<(), ValueError> {
        let _ = document;
        todo!()
    }
    /// The value at a dotted path (`a.b.c`), walking nested objects only.
    pub fn at_path<'a>(document: &'a Object, path: &str) -> Option<&'a Value> {
        let _ = (document, path);
        todo!()
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Value) -> std::cmp::Ordering {
        let _ = other;
        todo!()
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Value) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Value {}
