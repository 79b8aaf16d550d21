//! An action: checked like any call, run in the host beside others, its requests answered by
//! running queries, mutations and actions with the caller's identity (function-runtime 6.7).
//!
//! Every query and mutation that an action runs is a transaction of its own. The server never runs
//! an action twice: what it had done before it failed stays done.

mod contents;
mod files;
mod http;
mod progress;
mod requests;

use std::sync::Arc;
use std::time::Instant;

use lentil_database::TransactionUsage;
use lentil_js::{
    ActionOutcome, ActionRefused, CallResult, FunctionKind, Invocation, LogLevel, LogLine,
};

pub use self::http::{CutShort, HttpBody, HttpFailure, HttpRequest, HttpResponse};
use self::requests::ActionRequests;
use crate::deploy::DeploymentImage;
use crate::errors::NO_PERMISSION;
use crate::execute::thrown;
use crate::logs::{Execution, Line, flatten, identity_type};
use crate::path::FunctionPath;
use crate::prepare::check;
use crate::service::Inner;
use crate::validate::{Speaker, TableNames, check_result};
use crate::{Call, FailureClass, FunctionFailure, Outcome, Place};

/// How the log names the line about requests that nobody awaited.
const UNAWAITED: &str = "UnawaitedOperations";

/// Runs an action to its end.
pub(crate) async fn run(inner: Arc<Inner>, call: Call) -> Outcome {
    let path = match FunctionPath::parse(&call.path) {
        Ok(path) => path,
        Err(error) => return Outcome::failed(FunctionFailure::developer(error.to_string())),
    };
    if !call.identity.can_write() {
        return Outcome::failed(FunctionFailure::developer(NO_PERMISSION));
    }
    let (started, id) = (Instant::now(), uuid::Uuid::new_v4());
    let _outstanding = inner.introspection.counters.begin(FunctionKind::Action);
    let prepared = {
        let (inner, call, path) = (inner.clone(), call.clone(), path.clone());
        tokio::task::spawn_blocking(move || prepare(&inner, &call, &path))
    };
    let prepared = prepared.await.unwrap_or_else(|error| {
        Err(FunctionFailure::internal(
            "an action could not be prepared",
            &error,
        ))
    });
    let place = match &prepared {
        Ok(prepared) => prepared.image.place.clone(),
        // Nothing is asked of it.
        Err(_) => Arc::new(Place::root()),
    };
    let requests = ActionRequests::new(inner.clone(), &call, place, path.clone(), id);
    let requests = Arc::new(requests);
    let mut node = false;
    let (result, lines) = match prepared {
        Ok(prepared) => {
            node = prepared.image.bundle.is_node(&path.module);
            execute(&requests, &path, prepared).await
        }
        Err(failure) => (Err(failure), Vec::new()),
    };
    let reported = match &result {
        Ok(_) => true,
        Err(failure) => failure.class == FailureClass::Developer,
    };
    if reported {
        let described = describe(&call, &path, started, &result);
        requests.conclude(&lines, Execution { node, ..described });
    }
    Outcome {
        result,
        log_lines: Arc::new(lines.iter().map(Line::text).collect()),
    }
}

/// An action about to run.
struct Prepared {
    image: Arc<DeploymentImage>,
    invocation: Invocation,
}

fn prepare(
    inner: &Arc<Inner>,
    call: &Call,
    path: &FunctionPath,
) -> Result<Prepared, FunctionFailure> {
    let mut tx = inner.database.begin();
    let kind = FunctionKind::Action;
    let checked = check(inner, &mut tx, call, path, kind)?;
    let (image, args) = (checked.image, checked.args);
    let invocation = Invocation {
        bundle: image.bundle.clone(),
        module: path.module.clone(),
        function: path.function.clone(),
        kind,
        args,
        env: image.environment.clone(),
        seed: tx.draw_seed(),
        now_ms: tx.now_ms(),
    };
    Ok(Prepared { image, invocation })
}

type Ended = (Result<Arc<str>, FunctionFailure>, Vec<Line>);

async fn execute(requests: &Arc<ActionRequests>, path: &FunctionPath, prepared: Prepared) -> Ended {
    let Prepared { image, invocation } = prepared;
    let inner = &requests.inner;
    let ActionOutcome {
        result,
        logs,
        unawaited,
    } = match inner.host.action(&invocation, requests.clone()).await {
        Ok(outcome) => outcome,
        Err(refused) => return (Err(overloaded(refused, "actions_running")), Vec::new()),
    };
    let mut lines = flatten(logs, Vec::new(), inner.options.limits.log_lines);
    lines.extend(unawaited_line(&unawaited, inner.database.begin().now_ms()));
    let result = match value_of(result) {
        Ok(text) => {
            let (inner, path) = (inner.clone(), path.clone());
            let checked = tokio::task::spawn_blocking(move || {
                let returns = image.functions.get(&path);
                let returns = returns.and_then(|spec| spec.returns.as_ref());
                let mut tx = inner.database.begin();
                let ids = TableNames::new(&mut tx, image.place.namespace);
                check_result(
                    &path,
                    &text,
                    returns,
                    &ids,
                    &inner.options.limits,
                    Speaker::of(FunctionKind::Action),
                )
                .map(Arc::from)
                .map_err(FunctionFailure::developer)
            });
            checked.await.unwrap_or_else(|error| {
                let what = "an action's result could not be checked";
                Err(FunctionFailure::internal(what, &error))
            })
        }
        Err(failure) => Err(failure),
    };
    (result, lines)
}

/// The value of a run, or whose fault it is that there is none.
fn value_of(result: CallResult) -> Result<String, FunctionFailure> {
    match result {
        CallResult::Value(text) => Ok(text),
        CallResult::Error(error) => Err(thrown(error)),
        CallResult::Timeout(text) | CallResult::OutOfMemory(text) => {
            Err(FunctionFailure::developer(text))
        }
        CallResult::Overloaded(text) => Err(FunctionFailure::overloaded(
            "TooManyConcurrentRequests",
            text,
        )),
        CallResult::System(text) => Err(FunctionFailure::internal("an action was ended", &text)),
    }
}

fn overloaded(refused: ActionRefused, limit: &str) -> FunctionFailure {
    match refused {
        ActionRefused::Busy => FunctionFailure::overloaded(
            "TooManyConcurrentRequests",
            format!(
                "Too many actions are running and waiting to run. Try again in a moment, or raise the limit {limit}."
            ),
        ),
        ActionRefused::ShuttingDown => {
            FunctionFailure::overloaded("Busy", "The server is shutting down.")
        }
    }
}

/// The warning about requests that an action left behind.
fn unawaited_line(unawaited: &[String], now_ms: f64) -> Option<Line> {
    if unawaited.is_empty() {
        return None;
    }
    let (count, plural) = (unawaited.len(), if unawaited.len() == 1 { "" } else { "s" });
    let names: Vec<&str> = unawaited.iter().map(|op| method_of(op)).collect();
    let text = format!(
        "{count} unawaited operation{plural}: [{}]. Async operations should be awaited or they might not run. See \
         https://docs.convex.dev/functions/actions#dangling-promises for more information.",
        names.join(", ")
    );
    Some(line(LogLevel::Warn, text, UNAWAITED, now_ms))
}

/// A line that the server writes.
fn line(level: LogLevel, text: String, code: &'static str, now_ms: f64) -> Line {
    Line {
        line: LogLine {
            level,
            messages: vec![text],
            timestamp_ms: now_ms,
            is_truncated: false,
        },
        nested: None,
        code: Some(code),
    }
}

/// What the developer wrote for an operation.
fn method_of(op: &str) -> &str {
    match op {
        "1.0/actions/query" => "runQuery",
        "1.0/actions/mutation" => "runMutation",
        "1.0/actions/action" => "runAction",
        "1.0/actions/schedule" | "actions/schedule" => "schedule",
        "1.0/actions/cancel_job" => "cancel",
        "1.0/actions/vectorSearch" => "vectorSearch",
        "storage/begin" | "storage/write" | "storage/end" => "storage.store",
        "storage/open" | "storage/read" => "storage.get",
        op => op.strip_prefix("1.0/").unwrap_or(op),
    }
}

fn describe(
    call: &Call,
    path: &FunctionPath,
    started: Instant,
    result: &Result<Arc<str>, FunctionFailure>,
) -> Execution {
    Execution {
        id: uuid::Uuid::new_v4(),
        parent: call.origin.parent(),
        work: Default::default(),
        kind: FunctionKind::Action,
        node: false,
        component: call.component.clone(),
        identifier: path.to_string(),
        // They went before.
        lines: Arc::default(),
        seconds: started.elapsed().as_secs_f64(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s082_the_warning_names_what_was_left() {
        assert_eq!(unawaited_line(&[], 0.0), None);
        let ops = ["1.0/actions/mutation".to_owned(), "fetch".to_owned()];
        let line = unawaited_line(&ops, 5.0).expect("something was left");
        assert_eq!(line.code, Some("UnawaitedOperations"));
        let text = line.text();
        assert!(
            text.starts_with("[WARN] 2 unawaited operations: [runMutation, fetch]. "),
            "{text}"
        );
        let one = unawaited_line(&ops[..1], 5.0).expect("something was left");
        assert!(
            one.text()
                .contains(" 1 unawaited operation: [runMutation]. ")
        );
    }
}
