//! Writing JSON by hand: the frames of fan-out are concatenations, not trees.

use std::fmt::Write;

/// Appends `text` as a JSON string, quotes included.
pub(crate) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest
        .bytes()
        .position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\')
    {
        out.push_str(&rest[..at]);
        push_escape(out, rest.as_bytes()[at]);
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

fn push_escape(out: &mut String, byte: u8) {
    match byte {
        b'"' => out.push_str("\\\""),
        b'\\' => out.push_str("\\\\"),
        b'\n' => out.push_str("\\n"),
        b'\r' => out.push_str("\\r"),
        b'\t' => out.push_str("\\t"),
        control => push_display(out, format_args!("\\u{control:04x}")),
    }
}

/// Appends a list of texts as a JSON array of strings.
pub(crate) fn push_strings(out: &mut String, texts: &[String]) {
    out.push('[');
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_string(out, text);
    }
    out.push(']');
}

/// Appends anything displayable, unescaped.
pub(crate) fn push_display(out: &mut String, what: impl std::fmt::Display) {
    write!(out, "{what}").expect("writing to a String cannot fail");
}

/// Appends a number.
pub(crate) fn push_number(out: &mut String, number: u64) {
    // Most numbers of a frame are versions below ten; formatting machinery costs more than they do.
    match u8::try_from(number) {
        Ok(digit @ 0..=9) => out.push(char::from(b'0' + digit)),
        _ => push_display(out, number),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn strings_read_back(text in any::<String>()) {
            let mut out = String::new();
            push_string(&mut out, &text);
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }

        #[test]
        fn numbers_read_back(number in any::<u64>()) {
            let mut out = String::new();
            push_number(&mut out, number);
            prop_assert_eq!(out, number.to_string());
        }
    }

    #[test]
    fn lists_read_back() {
        for list in [
            vec![],
            vec!["a\"\u{1}".to_owned()],
            vec!["x".to_owned(), "\\".to_owned()],
        ] {
            let mut out = String::new();
            push_strings(&mut out, &list);
            assert_eq!(serde_json::from_str::<Vec<String>>(&out).unwrap(), list);
        }
    }
}
