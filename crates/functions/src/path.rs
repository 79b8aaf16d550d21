//! Function paths (sync-and-http 1.6, function-runtime 2.8).

use std::fmt;

/// A canonical function path: module with `.js`, explicit function.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionPath {
    /// `dir/mod.js`.
    pub module: String,
    /// `list`, `default`.
    pub function: String,
}

/// The path of a component; empty for the root app.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ComponentPath(pub String);

/// Why a text is not a function path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PathError(pub String);

impl FunctionPath {
    /// Reads any accepted spelling: `messages:list`, `messages.js:list`, `a`.
    pub fn parse(text: &str) -> Result<FunctionPath, PathError> {
        let _ = text;
        todo!()
    }
    /// Whether the module lies under `_system/`.
    pub fn is_system(&self) -> bool {
        self.module.starts_with("_system/")
    }
}

/// The display form: without `.js` and `:default`.
impl fmt::Display for FunctionPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _ = f;
        todo!()
    }
}
