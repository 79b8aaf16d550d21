//! The same counters in the text format of Prometheus.

mod functions;
mod store;
mod text;

use self::text::Text;
use super::counters::{BUCKET_BOUNDS_MS, BUCKETS, Counter, KINDS};
use super::sampler::kind_key;
use crate::logs::kind_name;
use crate::{FunctionFailure, Functions};

pub(crate) use self::store::{Kept, live_of};

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
    pub async fn prometheus(&self) -> Result<String, FunctionFailure> {
        let mut text = Text::default();
        self.calls(&mut text);
        let introspection = &self.inner().introspection;
        functions::write(introspection, &mut text);
        let counts = introspection.counters.total();
        for (counter, name, help) in PLAIN {
            text.one(
                &format!("{name}_total"),
                "counter",
                help,
                counts.get(counter) as f64,
            );
        }
        self.levels(&mut text);
        store::write(self, &mut text).await?;
        Ok(text.into())
    }

    /// Calls by kind.
    fn calls(&self, text: &mut Text) {
        let counts = self.inner().introspection.counters.total();
        text.head("calls_total", "counter", "Function calls that have ended");
        for kind in KINDS {
            let label = kind_key(kind_name(kind));
            for (counter, result) in [(Counter::Ok(kind), "ok"), (Counter::Failed(kind), "failed")]
            {
                let labels = [("kind", label), ("result", result)];
                text.sample("calls_total", &labels, counts.get(counter) as f64);
            }
        }
        let help = "How long function calls took, those from the cache left out";
        text.head("call_seconds", "histogram", help);
        for kind in KINDS {
            let label = kind_key(kind_name(kind));
            let mut below = 0;
            for (bucket, bound) in BUCKET_BOUNDS_MS.iter().enumerate().take(BUCKETS) {
                below += counts.get(Counter::Latency(kind, bucket));
                let bound = format!("{:.6}", bound / 1e3);
                let labels = [("kind", label), ("le", &*bound)];
                text.sample("call_seconds_bucket", &labels, below as f64);
            }
            let labels = [("kind", label), ("le", "+Inf")];
            text.sample("call_seconds_bucket", &labels, below as f64);
            text.sample("call_seconds_count", &[("kind", label)], below as f64);
        }
    }

    /// What is going on now.
    fn levels(&self, text: &mut Text) {
        let gauges = self.gauges();
        let host = self.inner().host.stats();
        let committer = self.database().committed();
        for (name, kind, help, value) in [
            (
                "sessions",
                "gauge",
                "Clients that are connected",
                gauges.sessions,
            ),
            (
                "subscriptions",
                "gauge",
                "Queries that clients watch",
                gauges.subscriptions,
            ),
            (
                "distinct_queries",
                "gauge",
                "Different queries that clients watch",
                gauges.distinct_queries,
            ),
            (
                "queued_calls",
                "gauge",
                "Calls that wait for an executor",
                gauges.queued,
            ),
            (
                "queued_commits",
                "gauge",
                "Transactions that wait to be committed",
                committer.waiting as f64,
            ),
            (
                "scheduler_lag_seconds",
                "gauge",
                "How late scheduled functions begin",
                gauges.lag_ms / 1e3,
            ),
            (
                "store_bytes",
                "gauge",
                "Bytes that storage takes",
                gauges.store_bytes,
            ),
            (
                "executors",
                "gauge",
                "Processes that run functions",
                host.executors as f64,
            ),
            (
                "executors_lost_total",
                "counter",
                "Processes that were ended by what they ran, or from outside",
                host.lost as f64,
            ),
            (
                "commits_total",
                "counter",
                "Transactions that were committed",
                committer.commits as f64,
            ),
            (
                "fsyncs_total",
                "counter",
                "Batches that were made durable, with one fsync each",
                committer.batches as f64,
            ),
        ] {
            text.one(name, kind, help, value);
        }
        let help = "Calls that have begun and not ended";
        text.head("running_calls", "gauge", help);
        for (kind, count) in KINDS.into_iter().zip(gauges.running) {
            text.sample(
                "running_calls",
                &[("kind", kind_key(kind_name(kind)))],
                count,
            );
        }
    }
}
