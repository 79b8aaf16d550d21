//! Handles of the live functions (function-runtime 11.4): texts that name a function, can be kept
//! in documents and passed on, and hold across pushes.
//!
//! A push gives each function that never had one an id; the ids of functions that are gone are
//! kept, so that their handles work again when they come back.

use std::collections::HashMap;

use lentil_catalog::{Deployment, FunctionHandles, ModuleRow};
use lentil_database::Transaction;
use lentil_values::DocumentId;

use super::DeployError;
use super::analysis::AnalyzedModuleJson;
use crate::path::FunctionPath;

/// How a handle begins.
const SCHEME: &str = "function://";

/// The ids of the live functions, both ways.
#[derive(Debug, Default)]
pub(crate) struct Handles {
    ids: HashMap<FunctionPath, DocumentId>,
    paths: HashMap<DocumentId, FunctionPath>,
}

impl Handles {
    /// Those of these functions, of the ids of all that ever were.
    pub(super) fn new<'a>(
        functions: impl Iterator<Item = &'a FunctionPath>,
        all: &HashMap<String, DocumentId>,
    ) -> Handles {
        let found = |path: &FunctionPath| Some((path.clone(), *all.get(&path.canonical())?));
        let ids: HashMap<FunctionPath, DocumentId> = functions.filter_map(found).collect();
        let paths = ids.iter().map(|(path, id)| (*id, path.clone())).collect();
        Handles { ids, paths }
    }

    /// The handle of a function.
    pub(crate) fn of(&self, path: &FunctionPath) -> Option<String> {
        let id = self.ids.get(path)?;
        Some(format!("{SCHEME}{id}#{}", path.canonical()))
    }

    /// The function that a handle names. What follows its id is for people.
    pub(crate) fn resolve(&self, handle: &str) -> Option<&FunctionPath> {
        self.paths.get(&id_of(handle)?)
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
    for module in ModuleRow::all(tx)? {
        let Some(json) = &module.analysis else {
            continue;
        };
        let analyzed: AnalyzedModuleJson =
            serde_json::from_str(json).map_err(|error| DeployError::internal(&error))?;
        paths.extend(analyzed.functions.iter().map(|function| {
            FunctionPath {
                module: module.path.clone(),
                function: function.name.clone(),
            }
            .canonical()
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
        let all = HashMap::from([("m.js:f".to_owned(), id)]);
        let handles = Handles::new([&path].into_iter(), &all);
        let handle = handles.of(&path).expect("it has one");
        assert_eq!(handle, format!("function://{id}#m.js:f"));
        for same in [
            &*handle,
            &format!("function://{id}"),
            &format!("function://{id}#x#y"),
        ] {
            assert!(is_handle(same));
            assert_eq!(handles.resolve(same), Some(&path), "{same}");
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
        assert_eq!(gone.of(&path), None);
    }
}
