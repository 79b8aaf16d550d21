//! A file system for SQLite that gathers what a commit writes to the write-ahead log.
//!
//! SQLite writes each page of a commit with two system calls, eight pages with seventeen, and then
//! syncs. Here they are kept together and written with one call when the log is synced. All other
//! files, and everything else, are the system's own.
//!
//! Why that is safe: the writing connection syncs the log at every commit (`synchronous=FULL`), and
//! only then tells others, through the shared index, that the frames are there. Whatever reads,
//! measures or cuts the log through the same connection writes what is gathered first. Writes keep
//! their order, and what could not be written stays and is tried again before anything later. See
//! <https://www.sqlite.org/vfs.html> and <https://www.sqlite.org/walformat.html>.

#![expect(unsafe_code, reason = "SQLite calls file systems through pointers")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::OnceLock;

use rusqlite::ffi;

use crate::limits::LOG_GATHERED_BYTES_MAX;

/// What connections open the file with.
const NAME: &CStr = c"lentil-gathering";

/// The name of the file system; SQLite's own if it could not be made.
pub(super) fn file_system() -> Option<&'static CStr> {
    static MADE: OnceLock<bool> = OnceLock::new();
    MADE.get_or_init(register).then_some(NAME)
}

/// A log that is open. Behind it in memory is the system's own file.
#[repr(C)]
struct Log {
    /// First, because SQLite takes this for a `sqlite3_file`.
    methods: *const ffi::sqlite3_io_methods,
    gathered: *mut Gathered,
}

/// What was written and is not in the file yet.
#[derive(Default)]
struct Gathered {
    bytes: Vec<u8>,
    /// Where in the file it belongs.
    offset: i64,
}

/// The file system that does the work: SQLite's default one, which is never taken away.
fn system() -> *mut ffi::sqlite3_vfs {
    // SAFETY: initialises SQLite if nobody has, and may be called at any time.
    unsafe { ffi::sqlite3_vfs_find(std::ptr::null()) }
}

fn register() -> bool {
    let system = system();
    if system.is_null() {
        return false;
    }
    // SAFETY: what was found is valid for the life of the process. Its functions look at the file
    // and at members that are copied, never at which structure they were reached through.
    let registered = unsafe {
        let mut ours: ffi::sqlite3_vfs = *system;
        ours.zName = NAME.as_ptr();
        ours.pNext = std::ptr::null_mut();
        ours.szOsFile += size_of::<Log>() as c_int;
        ours.xOpen = Some(open);
        // Registered for good.
        ffi::sqlite3_vfs_register(Box::leak(Box::new(ours)), 0)
    };
    registered == ffi::SQLITE_OK
}

/// # Safety
/// As SQLite calls it: `file` has room for `szOsFile` bytes.
unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    let system = system();
    // SAFETY: the default file system can open.
    let Some(open) = (unsafe { (*system).xOpen }) else {
        return ffi::SQLITE_CANTOPEN;
    };
    if flags & ffi::SQLITE_OPEN_WAL == 0 {
        // SAFETY: there is room for its file, and more.
        return unsafe { open(system, name, file, flags, flags_out) };
    }
    let log = file.cast::<Log>();
    // SAFETY: the caller's memory is large enough for both, one after the other.
    unsafe {
        (*log).methods = std::ptr::null();
        let opened = open(system, name, real(file), flags, flags_out);
        if opened == ffi::SQLITE_OK {
            (*log).gathered = Box::into_raw(Box::default());
            (*log).methods = &raw const METHODS;
        }
        opened
    }
}

/// The system's file of an open log.
///
/// # Safety
/// `file` is one that `open` was given for a log.
unsafe fn real(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: it lies behind the log in the same memory; a log is two pointers, so that it is aligned.
    unsafe { file.cast::<Log>().add(1).cast() }
}

/// What an open log has gathered.
///
/// # Safety
/// `file` is an open log, nobody else uses it (SQLite holds the connection's mutex), and the caller
/// is done with the reference before it asks for another.
unsafe fn gathered<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Gathered {
    // SAFETY: made by `open`, and gone only after `close`.
    unsafe { &mut *(*file.cast::<Log>()).gathered }
}

impl Gathered {
    /// Whether so many bytes at `offset` can be added to what is there.
    fn takes(&self, offset: i64, length: usize) -> bool {
        let held = self.bytes.len();
        offset == self.offset + held as i64 && held + length <= LOG_GATHERED_BYTES_MAX
    }
}

/// Calls a function of the system's file, if it has it.
macro_rules! of_system {
    ($file:expr, $function:ident ( $($argument:expr),* ), $otherwise:expr) => {{
        // SAFETY: SQLite calls this with a log that is open, so its file is, too.
        unsafe {
            let real = real($file);
            match (*(*real).pMethods).$function {
                Some(function) => function(real, $($argument),*),
                None => $otherwise,
            }
        }
    }};
}

/// Writes what was gathered. If that fails it stays, and nothing is written after it.
///
/// # Safety
/// As of [`gathered`].
unsafe fn write_out(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: the caller's promise.
    let gathered = unsafe { gathered(file) };
    if gathered.bytes.is_empty() {
        return ffi::SQLITE_OK;
    }
    let Ok(length) = c_int::try_from(gathered.bytes.len()) else {
        return ffi::SQLITE_IOERR_WRITE;
    };
    let from = gathered.bytes.as_ptr().cast::<c_void>();
    let written = of_system!(
        file,
        xWrite(from, length, gathered.offset),
        ffi::SQLITE_IOERR_WRITE
    );
    if written == ffi::SQLITE_OK {
        gathered.bytes.clear();
    }
    written
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    length: c_int,
    offset: i64,
) -> c_int {
    let length = usize::try_from(length).unwrap_or(0);
    // SAFETY: the log is open.
    let follows = unsafe { gathered(file) }.takes(offset, length);
    if !follows {
        // SAFETY: the log is open.
        let written = unsafe { write_out(file) };
        if written != ffi::SQLITE_OK {
            return written;
        }
    }
    // SAFETY: the log is open, and `from` has so many bytes.
    let (gathered, bytes) = unsafe {
        let bytes = std::slice::from_raw_parts(from.cast::<u8>(), length);
        (gathered(file), bytes)
    };
    if gathered.bytes.is_empty() {
        gathered.offset = offset;
    }
    gathered.bytes.extend_from_slice(bytes);
    ffi::SQLITE_OK
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: the log is open.
    match unsafe { write_out(file) } {
        ffi::SQLITE_OK => of_system!(file, xSync(flags), ffi::SQLITE_IOERR_FSYNC),
        failed => failed,
    }
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    into: *mut c_void,
    length: c_int,
    offset: i64,
) -> c_int {
    // SAFETY: the log is open.
    match unsafe { write_out(file) } {
        ffi::SQLITE_OK => of_system!(file, xRead(into, length, offset), ffi::SQLITE_IOERR_READ),
        failed => failed,
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    // SAFETY: the log is open.
    match unsafe { write_out(file) } {
        ffi::SQLITE_OK => of_system!(file, xTruncate(size), ffi::SQLITE_IOERR_TRUNCATE),
        failed => failed,
    }
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    // SAFETY: the log is open.
    match unsafe { write_out(file) } {
        ffi::SQLITE_OK => of_system!(file, xFileSize(size), ffi::SQLITE_IOERR_FSTAT),
        failed => failed,
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: the log is open; it is closed once, and what it gathered is not used again.
    let written = unsafe { write_out(file) };
    let closed = of_system!(file, xClose(), ffi::SQLITE_OK);
    // SAFETY: made by `Box::into_raw` in `open`.
    drop(unsafe { Box::from_raw((*file.cast::<Log>()).gathered) });
    if written == ffi::SQLITE_OK {
        closed
    } else {
        written
    }
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    of_system!(file, xLock(level), ffi::SQLITE_OK)
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    of_system!(file, xUnlock(level), ffi::SQLITE_OK)
}

unsafe extern "C" fn is_locked(file: *mut ffi::sqlite3_file, answer: *mut c_int) -> c_int {
    of_system!(file, xCheckReservedLock(answer), ffi::SQLITE_OK)
}

unsafe extern "C" fn control(
    file: *mut ffi::sqlite3_file,
    operation: c_int,
    argument: *mut c_void,
) -> c_int {
    of_system!(
        file,
        xFileControl(operation, argument),
        ffi::SQLITE_NOTFOUND
    )
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    of_system!(file, xSectorSize(), 0)
}

unsafe extern "C" fn characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    of_system!(file, xDeviceCharacteristics(), 0)
}

/// Version 1: a log has no shared memory of its own, and is not mapped.
static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 1,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(is_locked),
    xFileControl: Some(control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, OpenFlags};

    use super::*;

    fn open(path: &std::path::Path, gathers: bool) -> Connection {
        let flags = OpenFlags::default();
        let connection = if gathers {
            let name = file_system().expect("it can be registered");
            Connection::open_with_flags_and_vfs(path, flags, name)
        } else {
            Connection::open_with_flags(path, flags)
        };
        let connection = connection.expect("a new file");
        connection
            .execute_batch(
                "PRAGMA journal_mode = wal; PRAGMA synchronous = full; PRAGMA cache_size = 10;
                 CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, body BLOB);",
            )
            .expect("a log can be made");
        connection
    }

    fn insert(connection: &Connection, rows: i64) {
        let sql = "INSERT INTO t (body) SELECT randomblob(3000) FROM (WITH RECURSIVE c(x) AS
                   (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < ?1) SELECT x FROM c)";
        connection.execute(sql, [rows]).expect("there is room");
    }

    fn count(connection: &Connection) -> i64 {
        let counted =
            connection.query_row("SELECT count(*), sum(length(body)) FROM t", [], |row| {
                let (rows, bytes): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
                assert_eq!(bytes.unwrap_or(0), rows * 3_000);
                Ok(rows)
            });
        counted.expect("it can be read")
    }

    /// Calls that wrote, of the whole process; tests have one each.
    fn writes() -> u64 {
        let io = std::fs::read_to_string("/proc/self/io").expect("Linux tells");
        let line = io.lines().find_map(|line| line.strip_prefix("syscw: "));
        line.and_then(|text| text.parse().ok()).expect("a number")
    }

    #[test]
    fn a_commit_is_written_with_one_call() {
        let folder = tempfile::tempdir().expect("a folder");
        let calls = |gathers: bool| {
            let connection = open(&folder.path().join(format!("{gathers}")), gathers);
            insert(&connection, 1);
            let before = writes();
            insert(&connection, 8);
            writes() - before
        };
        let (gathered, plain) = (calls(true), calls(false));
        assert!(plain >= 16, "{plain}");
        assert_eq!(gathered, 1, "instead of {plain}");
    }

    #[test]
    fn others_see_a_commit_at_once_and_nothing_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("data");
        let (writer, reader) = (open(&path, true), open(&path, false));
        for round in 1..=20 {
            writer.execute_batch("BEGIN IMMEDIATE").expect("begins");
            // More than the cache has room for, so that pages go to the log before the commit, are
            // read back from there, and are written again.
            insert(&writer, 40);
            assert_eq!(count(&writer), round * 40);
            writer
                .execute("UPDATE t SET body = randomblob(3000) WHERE n % 3 = 0", [])
                .expect("updates");
            assert_eq!(count(&reader), (round - 1) * 40);
            writer.execute_batch("COMMIT").expect("commits");
            assert_eq!(count(&reader), round * 40);
            writer.execute_batch("BEGIN IMMEDIATE").expect("begins");
            insert(&writer, 7);
            writer.execute_batch("ROLLBACK").expect("goes back");
            if round % 7 == 0 {
                reader
                    .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
                    .expect("the log is copied");
            }
        }
        // More than is gathered at once.
        insert(&writer, 1_000);
        assert_eq!(count(&reader), 1_800);
        let copy = folder.path().join("copy");
        for suffix in ["", "-wal"] {
            let name = |path: &std::path::Path| format!("{}{suffix}", path.display());
            std::fs::copy(name(&path), name(&copy)).expect("copied");
        }
        // What a crash would leave.
        let found = open(&copy, false);
        assert_eq!(count(&found), 1_800);
        let check: String = found
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .expect("checked");
        assert_eq!(check, "ok");
    }
}
