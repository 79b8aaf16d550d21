//! System functions: what the CLI and dashboards ask through the sync protocol, answered by the
//! server itself (cli-and-deploy 3.2).
//!
//! They read through a transaction like any query, so they are live like any query. Only admins
//! reach them.

mod admin_keys;
mod audit;
mod coming;
mod components;
mod data;
mod deployment;
mod events;
mod files;
mod filters;
mod frontend;
mod imports;
mod indexes;
mod later;
mod modules;
mod tables;

use std::sync::Arc;

use lentil_catalog::Component;
use lentil_database::{IndexQuery, Namespace, Transaction, TransactionError};
use lentil_identity::Identity;
use lentil_js::FunctionKind;
use lentil_values::{DocumentId, KeyRange, Object, Value};

pub(crate) use self::audit::note;
pub use self::audit::{BackupAction, author_of};
pub(crate) use self::components::by_path;
pub(crate) use self::deployment::plain;
use crate::outcome::Observed;
use crate::{FunctionFailure, FunctionPath, Functions};

/// What a query answers.
type QueryBody = fn(&mut Request) -> Result<Value, TransactionError>;
/// What a mutation does; its failure undoes it.
type MutationBody = fn(&mut Request) -> Result<Value, FunctionFailure>;

/// A function that the server answers itself.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SystemFunction {
    Query(QueryBody),
    Mutation(MutationBody),
}

/// What a system function has to work with.
pub(crate) struct Request<'a> {
    pub(crate) functions: &'a Functions,
    pub(crate) tx: &'a mut Transaction,
    pub(crate) args: Object,
    /// The component that is asked about.
    pub(crate) component: Component,
    /// Where its tables are.
    pub(crate) namespace: Namespace,
    pub(crate) identity: &'a Identity,
    /// Where the page ends that is asked for again; a page says here where it has ended.
    pub(crate) journal: Option<Arc<str>>,
    /// What the answer depends on beside documents.
    pub(crate) observed: Observed,
    /// What is to be done once a mutation has committed.
    pub(crate) after: AfterCommit,
}

/// Whom a mutation's commit concerns beside those who read what it wrote.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AfterCommit {
    /// Whoever runs cron jobs.
    pub(crate) crons: bool,
    /// Whoever runs scheduled functions: the time of one, ms since the epoch.
    pub(crate) scheduled_ms: Option<f64>,
}

/// The system function of that path, if there is one.
pub(crate) fn lookup(path: &FunctionPath) -> Option<SystemFunction> {
    let body: QueryBody = match (path.module.as_str(), path.function.as_str()) {
        ("_system/cli/queryEnvironmentVariables.js", "default") => {
            deployment::environment_variables
        }
        ("_system/cli/queryEnvironmentVariables.js", "get") => deployment::environment_variable,
        ("_system/cli/convexUrl.js", "cloudUrl") => deployment::cloud_url,
        ("_system/cli/convexUrl.js", "siteUrl") => deployment::site_url,
        ("_system/cli/modules.js", "apiSpec") => deployment::api_spec,
        ("_system/cli/queryTable.js", "default") => tables::change_marker,
        ("_system/cli/tables.js", "default") => tables::names,
        ("_system/cli/tableData.js", "default") => tables::page,
        ("_system/cli/tableSize.js", "default") => tables::size,
        ("_system/cli/queryImport.js", "default") => imports::one,
        ("_system/cli/queryImport.js", "list") => imports::newest,
        ("_system/cli/exports.js", "getLatest") => imports::latest_export,
        (module, function) => return frontend::lookup(module, function),
    };
    Some(SystemFunction::Query(body))
}

impl SystemFunction {
    /// Whether it reads or writes.
    pub(crate) fn kind(&self) -> FunctionKind {
        match self {
            SystemFunction::Query(_) => FunctionKind::Query,
            SystemFunction::Mutation(_) => FunctionKind::Mutation,
        }
    }

    /// Answers in the request's transaction; may block on storage. The caller has checked that an
    /// admin asks, and of a mutation that the key may write.
    pub(crate) fn run(&self, request: &mut Request) -> Result<Value, FunctionFailure> {
        match self {
            SystemFunction::Query(body) => body(request).map_err(FunctionFailure::from),
            SystemFunction::Mutation(body) => {
                request.check_mounted()?;
                body(request)
            }
        }
    }
}

impl Request<'_> {
    /// An argument that must be a list.
    fn list(&self, name: &str) -> Result<Vec<Value>, TransactionError> {
        match self.args.get(name) {
            Some(Value::Array(elements)) => Ok(elements.clone()),
            _ => Err(bad_argument(name, "an array")),
        }
    }

    /// An argument that must be an object.
    fn object(&self, name: &str) -> Result<Object, TransactionError> {
        match self.args.get(name) {
            Some(Value::Object(fields)) => Ok(fields.clone()),
            _ => Err(bad_argument(name, "an object")),
        }
    }

    /// An argument that must be the id of a document.
    fn id(&self, name: &str) -> Result<DocumentId, TransactionError> {
        parse_id(self.args.get(name)).ok_or_else(|| bad_argument(name, "the id of a document"))
    }

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

/// The document id that a value is, if it is one.
fn parse_id(value: Option<&Value>) -> Option<DocumentId> {
    match value {
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    }
}

/// A count or time as clients have it.
fn number(number: u64) -> Value {
    Value::Float64(number as f64)
}

/// A number that an argument gives, of either type.
fn as_number(value: Option<&Value>) -> Option<f64> {
    match value {
        Some(Value::Float64(number)) => Some(*number),
        Some(Value::Int64(number)) => Some(*number as f64),
        _ => None,
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

/// The same query of a part of its range.
fn with_range(query: IndexQuery, range: KeyRange) -> IndexQuery {
    IndexQuery { range, ..query }
}

/// A document as a value.
fn document(json: &str) -> Result<Value, TransactionError> {
    Value::parse(json)
        .map_err(|error| TransactionError::Corrupt(format!("a document cannot be read: {error}")))
}
