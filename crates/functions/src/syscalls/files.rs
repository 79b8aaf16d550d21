//! `ctx.storage` in queries and mutations (function-runtime 1.3).

use lentil_js::{FunctionKind, SyscallError};

use super::UdfSyscalls;
use crate::errors::thrown;
use crate::files::operations::{
    ToStore, content_json, delete, find, metadata_json, storage_id, upload_url_json, url_json,
};

/// What a call has done with the contents of files.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FileUsage {
    pub(super) written: u64,
    pub(super) bytes_written: u64,
    pub(super) read: u64,
    pub(super) bytes_read: u64,
}

impl UdfSyscalls {
    pub(super) fn storage_get_url(&mut self, args: &str) -> Result<String, SyscallError> {
        let namespace = self.namespace();
        let found = find(self.tx(), namespace, args, "storage.getUrl")?;
        // A URL that ends is as good as a look at the clock.
        self.observed.time |= self.scope.inner.signer.ends();
        let now_ms = self.tx.now_ms();
        Ok(url_json(
            &self.scope.inner,
            self.place(),
            found.as_ref(),
            now_ms,
        ))
    }

    pub(super) fn storage_get_metadata(&mut self, args: &str) -> Result<String, SyscallError> {
        let namespace = self.namespace();
        let found = find(self.tx(), namespace, args, "storage.getMetadata")?;
        Ok(metadata_json(found.as_ref()))
    }

    pub(super) fn storage_generate_upload_url(&mut self) -> Result<String, SyscallError> {
        self.check_may_store("storage.generateUploadUrl")?;
        let (now_ms, seed) = (self.tx.now_ms(), self.tx.draw_seed());
        Ok(upload_url_json(
            &self.scope.inner,
            self.place(),
            now_ms,
            &seed,
        ))
    }

    pub(super) fn storage_delete(&mut self, args: &str) -> Result<String, SyscallError> {
        let method = "storage.delete";
        self.check_may_store(method)?;
        let namespace = self.namespace();
        delete(&mut self.tx, namespace, storage_id(args, method)?)
    }

    pub(super) fn storage_store(&mut self, args: &str) -> Result<String, SyscallError> {
        self.check_may_store("storage.store")?;
        let to_store = ToStore::read(args)?;
        self.files.written += 1;
        self.files.bytes_written += to_store.content.len() as u64;
        self.check_file_usage()?;
        let inner = self.scope.inner.clone();
        // This thread may block.
        let stored = inner.runtime.block_on(to_store.write(&inner))?;
        let namespace = self.namespace();
        stored.insert(&mut self.tx, namespace)
    }

    pub(super) fn storage_get(&mut self, args: &str) -> Result<String, SyscallError> {
        let method = "storage.get";
        self.check_may_store(method)?;
        let namespace = self.namespace();
        let Some(file) = find(self.tx(), namespace, args, method)? else {
            return Ok("null".to_owned());
        };
        self.files.read += 1;
        self.files.bytes_read += file.size;
        self.check_file_usage()?;
        let inner = &self.scope.inner;
        inner.runtime.block_on(content_json(inner, &file))
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
        for (count, does) in [(used.written, "writes"), (used.read, "reads")] {
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
