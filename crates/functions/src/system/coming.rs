//! What is going to run, counted by spans of time, and running again what has failed: for the
//! schedules page of dashboards.

use lentil_catalog::{CronJob, JobState, ScheduledFunction, SystemTable};
use lentil_database::{Document, IndexQuery, Order, TransactionError};
use lentil_values::{DocumentId, KeyRange, Object, Value, push_key_value};

use super::later::{read_jobs, state_key};
use super::{Request, as_number, author_of, bad_argument, document, note, number, object, text};
use crate::crons::Schedule;
use crate::path::ComponentPath;
use crate::{FunctionFailure, FunctionPath};

/// Spans that are asked for at once.
const SPANS_MAX: usize = 200;
/// Runs of one cron job that are counted: a day of one that runs every second, and more.
const RUNS_MAX: usize = 100_000;

/// The moments between which runs are counted, ms since the epoch.
fn edges(request: &Request) -> Result<Vec<f64>, TransactionError> {
    let edges: Option<Vec<f64>> = request
        .list("edges")?
        .iter()
        .map(|edge| as_number(Some(edge)))
        .collect();
    edges
        .filter(|edges| {
            (2..=SPANS_MAX + 1).contains(&edges.len())
                && edges.iter().all(|edge| edge.is_finite())
                && edges.is_sorted_by(|one, other| one < other)
        })
        .ok_or_else(|| bad_argument("edges", "2 to 201 moments (ms), each after the last"))
}

/// How many scheduled functions and runs of cron jobs are due between each two moments, and before
/// the first.
pub(super) fn coming(request: &mut Request) -> Result<Value, TransactionError> {
    let edges = edges(request)?;
    let mut scheduled = Vec::with_capacity(edges.len());
    let mut from = f64::NEG_INFINITY;
    for edge in &edges {
        scheduled.push(count_waiting(request, from, *edge)?);
        from = *edge;
    }
    let namespace = request.namespace;
    let mut crons = vec![0; edges.len()];
    for job in CronJob::all(request.tx, namespace)? {
        count_runs(&job, &edges, &mut crons);
    }
    let part = |counts: &[u64]| Value::Array(counts.iter().copied().map(number).collect());
    Ok(object([
        ("overdue", number(scheduled[0] + crons[0])),
        ("scheduled", part(&scheduled[1..])),
        ("crons", part(&crons[1..])),
    ]))
}

/// Functions that wait for a time from the one moment to before the other.
fn count_waiting(request: &mut Request, from: f64, until: f64) -> Result<u64, TransactionError> {
    let bound = |ms: f64| {
        let mut key = state_key(JobState::Pending.kind());
        push_key_value(Some(&Value::Float64(ms)), &mut key);
        key
    };
    request.tx.count_in(IndexQuery {
        namespace: request.namespace,
        table: SystemTable::ScheduledFunctions.name().to_owned(),
        index: "by_state".to_owned(),
        range: KeyRange {
            start: bound(from),
            end: Some(bound(until)),
        },
        order: Order::Asc,
    })
}

/// Adds the runs of a job to `counts`, whose first is of what is before all `edges`.
fn count_runs(job: &CronJob, edges: &[f64], counts: &mut [u64]) {
    // A job whose schedule cannot be read does not run.
    let Ok(schedule) = Schedule::stored(&job.spec.schedule) else {
        return;
    };
    let mut at_ms = job.next_ms;
    if at_ms < edges[0] {
        // The run that is due is not over before it has ended.
        counts[0] += u64::from(!job.running);
        at_ms = schedule.next(&job.name, at_ms, edges[0]).at_ms;
    }
    for _ in 0..RUNS_MAX {
        let span = edges.partition_point(|edge| *edge <= at_ms);
        if span == edges.len() {
            return;
        }
        counts[span] += 1;
        at_ms = schedule.next(&job.name, at_ms, at_ms).at_ms;
    }
}

/// A page of what has failed and is not forgotten yet, the newest first.
pub(super) fn failed(request: &mut Request) -> Result<Value, TransactionError> {
    let keep = |_: &mut Request, row: &Document| match document(&row.json)? {
        Value::Object(fields) => Ok(Some(failure(row, fields))),
        _ => Ok(None),
    };
    read_jobs(request, "failed", Order::Desc, keep)
}

fn failure(row: &Document, mut fields: Object) -> Value {
    let mut take = |name: &str| fields.remove(name).unwrap_or(Value::Null);
    let error = match take("state") {
        Value::Object(mut state) => state.remove("error").unwrap_or(Value::Null),
        _ => Value::Null,
    };
    object([
        ("_id", take("_id")),
        ("_creationTime", take("_creationTime")),
        ("udfPath", take("name")),
        ("argsId", text(row.id.to_string())),
        ("scheduledTime", take("scheduledTime")),
        ("completedTime", take("completedTime")),
        ("error", error),
    ])
}

/// Schedules a function that has failed anew, at once and with the same arguments; gives the new
/// id. What has failed stays as it is.
pub(super) fn retry(request: &mut Request) -> Result<Value, FunctionFailure> {
    let id: DocumentId = request.id("id")?;
    let namespace = request.namespace;
    let failed = ScheduledFunction::load(request.tx, namespace, id)
        .map_err(TransactionError::from)?
        .ok_or_else(|| {
            FunctionFailure::developer(format!(
                "There is no scheduled function {id} any more: those that have ended are forgotten after a week."
            ))
        })?;
    if !matches!(failed.state, JobState::Failed { .. }) {
        return Err(FunctionFailure::developer(format!(
            "The scheduled function {id} has not failed, it is {:?}: only what has failed is run again.",
            failed.state.kind()
        )));
    }
    check_there(request, &failed)?;
    let now_ms = request.tx.now_ms();
    let name = failed.name.clone();
    let again = ScheduledFunction {
        scheduled_ms: now_ms,
        completed_ms: None,
        state: JobState::Pending,
        ..failed
    };
    let new = again
        .insert(request.tx, namespace)
        .map_err(TransactionError::from)?;
    let metadata = [
        ("id", text(id.to_string())),
        ("new_id", text(new.to_string())),
        ("udf_path", text(name)),
    ];
    let author = author_of(request.identity);
    note(request.tx, author, "retry_scheduled_function", metadata)
        .map_err(TransactionError::from)?;
    request.after.scheduled_ms = Some(now_ms);
    Ok(text(new.to_string()))
}

/// A function that was removed would only fail again.
fn check_there(request: &mut Request, job: &ScheduledFunction) -> Result<(), FunctionFailure> {
    let image = request.functions.images().current(request.tx)?;
    let own = image.as_ref().and_then(|image| match &job.component {
        Some(component) => image.component(&ComponentPath(component.clone())),
        None => image.in_namespace(request.namespace),
    });
    let path = FunctionPath::parse(&job.name).ok();
    if own.is_some_and(|image| path.is_some_and(|path| image.functions.contains_key(&path))) {
        return Ok(());
    }
    Err(FunctionFailure::developer(format!(
        "There is no function {:?} in what was pushed last: push it again, or call another one.",
        job.name
    )))
}
