//! Environment variables (cli-and-deploy 18).

use std::collections::BTreeMap;

use lentil_database::{Namespace, Transaction};
use lentil_values::{DocumentId, Value};

use crate::limits::{
    ENVIRONMENT_VARIABLES_MAX, VARIABLE_BYTES_MAX, VARIABLE_NAME_BYTES_MAX, VARIABLES_BYTES_MAX,
};
use crate::row::{Row, fields, rows_by, text};
use crate::{CatalogError, Deployment, SystemTable};

/// Names that the server itself provides.
const BUILT_IN: [&str; 2] = ["CONVEX_CLOUD_URL", "CONVEX_SITE_URL"];

/// A variable as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its row.
    pub id: DocumentId,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The whole row, encoded JSON.
    pub json: std::sync::Arc<str>,
}

/// A change is against the rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EnvironmentError {
    /// Short code of the specification.
    pub code: &'static str,
    /// What is wrong and what is allowed.
    pub message: String,
}

/// Checks one variable's name and value.
pub fn check_variable(name: &str, value: &str) -> Result<(), EnvironmentError> {
    let refused = |code, message| Err(EnvironmentError { code, message });
    if name.len() > VARIABLE_NAME_BYTES_MAX {
        return refused(
            "EnvironmentVariableNameTooLong",
            format!(
                "the name of an environment variable has {} bytes; at most {VARIABLE_NAME_BYTES_MAX} are allowed",
                name.len()
            ),
        );
    }
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !begins_well || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return refused(
            "EnvironmentVariableNameInvalid",
            format!(
                "{name:?} cannot name an environment variable: letters, digits and underscores, and no digit first"
            ),
        );
    }
    if BUILT_IN.contains(&name) {
        return refused(
            "EnvVarNameForbidden",
            format!("{name} is provided by the server and cannot be set"),
        );
    }
    if value.len() > VARIABLE_BYTES_MAX {
        return refused(
            "EnvironmentVariableValueTooLarge",
            format!(
                "the value of {name} has {} bytes; at most {VARIABLE_BYTES_MAX} are allowed",
                value.len()
            ),
        );
    }
    Ok(())
}

impl Variable {
    /// All variables, ordered by name.
    pub fn all(tx: &mut Transaction) -> Result<Vec<Variable>, CatalogError> {
        let table = SystemTable::Environment;
        rows_by(tx, Namespace::ROOT, table, "by_name", &[])?
            .into_iter()
            .map(|document| {
                let row = Row::parse(table, &document)?;
                Ok(Variable {
                    id: document.id,
                    name: row.text("name")?,
                    value: row.text("value")?,
                    json: document.json,
                })
            })
            .collect()
    }

    /// Applies changes (`None` deletes; deleting a missing one is fine), all or none, and marks the
    /// deployment as changed. The inner error is the caller's mistake.
    pub fn update(
        tx: &mut Transaction,
        changes: &[(String, Option<String>)],
    ) -> Result<Result<(), EnvironmentError>, CatalogError> {
        let kept: BTreeMap<String, Variable> = Variable::all(tx)?
            .into_iter()
            .map(|variable| (variable.name.clone(), variable))
            .collect();
        let mut after: BTreeMap<&str, &str> = kept
            .iter()
            .map(|(name, variable)| (name.as_str(), variable.value.as_str()))
            .collect();
        for (name, value) in changes {
            match value {
                Some(value) => {
                    if let Err(error) = check_variable(name, value) {
                        return Ok(Err(error));
                    }
                    after.insert(name, value);
                }
                None => {
                    after.remove(name.as_str());
                }
            }
        }
        if let Err(error) = check_totals(&after) {
            return Ok(Err(error));
        }
        for variable in kept.values() {
            match after.get(variable.name.as_str()) {
                None => drop(tx.delete(Namespace::ROOT, variable.id)?),
                Some(value) if *value != variable.value => {
                    tx.replace(Namespace::ROOT, variable.id, row_of(&variable.name, value))?;
                }
                Some(_) => {}
            }
        }
        for (name, value) in after {
            if !kept.contains_key(name) {
                tx.insert(
                    Namespace::ROOT,
                    SystemTable::Environment.name(),
                    row_of(name, value),
                )?;
            }
        }
        let mut deployment = Deployment::load(tx)?;
        deployment.environment += 1;
        deployment.save(tx)?;
        Ok(Ok(()))
    }
}

fn row_of(name: &str, value: &str) -> lentil_values::Object {
    fields([
        ("name", text(name)),
        ("value", Some(Value::String(value.to_owned()))),
    ])
}

fn check_totals(variables: &BTreeMap<&str, &str>) -> Result<(), EnvironmentError> {
    if variables.len() > ENVIRONMENT_VARIABLES_MAX {
        return Err(EnvironmentError {
            code: "EnvVarLimitMet",
            message: format!(
                "{} environment variables; at most {ENVIRONMENT_VARIABLES_MAX} are allowed",
                variables.len()
            ),
        });
    }
    let bytes: usize = variables
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if bytes > VARIABLES_BYTES_MAX {
        return Err(EnvironmentError {
            code: "EnvVarTotalSizeLimitMet",
            message: format!(
                "the environment variables have {bytes} bytes together; at most {VARIABLES_BYTES_MAX} are allowed"
            ),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s042_names_and_values_follow_the_rules() {
        let code =
            |name: &str, value: &str| check_variable(name, value).err().map(|error| error.code);
        assert_eq!(code("_A1", "x"), None);
        assert_eq!(code("1X", "y"), Some("EnvironmentVariableNameInvalid"));
        assert_eq!(code("", "y"), Some("EnvironmentVariableNameInvalid"));
        assert_eq!(code("A-B", "y"), Some("EnvironmentVariableNameInvalid"));
        assert_eq!(code("CONVEX_SITE_URL", "x"), Some("EnvVarNameForbidden"));
        assert_eq!(
            code(&"A".repeat(257), "x"),
            Some("EnvironmentVariableNameTooLong")
        );
        assert_eq!(
            code("A", &"x".repeat(8_193)),
            Some("EnvironmentVariableValueTooLarge")
        );
        assert_eq!(code("A", &"x".repeat(8_192)), None);
    }
}
