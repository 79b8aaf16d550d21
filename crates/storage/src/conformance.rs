//! The conformance suite: what every adapter of [`crate::Persistence`] must do.
