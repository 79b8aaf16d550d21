//! A small table, queries over it, and a model that answers the same queries.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lentil_database::{
    CommitError, Committed, Database, DatabaseOptions, Document, Env, IndexDefinition, IndexQuery,
    IndexState, Namespace, Order, Transaction, TransactionError,
};
use lentil_storage::{MemoryPersistence, Persistence};
use lentil_values::{DocumentId, KeyRange, Object, Value, push_key_value};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Whether the suite may take its time (`./test --long`).
pub(crate) fn long() -> bool {
    std::env::var("LENTIL_LONG").is_ok_and(|long| !long.is_empty())
}

pub(crate) const ROOT: Namespace = Namespace::ROOT;

/// A clock that ticks when it is looked at, and entropy from a counter.
#[derive(Debug)]
pub(crate) struct TestEnv {
    pub(crate) now_ns: AtomicU64,
    seed: AtomicU64,
}

impl TestEnv {
    pub(crate) fn new(seed: u64) -> Arc<TestEnv> {
        Arc::new(TestEnv {
            now_ns: AtomicU64::new(1_700_000_000_000_000_000),
            seed: AtomicU64::new(seed << 32),
        })
    }
}

impl Env for TestEnv {
    fn now_ns(&self) -> u64 {
        self.now_ns.fetch_add(1_000, Ordering::Relaxed)
    }
    fn seed(&self) -> [u8; 32] {
        StdRng::seed_from_u64(self.seed.fetch_add(1, Ordering::Relaxed)).random()
    }
}

pub(crate) fn open(persistence: Arc<dyn Persistence>, env: Arc<TestEnv>) -> Database {
    Database::open(persistence, DatabaseOptions::default(), env).unwrap()
}

pub(crate) fn open_memory(seed: u64) -> Database {
    open(Arc::new(MemoryPersistence::new()), TestEnv::new(seed))
}

/// Commits something that cannot conflict.
pub(crate) fn commit(db: &Database, tx: Transaction) -> Committed {
    db.commit_blocking(tx).unwrap()
}

pub(crate) fn is_conflict(result: &Result<Committed, CommitError>) -> bool {
    matches!(result, Err(CommitError::Conflict { .. }))
}

/// Makes the table `t` with the index `by_g_n`.
pub(crate) fn make_table(db: &Database) {
    let mut tx = db.begin();
    let table = tx.create_table(ROOT, "t", None).unwrap();
    let fields = vec!["g".to_owned(), "n".to_owned()];
    let definition = IndexDefinition {
        name: "by_g_n".to_owned(),
        fields,
        staged: false,
    };
    let index = tx.add_index(&table, definition).unwrap();
    assert_eq!(index.state, IndexState::Backfilled);
    tx.set_index(&table, "by_g_n", IndexState::Enabled, false)
        .unwrap();
    commit(db, tx);
}

/// A row of `t`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) g: Option<u8>,
    pub(crate) n: u8,
}

impl Row {
    pub(crate) fn fields(self) -> Object {
        let mut fields = Object::from([("n".to_owned(), Value::Float64(f64::from(self.n)))]);
        if let Some(g) = self.g {
            fields.insert("g".to_owned(), Value::Float64(f64::from(g)));
        }
        fields
    }
    pub(crate) fn patch(self) -> Vec<(String, Option<Value>)> {
        let float = |n: u8| Value::Float64(f64::from(n));
        vec![
            ("g".to_owned(), self.g.map(float)),
            ("n".to_owned(), Some(float(self.n))),
        ]
    }
    pub(crate) fn random(rng: &mut StdRng) -> Row {
        let g = rng.random_range(0..4u8);
        Row {
            g: (g > 0).then_some(g),
            n: rng.random_range(0..12),
        }
    }
}

/// Reads a document back.
pub(crate) fn row_of(json: &str) -> (f64, Row) {
    let Ok(Value::Object(fields)) = Value::parse(json) else {
        panic!("not an object: {json}")
    };
    let float = |name: &str| match fields.get(name) {
        Some(Value::Float64(n)) => Some(*n),
        None => None,
        other => panic!("{name} is {other:?}"),
    };
    let row = Row {
        g: float("g").map(|g| g as u8),
        n: float("n").unwrap() as u8,
    };
    (float("_creationTime").unwrap(), row)
}

/// A read of `t`.
#[derive(Clone, Debug)]
pub(crate) enum Query {
    Get(DocumentId),
    /// The whole table, by id.
    ById {
        order: Order,
        take: usize,
    },
    /// The whole table, by age.
    ByAge {
        order: Order,
        take: usize,
    },
    /// One `g`, and `n` in `from..below`.
    ByGroup {
        g: Option<u8>,
        from: u8,
        below: u8,
        order: Order,
        take: usize,
    },
}

impl Query {
    pub(crate) fn random(rng: &mut StdRng, known: &[DocumentId]) -> Query {
        let order = if rng.random() {
            Order::Asc
        } else {
            Order::Desc
        };
        let take = if rng.random() {
            usize::MAX
        } else {
            rng.random_range(1..6)
        };
        match rng.random_range(0..10) {
            0 => Query::ById { order, take },
            1 => Query::ByAge { order, take },
            2..6 if !known.is_empty() => Query::Get(known[rng.random_range(0..known.len())]),
            _ => {
                let g = rng.random_range(0..4u8);
                let from = rng.random_range(0..12);
                let below = rng.random_range(from..=12);
                Query::ByGroup {
                    g: (g > 0).then_some(g),
                    from,
                    below,
                    order,
                    take,
                }
            }
        }
    }

    fn range(&self) -> KeyRange {
        let Query::ByGroup { g, from, below, .. } = self else {
            return KeyRange::all();
        };
        let float = |n: u8| Value::Float64(f64::from(n));
        let bound = |n: u8| {
            let mut key = Vec::new();
            push_key_value(g.map(float).as_ref(), &mut key);
            push_key_value(Some(&float(n)), &mut key);
            key
        };
        KeyRange {
            start: bound(*from),
            end: Some(bound(*below)),
        }
    }

    /// Runs it in a transaction: ids and bodies in order.
    pub(crate) fn run(
        &self,
        tx: &mut Transaction,
    ) -> Result<Vec<(DocumentId, String)>, TransactionError> {
        let text = |document: Document| (document.id, document.json.to_string());
        let (index, order, take) = match self {
            Query::Get(id) => return Ok(tx.get(ROOT, *id)?.map(text).into_iter().collect()),
            Query::ById { order, take } => ("by_id", order, take),
            Query::ByAge { order, take } => ("by_creation_time", order, take),
            Query::ByGroup { order, take, .. } => ("by_g_n", order, take),
        };
        let query = IndexQuery {
            namespace: ROOT,
            table: "t".into(),
            index: index.into(),
            range: self.range(),
            order: *order,
        };
        let mut cursor = tx.query(query)?;
        if *take < 100 {
            cursor.expect_rows(*take);
        }
        let mut found = Vec::new();
        while found.len() < *take
            && let Some((_, document)) = cursor.next(tx)?
        {
            found.push(text(document));
        }
        Ok(found)
    }
}

/// The documents of `t` at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Model {
    pub(crate) documents: BTreeMap<DocumentId, String>,
}

impl Model {
    pub(crate) fn run(&self, query: &Query) -> Vec<(DocumentId, String)> {
        let rows = || self.documents.iter().map(|(id, json)| (*id, json.clone()));
        let (mut found, order, take): (Vec<_>, _, _) = match query {
            Query::Get(id) => return rows().filter(|(other, _)| other == id).collect(),
            Query::ById { order, take } => (rows().collect(), order, take),
            Query::ByAge { order, take } => {
                let mut found: Vec<_> = rows().collect();
                found.sort_by(|a, b| {
                    row_of(&a.1)
                        .0
                        .total_cmp(&row_of(&b.1).0)
                        .then(a.0.cmp(&b.0))
                });
                (found, order, take)
            }
            Query::ByGroup {
                g,
                from,
                below,
                order,
                take,
            } => {
                let inside = |row: Row| row.g == *g && (*from..*below).contains(&row.n);
                let mut found: Vec<_> = rows().filter(|(_, json)| inside(row_of(json).1)).collect();
                let key = |(id, json): &(DocumentId, String)| {
                    let (time, row) = row_of(json);
                    (row.n, time.to_bits(), *id)
                };
                found.sort_by_key(key);
                (found, order, take)
            }
        };
        if *order == Order::Desc {
            found.reverse();
        }
        found.truncate(*take);
        found
    }
}

/// A write of `t`.
#[derive(Clone, Debug)]
pub(crate) enum WriteOp {
    Insert(Row),
    Patch(DocumentId, Row),
    Replace(DocumentId, Row),
    Delete(DocumentId),
}

impl WriteOp {
    pub(crate) fn random(rng: &mut StdRng, known: &[DocumentId]) -> WriteOp {
        let row = Row::random(rng);
        if known.is_empty() {
            return WriteOp::Insert(row);
        }
        let id = known[rng.random_range(0..known.len())];
        match rng.random_range(0..8) {
            0..3 => WriteOp::Insert(row),
            3..6 => WriteOp::Patch(id, row),
            6 => WriteOp::Replace(id, row),
            _ => WriteOp::Delete(id),
        }
    }

    /// Does it in a transaction and in a model that stands for what the transaction sees, and
    /// checks that both agree about whether the document is there. Returns what was written.
    pub(crate) fn run(
        &self,
        tx: &mut Transaction,
        model: &mut Model,
    ) -> Option<(DocumentId, Option<String>)> {
        let written = match self {
            WriteOp::Insert(row) => {
                let id = tx.insert(ROOT, "t", row.fields()).unwrap();
                let json = tx.get(ROOT, id).unwrap().unwrap().json.to_string();
                assert_eq!(row_of(&json).1, *row);
                (id, Some(json))
            }
            WriteOp::Patch(id, row) => match tx.patch(ROOT, *id, row.patch()) {
                Ok(document) => (*id, Some(document.json.to_string())),
                Err(error) => return self.must_be_missing(*id, &error, model),
            },
            WriteOp::Replace(id, row) => match tx.replace(ROOT, *id, row.fields()) {
                Ok(document) => (*id, Some(document.json.to_string())),
                Err(error) => return self.must_be_missing(*id, &error, model),
            },
            WriteOp::Delete(id) => match tx.delete(ROOT, *id) {
                Ok(document) => {
                    assert_eq!(
                        model.documents.get(id).map(String::as_str),
                        Some(document.json.as_ref())
                    );
                    (*id, None)
                }
                Err(error) => return self.must_be_missing(*id, &error, model),
            },
        };
        let before = match &written {
            (id, Some(json)) => model.documents.insert(*id, json.clone()),
            (id, None) => model.documents.remove(id),
        };
        assert_eq!(
            before.is_none(),
            matches!(self, WriteOp::Insert(_)),
            "{self:?} met {before:?}"
        );
        Some(written)
    }

    fn must_be_missing(
        &self,
        id: DocumentId,
        error: &TransactionError,
        model: &Model,
    ) -> Option<(DocumentId, Option<String>)> {
        let TransactionError::Developer {
            code: "NonexistentDocument",
            ..
        } = error
        else {
            panic!("{self:?} failed: {error}");
        };
        assert!(
            !model.documents.contains_key(&id),
            "{self:?} does not find what is there"
        );
        None
    }
}
