//! From JSON text to the canonical text of the same value, without making the value: most results
//! of functions are documents as they were read, and need no more than a look.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::json::{is_ordinary, push_float, push_text};
use crate::limits::{ARRAY_LENGTH_MAX, NESTING_MAX, OBJECT_FIELDS_MAX, VALUE_BYTES_MAX};

/// Bytes of field names that are copied here; longer ones are unusual.
const NAME_MAX: usize = 64;

/// What [`canonical_text`] finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canonical {
    /// As [`crate::Value::to_json_string`] writes it.
    pub text: String,
    /// As [`crate::Value::size`] counts it.
    pub size: usize,
}

/// The canonical text of an encoded value that keeps every limit; one pass, no allocation but the
/// text. `None` where that takes a closer look: fields out of order, int64 and bytes, unusual
/// names, and whatever is wrong. Parse the value then.
pub fn canonical_text(text: &str) -> Option<Canonical> {
    // Whole numbers grow by two bytes each.
    let mut copy = Copy {
        out: String::with_capacity(text.len() + text.len() / 8),
        size: 0,
    };
    let mut json = serde_json::Deserializer::from_str(text);
    let at = At {
        copy: &mut copy,
        depth: 0,
    };
    at.deserialize(&mut json).ok()?;
    json.end().ok()?;
    (copy.size <= VALUE_BYTES_MAX).then_some(Canonical {
        text: copy.out,
        size: copy.size,
    })
}

struct Copy {
    out: String,
    size: usize,
}

/// Copies what comes next, at a depth.
struct At<'a> {
    copy: &'a mut Copy,
    depth: usize,
}

/// Somebody has to take a closer look.
fn unusual<E: Error>() -> E {
    E::custom("")
}

impl At<'_> {
    fn inner<E: Error>(&mut self) -> Result<(), E> {
        self.depth += 1;
        match self.depth > NESTING_MAX {
            true => Err(unusual()),
            false => Ok(()),
        }
    }

    fn next(&mut self) -> At<'_> {
        At {
            copy: self.copy,
            depth: self.depth,
        }
    }
}

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Convex value")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        self.copy.size += 1;
        self.copy.out.push_str("null");
        Ok(())
    }
    fn visit_bool<E>(self, boolean: bool) -> Result<(), E> {
        self.copy.size += 1;
        self.copy
            .out
            .push_str(if boolean { "true" } else { "false" });
        Ok(())
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.visit_f64(number as f64)
    }
    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.visit_f64(number as f64)
    }
    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        if !is_ordinary(number) {
            return Err(unusual());
        }
        self.copy.size += 9;
        push_float(number, &mut self.copy.out);
        Ok(())
    }
    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.copy.size += 2 + text.len();
        push_text(text, &mut self.copy.out);
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(mut self, mut sequence: A) -> Result<(), A::Error> {
        self.inner()?;
        self.copy.size += 2;
        self.copy.out.push('[');
        let mut count = 0;
        loop {
            let before = self.copy.out.len();
            if count > 0 {
                self.copy.out.push(',');
            }
            if sequence.next_element_seed(self.next())?.is_none() {
                self.copy.out.truncate(before);
                break;
            }
            count += 1;
            if count > ARRAY_LENGTH_MAX {
                return Err(unusual());
            }
        }
        self.copy.out.push(']');
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        self.inner()?;
        self.copy.size += 2;
        self.copy.out.push('{');
        let (mut last, mut count) = ("", 0);
        while let Some(name) = map.next_key_seed(Name)? {
            if name <= last || count == OBJECT_FIELDS_MAX {
                return Err(unusual());
            }
            if count > 0 {
                self.copy.out.push(',');
            }
            (last, count) = (name, count + 1);
            self.copy.size += name.len() + 1;
            push_text(name, &mut self.copy.out);
            self.copy.out.push(':');
            map.next_value_seed(self.next())?;
        }
        self.copy.out.push('}');
        Ok(())
    }
}

/// A field name that needs no look: it stands in the text as it is.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = &'de str;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<&'de str, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = &'de str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }
    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<&'de str, E> {
        let usual = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        match !name.is_empty() && name.len() <= NAME_MAX && name.bytes().all(usual) {
            true => Ok(name),
            false => Err(unusual()),
        }
    }
    // With an escape in it.
    fn visit_str<E: Error>(self, _name: &str) -> Result<&'de str, E> {
        Err(unusual())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Value;
    use crate::json::tests::any_value;

    /// The long way.
    fn by_value(text: &str) -> Option<Canonical> {
        let value = Value::parse_unresolved(text).ok()?;
        value.check_limits().ok()?;
        Some(Canonical {
            text: value.to_json_string(),
            size: value.size(),
        })
    }

    #[test]
    fn what_is_usual_is_copied() {
        for (from, to) in [
            (r#"null"#, r#"null"#),
            (r#" [ 1 , 2.5 , -3 ] "#, r#"[1.0,2.5,-3.0]"#),
            (
                r#"{"_id":"x","a":{"b":[]},"c":true}"#,
                r#"{"_id":"x","a":{"b":[]},"c":true}"#,
            ),
            (r#""a\u00e9\n\ud83d\ude00""#, "\"aé\\n😀\""),
            (r#"{}"#, r#"{}"#),
        ] {
            let found = canonical_text(from).expect(from);
            assert_eq!(found.text, to);
            assert_eq!(Some(found), by_value(from), "{from}");
        }
    }

    #[test]
    fn what_is_not_takes_the_long_way() {
        let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
        let long = format!("[{}1]", "1,".repeat(8_192));
        for text in [
            r#"{"b":1,"a":2}"#,
            r#"{"a":1,"a":2}"#,
            r#"{"$integer":"AAAAAAAAAAA="}"#,
            r#"{"a":{"$commitTs":null}}"#,
            r#"{"a b":1}"#,
            r#"{"\u0061":1}"#,
            r#"{"":1}"#,
            "-0.0",
            "[1,]",
            "1 2",
            "",
            "\"\\ud800\"",
            &deep,
            &long,
        ] {
            assert_eq!(canonical_text(text), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn both_ways_agree(value in any_value()) {
            let text = value.to_json_string();
            if let Some(found) = canonical_text(&text) {
                prop_assert_eq!(Some(found), by_value(&text));
            }
            // As JavaScript writes it: whole numbers without a point.
            let text = text.replace(".0,", ",").replace(".0]", "]").replace(".0}", "}");
            if let Some(found) = canonical_text(&text) {
                prop_assert_eq!(Some(found), by_value(&text));
            }
        }
    }
}
