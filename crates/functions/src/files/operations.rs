//! What `ctx.storage` does, whoever asks: mutations in their transaction, actions in one of their own.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::TryStreamExt;
use lentil_catalog::{CatalogError, FileRow};
use lentil_database::{Namespace, Transaction, TransactionError};
use lentil_files::{FileError, Writing, Written};
use lentil_js::SyscallError;
use lentil_values::{DocumentId, InternalId};
use serde::Deserialize;
use serde_json::json;

use super::{key_of, mismatch, new_id};
use crate::Place;
use crate::errors::{from_transaction, thrown};
use crate::service::Inner;
use crate::syscalls::{bad_argument, parse};

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

/// The same where the content comes in parts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoreParts<'a> {
    #[serde(borrow)]
    content_type: Cow<'a, str>,
    #[serde(borrow, default)]
    sha256: Option<Cow<'a, str>>,
}

/// A content that a function wants to be kept.
pub(crate) struct ToStore {
    pub(crate) content: Bytes,
    content_type: Option<String>,
    announced: Option<[u8; 32]>,
}

/// A content of which parts are kept. Dropped, it leaves nothing.
pub(crate) struct Begun {
    writing: Writing,
    internal: InternalId,
    content_type: Option<String>,
    announced: Option<[u8; 32]>,
}

/// A content that is kept and has no row yet.
pub(crate) struct Stored {
    internal: InternalId,
    written: Written,
    content_type: Option<String>,
}

/// The file that the arguments name. `method` is what the developer called.
pub(crate) fn storage_id(args: &str, method: &str) -> Result<DocumentId, SyscallError> {
    let args: OfFile<'_> = parse(method, args)?;
    let id: Option<DocumentId> = args.storage_id.parse().ok();
    id.filter(|id| FileRow::is_id(*id)).ok_or_else(|| {
        thrown(format!(
            "Invalid storage ID \"{}\" in `{method}`: it must be the `_id` of a document of \"_storage\" (InvalidStorageId).",
            args.storage_id
        ))
    })
}

/// The file's row, if it is there.
pub(crate) fn find(
    tx: &mut Transaction,
    namespace: Namespace,
    args: &str,
    method: &str,
) -> Result<Option<FileRow>, SyscallError> {
    let id = storage_id(args, method)?;
    FileRow::get(tx, namespace, id).map_err(catalog)
}

/// Answer of `getUrl` at a time.
pub(crate) fn url_json(
    inner: &Inner,
    place: &Place,
    file: Option<&FileRow>,
    now_ms: f64,
) -> String {
    json!(file.map(|file| url_of(inner, place.id, file.id, now_ms))).to_string()
}

/// Where a file is, of the component of an id; signed if URLs end.
pub(crate) fn url_of(
    inner: &Inner,
    component: Option<DocumentId>,
    file: DocumentId,
    now_ms: f64,
) -> String {
    let name = inner.names.name(file.internal);
    let mut query = inner.signer.query(name, now_ms);
    if let Some(id) = component {
        let separator = if query.is_empty() { '?' } else { '&' };
        query.push_str(&format!("{separator}component={id}"));
    }
    format!("{}/api/storage/{name}{query}", inner.options.cloud_url)
}

/// Answer of `getMetadata`.
pub(crate) fn metadata_json(file: Option<&FileRow>) -> String {
    let metadata = file.map(|file| {
        json!({
            "storageId": file.id.to_string(),
            "sha256": hex::encode(file.sha256),
            "size": file.size as f64,
            "contentType": file.content_type,
        })
    });
    json!(metadata).to_string()
}

/// Answer of `generateUploadUrl`.
pub(crate) fn upload_url_json(
    inner: &Inner,
    place: &Place,
    now_ms: f64,
    seed: &[u8; 32],
) -> String {
    let token = inner.uploads.seal(place.namespace, now_ms, seed);
    let origin = &inner.options.cloud_url;
    json!(format!("{origin}/api/storage/upload?token={token}")).to_string()
}

/// `delete`: true with the transaction's commit.
pub(crate) fn delete(
    tx: &mut Transaction,
    namespace: Namespace,
    id: DocumentId,
) -> Result<String, SyscallError> {
    match FileRow::remove(tx, namespace, id).map_err(catalog)? {
        true => Ok("null".to_owned()),
        false => Err(thrown(format!("storage id {id} not found"))),
    }
}

impl ToStore {
    /// Reads the arguments of `store`.
    pub(crate) fn read(args: &str) -> Result<ToStore, SyscallError> {
        let method = "storage.store";
        let args: Store<'_> = parse(method, args)?;
        let content = STANDARD
            .decode(&*args.blob)
            .map_err(|error| bad_argument("blob", method, &error.to_string()))?;
        let announced = args.sha256.map(|text| digest(&text, method)).transpose()?;
        let content_type = Some(args.content_type.into_owned()).filter(|it| !it.is_empty());
        Ok(ToStore {
            content: content.into(),
            content_type,
            announced,
        })
    }

    /// Reads the arguments of `store` where the content comes later, in parts.
    pub(crate) fn announced(args: &str) -> Result<ToStore, SyscallError> {
        let method = "storage.store";
        let args: StoreParts<'_> = parse(method, args)?;
        let announced = args.sha256.map(|text| digest(&text, method)).transpose()?;
        let content_type = Some(args.content_type.into_owned()).filter(|it| !it.is_empty());
        Ok(ToStore {
            content: Bytes::new(),
            content_type,
            announced,
        })
    }

    /// Begins to keep the content, without what is there of it.
    pub(crate) fn begin(self, inner: &Inner) -> Begun {
        let internal = new_id();
        Begun {
            writing: inner.options.files.write(&key_of(FileRow::id_of(internal))),
            internal,
            content_type: self.content_type,
            announced: self.announced,
        }
    }

    /// Keeps the content. One whose row is never committed is swept up.
    pub(crate) async fn write(mut self, inner: &Inner) -> Result<Stored, SyscallError> {
        let content = std::mem::take(&mut self.content);
        let mut begun = self.begin(inner);
        begun.push(content).await?;
        begun.finish().await
    }
}

impl Begun {
    /// Keeps a part.
    pub(crate) async fn push(&mut self, bytes: Bytes) -> Result<(), SyscallError> {
        let pushed = self.writing.push(bytes).await;
        pushed.map_err(|error| store_failed(&error))
    }

    /// The content is whole.
    pub(crate) async fn finish(self) -> Result<Stored, SyscallError> {
        let written = self.writing.finish().await;
        let written = written.map_err(|error| store_failed(&error))?;
        if let Some(announced) = self.announced.filter(|it| *it != written.sha256) {
            return Err(thrown(mismatch(&announced, &written.sha256).to_string()));
        }
        Ok(Stored {
            internal: self.internal,
            written,
            content_type: self.content_type,
        })
    }
}

impl Stored {
    /// Answer of `store`: makes the file visible with the transaction's commit.
    pub(crate) fn insert(
        &self,
        tx: &mut Transaction,
        namespace: Namespace,
    ) -> Result<String, SyscallError> {
        let Written { size, sha256 } = &self.written;
        let content_type = self.content_type.as_deref();
        let id = FileRow::insert(tx, namespace, self.internal, sha256, *size, content_type)
            .map_err(catalog)?;
        Ok(json!(id.to_string()).to_string())
    }
}

/// Answer of `get`.
pub(crate) async fn content_json(inner: &Inner, file: &FileRow) -> Result<String, SyscallError> {
    let key = key_of(file.id);
    let content = async {
        let chunks = inner.options.files.read(&key, 0..file.size).await?;
        chunks.try_collect::<Vec<Bytes>>().await
    };
    let content = content.await.map_err(|error| store_failed(&error))?;
    let blob = STANDARD.encode(content.concat());
    Ok(json!({ "blob": blob, "contentType": file.content_type }).to_string())
}

/// A SHA-256 in hex, or in base64.
fn digest(text: &str, method: &str) -> Result<[u8; 32], SyscallError> {
    let bytes = hex::decode(text).or_else(|_| STANDARD.decode(text));
    bytes
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| bad_argument("sha256", method, &"it is no SHA-256 in hex or base64"))
}

/// As user code or the server hears of a row that cannot be read.
pub(crate) fn catalog(error: CatalogError) -> SyscallError {
    from_transaction(TransactionError::from(error))
}

pub(crate) fn store_failed(error: &FileError) -> SyscallError {
    tracing::error!(%error, "the file store failed");
    SyscallError::System {
        message: "The deployment's store of files failed. Try again later. (FileStoreFailed)"
            .to_owned(),
    }
}
