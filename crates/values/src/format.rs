//! The output formats of the HTTP API (sync-and-http 3.5).

use crate::Value;

/// How a value is written for a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueFormat {
    /// `convex_encoded_json`, `convex_json`: lossless.
    Encoded,
    /// `json`, `convex_clean_json`: lossy, plain.
    Clean,
    /// `export_json`: int64 as integers, floats with a decimal point.
    Export,
}

impl ValueFormat {
    /// The format of that name, if there is one.
    pub fn by_name(name: &str) -> Option<ValueFormat> {
        let _ = name;
        todo!()
    }
    /// Writes `value` in this format.
    pub fn write(self, value: &Value, out: &mut String) {
        let _ = (value, out);
        todo!()
    }
}
