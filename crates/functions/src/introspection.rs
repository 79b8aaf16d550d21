//! What goes on in the deployment, for dashboards and operators (dashboard C4): counters that are
//! always on, and a stream of detail that is made only while somebody reads it.
//!
//! The rule: with nobody watching, a call pays a handful of relaxed additions and one look at a
//! flag. Whatever needs names, texts or JSON asks [`Events::wanted`] first.

mod app_metrics;
#[cfg(test)]
mod cost;
mod counters;
mod events;
mod explain;
mod functions_seen;
mod history;
mod indexes;
mod live;
mod places;
mod prometheus;
mod range_text;
mod reports;
mod rights;
mod sampler;
mod scans_seen;
mod series;
mod sessions;
mod sizes;
mod snapshot;
mod tables_seen;
mod usage;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lentil_database::{ConflictPlace, Database, IndexId, IndexUse, Source, TableWrites, TabletId};
use lentil_js::FunctionKind;
use serde_json::{Value as Json, json};

pub use self::app_metrics::Parameters;
pub(crate) use self::counters::{Counter, Counters};
pub(crate) use self::events::Events;
pub use self::events::{Event, News};
use self::functions_seen::{Cell, FunctionsSeen};
pub(crate) use self::live::Entry;
use self::live::LiveQueries;
use self::places::Places;
use self::range_text::Named;
use self::reports::Sources;
pub(crate) use self::reports::start as start_reports;
pub use self::rights::hide_data;
use self::sampler::Sampler;
use self::scans_seen::ScansSeen;
pub(crate) use self::scans_seen::worth_an_index;
pub use self::series::SeriesQuery;
pub use self::sessions::Presence;
use self::sessions::Sessions;
use self::sizes::TableSizes;
use self::tables_seen::{CausesSeen, TablesSeen};
use self::usage::UsageSeen;
use crate::QueryResult;
use crate::cache::QueryKey;
use crate::logs::{Execution, kind_name};
use crate::path::figured;
use crate::scans::Scan;

/// Milliseconds since the epoch.
pub(crate) fn now_ms() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0.0, |now| now.as_secs_f64() * 1e3)
}

/// When the last minute began, seconds since the epoch.
fn minute_ago() -> u64 {
    ((now_ms() / 1e3) as u64).saturating_sub(60)
}

/// What a run has read and written, by index and table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Work {
    pub(crate) reads: Vec<(IndexId, IndexUse)>,
    pub(crate) writes: Vec<(TabletId, TableWrites)>,
    /// Whole tables it has gone through, where that was long.
    pub(crate) scans: Vec<Scan>,
    /// Seconds the commit took.
    pub(crate) commit_seconds: f64,
}

/// All that is known.
pub(crate) struct Introspection {
    /// Whether anything is counted; it is, but where its cost is measured.
    on: AtomicBool,
    /// When it began, ms since the epoch.
    pub(crate) started_ms: f64,
    pub(crate) counters: Counters,
    pub(crate) functions: FunctionsSeen,
    pub(crate) tables: TablesSeen,
    pub(crate) scans: ScansSeen,
    pub(crate) live: Arc<LiveQueries>,
    pub(crate) events: Events,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) sources: Sources,
    pub(crate) causes: CausesSeen,
    pub(crate) sizes: TableSizes,
    pub(crate) kept: prometheus::Kept,
    pub(crate) places: Places,
    pub(crate) sampler: Sampler,
    pub(crate) usage: UsageSeen,
}

impl Introspection {
    /// One that counts, or for comparison one that does not.
    pub(crate) fn new(on: bool) -> Introspection {
        Introspection {
            on: AtomicBool::new(on),
            started_ms: now_ms(),
            counters: Counters::default(),
            functions: FunctionsSeen::default(),
            tables: TablesSeen::default(),
            scans: ScansSeen::default(),
            live: Arc::default(),
            events: Events::default(),
            sessions: Arc::default(),
            sources: Sources::default(),
            causes: CausesSeen::default(),
            sizes: TableSizes::default(),
            kept: prometheus::Kept::default(),
            places: Places::default(),
            sampler: Sampler::default(),
            usage: UsageSeen::default(),
        }
    }

    /// Whether anything is counted.
    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Counts from now on, or does not.
    pub(crate) fn turn(&self, on: bool) {
        self.on.store(on, Ordering::Relaxed);
    }

    /// Counts an execution that has ended, and tells of it.
    pub(crate) fn ended(&self, execution: &Execution, database: &Database) {
        if !self.is_on() {
            return;
        }
        let (kind, counters) = (execution.kind, &self.counters);
        let failed = execution.error.is_some();
        let path = figured(&execution.component, &*execution.identifier);
        let function = self.functions.of(kind, &path);
        let count = |counter, cell, by: u64| {
            counters.add(counter, by);
            if let (Some(function), Some(cell)) = (&function, cell) {
                function.add(cell, by);
            }
        };
        if let Some(function) = &function {
            function.add(Cell::Calls, 1);
        }
        match failed {
            true => count(Counter::Failed(kind), Some(Cell::Errors), 1),
            false => count(Counter::Ok(kind), None, 1),
        }
        let returned = execution.return_bytes.unwrap_or(0) as u64;
        count(Counter::Egress, Some(Cell::Egress), returned);
        if execution.cached {
            counters.add(Counter::Started(kind), 1);
            count(Counter::CacheHit, Some(Cell::Hits), 1);
        } else {
            if kind == FunctionKind::Query {
                count(Counter::CacheMiss, Some(Cell::Misses), 1);
            }
            let bucket = counters::bucket_of(execution.seconds);
            counters.add(Counter::Latency(kind, bucket), 1);
            if let Some(function) = &function {
                function.took(execution.seconds);
                function.used(execution);
            }
            self.count_usage(execution);
        }
        self.events.detail("exec", now_ms(), || {
            exec_json(&self.places, execution, database)
        });
    }

    fn count_usage(&self, execution: &Execution) {
        let usage = &execution.usage;
        for (counter, by) in [
            (Counter::DocsRead, usage.documents_read),
            (Counter::BytesRead, usage.bytes_read),
            (Counter::DocsWritten, usage.documents_written),
            (Counter::BytesWritten, usage.bytes_written),
        ] {
            if by > 0 {
                self.counters.add(counter, by as u64);
            }
        }
        self.tables.read(&execution.work.reads);
        self.scanned(execution);
        if execution.error.is_none() {
            self.tables.wrote(&execution.work.writes);
        }
    }

    /// Takes the result of a query's run: if it is one of those that somebody watches, it may have
    /// been for nothing.
    pub(crate) fn ran(
        &self,
        key: &Arc<QueryKey>,
        result: &Arc<QueryResult>,
        run: &uuid::Uuid,
        seconds: f64,
    ) {
        if !self.is_on() {
            return;
        }
        let (now_ms, detail) = (now_ms(), self.events.wanted());
        let Some((query, rerun)) = self.live.ran(key, result, seconds, now_ms, detail) else {
            return;
        };
        self.counters.add(Counter::Rerun, 1);
        if let Some(source) = self.sources.of(rerun.because) {
            self.causes.add(&source.name);
        }
        let function = self.functions.of(FunctionKind::Query, &query.query());
        if let Some(function) = &function {
            function.add(Cell::Reruns, 1);
        }
        if !rerun.changed {
            self.counters.add(Counter::Unchanged, 1);
            if let Some(function) = &function {
                function.add(Cell::Unchanged, 1);
            }
        }
        self.events.detail("rerun", now_ms, || {
            let bytes = result.outcome.result.as_ref().map_or(0, |text| text.len());
            json!({
                "query": query.query(),
                "argsHash": query.args_hash(),
                "argsPreview": query.args_preview(),
                "execId": run.to_string(),
                "becauseCommitTs": rerun.because.0.to_string(),
                "runMs": seconds * 1e3,
                "changed": rerun.changed,
                "bytesOut": if rerun.changed { bytes * rerun.watching } else { 0 },
                "sessions": rerun.watching,
            })
        });
    }

    /// A mutation has met another, and is run again or given up.
    pub(crate) fn conflicted(&self, conflict: &Conflict<'_>, database: &Database) {
        let counter = match conflict.failed {
            true => Counter::ConflictFailed,
            false => Counter::Retried,
        };
        self.counters.add(counter, 1);
        if let Some(function) = self.functions.of(FunctionKind::Mutation, conflict.path) {
            function.add(Cell::Conflicts, 1);
            if conflict.failed {
                function.add(Cell::ConflictFailures, 1);
            }
        }
        self.events.detail("conflict", now_ms(), || {
            let place = conflict.place;
            let named = place.and_then(|place| Named::find(database, place.index));
            let ts = place.map(|place| place.ts);
            let winner = ts.and_then(|ts| self.sources.of(ts));
            let table = named.as_ref().map_or_else(
                || conflict.table.to_owned(),
                |named| self.places.table_name(database, &named.table),
            );
            json!({
                "table": table,
                "index": named.as_ref().map(|named| &named.index.definition.name),
                "docId": named.as_ref().zip(place).and_then(|(named, place)| named.document(&place.key)),
                "loser": {
                    "execId": conflict.run,
                    "path": conflict.path,
                    "attempt": conflict.attempt,
                    "ranMs": conflict.ran.as_secs_f64() * 1e3,
                },
                "winner": {
                    "execId": winner.as_ref().map(|source| &*source.run),
                    "path": winner.as_ref().map(|source| &*source.name),
                    "commitTs": ts.map(|ts| ts.0.to_string()),
                    "ranMs": winner.as_ref().map(|source| source.ran.as_secs_f64() * 1e3),
                },
                "outcome": if conflict.failed { "failed" } else { "retried" },
            })
        });
    }

    /// What a commit is to be known by, if anybody is to know: whoever reads the stream, or live
    /// queries whose runs it may cause.
    pub(crate) fn source(&self, name: &str, run: &str, started: Instant) -> Option<Arc<Source>> {
        let known = self.is_on() && (self.events.wanted() || self.live.watches() > 0);
        known.then(|| {
            Arc::new(Source {
                name: name.into(),
                run: run.into(),
                ran: started.elapsed(),
            })
        })
    }
}

/// Somebody who reads the stream: as long as there is one, detail is made.
pub struct EventReader(Arc<Introspection>);

impl EventReader {
    pub(crate) fn enter(introspection: Arc<Introspection>) -> EventReader {
        if introspection.events.enter() {
            introspection.live.follow(true);
        }
        EventReader(introspection)
    }

    /// The newest event's number.
    pub fn newest(&self) -> u64 {
        self.0.events.newest()
    }

    /// What came after a number, as soon as something has.
    pub async fn after(&self, seq: u64) -> News {
        self.0.events.after(seq).await
    }
}

impl Drop for EventReader {
    fn drop(&mut self) {
        if self.0.events.leave() {
            self.0.live.follow(false);
        }
    }
}

/// A conflict of a mutation with another.
pub(crate) struct Conflict<'a> {
    pub(crate) path: &'a str,
    pub(crate) run: &'a str,
    pub(crate) attempt: u32,
    /// For how long this attempt had run.
    pub(crate) ran: Duration,
    pub(crate) table: &'a str,
    pub(crate) place: Option<&'a ConflictPlace>,
    /// Whether it was the last attempt.
    pub(crate) failed: bool,
}

fn exec_json(places: &Places, execution: &Execution, database: &Database) -> Json {
    let reads = execution.work.reads.iter().filter_map(|(index, used)| {
        let named = Named::find(database, *index)?;
        Some(json!({
            "table": places.table_name(database, &named.table),
            "index": named.index.definition.name,
            "docs": used.documents,
            "bytes": used.bytes,
            "ranges": used.lookups,
        }))
    });
    let writes = execution.work.writes.iter().filter_map(|(tablet, writes)| {
        let table = database.describe_table(*tablet)?;
        Some(json!({
            "table": places.table_name(database, &table),
            "ins": writes.inserted, "upd": writes.updated, "del": writes.deleted,
        }))
    });
    let commit_ms = execution.work.commit_seconds * 1e3;
    let total_ms = execution.seconds * 1e3;
    let user_ms = execution.user_seconds * 1e3;
    json!({
        "execId": execution.id.to_string(),
        "reqId": execution.request_id,
        "parent": execution.parent.map(|id| id.to_string()),
        "path": execution.identifier,
        "component": (!execution.component.is_root()).then_some(&execution.component.0),
        "kind": kind_name(execution.kind),
        "caller": execution.caller,
        "start": now_ms() - total_ms,
        "queueMs": (total_ms - user_ms - commit_ms).max(0.0),
        "runMs": user_ms,
        "commitMs": commit_ms,
        "totalMs": total_ms,
        "cached": execution.cached,
        "ok": execution.error.is_none(),
        "error": execution.error,
        "attempt": execution.conflicts.as_ref().map_or(1, |(count, _)| count + 1),
        "reads": reads.collect::<Vec<_>>(),
        "writes": writes.collect::<Vec<_>>(),
        "returnBytes": execution.return_bytes,
    })
}
