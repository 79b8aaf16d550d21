//! Station 8 · the one thread that commits.
//!
//! Arrives: finished transactions (`commit.rs`), many at a time, and entries of backfills. Leaves:
//! one batch to storage (`storage/src/persistence.rs`), and, once that is durable, published
//! writes to `write_log.rs` and `subscriptions.rs`, the new newest timestamp to readers, and an
//! answer to everyone who waits.
//!
//! Only this thread assigns timestamps. A failure of storage is latched: whether the batch is on
//! disk is then unknown, so nothing may be appended after it until a restart has looked.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_channel::{Receiver, TryRecvError};
use lentil_storage::{Batch, DocumentWrite, EntryWrite, IndexId, StorageError};
use lentil_values::Timestamp;
use tokio::sync::oneshot;

use crate::catalog_key::CATALOG;
use crate::commit::{Effects, Finished};
use crate::observer::HITS_MAX;
use crate::registry::Registry;
use crate::shared::{Published, Shared};
use crate::subscriptions::Hit;
use crate::write_log::{CountChange, Stale, Touch, WriteLog};
use crate::{
    ChangeKind, CommitError, CommitReport, Committed, ConflictPlace, HitReport, Observer,
    WriteReport,
};

/// Entries written beside commits (by a backfill), in order with them.
#[derive(Default)]
pub(crate) struct Appendix {
    pub(crate) entries: Vec<EntryWrite>,
    pub(crate) globals: Vec<(String, String)>,
}

/// Where an answer goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, CommitError>>;

/// What the inbox carries.
pub(crate) enum Event {
    Commit(Box<Finished>, Reply<Committed>),
    Append(Appendix, Reply<()>),
    /// Let the newest timestamp be at or after this.
    Advance(Timestamp, Reply<()>),
    Shutdown,
}

/// How far a batch is. Read in order, the stages are the life of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CommitStage {
    /// Wait for an event, and take what else is in the inbox, up to one batch.
    Take,
    /// Refuse every transaction whose reads were written since its snapshot, by a published commit
    /// or by an earlier one of this batch; choose the others' timestamps, in order; compute entries
    /// anew where indexes have changed or a document holds its commit's timestamp.
    Validate,
    /// Give out the timestamps, and collect what is written with them.
    Stamp,
    /// Make all of it durable with one call. This is the point of no return: before it nothing has
    /// happened, after it the commits have.
    Append,
    /// Let everyone know: write log, tables, subscriptions, newest timestamp, wake-ups.
    Publish,
    /// Answer those who wait.
    Reply,
    /// The inbox is closed and empty.
    Stopped,
}

/// A transaction that passed validation.
struct Accepted {
    finished: Box<Finished>,
    reply: Reply<Committed>,
    ts: Timestamp,
}

/// One batch on its way.
#[derive(Default)]
struct Work {
    commits: Vec<(Box<Finished>, Reply<Committed>)>,
    appendices: Vec<(Appendix, Reply<()>)>,
    accepted: Vec<Accepted>,
    refused: Vec<(Reply<Committed>, CommitError)>,
    /// The timestamp this batch must reach, if any was asked for.
    floor: Timestamp,
    batch: Batch,
    /// The tables after each commit that changes them.
    registries: Vec<(Timestamp, Arc<Registry>)>,
    failure: Option<CommitError>,
}

/// The committer's own state; nobody else touches it.
pub(crate) struct Committer {
    shared: Arc<Shared>,
    /// Whoever puts something in unparks this thread.
    inbox: Receiver<Event>,
    /// The last timestamp given out, durable or not.
    last_ts: Timestamp,
    closing: bool,
}

impl Committer {
    pub(crate) fn new(shared: Arc<Shared>, inbox: Receiver<Event>) -> Committer {
        let last_ts = shared.published.load().ts;
        Committer {
            shared,
            inbox,
            last_ts,
            closing: false,
        }
    }

    /// Runs until the inbox is closed. An event loop: it ends with `Stopped`.
    pub(crate) fn run(mut self) {
        let mut stage = CommitStage::Take;
        let mut work = Work::default();
        while stage != CommitStage::Stopped {
            stage = match stage {
                CommitStage::Take => self.take(&mut work),
                CommitStage::Validate => self.validate(&mut work),
                CommitStage::Stamp => self.stamp(&mut work),
                CommitStage::Append => self.append(&mut work),
                CommitStage::Publish => self.publish(&mut work),
                CommitStage::Reply => reply(std::mem::take(&mut work)),
                CommitStage::Stopped => CommitStage::Stopped,
            };
        }
    }

    fn take(&mut self, work: &mut Work) -> CommitStage {
        // While closing, only what is in the inbox already is taken.
        let first = if self.closing {
            self.inbox.try_recv().ok()
        } else {
            self.wait()
        };
        let Some(first) = first else {
            return CommitStage::Stopped;
        };
        let mut next = Some(first);
        while let Some(event) = next.take() {
            match event {
                Event::Commit(finished, reply) => work.commits.push((finished, reply)),
                Event::Append(appendix, reply) => work.appendices.push((appendix, reply)),
                Event::Advance(ts, reply) => {
                    work.floor = work.floor.max(ts);
                    work.appendices.push((Appendix::default(), reply));
                }
                Event::Shutdown => self.closing = true,
            }
            if work.commits.len() + work.appendices.len() < self.shared.options.batch {
                next = self.inbox.try_recv().ok();
            }
        }
        CommitStage::Validate
    }

    /// The next event. Parks at once instead of receiving: the channel would spin and yield first,
    /// and who yields on a busy machine comes back after everybody else.
    fn wait(&self) -> Option<Event> {
        loop {
            match self.inbox.try_recv() {
                Ok(event) => return Some(event),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => std::thread::park(),
            }
        }
    }

    fn validate(&mut self, work: &mut Work) -> CommitStage {
        if let Some(error) = self.shared.latched.get() {
            work.failure = Some(CommitError::Storage(error.clone()));
            return CommitStage::Reply;
        }
        let mut registry = self.shared.published.load().registry.clone();
        // Validated members of this batch; their real timestamps come later and do not matter here.
        let mut earlier = WriteLog::new(Timestamp::ZERO);
        let mut position = 0;
        let now = Timestamp(self.shared.env.now_ns().min(Timestamp::MAX.0));
        let mut last_ts = self.last_ts;
        let publication = self.shared.publication.lock();
        for (mut finished, reply) in std::mem::take(&mut work.commits) {
            let stale = publication
                .log
                .check(&finished.reads, finished.snapshot())
                .and_then(|()| earlier.check(&finished.reads, Timestamp::ZERO));
            let checked = match stale {
                Ok(()) => follow_definitions(&mut finished, &mut registry),
                Err(stale) => {
                    let (reads, snapshot) = (&finished.reads, finished.snapshot());
                    let place = publication.log.place(reads, snapshot).or_else(|| {
                        let (touch, position) = earlier.place(reads, Timestamp::ZERO)?;
                        // Positions count from one.
                        Some((touch, work.accepted[position.0 as usize - 1].ts))
                    });
                    Err(conflict(stale, &finished, &registry, place))
                }
            };
            // The timestamp it will have, if the batch becomes durable.
            let ts = now.max(Timestamp(last_ts.0 + 1));
            let checked = checked.and_then(|()| {
                if !finished.unresolved {
                    return Ok(());
                }
                // Before later members of the batch are checked against its keys.
                let resolved = finished.resolve(ts, &registry);
                resolved.map_err(|error| CommitError::Storage(corrupt(error)))
            });
            match checked {
                Ok(()) => {
                    position += 1;
                    last_ts = ts;
                    earlier.push(
                        Timestamp(position),
                        finished.effects.touches.clone(),
                        Vec::new(),
                    );
                    work.accepted.push(Accepted {
                        finished,
                        reply,
                        ts,
                    });
                }
                Err(error) => work.refused.push((reply, error)),
            }
        }
        drop(publication);
        if work.accepted.is_empty() && work.appendices.is_empty() {
            CommitStage::Reply
        } else {
            CommitStage::Stamp
        }
    }

    fn stamp(&mut self, work: &mut Work) -> CommitStage {
        tracing::trace!(target: "lentil::station", number = 8);
        for accepted in &work.accepted {
            let ts = accepted.ts;
            assert!(ts > self.last_ts, "timestamps strictly increase");
            assert!(
                ts > accepted.finished.snapshot(),
                "a commit is later than what it has read"
            );
            assert!(ts <= Timestamp::MAX, "timestamps fit 63 bits");
            self.last_ts = ts;
            collect(&accepted.finished, ts, &mut work.batch);
            if !accepted.finished.definitions.is_empty() {
                let before = work.registries.last().map(|(_, registry)| registry.clone());
                let mut registry =
                    before.unwrap_or_else(|| self.shared.published.load().registry.clone());
                apply_definitions(Arc::make_mut(&mut registry), &accepted.finished, ts);
                work.registries.push((ts, registry));
            }
        }
        for (appendix, _) in &mut work.appendices {
            work.batch.entries.append(&mut appendix.entries);
            work.batch.globals.append(&mut appendix.globals);
        }
        self.last_ts = self.last_ts.max(work.floor);
        assert!(self.last_ts <= Timestamp::MAX, "timestamps fit 63 bits");
        work.batch.ts = self.last_ts;
        CommitStage::Append
    }

    fn append(&mut self, work: &mut Work) -> CommitStage {
        tracing::trace!(target: "lentil::station", number = 9);
        match self.shared.persistence.append(&work.batch) {
            Ok(()) => {
                let (counted, commits) = (&self.shared.counted, work.accepted.len() as u64);
                counted.commits.fetch_add(commits, Ordering::Relaxed);
                counted.batches.fetch_add(1, Ordering::Relaxed);
                CommitStage::Publish
            }
            Err(error) => {
                tracing::error!(%error, ts = work.batch.ts.0, "storage failed, nothing commits until a restart");
                work.failure = Some(CommitError::Storage(error.clone()));
                self.shared.latched.get_or_init(|| error);
                CommitStage::Reply
            }
        }
    }

    fn publish(&mut self, work: &mut Work) -> CommitStage {
        if work.accepted.is_empty() && work.floor <= self.shared.published.load().ts {
            return CommitStage::Reply;
        }
        let published = self.shared.published.load_full();
        assert!(
            self.last_ts > published.ts,
            "what becomes visible is newer than what is"
        );
        let mut registry = published.registry.clone();
        for (from, changed) in work.registries.drain(..) {
            self.shared.remember_registry(from, changed.clone());
            registry = changed;
        }
        let mut hits: Vec<Hit> = Vec::new();
        let observer = self.shared.observer.get();
        let observer = observer.filter(|observer| observer.wants_reports());
        let mut reports = Vec::new();
        {
            let mut publication = self.shared.publication.lock();
            for accepted in &mut work.accepted {
                let touches = std::mem::take(&mut accepted.finished.effects.touches);
                let before = hits.len();
                let mut told = observer.map(|_| Vec::new());
                publication
                    .subscriptions
                    .commit(accepted.ts, &touches, &mut hits, told.as_mut());
                if let Some(told) = told {
                    reports.push(report(accepted, told, hits.len() - before));
                }
                self.shared
                    .documents
                    .follow(&accepted.finished, accepted.ts);
                publication.ranges.follow(&accepted.finished, accepted.ts);
                let counts = count_changes(&accepted.finished);
                publication
                    .counts
                    .follow(&accepted.finished.definitions, &counts, |tablet| {
                        published.registry.table(tablet).is_some()
                    });
                tracing::trace!(target: "lentil::station", number = 10);
                publication.log.push(accepted.ts, touches, counts);
            }
            let oldest = self.shared.snapshots.oldest(published.ts);
            publication.log.trim(oldest);
            publication.ranges.trim(oldest);
            // Under the lock: whoever subscribes and finds a commit in the log is woken at once,
            // and must then see the commit.
            self.shared.published.store(Arc::new(Published {
                ts: self.last_ts,
                registry,
            }));
        }
        self.shared.latest.send_replace(self.last_ts);
        if let Some(observer) = observer {
            tell(observer.as_ref(), reports);
        }
        for hit in hits {
            wake(&hit);
        }
        CommitStage::Reply
    }
}

/// What an observer is told of a commit.
fn report(accepted: &Accepted, mut hits: Vec<HitReport>, hits_total: usize) -> CommitReport {
    hits.truncate(HITS_MAX);
    let changes = accepted.finished.writes.iter().map(|write| WriteReport {
        tablet: write.tablet,
        id: write.id,
        kind: match (&write.old, &write.new) {
            (None, _) => ChangeKind::Inserted,
            (Some(_), Some(_)) => ChangeKind::Updated,
            (Some(_), None) => ChangeKind::Deleted,
        },
        bytes: write.new.as_ref().map_or(0, |new| new.json.len()),
    });
    CommitReport {
        ts: accepted.ts,
        source: accepted.finished.source.clone(),
        changes: changes.collect(),
        hits,
        hits_total,
    }
}

/// Tells an observer, whose panic is its own too.
fn tell(observer: &dyn Observer, reports: Vec<CommitReport>) {
    for report in reports {
        let ts = report.ts.0;
        let told = std::panic::AssertUnwindSafe(|| observer.committed(report));
        if std::panic::catch_unwind(told).is_err() {
            tracing::error!(ts, "an observer panicked");
        }
    }
}

/// Wakes a subscriber. Its panic is its own: the commit is whole, and others wait to hear of it.
fn wake(hit: &Hit) {
    tracing::trace!(target: "lentil::station", number = 11);
    let woken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (hit.waker)(hit.ts)));
    if woken.is_err() {
        tracing::error!(ts = hit.ts.0, "a subscriber's waker panicked");
    }
}

/// Answers everyone; whoever has gone away meanwhile does not hear it.
fn reply(work: Work) -> CommitStage {
    for (reply, error) in work.refused {
        let _gone = reply.send(Err(error));
    }
    let failed = |failure: &Option<CommitError>| failure.clone().map_or(Ok(()), Err);
    for (_, reply) in work.commits {
        let answer = failed(&work.failure)
            .map(|()| unreachable!("unvalidated commits are answered only on failure"));
        let _gone = reply.send(answer);
    }
    for Accepted {
        finished,
        reply,
        ts,
    } in work.accepted
    {
        // Whoever hears of the commit may rely on its snapshot being out of use.
        drop(finished);
        let _gone = reply.send(failed(&work.failure).map(|()| Committed { ts }));
    }
    for (_, reply) in work.appendices {
        let _gone = reply.send(failed(&work.failure));
    }
    CommitStage::Take
}

/// Brings a validated transaction up to the tables as they are now, and applies its own changes of
/// them to `registry`.
fn follow_definitions(
    finished: &mut Finished,
    registry: &mut Arc<Registry>,
) -> Result<(), CommitError> {
    for write in &finished.writes {
        let read =
            |table: &crate::registry::Table| finished.reads.overlaps(table.info.by_id, &write.id.0);
        let known = registry.table(write.tablet);
        assert!(
            write.old.is_none() || known.is_none_or(|table| read(table)),
            "what is changed has been read"
        );
    }
    let mut after = registry.clone();
    if !finished.definitions.is_empty() {
        // The place in the order is what matters here; `stamp` applies them with their timestamp.
        apply_definitions(Arc::make_mut(&mut after), finished, Timestamp::MAX);
    }
    match finished.effects.hold_for(&after) {
        Some(true) => {}
        Some(false) => {
            let effects = Effects::of(&finished.writes, &after);
            finished.effects = effects.map_err(|error| CommitError::Storage(corrupt(error)))?;
        }
        // The table was dropped by somebody who did not touch what this transaction has read.
        None => {
            return Err(CommitError::Conflict {
                table: "_tables".to_owned(),
                place: None,
            });
        }
    }
    *registry = after;
    Ok(())
}

fn apply_definitions(registry: &mut Registry, finished: &Finished, ts: Timestamp) {
    for (document, definition) in &finished.definitions {
        registry.apply(*document, ts, definition.clone());
    }
}

fn corrupt(error: crate::TransactionError) -> StorageError {
    match error {
        crate::TransactionError::Storage(error) => error,
        error => StorageError::Corrupt(error.to_string()),
    }
}

/// Adds a stamped transaction to the batch.
fn collect(finished: &Finished, ts: Timestamp, batch: &mut Batch) {
    for write in &finished.writes {
        let body = write.new.as_ref().map(|revision| revision.json.clone());
        assert!(
            body.is_some() || write.old.is_some(),
            "only what was there can be deleted"
        );
        batch.documents.push(DocumentWrite {
            tablet: write.tablet,
            id: write.id,
            ts,
            body,
        });
    }
    for entry in &finished.effects.entries {
        assert!(
            entry.index != CATALOG,
            "look-ups have no entries in storage"
        );
        batch.entries.push(EntryWrite {
            index: entry.index,
            key: entry.key.to_vec(),
            ts,
            id: entry.id,
        });
    }
}

fn count_changes(finished: &Finished) -> Vec<CountChange> {
    let mut changes: Vec<CountChange> = Vec::new();
    for write in &finished.writes {
        let by = i64::from(write.new.is_some()) - i64::from(write.old.is_some());
        match changes
            .iter_mut()
            .find(|(tablet, _)| *tablet == write.tablet)
        {
            Some((_, change)) => *change += by,
            None => changes.push((write.tablet, by)),
        }
    }
    changes.retain(|(_, by)| *by != 0);
    changes
}

fn conflict(
    stale: Stale,
    finished: &Finished,
    registry: &Registry,
    place: Option<(Touch, Timestamp)>,
) -> CommitError {
    let table = match stale {
        Stale::Written(index) => table_name(index, registry),
        Stale::Forgotten => {
            tracing::warn!(
                snapshot = finished.snapshot().0,
                "transaction outlived the write log, it must run again"
            );
            let tablet = finished
                .writes
                .first()
                .expect("a finished transaction writes")
                .tablet;
            registry
                .table(tablet)
                .map_or("_tables", |table| &table.info.name)
                .to_owned()
        }
    };
    let place = place.map(|(touch, ts)| {
        Box::new(ConflictPlace {
            index: touch.index,
            key: touch.key,
            ts,
        })
    });
    CommitError::Conflict { table, place }
}

fn table_name(index: IndexId, registry: &Registry) -> String {
    if index == CATALOG {
        return "_tables".to_owned();
    }
    // An index that is gone was dropped by the very commit that conflicts.
    registry
        .table_of_index(index)
        .map_or("_tables", |table| &table.info.name)
        .to_owned()
}
