//! What cron jobs run must be there when they are pushed (function-runtime 2.4): a mutation or an
//! action of the same push, public or internal.

use std::collections::BTreeMap;

use super::DeployError;
use super::analysis::AnalyzedModuleJson;
use crate::FunctionPath;

/// Checks the target of every job of `crons.js`.
pub(super) fn check(analysis: &BTreeMap<String, AnalyzedModuleJson>) -> Result<(), DeployError> {
    let jobs = analysis
        .get("crons.js")
        .and_then(|module| module.cron_specs.as_deref());
    for job in jobs.unwrap_or_default() {
        let identifier = job["identifier"].as_str().unwrap_or_default();
        check_target(analysis, &job["spec"]["udfPath"]).map_err(|why| {
            DeployError::bad(
                "InvalidCron",
                format!("crons.js: the job {identifier:?} {why}"),
            )
        })?;
    }
    Ok(())
}

fn check_target(
    analysis: &BTreeMap<String, AnalyzedModuleJson>,
    target: &serde_json::Value,
) -> Result<(), String> {
    let text = target.as_str().ok_or_else(|| {
        format!("runs {target}, which is no function; pass a reference such as internal.jobs.tick")
    })?;
    let path = FunctionPath::parse(text).map_err(|error| format!("cannot be run: {error}"))?;
    // As the developer writes it.
    let text = path.to_string();
    let module = analysis
        .get(&path.module)
        .ok_or_else(|| format!("runs {text}, but there is no module {}", path.module))?;
    let function = module
        .functions
        .iter()
        .find(|function| function.name == path.function);
    let Some(function) = function else {
        let known: Vec<&str> = module
            .functions
            .iter()
            .map(|function| function.name.as_str())
            .collect();
        return Err(format!(
            "runs {text}, but {} has no function {:?}; it has {}",
            path.module,
            path.function,
            if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            }
        ));
    };
    if matches!(function.udf_type.as_str(), "Mutation" | "Action") {
        return Ok(());
    }
    Err(format!(
        "runs {text}, which is a {}; cron jobs run mutations and actions",
        function.udf_type.to_lowercase()
    ))
}
