//! Tables that go from one namespace to another with everything in them.

use std::sync::Arc;

use lentil_database::{IndexDefinition, IndexQuery, IndexState, Namespace, Order};
use lentil_storage::{MemoryPersistence, Persistence};
use lentil_values::{KeyRange, TableNumber};

use crate::support::{ROOT, Row, TestEnv, commit, is_conflict, open};

const HIDDEN: Namespace = Namespace(7);

#[test]
fn a_moved_table_keeps_its_contents_indexes_ids_and_count() {
    let persistence: Arc<dyn Persistence> = Arc::new(MemoryPersistence::new());
    let env = TestEnv::new(1);
    let db = open(persistence.clone(), env.clone());
    let mut tx = db.begin();
    let hidden = tx
        .create_table(HIDDEN, "t", Some(TableNumber(10_005)))
        .unwrap();
    let by_g = IndexDefinition {
        name: "by_g".into(),
        fields: vec!["g".into()],
        staged: false,
    };
    tx.add_index(&hidden, by_g).unwrap();
    tx.set_index(&hidden, "by_g", IndexState::Enabled, false)
        .unwrap();
    commit(&db, tx);
    let mut tx = db.begin();
    let id = tx
        .insert(HIDDEN, "t", Row { g: Some(1), n: 1 }.fields())
        .unwrap();
    commit(&db, tx);
    let mut reader = db.begin();
    assert_eq!(reader.count(ROOT, "t").unwrap(), 0);
    reader.create_table(ROOT, "other", None).unwrap();

    let mut tx = db.begin();
    let moved = tx.move_table(&hidden, ROOT).unwrap();
    assert_eq!((moved.tablet, moved.namespace), (hidden.tablet, ROOT));
    assert_eq!(tx.get(ROOT, id).unwrap().unwrap().id, id);
    commit(&db, tx);
    assert!(
        is_conflict(&db.commit_blocking(reader)),
        "who saw no table must look again"
    );
    for db in [db, open(persistence, env)] {
        let mut tx = db.begin();
        assert!(tx.table(HIDDEN, "t").is_none());
        assert_eq!(tx.count(ROOT, "t").unwrap(), 1);
        tx.insert(ROOT, "t", Row { g: Some(1), n: 2 }.fields())
            .unwrap();
        let by_g = IndexQuery {
            namespace: ROOT,
            table: "t".into(),
            index: "by_g".into(),
            range: KeyRange::all(),
            order: Order::Asc,
        };
        assert_eq!(tx.count_in(by_g).unwrap(), 2);
        assert_eq!(tx.count(ROOT, "t").unwrap(), 2);
    }
}

#[test]
fn a_name_or_number_that_is_taken_is_refused() {
    let db = open(Arc::new(MemoryPersistence::new()), TestEnv::new(1));
    let mut tx = db.begin();
    let number = |n| Some(TableNumber(n));
    let one = tx.create_table(HIDDEN, "one", number(10_001)).unwrap();
    let two = tx.create_table(HIDDEN, "two", number(10_009)).unwrap();
    tx.create_table(ROOT, "two", number(10_001)).unwrap();
    assert!(tx.move_table(&one, ROOT).is_err(), "the number is taken");
    assert!(tx.move_table(&two, ROOT).is_err(), "the name is taken");
    tx.delete_table(ROOT, "two").unwrap();
    for table in [&one, &two] {
        tx.move_table(table, ROOT).unwrap();
    }
    commit(&db, tx);
    assert_eq!(db.begin().next_table_number(ROOT).unwrap().0, 10_010);
}
