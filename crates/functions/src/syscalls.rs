//! Station 6 · what user code asks for, one syscall after the other.
//!
//! Arrives: operations by name with JSON arguments from `js/src/call.rs` (station 5). Leaves: one
//! operation on the transaction (`database/src/transaction.rs`, station 7), or a nested call.
//!
//! One object serves a call and everything nested in it; it runs on the executor's driver thread,
//! which may block. This file dispatches; each family of operations has a file of its own.

mod about;
mod address;
mod documents;
mod files;
mod foresight;
mod frame;
mod nested;
mod pagination;
mod posting;
mod queries;
mod scheduling;
mod streams;

use std::sync::Arc;
use std::time::{Duration, Instant};

use lentil_catalog::ScheduledId;
use lentil_database::{IndexId, Namespace, Transaction, TransactionLimits};
use lentil_identity::Identity;
use lentil_js::{
    CallOutcome, Foreseen, FunctionKind, Invocation, Reply, Reserved, SyscallError, Syscalls,
};
use serde::Deserialize;

pub(crate) use self::about::{request_metadata, unsupported};
pub(crate) use self::address::{Address, Code, Target, create_handle};
pub(crate) use self::documents::VISIBLE_SYSTEM_TABLES;
use self::files::FileUsage;
use self::foresight::Beginning;
pub(crate) use self::foresight::Foresight;
use self::frame::Frame;
pub(crate) use self::nested::wrong_kind;
pub(crate) use self::posting::Habit;
use self::posting::Posting;
use self::queries::Stages;
pub(crate) use self::scheduling::Scheduling;
use crate::deploy::DeploymentImage;
use crate::errors::thrown;
use crate::logs::Line;
use crate::outcome::Observed;
use crate::path::{FunctionPath, figured};
use crate::scans::{SCANS_MAX, Scan};
use crate::service::Inner;
use crate::{FunctionFailure, Place};

/// What one execution and everything nested in it share.
pub(crate) struct Scope {
    pub(crate) inner: Arc<Inner>,
    /// The root app, which knows all components.
    pub(crate) deployment: Arc<DeploymentImage>,
    /// The component of the called function.
    pub(crate) image: Arc<DeploymentImage>,
    pub(crate) identity: Identity,
    pub(crate) request_id: String,
    /// The scheduled function that runs, or on whose behalf this one does.
    pub(crate) scheduled: Option<ScheduledId>,
}

/// The world of one execution: its transaction, and a frame for each function on the stack.
pub(crate) struct UdfSyscalls {
    scope: Scope,
    tx: Transaction,
    /// The called function first, the innermost nested one last; never empty.
    frames: Vec<Frame>,
    /// Ceilings of the transaction as they are now.
    limits: TransactionLimits,
    /// What was scheduled, and what may be.
    scheduling: Scheduling,
    observed: Observed,
    /// What nested calls logged.
    nested_lines: Vec<Line>,
    /// Why a nested call took the whole execution down, if one did.
    fatal: Option<FunctionFailure>,
    /// What the operations of all functions of the call have taken.
    system_time: Duration,
    files: FileUsage,
    beginning: Beginning,
    /// Whole tables that were gone through.
    scans: Vec<Scan>,
    posting: Posting,
}

/// What is left of an execution when its call has ended.
pub(crate) struct Remains {
    pub(crate) tx: Transaction,
    pub(crate) scheduling: Scheduling,
    pub(crate) observed: Observed,
    pub(crate) nested_lines: Vec<Line>,
    pub(crate) fatal: Option<FunctionFailure>,
    /// What the called function's pagination pinned.
    pub(crate) journal: Option<Arc<str>>,
    /// How the next run of the question will begin.
    pub(crate) foresight: Foresight,
    /// Whole tables that were gone through.
    pub(crate) scans: Vec<Scan>,
}

impl UdfSyscalls {
    /// The world of a call of `path`, with the journal that its caller kept.
    pub(crate) fn new(
        scope: Scope,
        tx: Transaction,
        path: FunctionPath,
        kind: FunctionKind,
        journal: Option<Arc<str>>,
    ) -> UdfSyscalls {
        UdfSyscalls {
            limits: scope.inner.options.limits.transaction(),
            scheduling: Scheduling::new(&scope.inner.options.limits),
            frames: vec![Frame::root(scope.image.clone(), path, kind, journal)],
            scope,
            tx,
            system_time: Duration::ZERO,
            files: FileUsage::default(),
            beginning: Beginning::default(),
            scans: Vec::new(),
            posting: Posting::default(),
            observed: Observed::default(),
            nested_lines: Vec::new(),
            fatal: None,
        }
    }

    /// The invocation of the function of the innermost frame.
    pub(crate) fn invocation(
        &mut self,
        path: &FunctionPath,
        kind: FunctionKind,
        args: String,
    ) -> Invocation {
        let image = self.image().clone();
        Invocation {
            bundle: image.bundle.clone(),
            module: path.module.clone(),
            function: path.function.clone(),
            kind,
            args,
            env: image.environment.clone(),
            seed: self.tx.draw_seed(),
            now_ms: self.tx.now_ms(),
        }
    }

    /// Takes the world apart after the call.
    pub(crate) fn into_remains(mut self) -> Remains {
        self.forget_unused_pages();
        while self.frames.len() > 1 {
            // A nested call that never ended, because the whole execution was ended.
            self.close_streams();
            self.frames.pop();
        }
        self.close_streams();
        let root = self.frames.swap_remove(0);
        Remains {
            tx: self.tx,
            scheduling: self.scheduling,
            observed: self.observed,
            nested_lines: self.nested_lines,
            fatal: self.fatal,
            journal: root.pinned,
            foresight: self.beginning.learnt(),
            scans: self.scans,
        }
    }

    fn frame(&mut self) -> &mut Frame {
        self.frames
            .last_mut()
            .expect("the called function's frame is there until the end")
    }

    /// The transaction that the innermost function reads and writes.
    fn tx(&mut self) -> &mut Transaction {
        let stale = self
            .frames
            .iter_mut()
            .rev()
            .find_map(|frame| frame.stale.as_deref_mut());
        stale.unwrap_or(&mut self.tx)
    }

    /// Ceilings of the transaction that the innermost function reads and writes.
    fn limits_now(&self) -> TransactionLimits {
        let stale = self.frames.iter().any(|frame| frame.stale.is_some());
        if stale {
            self.scope.inner.options.limits.transaction()
        } else {
            self.limits
        }
    }

    fn innermost(&self) -> &Frame {
        self.frames
            .last()
            .expect("the called function's frame is there until the end")
    }

    fn kind(&self) -> FunctionKind {
        self.innermost().kind
    }

    /// The component of the innermost function.
    fn image(&self) -> &Arc<DeploymentImage> {
        &self.innermost().image
    }

    fn place(&self) -> &Place {
        &self.image().place
    }

    /// The tables that the innermost function sees.
    fn namespace(&self) -> Namespace {
        self.place().namespace
    }

    /// The deployment as the innermost function sees it.
    fn code(&self) -> Code<'_> {
        Code {
            deployment: &self.scope.deployment,
            own: self.image(),
        }
    }

    /// Remembers that rows were looked at in order of creation, and what for.
    fn note_scan(&mut self, index: Option<IndexId>, rows: u64, stages: Stages) {
        let Some(index) = index.filter(|_| rows > 0 && self.scans.len() < SCANS_MAX) else {
            return;
        };
        let Some(sought) = stages.into_sought() else {
            return;
        };
        let nested = self.frames.len() > 1;
        let by = nested.then(|| {
            let path = self.innermost().path.to_string();
            figured(&self.place().component, path).into_owned()
        });
        self.scans.push(Scan {
            index,
            by,
            rows,
            sought,
        });
    }

    /// Counts the time of an operation; ends the whole call when there has been too much.
    fn spend(&mut self, since: Instant) -> Result<(), SyscallError> {
        self.system_time += since.elapsed();
        let most = Duration::from_millis(self.scope.inner.options.limits.system_time_ms);
        if self.system_time <= most {
            return Ok(());
        }
        let text = "Your request timed out performing too many system operations.";
        let failure = FunctionFailure::developer(format!(
            "{text} Read or write less in one function (SystemTimeoutError, maximum duration: {}s).",
            most.as_secs_f64()
        ));
        self.fatal = Some(failure);
        Err(SyscallError::System {
            message: text.to_owned(),
        })
    }

    fn async_operation(&mut self, op: &str, args: &str) -> Result<String, SyscallError> {
        match op {
            "1.0/get" => self.get(args),
            "1.0/queryStreamPage" => self.query_stream_page(args),
            "1.0/queryCleanup" => self.query_cleanup(args),
            "1.0/queryPage" => self.query_page(args),
            "1.0/count" => self.count(args),
            "1.0/insert" => self.insert(args),
            "1.0/shallowMerge" => self.shallow_merge(args),
            "1.0/replace" => self.replace(args),
            "1.0/remove" => self.remove(args),
            "1.0/storageGetUrl" => self.storage_get_url(args),
            "1.0/storageGetMetadata" => self.storage_get_metadata(args),
            "1.0/storageGenerateUploadUrl" => self.storage_generate_upload_url(),
            "1.0/storageDelete" => self.storage_delete(args),
            "1.0/storageStore" => self.storage_store(args),
            "1.0/storageGet" => self.storage_get(args),
            "1.0/schedule" => self.schedule(args),
            "1.0/cancel_job" => self.cancel_job(args),
            "1.0/createFunctionHandle" => create_handle(args, &self.code()),
            "1.0/getUserIdentity" => Ok(self.user_identity()),
            "1.0/getFunctionMetadata" => Ok(self.function_metadata()),
            "1.0/getDeploymentMetadata" => Ok(self.deployment_metadata()),
            "1.0/getRequestMetadata" => self.request_metadata(),
            "1.0/getTransactionMetrics" => Ok(self.transaction_metrics()),
            // Lines for an audit log are accepted and dropped (function-runtime 1.9).
            "1.0/auditLog" => Ok("null".to_owned()),
            op => {
                Err(unsupported(op)
                    .unwrap_or_else(|| thrown(format!("Unknown async operation {op}"))))
            }
        }
    }
}

impl Syscalls for UdfSyscalls {
    fn foresee(&mut self) -> Vec<Foreseen> {
        self.pages_in_advance()
    }

    fn foreseen_used(&mut self, count: usize) {
        self.pages_used(count);
    }

    fn posting(&mut self) -> Option<Vec<Reserved>> {
        self.reserve()
    }

    fn reserve_more(&mut self) -> Vec<Reserved> {
        self.refill()
    }

    fn posted(&mut self, op: &str, args: &str, answer: &str) -> Result<(), SyscallError> {
        tracing::trace!(target: "lentil::station", number = 6, posted = true);
        self.make_posted(op, args, answer)
    }

    fn sync_call(&mut self, op: &str, args: &str) -> Result<String, SyscallError> {
        match op {
            "1.0/queryCleanup" => self.query_cleanup(args),
            "1.0/db/normalizeId" => self.normalize_id(args),
            "1.0/getSnapshotTs" => Ok(self.snapshot_ts()),
            "1.0/componentArgument" => Err(thrown(
                "There are no component arguments any more (NoComponentArgs). Use environment variables: \
                 app.use(component, { env: { … } }).",
            )),
            "1.0/requireOperation" => Ok("null".to_owned()),
            op => Err(thrown(format!("Unknown operation {op}"))),
        }
    }

    fn call(&mut self, op: &str, args: &str) -> Reply {
        tracing::trace!(target: "lentil::station", number = 6);
        self.beginning.note(op, args);
        if op == "1.0/runUdf" {
            return match self.run_udf(args) {
                Ok(invocation) => Reply::Nested(Box::new(invocation)),
                Err(error) => Reply::Error(error),
            };
        }
        let since = Instant::now();
        let answer = self.async_operation(op, args);
        match answer.and_then(|value| self.spend(since).map(|()| value)) {
            Ok(value) => Reply::Value(value),
            Err(error) => Reply::Error(error),
        }
    }

    fn nested_finished(&mut self, outcome: CallOutcome) -> Result<String, SyscallError> {
        self.finish_nested(outcome)
    }
}

/// Reads a syscall's arguments. `method` is what the developer called, e.g. `db.get`.
pub(crate) fn parse<'a, T: Deserialize<'a>>(
    method: &str,
    args: &'a str,
) -> Result<T, SyscallError> {
    serde_json::from_str(args).map_err(|error| {
        if let Some(error) = misplaced(method, args) {
            return error;
        }
        let cause = if error.is_data() {
            error.to_string()
        } else {
            "Received invalid json".to_owned()
        };
        // Where in the JSON it happened means nothing to the developer, who wrote no JSON.
        let cause = cause
            .rfind(" at line ")
            .map_or(&*cause, |end| &cause[..end])
            // Words of the JSON parser.
            .replace("expected f64", "expected a number")
            .replace("unknown variant", "unknown value");
        thrown(format!("Invalid arguments for `{method}`: {cause}"))
    })
}

/// Members of syscalls that must be texts or numbers, what developers call them, and whether they
/// may be null.
const SIMPLE_ARGUMENTS: [(&str, &str, &str, bool); 9] = [
    ("id", "id", "string", false),
    ("table", "tableName", "string", false),
    ("idString", "id", "string", false),
    ("cursor", "cursor", "string", true),
    ("endCursor", "endCursor", "string", true),
    ("ts", "time", "finite number", false),
    ("pageSize", "numItems", "finite number", false),
    ("maximumRowsRead", "maximumRowsRead", "number", true),
    ("maximumBytesRead", "maximumBytesRead", "number", true),
];

/// The complaint about the first argument that is of another type than it must be.
fn misplaced(method: &str, args: &str) -> Option<SyscallError> {
    let args: serde_json::Value = serde_json::from_str(args).ok()?;
    let wrong = |&(member, argument, expected, nullable): &(&str, &'static str, &str, bool)| {
        use serde_json::Value as Json;
        let got = match args.get(member)? {
            Json::String(_) if expected == "string" => return None,
            Json::Number(_) if expected != "string" => return None,
            Json::Null if nullable => return None,
            Json::Null if expected != "string" => {
                return Some((argument, format!("expected a {expected}")));
            }
            // Most likely the document itself.
            Json::Object(_) if argument == "id" => "an object. Did you mean its `_id`?".to_owned(),
            Json::Object(_) => "an object".to_owned(),
            Json::Array(_) => "an array".to_owned(),
            other => other.to_string(),
        };
        Some((argument, format!("expected a {expected}, got {got}")))
    };
    let (argument, cause) = SIMPLE_ARGUMENTS.iter().find_map(wrong)?;
    Some(bad_argument(argument, method, &cause))
}

/// An argument that is not what the method takes.
pub(crate) fn bad_argument(
    argument: &str,
    method: &str,
    cause: &dyn std::fmt::Display,
) -> SyscallError {
    thrown(format!(
        "Invalid argument `{argument}` for `{method}`: {cause}"
    ))
}
