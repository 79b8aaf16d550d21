//! Time and randomness, handed in.

use std::time::{SystemTime, UNIX_EPOCH};

/// Where the database gets time and randomness from; simulations bring their own.
pub trait Env: Send + Sync + 'static {
    /// Nanoseconds since the Unix epoch; may jump.
    fn now_ns(&self) -> u64;
    /// 32 bytes of entropy (ids of one transaction are drawn from a generator seeded with them).
    fn seed(&self) -> [u8; 32];
}

/// The real clock and the operating system's entropy.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEnv;

// The one place where the database meets the real world.
#[allow(clippy::disallowed_methods)]
impl Env for SystemEnv {
    fn now_ns(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| d.as_nanos() as u64)
    }
    fn seed(&self) -> [u8; 32] {
        rand::random()
    }
}
