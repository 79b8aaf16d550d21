//! Exports: a snapshot of everything is written into a file in the background, kept for a while,
//! and fetched from there (cli-and-deploy 13.1).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lentil_catalog::{ComponentPath, Components, ExportRow, ExportState};
use lentil_database::{CommitError, Database, Transaction};
use lentil_functions::Functions;
use lentil_functions::deploy::DeployError;
use lentil_values::DocumentId;

use crate::JobError;
use crate::snapshot::{Stopped, What, write_snapshot};

/// How long the file of an export is kept, if nobody says otherwise.
const KEPT: Duration = Duration::from_secs(14 * 86_400);
/// How long it is kept at most.
const KEPT_MAX: Duration = Duration::from_secs(60 * 86_400);
/// Exports that are remembered.
const ROWS_MAX: usize = 100;
/// How often an export says how far it is.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);

/// Makes and keeps exports; cheap to clone.
#[derive(Clone)]
pub struct Exports {
    shared: Arc<Shared>,
}

struct Shared {
    functions: Functions,
    database: Database,
    folder: PathBuf,
}

/// The file of a complete export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportFile {
    /// Where it lies.
    pub path: PathBuf,
    /// The snapshot it holds, ns since the epoch.
    pub start_ts: i64,
}

impl Exports {
    /// Keeps files in a folder, which is made if it is not there.
    pub fn new(functions: &Functions, folder: PathBuf) -> io::Result<Exports> {
        fs::create_dir_all(&folder)?;
        let shared = Shared {
            functions: functions.clone(),
            database: functions.database().clone(),
            folder,
        };
        Ok(Exports {
            shared: Arc::new(shared),
        })
    }

    /// Begins an export and gives its id; its row tells how it goes on. `component` is the id of the
    /// one to be exported, with those below it; none, or an empty one, means everything.
    pub async fn request(
        &self,
        include_storage: bool,
        component: Option<String>,
    ) -> Result<String, JobError> {
        let base = match component {
            Some(id) if !matches!(id.as_str(), "" | "root") => self.component(id).await?,
            _ => ComponentPath::root(),
        };
        let id = self
            .transact(move |tx| {
                let running = ExportRow::all(tx)?;
                if running.iter().any(|(_, row)| row.state.is_open()) {
                    return Ok(None);
                }
                let state = ExportState::Requested;
                let row = ExportRow {
                    include_storage,
                    state,
                };
                Ok(Some(row.insert(tx)?))
            })
            .await?;
        let id = id.ok_or_else(|| {
            JobError::bad(
                "ExportInProgress",
                "There is already an export requested or in progress.",
            )
        })?;
        let what = What {
            storage: include_storage,
            base,
        };
        tokio::spawn(self.clone().make(id, what));
        Ok(id.to_string())
    }

    /// The path of the component of an id.
    async fn component(&self, id: String) -> Result<ComponentPath, JobError> {
        let shown = id.clone();
        let found = self.transact(move |tx| {
            let components = Components::load(tx)?;
            let found = id.parse().ok().and_then(|id| components.by_id(id));
            Ok(found.map(|component| component.path.clone()))
        });
        found.await?.ok_or_else(|| {
            let message = format!("there is no component with the id {shown:?}");
            JobError::bad("ComponentNotFound", message)
        })
    }

    /// Gives up an export that is not complete, or the file of one that is.
    pub async fn cancel(&self, id: &str) -> Result<(), JobError> {
        let id = id.parse().map_err(|_| not_found())?;
        let canceled = self
            .transact(move |tx| {
                let Some(mut row) = ExportRow::load(tx, id)? else {
                    return Ok(false);
                };
                row.state = ExportState::Canceled;
                row.save(tx, id)?;
                Ok(true)
            })
            .await?;
        if !canceled {
            return Err(not_found());
        }
        // Whoever still writes it sees the row, and removes what it has written.
        self.remove_file(&self.path(id)).await
    }

    /// Says when the file of a complete export goes away, ns since the epoch.
    pub async fn set_expiration(&self, id: &str, expiration_ns: i64) -> Result<(), JobError> {
        let id = id.parse().map_err(|_| not_found())?;
        let latest = now_ns() + nanoseconds(KEPT_MAX);
        if expiration_ns > latest {
            return Err(JobError::bad(
                "ExpirationTooLate",
                format!(
                    "an export is kept for at most {} days",
                    KEPT_MAX.as_secs() / 86_400
                ),
            ));
        }
        let set = self.transact(move |tx| {
            let Some(mut row) = ExportRow::load(tx, id)? else {
                return Ok(false);
            };
            let ExportState::Completed { expiration_ts, .. } = &mut row.state else {
                return Ok(false);
            };
            *expiration_ts = expiration_ns;
            row.save(tx, id)?;
            Ok(true)
        });
        if set.await? { Ok(()) } else { Err(not_found()) }
    }

    /// The file of a complete export, by its id or by the timestamp of its snapshot.
    pub async fn file(&self, key: &str) -> Result<ExportFile, JobError> {
        let (id, ts): (Option<DocumentId>, Option<i64>) = (key.parse().ok(), key.parse().ok());
        let exports = self.transact(|tx| Ok(ExportRow::all(tx)?)).await?;
        let found = exports
            .into_iter()
            .find_map(|(row_id, row)| match row.state {
                ExportState::Completed { start_ts, .. }
                    if id == Some(row_id) || ts == Some(start_ts) =>
                {
                    Some((row_id, start_ts))
                }
                _ => None,
            });
        let (id, start_ts) = found.ok_or_else(not_found)?;
        let path = self.path(id);
        Ok(ExportFile { path, start_ts })
    }

    /// Marks exports of an earlier process that were not complete as failed, and removes files
    /// that belong to none.
    pub(crate) async fn fail_interrupted(&self) -> Result<(), JobError> {
        let kept = self.transact(|tx| {
            let mut kept = Vec::new();
            for (id, mut row) in ExportRow::all(tx)? {
                if row.state.is_open() {
                    let error = "the server was restarted before the export was done".to_owned();
                    row.state = ExportState::Failed { error };
                    row.save(tx, id)?;
                } else if matches!(row.state, ExportState::Completed { .. }) {
                    kept.push(id);
                }
            }
            Ok(kept)
        });
        let kept: Vec<PathBuf> = kept.await?.into_iter().map(|id| self.path(id)).collect();
        let folder = self.shared.folder.clone();
        let removed = tokio::task::spawn_blocking(move || remove_others(&folder, &kept)).await;
        removed
            .map_err(|error| JobError::internal(&error))?
            .map_err(|error| JobError::internal(&error))
    }

    /// Forgets exports whose time has come.
    pub(crate) async fn expire(&self) -> Result<(), JobError> {
        let now = now_ns();
        let expired = self.transact(move |tx| {
            let mut expired = Vec::new();
            for (position, (id, row)) in ExportRow::all(tx)?.into_iter().enumerate() {
                let over = match row.state {
                    ExportState::Completed { expiration_ts, .. } => expiration_ts <= now,
                    _ => position >= ROWS_MAX && !row.state.is_open(),
                };
                if over {
                    tx.delete(lentil_database::Namespace::ROOT, id)?;
                    expired.push(id);
                }
            }
            Ok(expired)
        });
        for id in expired.await? {
            self.remove_file(&self.path(id)).await?;
        }
        Ok(())
    }

    async fn make(self, id: DocumentId, what: What) {
        // What is deleted while the export runs is part of its snapshot all the same.
        let held = self.shared.functions.hold_contents().await;
        let exports = self.clone();
        let made = tokio::task::spawn_blocking(move || {
            let made = exports.write(id, &what);
            drop(held);
            made
        });
        let state = match made.await {
            Ok(Ok(state)) => state,
            Ok(Err(Stopped::Canceled)) => ExportState::Canceled,
            Ok(Err(Stopped::Failed(error))) => ExportState::Failed { error },
            Err(error) => ExportState::Failed {
                error: format!("the server failed: {error}"),
            },
        };
        if let ExportState::Failed { error } = &state {
            tracing::warn!(error, "an export failed");
        }
        let complete = matches!(state, ExportState::Completed { .. });
        match self.advance(id, state).await {
            Ok(true) if complete => {}
            Ok(_) => {
                if let Err(error) = self.remove_file(&self.path(id)).await {
                    tracing::warn!(%error, "the file of an export that was given up is still there");
                }
            }
            Err(error) => tracing::error!(%error, "how an export has ended cannot be written down"),
        }
    }

    /// Blocks.
    fn write(&self, id: DocumentId, what: &What) -> Result<ExportState, Stopped> {
        let part = self.shared.folder.join(format!("{id}.part"));
        let written = self.write_part(id, what, &part);
        if written.is_err() {
            // What cannot be removed now goes at the next start.
            let _left = fs::remove_file(&part);
        }
        let start_ts = written?;
        let size = fs::metadata(&part)?.len();
        fs::rename(&part, self.path(id))?;
        let complete_ts = now_ns();
        Ok(ExportState::Completed {
            start_ts,
            complete_ts,
            object: id.to_string(),
            expiration_ts: complete_ts + nanoseconds(KEPT),
            size: i64::try_from(size).unwrap_or(i64::MAX),
        })
    }

    fn write_part(&self, id: DocumentId, what: &What, part: &Path) -> Result<i64, Stopped> {
        let file = fs::File::create(part)?;
        let shared = &self.shared;
        let mut told: Option<Instant> = None;
        let runtime = tokio::runtime::Handle::current();
        let mut progress = |progress: String| {
            if shared.database.is_closed() {
                return false;
            }
            if told.is_some_and(|told| told.elapsed() < PROGRESS_INTERVAL) {
                return true;
            }
            told = Some(Instant::now());
            let noted = self.advance(id, ExportState::InProgress { progress });
            runtime.block_on(noted).unwrap_or(false)
        };
        if !progress("Beginning the export".to_owned()) {
            return Err(Stopped::Canceled);
        }
        let tx = shared.database.begin();
        let summary = write_snapshot(&shared.functions, &tx, what, file, &mut progress)?;
        let (documents, files) = (summary.documents, summary.files);
        tracing::info!(
            documents,
            files,
            ts = tx.snapshot().0,
            "an export is complete"
        );
        Ok(i64::try_from(tx.snapshot().0).unwrap_or(i64::MAX))
    }

    /// Moves an export that is not over to another state; gives whether it was not over.
    async fn advance(&self, id: DocumentId, to: ExportState) -> Result<bool, JobError> {
        self.transact(move |tx| {
            let row = ExportRow::load(tx, id)?.filter(|row| row.state.is_open());
            let Some(mut row) = row else {
                return Ok(false);
            };
            row.state = to.clone();
            row.save(tx, id)?;
            Ok(true)
        })
        .await
    }

    fn path(&self, id: DocumentId) -> PathBuf {
        self.shared.folder.join(format!("{id}.zip"))
    }

    async fn remove_file(&self, path: &Path) -> Result<(), JobError> {
        match tokio::fs::remove_file(path).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(JobError::internal(&error))
            }
            _ => Ok(()),
        }
    }

    /// Runs a transaction off the async workers and commits it, again if it conflicts: nobody but
    /// this writes these rows, so that it never conflicts for long.
    async fn transact<T: Send + 'static>(
        &self,
        body: impl Fn(&mut Transaction) -> Result<T, DeployError> + Send + 'static,
    ) -> Result<T, JobError> {
        let database = self.shared.database.clone();
        let done = tokio::task::spawn_blocking(move || {
            loop {
                let mut tx = database.begin();
                tx.lift_limits();
                let value = body(&mut tx)?;
                match database.commit_blocking(tx) {
                    Ok(_) => return Ok(value),
                    Err(CommitError::Conflict { .. }) => {}
                    Err(error) => return Err(JobError::internal(&error)),
                }
            }
        });
        done.await.map_err(|error| JobError::internal(&error))?
    }
}

fn not_found() -> JobError {
    JobError::bad(
        "ExportNotFound",
        "there is no complete export with this id or timestamp; it may have expired: request another one",
    )
}

fn remove_others(folder: &Path, kept: &[PathBuf]) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if !kept.contains(&path) && path.is_file() {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn now_ns() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    nanoseconds(now.unwrap_or_default())
}

fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
