//! The Node modules of a push as files, in a folder that is named by their hash.
//!
//! The database has the code; what lies here is a copy for Node to load. Before a process starts
//! every file is read and hashed: a folder with anything missing, changed or added is not used but
//! written again.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::limits::NODE_FOLDERS_KEPT;

/// The file with which a process begins; no module is called so, theirs end in `.js`.
pub(crate) const BOOT_FILE: &str = "boot.cjs";

/// Beside the modules: the installed packages, where Node looks for them.
const PACKAGES: &str = "node_modules";

/// Modules are ES modules.
const MANIFEST: &str = r#"{"private":true,"type":"module"}"#;

impl PartialEq for NodeFiles {
    fn eq(&self, other: &NodeFiles) -> bool {
        self.id == other.id
    }
}

/// The files of one bundle; the same if they hash to the same.
#[derive(Debug)]
pub(crate) struct NodeFiles {
    id: String,
    files: BTreeMap<String, File>,
}

#[derive(Debug)]
struct File {
    text: Arc<str>,
    sha256: [u8; 32],
}

impl File {
    fn new(text: Arc<str>) -> File {
        let sha256 = Sha256::digest(text.as_bytes()).into();
        File { text, sha256 }
    }
}

impl NodeFiles {
    /// Of modules, by path.
    pub(crate) fn new(modules: impl Iterator<Item = (String, Arc<str>)>) -> NodeFiles {
        let own = [
            (BOOT_FILE.to_owned(), crate::scripts::BOOT.into()),
            ("package.json".to_owned(), MANIFEST.into()),
        ];
        let files: BTreeMap<String, File> = modules
            .chain(own)
            .map(|(path, text)| (path, File::new(text)))
            .collect();
        let mut hash = Sha256::new();
        for (path, file) in &files {
            hash.update((path.len() as u64).to_le_bytes());
            hash.update(path.as_bytes());
            hash.update(file.sha256);
        }
        let id = hex::encode(hash.finalize());
        NodeFiles { id, files }
    }

    /// The folder for them beside these packages.
    pub(crate) fn folder_name(&self, packages: Option<&Path>) -> String {
        let mut hash = Sha256::new();
        hash.update(self.id.as_bytes());
        if let Some(packages) = packages {
            hash.update(packages.as_os_str().as_encoded_bytes());
        }
        hex::encode(&hash.finalize()[..16])
    }

    /// Makes sure that the folder holds these files, a link to the packages, and nothing else.
    pub(crate) fn ensure(&self, folder: &Path, packages: Option<&Path>) -> io::Result<()> {
        match self.check(folder, packages) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.exists() => {}
            Err(error) => {
                let folder = folder.display();
                tracing::warn!(%folder, %error, "the code of Node actions was changed on disk; it is written again");
            }
        }
        self.write(folder, packages)?;
        self.check(folder, packages)
    }

    fn check(&self, folder: &Path, packages: Option<&Path>) -> io::Result<()> {
        let mut left: Vec<&str> = self.files.keys().map(String::as_str).collect();
        let mut linked = packages.is_none();
        let mut folders = vec![String::new()];
        while let Some(inner) = folders.pop() {
            for entry in fs::read_dir(folder.join(&inner))? {
                let entry = entry?;
                let name = entry.file_name();
                let name = name
                    .to_str()
                    .ok_or_else(|| changed("a name that is no text"))?;
                let path = match inner.as_str() {
                    "" => name.to_owned(),
                    inner => format!("{inner}/{name}"),
                };
                let kind = entry.file_type()?;
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_symlink() && path == PACKAGES {
                    let target = fs::read_link(entry.path())?;
                    let wanted = packages.map(|packages| packages.join(PACKAGES));
                    if wanted.as_ref() != Some(&target) {
                        return Err(changed(&path));
                    }
                    linked = true;
                } else {
                    let file = self.files.get(&path).filter(|_| kind.is_file());
                    let file = file.ok_or_else(|| changed(&path))?;
                    if <[u8; 32]>::from(Sha256::digest(fs::read(entry.path())?)) != file.sha256 {
                        return Err(changed(&path));
                    }
                    left.retain(|known| *known != path);
                }
            }
        }
        match left.first() {
            Some(missing) => Err(changed(missing)),
            None if !linked => Err(changed(PACKAGES)),
            None => Ok(()),
        }
    }

    /// Writes beside the folder and puts the result in its place.
    fn write(&self, folder: &Path, packages: Option<&Path>) -> io::Result<()> {
        let beside = folder.parent().ok_or(io::ErrorKind::NotFound)?;
        let fresh = tempfile::Builder::new()
            .prefix(".new-")
            .tempdir_in(beside)?;
        let root = fresh.path().join("bundle");
        for (path, file) in &self.files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().ok_or(io::ErrorKind::NotFound)?)?;
            fs::write(&path, file.text.as_bytes())?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o400))?;
        }
        if let Some(packages) = packages {
            symlink(packages.join(PACKAGES), root.join(PACKAGES))?;
        }
        if folder.exists() {
            fs::rename(folder, fresh.path().join("old"))?;
        }
        fs::rename(&root, folder)
    }
}

fn changed(path: &str) -> io::Error {
    io::Error::other(format!("{path} is not as it was pushed"))
}

/// Marks a folder as used now, and removes those beside it that were used longest ago. Failures
/// cost disk space only.
pub(super) fn prune(folders: &Path, used: &Path) {
    let now = SystemTime::now();
    let _ = fs::File::open(used).and_then(|folder| folder.set_modified(now));
    let Ok(entries) = fs::read_dir(folders) else {
        return;
    };
    let mut found: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path != used)
        .map(|path| {
            (
                path.metadata()
                    .and_then(|meta| meta.modified())
                    .unwrap_or(now),
                path,
            )
        })
        .collect();
    found.sort();
    let over = found.len().saturating_sub(NODE_FOLDERS_KEPT - 1);
    for (_, path) in found.into_iter().take(over) {
        if let Err(error) = fs::remove_dir_all(&path) {
            tracing::warn!(path = %path.display(), %error, "an old folder of Node actions stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> NodeFiles {
        let modules = [
            ("a.js", "export {};"),
            ("_deps/node/AB.js", "export const b = 1;"),
        ];
        NodeFiles::new(
            modules
                .into_iter()
                .map(|(path, text)| (path.to_owned(), text.into())),
        )
    }

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn what_was_changed_on_disk_is_written_again() {
        let place = tempfile::tempdir().unwrap();
        let (files, folder) = (files(), place.path().join("bundle"));
        let packages = place.path().join("packages");
        let tampering: [fn(&Path); 6] = [
            |_| {},
            |folder| {
                fs::remove_file(folder.join("a.js")).unwrap();
                fs::write(folder.join("a.js"), "evil()").unwrap();
            },
            |folder| fs::remove_dir_all(folder.join("_deps")).unwrap(),
            |folder| fs::write(folder.join("_deps/node/more.js"), "evil()").unwrap(),
            |folder| {
                fs::remove_file(folder.join(PACKAGES)).unwrap();
                symlink("/tmp", folder.join(PACKAGES)).unwrap();
            },
            |folder| fs::remove_file(folder.join(PACKAGES)).unwrap(),
        ];
        for (number, tamper) in tampering.into_iter().enumerate() {
            files.ensure(&folder, Some(&packages)).unwrap();
            tamper(&folder);
            assert_eq!(
                files.check(&folder, Some(&packages)).is_ok(),
                number == 0,
                "{number}"
            );
            files.ensure(&folder, Some(&packages)).unwrap();
            assert_eq!(read(&folder.join("a.js")), "export {};");
            assert_eq!(
                read(&folder.join("_deps/node/AB.js")),
                "export const b = 1;"
            );
            assert_eq!(
                fs::read_link(folder.join(PACKAGES)).unwrap(),
                packages.join(PACKAGES)
            );
        }
        assert_eq!(
            fs::read_dir(place.path()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
    }

    #[test]
    fn the_name_follows_from_code_and_packages() {
        let (one, same) = (files(), files());
        let other = NodeFiles::new([("a.js".to_owned(), "".into())].into_iter());
        let packages = Some(Path::new("/p"));
        assert_eq!(one.folder_name(packages), same.folder_name(packages));
        assert_ne!(one.folder_name(packages), one.folder_name(None));
        assert_eq!(one, same);
        assert_ne!(one, other);
    }

    #[test]
    fn the_folders_used_last_stay() {
        let place = tempfile::tempdir().unwrap();
        let folder = |number: usize| place.path().join(number.to_string());
        for number in 0..NODE_FOLDERS_KEPT + 3 {
            fs::create_dir(folder(number)).unwrap();
            let at = SystemTime::now() - std::time::Duration::from_secs(1_000 - number as u64);
            fs::File::open(folder(number))
                .unwrap()
                .set_modified(at)
                .unwrap();
        }
        prune(place.path(), &folder(0));
        assert_eq!(
            fs::read_dir(place.path()).unwrap().count(),
            NODE_FOLDERS_KEPT
        );
        assert!(
            folder(0).exists() && !folder(1).exists() && folder(NODE_FOLDERS_KEPT + 2).exists()
        );
    }
}
