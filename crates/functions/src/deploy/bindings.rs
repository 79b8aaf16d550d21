//! What a component's environment variables are bound to (function-runtime 11.7).

use std::collections::BTreeMap;

use serde_json::Value as Json;

/// What one variable of a component is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Binding {
    /// This text.
    Value(String),
    /// The parent's variable of this name, as it is at the time.
    Variable(String),
}

/// Reads the member `env` of a child: `[[name, {"type": "value", "value"} | {"type": "envVar",
/// "name"}], …]`, or nothing at all.
pub(super) fn read(env: &Json) -> Result<Vec<(String, Binding)>, String> {
    let list = match env {
        Json::Null => return Ok(Vec::new()),
        Json::Array(list) => list,
        _ => return Err("the bindings of its environment variables are no list".to_owned()),
    };
    let read_one = |entry: &Json| {
        let name = entry.get(0).and_then(Json::as_str)?;
        let of = entry.get(1)?;
        let text = |member: &str| of.get(member).and_then(Json::as_str).map(str::to_owned);
        let binding = match of.get("type").and_then(Json::as_str)? {
            "value" => Binding::Value(text("value")?),
            "envVar" => Binding::Variable(text("name")?),
            _ => return None,
        };
        Some((name.to_owned(), binding))
    };
    list.iter()
        .map(|entry| read_one(entry).ok_or_else(|| format!("the binding {entry} cannot be read")))
        .collect()
}

/// The values of what is bound, as the parent's environment is.
pub(super) fn values(env: &Json, parent: &BTreeMap<String, String>) -> Vec<(String, String)> {
    // It was read when it was pushed.
    let bindings = read(env).unwrap_or_default().into_iter();
    let value = |(name, binding)| match binding {
        Binding::Value(value) => Some((name, value)),
        Binding::Variable(of) => Some((name, parent.get(&of)?.clone())),
    };
    bindings.filter_map(value).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn variables_follow_the_parent_and_values_do_not() {
        let env = json!([
            ["A", { "type": "value", "value": "one" }],
            ["B", { "type": "envVar", "name": "OF_PARENT" }],
            ["C", { "type": "envVar", "name": "MISSING" }],
        ]);
        let parent = BTreeMap::from([("OF_PARENT".to_owned(), "two".to_owned())]);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(values(&env, &parent), [pair("A", "one"), pair("B", "two")]);
        assert_eq!(values(&Json::Null, &parent), []);
        assert!(read(&json!([["A", { "type": "other" }]])).is_err());
        assert!(read(&json!("A")).is_err());
    }
}
