//! Changing environment variables.

use std::collections::BTreeMap;

use lentil_catalog::Variable;

use super::{DeployError, Deployer};

impl Deployer {
    /// Applies changes, all or none; `None` deletes. Everything live sees them at once.
    pub async fn update_environment_variables(
        &self,
        changes: Vec<(String, Option<String>)>,
    ) -> Result<(), DeployError> {
        self.transact(move |tx| Ok(Variable::update(tx, &changes)??))
            .await
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
