//! This crate does what runs with no client waiting: checking and filling for pushes, retention,
//! imports, exports, scheduled functions and cron jobs.
//!
//! It does not answer requests; the edge asks it through [`Imports`] and [`Exports`].
//!
//! Invariants: an import is visible whole or not at all; an export is of one snapshot.

mod error;
mod import;
mod plan;
mod uploads;
mod parse;
mod export;
mod snapshot;
mod files;
mod scheduler;
mod crons;
mod work;

pub use crate::error::JobError;
pub use crate::export::{ExportFile, Exports};
pub use crate::import::{Imports, renew_table};
pub use crate::work::Jobs;
