//! `ctx.runQuery` and `ctx.runMutation` inside queries and mutations (function-runtime 6.3).

use std::sync::Arc;

use lentil_database::{TransactionLimits, TransactionUsage};
use lentil_js::{CallOutcome, CallResult, FunctionKind, Invocation, SyscallError};
use lentil_values::{Object, Value};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::frame::{Frame, Nested};
use super::{Address, Target, UdfSyscalls, parse};
use crate::FunctionFailure;
use crate::errors::{no_function, thrown};
use crate::limits::count;
use crate::logs::{Line, kind_name};
use crate::path::FunctionPath;
use crate::validate::{Speaker, TableNames, check_args, check_result, parse_nested_args};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RunUdf<'a> {
    udf_type: UdfType,
    #[serde(flatten)]
    address: Address,
    #[serde(borrow)]
    args: &'a RawValue,
    #[serde(default)]
    transaction_limits: Option<Ceilings>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum UdfType {
    Query,
    Mutation,
    /// A query of the snapshot without what is pending, which records no reads.
    SnapshotQuery,
}

/// What a nested call may use beyond what has been used; same names as the metrics.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ceilings {
    #[serde(default)]
    bytes_read: Option<f64>,
    #[serde(default)]
    bytes_written: Option<f64>,
    #[serde(default)]
    database_queries: Option<f64>,
    #[serde(default)]
    documents_read: Option<f64>,
    #[serde(default)]
    documents_written: Option<f64>,
    #[serde(default)]
    functions_scheduled: Option<f64>,
    #[serde(default)]
    scheduled_function_args_bytes: Option<f64>,
}

impl Ceilings {
    fn apply(&self, now: &TransactionLimits, used: &TransactionUsage) -> TransactionLimits {
        let lower = |now: usize, used: usize, given: Option<f64>| match given {
            Some(given) => now.min(used.saturating_add(given.max(0.0) as usize)),
            None => now,
        };
        TransactionLimits {
            documents_read: lower(now.documents_read, used.documents_read, self.documents_read),
            bytes_read: lower(now.bytes_read, used.bytes_read, self.bytes_read),
            ranges_read: lower(now.ranges_read, used.ranges_read, self.database_queries),
            documents_written: lower(
                now.documents_written,
                used.documents_written,
                self.documents_written,
            ),
            bytes_written: lower(now.bytes_written, used.bytes_written, self.bytes_written),
        }
    }
}

impl UdfSyscalls {
    /// Checks a nested call and opens its frame.
    pub(super) fn run_udf(&mut self, args: &str) -> Result<Invocation, SyscallError> {
        let args: RunUdf<'_> = parse("runUdf", args)?;
        let kind = match args.udf_type {
            UdfType::Mutation => FunctionKind::Mutation,
            UdfType::Query | UdfType::SnapshotQuery => FunctionKind::Query,
        };
        if self.kind() == FunctionKind::Query && kind == FunctionKind::Mutation {
            return Err(thrown(
                "Cannot call a Mutation function from a Query function. Make the caller a mutation (InvalidFunctionCall).",
            ));
        }
        let deepest = self.scope.inner.options.limits.nested_calls;
        if self.frames.len() > count(deepest) {
            return Err(thrown(format!(
                "Cross component call depth limit exceeded. Nested calls may be at most {deepest} deep \
                 (MaximumCallDepthExceeded)."
            )));
        }
        let target = args.address.target("runUdf", &self.code())?;
        let path = target.path.clone();
        let object = self.check_callee(&target, kind, args.args.get())?;
        self.open_frame(&args, target, kind)?;
        let args = Value::Array(vec![Value::Object(object)]).to_json_string();
        Ok(self.invocation(&path, kind, args))
    }

    /// Whether all of this happens within a mutation.
    fn speaker(&self) -> Speaker {
        let called = self.frames.first();
        Speaker::of(called.map_or(FunctionKind::Query, |frame| frame.kind))
    }

    /// Finds the callee and checks the arguments for it.
    fn check_callee(
        &mut self,
        Target { image, path }: &Target,
        kind: FunctionKind,
        args: &str,
    ) -> Result<Object, SyscallError> {
        let Some(spec) = image.functions.get(path) else {
            let failure = no_function(path, &image.place.component);
            return Err(thrown(failure.message));
        };
        if spec.kind != kind {
            return Err(thrown(wrong_kind(path, kind, spec.kind)));
        }
        let limits = self.scope.inner.options.limits;
        let object = parse_nested_args(path, args, &limits, self.speaker()).map_err(thrown)?;
        let value = Value::Object(object);
        let ids = TableNames::new(self.tx(), image.place.namespace);
        check_args(&spec.args, &value, &ids).map_err(thrown)?;
        match value {
            Value::Object(object) => Ok(object),
            _ => unreachable!("it was made an object above"),
        }
    }

    fn open_frame(
        &mut self,
        args: &RunUdf<'_>,
        Target { image, path }: Target,
        kind: FunctionKind,
    ) -> Result<(), SyscallError> {
        let mut frame = Frame::root(image, path, kind, None);
        let inside_stale = self.frames.iter().any(|frame| frame.stale.is_some());
        if args.udf_type == UdfType::SnapshotQuery && !inside_stale {
            let snapshot = self.tx.snapshot();
            let stale = self.scope.inner.database.begin_at(snapshot);
            let mut stale = stale.map_err(|error| SyscallError::System {
                message: format!("the transaction's snapshot cannot be opened again: {error}"),
            })?;
            stale.set_limits(self.scope.inner.options.limits.transaction());
            frame.stale = Some(Box::new(stale));
        }
        let stale = inside_stale || frame.stale.is_some();
        let sub_transaction = kind == FunctionKind::Mutation;
        frame.nested = Some(Nested {
            limits: self.limits,
            scheduling: self.scheduling.ceilings,
            sub_transaction,
        });
        if let Some(ceilings) = args.transaction_limits.as_ref().filter(|_| !stale) {
            self.limits = ceilings.apply(&self.limits, &self.tx.usage());
            self.tx.set_limits(self.limits);
            self.scheduling.lower(
                ceilings.functions_scheduled,
                ceilings.scheduled_function_args_bytes,
            );
        }
        if sub_transaction {
            self.tx.begin_nested();
        }
        self.frames.push(frame);
        Ok(())
    }

    /// Closes the innermost frame: keeps or undoes what it wrote, and makes the answer of the
    /// syscall that opened it.
    pub(super) fn finish_nested(&mut self, outcome: CallOutcome) -> Result<String, SyscallError> {
        self.close_streams();
        let path = self.frame().path.clone();
        let shown: Arc<str> = path.to_string().into();
        self.nested_lines
            .extend(outcome.logs.into_iter().map(|line| Line {
                code: None,
                line,
                nested: Some(shown.clone()),
            }));
        self.observed.time |= outcome.usage.observed_time;
        let answer = self.nested_answer(&path, outcome.result);
        let frame = self.frames.pop().expect("a nested frame is open");
        let nested = frame.nested.expect("a nested frame knows what to restore");
        if nested.sub_transaction {
            match &answer {
                Ok(_) => self.tx.keep_nested(),
                Err(_) => self.tx.undo_nested(),
            }
        }
        self.limits = nested.limits;
        self.scheduling.ceilings = nested.scheduling;
        self.tx.set_limits(self.limits);
        answer
    }

    fn nested_answer(
        &mut self,
        path: &FunctionPath,
        result: CallResult,
    ) -> Result<String, SyscallError> {
        match result {
            CallResult::Value(text) => {
                let image = self.image().clone();
                let spec = image.functions.get(path);
                let validator = spec.and_then(|spec| spec.returns.as_ref());
                let namespace = self.namespace();
                let limits = self.scope.inner.options.limits;
                let speaker = self.speaker();
                let ids = TableNames::new(self.tx(), namespace);
                check_result(path, &text, validator, &ids, &limits, speaker).map_err(thrown)
            }
            CallResult::Error(error) => Err(SyscallError::Developer {
                message: error.rendered,
                data: error.data,
            }),
            CallResult::Timeout(text) | CallResult::OutOfMemory(text) => {
                self.fatal = Some(FunctionFailure::developer(text.clone()));
                Err(SyscallError::System { message: text })
            }
            CallResult::Overloaded(message) | CallResult::System(message) => {
                Err(SyscallError::System { message })
            }
        }
    }
}

/// The text for a function of another kind than it is called as.
pub(crate) fn wrong_kind(
    path: &FunctionPath,
    called: FunctionKind,
    defined: FunctionKind,
) -> String {
    format!(
        "Trying to execute {path} as {}, but it is defined as {}.",
        kind_name(called),
        kind_name(defined)
    )
}
