//! This crate is the edge: HTTP and WebSocket in, answers out; routes, authorization headers,
//! body limits, and the rendering of errors.
//!
//! It does not decide anything about data or functions: every handler hands over to the crate
//! that does.

mod service;
mod backups;
mod state;
mod request;
mod errors;
mod console;
mod cors;
mod meta;
mod api;
mod http_actions;
pub mod ws;

pub use crate::backups::{BackupContents, BackupFile, BackupKeeper, BackupState};
pub use crate::service::{BindError, DashboardOptions, Deps, Server, ServerOptions};
