//! From what the committer reports to events: who committed what, and which live queries that hit.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Weak};

use lentil_database::{ChangeKind, CommitReport, Observer, Source, TabletId};
use lentil_values::{DocumentId, Timestamp};
use parking_lot::Mutex;
use serde_json::{Value as Json, json};
use tokio::sync::mpsc;

use super::Introspection;
use super::range_text::Named;
use crate::service::Inner;

/// Reports that wait to be told.
const WAITING_MAX: usize = 4_096;
/// Commits whose makers are remembered.
const SOURCES_KEPT: usize = 4_096;
/// Ids of a table that an event names.
const IDS_MAX: usize = 20;

/// Who made the last commits, while somebody watches.
#[derive(Default)]
pub(crate) struct Sources(Mutex<VecDeque<(Timestamp, Arc<Source>)>>);

impl Sources {
    /// Notes who made a commit, once.
    pub(crate) fn note(&self, ts: Timestamp, source: &Arc<Source>) {
        let mut sources = self.0.lock();
        // The committer tells in order; who was told of a commit later finds it there.
        let at = sources.partition_point(|(of, _)| *of < ts);
        if sources.get(at).is_some_and(|(of, _)| *of == ts) {
            return;
        }
        sources.insert(at, (ts, source.clone()));
        if sources.len() > SOURCES_KEPT {
            sources.pop_front();
        }
    }

    /// Who made a commit, if that is remembered.
    pub(crate) fn of(&self, ts: Timestamp) -> Option<Arc<Source>> {
        let sources = self.0.lock();
        let at = sources.partition_point(|(of, _)| *of < ts);
        let found = sources.get(at).filter(|(of, _)| *of == ts);
        found.map(|(_, source)| source.clone())
    }
}

/// What the committer tells.
pub(crate) struct Reporter {
    introspection: Arc<Introspection>,
    reports: mpsc::Sender<CommitReport>,
}

impl Observer for Reporter {
    fn wants_reports(&self) -> bool {
        self.introspection.events.wanted()
    }

    fn committed(&self, report: CommitReport) {
        if let Some(source) = &report.source {
            self.introspection.sources.note(report.ts, source);
        }
        // More than can be told is detail that is left out.
        if self.reports.try_send(report).is_err() {
            self.introspection.events.leave_out();
        }
    }
}

/// Begins to tell of commits, as long as the service is there.
pub(crate) fn start(inner: &Arc<Inner>) {
    let (reports, mut waiting) = mpsc::channel(WAITING_MAX);
    let introspection = inner.introspection.clone();
    inner.database.observe(Arc::new(Reporter {
        introspection,
        reports,
    }));
    let service: Weak<Inner> = Arc::downgrade(inner);
    tokio::spawn(async move {
        while let Some(report) = waiting.recv().await {
            let Some(inner) = service.upgrade() else {
                return;
            };
            tell(&inner, report);
        }
    });
}

fn tell(inner: &Inner, report: CommitReport) {
    let introspection = &inner.introspection;
    let now_ms = super::now_ms();
    let tables = tables_of(inner, &report);
    if tables.is_empty() {
        return;
    }
    let source = report.source.as_deref();
    introspection.events.detail("commit", now_ms, || {
        json!({
            "ts": report.ts.0.to_string(),
            "execId": source.map(|source| &*source.run),
            "path": source.map(|source| &*source.name),
            "tables": tables,
            "bytes": report.changes.iter().map(|change| change.bytes).sum::<usize>(),
        })
    });
    let numbers = report.hits.iter().map(|hit| hit.subscription);
    let queries = introspection.live.take_subscribed(numbers);
    if queries.is_empty() {
        return;
    }
    introspection.events.detail("invalidate", now_ms, || {
        let hits: Vec<Json> = report
            .hits
            .iter()
            .filter_map(|hit| {
                let query = queries.get(&hit.subscription)?;
                let named = Named::find(&inner.database, hit.index);
                let places = &introspection.places;
                let table = |named: &Named| places.table_name(&inner.database, &named.table);
                let table = named.as_ref().map(table);
                let index = named.as_ref().map(|named| &named.index.definition.name);
                Some(json!({
                    "subGroup": query.group(),
                    "query": query.query(),
                    "argsHash": query.args_hash(),
                    "argsPreview": query.args_preview(),
                    "table": table,
                    "index": index,
                    "rangeText": named.as_ref().map(|named| named.text(&hit.range)),
                    "docId": named.as_ref().and_then(|named| named.document(&hit.key)),
                    "count": query.watching(),
                }))
            })
            .collect();
        json!({
            "commitTs": report.ts.0.to_string(),
            "cause": {
                "execId": source.map(|source| &*source.run),
                "path": source.map(|source| &*source.name),
            },
            "total": hits.len(),
            "hits": hits,
            "truncated": report.hits_total > report.hits.len(),
        })
    });
}

/// What was written to each of the app's tables; nothing for a commit of the server's own.
fn tables_of(inner: &Inner, report: &CommitReport) -> Vec<Json> {
    let mut names: HashMap<TabletId, Option<String>> = HashMap::new();
    let mut tables: BTreeMap<String, (u64, u64, u64, Vec<String>)> = BTreeMap::new();
    for change in &report.changes {
        let described = || inner.database.describe_table(change.tablet);
        let name = names
            .entry(change.tablet)
            .or_insert_with(|| {
                let shown = |name: &str| {
                    !name.starts_with('_') || name == "_scheduled_functions" || name == "_storage"
                };
                let table = described().filter(|table| shown(&table.name))?;
                Some(
                    inner
                        .introspection
                        .places
                        .table_name(&inner.database, &table),
                )
            })
            .clone();
        let Some(name) = name else { continue };
        let (inserted, updated, deleted, ids) = tables.entry(name).or_default();
        match change.kind {
            ChangeKind::Inserted => *inserted += 1,
            ChangeKind::Updated => *updated += 1,
            ChangeKind::Deleted => *deleted += 1,
        }
        if ids.len() < IDS_MAX
            && let Some(table) = described()
        {
            let id = DocumentId {
                table: table.number,
                internal: change.id,
            };
            ids.push(id.to_string());
        }
    }
    let tables = tables.into_iter();
    tables
        .map(|(table, (inserted, updated, deleted, ids))| {
            json!({ "table": table, "ins": inserted, "upd": updated, "del": deleted, "ids": ids })
        })
        .collect()
}
