//! From a call to a function that can run: path, permission, kind, arguments.

use std::collections::BTreeMap;
use std::sync::Arc;

use lentil_catalog::Deployment;
use lentil_database::{Transaction, TransactionError, TransactionUsage};
use lentil_js::{FunctionKind, Invocation};
use lentil_values::Value;
use parking_lot::Mutex;

use crate::deploy::{DeploymentImage, FunctionSpec, Visibility};
use crate::errors::no_public_function;
use crate::path::FunctionPath;
use crate::pausing::PAUSED;
use crate::service::Inner;
use crate::syscalls::{Scope, UdfSyscalls, wrong_kind};
use crate::validate::{TableNames, check_args, parse_args};
use crate::{Call, FunctionFailure};

/// Bytes of arguments or results that are worth leaving the async workers for.
pub(crate) const LARGE: usize = 64 << 10;

/// A function about to run.
pub(crate) struct Ready {
    pub(crate) path: FunctionPath,
    pub(crate) image: Arc<DeploymentImage>,
    pub(crate) syscalls: UdfSyscalls,
    pub(crate) invocation: Invocation,
}

impl Ready {
    /// Lets the call go on without waiting for its writes, if the function is known to write.
    pub(crate) fn let_post(&mut self) {
        let spec = self.image.functions.get(&self.path);
        if let Some(inserts) = spec.and_then(|spec| spec.habit.next_run()) {
            self.syscalls.may_post(inserts);
        }
    }
}

/// A call that will not run, with the transaction whose reads say why.
pub(crate) struct Refused {
    pub(crate) failure: FunctionFailure,
    pub(crate) tx: Transaction,
}

/// What executions are made of, as of one revision of the deployment's row.
#[derive(Clone)]
pub(crate) struct Live {
    /// `None` before the first push.
    pub(crate) image: Option<Arc<DeploymentImage>>,
    pub(crate) environment: Arc<BTreeMap<String, String>>,
    /// Whether an admin has stopped it.
    paused: bool,
}

impl Live {
    /// Fails if nothing is to run.
    pub(crate) fn check_running(&self) -> Result<(), FunctionFailure> {
        if self.paused {
            return Err(FunctionFailure::developer(PAUSED));
        }
        Ok(())
    }
}

/// The last revision that was used, for runs that must not block.
#[derive(Default)]
pub(crate) struct Warm(Mutex<Option<(Option<Arc<str>>, Live)>>);

impl Inner {
    /// The live deployment as of the transaction; may block the first time after a push.
    pub(crate) fn live(&self, tx: &mut Transaction) -> Result<Live, TransactionError> {
        if let Some(live) = self.warm_live(tx)? {
            return Ok(live);
        }
        let row = Deployment::text(tx)?;
        let live = Live {
            image: self.images.current(tx)?,
            environment: self.images.environment(tx)?,
            paused: Deployment::load(tx)?.paused,
        };
        *self.warm.0.lock() = Some((row, live.clone()));
        Ok(live)
    }

    /// The live deployment if it was used before, at the price of one read of a row that is kept in
    /// memory.
    pub(crate) fn warm_live(&self, tx: &mut Transaction) -> Result<Option<Live>, TransactionError> {
        let row = Deployment::text(tx)?;
        let warm = self.warm.0.lock();
        let found = warm.as_ref().filter(|(of, _)| *of == row);
        Ok(found.map(|(_, live)| live.clone()))
    }
}

/// The component that a call names, of the deployment.
pub(crate) fn component_of<'a>(
    deployment: Option<&'a Arc<DeploymentImage>>,
    call: &Call,
) -> Option<&'a Arc<DeploymentImage>> {
    let visible = call.component.is_root() || call.reaches_internal();
    deployment
        .filter(|_| visible)
        .and_then(|deployment| deployment.component(&call.component))
}

/// Finds the function that a caller names, if they may call it; `image` is that of its component.
pub(crate) fn resolve<'a>(
    image: Option<&'a DeploymentImage>,
    path: &FunctionPath,
    call: &Call,
    kind: FunctionKind,
) -> Result<&'a FunctionSpec, FunctionFailure> {
    let spec = find(image, path, call).ok_or_else(|| no_public_function(path, &call.component))?;
    if spec.kind != kind {
        return Err(FunctionFailure::developer(wrong_kind(
            path, kind, spec.kind,
        )));
    }
    Ok(spec)
}

/// The function, if it is there and the caller may know that it is.
pub(crate) fn find<'a>(
    image: Option<&'a DeploymentImage>,
    path: &FunctionPath,
    call: &Call,
) -> Option<&'a FunctionSpec> {
    let spec = image?.functions.get(path)?;
    let callable = match spec.visibility {
        _ if call.origin.is_server() => true,
        Visibility::Public => true,
        Visibility::Internal => call.reaches_internal(),
        Visibility::Unexported => false,
    };
    callable.then_some(spec)
}

/// Makes a call of `path` ready to run in `tx`.
pub(crate) fn prepare(
    inner: &Arc<Inner>,
    mut tx: Transaction,
    call: &Call,
    path: FunctionPath,
    kind: FunctionKind,
    journal: Option<Arc<str>>,
) -> Result<Box<Ready>, Box<Refused>> {
    let checked = check(inner, &mut tx, call, &path, kind);
    let Checked {
        deployment,
        image,
        args,
    } = match checked {
        Ok(checked) => checked,
        Err(failure) => return Err(Box::new(Refused { failure, tx })),
    };
    // What the server has read is no part of what the function may read.
    tx.restore_usage(TransactionUsage::default());
    tx.forget_used();
    tx.set_limits(inner.options.limits.transaction());
    let scope = Scope {
        inner: inner.clone(),
        deployment,
        image: image.clone(),
        identity: call.identity.clone(),
        request_id: call.request_id.clone(),
        scheduled: call.origin.scheduled(),
    };
    let mut syscalls = UdfSyscalls::new(scope, tx, path.clone(), kind, journal);
    let invocation = syscalls.invocation(&path, kind, args);
    Ok(Box::new(Ready {
        path,
        image,
        syscalls,
        invocation,
    }))
}

/// A call that is in order.
pub(crate) struct Checked {
    /// The root app.
    pub(crate) deployment: Arc<DeploymentImage>,
    /// The component of the function.
    pub(crate) image: Arc<DeploymentImage>,
    /// Canonical.
    pub(crate) args: String,
}

/// Finds the function and checks the arguments of a call of `path` as of the transaction.
pub(crate) fn check(
    inner: &Inner,
    tx: &mut Transaction,
    call: &Call,
    path: &FunctionPath,
    kind: FunctionKind,
) -> Result<Checked, FunctionFailure> {
    let live = inner.live(tx)?;
    live.check_running()?;
    let missing = || no_public_function(path, &call.component);
    let deployment = live.image.ok_or_else(missing)?;
    let image = component_of(Some(&deployment), call).ok_or_else(missing)?;
    let image = image.clone();
    let spec = resolve(Some(&image), path, call, kind)?;
    let object =
        parse_args(path, &call.args, &inner.options.limits).map_err(FunctionFailure::developer)?;
    let args = Value::Object(object);
    let ids = TableNames::new(tx, image.place.namespace);
    check_args(&spec.args, &args, &ids).map_err(FunctionFailure::developer)?;
    let args = Value::Array(vec![args]).to_json_string();
    Ok(Checked {
        deployment,
        image,
        args,
    })
}
