//! Scheduling functions from mutations, and taking that back (function-runtime 6.5).
//!
//! A scheduled function is a row that is written in the mutation's own transaction: it is there
//! if and only if the mutation commits, and goes with the sub-transaction that wrote it.

use lentil_catalog::ScheduledId;
use lentil_js::{FunctionKind, SyscallError};

use super::UdfSyscalls;
use crate::errors::{from_transaction, thrown};
use crate::later::{self, Asked};
use crate::limits::{Limits, count, in_bytes};
use crate::requests::uncounted;

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

impl UdfSyscalls {
    pub(super) fn schedule(&mut self, args: &str) -> Result<String, SyscallError> {
        self.check_may_schedule()?;
        let asked = Asked::read(
            args,
            &self.code(),
            &self.scope.inner.options.limits,
            self.tx.now_ms(),
        )?;
        self.scheduling.count(asked.args_bytes())?;
        let (scheduled_ms, parent) = (asked.scheduled_ms, self.scope.scheduled);
        let written = uncounted(&mut self.tx, |tx| asked.write(tx, parent));
        let (id, waits) = written.map_err(from_transaction)?;
        if waits {
            let earliest = self.scheduling.earliest_ms.unwrap_or(scheduled_ms);
            self.scheduling.earliest_ms = Some(earliest.min(scheduled_ms));
        }
        Ok(format!("\"{id}\""))
    }

    pub(super) fn cancel_job(&mut self, args: &str) -> Result<String, SyscallError> {
        self.check_may_schedule()?;
        let id = later::canceled_id(args)?;
        let namespace = self.namespace();
        let asked = id.map(|id| ScheduledId { namespace, id });
        if let Some(own) = self.scope.scheduled.filter(|own| asked == Some(*own)) {
            let deployment = &self.scope.deployment;
            let own = uncounted(&mut self.tx, |tx| {
                later::runs_in_its_own_transaction(tx, own, deployment)
            });
            if own.map_err(from_transaction)? {
                return Err(thrown(
                    "A scheduled mutation cannot cancel itself: it would undo its own effects. Throw an error, or return.",
                ));
            }
        }
        let canceled = uncounted(&mut self.tx, |tx| later::cancel(tx, namespace, id));
        match canceled.map_err(from_transaction)? {
            true => Ok("null".to_owned()),
            false => Err(later::unknown(args)),
        }
    }

    fn check_may_schedule(&self) -> Result<(), SyscallError> {
        if self.kind() == FunctionKind::Mutation {
            return Ok(());
        }
        Err(thrown(
            "Only mutations and actions can schedule functions. Make this function a mutation.",
        ))
    }
}
