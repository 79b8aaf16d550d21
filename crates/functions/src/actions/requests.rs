//! What an action asks of the server (function-runtime 1.4).

use std::sync::Arc;

use bytes::Bytes;
use lentil_catalog::ScheduledId;
use lentil_identity::Identity;
use lentil_js::{ActionSyscalls, Answer, BytesAnswer, LogLine, SyscallError};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::contents::Contents;
use super::progress::Told;
use crate::deploy::DeploymentImage;
use crate::errors::{from_transaction, thrown};
use crate::path::FunctionPath;
use crate::service::{ACTION, Inner};
use crate::syscalls::{Address, Code, create_handle, parse, request_metadata, unsupported};
use crate::{Call, FunctionFailure, Functions, Origin, Outcome, Place};

/// The world of one action.
pub(super) struct ActionRequests {
    /// Its execution.
    id: uuid::Uuid,
    pub(super) inner: Arc<Inner>,
    pub(super) path: FunctionPath,
    /// Its component.
    pub(super) place: Arc<Place>,
    identity: Identity,
    pub(super) request_id: String,
    /// Whether it is an HTTP action.
    pub(super) http: bool,
    /// Why nobody knows who the caller is.
    unknown: Option<String>,
    /// The scheduled function that the action is, or runs on behalf of.
    scheduled: Option<ScheduledId>,
    /// Files that it stores and reads.
    pub(super) contents: Contents,
    /// What it logs.
    pub(super) told: Told,
}

/// The arguments of `runQuery`, `runMutation` and `runAction`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    #[serde(flatten)]
    address: Address,
    #[serde(borrow)]
    args: &'a RawValue,
}

impl ActionRequests {
    pub(super) fn new(
        inner: Arc<Inner>,
        call: &Call,
        place: Arc<Place>,
        path: FunctionPath,
        id: uuid::Uuid,
    ) -> ActionRequests {
        ActionRequests {
            id,
            inner,
            path,
            place,
            identity: call.identity.clone(),
            request_id: call.request_id.clone(),
            unknown: None,
            scheduled: call.origin.scheduled(),
            contents: Contents::default(),
            told: Told::of(id),
            http: false,
        }
    }

    /// The same for an HTTP action; and why it cannot be told who calls it, if it cannot.
    pub(super) fn of_http(mut self, unknown: Option<String>) -> ActionRequests {
        self.unknown = unknown;
        self.http = true;
        self
    }

    async fn answer(&self, op: &str, args: &str) -> Result<String, SyscallError> {
        match op {
            "1.0/actions/query" => {
                let call = self.callee("runQuery", args).await?;
                let functions = Functions::of(self.inner.clone());
                let result = functions.query(&call, functions.latest(), None).await;
                given(result.map_or_else(Outcome::failed, |result| result.outcome.clone()))
            }
            "1.0/actions/mutation" => {
                let call = self.callee("runMutation", args).await?;
                let functions = Functions::of(self.inner.clone());
                given(functions.mutation(call, None).await.outcome)
            }
            "1.0/actions/action" => {
                let call = self.callee("runAction", args).await?;
                let functions = Functions::of(self.inner.clone());
                given(functions.action(call).await)
            }
            "1.0/actions/schedule" | "actions/schedule" => {
                let functions = Functions::of(self.inner.clone());
                let scheduled = functions.schedule(args, &self.place, self.scheduled).await;
                scheduled.map_err(failed)
            }
            "1.0/actions/cancel_job" => {
                let functions = Functions::of(self.inner.clone());
                let canceled = functions.cancel_scheduled(args, &self.place).await;
                canceled.map(|()| "null".to_owned()).map_err(failed)
            }
            "1.0/createFunctionHandle" => {
                let args = args.to_owned();
                self.with_code(move |code| create_handle(&args, code)).await
            }
            "1.0/getUserIdentity" => {
                if !self.place.is_root() {
                    return Ok("null".to_owned());
                }
                if let Some(why) = &self.unknown {
                    return Err(thrown(format!("The caller's identity is not known: {why}")));
                }
                let user = self.identity.user_json();
                Ok(user.unwrap_or_else(|| "null".to_owned()))
            }
            "1.0/getFunctionMetadata" => {
                let (name, component) = (self.path.to_string(), &self.place.component.0);
                Ok(json!({ "name": name, "componentPath": component }).to_string())
            }
            "1.0/getDeploymentMetadata" => {
                let name = &self.inner.options.instance_name;
                Ok(json!({ "name": name, "region": null, "class": "s16" }).to_string())
            }
            "1.0/getRequestMetadata" => Ok(request_metadata(&self.request_id, self.scheduled)),
            "1.0/createServiceToken" | "1.0/getServiceUrl" => Err(thrown(
                "This deployment is self-hosted and has none of the services that Convex manages.",
            )),
            op => match self.file_operation(op, args).await {
                Some(answer) => answer,
                None => Err(unsupported(op).unwrap_or_else(|| unknown(op))),
            },
        }
    }

    /// Asks the live deployment, off the async workers: to read it may block after a push.
    async fn with_code<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Code<'_>) -> Result<T, SyscallError> + Send + 'static,
    ) -> Result<T, SyscallError> {
        let (inner, place) = (self.inner.clone(), self.place.clone());
        let asked = tokio::task::spawn_blocking(move || {
            let mut tx = inner.database.begin();
            let image = inner.live(&mut tx).map_err(from_transaction)?.image;
            let image = image.unwrap_or_else(|| Arc::new(DeploymentImage::empty()));
            ask(&Code::of(&image, &place)?)
        });
        asked.await.map_err(|error| SyscallError::System {
            message: format!("the live deployment could not be asked: {error}"),
        })?
    }

    /// The call of the function that the action names.
    async fn callee(&self, method: &'static str, args: &str) -> Result<Call, SyscallError> {
        let run: Run<'_> = parse(method, args)?;
        let (component, path) = match run.address.own_path(method)? {
            Some(path) => (self.place.component.clone(), path),
            None => {
                let address = run.address;
                let found = self.with_code(move |code| {
                    let target = address.target(method, code)?;
                    Ok((target.image.place.component.clone(), target.path))
                });
                found.await?
            }
        };
        // Who calls is known within the app only (function-runtime 11.5).
        let known = self.place.is_root() && component.is_root() || self.identity.is_admin();
        let identity = match known {
            true => self.identity.clone(),
            false => Identity::Anonymous,
        };
        Ok(Call {
            path: path.to_string(),
            component,
            args: run.args.get().into(),
            identity,
            request_id: self.request_id.clone(),
            caller: ACTION,
            origin: Origin::Server {
                scheduled: self.scheduled,
                parent: Some(self.id),
            },
            question: Default::default(),
        })
    }
}

/// A callee's outcome as its caller gets it: every failure is an error that can be caught.
fn given(outcome: Outcome) -> Result<String, SyscallError> {
    match outcome.result {
        Ok(value) => Ok(value.to_string()),
        Err(failure) => Err(failed(failure)),
    }
}

pub(super) fn failed(failure: FunctionFailure) -> SyscallError {
    SyscallError::Developer {
        message: failure.message,
        data: failure.data.map(|data| data.to_string()),
    }
}

fn unknown(op: &str) -> SyscallError {
    let hint = match op {
        "1.0/get"
        | "1.0/insert"
        | "1.0/shallowMerge"
        | "1.0/replace"
        | "1.0/remove"
        | "1.0/count"
        | "1.0/queryStreamNext"
        | "1.0/queryPage" => ". Actions have no `ctx.db`: use ctx.runQuery and ctx.runMutation",
        "1.0/runUdf" => {
            ". An action runs functions with its own ctx.runQuery, ctx.runMutation and ctx.runAction"
        }
        _ => "",
    };
    thrown(format!("Unknown async operation {op}{hint}"))
}

impl ActionSyscalls for ActionRequests {
    fn call(self: Arc<Self>, op: String, args: String) -> Answer {
        Box::pin(async move { self.answer(&op, &args).await })
    }

    fn give(self: Arc<Self>, op: String, args: String, bytes: Bytes) -> Answer {
        Box::pin(async move {
            match op.as_str() {
                "storage/write" => self.store_part(&args, bytes).await,
                op => Err(unknown(op)),
            }
        })
    }

    fn take(self: Arc<Self>, op: String, args: String) -> BytesAnswer {
        Box::pin(async move {
            match op.as_str() {
                "storage/read" => self.read_part(&args).await,
                op => Err(unknown(op)),
            }
        })
    }

    fn routed(&self, route: &str) {
        self.set_route(route);
    }

    fn logged(&self, lines: &[LogLine]) {
        self.tell(lines);
    }
}
