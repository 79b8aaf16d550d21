//! A server that is not root: what lowers a process's priority there lowers it for good. Run as
//! root, this test runs itself once more as nobody.

#![allow(clippy::unwrap_used)] // A test that cannot be set up has failed.
#![cfg(target_os = "linux")]

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use lentil_js::{CallResult, FunctionKind, Host, HostOptions, Reply};

mod support;
use support::{World, app, children, invocation, node, options, runtime};

const NOBODY: u32 = 65_534;
const TEST: &str = "a_process_that_cannot_come_forward_again_is_replaced";

/// The priority of a process; a higher number lets others go first.
fn niceness(pid: &str) -> i32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let field = fields.split_ascii_whitespace().nth(16);
    field.unwrap().parse().unwrap()
}

/// What a process has had of the processors, milliseconds.
fn cpu_ms(pid: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap();
    let nanos: f64 = text.split(' ').next().unwrap().parse().unwrap();
    nanos / 1e6
}

/// How a call of so many turns of a loop went.
#[derive(Debug)]
struct Seen {
    pid: String,
    /// Its process's priority when the loop was over.
    niceness: i32,
    /// What the loop took.
    ms: f64,
}

fn call(host: &Host, turns: f64) -> Seen {
    let bundle = app(
        "export const f = query(async ({ turns }) => { const begun = await call('cpu'); let n = 0; \
         for (let i = 0; i < turns; i++) n += i % 7; return [...(await call('nice', { n })), begun]; });",
    );
    let world = World::new(|op, _| {
        let pid = children().pop().unwrap();
        let answer = match op {
            "cpu" => serde_json::json!(cpu_ms(&pid)),
            _ => serde_json::json!([pid, niceness(&pid), cpu_ms(&pid)]),
        };
        Reply::Value(answer.to_string())
    });
    let mut invocation = invocation(&bundle, "f", FunctionKind::Query);
    invocation.args = serde_json::json!([{ "turns": turns }]).to_string();
    let done = runtime().block_on(host.call(invocation, world));
    let (outcome, _) = done.unwrap_or_else(|_| panic!("refused"));
    let CallResult::Value(text) = outcome.result else {
        panic!("{:?}", outcome.result);
    };
    let (pid, niceness, end, begun): (String, i32, f64, f64) = serde_json::from_str(&text).unwrap();
    let ms = end - begun;
    Seen { pid, niceness, ms }
}

/// Copies what nobody may not be able to reach where it is, runs this test as nobody, and says how
/// that went.
fn as_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &Path| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    open(folder.path());
    let copy = |from: PathBuf, name: &str| {
        let to = folder.path().join(name);
        std::fs::copy(from, &to).unwrap();
        open(&to);
        to
    };
    let this = copy(std::env::current_exe().unwrap(), "test");
    let path = Command::new(node())
        .args(["-p", "process.execPath"])
        .output()
        .unwrap();
    let path = String::from_utf8(path.stdout).unwrap();
    let its_node = copy(path.trim().into(), "node");
    let home = folder.path().join("home");
    std::fs::create_dir(&home).unwrap();
    chown(&home, Some(NOBODY), Some(NOBODY)).unwrap();
    let output = Command::new(this)
        .args([TEST, "--exact", "--nocapture"])
        .env("LENTIL_NODE", its_node)
        .env("TMPDIR", &home)
        .current_dir(&home)
        // The groups of root go with it.
        .gid(NOBODY)
        .uid(NOBODY)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    println!("as nobody:\n{said}");
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
}

#[test]
fn a_process_that_cannot_come_forward_again_is_replaced() {
    if rustix::process::geteuid().is_root() {
        return as_nobody();
    }
    // Some systems let everybody raise priorities, up to a limit; here nobody may.
    let none = rustix::process::Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    rustix::process::setrlimit(rustix::process::Resource::Nice, none).unwrap();
    let host = Host::start(HostOptions {
        user_time: Duration::from_secs(20),
        ..options()
    })
    .unwrap();
    let normal = niceness("self");
    // The first loops are compiled.
    let turns = 5e7;
    call(&host, turns);
    let measured = call(&host, turns);
    let loop_of = |ms: f64| turns * ms / measured.ms;
    let first = call(&host, 0.0);
    assert_eq!(first.niceness, normal);
    // Long enough for a server that may do both.
    let short = call(&host, loop_of(120.0));
    assert_eq!(
        (&short.pid, short.niceness),
        (&first.pid, normal),
        "{short:?}"
    );
    let long = call(&host, loop_of(1_000.0));
    assert_eq!(long.pid, first.pid);
    assert!(long.niceness > normal, "{long:?}");
    let next = call(&host, 0.0);
    assert_eq!(next.niceness, normal, "{next:?}");
    assert_ne!(next.pid, first.pid);
    assert_eq!(host.stats().lost, 0);
}
