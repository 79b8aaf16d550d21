//! The order in which definitions of components are evaluated, and what stands for each while those
//! that import it are (cli-and-deploy 4.4).

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::DeployError;
use super::definition::{Definition, config};
use super::request::{ComponentDefinition, PushRequest, PushedModule};

/// The sent definitions of components, those that others import before these.
pub(super) fn in_order(request: &PushRequest) -> Result<Vec<&ComponentDefinition>, DeployError> {
    let sent = request.component_definitions.iter();
    let mut order = Order {
        sent: sent.map(|it| (&*it.definition_path, it)).collect(),
        open: Vec::new(),
        done: BTreeSet::new(),
        order: Vec::new(),
    };
    for path in &request.app_definition.dependencies {
        order.visit(path, "")?;
    }
    for component in &request.component_definitions {
        order.visit(&component.definition_path, "")?;
    }
    Ok(order.order)
}

struct Order<'a> {
    sent: BTreeMap<&'a str, &'a ComponentDefinition>,
    /// Definitions that import one another, up to the one that is looked at.
    open: Vec<&'a str>,
    done: BTreeSet<&'a str>,
    order: Vec<&'a ComponentDefinition>,
}

impl<'a> Order<'a> {
    fn visit(&mut self, path: &str, importer: &str) -> Result<(), DeployError> {
        let missing = || {
            DeployError::bad(
                "InvalidDefinition",
                format!(
                    "{} imports the component in {path:?}, which is not part of the push",
                    config(importer)
                ),
            )
        };
        let component = *self.sent.get(path).ok_or_else(missing)?;
        let path = &*component.definition_path;
        if self.done.contains(path) {
            return Ok(());
        }
        if self.open.contains(&path) {
            let chain: Vec<&str> = self.open.iter().copied().chain([path]).collect();
            return Err(DeployError::bad(
                "CyclicImport",
                format!(
                    "components import one another in a circle: {}; one of them must not use the next",
                    chain.join(" → ")
                ),
            ));
        }
        self.open.push(path);
        for dependency in &component.dependencies {
            self.visit(dependency, path)?;
        }
        self.open.pop();
        self.done.insert(path);
        self.order.push(component);
        Ok(())
    }
}

/// The module that those import who import a definition: the bundler has given it this name.
pub(super) fn stand_in(definition: &Definition) -> PushedModule {
    let path = &definition.path;
    let exported = json!({
        "componentDefinitionPath": path,
        "defaultName": definition.default_name(),
    });
    let text = definition.exported.to_string();
    let text = serde_json::Value::String(text);
    PushedModule {
        path: format!("_componentDeps/{}.js", URL_SAFE_NO_PAD.encode(path)),
        source: format!(
            "export default {{ ...{exported}, export() {{ return JSON.parse({text}); }} }};"
        ),
        source_map: None,
        environment: "isolate".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(app: &[&str], components: &[(&str, &[&str])]) -> PushRequest {
        let definition = json!({ "path": "convex.config.js", "source": "" });
        let components: Vec<_> = components
            .iter()
            .map(|(path, dependencies)| {
                json!({ "definitionPath": path, "definition": definition, "dependencies": dependencies })
            })
            .collect();
        let body = json!({
            "appDefinition": { "definition": definition, "dependencies": app },
            "componentDefinitions": components,
        });
        PushRequest::parse(body).expect("a push")
    }

    #[test]
    fn what_is_imported_comes_first() {
        let request = request(
            &["a", "b"],
            &[("a", &["c"]), ("b", &["a", "c"]), ("c", &[])],
        );
        let order = in_order(&request).expect("no circle");
        let paths: Vec<_> = order.iter().map(|it| &*it.definition_path).collect();
        assert_eq!(paths, ["c", "a", "b"]);
    }

    #[test]
    fn circles_and_gaps_are_refused() {
        let circle = request(&["a"], &[("a", &["b"]), ("b", &["a"])]);
        let refused = in_order(&circle).expect_err("a circle");
        assert_eq!(refused.code, "CyclicImport");
        assert!(refused.message.contains("a → b → a"), "{}", refused.message);
        let gap = request(&["a"], &[]);
        assert_eq!(in_order(&gap).expect_err("a gap").code, "InvalidDefinition");
    }
}
