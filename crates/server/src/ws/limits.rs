//! The limits of one socket.

use std::time::Duration;

/// Bytes of a message from a client.
pub(super) const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// Bytes of a frame from a client.
pub(super) const FRAME_BYTES_MAX: usize = 16 << 20;

/// Bytes of a frame to a client; larger messages are fragmented. Clients in Rust and Python refuse
/// frames above 16 MiB; much smaller ones keep the write buffer, which never shrinks, small.
pub(super) const FRAGMENT_BYTES: usize = 256 << 10;

/// Bytes of the read buffer that every socket owns. The library's default of 128 KiB is what an
/// idle socket would cost.
pub(super) const READ_BUFFER_BYTES: usize = 1 << 10;

/// Bytes that are gathered before they are written, so that a mutation's response and the
/// transition behind it are one write.
pub(super) const WRITE_GATHER_BYTES: usize = 16 << 10;

/// Messages that may wait to be sent before the client is no longer listened to.
pub(super) const QUEUE_MAX: usize = 256;

/// How long a socket that is being closed may take to send what waits and to say goodbye.
pub(super) const LINGER: Duration = Duration::from_secs(2);

const _: () = assert!(FRAME_BYTES_MAX <= MESSAGE_BYTES_MAX);
const _: () = assert!(WRITE_GATHER_BYTES <= FRAGMENT_BYTES && FRAGMENT_BYTES <= 8 << 20);
