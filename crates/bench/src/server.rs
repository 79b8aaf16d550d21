//! A server process of our own, with the benchmark app pushed by the stock CLI.

use std::collections::HashMap;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

/// A running `lentil`; killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// Port of API and sync.
    pub(crate) port: u16,
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts one with extra flags on a fresh folder and pushes the app.
    pub(crate) fn start(flags: &[&str]) -> anyhow::Result<Server> {
        let server = Server::launch(flags)?;
        server.push(&server.key()?)?;
        Ok(server)
    }

    /// Starts one with extra flags on a fresh folder, and nothing in it.
    pub(crate) fn launch(flags: &[&str]) -> anyhow::Result<Server> {
        let data = tempfile::tempdir()?;
        let (port, site) = (free_port()?, free_port()?);
        let child = Command::new(binary()?)
            .args([
                "serve",
                "--log",
                "warn",
                "--port",
                &port.to_string(),
                "--site-port",
                &site.to_string(),
            ])
            .arg("--data")
            .arg(data.path().join("data"))
            .args(flags)
            .stdout(Stdio::null())
            .spawn()?;
        let server = Server {
            child,
            port,
            folder: data,
        };
        wait_for(port)?;
        Ok(server)
    }

    /// Its admin key.
    pub(crate) fn key(&self) -> anyhow::Result<String> {
        let key = Command::new(binary()?)
            .arg("keys")
            .arg("--data")
            .arg(self.folder.path().join("data"))
            .output()?;
        Ok(String::from_utf8(key.stdout)?.trim().to_owned())
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn push(&self, key: &str) -> anyhow::Result<()> {
        let app = self.app();
        let modules = lay_out(&app)?;
        let output = Command::new("node")
            .arg(modules.join("convex/bin/main.js"))
            .args(["deploy", "--typecheck", "disable"])
            .current_dir(&app)
            .env("CI", "1")
            .env(
                "CONVEX_SELF_HOSTED_URL",
                format!("http://127.0.0.1:{}", self.port),
            )
            .env("CONVEX_SELF_HOSTED_ADMIN_KEY", key)
            .output()?;
        ensure!(
            output.status.success(),
            "push failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// The folder of the app that was pushed.
    pub(crate) fn app(&self) -> PathBuf {
        self.folder.path().join("app")
    }

    /// CPU seconds, user and system, of the server and its executors so far.
    pub(crate) fn cpu(&self) -> f64 {
        cpu_of_tree(self.child.id())
    }

    /// The same to the nanosecond, for what takes less than many clock ticks.
    pub(crate) fn threads_cpu(&self) -> ThreadsCpu {
        ThreadsCpu::of_tree(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process of this binary that serves a bound; killed when dropped.
pub(crate) struct Bound {
    child: Child,
    /// Its port.
    pub(crate) port: u16,
}

impl Bound {
    pub(crate) fn start(flag: &str) -> anyhow::Result<Bound> {
        let port = free_port()?;
        let child = Command::new(std::env::current_exe()?)
            .args([flag, &port.to_string(), "--report", "/dev/null"])
            .spawn()?;
        let bound = Bound { child, port };
        wait_for(port)?;
        Ok(bound)
    }

    pub(crate) fn cpu(&self) -> f64 {
        cpu_of_tree(self.child.id())
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn binary() -> anyhow::Result<PathBuf> {
    Ok(PathBuf::from(
        std::env::var_os("LENTIL_BIN").context("LENTIL_BIN is not set")?,
    ))
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn wait_for(port: u16) -> anyhow::Result<()> {
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        ensure!(
            start.elapsed() < Duration::from_secs(30),
            "nothing answers on port {port}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Copies the benchmark app to a folder, with npm packages beside it; gives where those are.
pub(crate) fn lay_out(app: &Path) -> anyhow::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()?;
    copy(&root.join("crates/bench/app"), app)?;
    let modules = root.join("tests/e2e/node_modules");
    ensure!(
        modules.exists(),
        "run `cargo xtask setup` first: {} is missing",
        modules.display()
    );
    std::os::unix::fs::symlink(&modules, app.join("node_modules"))?;
    Ok(modules)
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()))?;
        } else {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// What each thread of a process and its descendants has run for, in nanoseconds.
pub(crate) struct ThreadsCpu(HashMap<u32, u64>);

impl ThreadsCpu {
    fn of_tree(root: u32) -> ThreadsCpu {
        let threads = tree(root).into_iter().flat_map(|(pid, _)| {
            let tasks = fs::read_dir(format!("/proc/{pid}/task"));
            tasks.into_iter().flatten().filter_map(Result::ok)
        });
        let times = threads.filter_map(|thread| {
            let id: u32 = thread.file_name().to_str()?.parse().ok()?;
            let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            Some((id, text.split_whitespace().next()?.parse().ok()?))
        });
        ThreadsCpu(times.collect())
    }

    /// Seconds since an earlier look. What a thread did that has ended in between is not known,
    /// which is the same for every server.
    pub(crate) fn since(&self, earlier: &ThreadsCpu) -> f64 {
        let nanos: u64 = self
            .0
            .iter()
            .map(|(id, now)| now.saturating_sub(earlier.0.get(id).copied().unwrap_or(0)))
            .sum();
        nanos as f64 / 1e9
    }
}

/// CPU seconds of a process and its descendants.
pub(crate) fn cpu_of_tree(root: u32) -> f64 {
    tree(root).into_iter().map(|(_, cpu)| cpu).sum()
}

/// A process and its descendants, each with its CPU seconds, from /proc.
pub(crate) fn tree(root: u32) -> Vec<(u32, f64)> {
    /// Clock ticks a second, as Linux reports them to every program.
    const TICKS: f64 = 100.0;
    let mut found = Vec::new();
    let mut tree = vec![root];
    let stats: Vec<(u32, u32, f64)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
            let parent = fields.get(1)?.parse().ok()?;
            let ticks: f64 =
                fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
            Some((pid, parent, ticks / TICKS))
        })
        .collect();
    while let Some(pid) = tree.pop() {
        for (child, parent, cpu) in &stats {
            if *child == pid {
                found.push((pid, *cpu));
            }
            if *parent == pid {
                tree.push(*child);
            }
        }
    }
    found
}
