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

/// How long what storage keeps is believed: adding it up walks through all of it.
const BELIEVED: Duration = Duration::from_secs(600);
/// Storage that is added up while the asker waits; of more he gets what is known so far.
const AT_ONCE_BYTES: u64 = 64 << 20;

/// What storage kept when it was last looked at.
#[derive(Default)]
pub(crate) struct Kept(Mutex<State>);

#[derive(Default)]
struct State {
    known: Option<(Instant, Arc<StorageUsage>)>,
    /// Somebody is adding up.
    looking: bool,
}

impl Kept {
    /// What is known; looks again if that is old. Blocks where storage is small.
    fn get(inner: &Arc<Inner>) -> Option<Arc<StorageUsage>> {
        let mut state = inner.introspection.kept.0.lock();
        let known = state.known.clone();
        let fresh = known
            .as_ref()
            .is_some_and(|(at, _)| at.elapsed() < BELIEVED);
        if !fresh && !state.looking {
            state.looking = true;
            drop(state);
            let size = inner.database.stats().map_or(u64::MAX, |stats| stats.bytes);
            if size <= AT_ONCE_BYTES {
                return look(inner);
            }
            let inner = inner.clone();
            // Ends by itself; nobody waits for it.
            drop(tokio::task::spawn_blocking(move || look(&inner)));
        }
        known.map(|(_, usage)| usage)
    }
}

fn look(inner: &Inner) -> Option<Arc<StorageUsage>> {
    let usage = inner.database.usage();
    let mut state = inner.introspection.kept.0.lock();
    state.looking = false;
    match usage {
        Ok(usage) => {
            let usage = Arc::new(usage);
            state.known = Some((Instant::now(), usage.clone()));
            Some(usage)
        }
        Err(error) => {
            tracing::warn!(%error, "what storage keeps could not be added up");
            None
        }
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
            // Keys that were replaced are as long as others.
            let live = docs.min(all.rows);
            rows.push(Row {
                component: component.0.clone(),
                table: table.name.clone(),
                index: Some(declared_name(&index).to_owned()),
                live: Held {
                    rows: live,
                    bytes: (all.bytes as f64 * live as f64 / all.rows as f64) as u64,
                },
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
