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

// --- the database's own bounds ------------------------------------------------------------------

/// Commits the write log keeps although no transaction runs at an older snapshot: a reader may
/// end its transaction a moment before it subscribes to what it has read.
pub(crate) const LOG_COMMITS_MIN: usize = 4_096;
/// Commits the write log keeps at most; a transaction that outlives them conflicts.
pub(crate) const LOG_COMMITS_MAX: usize = 500_000;
/// Bytes of keys the write log keeps at most, overheads included.
pub(crate) const LOG_BYTES_MAX: usize = 128 << 20;
/// What one written key costs in the write log beyond its bytes (two map slots, one counted pointer).
pub(crate) const LOG_TOUCH_BYTES: usize = 136;
/// Versions of the table list kept in memory for older snapshots; earlier ones are read from storage.
pub(crate) const REGISTRIES_KEPT: usize = 64;
/// Rows of the first page of a scan that gave no hint.
pub(crate) const PAGE_ROWS_FIRST: usize = 16;
/// Rows of the largest first page, however many the caller expects: nothing is known of their size.
pub(crate) const PAGE_ROWS_HINT_MAX: usize = 128;
/// Rows of the largest page of a scan.
pub(crate) const PAGE_ROWS_MAX: usize = 512;
/// Bytes of documents a page is meant to hold; rows of the next page follow from those of the last.
pub(crate) const PAGE_BYTES: usize = 2 << 20;
/// Bytes of the largest document that is kept in memory; larger ones would push too many others out.
pub(crate) const CACHED_DOCUMENT_BYTES_MAX: usize = 64 << 10;
/// What a document kept in memory costs beyond its bytes.
pub(crate) const CACHED_DOCUMENT_OVERHEAD: usize = 128;
/// Bytes of the largest page of a range that is kept in memory.
pub(crate) const CACHED_PAGE_BYTES_MAX: usize = 256 << 10;
/// What a page kept in memory costs beyond its rows.
pub(crate) const CACHED_PAGE_OVERHEAD: usize = 256;
/// What a row of it costs beyond its bytes.
pub(crate) const CACHED_ROW_OVERHEAD: usize = 80;
/// Pages of one scan that are kept: who reads on reads much, and seldom again.
pub(crate) const CACHED_PAGES_A_SCAN: usize = 4;
/// Written keys that are looked at to find out whether a page is still true.
pub(crate) const WRITTEN_KEYS_LOOKED_AT: usize = 256;
/// Rows of a page in memory that are brought up to date; after more writes storage is read.
pub(crate) const PAGE_CHANGES_MAX: usize = 32;
/// Documents a transaction remembers from its reads, so that a write after a read asks storage once.
pub(crate) const ROWS_REMEMBERED: usize = 8_192;
/// Bytes of keys that are held in memory to count ranges, all indexes together.
pub(crate) const COUNTED_BYTES_MAX: usize = 256 << 20;
/// Changes of an index that are remembered to count at older snapshots; before them, it is walked.
pub(crate) const COUNTED_CHANGES_MAX: usize = 100_000;
/// Entries that a backfill writes in one batch: few, because a commit may have to wait for one.
pub(crate) const BACKFILL_SLICE: usize = 64;
/// Tables of one namespace (function-runtime 4.3).
pub const TABLES_MAX: usize = 10_000;
/// First number of a user table (function-runtime 4.3).
pub(crate) const USER_TABLE_NUMBERS: u32 = 10_001;
/// First number of a system table made here; lower ones are kept for the built-in and old ones.
pub(crate) const SYSTEM_TABLE_NUMBERS: u32 = 512;
/// Characters of a table name.
pub(crate) const TABLE_NAME_MAX: usize = 64;

const _: () = assert!(LOG_COMMITS_MIN < LOG_COMMITS_MAX);
const _: () = assert!(PAGE_ROWS_FIRST < PAGE_ROWS_HINT_MAX && PAGE_ROWS_HINT_MAX < PAGE_ROWS_MAX);
const _: () = assert!(SYSTEM_TABLE_NUMBERS < USER_TABLE_NUMBERS);

/// Rows of the page after one that held `bytes` in `rows` rows: more and more, as long as rows are
/// small.
pub(crate) fn next_page_rows(rows: usize, bytes: usize) -> usize {
    let row_bytes = (bytes / rows.max(1)).max(1);
    (rows * 4)
        .clamp(PAGE_ROWS_FIRST, PAGE_ROWS_MAX)
        .min(PAGE_BYTES / row_bytes)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_grow_while_rows_are_small() {
        assert_eq!(next_page_rows(1, 100), PAGE_ROWS_FIRST);
        assert_eq!(next_page_rows(16, 1_600), 64);
        assert_eq!(next_page_rows(512, 51_200), PAGE_ROWS_MAX);
        assert_eq!(next_page_rows(16, 16 << 20), 2);
        assert_eq!(next_page_rows(1, 100 << 20), 1);
    }
}
