//! Entries as the JSON files of this folder write them; see `README.md` here.

use serde::Deserialize;
use serde_json::Value as Json;

/// The groups, by name, with their text.
pub(crate) const GROUPS: &[(&str, &str)] = &[
    ("arguments", include_str!("arguments.json")),
    ("documents", include_str!("documents.json")),
    ("queries", include_str!("queries.json")),
    ("limits", include_str!("limits.json")),
    ("functions", include_str!("functions.json")),
    ("schemas", include_str!("schemas.json")),
    ("pushes", include_str!("pushes.json")),
    ("deployment", include_str!("deployment.json")),
];

/// One wrong input and what is said about it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Entry {
    /// What is wrong, in a few words; unique in the whole corpus.
    pub(crate) name: String,
    /// The body of a mutation's handler.
    mutation: Option<Lines>,
    /// The body of a query's handler.
    query: Option<Lines>,
    /// A whole function, as the right-hand side of its export.
    function: Option<Lines>,
    /// The path of a function of the application.
    call: Option<String>,
    /// As what it is called; a mutation if not said.
    #[serde(default, rename = "as")]
    pub(crate) kind: Kind,
    /// By whom it is called; by nobody in particular if not said.
    #[serde(default)]
    pub(crate) by: Caller,
    /// In which component the path is looked up.
    #[serde(default)]
    pub(crate) component: String,
    /// Arguments in encoded JSON; a text is sent as it is.
    #[serde(default)]
    args: Option<Json>,
    /// What is pushed instead of a call.
    push: Option<Push>,
    /// A change of environment variables.
    environment: Option<Variables>,
    /// What is sent to the deployer.
    request: Option<Request>,
    /// The whole message without its frames.
    pub(crate) expect: Lines,
}

/// What an entry does.
pub(crate) enum Act<'a> {
    /// Runs an export of the group's own module, made of this source.
    Export(Kind, String),
    /// Calls a function by its path.
    Call(&'a str),
    /// Pushes.
    Push(&'a Push),
    /// Changes environment variables.
    Environment(&'a Variables),
    /// Sends something to the deployer.
    Request(&'a Request),
}

/// Environment variables by name: a text, how many letters it has, or null to delete.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variables {
    #[serde(default)]
    pub(crate) set: serde_json::Map<String, Json>,
    /// So many more.
    #[serde(default)]
    pub(crate) more: usize,
}

/// A request to the deployer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) to: Endpoint,
    pub(crate) body: Json,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Endpoint {
    StartPush,
    EvaluatePush,
    EvaluateSchema,
    WaitForSchema,
    FinishPush,
}

/// A push, in the parts that matter.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Push {
    /// Modules by path; `wrong.js` can be imported from.
    #[serde(default)]
    pub(crate) modules: serde_json::Map<String, Json>,
    /// The tables of `schema.js`, written with the helpers of `schema.js` beside this file.
    pub(crate) tables: Option<Lines>,
    /// All of `schema.js`.
    pub(crate) schema: Option<Lines>,
    /// All of `convex.config.js`.
    pub(crate) definition: Option<Lines>,
    /// Members of the request's `appDefinition` that are set to something else.
    #[serde(default)]
    pub(crate) app: serde_json::Map<String, Json>,
    /// Members of the request that are set to something else.
    #[serde(default)]
    pub(crate) body: serde_json::Map<String, Json>,
    /// Rows that are there before, by table.
    #[serde(default)]
    pub(crate) rows: serde_json::Map<String, Json>,
}

/// A text, or its lines.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Lines {
    One(String),
    Many(Vec<String>),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Kind {
    Query,
    #[default]
    Mutation,
    Action,
    /// Whatever the path names.
    Any,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Caller {
    #[default]
    Anyone,
    Admin,
    ReadOnlyAdmin,
}

impl Lines {
    pub(crate) fn text(&self) -> String {
        match self {
            Lines::One(text) => text.clone(),
            Lines::Many(lines) => lines.join("\n"),
        }
    }
}

impl Entry {
    pub(crate) fn act(&self) -> Act<'_> {
        let handler = |kind: &str, body: &Lines| {
            let body = body.text();
            format!("{kind}({{ args: {{}}, handler: async (ctx) => {{\n{body}\n}} }})")
        };
        let parts = (
            &self.mutation,
            &self.query,
            &self.function,
            &self.call,
            &self.push,
        );
        if let Some(variables) = &self.environment {
            return Act::Environment(variables);
        }
        if let Some(request) = &self.request {
            return Act::Request(request);
        }
        match parts {
            (Some(body), None, None, None, None) => {
                Act::Export(Kind::Mutation, handler("mutation", body))
            }
            (None, Some(body), None, None, None) => {
                Act::Export(Kind::Query, handler("query", body))
            }
            (None, None, Some(function), None, None) => {
                let source = function.text();
                let kind = if source.starts_with("query(") {
                    Kind::Query
                } else {
                    Kind::Mutation
                };
                Act::Export(kind, source)
            }
            (None, None, None, Some(path), None) => Act::Call(path),
            (None, None, None, None, Some(push)) => Act::Push(push),
            _ => panic!(
                "{:?} must have one of mutation, query, function, call, push, environment and request",
                self.name
            ),
        }
    }

    /// The text of the arguments.
    pub(crate) fn args(&self) -> String {
        match &self.args {
            None => "{}".to_owned(),
            Some(Json::String(text)) => text.clone(),
            Some(args) => args.to_string(),
        }
    }
}

/// The entries of a group.
pub(crate) fn entries(group: &str, text: &str) -> Vec<Entry> {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("corpus/{group}.json: {error}"))
}
