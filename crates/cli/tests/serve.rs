//! The real binary: how it starts, what it says when it cannot, how it stops.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Long enough for a cold start on a busy machine; nothing waits so long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// The binary with nothing of the environment that could change what it does.
fn lentil(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lentil"));
    command.args(arguments).env_clear();
    for name in ["PATH", "HOME", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// A server on free ports with its data in `data`.
fn server(data: &Path) -> Command {
    let mut command = lentil(&["--port", "0", "--site-port", "0", "--executors", "1"]);
    command.arg("--data").arg(data);
    command
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Runs a command that must end by itself.
fn finish(mut command: Command) -> Output {
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    wait(child.expect("the binary starts"))
}

fn wait(child: Child) -> Output {
    let pid = Pid::from_child(&child);
    let (done, ended) = mpsc::sync_channel(1);
    let waiting = std::thread::spawn(move || {
        // Nobody listens any more if it came too late.
        let _ = done.send(child.wait_with_output());
    });
    let output = ended.recv_timeout(PATIENCE);
    if output.is_err() {
        kill_process(pid, Signal::KILL).expect("it still runs");
    }
    waiting.join().expect("waiting does not panic");
    output
        .expect("it ends in time")
        .expect("it can be waited for")
}

/// Asserts that a command fails with one line of explanation that has all these parts.
fn explains(command: Command, parts: &[&str]) {
    let output = finish(command);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let last = text.lines().last().unwrap_or_default();
    assert!(last.starts_with("lentil: "), "{text}");
    for part in parts {
        assert!(last.contains(part), "{part:?} is missing in: {last}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

/// A running server; killed when dropped.
struct Running {
    child: Option<Child>,
    stdout: BufReader<ChildStdout>,
    banner: String,
}

impl Running {
    fn start(mut command: Command) -> Running {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut banner = String::new();
        while !banner.contains("  Data ") {
            let count = stdout.read_line(&mut banner).expect("text");
            assert!(count > 0, "the server ended: {:?}", wait(child));
        }
        Running {
            child: Some(child),
            stdout,
            banner,
        }
    }

    fn line(&self, name: &str) -> &str {
        let line = self
            .banner
            .lines()
            .find_map(|line| line.trim().strip_prefix(name));
        line.expect("the banner has it").trim()
    }

    /// The status line of `GET path` with an admin key.
    fn get(&self, path: &str, key: &str) -> String {
        let address = self
            .line("API and sync")
            .strip_prefix("http://")
            .expect("a URL")
            .to_owned();
        let mut stream = TcpStream::connect(&address).expect("it listens");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a timeout is set");
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Convex {key}\r\nConnection: close\r\n\r\n"
        )
        .expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer.lines().next().unwrap_or_default().to_owned()
    }

    fn accepts(&self, key: &str) -> bool {
        match self.get("/api/check_admin_key", key).as_str() {
            "HTTP/1.1 200 OK" => true,
            "HTTP/1.1 401 Unauthorized" => false,
            other => panic!("{other}"),
        }
    }

    /// Sends a signal and waits for the end: all of stdout, stderr, and the exit code.
    fn stop(mut self, signal: Signal) -> (String, String, Option<i32>) {
        let child = self.child.take().expect("it was not stopped before");
        kill_process(Pid::from_child(&child), signal).expect("it runs");
        let output = wait(child);
        let mut stdout = std::mem::take(&mut self.banner);
        self.stdout.read_to_string(&mut stdout).expect("text");
        let stderr = String::from_utf8(output.stderr).expect("text");
        (stdout, stderr, output.status.code())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself, which the test has complained about then.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What `lentil keys` prints on stdout, which must be one line.
fn key_of(data: &Path, more: &[&str]) -> String {
    let mut command = lentil(&["keys"]);
    command.arg("--data").arg(data).args(more);
    let output = finish(command);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    let key = text.strip_suffix('\n').expect("a whole line").to_owned();
    assert!(
        !key.contains(char::is_whitespace) && key.contains('|'),
        "{text:?}"
    );
    key
}

#[test]
fn a_port_in_use_is_named_with_the_flag_that_changes_it() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound").port().to_string();
    for (flag, other) in [("--port", "--site-port"), ("--site-port", "--port")] {
        let data = folder();
        let mut command = lentil(&[flag, &port, other, "0", "--data"]);
        command.arg(data.path());
        explains(
            command,
            &[&format!("port {port} is in use"), &format!("with {flag}")],
        );
    }
}

#[test]
fn a_data_folder_has_one_server_at_a_time() {
    let data = folder();
    let first = Running::start(server(data.path()));
    let pid = first.child.as_ref().expect("it runs").id().to_string();
    explains(server(data.path()), &["db.sqlite3", &pid]);
    let key = key_of(data.path(), &[]);
    assert!(first.accepts(&key), "the first one still serves");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let data = folder();
    let file = data.path().join("file");
    std::fs::write(&file, "").expect("written");
    let below = file.join("data");
    explains(server(&below), &[&below.display().to_string(), "--data"]);
    let mut keys = lentil(&["keys", "--data"]);
    keys.arg(&below);
    explains(keys, &[&below.display().to_string(), "--data"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let data = folder();
    std::fs::set_permissions(data.path(), std::fs::Permissions::from_mode(0o500)).expect("set");
    if std::fs::write(data.path().join("probe"), "").is_ok() {
        // Root may write everywhere; the test before this one has the message.
        return;
    }
    explains(
        server(data.path()),
        &[&data.path().display().to_string(), "--data"],
    );
}

#[test]
fn a_malformed_secret_is_explained() {
    for secret in ["xyz", &"0".repeat(63), &"g".repeat(64)] {
        let data = folder();
        let mut command = server(data.path());
        command.env("INSTANCE_SECRET", secret);
        explains(command, &["INSTANCE_SECRET", "64"]);
        let kept = data.path().join("credentials/instance_secret");
        assert!(!kept.exists(), "it is not kept");
    }
}

#[test]
fn a_store_of_files_that_cannot_be_reached_is_named() {
    let folder = folder();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let closed = format!("http://{}", listener.local_addr().expect("it is bound"));
    drop(listener);
    let mut command = server(folder.path());
    command
        .env("S3_STORAGE_FILES_BUCKET", "papers")
        .env("S3_ENDPOINT_URL", &closed)
        .env("AWS_ACCESS_KEY_ID", "me")
        .env("AWS_SECRET_ACCESS_KEY", "nobody else knows");
    explains(command, &["papers", &closed, "S3_ENDPOINT_URL"]);
    let mut command = server(folder.path());
    command
        .env("S3_STORAGE_FILES_BUCKET", "papers")
        .env("AWS_ACCESS_KEY_ID", "me");
    explains(command, &["set AWS_SECRET_ACCESS_KEY"]);
}

#[test]
fn a_proxy_that_is_none_is_a_usage_error() {
    let folder = folder();
    let mut command = server(folder.path());
    command.arg("--action-proxy").arg("proxy.example:3128");
    let output = finish(command);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("e.g. http://proxy.example:3128"), "{text}");
}

#[test]
fn node_must_be_there_and_new_enough() {
    let data = folder();
    let mut missing = server(data.path());
    missing.arg("--node").arg(data.path().join("no-node"));
    explains(missing, &["no-node", "Install Node.js", "20.18"]);
    let old = data.path().join("old-node");
    std::fs::write(&old, "#!/bin/sh\necho v18.19.0\n").expect("written");
    std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o755)).expect("set");
    let mut command = server(data.path());
    command.env("LENTIL_NODE", &old);
    explains(command, &["v18.19.0", "too old", "20.18"]);
}

#[test]
fn keys_prints_one_line_that_is_accepted() {
    let data = folder();
    let before = key_of(data.path(), &[]);
    let running = Running::start(server(data.path()));
    let (during, read_only) = (
        key_of(data.path(), &[]),
        key_of(data.path(), &["--read-only"]),
    );
    assert_ne!(before, during, "every key is a new one");
    for key in [&before, &during, &read_only] {
        assert!(running.accepts(key), "{key}");
    }
    let elsewhere = folder();
    assert!(
        !running.accepts(&key_of(elsewhere.path(), &[])),
        "of another deployment"
    );
}

#[test]
fn signals_end_it_well_and_the_secret_stays() {
    let data = folder();
    let first = Running::start(server(data.path()));
    let old_key = key_of(data.path(), &[]);
    let (stdout, stderr, code) = first.stop(Signal::TERM);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        stderr.contains("ready") && stderr.contains("stopped"),
        "{stderr}"
    );
    assert!(
        !stderr.contains('\u{1b}'),
        "colours, and no terminal: {stderr:?}"
    );
    let shown = stdout
        .lines()
        .find_map(|line| line.trim().strip_prefix("Admin key"));
    let shown = shown.expect("the first start shows a key").trim();
    assert!(
        stdout.contains(&format!("CONVEX_SELF_HOSTED_ADMIN_KEY='{shown}'")),
        "{stdout}"
    );

    let second = Running::start(server(data.path()));
    assert!(second.accepts(shown) && second.accepts(&old_key));
    let (stdout, stderr, code) = second.stop(Signal::INT);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(!stdout.contains("Admin key"), "shown once: {stdout}");
}

#[test]
fn credentials_are_for_the_owner_alone() {
    let data = folder();
    key_of(data.path(), &[]);
    let mode = |path: &str| {
        let meta = std::fs::metadata(data.path().join(path)).expect("it is there");
        meta.permissions().mode() & 0o777
    };
    assert_eq!(mode("credentials"), 0o700);
    assert_eq!(mode("credentials/instance_secret"), 0o600);
}

#[test]
fn help_mentions_what_people_look_for() {
    let output = finish(lentil(&["--help"]));
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("text");
    for part in [
        "--port",
        "3210",
        "--site-port",
        "3211",
        "--data",
        "--listen",
        "lentil keys",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
}

#[test]
fn a_flag_that_does_not_exist_is_a_usage_error() {
    let output = finish(lentil(&["--prot", "1"]));
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("--prot") && text.contains("--port"), "{text}");
}
