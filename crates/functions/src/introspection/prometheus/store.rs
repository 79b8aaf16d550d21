//! What tables and indexes hold: what is live, and what is retained of what was replaced.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lentil_catalog::AppTable;
use lentil_database::{Held, StorageUsage, Transaction, TransactionError};
use parking_lot::Mutex;

use super::text::Text;
use crate::deploy::declared_name;
use crate::errors::from_transaction;
use crate::introspection::snapshot::all_indexes;
use crate::service::Inner;
use crate::transact::transact;
use crate::{FunctionFailure, Functions};

/// How long what storage keeps is believed: adding it up walks through all of it. The second is
/// for storage that is added up at once.
const BELIEVED: [Duration; 2] = [Duration::from_secs(600), Duration::from_secs(30)];
/// Storage that is added up while the asker waits; of more he gets what is known so far.
const AT_ONCE_BYTES: u64 = 64 << 20;

/// What storage kept when it was last looked at.
#[derive(Default)]
pub(crate) struct Kept(Mutex<State>);

#[derive(Default)]
struct State {
    /// When it was found out, how long it is believed, and what it is.
    known: Option<(Instant, Duration, Arc<StorageUsage>)>,
    /// Somebody is adding up.
    looking: bool,
}

impl Kept {
    /// What is known; looks again if that is old. Blocks where storage is small.
    pub(crate) fn get(inner: &Arc<Inner>) -> Option<Arc<StorageUsage>> {
        let mut state = inner.introspection.kept.0.lock();
        let known = state.known.clone();
        let fresh = known
            .as_ref()
            .is_some_and(|(at, believed, _)| at.elapsed() < *believed);
        if !fresh && !state.looking {
            state.looking = true;
            drop(state);
            let size = inner.database.stats().map_or(u64::MAX, |stats| stats.bytes);
            if size <= AT_ONCE_BYTES {
                return look(inner, BELIEVED[1]);
            }
            let inner = inner.clone();
            // Ends by itself; nobody waits for it.
            drop(tokio::task::spawn_blocking(move || {
                look(&inner, BELIEVED[0])
            }));
        }
        known.map(|(_, _, usage)| usage)
    }
}

/// Lets the next asker look when this look ends, however it ends.
struct Looking<'a>(&'a Kept);

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.0.0.lock().looking = false;
    }
}

fn look(inner: &Inner, believed: Duration) -> Option<Arc<StorageUsage>> {
    let kept = &inner.introspection.kept;
    let _looking = Looking(kept);
    match inner.database.usage() {
        Ok(usage) => {
            let usage = Arc::new(usage);
            kept.0.lock().known = Some((Instant::now(), believed, usage.clone()));
            Some(usage)
        }
        Err(error) => {
            tracing::warn!(%error, "what storage keeps could not be added up");
            None
        }
    }
}

/// What of an index's entries is live, of which there are as many as documents: keys that were
/// replaced are as long as others.
pub(crate) fn live_of(all: Held, docs: u64) -> Held {
    let rows = docs.min(all.rows);
    let share = rows as f64 / all.rows.max(1) as f64;
    Held {
        rows,
        bytes: (all.bytes as f64 * share) as u64,
    }
}

/// One table or index.
struct Row {
    component: String,
    table: String,
    /// `None` for the documents themselves.
    index: Option<String>,
    live: Held,
    /// With what was replaced; `None` as long as it is not known.
    all: Option<Held>,
}

fn rows(inner: &Arc<Inner>, tx: &mut Transaction) -> Result<Vec<Row>, TransactionError> {
    let usage = Kept::get(inner);
    let mut rows = Vec::new();
    for AppTable { component, table } in AppTable::all(tx)? {
        let docs = tx.count(table.namespace, &table.name)?;
        let sizes = &inner.introspection.sizes;
        let bytes = sizes.of(tx, &table, docs)?;
        let live = Held { rows: docs, bytes };
        let held = |usage: &StorageUsage| usage.tablets.get(&table.tablet).copied();
        rows.push(Row {
            component: component.0.clone(),
            table: table.name.clone(),
            index: None,
            live,
            all: usage
                .as_deref()
                .map(|usage| held(usage).unwrap_or_default()),
        });
        for index in all_indexes(tx, &table) {
            let known = usage
                .as_deref()
                .and_then(|usage| usage.indexes.get(&index.id));
            let Some(all) = known.copied().filter(|all| all.rows > 0) else {
                continue;
            };
            rows.push(Row {
                component: component.0.clone(),
                table: table.name.clone(),
                index: Some(declared_name(&index).to_owned()),
                live: live_of(all, docs),
                all: Some(all),
            });
        }
    }
    Ok(rows)
}

pub(super) async fn write(functions: &Functions, text: &mut Text) -> Result<(), FunctionFailure> {
    let inner = functions.inner().clone();
    let what = "the sizes of tables could not be read";
    let rows = transact(functions.database().clone(), what, move |tx| {
        rows(&inner, tx).map_err(from_transaction)
    });
    let rows = rows.await?;
    let (tables, indexes): (Vec<Row>, Vec<Row>) =
        rows.into_iter().partition(|row| row.index.is_none());
    for (rows, name, help) in [
        (
            &tables,
            "table_documents",
            "Documents of a table: live ones, and revisions that are retained",
        ),
        (
            &indexes,
            "index_entries",
            "Entries of an index: live ones, and those that are retained",
        ),
    ] {
        told(text, rows, name, help, |held| held.rows);
    }
    for (rows, name, help) in [
        (&tables, "table_bytes", "Bytes of the documents of a table"),
        (
            &indexes,
            "index_bytes",
            "Bytes of the keys of an index; what of them is live is an estimate",
        ),
    ] {
        told(text, rows, name, help, |held| held.bytes);
    }
    Ok(())
}

fn told(text: &mut Text, rows: &[Row], name: &str, help: &str, of: fn(&Held) -> u64) {
    text.head(name, "gauge", help);
    for row in rows {
        let mut labels = vec![("component", &*row.component), ("table", &*row.table)];
        labels.extend(row.index.as_deref().map(|index| ("index", index)));
        let live = of(&row.live);
        let retained = row.all.as_ref().map(|all| of(all).saturating_sub(live));
        for (state, value) in [("live", Some(live)), ("retained", retained)] {
            let Some(value) = value else { continue };
            labels.push(("state", state));
            text.sample(name, &labels, value as f64);
            labels.pop();
        }
    }
}
