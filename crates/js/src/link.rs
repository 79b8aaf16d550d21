//! Links ES modules into scripts, once, when they are pushed.
//!
//! Each module becomes one script whose completion value is a generator function. Its first
//! `next()` instantiates the module (hoisted functions exist, getters of the exported bindings come
//! out), the second evaluates the body. Imports become member accesses on namespace objects, so
//! bindings are live and the temporal dead zone is V8's own. Edits never add or remove a line.

mod barrier;
mod edits;
mod graph;
mod rewrite;

pub(crate) use self::graph::{LinkedModule, Target, link};
