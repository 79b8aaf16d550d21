//! The three things a function call can give back, told apart.

use convex::{ConvexError, FunctionResult, Value};

/// A function failed, and why has been printed.
#[derive(Debug, thiserror::Error)]
#[error("a function failed")]
pub struct Failed;

/// The value of a call that succeeded; of one that failed, the reason goes to stderr.
pub fn value_or_print(result: FunctionResult) -> Result<Value, Failed> {
    match result {
        FunctionResult::Value(value) => Ok(value),
        failure => {
            eprintln!("{}", describe(&failure));
            Err(Failed)
        }
    }
}

/// One line (errors may be longer) that begins with the name of the variant.
pub fn describe(result: &FunctionResult) -> String {
    match result {
        // The function returned.
        FunctionResult::Value(value) => format!("Value: {}", value.clone().export()),
        // It threw, or was refused before it ran. There is only text, which a production
        // deployment may replace by a request id.
        FunctionResult::ErrorMessage(message) => format!("ErrorMessage: {}", message.trim_end()),
        // It threw a ConvexError: the data is the application's own, so a program may rely on it.
        FunctionResult::ConvexError(error) => match (text(error, "code"), text(error, "message")) {
            (Some(code), Some(message)) => format!("ConvexError: {code}: {message}"),
            _ => format!("ConvexError: {}", error.data.clone().export()),
        },
    }
}

/// A text field of an error's data, if the data is an object that has it.
fn text<'e>(error: &'e ConvexError, name: &str) -> Option<&'e str> {
    let Value::Object(fields) = &error.data else {
        return None;
    };
    match fields.get(name)? {
        Value::String(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn each_variant_is_told_apart() {
        assert_eq!(describe(&FunctionResult::Value(Value::Null)), "Value: null");
        assert_eq!(
            describe(&FunctionResult::ErrorMessage("boom".to_owned())),
            "ErrorMessage: boom"
        );
        let data = BTreeMap::from([
            ("code".to_owned(), Value::from("EMPTY_TITLE")),
            ("message".to_owned(), Value::from("a note needs a title")),
        ]);
        let error = ConvexError {
            message: String::new(),
            data: Value::Object(data),
        };
        assert_eq!(
            describe(&FunctionResult::ConvexError(error)),
            "ConvexError: EMPTY_TITLE: a note needs a title"
        );
    }

    #[test]
    fn data_of_another_shape_is_shown_whole() {
        let error = ConvexError {
            message: String::new(),
            data: Value::from("just text"),
        };
        assert_eq!(
            describe(&FunctionResult::ConvexError(error)),
            "ConvexError: \"just text\""
        );
    }
}
