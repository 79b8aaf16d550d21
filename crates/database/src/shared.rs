//! What the committer, transactions and subscriptions share.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use lentil_storage::{Persistence, StorageError, TableScan};
use lentil_values::{KeyRange, Object, Timestamp, Value};
use parking_lot::Mutex;

use crate::catalog_key::{INDEXES_TABLET, TABLES_TABLET};
use crate::counts::Counts;
use crate::definition::Definition;
use crate::document_cache::DocumentCache;
use crate::limits::REGISTRIES_KEPT;
use crate::page_cache::PageCache;
use crate::range_counts::RangeCounts;
use crate::registry::Registry;
use crate::snapshots::Snapshots;
use crate::subscriptions::Subscriptions;
use crate::write_log::WriteLog;
use crate::{DatabaseOptions, Env, Observer};

/// The newest visible commit, and the tables as of it.
pub(crate) struct Published {
    pub(crate) ts: Timestamp,
    pub(crate) registry: Arc<Registry>,
}

/// What changes with every published commit, under one lock, so that a subscription is either
/// registered before a commit is published or finds that commit in the log.
pub(crate) struct Publication {
    pub(crate) log: WriteLog,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) counts: Counts,
    pub(crate) ranges: RangeCounts,
}

/// What the committer has done.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    pub(crate) commits: AtomicU64,
    pub(crate) batches: AtomicU64,
}

/// The state behind every handle.
pub(crate) struct Shared {
    pub(crate) persistence: Arc<dyn Persistence>,
    pub(crate) env: Arc<dyn Env>,
    pub(crate) options: DatabaseOptions,
    pub(crate) snapshots: Arc<Snapshots>,
    /// Written by the committer only.
    pub(crate) published: ArcSwap<Published>,
    /// Follows `published`.
    pub(crate) latest: tokio::sync::watch::Sender<Timestamp>,
    /// Written by the committer only. Lock order: before `snapshots`; no storage call inside.
    pub(crate) publication: Mutex<Publication>,
    /// Changed by the committer and by readers under the lock of `publication` only.
    pub(crate) documents: DocumentCache,
    /// First pages of ranges; whoever reads one puts it in.
    pub(crate) pages: PageCache,
    /// Why storage failed, once it has: nothing commits from then on. Set by the committer only.
    pub(crate) latched: OnceLock<StorageError>,
    /// Counted by the committer.
    pub(crate) counted: Counted,
    /// Who is told of commits, if anybody ever wants to be.
    pub(crate) observer: OnceLock<Arc<dyn Observer>>,
    /// Registries and the commit from which on they were valid, oldest first.
    history: Mutex<VecDeque<(Timestamp, Arc<Registry>)>>,
    /// The next tablet or index number. Only ever counts up; numbers drawn by transactions that
    /// did not commit are lost until a restart and used then.
    next_id: AtomicU32,
}

impl Shared {
    pub(crate) fn new(
        persistence: Arc<dyn Persistence>,
        env: Arc<dyn Env>,
        options: DatabaseOptions,
        published: Published,
        next_id: u32,
    ) -> Shared {
        let (latest, _) = tokio::sync::watch::channel(published.ts);
        let log = WriteLog::new(published.ts);
        Shared {
            persistence,
            env,
            options,
            snapshots: Arc::default(),
            history: Mutex::new(VecDeque::from([(published.ts, published.registry.clone())])),
            published: ArcSwap::from_pointee(published),
            latest,
            latched: OnceLock::new(),
            counted: Counted::default(),
            observer: OnceLock::new(),
            documents: DocumentCache::new(options.cache_bytes),
            pages: PageCache::new(options.page_cache_bytes),
            publication: Mutex::new(Publication {
                log,
                subscriptions: Subscriptions::default(),
                counts: Counts::default(),
                ranges: RangeCounts::default(),
            }),
            next_id: AtomicU32::new(next_id),
        }
    }

    /// Draws a number for a tablet or an index.
    pub(crate) fn draw_id(&self) -> u32 {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        assert!(
            id < u32::MAX,
            "four thousand million tables and indexes are enough"
        );
        id
    }

    /// The number that would be drawn next; every tablet and index has a smaller one.
    pub(crate) fn peek_id(&self) -> u32 {
        self.next_id.load(Ordering::Relaxed)
    }

    /// Notes the registry that became valid with the commit `from`.
    pub(crate) fn remember_registry(&self, from: Timestamp, registry: Arc<Registry>) {
        let mut history = self.history.lock();
        assert!(
            history.back().is_some_and(|(newest, _)| *newest < from),
            "registries follow the order of commits"
        );
        history.push_back((from, registry));
        if history.len() > REGISTRIES_KEPT {
            history.pop_front();
        }
    }

    /// The registry as of an older snapshot, if it is still in memory.
    pub(crate) fn recent_registry(&self, snapshot: Timestamp) -> Option<Arc<Registry>> {
        let history = self.history.lock();
        let mut newest_first = history.iter().rev();
        newest_first
            .find(|(from, _)| *from <= snapshot)
            .map(|(_, registry)| registry.clone())
    }
}

/// Reads all definitions as of a snapshot.
pub(crate) fn load_registry(
    persistence: &dyn Persistence,
    at: Timestamp,
) -> Result<Registry, StorageError> {
    const PAGE: usize = 1_000;
    let mut registry = Registry::built_in();
    for tablet in [TABLES_TABLET, INDEXES_TABLET] {
        let mut range = KeyRange::all();
        loop {
            let scan = TableScan {
                tablet,
                range,
                order: lentil_storage::Order::Asc,
                at,
                limit: PAGE,
            };
            let rows = persistence.scan_table(&scan)?;
            for row in &rows {
                let definition = Definition::read(tablet, &parse(&row.body)?)
                    .map_err(|error| StorageError::Corrupt(error.to_string()))?;
                registry.apply(row.id, row.ts, Some(definition));
            }
            match rows.last() {
                Some(last) if rows.len() == PAGE => {
                    range = KeyRange {
                        start: crate::read_set::after(&last.id.0),
                        end: None,
                    };
                }
                _ => break,
            }
        }
    }
    Ok(registry)
}

/// Parses a document that is stored or going to be.
pub(crate) fn parse(json: &str) -> Result<Object, StorageError> {
    match Value::parse_unresolved(json) {
        Ok(Value::Object(document)) => Ok(document),
        Ok(_) => Err(StorageError::Corrupt(
            "a stored document is not an object".into(),
        )),
        Err(error) => Err(StorageError::Corrupt(format!(
            "a stored document cannot be parsed: {error}"
        ))),
    }
}
