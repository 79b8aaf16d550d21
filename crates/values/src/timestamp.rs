//! Commit timestamps.

/// Nanoseconds since the Unix epoch; at most 2^63 - 1. A snapshot is a timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The start of time: before every commit.
    pub const ZERO: Timestamp = Timestamp(0);
    /// The largest timestamp.
    pub const MAX: Timestamp = Timestamp(i64::MAX as u64);

    /// `enc64` of sync-and-http 0.2: padded base64 of the 8 little-endian bytes.
    pub fn to_base64(self) -> String {
        todo!()
    }
    /// Reads `enc64`; `None` if it is not one or exceeds 2^63 - 1.
    pub fn from_base64(text: &str) -> Option<Timestamp> {
        let _ = text;
        todo!()
    }
}
