//! What each function, table and index was used for, by day (dashboard F63). The counters are those
//! that are there anyway; now and then what they have gained is added to the day's row.

use std::collections::{BTreeMap, HashMap};

use lentil_catalog::Rollup;
use lentil_database::{Database, IndexState, Transaction, TransactionError};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::functions_seen::{Cell, FunctionCounters};
use super::range_text::Named;
use super::snapshot::all_indexes;
use super::{Introspection, now_ms};
use crate::FunctionFailure;
use crate::Functions;
use crate::all_tables::AllTables;
use crate::errors::from_transaction;
use crate::logs::kind_name;
use crate::transact::transact;

/// Seconds of a day; also the step that its row has among the roll-ups.
const DAY: u64 = 86_400;
/// Days that are remembered.
const DAYS_KEPT: u64 = 400;
/// Seconds between two times that what was gained is kept.
const KEEP_EVERY: u64 = 600;
/// Names of one kind that a day tells apart; the others are counted together.
const NAMES_MAX: usize = 1_000;
/// The name of the others.
const REST: &str = "_rest";
/// Days that one transaction forgets.
const FORGOTTEN: usize = 10;
/// What is said of its transactions that fail.
const WHAT: &str = "what was used could not be kept";

/// Of a function: calls, errors, microseconds, documents and bytes read, the same written, bytes
/// returned.
const FUNCTION: usize = 8;
/// Of a table: documents and bytes read, documents inserted, updated, deleted.
const TABLE: usize = 5;

/// What was used in a while, by name. Arrays are as above; an index has its look-ups.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Used {
    functions: BTreeMap<String, [u64; FUNCTION]>,
    tables: BTreeMap<String, [u64; TABLE]>,
    /// `table.index`; one that was there and never used has a zero.
    indexes: BTreeMap<String, [u64; 1]>,
}

impl Used {
    fn add(&mut self, other: &Used) {
        add_all(&mut self.functions, &other.functions);
        add_all(&mut self.tables, &other.tables);
        add_all(&mut self.indexes, &other.indexes);
    }

    fn is_empty(&self) -> bool {
        self.functions.is_empty() && self.tables.is_empty() && self.indexes.is_empty()
    }
}

fn add_all<const N: usize>(to: &mut BTreeMap<String, [u64; N]>, from: &BTreeMap<String, [u64; N]>) {
    for (name, by) in from {
        let known = to.len() < NAMES_MAX || to.contains_key(name);
        let name = if known { name.as_str() } else { REST };
        let cells = match to.get_mut(name) {
            Some(cells) => cells,
            None => to.entry(name.to_owned()).or_insert([0; N]),
        };
        for (cell, by) in cells.iter_mut().zip(by) {
            *cell = cell.saturating_add(*by);
        }
    }
}

/// What the counters were when they were looked at last.
#[derive(Default)]
pub(crate) struct UsageSeen(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    totals: HashMap<String, Vec<u64>>,
    /// Gained since the last row was written.
    gained: Used,
    next_keep: u64,
}

impl Seen {
    /// What a counter has gained since it was looked at last.
    fn gain<const N: usize>(&mut self, key: String, total: [u64; N]) -> Option<[u64; N]> {
        let last = self.totals.entry(key).or_insert_with(|| vec![0; N]);
        let gain: [u64; N] = std::array::from_fn(|at| total[at].saturating_sub(last[at]));
        last.copy_from_slice(&total);
        gain.iter().any(|cell| *cell > 0).then_some(gain)
    }
}

fn of_function(counters: &FunctionCounters) -> [u64; FUNCTION] {
    let total = counters.total();
    [
        Cell::Calls,
        Cell::Errors,
        Cell::Micros,
        Cell::DocsRead,
        Cell::BytesRead,
        Cell::DocsWritten,
        Cell::BytesWritten,
        Cell::Egress,
    ]
    .map(|cell| total[cell as usize])
}

impl Introspection {
    /// Adds up what came since the last time; gives what is to be kept in the database, if it is time.
    fn gather_usage(
        &self,
        database: &Database,
        names: &AllTables,
        now: u64,
        at_once: bool,
    ) -> Option<Used> {
        let mut seen = self.usage.0.lock();
        if seen.next_keep == 0 {
            seen.next_keep = now + KEEP_EVERY;
        }
        let mut gained = Used::default();
        for (kind, path, counters) in self.functions.all() {
            let name = format!("{} {path}", kind_name(kind));
            if let Some(gain) = seen.gain(format!("f {name}"), of_function(&counters)) {
                gained.functions.insert(name, gain);
            }
        }
        for (index, cells) in self.tables.all_indexes() {
            let Some(named) = Named::find(database, index) else {
                continue;
            };
            let Some(table) = names.name(&named.table) else {
                continue;
            };
            let Some([lookups, docs, bytes]) = seen.gain(format!("i {}", index.0), cells.total())
            else {
                continue;
            };
            let name = format!("{table}.{}", named.index.definition.name);
            gained.indexes.insert(name, [lookups]);
            let of_table = gained.tables.entry(table).or_default();
            of_table[0] += docs;
            of_table[1] += bytes;
        }
        for (tablet, cells) in self.tables.all_tables() {
            let table = database.describe_table(tablet);
            let Some(table) = table.and_then(|table| names.name(&table)) else {
                continue;
            };
            if let Some(gain) = seen.gain(format!("t {}", tablet.0), cells.total()) {
                let of_table = gained.tables.entry(table).or_default();
                for (cell, by) in of_table[2..].iter_mut().zip(gain) {
                    *cell += by;
                }
            }
        }
        seen.gained.add(&gained);
        if now < seen.next_keep && !at_once {
            return None;
        }
        seen.next_keep = now + KEEP_EVERY;
        Some(std::mem::take(&mut seen.gained))
    }
}

impl Functions {
    async fn table_names(&self) -> Result<AllTables, FunctionFailure> {
        transact(self.database().clone(), WHAT, |tx| {
            AllTables::read(tx).map_err(from_transaction)
        })
        .await
    }

    /// Keeps what was used, if it is time, or `at_once`.
    pub(crate) async fn keep_usage(&self, at_once: bool) {
        let now = (now_ms() / 1e3) as u64;
        let introspection = &self.inner().introspection;
        let Ok(names) = self.table_names().await else {
            tracing::warn!("{WHAT}; it is tried again");
            return;
        };
        let Some(used) = introspection.gather_usage(self.database(), &names, now, at_once) else {
            return;
        };
        let kept = used.clone();
        let done = transact(self.database().clone(), WHAT, move |tx| {
            keep_in(tx, &kept, &names, now).map_err(from_transaction)
        });
        if done.await.is_err() {
            tracing::warn!("{WHAT}; it is tried again");
            introspection.usage.0.lock().gained.add(&used);
        }
    }

    /// What was used in each of the last days, this one included, oldest first.
    pub async fn usage(&self, days: u64) -> Result<Json, FunctionFailure> {
        let now = (now_ms() / 1e3) as u64;
        let introspection = &self.inner().introspection;
        let names = self.table_names().await?;
        let gained = {
            let due = introspection.gather_usage(self.database(), &names, now, false);
            let mut seen = introspection.usage.0.lock();
            seen.gained.add(&due.unwrap_or_default());
            seen.gained.clone()
        };
        let today = now - now % DAY;
        let from = today.saturating_sub(days.clamp(1, DAYS_KEPT).saturating_sub(1) * DAY);
        let rows = transact(self.database().clone(), WHAT, move |tx| {
            Rollup::between(tx, DAY as f64, from as f64, f64::INFINITY)
                .map_err(|error| from_transaction(error.into()))
        });
        let mut by_day: BTreeMap<u64, Used> = BTreeMap::new();
        for row in rows.await? {
            by_day.entry(row.start as u64).or_default().add(&read(&row));
        }
        by_day.entry(today).or_default().add(&gained);
        let days = by_day.iter().map(|(day, used)| {
            json!({
                "day": *day as f64 * 1e3,
                "functions": used.functions,
                "tables": used.tables,
                "indexes": used.indexes.iter().map(|(name, [lookups])| (name.clone(), json!(lookups))).collect::<serde_json::Map<_, _>>(),
            })
        });
        Ok(json!({ "days": days.collect::<Vec<_>>() }))
    }
}

fn read(row: &Rollup) -> Used {
    // A row of another shape was written by another version; its day begins anew.
    serde_json::from_str(&row.counts).unwrap_or_default()
}

fn keep_in(
    tx: &mut Transaction,
    used: &Used,
    names: &AllTables,
    now: u64,
) -> Result<(), TransactionError> {
    let mut used = used.clone();
    for table in names.of(tx) {
        let Some(shown) = names.name(&table) else {
            continue;
        };
        for index in all_indexes(tx, &table) {
            if index.state == IndexState::Enabled {
                let name = format!("{shown}.{}", index.definition.name);
                used.indexes.entry(name).or_default();
            }
        }
    }
    let start = (now - now % DAY) as f64;
    let before = Rollup::between(tx, DAY as f64, start, start + 1.0)?;
    let mut all = Used::default();
    for row in &before {
        all.add(&read(row));
    }
    let already = all.clone();
    all.add(&used);
    if all == already || all.is_empty() {
        return Ok(());
    }
    let counts = serde_json::to_string(&all).map_err(|error| {
        TransactionError::Corrupt(format!("what was used cannot be written: {error}"))
    })?;
    let row = Rollup {
        step: DAY as f64,
        start,
        counts,
    };
    row.replace(tx)?;
    let oldest = start - (DAYS_KEPT * DAY) as f64;
    Rollup::forget_before(tx, DAY as f64, oldest, FORGOTTEN)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_tell_what_they_have_gained() {
        let mut seen = Seen::default();
        assert_eq!(seen.gain("a".to_owned(), [3, 0]), Some([3, 0]));
        assert_eq!(seen.gain("a".to_owned(), [3, 0]), None);
        assert_eq!(seen.gain("a".to_owned(), [5, 1]), Some([2, 1]));
    }

    #[test]
    fn too_many_names_are_counted_together() {
        let one = |n: usize| BTreeMap::from([(format!("t{n:05}"), [1; TABLE])]);
        let mut used = Used::default();
        for n in 0..NAMES_MAX + 5 {
            add_all(&mut used.tables, &one(n));
            add_all(&mut used.tables, &one(0));
        }
        assert_eq!(used.tables.len(), NAMES_MAX + 1);
        assert_eq!(used.tables[REST], [5; TABLE]);
        assert_eq!(used.tables["t00000"][0] as usize, NAMES_MAX + 6);
    }
}
