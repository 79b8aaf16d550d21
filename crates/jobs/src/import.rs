//! Imports: a file is uploaded, read, confirmed, and written (cli-and-deploy 12).
//!
//! Documents go into hidden tables, a batch a transaction, so that size does not matter; one last
//! transaction puts those in the place of the visible ones. What a process that dies leaves is
//! hidden, and dropped at the next start. Only documents that are added to a table that has some
//! are written by the last transaction itself.

mod activate;
mod contents;
mod layout;
mod load;
mod source;
mod write;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lentil_catalog::{FileRow, ImportRow, ImportState, Schema, SystemTable};
use lentil_database::{
    CommitError, Database, Namespace, TableInfo, Transaction, TransactionLimits,
};
use lentil_functions::Functions;
use lentil_functions::deploy::{DeployError, Deployer};
use lentil_values::DocumentId;

pub use self::activate::renew_table;
use self::layout::{Layout, Part, Target};
use self::load::Loader;
use self::source::Source;
use self::write::{TABLE_EXISTS, Writer, refused};
use crate::JobError;
use crate::plan::{Mode, Plan};
use crate::snapshot::TablePath;
use crate::uploads::Uploads;

/// Documents that can be added to a table that has some: they are one transaction, which is held in
/// memory.
const ADDED_MAX: u64 = 200_000;
/// Times an import is written again when its table changes meanwhile.
const CONFLICTS_MAX: usize = 16;
/// How often an import begins again because others have written to a table that was empty.
const TIMES_OVERTAKEN_MAX: usize = 3;
/// How often an import says how far it is.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);

/// Takes and performs imports; cheap to clone.
#[derive(Clone)]
pub struct Imports {
    shared: Arc<Shared>,
}

struct Shared {
    functions: Functions,
    deployer: Deployer,
    database: Database,
    uploads: Uploads,
    /// Held by the import that is being written: there is one place for hidden tables.
    writing: tokio::sync::Mutex<()>,
}

impl Imports {
    /// Spools to `folder`, which is made if it is not there and emptied of what an earlier process left.
    pub fn new(
        functions: &Functions,
        deployer: &Deployer,
        folder: PathBuf,
    ) -> std::io::Result<Imports> {
        let shared = Shared {
            functions: functions.clone(),
            deployer: deployer.clone(),
            database: deployer.database().clone(),
            uploads: Uploads::new(folder)?,
            writing: tokio::sync::Mutex::default(),
        };
        Ok(Imports {
            shared: Arc::new(shared),
        })
    }

    /// Opens an upload and gives its token.
    pub async fn start_upload(&self) -> Result<String, JobError> {
        self.blocking(|imports| imports.shared.uploads.start())
            .await
    }

    /// Keeps one part, numbered from 1, and gives its token.
    pub async fn upload_part(
        &self,
        upload: &str,
        number: u32,
        bytes: Vec<u8>,
    ) -> Result<String, JobError> {
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
    ) -> Result<String, JobError> {
        let plan = Plan::read(&import, upload)?;
        let parts: Vec<String> = parts
            .iter()
            .map(|part| part.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or_else(|| JobError::bad("InvalidPart", "\"partTokens\" must be texts"))?;
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
    pub async fn perform(&self, id: &str) -> Result<(), JobError> {
        let (id, row) = self.find(id).await?;
        let plan = Plan::of_row(&row)?;
        let progress = ImportState::InProgress {
            progress: "Beginning the import".to_owned(),
            checkpoints: vec![],
        };
        // Of two that say yes, one begins.
        let begun = self
            .blocking(move |imports| imports.advance(id, is_waiting, progress))
            .await?;
        if !begun {
            return Err(JobError::bad(
                "ImportNotWaiting",
                "the import is not waiting to be performed: it is being read or written, or has ended",
            ));
        }
        tokio::spawn(self.clone().write_in_turn(id, plan));
        Ok(())
    }

    /// Performs an import as soon as it has been read, whatever it deletes, and waits until it is
    /// there; gives the number of its documents.
    pub async fn perform_at_once(&self, id: &str) -> Result<i64, JobError> {
        let mut commits = self.shared.database.watch();
        loop {
            commits.borrow_and_update();
            let (_, row) = self.find(id).await?;
            match row.state {
                ImportState::WaitingForConfirmation { .. } => self.perform(id).await?,
                ImportState::Completed { rows, .. } => return Ok(rows),
                ImportState::Failed { error } => {
                    return Err(JobError::bad("ImportFailed", error));
                }
                ImportState::Uploaded | ImportState::InProgress { .. } => {}
            }
            if commits.changed().await.is_err() {
                return Err(JobError::internal(&"the server stops"));
            }
        }
    }

    /// Waits for imports that came before, and writes.
    async fn write_in_turn(self, id: DocumentId, plan: Plan) {
        let _turn = self.shared.writing.lock().await;
        // Contents that are written before their rows must not be taken for litter.
        let held = self.shared.functions.hold_contents().await;
        let imports = self.clone();
        let written = tokio::task::spawn_blocking(move || {
            let written = imports.write(id, &plan);
            imports.conclude(id, &plan, written);
            drop(held);
        });
        if let Err(error) = written.await {
            tracing::error!(%error, %id, "an import failed in the server");
        }
    }

    /// Gives up an import that has not been written yet.
    pub async fn cancel(&self, id: &str) -> Result<(), JobError> {
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
        Err(JobError::bad("CannotCancelImport", "the import has ended"))
    }

    /// Marks imports of an earlier process that had not ended as failed: nothing of them is there.
    pub(crate) async fn fail_interrupted(&self) -> Result<(), JobError> {
        let why = "the server was restarted before the import was done; nothing was imported, start it again";
        self.blocking(|imports| {
            imports.transact(layout::clear)?;
            imports.fail_all(why, |_| true)
        })
        .await
    }

    /// Gives up uploads that were not finished, and imports that nobody has confirmed, for so long.
    pub(crate) async fn expire(&self, idle_for: Duration) -> Result<(), JobError> {
        let why = "nobody confirmed the import for a day; nothing was imported, start it again";
        self.blocking(move |imports| {
            let uploads = &imports.shared.uploads;
            let idle = uploads
                .idle(idle_for)
                .map_err(|error| JobError::internal(&error))?;
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

/// Adds documents to those tables of a component that keep theirs; gives how many.
fn add_to_tables(
    tx: &mut Transaction,
    deployer: &Deployer,
    part: &Part,
    source: &mut Source,
) -> Result<u64, DeployError> {
    let schema = deployer.schema(tx, part.namespace)?;
    let mut rows = 0;
    for (name, table) in &part.direct {
        let path = part.path_of(name);
        let mut writer = Writer::new(tx, deployer, part, table);
        let mut added = 0;
        let read = source.documents(&path, schema.as_deref(), &mut |place, fields| {
            added += 1;
            if added > ADDED_MAX {
                return Err(too_many(&path));
            }
            writer.write(place, fields)
        });
        read.map_err(refused)?;
        rows += added;
    }
    Ok(rows)
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

const CANCELED: &str = "the import was canceled";

/// What is there before the last transaction.
#[derive(Default)]
struct Filled {
    /// Documents in hidden tables.
    rows: u64,
    /// Files whose contents are there, of those components of which the file has a list of them.
    files: Vec<(Namespace, Vec<FileRow>)>,
}

/// What an import would do.
#[derive(Default)]
struct Summary {
    lines: Vec<String>,
    deleted: u64,
}

impl Summary {
    fn add(&mut self, what: &str, table: &TablePath, rows: u64, deleted: u64, there: u64) {
        self.deleted += deleted;
        self.lines.push(format!(
            "table: {table}\n  create: {rows} of {rows} {what}\n  delete: {deleted} of {there} {what}"
        ));
    }

    fn message(&self) -> String {
        format!(
            "Import change summary:\n{}\nOnce the import has begun it will run in the background.",
            self.lines.join("\n")
        )
    }
}

fn too_many(table: &TablePath) -> String {
    format!(
        "ImportTooLarge: the table {table} has documents, and at most {ADDED_MAX} can be added to such a table at once; \
         import the file in pieces, or with --replace"
    )
}

/// Everything here blocks.
impl Imports {
    async fn find(&self, id: &str) -> Result<(DocumentId, ImportRow), JobError> {
        let missing = || {
            JobError::bad(
                "ImportNotFound",
                "there is no import with this id; the id is what finish_upload answered",
            )
        };
        let id: DocumentId = id.parse().map_err(|_| missing())?;
        let row = self
            .blocking(move |imports| {
                let mut tx = imports.shared.database.begin();
                ImportRow::load(&mut tx, id).map_err(|error| JobError::internal(&error))
            })
            .await?;
        Ok((id, row.ok_or_else(missing)?))
    }

    fn join(&self, plan: &Plan, parts: &[String]) -> Result<DocumentId, JobError> {
        let bytes_max = plan.bytes_max();
        self.shared.uploads.join(&plan.upload, parts, bytes_max)?;
        let row = plan.row();
        self.transact(|tx| Ok(row.insert(tx)?))
    }

    /// Reads the file and says what performing the import would do.
    fn ask(&self, plan: &Plan) -> Result<ImportState, String> {
        let mut source = self.open(plan)?;
        let database = &self.shared.database;
        let mut tx = database.begin();
        tx.set_limits(TransactionLimits::UNLIMITED);
        let targets = layout::targets(&mut tx, plan, &mut source)?;
        layout::check(database, plan.mode, &targets).map_err(|error| error.message)?;
        let (mut summary, mut seen) = (Summary::default(), BTreeSet::new());
        for target in &targets {
            self.ask_tables(plan, &mut tx, &mut source, target, &mut summary)?;
            let component = &target.component;
            let archive = source.archive();
            if let Some(archive) = archive.filter(|it| it.has_files(&component.path)) {
                let rows = contents::rows(archive, &component.path, &mut seen)?;
                let there = contents::check(&mut tx, component.namespace, &rows, plan.mode)?;
                let deleted = if plan.mode.replaces() { there } else { 0 };
                let table = TablePath {
                    component: component.path.clone(),
                    table: SystemTable::Files.name().to_owned(),
                };
                summary.add("files", &table, rows.len() as u64, deleted, there);
            }
        }
        Ok(ImportState::WaitingForConfirmation {
            message: summary.message(),
            manual: summary.deleted > 0,
        })
    }

    /// What would become of the tables of a component.
    fn ask_tables(
        &self,
        plan: &Plan,
        tx: &mut Transaction,
        source: &mut Source,
        target: &Target,
        summary: &mut Summary,
    ) -> Result<(), String> {
        let Target { component, wanted } = target;
        let namespace = component.namespace;
        let schema = self.schema(tx, namespace)?;
        for (table, _) in wanted {
            let there = tx.count(namespace, &table.table);
            let there = there.map_err(|error| error.to_string())?;
            let added = plan.mode == Mode::Append && there > 0;
            let mut rows = 0;
            source.documents(table, schema.as_deref(), &mut |_, _| {
                rows += 1;
                if added && rows > ADDED_MAX {
                    return Err(too_many(table));
                }
                Ok(())
            })?;
            let deleted = if plan.mode.replaces() { there } else { 0 };
            summary.add("documents", table, rows, deleted, there);
        }
        if plan.mode != Mode::ReplaceAll {
            return Ok(());
        }
        for TableInfo { name, .. } in tx.tables(namespace) {
            if name.starts_with('_') || wanted.iter().any(|(other, _)| other.table == name) {
                continue;
            }
            let there = tx.count(namespace, &name);
            let there = there.map_err(|error| error.to_string())?;
            let table = TablePath {
                component: component.path.clone(),
                table: name,
            };
            summary.add("documents", &table, 0, there, there);
        }
        Ok(())
    }

    fn open(&self, plan: &Plan) -> Result<Source, String> {
        Source::open(plan, &self.shared.uploads.whole(&plan.upload))
    }

    fn schema(
        &self,
        tx: &mut Transaction,
        namespace: Namespace,
    ) -> Result<Option<Arc<Schema>>, String> {
        let schema = self.shared.deployer.schema(tx, namespace);
        schema.map_err(|error| error.message)
    }

    /// Writes everything, and with the last transaction that it is there.
    fn write(&self, id: DocumentId, plan: &Plan) -> Result<ImportState, String> {
        for _ in 0..TIMES_OVERTAKEN_MAX {
            match self.write_once(id, plan) {
                // A table that was empty when it was looked at, and was to be replaced by what
                // comes, has got documents since: now it is added to.
                Err(why) if plan.mode == Mode::Append && why.starts_with(TABLE_EXISTS) => {}
                written => return written,
            }
        }
        self.write_once(id, plan)
    }

    fn write_once(&self, id: DocumentId, plan: &Plan) -> Result<ImportState, String> {
        let mut source = self.open(plan)?;
        let targets = layout::targets(&mut self.shared.database.begin(), plan, &mut source)?;
        let layout = self.transact(|tx| {
            let mut looking = tx.fresh();
            looking.lift_limits();
            layout::prepare(&mut looking, tx, plan.mode, &targets)
        });
        let layout = layout.map_err(|error| error.message)?;
        let written = self
            .fill(id, plan, &mut source, &layout)
            .and_then(|filled| self.finish(id, plan, &mut source, &layout, &filled));
        if written.is_err()
            && let Err(error) = self.transact(layout::clear)
        {
            tracing::warn!(%error, "what an import has left goes at the next start");
        }
        written
    }

    /// Fills the hidden tables and the store of files.
    fn fill(
        &self,
        id: DocumentId,
        plan: &Plan,
        source: &mut Source,
        layout: &Layout,
    ) -> Result<Filled, String> {
        let shared = &self.shared;
        let (mut told, mut steps) = (Instant::now(), Vec::new());
        let tell = |steps: &[String], what: &str, done: u64| {
            let state = ImportState::InProgress {
                progress: format!("Importing {what} ({done} so far)"),
                checkpoints: steps.to_vec(),
            };
            match self.advance(id, is_in_progress, state) {
                Ok(true) => Ok(()),
                Ok(false) => Err(CANCELED.to_owned()),
                Err(error) => Err(error.message),
            }
        };
        let mut filled = Filled::default();
        let mut seen = BTreeSet::new();
        for part in &layout.parts {
            let archive = source.archive();
            if let Some(archive) = archive.filter(|it| it.has_files(&part.component)) {
                let files = contents::rows(archive, &part.component, &mut seen)?;
                let mut tx = shared.database.begin();
                tx.lift_limits();
                contents::check(&mut tx, part.namespace, &files, plan.mode)?;
                drop(tx);
                let mut progress = |what: &str, done: u64| {
                    if told.elapsed() < PROGRESS_INTERVAL {
                        return Ok(());
                    }
                    told = Instant::now();
                    tell(&steps, what, done)
                };
                contents::restore(&shared.functions, archive, part, &files, &mut progress)?;
                steps.push(format!("Imported {} files", files.len()));
                filled.files.push((part.namespace, files));
            }
            let schema = self.schema(&mut shared.database.begin(), part.namespace)?;
            for (name, table) in &part.hidden {
                let mut progress = |what: &str, done: u64| {
                    if told.elapsed() < PROGRESS_INTERVAL {
                        return Ok(());
                    }
                    told = Instant::now();
                    tell(&steps, what, done)
                };
                let mut loader = Loader {
                    database: &shared.database,
                    deployer: &shared.deployer,
                    part,
                    progress: &mut progress,
                };
                let rows = loader.load(source, table, schema.as_deref())?;
                filled.rows += rows;
                let into = part.path_of(name);
                steps.push(format!("Imported {rows} documents into {into}"));
            }
        }
        tell(&steps, "the last step", filled.rows)?;
        Ok(filled)
    }

    /// The last transaction.
    fn finish(
        &self,
        id: DocumentId,
        plan: &Plan,
        source: &mut Source,
        layout: &Layout,
        filled: &Filled,
    ) -> Result<ImportState, String> {
        let deployer = &self.shared.deployer;
        let written = self.transact(|tx| {
            let row = ImportRow::load(tx, id)?.filter(|row| is_in_progress(&row.state));
            let mut row = row.ok_or_else(|| refused(CANCELED.to_owned()))?;
            let mut rows = filled.rows;
            for part in &layout.parts {
                activate::activate(tx, deployer, part, plan.mode)?;
                rows += add_to_tables(tx, deployer, part, source)?;
            }
            for (namespace, files) in &filled.files {
                activate::activate_files(tx, *namespace, files, plan.mode)?;
            }
            row.state = ImportState::Completed {
                ts: tx.snapshot().0 as i64,
                rows: rows as i64,
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
    ) -> Result<bool, JobError> {
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
    fn fail_all(&self, why: &str, which: impl Fn(&ImportRow) -> bool) -> Result<(), JobError> {
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
    fn open_uploads(&self) -> Result<Vec<String>, JobError> {
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
        work: impl FnOnce(&Imports) -> Result<T, JobError> + Send + 'static,
    ) -> Result<T, JobError> {
        let imports = self.clone();
        tokio::task::spawn_blocking(move || work(&imports))
            .await
            .map_err(|error| JobError::internal(&error))?
    }

    /// Runs a transaction and commits it, again if it conflicts.
    fn transact<T>(
        &self,
        mut body: impl FnMut(&mut Transaction) -> Result<T, DeployError>,
    ) -> Result<T, JobError> {
        for _ in 0..CONFLICTS_MAX {
            let mut tx = self.shared.database.begin();
            tx.set_limits(TransactionLimits::UNLIMITED);
            let value = body(&mut tx)?;
            match self.shared.database.commit_blocking(tx) {
                Ok(_) => return Ok(value),
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(JobError::internal(&error)),
            }
        }
        Err(JobError {
            status: 409,
            code: "ImportConflict",
            message: "the table keeps changing while the import is written; try again when fewer writes go on"
                .to_owned(),
        })
    }
}
