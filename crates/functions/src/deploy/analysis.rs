//! What modules export, as the JSON that is kept and sent to the CLI (cli-and-deploy 5.1).

use lentil_js::{AnalyzedFunction, AnalyzedModule, FunctionKind, Position};
use lentil_values::Validator;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{DeployError, FunctionSpec, Visibility};
use crate::crons;

/// One module. Every member of `functions` is required by the CLI, also when it is null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnalyzedModuleJson {
    /// Functions in source order.
    pub functions: Vec<FunctionJson>,
    /// Routes of `http.js`.
    pub http_routes: Option<Vec<RouteJson>>,
    /// Jobs of `crons.js`.
    pub cron_specs: Option<Vec<Json>>,
    /// Always null: the original sources are not kept.
    pub source_mapped: Option<Json>,
}

/// One function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FunctionJson {
    /// Export name.
    pub name: String,
    /// Where its handler stands.
    pub pos: Option<Position>,
    /// `Query`, `Mutation`, `Action`.
    pub udf_type: String,
    /// Public, internal, or neither.
    pub visibility: Option<VisibilityJson>,
    /// JSON text of the arguments validator.
    pub args: Option<String>,
    /// JSON text of the returns validator.
    pub returns: Option<String>,
}

/// `{"kind":"public"}` or `{"kind":"internal"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisibilityJson {
    /// Which.
    pub kind: String,
}

/// One HTTP route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RouteJson {
    /// Path and method.
    pub route: PathAndMethod,
    /// Where it is declared; not known.
    pub pos: Option<Position>,
}

/// A route's path (a prefix ends in `*`) and method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathAndMethod {
    /// Path.
    pub path: String,
    /// Method.
    pub method: String,
}

impl AnalyzedModuleJson {
    /// A module that is kept without being analysed (`auth.config.js`).
    pub(super) fn empty() -> AnalyzedModuleJson {
        AnalyzedModuleJson {
            functions: Vec::new(),
            http_routes: None,
            cron_specs: None,
            source_mapped: None,
        }
    }

    /// From what the function host found; checks validators and cron jobs.
    pub(super) fn new(
        path: &str,
        module: AnalyzedModule,
    ) -> Result<AnalyzedModuleJson, DeployError> {
        let functions: Vec<FunctionJson> = module
            .functions
            .into_iter()
            .map(FunctionJson::new)
            .collect();
        for function in &functions {
            function.spec().map_err(|error| {
                DeployError::bad(
                    "InvalidFunction",
                    format!("{path}, function {:?}: {error}", function.name),
                )
            })?;
        }
        let route = |route: lentil_js::RouteSpec| RouteJson {
            route: PathAndMethod {
                path: route.path,
                method: route.method,
            },
            pos: None,
        };
        Ok(AnalyzedModuleJson {
            functions,
            http_routes: module
                .http_routes
                .map(|routes| routes.into_iter().map(route).collect()),
            cron_specs: module.crons.as_deref().map(crons::specs).transpose()?,
            source_mapped: None,
        })
    }
}

impl FunctionJson {
    fn new(function: AnalyzedFunction) -> FunctionJson {
        let visibility = function.public.map(|public| VisibilityJson {
            kind: if public { "public" } else { "internal" }.to_owned(),
        });
        FunctionJson {
            name: function.name,
            pos: function.pos,
            udf_type: kind_name(function.kind).to_owned(),
            visibility,
            args: function.args,
            returns: function.returns,
        }
    }

    /// What an execution must know of it.
    pub(crate) fn spec(&self) -> Result<FunctionSpec, String> {
        let kind = match self.udf_type.as_str() {
            "Query" => FunctionKind::Query,
            "Mutation" => FunctionKind::Mutation,
            "Action" => FunctionKind::Action,
            other => return Err(format!("there is no function type {other:?}")),
        };
        let args = validator("exportArgs", self.args.as_deref())?.unwrap_or(Validator::Any);
        if !matches!(args, Validator::Object(_) | Validator::Any) {
            return Err(format!(
                "exportArgs gives {args}; arguments must be an object of validators, or v.any()"
            ));
        }
        let visibility = match self
            .visibility
            .as_ref()
            .map(|visibility| visibility.kind.as_str())
        {
            Some("public") => Visibility::Public,
            Some(_) => Visibility::Internal,
            None => Visibility::Unexported,
        };
        Ok(FunctionSpec {
            kind,
            visibility,
            args,
            returns: validator("exportReturns", self.returns.as_deref())?,
            habit: Default::default(),
        })
    }
}

fn kind_name(kind: FunctionKind) -> &'static str {
    match kind {
        FunctionKind::Query => "Query",
        FunctionKind::Mutation => "Mutation",
        FunctionKind::Action => "Action",
        FunctionKind::HttpAction => "HttpAction",
    }
}

fn validator(what: &str, text: Option<&str>) -> Result<Option<Validator>, String> {
    let Some(text) = text else { return Ok(None) };
    let json: Json = serde_json::from_str(text)
        .map_err(|error| format!("{what} does not give JSON: {error}"))?;
    if json.is_null() {
        return Ok(None);
    }
    Validator::from_json(&json)
        .map(Some)
        .map_err(|error| format!("{what}: {error}"))
}

/// An argument validator as the API specification prints it; none is any.
pub(crate) fn validator_json(text: Option<&str>) -> Json {
    let json = text.and_then(|text| serde_json::from_str(text).ok());
    json.unwrap_or_else(|| Validator::Any.to_json())
}

/// An object validator without fields: a function that takes nothing.
#[cfg(test)]
fn no_arguments() -> Validator {
    Validator::Object(lentil_values::ObjectValidator::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(args: Option<&str>) -> FunctionJson {
        FunctionJson {
            name: "f".to_owned(),
            pos: None,
            udf_type: "Query".to_owned(),
            visibility: None,
            args: args.map(str::to_owned),
            returns: Some("null".to_owned()),
        }
    }

    #[test]
    fn arguments_must_be_an_object_or_anything() {
        assert_eq!(function(None).spec().expect("good").args, Validator::Any);
        assert_eq!(
            function(Some(r#"{"type":"object","value":{}}"#))
                .spec()
                .expect("good")
                .args,
            no_arguments()
        );
        assert!(
            function(Some(r#"{"type":"string"}"#))
                .spec()
                .expect_err("bad")
                .contains("exportArgs")
        );
        assert!(function(Some("{")).spec().is_err());
        assert_eq!(function(None).spec().expect("good").returns, None);
    }

    #[test]
    fn every_required_key_is_written() {
        let json = serde_json::to_value(function(None)).expect("JSON");
        for key in ["name", "pos", "udfType", "visibility", "args", "returns"] {
            assert!(json.get(key).is_some(), "{key}");
        }
    }
}
