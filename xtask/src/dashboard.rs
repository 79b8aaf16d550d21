//! `cargo xtask dashboard`: builds the dashboard's files, which the server is then compiled with.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, bail};

use crate::command::{program, step, succeed};
use crate::setup::{node, npm_install};
use crate::workspace::root;

/// Puts a compressed twin beside every file that is worth it.
const COMPRESS: &str = include_str!("compress.mjs");

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only if what is there is older than its source.
    #[arg(long)]
    if_stale: bool,
}

pub(crate) fn main(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = root().join("dashboard");
    if !folder.join("package.json").exists() {
        bail!("{} holds no dashboard", folder.display());
    }
    if arguments.if_stale && is_fresh(&folder)? {
        return Ok(());
    }
    step("npm packages of the dashboard", || npm_install(&folder))?;
    step("dashboard", || {
        let dist = folder.join("dist");
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

/// Builds it before a server is built that is to have it, where there is one and it has changed.
pub(crate) fn prepare() -> anyhow::Result<()> {
    match root().join("dashboard/package.json").exists() {
        true => main(&Arguments { if_stale: true }),
        false => Ok(()),
    }
}

/// Whether nothing of the source is newer than what was built of it.
fn is_fresh(folder: &Path) -> anyhow::Result<bool> {
    let Ok(built) = fs::metadata(folder.join("dist/index.html")) else {
        return Ok(false);
    };
    let built = built.modified()?;
    for name in [
        "src",
        "public",
        "index.html",
        "package-lock.json",
        "vite.config.ts",
    ] {
        if newest(&folder.join(name))?.is_some_and(|changed| changed > built) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// When a file, or anything in a folder, was changed last; `None` if it is not there.
fn newest(path: &Path) -> anyhow::Result<Option<SystemTime>> {
    let Ok(metadata) = fs::metadata(path) else {
        return Ok(None);
    };
    let mut newest = metadata.modified()?;
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            newest = newest.max(self::newest(&entry?.path())?.unwrap_or(newest));
        }
    }
    Ok(Some(newest))
}
