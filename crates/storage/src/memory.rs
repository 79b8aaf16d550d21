//! Persistence in memory, for tests and throw-away servers.

/// Keeps everything in ordered maps; durable as long as the process.
#[derive(Debug, Default)]
pub struct MemoryPersistence {}
