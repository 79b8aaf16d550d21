//! How a call names a function (function-runtime 1.2), and handles as one of the ways (11.4).

use lentil_js::SyscallError;
use serde::Deserialize;

use super::{bad_argument, parse};
use crate::deploy::{DeploymentImage, is_handle};
use crate::errors::{no_function, thrown};
use crate::path::{ComponentPath, FunctionPath};

/// How a reference to a function of the same component begins.
const OWN_REFERENCE: &str = "_reference/function/";
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

/// What an address names.
enum Named<'a> {
    Path(FunctionPath),
    Handle(&'a str),
}

impl Address {
    /// The function that is named. `method` is what the developer called.
    pub(crate) fn path(
        &self,
        method: &str,
        image: &DeploymentImage,
    ) -> Result<FunctionPath, SyscallError> {
        match self.named(method)? {
            Named::Path(path) => Ok(path),
            Named::Handle(handle) => match image.handles.resolve(handle) {
                Some(path) => Ok(path.clone()),
                None => Err(unknown(handle, method)),
            },
        }
    }

    /// The same where it takes no deployment to know: `None` for a handle.
    pub(crate) fn path_without_handles(
        &self,
        method: &str,
    ) -> Result<Option<FunctionPath>, SyscallError> {
        match self.named(method)? {
            Named::Path(path) => Ok(Some(path)),
            Named::Handle(_) => Ok(None),
        }
    }

    fn named(&self, method: &str) -> Result<Named<'_>, SyscallError> {
        let name = match (&self.name, &self.reference, &self.function_handle) {
            (Some(name), None, None) => name.as_str(),
            (None, Some(reference), None) => {
                reference.strip_prefix(OWN_REFERENCE).ok_or_else(|| {
                    thrown(format!(
                        "Cannot call \"{reference}\": components are not supported by this version of Lentil yet."
                    ))
                })?
            }
            (None, None, Some(handle)) => return Ok(Named::Handle(handle)),
            (None, None, None) => {
                return Err(bad_argument("name", method, &"the function to call is missing"));
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
        Ok(Named::Path(path))
    }
}

/// Answers `1.0/createFunctionHandle`: a handle is echoed, whether or not its function is there.
pub(crate) fn create_handle(
    args: &str,
    image: &DeploymentImage,
    component: &ComponentPath,
) -> Result<String, SyscallError> {
    let CreateArgs { address } = parse(CREATE, args)?;
    let handle = match address.named(CREATE)? {
        Named::Handle(handle) if is_handle(handle) => handle.to_owned(),
        Named::Handle(handle) => return Err(unknown(handle, CREATE)),
        Named::Path(path) => {
            let handle = image.handles.of(&path);
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
