//! Calls that do not say what kind of function they want.

use std::sync::Arc;

use lentil_js::FunctionKind;

use crate::deploy::DeploymentImage;
use crate::errors::{no_function, no_public_function};
use crate::path::FunctionPath;
use crate::prepare::{component_of, find};
use crate::service::Inner;
use crate::{Call, FunctionFailure, Functions, Outcome, system};

/// Runs whatever the path names.
pub(crate) async fn run(functions: &Functions, call: Call) -> Outcome {
    let kind = match kind_of(functions.inner().clone(), call.clone()).await {
        Ok(kind) => kind,
        Err(failure) => return Outcome::failed(failure),
    };
    match kind {
        FunctionKind::Query => {
            let result = functions.query(&call, functions.latest(), None).await;
            result.map_or_else(Outcome::failed, |result| result.outcome.clone())
        }
        FunctionKind::Mutation => functions.mutation(call, None).await.outcome,
        FunctionKind::Action => functions.action(call).await,
        FunctionKind::HttpAction => Outcome::failed(FunctionFailure::developer(
            "An HTTP action is called by its route, not by its path.",
        )),
    }
}

async fn kind_of(inner: Arc<Inner>, call: Call) -> Result<FunctionKind, FunctionFailure> {
    with_image(inner, call, |image, path, call| {
        if path.is_system() {
            // Whoever may not call it is told so as by a query.
            let function = system::lookup(path);
            return Ok(function.map_or(FunctionKind::Query, |it| it.kind()));
        }
        let image = component_of(image, call);
        let spec = find(image.map(|image| &**image), path, call);
        spec.map(|spec| spec.kind).ok_or_else(|| {
            if call.identity.is_admin() {
                no_function(path, &call.component)
            } else {
                no_public_function(path, &call.component)
            }
        })
    })
    .await
}

/// Looks something up in the live deployment.
async fn with_image<T: Send + 'static>(
    inner: Arc<Inner>,
    call: Call,
    look: impl FnOnce(Option<&Arc<DeploymentImage>>, &FunctionPath, &Call) -> Result<T, FunctionFailure>
    + Send
    + 'static,
) -> Result<T, FunctionFailure> {
    let path = FunctionPath::parse(&call.path)
        .map_err(|error| FunctionFailure::developer(error.to_string()))?;
    let looked = tokio::task::spawn_blocking(move || {
        let live = inner.live(&mut inner.database.begin())?;
        look(live.image.as_ref(), &path, &call)
    });
    looked
        .await
        .map_err(|error| FunctionFailure::internal("a function could not be looked up", &error))?
}
