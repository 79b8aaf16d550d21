//! Snapshot archives: the zip files that exports make and imports read (cli-and-deploy 13.2).

mod read;
mod write;

pub(crate) use self::read::Archive;
pub(crate) use self::write::{Stopped, What, write_snapshot};

use std::fmt;

use lentil_catalog::ComponentPath;

/// The file of a table's documents.
pub(crate) const DOCUMENTS: &str = "documents.jsonl";
/// The file that says how the documents are written.
pub(crate) const GENERATED_SCHEMA: &str = "generated_schema.jsonl";
/// What it says: as this version writes them.
pub(crate) const UNIFORM: &str = "\"uniform\"";
/// The folder of the list of tables.
pub(crate) const TABLES: &str = "_tables";
/// The folder of files.
pub(crate) const STORAGE: &str = "_storage";
/// The folder of what belongs to components: in it a folder for each, named as its parent names it.
pub(crate) const COMPONENTS: &str = "_components";

/// A table of a component.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TablePath {
    pub(crate) component: ComponentPath,
    pub(crate) table: String,
}

impl fmt::Display for TablePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.component.is_root() {
            true => f.write_str(&self.table),
            false => write!(f, "{} of the component {}", self.table, self.component),
        }
    }
}

/// What the names of a component's entries begin with in the snapshot of `base`; `None` if it is
/// not below that.
pub(crate) fn prefix_of(base: &ComponentPath, component: &ComponentPath) -> Option<String> {
    let below = below(base, component)?;
    let folders = below.split('/').filter(|name| !name.is_empty());
    Some(
        folders
            .map(|name| format!("{COMPONENTS}/{name}/"))
            .collect(),
    )
}

/// The path that leads from one component to another below it, which may be itself.
pub(crate) fn below<'a>(base: &ComponentPath, component: &'a ComponentPath) -> Option<&'a str> {
    if base.is_root() {
        return Some(&component.0);
    }
    let rest = component.0.strip_prefix(base.0.as_str())?;
    match rest.is_empty() {
        true => Some(rest),
        false => rest.strip_prefix('/'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_have_folders_in_their_parents_folders() {
        let prefix = |base: &str, path: &str| {
            prefix_of(
                &ComponentPath(base.to_owned()),
                &ComponentPath(path.to_owned()),
            )
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(prefix("", ""), some(""));
        assert_eq!(prefix("", "a/b"), some("_components/a/_components/b/"));
        assert_eq!(prefix("a", "a"), some(""));
        assert_eq!(prefix("a", "a/b"), some("_components/b/"));
        for elsewhere in ["", "b", "ab", "b/a"] {
            assert_eq!(prefix("a", elsewhere), None);
        }
    }
}
