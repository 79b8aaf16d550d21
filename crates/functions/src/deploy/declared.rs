//! Environment variables that `convex.config.ts` declares (cli-and-deploy 4.8, 5.6 and 18).

use std::collections::BTreeMap;

use lentil_catalog::check_variable;
use lentil_values::{IdResolver, TableNumber, Validator, Value};
use serde_json::Value as Json;

use super::DeployError;

/// One declaration.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DeclaredVariable {
    pub(super) name: String,
    pub(super) validator: Validator,
    pub(super) optional: bool,
}

/// Reads the member `envVars` of an app's definition: `[[name, {type, value, optional?}], …]`.
pub(super) fn declared(definition: &Json) -> Result<Vec<DeclaredVariable>, DeployError> {
    let list = match definition.get("envVars") {
        None | Some(Json::Null) => return Ok(Vec::new()),
        Some(list) => list.as_array(),
    };
    let list = list.ok_or_else(|| invalid("envVars", "is not a list"))?;
    list.iter().map(read).collect()
}

fn invalid(name: &str, why: &str) -> DeployError {
    DeployError::bad(
        "InvalidEnvVarDeclaration",
        format!(
            "convex.config.ts: the environment variable {name:?} {why}; declare it as v.string(), v.literal(\"…\") or a \
             union of them"
        ),
    )
}

fn read(entry: &Json) -> Result<DeclaredVariable, DeployError> {
    let name = entry.get(0).and_then(Json::as_str);
    let name = name.ok_or_else(|| invalid("?", "has no name"))?;
    check_variable(name, "").map_err(|error| {
        DeployError::bad(
            "InvalidEnvVarDeclaration",
            format!("convex.config.ts declares an environment variable that cannot be: {error}"),
        )
    })?;
    let of = entry.get(1).unwrap_or(&Json::Null);
    let text = of.get("value").and_then(Json::as_str);
    let json: Option<Json> = text.and_then(|text| serde_json::from_str(text).ok());
    let validator = json.and_then(|json| Validator::from_json(&json).ok());
    let validator = validator.ok_or_else(|| invalid(name, "has no validator"))?;
    if !is_text(&validator) {
        return Err(invalid(name, &format!("is declared as {validator}")));
    }
    Ok(DeclaredVariable {
        name: name.to_owned(),
        validator,
        optional: of.get("optional").and_then(Json::as_bool) == Some(true),
    })
}

fn is_text(validator: &Validator) -> bool {
    match validator {
        Validator::String | Validator::Literal(Value::String(_)) => true,
        Validator::Union(members) => members.iter().all(is_text),
        _ => false,
    }
}

/// What is declared must be set, and set to what is declared.
pub(super) fn check_all(
    declared: &[DeclaredVariable],
    variables: &BTreeMap<String, String>,
) -> Result<(), DeployError> {
    let missing: Vec<&str> = declared
        .iter()
        .filter(|variable| !variable.optional && !variables.contains_key(&variable.name))
        .map(|variable| variable.name.as_str())
        .collect();
    if !missing.is_empty() {
        return Err(DeployError::bad(
            "MissingEnvironmentVariables",
            format!(
                "Environment variables that convex.config.ts requires are not set: {}.",
                missing.join(", ")
            ),
        ));
    }
    declared.iter().try_for_each(|variable| {
        let value = variables.get(&variable.name);
        value.map_or(Ok(()), |value| variable.check(value))
    })
}

/// A change must not take away what the live app requires, nor set what it does not allow.
pub(super) fn check_changes(
    declared: &[DeclaredVariable],
    changes: &[(String, Option<String>)],
) -> Result<(), DeployError> {
    for (name, value) in changes {
        let Some(variable) = declared.iter().find(|variable| variable.name == *name) else {
            continue;
        };
        match value {
            Some(value) => variable.check(value)?,
            None if variable.optional => {}
            None => {
                return Err(DeployError::bad(
                    "RequiredEnvironmentVariable",
                    format!(
                        "{name} cannot be removed: convex.config.ts of the live app requires it. Push an app that does \
                         not, or declare it as optional"
                    ),
                ));
            }
        }
    }
    Ok(())
}

impl DeclaredVariable {
    /// Whether a text is what is declared.
    pub(super) fn accepts(&self, value: &str) -> bool {
        let value = Value::String(value.to_owned());
        self.validator.check(&value, &NoTables).is_ok()
    }

    fn check(&self, value: &str) -> Result<(), DeployError> {
        if self.accepts(value) {
            return Ok(());
        }
        // The value may be a secret, so that the message does not show it.
        Err({
            DeployError::bad(
                "InvalidEnvironmentVariableValue",
                format!(
                    "the value of the environment variable {} is not what convex.config.ts declares: {}",
                    self.name, self.validator
                ),
            )
        })
    }
}

/// Texts are no ids.
struct NoTables;

impl IdResolver for NoTables {
    fn number_of(&self, _: &str) -> Option<TableNumber> {
        None
    }
    fn name_of(&self, _: TableNumber) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn definition(kind: Json) -> Json {
        let required = json!({ "type": "value", "value": kind.to_string() });
        let text = json!({ "type": "string" }).to_string();
        let optional = json!({ "type": "value", "value": text, "optional": true });
        json!({ "envVars": [["MODE", required], ["NAME", optional]] })
    }

    fn modes() -> Vec<DeclaredVariable> {
        let literal = |text: &str| json!({ "type": "literal", "value": text });
        let union = json!({ "type": "union", "value": [literal("a"), literal("b")] });
        declared(&definition(union)).expect("good")
    }

    fn variables(list: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        list.iter().map(owned).collect()
    }

    #[test]
    fn s029_what_is_required_must_be_set() {
        let missing = check_all(&modes(), &BTreeMap::new()).expect_err("missing");
        assert_eq!(missing.code, "MissingEnvironmentVariables");
        assert!(missing.message.contains("are not set: MODE."), "{missing}");
        let wrong = check_all(&modes(), &variables(&[("MODE", "secret")])).expect_err("wrong");
        assert_eq!(wrong.code, "InvalidEnvironmentVariableValue");
        assert!(!wrong.message.contains("secret"));
        check_all(&modes(), &variables(&[("MODE", "a")])).expect("good");
        check_all(&[], &BTreeMap::new()).expect("good");
    }

    #[test]
    fn changes_respect_what_is_live() {
        let set = |name: &str, value: Option<&str>| {
            let changes = [(name.to_owned(), value.map(str::to_owned))];
            check_changes(&modes(), &changes).map_err(|error| error.code)
        };
        assert_eq!(set("MODE", None), Err("RequiredEnvironmentVariable"));
        assert_eq!(
            set("MODE", Some("c")),
            Err("InvalidEnvironmentVariableValue")
        );
        assert_eq!(set("MODE", Some("b")), Ok(()));
        assert_eq!(set("NAME", None), Ok(()));
        assert_eq!(set("OTHER", None), Ok(()));
    }

    #[test]
    fn only_texts_can_be_declared() {
        let code = |definition: &Json| declared(definition).expect_err("bad").code;
        for kind in [
            json!({ "type": "number" }),
            json!({ "type": "union", "value": [{ "type": "null" }] }),
            json!(5),
        ] {
            assert_eq!(code(&definition(kind)), "InvalidEnvVarDeclaration");
        }
        assert_eq!(code(&json!({ "envVars": 5 })), "InvalidEnvVarDeclaration");
        assert_eq!(
            code(&json!({ "envVars": [["1X", {}]] })),
            "InvalidEnvVarDeclaration"
        );
        assert_eq!(declared(&json!({ "envVars": null })).expect("none"), []);
    }
}
