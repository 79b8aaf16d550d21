//! Commit timestamps.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

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
        STANDARD.encode(self.0.to_le_bytes())
    }

    /// Reads `enc64`; `None` if it is not one or exceeds 2^63 - 1.
    pub fn from_base64(text: &str) -> Option<Timestamp> {
        let bytes: [u8; 8] = STANDARD.decode(text).ok()?.try_into().ok()?;
        let ts = Timestamp(u64::from_le_bytes(bytes));
        (ts <= Timestamp::MAX).then_some(ts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_vectors_of_the_specification() {
        for (ts, text) in [
            (0, "AAAAAAAAAAA="),
            (1, "AQAAAAAAAAA="),
            (5, "BQAAAAAAAAA="),
            (100, "ZAAAAAAAAAA="),
            (256, "AAEAAAAAAAA="),
            (1 << 32, "AAAAAAEAAAA="),
            (1_700_000_000_000_000_000, "AAAqNv6clxc="),
            (1_795_234_803_616_000_000, "ACjz1Yr06Rg="),
            (i64::MAX as u64, "/////////38="),
        ] {
            assert_eq!(Timestamp(ts).to_base64(), text);
            assert_eq!(Timestamp::from_base64(text), Some(Timestamp(ts)));
        }
        for refused in ["AAAAAAAAAIA=", "AQ==", "", "AAAAAAAAAAA", "!"] {
            assert_eq!(Timestamp::from_base64(refused), None, "{refused:?}");
        }
    }
}
