//! Station 12 · a query: from the cache, from a run that somebody else began, or from its own.
//!
//! Arrives: a question and a timestamp, from `session/src/driver.rs` or the edge. Leaves: a result
//! with a subscription to what it read, shared by everyone who asks the same at timestamps at
//! which it holds; `session/src/transition.rs` (station 13) sends it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lentil_catalog::Deployment;
use lentil_database::{Subscription, Transaction, TransactionUsage};
use lentil_js::FunctionKind;
use lentil_values::{Timestamp, Value};

use crate::cache::{Answer, Asked, Flight, Found, QueryKey, Reach};
use crate::execute::{Executed, execute};
use crate::introspection::{Counter, worth_an_index};
use crate::logs::{Execution, identity_type};
use crate::path::{FunctionPath, PathError};
use crate::prepare::{LARGE, Ready, Refused, prepare};
use crate::service::Inner;
use crate::syscalls::Foresight;
use crate::system_query;
use crate::validate::parse_args;
use crate::watchers::{Refresh, Watchers};
use crate::{Call, FailureClass, FunctionFailure, Outcome, QueryResult};

/// Whose calls come again by themselves whenever something changes.
const SUBSCRIBER: &str = "SyncWorker";
/// A subscriber that gets a result this soon after its run shares it with many: that is not logged.
const SHARED_AGE: Duration = Duration::from_secs(1);

/// One run of a query.
pub(crate) struct Run {
    pub(crate) call: Call,
    pub(crate) path: FunctionPath,
    pub(crate) ts: Timestamp,
    pub(crate) journal: Option<Arc<str>>,
    /// How it will begin.
    pub(crate) foresight: Foresight,
    /// Tells it from other runs.
    pub(crate) id: uuid::Uuid,
}

/// Where a question is run if nobody has the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunIn {
    /// In a task of its own: others may wait for it when this asker has gone.
    OwnTask,
    /// In the asker's task, which always goes on to its end.
    Place,
}

/// Answers a question as of `ts`.
pub(crate) async fn ask(
    inner: &Arc<Inner>,
    call: &Call,
    ts: Timestamp,
    journal: Option<Arc<str>>,
    run_in: RunIn,
) -> Answer {
    tracing::trace!(target: "lentil::station", number = 12);
    let question = match question_of(inner, call) {
        Ok(question) => question,
        Err(error) => {
            let failure = FunctionFailure::developer(error.to_string());
            return Ok(Arc::new(unread(ts, failure)));
        }
    };
    let shared = question.with_journal(journal);
    let path = &shared.path;
    let mut tried = None;
    loop {
        let mut key = shared.clone();
        if inner.cache.looks_at_identity(&call.component, path) {
            // A run that did not look is everybody's, although others of the function do look.
            if let Some(result) = inner.cache.get(&shared, ts) {
                return Ok(hit(inner, call, path, result));
            }
            key = shared.asked_by(Some(call.identity.cache_key()));
        }
        let own_only = key.identity.is_some();
        match inner.cache.find(&key, ts, tried) {
            Found::Result(result) => return Ok(hit(inner, call, path, result)),
            Found::Nothing(flight, running, foresight) => {
                let run = Run {
                    call: call.clone(),
                    path: path.clone(),
                    ts,
                    journal: key.journal.clone(),
                    foresight,
                    id: uuid::Uuid::new_v4(),
                };
                let run = fly(inner.clone(), run, key, flight);
                match run_in {
                    RunIn::OwnTask => {
                        tokio::spawn(run);
                    }
                    RunIn::Place => Box::pin(run).await,
                }
                return running.wait().await;
            }
            Found::Running(running) => {
                let read_at = running.ts();
                let result = running.wait().await?;
                if !result.is_valid_at(ts) {
                    tried = Some(read_at);
                } else if own_only || !result.observed.identity {
                    return Ok(result);
                }
            }
        }
    }
}

/// What the call asks, by itself: whoever asks the same gets the same.
fn question_of(inner: &Inner, call: &Call) -> Result<Arc<QueryKey>, PathError> {
    if let Some(question) = call.question.0.get() {
        return Ok(question.clone());
    }
    let path = FunctionPath::parse(&call.path)?;
    // Large arguments are not worth taking apart here; another spelling of them runs again.
    let canonical = (call.args.len() <= LARGE)
        .then(|| parse_args(&path, &call.args, &inner.options.limits).ok())
        .flatten()
        .map(|object| Value::Object(object).to_json_string().into());
    let question = Arc::new(QueryKey::new(Asked {
        reach: Reach::of(call, &path),
        component: call.component.clone(),
        path,
        args: canonical.unwrap_or_else(|| call.args.clone()),
        journal: None,
        identity: None,
    }));
    // Somebody else may have been quicker, with the same.
    let _same = call.question.0.set(question.clone());
    Ok(question)
}

async fn fly(inner: Arc<Inner>, run: Run, key: Arc<QueryKey>, flight: Flight) {
    let started = Instant::now();
    let answer = compute(&inner, &run).await;
    let mut key = key;
    if let Ok(result) = &answer {
        let looked = result.observed.identity;
        if looked {
            inner.cache.note_looker(&key.component, &key.path);
        }
        key = key.asked_by(looked.then(|| run.call.identity.cache_key()));
        if !run.path.is_system() {
            let seconds = started.elapsed().as_secs_f64();
            inner.introspection.ran(&key, result, &run.id, seconds);
        }
    }
    flight.land(key, answer);
}

async fn compute(inner: &Arc<Inner>, run: &Run) -> Answer {
    if run.path.is_system() {
        return system_query::run(inner, run).await;
    }
    let started = Instant::now();
    let _outstanding = inner.introspection.counters.begin(FunctionKind::Query);
    let executed = match prepare_at(inner, run).await? {
        Ok(mut ready) => {
            ready.syscalls.foresee_as(run.foresight.clone());
            execute(inner, ready).await?
        }
        Err(refused) => Executed::refused(*refused),
    };
    if let Err(failure) = &executed.result
        && failure.class != FailureClass::Developer
    {
        return Err(failure.clone());
    }
    let outcome = Outcome {
        result: executed.result.clone(),
        log_lines: executed.log_lines(),
    };
    log(inner, run, started, &executed);
    let (watchers, subscription) = subscribe(inner, &executed.tx);
    watchers.refresh_with(again(inner, run, executed.journal.clone()));
    Ok(Arc::new(QueryResult {
        outcome,
        ts: run.ts,
        journal: executed.journal,
        lines: executed.lines,
        subscription: Some(subscription),
        watchers,
        observed: executed.observed,
        foresight: executed.foresight,
        made: Instant::now(),
        live: Default::default(),
    }))
}

/// Begins at the run's timestamp; on this thread only if nothing in it can block.
async fn prepare_at(
    inner: &Arc<Inner>,
    run: &Run,
) -> Result<Result<Box<Ready>, Box<Refused>>, FunctionFailure> {
    let (path, kind) = (run.path.clone(), FunctionKind::Query);
    if let Some(tx) = begin_warm(inner, run)? {
        return Ok(prepare(
            inner,
            tx,
            &run.call,
            path,
            kind,
            run.journal.clone(),
        ));
    }
    let (inner, call) = (inner.clone(), run.call.clone());
    let (ts, journal) = (run.ts, run.journal.clone());
    let prepared = tokio::task::spawn_blocking(move || {
        let tx = inner.database.begin_at(ts)?;
        Ok(prepare(&inner, tx, &call, path, kind, journal))
    });
    prepared
        .await
        .map_err(|error| FunctionFailure::internal("a query could not be prepared", &error))?
}

/// A transaction at the run's timestamp, if what it needs to begin is in memory: with a busy
/// writer most runs read a little before the newest commit, and do not leave their thread for that.
fn begin_warm(inner: &Inner, run: &Run) -> Result<Option<Transaction>, FunctionFailure> {
    if run.call.args.len() > LARGE {
        return Ok(None);
    }
    let mut newest = inner.database.begin();
    if inner.warm_live(&mut newest)?.is_none() {
        return Ok(None);
    }
    if newest.snapshot() == run.ts {
        return Ok(Some(newest));
    }
    // What is in memory is the newest push: it must have been live then already.
    let since = Deployment::since(&mut newest).map_err(lentil_database::TransactionError::from)?;
    if since.is_none_or(|since| since > run.ts) {
        return Ok(None);
    }
    Ok(inner.database.begin_recent(run.ts)?)
}

/// How the question of a run is asked again for those who watch its result.
fn again(inner: &Arc<Inner>, run: &Run, journal: Option<Arc<str>>) -> Refresh {
    let call = Arc::new(Call {
        caller: SUBSCRIBER,
        ..run.call.clone()
    });
    // The cache holds the result that will hold this.
    let service = Arc::downgrade(inner);
    let runtime = tokio::runtime::Handle::current();
    Box::new(move |wake| {
        let (service, call, journal) = (service.clone(), call.clone(), journal.clone());
        runtime.spawn(async move {
            if let Some(inner) = service.upgrade() {
                let latest = inner.database.latest();
                // Whoever finds nothing asks for itself, and hears then of a failure.
                if let Ok(result) = ask(&inner, &call, latest, journal, RunIn::Place).await {
                    wake.answered(&result);
                }
            }
            drop(wake);
        });
    })
}

/// Watches what a transaction has read.
pub(crate) fn subscribe(inner: &Inner, tx: &Transaction) -> (Arc<Watchers>, Subscription) {
    let watchers = Arc::new(Watchers::default());
    let waker = inner.dispatcher.waker(&watchers);
    let subscription = inner
        .database
        .subscribe(tx.read_set(), tx.snapshot(), waker);
    (watchers, subscription)
}

/// A failure that no document can change.
fn unread(ts: Timestamp, failure: FunctionFailure) -> QueryResult {
    QueryResult {
        outcome: Outcome::failed(failure),
        ts,
        journal: None,
        lines: Arc::default(),
        subscription: None,
        watchers: Arc::default(),
        observed: Default::default(),
        foresight: Foresight::Unknown,
        made: Instant::now(),
        live: Default::default(),
    }
}

/// Gives a kept result, and logs that unless its asker is one of the many whom a change sent here.
fn hit(
    inner: &Inner,
    call: &Call,
    path: &FunctionPath,
    result: Arc<QueryResult>,
) -> Arc<QueryResult> {
    let shared = call.caller == SUBSCRIBER && result.age() < SHARED_AGE;
    if !shared && !path.is_system() {
        let mut execution = describe(call, path, &result.outcome.result);
        execution.cached = true;
        execution.lines = result.lines.clone();
        inner.log(execution);
    } else if !path.is_system() {
        inner.introspection.counters.add(Counter::CacheHit, 1);
    }
    result
}

fn log(inner: &Inner, run: &Run, started: Instant, executed: &Executed) {
    let mut execution = describe(&run.call, &run.path, &executed.result);
    execution.lines = executed.lines.clone();
    execution.seconds = started.elapsed().as_secs_f64();
    execution.user_seconds = executed.user_seconds;
    execution.usage = executed.tx.usage();
    execution.work.reads = executed.tx.used().to_vec();
    execution.work.scans = worth_an_index(&executed.scans);
    execution.id = run.id;
    inner.log(execution);
}

pub(crate) fn describe(
    call: &Call,
    path: &FunctionPath,
    result: &Result<Arc<str>, FunctionFailure>,
) -> Execution {
    Execution {
        id: uuid::Uuid::new_v4(),
        parent: call.origin.parent(),
        work: Default::default(),
        kind: FunctionKind::Query,
        node: false,
        component: call.component.clone(),
        identifier: path.to_string(),
        lines: Arc::default(),
        seconds: 0.0,
        user_seconds: 0.0,
        cached: false,
        caller: call.caller,
        request_id: call.request_id.clone(),
        identity_type: identity_type(&call.identity),
        error: result.as_ref().err().map(|failure| failure.message.clone()),
        usage: TransactionUsage::default(),
        return_bytes: result.as_ref().ok().map(|value| value.len()),
        http_status: None,
        conflicts: None,
    }
}
