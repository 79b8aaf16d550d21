//! The handle everybody holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError, bounded};
use lentil_storage::{Batch, Persistence, StorageStats, StorageUsage};
use lentil_values::Timestamp;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::committer::{Appendix, Committer, Event};
use crate::shared::{Published, Shared, load_registry};
use crate::snapshots::SnapshotGuard;
use crate::transaction::read_error;
use crate::write_log::Stale;
use crate::{
    BeginError, CommitError, Committed, Env, IndexInfo, Observer, OpenError, ReadSet, Subscription,
    TableInfo, Transaction, TransactionError, Waker,
};

/// The global that says how definitions are written.
const FORMAT_GLOBAL: &str = "database_format";
/// What this version writes there.
const FORMAT: &str = "1";
/// The first number that no tablet or index has had, as of the last time some were freed.
pub(crate) const NEXT_ID_GLOBAL: &str = "next_id";

/// Settings of a database.
#[derive(Clone, Copy, Debug)]
pub struct DatabaseOptions {
    /// How long superseded revisions stay readable.
    pub retention: Duration,
    /// Transactions that may wait for the committer.
    pub commit_queue: usize,
    /// Transactions of one batch (one fsync).
    pub batch: usize,
    /// Bytes of documents cached in memory.
    pub cache_bytes: u64,
    /// Bytes of pages of index ranges cached in memory.
    pub page_cache_bytes: u64,
}

impl Default for DatabaseOptions {
    fn default() -> Self {
        DatabaseOptions {
            retention: Duration::from_secs(240),
            commit_queue: 4_096,
            batch: 256,
            cache_bytes: 64 << 20,
            page_cache_bytes: 16 << 20,
        }
    }
}

/// The committer at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitterStats {
    /// Transactions that are durable.
    pub commits: u64,
    /// Batches in which they, and entries of backfills, were written; one fsync each.
    pub batches: u64,
    /// Transactions that wait for the next batch.
    pub waiting: usize,
}

/// A database; cheap to clone. When the last clone goes, the committer finishes and stops.
#[derive(Clone)]
pub struct Database {
    handle: Arc<Handle>,
}

/// The committer's inbox and thread.
struct Handle {
    shared: Arc<Shared>,
    inbox: Sender<Event>,
    closed: AtomicBool,
    /// Parked while its inbox is empty.
    thread: Thread,
    committer: Mutex<Option<JoinHandle<()>>>,
}

impl Database {
    /// Recovers from storage and starts the committer.
    pub fn open(
        persistence: Arc<dyn Persistence>,
        options: DatabaseOptions,
        env: Arc<dyn Env>,
    ) -> Result<Database, OpenError> {
        check_format(persistence.as_ref())?;
        let ts = persistence.latest()?;
        let registry = load_registry(persistence.as_ref(), ts)?;
        let floor = persistence.global(NEXT_ID_GLOBAL)?.map_or(Ok(0), |text| {
            text.parse().map_err(|_| {
                OpenError::Corrupt(format!("the stored counter {text:?} is not a number"))
            })
        })?;
        let next_id = registry.next_id().max(floor);
        let published = Published {
            ts,
            registry: Arc::new(registry),
        };
        let shared = Arc::new(Shared::new(persistence, env, options, published, next_id));
        let (inbox, events) = bounded(options.commit_queue.max(1));
        let committer = Committer::new(shared.clone(), events);
        let thread = std::thread::Builder::new()
            .name("lentil-committer".to_owned())
            .spawn(move || run_or_abort(committer))
            .map_err(|error| OpenError::Thread(error.to_string()))?;
        let (thread, committer) = (thread.thread().clone(), Mutex::new(Some(thread)));
        Ok(Database {
            handle: Arc::new(Handle {
                shared,
                inbox,
                closed: AtomicBool::new(false),
                thread,
                committer,
            }),
        })
    }
    /// The newest visible commit.
    pub fn latest(&self) -> Timestamp {
        self.shared().published.load().ts
    }
    /// Why nothing commits until a restart, once storage has failed.
    pub fn failure(&self) -> Option<lentil_storage::StorageError> {
        self.shared().latched.get().cloned()
    }
    /// Whether nothing commits any more: storage has failed, or the database was shut down.
    pub fn is_closed(&self) -> bool {
        self.failure().is_some() || self.handle.closed.load(Ordering::Acquire)
    }
    /// Changes whenever `latest` does.
    pub fn watch(&self) -> tokio::sync::watch::Receiver<Timestamp> {
        self.shared().latest.subscribe()
    }
    /// A transaction at `latest`.
    pub fn begin(&self) -> Transaction {
        let shared = self.shared();
        let (guard, registry) = shared.snapshots.take(|| {
            let published = shared.published.load();
            (published.ts, published.registry.clone())
        });
        Transaction::new(shared.clone(), guard, registry)
    }
    /// A transaction at an older snapshot; may read storage for the definitions of that time.
    pub fn begin_at(&self, snapshot: Timestamp) -> Result<Transaction, BeginError> {
        let shared = self.shared();
        let guard = self.take_snapshot(snapshot)?;
        let registry = match shared.recent_registry(snapshot) {
            Some(registry) => registry,
            None => load_registry(shared.persistence.as_ref(), snapshot)
                .map(Arc::new)
                .map_err(|error| match read_error(error) {
                    TransactionError::Storage(error) => BeginError::Storage(error),
                    _ => BeginError::OutOfRetention(snapshot.0),
                })?,
        };
        Ok(Transaction::new(shared.clone(), guard, registry))
    }

    /// The same from memory alone, never blocking; `None` if the definitions of that time are not
    /// there any more.
    pub fn begin_recent(&self, snapshot: Timestamp) -> Result<Option<Transaction>, BeginError> {
        let guard = self.take_snapshot(snapshot)?;
        let registry = self.shared().recent_registry(snapshot);
        Ok(registry.map(|registry| Transaction::new(self.shared().clone(), guard, registry)))
    }

    fn take_snapshot(&self, snapshot: Timestamp) -> Result<SnapshotGuard, BeginError> {
        if snapshot > self.latest() {
            return Err(BeginError::Future(snapshot.0));
        }
        self.shared()
            .snapshots
            .take_retained(snapshot)
            .ok_or(BeginError::OutOfRetention(snapshot.0))
    }

    /// Commits; resolves when the commit is durable and visible, or refused.
    pub async fn commit(&self, tx: Transaction) -> Result<Committed, CommitError> {
        match self.submit(tx)? {
            Submitted::Done(committed) => Ok(committed),
            Submitted::Waiting(answer) => answer.await.unwrap_or(Err(CommitError::ShuttingDown)),
        }
    }
    /// The same for threads that may block; panics on an async worker.
    pub fn commit_blocking(&self, tx: Transaction) -> Result<Committed, CommitError> {
        match self.submit(tx)? {
            Submitted::Done(committed) => Ok(committed),
            Submitted::Waiting(answer) => answer
                .blocking_recv()
                .unwrap_or(Err(CommitError::ShuttingDown)),
        }
    }
    /// Makes the newest commit be at or after `ts`, by an empty commit if need be. For a client
    /// that was shown a later timestamp by a data folder that is no more; the caller bounds `ts`.
    pub async fn advance_to(&self, ts: Timestamp) -> Result<(), CommitError> {
        if self.latest() >= ts {
            return Ok(());
        }
        let (reply, answer) = oneshot::channel();
        self.handle.send(Event::Advance(ts, reply))?;
        answer.await.unwrap_or(Err(CommitError::ShuttingDown))
    }
    /// Watches what a transaction at `snapshot` has read. A commit that slipped in between is not missed.
    pub fn subscribe(&self, reads: &ReadSet, snapshot: Timestamp, waker: Waker) -> Subscription {
        let shared = self.shared();
        let invalidated_at = Arc::new(AtomicU64::new(0));
        let mut publication = shared.publication.lock();
        let missed = match publication.log.first_write(reads, snapshot) {
            Ok(missed) => missed,
            // Everything may have changed since; which commit it was is not known any more. The
            // log always holds the newest commit, so there is one after the snapshot.
            Err(Stale::Forgotten) => Some(publication.log.newest()),
            Err(Stale::Written(_)) => unreachable!("a known write has a timestamp"),
        };
        let owner = match missed {
            Some(ts) => {
                invalidated_at.store(ts.0, Ordering::Release);
                publication.subscriptions.skip_owner()
            }
            None => publication
                .subscriptions
                .add(reads, waker.clone(), invalidated_at.clone()),
        };
        drop(publication);
        if let Some(ts) = missed {
            waker(ts);
        }
        Subscription::new(shared.clone(), owner, reads.len(), invalidated_at)
    }
    /// Sets who is told of commits; the first who asks stays.
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        self.shared().observer.get_or_init(|| observer);
    }

    /// The table and index of a number, as of the newest commit; `None` for what is gone, and for
    /// the look-ups of names.
    pub fn describe_index(&self, index: lentil_storage::IndexId) -> Option<(TableInfo, IndexInfo)> {
        let published = self.shared().published.load();
        let table = published.registry.table_of_index(index)?;
        let info = table.info.as_ref().clone();
        if info.by_id == index {
            return Some((info, table.by_id()));
        }
        let found = table.indexes.iter().find(|it| it.id == index)?;
        Some((info, found.as_ref().clone()))
    }

    /// The table of a number, as of the newest commit.
    pub fn describe_table(&self, tablet: lentil_storage::TabletId) -> Option<TableInfo> {
        let published = self.shared().published.load();
        let table = published.registry.table(tablet)?;
        Some(table.info.as_ref().clone())
    }

    /// Number of documents of a table as of the newest commit, if it is known without counting.
    pub fn known_count(&self, tablet: lentil_storage::TabletId) -> Option<u64> {
        self.shared().known_count(tablet)
    }

    /// Sizes for operators.
    pub fn stats(&self) -> Result<StorageStats, CommitError> {
        self.shared()
            .persistence
            .stats()
            .map_err(CommitError::Storage)
    }

    /// What storage keeps, by table and index. Walks through everything.
    pub fn usage(&self) -> Result<StorageUsage, CommitError> {
        let usage = self.shared().persistence.usage();
        usage.map_err(CommitError::Storage)
    }

    /// Gives back memory of storage that helps nobody just now; to be called every few seconds.
    pub fn give_back(&self) {
        self.shared().persistence.give_back();
    }

    /// What the committer has done since the database was opened, and what waits for it.
    pub fn committed(&self) -> CommitterStats {
        let counts = &self.shared().counted;
        CommitterStats {
            commits: counts.commits.load(Ordering::Relaxed),
            batches: counts.batches.load(Ordering::Relaxed),
            waiting: self.handle.inbox.len(),
        }
    }

    /// Stops taking commits, finishes those taken, and stops the committer.
    pub fn shutdown(&self) {
        self.handle.stop();
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    /// Writes entries and globals in order with commits, without being one. Blocks.
    pub(crate) fn append_blocking(&self, appendix: Appendix) -> Result<(), CommitError> {
        let (reply, answer) = oneshot::channel();
        self.handle.send(Event::Append(appendix, reply))?;
        answer
            .blocking_recv()
            .unwrap_or(Err(CommitError::ShuttingDown))
    }

    fn submit(&self, tx: Transaction) -> Result<Submitted, CommitError> {
        let finished = match tx.finish() {
            Ok(Ok(finished)) => finished,
            Ok(Err(snapshot)) => return Ok(Submitted::Done(Committed { ts: snapshot })),
            Err(TransactionError::Storage(error)) => return Err(CommitError::Storage(error)),
            Err(error) => unreachable!("finishing a transaction fails on storage only: {error}"),
        };
        let (reply, answer) = oneshot::channel();
        self.handle.send(Event::Commit(Box::new(finished), reply))?;
        Ok(Submitted::Waiting(answer))
    }
}

enum Submitted {
    Done(Committed),
    Waiting(oneshot::Receiver<Result<Committed, CommitError>>),
}

impl Handle {
    fn send(&self, event: Event) -> Result<(), CommitError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(CommitError::ShuttingDown);
        }
        self.inbox.try_send(event).map_err(|error| match error {
            TrySendError::Full(_) => CommitError::Overloaded,
            TrySendError::Disconnected(_) => CommitError::ShuttingDown,
        })?;
        self.thread.unpark();
        Ok(())
    }

    fn stop(&self) {
        self.closed.store(true, Ordering::Release);
        let Some(committer) = self.committer.lock().take() else {
            return;
        };
        // Waits for room if the inbox is full; the committer has gone only if this was sent before.
        let _gone = self.inbox.send(Event::Shutdown);
        self.thread.unpark();
        // A waker may hold the last handle: the committer cannot wait for itself.
        if committer.thread().id() != std::thread::current().id() {
            committer
                .join()
                .expect("the committer aborts the process rather than panic");
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A broken invariant in the committer ends the process: a wrong write is worse than none.
fn run_or_abort(committer: Committer) {
    let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| committer.run()));
    if ran.is_err() {
        tracing::error!(
            "the committer broke an invariant, the process ends before it can write anything wrong"
        );
        std::process::abort();
    }
}

fn check_format(persistence: &dyn Persistence) -> Result<(), OpenError> {
    let latest = persistence.latest()?;
    match persistence.global(FORMAT_GLOBAL)? {
        Some(format) if format == FORMAT => Ok(()),
        Some(format) => Err(OpenError::Corrupt(format!(
            "the data is of database format {format}, this version of Lentil reads format {FORMAT}; run the version \
             that wrote it"
        ))),
        None if latest == Timestamp::ZERO => {
            let globals = vec![(FORMAT_GLOBAL.to_owned(), FORMAT.to_owned())];
            Ok(persistence.append(&Batch {
                ts: latest,
                globals,
                ..Batch::default()
            })?)
        }
        None => Err(OpenError::Corrupt(
            "the data was not written by Lentil: it names no database format".into(),
        )),
    }
}
