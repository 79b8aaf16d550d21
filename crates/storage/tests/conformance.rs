//! Every adapter against the conformance suite.

use std::path::PathBuf;
use std::sync::Arc;

use lentil_storage::conformance::{Harness, run};
use lentil_storage::{
    FaultyPersistence, MemoryPersistence, Persistence, SqliteOptions, SqlitePersistence,
};
use tempfile::TempDir;

struct Memory {
    kept: MemoryPersistence,
    open: MemoryPersistence,
}

impl Harness for Memory {
    fn store(&self) -> &dyn Persistence {
        &self.open
    }
    fn reopen(&mut self) {
        self.open = self.kept.clone();
    }
}

struct Faulty {
    kept: Arc<dyn Persistence>,
    open: FaultyPersistence,
}

impl Harness for Faulty {
    fn store(&self) -> &dyn Persistence {
        &self.open
    }
    fn reopen(&mut self) {
        self.open.crash();
        self.open = FaultyPersistence::new(self.kept.clone());
    }
}

struct Sqlite {
    open: Option<SqlitePersistence>,
    path: PathBuf,
    _folder: TempDir,
}

impl Harness for Sqlite {
    fn store(&self) -> &dyn Persistence {
        self.open.as_ref().expect("the store is open between calls")
    }
    fn reopen(&mut self) {
        self.open = None;
        self.open = Some(
            SqlitePersistence::open(SqliteOptions::new(&self.path)).expect("the store opens again"),
        );
    }
}

#[test]
fn memory_conforms() {
    run(&|| {
        let kept = MemoryPersistence::new();
        Box::new(Memory {
            open: kept.clone(),
            kept,
        })
    });
}

#[test]
fn faulty_without_faults_conforms() {
    run(&|| {
        let kept: Arc<dyn Persistence> = Arc::new(MemoryPersistence::new());
        Box::new(Faulty {
            open: FaultyPersistence::new(kept.clone()),
            kept,
        })
    });
}

#[test]
fn sqlite_conforms() {
    run(&|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("lentil.db");
        let open = SqlitePersistence::open(SqliteOptions::new(&path)).expect("a new store opens");
        Box::new(Sqlite {
            open: Some(open),
            path,
            _folder: folder,
        })
    });
}
