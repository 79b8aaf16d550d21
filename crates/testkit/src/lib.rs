//! This crate is what tests share: an in-process server with an application pushed to it.
//!
//! It does not ship, and nothing but tests depends on it.

mod server;

pub use crate::server::TestServer;
