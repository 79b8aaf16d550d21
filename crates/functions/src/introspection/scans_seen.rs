//! Which functions went through whole tables, and for which fields: what an index would need to
//! spare them that (dashboard C6, A2).

use std::collections::HashMap;
use std::sync::Arc;

use lentil_database::IndexId;
use parking_lot::Mutex;
use serde_json::{Value as Json, json};

use super::Introspection;
use super::tables_seen::Cells;
use crate::logs::Execution;
use crate::path::figured;
use crate::scans::{Scan, Sought};

/// Scans that are told apart; those that come after are counted with their index alone.
const SCANS_MAX: usize = 1_000;
/// Seconds after which one that has not come again is forgotten.
const KEPT_SECS: u64 = 3_600;
/// Scans of one table that are told, those of most rows first.
const TOLD_MAX: usize = 20;

/// What tells scans apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    index: IndexId,
    by: String,
    sought: Sought,
}

/// Scans of the last hour: how many, and rows they looked at.
#[derive(Debug, Default)]
pub(crate) struct ScansSeen(Mutex<HashMap<Key, Arc<Cells<2>>>>);

impl ScansSeen {
    fn add(&self, key: Key, rows: u64) {
        let mut known = self.0.lock();
        if known.len() < SCANS_MAX || known.contains_key(&key) {
            known.entry(key).or_default().add([1, rows]);
        }
    }

    /// Notes what has come since the last time, and forgets what comes no more.
    pub(crate) fn note(&self, now_secs: u64, is_there: impl Fn(IndexId) -> bool) {
        let mut known = self.0.lock();
        known.retain(|key, cells| {
            cells.note(now_secs);
            cells.last_secs() + KEPT_SECS > now_secs && is_there(key.index)
        });
    }

    /// Those of an index, with what came of them since a time.
    pub(super) fn of(&self, index: IndexId, since: u64) -> Json {
        let known = self.0.lock();
        let own = known.iter().filter(|(key, _)| key.index == index);
        let mut own: Vec<_> = own
            .map(|(key, cells)| (cells.history.lock().sum_from(since), cells.total(), key))
            .collect();
        own.sort_by_key(|(last, all, key)| (std::cmp::Reverse((last[1], all[1])), key.by.clone()));
        own.truncate(TOLD_MAX);
        let told = own.into_iter().map(|([scans, rows], _, key)| {
            let mut told = sought_json(&key.sought);
            told["function"] = key.by.as_str().into();
            told["scans1m"] = scans.into();
            told["rows1m"] = rows.into();
            told
        });
        told.collect()
    }
}

/// What a scan looked for.
pub(super) fn sought_json(sought: &Sought) -> Json {
    json!({ "filtered": sought.filtered, "equal": sought.equal, "range": sought.range })
}

impl Introspection {
    /// Counts the scans of a call.
    pub(super) fn scanned(&self, execution: &Execution) {
        for Scan {
            index,
            by,
            rows,
            sought,
        } in &execution.work.scans
        {
            let by = by.clone().unwrap_or_else(|| {
                figured(&execution.component, &*execution.identifier).into_owned()
            });
            let key = Key {
                index: *index,
                by,
                sought: sought.clone(),
            };
            self.scans.add(key, *rows);
        }
    }
}

/// Those scans of a call that are worth an index.
pub(crate) fn worth_an_index(scans: &[Scan]) -> Vec<Scan> {
    let long = scans
        .iter()
        .filter(|scan| scan.rows >= crate::scans::ROWS_MIN);
    long.cloned().collect()
}
