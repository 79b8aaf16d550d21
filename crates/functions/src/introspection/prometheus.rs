//! The same counters in the text format of Prometheus.

use std::fmt::Write as _;

use super::counters::{BUCKET_BOUNDS_MS, BUCKETS, Counter, KINDS};
use super::sampler::kind_key;
use crate::Functions;
use crate::logs::kind_name;

/// Counters that have no kind: name, what they count.
const PLAIN: [(Counter, &str, &str); 11] = [
    (
        Counter::CacheHit,
        "query_cache_hits",
        "Queries that were answered from the cache",
    ),
    (
        Counter::CacheMiss,
        "query_cache_misses",
        "Queries that were run",
    ),
    (
        Counter::Retried,
        "conflict_retries",
        "Runs of mutations that met another and were run again",
    ),
    (
        Counter::ConflictFailed,
        "conflict_failures",
        "Mutations that were given up because of conflicts",
    ),
    (
        Counter::DocsRead,
        "documents_read",
        "Documents that functions have read",
    ),
    (
        Counter::BytesRead,
        "document_bytes_read",
        "Bytes of documents that functions have read",
    ),
    (
        Counter::DocsWritten,
        "documents_written",
        "Documents that functions have written",
    ),
    (
        Counter::BytesWritten,
        "document_bytes_written",
        "Bytes of documents that functions have written",
    ),
    (Counter::Egress, "result_bytes", "Bytes of results"),
    (
        Counter::Rerun,
        "query_reruns",
        "Live queries that a commit made run again",
    ),
    (
        Counter::Unchanged,
        "query_reruns_unchanged",
        "Live queries that ran again for the same result",
    ),
];

impl Functions {
    /// All counters, for `GET /metrics`.
    pub fn prometheus(&self) -> String {
        let introspection = &self.inner().introspection;
        let counts = introspection.counters.total();
        let mut text = String::new();
        let head = |text: &mut String, name: &str, kind: &str, help: &str| {
            let _infallible = write!(
                text,
                "# HELP lentil_{name} {help}.\n# TYPE lentil_{name} {kind}\n"
            );
        };
        head(
            &mut text,
            "calls_total",
            "counter",
            "Function calls that have ended",
        );
        for kind in KINDS {
            let label = kind_key(kind_name(kind));
            for (counter, result) in [(Counter::Ok(kind), "ok"), (Counter::Failed(kind), "failed")]
            {
                let count = counts.get(counter);
                let _infallible = writeln!(
                    text,
                    "lentil_calls_total{{kind=\"{label}\",result=\"{result}\"}} {count}"
                );
            }
        }
        head(
            &mut text,
            "call_seconds",
            "histogram",
            "How long function calls took, those from the cache left out",
        );
        for kind in KINDS {
            let label = kind_key(kind_name(kind));
            let mut below = 0;
            for (bucket, bound) in BUCKET_BOUNDS_MS.iter().enumerate().take(BUCKETS) {
                below += counts.get(Counter::Latency(kind, bucket));
                let bound = bound / 1e3;
                let _infallible = writeln!(
                    text,
                    "lentil_call_seconds_bucket{{kind=\"{label}\",le=\"{bound:.6}\"}} {below}"
                );
            }
            let _infallible = writeln!(
                text,
                "lentil_call_seconds_bucket{{kind=\"{label}\",le=\"+Inf\"}} {below}"
            );
            let _infallible = writeln!(
                text,
                "lentil_call_seconds_count{{kind=\"{label}\"}} {below}"
            );
        }
        for (counter, name, help) in PLAIN {
            let name = format!("{name}_total");
            head(&mut text, &name, "counter", help);
            let _infallible = writeln!(text, "lentil_{name} {}", counts.get(counter));
        }
        let gauges = self.gauges();
        for (name, help, value) in [
            ("sessions", "Clients that are connected", gauges.sessions),
            (
                "subscriptions",
                "Queries that clients watch",
                gauges.subscriptions,
            ),
            (
                "distinct_queries",
                "Different queries that clients watch",
                gauges.distinct_queries,
            ),
            (
                "queued_calls",
                "Calls that wait for an executor",
                gauges.queued,
            ),
            (
                "scheduler_lag_seconds",
                "How late scheduled functions begin",
                gauges.lag_ms / 1e3,
            ),
            (
                "store_bytes",
                "Bytes that storage takes",
                gauges.store_bytes,
            ),
        ] {
            head(&mut text, name, "gauge", help);
            let _infallible = writeln!(text, "lentil_{name} {value}");
        }
        head(
            &mut text,
            "running_calls",
            "gauge",
            "Calls that have begun and not ended",
        );
        for (kind, count) in KINDS.into_iter().zip(gauges.running) {
            let label = kind_key(kind_name(kind));
            let _infallible = writeln!(text, "lentil_running_calls{{kind=\"{label}\"}} {count}");
        }
        text
    }
}
