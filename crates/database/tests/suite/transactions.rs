//! Errors, limits, system fields and cursors of one transaction.

use lentil_database::{
    BeginError, DatabaseOptions, IndexQuery, Order, Transaction, TransactionError,
    TransactionLimits,
};
use lentil_storage::MemoryPersistence;
use lentil_values::{
    DocumentId, InternalId, KeyRange, Object, TableNumber, Timestamp, Value, push_key_value,
};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::{
    Model, Query, ROOT, Row, TestEnv, WriteOp, commit, make_table, open, open_memory, row_of,
};

fn developer<T: std::fmt::Debug>(result: Result<T, TransactionError>) -> (&'static str, String) {
    match result {
        Err(TransactionError::Developer { code, message }) => (code, message),
        other => panic!("expected a developer error, got {other:?}"),
    }
}

fn one_row(db: &lentil_database::Database) -> DocumentId {
    make_table(db);
    let mut tx = db.begin();
    let id = tx
        .insert(ROOT, "t", Row { g: Some(1), n: 1 }.fields())
        .unwrap();
    commit(db, tx);
    id
}

#[test]
fn changing_what_is_missing_says_so() {
    let db = open_memory(1);
    let id = one_row(&db);
    let mut tx = db.begin();
    tx.delete(ROOT, id).unwrap();
    let missing = |verb: &str| {
        (
            "NonexistentDocument",
            format!("{verb} nonexistent document ID {id}"),
        )
    };
    assert_eq!(developer(tx.patch(ROOT, id, vec![])), missing("Update on"));
    assert_eq!(
        developer(tx.replace(ROOT, id, Object::new())),
        missing("Replace on")
    );
    assert_eq!(developer(tx.delete(ROOT, id)), missing("Delete on"));
    let foreign = DocumentId {
        table: TableNumber(12_345),
        internal: id.internal,
    };
    for error in [
        developer(tx.patch(ROOT, foreign, vec![])),
        developer(tx.replace(ROOT, foreign, Object::new())),
        developer(tx.delete(ROOT, foreign)),
    ] {
        assert_eq!(
            error,
            (
                "NonexistentTable",
                format!("Table for ID \"{foreign}\" not found")
            )
        );
    }
    assert!(tx.get(ROOT, foreign).unwrap().is_none());
}

#[test]
fn system_fields_cannot_be_chosen_or_changed() {
    let db = open_memory(1);
    let id = one_row(&db);
    let mut tx = db.begin();
    let with = |name: &str, value: Value| {
        let mut fields = Row { g: None, n: 1 }.fields();
        fields.insert(name.to_owned(), value);
        fields
    };
    let other = Value::String("other".into());
    assert_eq!(
        developer(tx.insert(ROOT, "t", with("_id", other.clone()))).0,
        "InvalidIdError"
    );
    let time = Value::Float64(1.0);
    assert_eq!(
        developer(tx.insert(ROOT, "t", with("_creationTime", time.clone()))).0,
        "InvalidCreationTimeError"
    );
    assert_eq!(
        developer(tx.replace(ROOT, id, with("_id", other.clone()))).0,
        "InvalidIdError"
    );
    assert_eq!(
        developer(tx.replace(ROOT, id, with("_creationTime", time.clone()))).0,
        "InvalidCreationTimeError"
    );
    assert_eq!(
        developer(tx.patch(ROOT, id, vec![("_id".into(), Some(other))])).0,
        "InvalidIdError"
    );
    assert_eq!(
        developer(tx.patch(ROOT, id, vec![("_id".into(), None)])).0,
        "InvalidIdError"
    );
    let patch = vec![("_creationTime".into(), Some(time))];
    assert_eq!(
        developer(tx.patch(ROOT, id, patch)).0,
        "InvalidCreationTimeError"
    );
    assert!(!tx.has_writes());
    // Unchanged they are welcome.
    tx.replace(ROOT, id, with("_id", Value::String(id.to_string())))
        .unwrap();
    let json = tx
        .patch(
            ROOT,
            id,
            vec![("_id".into(), Some(Value::String(id.to_string())))],
        )
        .unwrap()
        .json;
    assert!(json.contains(&format!("\"_id\":\"{id}\"")), "{json}");
}

/// Later inserts of one transaction are strictly later, and nothing takes a time back.
#[test]
fn creation_times_increase_by_the_smallest_step() {
    let db = open_memory(1);
    make_table(&db);
    let mut tx = db.begin();
    let insert = |tx: &mut Transaction| {
        let id = tx
            .insert(ROOT, "t", Row { g: None, n: 1 }.fields())
            .unwrap();
        row_of(&tx.get(ROOT, id).unwrap().unwrap().json).0
    };
    let first = insert(&mut tx);
    assert!(first * 1e6 >= tx.snapshot().0 as f64 && first >= tx.now_ms());
    assert_eq!(insert(&mut tx), first.next_up());
    tx.begin_nested();
    assert_eq!(insert(&mut tx), first.next_up().next_up());
    tx.undo_nested();
    assert_eq!(insert(&mut tx), first.next_up().next_up().next_up());
}

#[test]
fn ids_carry_their_table_and_day() {
    let db = open_memory(1);
    let id = one_row(&db);
    assert_eq!(id.table, TableNumber(10_001));
    let days = 1_700_000_000 / 86_400;
    assert_eq!(
        u16::from_be_bytes([id.internal.0[14], id.internal.0[15]]),
        days as u16
    );
    let text = id.to_string();
    assert_eq!(text.parse::<DocumentId>().unwrap(), id);
}

fn limited(db: &lentil_database::Database, limits: TransactionLimits) -> Transaction {
    let mut tx = db.begin();
    tx.set_limits(limits);
    tx
}

#[test]
fn limits_of_reads_name_themselves() {
    let db = open_memory(1);
    make_table(&db);
    let mut tx = db.begin();
    for n in 0..10 {
        tx.insert(ROOT, "t", Row { g: Some(1), n }.fields())
            .unwrap();
    }
    commit(&db, tx);
    let all = Query::ByAge {
        order: Order::Asc,
        take: usize::MAX,
    };
    let with = |limits| limited(&db, limits);
    let limits = TransactionLimits::default();
    let mut tx = with(TransactionLimits {
        documents_read: 5,
        ..limits
    });
    let (code, message) = developer(all.run(&mut tx));
    assert_eq!(code, "TooManyDocumentsRead");
    assert!(
        message.starts_with("Too many documents read in a single function execution (limit: 5)"),
        "{message}"
    );
    assert_eq!(tx.usage().documents_read, 5);
    assert_eq!(
        developer(all.run(&mut with(TransactionLimits {
            bytes_read: 100,
            ..limits
        })))
        .0,
        "TooManyBytesRead"
    );
    let mut tx = with(TransactionLimits {
        ranges_read: 2,
        ..limits
    });
    all.run(&mut tx).unwrap();
    all.run(&mut tx).unwrap();
    let (code, message) = developer(all.run(&mut tx));
    assert_eq!(code, "TooManyReads");
    assert!(
        message.starts_with("Too many reads in a single function execution (limit: 2)"),
        "{message}"
    );
}

#[test]
fn limits_of_writes_name_themselves() {
    let db = open_memory(1);
    make_table(&db);
    let with = |limits| limited(&db, limits);
    let limits = TransactionLimits::default();
    let row = || Row { g: None, n: 1 }.fields();
    let mut tx = with(TransactionLimits {
        documents_written: 1,
        ..limits
    });
    tx.insert(ROOT, "t", row()).unwrap();
    assert_eq!(developer(tx.insert(ROOT, "t", row())).0, "TooManyWrites");
    assert_eq!(
        developer(
            with(TransactionLimits {
                bytes_written: 10,
                ..limits
            })
            .insert(ROOT, "t", row())
        )
        .0,
        "TooManyBytesWritten"
    );
    // A document that is too large is refused by the rules of values.
    let large = Object::from([("x".to_owned(), Value::String("x".repeat(1 << 20)))]);
    assert_eq!(
        developer(with(limits).insert(ROOT, "t", large)).0,
        "ValueTooLargeError"
    );
    let reserved = Object::from([("_x".to_owned(), Value::Null)]);
    assert!(with(limits).insert(ROOT, "t", reserved).is_err());
}

#[test]
fn by_id_ranges_take_and_give_public_keys() {
    let db = open_memory(1);
    make_table(&db);
    let mut tx = db.begin();
    let mut ids: Vec<_> = (0..40)
        .map(|n| {
            tx.insert(ROOT, "t", Row { g: None, n: n % 12 }.fields())
                .unwrap()
        })
        .collect();
    ids.sort();
    commit(&db, tx);
    let key = |id: DocumentId| {
        let mut key = Vec::new();
        push_key_value(Some(&Value::String(id.to_string())), &mut key);
        key
    };
    let mut tx = db.begin();
    let range = KeyRange {
        start: key(ids[10]),
        end: Some(key(ids[20])),
    };
    let query = |range, order| IndexQuery {
        namespace: ROOT,
        table: "t".into(),
        index: "by_id".into(),
        range,
        order,
    };
    let mut cursor = tx.query(query(range, Order::Desc)).unwrap();
    let mut found = Vec::new();
    while let Some((public, document)) = cursor.next(&mut tx).unwrap() {
        assert_eq!(public, key(document.id));
        found.push(document.id);
    }
    found.reverse();
    assert_eq!(found, ids[10..20]);
    let mut cursor = tx
        .query(query(KeyRange::point(key(ids[3])), Order::Asc))
        .unwrap();
    assert_eq!(cursor.next(&mut tx).unwrap().unwrap().1.id, ids[3]);
    assert!(cursor.next(&mut tx).unwrap().is_none());
}

#[test]
fn unknown_tables_are_empty_and_unknown_indexes_are_errors() {
    let db = open_memory(1);
    make_table(&db);
    let mut tx = db.begin();
    let query = |table: &str, index: &str| IndexQuery {
        namespace: ROOT,
        table: table.into(),
        index: index.into(),
        range: KeyRange::all(),
        order: Order::Asc,
    };
    for index in ["by_id", "by_creation_time"] {
        let mut cursor = tx.query(query("nothing", index)).unwrap();
        assert!(cursor.next(&mut tx).unwrap().is_none());
    }
    for (table, index) in [("nothing", "by_g_n"), ("t", "by_x")] {
        let error = developer(tx.query(query(table, index)));
        assert_eq!(
            error,
            (
                "IndexNotFoundError",
                format!("Index {table}.{index} not found.")
            )
        );
    }
    assert_eq!(tx.count(ROOT, "nothing").unwrap(), 0);
}

#[test]
fn older_snapshots_are_readable_within_retention() {
    let env = TestEnv::new(1);
    let options = DatabaseOptions {
        retention: Duration::from_secs(100),
        ..DatabaseOptions::default()
    };
    let db =
        lentil_database::Database::open(Arc::new(MemoryPersistence::new()), options, env.clone())
            .unwrap();
    assert!(matches!(
        db.begin_at(Timestamp(5)),
        Err(BeginError::Future(5))
    ));
    let id = one_row(&db);
    let first = db.latest();
    let mut tx = db.begin();
    tx.patch(ROOT, id, Row { g: Some(1), n: 2 }.patch())
        .unwrap();
    commit(&db, tx);
    let held = db.begin_at(first).unwrap();
    env.now_ns.fetch_add(1_000_000_000_000, Ordering::Relaxed);
    while db.prune_step(100).unwrap() {}
    // The held snapshot holds everything back.
    assert_eq!(
        row_of(
            &db.begin_at(first)
                .unwrap()
                .get(ROOT, id)
                .unwrap()
                .unwrap()
                .json
        )
        .1
        .n,
        1
    );
    drop(held);
    while db.prune_step(100).unwrap() {}
    let refused = db.begin_at(first).map(|tx| tx.snapshot());
    assert!(
        matches!(refused, Err(BeginError::OutOfRetention(_))),
        "{refused:?}"
    );
    assert_eq!(
        row_of(&db.begin().get(ROOT, id).unwrap().unwrap().json).1.n,
        2
    );
}

#[test]
fn an_inserted_id_must_be_free() {
    let db = open_memory(1);
    let id = one_row(&db);
    let mut tx = db.begin();
    let table = tx.table(ROOT, "t").unwrap();
    let taken = tx.insert_with(&table, id.internal, 5.0, Object::new());
    assert_eq!(developer(taken).0, "DuplicateId");
    let fresh = tx
        .insert_with(
            &table,
            InternalId([9; 16]),
            5.0,
            Row { g: None, n: 3 }.fields(),
        )
        .unwrap();
    assert_eq!(
        row_of(&tx.get(ROOT, fresh).unwrap().unwrap().json),
        (5.0, Row { g: None, n: 3 })
    );
}

#[test]
fn timestamps_go_on_when_the_clock_went_back() {
    let persistence = Arc::new(MemoryPersistence::new());
    let db = open(persistence.clone(), TestEnv::new(1));
    let id = one_row(&db);
    let before = db.latest();
    db.shutdown();
    let env = TestEnv::new(2);
    env.now_ns.store(1_000, Ordering::Relaxed);
    let db = open(persistence, env);
    assert_eq!(db.latest(), before);
    let mut tx = db.begin();
    tx.delete(ROOT, id).unwrap();
    assert!(commit(&db, tx).ts > before);
    let watch = db.watch();
    assert_eq!(*watch.borrow(), db.latest());
}

#[test]
fn the_newest_timestamp_can_be_moved_forward() {
    let persistence = Arc::new(MemoryPersistence::new());
    let env = TestEnv::new(1);
    let db = open(persistence.clone(), env.clone());
    let id = one_row(&db);
    let ahead = Timestamp(db.latest().0 + 1_000_000_000_000);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(db.advance_to(ahead)).unwrap();
    assert_eq!(db.latest(), ahead);
    runtime.block_on(db.advance_to(Timestamp(5))).unwrap();
    assert_eq!(db.latest(), ahead);
    drop(db);
    let db = open(persistence, env);
    assert!(db.latest() >= ahead);
    let mut tx = db.begin();
    tx.delete(ROOT, id).unwrap();
    assert!(commit(&db, tx).ts > ahead);
}

#[test]
fn revisions_tell_when_they_were_committed() {
    let db = open_memory(1);
    let id = one_row(&db);
    let ts = db.latest();
    let mut tx = db.begin();
    assert_eq!(tx.revision_ts(ROOT, id).unwrap(), Some(ts));
    tx.patch(ROOT, id, Row { g: None, n: 3 }.patch()).unwrap();
    assert_eq!(tx.revision_ts(ROOT, id).unwrap(), Some(ts));
    let own = tx
        .insert(ROOT, "t", Row { g: None, n: 3 }.fields())
        .unwrap();
    assert_eq!(tx.revision_ts(ROOT, own).unwrap(), None);
    let later = commit(&db, tx).ts;
    let mut tx = db.begin();
    assert_eq!(tx.revision_ts(ROOT, own).unwrap(), Some(later));
    assert_eq!(
        tx.read_set().iter().count(),
        2,
        "the table and the document"
    );
}

/// Many pages, with own writes before, between and behind what was handed out.
#[test]
fn long_scans_cross_pages() {
    let db = open_memory(7);
    make_table(&db);
    let mut rng = StdRng::seed_from_u64(7);
    let mut model = Model::default();
    let mut tx = db.begin();
    let mut ids = Vec::new();
    for _ in 0..700 {
        let written = WriteOp::Insert(Row {
            g: Some(1),
            n: rng.random_range(0..12),
        })
        .run(&mut tx, &mut model);
        ids.extend(written.map(|(id, _)| id));
    }
    commit(&db, tx);
    let mut tx = db.begin();
    for _ in 0..120 {
        WriteOp::random(&mut rng, &ids).run(&mut tx, &mut model);
    }
    for order in [Order::Asc, Order::Desc] {
        for take in [1, 17, 99, usize::MAX] {
            for query in [
                Query::ById { order, take },
                Query::ByAge { order, take },
                Query::ByGroup {
                    g: Some(1),
                    from: 2,
                    below: 11,
                    order,
                    take,
                },
            ] {
                assert_eq!(query.run(&mut tx).unwrap(), model.run(&query), "{query:?}");
            }
        }
    }
    // A mutation that walks a table and changes what it meets.
    let mut tx = db.begin();
    let query = IndexQuery {
        namespace: ROOT,
        table: "t".into(),
        index: "by_creation_time".into(),
        range: KeyRange::all(),
        order: Order::Desc,
    };
    let mut cursor = tx.query(query).unwrap();
    cursor.expect_rows(1);
    let mut met = 0;
    while let Some((_, document)) = cursor.next(&mut tx).unwrap() {
        met += 1;
        if met % 2 == 0 {
            tx.delete(ROOT, document.id).unwrap();
        } else {
            tx.patch(ROOT, document.id, Row { g: Some(2), n: 1 }.patch())
                .unwrap();
        }
    }
    assert_eq!(met, 700);
    assert_eq!(tx.count(ROOT, "t").unwrap(), 350);
}
