//! One run of a prepared function in the function host, and what it leaves.

use std::sync::Arc;

use lentil_database::Transaction;
use lentil_js::{CallOutcome, CallResult, FunctionKind, JsError};
use lentil_values::Value;

use crate::FunctionFailure;
use crate::deploy::DeploymentImage;
use crate::limits::Limits;
use crate::logs::{Line, flatten};
use crate::outcome::Observed;
use crate::path::FunctionPath;
use crate::prepare::{LARGE, Ready, Refused};
use crate::scans::Scan;
use crate::service::Inner;
use crate::syscalls::{Foresight, Remains, UdfSyscalls};
use crate::validate::{Speaker, TableNames, check_result};
use crate::warnings::{Used, warnings};

/// A function that has run.
pub(crate) struct Executed {
    pub(crate) result: Result<Arc<str>, FunctionFailure>,
    pub(crate) lines: Arc<Vec<Line>>,
    pub(crate) tx: Transaction,
    pub(crate) observed: Observed,
    pub(crate) journal: Option<Arc<str>>,
    /// How the next run of the question will begin.
    pub(crate) foresight: Foresight,
    /// Whole tables that it has gone through.
    pub(crate) scans: Vec<Scan>,
    /// The earliest time of what it has scheduled, ms since the epoch.
    pub(crate) scheduled_ms: Option<f64>,
    /// Seconds in user code.
    pub(crate) user_seconds: f64,
    /// It has to run again and wait for its writes.
    pub(crate) retracted: bool,
}

impl Executed {
    /// What is left of a call that did not run.
    pub(crate) fn refused(refused: Refused) -> Executed {
        Executed {
            result: Err(refused.failure),
            lines: Arc::default(),
            tx: refused.tx,
            observed: Observed::default(),
            journal: None,
            foresight: Foresight::Unknown,
            scans: Vec::new(),
            scheduled_ms: None,
            user_seconds: 0.0,
            retracted: false,
        }
    }

    /// The lines as clients get them.
    pub(crate) fn log_lines(&self) -> Arc<Vec<String>> {
        Arc::new(self.lines.iter().map(Line::text).collect())
    }
}

/// Runs a function. `Err` if it could not even begin.
pub(crate) async fn execute(inner: &Inner, ready: Box<Ready>) -> Result<Executed, FunctionFailure> {
    let Ready {
        path,
        image,
        syscalls,
        invocation,
        ..
    } = *ready;
    let (outcome, syscalls) = match inner.host.call(invocation, syscalls).await {
        Ok(ran) => ran,
        Err((_, refused)) => {
            return Err(FunctionFailure::overloaded(
                "TooManyConcurrentRequests",
                refused.to_string(),
            ));
        }
    };
    let large = matches!(&outcome.result, CallResult::Value(text) if text.len() > LARGE);
    let limits = inner.options.limits;
    if !large {
        return Ok(finish(&path, &image, limits, outcome, syscalls));
    }
    tokio::task::spawn_blocking(move || finish(&path, &image, limits, outcome, syscalls))
        .await
        .map_err(|error| FunctionFailure::internal("a large result could not be checked", &error))
}

fn finish(
    path: &FunctionPath,
    image: &DeploymentImage,
    limits: Limits,
    outcome: CallOutcome,
    mut syscalls: UdfSyscalls,
) -> Executed {
    let spec = image.functions.get(path);
    let retracted = spec.is_some_and(|spec| syscalls.settle_posting(&spec.habit, &outcome.result));
    let Remains {
        mut tx,
        scheduling,
        mut observed,
        nested_lines,
        fatal,
        journal,
        foresight,
        scans,
    } = syscalls.into_remains();
    observed.time |= outcome.usage.observed_time;
    let speaker = Speaker::of(spec.map_or(FunctionKind::Query, |spec| spec.kind));
    let result = match outcome.result {
        CallResult::Value(text) => {
            let returns = spec.and_then(|spec| spec.returns.as_ref());
            let ids = TableNames::new(&mut tx, image.place.namespace);
            check_result(path, &text, returns, &ids, &limits, speaker)
                .map(Arc::from)
                .map_err(FunctionFailure::developer)
        }
        CallResult::Error(error) => Err(thrown(error)),
        CallResult::Timeout(text) | CallResult::OutOfMemory(text) => {
            Err(FunctionFailure::developer(text))
        }
        CallResult::Overloaded(text) => Err(FunctionFailure::overloaded(
            "TooManyConcurrentRequests",
            text,
        )),
        CallResult::System(text) => {
            Err(fatal.unwrap_or_else(|| FunctionFailure::internal("a function was ended", &text)))
        }
    };
    let mut lines = flatten(outcome.logs, nested_lines, limits.log_lines);
    let result_bytes = result.as_ref().map_or(0, |text: &Arc<str>| text.len());
    let used = Used {
        transaction: tx.usage(),
        functions_scheduled: scheduling.functions().0,
        scheduled_bytes: scheduling.bytes().0,
        result_bytes,
        user_time: outcome.usage.user_time,
    };
    lines.extend(warnings(&used, &limits));
    Executed {
        result,
        lines: Arc::new(lines),
        tx,
        observed,
        journal,
        foresight,
        scans,
        scheduled_ms: scheduling.earliest_ms,
        user_seconds: outcome.usage.user_time.as_secs_f64(),
        retracted,
    }
}

/// An error that user code threw, with its data in canonical form.
pub(crate) fn thrown(error: JsError) -> FunctionFailure {
    let data = error
        .data
        .map(|data| Value::parse(&data).map(|value| value.to_json_string()));
    match data {
        None => FunctionFailure::developer(error.rendered),
        Some(Ok(data)) => FunctionFailure::developer(error.rendered).with_data(Some(data)),
        Some(Err(why)) => {
            FunctionFailure::developer(format!("ConvexError with invalid data: {why}"))
        }
    }
}
