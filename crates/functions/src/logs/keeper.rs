//! Keeps entries of the log stream in a file: a bounded queue, and one thread that writes it out in
//! batches. Whoever runs functions never waits for it; what comes faster than it is written is
//! dropped, and a mark in the file says how much (ADR 0014).

use std::fmt;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lentil_storage::{LogEntryRow, LogFile, StorageError};
use parking_lot::{Condvar, Mutex};
use serde_json::json;

use super::{LogEntry, levels};
use crate::introspection::now_ms;

/// Entries that wait to be written, at most.
const WAITING_MAX: usize = 8_192;
/// Bytes that they have, at most.
const WAITING_BYTES_MAX: usize = 16 << 20;
/// Calls a second that neither logged nor failed and are kept all the same.
const PLAIN_A_SECOND: u32 = 200;
/// How long entries are gathered before they are written.
const GATHER: Duration = Duration::from_millis(200);
/// How often the file is cut back to its bounds.
const PRUNE_EVERY: Duration = Duration::from_secs(10);
/// How often a failure is told.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// Where logs are kept, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptLogsOptions {
    /// The file.
    pub path: PathBuf,
    /// How long they are kept.
    pub age: Duration,
    /// Bytes that the file may have.
    pub bytes: u64,
}

/// Keeps the logs of a deployment; cheap to clone.
#[derive(Clone)]
pub struct LogKeeper {
    shared: Arc<Shared>,
}

struct Shared {
    options: KeptLogsOptions,
    queue: Mutex<Queue>,
    news: Condvar,
    /// Tells that the queue has been written out.
    written: Condvar,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Searches that are under way take a place.
    pub(super) searches: Arc<tokio::sync::Semaphore>,
}

#[derive(Default)]
struct Queue {
    entries: Vec<Arc<LogEntry>>,
    bytes: usize,
    /// Entries that were not taken since the last batch.
    lost: u64,
    /// The second that `plain` is of, and plain calls taken in it.
    second: u64,
    plain: u32,
    /// Entries taken, and those of them that were written, or could not be.
    taken: u64,
    done: u64,
    /// Somebody waits for the batch.
    hurry: bool,
    closing: bool,
}

/// Searches at a time; each reads the disk.
const SEARCHES: usize = 2;

impl LogKeeper {
    /// Opens the file and starts the thread. Blocks.
    pub fn open(options: KeptLogsOptions) -> Result<LogKeeper, StorageError> {
        let file = LogFile::open(&options.path)?;
        let newest = file.state()?.newest.unwrap_or(0);
        let shared = Arc::new(Shared {
            options,
            queue: Mutex::default(),
            news: Condvar::new(),
            written: Condvar::new(),
            thread: Mutex::default(),
            searches: Arc::new(tokio::sync::Semaphore::new(SEARCHES)),
        });
        let writer = Writer {
            shared: shared.clone(),
            file,
            newest,
            pruned: None,
            complained: None,
        };
        let thread = std::thread::Builder::new().name("kept-logs".to_owned());
        let thread = thread.spawn(|| writer.run()).map_err(|error| {
            StorageError::Io(format!("no thread can be started for the logs: {error}"))
        })?;
        *shared.thread.lock() = Some(thread);
        Ok(LogKeeper { shared })
    }

    /// Takes an entry, if there is room. Never blocks.
    pub(super) fn offer(&self, entry: &Arc<LogEntry>) {
        let plain = entry.is_plain();
        // Nothing ran, and nothing was said.
        if plain && entry.is_cached() {
            return;
        }
        let bytes = entry.bytes();
        let mut queue = self.shared.queue.lock();
        if queue.closing {
            return;
        }
        if queue.entries.len() >= WAITING_MAX
            || queue.bytes + bytes > WAITING_BYTES_MAX
            || (plain && !queue.admits_plain(entry.cursor_ms))
        {
            queue.lost += 1;
            return;
        }
        queue.bytes += bytes;
        queue.taken += 1;
        queue.entries.push(entry.clone());
        // It waits for the first of a batch, and gathers the rest by the clock.
        if queue.entries.len() == 1 || queue.entries.len() == WAITING_MAX / 2 {
            self.shared.news.notify_one();
        }
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.shared.options.path
    }

    /// Its bounds.
    pub fn options(&self) -> &KeptLogsOptions {
        &self.shared.options
    }

    pub(super) fn searches(&self) -> &Arc<tokio::sync::Semaphore> {
        &self.shared.searches
    }

    /// Waits until what was taken is in the file. Blocks.
    pub fn flush(&self) {
        let mut queue = self.shared.queue.lock();
        let wanted = queue.taken;
        queue.hurry = true;
        self.shared.news.notify_one();
        while queue.done < wanted {
            self.shared.written.wait(&mut queue);
        }
    }

    /// Writes what waits and ends; what is logged later is not kept. Blocks.
    pub fn close(&self) {
        self.shared.queue.lock().closing = true;
        self.shared.news.notify_one();
        let thread = self.shared.thread.lock().take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that keeps logs has panicked");
        }
    }
}

impl fmt::Debug for LogKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.options.fmt(f)
    }
}

impl Queue {
    /// Whether one more call that said nothing may be kept in its second.
    fn admits_plain(&mut self, at_ms: f64) -> bool {
        let second = (at_ms / 1e3) as u64;
        if second != self.second {
            (self.second, self.plain) = (second, 0);
        }
        self.plain += 1;
        self.plain <= PLAIN_A_SECOND
    }
}

/// The thread's own.
struct Writer {
    shared: Arc<Shared>,
    file: LogFile,
    /// The newest entry of the file: later ones are later, whatever the clock says.
    newest: i64,
    pruned: Option<Instant>,
    complained: Option<Instant>,
}

impl Writer {
    fn run(mut self) {
        while let Some((entries, lost)) = self.next() {
            if let Err(error) = self.write(&entries, lost) {
                self.failed(&error, entries.len() as u64 + lost);
            }
            self.shared.queue.lock().done += entries.len() as u64;
            self.shared.written.notify_all();
            if self.pruned.is_none_or(|at| at.elapsed() >= PRUNE_EVERY) {
                self.prune();
            }
        }
    }

    /// The next batch, and how many entries were dropped meanwhile; `None` at the end.
    fn next(&mut self) -> Option<(Vec<Arc<LogEntry>>, u64)> {
        let shared = self.shared.clone();
        let mut queue = shared.queue.lock();
        while queue.entries.is_empty() && !queue.closing {
            shared.news.wait(&mut queue);
        }
        let until = Instant::now() + GATHER;
        while !queue.closing && !queue.hurry && queue.entries.len() < WAITING_MAX / 2 {
            if shared.news.wait_until(&mut queue, until).timed_out() {
                break;
            }
        }
        if queue.entries.is_empty() {
            return None;
        }
        (queue.bytes, queue.hurry) = (0, false);
        let lost = mem::take(&mut queue.lost);
        Some((mem::take(&mut queue.entries), lost))
    }

    fn write(&mut self, entries: &[Arc<LogEntry>], lost: u64) -> Result<(), StorageError> {
        let mut rows = Vec::with_capacity(entries.len() + 1);
        for entry in entries {
            let at = ((entry.cursor_ms * 1e3) as i64).max(self.newest + 1);
            self.newest = at;
            rows.push(entry.row(at));
        }
        if lost > 0 {
            self.newest += 1;
            rows.push(mark(self.newest, lost));
        }
        self.file.append(&rows)
    }

    fn failed(&mut self, error: &StorageError, count: u64) {
        if self
            .complained
            .is_none_or(|at| at.elapsed() >= COMPLAIN_EVERY)
        {
            self.complained = Some(Instant::now());
            tracing::warn!(%error, "logs cannot be kept; functions go on");
        }
        if matches!(error, StorageError::Corrupt(_)) {
            match LogFile::begin_anew(self.shared.options.path.as_path()) {
                Ok(file) => self.file = file,
                Err(error) => tracing::warn!(%error, "new logs cannot be begun"),
            }
        }
        self.shared.queue.lock().lost += count;
    }

    fn prune(&mut self) {
        self.pruned = Some(Instant::now());
        let options = &self.shared.options;
        let oldest =
            (now_ms() * 1e3) as i64 - i64::try_from(options.age.as_micros()).unwrap_or(i64::MAX);
        if let Err(error) = self.file.prune(oldest, options.bytes) {
            tracing::warn!(%error, "old logs cannot be removed");
        }
    }
}

/// Stands for entries that were not kept.
fn mark(at: i64, lost: u64) -> LogEntryRow {
    let body = json!({
        "kind": "Lost",
        "count": lost,
        "timestamp": at as f64 / 1e6,
        "identifier": "",
        "udfType": "",
        "logLines": [],
        "requestId": "",
        "executionId": "",
    });
    LogEntryRow {
        at,
        request: String::new(),
        execution: String::new(),
        path: String::new(),
        levels: levels::LOST,
        micros: 0,
        body: body.to_string(),
    }
}
