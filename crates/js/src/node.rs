//! The Node binary: where it is, whether it will do, which flags it understands.

use std::path::PathBuf;
use std::process::Command;

use crate::HostError;

const HINT: &str =
    "Install Node.js 24 (recommended), 22.8 or later, or 20.18 or later, or name the binary";

/// A Node binary that will do.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) path: PathBuf,
    version: (u32, u32),
}

impl Node {
    /// Asks the binary for its version.
    pub(crate) fn find(path: Option<PathBuf>) -> Result<Node, HostError> {
        let path = on_path(path.unwrap_or_else(|| PathBuf::from("node")));
        let shown = path.display();
        let output = Command::new(&path)
            .arg("--version")
            .env_remove("NODE_OPTIONS")
            .output()
            .map_err(|error| {
                HostError::Node(format!("cannot run Node.js (`{shown}`): {error}. {HINT}."))
            })?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = parse_version(&text).ok_or_else(|| {
            HostError::Node(format!(
                "`{shown} --version` said {:?}, which is no Node.js version. {HINT}.",
                text.trim()
            ))
        })?;
        if !is_supported(version) {
            let text = text.trim();
            return Err(HostError::Node(format!(
                "Node.js {text} (`{shown}`) is too old. {HINT}."
            )));
        }
        Ok(Node { path, version })
    }

    /// One that is not there.
    #[cfg(test)]
    pub(crate) fn nowhere() -> Node {
        Node {
            path: PathBuf::from("/nowhere/node"),
            version: (24, 0),
        }
    }

    /// Its major version.
    pub(crate) fn major(&self) -> u32 {
        self.version.0
    }

    /// The flag of Node 24 that keeps the store of `AsyncLocalStorage` where 20 and 22 have it: on
    /// promises, so that one that nobody handles tells whose it is.
    pub(crate) fn storage_flag(&self) -> Option<&'static str> {
        (self.major() == 24).then_some("--no-async-context-frame")
    }

    /// Whether its `fetch` can be told of a proxy by variables.
    pub(crate) fn knows_proxies(&self) -> bool {
        self.major() >= 24 || (self.major() == 22 && self.version >= (22, 21))
    }

    /// Its version, major and minor, as Node writes versions.
    pub(crate) fn shown(&self) -> String {
        format!("v{}.{}", self.version.0, self.version.1)
    }

    /// Private memory that this Node maps before it runs anything, MiB: 48 measured for 20.20, 560
    /// for 24.21, nearly all of it never touched.
    pub(crate) fn mapped_mib(&self) -> u64 {
        if self.version >= (22, 0) { 576 } else { 64 }
    }

    /// The flag that switches the permission model on with nothing allowed.
    pub(crate) fn permission_flag(&self) -> &'static str {
        if self.version >= (23, 5) {
            "--permission"
        } else {
            "--experimental-permission"
        }
    }

    /// The flag that lets a process under the permission model reach the network, where it asks.
    pub(crate) fn network_flag(&self) -> Option<&'static str> {
        (self.version >= (25, 0)).then_some("--allow-net")
    }

    /// Flags of V8 that this version needs.
    ///
    /// Maglev compiles beside the program and keeps alive what it has seen until it is done: where
    /// it waits for a busy core, every context that was made meanwhile survives the collections of
    /// garbage, and the heap fills with dead realms. Node 20 has no Maglev.
    pub(crate) fn engine_flags(&self) -> &'static [&'static str] {
        if self.version >= (22, 0) {
            &["--no-maglev"]
        } else {
            &[]
        }
    }
}

/// Where a command without a folder is found. Executors have no PATH: looked for there, another
/// Node would be found than was asked here.
fn on_path(path: PathBuf) -> PathBuf {
    if path.components().count() > 1 {
        return path;
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&folders).map(|folder| folder.join(&path));
    found.find(|file| file.is_file()).unwrap_or(path)
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().strip_prefix('v')?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Contexts without interceptors came with 20.18 and 22.8.
fn is_supported((major, minor): (u32, u32)) -> bool {
    match major {
        20 => minor >= 18,
        22 => minor >= 8,
        major => major >= 23,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_apart() {
        for (text, ok) in [
            ("v18.20.4\n", false),
            ("v20.17.0", false),
            ("v20.18.0", true),
            ("v21.7.3", false),
            ("v22.7.0", false),
            ("v22.8.0", true),
            ("v24.1.0", true),
        ] {
            assert_eq!(is_supported(parse_version(text).unwrap()), ok, "{text}");
        }
        assert_eq!(parse_version("bash: no"), None);
    }

    #[test]
    fn proxies_came_with_22_21_and_24() {
        for (version, knows) in [
            ((20, 20), false),
            ((22, 20), false),
            ((22, 21), true),
            ((23, 11), false),
            ((24, 0), true),
        ] {
            let path = PathBuf::from("node");
            assert_eq!(Node { path, version }.knows_proxies(), knows, "{version:?}");
        }
    }

    #[test]
    fn a_missing_binary_says_what_to_install() {
        let error = Node::find(Some(PathBuf::from("/nowhere/node")))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("/nowhere/node") && error.contains("Install Node.js 24"),
            "{error}"
        );
    }
}
