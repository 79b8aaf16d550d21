//! The server's own queries (`_system/…`): native code in the place of a function, for admins.

use std::sync::Arc;
use std::time::Instant;

use lentil_database::{Transaction, TransactionLimits};
use lentil_js::FunctionKind;
use lentil_values::Value;

use crate::cache::Answer;
use crate::errors::no_public_function;
use crate::outcome::Observed;
use crate::path::FunctionPath;
use crate::query::{Run, subscribe};
use crate::service::Inner;
use crate::syscalls::Foresight;
use crate::syscalls::wrong_kind;
use crate::system::{Request, SystemFunction};
use crate::validate::parse_args;
use crate::{Call, FailureClass, FunctionFailure, Functions, Outcome, QueryResult, system};

/// Runs a system query; its reads are subscribed like any query's.
pub(crate) async fn run(inner: &Arc<Inner>, run: &Run) -> Answer {
    let work = {
        let (inner, call, path, ts) = (inner.clone(), run.call.clone(), run.path.clone(), run.ts);
        let journal = run.journal.clone();
        move || {
            let mut tx = inner.database.begin_at(ts)?;
            tx.set_limits(TransactionLimits::UNLIMITED);
            let answered = evaluate(&inner, &mut tx, &call, &path, journal);
            Ok::<_, FunctionFailure>((tx, answered))
        }
    };
    let (tx, answered) = tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| FunctionFailure::internal("a system query failed", &error))??;
    let Answered {
        result,
        journal,
        observed,
    } = answered;
    if let Err(failure) = &result
        && failure.class != FailureClass::Developer
    {
        return Err(failure.clone());
    }
    let (watchers, subscription) = subscribe(inner, &tx);
    let outcome = Outcome {
        result,
        log_lines: Arc::default(),
    };
    Ok(Arc::new(QueryResult {
        outcome,
        ts: run.ts,
        journal,
        lines: Arc::default(),
        subscription: Some(subscription),
        watchers,
        observed,
        foresight: Foresight::Never,
        made: Instant::now(),
        live: Default::default(),
    }))
}

/// What a system query answers.
struct Answered {
    result: Result<Arc<str>, FunctionFailure>,
    /// Where its page ends, if it is one.
    journal: Option<Arc<str>>,
    observed: Observed,
}

impl From<FunctionFailure> for Answered {
    fn from(failure: FunctionFailure) -> Answered {
        Answered {
            result: Err(failure),
            journal: None,
            observed: Observed::default(),
        }
    }
}

fn evaluate(
    inner: &Arc<Inner>,
    tx: &mut Transaction,
    call: &Call,
    path: &FunctionPath,
    journal: Option<Arc<str>>,
) -> Answered {
    let function = match find(call, path, FunctionKind::Query) {
        Ok(function) => function,
        Err(failure) => return failure.into(),
    };
    let args = match parse_args(path, &call.args, &inner.options.limits) {
        Ok(args) => args,
        Err(text) => return FunctionFailure::developer(text).into(),
    };
    let functions = Functions::of(inner.clone());
    let mut request = match Request::new(&functions, tx, call, args, journal) {
        Ok(request) => request,
        Err(error) => return FunctionFailure::from(error).into(),
    };
    let result = function.run(&mut request);
    Answered {
        result: result.map(|value: Value| value.to_json_string().into()),
        journal: request.journal,
        observed: request.observed,
    }
}

/// The system function that an admin names; nobody else finds one.
pub(crate) fn find(
    call: &Call,
    path: &FunctionPath,
    kind: FunctionKind,
) -> Result<SystemFunction, FunctionFailure> {
    let allowed = call.identity.is_admin();
    let function = system::lookup(path)
        .filter(|_| allowed)
        .ok_or_else(|| no_public_function(path, &call.component))?;
    if function.kind() != kind {
        let text = wrong_kind(path, kind, function.kind());
        return Err(FunctionFailure::developer(text));
    }
    Ok(function)
}
