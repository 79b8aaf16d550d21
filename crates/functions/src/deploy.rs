//! The push: new functions, schema and indexes become live in one commit, or nothing changes
//! (cli-and-deploy 4).
//!
//! A push has two halves. [`Deployer::start_push`] links, analyses and evaluates what was sent,
//! and makes the new schema *pending*: its indexes are filled and the documents that are there are
//! checked in the background, while every write is checked against it too
//! ([`image::DeploymentImage::pending_schema`]). [`Deployer::finish_push`] makes all of it live in
//! one transaction that also proves that nothing it stands on has changed in between.

mod analysis;
mod bindings;
mod code;
mod components;
mod auth;
mod cron_targets;
mod declared;
mod definition;
mod environment;
mod error;
mod evaluate;
mod finish;
mod handles;
mod image;
mod indexes;
mod node;
mod request;
mod schema_slots;
mod schema_work;
mod tree;
mod start;
mod staged;
mod wait;

use std::collections::HashMap;
use std::sync::Arc;

use lentil_catalog::{Deployment, Schema};
use lentil_database::{CommitError, Database, Namespace, Transaction, TransactionLimits};
use lentil_js::Host;
use lentil_values::{IdResolver, Object};
use parking_lot::Mutex;
use tokio::sync::Notify;

pub(crate) use self::analysis::{AnalyzedModuleJson, FunctionJson, validator_json};
pub use self::error::DeployError;
pub(crate) use self::evaluate::NO_SCHEMA;
pub(crate) use self::handles::is_handle;
pub use self::image::{
    DeploymentImage, Environment, FunctionSpec, ImageCache, PendingSchema, Visibility,
};
pub(crate) use self::indexes::declared_name;
#[cfg(test)]
pub(crate) use self::request::{CODE_BYTES_MAX, MODULES_MAX};
use self::schema_work::Trial;
pub(crate) use self::schema_work::note_write;
use self::start::PreparedPush;
use crate::introspection::Introspection;
use crate::validate::TableNames;
use crate::{Agenda, Functions};

/// Prepared pushes that are remembered between their halves; an older one must be sent again.
const PREPARED_MAX: usize = 4;
/// Times a transaction of a push is run again when something it read has changed.
const CONFLICTS_MAX: usize = 32;

/// Pushes code; cheap to clone.
#[derive(Clone)]
pub struct Deployer {
    shared: Arc<Shared>,
}

struct Shared {
    database: Database,
    host: Host,
    images: Arc<ImageCache>,
    prepared: Mutex<HashMap<String, Arc<PreparedPush>>>,
    work: Notify,
    /// How far the pending schema is checked; locked for a moment only.
    trial: Mutex<Option<Trial>>,
    agenda: Arc<Agenda>,
    introspection: Arc<Introspection>,
}

impl Deployer {
    /// Pushes to what these functions are taken from.
    pub fn new(functions: &Functions) -> Deployer {
        let shared = Shared {
            database: functions.database().clone(),
            host: functions.host().clone(),
            images: functions.images().clone(),
            prepared: Mutex::new(HashMap::new()),
            work: Notify::new(),
            trial: Mutex::new(None),
            agenda: functions.agenda().clone(),
            introspection: functions.inner().introspection.clone(),
        };
        Deployer {
            shared: Arc::new(shared),
        }
    }

    /// Creates the system tables of a new data folder.
    pub async fn bootstrap(&self) -> Result<(), DeployError> {
        self.transact(|tx| Ok(lentil_catalog::bootstrap(tx)?))
            .await?;
        self.transact(handles::complete).await?;
        let paused = self.transact(|tx| Ok(Deployment::load(tx)?.paused)).await?;
        self.shared.agenda.set_paused(paused);
        self.shared.work.notify_one();
        Ok(())
    }

    /// Waits until there may be something for [`Deployer::background_step`] to do.
    pub async fn work(&self) {
        self.shared.work.notified().await;
    }

    /// Says that there may be something to do.
    pub fn wake(&self) {
        self.shared.work.notify_one();
    }

    /// Runs a transaction off the async workers and commits it, again if it conflicts.
    async fn transact<T: Send + 'static>(
        &self,
        body: impl Fn(&mut Transaction) -> Result<T, DeployError> + Send + 'static,
    ) -> Result<T, DeployError> {
        let database = self.shared.database.clone();
        blocking(move || transact(&database, body)).await
    }

    /// Runs a transaction off the async workers and throws it away.
    async fn look<T: Send + 'static>(
        &self,
        body: impl FnOnce(&mut Transaction) -> Result<T, DeployError> + Send + 'static,
    ) -> Result<T, DeployError> {
        let database = self.shared.database.clone();
        blocking(move || {
            let mut tx = database.begin();
            tx.set_limits(TransactionLimits::UNLIMITED);
            body(&mut tx)
        })
        .await
    }

    fn remember(&self, push: Arc<PreparedPush>) {
        let mut prepared = self.shared.prepared.lock();
        while prepared.len() >= PREPARED_MAX {
            let oldest = prepared
                .values()
                .min_by_key(|push| push.number)
                .map(|push| push.id.clone());
            oldest.and_then(|id| prepared.remove(&id));
        }
        prepared.insert(push.id.clone(), push);
    }

    fn recall(&self, id: &str) -> Option<Arc<PreparedPush>> {
        self.shared.prepared.lock().get(id).cloned()
    }
}

/// Runs work that may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DeployError> + Send + 'static,
) -> Result<T, DeployError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| DeployError::internal(&error))?
}

/// Runs a transaction and commits it, again if it conflicts; blocks.
fn transact<T>(
    database: &Database,
    body: impl Fn(&mut Transaction) -> Result<T, DeployError>,
) -> Result<T, DeployError> {
    for _ in 0..CONFLICTS_MAX {
        let mut tx = database.begin();
        tx.set_limits(TransactionLimits::UNLIMITED);
        let value = body(&mut tx)?;
        match database.commit_blocking(tx) {
            Ok(_) => return Ok(value),
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(DeployError::new(
        409,
        "PushConflict",
        "what the push reads keeps changing while it is made live; try again when fewer writes go on",
    ))
}

impl Deployer {
    /// The store it pushes to.
    pub fn database(&self) -> &Database {
        &self.shared.database
    }

    /// The schema that is enforced in a component, as of a transaction.
    pub fn schema(
        &self,
        tx: &mut Transaction,
        namespace: Namespace,
    ) -> Result<Option<Arc<Schema>>, DeployError> {
        let image = self.shared.images.current(tx)?;
        let image = image.as_ref().and_then(|it| it.in_namespace(namespace));
        Ok(image.and_then(|image| image.schema.clone()))
    }

    /// Checks a document that is about to be written past functions (an import) against the
    /// enforced schema, and fails a pending one that does not allow it. The inner error is the
    /// validator's complaint. `names` says what table names stand for, if not what they stand for
    /// in the namespace of the component.
    pub fn check_write(
        &self,
        tx: &mut Transaction,
        namespace: Namespace,
        table: &str,
        fields: &Object,
        names: Option<&dyn IdResolver>,
    ) -> Result<Result<(), String>, DeployError> {
        let image = self.shared.images.current(tx)?;
        // One that is not mounted has no schema that is enforced.
        let Some(image) = image.as_ref().and_then(|it| it.in_namespace(namespace)) else {
            return Ok(Ok(()));
        };
        if let Some(schema) = &image.schema {
            let checked = match names {
                Some(names) => schema.check_document(table, fields, names),
                None => schema.check_document(table, fields, &TableNames::new(tx, namespace)),
            };
            if checked.is_err() {
                return Ok(checked);
            }
        }
        note_write(tx, image, table, fields, names)?;
        Ok(Ok(()))
    }
}
