//! The deployment's name and secret: given, else kept in the data folder, else made now.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use lentil_identity::{AdminKeys, InstanceSecret};

use crate::options::PlaceOptions;

/// The name a deployment has if nobody gives it one.
const DEFAULT_NAME: &str = "convex-self-hosted";

/// Who this deployment is.
pub(crate) struct Credentials {
    /// Its name.
    pub(crate) name: String,
    /// Mints and opens its keys.
    pub(crate) keys: AdminKeys,
    /// Seals pagination cursors.
    pub(crate) cursor_key: [u8; 32],
    /// Whether the secret was made just now.
    pub(crate) new: bool,
}

/// Reads the credentials, making what is missing. What is given wins and is kept for later.
pub(crate) fn load_or_make(place: &PlaceOptions, data: &Path) -> anyhow::Result<Credentials> {
    let folder = data.join("credentials");
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .with_context(|| {
            format!(
                "cannot make the data folder {}; choose one you may write with --data",
                data.display()
            )
        })?;
    let kept_secret = read(&folder.join("instance_secret"))?;
    let new = place.instance_secret.is_none() && kept_secret.is_none();
    let secret = match given(place.instance_secret.as_deref()).or(kept_secret) {
        Some(hex) => InstanceSecret::from_hex(hex.trim()).map_err(|error| {
            anyhow::anyhow!("the instance secret is not usable: {error} (INSTANCE_SECRET, --instance-secret or {})", folder.display())
        })?,
        None => InstanceSecret::random(),
    };
    let name = given(place.instance_name.as_deref())
        .or(read(&folder.join("instance_name"))?)
        .unwrap_or_else(|| DEFAULT_NAME.to_owned());
    if name.is_empty()
        || !name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    {
        bail!("the instance name {name:?} is not usable: letters, digits, '-', '_' and '.' only");
    }
    keep(&folder.join("instance_secret"), &secret.to_hex())?;
    keep(&folder.join("instance_name"), &name)?;
    Ok(Credentials {
        cursor_key: secret.key_for("pagination cursors"),
        keys: AdminKeys::new(&name, secret),
        name,
        new,
    })
}

/// Whether a data folder has a secret, so that keys can be made of it.
pub(crate) fn exist(data: &Path) -> bool {
    data.join("credentials/instance_secret").is_file()
}

/// The data folder: the one of `--data`, or beside the database file that the stock server would use.
pub(crate) fn data_folder(place: &PlaceOptions, db_spec: Option<&Path>) -> PathBuf {
    match db_spec {
        Some(file) => file.parent().unwrap_or(Path::new("")).join("lentil-data"),
        None => place.data.clone(),
    }
}

fn given(text: Option<&str>) -> Option<String> {
    text.map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn read(file: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(given(Some(&text))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}

/// Writes a file that only its owner can read, unless it has that content already.
fn keep(file: &Path, text: &str) -> anyhow::Result<()> {
    if read(file)?.as_deref() == Some(text) {
        return Ok(());
    }
    let write = || -> std::io::Result<()> {
        let part = file.with_extension("part");
        let mut output = fs::OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&part)?;
        output.write_all(text.as_bytes())?;
        output.sync_all()?;
        fs::rename(&part, file)
    };
    write().with_context(|| format!("cannot write {}", file.display()))
}
