//! The backups of a running server's data folder, for the server to offer.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use lentil_server::{BackupContents, BackupFile, BackupKeeper, BackupState};

use super::contents::contents;
use super::{EXTENSION, ScheduleOptions, last, make_one};

/// Makes backups where the schedule makes them.
pub(crate) struct DataFolderBackups {
    schedule: ScheduleOptions,
    data: PathBuf,
}

impl DataFolderBackups {
    pub(crate) fn new(schedule: ScheduleOptions, data: PathBuf) -> DataFolderBackups {
        DataFolderBackups { schedule, data }
    }

    fn folder(&self) -> PathBuf {
        let folder = self.schedule.folder(&self.data);
        // It is shown to people, who may be elsewhere.
        std::path::absolute(&folder).unwrap_or(folder)
    }
}

impl BackupKeeper for DataFolderBackups {
    fn state(&self) -> io::Result<BackupState> {
        let folder = self.folder();
        let mut files = Vec::new();
        let listed = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            listed => Some(listed?),
        };
        for entry in listed.into_iter().flatten() {
            let entry = entry?;
            let path = entry.path();
            if path.extension().is_none_or(|it| it != EXTENSION) {
                continue;
            }
            let (Ok(name), Ok(metadata)) = (entry.file_name().into_string(), entry.metadata())
            else {
                continue;
            };
            files.push(BackupFile {
                name,
                bytes: metadata.len(),
                made: metadata.modified()?,
            });
        }
        files.sort_by(|a, b| b.made.cmp(&a.made).then_with(|| b.name.cmp(&a.name)));
        Ok(BackupState {
            folder,
            every: self.schedule.backup_every,
            keep: self.schedule.backup_keep,
            last: last(&self.data).map(|(file, age)| (file, SystemTime::now() - age)),
            files,
        })
    }

    fn take(&self) -> Result<(), String> {
        let keep = self.schedule.backup_keep as usize;
        let made = make_one(&self.data, &self.folder(), keep);
        made.map(drop).map_err(|error| format!("{error:#}"))
    }

    fn open(&self, name: &str) -> io::Result<File> {
        let named = self.state()?.files.into_iter().find(|it| it.name == name);
        match named {
            Some(file) => File::open(self.folder().join(file.name)),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn contents(&self, name: &str) -> Result<BackupContents, String> {
        // The name is one of the state's: the server has looked.
        contents(&self.folder().join(name)).map_err(|error| format!("{error:#}"))
    }
}
