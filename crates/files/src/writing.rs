//! A file on its way into the store.

use bytes::Bytes;
use object_store::{MultipartUpload, WriteMultipart};
use sha2::{Digest, Sha256};

use crate::FileError;

/// Parts of a file that may wait to be written: what one upload holds in memory.
const PARTS_WAITING: usize = 1;

/// A file that is being written. Dropped, it leaves nothing.
pub struct Writing {
    upload: WriteMultipart,
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
    pub(crate) fn new(upload: Box<dyn MultipartUpload>) -> Writing {
        Writing {
            upload: WriteMultipart::new(upload),
            hash: Sha256::new(),
            size: 0,
        }
    }

    /// Adds bytes; waits while too much has not been written.
    pub async fn push(&mut self, bytes: Bytes) -> Result<(), FileError> {
        self.upload
            .wait_for_capacity(PARTS_WAITING)
            .await
            .map_err(|error| FileError::of("writing a file", &error))?;
        self.hash.update(&bytes);
        self.size += bytes.len() as u64;
        self.upload.put(bytes);
        Ok(())
    }

    /// Ends the file: it is there, durable, when this returns.
    pub async fn finish(self) -> Result<Written, FileError> {
        self.upload
            .finish()
            .await
            .map_err(|error| FileError::of("ending a file", &error))?;
        Ok(Written {
            size: self.size,
            sha256: self.hash.finalize().into(),
        })
    }

    /// Gives the file up.
    pub async fn abandon(self) {
        // What cannot be removed now is found by the sweep of what nothing refers to.
        let _left = self.upload.abort().await;
    }
}
