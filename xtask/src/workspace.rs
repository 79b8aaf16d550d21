//! Where things are.

use std::env;
use std::path::{Path, PathBuf};

/// The checkout's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the root")
        .to_path_buf()
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Where downloaded tools go: `LENTIL_TOOLS`, else `.tools` in the checkout.
pub(crate) fn tools() -> PathBuf {
    env::var_os("LENTIL_TOOLS").map_or_else(|| root().join(".tools"), PathBuf::from)
}

/// The server binary of a build profile (`debug` or `release`).
pub(crate) fn binary(profile: &str) -> PathBuf {
    target().join(profile).join("lentil")
}
