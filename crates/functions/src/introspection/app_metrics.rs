//! The metrics of the stock dashboard (dashboard A3): series over the last hour, in buckets.

use std::collections::HashMap;
use std::sync::Arc;

use lentil_js::FunctionKind;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::counters::{BUCKETS, percentile};
use super::functions_seen::{CELLS, Cell, FunctionCounters};
use super::history::{History, STEP};
use crate::logs::kind_name;
use crate::path::{ComponentPath, FunctionPath, figured};
use crate::system::by_path;
use crate::{FunctionFailure, Functions};

/// Buckets of a window.
const BUCKETS_MAX: usize = 600;
/// What is left when the first `k` are named.
const REST: &str = "_rest";

/// What is asked, as it stands behind `?`.
pub type Parameters = HashMap<String, String>;

#[derive(Clone, Copy, Debug, Deserialize)]
struct Instant {
    secs_since_epoch: u64,
    #[serde(default)]
    nanos_since_epoch: u32,
}

#[derive(Deserialize)]
struct WrittenWindow {
    start: Instant,
    end: Instant,
    num_buckets: usize,
}

/// A time in buckets.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Window {
    start: f64,
    width: f64,
    buckets: usize,
}

impl Instant {
    fn secs(self) -> f64 {
        self.secs_since_epoch as f64 + f64::from(self.nanos_since_epoch) / 1e9
    }
}

fn wrong(text: impl Into<String>) -> FunctionFailure {
    FunctionFailure::developer(text)
}

impl Window {
    fn read(parameters: &Parameters) -> Result<Window, FunctionFailure> {
        let text = parameters
            .get("window")
            .ok_or_else(|| wrong("\"window\" is missing"))?;
        let window: WrittenWindow =
            serde_json::from_str(text).map_err(|error| wrong(format!("\"window\": {error}")))?;
        let (start, end) = (window.start.secs(), window.end.secs());
        if !(1..=BUCKETS_MAX).contains(&window.num_buckets) || end <= start {
            let text =
                format!("\"window\" must end after it begins and have 1 to {BUCKETS_MAX} buckets");
            return Err(wrong(text));
        }
        Ok(Window {
            start,
            width: (end - start) / window.num_buckets as f64,
            buckets: window.num_buckets,
        })
    }

    fn bucket_of(&self, secs: f64) -> Option<usize> {
        let at = (secs - self.start) / self.width;
        (at >= 0.0 && at < self.buckets as f64).then_some(at as usize)
    }

    /// What each bucket makes of the steps in it.
    fn collect<const N: usize>(&self, history: &History<N>) -> Vec<[u64; N]> {
        let mut sums = vec![[0; N]; self.buckets];
        let first = (self.start.max(0.0) as u64).saturating_sub(STEP);
        for step in history.from(first) {
            // In its middle: a step lies in the bucket in which most of it does.
            if let Some(bucket) = self.bucket_of(step.start as f64 + STEP as f64 / 2.0) {
                step.add_to(&mut sums[bucket]);
            }
        }
        sums
    }

    fn series(&self, values: impl IntoIterator<Item = Option<f64>>) -> Json {
        let points = values.into_iter().enumerate().map(|(at, value)| {
            let secs = self.start + self.width * at as f64;
            let nanos = (secs.fract() * 1e9) as u32;
            json!([{ "secs_since_epoch": secs as u64, "nanos_since_epoch": nanos }, value])
        });
        points.collect()
    }

    /// Something per minute.
    fn rate(&self, count: u64) -> Option<f64> {
        Some(count as f64 * 60.0 / self.width)
    }
}

type Sums = Vec<[u64; CELLS]>;

fn percentage(part: u64, rest: u64) -> Option<f64> {
    let whole = part + rest;
    (whole > 0).then(|| part as f64 * 100.0 / whole as f64)
}

fn kind_of(parameters: &Parameters) -> Result<FunctionKind, FunctionFailure> {
    match parameters.get("udfType").map(String::as_str) {
        Some("Query" | "query") => Ok(FunctionKind::Query),
        Some("Mutation" | "mutation") => Ok(FunctionKind::Mutation),
        Some("Action" | "action") => Ok(FunctionKind::Action),
        Some("HttpAction" | "httpAction") => Ok(FunctionKind::HttpAction),
        other => Err(wrong(format!(
            "\"udfType\" must be Query, Mutation, Action or HttpAction, not {other:?}"
        ))),
    }
}

/// Of which component the function or table is; the app itself if that is not said.
fn component_of(parameters: &Parameters) -> ComponentPath {
    ComponentPath(parameters.get("componentPath").cloned().unwrap_or_default())
}

impl Functions {
    /// The answer of `/api/app_metrics/{name}`; `None` if there is no such metric.
    pub fn app_metric(
        &self,
        name: &str,
        parameters: &Parameters,
    ) -> Result<Option<Json>, FunctionFailure> {
        let window = Window::read(parameters)?;
        Ok(Some(match name {
            "udf_rate" => self.udf_rate(parameters, window)?,
            "cache_hit_percentage" => {
                let sums = self.sums_of(parameters, window)?;
                window.series(sums.iter().map(hit_percentage))
            }
            "latency_percentiles" => self.latency(parameters, window)?,
            "table_rate" => self.table_rate(parameters, window)?,
            "cache_hit_percentage_top_k" => {
                let queries = Some(FunctionKind::Query);
                let least_hit = |sum: &[u64; CELLS]| hit_percentage(sum).map(|it| 100.0 - it);
                self.top(parameters, window, queries, least_hit, hit_percentage)?
            }
            "failure_percentage_top_k" => self.top(parameters, window, None, failures, failures)?,
            "function_call_count_top_k" => {
                let calls = |sum: &[u64; CELLS]| Some(sum[Cell::Calls as usize] as f64);
                let rate = |sum: &[u64; CELLS]| window.rate(sum[Cell::Calls as usize]);
                self.top(parameters, window, None, calls, rate)?
            }
            "subscription_invalidations_top_k" => self.invalidations(parameters, window)?,
            "scheduled_job_lag" => self.gauge(window, |gauges| gauges.lag_ms / 1e3),
            "function_concurrency" => self.concurrency(window),
            _ => return Ok(None),
        }))
    }

    /// What was counted of the function that is asked for.
    fn counters_of(
        &self,
        parameters: &Parameters,
    ) -> Result<Option<Arc<FunctionCounters>>, FunctionFailure> {
        let kind = kind_of(parameters)?;
        let path = parameters
            .get("path")
            .ok_or_else(|| wrong("\"path\" is missing"))?;
        let shown = match kind {
            FunctionKind::HttpAction => path.clone(),
            _ => FunctionPath::parse(path).map_or_else(|_| path.clone(), |it| it.to_string()),
        };
        let component = component_of(parameters);
        let name = figured(&component, shown);
        Ok(self.inner().introspection.functions.get(kind, &name))
    }

    fn sums_of(&self, parameters: &Parameters, window: Window) -> Result<Sums, FunctionFailure> {
        let counters = self.counters_of(parameters)?;
        Ok(match counters {
            Some(counters) => window.collect(&counters.history.lock()),
            None => vec![[0; CELLS]; window.buckets],
        })
    }

    fn udf_rate(&self, parameters: &Parameters, window: Window) -> Result<Json, FunctionFailure> {
        let cell = match parameters.get("metric").map(String::as_str) {
            Some("invocations") => Cell::Calls,
            Some("errors") => Cell::Errors,
            Some("cacheHits") => Cell::Hits,
            Some("cacheMisses") => Cell::Misses,
            Some("subscriptionInvalidations") => Cell::Reruns,
            other => return Err(wrong(format!("there is no metric {other:?} of functions"))),
        };
        let sums = self.sums_of(parameters, window)?;
        Ok(window.series(sums.iter().map(|sum| window.rate(sum[cell as usize]))))
    }

    fn latency(&self, parameters: &Parameters, window: Window) -> Result<Json, FunctionFailure> {
        let asked = parameters
            .get("percentiles")
            .map_or("[50,90,95,99]", String::as_str);
        let asked: Vec<f64> = serde_json::from_str(asked)
            .map_err(|error| wrong(format!("\"percentiles\": {error}")))?;
        let sums = self.sums_of(parameters, window)?;
        let first = Cell::Latency as usize;
        let of = |share: f64| {
            let values = sums.iter();
            let values = values.map(|sum| percentile(&sum[first..first + BUCKETS], share / 100.0));
            window.series(values)
        };
        Ok(asked
            .into_iter()
            .map(|share| json!([share, of(share)]))
            .collect())
    }

    fn table_rate(&self, parameters: &Parameters, window: Window) -> Result<Json, FunctionFailure> {
        let name = parameters
            .get("name")
            .ok_or_else(|| wrong("\"name\" is missing"))?;
        let written = match parameters.get("metric").map(String::as_str) {
            Some("rowsRead") => false,
            Some("rowsWritten") => true,
            other => return Err(wrong(format!("there is no metric {other:?} of tables"))),
        };
        let seen = &self.inner().introspection.tables;
        let mut tx = self.database().begin();
        let mut sums = vec![0; window.buckets];
        let component = by_path(&mut tx, &component_of(parameters))?;
        if let Some(table) = tx.table(component.namespace, name) {
            let indexes = tx.indexes(&table).into_iter().map(|index| index.id);
            if written {
                if let Some(cells) = seen.table(table.tablet) {
                    let steps = window.collect(&cells.history.lock());
                    sums.iter_mut()
                        .zip(steps)
                        .for_each(|(sum, step)| *sum += step.iter().sum::<u64>());
                }
            } else {
                for cells in indexes
                    .chain([table.by_id])
                    .filter_map(|index| seen.index(index))
                {
                    let steps = window.collect(&cells.history.lock());
                    sums.iter_mut()
                        .zip(steps)
                        .for_each(|(sum, step)| *sum += step[1]);
                }
            }
        }
        Ok(window.series(sums.into_iter().map(|sum| window.rate(sum))))
    }

    /// The functions with the highest scores, and all others together.
    fn top(
        &self,
        parameters: &Parameters,
        window: Window,
        only: Option<FunctionKind>,
        score: impl Fn(&[u64; CELLS]) -> Option<f64>,
        value: impl Fn(&[u64; CELLS]) -> Option<f64>,
    ) -> Result<Json, FunctionFailure> {
        let k = top_of(parameters)?;
        let functions = self.inner().introspection.functions.all().into_iter();
        let functions = functions.filter(|(kind, _, _)| only.is_none_or(|only| only == *kind));
        let mut scored: Vec<(f64, String, Sums)> = functions
            .filter_map(|(_, path, counters)| {
                let sums = window.collect(&counters.history.lock());
                let score = score(&total(&sums)).filter(|score| *score > 0.0)?;
                Some((score, path.to_string(), sums))
            })
            .collect();
        scored.sort_by(|left, right| {
            right
                .0
                .total_cmp(&left.0)
                .then_with(|| left.1.cmp(&right.1))
        });
        let rest = scored.split_off(k.min(scored.len()));
        let mut answer: Vec<Json> = scored
            .iter()
            .map(|(_, path, sums)| json!([path, window.series(sums.iter().map(&value))]))
            .collect();
        if !rest.is_empty() {
            let mut sums = vec![[0; CELLS]; window.buckets];
            for (_, _, other) in &rest {
                for (sum, other) in sums.iter_mut().zip(other) {
                    sum.iter_mut().zip(other).for_each(|(to, by)| *to += by);
                }
            }
            answer.push(json!([REST, window.series(sums.iter().map(&value))]));
        }
        Ok(answer.into())
    }

    /// The mutations whose commits made most live queries run again; of one query, how often it did.
    fn invalidations(
        &self,
        parameters: &Parameters,
        window: Window,
    ) -> Result<Json, FunctionFailure> {
        if let Some(path) = parameters.get("udfPath") {
            let query = Parameters::from([
                ("path".to_owned(), path.clone()),
                ("udfType".to_owned(), "Query".to_owned()),
                ("componentPath".to_owned(), component_of(parameters).0),
            ]);
            let sums = self.sums_of(&query, window)?;
            let series = window.series(
                sums.iter()
                    .map(|sum| window.rate(sum[Cell::Reruns as usize])),
            );
            return Ok(json!([[path, series]]));
        }
        let k = top_of(parameters)?;
        let causes = self.inner().introspection.causes.all().into_iter();
        let mut causes: Vec<(u64, String, Vec<[u64; 1]>)> = causes
            .map(|(name, cells)| {
                let sums = window.collect(&cells.history.lock());
                (sums.iter().map(|[sum]| sum).sum(), name.to_string(), sums)
            })
            .filter(|(total, _, _)| *total > 0)
            .collect();
        causes.sort_by(|left, right| right.0.cmp(&left.0).then_with(|| left.1.cmp(&right.1)));
        causes.truncate(k);
        let shown = causes.iter().map(|(_, name, sums)| {
            json!([
                name,
                window.series(sums.iter().map(|[sum]| window.rate(*sum)))
            ])
        });
        Ok(shown.collect())
    }

    /// The highest of something in each bucket.
    fn gauge(&self, window: Window, of: impl Fn(&super::sampler::Gauges) -> f64) -> Json {
        let sampler = &self.inner().introspection.sampler;
        let mut highest = vec![None; window.buckets];
        for sample in sampler.in_memory(STEP).unwrap_or_default() {
            if let Some(bucket) = window.bucket_of(sample.start as f64 + STEP as f64 / 2.0) {
                let value = of(&sample.gauges);
                let before = highest[bucket].unwrap_or(value);
                highest[bucket] = Some(value.max(before));
            }
        }
        window.series(highest)
    }

    fn concurrency(&self, window: Window) -> Json {
        let mut answer = json!({});
        for (at, kind) in super::counters::KINDS.into_iter().enumerate() {
            let name =
                |state: &str| format!("outstanding_functions:isolate:{}:{state}", kind_name(kind));
            answer[name("running")] = self.gauge(window, |gauges| gauges.running[at]);
            // Calls wait in one line, whatever their kind: they are told with the queries.
            answer[name("queued")] = self.gauge(window, |gauges| match kind {
                FunctionKind::Query => gauges.queued,
                _ => 0.0,
            });
        }
        answer
    }
}

fn top_of(parameters: &Parameters) -> Result<usize, FunctionFailure> {
    match parameters.get("k").map_or(Ok(5), |k| k.parse::<usize>()) {
        Ok(k) if (1..=100).contains(&k) => Ok(k),
        _ => Err(wrong("\"k\" must be a number from 1 to 100")),
    }
}

fn total(sums: &Sums) -> [u64; CELLS] {
    let mut total = [0; CELLS];
    for sum in sums {
        total.iter_mut().zip(sum).for_each(|(to, by)| *to += by);
    }
    total
}

fn hit_percentage(sum: &[u64; CELLS]) -> Option<f64> {
    percentage(sum[Cell::Hits as usize], sum[Cell::Misses as usize])
}

fn failures(sum: &[u64; CELLS]) -> Option<f64> {
    let (calls, errors) = (sum[Cell::Calls as usize], sum[Cell::Errors as usize]);
    percentage(errors, calls.saturating_sub(errors))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_lie_in_the_bucket_that_holds_their_middle() {
        let text = json!({
            "start": { "secs_since_epoch": 1_000, "nanos_since_epoch": 500_000_000 },
            "end": { "secs_since_epoch": 1_120, "nanos_since_epoch": 500_000_000 },
            "num_buckets": 2,
        });
        let parameters = Parameters::from([("window".to_owned(), text.to_string())]);
        let window = Window::read(&parameters).expect("a window");
        let mut history: History<1> = History::default();
        for (now, count) in [(990, 1), (1_001, 3), (1_055, 6), (1_061, 10), (1_119, 15)] {
            history.note(now, &[count]);
        }
        assert_eq!(window.collect(&history), [[5], [9]]);
        let series = window.series([None, window.rate(9)]);
        assert_eq!(
            series[1],
            json!([{ "secs_since_epoch": 1_060, "nanos_since_epoch": 500_000_000 }, 9.0])
        );
        for wrong in [
            "x",
            "{}",
            "{\"start\":{\"secs_since_epoch\":5},\"end\":{\"secs_since_epoch\":5},\"num_buckets\":1}",
        ] {
            let parameters = Parameters::from([("window".to_owned(), wrong.to_owned())]);
            assert!(Window::read(&parameters).is_err(), "{wrong}");
        }
    }
}
