//! Uploaded files on disk: a folder each, first with parts, then with the whole file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::JobError;

/// Parts of a file.
const PARTS_MAX: u32 = 10_000;
/// Name of the whole file in its folder.
const WHOLE: &str = "file";

/// The folder with one folder for each upload.
#[derive(Debug)]
pub(crate) struct Uploads {
    folder: PathBuf,
}

impl Uploads {
    /// Makes the folder, without what an earlier process left in it.
    pub(crate) fn new(folder: PathBuf) -> io::Result<Uploads> {
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(Uploads { folder })
    }

    /// Opens an upload and gives its token, 32 hex digits that nobody can guess.
    pub(crate) fn start(&self) -> Result<String, JobError> {
        let token = format!("{:032x}", rand::random::<u128>());
        fs::create_dir(self.folder.join(&token)).map_err(|error| JobError::internal(&error))?;
        Ok(token)
    }

    /// Keeps one part; one that is sent again takes the place of the first.
    pub(crate) fn keep_part(
        &self,
        upload: &str,
        number: u32,
        bytes: &[u8],
    ) -> Result<String, JobError> {
        let folder = self.open(upload)?;
        if !(1..=PARTS_MAX).contains(&number) {
            return Err(JobError::bad(
                "InvalidPart",
                format!("parts are numbered from 1 to {PARTS_MAX}"),
            ));
        }
        let part = number.to_string();
        fs::write(folder.join(&part), bytes).map_err(|error| JobError::internal(&error))?;
        Ok(part)
    }

    /// Puts the parts together in the order given; afterwards the upload takes no more parts.
    pub(crate) fn join(
        &self,
        upload: &str,
        parts: &[String],
        bytes_max: u64,
    ) -> Result<(), JobError> {
        let folder = self.open(upload)?;
        let mut files = Vec::with_capacity(parts.len());
        let mut bytes = 0;
        for part in parts {
            let good = part
                .parse::<u32>()
                .is_ok_and(|number| (1..=PARTS_MAX).contains(&number));
            let file = folder.join(part);
            let length = if good { fs::metadata(&file).ok() } else { None };
            let length = length.ok_or_else(|| {
                JobError::bad("InvalidPart", format!("there is no uploaded part {part:?}"))
            })?;
            bytes += length.len();
            files.push(file);
        }
        if bytes > bytes_max {
            return Err(JobError::bad(
                "ImportTooLarge",
                format!(
                    "the file has {} MiB; at most {} are allowed in this format: make JSON lines of it, of which one \
                     at a time is held in memory",
                    bytes >> 20,
                    bytes_max >> 20
                ),
            ));
        }
        concatenate(&files, &folder.join(WHOLE)).map_err(|error| JobError::internal(&error))
    }

    /// The whole file of an upload that was joined.
    pub(crate) fn whole(&self, upload: &str) -> PathBuf {
        self.folder.join(upload).join(WHOLE)
    }

    /// Frees the disk space of an upload.
    pub(crate) fn forget(&self, upload: &str) {
        let folder = self.folder.join(upload);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, folder = %folder.display(), "an uploaded file cannot be removed");
            }
            _ => {}
        }
    }

    /// Uploads in which nothing was written for so long.
    pub(crate) fn idle(&self, longer_than: Duration) -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let age = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
            if age >= longer_than {
                found.extend(entry.file_name().into_string().ok());
            }
        }
        Ok(found)
    }

    /// The folder of an upload that takes parts.
    fn open(&self, upload: &str) -> Result<PathBuf, JobError> {
        let folder = self.folder.join(upload);
        let known = upload.len() == 32 && upload.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !known || !folder.is_dir() {
            return Err(JobError::bad(
                "InvalidUploadToken",
                "there is no upload with this token; it was finished, or given up because it was idle for long",
            ));
        }
        if folder.join(WHOLE).exists() {
            return Err(JobError::bad(
                "InvalidUploadToken",
                "this upload is finished already",
            ));
        }
        Ok(folder)
    }
}

/// Appends the files to a new one, and removes each as soon as it is there.
fn concatenate(parts: &[PathBuf], whole: &Path) -> io::Result<()> {
    let mut to = fs::File::create_new(whole)?;
    for part in parts {
        io::copy(&mut fs::File::open(part)?, &mut to)?;
    }
    for part in parts {
        // A part may have been named twice.
        if part.exists() {
            fs::remove_file(part)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uploads() -> (tempfile::TempDir, Uploads) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let uploads = Uploads::new(folder.path().join("imports")).expect("a folder");
        (folder, uploads)
    }

    fn tokens(parts: &[&str]) -> Vec<String> {
        parts.iter().map(|part| (*part).to_owned()).collect()
    }

    #[test]
    fn s051_parts_are_joined_in_the_order_given() {
        let (_folder, uploads) = uploads();
        let upload = uploads.start().expect("an upload");
        for (number, text) in [(2, "two"), (1, "one"), (3, "x"), (3, "three")] {
            let token = uploads.keep_part(&upload, number, text.as_bytes());
            assert_eq!(token.expect("kept"), number.to_string());
        }
        uploads
            .join(&upload, &tokens(&["1", "2", "3"]), 100)
            .expect("joined");
        let whole = fs::read_to_string(uploads.whole(&upload)).expect("a file");
        assert_eq!(whole, "onetwothree");
        let again = uploads.join(&upload, &[], 100).expect_err("finished");
        assert_eq!(again.code, "InvalidUploadToken");
        assert_eq!(
            fs::read_to_string(uploads.whole(&upload)).expect("a file"),
            whole
        );
        uploads.forget(&upload);
        uploads.forget(&upload);
        assert!(!uploads.whole(&upload).exists());
    }

    #[test]
    fn tokens_and_parts_that_are_not_there_are_refused() {
        let (folder, uploads) = uploads();
        fs::create_dir(folder.path().join("0123456789abcdef0123456789abcdef")).expect("a folder");
        for token in [
            "",
            "..",
            "../0123456789abcdef0123456789abcdef",
            &"0".repeat(32),
        ] {
            let refused = uploads.keep_part(token, 1, b"").expect_err(token);
            assert_eq!(refused.code, "InvalidUploadToken");
        }
        let upload = uploads.start().expect("an upload");
        for number in [0, PARTS_MAX + 1] {
            let refused = uploads.keep_part(&upload, number, b"").expect_err("bad");
            assert_eq!(refused.code, "InvalidPart");
        }
        uploads.keep_part(&upload, 1, b"x").expect("kept");
        for part in ["2", "../1", "file", "01x"] {
            let refused = uploads.join(&upload, &tokens(&["1", part]), 100);
            assert_eq!(refused.expect_err(part).code, "InvalidPart");
        }
        let large = uploads.join(&upload, &tokens(&["1"]), 0);
        assert_eq!(large.expect_err("too large").code, "ImportTooLarge");
        uploads
            .join(&upload, &tokens(&["1"]), 1)
            .expect("still whole");
    }

    #[test]
    fn idle_uploads_are_found() {
        let (_folder, uploads) = uploads();
        let upload = uploads.start().expect("an upload");
        assert_eq!(uploads.idle(Duration::ZERO).expect("listed"), [upload]);
        let day = Duration::from_secs(86_400);
        assert!(uploads.idle(day).expect("listed").is_empty());
    }
}
