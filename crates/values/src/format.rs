//! The output formats of the HTTP API (sync-and-http 3.5).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Value;
use crate::json::{push_float, push_text};

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
        match name {
            "convex_encoded_json" | "convex_json" => Some(ValueFormat::Encoded),
            "json" | "convex_clean_json" => Some(ValueFormat::Clean),
            "export_json" => Some(ValueFormat::Export),
            _ => None,
        }
    }

    /// Writes `value` in this format.
    pub fn write(self, value: &Value, out: &mut String) {
        match (self, value) {
            (ValueFormat::Encoded, _) => value.write_json(out),
            (ValueFormat::Clean, Value::Int64(integer)) => push_text(&integer.to_string(), out),
            (ValueFormat::Export, Value::Int64(integer)) => out.push_str(&integer.to_string()),
            (ValueFormat::Clean, Value::Bytes(bytes)) => push_text(&STANDARD.encode(bytes), out),
            (ValueFormat::Clean, Value::Float64(float)) if float.is_nan() => {
                out.push_str("\"NaN\"")
            }
            (ValueFormat::Clean, Value::Float64(float)) if float.is_infinite() => {
                out.push_str(if *float > 0.0 {
                    "\"Infinity\""
                } else {
                    "\"-Infinity\""
                });
            }
            (_, Value::Float64(float)) if float.is_finite() => push_float(*float, out),
            (_, Value::Array(elements)) => {
                out.push('[');
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    self.write(element, out);
                }
                out.push(']');
            }
            (_, Value::Object(fields)) => {
                out.push('{');
                for (index, (name, value)) in fields.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    push_text(name, out);
                    out.push(':');
                    self.write(value, out);
                }
                out.push('}');
            }
            _ => value.write_json(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_writes_as_specified() {
        let list = Value::Array(vec![
            Value::Int64(5),
            Value::Float64(1.0),
            Value::Float64(-0.0),
            Value::Float64(f64::NAN),
            Value::Float64(f64::NEG_INFINITY),
            Value::Bytes(vec![1, 2, 3]),
            Value::Null,
        ]);
        for (name, expected) in [
            ("json", r#"["5",1.0,-0.0,"NaN","-Infinity","AQID",null]"#),
            (
                "export_json",
                r#"[5,1.0,-0.0,{"$float":"AAAAAAAA+H8="},{"$float":"AAAAAAAA8P8="},{"$bytes":"AQID"},null]"#,
            ),
            (
                "convex_json",
                r#"[{"$integer":"BQAAAAAAAAA="},1.0,{"$float":"AAAAAAAAAIA="},{"$float":"AAAAAAAA+H8="},{"$float":"AAAAAAAA8P8="},{"$bytes":"AQID"},null]"#,
            ),
        ] {
            let mut out = String::new();
            ValueFormat::by_name(name)
                .expect(name)
                .write(&list, &mut out);
            assert_eq!(out, expected, "{name}");
        }
        assert_eq!(ValueFormat::by_name("xml"), None);
    }
}
