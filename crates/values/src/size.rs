//! Size, depth and count rules (function-runtime 4.2).

use crate::{Object, Value, ValueError};

/// Levels of arrays and objects in any value.
pub(crate) const NESTING_MAX: usize = 64;
/// Levels in a stored document.
const DOCUMENT_NESTING_MAX: usize = 16;
/// Elements of an array.
const ARRAY_LENGTH_MAX: usize = 8_192;
/// Fields of an object.
const OBJECT_FIELDS_MAX: usize = 1_024;
/// Characters of a field name.
const FIELD_NAME_MAX: usize = 1_024;
/// Bytes of any value.
const VALUE_BYTES_MAX: usize = 32 << 20;
/// Bytes of a stored document.
const DOCUMENT_BYTES_MAX: usize = 1 << 20;

const _: () = assert!(DOCUMENT_NESTING_MAX < NESTING_MAX);
const _: () = assert!(DOCUMENT_BYTES_MAX < VALUE_BYTES_MAX);

impl Value {
    /// Bytes this value counts for (function-runtime 4.2).
    pub fn size(&self) -> usize {
        match self {
            Value::Null | Value::Boolean(_) => 1,
            Value::Int64(_) | Value::Float64(_) | Value::CommitTs => 9,
            Value::String(text) => 2 + text.len(),
            Value::Bytes(bytes) => 2 + bytes.len(),
            Value::Array(elements) => 2 + elements.iter().map(Value::size).sum::<usize>(),
            Value::Object(fields) => Value::object_size(fields),
        }
    }

    /// Bytes an object counts for.
    pub fn object_size(fields: &Object) -> usize {
        2 + fields
            .iter()
            .map(|(name, value)| name.len() + 1 + value.size())
            .sum::<usize>()
    }

    /// Levels of arrays and objects; 0 for a primitive.
    fn nesting(&self) -> usize {
        match self {
            Value::Array(elements) => 1 + elements.iter().map(Value::nesting).max().unwrap_or(0),
            Value::Object(fields) => object_nesting(fields),
            _ => 0,
        }
    }

    /// Checks field names, counts, the nesting of 64 and the size of 32 MiB.
    pub fn check_limits(&self) -> Result<(), ValueError> {
        check_counts(self)?;
        check_nesting(self.nesting(), NESTING_MAX, "Value")?;
        check_size(self.size(), VALUE_BYTES_MAX)
    }

    /// Checks a stored document: an object, nesting at most 16, at most 1 MiB (`_id` and
    /// `_creationTime` included), no top-level `_…` name but those two.
    pub fn check_document(document: &Object) -> Result<(), ValueError> {
        check_fields(document)?;
        for name in document.keys().filter(|name| name.starts_with('_')) {
            if name != "_id" && name != "_creationTime" {
                return Err(ValueError::Malformed(format!(
                    "Field name {name:?} is not allowed: top-level names that begin with '_' are for system fields, rename the field"
                )));
            }
        }
        check_nesting(object_nesting(document), DOCUMENT_NESTING_MAX, "Document")?;
        check_size(Value::object_size(document), DOCUMENT_BYTES_MAX)
    }
}

fn object_nesting(fields: &Object) -> usize {
    1 + fields.values().map(Value::nesting).max().unwrap_or(0)
}

fn check_counts(value: &Value) -> Result<(), ValueError> {
    match value {
        Value::Array(elements) => {
            let count = elements.len();
            if count > ARRAY_LENGTH_MAX {
                return Err(limit(
                    "ArrayTooLong",
                    format!(
                        "Array length is too long ({count} > maximum length {ARRAY_LENGTH_MAX})"
                    ),
                ));
            }
            elements.iter().try_for_each(check_counts)
        }
        Value::Object(fields) => check_fields(fields),
        _ => Ok(()),
    }
}

fn check_fields(fields: &Object) -> Result<(), ValueError> {
    let count = fields.len();
    if count > OBJECT_FIELDS_MAX {
        return Err(limit(
            "TooManyFieldsError",
            format!("Object has too many fields ({count} > maximum number {OBJECT_FIELDS_MAX})"),
        ));
    }
    for (name, value) in fields {
        check_field_name(name)?;
        check_counts(value)?;
    }
    Ok(())
}

fn check_field_name(name: &str) -> Result<(), ValueError> {
    let why = if name.len() > FIELD_NAME_MAX {
        format!(
            "it has {} characters, at most {FIELD_NAME_MAX} are allowed",
            name.len()
        )
    } else if name.starts_with('$') {
        "it begins with '$', which is reserved, rename the field".to_owned()
    } else if !name.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) {
        "only printable ASCII characters are allowed".to_owned()
    } else {
        return Ok(());
    };
    let shown: String = name.chars().take(64).collect();
    Err(ValueError::Malformed(format!(
        "Field name {shown:?} is not allowed: {why}"
    )))
}

fn check_nesting(levels: usize, maximum: usize, what: &str) -> Result<(), ValueError> {
    if levels <= maximum {
        return Ok(());
    }
    Err(limit(
        "TooNestedError",
        format!("{what} is too nested (nested {levels} levels deep > maximum nesting {maximum})"),
    ))
}

fn check_size(bytes: usize, maximum: usize) -> Result<(), ValueError> {
    if bytes <= maximum {
        return Ok(());
    }
    let mebibytes = format!("{:.2} MiB", bytes as f64 / f64::from(1 << 20));
    // A size just above the maximum would round to it.
    let actual = if mebibytes == format!("{}.00 MiB", maximum >> 20) {
        format!("{bytes} bytes")
    } else {
        mebibytes
    };
    Err(limit(
        "ValueTooLargeError",
        format!(
            "Value is too large ({actual} > maximum size {} MiB)",
            maximum >> 20
        ),
    ))
}

fn limit(code: &'static str, message: String) -> ValueError {
    ValueError::Limit { code, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize) -> Value {
        (0..levels).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
    }

    fn document(field: Value) -> Object {
        Object::from([("f".to_owned(), field)])
    }

    #[test]
    fn sizes_follow_the_formula() {
        for (json, size) in [
            ("null", 1),
            ("true", 1),
            ("1", 9),
            (r#"{"$integer":"AQAAAAAAAAA="}"#, 9),
            (r#""ü""#, 4),
            (r#"{"$bytes":"AQID"}"#, 5),
            ("[null,null]", 4),
            (r#"{"ab":null}"#, 6),
        ] {
            assert_eq!(Value::parse(json).expect(json).size(), size, "{json}");
        }
    }

    #[test]
    fn limits_have_the_texts_of_the_specification() {
        let text = |result: Result<(), ValueError>| result.expect_err("over the limit").to_string();
        assert_eq!(
            text(Value::Array(vec![Value::Null; 8_193]).check_limits()),
            "Array length is too long (8193 > maximum length 8192)"
        );
        let wide: Object = (0..1_025).map(|n| (n.to_string(), Value::Null)).collect();
        assert_eq!(
            text(Value::Object(wide).check_limits()),
            "Object has too many fields (1025 > maximum number 1024)"
        );
        assert_eq!(
            text(nested(65).check_limits()),
            "Value is too nested (nested 65 levels deep > maximum nesting 64)"
        );
        assert_eq!(
            text(Value::check_document(&document(nested(16)))),
            "Document is too nested (nested 17 levels deep > maximum nesting 16)"
        );
        let large = document(Value::String("x".repeat(1 << 20)));
        assert_eq!(
            text(Value::check_document(&large)),
            "Value is too large (1048582 bytes > maximum size 1 MiB)"
        );
    }

    #[test]
    fn what_fits_exactly_is_taken() {
        assert_eq!(nested(64).check_limits(), Ok(()));
        assert_eq!(Value::check_document(&document(nested(15))), Ok(()));
        let room = (1 << 20) - Value::object_size(&document(Value::String(String::new())));
        assert_eq!(
            Value::check_document(&document(Value::String("x".repeat(room)))),
            Ok(())
        );
        assert_eq!(
            Value::Object(Object::from([(String::new(), Value::Null)])).check_limits(),
            Ok(())
        );
        assert_eq!(
            Value::Object(Object::from([("x".repeat(1_024), Value::Null)])).check_limits(),
            Ok(())
        );
    }

    #[test]
    fn names_are_checked() {
        for name in ["$a", "ü", "a\n", &"x".repeat(1_025)] {
            let object = Object::from([(name.to_owned(), Value::Null)]);
            assert!(Value::Object(object).check_limits().is_err(), "{name:?}");
        }
        let system = Object::from([("_x".to_owned(), Value::Null)]);
        assert!(Value::Object(system.clone()).check_limits().is_ok());
        assert!(Value::check_document(&system).is_err());
    }
}
