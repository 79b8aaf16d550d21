//! How notes are printed.

use convex::Value;

/// Prints what `notes:list` has returned, a line a note.
pub fn print_all(notes: &Value) {
    match notes {
        Value::Array(notes) if notes.is_empty() => println!("  (no notes)"),
        Value::Array(notes) => notes.iter().for_each(|note| println!("  {}", line(note))),
        other => println!("  {}", text(other)),
    }
}

/// Whether the list that `notes:list` has returned has a note with this id and title.
pub fn contains(notes: &Value, id: &Value, title: &str) -> bool {
    let Value::Array(notes) = notes else {
        return false;
    };
    notes.iter().any(|note| {
        field(note, "_id") == Some(id) && field(note, "title") == Some(&Value::from(title))
    })
}

/// A string as it is, everything else as JSON.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.clone().export().to_string(),
    }
}

fn line(note: &Value) -> String {
    let part = |name| field(note, name).map(text).unwrap_or_default();
    let content = part("content");
    let separator = if content.is_empty() { "" } else { ": " };
    format!("{}  {}{separator}{content}", part("_id"), part("title"))
}

fn field<'v>(note: &'v Value, name: &str) -> Option<&'v Value> {
    match note {
        Value::Object(fields) => fields.get(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn note(id: &str, title: &str, content: &str) -> Value {
        Value::Object(BTreeMap::from([
            ("_id".to_owned(), Value::from(id)),
            ("title".to_owned(), Value::from(title)),
            ("content".to_owned(), Value::from(content)),
        ]))
    }

    #[test]
    fn a_note_is_one_line() {
        assert_eq!(
            line(&note("k1", "Shopping", "bread")),
            "k1  Shopping: bread"
        );
        assert_eq!(line(&note("k1", "Shopping", "")), "k1  Shopping");
    }

    #[test]
    fn a_note_is_found_by_id_and_title() {
        let notes = Value::Array(vec![note("k1", "Old", ""), note("k2", "New", "")]);
        assert!(contains(&notes, &Value::from("k2"), "New"));
        assert!(!contains(&notes, &Value::from("k1"), "New"));
        assert!(!contains(&Value::Null, &Value::from("k1"), "New"));
    }
}
