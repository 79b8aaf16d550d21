//! What each function has done, and which mutations made queries run again.

use std::sync::Arc;

use lentil_js::FunctionKind;

use super::text::Text;
use crate::introspection::counters::{BUCKETS, percentile};
use crate::introspection::functions_seen::{CELLS, Cell};
use crate::introspection::sampler::kind_key;
use crate::introspection::{Introspection, now_ms};
use crate::logs::kind_name;

/// Over how long percentiles are taken.
const RECENT_SECS: u64 = 300;
const QUANTILES: [(f64, &str); 3] = [(0.5, "0.5"), (0.95, "0.95"), (0.99, "0.99")];

const COUNTED: [(Cell, &str, &str); 12] = [
    (Cell::Calls, "calls", "Calls of the function"),
    (Cell::Errors, "errors", "Calls that failed"),
    (
        Cell::Hits,
        "cache_hits",
        "Calls that were answered from the cache",
    ),
    (Cell::Misses, "cache_misses", "Calls that were run"),
    (
        Cell::Reruns,
        "reruns",
        "Times that a commit made it run again for those who watch",
    ),
    (
        Cell::Unchanged,
        "reruns_unchanged",
        "Times that it gave the same result then",
    ),
    (
        Cell::Conflicts,
        "conflicts",
        "Times that it met another mutation",
    ),
    (
        Cell::ConflictFailures,
        "conflict_failures",
        "Times that it was given up because of that",
    ),
    (Cell::Micros, "user_seconds", "Time in its code"),
    (
        Cell::BytesRead,
        "document_bytes_read",
        "Bytes of documents that it has read",
    ),
    (
        Cell::BytesWritten,
        "document_bytes_written",
        "Bytes of documents that it has written",
    ),
    (Cell::Egress, "result_bytes", "Bytes of its results"),
];

struct One {
    kind: FunctionKind,
    path: Arc<str>,
    total: [u64; CELLS],
    recent: [u64; CELLS],
}

pub(super) fn write(introspection: &Introspection, text: &mut Text) {
    let since = ((now_ms() / 1e3) as u64).saturating_sub(RECENT_SECS);
    let all = introspection.functions.all().into_iter();
    let mut all: Vec<One> = all
        .map(|(kind, path, counters)| One {
            kind,
            path,
            total: counters.total(),
            recent: counters.history.lock().sum_from(since),
        })
        .collect();
    all.sort_by(|left, right| left.path.cmp(&right.path));
    for (cell, name, help) in COUNTED {
        let name = format!("function_{name}_total");
        text.head(&name, "counter", help);
        for one in &all {
            let count = one.total[cell as usize] as f64;
            let value = if cell == Cell::Micros {
                count / 1e6
            } else {
                count
            };
            text.sample(&name, &one.labels(), value);
        }
    }
    let help = "How long its calls of the last five minutes took, those from the cache left out";
    text.head("function_seconds", "summary", help);
    let first = Cell::Latency as usize;
    for one in &all {
        for (share, quantile) in QUANTILES {
            if let Some(seconds) = percentile(&one.recent[first..first + BUCKETS], share) {
                let [function, kind] = one.labels();
                text.sample(
                    "function_seconds",
                    &[function, kind, ("quantile", quantile)],
                    seconds,
                );
            }
        }
        let count: u64 = one.total[first..first + BUCKETS].iter().sum();
        text.sample("function_seconds_count", &one.labels(), count as f64);
    }
    let help = "Live queries that the commits of a mutation made run again";
    text.head("query_reruns_caused_total", "counter", help);
    let mut causes = introspection.causes.all();
    causes.sort_by(|left, right| left.0.cmp(&right.0));
    for (cause, cells) in causes {
        text.sample(
            "query_reruns_caused_total",
            &[("cause", &cause)],
            cells.total()[0] as f64,
        );
    }
}

impl One {
    fn labels(&self) -> [(&str, &str); 2] {
        [
            ("function", &self.path),
            ("kind", kind_key(kind_name(self.kind))),
        ]
    }
}
