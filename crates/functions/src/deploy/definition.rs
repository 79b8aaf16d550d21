//! What `convex.config.ts` exports, of the app and of each component (function-runtime 2.7,
//! cli-and-deploy 5.6).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::DeployError;
use super::analysis::AnalyzedModuleJson;
use super::bindings::{self, Binding};
use super::declared::{DeclaredVariable, declared};

/// How the name of a child in `httpMounts` begins.
const CHILD: &str = "_reference/childComponent/";

/// What is kept of the app's own definition.
#[derive(Debug, Default)]
pub(super) struct AppDefinition {
    /// What the paths of the app's own HTTP routes begin with: `/x/`.
    pub(super) http_prefix: Option<String>,
}

impl AppDefinition {
    /// As a push has kept it.
    pub(super) fn read(text: Option<&str>) -> AppDefinition {
        let json = text.and_then(|text| serde_json::from_str::<Json>(text).ok());
        let prefix = json.as_ref().and_then(|json| json["httpPrefix"].as_str());
        AppDefinition {
            http_prefix: prefix.map(str::to_owned),
        }
    }
}

/// The definition of the app or of a component.
#[derive(Clone, Debug)]
pub(super) struct Definition {
    /// Its folder relative to the app's; empty for the app.
    pub(super) path: String,
    /// What it exports, as it stands.
    pub(super) exported: Json,
    /// The components that it uses, by the names that it gives them.
    pub(super) children: BTreeMap<String, Child>,
    /// What it declares about its environment.
    pub(super) declared: Vec<DeclaredVariable>,
}

/// A component that a definition uses.
#[derive(Clone, Debug)]
pub(super) struct Child {
    /// Its definition.
    pub(super) definition_path: String,
    /// What its variables are bound to.
    pub(super) env: Vec<(String, Binding)>,
    /// The same as it stands.
    pub(super) env_json: Json,
    /// Where its HTTP routes are mounted: `/x/`.
    pub(super) http_prefix: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Exported {
    #[serde(default)]
    child_components: Vec<ExportedChild>,
    #[serde(default)]
    http_mounts: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct ExportedChild {
    name: String,
    path: String,
    #[serde(default)]
    env: Json,
}

impl Definition {
    /// The definition of an app that has none.
    pub(super) fn none() -> Definition {
        Definition {
            path: String::new(),
            exported: json!({}),
            children: BTreeMap::new(),
            declared: Vec::new(),
        }
    }

    /// Reads what the definition in the folder `path` exports.
    pub(super) fn read(path: &str, text: &str) -> Result<Definition, DeployError> {
        let is_app = path.is_empty();
        let wrong = |why: &str| {
            let made = match is_app {
                true => "an app (defineApp())",
                false => "a component (defineComponent(\"…\"))",
            };
            let of = config(path);
            DeployError::bad(
                "InvalidConvexConfig",
                format!("{of} does not export {made}: {why}"),
            )
        };
        let json: Json = serde_json::from_str(text).map_err(|error| wrong(&error.to_string()))?;
        match json["definitionType"]["type"].as_str() {
            Some("app") if is_app => {}
            Some("childComponent") if !is_app => {}
            // Older SDKs do not say.
            None if json.is_object() => {}
            Some(other) => return Err(wrong(&format!("its type is {other:?}"))),
            None => return Err(wrong("its export() does not give an object")),
        }
        let read: Exported =
            serde_json::from_value(json.clone()).map_err(|error| wrong(&error.to_string()))?;
        let mut definition = Definition {
            path: path.to_owned(),
            declared: declared(&json)?,
            exported: json,
            children: BTreeMap::new(),
        };
        for child in read.child_components {
            definition.add_child(child)?;
        }
        for (prefix, mounted) in read.http_mounts {
            definition.mount(prefix, &mounted)?;
        }
        Ok(definition)
    }

    fn add_child(&mut self, child: ExportedChild) -> Result<(), DeployError> {
        let name = child.name;
        let of = config(&self.path);
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(plain) {
            return Err(DeployError::bad(
                "InvalidComponentName",
                format!(
                    "{of} uses a component under the name {name:?}: names of components are letters, digits and \
                     underscores"
                ),
            ));
        }
        let env = bindings::read(&child.env)
            .map_err(|why| typecheck(format!("{of}, the component {name:?}: {why}")))?;
        let new = Child {
            definition_path: child.path,
            env,
            env_json: child.env,
            http_prefix: None,
        };
        if self.children.insert(name.clone(), new).is_some() {
            return Err(typecheck(format!(
                "{of} uses two components under the name {name:?}; give one of them another name: \
                 app.use(component, {{ name: \"…\" }})"
            )));
        }
        Ok(())
    }

    fn mount(&mut self, prefix: String, mounted: &str) -> Result<(), DeployError> {
        let of = config(&self.path);
        let child = mounted
            .strip_prefix(CHILD)
            .and_then(|name| self.children.get_mut(name));
        let child = child.ok_or_else(|| {
            typecheck(format!(
                "{of} mounts {mounted:?} at {prefix:?}, which is no component that it uses"
            ))
        })?;
        let good = prefix.starts_with('/')
            && prefix.ends_with('/')
            && !prefix.contains(['*', '?', '#'])
            && !prefix.contains("//");
        if !good {
            return Err(typecheck(format!(
                "{of} mounts a component at {prefix:?}: a prefix begins with a slash, and has neither * nor a query"
            )));
        }
        if child.http_prefix.replace(prefix).is_some() {
            return Err(typecheck(format!("{of} mounts {mounted:?} twice")));
        }
        Ok(())
    }

    /// The name that it has where it is used without another.
    pub(super) fn default_name(&self) -> &str {
        let name = self.exported["definitionType"]["name"].as_str();
        name.or_else(|| self.exported["name"].as_str())
            .unwrap_or_default()
    }

    /// With every member that the CLI requires (cli-and-deploy 5.6).
    pub(super) fn to_json(&self, exports: &Exports) -> Json {
        let mut json = Map::new();
        let kind = match self.path.is_empty() {
            true => json!({ "type": "app" }),
            false => json!({ "type": "childComponent", "name": self.default_name(), "args": [] }),
        };
        let children: Vec<Json> = self.children.iter().map(|(name, child)| {
            json!({ "name": name, "path": child.definition_path, "args": null, "env": child.env_json })
        }).collect();
        let mounts: Map<String, Json> = self
            .children
            .iter()
            .filter_map(|(name, child)| {
                let prefix = child.http_prefix.clone()?;
                Some((prefix, format!("{CHILD}{name}").into()))
            })
            .collect();
        json.insert("path".to_owned(), self.path.clone().into());
        json.insert("definitionType".to_owned(), kind);
        json.insert("childComponents".to_owned(), children.into());
        json.insert("httpMounts".to_owned(), mounts.into());
        json.insert("exports".to_owned(), exports.to_definition());
        let variables = self.exported.get("envVars").cloned();
        json.insert("envVars".to_owned(), variables.unwrap_or(Json::Null));
        let prefix = self.exported.get("httpPrefix");
        if let Some(prefix) = prefix.filter(|prefix| prefix.is_string()) {
            json.insert("httpPrefix".to_owned(), prefix.clone());
        }
        Json::Object(json)
    }
}

/// What others may call of a component: its public functions, by folders, modules and names.
#[derive(Clone, Debug, Default)]
pub(super) struct Exports {
    entries: BTreeMap<String, Export>,
}

#[derive(Clone, Debug)]
enum Export {
    Branch(Exports),
    /// `module:function`.
    Function(String),
}

impl Exports {
    /// Those of a component; the app exports nothing.
    pub(super) fn of(
        definition: &Definition,
        analysis: &BTreeMap<String, AnalyzedModuleJson>,
    ) -> Result<Exports, DeployError> {
        let mut exports = Exports::default();
        if definition.path.is_empty() {
            return Ok(exports);
        }
        for (module, analyzed) in analysis {
            let stem = module.strip_suffix(".js").unwrap_or(module);
            for function in &analyzed.functions {
                let public = function.visibility.as_ref();
                if public.is_none_or(|visibility| visibility.kind != "public") {
                    continue;
                }
                let names: Vec<&str> = stem.split('/').chain([&*function.name]).collect();
                let path = format!("{stem}:{}", function.name);
                if !exports.add(&names, &path) {
                    return Err(DeployError::bad(
                        "InvalidExport",
                        format!(
                            "the component in {:?} exports {path} at a path where another module or function is; \
                             rename one of them",
                            definition.path
                        ),
                    ));
                }
            }
        }
        Ok(exports)
    }

    fn add(&mut self, names: &[&str], path: &str) -> bool {
        let (first, rest) = match names {
            [] => return false,
            [only] => {
                let new = Export::Function(path.to_owned());
                return self.entries.insert((*only).to_owned(), new).is_none();
            }
            [first, rest @ ..] => (first, rest),
        };
        let branch = || Export::Branch(Exports::default());
        match self
            .entries
            .entry((*first).to_owned())
            .or_insert_with(branch)
        {
            Export::Branch(exports) => exports.add(rest, path),
            Export::Function(_) => false,
        }
    }

    /// As in definitions.
    fn to_definition(&self) -> Json {
        let branch: Vec<Json> = self
            .entries
            .iter()
            .map(|(name, export)| match export {
                Export::Branch(exports) => json!([name, exports.to_definition()]),
                Export::Function(path) => {
                    json!([name, { "type": "leaf", "leaf": format!("_reference/function/{path}") }])
                }
            })
            .collect();
        json!({ "type": "branch", "branch": branch })
    }

    /// As in an instance at a path.
    pub(super) fn to_checked(&self, component: &str) -> Json {
        let entries = self.entries.iter().map(|(name, export)| {
            let json = match export {
                Export::Branch(exports) => {
                    json!({ "type": "branch", "children": exports.to_checked(component) })
                }
                Export::Function(path) => json!({ "type": "leaf", "resource": {
                    "type": "function", "path": { "component": component, "udfPath": path },
                } }),
            };
            (name.clone(), json)
        });
        Json::Object(entries.collect())
    }
}

/// The configuration file of a definition, as it is named to developers.
pub(super) fn config(path: &str) -> String {
    match path.is_empty() {
        true => "convex.config.ts".to_owned(),
        false => format!("{path}/convex.config.ts"),
    }
}

/// The components do not fit together.
pub(super) fn typecheck(message: String) -> DeployError {
    DeployError::bad("TypecheckError", message)
}

#[cfg(test)]
mod tests;
