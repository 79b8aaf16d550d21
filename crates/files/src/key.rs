//! Names of files in the store.

use object_store::path::Path;

/// Longest key.
const LENGTH_MAX: usize = 64;
/// Characters of the key that name its folder.
const FOLDER: usize = 2;

/// The name of a file: lower-case letters and digits, so that it can lead nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileKey(String);

impl FileKey {
    /// A key; `None` if the text is none.
    pub fn new(text: &str) -> Option<FileKey> {
        let length = (FOLDER + 1..=LENGTH_MAX).contains(&text.len());
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        (length && text.bytes().all(plain)).then(|| FileKey(text.to_owned()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Files are spread over folders by the end of their key, which differs most.
    pub(crate) fn location(&self) -> Path {
        let folder = &self.0[self.0.len() - FOLDER..];
        Path::from_iter([folder, &self.0])
    }

    /// The key of what lies at a place, if it is a place of ours.
    pub(crate) fn at(place: &Path) -> Option<FileKey> {
        let key = FileKey::new(place.filename()?)?;
        (key.location() == *place).then_some(key)
    }
}
