//! What was counted in a minute or an hour, so that it is still known after a restart (dashboard C4).

use lentil_database::{IndexQuery, Namespace, Order, Transaction};
use lentil_values::{DocumentId, KeyRange, Value, push_key_value};

use crate::row::{Row, fields, text};
use crate::{CatalogError, SystemTable};

const TABLE: SystemTable = SystemTable::Rollups;

/// The counts of one step of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollup {
    /// How long the step is, seconds.
    pub step: f64,
    /// When it began, seconds since the epoch.
    pub start: f64,
    /// What was counted, JSON text.
    pub counts: String,
}

impl Rollup {
    /// Keeps it.
    pub fn insert(&self, tx: &mut Transaction) -> Result<(), CatalogError> {
        let row = fields([
            ("step", Some(Value::Float64(self.step))),
            ("start", Some(Value::Float64(self.start))),
            ("counts", text(&self.counts)),
        ]);
        tx.insert(Namespace::ROOT, TABLE.name(), row)?;
        Ok(())
    }

    /// Keeps it in the place of whatever was kept of its step and time.
    pub fn replace(&self, tx: &mut Transaction) -> Result<(), CatalogError> {
        let mut before = Vec::new();
        each(tx, self.step, self.start, self.start + 1.0, |id, _| {
            before.push(id);
            true
        })?;
        for id in before {
            tx.delete(Namespace::ROOT, id)?;
        }
        self.insert(tx)
    }

    /// Those of one step that began between two times, the oldest first.
    pub fn between(
        tx: &mut Transaction,
        step: f64,
        from: f64,
        to: f64,
    ) -> Result<Vec<Rollup>, CatalogError> {
        let mut found = Vec::new();
        each(tx, step, from, to, |_, rollup| {
            found.push(rollup);
            true
        })?;
        Ok(found)
    }

    /// Forgets some of those of one step that began before a time; gives how many.
    pub fn forget_before(
        tx: &mut Transaction,
        step: f64,
        before: f64,
        limit: usize,
    ) -> Result<usize, CatalogError> {
        let mut old = Vec::new();
        each(tx, step, f64::NEG_INFINITY, before, |id, _| {
            old.push(id);
            old.len() < limit
        })?;
        for id in &old {
            tx.delete(Namespace::ROOT, *id)?;
        }
        Ok(old.len())
    }
}

fn each(
    tx: &mut Transaction,
    step: f64,
    from: f64,
    to: f64,
    mut take: impl FnMut(DocumentId, Rollup) -> bool,
) -> Result<(), CatalogError> {
    let key = |start: f64| {
        let mut key = Vec::new();
        push_key_value(Some(&Value::Float64(step)), &mut key);
        push_key_value(Some(&Value::Float64(start)), &mut key);
        key
    };
    let mut rows = tx.query(IndexQuery {
        namespace: Namespace::ROOT,
        table: TABLE.name().to_owned(),
        index: "by_step".to_owned(),
        range: KeyRange {
            start: key(from),
            end: Some(key(to)),
        },
        order: Order::Asc,
    })?;
    while let Some((_, document)) = rows.next(tx)? {
        let row = Row::parse(TABLE, &document)?;
        let rollup = Rollup {
            step,
            start: row.number("start")?,
            counts: row.text("counts")?,
        };
        if !take(document.id, rollup) {
            break;
        }
    }
    Ok(())
}
