//! `lentil export` and `lentil import`.

use std::fs::{self, File};
use std::io::{self, BufRead as _, IsTerminal as _, Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value as Json, json};

use crate::client::{Client, ComponentOptions, TargetOptions, explained};
use crate::remote::bytes;

/// How often the server is asked how far it is.
const POLL: Duration = Duration::from_millis(200);
/// Bytes of one part of an upload.
const PART_BYTES: usize = 5 << 20;

/// See [`export`].
#[derive(clap::Args, Debug)]
pub(crate) struct ExportOptions {
    /// File to write, or a folder to write into.
    #[arg(default_value = ".", value_name = "PATH")]
    path: PathBuf,
    /// Export the contents of files too.
    #[arg(long)]
    include_file_storage: bool,
    #[command(flatten)]
    of: ComponentOptions,
    #[command(flatten)]
    target: TargetOptions,
}

/// See [`import`].
#[derive(clap::Args, Debug)]
pub(crate) struct ImportOptions {
    /// A snapshot (.zip), or documents of one table (.csv, .jsonl, .json).
    file: PathBuf,
    /// The table, for everything but snapshots.
    #[arg(long)]
    table: Option<String>,
    /// What the file is, if its name does not say so.
    #[arg(long, value_parser = ["csv", "jsonLines", "jsonArray", "zip"])]
    format: Option<String>,
    /// Add to what is there.
    #[arg(long, group = "mode")]
    append: bool,
    /// Replace the tables that the file has.
    #[arg(long, group = "mode")]
    replace: bool,
    /// Replace everything: tables that the file does not have go.
    #[arg(long, group = "mode")]
    replace_all: bool,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    of: ComponentOptions,
    #[command(flatten)]
    target: TargetOptions,
}

/// One line that says how far something is; on a terminal it changes in place.
struct Progress {
    terminal: bool,
    last: String,
}

impl Progress {
    fn new() -> Progress {
        Progress {
            terminal: io::stderr().is_terminal(),
            last: String::new(),
        }
    }

    fn tell(&mut self, line: &str) {
        if line.is_empty() || line == self.last {
            return;
        }
        line.clone_into(&mut self.last);
        if self.terminal {
            eprint!("\r\x1b[K{line}");
        } else {
            eprintln!("{line}");
        }
    }

    /// A line that stays.
    fn done(&mut self, line: &str) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
        eprintln!("{line}");
        self.last.clear();
    }
}

/// Exports everything into a file.
pub(crate) fn export(options: &ExportOptions) -> anyhow::Result<()> {
    if options.path.is_file() {
        bail!("{} is there already", options.path.display());
    }
    let client = Client::new(&options.target)?;
    let mut progress = Progress::new();
    let include = options.include_file_storage;
    let mut request = format!("/api/export/request/zip?includeStorage={include}");
    if let Some(path) = &options.of.component {
        request.push_str(&format!("&component={}", component_id(&client, path)?));
    }
    let asked = client.post_empty(&request)?;
    let id = asked["snapshotId"].as_str().unwrap_or_default().to_owned();
    loop {
        let export = client.system("_system/cli/exports:getLatest", json!({}))?;
        match export["state"].as_str() {
            _ if export["_id"] != id.as_str() => bail!("another export has begun meanwhile"),
            Some("completed") => break,
            Some("failed") => {
                bail!(
                    "the export failed: {}",
                    export["error_message"].as_str().unwrap_or("?")
                )
            }
            Some("canceled") => bail!("the export was canceled"),
            _ => progress.tell(export["progress_message"].as_str().unwrap_or("Waiting")),
        }
        std::thread::sleep(POLL);
    }
    let (name, length, mut content) = client.download(&format!("/api/export/zip/{id}"))?;
    let path = match options.path.is_dir() {
        true => options
            .path
            .join(safe_name(name.as_deref()).unwrap_or("snapshot.zip")),
        false => options.path.clone(),
    };
    let written = save(&path, &mut content, &mut |done| {
        let of = length.map_or_else(String::new, |length| format!(" of {}", bytes(length)));
        progress.tell(&format!("Downloading {}{of}", bytes(done)));
    });
    let written = written.with_context(|| format!("{} cannot be written", path.display()))?;
    if length.is_some_and(|length| length != written) {
        bail!("the download was cut short; export again");
    }
    progress.done(&format!(
        "Exported to {} ({})",
        path.display(),
        bytes(written)
    ));
    Ok(())
}

/// The id of the component at a path.
fn component_id(client: &Client, path: &str) -> anyhow::Result<String> {
    let components = client.system("_system/frontend/components:list", json!({}))?;
    let components = components.as_array().cloned().unwrap_or_default();
    let found = components.iter().find(|one| one["path"] == path);
    match found.and_then(|one| one["id"].as_str()) {
        Some(id) => Ok(id.to_owned()),
        None => bail!("there is no component {path:?} here"),
    }
}

/// A file name that leads nowhere else.
fn safe_name(name: Option<&str>) -> Option<&str> {
    name.filter(|name| !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\']))
}

/// Writes a file, whole or not at all; gives its size.
fn save(path: &Path, from: &mut impl Read, tell: &mut dyn FnMut(u64)) -> io::Result<u64> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let mut file = File::create(&part)?;
    let (mut buffer, mut done) = (vec![0; 1 << 20], 0);
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        file.write_all(&buffer[..count])?;
        done += count as u64;
        tell(done);
    }
    file.sync_all()?;
    fs::rename(&part, path)?;
    Ok(done)
}

/// Imports a file.
pub(crate) fn import(options: &ImportOptions) -> anyhow::Result<()> {
    let format = format(options)?;
    let mode = match options {
        ImportOptions { append: true, .. } => "append",
        ImportOptions { replace: true, .. } => "replace",
        ImportOptions {
            replace_all: true, ..
        } => "replaceAll",
        _ => "requireEmpty",
    };
    let client = Client::new(&options.target)?;
    let mut progress = Progress::new();
    let (upload, parts) = send(&client, &options.file, &mut progress)?;
    let mut import = json!({ "mode": mode, "format": format });
    if let Some(table) = &options.table {
        import["tableName"] = json!(table);
    }
    if let Some(component) = &options.of.component {
        import["componentPath"] = json!(component);
    }
    let finish = json!({ "import": import, "uploadToken": upload, "partTokens": parts });
    let finished = client.post("/api/import/finish_upload", &finish)?;
    let id = finished["importId"].clone();
    let state = wait(&client, &id, &["uploaded"], &mut progress)?;
    progress.done(state["message_to_confirm"].as_str().unwrap_or_default());
    if state["require_manual_confirmation"] != false && !options.yes {
        confirm(&client, &id)?;
    }
    client.post("/api/perform_import", &json!({ "importId": id }))?;
    let state = wait(
        &client,
        &id,
        &["waiting_for_confirmation", "in_progress"],
        &mut progress,
    )?;
    let rows = &state["num_rows_written"]["$integer"];
    progress.done(&format!("Added {} documents", integer(rows)));
    Ok(())
}

fn format(options: &ImportOptions) -> anyhow::Result<String> {
    let extension = options.file.extension().and_then(|it| it.to_str());
    let format = match (&options.format, extension) {
        (Some(format), _) => format.as_str(),
        (None, Some("csv")) => "csv",
        (None, Some("jsonl" | "ndjson")) => "jsonLines",
        (None, Some("json")) => "jsonArray",
        (None, Some("zip")) => "zip",
        _ => bail!("the file's name does not say what it is; give --format"),
    };
    match (format, &options.table) {
        ("zip", Some(_)) => bail!("a snapshot names its tables itself; leave --table out"),
        ("zip", None) | (_, Some(_)) => Ok(format.to_owned()),
        (_, None) => bail!("into which table? Give --table"),
    }
}

/// Uploads a file in parts.
fn send(
    client: &Client,
    path: &Path,
    progress: &mut Progress,
) -> anyhow::Result<(String, Vec<Json>)> {
    let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let size = file.metadata()?.len();
    let started = client.post_empty("/api/import/start_upload")?;
    let upload = started["uploadToken"].as_str().unwrap_or_default();
    let (mut parts, mut done) = (Vec::new(), 0);
    let part_bytes = PART_BYTES.max((size / 9_000) as usize + 1);
    loop {
        let mut part = Vec::with_capacity(part_bytes);
        Read::by_ref(&mut file)
            .take(part_bytes as u64)
            .read_to_end(&mut part)?;
        if part.is_empty() && !parts.is_empty() {
            return Ok((upload.to_owned(), parts));
        }
        let number = parts.len() + 1;
        let path = format!("/api/import/upload_part?uploadToken={upload}&partNumber={number}");
        parts.push(client.post_bytes(&path, &part)?);
        done += part.len() as u64;
        progress.tell(&format!("Uploading {} of {}", bytes(done), bytes(size)));
    }
}

/// The state of an import once it has left these.
fn wait(
    client: &Client,
    id: &Json,
    states: &[&str],
    progress: &mut Progress,
) -> anyhow::Result<Json> {
    let mut steps = 0;
    loop {
        let import = client.system("_system/cli/queryImport", json!({ "importId": id }))?;
        let state = import["state"].clone();
        let checkpoints = state["checkpoint_messages"].as_array();
        for step in checkpoints.into_iter().flatten().skip(steps) {
            progress.done(step.as_str().unwrap_or_default());
            steps += 1;
        }
        progress.tell(state["progress_message"].as_str().unwrap_or_default());
        match state["state"].as_str() {
            Some("failed") => {
                let why = state["error_message"].as_str();
                bail!(explained(why.unwrap_or("the import failed")))
            }
            Some(name) if !states.contains(&name) => return Ok(state),
            Some(_) => std::thread::sleep(POLL),
            None => bail!("the server does not know the import any more"),
        }
    }
}

fn confirm(client: &Client, id: &Json) -> anyhow::Result<()> {
    let mut answer = String::new();
    if io::stdin().is_terminal() {
        eprint!("Perform the import? [y/N] ");
        io::stdin().lock().read_line(&mut answer)?;
    }
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    client.post("/api/cancel_import", &json!({ "importId": id }))?;
    bail!(
        "the import deletes documents and nobody said yes; nothing was imported (--yes says it beforehand)"
    )
}

/// An int64 as the server writes it.
fn integer(encoded: &Json) -> i64 {
    use base64::Engine as _;
    let decoded = base64::engine::general_purpose::STANDARD
        .decode(encoded.as_str().unwrap_or_default())
        .ok();
    let bytes = decoded.and_then(|bytes| bytes.try_into().ok());
    bytes.map_or(0, i64::from_le_bytes)
}
