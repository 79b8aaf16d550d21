//! Files (function-runtime 1.3 and appendix B): uploads that become rows of `_storage`, and
//! contents for those who know a file's URL.
//!
//! The content of a file lies in the store under its storage id before its row is committed, and
//! until after the row is gone: whoever sees the row can read it. Content without a row (of an
//! upload that was cut short, of a mutation that failed) is swept up.

mod names;
mod signing;
pub(crate) mod operations;
mod snapshots;
mod tokens;

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use lentil_catalog::{Components, FileRow, RemovedFile};
use lentil_database::Namespace;
use lentil_files::{FileKey, FileStore, Listed, Writing};
use lentil_values::{DocumentId, InternalId};

pub(crate) use self::names::PublicNames;
use self::operations::catalog;
use self::signing::BadUrl;
pub(crate) use self::signing::UrlSigner;
pub use self::snapshots::{ContentsHeld, Restoring};
pub(crate) use self::tokens::UploadTokens;
use crate::service::Inner;
use crate::transact::transact;
use crate::{FunctionFailure, Functions};

/// Content without a row is let be for so long: its upload may be about to commit.
const UNCLAIMED_KEPT: Duration = Duration::from_secs(3_600);
/// What is said of transactions that fail.
const WHAT: &str = "a file's row could not be read or written";
/// Removed files that one step works off.
const REMOVED_STEP: usize = 100;

/// Why a file is not taken or given.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileFailure {
    /// The upload URL is not one of ours, or too old.
    #[error("{0}")]
    Token(&'static str),
    /// What came is not what was announced.
    #[error("{message}")]
    Mismatch {
        /// Short code.
        code: &'static str,
        /// What differs.
        message: String,
    },
    /// The URL names no file by its form.
    #[error("\"{0}\" is not the name of a file: URLs of files come from `ctx.storage.getUrl`")]
    Path(String),
    /// The URL is not signed, or its time is over, where URLs of files end.
    #[error("{message}")]
    Denied {
        /// Short code.
        code: &'static str,
        /// Which of the two, and what to do.
        message: &'static str,
    },
    /// There is no such file, or not any more.
    #[error("there is no file under this URL; it may have been deleted")]
    NotFound,
    /// The store of contents refuses; the log says why.
    #[error("the deployment's store of files failed, and nothing is kept of this; try again later")]
    Store,
    /// Not the caller's fault.
    #[error("{}", .0.message)]
    Failed(FunctionFailure),
}

impl<E: Into<FunctionFailure>> From<E> for FileFailure {
    fn from(error: E) -> FileFailure {
        FileFailure::Failed(error.into())
    }
}

impl From<BadUrl> for FileFailure {
    fn from(bad: BadUrl) -> FileFailure {
        match bad {
            BadUrl::Unsigned => FileFailure::Denied {
                code: "InvalidFileUrl",
                message: "this URL of a file is not signed by this deployment, or was altered; get one from `ctx.storage.getUrl`",
            },
            BadUrl::Expired => FileFailure::Denied {
                code: "FileUrlExpired",
                message: "this URL of a file has expired; get a new one from `ctx.storage.getUrl`",
            },
        }
    }
}

fn store_failed(error: &lentil_files::FileError) -> FileFailure {
    tracing::error!(%error, "the file store failed");
    FileFailure::Store
}

/// An upload that has begun. Dropped, it leaves nothing.
pub struct Upload {
    inner: Arc<Inner>,
    writing: Writing,
    namespace: Namespace,
    internal: InternalId,
}

/// A file that can be read.
pub struct StoredFile {
    /// What is known of it.
    pub row: FileRow,
    /// How long its URL is still good, if that ends.
    pub good_for: Option<Duration>,
    store: FileStore,
}

/// What a URL of a file says besides the file's name.
#[derive(Clone, Copy, Debug, Default)]
pub struct UrlProof<'a> {
    /// When it ends, seconds since the epoch.
    pub expires: Option<&'a str>,
    /// That it was made here.
    pub signature: Option<&'a str>,
}

/// The name of a file's content in the store.
pub(crate) fn key_of(id: DocumentId) -> FileKey {
    FileKey::new(&id.to_string()).expect("ids are lower-case letters and digits")
}

/// An id for a file that is about to be written.
pub(crate) fn new_id() -> InternalId {
    InternalId(rand::random())
}

impl Functions {
    /// Begins the upload that a token allows.
    pub async fn begin_upload(&self, token: &str) -> Result<Upload, FileFailure> {
        let inner = self.inner().clone();
        let now_ms = inner.database.begin().now_ms();
        let namespace = inner
            .uploads
            .open(token, now_ms)
            .map_err(FileFailure::Token)?;
        let internal = new_id();
        let writing = inner.options.files.write(&key_of(FileRow::id_of(internal)));
        Ok(Upload {
            inner,
            writing,
            namespace,
            internal,
        })
    }

    /// The file under a public name (the last part of the path that `getUrl` gives), of the component
    /// whose id the URL has, if it has one.
    pub async fn stored_file(
        &self,
        name: &str,
        component: Option<&str>,
        proof: UrlProof<'_>,
    ) -> Result<StoredFile, FileFailure> {
        let inner = self.inner();
        let no_name = || FileFailure::Path(name.to_owned());
        let internal = inner.names.open(name).ok_or_else(no_name)?;
        let now_ms = inner.database.begin().now_ms();
        let good_for = inner.signer.check(
            inner.names.name(internal),
            proof.expires,
            proof.signature,
            now_ms,
        )?;
        let id = FileRow::id_of(internal);
        let component = component.map(str::to_owned);
        let row = transact(self.database().clone(), WHAT, move |tx| {
            let components = Components::load(tx).map_err(catalog)?;
            let of = match &component {
                None => Some(components.root()),
                Some(text) => text.parse().ok().and_then(|id| components.by_id(id)),
            };
            match of {
                Some(of) => FileRow::get(tx, of.namespace, id).map_err(catalog),
                None => Ok(None),
            }
        });
        let row = row.await?;
        let store = inner.options.files.clone();
        let found = row.map(|row| StoredFile {
            row,
            good_for,
            store,
        });
        found.ok_or(FileFailure::NotFound)
    }

    /// Removes contents whose rows are gone; how many it was. Called again and again by a job; does
    /// nothing while somebody holds the contents.
    pub async fn remove_dropped_files(&self) -> Result<usize, FunctionFailure> {
        let Ok(_removing) = self.inner().contents.try_write() else {
            return Ok(0);
        };
        let database = self.database().clone();
        let removed = transact(database.clone(), WHAT, |tx| {
            RemovedFile::some(tx, REMOVED_STEP).map_err(catalog)
        });
        let removed = removed.await?;
        for file in &removed {
            if self.is_claimed(file.file).await? {
                continue;
            }
            let gone = self.inner().options.files.remove(&key_of(file.file)).await;
            gone.map_err(|error| FunctionFailure::internal("the file store failed", &error))?;
        }
        let gone = removed.clone();
        transact(database, WHAT, move |tx| {
            gone.iter()
                .try_for_each(|file| file.forget(tx))
                .map_err(catalog)
        })
        .await?;
        Ok(removed.len())
    }

    /// Removes contents that nothing refers to and that are not on their way to be referred to;
    /// how many it was.
    pub async fn sweep_files(&self, now: SystemTime) -> Result<usize, FunctionFailure> {
        let failed = |error: lentil_files::FileError| {
            FunctionFailure::internal("the file store failed", &error)
        };
        let files = self.inner().options.files.clone();
        let mut listed = files.list();
        let mut count = 0;
        let Ok(_removing) = self.inner().contents.try_write() else {
            return Ok(0);
        };
        while let Some(file) = listed.try_next().await.map_err(failed)? {
            if self.is_unclaimed(&file, now).await? {
                files.remove(&file.key).await.map_err(failed)?;
                count += 1;
            }
        }
        Ok(count)
    }

    async fn is_unclaimed(&self, file: &Listed, now: SystemTime) -> Result<bool, FunctionFailure> {
        let age = now.duration_since(file.modified).unwrap_or_default();
        let id: Option<DocumentId> = file.key.as_str().parse().ok();
        let Some(id) = id.filter(|id| age >= UNCLAIMED_KEPT && FileRow::is_id(*id)) else {
            return Ok(false);
        };
        Ok(!self.is_claimed(id).await?)
    }

    /// Whether some component has a file of this id. Imports give ids, so that several may.
    async fn is_claimed(&self, id: DocumentId) -> Result<bool, FunctionFailure> {
        let database = self.database().clone();
        transact(database, WHAT, move |tx| {
            for component in Components::load(tx).map_err(catalog)?.all() {
                let row = FileRow::get(tx, component.namespace, id).map_err(catalog)?;
                if row.is_some() {
                    return Ok(true);
                }
            }
            Ok(false)
        })
        .await
    }
}

impl Upload {
    /// Adds bytes.
    pub async fn push(&mut self, bytes: Bytes) -> Result<(), FileFailure> {
        self.writing
            .push(bytes)
            .await
            .map_err(|error| store_failed(&error))
    }

    /// Ends the upload: the content is checked against the digest that was announced, and the file
    /// is there for everybody. Gives its storage id.
    pub async fn finish(
        self,
        content_type: Option<&str>,
        announced: Option<[u8; 32]>,
    ) -> Result<DocumentId, FileFailure> {
        let Upload {
            inner,
            writing,
            namespace,
            internal,
        } = self;
        let written = writing
            .finish()
            .await
            .map_err(|error| store_failed(&error))?;
        if let Some(announced) = announced.filter(|it| *it != written.sha256) {
            inner
                .options
                .files
                .remove(&key_of(FileRow::id_of(internal)))
                .await
                .map_err(|error| store_failed(&error))?;
            return Err(mismatch(&announced, &written.sha256));
        }
        let content_type = content_type.map(str::to_owned);
        let inserted = transact(inner.database.clone(), WHAT, move |tx| {
            let (sha256, size) = (&written.sha256, written.size);
            FileRow::insert(
                tx,
                namespace,
                internal,
                sha256,
                size,
                content_type.as_deref(),
            )
            .map_err(catalog)
        });
        Ok(inserted.await?)
    }

    /// Gives the upload up.
    pub async fn abandon(self) {
        self.writing.abandon().await;
    }
}

/// What announced and received digests that differ are called.
pub(crate) fn mismatch(announced: &[u8; 32], received: &[u8; 32]) -> FileFailure {
    FileFailure::Mismatch {
        code: "Sha256Mismatch",
        message: format!(
            "the SHA-256 of what was received is {}, but {} was announced; the file is not kept",
            STANDARD.encode(received),
            STANDARD.encode(announced)
        ),
    }
}

impl StoredFile {
    /// A part of the content, in chunks.
    pub async fn read(
        &self,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, lentil_files::FileError>>, FileFailure> {
        let read = self.store.read(&key_of(self.row.id), range).await;
        read.map_err(|error| match error {
            // Removed between the look at its row and this one.
            lentil_files::FileError::Missing => FileFailure::NotFound,
            error => store_failed(&error),
        })
    }
}
