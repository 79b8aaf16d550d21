//! `cargo xtask bench`: builds the load client and the server for speed, and runs workloads.

use crate::command::{program, step, succeed};
use crate::setup;
use crate::workspace::{binary, root, target};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Workloads, e.g. `W1 W4 W7`; `W1c` and `W6c` are what counters and kept logs cost in W1 and W6. All of these if none is named; `memory` and `engine` only if they are.
    workloads: Vec<String>,
    /// Short rounds: shows that everything works and where ratios are, not for claims.
    #[arg(long)]
    quick: bool,
    /// Only check that the workloads run (seconds), and write nothing.
    #[arg(long)]
    smoke: bool,
}

pub(crate) fn main(arguments: &Arguments) -> anyhow::Result<()> {
    step("build", || {
        succeed(program("cargo", &root()).args([
            "build",
            "--release",
            "--package",
            "lentil",
            "--package",
            "lentil-bench",
        ]))
    })?;
    let mut command = program(target().join("release/lentil-bench"), &root());
    command
        .env("LENTIL_BIN", binary("release"))
        .env("LENTIL_NODE", setup::node()?);
    command
        .arg("--report")
        .arg(root().join("docs/benchmarks.md"))
        .args(&arguments.workloads);
    if arguments.quick {
        command.arg("--quick");
    }
    if arguments.smoke {
        command.arg("--smoke");
    }
    succeed(&mut command)
}
