//! Scheduled functions and cron jobs, as dashboards read them.

use lentil_catalog::{CronJob, CronRun, JobState, ScheduledFunction, SystemTable};
use lentil_database::{Document, IndexQuery, Order, TransactionError};
use lentil_values::{DocumentId, IndexKey, KeyRange, Object, Value, push_key_value};

use super::tables::{page_options, read_page};
use super::{Request, bad_argument, document, object, text};
use crate::{FunctionFailure, FunctionPath};

/// Cron jobs by name, each with its last run and its next.
pub(super) fn cron_jobs(request: &mut Request) -> Result<Value, TransactionError> {
    let namespace = request.namespace;
    let jobs = CronJob::all(request.tx, namespace)?;
    let jobs = jobs.into_iter().map(|job| {
        let last = CronRun::rows(request.tx, namespace, &job.name)?;
        let last = last.last().map(|row| document(&row.json)).transpose()?;
        let id = text(job.id.map(|id| id.to_string()).unwrap_or_default());
        let state = if job.running { "inProgress" } else { "pending" };
        let next = object([
            ("cronJobId", id.clone()),
            ("state", object([("type", text(state))])),
            ("nextTs", Value::Float64(job.next_ms)),
        ]);
        Ok(object([
            ("_id", id),
            ("name", text(job.name)),
            ("cronSpec", job.spec.to_value()),
            ("lastRun", last.unwrap_or(Value::Null)),
            ("nextRun", next),
        ]))
    });
    let jobs: Result<Vec<Value>, TransactionError> = jobs.collect();
    jobs.map(Value::Array)
}

/// The runs of cron jobs that are remembered, newest first.
pub(super) fn cron_runs(request: &mut Request) -> Result<Value, TransactionError> {
    let rows = CronRun::newest(request.tx, request.namespace)?;
    let rows: Result<Vec<Value>, _> = rows.iter().map(|row| document(&row.json)).collect();
    rows.map(Value::Array)
}

/// A page of what is to run, soonest first; of one function only, if that is asked for.
pub(super) fn scheduled(request: &mut Request) -> Result<Value, TransactionError> {
    let wanted = match request.optional_text("udfPath") {
        None => None,
        Some(path) => match FunctionPath::parse(&path) {
            Ok(path) => Some(format!("{}:{}", path.module, path.function)),
            Err(_) => return Err(bad_argument("udfPath", "the path of a function")),
        },
    };
    let keep = |_: &mut Request, row: &Document| {
        let Value::Object(fields) = document(&row.json)? else {
            return Ok(None);
        };
        let name = fields.get("name");
        let other = wanted
            .as_ref()
            .is_some_and(|wanted| name != Some(&Value::String(wanted.clone())));
        Ok((!other).then(|| job(row, fields)))
    };
    read_jobs(request, JobState::Pending.kind(), Order::Asc, keep)
}

/// The key under which jobs in a state stand, by their time.
pub(super) fn state_key(kind: &str) -> IndexKey {
    let mut key = IndexKey::new();
    push_key_value(Some(&text(kind)), &mut key);
    key
}

/// A page of the scheduled functions in a state.
pub(super) fn read_jobs(
    request: &mut Request,
    kind: &str,
    order: Order,
    keep: impl FnMut(&mut Request, &Document) -> Result<Option<Value>, TransactionError>,
) -> Result<Value, TransactionError> {
    let options = page_options(request)?;
    let namespace = request.namespace;
    let query = |range| IndexQuery {
        namespace,
        table: SystemTable::ScheduledFunctions.name().to_owned(),
        index: "by_state".to_owned(),
        range,
        order,
    };
    let jobs = KeyRange::prefix(&state_key(kind));
    read_page(request, options, jobs, query, keep)
}

fn job(row: &Document, mut fields: Object) -> Value {
    let mut take = |name: &str| fields.remove(name).unwrap_or(Value::Null);
    object([
        ("_id", take("_id")),
        ("_creationTime", take("_creationTime")),
        ("udfPath", take("name")),
        ("argsId", text(row.id.to_string())),
        ("nextTs", take("scheduledTime")),
        ("state", object([("type", text(JobState::Pending.kind()))])),
    ])
}

/// The arguments of a scheduled function.
pub(super) fn scheduled_args(request: &mut Request) -> Result<Value, TransactionError> {
    let id: DocumentId = request
        .text("argsId")?
        .parse()
        .map_err(|_| bad_argument("argsId", "the id of a scheduled function"))?;
    let function = ScheduledFunction::load(request.tx, request.namespace, id)?;
    Ok(function.map_or(Value::Null, |function| function.args))
}

/// Makes a cron job due now; it goes on from there as its schedule says.
pub(super) fn run_cron_now(request: &mut Request) -> Result<Value, FunctionFailure> {
    let name = request.text("name")?;
    let job =
        CronJob::load(request.tx, request.namespace, &name).map_err(TransactionError::from)?;
    let Some(mut job) = job else {
        let text = format!("There is no cron job {name:?} in what was pushed last.");
        return Err(FunctionFailure::developer(text));
    };
    if job.running {
        let text = format!("The cron job {name:?} is running.");
        return Err(FunctionFailure::developer(text));
    }
    job.next_ms = job.next_ms.min(request.tx.now_ms());
    job.save(request.tx, request.namespace)
        .map_err(TransactionError::from)?;
    request.after.crons = true;
    Ok(Value::Null)
}
