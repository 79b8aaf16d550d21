//! Checks that compilers do not make: the machine-checked part of the house style.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::command::{output, program};
use crate::workspace::root;

/// The allowed edges between our crates. A new one comes with a decision record in docs/adr.
const EDGES: &[(&str, &[&str])] = &[
    ("values", &[]),
    ("protocol", &["values"]),
    ("storage", &["values"]),
    ("files", &[]),
    ("js", &["values"]),
    ("identity", &["values"]),
    ("database", &["storage", "values"]),
    ("catalog", &["database", "values"]),
    (
        "functions",
        &[
            "catalog", "database", "files", "identity", "js", "storage", "values",
        ],
    ),
    ("jobs", &["catalog", "database", "functions", "values"]),
    (
        "session",
        &["database", "functions", "identity", "protocol", "values"],
    ),
    (
        "server",
        &[
            "catalog",
            "database",
            "functions",
            "identity",
            "jobs",
            "protocol",
            "session",
            "values",
        ],
    ),
    (
        "cli",
        &[
            "database",
            "files",
            "functions",
            "identity",
            "jobs",
            "protocol",
            "server",
            "storage",
            "values",
        ],
    ),
];

/// Outside crates that may stand in one manifest only.
const QUARANTINED: &[(&str, &str)] = &[
    ("axum", "server"),
    ("rusqlite", "storage"),
    ("oxc_parser", "js"),
];

/// Names that say nothing.
const BANNED_NAMES: &[&str] = &[
    "core", "common", "types", "utils", "util", "helpers", "misc", "manager", "impl",
];

/// Production lines a file may have; longer ones hold two nouns.
const FILE_LINES_MAX: usize = 800;

pub(crate) fn main() -> anyhow::Result<()> {
    let mut findings = Vec::new();
    edges(&mut findings)?;
    sources(&mut findings)?;
    stations(&mut findings)?;
    named_paths(&mut findings)?;
    compatibility(&mut findings)?;
    lock_files(&mut findings)?;
    crate::docs::check(&files(&[".md"])?, &files(&[".rs"])?, &mut findings)?;
    for finding in &findings {
        println!("tidy: {finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings", findings.len());
    }
    Ok(())
}

/// Every file git knows or would add, with one of these endings.
fn files(endings: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
    let list = output(program("git", &root()).args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
    ]));
    let Some(list) = list else {
        bail!("git ls-files failed; tidy needs a checkout")
    };
    let mut paths: Vec<PathBuf> = list
        .lines()
        .filter(|line| endings.iter().any(|ending| line.ends_with(ending)))
        .map(PathBuf::from)
        .filter(|path| root().join(path).exists())
        .collect();
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> anyhow::Result<String> {
    Ok(String::from_utf8_lossy(&fs::read(root().join(path))?).into_owned())
}

fn edges(findings: &mut Vec<String>) -> anyhow::Result<()> {
    let allowed: BTreeMap<_, _> = EDGES.iter().copied().collect();
    for entry in fs::read_dir(root().join("crates"))?.filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == "testkit" || name == "bench" {
            continue;
        }
        let Some(may) = allowed.get(name.as_str()) else {
            findings.push(format!("crate {name} has no row in the table of edges"));
            continue;
        };
        for dependency in dependencies(&fs::read_to_string(entry.path().join("Cargo.toml"))?) {
            if let Some(ours) = dependency.strip_prefix("lentil-")
                && !may.contains(&ours)
            {
                findings.push(format!("crates/{name} must not depend on {ours}"));
            }
            for (outside, only) in QUARANTINED {
                if dependency == *outside && name != *only {
                    findings.push(format!(
                        "crates/{name} must not depend on {outside}: that is for {only} alone"
                    ));
                }
            }
        }
    }
    Ok(())
}

/// The names under `[dependencies]` of a manifest.
fn dependencies(manifest: &str) -> Vec<String> {
    manifest
        .lines()
        .skip_while(|line| line.trim() != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', '=', ' ']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

fn sources(findings: &mut Vec<String>) -> anyhow::Result<()> {
    for path in files(&[".rs"])? {
        let text = read(&path)?;
        let shown = path.display();
        if !text.starts_with("//!") && !text.starts_with("#!") {
            findings.push(format!("{shown} does not open with a `//!` line"));
        }
        if path.ends_with("src/lib.rs") && !(text.contains("This crate") && text.contains("not")) {
            findings.push(format!(
                "{shown} does not say what the crate is and what it does not do"
            ));
        }
        let test = shown.to_string().contains("/tests");
        if !test && text.lines().count() > FILE_LINES_MAX {
            findings.push(format!(
                "{shown} has more than {FILE_LINES_MAX} lines: split it by noun"
            ));
        }
        let stem = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default();
        if BANNED_NAMES.contains(&stem.as_str()) {
            findings.push(format!("{shown}: the name {stem:?} says nothing"));
        }
    }
    Ok(())
}

/// The thirteen stations of the way of data, each in one file.
fn stations(findings: &mut Vec<String>) -> anyhow::Result<()> {
    let mut seen = BTreeMap::new();
    for path in files(&[".rs"])? {
        let text = read(&path)?;
        let Some(first) = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("//! Station "))
        else {
            continue;
        };
        let number: usize = first
            .chars()
            .take_while(char::is_ascii_digit)
            .collect::<String>()
            .parse()
            .unwrap_or(0);
        if let Some(other) = seen.insert(number, path.clone()) {
            findings.push(format!(
                "station {number} is in {} and {}",
                other.display(),
                path.display()
            ));
        }
    }
    let missing: Vec<_> = (1..=13)
        .filter(|number| !seen.contains_key(number))
        .collect();
    if !missing.is_empty() {
        findings.push(format!(
            "no file opens with `//! Station N ·` for {missing:?}"
        ));
    }
    Ok(())
}

/// Paths in backquotes in the pages about the code must exist.
fn named_paths(findings: &mut Vec<String>) -> anyhow::Result<()> {
    for page in [
        "ARCHITECTURE.md",
        "HACKING.md",
        "README.md",
        "docs/storage-format.md",
    ] {
        let Ok(text) = fs::read_to_string(root().join(page)) else {
            findings.push(format!("{page} is missing"));
            continue;
        };
        for quoted in text.split('`').skip(1).step_by(2) {
            let looks_like_path = quoted.contains('/')
                && !quoted.contains([' ', '<', '*', ':', '{', '$'])
                && !quoted.starts_with(['/', '.', '-', '@', '~'])
                && [
                    "crates", "xtask", "docs", "executor", "examples", "tests", "docker",
                ]
                .iter()
                .any(|folder| quoted.starts_with(&format!("{folder}/")));
            if looks_like_path && !root().join(quoted).exists() {
                findings.push(format!("{page} names {quoted}, which does not exist"));
            }
        }
    }
    Ok(())
}

/// Each row of docs/compat.md that claims to work names a test, and that test exists.
///
/// A test is written `file · name`, where `name` occurs in the file.
fn compatibility(findings: &mut Vec<String>) -> anyhow::Result<()> {
    let Ok(text) = fs::read_to_string(root().join("docs/compat.md")) else {
        findings.push("docs/compat.md is missing".to_owned());
        return Ok(());
    };
    for (index, line) in text.lines().enumerate() {
        let cells: Vec<_> = line
            .trim()
            .trim_matches('|')
            .split(" | ")
            .map(str::trim)
            .collect();
        let [what, status, tests] = cells.as_slice() else {
            continue;
        };
        if *status != "works" {
            continue;
        }
        let number = index + 1;
        let Some((file, name)) = tests.trim_matches('`').split_once(" · ") else {
            findings.push(format!("docs/compat.md:{number}: {what} names no test"));
            continue;
        };
        match fs::read_to_string(root().join(file)) {
            Ok(source) if source.contains(name) => {}
            Ok(_) => findings.push(format!(
                "docs/compat.md:{number}: {file} has no test {name:?}"
            )),
            Err(_) => findings.push(format!("docs/compat.md:{number}: {file} does not exist")),
        }
    }
    Ok(())
}

/// Lock files name packages and versions, not where one machine fetched them from.
fn lock_files(findings: &mut Vec<String>) -> anyhow::Result<()> {
    for path in files(&["package-lock.json"])? {
        if read(&path)?.contains("\"resolved\": \"http") {
            findings.push(format!("{} names download addresses", path.display()));
        }
    }
    Ok(())
}
