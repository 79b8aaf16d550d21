//! Backups as the server offers them: who makes them is given from outside; here it is seen to that
//! one is made at a time, and that downloads need no key in an address.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use std::sync::Mutex;

/// How long a ticket is good.
const TICKET_TIME: Duration = Duration::from_secs(60);
/// Tickets that are out at a time.
const TICKETS_MAX: usize = 64;

/// Makes backups and knows those there are. Everything blocks.
pub trait BackupKeeper: Send + Sync {
    /// What there is.
    fn state(&self) -> io::Result<BackupState>;
    /// Makes one and proves it; the text says what went wrong.
    fn take(&self) -> Result<(), String>;
    /// The contents of one of those in the state.
    fn open(&self, name: &str) -> io::Result<File>;
    /// What restoring one of those would give; the text says what is wrong with it.
    fn contents(&self, name: &str) -> Result<BackupContents, String>;
}

/// What is in a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupContents {
    /// The version of Lentil that made it.
    pub lentil: String,
    /// The app's tables with their numbers of documents, by name.
    pub tables: Vec<(String, u64)>,
    /// Files that were stored.
    pub files: u64,
}

/// The backups there are, and when others are made.
#[derive(Clone, Debug)]
pub struct BackupState {
    /// Where they are.
    pub folder: PathBuf,
    /// How often one is made; `None` if only when asked for.
    pub every: Option<Duration>,
    /// How many are kept.
    pub keep: u32,
    /// The last one, wherever it went, and when.
    pub last: Option<(String, SystemTime)>,
    /// The files, newest first.
    pub files: Vec<BackupFile>,
}

/// A backup.
#[derive(Clone, Debug)]
pub struct BackupFile {
    /// Its name in the folder.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// When it was made.
    pub made: SystemTime,
}

/// The keeper with what is going on; cheap to clone.
#[derive(Clone)]
pub(crate) struct Backups {
    shared: Arc<Shared>,
}

struct Shared {
    keeper: Option<Arc<dyn BackupKeeper>>,
    running: AtomicBool,
    /// One is being looked into, which takes as much room as restoring it.
    looking: AtomicBool,
    /// What the last one that was asked for failed with.
    error: Mutex<Option<String>>,
    tickets: Mutex<HashMap<String, Ticket>>,
}

struct Ticket {
    name: String,
    until: Instant,
}

impl Backups {
    pub(crate) fn new(keeper: Option<Arc<dyn BackupKeeper>>) -> Backups {
        Backups {
            shared: Arc::new(Shared {
                keeper,
                running: AtomicBool::new(false),
                looking: AtomicBool::new(false),
                error: Mutex::new(None),
                tickets: Mutex::default(),
            }),
        }
    }

    pub(crate) fn keeper(&self) -> Option<&Arc<dyn BackupKeeper>> {
        self.shared.keeper.as_ref()
    }

    pub(crate) fn is_running(&self) -> bool {
        self.shared.running.load(Ordering::Relaxed)
    }

    pub(crate) fn error(&self) -> Option<String> {
        locked(&self.shared.error).clone()
    }

    /// Begins to make one; `false` if one is being made.
    pub(crate) fn begin(&self, keeper: Arc<dyn BackupKeeper>) -> bool {
        if self.shared.running.swap(true, Ordering::AcqRel) {
            return false;
        }
        let backups = self.clone();
        tokio::task::spawn_blocking(move || {
            // Also if it panics, the next one may be asked for.
            let _running = Running(&backups.shared.running);
            let failed = keeper.take().err();
            if let Some(error) = &failed {
                tracing::error!(%error, "a backup failed");
            }
            *locked(&backups.shared.error) = failed;
        });
        true
    }

    /// Looks into one; `None` if another is being looked into. Blocks.
    pub(crate) fn look(
        &self,
        keeper: &dyn BackupKeeper,
        name: &str,
    ) -> Option<Result<BackupContents, String>> {
        if self.shared.looking.swap(true, Ordering::AcqRel) {
            return None;
        }
        let _looking = Running(&self.shared.looking);
        Some(keeper.contents(name))
    }

    /// A ticket for one download of a backup; `None` if too many are out.
    pub(crate) fn ticket(&self, name: &str) -> Option<String> {
        let now = Instant::now();
        let mut tickets = locked(&self.shared.tickets);
        tickets.retain(|_, ticket| ticket.until > now);
        if tickets.len() >= TICKETS_MAX {
            return None;
        }
        // 244 random bits.
        let text = format!(
            "{}{}",
            uuid::Uuid::new_v4().simple(),
            uuid::Uuid::new_v4().simple()
        );
        let ticket = Ticket {
            name: name.to_owned(),
            until: now + TICKET_TIME,
        };
        tickets.insert(text.clone(), ticket);
        Some(text)
    }

    /// The backup that a ticket is for; it is good once.
    pub(crate) fn redeem(&self, ticket: &str) -> Option<String> {
        let ticket = locked(&self.shared.tickets).remove(ticket)?;
        (ticket.until > Instant::now()).then_some(ticket.name)
    }
}

struct Running<'a>(&'a AtomicBool);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Nothing that is held under these locks is ever left half changed.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Slow(std::sync::Barrier);

    impl BackupKeeper for Slow {
        fn state(&self) -> io::Result<BackupState> {
            Err(io::ErrorKind::Unsupported.into())
        }
        fn take(&self) -> Result<(), String> {
            Ok(())
        }
        fn open(&self, _: &str) -> io::Result<File> {
            Err(io::ErrorKind::NotFound.into())
        }
        fn contents(&self, name: &str) -> Result<BackupContents, String> {
            self.0.wait();
            self.0.wait();
            Err(name.to_owned())
        }
    }

    #[test]
    fn one_backup_is_looked_into_at_a_time() {
        let backups = Backups::new(None);
        let slow = Slow(std::sync::Barrier::new(2));
        std::thread::scope(|scope| {
            let first = scope.spawn(|| backups.look(&slow, "one"));
            slow.0.wait();
            assert_eq!(backups.look(&slow, "two"), None);
            slow.0.wait();
            let told = first.join().expect("it does not panic");
            assert_eq!(told, Some(Err("one".to_owned())));
        });
        assert!(!backups.shared.looking.load(Ordering::Relaxed));
    }

    #[test]
    fn s028_a_ticket_is_good_once_and_for_a_minute() {
        let backups = Backups::new(None);
        let ticket = backups.ticket("a").expect("room");
        assert_eq!(backups.redeem("0000"), None);
        assert_eq!(backups.redeem(&ticket).as_deref(), Some("a"));
        assert_eq!(backups.redeem(&ticket), None);
        let late = backups.ticket("b").expect("room");
        let passed = Instant::now()
            .checked_sub(Duration::from_millis(1))
            .expect("a moment ago");
        locked(&backups.shared.tickets)
            .get_mut(&late)
            .expect("there")
            .until = passed;
        assert_eq!(backups.redeem(&late), None);
        for _ in 0..TICKETS_MAX {
            assert!(backups.ticket("c").is_some());
        }
        assert_eq!(backups.ticket("d"), None);
    }
}
