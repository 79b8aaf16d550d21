//! Random short histories through real executors: calls that run at the same time must have read
//! and written what they would have alone, one after the other in the order of their commits.
//!
//! A history has cells of its own (`h`), so that many histories share a deployment and its
//! executors without meeting; its calls begin together. The subscriptions of the second test are
//! compared with running everything again after each commit.

mod support;
#[path = "support/pushed.rs"]
mod pushed;
#[path = "../../database/tests/suite/serial.rs"]
mod serial;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lentil_functions::{HostOptions, QueryResult, Signal};
use lentil_values::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value as Json, json};
use tokio::task::JoinSet;

use pushed::{module, push, push_of, schema, table};
use serial::{Execution, Replay, replay};
use support::{App, call, host_options};

/// Cells of a history.
const CELLS: u32 = 5;
/// Histories that run at the same time.
const AT_ONCE: usize = 16;
/// Histories whose cells one mutation prepares.
const BATCH: usize = 250;

fn long() -> bool {
    std::env::var("LENTIL_LONG").is_ok_and(|long| !long.is_empty())
}

async fn start() -> App {
    let host = HostOptions {
        executors: 4,
        ..host_options()
    };
    let app = App::empty(host).await;
    let cells = table(
        "cells",
        &[("h", "number"), ("k", "number"), ("v", "number")],
        &[("by_h_k", &["h", "k"])],
    );
    let code = module("h.js", include_str!("histories/app.js"));
    push(&app, push_of(&[code], Some(schema(json!([cells]))))).await;
    app
}

/// A step of a call, as `app.js` takes it.
#[derive(Clone, Debug)]
enum Op {
    Get(u32),
    Point(u32),
    Range(u32, u32, &'static str, usize),
    Put(u32, f64),
    Add(u32, f64),
    Remove(u32),
    Child(Vec<Op>, bool),
}

impl Op {
    fn read(rng: &mut StdRng) -> Op {
        let k = rng.random_range(0..CELLS);
        match rng.random_range(0..4) {
            0 => Op::Get(k),
            1 => Op::Point(k),
            _ => {
                let order = if rng.random() { "asc" } else { "desc" };
                let take = if rng.random() {
                    100
                } else {
                    rng.random_range(1..3)
                };
                Op::Range(k, rng.random_range(k..=CELLS), order, take)
            }
        }
    }

    fn any(rng: &mut StdRng, nesting: u8) -> Op {
        let k = rng.random_range(0..CELLS);
        match rng.random_range(0..10) {
            0..4 => Op::read(rng),
            4..6 => Op::Put(k, f64::from(rng.random_range(0..1_000))),
            6..8 => Op::Add(k, f64::from(rng.random_range(1..9))),
            8 if nesting < 2 => {
                let steps = 0..rng.random_range(1..4);
                let steps = steps.map(|_| Op::any(rng, nesting + 1)).collect();
                Op::Child(steps, rng.random())
            }
            _ => Op::Remove(k),
        }
    }

    fn json(&self) -> Json {
        let list = |steps: &[Op]| steps.iter().map(Op::json).collect::<Json>();
        match self {
            Op::Get(k) => json!(["get", k]),
            Op::Point(k) => json!(["point", k]),
            Op::Range(from, below, order, take) => json!(["range", from, below, order, take]),
            Op::Put(k, v) => json!(["put", k, v]),
            Op::Add(k, n) => json!(["add", k, n]),
            Op::Remove(k) => json!(["remove", k]),
            Op::Child(steps, fails) => json!(["child", list(steps), fails]),
        }
    }

    fn is_read(&self) -> bool {
        matches!(self, Op::Get(_) | Op::Point(_) | Op::Range(..))
    }
}

/// The cells of one history.
#[derive(Clone, Default)]
struct Cells(BTreeMap<u32, f64>);

impl Cells {
    /// Does a step; what it finds.
    fn run(&mut self, op: &Op) -> Json {
        let value = |v: Option<f64>| v.map_or(Json::Null, |v| json!(v));
        match op {
            Op::Get(k) | Op::Point(k) => value(self.0.get(k).copied()),
            Op::Range(from, below, order, take) => {
                let rows = self.0.range(from..below);
                let mut rows: Vec<Json> = rows.map(|(k, v)| json!([f64::from(*k), v])).collect();
                if *order == "desc" {
                    rows.reverse();
                }
                rows.truncate(*take);
                Json::Array(rows)
            }
            Op::Put(k, v) => value(self.0.insert(*k, *v)),
            Op::Add(k, n) => {
                let before = self.0.get(k).copied();
                if let Some(v) = before {
                    self.0.insert(*k, v + n);
                }
                value(before)
            }
            Op::Remove(k) => value(self.0.remove(k)),
            Op::Child(steps, fails) => {
                let mut inside = self.clone();
                let found = steps.iter().map(|step| inside.run(step)).collect();
                if !fails {
                    *self = inside;
                }
                found
            }
        }
    }
}

/// A step and what it found.
struct Step(Op, Json);

impl Replay<Step> for Cells {
    fn play(&mut self, Step(op, found): &Step) -> Result<(), String> {
        let expected = self.run(op);
        if expected == *found {
            return Ok(());
        }
        Err(format!("{op:?} found {found} instead of {expected}"))
    }
}

/// One call of a history.
struct Planned {
    args: Json,
    ops: Vec<Op>,
    reads_only: bool,
    /// Reads that are not to commit anything may be asked as a query, too.
    as_query: bool,
}

impl Planned {
    fn random(rng: &mut StdRng, h: usize, number: u32) -> Planned {
        let as_query = rng.random_ratio(1, 5);
        let steps = 0..rng.random_range(1..5);
        let ops: Vec<Op> = steps
            .map(|_| {
                if as_query {
                    Op::read(rng)
                } else {
                    Op::any(rng, 0)
                }
            })
            .collect();
        let reads_only = ops.iter().all(Op::is_read);
        let mut args = json!({ "h": h, "steps": ops.iter().map(Op::json).collect::<Json>() });
        if !reads_only {
            args["mark"] = json!(number);
        }
        Planned {
            args,
            ops,
            reads_only,
            as_query,
        }
    }

    async fn run(self, app: Arc<App>) -> Execution<Step> {
        let (result, ts) = if self.as_query {
            let ts = app.latest();
            let question = call("h:look", self.args);
            let result = app.functions.query(&question, ts, None).await;
            let result = result.expect("the timestamp is retained");
            assert!(result.is_valid_at(ts));
            (result.outcome.result.clone(), ts)
        } else {
            let done = app.mutate(call("h:play", self.args)).await;
            (done.outcome.result, done.ts.unwrap_or_default())
        };
        let found = result.unwrap_or_else(|failure| panic!("a call failed: {}", failure.message));
        let found: Vec<Json> = serde_json::from_str(&found).expect("a list of what was found");
        assert_eq!(found.len(), self.ops.len());
        Execution {
            at: (ts, self.reads_only),
            steps: self
                .ops
                .into_iter()
                .zip(found)
                .map(|(op, found)| Step(op, found))
                .collect(),
        }
    }
}

/// What every history begins with.
fn beginning() -> Cells {
    Cells((0..CELLS - 2).map(|k| (k, f64::from(k))).collect())
}

/// Two to four calls that begin together.
async fn history(app: Arc<App>, h: usize) {
    let rng = &mut StdRng::seed_from_u64(h as u64);
    let mut calls = JoinSet::new();
    for number in 0..rng.random_range(2..=4) {
        calls.spawn(Planned::random(rng, h, number).run(app.clone()));
    }
    let mut executions = Vec::new();
    while let Some(ended) = calls.join_next().await {
        executions.push(ended.unwrap_or_else(|panic| panic!("history {h}: {panic}")));
    }
    let end = replay(executions, beginning());
    // Nothing else is there in the end.
    let all = json!({ "h": h, "steps": [["range", 0, CELLS, "asc", 100]] });
    if h.is_multiple_of(10) {
        let there = app.ask("h:look", all).await;
        let expected = end.clone().run(&Op::Range(0, CELLS, "asc", 100));
        assert_eq!(there, json!([expected]), "history {h}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn short_histories_through_executors_are_serializable() {
    let histories = if long() { 100_000 } else { 3_000 };
    let app = Arc::new(start().await);
    let (mut conflicts, mut cursor) = (0, 0.0);
    for first in (0..histories).step_by(BATCH) {
        let batch = first..histories.min(first + BATCH);
        let cells: Vec<Json> = batch
            .clone()
            .flat_map(|h| {
                beginning()
                    .0
                    .into_iter()
                    .map(move |(k, v)| json!({ "h": h, "k": k, "v": v }))
            })
            .collect();
        app.run("h:prepare", json!({ "cells": cells })).await;
        let mut running = JoinSet::new();
        for h in batch {
            if running.len() == AT_ONCE {
                running
                    .join_next()
                    .await
                    .expect("some run")
                    .expect("it is serializable");
            }
            running.spawn(history(app.clone(), h));
        }
        while let Some(ended) = running.join_next().await {
            ended.expect("it is serializable");
        }
        let (entries, next) = app.functions.logs().entries_after(cursor);
        cursor = next;
        let text = entries
            .iter()
            .map(|entry| entry.to_json(lentil_functions::LogForm::Structured));
        conflicts += text.filter(|text| text.contains("\"retryCount\"")).count();
    }
    println!("{histories} histories, {conflicts} calls ran again");
    // Calls that never met would prove nothing.
    assert!(conflicts * 50 > histories, "{conflicts} calls ran again");
}

/// A live query, and what it is told by.
struct Watched {
    h: usize,
    ops: Vec<Op>,
    result: Arc<QueryResult>,
    news: Arc<Signal>,
    _watch: lentil_functions::Watch,
}

async fn watch(app: &App, h: usize, ops: Vec<Op>) -> Watched {
    let steps: Json = ops.iter().map(Op::json).collect();
    let result = app
        .result(call("h:look", json!({ "h": h, "steps": steps })))
        .await;
    let news = Arc::new(Signal::default());
    let watch = result.watch(&news);
    Watched {
        h,
        ops,
        result,
        news,
        _watch: watch,
    }
}

impl Watched {
    fn holds(&self, model: &[Cells]) -> bool {
        let mut cells = model[self.h].clone();
        let expected: Json = self.ops.iter().map(|op| cells.run(op)).collect();
        let text = self.result.outcome.result.as_ref().expect("reads work");
        serde_json::from_str::<Json>(text).expect("JSON") == expected
    }

    /// Waits for the wake-up that is owed.
    async fn woken(&self) {
        let woken = tokio::time::timeout(Duration::from_secs(30), self.news.taken()).await;
        assert!(woken.is_ok(), "nobody was told: {:?}", self.ops);
    }
}

/// Subscriptions against running everything again after each commit.
#[tokio::test(flavor = "multi_thread")]
async fn no_update_through_executors_is_missed() {
    const HISTORIES: usize = 3;
    const WATCHED: usize = 12;
    let commits = if long() { 10_000 } else { 250 };
    let app = start().await;
    let rng = &mut StdRng::seed_from_u64(7);
    let mut model = vec![Cells::default(); HISTORIES];
    let mut watched: Vec<Watched> = Vec::new();
    let (mut hits, mut spurious) = (0, 0);
    for number in 0..commits {
        while watched.len() < WATCHED {
            let ops = (0..rng.random_range(1..3)).map(|_| Op::read(rng)).collect();
            watched.push(watch(&app, rng.random_range(0..HISTORIES), ops).await);
            assert!(watched.last().is_some_and(|item| item.holds(&model)));
        }
        let h = rng.random_range(0..HISTORIES);
        let ops: Vec<Op> = (0..rng.random_range(1..4))
            .map(|_| Op::any(rng, 0))
            .collect();
        let steps: Json = ops.iter().map(Op::json).collect();
        let done = app
            .mutate(call(
                "h:play",
                json!({ "h": h, "steps": steps, "mark": number }),
            ))
            .await;
        assert!(done.outcome.result.is_ok(), "{:?}", done.outcome.result);
        for op in &ops {
            model[h].run(op);
        }
        let ts: Timestamp = done.ts.expect("it committed");
        for item in std::mem::take(&mut watched) {
            let holds = item.holds(&model);
            if item.result.is_valid_at(ts) {
                assert!(holds, "missed at {ts:?}: {:?}", item.ops);
                watched.push(item);
                continue;
            }
            hits += 1;
            spurious += usize::from(holds);
            item.woken().await;
            let again = watch(&app, item.h, item.ops).await;
            assert!(
                again.holds(&model),
                "the new answer is wrong: {:?}",
                again.ops
            );
            if rng.random_ratio(3, 4) {
                watched.push(again);
            }
        }
        // Or those that nothing touches would be all that is left of a long run.
        if rng.random_ratio(1, 2) && !watched.is_empty() {
            watched.swap_remove(rng.random_range(0..watched.len()));
        }
    }
    println!("{hits} invalidations, {spurious} of them spurious");
    assert!(hits > commits / 4, "{hits} invalidations");
    assert!(
        spurious * 2 < hits,
        "{spurious} of {hits} invalidations were spurious"
    );
}
