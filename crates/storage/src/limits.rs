//! Every number of this crate that somebody could want to change, with its reason.

use std::time::Duration;

/// Read connections of one SQLite store. A reader is a thread that runs a function, and there are
/// few of those; the next one waits for a connection.
pub(crate) const READERS_MAX: usize = 16;

/// A read connection that nobody has taken for so long empties its cache: a burst may have filled
/// [`READERS_MAX`] of them.
pub(crate) const READER_COOLS_AFTER: Duration = Duration::from_secs(5);

/// Revisions of one document or entry that a scan steps over before it seeks to the next key
/// instead: a seek costs about as much as this many steps.
pub(crate) const SCAN_STEPS_PER_KEY_MAX: u32 = 24;

/// Log rows a pruning step looks at for each one it may remove: rows that supersede nothing are
/// cheap, yet a step over a large import must end.
pub(crate) const PRUNE_LOOKS_PER_REMOVAL: usize = 4;

/// Free pages returned to the file system by one pruning step, so that it never holds the writer
/// long: 2,000 pages of 4 KiB are 8 MB.
pub(crate) const VACUUM_PAGES_PER_STEP: u32 = 2_000;

/// Size of a page in a new SQLite file, bytes. Random keys dirty one leaf a write, and a whole page
/// goes to the write-ahead log each time: smaller is faster.
pub(crate) const PAGE_BYTES: u32 = 4_096;

/// Pages by which the write-ahead log grows between two rounds of copying it back into the file:
/// many enough to gather writes to one page, few enough that a round is short.
pub(crate) const CHECKPOINT_PAGES: u32 = 1_000;

/// Pages in the write-ahead log (63 MiB) from which a commit copies the rest, so that the log can begin
/// anew, unless the thread is at work just then.
pub(crate) const WAL_PAGES_LONG: u32 = 16_000;

/// Pages in the write-ahead log (79 MiB) from which that commit waits for the thread.
pub(crate) const WAL_PAGES_MAX: u32 = 20_000;

/// How long such a commit waits for reads that are under way in the old log.
pub(crate) const RESTART_WAIT: Duration = Duration::from_millis(20);

/// Bytes the write-ahead log file is cut back to after a checkpoint.
pub(crate) const WAL_KEPT_BYTES: u32 = 64 << 20;

/// Bytes of the write-ahead log that are gathered at most before they are written: a large commit is
/// written in pieces of that size. SQLite's own file systems take less than 128 KiB at once.
pub(crate) const LOG_GATHERED_BYTES_MAX: usize = 120 << 10;

/// How long to wait for a foreign process (a backup, a shell) that holds SQLite's own lock.
pub(crate) const BUSY_WAIT: Duration = Duration::from_secs(5);

/// Prepared statements kept by each connection: more than there are in this crate.
pub(crate) const STATEMENTS_KEPT: usize = 64;

/// Default page cache of one connection, bytes.
pub(crate) const CACHE_BYTES_DEFAULT: u64 = 16 << 20;

/// Of the kept logs this part (a twentieth) goes at once when they are too large, so that removing is
/// rare and short.
pub(crate) const LOG_PRUNE_SHARE: u32 = 20;

const _: () = assert!(READERS_MAX >= 2);
const _: () = assert!(LOG_GATHERED_BYTES_MAX < 128 << 10);
const _: () = assert!(PAGE_BYTES.is_power_of_two() && PAGE_BYTES <= 65_536);
const _: () = assert!(CHECKPOINT_PAGES < WAL_PAGES_LONG && WAL_PAGES_LONG < WAL_PAGES_MAX);
const _: () = assert!(WAL_PAGES_LONG as u64 * PAGE_BYTES as u64 <= WAL_KEPT_BYTES as u64);
