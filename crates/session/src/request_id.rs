//! The ids by which errors and log lines name a request (sync-and-http 2.8).

use lentil_protocol::RequestId;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The id of a mutation or an action: clients and the CLI can derive it too.
pub(crate) fn of_request(session: Uuid, request: RequestId) -> String {
    let digest = Sha256::digest(format!("{}|{request}", session.hyphenated()));
    hex::encode(&digest[..8])
}

/// An id that cannot be foretold without the seed, for requests that have no session.
pub(crate) fn of_counter(seed: u64, counter: u64) -> String {
    format!("{:016x}", scramble(seed, counter))
}

/// A number that looks random (SplitMix64).
pub(crate) fn scramble(seed: u64, counter: u64) -> u64 {
    let mut z = seed.wrapping_add(counter.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_example_of_the_specification() {
        let session = Uuid::parse_str("b1e611f3-c0e6-4c17-8bed-a571762c7df3").unwrap();
        assert_eq!(of_request(session, 0), "e368180f8d5745b7");
    }

    #[test]
    fn counters_give_sixteen_digits() {
        assert_eq!(of_counter(1, 2).len(), 16);
        assert_ne!(of_counter(1, 2), of_counter(1, 3));
        assert_ne!(of_counter(1, 2), of_counter(2, 2));
    }
}
