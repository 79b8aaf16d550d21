//! Changing environment variables.

use std::collections::BTreeMap;
use std::sync::Arc;

use lentil_catalog::{Author, Deployment, Variable, check_variable};
use lentil_database::Transaction;
use lentil_values::Value;
use serde_json::Value as Json;

use crate::system::note;

use super::{CONFLICTS_MAX, DeployError, Deployer, DeploymentImage, auth, declared};

/// What a change stands on.
struct Basis {
    deployment: Deployment,
    image: Option<Arc<DeploymentImage>>,
    /// `process.env` after the change.
    after: BTreeMap<String, String>,
}

impl Deployer {
    /// Applies changes, all or none; `None` deletes. Everything live sees them at once. The live
    /// `auth.config.ts` is evaluated again with them; if that fails, nothing changes.
    pub async fn update_environment_variables(
        &self,
        changes: Vec<(String, Option<String>)>,
    ) -> Result<(), DeployError> {
        self.update_environment_variables_as(Author::System, changes)
            .await
    }

    /// The same in somebody's name.
    pub async fn update_environment_variables_as(
        &self,
        author: Author,
        changes: Vec<(String, Option<String>)>,
    ) -> Result<(), DeployError> {
        for (name, value) in &changes {
            value
                .as_deref()
                .map_or(Ok(()), |value| check_variable(name, value))?;
        }
        let changes = Arc::new(changes);
        for _ in 0..CONFLICTS_MAX {
            let basis = self.basis(changes.clone()).await?;
            let auth = self.evaluate_auth_again(&basis).await?;
            let changes = changes.clone();
            let before = basis.deployment;
            let done = self
                .transact(move |tx| {
                    let now = Deployment::load(tx)?;
                    if (now.push, now.environment) != (before.push, before.environment) {
                        return Ok(false);
                    }
                    note_changes(tx, author, &changes)?;
                    Variable::update(tx, &changes)??;
                    if let Some(auth) = &auth {
                        let mut deployment = Deployment::load(tx)?;
                        deployment.auth = Some(auth.clone());
                        deployment.save(tx)?;
                    }
                    Ok(true)
                })
                .await?;
            if done {
                return Ok(());
            }
        }
        Err(DeployError::new(
            409,
            "EnvironmentConflict",
            "the environment variables keep changing while this change is checked; try again",
        ))
    }

    async fn basis(
        &self,
        changes: Arc<Vec<(String, Option<String>)>>,
    ) -> Result<Basis, DeployError> {
        let images = self.shared.images.clone();
        self.transact(move |tx| {
            let deployment = Deployment::load(tx)?;
            let definition = deployment.definition.as_deref().unwrap_or("{}");
            let definition: Json =
                serde_json::from_str(definition).map_err(|error| DeployError::internal(&error))?;
            declared::check_changes(&declared::declared(&definition)?, &changes)?;
            let mut after = images.built_in().clone();
            let kept = Variable::all(tx)?.into_iter();
            after.extend(kept.map(|variable| (variable.name, variable.value)));
            for (name, value) in changes.iter() {
                match value {
                    Some(value) => after.insert(name.clone(), value.clone()),
                    None => after.remove(name),
                };
            }
            Ok(Basis {
                deployment,
                image: images.current(tx)?,
                after,
            })
        })
        .await
    }

    /// The live authentication providers as they are after a change, if there are any.
    async fn evaluate_auth_again(&self, basis: &Basis) -> Result<Option<String>, DeployError> {
        let Some(image) = &basis.image else {
            return Ok(None);
        };
        if !image.analysis.contains_key("auth.config.js") {
            return Ok(None);
        }
        let environment = Arc::new(basis.after.clone());
        let bundle = image.bundle.clone();
        let text = self.shared.host.evaluate_auth(bundle, environment).await?;
        let providers = serde_json::to_string(&auth::providers(&text)?);
        Ok(Some(
            providers.map_err(|error| DeployError::internal(&error))?,
        ))
    }

    /// The user's variables by name.
    pub async fn environment_variables(&self) -> Result<BTreeMap<String, String>, DeployError> {
        self.transact(|tx| {
            Ok(Variable::all(tx)?
                .into_iter()
                .map(|variable| (variable.name, variable.value))
                .collect())
        })
        .await
    }
}

/// Notes which variables change: their names, never their values.
fn note_changes(
    tx: &mut Transaction,
    author: Author,
    changes: &[(String, Option<String>)],
) -> Result<(), DeployError> {
    let before = Variable::all(tx)?;
    for (name, value) in changes {
        let known = before.iter().find(|variable| variable.name == *name);
        let action = match (known, value) {
            (None, Some(_)) => "create_environment_variable",
            (Some(known), Some(value)) if known.value != *value => "update_environment_variable",
            (Some(_), None) => "delete_environment_variable",
            _ => continue,
        };
        let metadata = [("variable_name", Value::String(name.clone()))];
        note(tx, author, action, metadata)?;
    }
    Ok(())
}
