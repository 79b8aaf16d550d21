//! Tables and indexes as part of transactions.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use lentil_database::{
    IndexDefinition, IndexQuery, IndexState, Namespace, Order, Transaction, TransactionError,
};
use lentil_storage::{
    MemoryPersistence, Persistence, SqliteOptions, SqlitePersistence, TableScan, TabletId,
};
use lentil_values::{KeyRange, Object, TableNumber, Value};

use crate::support::{
    Query, ROOT, Row, TestEnv, commit, is_conflict, make_table, open, open_memory,
};

fn names(tx: &mut Transaction, namespace: Namespace) -> Vec<(String, u32)> {
    tx.tables(namespace)
        .into_iter()
        .map(|table| (table.name, table.number.0))
        .collect()
}

fn definition(name: &str, field: &str) -> IndexDefinition {
    IndexDefinition {
        name: name.into(),
        fields: vec![field.into()],
        staged: false,
    }
}

#[test]
fn numbers_are_allotted_by_namespace_and_kind() {
    let db = open_memory(1);
    let other = Namespace(3);
    let mut tx = db.begin();
    tx.create_table(ROOT, "a", None).unwrap();
    tx.insert(ROOT, "b", Object::new()).unwrap();
    tx.create_table(ROOT, "_sys", None).unwrap();
    tx.create_table(other, "a", None).unwrap();
    tx.create_table(ROOT, "c", Some(TableNumber(10_050)))
        .unwrap();
    tx.create_table(ROOT, "d", None).unwrap();
    assert!(
        tx.create_table(ROOT, "e", Some(TableNumber(10_001)))
            .is_err()
    );
    assert!(
        tx.create_table(ROOT, "a", Some(TableNumber(10_009)))
            .is_err()
    );
    assert_eq!(tx.create_table(ROOT, "a", None).unwrap().number.0, 10_001);
    for name in ["", "1a", "a b", "a.b", &"x".repeat(65)] {
        assert!(tx.create_table(ROOT, name, None).is_err(), "{name:?}");
    }
    commit(&db, tx);
    let mut tx = db.begin();
    let expected = [
        ("_indexes", 2),
        ("_sys", 512),
        ("_tables", 1),
        ("a", 10_001),
        ("b", 10_002),
        ("c", 10_050),
        ("d", 10_051),
    ];
    assert_eq!(
        names(&mut tx, ROOT),
        expected.map(|(name, number)| (name.to_owned(), number))
    );
    assert_eq!(names(&mut tx, other), [("a".to_owned(), 10_001)]);
    let in_root = tx.table(ROOT, "a").unwrap();
    assert_ne!(in_root.tablet, tx.table(other, "a").unwrap().tablet);
    assert_eq!(
        tx.table_by_number(ROOT, TableNumber(10_001)).unwrap(),
        in_root
    );
}

#[test]
fn definitions_survive_a_restart_and_are_undone_with_their_sub_transaction() {
    let persistence = Arc::new(MemoryPersistence::new());
    let db = open(persistence.clone(), TestEnv::new(1));
    make_table(&db);
    let mut tx = db.begin();
    tx.begin_nested();
    tx.create_table(ROOT, "gone", None).unwrap();
    let table = tx.table(ROOT, "t").unwrap();
    tx.add_index(&table, definition("by_x", "x")).unwrap();
    tx.undo_nested();
    assert!(tx.table(ROOT, "gone").is_none());
    tx.insert(ROOT, "kept", Object::new()).unwrap();
    commit(&db, tx);
    let before = (names(&mut db.begin(), ROOT), db.begin().indexes(&table));
    drop(db);
    let db = open(persistence, TestEnv::new(2));
    let mut tx = db.begin();
    assert_eq!((names(&mut tx, ROOT), tx.indexes(&table)), before);
    let names: Vec<_> = before
        .1
        .iter()
        .map(|index| index.definition.name.as_str())
        .collect();
    assert_eq!(names, ["by_id", "by_creation_time", "by_g_n"]);
    // What is new gets numbers that nobody had.
    let new = tx.create_table(ROOT, "new", None).unwrap();
    assert!(
        tx.tables(ROOT)
            .iter()
            .all(|other| other.name == "new" || other.tablet != new.tablet)
    );
}

#[test]
fn catalog_tables_are_read_only_documents() {
    let db = open_memory(1);
    make_table(&db);
    let mut tx = db.begin();
    let query = |table: &str| IndexQuery {
        namespace: ROOT,
        table: table.into(),
        index: "by_creation_time".into(),
        range: KeyRange::all(),
        order: Order::Asc,
    };
    let mut cursor = tx.query(query("_tables")).unwrap();
    let (_, document) = cursor.next(&mut tx).unwrap().unwrap();
    assert!(
        document.json.contains("\"name\":\"t\""),
        "{}",
        document.json
    );
    for result in [
        tx.delete(ROOT, document.id).map(drop),
        tx.insert(ROOT, "_tables", Object::new()).map(drop),
    ] {
        assert!(matches!(
            result,
            Err(TransactionError::Developer {
                code: "ReadOnlySystemTable",
                ..
            })
        ));
    }
    assert!(tx.delete_table(ROOT, "_tables").is_err());
    let mut cursor = tx.query(query("_indexes")).unwrap();
    let (_, document) = cursor.next(&mut tx).unwrap().unwrap();
    assert!(
        document.json.contains("\"name\":\"by_g_n\""),
        "{}",
        document.json
    );
}

#[test]
fn an_index_made_with_its_table_sees_own_rows() {
    let db = open_memory(1);
    let mut tx = db.begin();
    tx.insert(ROOT, "t", Row { g: Some(1), n: 5 }.fields())
        .unwrap();
    let table = tx.table(ROOT, "t").unwrap();
    let fields = vec!["g".to_owned(), "n".to_owned()];
    let index = tx
        .add_index(
            &table,
            IndexDefinition {
                name: "by_g_n".into(),
                fields,
                staged: false,
            },
        )
        .unwrap();
    assert_eq!(index.state, IndexState::Backfilled);
    let query = Query::ByGroup {
        g: Some(1),
        from: 0,
        below: 9,
        order: Order::Asc,
        take: usize::MAX,
    };
    let Err(TransactionError::Developer { code, .. }) = query.run(&mut tx) else {
        panic!("not enabled yet")
    };
    assert_eq!(code, "IndexBackfillingError");
    tx.set_index(&table, "by_g_n", IndexState::Backfilled, true)
        .unwrap();
    let Err(TransactionError::Developer { code, .. }) = query.run(&mut tx) else {
        panic!("staged")
    };
    assert_eq!(code, "IndexStagedError");
    tx.set_index(&table, "by_g_n", IndexState::Enabled, false)
        .unwrap();
    let seen = query.run(&mut tx).unwrap();
    assert_eq!(seen.len(), 1);
    commit(&db, tx);
    assert_eq!(query.run(&mut db.begin()).unwrap(), seen);
}

#[test]
fn writers_that_began_before_an_index_fill_it() {
    let db = open_memory(1);
    let mut tx = db.begin();
    let table = tx.create_table(ROOT, "t", None).unwrap();
    commit(&db, tx);
    let mut writer = db.begin();
    writer
        .insert(ROOT, "t", Row { g: Some(1), n: 5 }.fields())
        .unwrap();
    let [late, latest] = [6, 7].map(|n| {
        let mut tx = db.begin();
        tx.insert(ROOT, "t", Row { g: Some(1), n }.fields())
            .unwrap();
        tx
    });
    let fields = vec!["g".to_owned(), "n".to_owned()];
    let mut ddl = db.begin();
    ddl.add_index(
        &table,
        IndexDefinition {
            name: "by_g_n".into(),
            fields: fields.clone(),
            staged: false,
        },
    )
    .unwrap();
    // The table is no longer empty when this commits, although it was when it looked.
    commit(&db, writer);
    assert!(is_conflict(&db.commit_blocking(ddl)));
    let mut ddl = db.begin();
    let index = ddl
        .add_index(
            &table,
            IndexDefinition {
                name: "by_g_n".into(),
                fields,
                staged: false,
            },
        )
        .unwrap();
    assert_eq!(index.state, IndexState::Backfilling);
    commit(&db, ddl);
    commit(&db, late);
    while db.backfill_step(index.id, 1).unwrap() != lentil_database::BackfillStep::Done {}
    // Its keys were computed before there was the index, and the backfill has passed.
    commit(&db, latest);
    let mut tx = db.begin();
    tx.set_index(&table, "by_g_n", IndexState::Enabled, false)
        .unwrap();
    commit(&db, tx);
    let query = Query::ByGroup {
        g: Some(1),
        from: 0,
        below: 9,
        order: Order::Asc,
        take: usize::MAX,
    };
    assert_eq!(query.run(&mut db.begin()).unwrap().len(), 3);
}

#[test]
fn a_dropped_table_is_gone() {
    let db = open_memory(1);
    make_table(&db);
    let mut tx = db.begin();
    let id = tx
        .insert(ROOT, "t", Row { g: Some(1), n: 1 }.fields())
        .unwrap();
    commit(&db, tx);
    let old = db.begin().table(ROOT, "t").unwrap();
    let mut older = db.begin();
    let mut writer = db.begin();
    writer
        .insert(ROOT, "t", Row { g: None, n: 1 }.fields())
        .unwrap();
    let mut tx = db.begin();
    tx.delete_table(ROOT, "t").unwrap();
    assert!(tx.get(ROOT, id).unwrap().is_none());
    tx.insert(ROOT, "t", Object::from([("new".to_owned(), Value::Null)]))
        .unwrap();
    commit(&db, tx);
    assert!(is_conflict(&db.commit_blocking(writer)));
    assert!(
        older.get(ROOT, id).unwrap().is_some(),
        "older snapshots still see it"
    );
    let new = db.begin().table(ROOT, "t").unwrap();
    assert!(new.tablet != old.tablet && new.number != old.number);
    assert_eq!(db.begin().count(ROOT, "t").unwrap(), 1);
}

#[test]
fn the_space_of_a_dropped_table_returns() {
    let env = TestEnv::new(1);
    let persistence = Arc::new(MemoryPersistence::new());
    let db = open(persistence.clone(), env.clone());
    let drop_table = |db: &lentil_database::Database| {
        let mut tx = db.begin();
        tx.delete_table(ROOT, "t").unwrap();
        commit(db, tx);
        env.now_ns.fetch_add(1_000_000_000_000, Ordering::Relaxed);
    };
    let rows = |tablet: TabletId| {
        let at = persistence.latest().unwrap();
        let scan = TableScan {
            tablet,
            range: KeyRange::all(),
            order: Order::Asc,
            at,
            limit: 100,
        };
        persistence.scan_table(&scan).unwrap().len()
    };
    let notes = |db: &lentil_database::Database| {
        ["_tables", "_indexes"].map(|table| db.begin().count(ROOT, table).unwrap())
    };
    make_table(&db);
    let mut tx = db.begin();
    for n in 0..50 {
        tx.insert(
            ROOT,
            "t",
            Row {
                g: Some(1),
                n: n % 12,
            }
            .fields(),
        )
        .unwrap();
    }
    commit(&db, tx);
    let mut older = db.begin();
    let old = older.table(ROOT, "t").unwrap();
    drop_table(&db);
    while db.prune_step(10).unwrap() {}
    assert_eq!(
        rows(old.tablet),
        50,
        "a snapshot that sees the table is in use"
    );
    drop(older);
    // In the middle of freeing, a restart.
    for _ in 0..3 {
        db.prune_step(10).unwrap();
    }
    assert!(rows(old.tablet) < 50 || notes(&db) != [0, 0]);
    drop(db);
    let db = open(persistence.clone(), env.clone());
    while db.prune_step(10).unwrap() {}
    assert_eq!(
        (rows(old.tablet), notes(&db)),
        (0, [0, 0]),
        "the notes go last"
    );
    // Nothing tells any more that these numbers were used, and still nobody gets them again.
    drop(db);
    let db = open(persistence.clone(), env.clone());
    let fresh = db.begin().create_table(ROOT, "fresh", None).unwrap();
    assert!(fresh.tablet > old.tablet);
    assert_eq!(
        fresh.number.0,
        old.number.0 + 1,
        "ids of the old one stay dead"
    );
    let mut other = db.begin();
    let other = other.create_table(Namespace(7), "t", None).unwrap();
    assert_eq!(other.number.0, 10_001, "each namespace counts for itself");
}

#[test]
fn the_file_shrinks_when_tables_and_indexes_are_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let env = TestEnv::new(1);
    let reopen = || {
        let options = SqliteOptions::new(folder.path().join("db.sqlite3"));
        let persistence: Arc<dyn Persistence> = Arc::new(SqlitePersistence::open(options).unwrap());
        open(persistence, env.clone())
    };
    // A closed file has no write-ahead log beside it.
    let size = || {
        let files = std::fs::read_dir(folder.path()).unwrap();
        files
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum::<u64>()
    };
    let free = |db: &lentil_database::Database| {
        env.now_ns.fetch_add(1_000_000_000_000, Ordering::Relaxed);
        while db.prune_step(1_000).unwrap() {}
    };
    let db = reopen();
    let mut tx = db.begin();
    tx.lift_limits();
    let table = tx.create_table(ROOT, "t", None).unwrap();
    tx.add_index(&table, definition("by_text", "text")).unwrap();
    for n in 0..3_000 {
        let text = Value::String(format!("{n}{}", "x".repeat(1_000)));
        tx.insert(ROOT, "t", Object::from([("text".to_owned(), text)]))
            .unwrap();
    }
    commit(&db, tx);
    drop(db);
    let full = size();
    assert!(full > 6_000_000, "{full} bytes with documents and index");

    let db = reopen();
    let mut tx = db.begin();
    tx.drop_index(&table, "by_text").unwrap();
    commit(&db, tx);
    free(&db);
    drop(db);
    let without_index = size();
    assert!(
        without_index < full - 2_500_000,
        "{without_index} bytes without the index, {full} with it"
    );

    let db = reopen();
    let mut tx = db.begin();
    tx.delete_table(ROOT, "t").unwrap();
    commit(&db, tx);
    free(&db);
    drop(db);
    let empty = size();
    assert!(empty < 300_000, "{empty} bytes without the table");
}

#[test]
fn counts_follow_commits_at_every_snapshot() {
    let persistence = Arc::new(MemoryPersistence::new());
    let mut db = open(persistence.clone(), TestEnv::new(1));
    make_table(&db);
    let mut snapshots = vec![(db.begin(), 0)];
    let mut count = 0;
    for round in 0..30u8 {
        let mut tx = db.begin();
        let id = tx
            .insert(
                ROOT,
                "t",
                Row {
                    g: None,
                    n: round % 12,
                }
                .fields(),
            )
            .unwrap();
        count += 1;
        if round % 3 == 0 {
            tx.insert(ROOT, "t", Row { g: None, n: 0 }.fields())
                .unwrap();
            tx.delete(ROOT, id).unwrap();
        }
        assert_eq!(tx.count(ROOT, "t").unwrap(), count, "own writes count");
        commit(&db, tx);
        snapshots.push((db.begin(), count));
        if round == 15 {
            // After a restart tables are counted afresh, when somebody asks.
            snapshots.clear();
            drop(db);
            db = open(persistence.clone(), TestEnv::new(2));
            snapshots.push((db.begin(), count));
        }
    }
    for (mut tx, count) in snapshots {
        assert_eq!(tx.count(ROOT, "t").unwrap(), count);
    }
}

#[test]
fn older_snapshots_have_the_tables_of_their_time() {
    let persistence = Arc::new(MemoryPersistence::new());
    let db = open(persistence.clone(), TestEnv::new(1));
    let start = db.latest();
    let mut made = Vec::new();
    // More than are kept in memory.
    for n in 0..80 {
        let mut tx = db.begin();
        tx.create_table(ROOT, &format!("t{n:02}"), None).unwrap();
        made.push(commit(&db, tx).ts);
    }
    let mut tx = db.begin();
    tx.delete_table(ROOT, "t03").unwrap();
    commit(&db, tx);
    let check = |db: &lentil_database::Database| {
        for (n, ts) in made.iter().enumerate() {
            // `_tables` and `_indexes` are always there.
            assert_eq!(
                db.begin_at(*ts).unwrap().tables(ROOT).len(),
                n + 3,
                "at its commit"
            );
            let before = lentil_values::Timestamp(ts.0 - 1).max(start);
            assert_eq!(
                db.begin_at(before).unwrap().tables(ROOT).len(),
                n + 2,
                "just before it"
            );
        }
        assert_eq!(db.begin().tables(ROOT).len(), made.len() + 1);
    };
    check(&db);
    drop(db);
    check(&open(persistence, TestEnv::new(2)));
}
