//! `lentil backup` and `lentil restore`: everything a deployment is in one file.
//!
//! The file is a zip: the database as of one moment, the contents of its files, the credentials,
//! and a list of all of that with digests. It is taken while the server runs, and is good only once
//! it has been restored beside and compared.

mod contents;
mod keeper;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail, ensure};
use lentil_storage::{check_database, copy_database};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

pub(crate) use self::keeper::DataFolderBackups;
use crate::credentials::data_folder;
use crate::options::PlaceOptions;
use crate::remote::bytes;

/// The list of everything, the last entry.
const MANIFEST: &str = "lentil-backup.json";
/// Version of the layout.
const FORMAT: u32 = 1;
/// The database in the data folder and in the backup.
const DATABASE: &str = "db.sqlite3";
/// Folders of the data folder that are kept whole.
const FOLDERS: [&str; 2] = ["credentials", "files"];
/// Notes the last backup in the data folder.
const LAST: &str = "last_backup";
/// What files of backups end with.
const EXTENSION: &str = "lentil-backup";
/// Bytes copied at once.
const CHUNK: usize = 1 << 20;

/// See [`backup`].
#[derive(clap::Args, Debug)]
pub(crate) struct BackupOptions {
    /// File to write, or a folder to write into.
    #[arg(default_value = ".", value_name = "PATH")]
    path: PathBuf,
    #[command(flatten)]
    place: PlaceOptions,
}

/// See [`restore`].
#[derive(clap::Args, Debug)]
pub(crate) struct RestoreOptions {
    /// A file that `lentil backup` wrote.
    file: PathBuf,
    #[command(flatten)]
    place: PlaceOptions,
}

/// Backups that a server makes by itself.
#[derive(clap::Args, Debug, Clone)]
pub(crate) struct ScheduleOptions {
    /// Make a backup so often, e.g. 6h or 1d.
    #[arg(long, env = "LENTIL_BACKUP_EVERY", value_name = "TIME", value_parser = interval, help_heading = "Data")]
    pub(crate) backup_every: Option<Duration>,
    /// Backups that are kept; older ones are removed.
    #[arg(
        long,
        env = "LENTIL_BACKUP_KEEP",
        default_value_t = 7,
        value_name = "COUNT",
        value_parser = clap::value_parser!(u32).range(1..),
        help_heading = "Data"
    )]
    pub(crate) backup_keep: u32,
    /// Folder they go to [default: backups, in the data folder].
    #[arg(
        long,
        env = "LENTIL_BACKUP_TO",
        value_name = "FOLDER",
        help_heading = "Data"
    )]
    pub(crate) backup_to: Option<PathBuf>,
}

impl ScheduleOptions {
    /// Where the backups of a data folder go.
    fn folder(&self, data: &Path) -> PathBuf {
        self.backup_to
            .clone()
            .unwrap_or_else(|| data.join("backups"))
    }
}

/// What a backup holds.
#[derive(Serialize, Deserialize)]
struct Manifest {
    format: u32,
    /// The version that wrote it.
    lentil: String,
    /// Digests by name.
    entries: BTreeMap<String, Entry>,
}

#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct Entry {
    bytes: u64,
    sha256: String,
}

fn interval(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err("must be a number and m, h or d, e.g. 6h".to_owned()),
    };
    match digits.parse::<u64>() {
        Ok(count) if count > 0 => Ok(Duration::from_secs(count * unit)),
        _ => Err("must be a number and m, h or d, e.g. 6h".to_owned()),
    }
}

/// Takes a backup of a data folder, whether or not a server works on it.
pub(crate) fn backup(options: &BackupOptions) -> anyhow::Result<()> {
    let data = data_folder(&options.place, None);
    let path = match options.path.is_dir() {
        true => options.path.join(new_name()),
        false => options.path.clone(),
    };
    let size = take(&data, &path)?;
    eprintln!(
        "Backed up {} to {} ({}), restored beside it and compared",
        data.display(),
        path.display(),
        bytes(size)
    );
    Ok(())
}

/// A name that sorts by time.
fn new_name() -> String {
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    format!("lentil-{now}.{EXTENSION}")
}

/// Writes a backup and proves it; gives its size.
pub(crate) fn take(data: &Path, path: &Path) -> anyhow::Result<u64> {
    ensure!(
        data.join(DATABASE).is_file(),
        "{} is no data folder of Lentil; say which with --data",
        data.display()
    );
    ensure!(!path.exists(), "{} is there already", path.display());
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let beside = tempfile::Builder::new()
        .prefix(".lentil-backup-")
        .tempdir_in(folder)
        .with_context(|| format!("cannot write into {}", folder.display()))?;
    let part = beside.path().join("backup");
    write(data, beside.path(), &part)?;
    let restored = beside.path().join("restored");
    unpack(&part, &restored).context("the backup cannot be restored; it is not kept")?;
    let size = fs::metadata(&part)?.len();
    fs::rename(&part, path)?;
    note(data, path)?;
    Ok(size)
}

fn write(data: &Path, beside: &Path, part: &Path) -> anyhow::Result<()> {
    let file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        // It holds the secret of the deployment.
        .mode(0o600)
        .open(part)?;
    let mut backup = Writer {
        zip: ZipWriter::new(file),
        entries: BTreeMap::new(),
    };
    // Contents before the database: one that its row leads to was there before the row. Those that
    // came with rows meanwhile follow after it.
    for folder in FOLDERS {
        backup.add_folder(data, Path::new(folder))?;
    }
    let copy = beside.join(DATABASE);
    copy_database(&data.join(DATABASE), &copy)?;
    backup.add(DATABASE, &copy)?;
    backup.add_folder(data, Path::new("files"))?;
    fs::remove_file(&copy)?;
    let manifest = Manifest {
        format: FORMAT,
        lentil: env!("CARGO_PKG_VERSION").to_owned(),
        entries: backup.entries,
    };
    backup.zip.start_file(MANIFEST, options(0))?;
    serde_json::to_writer_pretty(&mut backup.zip, &manifest)?;
    backup.zip.finish()?.sync_all()?;
    Ok(())
}

struct Writer {
    zip: ZipWriter<File>,
    entries: BTreeMap<String, Entry>,
}

fn options(size: u64) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .unix_permissions(0o600)
        .large_file(size >= 0xf000_0000)
}

impl Writer {
    fn add_folder(&mut self, data: &Path, folder: &Path) -> anyhow::Result<()> {
        let listed = match fs::read_dir(data.join(folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            listed => listed?,
        };
        for entry in listed {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                self.add_folder(data, &path)?;
                continue;
            }
            let name = path.to_str().context("a file's name is no text")?;
            // What is being written has no row yet.
            if self.entries.contains_key(name) || name.contains('#') {
                continue;
            }
            match self.add(name, &entry.path()) {
                Err(error) if is_gone(&error) => {}
                added => added?,
            }
        }
        Ok(())
    }

    fn add(&mut self, name: &str, path: &Path) -> anyhow::Result<()> {
        let mut from = File::open(path)?;
        self.zip.start_file(name, options(from.metadata()?.len()))?;
        let (bytes, sha256) = copy(&mut from, &mut self.zip)?;
        self.entries
            .insert(name.to_owned(), Entry { bytes, sha256 });
        Ok(())
    }
}

/// Whether a file was removed between its listing and its reading.
fn is_gone(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Copies everything; gives its length and digest.
fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<(u64, String)> {
    let (mut hash, mut length, mut chunk) = (Sha256::new(), 0, vec![0; CHUNK]);
    loop {
        let count = from.read(&mut chunk)?;
        if count == 0 {
            return Ok((length, hex::encode(hash.finalize())));
        }
        to.write_all(&chunk[..count])?;
        hash.update(&chunk[..count]);
        length += count as u64;
    }
}

type Archive = ZipArchive<io::BufReader<File>>;

/// Opens a backup and reads its list.
fn open(backup: &Path) -> anyhow::Result<(Archive, Manifest)> {
    let file = File::open(backup).with_context(|| format!("cannot read {}", backup.display()))?;
    let mut zip = ZipArchive::new(io::BufReader::new(file))
        .with_context(|| format!("{} is no whole backup", backup.display()))?;
    let manifest: Manifest = {
        let entry = zip.by_name(MANIFEST);
        let entry = entry.with_context(|| format!("{} is no backup", backup.display()))?;
        serde_json::from_reader(entry).context("the list of what the backup holds is damaged")?
    };
    ensure!(
        manifest.format == FORMAT,
        "the backup has format {}, this version of Lentil reads {FORMAT}; restore it with Lentil {}",
        manifest.format,
        manifest.lentil
    );
    Ok((zip, manifest))
}

/// Unpacks one entry and compares it with the list.
fn extract(zip: &mut Archive, name: &str, expected: &Entry, folder: &Path) -> anyhow::Result<()> {
    let mut entry = zip
        .by_name(name)
        .with_context(|| format!("{name} is missing in the backup"))?;
    let Some(inside) = entry.enclosed_name() else {
        bail!("the backup holds {name:?}, which leads elsewhere");
    };
    let path = folder.join(inside);
    fs::create_dir_all(path.parent().context("a file is in a folder")?)?;
    let mut to = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    let (bytes, sha256) = copy(&mut entry, &mut to)?;
    to.sync_all()?;
    let found = Entry { bytes, sha256 };
    ensure!(found == *expected, "{name} is damaged in the backup");
    Ok(())
}

/// Unpacks a backup into a new folder, compares everything with its list, and checks the database.
fn unpack(backup: &Path, folder: &Path) -> anyhow::Result<Manifest> {
    let (mut zip, manifest) = open(backup)?;
    for (name, expected) in &manifest.entries {
        extract(&mut zip, name, expected, folder)?;
    }
    check_database(&folder.join(DATABASE))?;
    Ok(manifest)
}

/// Makes a data folder of a backup.
pub(crate) fn restore(options: &RestoreOptions) -> anyhow::Result<()> {
    let data = data_folder(&options.place, None);
    let empty = match fs::read_dir(&data) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        listed => listed?.next().is_none(),
    };
    ensure!(
        empty,
        "{} is not empty; restore into a new folder with --data, and start the server with that",
        data.display()
    );
    let parent = data.parent().filter(|it| !it.as_os_str().is_empty());
    let beside = tempfile::Builder::new()
        .prefix(".lentil-restore-")
        .tempdir_in(parent.unwrap_or(Path::new(".")))?;
    let folder = beside.path().join("data");
    let manifest = unpack(&options.file, &folder)?;
    if data.exists() {
        fs::remove_dir(&data)?;
    }
    fs::rename(&folder, &data)?;
    eprintln!(
        "Restored {} files into {}; start the server with `lentil --data {}`",
        manifest.entries.len(),
        data.display(),
        data.display()
    );
    Ok(())
}

fn note(data: &Path, path: &Path) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    fs::write(data.join(LAST), path.display().to_string())
}

/// The last backup of a data folder, and how long ago it was.
pub(crate) fn last(data: &Path) -> Option<(String, Duration)> {
    let note = data.join(LAST);
    let file = fs::read_to_string(&note).ok()?;
    let made = fs::metadata(&note).ok()?.modified().ok()?;
    let age = SystemTime::now().duration_since(made).unwrap_or_default();
    Some((file, age))
}

/// Makes backups of a running server's data folder again and again; ends with the task.
pub(crate) async fn rotate(schedule: ScheduleOptions, data: PathBuf) {
    let Some(every) = schedule.backup_every else {
        return;
    };
    let folder = schedule.folder(&data);
    loop {
        // After a restart the next one is due when it would have been.
        let age = last(&data).map_or(every, |(_, age)| age);
        tokio::time::sleep(every.saturating_sub(age)).await;
        let (data, folder) = (data.clone(), folder.clone());
        let keep = schedule.backup_keep as usize;
        let made = tokio::task::spawn_blocking(move || make_one(&data, &folder, keep)).await;
        match made {
            Ok(Ok(path)) => tracing::info!(path = %path.display(), "a backup was made"),
            Ok(Err(error)) => {
                tracing::error!(error = format!("{error:#}"), "a backup failed");
                tokio::time::sleep(every.min(Duration::from_secs(600))).await;
            }
            Err(error) => {
                tracing::error!(%error, "a backup failed");
                return;
            }
        }
    }
}

/// Makes a backup and removes those that are too many.
fn make_one(data: &Path, folder: &Path, keep: usize) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let path = folder.join(new_name());
    take(data, &path)?;
    let mut there = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == EXTENSION) {
            there.push(path);
        }
    }
    // Names sort by time.
    there.sort();
    for old in there.iter().rev().skip(keep) {
        fs::remove_file(old)?;
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use lentil_storage::{SqliteOptions, SqlitePersistence};

    use super::*;

    fn data(folder: &Path) -> PathBuf {
        let data = folder.join("data");
        fs::create_dir_all(data.join("files/ab")).expect("made");
        fs::create_dir_all(data.join("credentials")).expect("made");
        fs::write(data.join("files/ab/kg1ab"), b"content").expect("written");
        fs::write(data.join("files/ab/kg2ab#1"), b"half").expect("written");
        fs::write(data.join("credentials/instance_secret"), b"secret").expect("written");
        SqlitePersistence::open(SqliteOptions::new(data.join(DATABASE))).expect("it opens");
        data
    }

    #[test]
    fn what_is_restored_is_what_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = data(folder.path());
        let path = folder.path().join("one.lentil-backup");
        take(&data, &path).expect("taken");
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &fs::metadata(&path).expect("there").permissions(),
        );
        assert_eq!(mode & 0o777, 0o600);
        let restored = folder.path().join("restored");
        unpack(&path, &restored).expect("whole");
        assert_eq!(
            fs::read(restored.join("files/ab/kg1ab")).expect("there"),
            b"content"
        );
        assert!(!restored.join("files/ab/kg2ab#1").exists());
        assert!(last(&data).is_some());
        assert!(take(&data, &path).is_err(), "nothing is overwritten");
        let mut damaged = fs::read(&path).expect("readable");
        damaged.truncate(damaged.len() / 2);
        fs::write(&path, damaged).expect("written");
        assert!(unpack(&path, &folder.path().join("again")).is_err());
    }

    #[test]
    fn old_backups_are_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = data(folder.path());
        let to = folder.path().join("backups");
        fs::create_dir_all(&to).expect("made");
        for year in 2001..2006 {
            let name = format!("lentil-{year}0101T000000Z.{EXTENSION}");
            fs::write(to.join(name), b"old").expect("written");
        }
        fs::write(to.join("mine.txt"), b"not a backup").expect("written");
        let made = make_one(&data, &to, 2).expect("made");
        let mut there: Vec<_> = fs::read_dir(&to)
            .expect("listed")
            .map(|entry| entry.expect("listed").path())
            .collect();
        there.sort();
        assert_eq!(there.len(), 3, "{there:?}");
        assert!(there.contains(&made));
    }

    #[test]
    fn intervals_are_read() {
        assert_eq!(interval("90m"), Ok(Duration::from_secs(5_400)));
        assert_eq!(interval("1d"), Ok(Duration::from_secs(86_400)));
        for wrong in ["", "h", "0h", "5", "5 h", "-1h", "1w"] {
            assert!(interval(wrong).is_err(), "{wrong:?}");
        }
    }
}
