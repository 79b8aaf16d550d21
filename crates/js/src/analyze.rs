//! What pushed modules export (function-runtime 2, cli-and-deploy 5.1).

use crate::FunctionKind;

/// Where something stands in the original source: zero-based line and column.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Position {
    /// Canonical module path.
    pub path: String,
    /// Line.
    pub start_lineno: u32,
    /// Column.
    pub start_col: u32,
}

/// An exported query, mutation or action.
#[derive(Clone, Debug, PartialEq)]
pub struct AnalyzedFunction {
    /// Export name.
    pub name: String,
    /// Where its handler stands, if it is in this module.
    pub pos: Option<Position>,
    /// Query, mutation or action.
    pub kind: FunctionKind,
    /// `Some(true)` public, `Some(false)` internal, `None` neither.
    pub public: Option<bool>,
    /// JSON text of the arguments validator.
    pub args: Option<String>,
    /// JSON text of the returns validator (may be `null`).
    pub returns: Option<String>,
}

/// A route of `http.js`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteSpec {
    /// Path; a prefix route ends in `*`.
    pub path: String,
    /// Method.
    pub method: String,
}

/// One module's exports.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct AnalyzedModule {
    /// Functions in source order.
    pub functions: Vec<AnalyzedFunction>,
    /// Routes, for `http.js`.
    pub http_routes: Option<Vec<RouteSpec>>,
    /// The text that `crons.js` exports.
    pub crons: Option<String>,
}

/// Why a module could not be analysed; both parts are for the developer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AnalyzeError {
    /// Short code for the CLI, e.g. `InvalidModule`, `AuthConfigMissingEnvironmentVariable`.
    pub code: &'static str,
    /// What, where, what to do.
    pub message: String,
}
