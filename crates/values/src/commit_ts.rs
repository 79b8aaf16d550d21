//! The placeholder of a commit's timestamp (function-runtime 4.6): a mutation stores it, and the
//! commit puts its own timestamp in its place.
//!
//! In encoded JSON it is `{"$commitTs":null}`. No other value's text contains that: names that
//! begin with `$` are reserved, and quotes within strings are escaped. So it can be found and
//! replaced in the text.

use crate::{Timestamp, Value};

/// The placeholder's encoded JSON text.
const PLACEHOLDER: &str = "{\"$commitTs\":null}";

impl Timestamp {
    /// As a value: nanoseconds since the epoch.
    pub fn to_value(self) -> Value {
        Value::Int64(i64::try_from(self.0).expect("timestamps fit 63 bits"))
    }
}

/// Whether canonical encoded text holds a commit timestamp that is still to be known.
pub fn is_unresolved(json: &str) -> bool {
    json.contains(PLACEHOLDER)
}

/// Canonical encoded text with the timestamp where its placeholder stood.
pub fn resolve_commit_ts(json: &str, ts: Timestamp) -> String {
    json.replace(PLACEHOLDER, &ts.to_value().to_json_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_placeholder_is_replaced() {
        let text = r#"{"a":{"$commitTs":null},"b":[{"$commitTs":null},"{\"$commitTs\":null}"]}"#;
        let value = Value::parse_unresolved(text).unwrap();
        assert_eq!(value.to_json_string(), text);
        assert!(is_unresolved(text));
        let resolved = resolve_commit_ts(text, Timestamp(7));
        let Value::Object(fields) = Value::parse(&resolved).unwrap() else {
            panic!("an object")
        };
        assert_eq!(fields["a"], Value::Int64(7));
        let quoted = Value::String("{\"$commitTs\":null}".to_owned());
        assert!(!is_unresolved(&quoted.to_json_string()));
        assert_eq!(fields["b"], Value::Array(vec![Value::Int64(7), quoted]));
    }

    #[test]
    fn it_orders_as_the_largest_integer() {
        assert!(Value::CommitTs > Value::Int64(i64::MAX - 1));
        assert!(Value::CommitTs == Value::Int64(i64::MAX));
        assert!(Value::CommitTs < Value::Float64(f64::NEG_INFINITY));
        let key = |value| {
            let mut key = Vec::new();
            crate::push_key_value(Some(&value), &mut key);
            key
        };
        assert_eq!(key(Value::CommitTs), key(Value::Int64(i64::MAX)));
    }
}
