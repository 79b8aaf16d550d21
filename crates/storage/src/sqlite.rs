//! The embedded default: one SQLite file in WAL mode.

/// How hard a commit is pressed onto the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synchronous {
    /// fsync at every commit: an acknowledged mutation survives a power cut.
    Full,
    /// fsync at checkpoints only: a power cut may lose acknowledged mutations.
    MayLoseOnPowerCut,
}

/// Where and how the file is opened.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// The database file; its folder must exist.
    pub path: std::path::PathBuf,
    /// Durability.
    pub synchronous: Synchronous,
    /// Page cache of each connection, bytes.
    pub cache_bytes: u64,
}

/// Persistence in one SQLite file.
#[derive(Debug)]
pub struct SqlitePersistence {}
