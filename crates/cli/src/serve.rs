//! `lentil serve`: wires storage, database, function host and edge, and stops them in reverse.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use lentil_database::{Database, DatabaseOptions, SystemEnv};
use lentil_functions::deploy::Deployer;
use lentil_functions::{
    ActionOptions, Functions, FunctionsOptions, Host, HostOptions, KeptLogsOptions, Limits,
    LogKeeper, Network, NodeOptions, Proxy, Realms,
};
use lentil_jobs::{Exports, Imports};
use lentil_server::ws::SyncOptions;
use lentil_server::{DashboardOptions, Deps, Server, ServerOptions};
use lentil_storage::{SqliteOptions, SqlitePersistence, Synchronous};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use crate::credentials::{Credentials, data_folder, load_or_make};
use crate::options::{
    Durability, LogFormat, NetworkChoice, NodeActionsChoice, RealmChoice, ServeOptions, Switch,
};
use crate::{backup, banner, client, keys, memory};

/// Where dashboards are looked for.
const DASHBOARD_PORT: u16 = 6791;

/// Runs until a signal says stop.
pub(crate) fn main(options: ServeOptions) -> anyhow::Result<()> {
    memory::give_back_soon();
    start_logging(&options)?;
    memory::map_small_pages();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let result = runtime.block_on(serve(options));
    // Blocking work that is left (a read of a slow disk) must not keep the process alive.
    runtime.shutdown_timeout(Duration::from_secs(2));
    result
}

async fn serve(options: ServeOptions) -> anyhow::Result<()> {
    let data = data_folder(&options.place, options.ignored.db_spec.as_deref());
    let credentials = load_or_make(&options.place, &data)?;
    let server_options = ServerOptions {
        listen: options.listen,
        port: options.port,
        site_port: options.site_port,
        instance_name: credentials.name.clone(),
        cloud_url: String::new(),
        site_url: String::new(),
        redact: options.redact_logs_to_client,
        sync: SyncOptions::default(),
        dashboard: DashboardOptions {
            port: Some(options.dashboard_port.unwrap_or(DASHBOARD_PORT)),
            optional: options.dashboard_port.is_none(),
            parents: options.dashboard_parents.clone(),
        },
    };
    let mut server = Server::bind(server_options).await?;
    let (api, site) = server.addresses().context("the ports are gone again")?;
    let cloud_url = options
        .convex_origin
        .clone()
        .unwrap_or_else(|| format!("http://127.0.0.1:{}", api.port()));
    let site_url = options
        .convex_site
        .clone()
        .unwrap_or_else(|| format!("http://127.0.0.1:{}", site.port()));
    server.set_urls(&cloud_url, &site_url);

    let dashboard = match server.dashboard_address() {
        Some(address) => format!("http://127.0.0.1:{}", address.port()),
        None => format!("{cloud_url}/_console/"),
    };

    let limits = limits(&options)?;
    let files = options.files.open(&data).await?;
    let host = Host::start(host_options(&options, &limits, &data))?;
    let database = open_database(&options, &data)?;
    let log_keeper = open_logs(&options, &data);
    let functions = Functions::new(
        database.clone(),
        host.clone(),
        FunctionsOptions {
            instance_name: credentials.name.clone(),
            secret: credentials.cursor_key,
            cloud_url: cloud_url.clone(),
            site_url: site_url.clone(),
            limits,
            files,
            file_url_ttl: options.files.url_ttl(),
            introspection: options.introspection == Switch::On,
            log_keeper: log_keeper.clone(),
        },
    );
    let deployer = Deployer::new(&functions);
    deployer
        .bootstrap()
        .await
        .context("cannot prepare the system tables")?;
    let imports = Imports::new(&functions, &deployer, data.join("imports"))
        .context("cannot prepare imports")?;
    let exports =
        Exports::new(&functions, data.join("exports")).context("cannot prepare exports")?;
    let deps = Deps {
        database: database.clone(),
        functions,
        deployer,
        imports,
        exports,
        keys: credentials.keys.clone(),
        backups: Some(Arc::new(backup::DataFolderBackups::new(
            options.schedule.clone(),
            data.clone(),
        ))),
    };

    announce(&credentials, [&cloud_url, &site_url, &dashboard], &data);
    // Only who is given nothing but the folder needs it.
    if let Err(error) = client::note_address(&data, &format!("http://127.0.0.1:{}", api.port())) {
        tracing::warn!(%error, "the server's address cannot be noted in the data folder");
    }
    let looking = tokio::spawn(memory::look_for_free(database.clone()));
    let backups = tokio::spawn(backup::rotate(options.schedule.clone(), data.clone()));
    let turns = options
        .count_in_turns
        .map(|length| tokio::spawn(count_in_turns(deps.functions.clone(), length)));
    let served = server
        .run(deps, stop_signal()?)
        .await
        .context("a listener failed");
    looking.abort();
    backups.abort();
    if let Some(turns) = turns {
        turns.abort();
    }
    host.shutdown().await;
    if let Some(keeper) = log_keeper {
        keeper.close();
    }
    database.shutdown();
    tracing::info!("stopped");
    served
}

/// See [`ServeOptions::count_in_turns`].
async fn count_in_turns(functions: Functions, length: u64) {
    let length = u128::from(length);
    loop {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_millis());
        functions.count((now / length).is_multiple_of(2));
        let left = length - now % length;
        tokio::time::sleep(Duration::from_millis(left as u64)).await;
    }
}

fn limits(options: &ServeOptions) -> anyhow::Result<Limits> {
    let mut limits = Limits::default();
    for setting in &options.limits {
        limits
            .set(setting)
            .context("--limit (LENTIL_LIMITS) cannot be taken")?;
    }
    Ok(limits)
}

fn host_options(options: &ServeOptions, limits: &Limits, data: &Path) -> HostOptions {
    let size = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let actions = action_options(options, limits);
    HostOptions {
        node: options.node.clone(),
        executors: options.executors.map_or(cores, usize::from),
        realms: match options.realms {
            RealmChoice::Fresh => Realms::Fresh,
            RealmChoice::Watched => Realms::Watched,
            RealmChoice::Kept => Realms::Kept,
        },
        shadow_every: options.shadow_checks,
        sandbox: options.sandbox == Switch::On,
        user_time: Duration::from_millis(limits.user_time_ms),
        heap_mib: u32::try_from(limits.heap_mib).unwrap_or(u32::MAX),
        queue: size(limits.waiting_calls),
        node_actions: NodeOptions {
            folder: Some(data.join("node")),
            refused: why_no_node_actions(options),
            actions: ActionOptions {
                running: size(limits.node_actions_running),
                time: Duration::from_millis(limits.node_action_time_ms),
                heap_mib: u32::try_from(limits.node_action_heap_mib).unwrap_or(u32::MAX),
                ..actions.clone()
            },
            arguments_bytes: size(limits.node_arguments_bytes),
        },
        actions,
        ..HostOptions::default()
    }
}

fn action_options(options: &ServeOptions, limits: &Limits) -> ActionOptions {
    let size = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    ActionOptions {
        processes: options.action_executors.map_or(cores.max(2), usize::from),
        running: size(limits.actions_running),
        waiting: size(limits.waiting_calls),
        patience: Duration::from_millis(limits.action_wait_ms),
        time: Duration::from_millis(limits.action_time_ms),
        blocking: Duration::from_millis(limits.action_blocking_ms),
        heap_mib: u32::try_from(limits.action_heap_mib).unwrap_or(u32::MAX),
        concurrent: size(limits.action_requests),
        network: match options.action_network {
            NetworkChoice::Open => Network::Open,
            NetworkChoice::PublicOnly => Network::PublicOnly {
                allowed: options.action_network_allow.clone(),
            },
        },
        proxy: options
            .action_proxy
            .as_deref()
            .map(|url| Proxy::new(url).except(options.action_network_allow.clone())),
        http_running: size(limits.http_actions_running),
        http_idle: Duration::from_millis(limits.http_idle_ms),
    }
}

/// Where actions may connect cannot be enforced on Node actions, so that one setting excludes the
/// other.
fn why_no_node_actions(options: &ServeOptions) -> Option<String> {
    match (options.node_actions, options.action_network) {
        (NodeActionsChoice::Off, _) => {
            Some("the server was started with --node-actions off".to_owned())
        }
        (NodeActionsChoice::On, NetworkChoice::PublicOnly) => Some(
            "the server lets actions reach public addresses only (--action-network public-only), which cannot be \
             enforced on Node.js"
                .to_owned(),
        ),
        (NodeActionsChoice::On, NetworkChoice::Open) => None,
    }
}

fn open_database(options: &ServeOptions, data: &Path) -> anyhow::Result<Database> {
    let mut sqlite = SqliteOptions::new(data.join("db.sqlite3"));
    sqlite.synchronous = match options.durability {
        Durability::Full => Synchronous::Full,
        Durability::MayLoseOnPowerCut => Synchronous::MayLoseOnPowerCut,
    };
    let persistence = SqlitePersistence::open(sqlite)?;
    let settings = DatabaseOptions {
        retention: Duration::from_secs(options.retention),
        ..DatabaseOptions::default()
    };
    Database::open(Arc::new(persistence), settings, Arc::new(SystemEnv))
        .context("cannot open the database")
}

/// Where logs are kept. A server without them is better than none.
fn open_logs(options: &ServeOptions, data: &Path) -> Option<LogKeeper> {
    if options.log_days == 0 {
        return None;
    }
    let settings = KeptLogsOptions {
        path: data.join("logs.sqlite3"),
        age: Duration::from_secs(u64::from(options.log_days) * 86_400),
        bytes: u64::from(options.log_mib) << 20,
    };
    match LogKeeper::open(settings) {
        Ok(keeper) => Some(keeper),
        Err(error) => {
            tracing::warn!(%error, "what functions log is not kept");
            None
        }
    }
}

fn announce(credentials: &Credentials, urls: [&str; 3], data: &Path) {
    let key = credentials
        .new
        .then(|| credentials.keys.mint(0, false, keys::now_secs()));
    banner::print(urls, data, key.as_deref());
    tracing::info!(url = urls[0], name = credentials.name, "ready");
}

fn start_logging(options: &ServeOptions) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&options.log).with_context(|| {
        format!(
            "--log (RUST_LOG) does not take {:?}; try info, or debug",
            options.log
        )
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    match options.log_format {
        LogFormat::Text => builder.with_target(false).init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}

/// Turns true at the first SIGINT or SIGTERM; a second one ends the process at once.
fn stop_signal() -> anyhow::Result<watch::Receiver<bool>> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        tracing::info!("stopping; a second signal stops at once");
        // The receiver may be gone already: then everything has stopped.
        let _ = sender.send(true);
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        std::process::exit(130);
    });
    Ok(receiver)
}
