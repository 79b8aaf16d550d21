//! What functions may ask about themselves and their surroundings.

use lentil_js::{FunctionKind, SyscallError};
use lentil_values::Value;
use serde_json::json;

use super::UdfSyscalls;
use crate::errors::thrown;

impl UdfSyscalls {
    pub(super) fn user_identity(&mut self) -> String {
        self.observed.identity = true;
        let user = self.scope.identity.user_json();
        user.unwrap_or_else(|| "null".to_owned())
    }

    pub(super) fn function_metadata(&mut self) -> String {
        let name = self.frame().path.to_string();
        json!({ "name": name, "componentPath": self.scope.component.0 }).to_string()
    }

    pub(super) fn deployment_metadata(&self) -> String {
        let name = &self.scope.inner.options.instance_name;
        json!({ "name": name, "region": null, "class": "s16" }).to_string()
    }

    pub(super) fn request_metadata(&self) -> Result<String, SyscallError> {
        if self.kind() == FunctionKind::Query {
            return Err(thrown(
                "Request metadata is not available in queries (RequestMetadataNotAllowed).",
            ));
        }
        Ok(request_metadata(&self.scope.request_id))
    }

    pub(super) fn snapshot_ts(&mut self) -> String {
        self.observed.time = true;
        let ts = self.tx.snapshot().0;
        Value::Int64(i64::try_from(ts).expect("timestamps fit 63 bits")).to_json_string()
    }

    pub(super) fn transaction_metrics(&mut self) -> String {
        /// Files and scheduled functions do not exist yet: nothing used, nothing to use.
        const NONE: (usize, usize) = (0, 0);
        let (used, limits) = (self.tx.usage(), self.limits);
        let metric = |(used, limit): (usize, usize)| json!({ "used": used, "remaining": limit.saturating_sub(used) });
        json!({
            "bytesRead": metric((used.bytes_read, limits.bytes_read)),
            "bytesWritten": metric((used.bytes_written, limits.bytes_written)),
            "databaseQueries": metric((used.ranges_read, limits.ranges_read)),
            "documentsRead": metric((used.documents_read, limits.documents_read)),
            "documentsWritten": metric((used.documents_written, limits.documents_written)),
            "functionsScheduled": metric(NONE),
            "scheduledFunctionArgsBytes": metric(NONE),
            "filesWritten": metric(NONE),
            "fileWriteBytes": metric(NONE),
            "filesRead": metric(NONE),
            "fileReadBytes": metric(NONE),
        })
        .to_string()
    }
}

/// What is known of the request that a function runs for.
pub(crate) fn request_metadata(request_id: &str) -> String {
    json!({
        "ip": null,
        "userAgent": null,
        "requestId": request_id,
        "scheduledFunctionId": null,
        "authToken": null,
    })
    .to_string()
}

/// The answer to operations that exist in Convex and not here yet.
pub(crate) fn unsupported(op: &str) -> Option<SyscallError> {
    let what = match op {
        "1.0/schedule"
        | "1.0/cancel_job"
        | "1.0/actions/schedule"
        | "actions/schedule"
        | "1.0/actions/cancel_job" => "Scheduling functions is",
        "1.0/createFunctionHandle" => "Function handles are",
        "1.0/storageGetUrl"
        | "1.0/storageGetMetadata"
        | "1.0/storageGenerateUploadUrl"
        | "1.0/storageDelete"
        | "1.0/storageStore"
        | "1.0/storageGet" => "File storage is",
        "1.0/actions/vectorSearch" => "Vector search is",
        "1.0/signJwt" => "Signing tokens (`ctx.auth.signJwt`) is",
        _ => return None,
    };
    Some(thrown(format!(
        "{what} not supported by this version of Lentil yet."
    )))
}
