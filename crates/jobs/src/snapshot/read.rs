//! Reading a snapshot that somebody made somewhere: nothing in it is believed.
//!
//! Every entry is looked at before anything is read: its name leads nowhere, is there once and is
//! text, what the directory at the end says of it is what its own header says, no two entries share
//! bytes, and none claims to be absurdly larger than what it is packed into. While an entry is read
//! its length and checksum are compared with what was announced.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use lentil_catalog::ComponentPath;
use lentil_values::{Object, TableNumber, Value};
use zip::read::ZipReadOptions;
use zip::{CompressionMethod, ZipArchive};

use super::{COMPONENTS, DOCUMENTS, GENERATED_SCHEMA, STORAGE, TABLES, TablePath, UNIFORM};
use crate::parse::{Encoding, Sink, json_lines};
use crate::plan::is_table_name;

/// Entries of an archive: what is known of each is held in memory.
const ENTRIES_MAX: usize = 250_000;
/// Bytes of an entry's name.
const NAME_BYTES_MAX: usize = 2_048;
/// From so many bytes on an entry must not be packed more than `PACKED_MAX` times.
const SUSPICIOUS_BYTES: u64 = 1 << 30;
/// See `SUSPICIOUS_BYTES`.
const PACKED_MAX: u64 = 200;

/// An archive whose entries are as they should be.
pub(crate) struct Archive {
    zip: ZipArchive<BufReader<File>>,
    parts: BTreeMap<ComponentPath, Part>,
}

/// What belongs to one component.
#[derive(Debug, Default)]
struct Part {
    /// The list of tables.
    list: Option<usize>,
    tables: BTreeMap<String, TableEntries>,
    numbers: BTreeMap<String, TableNumber>,
    storage: Storage,
}

/// The entries of one table, by their place in the archive.
#[derive(Clone, Copy, Debug, Default)]
struct TableEntries {
    documents: Option<usize>,
    schema: Option<usize>,
}

/// The entries of files.
#[derive(Debug, Default)]
struct Storage {
    documents: Option<usize>,
    /// By what stands before the first point of their name.
    contents: BTreeMap<String, usize>,
}

/// What an entry's name says it is.
enum Meaning {
    Documents(String),
    Schema(String),
    TableList,
    FileList,
    Content(String),
    /// Folders, read-me files, what programs leave behind, tables of the system.
    Nothing,
}

impl Archive {
    /// Looks at everything but the contents; what it has of components is below `base`, which it has
    /// the rest of. The error is for the developer and names the entry.
    pub(crate) fn open(path: &Path, base: &ComponentPath) -> Result<Archive, String> {
        let unreadable = |error: &dyn std::fmt::Display| {
            invalid(&format!(
                "the file is no whole zip archive: {error}; was it cut short, or is it of another format?"
            ))
        };
        let file = File::open(path).map_err(|error| unreadable(&error))?;
        let mut zip = ZipArchive::new(BufReader::new(file)).map_err(|error| unreadable(&error))?;
        if zip.len() > ENTRIES_MAX {
            return Err(invalid(&format!(
                "the archive has {} entries; at most {ENTRIES_MAX} are taken",
                zip.len()
            )));
        }
        if zip.has_duplicate_names() {
            let start = zip.central_directory_start();
            let twice = duplicate_name(path, start).unwrap_or_else(|| "?".to_owned());
            return Err(of_entry(&twice, "it is there twice"));
        }
        check_entries(&mut zip)?;
        let mut archive = Archive {
            zip,
            parts: BTreeMap::new(),
        };
        archive.sort_out(base)?;
        let lists = archive.parts.iter();
        let lists: Vec<_> = lists
            .filter_map(|(component, part)| Some((component.clone(), part.list?)))
            .collect();
        for (component, list) in lists {
            let numbers = archive.read_numbers(list)?;
            archive.parts.entry(component).or_default().numbers = numbers;
        }
        Ok(archive)
    }

    /// The tables that have documents here.
    pub(crate) fn tables(&self) -> Vec<TablePath> {
        let mut tables = Vec::new();
        for (component, part) in &self.parts {
            let there = part.tables.iter();
            let there = there.filter(|(_, entries)| entries.documents.is_some());
            tables.extend(there.map(|(name, _)| TablePath {
                component: component.clone(),
                table: name.clone(),
            }));
        }
        tables
    }

    /// The components of which there is anything.
    pub(crate) fn components(&self) -> impl Iterator<Item = &ComponentPath> {
        self.parts.keys()
    }

    /// Whether there are documents or files of a component, and not only that it has none.
    pub(crate) fn has_something(&self, of: &ComponentPath) -> bool {
        self.parts.get(of).is_some_and(|part| {
            let mut tables = part.tables.values();
            tables.any(|entries| entries.documents.is_some()) || !part.storage.contents.is_empty()
        })
    }

    /// The number that a table has in its ids, as its component's list of tables says.
    pub(crate) fn number_of(&self, of: &TablePath) -> Option<TableNumber> {
        self.parts
            .get(&of.component)?
            .numbers
            .get(&of.table)
            .copied()
    }

    /// The name of the entry with the documents of a table.
    pub(crate) fn entry_of(&self, of: &TablePath) -> Option<String> {
        let entries = self.parts.get(&of.component)?.tables.get(&of.table)?;
        self.name(entries.documents?).ok()
    }

    /// Whether there are files of a component.
    pub(crate) fn has_files(&self, of: &ComponentPath) -> bool {
        let part = self.parts.get(of);
        part.is_some_and(|part| part.storage.documents.is_some())
    }

    /// Hands every document of a table to `sink`.
    pub(crate) fn documents(&mut self, of: &TablePath, sink: &mut Sink) -> Result<(), String> {
        let part = self.parts.get(&of.component);
        let entries = part.and_then(|part| part.tables.get(&of.table).copied());
        let entries = entries.unwrap_or_default();
        let encoding = match entries.schema {
            Some(entry) => self.encoding(entry)?,
            None => Encoding::Convex,
        };
        match entries.documents {
            Some(entry) => self.lines(entry, encoding, sink),
            None => Ok(()),
        }
    }

    /// Hands what is said of every file of a component to `sink`.
    pub(crate) fn files(&mut self, of: &ComponentPath, sink: &mut Sink) -> Result<(), String> {
        match self.parts.get(of).and_then(|part| part.storage.documents) {
            Some(entry) => self.lines(entry, Encoding::Export, sink),
            None => Ok(()),
        }
    }

    /// Hands the content of a file to `sink`, in chunks; its error is an error of the entry.
    pub(crate) fn content(
        &mut self,
        of: &ComponentPath,
        file: &str,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<(), String> {
        const CHUNK: usize = 256 << 10;
        let part = self.parts.get(of);
        let entry = part.and_then(|part| part.storage.contents.get(file).copied());
        let entry = entry.ok_or_else(|| {
            let name = format!("{STORAGE}/{file}");
            of_entry(&name, "it is missing, although the list of files names it")
        })?;
        self.read(entry, |reader| {
            let mut chunk = vec![0; CHUNK];
            loop {
                let read = reader.read(&mut chunk).map_err(|error| broken(&error))?;
                if read == 0 {
                    return Ok(());
                }
                sink(&chunk[..read])?;
            }
        })
    }

    /// Finds out what is what.
    fn sort_out(&mut self, base: &ComponentPath) -> Result<(), String> {
        for index in 0..self.zip.len() {
            let name = self.name(index)?;
            let found = meaning(&name).map_err(|why| of_entry(&name, &why))?;
            let (below, meaning) = match found {
                (_, Meaning::Nothing) => continue,
                found => found,
            };
            let component = below
                .iter()
                .fold(base.clone(), |path, name| path.child(name));
            let part = self.parts.entry(component).or_default();
            let taken = match meaning {
                Meaning::Nothing => None,
                Meaning::Documents(table) => {
                    let entries = part.tables.entry(table).or_default();
                    entries.documents.replace(index)
                }
                Meaning::Schema(table) => {
                    part.tables.entry(table).or_default().schema.replace(index)
                }
                Meaning::TableList => part.list.replace(index),
                Meaning::FileList => part.storage.documents.replace(index),
                Meaning::Content(file) => part.storage.contents.insert(file, index),
            };
            if let Some(other) = taken {
                let other = self.name(other)?;
                return Err(of_entry(
                    &name,
                    &format!("it is the same thing as {other:?}"),
                ));
            }
        }
        Ok(())
    }

    fn name(&self, index: usize) -> Result<String, String> {
        let entry = self
            .zip
            .by_index_data(index)
            .map_err(|error| broken(&error))?;
        Ok(String::from_utf8_lossy(entry.name_raw()).into_owned())
    }

    fn read_numbers(&mut self, list: usize) -> Result<BTreeMap<String, TableNumber>, String> {
        let mut numbers: BTreeMap<String, TableNumber> = BTreeMap::new();
        self.lines(list, Encoding::Export, &mut |place, line| {
            let (name, number) = table_line(&line).ok_or_else(|| {
                format!("{place}: InvalidTables: a line must be {{\"name\":…,\"id\":…}}")
            })?;
            if name.starts_with('_') {
                return Ok(());
            }
            if let Some((other, _)) = numbers.iter().find(|(_, taken)| **taken == number) {
                return Err(format!(
                    "{place}: TableNumberConflict: {name:?} has the number {} of {other:?}",
                    number.0
                ));
            }
            match numbers.insert(name.clone(), number) {
                None => Ok(()),
                Some(_) => Err(format!(
                    "{place}: DuplicateTableName: {name:?} is there twice"
                )),
            }
        })?;
        Ok(numbers)
    }

    fn encoding(&mut self, entry: usize) -> Result<Encoding, String> {
        const LINE_MAX: u64 = 64 << 10;
        self.read(entry, |reader| {
            let mut line = String::new();
            let read = BufReader::new(reader.take(LINE_MAX)).read_line(&mut line);
            read.map_err(|error| broken(&error))?;
            match line.trim() {
                UNIFORM => Ok(Encoding::Export),
                _ => Err(
                    "it is of an old kind that is not taken: make the snapshot again with a newer version of what made \
                     it, or import the documents as JSON lines, table by table"
                        .to_owned(),
                ),
            }
        })
    }

    fn lines(&mut self, entry: usize, encoding: Encoding, sink: &mut Sink) -> Result<(), String> {
        self.read(entry, |reader| {
            json_lines(&mut BufReader::new(reader), encoding, sink)
        })
    }

    /// Lets `work` read an entry to its end; its errors get the entry's name.
    fn read<T>(
        &mut self,
        entry: usize,
        work: impl FnOnce(&mut dyn Read) -> Result<T, String>,
    ) -> Result<T, String> {
        let name = self.name(entry)?;
        let opened = self.zip.by_index(entry);
        let mut opened = opened.map_err(|error| of_entry(&name, &error.to_string()))?;
        let size = opened.size();
        let mut bounded = opened.by_ref().take(size.saturating_add(1));
        let done = work(&mut bounded).map_err(|why| format!("{name}: {why}"))?;
        // What is behind the part that was wanted must be as announced, too.
        std::io::copy(&mut bounded, &mut std::io::sink())
            .map_err(|error| of_entry(&name, &error.to_string()))?;
        if bounded.limit() != 1 {
            let than = if bounded.limit() == 0 {
                "more"
            } else {
                "fewer"
            };
            return Err(of_entry(
                &name,
                &format!("it has {than} bytes than the {size} that it claims to have"),
            ));
        }
        Ok(done)
    }
}

fn invalid(why: &str) -> String {
    format!("InvalidZip: {why}")
}

fn of_entry(name: &str, why: &str) -> String {
    invalid(&format!("the entry {name:?} is refused: {why}"))
}

fn broken(error: &dyn std::fmt::Display) -> String {
    invalid(&format!("it cannot be unpacked: {error}"))
}

/// Everything that can be known of entries without unpacking them.
fn check_entries(zip: &mut ZipArchive<BufReader<File>>) -> Result<(), String> {
    let mut places = Vec::with_capacity(zip.len());
    for index in 0..zip.len() {
        let options = ZipReadOptions::new().enforce_header_consistency(true);
        let entry = zip.by_index_data(index).map_err(|error| broken(&error))?;
        let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
        let refuse = |why: &str| Err(of_entry(&name, why));
        if std::str::from_utf8(entry.name_raw()).is_err() {
            return refuse("its name is not UTF-8 text");
        }
        if let Some(why) = wrong_name(&name) {
            return refuse(why);
        }
        if entry.encrypted() {
            return refuse("it is encrypted");
        }
        if entry.is_symlink() {
            return refuse("it is a link");
        }
        if !matches!(
            entry.compression(),
            CompressionMethod::Stored | CompressionMethod::Deflated
        ) {
            return refuse("it is packed by a method other than deflate");
        }
        let (size, packed) = (entry.size(), entry.compressed_size());
        if size >= SUSPICIOUS_BYTES && size / packed.max(1) > PACKED_MAX {
            return refuse(&format!(
                "it claims to have {size} bytes, packed into {packed}: that is more than {PACKED_MAX} times, as of a \
                 decompression bomb"
            ));
        }
        let header_start = entry.header_start();
        let opened = zip.by_index_with_options(index, options);
        let opened = opened.map_err(|error| of_entry(&name, &error.to_string()))?;
        let data_start = opened.data_start().unwrap_or(header_start);
        places.push((header_start, data_start.saturating_add(packed), name));
    }
    places.sort_unstable();
    let directory = zip.central_directory_start();
    for (position, (_, end, name)) in places.iter().enumerate() {
        let limit = places.get(position + 1).map_or(directory, |next| next.0);
        if *end > limit.min(directory) {
            return Err(of_entry(name, "it shares bytes with what comes after it"));
        }
    }
    Ok(())
}

fn wrong_name(name: &str) -> Option<&'static str> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Some("its name is empty or too long");
    }
    if name.contains(['\0', '\\', ':']) || name.chars().any(char::is_control) {
        return Some("its name has characters that no entry of a snapshot has");
    }
    let path = name.strip_suffix('/').unwrap_or(name);
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Some("its name is no plain path below the archive's folder");
    }
    None
}

/// What an entry is, and the names of the components it lies below.
fn meaning(name: &str) -> Result<(Vec<&str>, Meaning), String> {
    if name.ends_with('/') {
        return Ok((Vec::new(), Meaning::Nothing));
    }
    let mut parts: Vec<&str> = name.split('/').collect();
    let (file, folder) = (parts.pop().unwrap_or_default(), parts.pop());
    let Some(folder) = folder else {
        return Ok((Vec::new(), Meaning::Nothing));
    };
    let meaning = in_component(folder, file)?;
    // What comes before the components is the archive's own affair.
    let mut components = Vec::new();
    while let [.., COMPONENTS, name] = parts[..] {
        components.insert(0, name);
        parts.truncate(parts.len() - 2);
    }
    let misplaced = parts.contains(&COMPONENTS) || folder == COMPONENTS;
    if misplaced && (!matches!(meaning, Meaning::Nothing) || file == DOCUMENTS) {
        return Err(format!(
            "of which component it is cannot be told: what belongs to one lies in {COMPONENTS}/<name>/<table>/"
        ));
    }
    if let Some(wrong) = components.iter().find(|name| !is_component_name(name)) {
        return Err(format!("{wrong:?} cannot name a component"));
    }
    Ok((components, meaning))
}

fn is_component_name(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn in_component(folder: &str, file: &str) -> Result<Meaning, String> {
    Ok(match (folder, file) {
        (TABLES, DOCUMENTS) => Meaning::TableList,
        (STORAGE, DOCUMENTS) => Meaning::FileList,
        (STORAGE, GENERATED_SCHEMA) => Meaning::Nothing,
        (STORAGE, file) => {
            let id = file.split('.').next().unwrap_or_default();
            match id.is_empty() {
                true => Meaning::Nothing,
                false => Meaning::Content(id.to_owned()),
            }
        }
        (table, DOCUMENTS | GENERATED_SCHEMA) if table.starts_with('_') => Meaning::Nothing,
        (table, DOCUMENTS | GENERATED_SCHEMA) if !is_table_name(table) => {
            return Err(format!("{table:?} cannot name a table"));
        }
        (table, DOCUMENTS) => Meaning::Documents(table.to_owned()),
        (table, GENERATED_SCHEMA) => Meaning::Schema(table.to_owned()),
        _ => Meaning::Nothing,
    })
}

fn table_line(line: &Object) -> Option<(String, TableNumber)> {
    let Some(Value::String(name)) = line.get("name") else {
        return None;
    };
    let number = match line.get("id") {
        Some(Value::Int64(number)) => u32::try_from(*number).ok(),
        Some(Value::Float64(number)) if number.fract() == 0.0 => (0.0..f64::from(u32::MAX))
            .contains(number)
            .then_some(*number as u32),
        _ => None,
    };
    Some((
        name.clone(),
        TableNumber(number.filter(|number| *number > 0)?),
    ))
}

/// The first name that the directory at `start` holds twice; the archive's reader keeps one of each.
fn duplicate_name(path: &Path, start: u64) -> Option<String> {
    const SIGNATURE: &[u8] = b"PK\x01\x02";
    const FIXED: usize = 46;
    let mut reader = BufReader::new(File::open(path).ok()?);
    reader.seek(SeekFrom::Start(start)).ok()?;
    let mut seen = std::collections::HashSet::new();
    let mut header = [0; FIXED];
    loop {
        reader.read_exact(&mut header).ok()?;
        if &header[..SIGNATURE.len()] != SIGNATURE {
            return None;
        }
        let length = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let (name, extra, comment) = (length(28), length(30), length(32));
        let mut raw = vec![0; usize::from(name)];
        reader.read_exact(&mut raw).ok()?;
        reader
            .seek_relative(i64::from(extra) + i64::from(comment))
            .ok()?;
        let text = String::from_utf8_lossy(&raw).into_owned();
        if !seen.insert(raw) {
            return Some(text);
        }
    }
}

#[cfg(test)]
mod tests;
