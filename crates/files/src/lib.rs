//! This crate keeps the contents of files: written once under a key, read whole or in part,
//! removed when nothing refers to them any more.
//!
//! It knows neither ids nor transactions. Where the bytes lie is `object_store`'s business: a
//! local folder whose writes are flushed to disk before they count, an S3-compatible service,
//! memory for tests.
//!
//! Invariant: a key holds nothing or a whole file; a write that is dropped leaves nothing.

mod error;
mod key;
mod s3;
mod writing;

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt};

pub use crate::error::FileError;
pub use crate::key::FileKey;
pub use crate::s3::{S3Key, S3Settings};
pub use crate::writing::{Writing, Written};

/// Where contents are kept; cheap to clone.
#[derive(Clone, Debug)]
pub struct FileStore {
    store: Arc<dyn ObjectStore>,
}

/// A file that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: FileKey,
    /// When it was written.
    pub modified: SystemTime,
}

impl FileStore {
    /// Keeps contents in a folder, which is created. Slow: touches the disk.
    pub fn local(folder: &Path) -> Result<FileStore, FileError> {
        let failed = |error: &dyn std::fmt::Display| FileError::Store {
            action: "opening the folder of files",
            message: format!("{}: {error}", folder.display()),
        };
        fs::create_dir_all(folder).map_err(|error| failed(&error))?;
        let store = LocalFileSystem::new_with_prefix(folder).map_err(|error| failed(&error))?;
        Ok(FileStore {
            store: Arc::new(store.with_fsync(true)),
        })
    }

    /// Keeps contents in memory, for tests.
    pub fn memory() -> FileStore {
        FileStore {
            store: Arc::new(InMemory::new()),
        }
    }

    /// Begins to write a file. The store hears of it when the first part is full, or at the end.
    pub fn write(&self, key: &FileKey) -> Writing {
        Writing::new(Arc::clone(&self.store), key.location())
    }

    /// Reads a part of a file, in chunks.
    pub async fn read(
        &self,
        key: &FileKey,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, FileError>>, FileError> {
        if range.is_empty() {
            return Ok(futures::stream::empty().boxed());
        }
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            ..GetOptions::default()
        };
        let found = self
            .store
            .get_opts(&key.location(), options)
            .await
            .map_err(|error| FileError::of("reading a file", &error))?;
        Ok(found
            .into_stream()
            .map_err(|error| FileError::of("reading a file", &error))
            .boxed())
    }

    /// Removes a file; one that is not there is fine.
    pub async fn remove(&self, key: &FileKey) -> Result<(), FileError> {
        match self.store.delete(&key.location()).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(FileError::of("removing a file", &error)),
        }
    }

    /// Everything there is, in no order.
    pub fn list(&self) -> BoxStream<'static, Result<Listed, FileError>> {
        self.store
            .list(None)
            .map_err(|error| FileError::of("listing the files", &error))
            .try_filter_map(|object| async move {
                // What is not ours is left alone.
                Ok(FileKey::at(&object.location).map(|key| Listed {
                    key,
                    modified: object.last_modified.into(),
                }))
            })
            .boxed()
    }
}

#[cfg(test)]
mod tests;
