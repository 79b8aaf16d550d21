//! Station 4 · a mutation: begin, run, commit, and again if it conflicts.
//!
//! Arrives: a path, arguments and an identity from `session/src/driver.rs` or the edge. Leaves: a
//! value and the commit's timestamp, or one failure. The run itself is `js/src/call.rs`
//! (station 5); the commit is awaited away from the driver threads, so that many share one fsync.
//!
//! Invariant: a mutation with a session request takes effect at most once, however often it is
//! sent: its record commits with its writes, and two attempts touch the same record.

use std::sync::Arc;
use std::time::Instant;

use lentil_database::{CommitError, ConflictPlace, TransactionUsage};
use lentil_js::FunctionKind;
use lentil_values::{Timestamp, is_unresolved, resolve_commit_ts};

use crate::contention::Conflicts;
use crate::errors::NO_PERMISSION;
use crate::execute::{Executed, execute};
use crate::introspection::{self, Work, worth_an_index};
use crate::job::Job;
use crate::logs::{Execution, identity_type};
use crate::path::{FunctionPath, figured};
use crate::prepare::{LARGE, Ready, Refused, prepare};
use crate::requests::{Record, assume_no_record, find_record, highest_request, keep_record};
use crate::service::Inner;
use crate::sessions_seen::Standing;
use crate::system_mutation::{self, Ran};
use crate::{Call, FailureClass, FunctionFailure, MutationDone, Outcome, SessionRequest};

/// Why a mutation runs: what its transaction reads and writes besides what the function does.
#[derive(Clone, Debug)]
pub(crate) enum Errand {
    /// Somebody calls it.
    Call,
    /// A client calls it with a number, so that it runs at most once; and what is known of that.
    Request(SessionRequest, Standing),
    /// It was scheduled, or is a cron job's.
    Job(Job),
}

/// How one attempt ended.
enum Attempt {
    Done(MutationDone),
    /// What it had read has changed, in this table and at this place.
    Conflict(String, Option<Box<ConflictPlace>>),
    /// It went on as if a write had succeeded that failed.
    Retracted,
}

/// What an attempt begins with.
enum Prepared {
    Ready(Box<Ready>),
    Refused(Box<Refused>),
    /// It has run before.
    Replay(Record),
    /// Its job is not wanted any more: it was canceled, or has run.
    Unwanted,
}

/// Runs a mutation to its end.
pub(crate) async fn run(inner: Arc<Inner>, call: Call, mut errand: Errand) -> MutationDone {
    let path = match FunctionPath::parse(&call.path) {
        Ok(path) => path,
        Err(error) => return failed(FunctionFailure::developer(error.to_string())),
    };
    if !call.identity.can_write() {
        return failed(FunctionFailure::developer(NO_PERMISSION));
    }
    tracing::trace!(target: "lentil::station", number = 4);
    let _outstanding =
        (!path.is_system()).then(|| inner.introspection.counters.begin(FunctionKind::Mutation));
    let mut conflicts = Conflicts::default();
    let mut may_post = true;
    // Held to the end: as long as it runs, others of its number have to look.
    let _entered = match &mut errand {
        Errand::Request(request, standing) => {
            let entered = inner.sessions.enter(*request);
            *standing = entered.standing;
            Some(entered)
        }
        Errand::Call | Errand::Job(_) => None,
    };
    loop {
        let turn = inner.contention.turn(&conflicts).await;
        let began = Instant::now();
        let attempt = attempt(&inner, &call, &path, &errand, &conflicts, may_post).await;
        drop(turn);
        let place = match attempt {
            Attempt::Done(done) => return done,
            Attempt::Retracted => {
                may_post = false;
                continue;
            }
            Attempt::Conflict(table, place) => {
                conflicts.add(table);
                place
            }
        };
        // The conflict may have been another run of the same request.
        if let Errand::Request(_, standing) = &mut errand {
            *standing = Standing::Perhaps;
        }
        // What was to run later has nobody who could try again.
        let patient = matches!(errand, Errand::Job(_));
        let failed_for_good =
            !patient && u64::from(conflicts.count) > inner.options.limits.conflict_retries;
        let told = introspection::Conflict {
            path: &figured(&call.component, path.to_string()),
            run: &call.request_id,
            attempt: conflicts.count,
            ran: began.elapsed(),
            table: &conflicts.table,
            place: place.as_deref(),
            failed: failed_for_good,
        };
        inner.introspection.conflicted(&told, &inner.database);
        if failed_for_good {
            return failed(conflict(&conflicts));
        }
    }
}

/// The same for what the server does itself.
async fn system_attempt(
    inner: &Arc<Inner>,
    call: &Call,
    path: &FunctionPath,
    errand: &Errand,
) -> Attempt {
    let numbered = match errand {
        Errand::Request(request, _) => Some(*request),
        Errand::Call | Errand::Job(_) => None,
    };
    let ready = match system_mutation::run(inner, call, path, numbered).await {
        Ok(Ran::Ready(ready)) => ready,
        Ok(Ran::Replay(record)) => return Attempt::Done(replayed(record)),
        Err(failure) => return Attempt::Done(failed(failure)),
    };
    match inner.database.commit(ready.tx).await {
        Ok(committed) => {
            if ready.after.crons {
                inner.agenda.note_crons();
            }
            if let Some(at_ms) = ready.after.scheduled_ms {
                inner.agenda.note_scheduled(at_ms);
            }
            let outcome = Outcome {
                result: Ok(ready.result),
                log_lines: Arc::default(),
            };
            Attempt::Done(MutationDone {
                outcome,
                ts: Some(committed.ts),
            })
        }
        Err(CommitError::Conflict { table, place }) => Attempt::Conflict(table, place),
        Err(error) => Attempt::Done(failed(error.into())),
    }
}

/// begin → run → commit.
async fn attempt(
    inner: &Arc<Inner>,
    call: &Call,
    path: &FunctionPath,
    errand: &Errand,
    conflicts: &Conflicts,
    may_post: bool,
) -> Attempt {
    if path.is_system() {
        return system_attempt(inner, call, path, errand).await;
    }
    let started = Instant::now();
    let mut executed = match begin(inner, call, path, errand).await {
        Ok(Prepared::Ready(mut ready)) => {
            if may_post {
                ready.let_post();
            }
            match execute(inner, ready).await {
                Ok(executed) if executed.retracted => return Attempt::Retracted,
                Ok(executed) => executed,
                Err(failure) => return Attempt::Done(failed(failure)),
            }
        }
        Ok(Prepared::Refused(refused)) => Executed::refused(*refused),
        Ok(Prepared::Replay(record)) => return Attempt::Done(replayed(record)),
        Ok(Prepared::Unwanted) => return Attempt::Done(unwanted()),
        Err(failure) => return Attempt::Done(failed(failure)),
    };
    let log_lines = executed.log_lines();
    let mut report = describe(call, path, started, &executed, conflicts);
    let (mut tx, result) = match executed.result {
        Err(failure) => {
            if failure.class == FailureClass::Developer {
                inner.log(report);
            }
            let outcome = Outcome {
                result: Err(failure),
                log_lines,
            };
            return Attempt::Done(MutationDone { outcome, ts: None });
        }
        Ok(result) => {
            let tx = &mut executed.tx;
            let kept = match errand {
                Errand::Call => Ok(()),
                Errand::Request(request, _) => keep_record(tx, *request, &result, &log_lines),
                Errand::Job(job) => job.finish(tx, &result, &log_lines, started.elapsed()),
            };
            if let Err(failure) = kept {
                return Attempt::Done(failed(failure));
            }
            (executed.tx, result)
        }
    };
    let run = report.id.to_string();
    let name = figured(&report.component, &*report.identifier);
    let source = inner.introspection.source(&name, &run, started);
    if let Some(source) = &source {
        tx.set_source(source.clone());
    }
    let committing = Instant::now();
    match inner.database.commit(tx).await {
        Ok(committed) => {
            if let Some(source) = &source {
                inner.introspection.sources.note(committed.ts, source);
            }
            report.work.commit_seconds = committing.elapsed().as_secs_f64();
            report.seconds = started.elapsed().as_secs_f64();
            inner.log(report);
            if let Some(at_ms) = executed.scheduled_ms {
                inner.agenda.note_scheduled(at_ms);
            }
            let outcome = Outcome {
                result: Ok(resolved(result, committed.ts)),
                log_lines,
            };
            Attempt::Done(MutationDone {
                outcome,
                ts: Some(committed.ts),
            })
        }
        Err(CommitError::Conflict { table, place }) => Attempt::Conflict(table, place),
        Err(error) => Attempt::Done(failed(error.into())),
    }
}

/// Makes an attempt ready; on this thread only if nothing in it can block.
async fn begin(
    inner: &Arc<Inner>,
    call: &Call,
    path: &FunctionPath,
    errand: &Errand,
) -> Result<Prepared, FunctionFailure> {
    let mut tx = inner.database.begin();
    let nothing_to_find = matches!(errand, Errand::Call | Errand::Request(_, Standing::New));
    let quick = nothing_to_find && call.args.len() <= LARGE && inner.warm_live(&mut tx)?.is_some();
    let (path, kind) = (path.clone(), FunctionKind::Mutation);
    if quick {
        if let Errand::Request(request, _) = errand {
            assume_no_record(&mut tx, *request);
        }
        return Ok(Prepared::of(prepare(inner, tx, call, path, kind, None)));
    }
    let (inner, call, errand) = (inner.clone(), call.clone(), errand.clone());
    let prepared = tokio::task::spawn_blocking(move || {
        match errand {
            Errand::Call => {}
            Errand::Request(request, standing) => {
                if standing == Standing::Unknown {
                    let highest = highest_request(&mut tx, request)?;
                    inner.sessions.learn(request.session_id, highest);
                }
                if let Some(record) = find_record(&mut tx, request)? {
                    return Ok(Prepared::Replay(record));
                }
            }
            Errand::Job(job) => {
                if !job.claim(&mut tx)? {
                    return Ok(Prepared::Unwanted);
                }
            }
        }
        Ok(Prepared::of(prepare(&inner, tx, &call, path, kind, None)))
    });
    prepared
        .await
        .map_err(|error| FunctionFailure::internal("a mutation could not be prepared", &error))?
}

impl Prepared {
    fn of(prepared: Result<Box<Ready>, Box<Refused>>) -> Prepared {
        match prepared {
            Ok(ready) => Prepared::Ready(ready),
            Err(refused) => Prepared::Refused(refused),
        }
    }
}

fn failed(failure: FunctionFailure) -> MutationDone {
    MutationDone {
        outcome: Outcome::failed(failure),
        ts: None,
    }
}

/// A result in which the commit's timestamp stands where its placeholder did.
fn resolved(result: Arc<str>, ts: Timestamp) -> Arc<str> {
    if is_unresolved(&result) {
        resolve_commit_ts(&result, ts).into()
    } else {
        result
    }
}

fn replayed(record: Record) -> MutationDone {
    MutationDone {
        outcome: Outcome {
            result: Ok(resolved(record.result, record.ts)),
            log_lines: Arc::new(record.log_lines),
        },
        ts: Some(record.ts),
    }
}

/// Nothing was run and nothing written.
fn unwanted() -> MutationDone {
    MutationDone {
        outcome: Outcome {
            result: Ok("null".into()),
            log_lines: Arc::default(),
        },
        ts: None,
    }
}

fn conflict(conflicts: &Conflicts) -> FunctionFailure {
    FunctionFailure {
        class: FailureClass::Conflict,
        message: format!(
            "Documents read from or written to the \"{}\" table changed while this mutation was being run and on \
             every subsequent retry ({} of them). Another call to this mutation changed the same documents. See \
             https://docs.convex.dev/error#1",
            conflicts.table, conflicts.count
        ),
        data: None,
    }
}

fn describe(
    call: &Call,
    path: &FunctionPath,
    started: Instant,
    executed: &Executed,
    conflicts: &Conflicts,
) -> Execution {
    let usage: TransactionUsage = executed.tx.usage();
    Execution {
        id: uuid::Uuid::new_v4(),
        parent: call.origin.parent(),
        work: Work {
            reads: executed.tx.used().to_vec(),
            writes: executed.tx.table_writes().to_vec(),
            scans: worth_an_index(&executed.scans),
            commit_seconds: 0.0,
        },
        kind: FunctionKind::Mutation,
        node: false,
        component: call.component.clone(),
        identifier: path.to_string(),
        lines: executed.lines.clone(),
        seconds: started.elapsed().as_secs_f64(),
        user_seconds: executed.user_seconds,
        cached: false,
        caller: call.caller,
        request_id: call.request_id.clone(),
        identity_type: identity_type(&call.identity),
        error: executed
            .result
            .as_ref()
            .err()
            .map(|failure| failure.message.clone()),
        usage,
        return_bytes: executed.result.as_ref().ok().map(|value| value.len()),
        http_status: None,
        conflicts: (conflicts.count > 0).then(|| (conflicts.count, conflicts.table.clone())),
    }
}
