//! A query that was never pushed: its source comes with the call (`npx convex run --inline-query`,
//! dashboards). It reads what deployed functions read, at the newest snapshot, and nothing is kept.

use std::sync::Arc;
use std::time::Instant;

use lentil_js::{Bundle, FunctionKind, ModuleEnvironment, ModuleSource};
use lentil_values::Value;

use crate::deploy::DeploymentImage;
use crate::execute::{Executed, execute};
use crate::path::FunctionPath;
use crate::prepare::Ready;
use crate::query::describe;
use crate::service::Inner;
use crate::syscalls::{Scope, UdfSyscalls};
use crate::validate::parse_args;
use crate::{Call, FunctionFailure, Outcome};

/// What sources import the builders from; the linker takes `convex:/` as the root.
const WRAPPERS_PATH: &str = "_system/repl/wrappers.js";
const WRAPPERS: &str = include_str!("../../../executor/repl/wrappers.js");
/// The name under which a source runs, whatever it is called.
const MODULE: &str = "testQuery.js";

/// Runs the default export of `source`, for admins; `call` says with what and in whose name.
pub(crate) async fn run(inner: &Arc<Inner>, source: Arc<str>, call: Call) -> Outcome {
    if !call.identity.is_admin() {
        let text = "Only a deployment admin may run a query that is not deployed.";
        return Outcome::failed(FunctionFailure::developer(text));
    }
    let started = Instant::now();
    let (preparing, asked) = (inner.clone(), call.clone());
    let prepared = tokio::task::spawn_blocking(move || prepare(&preparing, source, &asked)).await;
    let prepared = prepared
        .map_err(|error| FunctionFailure::internal("a query could not be prepared", &error))
        .and_then(|prepared| prepared);
    let executed = match prepared {
        Ok(ready) => execute(inner, ready).await,
        Err(failure) => Err(failure),
    };
    let executed: Executed = match executed {
        Ok(executed) => executed,
        Err(failure) => return Outcome::failed(failure),
    };
    let path = path();
    let mut execution = describe(&call, &path, &executed.result);
    execution.lines = executed.lines.clone();
    execution.seconds = started.elapsed().as_secs_f64();
    execution.user_seconds = executed.user_seconds;
    execution.usage = executed.tx.usage();
    inner.log(execution);
    let log_lines = executed.log_lines();
    Outcome {
        result: executed.result,
        log_lines,
    }
}

fn path() -> FunctionPath {
    FunctionPath::parse("testQuery:default").expect("it is a path")
}

pub(crate) fn prepare(
    inner: &Arc<Inner>,
    source: Arc<str>,
    call: &Call,
) -> Result<Box<Ready>, FunctionFailure> {
    let mut tx = inner.database.begin();
    let live = inner.live(&mut tx)?;
    live.check_running()?;
    let deployment = match live.image {
        Some(image) => image,
        // Before the first push there are no functions to call and no tables to read, but variables.
        None => Arc::new(DeploymentImage {
            environment: live.environment,
            ..DeploymentImage::empty()
        }),
    };
    let image = deployment.component(&call.component).cloned();
    let image = image.ok_or_else(|| {
        let component = &call.component;
        FunctionFailure::developer(format!("There is no component '{component}' in the app."))
    })?;
    let path = path();
    let args =
        parse_args(&path, &call.args, &inner.options.limits).map_err(FunctionFailure::developer)?;
    let args = Value::Array(vec![Value::Object(args)]).to_json_string();
    let modules = [(MODULE, source), (WRAPPERS_PATH, WRAPPERS.into())];
    let modules = modules.map(|(path, source)| ModuleSource {
        path: path.to_owned(),
        source,
        source_map: None,
        environment: ModuleEnvironment::Isolate,
    });
    let now_ms = tx.now_ms();
    let bundle = Bundle::link(modules.into(), tx.draw_seed(), now_ms)
        .map_err(|error| FunctionFailure::developer(error.to_string()))?;
    tx.restore_usage(Default::default());
    tx.forget_used();
    tx.set_limits(inner.options.limits.transaction());
    let scope = Scope {
        scheduled: None,
        inner: inner.clone(),
        deployment,
        image: image.clone(),
        identity: call.identity.clone(),
        request_id: call.request_id.clone(),
    };
    let kind = FunctionKind::Query;
    let mut syscalls = UdfSyscalls::new(scope, tx, path.clone(), kind, None);
    let mut invocation = syscalls.invocation(&path, kind, args);
    invocation.bundle = Arc::new(bundle);
    Ok(Box::new(Ready {
        path,
        image,
        syscalls,
        invocation,
    }))
}
