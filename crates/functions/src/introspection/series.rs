//! Series of what was counted, over any time that is remembered: `GET …/series`.

use serde_json::{Value as Json, json};

use super::counters::{BUCKETS, Counter, KINDS, percentile};
use super::sampler::{Sample, kind_key};
use crate::logs::kind_name;
use crate::{FunctionFailure, Functions};

/// Steps of time, and how far back each is remembered, seconds.
const STEPS: [(u64, f64); 4] = [
    (1, 600.0),
    (10, 21_600.0),
    (60, 7.0 * 86_400.0),
    (3_600, 400.0 * 86_400.0),
];
/// Points of one answer.
const POINTS_MAX: f64 = 10_000.0;

/// What a series is asked for.
#[derive(Clone, Debug)]
pub struct SeriesQuery {
    /// What is counted, e.g. `calls`.
    pub metric: String,
    /// `kind`, or nothing.
    pub by: Option<String>,
    /// Seconds since the epoch.
    pub from: f64,
    /// Seconds since the epoch.
    pub to: f64,
    /// Seconds of a step; the finest that reaches back so far, if none is given.
    pub step: Option<u64>,
}

/// What a series can be of.
pub(crate) const METRICS: [&str; 20] = [
    "calls",
    "errors",
    "started",
    "cacheHit",
    "cacheMiss",
    "retried",
    "conflicts",
    "docsRead",
    "bytesRead",
    "docsWritten",
    "bytesWritten",
    "egress",
    "reruns",
    "unchanged",
    "p50",
    "p95",
    "p99",
    "sessions",
    "subscriptions",
    "lagMs",
];

impl Functions {
    /// A series; the failure says what is wrong with the question.
    pub async fn series(&self, query: &SeriesQuery) -> Result<Json, FunctionFailure> {
        if !METRICS.contains(&query.metric.as_str()) {
            let text = format!(
                "there is no metric {:?}: use one of {}",
                query.metric,
                METRICS.join(", ")
            );
            return Err(FunctionFailure::developer(text));
        }
        let now = super::now_ms() / 1e3;
        let reaching = STEPS.iter().find(|(_, back)| now - query.from <= *back);
        let step = query
            .step
            .or(reaching.map(|(step, _)| *step))
            .unwrap_or(3_600);
        if !STEPS.iter().any(|(known, _)| *known == step) {
            let text = format!("there is no step of {step} s: use 1, 10, 60 or 3600");
            return Err(FunctionFailure::developer(text));
        }
        if (query.to - query.from) / step as f64 > POINTS_MAX {
            let text = format!("more than {POINTS_MAX} points: ask for a longer step");
            return Err(FunctionFailure::developer(text));
        }
        let samples = self.samples(step, query.from, query.to).await?;
        let points = |kind: Option<usize>| -> Vec<Json> {
            let points = samples.iter();
            points
                .map(|sample| json!([sample.start, value(sample, &query.metric, kind)]))
                .collect()
        };
        let mut answer = json!({ "metric": query.metric, "step": step });
        match query.by.as_deref() {
            None | Some("") => answer["points"] = json!(points(None)),
            Some("kind") => {
                for (at, kind) in KINDS.into_iter().enumerate() {
                    answer["series"][kind_key(kind_name(kind))] = json!(points(Some(at)));
                }
            }
            Some(other) => {
                let text = format!("series are not known by {other:?}: use \"kind\", or nothing");
                return Err(FunctionFailure::developer(text));
            }
        }
        Ok(answer)
    }
}

/// The value of a step, of one kind of function if one is given.
fn value(sample: &Sample, metric: &str, kind: Option<usize>) -> Option<f64> {
    let kinds = || {
        KINDS
            .into_iter()
            .enumerate()
            .filter(|(at, _)| kind.is_none_or(|kind| kind == *at))
    };
    let sum = |counter: fn(lentil_js::FunctionKind) -> Counter| {
        let counts = kinds().map(|(_, kind)| sample.counts.get(counter(kind)));
        Some(counts.sum::<u64>() as f64)
    };
    let one = |counter| Some(sample.counts.get(counter) as f64);
    let share = |share| {
        let mut classes = [0; BUCKETS];
        for (_, kind) in kinds() {
            for (bucket, class) in classes.iter_mut().enumerate() {
                *class += sample.counts.get(Counter::Latency(kind, bucket));
            }
        }
        percentile(&classes, share).map(|seconds| seconds * 1e3)
    };
    match metric {
        "calls" => Some(sum(Counter::Ok)? + sum(Counter::Failed)?),
        "errors" => sum(Counter::Failed),
        "started" => sum(Counter::Started),
        "cacheHit" => one(Counter::CacheHit),
        "cacheMiss" => one(Counter::CacheMiss),
        "retried" => one(Counter::Retried),
        "conflicts" => one(Counter::ConflictFailed),
        "docsRead" => one(Counter::DocsRead),
        "bytesRead" => one(Counter::BytesRead),
        "docsWritten" => one(Counter::DocsWritten),
        "bytesWritten" => one(Counter::BytesWritten),
        "egress" => one(Counter::Egress),
        "reruns" => one(Counter::Rerun),
        "unchanged" => one(Counter::Unchanged),
        "p50" => share(0.5),
        "p95" => share(0.95),
        "p99" => share(0.99),
        "sessions" => Some(sample.gauges.sessions),
        "subscriptions" => Some(sample.gauges.subscriptions),
        "lagMs" => Some(sample.gauges.lag_ms),
        _ => None,
    }
}
