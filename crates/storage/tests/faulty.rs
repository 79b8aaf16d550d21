//! The faults happen as planned.

use std::sync::Arc;

use lentil_storage::{
    Batch, DocumentWrite, Fault, FaultyPersistence, MemoryPersistence, Persistence, StorageError,
    TabletId,
};
use lentil_values::{InternalId, Timestamp};

fn batch(ts: u64) -> Batch {
    let ts = Timestamp(ts);
    let body = Some(Arc::from("body"));
    let document = DocumentWrite {
        tablet: TabletId(1),
        id: InternalId([1; 16]),
        ts,
        body,
    };
    Batch {
        ts,
        documents: vec![document],
        ..Batch::default()
    }
}

fn latest(store: &dyn Persistence) -> u64 {
    store.latest().expect("latest answers").0
}

#[test]
fn planned_appends_fail_and_others_do_not() {
    let kept = MemoryPersistence::new();
    let store = FaultyPersistence::new(Arc::new(kept.clone()));
    store.fail_append(2, Fault::FailBefore);
    store.fail_append(4, Fault::FailAfter);
    store.fail_append(6, Fault::Full);
    store
        .append(&batch(1))
        .expect("the first is not planned to fail");
    assert!(matches!(store.append(&batch(2)), Err(StorageError::Io(_))));
    assert_eq!(latest(&kept), 1, "nothing of it was kept");
    store
        .append(&batch(3))
        .expect("the third is not planned to fail");
    assert!(matches!(store.append(&batch(4)), Err(StorageError::Io(_))));
    assert_eq!(latest(&kept), 4, "it was kept all the same");
    store
        .append(&batch(5))
        .expect("the fifth is not planned to fail");
    for ts in [6, 7] {
        assert!(
            matches!(store.append(&batch(ts)), Err(StorageError::Full(_))),
            "full from now on"
        );
    }
    assert!(matches!(
        store.prune(Timestamp(5), 9),
        Err(StorageError::Full(_))
    ));
    assert_eq!(latest(&store), 5, "a full disk can be read");
    assert_eq!(store.appends(), 7);
}

#[test]
fn after_a_crash_nothing_answers_and_a_new_wrapper_goes_on() {
    let kept = MemoryPersistence::new();
    let store = FaultyPersistence::new(Arc::new(kept.clone()));
    store.append(&batch(1)).expect("appended");
    store.crash();
    assert!(store.append(&batch(2)).is_err());
    assert!(store.latest().is_err());
    assert!(
        store
            .get(TabletId(1), InternalId([1; 16]), Timestamp(1))
            .is_err()
    );
    let restarted = FaultyPersistence::new(Arc::new(kept));
    assert_eq!(latest(&restarted), 1);
    restarted.append(&batch(2)).expect("appended");
}

#[test]
fn held_appends_wait_for_release_or_the_crash() {
    for crashes in [false, true] {
        let store = FaultyPersistence::new(Arc::new(MemoryPersistence::new()));
        store.hold();
        let appended = std::thread::scope(|scope| {
            let append = scope.spawn(|| store.append(&batch(1)));
            store.wait_until_held();
            assert_eq!(latest(&store), 0, "reads go on, and nothing is there yet");
            if crashes {
                store.crash();
            } else {
                store.release();
            }
            append.join().expect("the thread ends")
        });
        assert_eq!(appended.is_err(), crashes);
    }
}

#[test]
fn a_seed_decides_which_appends_fail() {
    let outcomes = |seed| -> Vec<bool> {
        let kept = MemoryPersistence::new();
        let store = FaultyPersistence::seeded(Arc::new(kept.clone()), seed, 4);
        (0..200)
            .map(|_| {
                let next = latest(&kept) + 1;
                store.append(&batch(next)).is_ok()
            })
            .collect()
    };
    assert_eq!(outcomes(1), outcomes(1));
    assert_ne!(outcomes(1), outcomes(2));
    let failed = outcomes(3).iter().filter(|is_ok| !**is_ok).count();
    assert!(
        (20..90).contains(&failed),
        "{failed} of 200 failed, with one in four planned"
    );
}
