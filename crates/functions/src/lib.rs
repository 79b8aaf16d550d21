//! This crate runs queries and mutations: it resolves a path, validates, executes, retries on
//! conflict, caches queries, collects logs, and answers the syscalls of user code.
//!
//! It does not speak the wire and keeps no per-client state.
//!
//! Invariants: a query's result is a function of its code, arguments, identity, environment and
//! the documents in its read set; a mutation takes effect once or not at all.

mod path;
mod outcome;
mod service;

pub use crate::outcome::{FunctionFailure, FailureClass, MutationDone, Outcome, QueryResult, Watch};
pub use crate::path::{ComponentPath, FunctionPath, PathError};
pub use crate::service::{Call, Functions, FunctionsOptions, SessionRequest};
