//! Flags and environment variables. What the stock self-hosted server takes is taken too, so that
//! swapping the binary or the image is enough.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::backup::{BackupOptions, RestoreOptions, ScheduleOptions};
use crate::client::TargetOptions;
use crate::files::FileOptions;
use crate::install::InstallOptions;
use crate::remote::{DataOptions, EnvOptions, RunOptions};
use crate::transfer::{ExportOptions, ImportOptions};

const EXAMPLES: &str = "\
Examples:
  lentil                                   serve from ./lentil-data on 127.0.0.1:3210
  lentil serve --listen 0.0.0.0            let other machines connect
  lentil keys                              print an admin key for the CLI and dashboards
  lentil backup                            everything in one file, while the server runs
  CONVEX_SELF_HOSTED_URL=http://127.0.0.1:3210 \\
  CONVEX_SELF_HOSTED_ADMIN_KEY=\"$(lentil keys)\" npx convex dev";

/// A reactive backend that speaks Convex: one binary, one data folder.
#[derive(Parser, Debug)]
#[command(name = "lentil", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true, max_term_width = 100)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) serve: ServeOptions,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Run the server (what `lentil` alone does).
    Serve(Box<ServeOptions>),
    /// Print an admin key, one line; works while the server runs.
    Keys(KeysOptions),
    /// Tell how a running server is.
    Status(TargetOptions),
    /// Run a function.
    Run(RunOptions),
    /// List tables, or show documents of one.
    Data(DataOptions),
    /// Read and change environment variables.
    Env(EnvOptions),
    /// Export everything into a zip file, as `npx convex export` does.
    Export(ExportOptions),
    /// Import a zip file, or documents of one table, as `npx convex import` does.
    Import(ImportOptions),
    /// Back up the data folder into one file, also while the server runs.
    Backup(BackupOptions),
    /// Make a data folder of a backup.
    Restore(RestoreOptions),
    /// Be the local backend of `npx convex dev`, which then needs no network.
    InstallLocal(InstallOptions),
    /// Mint a key for a given name and secret, without a data folder.
    #[command(hide = true)]
    Keygen {
        #[command(subcommand)]
        what: Keygen,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum Keygen {
    /// An admin key.
    AdminKey {
        /// The deployment's name.
        #[arg(long)]
        instance_name: String,
        /// Its secret, 64 hex digits.
        #[arg(long)]
        instance_secret: String,
    },
}

#[derive(Args, Debug)]
pub(crate) struct KeysOptions {
    #[command(flatten)]
    pub(crate) place: PlaceOptions,
    /// A key that can look but not write.
    #[arg(long)]
    pub(crate) read_only: bool,
}

/// Where the deployment is and who it is.
#[derive(Args, Debug, Clone)]
pub(crate) struct PlaceOptions {
    /// Folder that holds everything; made at first start.
    #[arg(
        long,
        visible_alias = "data-dir",
        env = "LENTIL_DATA",
        default_value = "lentil-data",
        value_name = "FOLDER",
        help_heading = "Data"
    )]
    pub(crate) data: PathBuf,
    /// The deployment's name [default: as at first start, else convex-self-hosted].
    #[arg(
        long,
        env = "INSTANCE_NAME",
        value_name = "NAME",
        help_heading = "Identity"
    )]
    pub(crate) instance_name: Option<String>,
    /// Its secret, 64 hex digits [default: as at first start, else random].
    #[arg(
        long,
        env = "INSTANCE_SECRET",
        hide_env_values = true,
        value_name = "HEX",
        help_heading = "Identity"
    )]
    pub(crate) instance_secret: Option<String>,
}

#[derive(Args, Debug, Clone)]
pub(crate) struct ServeOptions {
    #[command(flatten)]
    pub(crate) place: PlaceOptions,

    /// Address to listen on; 0.0.0.0 lets other machines connect.
    #[arg(
        long,
        visible_alias = "interface",
        env = "LENTIL_LISTEN",
        default_value = "127.0.0.1",
        value_name = "ADDRESS",
        help_heading = "Network"
    )]
    pub(crate) listen: IpAddr,
    /// Port of the API and the sync protocol.
    #[arg(
        long,
        env = "PORT",
        default_value_t = 3210,
        value_name = "PORT",
        help_heading = "Network"
    )]
    pub(crate) port: u16,
    /// Port of HTTP actions.
    #[arg(
        long,
        visible_alias = "site-proxy-port",
        env = "SITE_PROXY_PORT",
        default_value_t = 3211,
        value_name = "PORT",
        help_heading = "Network"
    )]
    pub(crate) site_port: u16,
    /// Port of the dashboard [default: 6791 if it is free]; it is at /_console/ on the API's port as well.
    #[arg(
        long,
        env = "LENTIL_DASHBOARD_PORT",
        value_name = "PORT",
        help_heading = "Network"
    )]
    pub(crate) dashboard_port: Option<u16>,
    /// Origin of a page that may show the dashboard in a frame; may be given more than once.
    #[arg(long, env = "LENTIL_DASHBOARD_PARENTS", value_delimiter = ',', value_parser = origin, value_name = "URL", help_heading = "Network")]
    pub(crate) dashboard_parents: Vec<String>,
    /// Where clients reach the API [default: http://127.0.0.1:<port>].
    #[arg(long, env = "CONVEX_CLOUD_ORIGIN", value_name = "URL", value_parser = origin, help_heading = "Network")]
    pub(crate) convex_origin: Option<String>,
    /// Where HTTP actions are reached [default: http://127.0.0.1:<site port>].
    #[arg(long, env = "CONVEX_SITE_ORIGIN", value_name = "URL", value_parser = origin, help_heading = "Network")]
    pub(crate) convex_site: Option<String>,

    /// Whether an acknowledged write survives a power cut.
    #[arg(long, env = "LENTIL_DURABILITY", value_enum, default_value_t = Durability::Full, help_heading = "Data")]
    pub(crate) durability: Durability,
    /// Seconds for which old snapshots stay readable.
    #[arg(
        long,
        env = "DOCUMENT_RETENTION_DELAY",
        default_value_t = 240,
        value_name = "SECONDS",
        help_heading = "Data"
    )]
    pub(crate) retention: u64,

    #[command(flatten)]
    pub(crate) files: FileOptions,

    /// The Node binary that runs functions, 20.18 or newer [default: node on PATH].
    #[arg(
        long,
        env = "LENTIL_NODE",
        value_name = "FILE",
        help_heading = "Functions"
    )]
    pub(crate) node: Option<PathBuf>,
    /// Processes that run queries and mutations; as many again start while slow functions hold these [default: one a core].
    #[arg(long, env = "LENTIL_EXECUTORS", value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=256), help_heading = "Functions")]
    pub(crate) executors: Option<u16>,
    /// Processes that run actions, at most; they start when needed [default: one a core, at least two].
    #[arg(long, env = "LENTIL_ACTION_EXECUTORS", value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=256), help_heading = "Functions")]
    pub(crate) action_executors: Option<u16>,
    /// Where actions may connect to: anywhere, or public addresses only (nothing loopback, private, link-local).
    #[arg(long, env = "LENTIL_ACTION_NETWORK", value_enum, default_value_t = NetworkChoice::Open, value_name = "WHERE", help_heading = "Functions")]
    pub(crate) action_network: NetworkChoice,
    /// A host and port that actions may connect to although it is not public, e.g. `10.0.0.7:8080`; may be given more than once.
    #[arg(
        long,
        env = "LENTIL_ACTION_NETWORK_ALLOW",
        value_delimiter = ',',
        value_parser = host_and_port,
        value_name = "HOST:PORT",
        help_heading = "Functions"
    )]
    pub(crate) action_network_allow: Vec<String>,
    /// A proxy for what actions fetch, `http://user:password@host:port`; it resolves the names, and hosts of
    /// --action-network-allow are reached without it. Node actions need Node 24, or 22.21, for it.
    #[arg(long, env = "LENTIL_ACTION_PROXY", hide_env_values = true, value_parser = proxy, value_name = "URL", help_heading = "Functions")]
    pub(crate) action_proxy: Option<String>,
    /// Whether modules marked `"use node"` run. They have all that Node has, files of this machine included.
    #[arg(long, env = "LENTIL_NODE_ACTIONS", value_enum, default_value_t = NodeActionsChoice::On, value_name = "WHETHER", help_heading = "Functions")]
    pub(crate) node_actions: NodeActionsChoice,
    /// Whether a call gets a fresh global context, or one that earlier calls have left as it was.
    #[arg(long, env = "LENTIL_REALMS", value_enum, default_value_t = RealmChoice::Watched, help_heading = "Functions")]
    pub(crate) realms: RealmChoice,
    /// Whether the kernel confines processes of functions (Landlock, seccomp); docs/security.md.
    #[arg(long, env = "LENTIL_SANDBOX", value_enum, default_value_t = Switch::On, value_name = "WHETHER", help_heading = "Functions")]
    pub(crate) sandbox: Switch,
    /// Of so many calls one that ran in a watched realm is run again in a fresh one and compared; 0: none.
    #[arg(
        long,
        env = "LENTIL_SHADOW_CHECKS",
        default_value_t = 1_000,
        value_name = "ONE_IN",
        help_heading = "Functions"
    )]
    pub(crate) shadow_checks: u64,
    /// A limit of function calls, e.g. documents_read=64000; may be given more than once. docs/limits.md lists them.
    #[arg(
        long = "limit",
        env = "LENTIL_LIMITS",
        value_delimiter = ',',
        value_name = "NAME=VALUE",
        help_heading = "Functions"
    )]
    pub(crate) limits: Vec<String>,
    /// Give clients errors without details and no log lines, as production does.
    #[arg(long, env = "REDACT_LOGS_TO_CLIENT", num_args = 0..=1, default_missing_value = "true", default_value = "false", value_parser = set_means_true, value_name = "BOOL", help_heading = "Functions")]
    pub(crate) redact_logs_to_client: bool,

    /// What to log: error, warn, info, debug, trace, or directives such as `lentil_database=debug`.
    #[arg(
        long,
        env = "RUST_LOG",
        default_value = "info",
        value_name = "LEVEL",
        help_heading = "Logs"
    )]
    pub(crate) log: String,
    /// How log lines look.
    #[arg(long, env = "LENTIL_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text, help_heading = "Logs")]
    pub(crate) log_format: LogFormat,

    /// Days for which what functions log is kept in the data folder, for searching; 0: not at all.
    #[arg(long, env = "LENTIL_LOG_DAYS", default_value_t = 7, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(0..=3_650), help_heading = "Logs")]
    pub(crate) log_days: u16,
    /// Size that it may have; the oldest goes first.
    #[arg(long, env = "LENTIL_LOG_MIB", default_value_t = 256, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Logs")]
    pub(crate) log_mib: u32,

    /// Whether what goes on is counted; off is for measuring what that costs.
    #[arg(long, value_enum, default_value_t = Switch::On, hide = true)]
    pub(crate) introspection: Switch,
    /// Counts for so many milliseconds, does not for as many, and so on by the clock: it counts in
    /// those that begin at an even multiple since 1970.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..), value_name = "MS", hide = true)]
    pub(crate) count_in_turns: Option<u64>,

    #[command(flatten)]
    pub(crate) schedule: ScheduleOptions,
    #[command(flatten)]
    pub(crate) ignored: StockOptions,
}

/// What the stock server takes and this one has no use for.
#[derive(Args, Debug, Clone)]
pub(crate) struct StockOptions {
    /// A database file of the stock server's: data goes to the folder `lentil-data` beside it.
    #[arg(hide = true, value_parser = stock_database)]
    pub(crate) db_spec: Option<PathBuf>,
    #[arg(long, hide = true)]
    local_storage: Option<PathBuf>,
    #[arg(long, hide = true)]
    disable_beacon: bool,
    #[arg(long, hide = true)]
    beacon_tag: Option<String>,
    #[arg(long, hide = true)]
    beacon_fields: Option<String>,
    #[arg(long, hide = true)]
    sentry_identifier: Option<String>,
    #[arg(long, hide = true)]
    do_not_require_ssl: bool,
    #[arg(long, hide = true)]
    convex_http_proxy: Option<String>,
    #[arg(long, hide = true)]
    local_log_sink: Option<PathBuf>,
}

/// See [`ServeOptions::durability`].
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// fsync at every commit.
    Full,
    /// fsync now and then: faster, and the last commits may be lost with the power.
    MayLoseOnPowerCut,
}

/// See [`ServeOptions::realms`].
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RealmChoice {
    /// Kept as long as calls change nothing in it: nobody can tell it from a fresh one.
    Watched,
    /// Fresh for every call.
    Fresh,
    /// One for many calls; module state of one call may be seen by a later one.
    Kept,
}

/// On or off.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Switch {
    /// Where it can be had.
    On,
    /// Not at all.
    Off,
}

/// See [`ServeOptions::action_network`].
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NetworkChoice {
    /// Anywhere, this machine and its network included.
    Open,
    /// Public addresses only.
    PublicOnly,
}

/// See [`ServeOptions::node_actions`].
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeActionsChoice {
    /// They run, unless actions may reach public addresses only: what Node does cannot be watched.
    On,
    /// Pushes that have some are refused.
    Off,
}

/// See [`ServeOptions::log_format`].
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// An origin is a scheme and a host; a trailing slash is dropped.
fn origin(text: &str) -> Result<String, String> {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    match rest.map(|rest| rest.trim_end_matches('/')) {
        Some(host) if !host.is_empty() && !host.contains(char::is_whitespace) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err("must begin with http:// or https:// and name a host".to_owned()),
    }
}

/// The URL of a proxy. It may hold a password: what is wrong is said without repeating it.
fn proxy(text: &str) -> Result<String, String> {
    let parsed = url::Url::parse(text).ok();
    let usable = parsed.filter(|url| {
        matches!(url.scheme(), "http" | "https") && url.host().is_some() && url.path() == "/"
    });
    match usable {
        Some(_) => Ok(text.to_owned()),
        None => Err(
            "must be http:// or https://, a host and a port, e.g. http://proxy.example:3128"
                .to_owned(),
        ),
    }
}

/// A host as URLs spell it, and a port.
fn host_and_port(text: &str) -> Result<String, String> {
    match text.rsplit_once(':') {
        Some((host, port))
            if !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0) =>
        {
            Ok(text.to_ascii_lowercase())
        }
        _ => Err("must be a host and a port, e.g. 10.0.0.7:8080 or [fd00::7]:443".to_owned()),
    }
}

/// The database file of the stock server; a word alone is a command that was misspelt.
fn stock_database(text: &str) -> Result<PathBuf, String> {
    match text.contains(['/', '.']) {
        true => Ok(PathBuf::from(text)),
        false => Err(format!(
            "there is no command `{text}`: `lentil --help` lists them"
        )),
    }
}

/// The stock server turns such a switch on for any value that is not empty.
fn set_means_true(text: &str) -> Result<bool, String> {
    Ok(!matches!(text, "" | "0" | "false" | "no"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn flags_of_the_stock_server_are_taken() {
        let line = "lentil --port 1 --site-proxy-port 2 --sentry-identifier x --instance-name n --instance-secret s \
                    --local-storage a --beacon-tag t --disable-beacon --do-not-require-ssl dir/db.sqlite3";
        let options = Options::try_parse_from(line.split_whitespace()).expect("parses");
        assert_eq!(options.serve.port, 1);
        assert_eq!(options.serve.site_port, 2);
        assert_eq!(
            options.serve.ignored.db_spec,
            Some(PathBuf::from("dir/db.sqlite3"))
        );
    }

    #[test]
    fn a_misspelt_command_starts_no_server() {
        let error = Options::try_parse_from(["lentil", "statsu"]).expect_err("no such command");
        assert!(error.to_string().contains("no command `statsu`"), "{error}");
    }

    #[test]
    fn switches_follow_the_stock_rule_for_values() {
        for (text, meant) in [("1", true), ("yes", true), ("", false), ("false", false)] {
            assert_eq!(set_means_true(text), Ok(meant), "{text:?}");
        }
    }
}
