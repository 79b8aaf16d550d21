//! `cargo xtask dashboard`: builds the dashboard's files, which the server is then compiled with.

use std::fs;

use anyhow::{Context, bail};

use crate::command::{program, step, succeed};
use crate::setup::{node, npm_install};
use crate::workspace::root;

/// Puts a compressed twin beside every file that is worth it.
const COMPRESS: &str = include_str!("compress.mjs");

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only if it was never built.
    #[arg(long)]
    if_missing: bool,
}

pub(crate) fn main(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = root().join("dashboard");
    if !folder.join("package.json").exists() {
        bail!("{} holds no dashboard", folder.display());
    }
    let dist = folder.join("dist");
    if arguments.if_missing && dist.join("index.html").exists() {
        return Ok(());
    }
    step("npm packages of the dashboard", || npm_install(&folder))?;
    step("dashboard", || {
        if dist.exists() {
            fs::remove_dir_all(&dist)
                .with_context(|| format!("cannot remove {}", dist.display()))?;
        }
        succeed(program("npm", &folder).args(["run", "build", "--loglevel=error"]))?;
        succeed(
            program(node()?, &folder)
                .args(["--input-type=module", "--eval", COMPRESS])
                .arg("dist"),
        )
    })
}
