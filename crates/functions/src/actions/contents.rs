//! Contents of files that an action stores and reads, in parts: what the executor sends of one
//! file at a time, and what it has asked for, while the action runs.
//!
//! What is not ended when the action ends is dropped, and leaves nothing.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;
use lentil_files::FileError;
use lentil_js::SyscallError;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::json;

use super::requests::{ActionRequests, failed};
use crate::errors::thrown;
use crate::files::key_of;
use crate::files::operations::{Begun, ToStore, find, store_failed};
use crate::syscalls::parse;
use crate::transact::transact;

/// Bytes of a part that is read.
const PART_BYTES: usize = 1 << 18;
/// Files of one action that move at a time; the executor moves fewer.
const MOVING_MAX: usize = 16;
/// What is said of a transaction that fails.
const WHAT: &str = "an action's storage operation failed";

/// Files on their way, by number.
#[derive(Default)]
pub(super) struct Contents {
    moving: Mutex<Moving>,
}

#[derive(Default)]
struct Moving {
    last: u32,
    files: HashMap<u32, File>,
}

enum File {
    Stored(Box<Begun>),
    Read(Reading),
}

/// A file that is read.
struct Reading {
    chunks: BoxStream<'static, Result<Bytes, FileError>>,
    /// What was read and not asked for yet.
    buffer: BytesMut,
    left: u64,
}

#[derive(Deserialize)]
struct Storing {
    storing: u32,
}

#[derive(Deserialize)]
struct OfReading {
    reading: u32,
}

impl Contents {
    fn put(&self, file: File) -> Result<u32, SyscallError> {
        let mut moving = self.moving.lock();
        if moving.files.len() >= MOVING_MAX {
            return Err(thrown(format!(
                "Too many files: an action stores and reads at most {MOVING_MAX} of them at a time"
            )));
        }
        moving.last = moving.last.wrapping_add(1);
        let number = moving.last;
        moving.files.insert(number, file);
        Ok(number)
    }

    /// Takes a file out while something is done with it.
    fn take(&self, number: u32) -> Option<File> {
        self.moving.lock().files.remove(&number)
    }

    fn put_back(&self, number: u32, file: File) {
        self.moving.lock().files.insert(number, file);
    }
}

fn not_moving() -> SyscallError {
    thrown(
        "the file is not on its way: it was given up after a failure, or belongs to another action",
    )
}

impl ActionRequests {
    /// Begins to store a file.
    pub(super) fn begin_storing(&self, args: &str) -> Result<String, SyscallError> {
        let begun = ToStore::announced(args)?.begin(&self.inner);
        let storing = self.contents.put(File::Stored(Box::new(begun)))?;
        Ok(json!({ "storing": storing }).to_string())
    }

    /// Takes the next part of a file.
    pub(super) async fn store_part(
        &self,
        args: &str,
        bytes: Bytes,
    ) -> Result<String, SyscallError> {
        let Storing { storing } = parse("storage.store", args)?;
        let Some(File::Stored(mut begun)) = self.contents.take(storing) else {
            return Err(not_moving());
        };
        begun.push(bytes).await?;
        self.contents.put_back(storing, File::Stored(begun));
        Ok("null".to_owned())
    }

    /// The file has come in whole.
    pub(super) async fn end_storing(&self, args: &str) -> Result<String, SyscallError> {
        let Storing { storing } = parse("storage.store", args)?;
        let Some(File::Stored(begun)) = self.contents.take(storing) else {
            return Err(not_moving());
        };
        let stored = begun.finish().await?;
        let (database, namespace) = (self.inner.database.clone(), self.place.namespace);
        let inserted = transact(database, WHAT, move |tx| stored.insert(tx, namespace)).await;
        inserted.map_err(failed)
    }

    /// Begins to read a file; null if it is not there.
    pub(super) async fn open_file(&self, args: &str) -> Result<String, SyscallError> {
        let namespace = self.place.namespace;
        let (database, args) = (self.inner.database.clone(), args.to_owned());
        let file = transact(database, WHAT, move |tx| {
            find(tx, namespace, &args, "storage.get")
        })
        .await;
        let Some(file) = file.map_err(failed)? else {
            return Ok("null".to_owned());
        };
        let files = &self.inner.options.files;
        let chunks = match files.read(&key_of(file.id), 0..file.size).await {
            Ok(chunks) => chunks,
            // Removed since its row was looked at.
            Err(FileError::Missing) => return Ok("null".to_owned()),
            Err(error) => return Err(store_failed(&error)),
        };
        let answer = |reading: Option<u32>| {
            json!({ "reading": reading, "size": file.size, "contentType": file.content_type })
                .to_string()
        };
        if file.size == 0 {
            return Ok(answer(None));
        }
        let reading = self.contents.put(File::Read(Reading {
            chunks,
            buffer: BytesMut::new(),
            left: file.size,
        }))?;
        Ok(answer(Some(reading)))
    }

    /// The next part of a file that is read.
    pub(super) async fn read_part(&self, args: &str) -> Result<Bytes, SyscallError> {
        let OfReading { reading } = parse("storage.get", args)?;
        let Some(File::Read(mut file)) = self.contents.take(reading) else {
            return Err(not_moving());
        };
        let part = file.next().await?;
        if file.left > 0 {
            self.contents.put_back(reading, File::Read(file));
        }
        Ok(part)
    }
}

impl Reading {
    async fn next(&mut self) -> Result<Bytes, SyscallError> {
        while self.buffer.len() < PART_BYTES {
            match self.chunks.next().await {
                Some(Ok(chunk)) => self.buffer.extend_from_slice(&chunk),
                Some(Err(error)) => return Err(store_failed(&error)),
                None => break,
            }
        }
        let length = self.buffer.len().min(PART_BYTES);
        let part = self.buffer.split_to(length).freeze();
        let left = self.left.checked_sub(part.len() as u64);
        match left {
            Some(left) if !part.is_empty() => self.left = left,
            _ => {
                return Err(store_failed(&FileError::Store {
                    action: "reading a file",
                    message: "its content has not the length that its row says".to_owned(),
                }));
            }
        }
        Ok(part)
    }
}
