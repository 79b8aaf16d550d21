//! Who conflicts with whom (function-runtime 6.1).

use lentil_database::CommitError;

use crate::histories::check;
use crate::support::{ROOT, Row, commit, make_table, open_memory};

#[test]
fn blind_inserts_do_not_conflict() {
    check(
        "
        a begin
        b begin
        a insert x 1 1
        b insert y 1 1
        a commit
        b commit
        c begin
        c group 1 0 12 asc all -> x y
        ",
    );
}

#[test]
fn changes_conflict_on_their_row_and_only_there() {
    for change in ["patch x 1 7", "replace x 1 7", "delete x"] {
        check(&format!(
            "
            a begin
            a insert x 1 1
            a insert y 1 2
            a commit
            b begin
            c begin
            d begin
            b {change}
            c {change}
            d patch y 1 8
            b commit
            d commit
            c commit -> conflict t
            "
        ));
    }
}

#[test]
fn a_missing_document_is_a_read() {
    check(
        "
        a begin
        a insert x 1 1
        b begin
        b get x -> none
        b insert y 1 1
        a commit
        b commit -> conflict t
        ",
    );
}

#[test]
fn lost_updates_and_write_skew_are_conflicts() {
    check(
        "
        a begin
        a insert x 1 1
        a insert y 1 2
        a commit
        b begin
        c begin
        b get x -> 1 1
        b get y -> 1 2
        c get x -> 1 1
        c get y -> 1 2
        b patch x 1 0
        c patch y 1 0
        b commit
        c commit -> conflict t
        ",
    );
}

/// Scenario 14: what lies behind the last row read is nobody's business.
#[test]
fn s014_partial_scans_conflict_only_up_to_the_last_row_read() {
    check(
        "
        a begin
        a insert x 1 2
        a insert y 1 5
        a insert z 1 8
        a commit
        b begin
        b group 1 0 12 asc 2 -> x y
        b insert o 3 3
        b watch s
        c begin
        c insert behind 1 6
        c patch z 1 9
        c commit
        s state -> valid
        b commit
        s state -> valid
        d begin
        d group 1 0 12 asc 2 -> x y
        d insert p 3 3
        d watch r
        e begin
        e insert phantom 1 4
        e commit
        r state -> hit
        d commit -> conflict t
        ",
    );
    check(
        "
        a begin
        a insert x 1 2
        a insert y 1 5
        a insert z 1 8
        a commit
        b begin
        b group 1 0 12 desc 1 -> z
        b insert o 3 3
        c begin
        c insert behind 1 7
        c patch x 1 1
        c commit
        b commit
        d begin
        d group 1 0 12 desc 1 -> z
        d insert p 3 3
        e begin
        e insert phantom 1 9
        e commit
        d commit -> conflict t
        ",
    );
}

#[test]
fn a_scan_to_the_end_reads_the_whole_range() {
    check(
        "
        a begin
        a insert x 1 2
        a commit
        b begin
        b group 1 0 9 asc 5 -> x
        b insert o 3 3
        c begin
        c insert outside 1 9
        c insert elsewhere 2 3
        c commit
        b watch s
        s state -> valid
        d begin
        d insert inside 1 8
        d commit
        s state -> hit
        b commit -> conflict t
        ",
    );
}

#[test]
fn rows_that_leave_or_change_inside_a_range_are_writes_in_it() {
    for change in ["patch x 2 2", "delete x", "replace x 1 11"] {
        check(&format!(
            "
            a begin
            a insert x 1 2
            a commit
            b begin
            b group 1 0 9 asc all -> x
            b watch s
            c begin
            c {change}
            c commit
            s state -> hit
            "
        ));
    }
    // The key stays, the document does not.
    check(
        "
        a begin
        a insert x 1 2
        a commit
        b begin
        b ids asc all -> x
        b watch s
        c begin
        c age asc all -> x
        c watch r
        d begin
        d patch x 1 3
        d commit
        s state -> hit
        r state -> hit
        ",
    );
}

#[test]
fn a_change_that_changes_nothing_writes_nothing() {
    check(
        "
        a begin
        a insert x 1 2
        a commit
        b begin
        b get x -> 1 2
        b watch s
        c begin
        c patch x 1 2
        c replace x 1 2
        c commit
        d begin
        d patch x 1 9
        d patch x 1 2
        d commit
        s state -> valid
        ",
    );
}

/// Whether the winner is in the log already or came in the same batch.
#[test]
fn who_loses_is_told_which_commit_won() {
    let db = open_memory(7);
    make_table(&db);
    let mut tx = db.begin();
    let x = tx
        .insert(ROOT, "t", Row { g: None, n: 0 }.fields())
        .unwrap();
    commit(&db, tx);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    for n in 1..=200 {
        let all = (0..8).map(|_| {
            let mut tx = db.begin();
            tx.replace(ROOT, x, Row { g: None, n }.fields()).unwrap();
            tx
        });
        let all: Vec<_> = all.collect();
        let results = runtime.block_on(async {
            let mut commits = tokio::task::JoinSet::new();
            for tx in all {
                let db = db.clone();
                commits.spawn(async move { db.commit(tx).await });
            }
            commits.join_all().await
        });
        let won: Vec<_> = results
            .iter()
            .filter_map(|result| result.as_ref().ok())
            .collect();
        let [won] = won[..] else {
            panic!("{} of eight won", won.len())
        };
        for lost in results.iter().filter_map(|result| result.as_ref().err()) {
            let CommitError::Conflict { table, place } = lost else {
                panic!("{lost}")
            };
            assert_eq!(table, "t");
            assert_eq!(place.as_ref().map(|place| place.ts), Some(won.ts));
        }
    }
}
