//! The server: its sockets, its tasks, and how they stop.
//!
//! Every long-lived task of the process that is not a thread of a lower crate is started in
//! [`Server::run`] and stopped there, in the reverse order.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::{Router, ServiceExt};
use lentil_database::Database;
use lentil_functions::Functions;
use lentil_functions::deploy::Deployer;
use lentil_identity::AdminKeys;
use lentil_jobs::{Exports, Imports, Jobs};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tower::ServiceExt as _;

use crate::backups::{BackupKeeper, Backups};
use crate::console::{About, Console};
use crate::state::{Deployment, Shared};
use crate::{api, cors, http_actions, meta, ws};

/// How long requests that run may take to end once the server stops.
const DRAIN: Duration = Duration::from_secs(5);

/// Where and as what the server listens.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Address of both ports.
    pub listen: IpAddr,
    /// API and sync; 0 takes any free port.
    pub port: u16,
    /// HTTP actions; 0 takes any free port.
    pub site_port: u16,
    /// The deployment's name.
    pub instance_name: String,
    /// Where clients reach the API.
    pub cloud_url: String,
    /// Where HTTP actions are reached.
    pub site_url: String,
    /// Whether clients get errors and logs in the production form.
    pub redact: bool,
    /// The clocks of the sync sockets.
    pub sync: ws::SyncOptions,
    /// Where the dashboard is, beside `/_console/` on the main port.
    pub dashboard: DashboardOptions,
}

/// Where the dashboard is and who may show it.
#[derive(Clone, Debug, Default)]
pub struct DashboardOptions {
    /// A port of its own; 0 takes any free one.
    pub port: Option<u16>,
    /// Whether the server can do without that port.
    pub optional: bool,
    /// Origins of pages that may show it in a frame.
    pub parents: Vec<String>,
}

/// What the server serves.
#[derive(Clone)]
pub struct Deps {
    /// The store.
    pub database: Database,
    /// Runs functions.
    pub functions: Functions,
    /// Pushes.
    pub deployer: Deployer,
    /// Imports.
    pub imports: Imports,
    /// Exports.
    pub exports: Exports,
    /// Opens admin keys.
    pub keys: AdminKeys,
    /// Makes backups, where there is a data folder.
    pub backups: Option<Arc<dyn BackupKeeper>>,
}

/// A port cannot be taken.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {reason}; {remedy}")]
pub struct BindError {
    address: SocketAddr,
    reason: String,
    remedy: String,
}

/// The sockets, bound and not yet served.
pub struct Server {
    options: ServerOptions,
    api: TcpListener,
    site: TcpListener,
    dashboard: Option<TcpListener>,
}

impl Server {
    /// Takes the ports, so that what is wrong with them is said before anything else starts.
    pub async fn bind(options: ServerOptions) -> Result<Server, BindError> {
        let api = bind(options.listen, options.port, "--port").await?;
        let site = bind(options.listen, options.site_port, "--site-port").await?;
        let dashboard = match options.dashboard.port {
            None => None,
            Some(port) => match bind(options.listen, port, "--dashboard-port").await {
                Ok(dashboard) => Some(dashboard),
                Err(error) if options.dashboard.optional => {
                    tracing::warn!(
                        "{error}; the dashboard is at /_console/ on the main port alone"
                    );
                    None
                }
                Err(error) => return Err(error),
            },
        };
        Ok(Server {
            options,
            api,
            site,
            dashboard,
        })
    }

    /// The address of the dashboard, if it has a port of its own.
    pub fn dashboard_address(&self) -> Option<SocketAddr> {
        let listener = self.dashboard.as_ref()?;
        listener.local_addr().ok()
    }

    /// The addresses that were taken: API, then HTTP actions.
    pub fn addresses(&self) -> io::Result<(SocketAddr, SocketAddr)> {
        Ok((self.api.local_addr()?, self.site.local_addr()?))
    }

    /// Sets where clients reach the two ports, once their numbers are known.
    pub fn set_urls(&mut self, cloud_url: &str, site_url: &str) {
        cloud_url.clone_into(&mut self.options.cloud_url);
        site_url.clone_into(&mut self.options.site_url);
    }

    /// Serves until `stop` turns true; then stops intake first, lets running requests end, and
    /// stops what runs in the background. Storage is the caller's to close, last.
    pub async fn run(self, deps: Deps, mut stop: watch::Receiver<bool>) -> io::Result<()> {
        let jobs = Jobs::start(
            &deps.functions,
            &deps.deployer,
            &deps.imports,
            &deps.exports,
        )
        .await;
        let sync = ws::SyncState::new(
            deps.functions.clone(),
            deps.keys.clone(),
            self.options.redact,
            stop.clone(),
        )
        .with_options(self.options.sync);
        let console = console(&self.options, &deps, self.api.local_addr()?);
        let app = router(&self.options, &deps, &sync, &stop).merge(console.nested());
        let api = tokio::spawn(serve(self.api, app, stop.clone()));
        let actions = http_actions::router(site(&self.options, &deps));
        let site = tokio::spawn(serve(self.site, actions, stop.clone()));
        let dashboard = self
            .dashboard
            .map(|listener| tokio::spawn(serve(listener, console.alone(), stop.clone())));
        // A sender that is gone means the process is on its way out as well.
        let _ = stop.wait_for(|stopping| *stopping).await;
        for task in dashboard.into_iter().chain([site, api]) {
            match tokio::time::timeout(DRAIN, task).await {
                Ok(Ok(result)) => result?,
                Ok(Err(error)) => tracing::error!(%error, "a listener task failed"),
                Err(_) => tracing::warn!(
                    "requests still run after {} s; leaving them",
                    DRAIN.as_secs()
                ),
            }
        }
        // Sockets outlive the listener: they say goodbye by themselves, which has a limit too.
        if tokio::time::timeout(DRAIN, sync.drained()).await.is_err() {
            tracing::warn!("{} sockets are still open; leaving them", sync.sockets());
        }
        jobs.stop().await;
        Ok(())
    }
}

async fn bind(listen: IpAddr, port: u16, flag: &str) -> Result<TcpListener, BindError> {
    let address = SocketAddr::new(listen, port);
    TcpListener::bind(address).await.map_err(|error| {
        let (reason, remedy) = match error.kind() {
            io::ErrorKind::AddrInUse => (
                format!("port {port} is in use"),
                format!("stop the program that uses it, or choose another port with {flag}"),
            ),
            io::ErrorKind::PermissionDenied => {
                ("permission denied".to_owned(), format!("ports below 1024 are for root; choose another with {flag}"))
            }
            io::ErrorKind::AddrNotAvailable => (
                "this machine does not have that address".to_owned(),
                "choose another with --listen (127.0.0.1 for this machine alone, 0.0.0.0 for every network)".to_owned(),
            ),
            _ => (error.to_string(), format!("choose another port with {flag}")),
        };
        BindError { address, reason, remedy }
    })
}

/// Everything on the main port.
fn router(
    options: &ServerOptions,
    deps: &Deps,
    sync: &ws::SyncState,
    stop: &watch::Receiver<bool>,
) -> Router {
    let deployment = Deployment::new(Shared {
        functions: deps.functions.clone(),
        deployer: deps.deployer.clone(),
        imports: deps.imports.clone(),
        exports: deps.exports.clone(),
        streaming: Default::default(),
        legacy: Default::default(),
        sync: sync.clone(),
        started: std::time::Instant::now(),
        database: deps.database.clone(),
        keys: deps.keys.clone(),
        backups: Backups::new(deps.backups.clone()),
        instance_name: options.instance_name.clone(),
        cloud_url: options.cloud_url.clone(),
        site_url: options.site_url.clone(),
        redact: options.redact,
        stop: stop.clone(),
    });
    Router::new()
        .merge(meta::router())
        .merge(api::outside())
        .nest("/api", api::router())
        .layer(cors::layer())
        .with_state(deployment)
        .merge(ws::router(sync.clone()))
        .nest_service("/http", http_actions::router(site(options, deps)))
}

/// What the dashboard is told.
fn console(options: &ServerOptions, deps: &Deps, api: SocketAddr) -> Console {
    Console::new(About {
        name: options.instance_name.clone(),
        cloud_url: options.cloud_url.clone(),
        site_url: options.site_url.clone(),
        api,
        parents: options.dashboard.parents.clone(),
        keys: deps.keys.clone(),
    })
}

/// What HTTP actions need.
fn site(options: &ServerOptions, deps: &Deps) -> http_actions::Site {
    http_actions::Site {
        functions: deps.functions.clone(),
        keys: deps.keys.clone(),
        redact: options.redact,
    }
}

async fn serve(
    listener: TcpListener,
    app: Router,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let listener = axum::serve::ListenerExt::tap_io(listener, |socket: &mut TcpStream| {
        // Answers are whole messages: waiting to fill a packet only delays them.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
    });
    let app = app.map_request(single_leading_slash);
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app)
        .with_graceful_shutdown(async move {
            let _ = stop.wait_for(|stopping| *stopping).await;
        })
        .await
}

/// Clients configured with a URL that ends in `/` ask for `//api/…` (sync-and-http 1.1).
fn single_leading_slash(mut request: axum::extract::Request) -> axum::extract::Request {
    let path = request.uri().path();
    if path.starts_with("//") {
        let rest = path.trim_start_matches('/');
        let query = request
            .uri()
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        if let Ok(uri) = format!("/{rest}{query}").parse() {
            *request.uri_mut() = uri;
        }
    }
    request
}
