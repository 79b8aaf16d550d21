//! The HTTP API and HTTP actions over real sockets: the numbered scenarios of
//! sync-and-http section 9.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod http {
    mod actions;
    mod admin;
    mod browsers;
    mod callers;
    mod client;
    mod component_data;
    mod console;
    mod functions;
    mod introspection;
    mod meta;
    mod requests;
    mod streaming;
    mod times;
}
