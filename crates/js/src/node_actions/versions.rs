//! Nodes of other versions than the server's own: npm has them as packages, and each is fetched once.

use std::path::Path;

use super::{npm, unprepared};
use crate::AnalyzeError;
use crate::node::Node;

/// A Node of that major version.
pub(super) async fn ensure(folder: &Path, own: &Node, major: u32) -> Result<Node, AnalyzeError> {
    let package = package();
    let place = folder.join(major.to_string());
    let binary = place.join("node_modules").join(&package).join("bin/node");
    if !tokio::fs::try_exists(&binary).await.unwrap_or(false) {
        fetch(folder, own, major, &package, &place).await?;
    }
    let found = tokio::task::spawn_blocking(move || Node::find(Some(binary)));
    let found = found.await.map_err(|error| unprepared(&error))?;
    found.map_err(|error| missing(own, major, &error.to_string()))
}

async fn fetch(
    folder: &Path,
    own: &Node,
    major: u32,
    package: &str,
    place: &Path,
) -> Result<(), AnalyzeError> {
    let fresh = tempfile::Builder::new().prefix(".new-").tempdir_in(folder);
    let fresh = fresh.map_err(|error| unprepared(&error))?;
    let root = fresh.path().join("node");
    let made = tokio::fs::create_dir_all(&root).await;
    made.map_err(|error| unprepared(&error))?;
    let (range, what) = (format!("{major}.x"), format!("Node.js {major} ({package})"));
    npm::install(own, &root, &[(package, &range)], &what)
        .await
        .map_err(|reason| missing(own, major, &reason))?;
    // What is there does not work: it would have been found.
    let _ = tokio::fs::remove_dir_all(place).await;
    let moved = tokio::fs::rename(&root, place).await;
    moved.map_err(|error| unprepared(&error))
}

fn missing(own: &Node, major: u32, why: &str) -> AnalyzeError {
    AnalyzeError {
        code: "NodeVersionNotAvailable",
        message: format!(
            "convex.json asks for Node.js {major}, which the server does not have and could not fetch from npm:\n\
             {why}\nLet the server reach the registry once, or set node.nodeVersion to \"{own}\", which it has.",
            own = own.major()
        ),
    }
}

/// That a Node cannot use the proxy that it is to use: to connect without it would be no answer.
pub(super) fn without_proxy(node: &Node) -> AnalyzeError {
    AnalyzeError {
        code: "NodeVersionNotAvailable",
        message: format!(
            "actions of this deployment fetch through a proxy (--action-proxy), and the fetch of Node.js {} cannot: \
             22.21 and 24 were the first that can. Set node.nodeVersion to \"24\" in convex.json, or run the server \
             with Node.js 24.",
            node.shown()
        ),
    }
}

/// The package of Node for this machine.
fn package() -> String {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let machine = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("node-{system}-{machine}")
}
