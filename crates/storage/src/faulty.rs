//! A wrapper that makes storage fail on purpose, for tests.

/// What goes wrong at a chosen append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The append fails and nothing of it is kept.
    FailBefore,
    /// The append is kept, but reported as failed (a lost acknowledgement).
    FailAfter,
    /// The disk is full from now on.
    Full,
}

/// Passes everything through to another adapter, with faults.
#[derive(Debug)]
pub struct FaultyPersistence {}
