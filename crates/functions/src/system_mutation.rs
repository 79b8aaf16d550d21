//! The server's own mutations (`_system/…`): native code in the place of a function, for admins
//! whose key may write. They commit like any mutation, and a client's number counts once.

use std::sync::Arc;

use lentil_database::Transaction;
use lentil_js::FunctionKind;

use crate::path::FunctionPath;
use crate::requests::{Record, find_record, keep_record};
use crate::service::Inner;
use crate::system::{AfterCommit, Request};
use crate::system_query::find;
use crate::validate::parse_args;
use crate::{Call, FunctionFailure, Functions, SessionRequest};

/// What an attempt came to.
pub(crate) enum Ran {
    /// It has run before.
    Replay(Record),
    /// It is to be committed.
    Ready(Box<Ready>),
}

/// A mutation that is to be committed.
pub(crate) struct Ready {
    pub(crate) tx: Transaction,
    pub(crate) result: Arc<str>,
    pub(crate) after: AfterCommit,
}

/// Runs one attempt, off the async workers.
pub(crate) async fn run(
    inner: &Arc<Inner>,
    call: &Call,
    path: &FunctionPath,
    request: Option<SessionRequest>,
) -> Result<Ran, FunctionFailure> {
    let (inner, call, path) = (inner.clone(), call.clone(), path.clone());
    let ran = tokio::task::spawn_blocking(move || evaluate(&inner, &call, &path, request));
    ran.await
        .map_err(|error| FunctionFailure::internal("a system mutation failed", &error))?
}

fn evaluate(
    inner: &Arc<Inner>,
    call: &Call,
    path: &FunctionPath,
    numbered: Option<SessionRequest>,
) -> Result<Ran, FunctionFailure> {
    let function = find(call, path, FunctionKind::Mutation)?;
    let mut tx = inner.database.begin();
    tx.lift_limits();
    if let Some(numbered) = numbered
        && let Some(record) = find_record(&mut tx, numbered)?
    {
        return Ok(Ran::Replay(record));
    }
    let args =
        parse_args(path, &call.args, &inner.options.limits).map_err(FunctionFailure::developer)?;
    let functions = Functions::of(inner.clone());
    let mut request = Request::new(&functions, &mut tx, call, args, None)?;
    let value = function.run(&mut request)?;
    let after = request.after;
    let result: Arc<str> = value.to_json_string().into();
    if let Some(numbered) = numbered {
        keep_record(&mut tx, numbered, &result, &[])?;
    }
    Ok(Ran::Ready(Box::new(Ready { tx, result, after })))
}
