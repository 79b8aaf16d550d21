//! What one push made of its modules: linked code, functions and handles of all components.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use lentil_catalog::{
    Component, ComponentPath, Components, Deployment, FunctionHandles, HandledFunction, ModuleRow,
    ModuleText,
};
use lentil_database::{Transaction, TransactionError};
use lentil_js::{Bundle, ModuleEnvironment, ModuleSource};
use lentil_values::DocumentId;

use super::FunctionSpec;
use super::analysis::AnalyzedModuleJson;
use super::handles::Handles;
use super::node;
use crate::path::FunctionPath;

/// The code of all components; the same in all revisions until the next push, so that a change of a
/// variable or a schema on trial links nothing again.
#[derive(Clone, Debug, Default)]
pub(super) struct Code {
    pub(super) components: BTreeMap<ComponentPath, ComponentCode>,
    pub(super) handles: Arc<Handles>,
}

/// The code of one component; instances of one definition share it.
#[derive(Clone, Debug)]
pub(super) struct ComponentCode {
    pub(super) bundle: Arc<Bundle>,
    pub(super) functions: Arc<HashMap<FunctionPath, FunctionSpec>>,
    pub(super) analysis: Arc<BTreeMap<String, AnalyzedModuleJson>>,
}

impl ComponentCode {
    /// Fails if the analysis holds a function that cannot be called, which `AnalyzedModuleJson`
    /// refuses before.
    pub(super) fn new(
        bundle: Arc<Bundle>,
        analysis: BTreeMap<String, AnalyzedModuleJson>,
    ) -> Result<ComponentCode, TransactionError> {
        Ok(ComponentCode {
            bundle,
            functions: Arc::new(functions_of(&analysis)?),
            analysis: Arc::new(analysis),
        })
    }

    fn load(
        tx: &mut Transaction,
        deployment: &Deployment,
        component: &Component,
    ) -> Result<ComponentCode, TransactionError> {
        let mut sources = Vec::new();
        let mut analysis = BTreeMap::new();
        for module in ModuleRow::all(tx, component.namespace)? {
            if let Some(json) = &module.analysis {
                let analyzed = serde_json::from_str(json).map_err(|error| {
                    corrupt(&format!("the analysis of {}: {error}", module.path))
                })?;
                analysis.insert(module.path.clone(), analyzed);
            }
            let text = ModuleText::load(tx, &module.hash)?;
            sources.push(source_of(module.path, &module.environment, text));
        }
        let bundle = Bundle::link(sources, deployment.import_seed, deployment.import_time_ms)
            .map_err(|error| corrupt(&format!("the live modules do not link any more: {error}")))?;
        let bundle = match component.path.is_root() {
            true => bundle.with_node(node::load(deployment).map_err(|it| corrupt(&it.message))?),
            false => bundle,
        };
        ComponentCode::new(Arc::new(bundle), analysis)
    }
}

impl Code {
    /// That of the live push, as it is kept.
    pub(super) fn load(
        tx: &mut Transaction,
        deployment: &Deployment,
        components: &Components,
    ) -> Result<Code, TransactionError> {
        let mut code = Code::default();
        let mut loaded: HashMap<&str, ComponentCode> = HashMap::new();
        for component in components.active() {
            // What was pushed as one definition is linked once.
            let one = match loaded.get(&*component.definition_path) {
                Some(one) => one.clone(),
                None => ComponentCode::load(tx, deployment, component)?,
            };
            loaded.insert(&component.definition_path, one.clone());
            code.components.insert(component.path.clone(), one);
        }
        let handles = FunctionHandles::all(tx)?;
        Ok(code.with_handles(&handles))
    }

    /// All functions, as handles know them.
    pub(super) fn handled(&self) -> impl Iterator<Item = HandledFunction> {
        self.components.iter().flat_map(|(component, code)| {
            let functions = code.functions.keys();
            functions.map(|path| (component.0.clone(), path.canonical()))
        })
    }

    /// With the handles of its functions, of the ids of all that ever were.
    pub(super) fn with_handles(mut self, all: &HashMap<HandledFunction, DocumentId>) -> Code {
        let functions = self.components.iter().flat_map(|(component, code)| {
            let functions = code.functions.keys();
            functions.map(move |path| (component, path))
        });
        self.handles = Arc::new(Handles::new(functions, all));
        self
    }
}

/// What is kept cannot be read.
pub(super) fn corrupt(why: &str) -> TransactionError {
    TransactionError::Corrupt(format!("the live deployment cannot be read: {why}"))
}

/// A module as the function host takes it.
pub(super) fn source_of(path: String, environment: &str, text: ModuleText) -> ModuleSource {
    ModuleSource {
        path,
        source: text.source.into(),
        source_map: text.source_map.map(Into::into),
        environment: if environment == "node" {
            ModuleEnvironment::Node
        } else {
            ModuleEnvironment::Isolate
        },
    }
}

fn functions_of(
    analysis: &BTreeMap<String, AnalyzedModuleJson>,
) -> Result<HashMap<FunctionPath, FunctionSpec>, TransactionError> {
    let mut functions = HashMap::new();
    for (module, analyzed) in analysis {
        for function in &analyzed.functions {
            let path = FunctionPath {
                module: module.clone(),
                function: function.name.clone(),
            };
            let spec = function
                .spec()
                .map_err(|error| corrupt(&format!("{path}: {error}")))?;
            functions.insert(path, spec);
        }
    }
    Ok(functions)
}
