//! Contents of files for exports and imports, which have rows and ids of their own.

use bytes::Bytes;
use futures::stream::BoxStream;
use lentil_catalog::FileRow;
use lentil_files::{FileError, Writing, Written};
use lentil_values::DocumentId;
use tokio::sync::OwnedRwLockReadGuard;

use super::key_of;
use crate::Functions;

/// As long as it is held, no content is removed: not that of files that were deleted, and not what
/// no row refers to.
pub struct ContentsHeld(#[expect(dead_code, reason = "held")] OwnedRwLockReadGuard<()>);

/// The content of a file that an import brings.
pub struct Restoring(Writing);

impl Functions {
    /// Keeps all contents where they are.
    pub async fn hold_contents(&self) -> ContentsHeld {
        ContentsHeld(self.inner().contents.clone().read_owned().await)
    }

    /// The content of a file, in chunks.
    pub async fn content(
        &self,
        row: &FileRow,
    ) -> Result<BoxStream<'static, Result<Bytes, FileError>>, FileError> {
        let files = &self.inner().options.files;
        files.read(&key_of(row.id), 0..row.size).await
    }

    /// Begins to write the content of a file whose row is to follow. The caller holds the contents
    /// until the row is there.
    pub fn restore_content(&self, id: DocumentId) -> Restoring {
        Restoring(self.inner().options.files.write(&key_of(id)))
    }

    /// Removes a content that turned out not to be what it should be.
    pub async fn discard_content(&self, id: DocumentId) -> Result<(), FileError> {
        self.inner().options.files.remove(&key_of(id)).await
    }
}

impl Restoring {
    /// Adds bytes.
    pub async fn push(&mut self, bytes: Bytes) -> Result<(), FileError> {
        self.0.push(bytes).await
    }

    /// Ends the content; gives its size and its SHA-256.
    pub async fn finish(self) -> Result<(u64, [u8; 32]), FileError> {
        let Written { size, sha256 } = self.0.finish().await?;
        Ok((size, sha256))
    }

    /// Gives it up.
    pub async fn abandon(self) {
        self.0.abandon().await;
    }
}
