//! What a range of an index says, in words: `channel = "c1", _creationTime ≥ 5`.

use lentil_database::{Database, IndexId, IndexInfo, TableInfo};
use lentil_values::{DocumentId, InternalId, KeyRange, Value, after_values, read_key_values};

/// Characters of a value that are shown.
const VALUE_MAX: usize = 60;

/// An index of a table, by the names that people know.
pub(crate) struct Named {
    pub(crate) table: TableInfo,
    pub(crate) index: IndexInfo,
}

impl Named {
    /// `None` for an index that is gone, and for the look-ups of names.
    pub(crate) fn find(database: &Database, index: IndexId) -> Option<Named> {
        let (table, index) = database.describe_index(index)?;
        Some(Named { table, index })
    }

    /// What a range says.
    pub(crate) fn text(&self, range: &KeyRange) -> String {
        if self.table.by_id == self.index.id {
            return match id_of(&self.table, &range.start) {
                Some(id) if range.end.as_ref().is_some_and(|end| end.len() == 17) => {
                    format!("_id = {id:?}")
                }
                _ => "all documents".to_owned(),
            };
        }
        let fields: Vec<&str> = self.index.key_fields().collect();
        of_keys(&fields, range)
    }

    /// The document that a key is of.
    pub(crate) fn document(&self, key: &[u8]) -> Option<String> {
        if self.table.by_id == self.index.id {
            return id_of(&self.table, key);
        }
        match read_key_values(key).pop()? {
            Some(Value::String(id)) => Some(id),
            _ => None,
        }
    }
}

fn id_of(table: &TableInfo, key: &[u8]) -> Option<String> {
    let bytes: [u8; 16] = key.get(..16)?.try_into().ok()?;
    let id = DocumentId {
        table: table.number,
        internal: InternalId(bytes),
    };
    Some(id.to_string())
}

fn of_keys(fields: &[&str], range: &KeyRange) -> String {
    let lower = read_key_values(&range.start);
    // Everything that begins with these values: the end is no key of values itself.
    if range.end.as_deref() == Some(&after_values(&range.start)) {
        return describe(fields, &lower, Some(&lower));
    }
    let upper = range.end.as_deref().map(read_key_values);
    describe(fields, &lower, upper.as_deref())
}

type Edge = [Option<Value>];

fn describe(fields: &[&str], lower: &Edge, upper: Option<&Edge>) -> String {
    if lower.is_empty() && upper.is_none() {
        return "all documents".to_owned();
    }
    let upper = upper.unwrap_or_default();
    let same = lower
        .iter()
        .zip(upper)
        .take_while(|(low, high)| low == high);
    let same = same.count();
    let mut parts: Vec<String> = fields
        .iter()
        .zip(&lower[..same])
        .map(|(field, value)| format!("{field} = {}", shown(value.as_ref())))
        .collect();
    if let Some(field) = fields.get(same) {
        let low = lower.get(same).map(|value| shown(value.as_ref()));
        let high = upper.get(same).map(|value| shown(value.as_ref()));
        match (low, high) {
            (None, None) => {}
            (low, high) => {
                let low = low.unwrap_or_else(|| "-∞".to_owned());
                let high = high.unwrap_or_else(|| "∞".to_owned());
                parts.push(format!("{field} in {low}..{high}"));
            }
        }
    }
    if parts.is_empty() {
        return "all documents".to_owned();
    }
    parts.join(", ")
}

fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else {
        return "undefined".to_owned();
    };
    let text = value.to_json_string();
    let cut = text.floor_char_boundary(VALUE_MAX);
    match cut < text.len() {
        true => format!("{}…", &text[..cut]),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use lentil_values::push_key_value;

    use super::*;

    #[test]
    fn ranges_are_said_by_their_fields() {
        let text = |text: &str| Some(Value::String(text.to_owned()));
        let number = |number: f64| Some(Value::Float64(number));
        let fields = ["channel", "_creationTime", "_id"];
        assert_eq!(describe(&fields, &[], None), "all documents");
        assert_eq!(
            describe(&fields, &[text("c1")], Some(&[text("c1")])),
            "channel = \"c1\""
        );
        assert_eq!(
            describe(&fields, &[text("c1"), number(5.0)], Some(&[text("c1")])),
            "channel = \"c1\", _creationTime in 5.0..∞"
        );
        assert_eq!(
            describe(&fields, &[text("a")], Some(&[text("b")])),
            "channel in \"a\"..\"b\""
        );
        assert_eq!(
            describe(&fields, &[], Some(&[number(1.0)])),
            "channel in -∞..1.0"
        );
        let mut key = Vec::new();
        push_key_value(text("c1").as_ref(), &mut key);
        let range = KeyRange {
            end: Some(after_values(&key)),
            start: key,
        };
        assert_eq!(of_keys(&fields, &range), "channel = \"c1\"");
        assert!(shown(text(&"é".repeat(100)).as_ref()).ends_with('…'));
    }
}
