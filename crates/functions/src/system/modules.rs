//! What was pushed: functions, validators, code.

use std::collections::BTreeSet;

use lentil_catalog::{ModuleRow, ModuleText};
use lentil_database::TransactionError;
use lentil_values::{Object, Value};

use super::deployment::plain;
use super::{Request, bad_argument, object, text};
use crate::FunctionPath;
use crate::deploy::{AnalyzedModuleJson, DeploymentImage};

/// Names of variables that are listed, at most.
const NAMES_MAX: usize = 200;

/// Functions, routes and cron jobs of each module, by path.
pub(super) fn list(request: &mut Request) -> Result<Value, TransactionError> {
    match request.image()? {
        Some(image) => list_of(request, &image),
        None => Ok(Value::Array(Vec::new())),
    }
}

/// The same for every component that is mounted, the root first.
pub(super) fn list_all(request: &mut Request) -> Result<Value, TransactionError> {
    let Some(root) = request.functions.images().current(request.tx)? else {
        let root = Value::Array(vec![Value::Null, Value::Array(Vec::new())]);
        return Ok(Value::Array(vec![root]));
    };
    let images = std::iter::once(&root).chain(root.components.values());
    let lists: Result<Vec<Value>, TransactionError> = images
        .map(|image| {
            let id = image.place.id.map(|id| text(id.to_string()));
            let modules = list_of(request, image)?;
            Ok(Value::Array(vec![id.unwrap_or(Value::Null), modules]))
        })
        .collect();
    lists.map(Value::Array)
}

fn list_of(request: &mut Request, image: &DeploymentImage) -> Result<Value, TransactionError> {
    let modules = ModuleRow::all(request.tx, image.place.namespace)?.into_iter();
    let shown = modules.filter_map(|row| {
        let analysis = image.analysis.get(&row.path)?;
        Some(Value::Array(vec![
            text(row.path),
            module(analysis, row.hash),
        ]))
    });
    Ok(Value::Array(shown.collect()))
}

fn module(analysis: &AnalyzedModuleJson, hash: String) -> Value {
    let mut functions = Vec::new();
    for function in &analysis.functions {
        let mut shown = Object::from([
            ("name".to_owned(), text(function.name.as_str())),
            ("udfType".to_owned(), text(function.udf_type.as_str())),
            (
                "visibility".to_owned(),
                kind(
                    function
                        .visibility
                        .as_ref()
                        .map_or("internal", |it| &it.kind),
                ),
            ),
        ]);
        if let Some(position) = &function.pos {
            let line = f64::from(position.start_lineno);
            shown.insert("lineno".to_owned(), Value::Float64(line));
        }
        functions.push(Value::Object(shown));
    }
    for route in analysis.http_routes.iter().flatten() {
        let name = format!("{} {}", route.route.method, route.route.path);
        functions.push(object([
            ("name", text(name)),
            ("udfType", text("HttpAction")),
            ("visibility", kind("public")),
        ]));
    }
    let mut shown = Object::from([
        ("functions".to_owned(), Value::Array(functions)),
        ("sourcePackageId".to_owned(), text(hash)),
    ]);
    if let Some(specs) = &analysis.cron_specs {
        let pairs = specs
            .iter()
            .map(|spec| Value::Array(vec![plain(&spec["identifier"]), plain(&spec["spec"])]));
        shown.insert("cronSpecs".to_owned(), Value::Array(pairs.collect()));
    }
    Value::Object(shown)
}

fn kind(kind: &str) -> Value {
    object([("kind", text(kind))])
}

/// JSON text of a function's argument validator, or null.
pub(super) fn args_validator(request: &mut Request) -> Result<Value, TransactionError> {
    validator(request, |function| function.args.clone())
}

/// JSON text of a function's result validator, or null.
pub(super) fn returns_validator(request: &mut Request) -> Result<Value, TransactionError> {
    validator(request, |function| function.returns.clone())
}

fn validator(
    request: &mut Request,
    of: impl Fn(&crate::deploy::FunctionJson) -> Option<String>,
) -> Result<Value, TransactionError> {
    let name = request.text("function")?;
    let path = FunctionPath::parse(&name)
        .map_err(|_| bad_argument("function", "the path of a function"))?;
    let image = request.image()?;
    let found = image.as_ref().and_then(|image| {
        let module = image.analysis.get(&path.module)?;
        let function = module
            .functions
            .iter()
            .find(|it| it.name == path.function)?;
        of(function)
    });
    Ok(found.map_or(Value::Null, text))
}

/// The text of a module as it was pushed, with its source map.
pub(super) fn source(request: &mut Request) -> Result<Value, TransactionError> {
    let path = request.text("path")?;
    let rows = ModuleRow::all(request.tx, request.namespace)?.into_iter();
    let Some(row) = rows.into_iter().find(|row| row.path == path) else {
        return Ok(Value::Null);
    };
    let module = ModuleText::load(request.tx, &row.hash)?;
    Ok(object([
        ("source", text(module.source)),
        ("sourceMap", module.source_map.map_or(Value::Null, text)),
    ]))
}

/// What advice is made of: public functions without a validator for their arguments, and names of
/// environment variables that the code speaks of.
pub(super) fn review(request: &mut Request) -> Result<Value, TransactionError> {
    let Some(image) = request.image()? else {
        return Ok(object([
            ("withoutArguments", Value::Array(Vec::new())),
            ("environment", Value::Array(Vec::new())),
        ]));
    };
    let mut open = Vec::new();
    for (path, analysis) in image.analysis.iter() {
        let module = path.strip_suffix(".js").unwrap_or(path);
        for function in &analysis.functions {
            let public = function
                .visibility
                .as_ref()
                .is_some_and(|it| it.kind == "public");
            let any = function.args.as_deref().is_none_or(is_any);
            if public && any && function.udf_type != "HttpAction" {
                open.push(text(format!("{module}:{}", function.name)));
            }
        }
    }
    let mut names = BTreeSet::new();
    for row in ModuleRow::all(request.tx, request.namespace)? {
        let module = ModuleText::load(request.tx, &row.hash)?;
        environment_names(&module.source, &mut names);
    }
    Ok(object([
        ("withoutArguments", Value::Array(open)),
        (
            "environment",
            Value::Array(names.into_iter().map(text).collect()),
        ),
    ]))
}

/// Whether a validator takes whatever it is given.
fn is_any(validator: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(validator).is_ok_and(|json| json["type"] == "any")
}

/// The variables that a module's text names as `process.env.NAME` or `process.env["NAME"]`.
fn environment_names(source: &str, names: &mut BTreeSet<String>) {
    for (at, found) in source.match_indices("process.env") {
        let rest = &source[at + found.len()..];
        let name = match rest.strip_prefix('.') {
            Some(rest) => rest,
            None => match rest.strip_prefix("[\"").or_else(|| rest.strip_prefix("['")) {
                Some(rest) => rest,
                None => continue,
            },
        };
        let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let name = &name[..end.unwrap_or(name.len())];
        if name.starts_with(|c: char| c.is_ascii_alphabetic()) && names.len() < NAMES_MAX {
            names.insert(name.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_where_code_names_them() {
        let mut names = BTreeSet::new();
        let source = r#"a(process.env.API_KEY, process.env["OTHER"] ?? process.env['THIRD'], process.env[name]);
            const { env } = process; process.environment; x = process.env;"#;
        environment_names(source, &mut names);
        assert_eq!(
            names.into_iter().collect::<Vec<_>>(),
            ["API_KEY", "OTHER", "THIRD"]
        );
    }

    #[test]
    fn validators_that_take_anything_are_none() {
        assert!(is_any(r#"{"type":"any"}"#));
        assert!(!is_any(r#"{"type":"object","value":{}}"#));
    }
}
