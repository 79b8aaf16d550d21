//! `lentil run`, `data`, `env` and `status`: what the stock CLI does, without Node.

use std::io::Read as _;

use anyhow::{Context, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use crate::client::{Client, ComponentOptions, TargetOptions};
use crate::{backup, credentials};

/// Components whose tables `status` counts one by one.
const COMPONENTS_SHOWN: usize = 8;
/// Documents of one page.
const PAGE: usize = 1_000;

/// See [`run`].
#[derive(clap::Args, Debug)]
pub(crate) struct RunOptions {
    /// A function, e.g. `messages:list`; internal ones too.
    function: String,
    /// Its arguments, as JSON.
    #[arg(default_value = "{}")]
    args: String,
    /// Who calls, as JSON, e.g. '{"subject":"me"}'.
    #[arg(long, value_name = "JSON")]
    identity: Option<String>,
    #[command(flatten)]
    of: ComponentOptions,
    #[command(flatten)]
    target: TargetOptions,
}

/// See [`data`].
#[derive(clap::Args, Debug)]
pub(crate) struct DataOptions {
    /// A table; without one, the tables are listed.
    table: Option<String>,
    /// Documents to show.
    #[arg(long, default_value_t = 100, value_name = "COUNT")]
    limit: usize,
    /// By creation time: the newest first, or the oldest.
    #[arg(long, default_value = "desc", value_parser = ["asc", "desc"])]
    order: String,
    /// One document a line, or one array.
    #[arg(long, default_value = "jsonl", value_parser = ["jsonl", "json"])]
    format: String,
    #[command(flatten)]
    of: ComponentOptions,
    #[command(flatten)]
    target: TargetOptions,
}

/// See [`environment`].
#[derive(clap::Args, Debug)]
pub(crate) struct EnvOptions {
    #[command(subcommand)]
    command: EnvCommand,
}

#[derive(clap::Subcommand, Debug)]
enum EnvCommand {
    /// All variables.
    List {
        #[command(flatten)]
        target: TargetOptions,
    },
    /// The value of one.
    Get {
        /// Which.
        name: String,
        #[command(flatten)]
        target: TargetOptions,
    },
    /// Sets one; without a value it is read from stdin.
    Set {
        /// NAME or NAME=VALUE.
        name: String,
        /// The value.
        value: Option<String>,
        #[command(flatten)]
        target: TargetOptions,
    },
    /// Removes one.
    #[command(visible_alias = "remove", alias = "rm")]
    Unset {
        /// Which.
        name: String,
        #[command(flatten)]
        target: TargetOptions,
    },
}

/// Runs a function and prints what it returns.
pub(crate) fn run(options: &RunOptions) -> anyhow::Result<()> {
    let args: Json = serde_json::from_str(&options.args)
        .with_context(|| format!("the arguments {:?} are not JSON", options.args))?;
    let identity = options.identity.as_deref().map(identity).transpose()?;
    let client = Client::new(&options.target)?;
    let component = options.of.component.as_deref();
    let value = client.run(component, &options.function, &args, identity.as_deref())?;
    if !value.is_null() {
        println!("{}", serde_json::to_string_pretty(&value)?);
    }
    Ok(())
}

/// An identity as keys carry it; what is left out is filled in as the stock CLI does.
fn identity(text: &str) -> anyhow::Result<String> {
    let mut identity: Json =
        serde_json::from_str(text).with_context(|| format!("--identity {text:?} is not JSON"))?;
    if !identity.is_object() {
        bail!("--identity must be an object, e.g. '{{\"subject\":\"me\"}}'");
    }
    for (name, value) in [("issuer", "https://convex.test"), ("subject", "lentil-run")] {
        if !identity[name].is_string() {
            identity[name] = json!(value);
        }
    }
    if !identity["tokenIdentifier"].is_string() {
        let (issuer, subject) = (&identity["issuer"], &identity["subject"]);
        let token = [issuer, subject].map(|part| part.as_str().unwrap_or_default());
        identity["tokenIdentifier"] = json!(token.join("|"));
    }
    Ok(STANDARD.encode(identity.to_string()))
}

/// Lists tables, or shows documents of one.
pub(crate) fn data(options: &DataOptions) -> anyhow::Result<()> {
    let client = Client::new(&options.target)?;
    let component = options.of.component.as_deref();
    let names = || -> anyhow::Result<Vec<String>> {
        let page = json!({ "cursor": null, "numItems": 10_000 });
        let args = json!({ "paginationOpts": page });
        let tables = client.system_in(component, "_system/cli/tables", &args)?;
        let tables = tables["page"].as_array().cloned().unwrap_or_default();
        let name = |table: &Json| table["name"].as_str().map(str::to_owned);
        let mut names: Vec<String> = tables.iter().filter_map(name).collect();
        names.sort();
        Ok(names)
    };
    let Some(table) = &options.table else {
        names()?.iter().for_each(|name| println!("{name}"));
        return Ok(());
    };
    if !table.starts_with('_') && !names()?.contains(table) {
        bail!("there is no table {table:?}; `lentil data` lists the tables");
    }
    let (mut rows, mut cursor) = (Vec::new(), Json::Null);
    while rows.len() < options.limit {
        let wanted = (options.limit - rows.len()).min(PAGE);
        let page = client.system_in(
            component,
            "_system/cli/tableData",
            &json!({
                "table": table,
                "order": options.order,
                "paginationOpts": { "cursor": cursor, "numItems": wanted as f64 },
            }),
        )?;
        rows.extend(page["page"].as_array().cloned().unwrap_or_default());
        cursor = page["continueCursor"].clone();
        if page["isDone"] == true {
            break;
        }
    }
    if options.format == "json" {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        rows.iter().for_each(|row| println!("{row}"));
    }
    Ok(())
}

/// Reads and changes environment variables.
pub(crate) fn environment(options: &EnvOptions) -> anyhow::Result<()> {
    match &options.command {
        EnvCommand::List { target } => {
            let client = Client::new(target)?;
            let all = client.system("_system/cli/queryEnvironmentVariables", json!({}))?;
            for variable in all.as_array().into_iter().flatten() {
                let text = |name: &str| variable[name].as_str().unwrap_or_default();
                println!("{}={}", text("name"), quoted(text("value")));
            }
        }
        EnvCommand::Get { name, target } => {
            let client = Client::new(target)?;
            let found = client.system(
                "_system/cli/queryEnvironmentVariables:get",
                json!({ "name": name }),
            )?;
            match found["value"].as_str() {
                Some(value) => println!("{value}"),
                None => bail!("the environment variable {name} is not set"),
            }
        }
        EnvCommand::Set {
            name,
            value,
            target,
        } => {
            let client = Client::new(target)?;
            let (name, value) = match (name.split_once('='), value) {
                (_, Some(value)) => (name.as_str(), value.clone()),
                (Some((name, value)), None) => (name, value.to_owned()),
                (None, None) => {
                    let mut value = String::new();
                    std::io::stdin()
                        .read_to_string(&mut value)
                        .context("the value cannot be read from stdin")?;
                    (name.as_str(), value.trim_end_matches('\n').to_owned())
                }
            };
            change(&client, name, Some(&value))?;
        }
        EnvCommand::Unset { name, target } => change(&Client::new(target)?, name, None)?,
    }
    Ok(())
}

fn change(client: &Client, name: &str, value: Option<&str>) -> anyhow::Result<()> {
    let changes = json!({ "changes": [{ "name": name, "value": value }] });
    client
        .post("/api/update_environment_variables", &changes)
        .map(drop)
}

/// A value as `.env` files hold it.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@+,".contains(c);
    if value.chars().all(plain) {
        return value.to_owned();
    }
    let escaped = value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("\"{escaped}\"")
}

/// Tells how the server is.
pub(crate) fn status(target: &TargetOptions) -> anyhow::Result<()> {
    let client = Client::new(target)?;
    let status = client.get("/api/status")?;
    let number = |name: &str| status[name].as_u64().unwrap_or(0);
    let text = |name: &str| status[name].as_str().unwrap_or("?").to_owned();
    println!("Lentil {} at {}", text("version"), client.url());
    println!("  Deployment     {}", text("instanceName"));
    println!("  Up             {}", duration(number("uptimeSeconds")));
    println!("  Sockets        {}", number("sockets"));
    println!("  Tables         {}", tables(&status));
    println!("  Database       {}", bytes(number("databaseBytes")));
    println!("  Memory         {}", bytes(number("memoryBytes")));
    let data = credentials::data_folder(&target.place, None);
    match backup::last(&data) {
        Some((file, age)) => {
            println!("  Last backup    {} ago, {file}", duration(age.as_secs()));
        }
        None if credentials::exist(&data) => println!("  Last backup    none; see `lentil backup`"),
        None => {}
    }
    Ok(())
}

/// How many tables there are, and of what, if there are components.
fn tables(status: &Json) -> String {
    let all = status["tables"].as_u64().unwrap_or(0);
    let by = status["tablesByComponent"].as_array();
    let by = by.map_or(&[][..], Vec::as_slice);
    let named = by.iter().filter_map(|one| {
        let name = match one["component"].as_str()? {
            "" => "the app",
            path => path,
        };
        Some(format!("{name} {}", one["tables"].as_u64()?))
    });
    if by.iter().all(|one| one["component"] == "") {
        return all.to_string();
    }
    let mut named: Vec<String> = named.collect();
    if named.len() > COMPONENTS_SHOWN {
        let more = named.split_off(COMPONENTS_SHOWN).len();
        named.push(format!("{more} more components"));
    }
    format!("{all} ({})", named.join(", "))
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A number of bytes for people.
pub(crate) fn bytes(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{} kB", bytes / 1_000),
        10_000_000..10_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{} GB", bytes / 1_000_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_where_they_must_be() {
        assert_eq!(quoted("plain-1.2"), "plain-1.2");
        assert_eq!(quoted("two words"), "\"two words\"");
        assert_eq!(quoted("a\"b\\\n"), "\"a\\\"b\\\\\\n\"");
    }

    #[test]
    fn identities_are_completed() {
        let encoded = identity("{\"subject\":\"me\"}").expect("good");
        let decoded = STANDARD.decode(encoded).expect("base64");
        let identity: Json = serde_json::from_slice(&decoded).expect("JSON");
        assert_eq!(identity["tokenIdentifier"], "https://convex.test|me");
        assert!(super::identity("5").is_err());
    }

    #[test]
    fn sizes_and_times_are_for_people() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(12_345_678), "12 MB");
        assert_eq!(duration(59), "59 s");
        assert_eq!(duration(86_400), "24 h");
    }
}
