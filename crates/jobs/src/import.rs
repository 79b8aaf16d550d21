//! Imports: a file is uploaded, read, confirmed, and written in one transaction (cli-and-deploy 12).

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lentil_catalog::{ImportRow, ImportState};
use lentil_database::{CommitError, Database, Namespace, Transaction, TransactionLimits};
use lentil_functions::deploy::{DeployError, Deployer};
use lentil_values::DocumentId;

use crate::parse;
use crate::plan::{Mode, Plan};
use crate::uploads::Uploads;
use crate::write::{Writer, refused, table_exists};

/// Documents of an import: it is one transaction, which is held in memory.
const DOCUMENTS_MAX: u64 = 200_000;
/// Times an import is written again when its table changes meanwhile.
const CONFLICTS_MAX: usize = 16;

/// A request about an import was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ImportError {
    /// HTTP status.
    pub status: u16,
    /// Short code.
    pub code: &'static str,
    /// What is wrong and what to do.
    pub message: String,
}

impl ImportError {
    pub(crate) fn bad(code: &'static str, message: impl Into<String>) -> ImportError {
        ImportError {
            status: 400,
            code,
            message: message.into(),
        }
    }

    pub(crate) fn internal(error: &dyn std::fmt::Display) -> ImportError {
        tracing::error!(%error, "an import failed in the server");
        ImportError {
            status: 500,
            code: "InternalServerError",
            message: format!("the server failed: {error}"),
        }
    }
}

impl From<DeployError> for ImportError {
    fn from(error: DeployError) -> ImportError {
        ImportError {
            status: error.status,
            code: error.code,
            message: error.message,
        }
    }
}

/// Takes and performs imports; cheap to clone.
#[derive(Clone)]
pub struct Imports {
    shared: Arc<Shared>,
}

struct Shared {
    deployer: Deployer,
    database: Database,
    uploads: Uploads,
}

impl Imports {
    /// Spools to `folder`, which is made if it is not there and emptied of what an earlier process left.
    pub fn new(deployer: &Deployer, folder: PathBuf) -> std::io::Result<Imports> {
        let shared = Shared {
            deployer: deployer.clone(),
            database: deployer.database().clone(),
            uploads: Uploads::new(folder)?,
        };
        Ok(Imports {
            shared: Arc::new(shared),
        })
    }

    /// Opens an upload and gives its token.
    pub async fn start_upload(&self) -> Result<String, ImportError> {
        self.blocking(|imports| imports.shared.uploads.start())
            .await
    }

    /// Keeps one part, numbered from 1, and gives its token.
    pub async fn upload_part(
        &self,
        upload: &str,
        number: u32,
        bytes: Vec<u8>,
    ) -> Result<String, ImportError> {
        let upload = upload.to_owned();
        self.blocking(move |imports| imports.shared.uploads.keep_part(&upload, number, &bytes))
            .await
    }

    /// Puts the parts together and gives the import's id; the file is read in the background.
    pub async fn finish_upload(
        &self,
        import: serde_json::Value,
        upload: &str,
        parts: Vec<serde_json::Value>,
    ) -> Result<String, ImportError> {
        let plan = Plan::read(&import, upload)?;
        let parts: Vec<String> = parts
            .iter()
            .map(|part| part.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or_else(|| ImportError::bad("InvalidPart", "\"partTokens\" must be texts"))?;
        let joining = plan.clone();
        let id = self
            .blocking(move |imports| imports.join(&joining, &parts))
            .await?;
        let imports = self.clone();
        tokio::task::spawn_blocking(move || {
            let asked = imports.ask(&plan);
            imports.conclude(id, &plan, asked);
        });
        Ok(id.to_string())
    }

    /// Writes a confirmed import; the outcome is told by its row.
    pub async fn perform(&self, id: &str) -> Result<(), ImportError> {
        let (id, row) = self.find(id).await?;
        let plan = Plan::of_row(&row)?;
        let progress = ImportState::InProgress {
            progress: format!("Importing into {}", plan.table),
            checkpoints: vec![],
        };
        // Of two that say yes, one begins.
        let begun = self
            .blocking(move |imports| imports.advance(id, is_waiting, progress))
            .await?;
        if !begun {
            return Err(ImportError::bad(
                "ImportNotWaiting",
                "the import is not waiting to be performed: it is being read or written, or has ended",
            ));
        }
        let imports = self.clone();
        tokio::task::spawn_blocking(move || {
            let written = imports.write(id, &plan);
            imports.conclude(id, &plan, written);
        });
        Ok(())
    }

    /// Gives up an import that has not been written yet.
    pub async fn cancel(&self, id: &str) -> Result<(), ImportError> {
        let (id, row) = self.find(id).await?;
        let state = failed("the import was canceled; nothing was imported");
        let canceled = self
            .blocking(move |imports| {
                let canceled = imports.advance(id, is_open, state)?;
                if canceled {
                    imports.shared.uploads.forget(&row.upload);
                }
                Ok(canceled)
            })
            .await?;
        if canceled {
            return Ok(());
        }
        Err(ImportError::bad(
            "CannotCancelImport",
            "the import has ended",
        ))
    }

    /// Marks imports of an earlier process that had not ended as failed: nothing of them is there.
    pub(crate) async fn fail_interrupted(&self) -> Result<(), ImportError> {
        let why = "the server was restarted before the import was done; nothing was imported, start it again";
        self.blocking(|imports| imports.fail_all(why, |_| true))
            .await
    }

    /// Gives up uploads that were not finished, and imports that nobody has confirmed, for so long.
    pub(crate) async fn expire(&self, idle_for: Duration) -> Result<(), ImportError> {
        let why = "nobody confirmed the import for a day; nothing was imported, start it again";
        self.blocking(move |imports| {
            let uploads = &imports.shared.uploads;
            let idle = uploads
                .idle(idle_for)
                .map_err(|error| ImportError::internal(&error))?;
            if idle.is_empty() {
                return Ok(());
            }
            imports.fail_all(why, |row| {
                idle.contains(&row.upload) && !matches!(row.state, ImportState::InProgress { .. })
            })?;
            let used = imports.open_uploads()?;
            for upload in idle.iter().filter(|upload| !used.contains(upload)) {
                uploads.forget(upload);
            }
            Ok(())
        })
        .await
    }
}

fn is_uploaded(state: &ImportState) -> bool {
    matches!(state, ImportState::Uploaded)
}

fn is_waiting(state: &ImportState) -> bool {
    matches!(state, ImportState::WaitingForConfirmation { .. })
}

fn is_in_progress(state: &ImportState) -> bool {
    matches!(state, ImportState::InProgress { .. })
}

/// Neither there nor failed.
fn is_open(state: &ImportState) -> bool {
    is_uploaded(state) || is_waiting(state) || is_in_progress(state)
}

fn failed(error: impl Into<String>) -> ImportState {
    ImportState::Failed {
        error: error.into(),
    }
}

/// Everything here blocks.
impl Imports {
    async fn find(&self, id: &str) -> Result<(DocumentId, ImportRow), ImportError> {
        let missing = || {
            ImportError::bad(
                "ImportNotFound",
                "there is no import with this id; the id is what finish_upload answered",
            )
        };
        let id: DocumentId = id.parse().map_err(|_| missing())?;
        let row = self
            .blocking(move |imports| {
                let mut tx = imports.shared.database.begin();
                ImportRow::load(&mut tx, id).map_err(|error| ImportError::internal(&error))
            })
            .await?;
        Ok((id, row.ok_or_else(missing)?))
    }

    fn join(&self, plan: &Plan, parts: &[String]) -> Result<DocumentId, ImportError> {
        self.shared.uploads.join(&plan.upload, parts)?;
        let row = ImportRow {
            format: plan.format_value(),
            mode: plan.mode.stored_name().to_owned(),
            upload: plan.upload.clone(),
            state: ImportState::Uploaded,
        };
        self.transact(|tx| Ok(row.insert(tx)?))
    }

    /// Reads the file and says what performing the import would do.
    fn ask(&self, plan: &Plan) -> Result<ImportState, String> {
        let mut tx = self.shared.database.begin();
        tx.set_limits(TransactionLimits::UNLIMITED);
        let mut rows = 0;
        self.read(&mut tx, plan, &mut |_, _| {
            rows += 1;
            if rows > DOCUMENTS_MAX {
                return Err(format!(
                    "ImportTooLarge: the file has more than {DOCUMENTS_MAX} documents, the most that one import \
                     writes; import it in pieces with --append"
                ));
            }
            Ok(())
        })?;
        let there = tx
            .count(Namespace::ROOT, &plan.table)
            .map_err(|error| error.to_string())?;
        let deleted = match plan.mode {
            Mode::RequireEmpty if there > 0 => return Err(table_exists(&plan.table)),
            Mode::Replace => there,
            Mode::RequireEmpty | Mode::Append => 0,
        };
        let message = format!(
            "Import change summary:\ntable: {}\n  create: {rows} of {rows} documents\n  delete: {deleted} of {there} \
             documents\nOnce the import has begun it will run in the background.",
            plan.table
        );
        Ok(ImportState::WaitingForConfirmation {
            message,
            manual: deleted > 0,
        })
    }

    fn read(
        &self,
        tx: &mut Transaction,
        plan: &Plan,
        sink: &mut parse::Sink,
    ) -> Result<(), String> {
        let schema = self.shared.deployer.schema(tx);
        let schema = schema.map_err(|error| error.message)?;
        let file = self.shared.uploads.whole(&plan.upload);
        parse::documents(&file, plan.format, &plan.table, schema.as_deref(), sink)
    }

    /// Writes the documents and, in the same transaction, that they are there.
    fn write(&self, id: DocumentId, plan: &Plan) -> Result<ImportState, String> {
        let deployer = &self.shared.deployer;
        let written = self.transact(|tx| {
            let row = ImportRow::load(tx, id)?.filter(|row| is_in_progress(&row.state));
            let mut row = row.ok_or_else(|| refused("the import was canceled".to_owned()))?;
            let schema = deployer.schema(tx)?;
            let file = self.shared.uploads.whole(&plan.upload);
            let mut writer = Writer::new(tx, deployer, plan);
            let mut sink = |place, fields| writer.write(place, fields);
            parse::documents(
                &file,
                plan.format,
                &plan.table,
                schema.as_deref(),
                &mut sink,
            )
            .map_err(refused)?;
            let rows = writer.finish()?;
            row.state = ImportState::Completed {
                ts: tx.snapshot().0 as i64,
                rows,
            };
            row.save(tx, id)?;
            Ok(row.state)
        });
        written.map_err(|error| error.message)
    }

    /// Writes down what reading or writing has led to, unless the import was given up meanwhile.
    fn conclude(&self, id: DocumentId, plan: &Plan, reached: Result<ImportState, String>) {
        let ended = !matches!(reached, Ok(ImportState::WaitingForConfirmation { .. }));
        let noted = match reached {
            Ok(state @ ImportState::WaitingForConfirmation { .. }) => {
                self.advance(id, is_uploaded, state)
            }
            Ok(_) => Ok(true),
            Err(why) => self.advance(id, is_open, failed(why)),
        };
        if let Err(error) = noted {
            tracing::error!(%error, %id, "how far an import is cannot be written down");
        }
        if ended {
            self.shared.uploads.forget(&plan.upload);
        }
    }

    /// Moves an import to another state if it is in one of these; gives whether it was.
    fn advance(
        &self,
        id: DocumentId,
        from: fn(&ImportState) -> bool,
        to: ImportState,
    ) -> Result<bool, ImportError> {
        self.transact(|tx| {
            let Some(mut row) = ImportRow::load(tx, id)?.filter(|row| from(&row.state)) else {
                return Ok(false);
            };
            row.state = to.clone();
            row.save(tx, id)?;
            Ok(true)
        })
    }

    /// Fails all imports that have not ended and that `which` picks.
    fn fail_all(&self, why: &str, which: impl Fn(&ImportRow) -> bool) -> Result<(), ImportError> {
        self.transact(|tx| {
            for (id, mut row) in ImportRow::all(tx)? {
                if is_open(&row.state) && which(&row) {
                    row.state = failed(why);
                    row.save(tx, id)?;
                }
            }
            Ok(())
        })
    }

    /// Uploads that an import still needs.
    fn open_uploads(&self) -> Result<Vec<String>, ImportError> {
        self.transact(|tx| {
            let rows = ImportRow::all(tx)?.into_iter();
            Ok(rows
                .filter(|(_, row)| is_open(&row.state))
                .map(|(_, row)| row.upload)
                .collect())
        })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Imports) -> Result<T, ImportError> + Send + 'static,
    ) -> Result<T, ImportError> {
        let imports = self.clone();
        tokio::task::spawn_blocking(move || work(&imports))
            .await
            .map_err(|error| ImportError::internal(&error))?
    }

    /// Runs a transaction and commits it, again if it conflicts.
    fn transact<T>(
        &self,
        body: impl Fn(&mut Transaction) -> Result<T, DeployError>,
    ) -> Result<T, ImportError> {
        for _ in 0..CONFLICTS_MAX {
            let mut tx = self.shared.database.begin();
            tx.set_limits(TransactionLimits::UNLIMITED);
            let value = body(&mut tx)?;
            match self.shared.database.commit_blocking(tx) {
                Ok(_) => return Ok(value),
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(ImportError::internal(&error)),
            }
        }
        Err(ImportError {
            status: 409,
            code: "ImportConflict",
            message: "the table keeps changing while the import is written; try again when fewer writes go on"
                .to_owned(),
        })
    }
}
