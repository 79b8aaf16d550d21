//! A whole server inside the test's process: memory storage, real executors, real sockets on free
//! ports, and the application of `fixture/` pushed as the CLI pushes.

use std::net::SocketAddr;
use std::sync::Arc;

use lentil_database::{Database, DatabaseOptions, SystemEnv};
use lentil_functions::deploy::Deployer;
use lentil_functions::{Call, ComponentPath, Functions, FunctionsOptions, Host, HostOptions};
use lentil_identity::{AdminKeys, Identity, InstanceSecret};
use lentil_jobs::{Exports, Imports};
use lentil_server::ws::SyncOptions;
use lentil_server::{DashboardOptions, Deps, Server, ServerOptions};
use lentil_storage::MemoryPersistence;
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The body of a push of `fixture/convex`, without a key.
const FIXTURE: &str = include_str!("../fixture/app.json");

/// A running server; stops when dropped.
pub struct TestServer {
    address: SocketAddr,
    site_address: SocketAddr,
    dashboard_address: SocketAddr,
    keys: AdminKeys,
    functions: Functions,
    host: Host,
    database: Database,
    stop: watch::Sender<bool>,
    running: Option<JoinHandle<std::io::Result<()>>>,
    _folder: TempDir,
}

impl TestServer {
    /// A server with the fixture application.
    pub async fn start() -> TestServer {
        TestServer::start_with(|_| {}).await
    }

    /// The same in the production form, if `redact`: clients get no error texts and no logs.
    pub async fn start_redacting(redact: bool) -> TestServer {
        TestServer::launch(redact, SyncOptions::default()).await
    }

    /// The same with other clocks of its sockets.
    pub async fn start_with(change: impl FnOnce(&mut SyncOptions)) -> TestServer {
        let mut sync = SyncOptions::default();
        change(&mut sync);
        TestServer::launch(false, sync).await
    }

    async fn launch(redact: bool, sync: SyncOptions) -> TestServer {
        let server = TestServer::launch_empty(redact, sync).await;
        server.push(TestServer::fixture()).await;
        server
    }

    /// A server to which nothing was pushed.
    pub async fn launch_empty(redact: bool, sync: SyncOptions) -> TestServer {
        let options = ServerOptions {
            listen: [127, 0, 0, 1].into(),
            port: 0,
            site_port: 0,
            instance_name: "test".to_owned(),
            cloud_url: String::new(),
            site_url: String::new(),
            redact,
            sync,
            dashboard: DashboardOptions {
                port: Some(0),
                ..DashboardOptions::default()
            },
        };
        let mut server = Server::bind(options).await.expect("free ports exist");
        let (address, site_address) = server.addresses().expect("bound");
        let dashboard_address = server.dashboard_address().expect("bound");
        let (cloud_url, site_url) = (
            format!("http://{address}"),
            format!("http://{site_address}"),
        );
        server.set_urls(&cloud_url, &site_url);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let host = Host::start(HostOptions {
            executors: 2,
            ..HostOptions::default()
        })
        .expect("Node is installed");
        let persistence = Arc::new(MemoryPersistence::new());
        let database = Database::open(persistence, DatabaseOptions::default(), Arc::new(SystemEnv))
            .expect("memory opens");
        let functions_options = FunctionsOptions {
            instance_name: "test".to_owned(),
            cloud_url,
            site_url,
            ..FunctionsOptions::default()
        };
        let functions = Functions::new(database.clone(), host.clone(), functions_options);
        let deployer = Deployer::new(&functions);
        deployer
            .bootstrap()
            .await
            .expect("system tables can be made");
        let imports = Imports::new(&functions, &deployer, folder.path().join("imports"))
            .expect("the folder is writable");
        let exports = Exports::new(&functions, folder.path().join("exports"))
            .expect("the folder is writable");
        let keys = AdminKeys::new("test", InstanceSecret::random());
        let deps = Deps {
            database: database.clone(),
            functions: functions.clone(),
            deployer,
            imports,
            exports,
            keys: keys.clone(),
            backups: None,
        };
        let (stop, stopping) = watch::channel(false);
        let running = Some(tokio::spawn(server.run(deps, stopping)));
        TestServer {
            address,
            site_address,
            dashboard_address,
            keys,
            functions,
            host,
            database,
            stop,
            running,
            _folder: folder,
        }
    }

    /// Where the API and the sync sockets are.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where HTTP actions are.
    pub fn site_address(&self) -> SocketAddr {
        self.site_address
    }

    /// Where the dashboard is.
    pub fn dashboard_address(&self) -> SocketAddr {
        self.dashboard_address
    }

    /// A key that may do everything.
    pub fn admin_key(&self) -> String {
        self.keys.mint(1, false, 1_700_000_000)
    }

    /// A key that may look and not change anything.
    pub fn read_only_key(&self) -> String {
        self.keys.mint(1, true, 1_700_000_000)
    }

    /// The newest commit.
    pub fn latest(&self) -> u64 {
        self.functions.latest().0
    }

    /// The functions beneath.
    pub fn functions(&self) -> &Functions {
        &self.functions
    }

    /// Begins an orderly stop.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Stops and waits until everything has ended.
    pub async fn stopped(mut self) {
        self.stop();
        if let Some(running) = self.running.take() {
            running
                .await
                .expect("the server does not panic")
                .expect("the listeners end well");
        }
        self.host.shutdown().await;
    }

    /// The body of a push of the fixture application, to be changed and pushed again.
    pub fn fixture() -> Json {
        serde_json::from_str(FIXTURE).expect("the fixture is JSON")
    }

    /// Pushes an application; `body` is the request of `start_push` without a key.
    pub async fn push(&self, mut body: Json) {
        let key = self.admin_key();
        body["adminKey"] = json!(key);
        let started = self.post("/api/deploy2/start_push", &body).await;
        let wait = json!({"adminKey": key, "schemaChange": started["schemaChange"], "timeoutMs": 10_000, "dryRun": false});
        loop {
            let state = self.post("/api/deploy2/wait_for_schema", &wait).await;
            match state["type"].as_str() {
                Some("complete") => break,
                Some("inProgress") => continue,
                _ => panic!("the push failed: {state}"),
            }
        }
        let finish = json!({"adminKey": key, "startPush": started, "dryRun": false});
        self.post("/api/deploy2/finish_push", &finish).await;
    }

    /// Runs a mutation as nobody in particular, past the edge; its value.
    pub async fn mutation(&self, path: &str, args: Json) -> Json {
        let done = self.functions.mutation(call(path, &args), None).await;
        let value = done
            .outcome
            .result
            .unwrap_or_else(|failure| panic!("{path} failed: {}", failure.message));
        serde_json::from_str(&value).expect("values are JSON")
    }

    /// Runs a query as nobody in particular, past the edge; its value.
    pub async fn query(&self, path: &str, args: Json) -> Json {
        let result = self
            .functions
            .query(&call(path, &args), self.functions.latest(), None)
            .await;
        let result = result.unwrap_or_else(|failure| panic!("{path} failed: {}", failure.message));
        match &result.outcome.result {
            Ok(value) => serde_json::from_str(value).expect("values are JSON"),
            Err(failure) => panic!("{path} failed: {}", failure.message),
        }
    }

    /// POSTs JSON, expects 200 and gives the body.
    pub async fn post(&self, path: &str, body: &Json) -> Json {
        let body = body.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let answer = self.raw(&format!("{head}{body}")).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        assert!(
            head.starts_with("HTTP/1.1 200"),
            "POST {path}: {head} {body}"
        );
        if body.is_empty() {
            Json::Null
        } else {
            serde_json::from_str(&dechunk(head, body)).expect("JSON")
        }
    }

    /// Sends the text of a request and gives the text of the answer: all of it if the connection
    /// ends, else as far as the end of its head.
    pub async fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address)
            .await
            .expect("the server listens");
        stream
            .write_all(request.as_bytes())
            .await
            .expect("the server reads");
        let closes = request.contains("Connection: close");
        let mut answer = Vec::new();
        let mut buffer = [0; 8 << 10];
        loop {
            let count = stream.read(&mut buffer).await.expect("the server answers");
            answer.extend_from_slice(&buffer[..count]);
            if count == 0 || (!closes && answer.windows(4).any(|it| it == b"\r\n\r\n")) {
                return String::from_utf8_lossy(&answer).into_owned();
            }
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop();
        self.database.shutdown();
    }
}

fn call(path: &str, args: &Json) -> Call {
    Call {
        path: path.to_owned(),
        component: ComponentPath::default(),
        args: Arc::from(args.to_string()),
        identity: Identity::Anonymous,
        request_id: "0123456789abcdef".to_owned(),
        caller: "Tester",
        origin: Default::default(),
        question: Default::default(),
    }
}

/// The body of an answer, whether or not it came in chunks.
fn dechunk(head: &str, body: &str) -> String {
    if !head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked")
    {
        return body.to_owned();
    }
    let mut rest = body;
    let mut whole = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).expect("chunks have a size");
        if size == 0 {
            break;
        }
        whole.push_str(&after[..size]);
        rest = &after[size + 2..];
    }
    whole
}
