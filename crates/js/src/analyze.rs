//! What pushed modules export (function-runtime 2, cli-and-deploy 5.1).

use serde::Deserialize;

use crate::executor::Purpose;
use crate::limits::ANALYSIS_LINES;
use crate::{Bundle, CallOutcome, CallResult, FunctionKind, LogLevel, LogLine};

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

impl AnalyzeError {
    /// Node modules have actions only.
    pub(crate) fn not_an_action(path: &str, name: &str, kind: FunctionKind) -> Self {
        let kind = match kind {
            FunctionKind::Query => "a query",
            FunctionKind::Mutation => "a mutation",
            FunctionKind::Action => "an action",
            FunctionKind::HttpAction => "an HTTP action",
        };
        AnalyzeError {
            code: "InvalidModule",
            message: format!(
                "`{name}` of {path} is {kind}, and {path} is marked \"use node\": only actions run in Node.js. Move \
                 `{name}` into a file without the directive."
            ),
        }
    }

    pub(crate) fn missing(path: &str) -> Self {
        AnalyzeError {
            code: "InvalidModule",
            message: format!("there is no module {path} to evaluate"),
        }
    }

    pub(crate) fn overloaded() -> Self {
        AnalyzeError {
            code: "TooManyConcurrentRequests",
            message: "too many calls wait for an executor: try the push again".to_owned(),
        }
    }
}

/// Codes that the executor puts before a message of its own.
const CODES: &[&str] = &[
    "AuthConfigMissingExportError",
    "AuthConfigNotMatchingSchemaError",
    "InvalidDefinitionExport",
    "InvalidFunctionName",
    "InvalidSchemaExport",
    "MissingDefinitionExportError",
    "MissingSchemaExportError",
];

/// How evaluating a module ended.
pub(crate) struct Evaluation(pub(crate) CallOutcome);

/// What the executor reports of a module.
#[derive(Deserialize)]
struct Report {
    functions: Vec<ReportedFunction>,
    routes: Option<Vec<ReportedRoute>>,
    crons: Option<String>,
}

#[derive(Deserialize)]
struct ReportedFunction {
    name: String,
    kind: String,
    public: Option<bool>,
    args: Option<String>,
    returns: Option<String>,
    /// Text of the handler, by which its place is found.
    source: String,
}

#[derive(Deserialize)]
struct ReportedRoute {
    path: String,
    method: String,
}

impl Evaluation {
    /// The exported functions, routes and crons of the module.
    pub(crate) fn functions(
        self,
        bundle: &Bundle,
        index: usize,
    ) -> Result<AnalyzedModule, AnalyzeError> {
        let module = &bundle.modules()[index];
        let text = self.result(
            &format!("Failed to analyze {}: ", module.path),
            "InvalidModule",
        )?;
        let report: Report = serde_json::from_str(&text).map_err(|error| AnalyzeError {
            code: "InvalidModule",
            message: format!(
                "Failed to analyze {}: its report is not valid: {error}",
                module.path
            ),
        })?;
        let place = |function: &ReportedFunction| {
            let place = module.find_function(&function.name, &function.source)?;
            Some(Position {
                path: module.path.clone(),
                start_lineno: place.at.line,
                start_col: place.at.column,
            })
        };
        let mut functions: Vec<_> = report
            .functions
            .into_iter()
            .map(|function| AnalyzedFunction {
                pos: place(&function),
                kind: match function.kind.as_str() {
                    "Query" => FunctionKind::Query,
                    "Mutation" => FunctionKind::Mutation,
                    "HttpAction" => FunctionKind::HttpAction,
                    _ => FunctionKind::Action,
                },
                name: function.name,
                public: function.public,
                args: function.args,
                returns: function.returns,
            })
            .collect();
        functions.sort_by_key(|function| {
            function
                .pos
                .as_ref()
                .map(|pos| (pos.start_lineno, pos.start_col))
        });
        let routes = report.routes.map(|routes| {
            routes
                .into_iter()
                .map(|route| RouteSpec {
                    path: route.path,
                    method: route.method,
                })
                .collect()
        });
        Ok(AnalyzedModule {
            functions,
            http_routes: routes,
            crons: report.crons,
        })
    }

    /// The exported text of a configuration module.
    pub(crate) fn text(self, path: &str, purpose: Purpose) -> Result<String, AnalyzeError> {
        let code = match purpose {
            Purpose::Schema => "InvalidSchema",
            Purpose::Auth => "InvalidAuthConfig",
            Purpose::Functions | Purpose::Definition => "InvalidModule",
        };
        self.result(&format!("Failed to evaluate {path}: "), code)
    }

    fn result(self, prefix: &str, code: &'static str) -> Result<String, AnalyzeError> {
        let failure = match self.0.result {
            CallResult::Value(text) => return Ok(text),
            CallResult::Error(error) => error.rendered,
            CallResult::Timeout(text)
            | CallResult::OutOfMemory(text)
            | CallResult::System(text) => text,
            CallResult::Overloaded(message) => {
                return Err(AnalyzeError {
                    code: "TooManyConcurrentRequests",
                    message,
                });
            }
        };
        if failure.starts_with("Environment variable ") {
            return Err(AnalyzeError {
                code: "AuthConfigMissingEnvironmentVariable",
                message: failure,
            });
        }
        let known = CODES
            .iter()
            .find_map(|code| Some((*code, failure.strip_prefix(code)?.strip_prefix(": ")?)));
        let (code, text) = known.unwrap_or((code, &failure));
        let message = format!("{prefix}{}{}", text.trim_end(), console_text(&self.0.logs));
        Err(AnalyzeError { code, message })
    }
}

/// The last console lines, after a blank line.
fn console_text(logs: &[LogLine]) -> String {
    let lines = logs[logs.len().saturating_sub(ANALYSIS_LINES)..]
        .iter()
        .map(|line| {
            let level = match line.level {
                LogLevel::Debug => "DEBUG",
                LogLevel::Info => "INFO",
                LogLevel::Log => "LOG",
                LogLevel::Warn => "WARN",
                LogLevel::Error => "ERROR",
            };
            format!("\n[{level}] {}", line.messages.join(" "))
        });
    let text: String = lines.collect();
    if text.is_empty() {
        text
    } else {
        format!("\n{text}")
    }
}
