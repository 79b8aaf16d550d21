//! How a call names a function (function-runtime 1.2), and references to other
//! components (11.2) and handles (11.4) as two of the ways.

use std::sync::Arc;

use lentil_js::SyscallError;
use serde::Deserialize;

use super::{bad_argument, parse};
use crate::Place;
use crate::deploy::{DeploymentImage, Visibility, is_handle};
use crate::errors::{no_function, thrown};
use crate::path::{ComponentPath, FunctionPath};

/// How a reference to a function of the same component begins.
const OWN_REFERENCE: &str = "_reference/function/";
/// How a reference to what a component exports begins, which the caller's component uses.
const CHILD_REFERENCE: &str = "_reference/childComponent/";
/// What developers call.
const CREATE: &str = "createFunctionHandle";

/// How a call names a function: in one of three ways.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Address {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    reference: Option<String>,
    #[serde(default)]
    function_handle: Option<String>,
}

#[derive(Deserialize)]
struct CreateArgs {
    #[serde(flatten)]
    address: Address,
}

/// The code of the deployment, as a function sees it that calls another.
pub(crate) struct Code<'a> {
    /// The root app, which knows all components.
    pub(crate) deployment: &'a Arc<DeploymentImage>,
    /// The component of the function.
    pub(crate) own: &'a Arc<DeploymentImage>,
}

impl<'a> Code<'a> {
    /// As a function of the component at a place sees it.
    pub(crate) fn of(
        deployment: &'a Arc<DeploymentImage>,
        place: &Place,
    ) -> Result<Code<'a>, SyscallError> {
        let own = deployment.component(&place.component);
        let own = own.ok_or_else(|| unmounted(&place.component))?;
        Ok(Code { deployment, own })
    }
}

/// A function that is called: where, and which.
pub(crate) struct Target {
    pub(crate) image: Arc<DeploymentImage>,
    pub(crate) path: FunctionPath,
}

/// What an address names.
enum Named<'a> {
    /// A function of the caller's own component.
    Own(FunctionPath),
    /// What a child exports: the child's name, and names joined by slashes.
    Child(&'a str, &'a str),
    Handle(&'a str),
}

impl Address {
    /// The function that is named. `method` is what the developer called.
    pub(crate) fn target(&self, method: &str, code: &Code<'_>) -> Result<Target, SyscallError> {
        match self.named(method)? {
            Named::Own(path) => Ok(Target {
                image: code.own.clone(),
                path,
            }),
            Named::Child(child, export) => exported(code, child, export),
            Named::Handle(handle) => {
                let found = code.deployment.handles.resolve(handle);
                let found = found.and_then(|(component, path)| {
                    let image = code.deployment.component(component)?.clone();
                    let path = path.clone();
                    Some(Target { image, path })
                });
                found.ok_or_else(|| unknown(handle, method))
            }
        }
    }

    /// The same where it takes no deployment to know: `None` for what another component may have.
    pub(crate) fn own_path(&self, method: &str) -> Result<Option<FunctionPath>, SyscallError> {
        match self.named(method)? {
            Named::Own(path) => Ok(Some(path)),
            Named::Child(..) | Named::Handle(_) => Ok(None),
        }
    }

    fn named(&self, method: &str) -> Result<Named<'_>, SyscallError> {
        let name = match (&self.name, &self.reference, &self.function_handle) {
            (Some(name), None, None) => name.as_str(),
            (None, Some(reference), None) => match reference.strip_prefix(OWN_REFERENCE) {
                Some(path) => path,
                None => return child_of(reference),
            },
            (None, None, Some(handle)) => return Ok(Named::Handle(handle)),
            (None, None, None) => {
                return Err(bad_argument(
                    "name",
                    method,
                    &"the function to call is missing",
                ));
            }
            _ => {
                return Err(bad_argument(
                    "name",
                    method,
                    &"exactly one of name, reference and functionHandle must be given",
                ));
            }
        };
        let path =
            FunctionPath::parse(name).map_err(|error| bad_argument("name", method, &error))?;
        Ok(Named::Own(path))
    }
}

fn child_of(reference: &str) -> Result<Named<'_>, SyscallError> {
    let child = reference
        .strip_prefix(CHILD_REFERENCE)
        .and_then(|rest| rest.split_once('/'));
    match child {
        Some((child, export)) if !child.is_empty() && !export.is_empty() => {
            Ok(Named::Child(child, export))
        }
        _ => Err(thrown(format!(
            "\"{reference}\" is no reference to a function: write it as components.name.module.function \
             (InvalidReference)."
        ))),
    }
}

/// A public function of a child, by the names that lead to it.
fn exported(code: &Code<'_>, child: &str, export: &str) -> Result<Target, SyscallError> {
    let own = &code.own.place.component;
    let component = own.child(child);
    let shown = format!("components.{child}.{}", export.replace('/', "."));
    let Some(image) = code.deployment.component(&component) else {
        let of = match own.is_root() {
            true => "the app".to_owned(),
            false => format!("the component '{own}'"),
        };
        return Err(thrown(format!(
            "Couldn't resolve {shown}: {of} has no component '{child}'. Use it in convex.config.ts and push \
             (InvalidReference)."
        )));
    };
    let path = match export.rsplit_once('/') {
        Some((module, function)) => FunctionPath::parse(&format!("{module}:{function}")).ok(),
        None => None,
    };
    let is_public = |path: &FunctionPath| {
        let spec = image.functions.get(path);
        spec.is_some_and(|spec| spec.visibility == Visibility::Public)
    };
    match path.filter(is_public) {
        Some(path) => Ok(Target {
            image: image.clone(),
            path,
        }),
        None => Err(thrown(format!(
            "Couldn't resolve {shown}: the component '{component}' does not export {}. Only its public functions can be \
             called from outside (InvalidReference).",
            export.replace('/', ".")
        ))),
    }
}

/// The component of a function that runs was taken out of the app meanwhile.
pub(crate) fn unmounted(component: &ComponentPath) -> SyscallError {
    thrown(format!(
        "The component '{component}' is not part of the app any more (UnmountedComponent). Use it in convex.config.ts and \
         push; its data is kept."
    ))
}

/// Answers `1.0/createFunctionHandle`: a handle is echoed, whether or not its function is there.
pub(crate) fn create_handle(args: &str, code: &Code<'_>) -> Result<String, SyscallError> {
    let CreateArgs { address } = parse(CREATE, args)?;
    let handle = match address.named(CREATE)? {
        Named::Handle(handle) if is_handle(handle) => handle.to_owned(),
        Named::Handle(handle) => return Err(unknown(handle, CREATE)),
        Named::Own(_) | Named::Child(..) => {
            let Target { image, path } = address.target(CREATE, code)?;
            let component = &image.place.component;
            let handle = image.handles.of(component, &path);
            handle.ok_or_else(|| thrown(no_function(&path, component).message))?
        }
    };
    Ok(serde_json::Value::String(handle).to_string())
}

fn unknown(handle: &str, method: &str) -> SyscallError {
    if !is_handle(handle) {
        let cause = format!(
            "{handle:?} is not a function handle. Pass what createFunctionHandle returned, unchanged"
        );
        return bad_argument("functionHandle", method, &cause);
    }
    thrown(format!(
        "Function handle not found: the function of {handle:?} is not part of what was pushed last \
         (FunctionHandleNotFound). Push the function again, or make a handle of another."
    ))
}
