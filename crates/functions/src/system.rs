//! System functions: what the CLI and dashboards ask through the sync protocol, answered by the
//! server itself (cli-and-deploy 3.2).
//!
//! They read through a transaction like any query, so they are live like any query. Only admins
//! reach them.

mod deployment;
mod imports;
mod indexes;
mod later;
mod tables;

use lentil_database::{Transaction, TransactionError};
use lentil_identity::Identity;
use lentil_values::{Object, Value};

use crate::{FunctionPath, Functions};

/// A query that the server answers itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemFunction {
    body: fn(&mut Request) -> Result<Value, TransactionError>,
}

/// What a system function has to work with.
struct Request<'a> {
    functions: &'a Functions,
    tx: &'a mut Transaction,
    args: Object,
}

/// The system function of that path, if there is one.
pub(crate) fn lookup(path: &FunctionPath) -> Option<SystemFunction> {
    let body: fn(&mut Request) -> Result<Value, TransactionError> =
        match (path.module.as_str(), path.function.as_str()) {
            ("_system/cli/queryEnvironmentVariables.js", "default") => {
                deployment::environment_variables
            }
            ("_system/cli/queryEnvironmentVariables.js", "get") => deployment::environment_variable,
            ("_system/cli/convexUrl.js", "cloudUrl") => deployment::cloud_url,
            ("_system/cli/convexUrl.js", "siteUrl") => deployment::site_url,
            ("_system/cli/modules.js", "apiSpec") => deployment::api_spec,
            ("_system/frontend/components.js", "list") => deployment::components,
            ("_system/frontend/getSchemas.js", "default") => deployment::schemas,
            ("_system/frontend/indexes.js", "default") => indexes::of_table,
            ("_system/frontend/listCronJobs.js", "default") => later::cron_jobs,
            ("_system/frontend/listCronJobRuns.js", "default") => later::cron_runs,
            ("_system/frontend/paginatedScheduledJobs.js", "default") => later::scheduled,
            ("_system/frontend/scheduler.js", "getArgs") => later::scheduled_args,
            ("_system/cli/queryTable.js", "default") => tables::change_marker,
            ("_system/cli/tables.js", "default") => tables::names,
            ("_system/cli/tableData.js", "default") => tables::page,
            ("_system/cli/tableSize.js", "default") => tables::size,
            ("_system/cli/queryImport.js", "default") => imports::one,
            ("_system/cli/queryImport.js", "list") => imports::newest,
            ("_system/cli/exports.js", "getLatest") => imports::latest_export,
            _ => return None,
        };
    Some(SystemFunction { body })
}

impl SystemFunction {
    /// Answers at the transaction's snapshot; may block on storage. The caller has checked that an
    /// admin asks: every holder of a key may look, read-only or not.
    pub(crate) fn run(
        &self,
        functions: &Functions,
        tx: &mut Transaction,
        args: Object,
        _admin: &Identity,
    ) -> Result<Value, TransactionError> {
        (self.body)(&mut Request {
            functions,
            tx,
            args,
        })
    }
}

impl Request<'_> {
    /// An argument that must be a text.
    fn text(&self, name: &str) -> Result<String, TransactionError> {
        match self.args.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            _ => Err(bad_argument(name, "a string")),
        }
    }

    fn optional_text(&self, name: &str) -> Option<String> {
        match self.args.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            _ => None,
        }
    }
}

fn bad_argument(name: &str, wanted: &str) -> TransactionError {
    TransactionError::Developer {
        code: "InvalidArgument",
        message: format!("the argument {name:?} of this system function must be {wanted}"),
    }
}

/// An object from its fields.
fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Object(
        fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

fn text(text: impl Into<String>) -> Value {
    Value::String(text.into())
}

/// A document as a value.
fn document(json: &str) -> Result<Value, TransactionError> {
    Value::parse(json)
        .map_err(|error| TransactionError::Corrupt(format!("a document cannot be read: {error}")))
}
