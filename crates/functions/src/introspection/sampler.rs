//! Once a second: what came since the second before, kept in steps of a second, ten seconds, a
//! minute and an hour, the coarser ones for longer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use lentil_catalog::Rollup;
use lentil_database::{Transaction, TransactionError};
use parking_lot::Mutex;
use serde_json::{Value as Json, json};

use super::counters::{BUCKETS, Counter, Counts, KINDS, cell_names};
use super::live::LiveQuery;
use super::{Introspection, now_ms};
use crate::errors::from_transaction;
use crate::logs::kind_name;
use crate::transact::transact;
use crate::{FunctionFailure, Functions};

/// Steps that are kept in memory: seconds, and how many.
const SECONDS: (u64, usize) = (1, 600);
const TENS: (u64, usize) = (10, 2_160);
/// Steps that are kept in the database: seconds, and for how long.
const MINUTES: (u64, f64) = (60, 7.0 * 86_400.0);
const HOURS: (u64, f64) = (3_600, 400.0 * 86_400.0);
/// Steps that one transaction forgets.
const FORGOTTEN: usize = 100;
/// What is said of its transactions that fail.
const WHAT: &str = "what was counted could not be kept";

/// What was at a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Gauges {
    pub(crate) sessions: f64,
    pub(crate) subscriptions: f64,
    pub(crate) distinct_queries: f64,
    pub(crate) lag_ms: f64,
    pub(crate) running: [f64; 4],
    pub(crate) queued: f64,
    pub(crate) store_bytes: f64,
}

/// One step of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    /// When it began, seconds since the epoch.
    pub(crate) start: u64,
    pub(crate) counts: Counts,
    /// The highest of the step.
    pub(crate) gauges: Gauges,
}

#[derive(Default)]
struct State {
    last: Counts,
    seconds: VecDeque<Sample>,
    tens: VecDeque<Sample>,
    minute: Option<Sample>,
    hour: Option<Sample>,
    /// Conversations and questions that were there a second ago.
    sessions: BTreeSet<u64>,
    queries: BTreeMap<String, Arc<LiveQuery>>,
    ticks: u64,
    store_bytes: f64,
}

/// The steps.
#[derive(Default)]
pub(crate) struct Sampler(Mutex<State>);

impl Gauges {
    fn raise(&mut self, other: &Gauges) {
        let pairs = [
            (&mut self.sessions, other.sessions),
            (&mut self.subscriptions, other.subscriptions),
            (&mut self.distinct_queries, other.distinct_queries),
            (&mut self.lag_ms, other.lag_ms),
            (&mut self.queued, other.queued),
            (&mut self.store_bytes, other.store_bytes),
        ];
        for (mine, other) in pairs {
            *mine = mine.max(other);
        }
        for (mine, other) in self.running.iter_mut().zip(other.running) {
            *mine = mine.max(other);
        }
    }

    pub(crate) fn to_json(&self) -> Json {
        json!({
            "sessions": self.sessions, "subscriptions": self.subscriptions,
            "distinctQueries": self.distinct_queries, "lagMs": self.lag_ms,
            "running": self.running, "queued": self.queued, "storeBytes": self.store_bytes,
        })
    }

    fn from_json(json: &Json) -> Gauges {
        let number = |name: &str| json[name].as_f64().unwrap_or(0.0);
        Gauges {
            sessions: number("sessions"),
            subscriptions: number("subscriptions"),
            distinct_queries: number("distinctQueries"),
            lag_ms: number("lagMs"),
            running: std::array::from_fn(|at| json["running"][at].as_f64().unwrap_or(0.0)),
            queued: number("queued"),
            store_bytes: number("storeBytes"),
        }
    }
}

impl Sample {
    fn add(&mut self, other: &Sample) {
        self.counts.add(&other.counts);
        self.gauges.raise(&other.gauges);
    }

    fn to_rollup(&self, step: u64) -> Rollup {
        let names = cell_names();
        let counts: serde_json::Map<String, Json> = names
            .iter()
            .zip(self.counts.0.iter())
            .filter(|(_, count)| **count > 0)
            .map(|(name, count)| (name.clone(), json!(count)))
            .collect();
        Rollup {
            step: step as f64,
            start: self.start as f64,
            counts: json!({ "counts": counts, "gauges": self.gauges.to_json() }).to_string(),
        }
    }

    fn from_rollup(rollup: &Rollup) -> Sample {
        let json: Json = serde_json::from_str(&rollup.counts).unwrap_or_default();
        let mut counts = Counts::default();
        for (cell, name) in counts.0.iter_mut().zip(cell_names()) {
            *cell = json["counts"][name.as_str()].as_u64().unwrap_or(0);
        }
        Sample {
            start: rollup.start as u64,
            counts,
            gauges: Gauges::from_json(&json["gauges"]),
        }
    }
}

/// Adds a sample to the step that it lies in; gives the step before if that has ended.
fn fold(current: &mut Option<Sample>, step: u64, sample: &Sample) -> Option<Sample> {
    let start = sample.start - sample.start % step;
    match current {
        Some(open) if open.start == start => {
            open.add(sample);
            None
        }
        _ => {
            let begun = Sample {
                start,
                ..sample.clone()
            };
            current.replace(begun)
        }
    }
}

fn keep(steps: &mut VecDeque<Sample>, (step, most): (u64, usize), sample: &Sample) {
    let start = sample.start - sample.start % step;
    match steps.back_mut() {
        Some(open) if open.start == start => open.add(sample),
        _ => steps.push_back(Sample {
            start,
            ..sample.clone()
        }),
    }
    if steps.len() > most {
        steps.pop_front();
    }
}

impl Sampler {
    /// The steps of a length that are in memory; `None` for lengths that are kept elsewhere.
    pub(crate) fn in_memory(&self, step: u64) -> Option<Vec<Sample>> {
        let state = self.0.lock();
        let steps = match step {
            1 => &state.seconds,
            10 => &state.tens,
            _ => return None,
        };
        Some(steps.iter().cloned().collect())
    }

    /// The step of that length which has not ended.
    fn open(&self, step: u64) -> Option<Sample> {
        let state = self.0.lock();
        if step == HOURS.0 {
            state.hour.clone()
        } else {
            state.minute.clone()
        }
    }

    /// Ends the open steps; gives those that are worth keeping.
    fn close(&self) -> Vec<Rollup> {
        let mut state = self.0.lock();
        let minute = state.minute.take().map(|sample| (MINUTES.0, sample));
        let hour = state.hour.take().map(|sample| (HOURS.0, sample));
        let open = minute.into_iter().chain(hour);
        open.filter(|(_, sample)| !sample.counts.is_zero())
            .map(|(step, sample)| sample.to_rollup(step))
            .collect()
    }

    /// Adds a second; gives the steps that have ended and are to be kept in the database.
    fn note(&self, sample: &Sample) -> Vec<Rollup> {
        let mut state = self.0.lock();
        keep(&mut state.seconds, SECONDS, sample);
        keep(&mut state.tens, TENS, sample);
        let minute = fold(&mut state.minute, MINUTES.0, sample);
        let hour = fold(&mut state.hour, HOURS.0, sample);
        let worth = |sample: &Sample| !sample.counts.is_zero();
        let minute = minute.filter(worth).map(|it| it.to_rollup(MINUTES.0));
        let hour = hour.filter(worth).map(|it| it.to_rollup(HOURS.0));
        minute.into_iter().chain(hour).collect()
    }
}

impl Functions {
    /// Takes the second that has passed. To be called once a second.
    pub async fn sample(&self) {
        let inner = self.inner();
        let introspection = &inner.introspection;
        if !introspection.is_on() {
            return;
        }
        let now_ms = now_ms();
        let now = (now_ms / 1e3) as u64;
        let gauges = self.gauges();
        let counts = {
            let mut state = introspection.sampler.0.lock();
            let total = introspection.counters.total();
            let counts = total.since(&state.last);
            state.last = total;
            counts
        };
        let sample = Sample {
            start: now,
            counts,
            gauges,
        };
        introspection.functions.note(now);
        introspection.causes.note(now);
        let database = &inner.database;
        let is_there = |index| database.describe_index(index).is_some();
        introspection.tables.note(now, is_there);
        introspection.scans.note(now, is_there);
        introspection.live.note(now);
        let ended = introspection.sampler.note(&sample);
        let minute = !ended.is_empty();
        if introspection.events.wanted() {
            introspection.tell_comings_and_goings(now_ms);
            let tick = tick_json(&sample, introspection);
            introspection.events.push("tick", now_ms, tick);
        }
        introspection.events.second(now_ms);
        if !ended.is_empty() && self.keep_rollups(ended, now as f64).await.is_err() {
            tracing::warn!("{WHAT}; the next minute is tried again");
        }
        self.keep_key_uses(minute).await;
        self.keep_usage(false).await;
    }

    pub(crate) fn gauges(&self) -> Gauges {
        let inner = self.inner();
        let introspection = &inner.introspection;
        let queued = inner.host.stats().queued as f64;
        let running = KINDS.map(|kind| introspection.counters.outstanding(kind) as f64);
        let store_bytes = {
            let mut state = introspection.sampler.0.lock();
            state.ticks += 1;
            // Asking storage costs a little; sizes change slowly.
            if state.ticks % 10 == 1 {
                let stats = inner.database.stats();
                state.store_bytes = stats.map_or(state.store_bytes, |stats| stats.bytes as f64);
            }
            state.store_bytes
        };
        Gauges {
            sessions: introspection.sessions.count() as f64,
            subscriptions: introspection.live.watches() as f64,
            distinct_queries: introspection.live.watched().len() as f64,
            lag_ms: inner.agenda.lag_ms(),
            running,
            queued,
            store_bytes,
        }
    }

    async fn keep_rollups(&self, ended: Vec<Rollup>, now: f64) -> Result<(), FunctionFailure> {
        let database = self.database().clone();
        transact(database, WHAT, move |tx| {
            keep_in(tx, &ended, now).map_err(from_transaction)
        })
        .await
    }

    /// The steps of a length between two times, the open one included.
    pub(crate) async fn samples(
        &self,
        step: u64,
        from: f64,
        to: f64,
    ) -> Result<Vec<Sample>, FunctionFailure> {
        let sampler = &self.inner().introspection.sampler;
        let inside = |sample: &Sample| (from..to).contains(&(sample.start as f64));
        if let Some(samples) = sampler.in_memory(step) {
            return Ok(samples.into_iter().filter(inside).collect());
        }
        let database = self.database().clone();
        let rollups = transact(database, WHAT, move |tx| {
            Rollup::between(tx, step as f64, from, to)
                .map_err(|error| from_transaction(error.into()))
        });
        let mut samples: Vec<Sample> = Vec::new();
        let kept = rollups.await?;
        for sample in kept
            .iter()
            .map(Sample::from_rollup)
            .chain(sampler.open(step).filter(inside))
        {
            match samples.last_mut() {
                // The server was stopped and started within the step.
                Some(last) if last.start == sample.start => last.add(&sample),
                _ => samples.push(sample),
            }
        }
        Ok(samples)
    }

    /// Keeps the minute and the hour that have not ended, before the server stops.
    pub async fn keep_open_samples(&self) {
        self.sample().await;
        let open = self.inner().introspection.sampler.close();
        let now = now_ms() / 1e3;
        if !open.is_empty() && self.keep_rollups(open, now).await.is_err() {
            tracing::warn!("{WHAT}: the last minute is lost");
        }
        self.keep_key_uses(true).await;
        self.keep_usage(true).await;
    }
}

fn keep_in(tx: &mut Transaction, ended: &[Rollup], now: f64) -> Result<(), TransactionError> {
    for rollup in ended {
        rollup.insert(tx)?;
    }
    for (step, kept) in [MINUTES, HOURS] {
        Rollup::forget_before(tx, step as f64, now - kept, FORGOTTEN)?;
    }
    Ok(())
}

impl Introspection {
    /// Tells of conversations and questions that have come or gone within the second.
    fn tell_comings_and_goings(&self, now_ms: f64) {
        let sessions = self.sessions.all();
        let queries: BTreeMap<String, Arc<LiveQuery>> = self
            .live
            .watched()
            .into_iter()
            .map(|query| (query.group(), query))
            .collect();
        let mut state = self.sampler.0.lock();
        let numbers: BTreeSet<u64> = sessions.iter().map(|(number, _)| *number).collect();
        for (number, present) in &sessions {
            if !state.sessions.contains(number) {
                let opened = json!({
                    "event": "open", "sessionId": number, "client": present.client,
                    "identityKind": present.identity,
                });
                self.events.push("session", now_ms, opened);
            }
        }
        for number in state.sessions.difference(&numbers) {
            let closed = json!({ "event": "close", "sessionId": number });
            self.events.push("session", now_ms, closed);
        }
        let told = |event: &str, id: &str, query: &LiveQuery| {
            json!({
                "event": event, "subId": id, "query": query.query(),
                "argsHash": query.args_hash(), "argsPreview": query.args_preview(),
            })
        };
        for (id, query) in &queries {
            if !state.queries.contains_key(id) {
                self.events
                    .detail("sub", now_ms, || told("open", id, query));
            }
        }
        for (id, query) in &state.queries {
            if !queries.contains_key(id) {
                self.events
                    .detail("sub", now_ms, || told("close", id, query));
            }
        }
        state.sessions = numbers;
        state.queries = queries;
    }
}

/// A second as readers of the stream get it.
fn tick_json(sample: &Sample, introspection: &Introspection) -> Json {
    let get = |counter| sample.counts.get(counter);
    let (mut per_kind, mut latency, mut running) = (json!({}), json!({}), json!({}));
    for (kind, count) in KINDS.into_iter().zip(sample.gauges.running) {
        let name = kind_key(kind_name(kind));
        per_kind[name] = json!({
            "started": get(Counter::Started(kind)),
            "ok": get(Counter::Ok(kind)),
            "failed": get(Counter::Failed(kind)),
        });
        let classes = (0..BUCKETS).map(|bucket| get(Counter::Latency(kind, bucket)));
        latency[name] = json!(classes.collect::<Vec<_>>());
        running[name] = json!(count);
    }
    json!({
        "second": sample.start,
        "perKind": per_kind,
        "cache": { "hit": get(Counter::CacheHit), "miss": get(Counter::CacheMiss) },
        "occ": { "retried": get(Counter::Retried), "failed": get(Counter::ConflictFailed) },
        "io": {
            "docsRead": get(Counter::DocsRead), "bytesRead": get(Counter::BytesRead),
            "docsWritten": get(Counter::DocsWritten), "bytesWritten": get(Counter::BytesWritten),
            "egress": get(Counter::Egress),
        },
        "reruns": { "total": get(Counter::Rerun), "unchanged": get(Counter::Unchanged) },
        "live": {
            "sessions": sample.gauges.sessions,
            "subscriptions": sample.gauges.subscriptions,
            "distinctQueries": sample.gauges.distinct_queries,
        },
        "running": running,
        "queued": sample.gauges.queued,
        "latency": latency,
        "store": { "bytes": sample.gauges.store_bytes, "walBytes": null, "cacheBytes": null },
        "schedulerLagMs": sample.gauges.lag_ms,
        "detailSampling": introspection.events.sampling(),
    })
}

/// The name of a kind in the stream.
pub(crate) fn kind_key(name: &str) -> &'static str {
    match name {
        "Query" => "query",
        "Mutation" => "mutation",
        "Action" => "action",
        _ => "http",
    }
}

#[cfg(test)]
mod tests {
    use lentil_js::FunctionKind;

    use super::*;

    fn second(start: u64, calls: u64) -> Sample {
        let mut sample = Sample {
            start,
            ..Sample::default()
        };
        sample.counts.0[Counter::Ok(FunctionKind::Query).cell()] = calls;
        sample.gauges.sessions = calls as f64;
        sample
    }

    #[test]
    fn seconds_add_up_to_longer_steps_and_minutes_are_given_away_when_they_end() {
        let sampler = Sampler::default();
        let mut ended = Vec::new();
        for start in 600..725 {
            ended.extend(sampler.note(&second(start, 2)));
        }
        let tens = sampler.in_memory(10).expect("they are in memory");
        let ok = Counter::Ok(FunctionKind::Query);
        assert_eq!(
            (tens.len(), tens[0].start, tens[0].counts.get(ok)),
            (13, 600, 20)
        );
        assert_eq!(ended.len(), 2);
        let minute = Sample::from_rollup(&ended[1]);
        assert_eq!((minute.start, minute.counts.get(ok)), (660, 120));
        assert_eq!(minute.gauges, second(0, 2).gauges);
        assert_eq!(sampler.open(60).expect("it is open").counts.get(ok), 10);
        for start in 725..2_000 {
            assert!(
                sampler.note(&second(start, 0)).len() <= 1,
                "nothing is kept of quiet minutes"
            );
        }
        assert_eq!(sampler.in_memory(1).map(|seconds| seconds.len()), Some(600));
    }
}
