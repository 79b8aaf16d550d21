//! The tree of components that a push mounts, checked: which instance is where, and whether each
//! gets the environment that it needs (cli-and-deploy 5.8).

use std::collections::BTreeMap;

use lentil_catalog::{ComponentPath, MountedComponent};
use serde_json::{Map, Value as Json, json};

use super::DeployError;
use super::bindings::Binding;
use super::declared::DeclaredVariable;
use super::definition::{Child, Definition, config, typecheck};
use super::evaluate::EvaluatedDefinition;

/// Components that an app may have in all, the same one several times included.
const COMPONENTS_MAX: usize = 512;

/// The components of a push.
#[derive(Debug)]
pub(super) struct Tree {
    /// All but the root, parents before their children.
    pub(super) mounted: Vec<MountedComponent>,
    /// The whole tree as the CLI takes it.
    pub(super) checked: Json,
}

type Definitions = BTreeMap<String, EvaluatedDefinition>;

impl Tree {
    /// Makes instances of what the app uses, of what that uses, and so on.
    pub(super) fn instantiate(
        definitions: &Definitions,
        for_codegen: bool,
    ) -> Result<Tree, DeployError> {
        let mut tree = Tree {
            mounted: Vec::new(),
            checked: Json::Null,
        };
        let root = ComponentPath::root();
        tree.checked = tree.add(definitions, "", &root, for_codegen)?;
        Ok(tree)
    }

    fn add(
        &mut self,
        definitions: &Definitions,
        definition_path: &str,
        at: &ComponentPath,
        for_codegen: bool,
    ) -> Result<Json, DeployError> {
        let evaluated = &definitions[definition_path];
        let definition = &evaluated.definition;
        check_mounts(evaluated)?;
        let (mut children, mut mounts) = (Map::new(), Vec::new());
        for (name, child) in &definition.children {
            let of = definitions.get(&child.definition_path).ok_or_else(|| {
                typecheck(format!(
                    "{} uses the component in {:?}, which is not part of the push",
                    config(definition_path),
                    child.definition_path
                ))
            })?;
            let user = (definition, name.as_str());
            check_environment(user, child, &of.definition, for_codegen)?;
            if let Some(prefix) = &child.http_prefix {
                if !has_routes(of) {
                    return Err(typecheck(format!(
                        "{} mounts the component {name:?} at {prefix:?}, but it has no HTTP routes",
                        config(definition_path)
                    )));
                }
                mounts.push(prefix.clone());
            }
            let path = at.child(name);
            if self.mounted.len() >= COMPONENTS_MAX {
                return Err(typecheck(format!(
                    "the app has more than {COMPONENTS_MAX} components, those that its components use included"
                )));
            }
            self.mounted.push(MountedComponent {
                path: path.clone(),
                definition_path: child.definition_path.clone(),
                http_prefix: child.http_prefix.clone(),
                env: child.env_json.clone(),
            });
            let mut checked = self.add(definitions, &child.definition_path, &path, for_codegen)?;
            checked["env"] = environment_json(&child.env_json);
            children.insert(name.clone(), checked);
        }
        let routes = evaluated.routes().map(|routes| {
            let json = routes
                .iter()
                .map(|route| json!({ "method": route.route.method, "path": route.route.path }));
            json.collect::<Vec<_>>()
        });
        let mut checked = json!({
            "definitionPath": definition_path,
            "componentPath": at.0,
            "args": {},
            "childComponents": children,
            "httpRoutes": { "httpModuleRoutes": routes, "mounts": mounts },
            "exports": evaluated.exports.to_checked(&at.0),
        });
        let prefix = &definition.exported["httpPrefix"];
        if prefix.is_string() {
            checked["httpPrefix"] = prefix.clone();
        }
        Ok(checked)
    }
}

/// `{name: binding}` of `[[name, binding], …]`.
fn environment_json(env: &Json) -> Json {
    let entries = env.as_array().into_iter().flatten();
    let pair = |entry: &Json| Some((entry[0].as_str()?.to_owned(), entry[1].clone()));
    Json::Object(entries.filter_map(pair).collect())
}

fn has_routes(evaluated: &EvaluatedDefinition) -> bool {
    let children = evaluated.definition.children.values();
    evaluated.routes().is_some() || children.into_iter().any(|it| it.http_prefix.is_some())
}

/// No two mounts, and no mount and prefix route of `http.js`, may be in each other's way: the mount
/// takes everything below its prefix.
fn check_mounts(evaluated: &EvaluatedDefinition) -> Result<(), DeployError> {
    let definition = &evaluated.definition;
    let of = config(&definition.path);
    let mounts = || {
        let children = definition.children.iter();
        children.filter_map(|(name, child)| Some((name, child.http_prefix.as_deref()?)))
    };
    for (name, prefix) in mounts() {
        for (other, theirs) in mounts().filter(|(other, _)| *other != name) {
            if theirs.starts_with(prefix) {
                return Err(typecheck(format!(
                    "{of} mounts {name:?} at {prefix:?} and {other:?} at {theirs:?}, which lies in it; give them \
                     prefixes of their own"
                )));
            }
        }
        for route in evaluated.routes().unwrap_or_default() {
            let path = route.route.path.strip_suffix('*');
            if let Some(path) = path.filter(|path| path.starts_with(prefix)) {
                return Err(typecheck(format!(
                    "{of} mounts {name:?} at {prefix:?}, and http.js has the prefix route {path:?} there; give one of \
                     them another prefix"
                )));
            }
        }
    }
    Ok(())
}

/// What is bound must be declared, what is required bound, and of what is declared.
fn check_environment(
    (parent, name): (&Definition, &str),
    child: &Child,
    definition: &Definition,
    for_codegen: bool,
) -> Result<(), DeployError> {
    let of = config(&parent.path);
    let wrong = |variable: &str, why: &str| {
        typecheck(format!(
            "{of}, the environment variable {variable} of the component {name:?}: {why}"
        ))
    };
    let find = |list: &[DeclaredVariable], name: &str| {
        list.iter().find(|variable| variable.name == name).cloned()
    };
    for (variable, binding) in &child.env {
        let declared = find(&definition.declared, variable)
            .ok_or_else(|| wrong(variable, "the component does not declare it"))?;
        match binding {
            Binding::Value(value) if declared.accepts(value) => {}
            Binding::Value(_) => {
                let why = format!(
                    "its value is not what the component declares, {}",
                    declared.validator
                );
                return Err(wrong(variable, &why));
            }
            Binding::Variable(from) => {
                let theirs = find(&parent.declared, from).ok_or_else(|| {
                    wrong(
                        variable,
                        &format!("{of} does not declare {from}, which it is bound to"),
                    )
                })?;
                if theirs.optional && !declared.optional {
                    let why =
                        format!("it is required, and {from}, which it is bound to, is optional");
                    return Err(wrong(variable, &why));
                }
                if !declared.validator.accepts_all_of(&theirs.validator) {
                    let why = format!(
                        "it is declared as {}, and {from}, which it is bound to, as {}",
                        declared.validator, theirs.validator
                    );
                    return Err(wrong(variable, &why));
                }
            }
        }
    }
    let bound = |name: &str| child.env.iter().any(|(bound, _)| bound == name);
    let missing = definition
        .declared
        .iter()
        .find(|variable| !variable.optional && !bound(&variable.name));
    match missing.filter(|_| !for_codegen) {
        Some(variable) => Err(wrong(
            &variable.name,
            "the component requires it, and it is not bound: app.use(component, { env: { … } })",
        )),
        None => Ok(()),
    }
}
