//! Handles of the live functions of all components (function-runtime 11.4): texts that name a
//! function, can be kept in documents and passed on, and hold across pushes.
//!
//! A push gives each function that never had one an id; the ids of functions that are gone are
//! kept, so that their handles work again when they come back.

use std::collections::HashMap;

use lentil_catalog::{ComponentPath, Deployment, FunctionHandles, HandledFunction, ModuleRow};
use lentil_database::{Namespace, Transaction};
use lentil_values::DocumentId;

use super::DeployError;
use super::analysis::AnalyzedModuleJson;
use crate::path::FunctionPath;

/// How a handle begins.
const SCHEME: &str = "function://";

/// The ids of the live functions of all components, both ways.
#[derive(Debug, Default)]
pub(crate) struct Handles {
    ids: HashMap<ComponentPath, HashMap<FunctionPath, DocumentId>>,
    functions: HashMap<DocumentId, (ComponentPath, FunctionPath)>,
}

impl Handles {
    /// Those of these functions, of the ids of all that ever were.
    pub(super) fn new<'a>(
        functions: impl Iterator<Item = (&'a ComponentPath, &'a FunctionPath)>,
        all: &HashMap<HandledFunction, DocumentId>,
    ) -> Handles {
        let mut handles = Handles::default();
        for (component, path) in functions {
            let Some(id) = all.get(&(component.0.clone(), path.canonical())) else {
                continue;
            };
            let ids = handles.ids.entry(component.clone()).or_default();
            ids.insert(path.clone(), *id);
            handles
                .functions
                .insert(*id, (component.clone(), path.clone()));
        }
        handles
    }

    /// The handle of a function.
    pub(crate) fn of(&self, component: &ComponentPath, path: &FunctionPath) -> Option<String> {
        let id = self.ids.get(component)?.get(path)?;
        Some(format!("{SCHEME}{id}#{}", path.canonical()))
    }

    /// The function that a handle names, and its component. What follows its id is for people.
    pub(crate) fn resolve(&self, handle: &str) -> Option<&(ComponentPath, FunctionPath)> {
        self.functions.get(&id_of(handle)?)
    }
}

/// Whether a text has the form of a handle, of whatever function.
pub(crate) fn is_handle(text: &str) -> bool {
    id_of(text).is_some()
}

fn id_of(handle: &str) -> Option<DocumentId> {
    let rest = handle.strip_prefix(SCHEME)?;
    let id = rest.split_once('#').map_or(rest, |(id, _)| id);
    id.parse().ok()
}

/// Gives the functions of a data folder that was pushed to before there were handles theirs.
pub(super) fn complete(tx: &mut Transaction) -> Result<(), DeployError> {
    if Deployment::load(tx)?.push == 0 || !FunctionHandles::all(tx)?.is_empty() {
        return Ok(());
    }
    let mut paths = Vec::new();
    for module in ModuleRow::all(tx, Namespace::ROOT)? {
        let Some(json) = &module.analysis else {
            continue;
        };
        let analyzed: AnalyzedModuleJson =
            serde_json::from_str(json).map_err(|error| DeployError::internal(&error))?;
        paths.extend(analyzed.functions.iter().map(|function| {
            let path = FunctionPath {
                module: module.path.clone(),
                function: function.name.clone(),
            };
            (String::new(), path.canonical())
        }));
    }
    FunctionHandles::ensure(tx, paths)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_an_id_and_what_follows_is_for_people() {
        let path = FunctionPath::parse("m:f").expect("it is a path");
        let id: DocumentId =
            lentil_catalog::SystemTable::FunctionHandles.id(lentil_values::InternalId([7; 16]));
        let (root, part) = (ComponentPath::root(), ComponentPath("part".to_owned()));
        let all = HashMap::from([(("part".to_owned(), "m.js:f".to_owned()), id)]);
        let handles = Handles::new([(&root, &path), (&part, &path)].into_iter(), &all);
        assert_eq!(handles.of(&root, &path), None, "it is another's");
        let handle = handles.of(&part, &path).expect("it has one");
        assert_eq!(handle, format!("function://{id}#m.js:f"));
        for same in [
            &*handle,
            &format!("function://{id}"),
            &format!("function://{id}#x#y"),
        ] {
            assert!(is_handle(same));
            let found = handles.resolve(same);
            assert_eq!(found, Some(&(part.clone(), path.clone())), "{same}");
        }
        for other in [
            "m.js:f",
            "function://",
            "function://#m.js:f",
            "function://m.js:f",
        ] {
            assert!(!is_handle(other), "{other}");
            assert_eq!(handles.resolve(other), None, "{other}");
        }
        let gone = Handles::new([].into_iter(), &all);
        assert_eq!(gone.resolve(&handle), None);
        assert_eq!(gone.of(&part, &path), None);
    }
}
