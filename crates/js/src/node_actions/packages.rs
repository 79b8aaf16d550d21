//! Packages that Node modules import and that were not bundled: installed once for each list.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{files, npm, unprepared};
use crate::node::Node;
use crate::{AnalyzeError, NodePackage};

/// The folder in whose `node_modules` the packages are; they are installed if they are not there.
pub(super) async fn ensure(
    folder: &Path,
    node: &Node,
    packages: &[NodePackage],
) -> Result<PathBuf, AnalyzeError> {
    let place = folder.join(id(node.major(), packages));
    let (kept, used) = (folder.to_owned(), place.clone());
    let there = tokio::task::spawn_blocking(move || {
        files::prune(&kept, &used);
        // It was put in place as a whole.
        used.join("node_modules").is_dir()
    });
    if there.await.map_err(|error| unprepared(&error))? {
        return Ok(place);
    }
    let fresh = tempfile::Builder::new().prefix(".new-").tempdir_in(folder);
    let fresh = fresh.map_err(|error| unprepared(&error))?;
    let root = fresh.path().join("packages");
    let made = tokio::fs::create_dir_all(root.join("node_modules")).await;
    made.map_err(|error| unprepared(&error))?;
    let list: Vec<(&str, &str)> = packages
        .iter()
        .map(|package| (package.name.as_str(), package.version.as_str()))
        .collect();
    let names: Vec<String> = packages.iter().map(spelled).collect();
    let names = names.join(", ");
    let installed = npm::install(node, &root, &list, &names).await;
    installed.map_err(|reason| AnalyzeError {
        code: "NodeDependenciesNotInstalled",
        message: format!(
            "the packages of node.externalPackages ({names}) could not be installed:\n{reason}"
        ),
    })?;
    let moved = tokio::fs::rename(&root, &place).await;
    moved.map_err(|error| unprepared(&error))?;
    Ok(place)
}

fn spelled(package: &NodePackage) -> String {
    format!("{}@{}", package.name, package.version)
}

/// What decides on the result: the list, and for whom packages were built. The list is sorted.
fn id(major: u32, packages: &[NodePackage]) -> String {
    let (system, machine) = (std::env::consts::OS, std::env::consts::ARCH);
    let mut hash = Sha256::new();
    hash.update(format!("node {major} {system} {machine}\n"));
    for package in packages {
        hash.update(format!("{}\n", spelled(package)));
    }
    hex::encode(&hash.finalize()[..16])
}
