//! A deployment that an admin has paused: no function runs and nothing that is scheduled begins
//! until it goes on. What the server itself answers is answered as before.

use lentil_catalog::{Author, CatalogError, Deployment};
use lentil_database::Transaction;
use lentil_values::Value;

use crate::errors::from_transaction;
use crate::system::note;
use crate::transact::transact;
use crate::{FunctionFailure, Functions};

/// What every caller is told meanwhile.
pub(crate) const PAUSED: &str = "Cannot run functions while this deployment is paused. \
                                 Resume the deployment in the dashboard settings to allow functions to run.";
/// What is said of its transactions that fail.
const WHAT: &str = "the deployment could not be paused or resumed";

impl Functions {
    /// Pauses the deployment, or lets it go on. Live queries see it at once.
    pub async fn set_paused(&self, author: Author, paused: bool) -> Result<(), FunctionFailure> {
        let database = self.database().clone();
        let changed = transact(database, WHAT, move |tx| {
            change(tx, author, paused).map_err(|error| from_transaction(error.into()))
        });
        changed.await?;
        self.agenda().set_paused(paused);
        Ok(())
    }
}

fn change(tx: &mut Transaction, author: Author, paused: bool) -> Result<(), CatalogError> {
    let mut deployment = Deployment::load(tx)?;
    if deployment.paused == paused {
        return Ok(());
    }
    deployment.paused = paused;
    deployment.save(tx)?;
    let state = |paused| {
        let name = if paused { "paused" } else { "running" };
        Value::String(name.to_owned())
    };
    let action = if paused {
        "pause_deployment"
    } else {
        "unpause_deployment"
    };
    let metadata = [("old_state", state(!paused)), ("new_state", state(paused))];
    note(tx, author, action, metadata)
}
