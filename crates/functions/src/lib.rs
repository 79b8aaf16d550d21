//! This crate runs queries and mutations: it resolves a path, validates, executes, retries on
//! conflict, caches queries, collects logs, and answers the syscalls of user code. It also takes
//! pushes and answers the server's own queries.
//!
//! It does not speak the wire and keeps no per-client state.
//!
//! Invariants: a query's result is a function of its code, arguments, identity, environment and
//! the documents in its read set; a mutation takes effect once or not at all.

mod path;
mod place;
mod outcome;
mod scans;
mod service;
mod sessions_seen;
mod signal;
mod transact;
mod errors;
mod validate;
mod prepare;
mod execute;
mod mutation;
mod agenda;
mod key_uses;
mod later;
mod job;
mod crons;
mod contention;
mod requests;
mod query;
mod cache;
mod watchers;
mod warnings;
mod system_query;
mod system_mutation;
mod pausing;
mod tables;
mod all_tables;
mod actions;
mod any;
mod one_off;
mod files;
mod syscalls;
mod index_range;
mod filter;
mod cursor;
mod limits;
mod logs;
mod introspection;
pub mod deploy;
mod system;

pub use lentil_js::{
    ActionOptions, Host, HostOptions, HttpHead, Network, NodeOptions, Proxy, Realms, RequestBody,
};

pub use crate::actions::{CutShort, HttpBody, HttpFailure, HttpRequest, HttpResponse};
pub use crate::agenda::Agenda;
pub use crate::all_tables::Documents;
pub use crate::crons::CronId;
pub use crate::errors::client_message;
pub use crate::files::{ContentsHeld, FileFailure, Restoring, StoredFile, Upload, UrlProof};
pub use crate::introspection::{
    Event, EventReader, News, Parameters, Presence, SeriesQuery, hide_data,
};
pub use crate::job::Ended;
pub use crate::limits::{LIMITS, Limit, LimitError, Limits};
pub use crate::logs::{
    KeptLogsOptions, LogEntry, LogForm, LogKeeper, LogSearch, LogStream, LogsFound, request_id_of,
};
pub use crate::outcome::{
    FailureClass, FunctionFailure, MutationDone, Outcome, QueryResult, Watch,
};
pub use lentil_catalog::AppTable;

pub use crate::path::{ComponentPath, FunctionPath, PathError};
pub use crate::place::Place;
pub use crate::service::{Call, Functions, FunctionsOptions, Origin, Question, SessionRequest};
pub use crate::signal::Signal;
pub use crate::system::{BackupAction, author_of};
