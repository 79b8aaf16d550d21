//! The encoded JSON form of values (sync-and-http 3.2, function-runtime 4.1).
//!
//! Parsing goes straight from text to values: documents pass here on every write.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::limits::NESTING_MAX;
use crate::{Object, Value, ValueError};

/// Begins the error of a value that is nested too deeply, so that it can be told from malformed text.
const TOO_NESTED: &str = "Value is too nested";

/// Below it every whole float is written digit by digit, as the shortest text is.
const WHOLE_MAX: f64 = 1e15;

/// Bytes of the longest text of a float (`-2.2250738585072014e-308`), rounded up.
const FLOAT_TEXT_MAX: usize = 32;

impl Value {
    /// Parses encoded JSON text (sync-and-http 3.2): every bare number is a float64.
    pub fn parse(text: &str) -> Result<Value, ValueError> {
        Seed::STRICT.parse(text)
    }

    /// The same where a mutation speaks, which may mean the timestamp of its commit.
    pub fn parse_unresolved(text: &str) -> Result<Value, ValueError> {
        Seed::UNRESOLVED.parse(text)
    }

    /// Parses what [`crate::ValueFormat::Export`] writes (cli-and-deploy 13.3): bare integers are
    /// int64, and what has a point or an exponent is a float64.
    pub fn parse_export(text: &str) -> Result<Value, ValueError> {
        Seed::EXPORT.parse(text)
    }

    /// Converts a JSON tree in the encoded form.
    pub fn from_json(json: &serde_json::Value) -> Result<Value, ValueError> {
        Seed::STRICT.deserialize(json).map_err(value_error)
    }

    /// The same where a function speaks of what a mutation may write.
    pub fn from_unresolved_json(json: &serde_json::Value) -> Result<Value, ValueError> {
        Seed::UNRESOLVED.deserialize(json).map_err(value_error)
    }

    /// Like [`Value::from_json`] where a value may be absent, which is written `{"$undefined":null}`.
    pub fn parse_optional(json: &serde_json::Value) -> Result<Option<Value>, ValueError> {
        let absent = json
            .as_object()
            .is_some_and(|object| object.len() == 1 && object.contains_key("$undefined"));
        if absent {
            Ok(None)
        } else {
            Value::from_json(json).map(Some)
        }
    }

    /// Converts to a JSON tree in the encoded form.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Null => serde_json::Value::Null,
            Value::CommitTs => serde_json::json!({ "$commitTs": null }),
            Value::Boolean(boolean) => (*boolean).into(),
            Value::String(text) => text.as_str().into(),
            Value::Float64(float) if is_ordinary(*float) => (*float).into(),
            Value::Float64(float) => wrapped("$float", &float.to_le_bytes()),
            Value::Int64(integer) => wrapped("$integer", &integer.to_le_bytes()),
            Value::Bytes(bytes) => wrapped("$bytes", bytes),
            Value::Array(elements) => elements.iter().map(Value::to_json).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| (name.clone(), value.to_json()))
                .collect(),
        }
    }

    /// Appends the encoded JSON text, keys sorted, to `out`.
    pub fn write_json(&self, out: &mut String) {
        match self {
            Value::Null => out.push_str("null"),
            Value::CommitTs => out.push_str("{\"$commitTs\":null}"),
            Value::Boolean(boolean) => out.push_str(if *boolean { "true" } else { "false" }),
            Value::String(text) => push_text(text, out),
            Value::Float64(float) if is_ordinary(*float) => push_float(*float, out),
            Value::Float64(float) => push_wrapped("$float", &float.to_le_bytes(), out),
            Value::Int64(integer) => push_wrapped("$integer", &integer.to_le_bytes(), out),
            Value::Bytes(bytes) => push_wrapped("$bytes", bytes, out),
            Value::Array(elements) => {
                out.push('[');
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    element.write_json(out);
                }
                out.push(']');
            }
            Value::Object(fields) => write_object(fields, out),
        }
    }

    /// The encoded JSON text.
    pub fn to_json_string(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }
}

/// Appends the encoded JSON text of an object.
pub fn write_object(fields: &Object, out: &mut String) {
    out.push('{');
    for (index, (name, value)) in fields.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_text(name, out);
        out.push(':');
        value.write_json(out);
    }
    out.push('}');
}

/// Whether a float is written as a bare number; the others need their bits kept.
pub(crate) fn is_ordinary(float: f64) -> bool {
    float.is_finite() && !(float == 0.0 && float.is_sign_negative())
}

/// Appends the shortest text that reads back as the same float, always with a point or exponent.
/// The float is finite.
pub(crate) fn push_float(float: f64, out: &mut String) {
    use fmt::Write as _;
    assert!(float.is_finite(), "JSON has no number for it");
    // Most numbers in documents are counts; -0 keeps its sign on the way below.
    if float.fract() == 0.0 && float.abs() < WHOLE_MAX && float.to_bits() != (-0.0f64).to_bits() {
        write!(out, "{}.0", float as i64).expect("writing to a String does not fail");
        return;
    }
    let mut text = [0u8; FLOAT_TEXT_MAX];
    let mut rest = text.as_mut_slice();
    serde_json::to_writer(&mut rest, &float).expect("the text of any float fits");
    let length = FLOAT_TEXT_MAX - rest.len();
    out.push_str(std::str::from_utf8(&text[..length]).expect("numbers are ASCII"));
}

/// Appends a JSON string.
pub(crate) fn push_text(text: &str, out: &mut String) {
    let escaped = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    out.reserve(text.len() + 2);
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.as_bytes().iter().position(escaped) {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            byte => {
                use fmt::Write as _;
                write!(out, "\\u{byte:04x}").expect("writing to a String does not fail");
            }
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

fn push_wrapped(name: &str, bytes: &[u8], out: &mut String) {
    out.push_str("{\"");
    out.push_str(name);
    out.push_str("\":\"");
    STANDARD.encode_string(bytes, out);
    out.push_str("\"}");
}

fn wrapped(name: &str, bytes: &[u8]) -> serde_json::Value {
    serde_json::json!({ name: STANDARD.encode(bytes) })
}

fn value_error(error: serde_json::Error) -> ValueError {
    let message = error.to_string();
    // The parser's own bound counts arrays, objects and wrappers beyond ours.
    if message.starts_with(TOO_NESTED) || message.starts_with("recursion limit exceeded") {
        return ValueError::Limit {
            code: "TooNestedError",
            message: too_nested(),
        };
    }
    // What the parser says about half a surrogate pair takes its own terms for granted.
    if message.contains("hex escape at line") {
        let place = message.rfind(" at line ").map_or("", |at| &message[at..]);
        return ValueError::Malformed(format!(
            "a string holds a lone surrogate (half of a character), which is not Unicode text{place}"
        ));
    }
    ValueError::Malformed(message)
}

/// Parsing stops at the first level too many, so that is the depth it can tell.
fn too_nested() -> String {
    format!(
        "{TOO_NESTED} (nested {} levels deep > maximum nesting {NESTING_MAX})",
        NESTING_MAX + 1
    )
}

/// Builds a value at a depth; the depth bounds recursion.
#[derive(Clone, Copy)]
struct Seed {
    depth: usize,
    /// Whether the timestamp of a commit to come is a value.
    unresolved: bool,
    /// Whether bare integers are int64, as in snapshots.
    integers: bool,
}

impl Seed {
    const STRICT: Seed = Seed {
        depth: 0,
        unresolved: false,
        integers: false,
    };
    const UNRESOLVED: Seed = Seed {
        unresolved: true,
        ..Seed::STRICT
    };
    const EXPORT: Seed = Seed {
        integers: true,
        ..Seed::STRICT
    };

    fn parse(self, text: &str) -> Result<Value, ValueError> {
        let mut json = serde_json::Deserializer::from_str(text);
        let value = self.deserialize(&mut json).map_err(value_error)?;
        json.end().map_err(value_error)?;
        Ok(value)
    }

    fn inner<E: serde::de::Error>(self) -> Result<Seed, E> {
        if self.depth == NESTING_MAX {
            Err(E::custom(too_nested()))
        } else {
            Ok(Seed {
                depth: self.depth + 1,
                ..self
            })
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seed {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Convex value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, boolean: bool) -> Result<Value, E> {
        Ok(Value::Boolean(boolean))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(match self.integers {
            true => Value::Int64(number),
            false => Value::Float64(number as f64),
        })
    }
    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Value, E> {
        if !self.integers {
            return Ok(Value::Float64(number as f64));
        }
        let integer = i64::try_from(number);
        integer.map(Value::Int64).map_err(|_| {
            E::custom(format!(
                "{number} is no int64: a float64 is written with a point or an exponent"
            ))
        })
    }
    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float64(number))
    }
    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }
    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut elements = Vec::with_capacity(sequence.size_hint().unwrap_or(0).min(1024));
        while let Some(element) = sequence.next_element_seed(inner)? {
            elements.push(element);
        }
        Ok(Value::Array(elements))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let Some(mut name) = map.next_key::<String>()? else {
            self.inner::<A::Error>()?;
            return Ok(Value::Object(Object::new()));
        };
        if name.starts_with('$') {
            let content = map.next_value::<serde_json::Value>()?;
            if let Some(other) = map.next_key::<String>()? {
                return Err(A::Error::custom(format!(
                    "{} (it stands beside {other:?})",
                    reserved_name(&name)
                )));
            }
            return unwrap(&name, &content, self.unresolved).map_err(A::Error::custom);
        }
        let inner = self.inner()?;
        let mut fields = Object::new();
        loop {
            fields.insert(name, map.next_value_seed(inner)?);
            match map.next_key::<String>()? {
                None => return Ok(Value::Object(fields)),
                Some(next) if next.starts_with('$') => {
                    return Err(A::Error::custom(reserved_name(&next)));
                }
                Some(next) => name = next,
            }
        }
    }
}

fn reserved_name(name: &str) -> String {
    format!("the field name {name:?} begins with '$', which is reserved: rename the field")
}

/// Reads what stands in `{"$integer": …}` and its sisters.
fn unwrap(name: &str, content: &serde_json::Value, unresolved: bool) -> Result<Value, String> {
    if name == "$commitTs" {
        if unresolved && content.is_null() {
            return Ok(Value::CommitTs);
        }
        return Err(
            "{\"$commitTs\":null} (db.vars.commitTs) is known only within a mutation: it can be stored, passed to \
             functions that the mutation calls, and returned by it"
                .to_owned(),
        );
    }
    if name == "$undefined" {
        return Err(
            "undefined cannot be a value here: leave the field out, or use null".to_owned(),
        );
    }
    if !matches!(name, "$integer" | "$float" | "$bytes") {
        return Err(reserved_name(name));
    }
    let text = content
        .as_str()
        .ok_or_else(|| format!("{name} must hold base64 text"))?;
    let bytes = STANDARD.decode(text).map_err(|error| {
        let why = error.to_string();
        format!(
            "{name} does not hold padded base64: {}",
            why.trim_end_matches('.')
        )
    })?;
    let eight = |bytes: &[u8]| -> Result<[u8; 8], String> {
        bytes
            .try_into()
            .map_err(|_| format!("{name} must hold 8 bytes, not {}", bytes.len()))
    };
    match name {
        "$bytes" => Ok(Value::Bytes(bytes)),
        "$integer" => Ok(Value::Int64(i64::from_le_bytes(eight(&bytes)?))),
        _ => {
            let float = f64::from_le_bytes(eight(&bytes)?);
            if is_ordinary(float) && float != 0.0 {
                return Err(format!(
                    "$float holds the ordinary number {float:?}, which is written as a bare number"
                ));
            }
            Ok(Value::Float64(float))
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
