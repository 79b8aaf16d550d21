//! What only SQLite does: whose file it is, who has it open, and what an error leaves behind.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::{DocumentWrite, EntryWrite, Order};
use lentil_values::KeyRange;

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("lentil.db");
    (folder, path)
}

fn open(path: &Path) -> SqlitePersistence {
    SqlitePersistence::open(SqliteOptions::new(path)).expect("the store opens")
}

fn refusal(path: &Path) -> StorageError {
    SqlitePersistence::open(SqliteOptions::new(path)).expect_err("the store is refused")
}

fn id(n: u64) -> InternalId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    InternalId(bytes)
}

/// A batch of one document and its entry.
fn batch(ts: u64, body: &str) -> Batch {
    let (n, ts) = (ts, Timestamp(ts));
    Batch {
        ts,
        documents: vec![DocumentWrite {
            tablet: TabletId(1),
            id: id(n),
            ts,
            body: Some(Arc::from(body)),
        }],
        entries: vec![EntryWrite {
            index: IndexId(1),
            key: n.to_be_bytes().to_vec(),
            ts,
            id: Some(id(n)),
        }],
        globals: vec![("last".to_owned(), n.to_string())],
    }
}

fn count(store: &SqlitePersistence, at: u64) -> usize {
    let at = Timestamp(at);
    let scan = IndexScan {
        index: IndexId(1),
        tablet: TabletId(1),
        range: KeyRange::all(),
        order: Order::Asc,
        at,
        limit: usize::MAX,
    };
    store.scan_index(&scan).expect("the index is read").len()
}

#[test]
fn second_server_is_told_who_has_the_folder() {
    let (_folder, path) = place();
    let store = open(&path);
    let error = refusal(&path);
    assert!(matches!(error, StorageError::Locked(_)), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("lentil.db") && text.contains("this process itself") && text.contains("stop"),
        "{text}"
    );
    drop(store);
    open(&path);
}

#[test]
fn locked_names_the_other_process() {
    let (_folder, path) = place();
    let lock = path.with_extension("db.lock");
    let other = std::fs::File::create(&lock).expect("the lock file is made");
    other.lock().expect("nobody else has it");
    std::fs::write(&lock, "123456\n").expect("the number is written");
    let text = refusal(&path).to_string();
    assert!(text.contains("process 123456"), "{text}");
    assert!(!path.exists(), "the database is not touched");
}

#[test]
fn newer_format_is_refused_and_left_alone() {
    let (_folder, path) = place();
    drop(open(&path));
    let change = |sql: &str| {
        let connection = Connection::open(&path).expect("the file opens");
        connection.execute_batch(sql).expect("the change is made");
    };
    change("PRAGMA user_version = 7");
    let before = std::fs::read(&path).expect("the file is there");
    let error = refusal(&path);
    assert!(matches!(error, StorageError::Format(_)), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("format 7") && text.contains("format 1") && text.contains("newer"),
        "{text}"
    );
    assert_eq!(std::fs::read(&path).expect("the file is there"), before);
    change("PRAGMA user_version = 1");
    open(&path);
}

#[test]
fn foreign_files_are_refused_and_left_alone() {
    let (folder, path) = place();
    let text_file = folder.path().join("notes.txt");
    std::fs::write(
        &text_file,
        "not a database, but longer than a SQLite header: ".repeat(40),
    )
    .expect("written");
    let other = Connection::open(&path).expect("another program's database");
    other
        .execute_batch("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)")
        .expect("filled");
    drop(other);
    for file in [&text_file, &path] {
        let before = std::fs::read(file).expect("the file is there");
        let error = refusal(file);
        assert!(matches!(error, StorageError::Format(_)), "{error:?}");
        assert!(
            error.to_string().contains("not a Lentil database"),
            "{error}"
        );
        assert_eq!(std::fs::read(file).expect("the file is there"), before);
    }
}

#[test]
fn unusable_places_are_named() {
    let (folder, _) = place();
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("written");
    for path in [
        folder.path().join("absent/lentil.db"),
        folder.path().to_path_buf(),
        file.join("lentil.db"),
    ] {
        let error = refusal(&path);
        assert!(matches!(error, StorageError::Inaccessible(_)), "{error:?}");
        assert!(
            error.to_string().contains(&path.display().to_string()),
            "{error}"
        );
    }
}

#[test]
fn interrupted_creation_is_finished() {
    let (_folder, path) = place();
    // What a start that was cut short leaves: a file with a header and no tables.
    let connection = Connection::open(&path).expect("the file opens");
    connection
        .execute_batch("PRAGMA page_size = 512; CREATE TABLE x (y); DROP TABLE x; VACUUM")
        .expect("a bare file");
    drop(connection);
    let store = open(&path);
    store.append(&batch(1, "a")).expect("appended");
    let vacuum: i64 = store
        .writer
        .lock()
        .connection
        .pragma_query_value(None, "auto_vacuum", |row| row.get(0))
        .expect("the pragma answers");
    assert_eq!(vacuum, 2, "space will be returned");
}

#[test]
fn commits_are_synced_unless_told_otherwise() {
    for (synchronous, expected) in [
        (Synchronous::Full, 2_i64),
        (Synchronous::MayLoseOnPowerCut, 1),
    ] {
        let (_folder, path) = place();
        let options = SqliteOptions {
            synchronous,
            ..SqliteOptions::new(&path)
        };
        let store = SqlitePersistence::open(options).expect("the store opens");
        let writer = store.writer.lock();
        let set: i64 = writer
            .connection
            .pragma_query_value(None, "synchronous", |row| row.get(0))
            .expect("the pragma answers");
        assert_eq!(set, expected);
    }
}

#[test]
fn full_disk_leaves_everything_as_it_was() {
    let (_folder, path) = place();
    let store = open(&path);
    store.append(&batch(1, "first")).expect("appended");
    let limit_pages = |pages: i64| {
        let writer = store.writer.lock();
        let set: i64 = writer
            .connection
            .pragma_update_and_check(None, "max_page_count", pages, |row| row.get(0))
            .expect("the limit is set");
        set
    };
    limit_pages(1);
    let large = "x".repeat(200_000);
    for _ in 0..3 {
        let error = store
            .append(&batch(2, &large))
            .expect_err("the disk is full");
        assert!(matches!(error, StorageError::Full(_)), "{error:?}");
        let text = error.to_string();
        assert!(
            text.contains("lentil.db") && text.contains("free space"),
            "{text}"
        );
        assert_eq!(store.latest().expect("latest answers"), Timestamp(1));
        assert_eq!(count(&store, 9), 1);
        assert_eq!(
            store.global("last").expect("global answers").as_deref(),
            Some("1")
        );
        assert_eq!(
            store
                .read_log(Timestamp::ZERO, Timestamp::MAX, 9)
                .expect("the log is read")
                .len(),
            1
        );
        assert_eq!(store.stats().expect("stats answers").revisions, 1);
    }
    limit_pages(1_000_000);
    store
        .append(&batch(2, &large))
        .expect("there is room again");
    drop(store);
    assert_eq!(count(&open(&path), 2), 2);
}

#[test]
fn failed_append_in_the_middle_is_undone() {
    let (_folder, path) = place();
    let store = open(&path);
    store.append(&batch(1, "first")).expect("appended");
    // Two revisions of one document at one timestamp: the second row breaks the primary key.
    let mut broken = batch(2, "second");
    broken.documents.push(broken.documents[0].clone());
    store
        .append(&broken)
        .expect_err("a document has one revision a timestamp");
    assert_eq!(store.latest().expect("latest answers"), Timestamp(1));
    assert_eq!(count(&store, 9), 1);
    store
        .append(&batch(2, "second"))
        .expect("the connection is fit to write");
    assert_eq!(count(&store, 9), 2);
}

#[test]
fn damage_is_said_and_not_guessed_over() {
    let (_folder, path) = place();
    let store = open(&path);
    store.append(&batch(1, "first")).expect("appended");
    drop(store);
    let connection = Connection::open(&path).expect("the file opens");
    connection
        .execute_batch("DELETE FROM log")
        .expect("the body is lost");
    drop(connection);
    let store = open(&path);
    let lost = store.get(TabletId(1), id(1), Timestamp(1));
    assert!(
        matches!(&lost, Err(StorageError::Corrupt(text)) if text.contains("backup")),
        "{lost:?}"
    );
}

#[test]
fn more_threads_than_readers_take_turns() {
    let (_folder, path) = place();
    let store = open(&path);
    for ts in 1..=50 {
        store.append(&batch(ts, "body")).expect("appended");
    }
    std::thread::scope(|scope| {
        for _ in 0..3 * crate::limits::READERS_MAX {
            scope.spawn(|| {
                for at in 1..=50 {
                    assert_eq!(count(&store, at), at as usize);
                }
            });
        }
    });
    let text = format!("{store:?}");
    assert!(text.contains("lentil.db"), "{text}");
}

#[test]
fn write_ahead_log_stays_bounded() {
    let (_folder, path) = place();
    // Without waiting for the disk, the writer outruns the checkpoints as far as it can.
    let options = SqliteOptions {
        synchronous: Synchronous::MayLoseOnPowerCut,
        ..SqliteOptions::new(&path)
    };
    let store = SqlitePersistence::open(options).expect("the store opens");
    let body = "x".repeat(100_000);
    for ts in 1..=2_500 {
        store.append(&batch(ts, &body)).expect("appended");
    }
    let wal = std::fs::metadata(path.with_extension("db-wal"))
        .expect("there is a write-ahead log")
        .len();
    // A frame is a page and 24 bytes; the last commit may step over the limit.
    let bound =
        u64::from(crate::limits::WAL_PAGES_MAX + 100) * u64::from(crate::limits::PAGE_BYTES + 24);
    assert!(
        wal <= bound,
        "{wal} bytes of write-ahead log for 250 MB appended"
    );
}

#[test]
fn reader_in_the_old_log_delays_nobody_for_long() {
    let (_folder, path) = place();
    let options = SqliteOptions {
        synchronous: Synchronous::MayLoseOnPowerCut,
        ..SqliteOptions::new(&path)
    };
    let store = SqlitePersistence::open(options).expect("the store opens");
    store.append(&batch(1, "first")).expect("appended");
    let backup = Connection::open(&path).expect("another program opens the file");
    backup
        .execute_batch("BEGIN; SELECT count(*) FROM log")
        .expect("and reads for a long time");
    let body = "x".repeat(100_000);
    let begin = std::time::Instant::now();
    for ts in 2..=1_000 {
        store.append(&batch(ts, &body)).expect("appended");
    }
    assert!(
        begin.elapsed() < BUSY_WAIT * 4,
        "{:?} for 1,000 commits",
        begin.elapsed()
    );
    let kept: i64 = backup
        .query_row("SELECT count(*) FROM log", [], |row| row.get(0))
        .expect("read");
    assert_eq!(kept, 1, "the reader keeps its snapshot");
}

/// Bytes of pages that the connection which is lent next has in its cache.
#[expect(unsafe_code, reason = "rusqlite has no name for this question")]
fn cached_bytes(store: &SqlitePersistence) -> i32 {
    use rusqlite::ffi;
    let reader = store.readers.take().expect("a reader");
    let (mut now, mut most) = (0, 0);
    // SAFETY: the connection is open, and nobody else has it.
    let code = unsafe {
        let what = ffi::SQLITE_DBSTATUS_CACHE_USED;
        ffi::sqlite3_db_status(reader.handle(), what, &raw mut now, &raw mut most, 0)
    };
    assert_eq!(code, ffi::SQLITE_OK);
    now
}

#[test]
fn connections_that_nobody_takes_empty_their_caches() {
    let (_folder, path) = place();
    let store = open(&path);
    let body = "x".repeat(10_000);
    for ts in 1..=100 {
        store.append(&batch(ts, &body)).expect("appended");
    }
    assert_eq!(count(&store, 100), 100);
    let full = cached_bytes(&store);
    assert!(full > 1_000_000, "{full} bytes of 100 documents");

    store.readers.cool(Duration::from_secs(3_600));
    assert_eq!(cached_bytes(&store), full, "it was lent a moment ago");

    // One that is lent keeps what it has.
    let lent = store.readers.take().expect("a reader");
    assert_eq!(count(&store, 100), 100);
    store.readers.cool(Duration::ZERO);
    assert!(cached_bytes(&store) < 50_000, "the other one is empty");
    drop(lent);
    assert_eq!(cached_bytes(&store), full);

    store.readers.cool(Duration::ZERO);
    assert!(cached_bytes(&store) < 50_000);
    assert_eq!(count(&store, 100), 100, "it reads as before");
    assert_eq!(
        format!("{:?}", store.readers),
        "Readers { open: 2, free: 2 }"
    );
}

#[test]
fn every_statement_runs_on_a_primary_key() {
    let (_folder, path) = place();
    let store = open(&path);
    let reader = store.readers.take().expect("a reader");
    for sql in reading::STATEMENTS.iter().chain(pruning::STATEMENTS) {
        let mut statement = reader
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .expect("the statement parses");
        let nulls = vec![rusqlite::types::Null; statement.parameter_count()];
        let plan: Vec<String> = statement
            .query_map(rusqlite::params_from_iter(nulls), |row| row.get(3))
            .expect("the plan is asked for")
            .collect::<rusqlite::Result<_>>()
            .expect("the plan is told");
        let is_slow = |step: &String| {
            step.contains("TEMP B-TREE") || step == "SCAN documents" || step == "SCAN entries"
        };
        assert!(!plan.iter().any(is_slow), "{sql}: {plan:?}");
    }
}
