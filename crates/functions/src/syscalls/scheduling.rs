//! Scheduling functions from mutations, and taking that back (function-runtime 6.5).
//!
//! A scheduled function is a row that is written in the mutation's own transaction: it is there
//! if and only if the mutation commits, and goes with the sub-transaction that wrote it.

use lentil_catalog::{JobState, ScheduledFunction};
use lentil_js::{FunctionKind, SyscallError};
use lentil_values::{DocumentId, Value};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::nested::Address;
use super::{UdfSyscalls, bad_argument, parse};
use crate::errors::{from_transaction, no_function, thrown};
use crate::limits::{Limits, count, in_bytes};
use crate::path::FunctionPath;
use crate::requests::uncounted;
use crate::validate::parse_args;

/// How far from now a function may be scheduled, ms: five years, either way.
const FARTHEST_MS: f64 = 5.0 * 365.0 * 86_400_000.0;

#[derive(Deserialize)]
struct Schedule<'a> {
    #[serde(flatten)]
    address: Address,
    /// Seconds since the epoch.
    ts: f64,
    #[serde(borrow)]
    args: &'a RawValue,
}

#[derive(Deserialize)]
struct Cancel {
    id: String,
}

/// What a mutation and everything nested in it may schedule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ceilings {
    functions: usize,
    bytes: usize,
}

/// What a mutation and everything nested in it has scheduled.
pub(crate) struct Scheduling {
    functions: usize,
    bytes: usize,
    pub(super) ceilings: Ceilings,
    /// The earliest time that was asked for, ms since the epoch.
    pub(crate) earliest_ms: Option<f64>,
}

impl Scheduling {
    pub(super) fn new(limits: &Limits) -> Scheduling {
        Scheduling {
            functions: 0,
            bytes: 0,
            ceilings: Ceilings {
                functions: count(limits.functions_scheduled),
                bytes: count(limits.scheduled_arguments_bytes),
            },
            earliest_ms: None,
        }
    }

    /// Functions that were scheduled, and that may be.
    pub(crate) fn functions(&self) -> (usize, usize) {
        (self.functions, self.ceilings.functions)
    }

    /// Bytes of their arguments, and how many there may be.
    pub(crate) fn bytes(&self) -> (usize, usize) {
        (self.bytes, self.ceilings.bytes)
    }

    /// Lowers the ceilings for a nested call, to what has been used and as much more.
    pub(super) fn lower(&mut self, functions: Option<f64>, bytes: Option<f64>) {
        let lower = |now: usize, used: usize, more: Option<f64>| match more {
            Some(more) => now.min(used.saturating_add(more.max(0.0) as usize)),
            None => now,
        };
        self.ceilings = Ceilings {
            functions: lower(self.ceilings.functions, self.functions, functions),
            bytes: lower(self.ceilings.bytes, self.bytes, bytes),
        };
    }

    /// Counts one more. It stays counted if a sub-transaction takes it back, like everything else.
    fn count(&mut self, bytes: usize) -> Result<(), SyscallError> {
        let Ceilings {
            functions,
            bytes: most,
        } = self.ceilings;
        if self.functions >= functions {
            return Err(thrown(format!(
                "Too many functions scheduled by this mutation (limit: {functions}). Schedule one function that \
                 schedules the others (TooManyFunctionsScheduled)."
            )));
        }
        if self.bytes.saturating_add(bytes) > most {
            return Err(thrown(format!(
                "Too large total size of the arguments of scheduled functions from this mutation (limit: {}). \
                 Keep large values in documents and pass their ids (TooLargeScheduledArguments).",
                in_bytes(most as u64)
            )));
        }
        self.functions += 1;
        self.bytes += bytes;
        Ok(())
    }
}

/// The arguments stand in a row, which nests two levels more than they do.
fn check_row(args: Value) -> Result<Value, SyscallError> {
    let row = Value::Object([("args".to_owned(), args)].into());
    row.check_limits()
        .map_err(|error| bad_argument("args", "scheduler.runAt", &error))?;
    match row {
        Value::Object(mut row) => Ok(row.remove("args").unwrap_or(Value::Null)),
        _ => unreachable!("it was made an object three lines above"),
    }
}

impl UdfSyscalls {
    pub(super) fn schedule(&mut self, args: &str) -> Result<String, SyscallError> {
        const METHOD: &str = "scheduler.runAt";
        let args: Schedule<'_> = parse(METHOD, args)?;
        self.check_may_schedule()?;
        let path = args.address.path(METHOD)?;
        self.check_target(&path)?;
        let scheduled_ms = self.check_time(args.ts * 1e3)?;
        let limits = self.scope.inner.options.limits;
        let object = parse_args(&path, args.args.get(), &limits).map_err(thrown)?;
        let args = Value::Array(vec![Value::Object(object)]);
        self.scheduling.count(args.size())?;
        let args = check_row(args)?;
        let mut function = ScheduledFunction {
            name: format!("{}:{}", path.module, path.function),
            args,
            scheduled_ms,
            completed_ms: None,
            state: JobState::Pending,
        };
        if self.is_canceled_itself()? {
            function.state = JobState::Canceled;
            function.completed_ms = Some(self.tx.now_ms());
        } else {
            let earliest = self.scheduling.earliest_ms.unwrap_or(scheduled_ms);
            self.scheduling.earliest_ms = Some(earliest.min(scheduled_ms));
        }
        let id = uncounted(&mut self.tx, |tx| function.insert(tx));
        let id = id.map_err(|error| from_transaction(error.into()))?;
        Ok(format!("\"{id}\""))
    }

    pub(super) fn cancel_job(&mut self, args: &str) -> Result<String, SyscallError> {
        const METHOD: &str = "scheduler.cancel";
        let args: Cancel = parse(METHOD, args)?;
        self.check_may_schedule()?;
        let unknown = || {
            let cause = format!(
                "\"{}\" is not the ID of a document in the \"_scheduled_functions\" table",
                args.id
            );
            bad_argument("id", METHOD, &cause)
        };
        let id: DocumentId = args.id.parse().map_err(|_| unknown())?;
        let function = self.scheduled_function(id)?.ok_or_else(unknown)?;
        if function.state.is_final() {
            return Ok("null".to_owned());
        }
        if self.scope.scheduled == Some(id) && self.runs_in_its_own_transaction(&function) {
            return Err(thrown(
                "A scheduled mutation cannot cancel itself: it would undo its own effects. Throw an error, or return.",
            ));
        }
        let now_ms = self.tx.now_ms();
        let canceled = uncounted(&mut self.tx, |tx| {
            ScheduledFunction::set_state(tx, id, &JobState::Canceled, now_ms)
        });
        canceled.map_err(|error| from_transaction(error.into()))?;
        Ok("null".to_owned())
    }

    fn check_may_schedule(&self) -> Result<(), SyscallError> {
        if self.kind() == FunctionKind::Mutation {
            return Ok(());
        }
        Err(thrown(
            "Only mutations and actions can schedule functions. Make this function a mutation.",
        ))
    }

    /// The function must be there and be of a kind that can run later.
    fn check_target(&self, path: &FunctionPath) -> Result<(), SyscallError> {
        let Some(spec) = self.scope.image.functions.get(path) else {
            return Err(thrown(no_function(path, &self.scope.component).message));
        };
        match spec.kind {
            FunctionKind::Mutation | FunctionKind::Action => Ok(()),
            FunctionKind::Query | FunctionKind::HttpAction => Err(thrown(format!(
                "Cannot schedule {path}: only mutations and actions can be scheduled."
            ))),
        }
    }

    fn check_time(&self, at_ms: f64) -> Result<f64, SyscallError> {
        let away = at_ms - self.tx.now_ms();
        if at_ms.is_finite() && away.abs() <= FARTHEST_MS {
            return Ok(at_ms);
        }
        let when = if away > 0.0 {
            "in the future"
        } else {
            "in the past"
        };
        Err(thrown(format!(
            "Functions can be scheduled at most 5 years from now, this time is farther {when} \
             (InvalidScheduledFunctionDelay)."
        )))
    }

    /// Whether the scheduled function on whose behalf this runs was canceled meanwhile: what it
    /// schedules then is canceled too.
    fn is_canceled_itself(&mut self) -> Result<bool, SyscallError> {
        let Some(id) = self.scope.scheduled else {
            return Ok(false);
        };
        let function = self.scheduled_function(id)?;
        Ok(function.is_some_and(|function| function.state == JobState::Canceled))
    }

    /// Whether it is a mutation: an action's own mutations may cancel it.
    fn runs_in_its_own_transaction(&self, function: &ScheduledFunction) -> bool {
        let path = FunctionPath::parse(&function.name).ok();
        let spec = path.and_then(|path| self.scope.image.functions.get(&path));
        spec.is_none_or(|spec| spec.kind == FunctionKind::Mutation)
    }

    fn scheduled_function(
        &mut self,
        id: DocumentId,
    ) -> Result<Option<ScheduledFunction>, SyscallError> {
        let found = uncounted(&mut self.tx, |tx| ScheduledFunction::load(tx, id));
        found.map_err(|error| from_transaction(error.into()))
    }
}
