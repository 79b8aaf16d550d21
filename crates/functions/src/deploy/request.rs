//! The body of a push (cli-and-deploy 4.4), and the state it is compared with.

use std::collections::BTreeSet;

use lentil_catalog::{Deployment, ModuleRow, ModuleText};
use lentil_database::{Namespace, Transaction};
use lentil_js::NodeSettings;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::node::{self, PushedPackage};
use super::{DeployError, Deployer};

/// Modules a push may have, chunks included.
pub(crate) const MODULES_MAX: usize = 4_096;
/// Bytes of module text a push may have.
pub(crate) const CODE_BYTES_MAX: usize = 64 << 20;

/// What `start_push` and its sisters take. Unknown members are ignored.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a push, an object")]
pub(super) struct PushRequest {
    #[serde(default)]
    pub(super) dry_run: bool,
    #[serde(default)]
    pub(super) for_codegen: bool,
    #[serde(default = "default_functions")]
    pub(super) functions: String,
    pub(super) app_definition: AppDefinition,
    #[serde(default)]
    pub(super) component_definitions: Vec<ComponentDefinition>,
    #[serde(default)]
    node_dependencies: Vec<PushedPackage>,
    #[serde(default)]
    node_version: Option<String>,
    /// Both of them, checked.
    #[serde(skip)]
    pub(super) node: NodeSettings,
}

/// The root app.
#[derive(Debug, Deserialize)]
#[serde(
    rename_all = "camelCase",
    expecting = "the definition of an app, an object"
)]
pub(super) struct AppDefinition {
    pub(super) definition: Option<PushedModule>,
    #[serde(default)]
    pub(super) dependencies: Vec<String>,
    pub(super) schema: Option<PushedModule>,
    /// Older CLIs call this `functions`.
    #[serde(default, alias = "functions")]
    pub(super) changed_modules: Vec<PushedModule>,
    #[serde(default)]
    pub(super) unchanged_module_hashes: Vec<UnchangedModule>,
    #[serde(default)]
    pub(super) udf_server_version: Option<String>,
}

/// The definition of a component; all of it is sent each time.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    rename_all = "camelCase",
    expecting = "the definition of a component, an object"
)]
pub(super) struct ComponentDefinition {
    /// Its folder relative to the app's.
    pub(super) definition_path: String,
    pub(super) definition: PushedModule,
    /// Definitions that it imports.
    #[serde(default)]
    pub(super) dependencies: Vec<String>,
    pub(super) schema: Option<PushedModule>,
    #[serde(default)]
    pub(super) functions: Vec<PushedModule>,
    #[serde(default)]
    pub(super) udf_server_version: Option<String>,
}

/// A module with its text.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a module, an object")]
pub(super) struct PushedModule {
    pub(super) path: String,
    pub(super) source: String,
    #[serde(default)]
    pub(super) source_map: Option<String>,
    #[serde(default = "isolate")]
    pub(super) environment: String,
}

/// A module that the server has already.
#[derive(Debug, Deserialize)]
pub(super) struct UnchangedModule {
    pub(super) path: String,
    pub(super) environment: String,
    pub(super) sha256: String,
}

fn default_functions() -> String {
    "convex/".to_owned()
}

fn isolate() -> String {
    "isolate".to_owned()
}

impl PushRequest {
    /// Reads a body and checks what can be checked without evaluating anything.
    pub(super) fn parse(body: Json) -> Result<PushRequest, DeployError> {
        if !body.is_object() {
            return Err(DeployError::bad(
                "BadJsonBody",
                "the push cannot be read: it must be a JSON object",
            ));
        }
        let mut request: PushRequest = serde_json::from_value(body).map_err(|error| {
            // Words of the JSON parser.
            let why = error.to_string().replace("a sequence", "a list");
            DeployError::bad("BadJsonBody", format!("the push cannot be read: {why}"))
        })?;
        request.node = node::settings(request.node_version.as_deref(), &request.node_dependencies)?;
        request.check_sizes()?;
        let app = &request.app_definition;
        let changed = app
            .changed_modules
            .iter()
            .map(|module| (&*module.path, &*module.environment));
        let unchanged = app
            .unchanged_module_hashes
            .iter()
            .map(|module| (&*module.path, &*module.environment));
        check_modules(changed.chain(unchanged))?;
        request.check_components()?;
        Ok(request)
    }

    fn check_sizes(&self) -> Result<(), DeployError> {
        let app = &self.app_definition;
        let of_components = self
            .component_definitions
            .iter()
            .flat_map(|it| &it.functions);
        let sent = || app.changed_modules.iter().chain(of_components.clone());
        let count = sent().count() + app.unchanged_module_hashes.len();
        if count > MODULES_MAX {
            return Err(DeployError::bad(
                "ModulesTooLarge",
                format!("the push has {count} modules; at most {MODULES_MAX} are allowed"),
            ));
        }
        let bytes: usize = sent().map(|module| module.source.len()).sum();
        if bytes > CODE_BYTES_MAX {
            return Err(DeployError::bad(
                "ModulesTooLarge",
                format!(
                    "the push has {} MiB of code; at most {} are allowed",
                    bytes >> 20,
                    CODE_BYTES_MAX >> 20
                ),
            ));
        }
        Ok(())
    }

    fn check_components(&self) -> Result<(), DeployError> {
        let mut seen = BTreeSet::from([""]);
        for component in &self.component_definitions {
            let path = &*component.definition_path;
            if !seen.insert(path) {
                let why = format!("the push has the component definition {path:?} twice");
                return Err(DeployError::bad("InvalidDefinition", why));
            }
            let modules = component.functions.iter();
            check_modules(modules.map(|module| (&*module.path, &*module.environment)))?;
            let node = component
                .functions
                .iter()
                .find(|it| it.environment == "node");
            if let Some(module) = node {
                return Err(DeployError::bad(
                    "NodeActionsNotSupported",
                    format!(
                        "{} of the component in {path:?} is marked \"use node\", and components have no Node actions; \
                         move it into the app",
                        module.path
                    ),
                ));
            }
        }
        Ok(())
    }

    /// All modules with their texts; those that were not sent come from what is live.
    pub(super) fn modules(&self, tx: &mut Transaction) -> Result<Vec<PushedModule>, DeployError> {
        let live = ModuleRow::all(tx, Namespace::ROOT)?;
        let mut modules = self.app_definition.changed_modules.clone();
        for wanted in &self.app_definition.unchanged_module_hashes {
            let missing = |code, why: &str| {
                DeployError::new(
                    409,
                    code,
                    format!("the server {why} the module {}; push again", wanted.path),
                )
            };
            let row = live.iter().find(|row| row.path == wanted.path);
            let row = row.ok_or_else(|| missing("MissingExistingModule", "does not have"))?;
            if row.hash != wanted.sha256 {
                return Err(missing(
                    "ExistingModuleHashConflict",
                    "has another version of",
                ));
            }
            if row.environment != wanted.environment {
                return Err(missing(
                    "ExistingModuleEnvConflict",
                    "has for another environment",
                ));
            }
            let text = ModuleText::load(tx, &row.hash)?;
            modules.push(PushedModule {
                path: row.path.clone(),
                source: text.source,
                source_map: text.source_map,
                environment: row.environment.clone(),
            });
        }
        modules.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(modules)
    }
}

impl PushedModule {
    /// Its text, for keeping and hashing.
    pub(super) fn text(&self) -> ModuleText {
        ModuleText {
            source: self.source.clone(),
            source_map: self.source_map.clone(),
        }
    }

    /// Whether it is code shared by others, which is not analysed.
    pub(super) fn is_chunk(&self) -> bool {
        self.path.starts_with("_deps/") || self.path.starts_with("actions/_deps/")
    }
}

fn check_modules<'a>(modules: impl Iterator<Item = (&'a str, &'a str)>) -> Result<(), DeployError> {
    let mut seen = BTreeSet::new();
    for (path, environment) in modules {
        check_module(path, environment)?;
        if !seen.insert(path) {
            return Err(DeployError::bad(
                "InvalidModules",
                format!("the push has the module {path} twice"),
            ));
        }
    }
    Ok(())
}

/// Paths and environments that can run (function-runtime 2.8).
fn check_module(path: &str, environment: &str) -> Result<(), DeployError> {
    let segment_is_good = |segment: &str| {
        segment.len() <= 64
            && segment.chars().any(|c| c.is_ascii_alphanumeric())
            && segment
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))
    };
    let good = path.ends_with(".js")
        && path.split('/').all(segment_is_good)
        && !path.starts_with("_system/");
    if !good {
        return Err(DeployError::bad(
            "BadConvexModuleIdentifier",
            format!(
                "{path:?} cannot be a module: folders and files are named with letters, digits, '_' and '.', at most 64 characters each, end in .js, and are not under _system"
            ),
        ));
    }
    match environment {
        "isolate" => Ok(()),
        "node" => node::check_module(path),
        other => Err(DeployError::bad(
            "InvalidModules",
            format!("{path}: there is no environment {other:?}"),
        )),
    }
}

impl Deployer {
    /// Hashes of the live modules, so that the CLI sends only what changed.
    pub async fn get_config_hashes(&self, _body: Json) -> Result<Json, DeployError> {
        self.transact(|tx| {
            let deployment = Deployment::load(tx)?;
            let hashes: Vec<Json> = ModuleRow::all(tx, Namespace::ROOT)?
                .iter()
                .map(|row| json!({ "path": row.path, "hash": row.hash, "environment": row.environment }))
                .collect();
            let mut answer = json!({
                "config": { "functions": deployment.functions },
                "moduleHashes": hashes,
                "udfServerVersion": deployment.udf_server_version,
                "nodeDependencies": node::dependencies_json(&deployment)?,
            });
            // The CLI shows a version that is null as one that was set.
            if let Some(version) = deployment.node_version {
                answer["nodeVersion"] = version.into();
            }
            Ok(answer)
        })
        .await
    }
}
