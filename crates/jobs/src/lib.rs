//! This crate does what runs with no client waiting: checking and filling for pushes, retention,
//! imports, scheduled functions and cron jobs.
//!
//! It does not answer requests; the edge asks it through [`Imports`].
//!
//! Invariant: an import is visible whole or not at all.

mod import;
mod plan;
mod uploads;
mod parse;
mod write;
mod files;
mod scheduler;
mod crons;
mod work;

pub use crate::import::{ImportError, Imports};
pub use crate::work::Jobs;
