//! Fills an index that was added to a table with data, a bounded step at a time, while others write.

/// How far a backfill is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackfillProgress {
    /// Documents done.
    pub done: u64,
    /// Documents there are, if counted.
    pub total: Option<u64>,
}

/// The result of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackfillStep {
    /// More to do.
    More(BackfillProgress),
    /// The index has become `Backfilled`.
    Done,
    /// The index is gone or was not backfilling.
    Nothing,
}
