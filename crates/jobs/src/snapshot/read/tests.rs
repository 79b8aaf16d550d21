//! Archives that somebody made to do harm, and archives that were damaged on their way.

use std::io::Write as _;
use std::path::PathBuf;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";

fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in entries {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        writer.start_file(*name, options).expect("it begins");
        writer.write_all(content).expect("it is written");
    }
    writer.finish().expect("it ends").into_inner()
}

fn good() -> Vec<(&'static str, &'static [u8])> {
    vec![
        ("README.md", b"hello"),
        (
            "_tables/documents.jsonl",
            b"{\"name\":\"t\",\"id\":10001}\n{\"name\":\"u\",\"id\":10002}\n",
        ),
        (
            "t/documents.jsonl",
            b"{\"a\":1}\n{\"a\":2.5,\"b\":\"three\"}\n",
        ),
        ("t/generated_schema.jsonl", b"\"uniform\"\n"),
        ("u/documents.jsonl", b"{\"a\":1}\n"),
        ("_storage/documents.jsonl", b"{\"_id\":\"x1\"}\n"),
        ("_storage/x1.txt", b"the content of a file"),
    ]
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a folder"))
    }

    fn put(&self, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join("a.zip");
        std::fs::write(&path, bytes).expect("written");
        path
    }

    /// Everything in the archive as text, or why it is refused.
    fn read(&self, bytes: &[u8]) -> Result<String, String> {
        let mut archive = Archive::open(&self.put(bytes), &ComponentPath::root())?;
        let mut read = String::new();
        for table in archive.tables() {
            read.push_str(&format!("{table} {:?}\n", archive.number_of(&table)));
            archive.documents(&table, &mut |place, fields| {
                read.push_str(&format!("{place} {fields:?}\n"));
                Ok(())
            })?;
        }
        let components: Vec<_> = archive.components().cloned().collect();
        for component in components {
            let mut files = Vec::new();
            archive.files(&component, &mut |_, line| {
                if let Some(Value::String(id)) = line.get("_id") {
                    files.push(id.clone());
                }
                Ok(())
            })?;
            for file in files {
                archive.content(&component, &file, &mut |chunk| {
                    read.push_str(&String::from_utf8_lossy(chunk));
                    Ok(())
                })?;
            }
        }
        Ok(read)
    }
}

/// Where each header of that kind begins.
fn headers(bytes: &[u8], signature: &[u8]) -> Vec<usize> {
    (0..bytes.len() - signature.len())
        .filter(|at| bytes[*at..].starts_with(signature))
        .collect()
}

/// Changes the number of 4 bytes at an offset of the n-th header of both kinds.
fn set_in_headers(bytes: &mut [u8], n: usize, local: usize, central: usize, value: u32) {
    for (signature, offset) in [(LOCAL, local), (CENTRAL, central)] {
        let at = headers(bytes, signature)[n] + offset;
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
}

#[test]
fn a_whole_archive_is_read_whatever_folder_it_was_made_in() {
    let folder = Folder::new();
    let plain = folder.read(&zip_of(&good())).expect("it is good");
    assert!(
        plain.contains("Int64(1)") && plain.contains("the content of a file"),
        "{plain}"
    );
    assert!(plain.contains("t Some(TableNumber(10001))"), "{plain}");
    let below: Vec<(String, &[u8])> = good()
        .into_iter()
        .map(|(name, content)| (format!("snapshot/2026/{name}"), content))
        .collect();
    let below: Vec<(&str, &[u8])> = below.iter().map(|(n, c)| (n.as_str(), *c)).collect();
    assert_eq!(folder.read(&zip_of(&below)), Ok(plain));
}

#[test]
fn s050_without_the_mark_of_its_encoding_bare_integers_are_floats() {
    let folder = Folder::new();
    let mut entries = good();
    entries.retain(|(name, _)| *name != "t/generated_schema.jsonl");
    let read = folder.read(&zip_of(&entries)).expect("it is good");
    assert!(
        read.contains("Float64(1.0)") && !read.contains("Int64"),
        "{read}"
    );
    let old = [
        ("t/documents.jsonl", &b"{}\n"[..]),
        ("t/generated_schema.jsonl", b"\"int64\"\n"),
    ];
    let refused = folder
        .read(&zip_of(&old))
        .expect_err("it is of an old kind");
    assert!(refused.contains("t/generated_schema.jsonl"), "{refused}");
}

#[test]
fn components_are_found_in_their_folders() {
    let folder = Folder::new();
    let entries: [(&str, &[u8]); 9] = [
        (
            "made/by/me/_tables/documents.jsonl",
            b"{\"name\":\"t\",\"id\":10001}\n",
        ),
        ("made/by/me/t/documents.jsonl", b"{\"of\":\"root\"}\n"),
        (
            "made/by/me/_components/a/_tables/documents.jsonl",
            b"{\"name\":\"t\",\"id\":10007}\n",
        ),
        (
            "made/by/me/_components/a/t/documents.jsonl",
            b"{\"of\":\"a\"}\n",
        ),
        (
            "made/by/me/_components/a/_components/b/t/documents.jsonl",
            b"{\"of\":\"b\"}\n",
        ),
        (
            "made/by/me/_components/a/_storage/documents.jsonl",
            b"{\"_id\":\"x1\"}\n",
        ),
        ("made/by/me/_components/a/_storage/x1", b"a file of a"),
        ("_components/README.md", b"nothing"),
        ("_components/a/notes.txt", b"nothing"),
    ];
    let zip = zip_of(&entries);
    let read = folder.read(&zip).expect("it is good");
    for found in [
        "t Some(TableNumber(10001))\nline 1 {\"of\": String(\"root\")}",
        "t of the component a Some(TableNumber(10007))\nline 1 {\"of\": String(\"a\")}",
        "t of the component a/b None\nline 1 {\"of\": String(\"b\")}",
        "a file of a",
    ] {
        assert!(read.contains(found), "{found:?} in {read}");
    }
    let base = ComponentPath("x".to_owned());
    let archive = Archive::open(&folder.put(&zip), &base).expect("it is good");
    let below: Vec<_> = archive.components().map(|path| path.0.as_str()).collect();
    assert_eq!(below, ["x", "x/a", "x/a/b"]);
}

#[test]
fn the_same_table_of_a_component_twice_is_refused() {
    let folder = Folder::new();
    let entries: [(&str, &[u8]); 2] = [
        ("one/_components/a/t/documents.jsonl", b"{}\n"),
        ("other/_components/a/t/documents.jsonl", b"{}\n"),
    ];
    let refused = folder.read(&zip_of(&entries)).expect_err("refused");
    assert!(refused.contains("it is the same thing as"), "{refused}");
    // Two components may each have one.
    let entries: [(&str, &[u8]); 2] = [
        ("_components/a/t/documents.jsonl", b"{}\n"),
        ("_components/b/t/documents.jsonl", b"{}\n"),
    ];
    folder.read(&zip_of(&entries)).expect("it is good");
}

#[test]
fn names_that_lead_elsewhere_are_refused_by_name() {
    let folder = Folder::new();
    for name in [
        "../t/documents.jsonl",
        "a/../../t/documents.jsonl",
        "/t/documents.jsonl",
        "t\\documents.jsonl",
        "C:/t/documents.jsonl",
        "./t/documents.jsonl",
        "t//documents.jsonl",
        "t/\u{1}/documents.jsonl",
        "1t/documents.jsonl",
        "t t/documents.jsonl",
        "_components/t/documents.jsonl",
        "_components/a/b/t/documents.jsonl",
        "_components/_storage/x1",
        "t/_components/documents.jsonl",
        "_components/a b/t/documents.jsonl",
        "_components/../t/documents.jsonl",
    ] {
        let mut entries = good();
        entries.push((name, b"{}\n"));
        let refused = folder.read(&zip_of(&entries)).expect_err(name);
        assert!(
            refused.contains(&format!("{name:?}")),
            "{name:?}: {refused}"
        );
    }
    let mut same = good();
    same.push(("b/t/documents.jsonl", b"{}\n"));
    let refused = folder
        .read(&zip_of(&same))
        .expect_err("twice the same table");
    assert!(refused.contains("b/t/documents.jsonl"), "{refused}");
}

#[test]
fn what_is_said_of_an_entry_must_be_so() {
    let folder = Folder::new();
    let whole = zip_of(&good());
    let names: Vec<&str> = good().iter().map(|(name, _)| *name).collect();
    for (n, name) in names.iter().enumerate() {
        // What it claims to have, unpacked: less and more, in one header and in both.
        for size in [0, 1, 2, 100_000] {
            let mut lying = whole.clone();
            set_in_headers(&mut lying, n, 22, 24, size);
            refused_by_name(&folder, &lying, name, size);
            let mut one = whole.clone();
            let at = headers(&one, CENTRAL)[n] + 24;
            one[at..at + 4].copy_from_slice(&u32::to_le_bytes(size));
            refused_by_name(&folder, &one, name, size);
        }
        let mut checksum = whole.clone();
        set_in_headers(&mut checksum, n, 14, 16, 0xdead_beef);
        refused_by_name(&folder, &checksum, name, 0);
        // A bomb is told by its claim alone.
        let mut bomb = whole.clone();
        set_in_headers(&mut bomb, n, 22, 24, 0xf000_0000);
        let refused = folder.read(&bomb).expect_err("a bomb");
        assert!(
            refused.contains(name) && refused.contains("bomb"),
            "{refused}"
        );
        let mut encrypted = whole.clone();
        for (signature, offset) in [(LOCAL, 6), (CENTRAL, 8)] {
            let at = headers(&encrypted, signature)[n] + offset;
            encrypted[at] |= 1;
        }
        let refused = folder.read(&encrypted).expect_err("encrypted");
        assert!(refused.contains(name), "{refused}");
    }
}

/// Nothing reads the read-me, so that nobody notices what it claims.
fn refused_by_name(folder: &Folder, bytes: &[u8], name: &str, size: u32) {
    match folder.read(bytes) {
        Err(why) => assert!(why.contains(name), "{name} {size}: {why}"),
        Ok(read) if name == "README.md" => assert!(!read.contains("hello")),
        Ok(read) => panic!("{name} with {size} bytes is taken: {read}"),
    }
}

#[test]
fn names_that_are_there_twice_or_no_text_are_refused() {
    let folder = Folder::new();
    let mut entries = good();
    entries.push(("t/documents.jsonX", b"{}\n"));
    let mut twice = zip_of(&entries);
    replace_all(&mut twice, b"documents.jsonX", b"documents.jsonl");
    let refused = folder.read(&twice).expect_err("twice");
    assert!(
        refused.contains("\"t/documents.jsonl\"") && refused.contains("twice"),
        "{refused}"
    );
    let mut no_text = zip_of(&good());
    replace_all(&mut no_text, b"u/documents.jsonl", b"\xff/documents.jsonl");
    let refused = folder.read(&no_text).expect_err("no text");
    assert!(refused.contains("UTF-8"), "{refused}");
    let not_utf8 = [("t/documents.jsonl", &b"{\"a\":1}\n{\"a\":\"\xff\"}\n"[..])];
    let refused = folder.read(&zip_of(&not_utf8)).expect_err("no text");
    assert!(
        refused.contains("t/documents.jsonl: NotUtf8: line 2"),
        "{refused}"
    );
}

#[test]
fn entries_that_share_bytes_are_refused() {
    let folder = Folder::new();
    let content = b"{\"a\":1}\n";
    let whole = zip_of(&[
        ("t/documents.jsonl", content),
        ("u/documents.jsonl", content),
    ]);
    // Both entries of the directory lead to the first.
    let mut shared = whole.clone();
    let second = headers(&shared, CENTRAL)[1];
    shared[second + 42..second + 46].copy_from_slice(&0u32.to_le_bytes());
    replace_all(&mut shared, b"u/documents.jsonl", b"t/documents.jsonl");
    assert!(folder.read(&shared).is_err());
    // One claims the bytes of the other as its own.
    let mut long = whole.clone();
    set_in_headers(&mut long, 0, 18, 20, 60);
    let refused = folder.read(&long).expect_err("they overlap");
    assert!(refused.contains("t/documents.jsonl"), "{refused}");
}

fn replace_all(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    for at in headers(bytes, from) {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
}

/// Two hundred damaged archives: none is taken for another, none ends the process.
#[test]
fn damaged_archives_are_refused_or_read_as_they_were() {
    let folder = Folder::new();
    let whole = zip_of(&good());
    let right = folder.read(&whole).expect("it is good");
    for seed in 0..200u64 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut damaged = whole.clone();
        match seed % 4 {
            0 => damaged.truncate(random.random_range(0..whole.len())),
            1 => {
                let at = random.random_range(0..damaged.len());
                damaged[at] ^= 1 << random.random_range(0..8u32);
            }
            2 => {
                let from = random.random_range(0..damaged.len() - 40);
                let length = random.random_range(1..40);
                damaged.drain(from..from + length);
            }
            _ => {
                let (from, to) = (
                    random.random_range(0..damaged.len() - 40),
                    random.random_range(0..damaged.len() - 40),
                );
                damaged.copy_within(from..from + random.random_range(1..40), to);
            }
        }
        let read = folder.read(&damaged);
        let harmless = |read: &String| right.lines().any(|line| read.contains(line));
        match &read {
            Err(why) => assert!(!why.is_empty()),
            // A name may have become another, which is not an error by itself; contents may not.
            Ok(read) if *read == right => {}
            Ok(read) => assert!(read.is_empty() || harmless(read), "seed {seed}: {read}"),
        }
    }
}

/// A sound archive with some tables of chance, as text and bytes of its entries.
fn drawn(random: &mut StdRng) -> Vec<(String, Vec<u8>)> {
    let mut entries: Vec<(String, Vec<u8>)> = good()
        .into_iter()
        .map(|(name, content)| (name.to_owned(), content.to_vec()))
        .collect();
    for n in 0..random.random_range(0..3) {
        let mut lines = String::new();
        for row in 0..random.random_range(1..5) {
            let text = "lentil ".repeat(random.random_range(0..9));
            lines.push_str(&format!("{{\"n\":{row},\"text\":{text:?}}}\n"));
        }
        entries.push((format!("r{n}/documents.jsonl"), lines.into_bytes()));
    }
    entries
}

fn zip_of_drawn(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let entries: Vec<(&str, &[u8])> = entries
        .iter()
        .map(|(name, content)| (name.as_str(), content.as_slice()))
        .collect();
    zip_of(&entries)
}

/// Makes a drawn archive hostile in one way; gives it with the name that its refusal must have.
fn made_hostile(
    way: u64,
    random: &mut StdRng,
    mut entries: Vec<(String, Vec<u8>)>,
) -> (Vec<u8>, String) {
    // Nobody reads the read-me.
    let n = random.random_range(1..entries.len());
    let name = entries[n].0.clone();
    match way {
        0 => {
            let starts = ["../", "/", "a/../../", "C:/", "./", "a//", "a\\", "a\u{7}/"];
            let start = starts[random.random_range(0..starts.len())];
            let name = format!("{start}e{}/documents.jsonl", random.random_range(0..99));
            entries.insert(n, (name.clone(), b"{}\n".to_vec()));
            (zip_of_drawn(&entries), format!("{name:?}"))
        }
        1 => {
            let mut whole = zip_of_drawn(&entries);
            let size = random.random_range(0..2) * 100_000 + random.random_range(0..3);
            set_in_headers(&mut whole, n, 22, 24, size);
            (whole, name)
        }
        2 => {
            let mut whole = zip_of_drawn(&entries);
            set_in_headers(&mut whole, n, 14, 16, random.random());
            (whole, name)
        }
        3 => {
            let mut whole = zip_of_drawn(&entries);
            let size = random.random_range(0xc000_0000..0xffff_fffe);
            set_in_headers(&mut whole, n, 22, 24, size);
            (whole, name)
        }
        4 => {
            let mut whole = zip_of_drawn(&entries);
            for (signature, offset) in [(LOCAL, 6), (CENTRAL, 8)] {
                let at = headers(&whole, signature)[n] + offset;
                whole[at] |= 1;
            }
            (whole, name)
        }
        5 => {
            entries.push((name.replace('.', "X"), b"{}\n".to_vec()));
            let mut whole = zip_of_drawn(&entries);
            replace_all(
                &mut whole,
                name.replace('.', "X").as_bytes(),
                name.as_bytes(),
            );
            (whole, name)
        }
        _ => {
            let tables: Vec<usize> = (0..entries.len())
                .filter(|n| {
                    !entries[*n].0.starts_with('_') && entries[*n].0.ends_with("/documents.jsonl")
                })
                .collect();
            let table = tables[random.random_range(0..tables.len())];
            let broken: &[u8] = match way {
                6 => b"{\"text\":\"\xfe\"}\n",
                7 => b"{\"text\":\n",
                _ => b"[1]\n",
            };
            let content = &mut entries[table].1;
            let ends: Vec<usize> = (0..content.len())
                .filter(|at| content[*at] == b'\n')
                .collect();
            let after = ends[random.random_range(0..ends.len())] + 1;
            content.splice(after..after, broken.iter().copied());
            (zip_of_drawn(&entries), entries[table].0.clone())
        }
    }
}

/// Two hundred hostile archives, made in nine ways: each is refused, and the refusal has the name
/// of the entry.
#[test]
fn hostile_archives_are_refused_by_the_name_of_the_entry() {
    let folder = Folder::new();
    for seed in 0..200u64 {
        let mut random = StdRng::seed_from_u64(seed);
        let entries = drawn(&mut random);
        assert!(folder.read(&zip_of_drawn(&entries)).is_ok(), "seed {seed}");
        let (hostile, name) = made_hostile(seed % 9, &mut random, entries);
        let Err(why) = folder.read(&hostile) else {
            panic!("seed {seed}: {name} is taken");
        };
        assert!(why.contains(&name), "seed {seed}: {name} is not in: {why}");
    }
}
