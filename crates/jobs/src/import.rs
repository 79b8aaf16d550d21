//! Imports: parts are spooled to disk, read, confirmed, and written in one transaction.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lentil_catalog::{ImportRow, ImportState};
use lentil_database::{
    CommitError, Committed, Database, IndexQuery, Namespace, Order, Transaction, TransactionError,
    TransactionLimits,
};
use lentil_functions::deploy::{DeployError, Deployer};
use lentil_values::{DocumentId, KeyRange, Object, Value};

use crate::parse::{self, Format};

/// Bytes of a file: an import is one transaction, which is held in memory.
const FILE_BYTES_MAX: u64 = 512 << 20;
/// Parts of a file.
const PARTS_MAX: u32 = 10_000;
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
    fn bad(code: &'static str, message: impl Into<String>) -> ImportError {
        ImportError {
            status: 400,
            code,
            message: message.into(),
        }
    }

    fn internal(error: &dyn std::fmt::Display) -> ImportError {
        tracing::error!(%error, "an import failed in the server");
        ImportError {
            status: 500,
            code: "InternalServerError",
            message: format!("the server failed: {error}"),
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
    folder: PathBuf,
}

/// What is to be imported where.
#[derive(Clone, Debug)]
struct Plan {
    table: String,
    format: Format,
    mode: Mode,
    upload: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    RequireEmpty,
    Append,
    Replace,
}

impl Mode {
    fn by_name(name: &str) -> Option<Mode> {
        match name {
            "requireEmpty" | "RequireEmpty" => Some(Mode::RequireEmpty),
            "append" | "Append" => Some(Mode::Append),
            "replace" | "Replace" => Some(Mode::Replace),
            _ => None,
        }
    }

    fn stored_name(self) -> &'static str {
        match self {
            Mode::RequireEmpty => "RequireEmpty",
            Mode::Append => "Append",
            Mode::Replace => "Replace",
        }
    }
}

impl Imports {
    /// Spools to `folder`, which is made if it is not there and emptied of what an earlier process left.
    pub fn new(deployer: &Deployer, folder: PathBuf) -> std::io::Result<Imports> {
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let shared = Shared {
            deployer: deployer.clone(),
            database: deployer.database().clone(),
            folder,
        };
        Ok(Imports {
            shared: Arc::new(shared),
        })
    }

    /// Opens an upload and gives its token.
    pub async fn start_upload(&self) -> Result<String, ImportError> {
        let token = uuid();
        fs::create_dir(self.shared.folder.join(&token))
            .map_err(|error| ImportError::internal(&error))?;
        Ok(token)
    }

    /// Keeps one part, numbered from 1, and gives its token.
    pub async fn upload_part(
        &self,
        upload: &str,
        number: u32,
        bytes: Vec<u8>,
    ) -> Result<String, ImportError> {
        let folder = self.upload_folder(upload)?;
        if !(1..=PARTS_MAX).contains(&number) {
            return Err(ImportError::bad(
                "InvalidPart",
                format!("parts are numbered from 1 to {PARTS_MAX}"),
            ));
        }
        let file = folder.join(number.to_string());
        self.blocking(move |_| {
            fs::write(file, bytes).map_err(|error| ImportError::internal(&error))
        })
        .await?;
        Ok(number.to_string())
    }

    /// Puts the parts together, reads the file, and gives the import's id.
    pub async fn finish_upload(
        &self,
        import: serde_json::Value,
        upload: &str,
        parts: Vec<serde_json::Value>,
    ) -> Result<String, ImportError> {
        let folder = self.upload_folder(upload)?;
        let plan = Plan::read(&import, upload)?;
        let parts: Vec<String> = parts
            .iter()
            .filter_map(|part| part.as_str().map(str::to_owned))
            .collect();
        let row = ImportRow {
            format: Value::Object(Object::from([
                (
                    "format".to_owned(),
                    Value::String(plan.format.stored_name().to_owned()),
                ),
                ("table".to_owned(), Value::String(plan.table.clone())),
            ])),
            mode: plan.mode.stored_name().to_owned(),
            upload: upload.to_owned(),
            state: ImportState::Uploaded,
        };
        let id = self
            .blocking(move |imports| {
                join_parts(&folder, &parts)?;
                let mut id = None;
                imports.transact(|tx| {
                    id = Some(row.insert(tx).map_err(DeployError::from)?);
                    Ok(())
                })?;
                id.ok_or_else(|| ImportError::internal(&"the import has no row"))
            })
            .await?;
        let imports = self.clone();
        tokio::task::spawn_blocking(move || {
            let state = imports
                .ask(&plan)
                .unwrap_or_else(|error| ImportState::Failed { error });
            imports.move_to(id, state);
        });
        Ok(id.to_string())
    }

    /// Writes a confirmed import; the outcome is told by its row.
    pub async fn perform(&self, id: &str) -> Result<(), ImportError> {
        let (id, row) = self.find(id).await?;
        if !matches!(row.state, ImportState::WaitingForConfirmation { .. }) {
            return Err(ImportError::bad(
                "ImportNotWaiting",
                "the import is not waiting to be performed",
            ));
        }
        let plan = Plan::of_row(&row)?;
        let imports = self.clone();
        let progress = ImportState::InProgress {
            progress: format!("Importing into {}", plan.table),
            checkpoints: vec![],
        };
        self.blocking(move |imports| imports.try_move_to(id, progress))
            .await?;
        tokio::task::spawn_blocking(move || {
            let state = imports
                .write(&plan)
                .unwrap_or_else(|error| ImportState::Failed { error });
            imports.move_to(id, state);
            imports.forget_upload(&plan.upload);
        });
        Ok(())
    }

    /// Gives up an import that is not being written yet.
    pub async fn cancel(&self, id: &str) -> Result<(), ImportError> {
        let (id, row) = self.find(id).await?;
        if !matches!(
            row.state,
            ImportState::Uploaded | ImportState::WaitingForConfirmation { .. }
        ) {
            return Err(ImportError::bad(
                "CannotCancelImport",
                "the import is being written or has ended",
            ));
        }
        let state = ImportState::Failed {
            error: "the import was canceled".to_owned(),
        };
        self.blocking(move |imports| imports.try_move_to(id, state))
            .await
    }

    /// Marks imports of an earlier process that had not ended as failed.
    pub(crate) async fn fail_interrupted(&self) -> Result<(), ImportError> {
        self.blocking(|imports| {
            imports.transact(|tx| {
                for document in ImportRow::newest(tx, usize::MAX).map_err(DeployError::from)? {
                    let Some(mut row) = ImportRow::load(tx, document.id).map_err(DeployError::from)? else { continue };
                    if matches!(row.state, ImportState::Completed { .. } | ImportState::Failed { .. }) {
                        continue;
                    }
                    row.state = ImportState::Failed {
                        error: "the server was restarted before the import was done; nothing was imported, start it again".to_owned(),
                    };
                    row.save(tx, document.id).map_err(DeployError::from)?;
                }
                Ok(())
            })?;
            Ok(())
        })
        .await
    }

    // --- parts ------------------------------------------------------------------------------

    async fn find(&self, id: &str) -> Result<(DocumentId, ImportRow), ImportError> {
        let missing = || ImportError {
            status: 404,
            code: "ImportNotFound",
            message: "there is no such import".to_owned(),
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

    /// Reads the file and says what performing the import would do.
    fn ask(&self, plan: &Plan) -> Result<ImportState, String> {
        let mut tx = self.shared.database.begin();
        let rows = self.rows(&mut tx, plan)?.len();
        let there = tx
            .count(Namespace::ROOT, &plan.table)
            .map_err(|error| error.to_string())?;
        let deleted = match plan.mode {
            Mode::RequireEmpty if there > 0 => return Err(table_exists(&plan.table)),
            Mode::Replace => there,
            _ => 0,
        };
        let message = format!(
            "Import change summary:\ntable: {}\n  create: {rows} of {rows} documents\n  delete: {deleted} of {there} documents\nOnce the import has begun it will run in the background.",
            plan.table
        );
        Ok(ImportState::WaitingForConfirmation {
            message,
            manual: deleted > 0,
        })
    }

    fn rows(&self, tx: &mut Transaction, plan: &Plan) -> Result<Vec<Object>, String> {
        let schema = self
            .shared
            .deployer
            .schema(tx)
            .map_err(|error| error.to_string())?;
        let file = self.shared.folder.join(&plan.upload).join("file");
        parse::documents(&file, plan.format, &plan.table, schema.as_deref())
    }

    /// Writes everything in one transaction.
    fn write(&self, plan: &Plan) -> Result<ImportState, String> {
        let rows = {
            let mut tx = self.shared.database.begin();
            self.rows(&mut tx, plan)?
        };
        let committed = self
            .transact(|tx| {
                prepare_table(tx, plan)?;
                for row in &rows {
                    self.insert(tx, &plan.table, row.clone())?;
                }
                Ok(())
            })
            .map_err(|error| error.message)?;
        Ok(ImportState::Completed {
            ts: committed.ts.0 as i64,
            rows: rows.len() as i64,
        })
    }

    /// One document, with its own `_id` and `_creationTime` if it brings them.
    fn insert(
        &self,
        tx: &mut Transaction,
        table: &str,
        mut fields: Object,
    ) -> Result<(), DeployError> {
        let id = fields.remove("_id");
        let time = fields.remove("_creationTime");
        self.shared
            .deployer
            .check_write(tx, table, &fields)?
            .map_err(|error| {
                refused(
                    "SchemaEnforcementError",
                    format!("a document does not match the schema of the table {table:?}: {error}"),
                )
            })?;
        let Some(id) = id else {
            tx.insert(Namespace::ROOT, table, fields)?;
            return Ok(());
        };
        let Value::String(id) = &id else {
            return Err(refused("InvalidId", "\"_id\" is not a text".to_owned()));
        };
        let parsed: DocumentId = id
            .parse()
            .map_err(|error| refused("InvalidId", format!("{error}")))?;
        let info = match tx.table(Namespace::ROOT, table) {
            Some(info) => info,
            None => tx.create_table(Namespace::ROOT, table, Some(parsed.table))?,
        };
        if info.number != parsed.table {
            return Err(refused(
                "InvalidId",
                format!("the id {id:?} is not of the table {table:?}"),
            ));
        }
        if tx.get(Namespace::ROOT, parsed)?.is_some() {
            return Err(refused(
                "DuplicateId",
                format!("the id {id:?} is there already"),
            ));
        }
        let time = match time {
            Some(Value::Float64(time)) => time,
            _ => tx.now_ms(),
        };
        tx.insert_with(&info, parsed.internal, time, fields)?;
        Ok(())
    }

    fn move_to(&self, id: DocumentId, state: ImportState) {
        if let Err(error) = self.try_move_to(id, state) {
            tracing::error!(%error, %id, "how far an import is cannot be written down");
        }
    }

    fn try_move_to(&self, id: DocumentId, state: ImportState) -> Result<(), ImportError> {
        self.transact(|tx| {
            if let Some(mut row) = ImportRow::load(tx, id).map_err(DeployError::from)? {
                row.state = state.clone();
                row.save(tx, id).map_err(DeployError::from)?;
            }
            Ok(())
        })?;
        Ok(())
    }

    fn forget_upload(&self, upload: &str) {
        let folder = self.shared.folder.join(upload);
        if let Err(error) = fs::remove_dir_all(&folder) {
            tracing::warn!(%error, folder = %folder.display(), "an imported file cannot be removed");
        }
    }

    fn upload_folder(&self, upload: &str) -> Result<PathBuf, ImportError> {
        let folder = self.shared.folder.join(upload);
        let known =
            upload.len() == 32 && upload.chars().all(|c| c.is_ascii_hexdigit()) && folder.is_dir();
        if known {
            Ok(folder)
        } else {
            Err(ImportError::bad(
                "InvalidUploadToken",
                "there is no upload with this token",
            ))
        }
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

    fn transact(
        &self,
        mut body: impl FnMut(&mut Transaction) -> Result<(), DeployError>,
    ) -> Result<Committed, ImportError> {
        for _ in 0..CONFLICTS_MAX {
            let mut tx = self.shared.database.begin();
            tx.set_limits(TransactionLimits::UNLIMITED);
            body(&mut tx).map_err(|error| ImportError {
                status: error.status,
                code: error.code,
                message: error.message,
            })?;
            match self.shared.database.commit_blocking(tx) {
                Ok(committed) => return Ok(committed),
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(ImportError::internal(&error)),
            }
        }
        Err(ImportError { status: 409, code: "ImportConflict", message: "the table keeps changing while the import is written; try again when fewer writes go on".to_owned() })
    }
}

impl Plan {
    fn read(import: &serde_json::Value, upload: &str) -> Result<Plan, ImportError> {
        let text = |name: &str| import.get(name).and_then(serde_json::Value::as_str);
        if text("componentPath").is_some_and(|path| !path.is_empty()) {
            return Err(ImportError::bad(
                "ComponentNotFound",
                "this version of Lentil has no components to import into yet",
            ));
        }
        let format = text("format").unwrap_or_default();
        if format == "zip" {
            return Err(ImportError::bad(
                "ZipNotSupported",
                "snapshot zips cannot be imported by this version of Lentil yet; import tables one by one as JSON lines",
            ));
        }
        let format = Format::by_name(format).ok_or_else(|| {
            ImportError::bad(
                "BadFormat",
                format!("there is no import format {format:?}: csv, jsonLines or jsonArray"),
            )
        })?;
        let mode = text("mode").unwrap_or("requireEmpty");
        let mode = Mode::by_name(mode).ok_or_else(|| {
            ImportError::bad(
                "InvalidMode",
                format!("there is no mode {mode:?} for one table: requireEmpty, append or replace"),
            )
        })?;
        let table = text("tableName").unwrap_or_default();
        let good = table.starts_with(|c: char| c.is_ascii_alphabetic())
            && table.len() <= 64
            && table.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !good {
            return Err(ImportError::bad(
                "InvalidName",
                format!(
                    "{table:?} cannot name a table: letters, digits and underscores, beginning with a letter"
                ),
            ));
        }
        Ok(Plan {
            table: table.to_owned(),
            format,
            mode,
            upload: upload.to_owned(),
        })
    }

    fn of_row(row: &ImportRow) -> Result<Plan, ImportError> {
        let damaged = || ImportError::internal(&"an import's row is damaged");
        let Value::Object(format) = &row.format else {
            return Err(damaged());
        };
        let text = |name: &str| match format.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            _ => Err(damaged()),
        };
        let stored = text("format")?;
        let formats = [Format::Csv, Format::JsonLines, Format::JsonArray];
        let format = formats
            .into_iter()
            .find(|format| format.stored_name() == stored)
            .ok_or_else(damaged)?;
        let mode = Mode::by_name(&row.mode).ok_or_else(damaged)?;
        Ok(Plan {
            table: text("table")?,
            format,
            mode,
            upload: row.upload.clone(),
        })
    }
}

/// Empties the table or checks that it is empty, as the mode says.
fn prepare_table(tx: &mut Transaction, plan: &Plan) -> Result<(), DeployError> {
    match plan.mode {
        Mode::Append => Ok(()),
        Mode::RequireEmpty if tx.count(Namespace::ROOT, &plan.table)? > 0 => {
            Err(refused("TableExists", table_exists(&plan.table)))
        }
        Mode::RequireEmpty => Ok(()),
        Mode::Replace => {
            let mut rows = tx.query(IndexQuery {
                namespace: Namespace::ROOT,
                table: plan.table.clone(),
                index: "by_creation_time".to_owned(),
                range: KeyRange::all(),
                order: Order::Asc,
            })?;
            let mut ids = Vec::new();
            while let Some((_, row)) = rows.next(tx)? {
                ids.push(row.id);
            }
            for id in ids {
                tx.delete(Namespace::ROOT, id)?;
            }
            Ok(())
        }
    }
}

fn refused(code: &'static str, message: String) -> DeployError {
    TransactionError::Developer {
        code,
        message: format!("{code}: {message}"),
    }
    .into()
}

fn table_exists(table: &str) -> String {
    format!(
        "TableExists: the table {table:?} has documents; use --append to add to them or --replace to put the file in their place"
    )
}

fn join_parts(folder: &Path, parts: &[String]) -> Result<(), ImportError> {
    let mut file =
        fs::File::create(folder.join("file")).map_err(|error| ImportError::internal(&error))?;
    let mut bytes = 0;
    for part in parts {
        let good = part
            .parse::<u32>()
            .is_ok_and(|number| (1..=PARTS_MAX).contains(&number));
        let content = if good {
            fs::read(folder.join(part)).ok()
        } else {
            None
        };
        let content = content.ok_or_else(|| {
            ImportError::bad("InvalidPart", format!("there is no uploaded part {part:?}"))
        })?;
        bytes += content.len() as u64;
        if bytes > FILE_BYTES_MAX {
            return Err(ImportError::bad(
                "ImportTooLarge",
                format!(
                    "the file has more than {} MiB; import it in pieces with --append",
                    FILE_BYTES_MAX >> 20
                ),
            ));
        }
        file.write_all(&content)
            .map_err(|error| ImportError::internal(&error))?;
        fs::remove_file(folder.join(part)).map_err(|error| ImportError::internal(&error))?;
    }
    Ok(())
}

/// 32 hex digits nobody can guess.
fn uuid() -> String {
    format!("{:032x}", rand::random::<u128>())
}
