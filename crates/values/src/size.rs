//! Size, depth and count rules (function-runtime 4.2).

use crate::limits::{
    ARRAY_LENGTH_MAX, DOCUMENT_BYTES_MAX, DOCUMENT_NESTING_MAX, FIELD_NAME_MAX, NESTING_MAX,
    OBJECT_FIELDS_MAX, VALUE_BYTES_MAX,
};
use crate::{Object, Value, ValueError};

/// Characters of a path that a message shows.
const PATH_SHOWN: usize = 200;

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
        check_counts(self).map_err(Misfit::error)?;
        check_nesting(self, self.nesting(), NESTING_MAX, "Value").map_err(Misfit::error)?;
        check_size(self, self.size(), VALUE_BYTES_MAX).map_err(Misfit::error)
    }

    /// Checks a stored document: an object, nesting at most 16, at most 1 MiB (`_id` and
    /// `_creationTime` included), no top-level `_…` name but those two.
    pub fn check_document(document: &Object) -> Result<(), ValueError> {
        check_fields(document).map_err(Misfit::error)?;
        for name in document.keys().filter(|name| name.starts_with('_')) {
            if name != "_id" && name != "_creationTime" {
                return Err(ValueError::Malformed(format!(
                    "Field name {name:?} is not allowed: top-level names that begin with '_' are for system fields, rename the field"
                )));
            }
        }
        let levels = object_nesting(document);
        check_nesting(document, levels, DOCUMENT_NESTING_MAX, "Document").map_err(Misfit::error)?;
        let bytes = Value::object_size(document);
        check_size(document, bytes, DOCUMENT_BYTES_MAX).map_err(Misfit::error)
    }
}

fn object_nesting(fields: &Object) -> usize {
    1 + fields.values().map(Value::nesting).max().unwrap_or(0)
}

/// What is wrong, and where: steps from the innermost outwards, as they are found on the way back.
struct Misfit {
    /// The short code; none for a wrong name.
    code: Option<&'static str>,
    message: String,
    steps: Vec<String>,
}

impl Misfit {
    fn new(code: &'static str, message: String) -> Misfit {
        Misfit {
            code: Some(code),
            message,
            steps: Vec::new(),
        }
    }

    fn inside(mut self, step: String) -> Misfit {
        self.steps.push(step);
        self
    }

    fn error(self) -> ValueError {
        let path: String = self.steps.into_iter().rev().collect();
        // Deep values of long names would fill a screen.
        let mut shown: String = path.chars().take(PATH_SHOWN).collect();
        if shown.len() < path.len() {
            shown.push('…');
        }
        let message = match (path.is_empty(), self.code) {
            (true, _) => self.message,
            (false, Some(_)) => format!("{} at {shown}", self.message),
            (false, None) => format!("{} (at {shown})", self.message),
        };
        match self.code {
            Some(code) => ValueError::Limit { code, message },
            None => ValueError::Malformed(message),
        }
    }
}

fn field_step(name: &str) -> String {
    format!(".{name}")
}

fn element_step(place: usize) -> String {
    format!("[{place}]")
}

fn check_counts(value: &Value) -> Result<(), Misfit> {
    match value {
        Value::Array(elements) => {
            let count = elements.len();
            if count > ARRAY_LENGTH_MAX {
                return Err(Misfit::new(
                    "ArrayTooLong",
                    format!(
                        "Array length is too long ({count} > maximum length {ARRAY_LENGTH_MAX})"
                    ),
                ));
            }
            for (place, element) in elements.iter().enumerate() {
                check_counts(element).map_err(|misfit| misfit.inside(element_step(place)))?;
            }
            Ok(())
        }
        Value::Object(fields) => check_fields(fields),
        _ => Ok(()),
    }
}

fn check_fields(fields: &Object) -> Result<(), Misfit> {
    let count = fields.len();
    if count > OBJECT_FIELDS_MAX {
        return Err(Misfit::new(
            "TooManyFieldsError",
            format!("Object has too many fields ({count} > maximum number {OBJECT_FIELDS_MAX})"),
        ));
    }
    for (name, value) in fields {
        check_field_name(name)?;
        check_counts(value).map_err(|misfit| misfit.inside(field_step(name)))?;
    }
    Ok(())
}

fn check_field_name(name: &str) -> Result<(), Misfit> {
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
    Err(Misfit {
        code: None,
        message: format!("Field name {shown:?} is not allowed: {why}"),
        steps: Vec::new(),
    })
}

/// Something with parts that have steps: a value, or the fields of a document.
trait Parts {
    fn parts(&self) -> Vec<(String, &Value)>;
}

impl Parts for Object {
    fn parts(&self) -> Vec<(String, &Value)> {
        self.iter()
            .map(|(name, value)| (field_step(name), value))
            .collect()
    }
}

impl Parts for Value {
    fn parts(&self) -> Vec<(String, &Value)> {
        match self {
            Value::Array(elements) => {
                let steps = elements.iter().enumerate();
                steps
                    .map(|(place, element)| (element_step(place), element))
                    .collect()
            }
            Value::Object(fields) => fields.parts(),
            _ => Vec::new(),
        }
    }
}

/// Steps, from the innermost outwards, to what has most of something, as long as one part does.
fn steps_to(from: &dyn Parts, follow: &dyn Fn(&Value) -> bool) -> Vec<String> {
    let mut steps = Vec::new();
    let mut parts = from.parts();
    while let Some((step, value)) = parts.into_iter().find(|(_, value)| follow(value)) {
        steps.push(step);
        parts = value.parts();
    }
    steps.reverse();
    steps
}

fn check_nesting(of: &dyn Parts, levels: usize, maximum: usize, what: &str) -> Result<(), Misfit> {
    if levels <= maximum {
        return Ok(());
    }
    let message =
        format!("{what} is too nested (nested {levels} levels deep > maximum nesting {maximum})");
    let mut misfit = Misfit::new("TooNestedError", message);
    // To the first array or object that is one level too many.
    let left = std::cell::Cell::new(levels);
    misfit.steps = steps_to(of, &|value| {
        let deepest = left.get() > levels - maximum && value.nesting() + 1 == left.get();
        left.set(left.get() - usize::from(deepest));
        deepest
    });
    Err(misfit)
}

fn check_size(of: &dyn Parts, bytes: usize, maximum: usize) -> Result<(), Misfit> {
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
    let message = format!(
        "Value is too large ({actual} > maximum size {} MiB)",
        maximum >> 20
    );
    let mut misfit = Misfit::new("ValueTooLargeError", message);
    misfit.steps = steps_to(of, &|value| value.size() > bytes / 2);
    if !misfit.steps.is_empty() {
        misfit.message.push_str(", most of it");
    }
    Err(misfit)
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
            format!(
                "Value is too nested (nested 65 levels deep > maximum nesting 64) at {}",
                "[0]".repeat(64)
            )
        );
        assert_eq!(
            text(Value::check_document(&document(nested(16)))),
            format!(
                "Document is too nested (nested 17 levels deep > maximum nesting 16) at .f{}",
                "[0]".repeat(15)
            )
        );
        let large = document(Value::String("x".repeat(1 << 20)));
        assert_eq!(
            text(Value::check_document(&large)),
            "Value is too large (1048582 bytes > maximum size 1 MiB), most of it at .f"
        );
    }

    #[test]
    fn places_are_named() {
        let text = |document: Object| {
            Value::check_document(&document)
                .expect_err("over the limit")
                .to_string()
        };
        let inner = |value: Value| {
            document(Value::Array(vec![
                Value::Null,
                Value::Object(document(value)),
            ]))
        };
        let long = Value::Array(vec![Value::Null; 8_193]);
        assert!(text(inner(long)).ends_with("(8193 > maximum length 8192) at .f[1].f"));
        let wide: Object = (0..1_025).map(|n| (n.to_string(), Value::Null)).collect();
        assert!(text(inner(Value::Object(wide))).ends_with("maximum number 1024) at .f[1].f"));
        let name = Value::Object(Object::from([("$a".to_owned(), Value::Null)]));
        assert!(text(inner(name)).ends_with("rename the field (at .f[1].f)"));
        let large = Value::String("x".repeat(1 << 20));
        assert!(text(inner(large)).ends_with(", most of it at .f[1].f"));
        let pieces = (0..4).map(|n| (format!("f{n}"), Value::String("x".repeat(300_000))));
        assert!(text(pieces.collect()).ends_with("(1.14 MiB > maximum size 1 MiB)"));
        let deep = Object::from([("a".to_owned(), nested(2)), ("b".to_owned(), nested(30))]);
        assert!(text(deep).ends_with(&format!("maximum nesting 16) at .b{}", "[0]".repeat(15))));
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
