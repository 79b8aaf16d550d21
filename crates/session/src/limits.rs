//! The limits of one conversation.

use std::time::Duration;

/// Mutations of one client that may wait or run; one more closes its socket.
pub const MUTATIONS_QUEUED_MAX: usize = 1_000;

/// Actions of one client that may run; one more closes its socket.
pub const ACTIONS_IN_FLIGHT_MAX: usize = 1_000;

/// Live queries of one client; one more closes its socket. Far above what a page subscribes to.
pub const QUERIES_MAX: usize = 16_384;

/// Transitions that may wait for the client to read; with so many waiting none is computed.
pub const TRANSITIONS_WAITING_MAX: usize = 2;

/// Queries of one client that are asked at the same time.
pub(crate) const QUERIES_IN_PARALLEL: usize = 16;

/// A mutation that takes longer closes the socket; the client reconnects and sends it again, and
/// finds its result if it took effect after all.
pub(crate) const MUTATION_TIME: Duration = Duration::from_secs(60);

/// How long a running mutation may keep the client at the timestamp at which it began.
pub(crate) const MUTATION_HOLD: Duration = Duration::from_secs(1);

/// First delay before queries are asked again that the server, not their code, failed to answer.
pub(crate) const RETRY_DELAY_MS_MIN: u64 = 500;

/// Longest such delay.
pub(crate) const RETRY_DELAY_MS_MAX: u64 = 8_000;

/// Rounds in a row that may fail before the client is told to come back later: about half a minute.
pub(crate) const RETRIES_MAX: u32 = 7;

/// How far ahead of our clock a client's timestamp may be and still be believed.
pub(crate) const OBSERVED_AHEAD_NS_MAX: u64 = 300 * 1_000_000_000;

const _: () = assert!(RETRY_DELAY_MS_MIN <= RETRY_DELAY_MS_MAX);
const _: () = assert!(TRANSITIONS_WAITING_MAX > 0);
