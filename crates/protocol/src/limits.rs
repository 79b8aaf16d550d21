//! The limits of the wire.

/// Bytes of UTF-8 a `TransitionChunk` carries at most, and the size from which a transition is cut.
pub const TRANSITION_CHUNK_BYTES: usize = 5_000_000;

/// The first npm client version that understands `TransitionChunk`: (major, minor, patch).
pub const TRANSITION_CHUNK_NPM_SINCE: (u64, u64, u64) = (1, 28, 0);

/// Bytes of reason text that fit a close frame: 125 bytes of control payload less the code.
pub const CLOSE_REASON_BYTES_MAX: usize = 123;

// A character is at most four bytes: a chunk that could not hold one would never end.
const _: () = assert!(TRANSITION_CHUNK_BYTES > 4);
