//! A store whose process is killed in the middle of appending: what was acknowledged is there,
//! and nothing is there by halves.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use lentil_storage::{
    Batch, DocumentWrite, EntryWrite, IndexId, IndexScan, Order, Persistence, SqliteOptions,
    SqlitePersistence, TabletId,
};
use lentil_values::{InternalId, KeyRange, Timestamp};

const PATH_VARIABLE: &str = "LENTIL_STORAGE_KILL_TEST_PATH";
const ROUNDS: u64 = 10;
const DOCUMENTS_PER_BATCH: u64 = 5;
const TABLET: TabletId = TabletId(1);
const INDEX: IndexId = IndexId(1);

#[test]
fn killed_while_appending_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("lentil.db");
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        // Spread over the life of a process: from before its first append to after a few checkpoints.
        let patience = [0, 1, 2, 3, 10, 30, 60, 100, 200, 400][round as usize];
        let last = append_until_killed(&path, patience);
        assert!(
            last.is_none_or(|last| last > acknowledged),
            "the child went on from where the last one was killed"
        );
        acknowledged = last.unwrap_or(acknowledged);
        check(&path, acknowledged);
    }
    assert!(acknowledged > 400);
}

/// Starts a child, kills it once it has acknowledged `patience` appends, answers the last it acknowledged.
fn append_until_killed(path: &Path, patience: usize) -> Option<u64> {
    let mut child = start_child(path);
    let mut lines = BufReader::new(child.stdout.take().expect("the output is piped")).lines();
    let mut stamps = Vec::new();
    for line in lines.by_ref().map_while(Result::ok) {
        stamps.extend(acknowledgement(&line));
        if stamps.len() >= patience {
            break;
        }
    }
    child.kill().expect("the child can be killed");
    child.wait().expect("the child ends");
    // What it still said before the end counts.
    stamps.extend(
        lines
            .map_while(Result::ok)
            .filter_map(|line| acknowledgement(&line)),
    );
    assert!(
        stamps.len() >= patience,
        "the child appended until it was killed"
    );
    assert!(stamps.is_sorted());
    stamps.last().copied()
}

/// A last line cut short by the kill has no full stop.
fn acknowledgement(line: &str) -> Option<u64> {
    line.strip_prefix("acknowledged ")?
        .strip_suffix('.')?
        .parse()
        .ok()
}

fn start_child(path: &Path) -> Child {
    Command::new(std::env::current_exe().expect("the test knows its file"))
        .args(["--exact", "child_that_appends", "--nocapture"])
        .env(PATH_VARIABLE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the test can start itself")
}

/// The child's part; without the variable there is nothing to do.
#[test]
fn child_that_appends() {
    let Some(path) = std::env::var_os(PATH_VARIABLE) else {
        return;
    };
    let store =
        SqlitePersistence::open(SqliteOptions::new(path)).expect("the killed one's lock is gone");
    let mut output = std::io::stdout();
    // Ends: the parent kills it, and a parent that is gone breaks the pipe.
    loop {
        let ts = store.latest().expect("latest answers").0 + 1;
        store.append(&batch(ts)).expect("appended");
        writeln!(output, "\nacknowledged {ts}.").expect("the parent listens");
        output.flush().expect("the parent listens");
        if ts.is_multiple_of(16) {
            store
                .prune(Timestamp(ts.saturating_sub(40)), 200)
                .expect("pruned");
        }
    }
}

/// Every document is written anew at every timestamp, and moves in the index.
fn batch(ts: u64) -> Batch {
    let mut batch = Batch {
        ts: Timestamp(ts),
        ..Batch::default()
    };
    for n in 0..DOCUMENTS_PER_BATCH {
        let id = InternalId([n as u8; 16]);
        let body: Arc<str> = format!("{ts}:{}", "x".repeat(3_000)).into();
        batch.documents.push(DocumentWrite {
            tablet: TABLET,
            id,
            ts: batch.ts,
            body: Some(body),
        });
        if ts > 1 {
            batch.entries.push(EntryWrite {
                index: INDEX,
                key: key(ts - 1, n),
                ts: batch.ts,
                id: None,
            });
        }
        batch.entries.push(EntryWrite {
            index: INDEX,
            key: key(ts, n),
            ts: batch.ts,
            id: Some(id),
        });
    }
    batch.globals.push(("last".to_owned(), ts.to_string()));
    batch
}

fn key(ts: u64, n: u64) -> Vec<u8> {
    [ts.to_be_bytes(), n.to_be_bytes()].concat()
}

fn check(path: &Path, acknowledged: u64) {
    let store =
        SqlitePersistence::open(SqliteOptions::new(path)).expect("the store opens after a kill");
    let latest = store.latest().expect("latest answers").0;
    assert!(
        (acknowledged..=acknowledged + 1).contains(&latest),
        "at {latest}, {acknowledged} was acknowledged"
    );
    let last = store
        .global("last")
        .expect("global answers")
        .unwrap_or("0".to_owned());
    assert_eq!(last, latest.to_string());
    for at in latest.saturating_sub(20).max(1)..=latest {
        let range = KeyRange::all();
        let scan = IndexScan {
            index: INDEX,
            tablet: TABLET,
            range,
            order: Order::Asc,
            at: Timestamp(at),
            limit: 100,
        };
        let rows = store.scan_index(&scan).expect("the index is read");
        let expected: Vec<_> = (0..DOCUMENTS_PER_BATCH).map(|n| key(at, n)).collect();
        assert_eq!(
            rows.iter().map(|row| row.key.clone()).collect::<Vec<_>>(),
            expected
        );
        for row in rows {
            assert_eq!(row.document.ts, Timestamp(at));
            assert!(row.document.body.starts_with(&format!("{at}:x")));
        }
        let log = store
            .read_log(Timestamp(at - 1), Timestamp(at), 1)
            .expect("the log is read");
        assert_eq!(log.len() as u64, DOCUMENTS_PER_BATCH);
    }
}
