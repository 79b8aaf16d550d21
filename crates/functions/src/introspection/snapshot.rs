//! How things stand now (dashboard C4): who watches what, and what tables, indexes and functions
//! were used for in the last minute.

use std::collections::HashMap;
use std::sync::Arc;

use lentil_catalog::AppTable;
use lentil_database::{
    BackfillProgress, CommitError, Database, IndexInfo, IndexState, TableInfo, Transaction,
    TransactionError,
};
use lentil_js::FunctionKind;
use serde_json::{Value as Json, json};

use super::counters::{BUCKETS, percentile};
use super::functions_seen::Cell;
use super::indexes::state_name;
use super::live::LiveQuery;
use super::prometheus::{Kept, live_of};
use super::range_text::Named;
use super::{Introspection, minute_ago, now_ms};
use crate::deploy::declared_name;
use crate::errors::from_transaction;
use crate::logs::kind_name;
use crate::service::Inner;
use crate::transact::transact;
use crate::{FunctionFailure, Functions};

/// Ranges of a read set that are shown.
const RANGES_MAX: usize = 50;
/// Questions that are shown, those with most watchers first.
const SUBSCRIPTIONS_MAX: usize = 5_000;

impl Functions {
    /// The picture that the stream of events goes on from.
    pub async fn introspection_snapshot(&self) -> Result<Json, FunctionFailure> {
        let inner = self.inner().clone();
        let what = "the state of the deployment could not be read";
        transact(self.database().clone(), what, move |tx| {
            let tables = tables(&inner, tx).map_err(from_transaction)?;
            let introspection = &inner.introspection;
            let watched = most_watched(introspection);
            Ok(json!({
                "seq": introspection.events.newest(),
                "serverTime": now_ms(),
                "startedAt": introspection.started_ms,
                "sessions": sessions(introspection, &watched),
                "subscriptions": watched.iter().map(|query| subscription(&inner, query)).collect::<Json>(),
                "tables": tables,
                "functions": functions(introspection),
                "schedulerLagMs": inner.agenda.lag_ms(),
            }))
        })
        .await
    }

    /// Numbers with which the stream of events begins.
    pub fn introspection_hello(&self) -> Json {
        let events = &self.inner().introspection.events;
        json!({
            "type": "hello",
            "serverTime": now_ms(),
            "version": env!("CARGO_PKG_VERSION"),
            "deployment": self.options().instance_name,
            "seq": events.newest(),
            "detailSampling": events.sampling(),
        })
    }
}

fn sessions(introspection: &Introspection, watched: &[Arc<LiveQuery>]) -> Json {
    let mut groups: HashMap<u64, Vec<String>> = HashMap::new();
    for query in watched {
        for session in sessions_of(query) {
            groups.entry(session).or_default().push(query.group());
        }
    }
    let sessions = introspection.sessions.all().into_iter();
    let shown = sessions.map(|(number, present)| {
        json!({
            "sessionId": number,
            "client": present.client,
            "identityKind": present.identity,
            "since": present.since_ms,
            "subs": groups.remove(&number).unwrap_or_default(),
        })
    });
    shown.collect()
}

fn most_watched(introspection: &Introspection) -> Vec<Arc<LiveQuery>> {
    let mut watched = introspection.live.watched();
    watched.sort_by_key(|query| std::cmp::Reverse(query.watching()));
    watched.truncate(SUBSCRIPTIONS_MAX);
    watched
}

/// The conversations that watch a question, by number.
fn sessions_of(query: &LiveQuery) -> Vec<u64> {
    let current = query.current();
    current.map_or_else(Vec::new, |result| result.watchers.sessions())
}

fn subscription(inner: &Inner, query: &LiveQuery) -> Json {
    let current = query.current();
    let subscription = current
        .as_ref()
        .and_then(|result| result.subscription.as_ref());
    let ranges = subscription.map(|it| it.ranges()).unwrap_or_default();
    let read_set = ranges.iter().take(RANGES_MAX).filter_map(|(index, range)| {
        let named = Named::find(&inner.database, *index)?;
        // What the server itself reads for every call is no part of what the function read.
        if named.table.name.starts_with('_')
            && named.table.name != "_storage"
            && named.table.name != "_scheduled_functions"
        {
            return None;
        }
        Some(json!({
            "table": inner.introspection.places.table_name(&inner.database, &named.table),
            "index": named.index.definition.name,
            "rangeText": named.text(range),
        }))
    });
    let [reruns, unchanged, bytes] = query.since(minute_ago());
    let causes = query.causes();
    let causes = causes.iter().rev().map(|cause| {
        let source = inner.introspection.sources.of(cause.ts);
        json!({
            "commitTs": cause.ts.0.to_string(),
            "t": cause.at_ms,
            "runMs": cause.seconds * 1e3,
            "changed": cause.changed,
            "path": source.as_ref().map(|source| &*source.name),
            "execId": source.as_ref().map(|source| &*source.run),
        })
    });
    json!({
        "group": query.group(),
        "query": query.query(),
        "argsHash": query.args_hash(),
        "argsPreview": query.args_preview(),
        "sessions": sessions_of(query),
        "watchers": query.watching(),
        "readSet": read_set.collect::<Vec<_>>(),
        "reruns1m": reruns,
        "unchangedReruns1m": unchanged,
        "bytesOut1m": bytes,
        "lastRerun": query.last_rerun_ms(),
        "causes": causes.collect::<Vec<_>>(),
    })
}

fn tables(inner: &Arc<Inner>, tx: &mut Transaction) -> Result<Json, TransactionError> {
    let mut shown = Vec::new();
    let kept = Kept::get(inner);
    for AppTable { component, table } in AppTable::all(tx)? {
        let seen = &inner.introspection.tables;
        let since = minute_ago();
        let docs = tx.count(table.namespace, &table.name)?;
        let bytes = inner.introspection.sizes.of(tx, &table, docs)?;
        let written = seen.table(table.tablet);
        let writes = written.map_or([0; 3], |cells| cells.history.lock().sum_from(since));
        let mut reads = 0;
        let (mut indexes, mut scans) = (Vec::new(), Json::Array(Vec::new()));
        for index in all_indexes(tx, &table) {
            let cells = seen.index(index.id);
            let sums = cells
                .as_ref()
                .map_or([0; 3], |cells| cells.history.lock().sum_from(since));
            reads += sums[1];
            if index.definition.name == "by_creation_time" {
                scans = inner.introspection.scans.of(index.id, since);
            }
            let last_secs = cells.map_or(0, |cells| cells.last_secs());
            let filled = filled(&inner.database, &index)?;
            let all = kept.as_deref().and_then(|kept| kept.indexes.get(&index.id));
            let bytes = all.map(|all| live_of(*all, docs).bytes);
            indexes.push(index_json(&index, docs, bytes, sums, last_secs, filled));
        }
        shown.push(json!({
            "component": (!component.is_root()).then_some(component.0),
            "name": table.name,
            "docs": docs,
            "bytes": bytes,
            "reads1m": reads,
            "writes1m": writes.iter().sum::<u64>(),
            "indexes": indexes,
            "scans": scans,
        }));
    }
    Ok(shown.into())
}

/// The indexes of a table, the built-in ones first.
pub(super) fn all_indexes(tx: &mut Transaction, table: &TableInfo) -> Vec<IndexInfo> {
    let mut indexes = tx.indexes(table);
    if !indexes.iter().any(|index| index.id == table.by_id)
        && let Ok(Some(by_id)) = tx.index(table.namespace, &table.name, "by_id")
    {
        indexes.insert(0, by_id);
    }
    indexes
}

/// How far an index is that is being filled.
fn filled(
    database: &Database,
    index: &IndexInfo,
) -> Result<Option<BackfillProgress>, TransactionError> {
    if index.state != IndexState::Backfilling {
        return Ok(None);
    }
    let progress = database.backfill_progress(index);
    progress.map(Some).map_err(|error| match error {
        CommitError::Storage(error) => TransactionError::Storage(error),
        error => TransactionError::Corrupt(error.to_string()),
    })
}

fn index_json(
    index: &IndexInfo,
    docs: u64,
    bytes: Option<u64>,
    [lookups, documents, _]: [u64; 3],
    last_secs: u64,
    filled: Option<BackfillProgress>,
) -> Json {
    json!({
        "name": declared_name(index),
        "fields": index.definition.fields,
        "kind": "database",
        "bytes": bytes,
        "entries": filled.map_or(docs, |it| it.done),
        "state": state_name(index.state),
        "done": filled.map(|it| it.done),
        "total": filled.map(|it| it.total.unwrap_or(docs)),
        "lookups1m": lookups,
        "rowsScanned1m": documents,
        "rowsReturned1m": documents,
        "lastUsed": (last_secs > 0).then_some(last_secs as f64 * 1e3),
    })
}

fn functions(introspection: &Introspection) -> Json {
    let all = introspection.functions.all().into_iter();
    let shown = all.map(|(kind, path, counters)| {
        let history = counters.history.lock();
        let sums = history.sum_from(minute_ago());
        drop(history);
        let get = |cell: Cell| sums[cell as usize];
        let first = Cell::Latency as usize;
        let classes = &sums[first..first + BUCKETS];
        let ms = |share| percentile(classes, share).map(|seconds| seconds * 1e3);
        json!({
            "path": path,
            "kind": kind_name(kind),
            "calls1m": get(Cell::Calls),
            "hit1m": get(Cell::Hits),
            "misses1m": (kind == FunctionKind::Query).then(|| get(Cell::Misses)),
            "p50": ms(0.5),
            "p95": ms(0.95),
            "errors1m": get(Cell::Errors),
            "reruns1m": get(Cell::Reruns),
            "unchangedReruns1m": get(Cell::Unchanged),
            "conflicts1m": get(Cell::Conflicts),
            "conflictFailures1m": get(Cell::ConflictFailures),
            "mostDocsRead": counters.most_read()[0],
            "mostBytesRead": counters.most_read()[1],
        })
    });
    shown.collect()
}
