//! How a socket ends (sync-and-http 2.7).

use std::borrow::Cow;

use crate::CLOSE_REASON_BYTES_MAX;

/// The close codes in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseCode {
    /// 1000: done.
    Normal,
    /// 1001: the server goes away.
    Away,
    /// 1009: a message above the inbound limit.
    TooBig,
    /// 1011: an internal error or a broken protocol; the client reconnects.
    Error,
    /// 1012: the server restarts; the client reconnects.
    Restart,
    /// 1013: overload or conflict; the client reconnects later.
    Again,
}

impl CloseCode {
    /// The number on the wire.
    pub fn number(self) -> u16 {
        match self {
            CloseCode::Normal => 1000,
            CloseCode::Away => 1001,
            CloseCode::TooBig => 1009,
            CloseCode::Error => 1011,
            CloseCode::Restart => 1012,
            CloseCode::Again => 1013,
        }
    }
}

/// A close frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// Its code; `None` closes with an empty frame, which clients see as 1005.
    pub code: Option<CloseCode>,
    /// Its reason; JS chooses its reconnect delay by the reason's prefix, so it starts with a
    /// short code. Invariant: at most [`CLOSE_REASON_BYTES_MAX`] bytes.
    pub reason: Cow<'static, str>,
}

impl Close {
    /// A close frame without code and reason, as follows `FatalError` and `AuthError`.
    pub fn bare() -> Close {
        Close {
            code: None,
            reason: Cow::Borrowed(""),
        }
    }

    /// A close frame with a code and a reason, which is cut to what a frame holds.
    pub fn new(code: CloseCode, reason: impl Into<Cow<'static, str>>) -> Close {
        let mut reason = reason.into();
        if reason.len() > CLOSE_REASON_BYTES_MAX {
            let cut = reason.floor_char_boundary(CLOSE_REASON_BYTES_MAX);
            reason.to_mut().truncate(cut);
        }
        Close {
            code: Some(code),
            reason,
        }
    }

    /// 1011 `InternalServerError`: the client reconnects and starts over.
    pub fn internal() -> Close {
        Close::new(CloseCode::Error, "InternalServerError")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_reasons_are_cut_between_characters() {
        let close = Close::new(CloseCode::Error, "ä".repeat(100));
        assert_eq!(close.reason.len(), 122);
        assert_eq!(close.code.map(CloseCode::number), Some(1011));
    }
}
