//! One function on the stack of an execution.

use std::collections::HashMap;
use std::sync::Arc;

use lentil_database::{Transaction, TransactionLimits};
use lentil_js::FunctionKind;

use super::scheduling::Ceilings;
use super::streams::Stream;
use crate::deploy::DeploymentImage;
use crate::path::FunctionPath;

/// A function that is running: the called one, or one nested in it.
pub(super) struct Frame {
    /// The component that it is of, with the tables that it sees.
    pub(super) image: Arc<DeploymentImage>,
    pub(super) path: FunctionPath,
    pub(super) kind: FunctionKind,
    /// Open query streams by number.
    pub(super) streams: HashMap<u64, Stream>,
    /// Whether it has used its one pagination.
    pub(super) paginated: bool,
    /// Where the caller's last run of a paginating query ended (the called function only).
    pub(super) journal: Option<Arc<str>>,
    /// Where this run's page ended.
    pub(super) pinned: Option<Arc<str>>,
    /// A transaction of its own, for calls that read the snapshot and nothing pending.
    pub(super) stale: Option<Box<Transaction>>,
    /// For nested functions: what to restore when they end.
    pub(super) nested: Option<Nested>,
}

/// What a nested function's end restores.
pub(super) struct Nested {
    /// Ceilings before the call's own.
    pub(super) limits: TransactionLimits,
    /// Ceilings of what may be scheduled, likewise.
    pub(super) scheduling: Ceilings,
    /// Whether its writes are a sub-transaction's.
    pub(super) sub_transaction: bool,
}

impl Frame {
    pub(super) fn root(
        image: Arc<DeploymentImage>,
        path: FunctionPath,
        kind: FunctionKind,
        journal: Option<Arc<str>>,
    ) -> Frame {
        Frame {
            image,
            path,
            kind,
            streams: HashMap::new(),
            paginated: false,
            journal,
            pinned: None,
            stale: None,
            nested: None,
        }
    }
}
