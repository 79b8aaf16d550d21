//! Runs npm: the one beside the Node that needs the packages, or the system's. Which registry it
//! asks, and how, is as npm is configured on this machine.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Instant;

use tokio::process::Command;

use crate::limits::{INSTALL_NEWS_EVERY, INSTALL_REASON_MAX, INSTALL_TIME};
use crate::node::Node;

/// Variables of the server that are nobody else's business, and one that would change Node.
const PRIVATE: [&str; 3] = ["LENTIL_", "INSTANCE_", "NODE_OPTIONS"];

/// Installs packages, exact versions or ranges by name, into the `node_modules` of a folder. The
/// error is npm's reason.
pub(super) async fn install(
    node: &Node,
    folder: &Path,
    packages: &[(&str, &str)],
    what: &str,
) -> Result<(), String> {
    let dependencies: serde_json::Map<_, _> = packages
        .iter()
        .map(|(name, version)| ((*name).to_owned(), (*version).into()))
        .collect();
    let manifest = serde_json::json!({ "private": true, "dependencies": dependencies });
    tokio::fs::write(folder.join("package.json"), manifest.to_string())
        .await
        .map_err(|error| format!("cannot write {}: {error}", folder.display()))?;
    let begun = Instant::now();
    tracing::info!("npm installs {what}");
    let mut output = run(node, folder, &[], what).await?;
    if !output.status.success() && String::from_utf8_lossy(&output.stderr).contains("ERESOLVE") {
        // The application's own package manager has let the versions stand beside each other.
        tracing::warn!("npm finds peer dependencies in conflict and installs {what} all the same");
        output = run(node, folder, &["--legacy-peer-deps"], what).await?;
    }
    if !output.status.success() {
        return Err(reason(&String::from_utf8_lossy(&output.stderr)));
    }
    tracing::info!(
        seconds = begun.elapsed().as_secs(),
        "npm has installed {what}"
    );
    Ok(())
}

async fn run(node: &Node, folder: &Path, more: &[&str], what: &str) -> Result<Output, String> {
    let mut command = command(node, folder);
    command.args(more);
    let output = tokio::time::timeout(INSTALL_TIME, watched(command, what)).await;
    let output =
        output.map_err(|_| format!("npm did not end within {} s", INSTALL_TIME.as_secs()))?;
    output.map_err(|error| {
        format!("npm cannot be run ({error}); install npm beside Node.js, or on PATH")
    })
}

/// Runs it to its end, and says in the log that it still goes on.
async fn watched(mut command: Command, what: &str) -> std::io::Result<Output> {
    let begun = Instant::now();
    let output = command.output();
    tokio::pin!(output);
    loop {
        let news = tokio::time::sleep(INSTALL_NEWS_EVERY);
        tokio::select! {
            output = &mut output => return output,
            () = news => tracing::info!(seconds = begun.elapsed().as_secs(), "npm still installs {what}"),
        }
    }
}

fn command(node: &Node, folder: &Path) -> Command {
    let mut command = match beside(node) {
        Some(script) => {
            let mut command = Command::new(&node.path);
            command.arg(script);
            command
        }
        None => Command::new("npm"),
    };
    // Scripts of packages find the Node for which they build first.
    let mut path = node
        .path
        .parent()
        .unwrap_or(Path::new("/"))
        .as_os_str()
        .to_owned();
    if let Some(rest) = std::env::var_os("PATH") {
        path.push(":");
        path.push(rest);
    }
    let private = |name: &str| PRIVATE.iter().any(|prefix| name.starts_with(prefix));
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in names.filter(|name| private(name)) {
        command.env_remove(name);
    }
    command
        .args([
            "install",
            "--omit=dev",
            "--no-audit",
            "--no-fund",
            "--no-progress",
        ])
        .args([
            "--no-update-notifier",
            "--loglevel=error",
            "--fetch-retries=2",
        ])
        .args([
            "--fetch-retry-mintimeout=500",
            "--fetch-retry-maxtimeout=3000",
        ])
        .env("PATH", path)
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// The npm that came with this Node.
fn beside(node: &Node) -> Option<PathBuf> {
    let real = node.path.canonicalize().ok()?;
    let script = real
        .parent()?
        .join("../lib/node_modules/npm/bin/npm-cli.js");
    script.is_file().then_some(script)
}

/// What npm says of a failure, without its decoration and where it keeps its log.
fn reason(said: &str) -> String {
    let lines = said.lines().filter_map(|line| {
        let text = ["npm error", "npm ERR!"]
            .iter()
            .find_map(|prefix| line.strip_prefix(prefix))
            .unwrap_or(line)
            .trim();
        let of_log = text.starts_with("A complete log of this run") || text.contains("_logs/");
        (!text.is_empty() && !of_log && !line.starts_with("npm warn")).then_some(text)
    });
    let mut text = lines.collect::<Vec<_>>().join("\n");
    crate::render::truncate(&mut text, INSTALL_REASON_MAX);
    match text.as_str() {
        "" => "npm failed and did not say why".to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A Node with this script as its npm.
    fn node_with_npm(folder: &Path, script: &str) -> Node {
        let own = Node::find(std::env::var_os("LENTIL_NODE").map(PathBuf::from)).unwrap();
        let (bin, npm) = (folder.join("bin"), folder.join("lib/node_modules/npm/bin"));
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::create_dir_all(&npm).unwrap();
        std::fs::write(npm.join("npm-cli.js"), script).unwrap();
        let node = bin.join("node");
        let wrapper = format!("#!/bin/sh\nexec '{}' \"$@\"\n", own.path.display());
        std::fs::write(&node, wrapper).unwrap();
        std::fs::set_permissions(&node, std::fs::Permissions::from_mode(0o755)).unwrap();
        Node::find(Some(node)).unwrap()
    }

    #[tokio::test]
    async fn the_npm_beside_node_installs_and_sees_nothing_of_the_server() {
        let place = tempfile::tempdir().unwrap();
        let script = r#"
            const fs = require("fs");
            if (!process.argv.includes("--legacy-peer-deps")) {
              console.error("npm error code ERESOLVE");
              process.exit(1);
            }
            const wanted = JSON.parse(fs.readFileSync("package.json", "utf8")).dependencies;
            const seen = Object.keys(process.env).filter((name) => /^(LENTIL_|INSTANCE_|NODE_OPTIONS)/.test(name));
            fs.mkdirSync("node_modules");
            fs.writeFileSync("node_modules/seen.json", JSON.stringify({ wanted, seen }));
        "#;
        let node = node_with_npm(place.path(), script);
        let folder = place.path().join("packages");
        std::fs::create_dir(&folder).unwrap();
        install(&node, &folder, &[("sharp", "0.34.5")], "sharp")
            .await
            .unwrap();
        let seen = std::fs::read_to_string(folder.join("node_modules/seen.json")).unwrap();
        assert_eq!(seen, r#"{"wanted":{"sharp":"0.34.5"},"seen":[]}"#);
    }

    #[tokio::test]
    async fn what_npm_says_of_a_failure_is_passed_on() {
        let place = tempfile::tempdir().unwrap();
        let script =
            "console.error('npm error code E404\\nnpm error 404 Not Found'); process.exit(1);";
        let node = node_with_npm(place.path(), script);
        let failed = install(&node, place.path(), &[("a", "1.0.0")], "a").await;
        assert_eq!(failed.unwrap_err(), "code E404\n404 Not Found");
    }

    #[test]
    fn the_reason_is_what_npm_says_without_its_decoration() {
        let said = "npm warn old lockfile\nnpm error code E404\nnpm error 404 Not Found - GET http://r/nope\nnpm error \
                    404\nnpm error A complete log of this run can be found in: /home/me/.npm/_logs/x.log\n";
        assert_eq!(
            reason(said),
            "code E404\n404 Not Found - GET http://r/nope\n404"
        );
        assert_eq!(reason("npm ERR! code X\n"), "code X");
        assert_eq!(reason(""), "npm failed and did not say why");
        assert!(reason(&"x".repeat(10_000)).len() <= INSTALL_REASON_MAX);
    }
}
