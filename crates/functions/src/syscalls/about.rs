//! What functions may ask about themselves and their surroundings.

use lentil_catalog::ScheduledId;
use lentil_js::{FunctionKind, SyscallError};
use lentil_values::Value;
use serde_json::json;

use super::UdfSyscalls;
use crate::errors::thrown;

impl UdfSyscalls {
    pub(super) fn user_identity(&mut self) -> String {
        // Components do not know who calls (function-runtime 11.5); so their results are everybody's.
        if !self.place().is_root() {
            return "null".to_owned();
        }
        self.observed.identity = true;
        let user = self.scope.identity.user_json();
        user.unwrap_or_else(|| "null".to_owned())
    }

    pub(super) fn function_metadata(&mut self) -> String {
        let name = self.frame().path.to_string();
        json!({ "name": name, "componentPath": self.place().component.0 }).to_string()
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
        Ok(request_metadata(
            &self.scope.request_id,
            self.scope.scheduled,
        ))
    }

    pub(super) fn snapshot_ts(&mut self) -> String {
        self.observed.time = true;
        let ts = self.tx.snapshot().0;
        Value::Int64(i64::try_from(ts).expect("timestamps fit 63 bits")).to_json_string()
    }

    pub(super) fn transaction_metrics(&mut self) -> String {
        let (used, limits) = (self.tx.usage(), self.limits);
        let metric = |(used, limit): (usize, usize)| json!({ "used": used, "remaining": limit.saturating_sub(used) });
        let (files, most) = (self.files, &self.scope.inner.options.limits);
        let of_files = |used: u64, limit: u64| json!({ "used": used, "remaining": limit.saturating_sub(used) });
        json!({
            "bytesRead": metric((used.bytes_read, limits.bytes_read)),
            "bytesWritten": metric((used.bytes_written, limits.bytes_written)),
            "databaseQueries": metric((used.ranges_read, limits.ranges_read)),
            "documentsRead": metric((used.documents_read, limits.documents_read)),
            "documentsWritten": metric((used.documents_written, limits.documents_written)),
            "functionsScheduled": metric(self.scheduling.functions()),
            "scheduledFunctionArgsBytes": metric(self.scheduling.bytes()),
            "filesWritten": of_files(files.written, most.files_per_call),
            "fileWriteBytes": of_files(files.bytes_written, most.file_bytes_per_call),
            "filesRead": of_files(files.read, most.files_per_call),
            "fileReadBytes": of_files(files.bytes_read, most.file_bytes_per_call),
        })
        .to_string()
    }
}

/// What is known of the request that a function runs for.
pub(crate) fn request_metadata(request_id: &str, scheduled: Option<ScheduledId>) -> String {
    json!({
        "ip": null,
        "userAgent": null,
        "requestId": request_id,
        "scheduledFunctionId": scheduled.map(|scheduled| scheduled.id.to_string()),
        "authToken": null,
    })
    .to_string()
}

/// The answer to operations that exist in Convex and not here yet.
pub(crate) fn unsupported(op: &str) -> Option<SyscallError> {
    let what = match op {
        "1.0/actions/vectorSearch" => "Vector search is",
        "1.0/signJwt" => "Signing tokens (`ctx.auth.signJwt`) is",
        _ => return None,
    };
    Some(thrown(format!(
        "{what} not supported by this version of Lentil yet."
    )))
}
