//! What those get who may see how a deployment does and not what is in it (dashboard C4): the same
//! events and the same picture, with nothing in the place of arguments, ids and values.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::Event;

/// Members that hold arguments of calls, ids of documents, values of indexes, or texts of errors,
/// which quote any of them.
const OF_DATA: [&str; 5] = ["argsPreview", "docId", "ids", "rangeText", "error"];
/// Events that have such members.
const TOPICS: [&str; 6] = ["exec", "commit", "invalidate", "rerun", "conflict", "sub"];

/// Leaves `null` in the place of everything that is of the data.
pub fn hide_data(json: &mut Json) {
    match json {
        Json::Object(members) => {
            for (name, value) in members {
                match OF_DATA.contains(&name.as_str()) {
                    true => *value = Json::Null,
                    false => hide_data(value),
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(hide_data),
        _ => {}
    }
}

impl Event {
    /// Its line, as somebody gets it who may see the data or may not.
    pub fn line_for(&self, sees_data: bool) -> Cow<'_, str> {
        if sees_data || !TOPICS.contains(&self.topic) {
            return Cow::Borrowed(&self.line);
        }
        // It was written by this process: if it could not be read, nothing of it is told.
        let mut json: Json = serde_json::from_str(&self.line).unwrap_or_default();
        hide_data(&mut json);
        Cow::Owned(json.to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_of_the_data_is_null_and_all_else_stays() {
        let told = json!({
            "commitTs": "5",
            "hits": [{ "query": "m:list", "argsHash": "ab", "argsPreview": "{}", "rangeText": "a = 1", "docId": "x" }],
            "tables": [{ "table": "t", "ins": 1, "ids": ["x"] }],
        });
        let event = |topic| Event {
            seq: 1,
            topic,
            line: told.to_string().into(),
        };
        assert_eq!(event("invalidate").line_for(true), told.to_string());
        // What never has anything of the data is passed on as it is.
        assert_eq!(event("tick").line_for(false), told.to_string());
        let hidden = json!({
            "commitTs": "5",
            "hits": [{ "query": "m:list", "argsHash": "ab", "argsPreview": null, "rangeText": null, "docId": null }],
            "tables": [{ "table": "t", "ins": 1, "ids": null }],
        });
        let line = event("invalidate").line_for(false).into_owned();
        assert_eq!(serde_json::from_str::<Json>(&line).expect("JSON"), hidden);
    }
}
