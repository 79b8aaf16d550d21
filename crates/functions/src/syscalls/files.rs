//! `ctx.storage` in queries and mutations (function-runtime 1.3).

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::TryStreamExt;
use lentil_catalog::{CatalogError, FileRow};
use lentil_database::TransactionError;
use lentil_js::{FunctionKind, SyscallError};
use lentil_values::DocumentId;
use serde::Deserialize;
use serde_json::json;

use super::{UdfSyscalls, bad_argument, parse};
use crate::errors::{from_transaction, thrown};
use crate::files::{key_of, mismatch, new_id};

/// What a call has done with the contents of files.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FileUsage {
    pub(super) written: u64,
    pub(super) bytes_written: u64,
    pub(super) read: u64,
    pub(super) bytes_read: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfFile<'a> {
    #[serde(borrow)]
    storage_id: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Store<'a> {
    #[serde(borrow)]
    blob: Cow<'a, str>,
    #[serde(borrow)]
    content_type: Cow<'a, str>,
    #[serde(borrow, default)]
    sha256: Option<Cow<'a, str>>,
}

impl UdfSyscalls {
    pub(super) fn storage_get_url(&mut self, args: &str) -> Result<String, SyscallError> {
        let found = self.file(args, "storage.getUrl")?;
        Ok(found.map_or_else(
            || "null".to_owned(),
            |file| {
                let inner = &self.scope.inner;
                let name = inner.names.name(file.id.internal);
                json!(format!("{}/api/storage/{name}", inner.options.cloud_url)).to_string()
            },
        ))
    }

    pub(super) fn storage_get_metadata(&mut self, args: &str) -> Result<String, SyscallError> {
        let found = self.file(args, "storage.getMetadata")?;
        Ok(found.map_or_else(
            || "null".to_owned(),
            |file| {
                json!({
                    "storageId": file.id.to_string(),
                    "sha256": hex::encode(file.sha256),
                    "size": file.size as f64,
                    "contentType": file.content_type,
                })
                .to_string()
            },
        ))
    }

    pub(super) fn storage_generate_upload_url(&mut self) -> Result<String, SyscallError> {
        self.check_may_store("storage.generateUploadUrl")?;
        let now_ms = self.tx.now_ms();
        let seed = self.tx.draw_seed();
        let inner = &self.scope.inner;
        let token = inner.uploads.seal(now_ms, &seed);
        let origin = &inner.options.cloud_url;
        Ok(json!(format!("{origin}/api/storage/upload?token={token}")).to_string())
    }

    pub(super) fn storage_delete(&mut self, args: &str) -> Result<String, SyscallError> {
        let method = "storage.delete";
        self.check_may_store(method)?;
        let id = storage_id(args, method)?;
        if FileRow::remove(&mut self.tx, id).map_err(catalog)? {
            Ok("null".to_owned())
        } else {
            Err(thrown(format!("storage id {id} not found")))
        }
    }

    pub(super) fn storage_store(&mut self, args: &str) -> Result<String, SyscallError> {
        let method = "storage.store";
        self.check_may_store(method)?;
        let args: Store<'_> = parse(method, args)?;
        let content = STANDARD
            .decode(&*args.blob)
            .map_err(|error| bad_argument("blob", method, &error.to_string()))?;
        let announced = args.sha256.map(|text| digest(&text, method)).transpose()?;
        self.files.written += 1;
        self.files.bytes_written += content.len() as u64;
        self.check_file_usage()?;
        let internal = new_id();
        let (key, files) = (
            key_of(FileRow::id_of(internal)),
            self.scope.inner.options.files.clone(),
        );
        // This thread may block; a content whose mutation fails is swept up.
        let written = self
            .scope
            .inner
            .runtime
            .block_on(async {
                let mut writing = files.write(&key).await?;
                writing.push(Bytes::from(content)).await?;
                writing.finish().await
            })
            .map_err(|error| store_failed(&error))?;
        if let Some(announced) = announced.filter(|it| *it != written.sha256) {
            return Err(thrown(mismatch(&announced, &written.sha256).to_string()));
        }
        let content_type = Some(&*args.content_type).filter(|it| !it.is_empty());
        let id = FileRow::insert(
            &mut self.tx,
            internal,
            &written.sha256,
            written.size,
            content_type,
        )
        .map_err(catalog)?;
        Ok(json!(id.to_string()).to_string())
    }

    pub(super) fn storage_get(&mut self, args: &str) -> Result<String, SyscallError> {
        let method = "storage.get";
        self.check_may_store(method)?;
        let Some(file) = self.file(args, method)? else {
            return Ok("null".to_owned());
        };
        self.files.read += 1;
        self.files.bytes_read += file.size;
        self.check_file_usage()?;
        let files = self.scope.inner.options.files.clone();
        let content = self
            .scope
            .inner
            .runtime
            .block_on(async {
                let chunks = files.read(&key_of(file.id), 0..file.size).await?;
                chunks.try_collect::<Vec<Bytes>>().await
            })
            .map_err(|error| store_failed(&error))?
            .concat();
        let answer = json!({ "blob": STANDARD.encode(content), "contentType": file.content_type });
        Ok(answer.to_string())
    }

    /// The file that the arguments name, if it is there.
    fn file(&mut self, args: &str, method: &str) -> Result<Option<FileRow>, SyscallError> {
        let id = storage_id(args, method)?;
        FileRow::get(self.tx(), id).map_err(catalog)
    }

    fn check_may_store(&self, method: &str) -> Result<(), SyscallError> {
        if self.kind() == FunctionKind::Mutation {
            return Ok(());
        }
        Err(thrown(format!(
            "`{method}` cannot be used in queries. Call it in a mutation or an action."
        )))
    }

    fn check_file_usage(&self) -> Result<(), SyscallError> {
        let (used, limits) = (self.files, &self.scope.inner.options.limits);
        let files = [(used.written, "writes"), (used.read, "reads")];
        for (count, does) in files {
            if count > limits.files_per_call {
                return Err(thrown(format!(
                    "Too many files: a mutation {does} at most {} of them (TooManyFiles). Use an action.",
                    limits.files_per_call
                )));
            }
        }
        for (bytes, does) in [(used.bytes_written, "writes"), (used.bytes_read, "reads")] {
            if bytes > limits.file_bytes_per_call {
                return Err(thrown(format!(
                    "Too many bytes of files: a mutation {does} at most {} bytes of them (TooManyFileBytes). Use an \
                     action, or an upload URL.",
                    limits.file_bytes_per_call
                )));
            }
        }
        Ok(())
    }
}

fn storage_id(args: &str, method: &str) -> Result<DocumentId, SyscallError> {
    let args: OfFile<'_> = parse(method, args)?;
    let id: Option<DocumentId> = args.storage_id.parse().ok();
    id.filter(|id| FileRow::is_id(*id)).ok_or_else(|| {
        thrown(format!(
            "Invalid storage ID \"{}\" in `{method}`: it must be the `_id` of a document of \"_storage\" (InvalidStorageId).",
            args.storage_id
        ))
    })
}

/// A SHA-256 in hex, or in base64.
fn digest(text: &str, method: &str) -> Result<[u8; 32], SyscallError> {
    let bytes = hex::decode(text).or_else(|_| STANDARD.decode(text));
    bytes
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| bad_argument("sha256", method, &"it is no SHA-256 in hex or base64"))
}

fn catalog(error: CatalogError) -> SyscallError {
    from_transaction(TransactionError::from(error))
}

fn store_failed(error: &lentil_files::FileError) -> SyscallError {
    tracing::error!(%error, "the file store failed");
    SyscallError::System {
        message: "Your request couldn't be completed. Try again later.".to_owned(),
    }
}
