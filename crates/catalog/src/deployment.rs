//! The one row that says which push is live.

use lentil_database::{Namespace, Transaction};
use lentil_values::{DocumentId, InternalId, Timestamp, Value};

use crate::row::{Row, corrupt, fields, text};
use crate::{CatalogError, SystemTable};

/// The internal id of the only row.
const ROW: InternalId = InternalId(*b"the deployment!!");

/// What every execution must know; any change of it reaches every live query.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// Grows with every push.
    pub push: i64,
    /// Grows with every change of an environment variable.
    pub environment: i64,
    /// Version of the SDK that pushed.
    pub udf_server_version: Option<String>,
    /// The functions folder as the CLI names it, e.g. `convex/`.
    pub functions: String,
    /// Seed of module-level randomness until the next push.
    pub import_seed: [u8; 32],
    /// Module-level time until the next push, ms since the epoch.
    pub import_time_ms: f64,
    /// The row of the active schema.
    pub schema: Option<DocumentId>,
    /// The row of the schema that a push is trying: writes are checked against it as well, so
    /// that it cannot become active over a document that violates it.
    pub pending_schema: Option<DocumentId>,
    /// JSON text of what `auth.config.js` exports, normalised.
    pub auth: Option<String>,
    /// JSON text of what `convex.config.js` exports.
    pub definition: Option<String>,
    /// Major version of Node for Node actions; `None` is the server's own.
    pub node_version: Option<String>,
    /// JSON text of the packages that Node actions import: a list of names and versions.
    pub node_dependencies: Option<String>,
    /// Whether an admin has stopped it: no function runs until it goes on.
    pub paused: bool,
}

impl Deployment {
    /// A deployment to which nothing was pushed.
    pub fn empty() -> Deployment {
        Deployment {
            push: 0,
            environment: 0,
            udf_server_version: None,
            functions: "convex/".to_owned(),
            import_seed: [0; 32],
            import_time_ms: 0.0,
            schema: None,
            pending_schema: None,
            auth: None,
            definition: None,
            node_version: None,
            node_dependencies: None,
            paused: false,
        }
    }

    /// The row's text, for noticing change at the price of one point read; `None` before the first push.
    pub fn text(tx: &mut Transaction) -> Result<Option<std::sync::Arc<str>>, CatalogError> {
        Ok(tx
            .get(Namespace::ROOT, SystemTable::Deployment.id(ROW))?
            .map(|document| document.json))
    }

    /// The commit that last changed the row; `None` before the first push.
    pub fn since(tx: &mut Transaction) -> Result<Option<Timestamp>, CatalogError> {
        Ok(tx.revision_ts(Namespace::ROOT, SystemTable::Deployment.id(ROW))?)
    }

    /// The live deployment.
    pub fn load(tx: &mut Transaction) -> Result<Deployment, CatalogError> {
        let table = SystemTable::Deployment;
        let Some(document) = tx.get(Namespace::ROOT, table.id(ROW))? else {
            return Ok(Deployment::empty());
        };
        let row = Row::parse(table, &document)?;
        let import_seed = row.bytes("importSeed")?;
        let id = |name: &str| match row.optional_text(name) {
            Some(id) => id
                .parse()
                .map(Some)
                .map_err(|error| corrupt(table, &format!("{name:?}: {error}"))),
            None => Ok(None),
        };
        Ok(Deployment {
            push: row.integer("push")?,
            environment: row.integer("environment")?,
            udf_server_version: row.optional_text("udfServerVersion"),
            functions: row.text("functions")?,
            import_seed: import_seed
                .try_into()
                .map_err(|_| corrupt(table, "\"importSeed\" has not 32 bytes"))?,
            import_time_ms: row.number("importTimeMs")?,
            schema: id("schema")?,
            pending_schema: id("pendingSchema")?,
            auth: row.optional_text("auth"),
            definition: row.optional_text("definition"),
            node_version: row.optional_text("nodeVersion"),
            node_dependencies: row.optional_text("nodeDependencies"),
            paused: row.value("paused") == Some(&Value::Boolean(true)),
        })
    }

    /// Writes the row.
    pub fn save(&self, tx: &mut Transaction) -> Result<(), CatalogError> {
        let table = SystemTable::Deployment;
        let value = fields([
            ("push", Some(Value::Int64(self.push))),
            ("environment", Some(Value::Int64(self.environment))),
            (
                "udfServerVersion",
                self.udf_server_version.as_deref().and_then(text),
            ),
            ("functions", text(&self.functions)),
            ("importSeed", Some(Value::Bytes(self.import_seed.to_vec()))),
            ("importTimeMs", Some(Value::Float64(self.import_time_ms))),
            ("schema", self.schema.and_then(|id| text(&id.to_string()))),
            (
                "pendingSchema",
                self.pending_schema.and_then(|id| text(&id.to_string())),
            ),
            ("auth", self.auth.as_deref().and_then(text)),
            ("definition", self.definition.as_deref().and_then(text)),
            ("nodeVersion", self.node_version.as_deref().and_then(text)),
            (
                "nodeDependencies",
                self.node_dependencies.as_deref().and_then(text),
            ),
            ("paused", self.paused.then_some(Value::Boolean(true))),
        ]);
        let id = table.id(ROW);
        if tx.get(Namespace::ROOT, id)?.is_some() {
            tx.replace(Namespace::ROOT, id, value)?;
            return Ok(());
        }
        let info = tx
            .table(Namespace::ROOT, table.name())
            .ok_or_else(|| corrupt(table, "the table is missing"))?;
        let now_ms = tx.now_ms();
        tx.insert_with(&info, ROW, now_ms, value)?;
        Ok(())
    }
}
