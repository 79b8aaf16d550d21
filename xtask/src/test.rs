//! `cargo xtask test`: every check and test, in the order in which they are likely to fail.

use std::process::Command;

use crate::command::{output, program, step, succeed};
use crate::workspace::{binary, root, target};
use crate::{setup, tidy};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Also what is too long for CI: big random histories, many kill cycles, load.
    #[arg(long)]
    long: bool,
    /// Only the end-to-end tests (whose file name contains this text, if one is given).
    #[arg(long, num_args = 0..=1, default_missing_value = "", value_name = "NAME")]
    e2e: Option<String>,
}

#[derive(clap::Args)]
pub(crate) struct TortureArguments {
    /// Only tests that have this in their name.
    #[arg(value_name = "NAME")]
    filter: Option<String>,
}

/// What `--long` adds to the tests of crates, alone.
pub(crate) fn torture(arguments: &TortureArguments) -> anyhow::Result<()> {
    let node = setup::node()?;
    step("unit, model and conformance tests at full length", || {
        succeed(
            tests()
                .envs([
                    ("LENTIL_LONG", "1".as_ref()),
                    ("LENTIL_NODE", node.as_os_str()),
                ])
                .args(&arguments.filter),
        )
    })
}

pub(crate) fn main(arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.e2e.is_none() {
        step("format", || {
            succeed(cargo().args(["fmt", "--all", "--check"]))
        })?;
        step("tidy", tidy::main)?;
        step("clippy", || {
            succeed(cargo().args([
                "clippy",
                "--workspace",
                "--all-targets",
                "--quiet",
                "--",
                "-D",
                "warnings",
            ]))
        })?;
        step("unit, model and conformance tests", || {
            succeed(tests().env("LENTIL_LONG", if arguments.long { "1" } else { "" }))
        })?;
    }
    step("what the end-to-end tests need", || setup::install(false))?;
    crate::dashboard::prepare()?;
    step("the dashboard's own tests", || {
        succeed(program("npm", &root().join("dashboard")).args(["test", "--silent"]))
    })?;
    step("build the server and the notes client", || {
        succeed(cargo().args(["build", "--quiet", "--package", "lentil"]))?;
        succeed(
            program("cargo", &root().join("examples/notes/backend"))
                .env("CARGO_TARGET_DIR", target().join("notes"))
                .args(["build", "--quiet", "--locked"]),
        )
    })?;
    step(
        "end-to-end tests with the stock CLI, clients and browser",
        || end_to_end(arguments.e2e.as_deref().unwrap_or_default(), arguments.long),
    )
}

fn cargo() -> Command {
    program("cargo", &root())
}

/// nextest where it is installed, else cargo's own runner.
fn tests() -> Command {
    let mut command = cargo();
    if output(cargo().args(["nextest", "--version"])).is_some() {
        command.args(["nextest", "run", "--workspace", "--no-fail-fast"]);
        command.args(["--retries", if on_a_shared_machine() { "1" } else { "0" }]);
    } else {
        command.args(["test", "--workspace", "--no-fail-fast"]);
    }
    command
}

/// In CI a test that failed is run once more, since many of them watch deadlines and the machine
/// has other work. One that passes then is named as flaky in the output: it wants mending, but it
/// stops nobody. At a desk nothing is run again.
fn on_a_shared_machine() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty())
}

fn end_to_end(filter: &str, long: bool) -> anyhow::Result<()> {
    let folder = root().join("tests/e2e");
    let mut files: Vec<_> = std::fs::read_dir(&folder)?
        .filter_map(Result::ok)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".test.mjs") && name.contains(filter))
        .collect();
    files.sort();
    anyhow::ensure!(
        !files.is_empty(),
        "no end-to-end test file has {filter:?} in its name"
    );
    let passes = |file: &str| -> anyhow::Result<bool> {
        Ok(program("node", &folder)
            .env("LENTIL_BIN", binary("debug"))
            .env("LENTIL_NODE", setup::node()?)
            .env("LENTIL_PYTHON", setup::python()?)
            .env("LENTIL_NOTES_BIN", target().join("notes/debug/notes"))
            .env("LENTIL_LONG", if long { "1" } else { "" })
            .args(["--test", "--test-reporter=spec", file])
            .status()?
            .success())
    };
    let mut failed = Vec::new();
    for file in &files {
        println!("{file}");
        if passes(file)? {
            continue;
        }
        if on_a_shared_machine() {
            println!("{file} failed and is run once more");
            if passes(file)? {
                println!("FLAKY {file}: passed the second time");
                continue;
            }
        }
        failed.push(file.as_str());
    }
    anyhow::ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}
