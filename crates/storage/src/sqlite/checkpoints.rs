//! Copies committed pages from the write-ahead log back into the file, beside the commits.
//!
//! Left to SQLite, the commit that fills the log pays for all of it: ten milliseconds and more. Here
//! a thread copies what there is as the log grows. It never catches up with a busy writer, so the log
//! would grow for ever; once it is long, a commit finishes the little that the thread has left and
//! the log begins anew. A reader that stays in the old log (a backup, a very long scan) delays that,
//! and the log grows until it is gone.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};
use rusqlite::{Connection, OpenFlags};

use crate::StorageError;
use crate::limits::{BUSY_WAIT, CHECKPOINT_PAGES, RESTART_WAIT, WAL_PAGES_LONG, WAL_PAGES_MAX};
use crate::sqlite::error::from_driver;

const COPY_WHAT_THERE_IS: &str = "PRAGMA wal_checkpoint(PASSIVE)";
const BEGIN_ANEW: &str = "PRAGMA wal_checkpoint(RESTART)";

/// The thread and what it is asked; stops it when dropped.
#[derive(Debug)]
pub(super) struct Checkpoints {
    path: PathBuf,
    /// Length of the log after the last commit, pages; set by SQLite's hook.
    wal_pages: Arc<AtomicU32>,
    inbox: Arc<Inbox>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Inbox {
    asked: Mutex<Asked>,
    /// Held while a checkpoint runs, for SQLite refuses a second one instead of waiting. Never taken
    /// while `asked` is locked.
    round: Mutex<()>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Asked {
    /// Length of the log when something was last done about it, pages.
    at_pages: u32,
    is_due: bool,
    is_over: bool,
}

impl Checkpoints {
    /// Takes checkpoints over from the writing connection and starts the thread.
    pub(super) fn start(writer: &mut Connection, path: &Path) -> Result<Checkpoints, StorageError> {
        let failed = |error: rusqlite::Error| from_driver(path, "preparing checkpoints", &error);
        let wal_pages = Arc::new(AtomicU32::new(0));
        let seen = wal_pages.clone();
        // Replaces SQLite's own way of starting checkpoints.
        writer
            .wal_hook(Some(move |_: &mut _, pages| {
                seen.store(u32::try_from(pages).unwrap_or(0), Ordering::Relaxed);
                Ok(())
            }))
            .map_err(failed)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        let inbox = Arc::new(Inbox::default());
        let theirs = inbox.clone();
        let thread = std::thread::Builder::new()
            .name("lentil-checkpoints".to_owned())
            .spawn(move || theirs.serve(&connection))
            .map_err(|error| {
                StorageError::Io(format!("cannot start the checkpoint thread: {error}"))
            })?;
        Ok(Checkpoints {
            path: path.to_path_buf(),
            wal_pages,
            inbox,
            thread: Some(thread),
        })
    }

    /// After each commit, while the writer is locked. What was committed is durable already, so
    /// trouble here is reported and left to a later commit.
    pub(super) fn after_commit(&self, writer: &Connection) {
        let pages = self.wal_pages.load(Ordering::Relaxed);
        let mut asked = self.inbox.asked.lock();
        if pages < asked.at_pages {
            // The log began anew.
            asked.at_pages = 0;
        }
        if pages - asked.at_pages < CHECKPOINT_PAGES {
            return;
        }
        if pages < WAL_PAGES_LONG {
            asked.at_pages = pages;
            asked.is_due = true;
            self.inbox.changed.notify_one();
            return;
        }
        drop(asked);
        let round = if pages < WAL_PAGES_MAX {
            self.inbox.round.try_lock()
        } else {
            Some(self.inbox.round.lock())
        };
        if round.is_some() {
            self.begin_anew(writer);
            // Also if a reader was in the way: the next try is due when the log has grown again.
            self.inbox.asked.lock().at_pages = pages;
        }
    }

    fn begin_anew(&self, writer: &Connection) {
        let restarted = writer
            .busy_timeout(RESTART_WAIT)
            .and_then(|()| run(writer, BEGIN_ANEW));
        let restarted = writer.busy_timeout(BUSY_WAIT).and(restarted);
        if let Err(error) = restarted {
            tracing::warn!(path = %self.path.display(), %error, "write-ahead log not restarted");
        }
    }
}

impl Inbox {
    /// The thread's loop; ends when `is_over`.
    fn serve(&self, connection: &Connection) {
        let mut asked = self.asked.lock();
        while !asked.is_over {
            if !asked.is_due {
                self.changed.wait(&mut asked);
                continue;
            }
            asked.is_due = false;
            drop(asked);
            let round = self.round.lock();
            if let Err(error) = run(connection, COPY_WHAT_THERE_IS) {
                tracing::warn!(%error, "checkpoint failed");
            }
            drop(round);
            asked = self.asked.lock();
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.inbox.asked.lock().is_over = true;
        self.inbox.changed.notify_one();
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!(path = %self.path.display(), "checkpoint thread panicked");
        }
    }
}

/// A checkpoint that another one keeps waiting is answered with a row, not with an error.
fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.query_row([], |_| Ok(()))
}
