//! The sync protocol over real sockets: the numbered scenarios of sync-and-http section 9.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod sync {
    mod auth;
    mod client;
    mod connection;
    mod mutations;
    mod pagination;
    mod queries;
    mod versions;
}
