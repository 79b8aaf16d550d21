//! What counting one call costs, by itself: the rule is a hundredth of the call (dashboard C4).

use std::sync::Arc;
use std::time::{Duration, Instant};

use lentil_database::{
    Database, DatabaseOptions, IndexId, IndexUse, Namespace, SystemEnv, TableWrites, TabletId,
    TransactionUsage,
};
use lentil_js::FunctionKind;
use lentil_storage::MemoryPersistence;
use lentil_values::{DocumentId, Object, Value};

use super::{Introspection, Work};
use crate::ComponentPath;
use crate::logs::Execution;

const BATCHES: usize = 60;
const BATCH: u32 = 100;
/// How many times the transaction of a transfer, alone and in memory, fits into what servers spend
/// on the whole call of W1: HTTP, the crossing to the executor, storage (docs/benchmarks.md).
const TRANSACTIONS_A_CALL: u32 = 8;

/// A transfer as W1 has them: two documents read and written.
fn transfer() -> Execution {
    let read = IndexUse {
        lookups: 2,
        documents: 2,
        bytes: 200,
    };
    let written = TableWrites {
        inserted: 0,
        updated: 2,
        deleted: 0,
    };
    Execution {
        id: uuid::Uuid::nil(),
        parent: None,
        work: Work {
            reads: vec![(IndexId(7), read)],
            writes: vec![(TabletId(3), written)],
            ..Work::default()
        },
        kind: FunctionKind::Mutation,
        node: false,
        component: ComponentPath::default(),
        identifier: "bank:transfer".to_owned(),
        lines: Arc::default(),
        seconds: 0.001,
        user_seconds: 0.000_3,
        cached: false,
        caller: "SyncWorker",
        request_id: String::new(),
        identity_type: "unknown",
        error: None,
        usage: TransactionUsage {
            documents_read: 2,
            bytes_read: 200,
            ranges_read: 2,
            documents_written: 2,
            bytes_written: 200,
        },
        return_bytes: Some(4),
        http_status: None,
        conflicts: None,
    }
}

/// The least of many batches: what else the machine does only adds.
fn least(mut work: impl FnMut()) -> Duration {
    let batch = |_| {
        let start = Instant::now();
        for _ in 0..BATCH {
            work();
        }
        start.elapsed() / BATCH
    };
    (0..BATCHES)
        .map(batch)
        .min()
        .expect("there is more than one")
}

/// The transaction of a transfer, without function, client or disk.
fn transact(database: &Database, accounts: [DocumentId; 2], balance: f64) {
    let mut tx = database.begin();
    for account in accounts {
        tx.get(Namespace::ROOT, account).expect("it is read");
        let fields = vec![("balance".to_owned(), Some(Value::Float64(balance)))];
        tx.patch(Namespace::ROOT, account, fields)
            .expect("it is written");
    }
    database.commit_blocking(tx).expect("it commits");
}

#[test]
fn counting_a_call_costs_less_than_a_hundredth_of_it() {
    let database = Database::open(
        Arc::new(MemoryPersistence::new()),
        DatabaseOptions::default(),
        Arc::new(SystemEnv),
    )
    .expect("it opens");
    let accounts = two_accounts(&database);
    let (introspection, execution) = (Introspection::new(true), transfer());
    let mut balance = 0.0;
    let transaction = least(|| {
        balance += 1.0;
        transact(&database, accounts, balance);
    });
    let cost = least(|| {
        let _outstanding = introspection.counters.begin(FunctionKind::Mutation);
        let source = introspection.source("bank:transfer", "1", Instant::now());
        assert!(source.is_none(), "nobody watches");
        introspection.ended(&execution, &database);
    });
    println!("counting takes {cost:?}, the transaction {transaction:?}");
    let call = transaction * TRANSACTIONS_A_CALL;
    assert!(cost * 100 < call, "{cost:?} of {call:?}");
    database.shutdown();
}

fn two_accounts(database: &Database) -> [DocumentId; 2] {
    let mut tx = database.begin();
    tx.create_table(Namespace::ROOT, "accounts", None)
        .expect("the table is made");
    let account = || Object::from([("balance".to_owned(), Value::Float64(0.0))]);
    let accounts = [(); 2].map(|()| {
        tx.insert(Namespace::ROOT, "accounts", account())
            .expect("it is inserted")
    });
    database.commit_blocking(tx).expect("it commits");
    accounts
}
