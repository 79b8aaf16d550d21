//! What it takes to schedule a function and to take that back, for mutations, which do it in
//! their own transaction, and for actions and admins, for whom each is a commit (function-runtime 6.5).

use std::sync::Arc;

use lentil_catalog::{Author, JobState, ScheduledFunction, ScheduledId};
use lentil_database::{Namespace, Transaction, TransactionError};
use lentil_js::{FunctionKind, SyscallError};
use lentil_values::{DocumentId, Value, is_unresolved};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::Place;
use crate::deploy::DeploymentImage;
use crate::errors::{from_transaction, no_function, thrown};
use crate::limits::Limits;
use crate::path::{ComponentPath, FunctionPath};
use crate::syscalls::{Address, Code, Target, bad_argument, parse};
use crate::system::note;
use crate::transact::transact;
use crate::validate::parse_args;
use crate::{FunctionFailure, Functions};

/// How far from now a function may be scheduled, ms: five years, either way.
const FARTHEST_MS: f64 = 5.0 * 365.0 * 86_400_000.0;
/// What developers call.
const SCHEDULE: &str = "scheduler.runAt";
/// What is said of its transactions that fail.
const WHAT: &str = "a function could not be scheduled";
const CANCEL: &str = "scheduler.cancel";
/// Functions that one transaction cancels for an admin.
const CANCEL_STEP: usize = 1_000;

#[derive(Deserialize)]
struct ScheduleArgs<'a> {
    #[serde(flatten)]
    address: Address,
    /// Seconds since the epoch.
    ts: f64,
    #[serde(borrow)]
    args: &'a RawValue,
}

#[derive(Deserialize)]
struct CancelArgs {
    id: String,
}

/// A function that is to be scheduled, checked.
pub(crate) struct Asked {
    /// The component that asks.
    place: Arc<Place>,
    /// That of the function.
    component: ComponentPath,
    path: FunctionPath,
    /// An array with one object.
    args: Value,
    /// Ms since the epoch.
    pub(crate) scheduled_ms: f64,
}

impl Asked {
    /// Reads the arguments of the syscall: the function must be there and be of a kind that can
    /// run later, the time not absurd, and the arguments of a size that can be kept.
    pub(crate) fn read(
        args: &str,
        code: &Code<'_>,
        limits: &Limits,
        now_ms: f64,
    ) -> Result<Asked, SyscallError> {
        let args: ScheduleArgs<'_> = parse(SCHEDULE, args)?;
        let Target { image, path } = args.address.target(SCHEDULE, code)?;
        check_target(&path, &image)?;
        let scheduled_ms = check_time(args.ts * 1e3, now_ms)?;
        check_resolved(args.args.get())?;
        let object = parse_args(&path, args.args.get(), limits).map_err(thrown)?;
        Ok(Asked {
            args: check_row(Value::Array(vec![Value::Object(object)]))?,
            place: code.own.place.clone(),
            component: image.place.component.clone(),
            path,
            scheduled_ms,
        })
    }

    /// Size of the arguments.
    pub(crate) fn args_bytes(&self) -> usize {
        self.args.size()
    }

    /// Writes the row; gives its id and whether it waits for its time: what a function schedules
    /// after it was canceled is canceled too. `parent` is the scheduled function that asks.
    pub(crate) fn write(
        self,
        tx: &mut Transaction,
        parent: Option<ScheduledId>,
    ) -> Result<(DocumentId, bool), TransactionError> {
        let parent = match parent {
            Some(parent) => ScheduledFunction::load(tx, parent.namespace, parent.id)?,
            None => None,
        };
        let waits = parent.is_none_or(|parent| parent.state != JobState::Canceled);
        let state = if waits {
            JobState::Pending
        } else {
            JobState::Canceled
        };
        let function = ScheduledFunction {
            name: self.path.canonical(),
            component: (self.component != self.place.component).then_some(self.component.0),
            args: self.args,
            scheduled_ms: self.scheduled_ms,
            completed_ms: state.is_final().then(|| tx.now_ms()),
            state,
        };
        Ok((function.insert(tx, self.place.namespace)?, waits))
    }
}

fn check_target(path: &FunctionPath, image: &DeploymentImage) -> Result<(), SyscallError> {
    let Some(spec) = image.functions.get(path) else {
        return Err(thrown(no_function(path, &image.place.component).message));
    };
    match spec.kind {
        FunctionKind::Mutation | FunctionKind::Action => Ok(()),
        FunctionKind::Query | FunctionKind::HttpAction => Err(thrown(format!(
            "Cannot schedule {path}: only mutations and actions can be scheduled."
        ))),
    }
}

fn check_time(at_ms: f64, now_ms: f64) -> Result<f64, SyscallError> {
    let away = at_ms - now_ms;
    if at_ms.is_finite() && away.abs() <= FARTHEST_MS {
        return Ok(at_ms);
    }
    let when = if away > 0.0 { "future" } else { "past" };
    Err(thrown(format!(
        "Functions can be scheduled at most 5 years from now, this time is farther in the {when} \
         (InvalidScheduledFunctionDelay)."
    )))
}

/// The row is written before there is a timestamp, and read by whoever watches the table.
fn check_resolved(args: &str) -> Result<(), SyscallError> {
    if !is_unresolved(args) {
        return Ok(());
    }
    let cause = "db.vars.commitTs is known only when the mutation has committed, so that it cannot be passed to a \
                 scheduled function. Store it in a document and pass the document's id";
    Err(bad_argument("args", SCHEDULE, &cause))
}

/// The arguments stand in a row, which nests two levels more than they do.
fn check_row(args: Value) -> Result<Value, SyscallError> {
    let row = Value::Object([("args".to_owned(), args)].into());
    row.check_limits()
        .map_err(|error| bad_argument("args", SCHEDULE, &error))?;
    match row {
        Value::Object(mut row) => Ok(row.remove("args").unwrap_or(Value::Null)),
        _ => unreachable!("it was made an object three lines above"),
    }
}

/// The id that a cancellation names; `None` if it is the id of nothing.
pub(crate) fn canceled_id(args: &str) -> Result<Option<DocumentId>, SyscallError> {
    let args: CancelArgs = parse(CANCEL, args)?;
    Ok(args.id.parse().ok())
}

/// What somebody is told who cancels what was never scheduled.
pub(crate) fn unknown(args: &str) -> SyscallError {
    let id = parse(CANCEL, args).map(|args: CancelArgs| args.id);
    let cause = format!(
        "\"{}\" is not the ID of a document in the \"_scheduled_functions\" table",
        id.unwrap_or_default()
    );
    bad_argument("id", CANCEL, &cause)
}

/// Cancels what has not ended; false if there is no such function.
pub(crate) fn cancel(
    tx: &mut Transaction,
    namespace: Namespace,
    id: Option<DocumentId>,
) -> Result<bool, TransactionError> {
    let Some(id) = id else { return Ok(false) };
    let Some(function) = ScheduledFunction::load(tx, namespace, id)? else {
        return Ok(false);
    };
    if !function.state.is_final() {
        let now_ms = tx.now_ms();
        ScheduledFunction::set_state(tx, namespace, id, &JobState::Canceled, now_ms)?;
    }
    Ok(true)
}

/// Whether it is a mutation: the mutations that an action calls may cancel it.
pub(crate) fn runs_in_its_own_transaction(
    tx: &mut Transaction,
    id: ScheduledId,
    deployment: &Arc<DeploymentImage>,
) -> Result<bool, TransactionError> {
    let Some(function) = ScheduledFunction::load(tx, id.namespace, id.id)? else {
        return Ok(true);
    };
    let image = match function.component {
        Some(component) => deployment.component(&ComponentPath(component)),
        None => deployment.in_namespace(id.namespace),
    };
    let path = FunctionPath::parse(&function.name).ok();
    let spec = path.and_then(|path| image?.functions.get(&path));
    Ok(spec.is_none_or(|spec| spec.kind == FunctionKind::Mutation))
}

impl Functions {
    /// Schedules a function for an action, in a commit of its own: `1.0/actions/schedule`, with
    /// that syscall's arguments; gives its answer. `place` is the action's component, `parent` the
    /// scheduled function that it is, or runs on behalf of.
    pub async fn schedule(
        &self,
        args: &str,
        place: &Place,
        parent: Option<ScheduledId>,
    ) -> Result<String, FunctionFailure> {
        let (inner, args, place) = (self.inner().clone(), args.to_owned(), place.clone());
        let database = inner.database.clone();
        let written = transact(database, WHAT, move |tx| {
            let image = inner.live(tx).map_err(from_transaction)?.image;
            let image = image.unwrap_or_else(|| Arc::new(DeploymentImage::empty()));
            let code = Code::of(&image, &place)?;
            let limits = &inner.options.limits;
            let now_ms = tx.now_ms();
            let asked = Asked::read(&args, &code, limits, now_ms)?;
            let scheduled_ms = asked.scheduled_ms;
            let (id, _) = asked.write(tx, parent).map_err(from_transaction)?;
            Ok((id, scheduled_ms))
        });
        let (id, scheduled_ms) = written.await?;
        self.agenda().note_scheduled(scheduled_ms);
        Ok(format!("\"{id}\""))
    }

    /// Cancels a scheduled function for an action or an admin, in a commit of its own:
    /// `1.0/actions/cancel_job`, with that syscall's arguments.
    pub async fn cancel_scheduled(&self, args: &str, place: &Place) -> Result<(), FunctionFailure> {
        self.cancel_one(args, place.namespace, None).await
    }

    /// The same for an admin, which is noted.
    pub async fn cancel_scheduled_as(
        &self,
        author: Author,
        namespace: Namespace,
        args: &str,
    ) -> Result<(), FunctionFailure> {
        self.cancel_one(args, namespace, Some(author)).await
    }

    async fn cancel_one(
        &self,
        args: &str,
        namespace: Namespace,
        author: Option<Author>,
    ) -> Result<(), FunctionFailure> {
        let args = args.to_owned();
        let database = self.database().clone();
        transact(database, WHAT, move |tx| {
            let id = canceled_id(&args)?;
            if !cancel(tx, namespace, id).map_err(from_transaction)? {
                return Err(unknown(&args));
            }
            if let (Some(author), Some(id)) = (author, id) {
                let metadata = [("id", Value::String(id.to_string()))];
                note(tx, author, "cancel_scheduled_function", metadata)
                    .map_err(|error| from_transaction(error.into()))?;
            }
            Ok(())
        })
        .await
    }

    /// Cancels what waits for its time, of one function or of all; for admins. What is scheduled
    /// meanwhile may be left.
    pub async fn cancel_all_scheduled(
        &self,
        author: Author,
        namespace: Namespace,
        path: Option<&str>,
    ) -> Result<(), FunctionFailure> {
        let path = path.map(FunctionPath::parse).transpose();
        let path = path.map_err(|error| FunctionFailure::developer(error.to_string()))?;
        let name = path.map(|path| format!("{}:{}", path.module, path.function));
        let noted = name.clone().map_or(Value::Null, Value::String);
        transact(self.database().clone(), WHAT, move |tx| {
            let metadata = [("udf_path", noted.clone())];
            note(tx, author, "cancel_all_scheduled_functions", metadata)
                .map_err(|error| from_transaction(error.into()))
        })
        .await?;
        loop {
            let name = name.clone();
            let database = self.database().clone();
            let canceled = transact(database, WHAT, move |tx| {
                cancel_some(tx, namespace, name.as_deref()).map_err(from_transaction)
            });
            if canceled.await? < CANCEL_STEP {
                return Ok(());
            }
        }
    }
}

/// Cancels some that wait; gives how many.
fn cancel_some(
    tx: &mut Transaction,
    namespace: Namespace,
    name: Option<&str>,
) -> Result<usize, TransactionError> {
    let ids = ScheduledFunction::waiting(tx, namespace, name, CANCEL_STEP)?;
    for id in &ids {
        cancel(tx, namespace, Some(*id))?;
    }
    Ok(ids.len())
}
