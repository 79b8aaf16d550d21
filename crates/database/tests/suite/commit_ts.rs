//! Documents that hold the timestamp of the commit that wrote them.

use lentil_database::{Database, IndexDefinition, IndexQuery, IndexState, Order, Transaction};
use lentil_values::{KeyRange, Object, Timestamp, Value, push_key_value};

use crate::support::{ROOT, commit, is_conflict, open_memory};

fn make_stamped(db: &Database) {
    let mut tx = db.begin();
    let table = tx.create_table(ROOT, "s", None).unwrap();
    let definition = IndexDefinition {
        name: "by_at".to_owned(),
        fields: vec!["at".to_owned()],
        staged: false,
    };
    tx.add_index(&table, definition).unwrap();
    tx.set_index(&table, "by_at", IndexState::Enabled, false)
        .unwrap();
    commit(db, tx);
}

fn stamped() -> Object {
    Object::from([("at".to_owned(), Value::CommitTs)])
}

/// Documents whose time is in `from..below`.
fn between(tx: &mut Transaction, from: Timestamp, below: Timestamp) -> Vec<String> {
    let bound = |ts: Timestamp| {
        let mut key = Vec::new();
        push_key_value(Some(&ts.to_value()), &mut key);
        key
    };
    let query = IndexQuery {
        namespace: ROOT,
        table: "s".into(),
        index: "by_at".into(),
        range: KeyRange {
            start: bound(from),
            end: Some(bound(below)),
        },
        order: Order::Asc,
    };
    let mut cursor = tx.query(query).unwrap();
    let mut found = Vec::new();
    while let Some((_, document)) = cursor.next(tx).unwrap() {
        found.push(document.json.to_string());
    }
    found
}

#[test]
fn a_document_stands_in_indexes_at_the_time_of_its_commit() {
    let db = open_memory(1);
    make_stamped(&db);
    let mut tx = db.begin();
    let id = tx.insert(ROOT, "s", stamped()).unwrap();
    let own = tx.get(ROOT, id).unwrap().unwrap();
    assert!(own.json.contains(r#"{"$commitTs":null}"#));
    // Whoever reads the time to come must conflict, although nothing was written there by the look
    // of the transaction itself.
    let mut reader = db.begin();
    let snapshot = reader.snapshot();
    assert!(between(&mut reader, snapshot, Timestamp(1 << 62)).is_empty());
    reader.insert(ROOT, "other", Object::new()).unwrap();
    let mut past = db.begin();
    assert!(between(&mut past, Timestamp::ZERO, snapshot).is_empty());
    past.insert(ROOT, "other_past", Object::new()).unwrap();
    let ts = commit(&db, tx).ts;
    assert!(is_conflict(&db.commit_blocking(reader)));
    assert!(!is_conflict(&db.commit_blocking(past)));
    let mut tx = db.begin();
    let found = between(&mut tx, ts, Timestamp(ts.0 + 1));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].contains(&ts.to_value().to_json_string()),
        "{found:?}"
    );
    // It moves on with the next update, and leaves no trace.
    tx.patch(ROOT, id, vec![("at".to_owned(), Some(Value::CommitTs))])
        .unwrap();
    let later = commit(&db, tx).ts;
    let mut tx = db.begin();
    assert!(between(&mut tx, Timestamp::ZERO, later).is_empty());
    assert_eq!(between(&mut tx, later, Timestamp(later.0 + 1)).len(), 1);
    tx.delete(ROOT, id).unwrap();
    commit(&db, tx);
    assert!(between(&mut db.begin(), Timestamp::ZERO, Timestamp::MAX).is_empty());
}

/// Many at a time: whoever reads everything up to now and then writes has missed nothing.
#[test]
fn a_log_in_the_order_of_commits_has_no_holes() {
    const WRITERS: usize = 4;
    const EACH: usize = 60;
    let db = open_memory(2);
    make_stamped(&db);
    std::thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                let mut done = 0;
                while done < EACH {
                    let mut tx = db.begin();
                    let seen = between(&mut tx, Timestamp::ZERO, Timestamp(1 << 62)).len();
                    let mut entry = stamped();
                    entry.insert("seen".to_owned(), Value::Float64(seen as f64));
                    tx.insert(ROOT, "s", entry).unwrap();
                    done += usize::from(!is_conflict(&db.commit_blocking(tx)));
                }
            });
        }
    });
    let rows = between(&mut db.begin(), Timestamp::ZERO, Timestamp::MAX);
    assert_eq!(rows.len(), WRITERS * EACH);
    for (before, row) in rows.iter().enumerate() {
        let seen = format!("\"seen\":{before}.0");
        assert!(row.contains(&seen), "{row} comes after {before} others");
    }
}
