//! The server's own queries (`_system/…`): native code in the place of a function, for admins.

use std::sync::Arc;
use std::time::Instant;

use lentil_database::{Transaction, TransactionLimits};
use lentil_values::Value;

use crate::cache::Answer;
use crate::errors::no_public_function;
use crate::path::FunctionPath;
use crate::query::{Run, subscribe};
use crate::service::Inner;
use crate::validate::parse_args;
use crate::{Call, FailureClass, FunctionFailure, Functions, Outcome, QueryResult, system};

/// Runs a system query; its reads are subscribed like any query's.
pub(crate) async fn run(inner: &Arc<Inner>, run: &Run) -> Answer {
    let work = {
        let (inner, call, path, ts) = (inner.clone(), run.call.clone(), run.path.clone(), run.ts);
        move || {
            let mut tx = inner.database.begin_at(ts)?;
            tx.set_limits(TransactionLimits::UNLIMITED);
            let result = evaluate(&inner, &mut tx, &call, &path);
            Ok::<_, FunctionFailure>((tx, result))
        }
    };
    let (tx, result) = tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| FunctionFailure::internal("a system query failed", &error))??;
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
        journal: None,
        lines: Arc::default(),
        subscription: Some(subscription),
        watchers,
        observed: Default::default(),
        made: Instant::now(),
    }))
}

fn evaluate(
    inner: &Arc<Inner>,
    tx: &mut Transaction,
    call: &Call,
    path: &FunctionPath,
) -> Result<Arc<str>, FunctionFailure> {
    let missing = || no_public_function(path, &call.component);
    let allowed = call.identity.is_admin() && call.component.is_root();
    let function = system::lookup(path)
        .filter(|_| allowed)
        .ok_or_else(missing)?;
    let args =
        parse_args(path, &call.args, &inner.options.limits).map_err(FunctionFailure::developer)?;
    let functions = Functions::of(inner.clone());
    let value: Value = function.run(&functions, tx, args, &call.identity)?;
    Ok(value.to_json_string().into())
}
