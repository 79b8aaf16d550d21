//! Random transactions, one thread, several open at a time, against the model.

use std::sync::Arc;

use lentil_database::{Database, Transaction};
use lentil_storage::{Persistence, SqliteOptions, SqlitePersistence};
use lentil_values::DocumentId;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::{Model, Query, TestEnv, WriteOp, is_conflict, make_table, open, open_memory};

/// An open transaction and what it must see.
struct Open {
    tx: Transaction,
    sees: Model,
    /// What each open sub-transaction would go back to.
    saved: Vec<(Model, usize)>,
    writes: Vec<(DocumentId, Option<String>)>,
}

impl Open {
    fn new(db: &Database, committed: &Model) -> Open {
        Open {
            tx: db.begin(),
            sees: committed.clone(),
            saved: Vec::new(),
            writes: Vec::new(),
        }
    }

    fn act(&mut self, rng: &mut StdRng, known: &mut Vec<DocumentId>) {
        match rng.random_range(0..20) {
            0 => {
                self.tx.begin_nested();
                self.saved.push((self.sees.clone(), self.writes.len()));
            }
            1 | 2 if !self.saved.is_empty() => {
                let (saved, written) = self.saved.pop().unwrap();
                if rng.random() {
                    self.tx.keep_nested();
                } else {
                    self.tx.undo_nested();
                    self.sees = saved;
                    self.writes.truncate(written);
                }
            }
            3..9 => {
                let written = WriteOp::random(rng, known).run(&mut self.tx, &mut self.sees);
                if let Some((id, _)) = &written
                    && !known.contains(id)
                {
                    known.push(*id);
                }
                self.writes.extend(written);
            }
            _ => {
                let query = Query::random(rng, known);
                assert_eq!(
                    query.run(&mut self.tx).unwrap(),
                    self.sees.run(&query),
                    "{query:?}"
                );
            }
        }
        // Rarely, because it reads the whole table, and then nearly everything is a conflict.
        if rng.random_ratio(1, 40) {
            assert_eq!(
                self.tx.count(crate::support::ROOT, "t").unwrap(),
                self.sees.documents.len() as u64
            );
        }
    }

    /// Commits; returns whether it did.
    fn end(mut self, db: &Database, committed: &mut Model) -> bool {
        for _ in self.saved.drain(..) {
            self.tx.keep_nested();
        }
        let result = db.commit_blocking(self.tx);
        if is_conflict(&result) {
            return false;
        }
        result.unwrap();
        for (id, json) in self.writes {
            match json {
                Some(json) => committed.documents.insert(id, json),
                None => committed.documents.remove(&id),
            };
        }
        true
    }
}

fn run(db: &Database, seed: u64, steps: usize) {
    make_table(db);
    let rng = &mut StdRng::seed_from_u64(seed);
    let mut committed = Model::default();
    let mut known = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let (mut commits, mut conflicts) = (0, 0);
    for _ in 0..steps {
        if open.len() < 3 && rng.random_ratio(1, 6) {
            open.push(Open::new(db, &committed));
        }
        if open.is_empty() {
            continue;
        }
        let at = rng.random_range(0..open.len());
        if rng.random_ratio(1, 12) {
            let ended = open.swap_remove(at).end(db, &mut committed);
            if ended { commits += 1 } else { conflicts += 1 }
        } else {
            open[at].act(rng, &mut known);
        }
    }
    assert!(commits > steps / 60, "{commits} commits");
    assert!(conflicts > 0, "no conflicts among {commits} commits");
}

#[test]
fn transactions_see_what_the_model_says() {
    for seed in 0..12 {
        run(&open_memory(seed), seed, 1_200);
    }
}

#[test]
fn transactions_see_what_the_model_says_on_sqlite_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let persistence = || -> Arc<dyn Persistence> {
        Arc::new(
            SqlitePersistence::open(SqliteOptions::new(folder.path().join("db.sqlite3"))).unwrap(),
        )
    };
    let env = TestEnv::new(77);
    let db = open(persistence(), env.clone());
    run(&db, 77, 800);
    let all = Query::ById {
        order: lentil_database::Order::Asc,
        take: usize::MAX,
    };
    let before = (db.latest(), all.run(&mut db.begin()).unwrap());
    drop(db);
    let db = open(persistence(), env);
    assert_eq!((db.latest(), all.run(&mut db.begin()).unwrap()), before);
}
