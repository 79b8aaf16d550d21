//! Explaining a query: it is run once, past the cache, and what it read is told with its result.

use std::sync::Arc;
use std::time::Instant;

use lentil_database::IndexState;
use lentil_js::FunctionKind;
use serde_json::{Value as Json, json};

use super::range_text::Named;
use super::scans_seen::sought_json;
use crate::deploy::declared_name;
use crate::execute::{Executed, execute};
use crate::path::FunctionPath;
use crate::prepare::prepare;
use crate::service::Inner;
use crate::{Call, FunctionFailure, Functions, one_off};

impl Functions {
    /// Runs a query that is deployed, or the default export of a source, and tells what it did.
    pub async fn explain(
        &self,
        call: Call,
        source: Option<Arc<str>>,
    ) -> Result<Json, FunctionFailure> {
        let inner = self.inner();
        let started = Instant::now();
        let preparing = inner.clone();
        let prepared = tokio::task::spawn_blocking(move || match source {
            Some(source) => one_off::prepare(&preparing, source, &call).map(Ok),
            None => {
                let path = FunctionPath::parse(&call.path)
                    .map_err(|error| FunctionFailure::developer(error.to_string()))?;
                let tx = preparing.database.begin();
                let kind = FunctionKind::Query;
                Ok(prepare(&preparing, tx, &call, path, kind, None))
            }
        });
        let prepared = prepared.await.map_err(|error| {
            FunctionFailure::internal("a query could not be explained", &error)
        })??;
        let prepared_seconds = started.elapsed().as_secs_f64();
        let executed = match prepared {
            Ok(ready) => execute(inner, ready).await?,
            Err(refused) => return Err(refused.failure),
        };
        let (inner, total) = (inner.clone(), started.elapsed().as_secs_f64());
        Ok(told(&inner, &executed, prepared_seconds, total))
    }
}

/// The indexes that a table has and a query may use.
fn declared(inner: &Inner, named: &Named) -> Json {
    let indexes = inner.database.begin().indexes(&named.table).into_iter();
    let usable = indexes
        .filter(|index| index.state == IndexState::Enabled && index.definition.name != "by_id");
    usable
        .map(|index| json!({ "name": declared_name(&index), "fields": index.definition.fields }))
        .collect()
}

fn told(inner: &Inner, executed: &Executed, prepared: f64, total: f64) -> Json {
    let places = &inner.introspection.places;
    let table = |named: &Named| places.table_name(&inner.database, &named.table);
    let usage = executed.tx.usage();
    let is_own = |named: &Named| !named.table.name.starts_with('_');
    let indexes = executed.tx.used().iter().filter_map(|(index, used)| {
        let named = Named::find(&inner.database, *index).filter(is_own)?;
        let scans = executed.scans.iter().filter(|scan| scan.index == *index);
        let scans: Vec<Json> = scans.map(|scan| sought_json(&scan.sought)).collect();
        Some(json!({
            "table": table(&named),
            "index": named.index.definition.name,
            "lookups": used.lookups,
            "docs": used.documents,
            "bytes": used.bytes,
            "tableDocs": inner.database.known_count(named.table.tablet),
            "fullScan": !scans.is_empty(),
            "scans": scans,
            "tableIndexes": if scans.is_empty() { json!([]) } else { declared(inner, &named) },
        }))
    });
    let read_set = executed.tx.read_set().iter().filter_map(|(index, range)| {
        let named = Named::find(&inner.database, index).filter(is_own)?;
        Some(json!({
            "table": table(&named),
            "index": named.index.definition.name,
            "rangeText": named.text(&range),
        }))
    });
    let (value, error) = match &executed.result {
        Ok(text) => (serde_json::from_str(text).unwrap_or(Json::Null), None),
        Err(failure) => (Json::Null, Some(&failure.message)),
    };
    json!({
        "status": if error.is_none() { "success" } else { "error" },
        "value": value,
        "errorMessage": error,
        "logLines": &*executed.log_lines(),
        "snapshotTs": executed.tx.snapshot().0.to_string(),
        "documentsRead": usage.documents_read,
        "bytesRead": usage.bytes_read,
        "returnBytes": executed.result.as_ref().ok().map(|text| text.len()),
        "indexes": indexes.collect::<Vec<_>>(),
        "readSet": read_set.collect::<Vec<_>>(),
        "cache": {
            "dependsOnTime": executed.observed.time,
            "dependsOnIdentity": executed.observed.identity,
        },
        "steps": [
            { "name": "prepare", "ms": prepared * 1e3 },
            { "name": "user code", "ms": executed.user_seconds * 1e3 },
            { "name": "reads, waiting and results", "ms": (total - prepared - executed.user_seconds).max(0.0) * 1e3 },
        ],
        "totalMs": total * 1e3,
    })
}
