//! `lentil install-local`: puts this binary where `npx convex dev` looks for its local backend
//! (cli-and-deploy 19), and prepares a project so that it starts without a network.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use lentil_identity::{AdminKeys, InstanceSecret};
use serde_json::{Value as Json, json};

use crate::keys::now_secs;

/// The version that the CLI is told. Its date is before that of the first version that is started
/// with flags about a control plane.
const VERSION: &str = concat!("precompiled-2026-01-01-lentil.", env!("CARGO_PKG_VERSION"));
/// What the CLI calls the binary.
const BINARY: &str = "convex-local-backend";
/// Shown where the CLI would show the dashboard it downloads.
const NO_DASHBOARD: &str = "<!doctype html><meta charset=\"utf-8\"><title>Lentil</title>\
<p>This deployment runs on Lentil; the dashboard that the CLI downloads is not installed.</p>\n";

/// See [`main`].
#[derive(clap::Args, Debug)]
pub(crate) struct InstallOptions {
    /// The project to prepare; without one, only the binary is installed.
    #[arg(value_name = "FOLDER")]
    project: Option<PathBuf>,
    /// Where the CLI keeps its downloads.
    #[arg(long, env = "LENTIL_CONVEX_CACHE", value_name = "FOLDER")]
    cache: Option<PathBuf>,
}

/// Installs, and says what was done.
pub(crate) fn main(options: &InstallOptions) -> anyhow::Result<()> {
    let cache = match &options.cache {
        Some(cache) => cache.clone(),
        None => {
            let home = std::env::var_os("HOME").context("HOME is not set; give --cache")?;
            Path::new(&home).join(".cache/convex")
        }
    };
    let binary = install_binary(&cache)?;
    println!("Installed {}", binary.display());
    let dashboard = install_dashboard(&cache)?;
    if let Some(dashboard) = dashboard {
        println!("Prepared {}", dashboard.display());
    }
    if let Some(project) = &options.project {
        let (config, name) = prepare(project)?;
        println!("Prepared {} for the deployment {name}", config.display());
    }
    println!();
    println!("In the project, run:");
    println!("  npx convex dev --local-backend-version {VERSION}");
    if options.project.is_none() {
        println!(
            "`lentil install-local <project>` prepares a project so that this works offline, too."
        );
    }
    Ok(())
}

fn install_binary(cache: &Path) -> anyhow::Result<PathBuf> {
    let folder = cache.join("binaries").join(VERSION);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let own = std::env::current_exe().context("where this binary lies is not known")?;
    let (path, part) = (folder.join(BINARY), folder.join(format!("{BINARY}.part")));
    // Beside and renamed: one that runs is left alone.
    fs::copy(&own, &part).with_context(|| format!("cannot write {}", part.display()))?;
    fs::set_permissions(&part, fs::Permissions::from_mode(0o755))?;
    fs::rename(&part, &path)?;
    Ok(path)
}

/// So that the CLI does not look for a dashboard of this version; one that is there stays.
fn install_dashboard(cache: &Path) -> anyhow::Result<Option<PathBuf>> {
    let folder = cache.join("dashboard");
    let page = folder.join("out/index.html");
    let config = folder.join("config.json");
    let known: Option<Json> = fs::read(&config)
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok());
    if page.exists() && known.is_some_and(|known| known["version"] == VERSION) {
        return Ok(None);
    }
    fs::create_dir_all(folder.join("out"))?;
    if !page.exists() {
        fs::write(&page, NO_DASHBOARD)?;
    }
    fs::write(&config, json!({ "version": VERSION }).to_string())?;
    Ok(Some(folder))
}

/// Writes what the CLI would have written after its first start; what is there keeps its secret.
fn prepare(project: &Path) -> anyhow::Result<(PathBuf, String)> {
    ensure!(
        project.join("package.json").is_file(),
        "{} is no project: it has no package.json",
        project.display()
    );
    let project = fs::canonicalize(project)?;
    let state = project.join(".convex/local/default");
    fs::create_dir_all(&state)?;
    fs::write(project.join(".convex/.gitignore"), "/*\n")?;
    let path = state.join("config.json");
    let known: Option<Json> = fs::read(&path)
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok());
    let known = known.unwrap_or_default();
    let name = match known["deploymentName"].as_str() {
        Some(name) => name.to_owned(),
        None => format!("anonymous-{}", plain_name(&project)),
    };
    let secret = known["instanceSecret"].as_str();
    let secret = secret.and_then(|hex| InstanceSecret::from_hex(hex).ok());
    let secret = secret.unwrap_or_else(InstanceSecret::random);
    let hex = secret.to_hex();
    let key = AdminKeys::new(&name, secret).mint(0, false, now_secs());
    let ports = match &known["ports"] {
        Json::Object(ports) => json!(ports),
        _ => json!({ "cloud": 3210, "site": 3211 }),
    };
    let config = json!({
        "ports": ports,
        "backendVersion": VERSION,
        "adminKey": key,
        "instanceSecret": hex,
        "deploymentName": name,
    });
    fs::write(&path, serde_json::to_string_pretty(&config)?)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok((path, name))
}

/// A name of letters, digits and dashes.
fn plain_name(project: &Path) -> String {
    let name = project.file_name().and_then(|name| name.to_str());
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let name: String = name.unwrap_or_default().chars().map(plain).collect();
    match name.trim_matches('-') {
        "" => "app".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_keeps_its_name_and_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        let project = folder.path().join("My App!");
        fs::create_dir(&project).expect("made");
        assert!(prepare(&project).is_err(), "it has no package.json");
        fs::write(project.join("package.json"), "{}").expect("written");
        let (path, name) = prepare(&project).expect("prepared");
        assert_eq!(name, "anonymous-my-app");
        let read =
            || -> Json { serde_json::from_slice(&fs::read(&path).expect("there")).expect("JSON") };
        let first = read();
        assert_eq!(first["backendVersion"], VERSION);
        let (_, again) = prepare(&project).expect("prepared again");
        assert_eq!(
            (again, &read()["instanceSecret"]),
            (name, &first["instanceSecret"])
        );
    }
}
