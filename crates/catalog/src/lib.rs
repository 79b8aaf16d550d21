//! This crate gives typed access, through a transaction, to the deployment's system tables: what
//! was pushed, schemas, environment variables, files, imports, session requests, scheduled
//! functions, cron jobs, function handles, components, what admins did, what was counted.
//!
//! It does not open transactions, run anything, or know what code means.
//!
//! Invariant: all tables here have fixed numbers, the same in every namespace, so that ids keep their
//! meaning.

mod error;
mod table;
mod row;
mod app_tables;
mod audit;
mod components;
mod crons;
mod deployment;
mod environment;
mod exports;
mod files;
mod file_names;
mod handles;
mod imports;
mod key_uses;
pub mod limits;
mod modules;
mod rollups;
mod schema;
mod schema_rows;
mod scheduled;
mod staged;
pub mod session_requests;

pub use crate::app_tables::AppTable;
pub use crate::audit::{AuditEvent, Author};
pub use crate::components::{
    Component, ComponentChanges, ComponentPath, ComponentState, Components, MountedComponent,
};
pub use crate::crons::{CronJob, CronRun, CronSpec, CronStatus};
pub use crate::deployment::Deployment;
pub use crate::environment::{EnvironmentError, Variable, check_variable};
pub use crate::error::CatalogError;
pub use crate::exports::{ExportRow, ExportState};
pub use crate::file_names::FileName;
pub use crate::files::{FileRow, RemovedFile};
pub use crate::handles::{FunctionHandles, HandledFunction};
pub use crate::imports::{ImportRow, ImportState};
pub use crate::key_uses::{KeyUse, NOTED_EVERY_MS};
pub use crate::modules::{ModuleChanges, ModuleRow, ModuleText};
pub use crate::rollups::Rollup;
pub use crate::scheduled::{Due, JobState, ScheduledFunction, ScheduledId};
pub use crate::schema::{
    IndexSpec, OtherIndex, OtherIndexKind, Schema, SchemaError, TableSchema, check_fields,
};
pub use crate::schema_rows::{SchemaRow, SchemaState};
pub use crate::staged::{StagedState, StagedValidator};
pub use crate::table::{SystemTable, bootstrap, system_table_name};
