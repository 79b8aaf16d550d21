//! A file on its way into the store.

use std::sync::Arc;

use bytes::Bytes;
use object_store::ObjectStore;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use crate::FileError;

/// Bytes of a part; a file that is smaller is written at once. What S3 takes at least.
const PART_BYTES: usize = 5 << 20;
/// Parts of a file that may wait to be written: what one upload holds in memory.
const PARTS_WAITING: usize = 1;

/// A file that is being written. Dropped, it leaves nothing.
pub struct Writing {
    /// `None` once it was given up or ended.
    upload: Option<BufWriter>,
    hash: Sha256,
    size: u64,
}

/// A file that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its bytes.
    pub size: u64,
    /// Their SHA-256.
    pub sha256: [u8; 32],
}

impl Writing {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, place: Path) -> Writing {
        let upload =
            BufWriter::with_capacity(store, place, PART_BYTES).with_max_concurrency(PARTS_WAITING);
        Writing {
            upload: Some(upload),
            hash: Sha256::new(),
            size: 0,
        }
    }

    /// Adds bytes; waits while too much has not been written.
    pub async fn push(&mut self, bytes: Bytes) -> Result<(), FileError> {
        let Some(upload) = &mut self.upload else {
            return Err(ended());
        };
        self.hash.update(&bytes);
        self.size += bytes.len() as u64;
        upload
            .put(bytes)
            .await
            .map_err(|error| FileError::of("writing a file", &error))
    }

    /// Ends the file: it is there, durable, when this returns.
    pub async fn finish(mut self) -> Result<Written, FileError> {
        let mut upload = self.upload.take().ok_or_else(ended)?;
        // What fails cleans up after itself.
        upload.shutdown().await.map_err(|error| FileError::Store {
            action: "ending a file",
            message: error.to_string(),
        })?;
        Ok(Written {
            size: self.size,
            sha256: std::mem::take(&mut self.hash).finalize().into(),
        })
    }

    /// Gives the file up.
    pub async fn abandon(mut self) {
        if let Some(upload) = self.upload.take() {
            abort(upload).await;
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        // Parts that a service has are its to keep until it is told otherwise.
        if let (Some(upload), Ok(runtime)) =
            (self.upload.take(), tokio::runtime::Handle::try_current())
        {
            runtime.spawn(abort(upload));
        }
    }
}

async fn abort(mut upload: BufWriter) {
    if let Err(error) = upload.abort().await {
        // Nothing refers to it; a service can be told to drop such parts after a while.
        tracing::warn!(%error, "an upload that was given up could not be removed from the store");
    }
}

fn ended() -> FileError {
    FileError::Store {
        action: "writing a file",
        message: "it has ended already".to_owned(),
    }
}
