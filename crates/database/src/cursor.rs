//! A lazily read index range: storage pages merged with the transaction's own writes.

use lentil_values::IndexKey;

use crate::{Document, Transaction, TransactionError};

/// An open range. Reading ahead is allowed, but only what was handed out is recorded as read.
#[derive(Debug)]
pub struct RangeCursor {
    _private: (),
}

impl RangeCursor {
    /// The next document and its key, recording exactly what was consumed; `None` at the end (the
    /// whole range is then recorded).
    pub fn next(&mut self, tx: &mut Transaction) -> Result<Option<(IndexKey, Document)>, TransactionError> {
        let _ = tx;
        todo!()
    }
    /// Hints how many more rows will be wanted, so that pages have the right size.
    pub fn expect_rows(&mut self, rows: usize) {
        let _ = rows;
        todo!()
    }
}
