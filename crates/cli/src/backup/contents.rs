//! What a backup holds, without restoring it: how many documents each table has, those of components
//! too.
//!
//! The database is unpacked beside the backup, counted, and removed again.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use lentil_database::{Database, DatabaseOptions, SystemEnv};
use lentil_functions::Documents;
use lentil_server::BackupContents;
use lentil_storage::{SqliteOptions, SqlitePersistence};

use super::{DATABASE, extract, open};

/// Looks into a backup; what it says is compared with the backup's own list.
pub(super) fn contents(backup: &Path) -> anyhow::Result<BackupContents> {
    let (mut zip, manifest) = open(backup)?;
    let listed = manifest.entries.get(DATABASE);
    let listed = listed.context("the backup has no database")?;
    let folder = backup.parent().context("a backup is in a folder")?;
    let beside = tempfile::Builder::new()
        .prefix(".lentil-backup-")
        .tempdir_in(folder)
        .with_context(|| format!("cannot unpack into {}", folder.display()))?;
    extract(&mut zip, DATABASE, listed, beside.path())?;
    let persistence = SqlitePersistence::open(SqliteOptions::new(beside.path().join(DATABASE)))?;
    let database = Database::open(
        Arc::new(persistence),
        DatabaseOptions::default(),
        Arc::new(SystemEnv),
    )
    .context("the backup's database cannot be opened")?;
    let counted = Documents::count(&mut database.begin());
    // The copy goes with its folder: nobody may be at work in it by then.
    database.shutdown();
    let counted = counted.context("the backup's tables cannot be counted")?;
    let files = manifest.entries.keys();
    Ok(BackupContents {
        tables: counted.tables.into_iter().collect(),
        files: files.filter(|name| name.starts_with("files/")).count() as u64,
        lentil: manifest.lentil,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use lentil_database::Namespace;
    use lentil_values::{Object, Value};

    use super::super::take;
    use super::*;

    #[test]
    fn s028_a_dry_run_counts_what_is_in_the_backup_and_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        fs::create_dir_all(data.join("files/ab")).expect("made");
        fs::write(data.join("files/ab/kg1ab"), b"content").expect("written");
        let open = || {
            let sqlite = SqlitePersistence::open(SqliteOptions::new(data.join(DATABASE)));
            let sqlite = Arc::new(sqlite.expect("it opens"));
            Database::open(sqlite, DatabaseOptions::default(), Arc::new(SystemEnv)).expect("whole")
        };
        let add = |database: &Database, count: usize| {
            let mut tx = database.begin();
            for n in 0..count {
                let fields = Object::from_iter([("n".to_owned(), Value::Float64(n as f64))]);
                tx.insert(Namespace::ROOT, "numbers", fields)
                    .expect("inserted");
            }
            database.commit_blocking(tx).expect("committed");
        };
        let database = open();
        add(&database, 3);
        let to = folder.path().join("backups");
        fs::create_dir_all(&to).expect("made");
        let backup = to.join("one.lentil-backup");
        take(&data, &backup).expect("taken");
        add(&database, 5);
        let found = contents(&backup).expect("whole");
        assert_eq!(found.tables, [("numbers".to_owned(), 3)]);
        assert_eq!(
            (found.files, &*found.lentil),
            (1, env!("CARGO_PKG_VERSION"))
        );
        assert_eq!(fs::read_dir(&to).expect("listed").count(), 1);
        let mut damaged = fs::read(&backup).expect("readable");
        damaged.truncate(damaged.len() / 2);
        fs::write(&backup, damaged).expect("written");
        let error = contents(&backup).expect_err("half of it").to_string();
        assert!(error.contains("is no whole backup"), "{error}");
        assert_eq!(fs::read_dir(&to).expect("listed").count(), 1);
    }
}
