//! Pushed modules, linked once into scripts.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

use crate::link::{LinkedModule, Target, link};
use crate::node_actions::NodeFiles;
use crate::wire::{FrameWriter, to_executor};

/// Where a module wants to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ModuleEnvironment {
    /// The default runtime.
    Isolate,
    /// `"use node"`.
    Node,
}

/// A module as the CLI pushes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleSource {
    /// Canonical path, `dir/mod.js`.
    pub path: String,
    /// ES module text.
    pub source: Arc<str>,
    /// Its source map's JSON, if one was pushed.
    pub source_map: Option<Arc<str>>,
    /// Where it wants to run.
    pub environment: ModuleEnvironment,
}

/// A package of npm that Node modules import and that was not bundled into them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodePackage {
    /// Its name.
    pub name: String,
    /// Its exact version.
    pub version: String,
}

/// What the Node modules of a push run with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeSettings {
    /// Major version of Node; `None` is the server's own.
    pub version: Option<u32>,
    /// Packages to install, sorted by name.
    pub packages: Vec<NodePackage>,
}

impl NodeSettings {
    /// A hash of the list of packages, if there are any.
    pub fn packages_id(&self) -> Option<String> {
        if self.packages.is_empty() {
            return None;
        }
        let mut hash = Sha256::new();
        for package in &self.packages {
            hash.update(format!("{}@{}\n", package.name, package.version));
        }
        Some(hex::encode(&hash.finalize()[..16]))
    }
}

/// All modules of one component as of one push, linked; immutable and cheap to share.
#[derive(Debug)]
pub struct Bundle {
    id: String,
    node: NodeSettings,
    number: u32,
    seed: String,
    time_ms: f64,
    modules: Vec<LinkedModule>,
    by_path: HashMap<String, usize>,
    load_frame: OnceLock<Vec<u8>>,
    node_files: OnceLock<Arc<NodeFiles>>,
}

/// A module that cannot be linked: syntax error, top-level await, missing import. The text names
/// file, line and column of the original source where the source map allows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct LinkError {
    /// The module.
    pub path: String,
    /// What, where, and what to do.
    pub message: String,
}

impl Bundle {
    /// Links modules. `seed` and `time_ms` are what `Math.random` and `Date.now` use while the
    /// modules are first evaluated, in every execution until the next push.
    pub fn link(
        modules: Vec<ModuleSource>,
        seed: [u8; 32],
        time_ms: f64,
    ) -> Result<Bundle, LinkError> {
        static NUMBERS: AtomicU32 = AtomicU32::new(1);
        let id = content_hash(&modules, &seed, time_ms);
        let modules = link(modules)?;
        let by_path = modules
            .iter()
            .enumerate()
            .map(|(at, module)| (module.path.clone(), at))
            .collect();
        Ok(Bundle {
            id,
            node: NodeSettings::default(),
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            seed: hex::encode(seed),
            time_ms,
            modules,
            by_path,
            load_frame: OnceLock::new(),
            node_files: OnceLock::new(),
        })
    }

    /// The same with what its Node modules run with.
    pub fn with_node(mut self, mut node: NodeSettings) -> Bundle {
        node.packages.sort();
        self.node = node;
        self
    }

    /// What its Node modules run with.
    pub fn node(&self) -> &NodeSettings {
        &self.node
    }

    /// Whether the module of that canonical path says `"use node"`.
    pub fn is_node(&self, path: &str) -> bool {
        let module = self.index_of(path).map(|index| &self.modules[index]);
        module.is_some_and(|module| module.environment == ModuleEnvironment::Node)
    }

    /// A hash of everything that can influence execution; executors and realms are keyed by it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether a module of that canonical path is here.
    pub fn contains(&self, path: &str) -> bool {
        self.by_path.contains_key(path)
    }

    /// Its Node modules as they are kept on disk.
    pub(crate) fn node_files(&self) -> &Arc<NodeFiles> {
        self.node_files.get_or_init(|| {
            let modules = self.modules.iter();
            let node = modules.filter(|module| module.environment == ModuleEnvironment::Node);
            Arc::new(NodeFiles::new(
                node.map(|module| (module.path.clone(), module.source().clone())),
            ))
        })
    }

    /// The number by which executors know it; never given twice in this process.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn index_of(&self, path: &str) -> Option<usize> {
        self.by_path.get(path).copied()
    }

    pub(crate) fn modules(&self) -> &[LinkedModule] {
        &self.modules
    }

    /// Everything an executor needs to run it, encoded once.
    pub(crate) fn load_frame(&self) -> &[u8] {
        self.load_frame.get_or_init(|| {
            let mut frame = FrameWriter::default();
            frame.begin(to_executor::LOAD);
            frame.u32(self.number);
            frame.str(&self.seed);
            frame.f64(self.time_ms);
            let shapes: Vec<_> = self.modules.iter().map(shape).collect();
            frame.str(&serde_json::Value::from(shapes).to_string());
            for module in &self.modules {
                frame.str(&module.script);
            }
            frame.end();
            frame.into_bytes()
        })
    }
}

/// What the executor has to know of a module besides its script.
fn shape(module: &LinkedModule) -> serde_json::Value {
    let exports = module.exports.iter().map(|export| match export.target {
        Target::Local(target, local) => serde_json::json!([export.name, target, local]),
        Target::Namespace(target, _) => serde_json::json!([export.name, target, -1]),
    });
    serde_json::json!({
        "path": module.path,
        "node": module.environment == ModuleEnvironment::Node,
        "requests": module.requests,
        "exports": exports.collect::<Vec<_>>(),
    })
}

fn content_hash(modules: &[ModuleSource], seed: &[u8; 32], time_ms: f64) -> String {
    let mut sorted: Vec<_> = modules.iter().collect();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    let mut hash = Sha256::new();
    hash.update(seed);
    hash.update(time_ms.to_le_bytes());
    for module in sorted {
        let node = module.environment == ModuleEnvironment::Node;
        hash.update([u8::from(node)]);
        for part in [module.path.as_str(), &module.source] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
    }
    hex::encode(hash.finalize())
}
