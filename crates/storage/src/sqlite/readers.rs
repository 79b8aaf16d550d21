//! Read connections: taken for one read, given back after it.

use std::fmt;
use std::ops::Deref;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rusqlite::{Connection, OpenFlags};

use crate::StorageError;
use crate::limits::{BUSY_WAIT, READERS_MAX};
use crate::sqlite::error::from_driver;
use crate::sqlite::schema;

/// Up to [`READERS_MAX`] connections, opened when first needed.
pub(super) struct Readers {
    path: PathBuf,
    cache_bytes: u64,
    idle: Mutex<Idle>,
    returned: Condvar,
}

/// Invariant: `open` counts the connections that exist, in `free` or lent, and those being opened.
struct Idle {
    /// In the order in which they came back.
    free: Vec<Free>,
    open: usize,
}

/// A connection that nobody has.
struct Free {
    connection: Connection,
    since: Instant,
    /// Whether there may be pages in its cache.
    is_warm: bool,
}

/// A connection on loan; goes back when dropped.
pub(super) struct Reader<'a> {
    /// `None` only while being dropped.
    connection: Option<Connection>,
    readers: &'a Readers,
}

impl Readers {
    /// No connection yet.
    pub(super) fn new(path: PathBuf, cache_bytes: u64) -> Readers {
        Readers {
            path,
            cache_bytes,
            idle: Mutex::new(Idle {
                free: Vec::new(),
                open: 0,
            }),
            returned: Condvar::new(),
        }
    }

    /// Lends a connection; waits while all are lent (reads are short).
    pub(super) fn take(&self) -> Result<Reader<'_>, StorageError> {
        let mut idle = self.idle.lock();
        // Ends: every reader that is lent comes back when its one read is over.
        loop {
            // The one used last has the warmest cache.
            if let Some(free) = idle.free.pop() {
                return Ok(Reader {
                    connection: Some(free.connection),
                    readers: self,
                });
            }
            if idle.open < READERS_MAX {
                idle.open += 1;
                drop(idle);
                return self.open();
            }
            self.returned.wait(&mut idle);
        }
    }

    /// Empties the caches of connections that nobody has taken for so long. What they hold is of an
    /// older snapshot as soon as something is written.
    pub(super) fn cool(&self, idle_for: Duration) {
        let now = Instant::now();
        // Ends: each round cools one.
        loop {
            let mut idle = self.idle.lock();
            let is_due = |free: &Free| free.is_warm && now.duration_since(free.since) >= idle_for;
            let Some(at) = idle.free.iter().position(is_due) else {
                return;
            };
            let mut free = idle.free.remove(at);
            drop(idle);
            if let Err(error) = free.connection.release_memory() {
                tracing::debug!(path = %self.path.display(), %error, "a read connection keeps its cache");
            }
            free.is_warm = false;
            // Below all others: who takes one next gets a warm one, if there is one.
            self.idle.lock().free.insert(0, free);
            self.returned.notify_one();
        }
    }

    fn open(&self) -> Result<Reader<'_>, StorageError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(&self.path, flags).and_then(|connection| {
            connection.busy_timeout(BUSY_WAIT)?;
            schema::configure_reader(&connection, self.cache_bytes)?;
            Ok(connection)
        });
        match opened {
            Ok(connection) => Ok(Reader {
                connection: Some(connection),
                readers: self,
            }),
            Err(error) => {
                self.idle.lock().open -= 1;
                self.returned.notify_one();
                Err(from_driver(&self.path, "opening a read connection", &error))
            }
        }
    }
}

impl Deref for Reader<'_> {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        self.connection
            .as_ref()
            .expect("a reader has its connection until it is dropped")
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let mut idle = self.readers.idle.lock();
        idle.free
            .extend(self.connection.take().map(|connection| Free {
                connection,
                since: Instant::now(),
                is_warm: true,
            }));
        assert!(
            idle.free.len() <= idle.open,
            "no more connections come back than were lent"
        );
        drop(idle);
        self.readers.returned.notify_one();
    }
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let idle = self.idle.lock();
        f.debug_struct("Readers")
            .field("open", &idle.open)
            .field("free", &idle.free.len())
            .finish()
    }
}
