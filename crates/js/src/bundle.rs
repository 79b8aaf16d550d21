//! Pushed modules, linked once into scripts.

use std::sync::Arc;

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

/// All modules of one component as of one push, linked; immutable and cheap to share.
#[derive(Debug)]
pub struct Bundle {
    // private: id (content hash), linked scripts by path, source maps, column edits
    _private: (),
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
    pub fn link(modules: Vec<ModuleSource>, seed: [u8; 32], time_ms: f64) -> Result<Bundle, LinkError> {
        let _ = (modules, seed, time_ms);
        todo!()
    }
    /// A hash of everything that can influence execution; executors and realms are keyed by it.
    pub fn id(&self) -> &str {
        todo!()
    }
    /// Whether a module of that canonical path is here.
    pub fn contains(&self, path: &str) -> bool {
        let _ = path;
        todo!()
    }
}
