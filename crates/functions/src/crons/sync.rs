//! Cron jobs at a push: what `crons.ts` exports is checked, and then becomes the rows.

use std::collections::BTreeMap;

use lentil_catalog::{CronJob, CronSpec};
use lentil_database::{Namespace, Transaction};
use lentil_values::Value;
use serde_json::{Value as Json, json};

use super::Schedule;
use crate::deploy::{AnalyzedModuleJson, DeployError};
use crate::path::FunctionPath;

/// Bytes of a job's encoded arguments.
const ARGUMENTS_MAX: usize = 1 << 20;

/// The jobs of `crons.js` from the text that it exports, each `{identifier, spec}`, checked as far
/// as the text goes.
pub(crate) fn specs(text: &str) -> Result<Vec<Json>, DeployError> {
    let json: Json = serde_json::from_str(text)
        .map_err(|error| invalid(&format!("export() does not give JSON: {error}")))?;
    let jobs = json
        .as_object()
        .ok_or_else(|| invalid("export() does not give an object"))?;
    jobs.iter()
        .map(|(identifier, job)| {
            let spec = spec(identifier, job)
                .map_err(|why| invalid(&format!("the job {identifier:?}: {why}")))?;
            Ok(json!({
                "identifier": identifier,
                "spec": {
                    "udfPath": spec.udf_path,
                    "udfArgs": spec.args.as_bytes(),
                    "cronSchedule": spec.schedule,
                },
            }))
        })
        .collect()
}

fn invalid(why: &str) -> DeployError {
    DeployError::bad("InvalidCron", format!("crons.js: {why}"))
}

fn spec(identifier: &str, job: &Json) -> Result<CronSpec, String> {
    let printable = |c: char| c.is_ascii_graphic() || c == ' ';
    if identifier.is_empty() || !identifier.chars().all(printable) {
        return Err("its name must be printable ASCII characters".to_owned());
    }
    let member = |name: &str| job.get(name).ok_or_else(|| format!("it has no {name:?}"));
    let name = member("name")?;
    let name = name.as_str().ok_or("its function's name is no text")?;
    let path = FunctionPath::parse(name).map_err(|error| error.to_string())?;
    let args = match Value::from_json(member("args")?) {
        Ok(Value::Array(args)) if matches!(args[..], [Value::Object(_)]) => Value::Array(args),
        Ok(_) => return Err("its arguments must be one object".to_owned()),
        Err(error) => return Err(format!("its arguments: {error}")),
    };
    args.check_limits()
        .map_err(|error| format!("its arguments: {error}"))?;
    let args = args.to_json_string();
    if args.len() > ARGUMENTS_MAX {
        return Err(format!(
            "its arguments have {} bytes; at most 1 MiB is allowed",
            args.len()
        ));
    }
    Ok(CronSpec {
        udf_path: format!("{}:{}", path.module, path.function),
        args,
        schedule: Schedule::exported(member("schedule")?)?.to_json(),
    })
}

/// The jobs of an analysed push, by name.
fn declared(
    analysis: &BTreeMap<String, AnalyzedModuleJson>,
) -> Result<BTreeMap<String, CronSpec>, DeployError> {
    let specs = analysis
        .get("crons.js")
        .and_then(|module| module.cron_specs.as_deref());
    specs.unwrap_or_default().iter().map(read).collect()
}

/// A job as [`specs`] wrote it.
fn read(json: &Json) -> Result<(String, CronSpec), DeployError> {
    let wrong = || DeployError::internal(&"an analysed cron job cannot be read");
    let text = |json: &Json| json.as_str().map(str::to_owned).ok_or_else(wrong);
    let spec = &json["spec"];
    let bytes: Vec<u8> = serde_json::from_value(spec["udfArgs"].clone()).map_err(|_| wrong())?;
    let spec = CronSpec {
        udf_path: text(&spec["udfPath"])?,
        args: String::from_utf8(bytes).map_err(|_| wrong())?,
        schedule: spec["cronSchedule"].clone(),
    };
    Ok((text(&json["identifier"])?, spec))
}

/// Makes a component's jobs of a push the live ones; gives which came, changed and went. A job that is not
/// changed keeps its next run.
pub(crate) fn sync(
    tx: &mut Transaction,
    namespace: Namespace,
    analysis: &BTreeMap<String, AnalyzedModuleJson>,
) -> Result<Json, DeployError> {
    let mut declared = declared(analysis)?;
    let now_ms = tx.now_ms();
    let first = |name: &str, spec: &CronSpec| match Schedule::stored(&spec.schedule) {
        Ok(schedule) => Ok(schedule.first(name, now_ms)),
        Err(why) => Err(invalid(&format!("the job {name:?}: {why}"))),
    };
    let (mut updated, mut deleted) = (Vec::new(), Vec::new());
    for mut job in CronJob::all(tx, namespace)? {
        let Some(spec) = declared.remove(&job.name) else {
            job.remove(tx, namespace)?;
            deleted.push(job.name);
            continue;
        };
        if is_same(&job.spec, &spec) {
            continue;
        }
        job.next_ms = first(&job.name, &spec)?;
        job.spec = spec;
        job.save(tx, namespace)?;
        updated.push(job.name);
    }
    let mut added = Vec::new();
    for (name, spec) in declared {
        let job = CronJob {
            id: None,
            next_ms: first(&name, &spec)?,
            running: false,
            name,
            spec,
        };
        job.save(tx, namespace)?;
        added.push(job.name);
    }
    Ok(json!({ "added": added, "updated": updated, "deleted": deleted }))
}

/// Whether two jobs do the same at the same times, however their numbers are written.
fn is_same(one: &CronSpec, other: &CronSpec) -> bool {
    one.udf_path == other.udf_path
        && one.args == other.args
        && Schedule::stored(&one.schedule) == Schedule::stored(&other.schedule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_listed_in_their_stored_form() {
        let text = r#"{"tick":{"name":"a:b","args":[{"n":1}],"schedule":{"type":"interval","minutes":5}}}"#;
        let specs = specs(text).expect("they are jobs");
        let args = br#"[{"n":1.0}]"#;
        assert_eq!(
            specs,
            [json!({
                "identifier": "tick",
                "spec": {
                    "udfPath": "a.js:b",
                    "udfArgs": args,
                    "cronSchedule": { "type": "interval", "seconds": 300 },
                },
            })]
        );
    }

    #[test]
    fn jobs_that_are_none_are_refused_by_name() {
        let schedule = json!({ "type": "interval", "seconds": 5 });
        for (name, job, says) in [
            ("tick", json!({}), "has no \"name\""),
            (
                "tick",
                json!({ "name": "a:b", "args": [{}] }),
                "has no \"schedule\"",
            ),
            (
                "tick",
                json!({ "name": "a b", "args": [{}], "schedule": schedule }),
                "not a function path",
            ),
            (
                "tick",
                json!({ "name": "a:b", "args": [1], "schedule": schedule }),
                "must be one object",
            ),
            (
                "ti\nck",
                json!({ "name": "a:b", "args": [{}], "schedule": schedule }),
                "printable ASCII",
            ),
            (
                "tick",
                json!({ "name": "a:b", "args": [{ "a": "x".repeat(1 << 20) }], "schedule": schedule }),
                "at most 1 MiB",
            ),
            (
                "tick",
                json!({ "name": "a:b", "args": [{}], "schedule": { "type": "cron", "cron": "* * * * 7" } }),
                "day of the week",
            ),
        ] {
            let error = specs(&json!({ name: job }).to_string()).expect_err("it is no job");
            assert_eq!(error.code, "InvalidCron");
            let shown = format!("the job {name:?}");
            assert!(error.message.contains(&shown), "{}", error.message);
            assert!(error.message.contains(says), "{}", error.message);
        }
    }
}
