//! `ctx.storage` in actions (function-runtime 1.3, 1.5): each operation is a transaction of its own.

use lentil_js::SyscallError;

use super::requests::{ActionRequests, failed};
use crate::errors::thrown;
use crate::files::operations::{
    ToStore, content_json, delete, find, metadata_json, storage_id, upload_url_json, url_json,
};
use crate::transact::transact;

/// What is said of a transaction that fails.
const WHAT: &str = "an action's storage operation failed";

impl ActionRequests {
    /// The answer to an operation on files; `None` if it is no such operation.
    pub(super) async fn file_operation(
        &self,
        op: &str,
        args: &str,
    ) -> Option<Result<String, SyscallError>> {
        Some(match op {
            "1.0/storageGetUrl" => {
                let now_ms = self.inner.database.begin().now_ms();
                let place = self.place.clone();
                let answer = |inner: &_, file: Option<&_>| url_json(inner, &place, file, now_ms);
                self.found(args, "storage.getUrl", answer).await
            }
            "1.0/storageGetMetadata" => {
                let answer = |_: &_, file: Option<&_>| metadata_json(file);
                self.found(args, "storage.getMetadata", answer).await
            }
            "1.0/storageGenerateUploadUrl" => {
                let mut tx = self.inner.database.begin();
                let (now_ms, seed) = (tx.now_ms(), tx.draw_seed());
                Ok(upload_url_json(&self.inner, &self.place, now_ms, &seed))
            }
            "1.0/storageDelete" => self.delete_file(args).await,
            "1.0/storageStore" => self.store_file(args).await,
            "1.0/storageGet" => self.read_file(args).await,
            "storage/begin" => self.begin_storing(args),
            "storage/end" => self.end_storing(args).await,
            "storage/open" => self.open_file(args).await,
            _ => return None,
        })
    }

    async fn found(
        &self,
        args: &str,
        method: &'static str,
        answer: impl FnOnce(&crate::service::Inner, Option<&lentil_catalog::FileRow>) -> String,
    ) -> Result<String, SyscallError> {
        let namespace = self.place.namespace;
        let (database, args) = (self.inner.database.clone(), args.to_owned());
        let file = transact(database, WHAT, move |tx| find(tx, namespace, &args, method)).await;
        file.map(|file| answer(&self.inner, file.as_ref()))
            .map_err(failed)
    }

    async fn delete_file(&self, args: &str) -> Result<String, SyscallError> {
        let id = storage_id(args, "storage.delete")?;
        let (database, namespace) = (self.inner.database.clone(), self.place.namespace);
        let deleted = transact(database, WHAT, move |tx| delete(tx, namespace, id)).await;
        deleted.map_err(failed)
    }

    async fn store_file(&self, args: &str) -> Result<String, SyscallError> {
        let args = args.to_owned();
        // Decoding megabytes is not for an async worker.
        let read = tokio::task::spawn_blocking(move || ToStore::read(&args)).await;
        let to_store = read.map_err(|error| thrown(error.to_string()))??;
        let stored = to_store.write(&self.inner).await?;
        let (database, namespace) = (self.inner.database.clone(), self.place.namespace);
        let inserted = transact(database, WHAT, move |tx| stored.insert(tx, namespace)).await;
        inserted.map_err(failed)
    }

    async fn read_file(&self, args: &str) -> Result<String, SyscallError> {
        let namespace = self.place.namespace;
        let (database, args) = (self.inner.database.clone(), args.to_owned());
        let file = transact(database, WHAT, move |tx| {
            find(tx, namespace, &args, "storage.get")
        })
        .await;
        match file.map_err(failed)? {
            Some(file) => content_json(&self.inner, &file).await,
            None => Ok("null".to_owned()),
        }
    }
}
