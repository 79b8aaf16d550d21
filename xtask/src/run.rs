//! `cargo xtask run`: a server, and by default the example app with data in it.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::command::{output, program, step, succeed};
use crate::setup;
use crate::workspace::{binary, root};

/// How long the server may take to answer its first request, migrations of old data included.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long a child may take to end after SIGTERM before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(10);

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What to start: `app` is the server and examples/realtime on port 3000, `server` the server alone.
    #[arg(default_value = "app", value_parser = ["app", "server"])]
    what: String,
    /// Port of the API and the sync protocol.
    #[arg(long, default_value_t = 3210)]
    port: u16,
    /// Port of HTTP actions.
    #[arg(long, default_value_t = 3211)]
    site_port: u16,
    /// Where data is kept.
    #[arg(long, default_value = "lentil-data")]
    data: PathBuf,
    /// Build without optimisation (builds faster, runs slower).
    #[arg(long)]
    debug: bool,
}

pub(crate) fn main(arguments: &Arguments) -> anyhow::Result<()> {
    let app = root().join("examples/realtime");
    let with_app = arguments.what == "app";
    for (port, flag) in [
        (arguments.port, "--port"),
        (arguments.site_port, "--site-port"),
    ] {
        refuse_used_port(port, &format!("choose another with {flag}"))?;
    }
    if with_app {
        refuse_used_port(3000, "stop what uses it; the example app needs this port")?;
    }
    let profile = if arguments.debug { "debug" } else { "release" };
    step("tools", || {
        setup::install(true)?;
        if with_app {
            setup::npm_install(&app)
        } else {
            Ok(())
        }
    })?;
    crate::dashboard::prepare()?;
    step("build the server", || {
        let mut build = program("cargo", &root());
        build.args(["build", "--package", "lentil"]);
        if !arguments.debug {
            build.arg("--release");
        }
        succeed(&mut build)
    })?;

    let mut running = Running::default();
    let stop = running.stop_on_signal()?;
    let data = root().join(&arguments.data);
    running.start("server", server(&binary(profile), &data, arguments)?)?;
    let url = format!("http://127.0.0.1:{}", arguments.port);
    wait_for_port(arguments.port, &mut running)?;
    let key = output(
        program(binary(profile), &root())
            .arg("keys")
            .arg("--data")
            .arg(&data),
    )
    .context("`lentil keys` printed no key")?;
    if with_app {
        prepare_app(&app, &url, &key)?;
        running.start("app", vite(&app, &url))?;
        wait_for_port(3000, &mut running)?;
    }
    println!("\n  API and sync   {url}");
    println!("  HTTP actions   http://127.0.0.1:{}", arguments.site_port);
    if with_app {
        println!("  Example app    http://localhost:3000/view  and  http://localhost:3000/update");
    }
    println!("  Admin key      {key}");
    println!("\nCtrl-C stops everything.\n");
    running.wait(&stop)
}

fn refuse_used_port(port: u16, remedy: &str) -> anyhow::Result<()> {
    if TcpStream::connect(("127.0.0.1", port)).is_ok() {
        bail!("port {port} is in use: {remedy}");
    }
    Ok(())
}

fn server(binary: &Path, data: &Path, arguments: &Arguments) -> anyhow::Result<Command> {
    let mut command = program(binary, &root());
    command.arg("serve").arg("--data").arg(data);
    command.args([
        "--port",
        &arguments.port.to_string(),
        "--site-port",
        &arguments.site_port.to_string(),
    ]);
    command.env("LENTIL_NODE", setup::node()?);
    Ok(command)
}

fn convex(app: &Path, url: &str, key: &str) -> Command {
    let mut command = program("npx", app);
    command
        .arg("convex")
        .env("CONVEX_SELF_HOSTED_URL", url)
        .env("CONVEX_SELF_HOSTED_ADMIN_KEY", key);
    command
}

/// Pushes the app's functions, and fills its table if it is empty.
fn prepare_app(app: &Path, url: &str, key: &str) -> anyhow::Result<()> {
    step("push the example app with the stock CLI", || {
        succeed(convex(app, url, key).args(["dev", "--once"]))
    })?;
    let rows = output(convex(app, url, key).args([
        "data",
        "items",
        "--limit",
        "1",
        "--format",
        "jsonLines",
    ]));
    if rows.unwrap_or_default().is_empty() {
        step("seed it", || {
            succeed(convex(app, url, key).args([
                "import",
                "--table",
                "items",
                "--replace",
                "-y",
                "seed-data.json",
            ]))
        })?;
    }
    Ok(())
}

fn vite(app: &Path, url: &str) -> Command {
    let mut command = program("node", app);
    command
        .arg("node_modules/vite/bin/vite.js")
        .env("VITE_CONVEX_SELF_HOSTED_URL", url);
    command
}

fn wait_for_port(port: u16, running: &mut Running) -> anyhow::Result<()> {
    let start = Instant::now();
    while start.elapsed() < START_LIMIT {
        if TcpStream::connect(("localhost", port)).is_ok() {
            return Ok(());
        }
        running.ensure_alive()?;
        thread::sleep(Duration::from_millis(50));
    }
    bail!(
        "nothing answers on port {port} after {} s",
        START_LIMIT.as_secs()
    );
}

/// The programs that were started; dropping it ends them, last started first.
#[derive(Default)]
struct Running {
    children: Vec<(&'static str, Child)>,
}

impl Running {
    fn start(&mut self, name: &'static str, mut command: Command) -> anyhow::Result<()> {
        let child = command
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        self.children.push((name, child));
        Ok(())
    }

    /// A channel that hears of SIGINT, SIGTERM and SIGHUP.
    fn stop_on_signal(&self) -> anyhow::Result<mpsc::Receiver<()>> {
        let (sender, receiver) = mpsc::sync_channel(1);
        ctrlc::set_handler(move || {
            let _ = sender.try_send(());
        })?;
        Ok(receiver)
    }

    fn ensure_alive(&mut self) -> anyhow::Result<()> {
        for (name, child) in &mut self.children {
            if let Some(status) = child.try_wait()? {
                bail!("the {name} ended by itself: {status}");
            }
        }
        Ok(())
    }

    fn wait(&mut self, stop: &mpsc::Receiver<()>) -> anyhow::Result<()> {
        while stop.recv_timeout(Duration::from_millis(300)).is_err() {
            self.ensure_alive()?;
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for (name, child) in self.children.iter_mut().rev() {
            // A signal to a child that has ended already fails, which is fine.
            drop(
                Command::new("kill")
                    .arg(child.id().to_string())
                    .stderr(Stdio::null())
                    .status(),
            );
            let start = Instant::now();
            while matches!(child.try_wait(), Ok(None)) {
                if start.elapsed() > STOP_LIMIT {
                    eprintln!("the {name} does not end; killing it");
                    let _ = child.kill();
                }
                thread::sleep(Duration::from_millis(20));
            }
        }
    }
}
