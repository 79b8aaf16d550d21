//! The body of an HTTP answer that is not 200 (sync-and-http 4.4).

use serde::Serialize;

/// `{"code":…,"message":…}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorBody {
    /// Short code, e.g. `BadJsonBody`; clients match on it.
    pub code: String,
    /// What, where, and what to do.
    pub message: String,
}

impl ErrorBody {
    /// A body of this code and text.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> ErrorBody {
        ErrorBody {
            code: code.into(),
            message: message.into(),
        }
    }
}
