//! What one transaction may read and write (function-runtime 5).

/// Ceilings of one transaction; each names the short code of the error it raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionLimits {
    /// Documents scanned: `TooManyDocumentsRead`.
    pub documents_read: usize,
    /// Bytes of documents read: `TooManyBytesRead`.
    pub bytes_read: usize,
    /// Index ranges and point reads: `TooManyReads`.
    pub ranges_read: usize,
    /// Documents written: `TooManyWrites`.
    pub documents_written: usize,
    /// Bytes of documents written: `TooManyBytesWritten`.
    pub bytes_written: usize,
}

impl Default for TransactionLimits {
    fn default() -> Self {
        TransactionLimits {
            documents_read: 32_000,
            bytes_read: 16 << 20,
            ranges_read: 4_096,
            documents_written: 16_000,
            bytes_written: 16 << 20,
        }
    }
}

impl TransactionLimits {
    /// For the server's own work (imports, pushes, system queries).
    pub const UNLIMITED: TransactionLimits = TransactionLimits {
        documents_read: usize::MAX,
        bytes_read: usize::MAX,
        ranges_read: usize::MAX,
        documents_written: usize::MAX,
        bytes_written: usize::MAX,
    };
}

/// What one transaction has used so far; same units as [`TransactionLimits`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransactionUsage {
    /// Documents scanned.
    pub documents_read: usize,
    /// Bytes of documents read.
    pub bytes_read: usize,
    /// Index ranges and point reads.
    pub ranges_read: usize,
    /// Documents written.
    pub documents_written: usize,
    /// Bytes of documents written.
    pub bytes_written: usize,
}
