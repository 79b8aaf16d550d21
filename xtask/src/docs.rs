//! `cargo xtask docs`: the documentation as a site, and the checks of its pages that `tidy` makes:
//! links, anchors, the list of pages, and a page for each error code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use crate::command::{program, succeed};
use crate::error_pages;
use crate::setup;
use crate::workspace::root;

/// The pages, and the list of them that mdBook reads.
const FOLDER: &str = "docs";
const LIST: &str = "docs/SUMMARY.md";
/// Crates whose errors clients see.
const ANSWERING: &[&str] = &[
    "catalog",
    "database",
    "functions",
    "identity",
    "jobs",
    "js",
    "server",
    "session",
    "values",
];
/// Texts that look like a code and are none.
const NO_CODES: &[&str] = &[
    // Kinds of functions, and who calls them, in logs.
    "HttpAction",
    "HttpApi",
    "HttpEndpoint",
    "SyncWorker",
    // Modes of imports.
    "ReplaceAll",
    "RequireEmpty",
    // A type, as its debug output names it; a unit; a number.
    "AdminKeys",
    "MiB",
    "NaN",
];

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only make the pages of error codes of their table.
    #[arg(long)]
    write: bool,
}

/// Builds the site into target/docs.
pub(crate) fn main(arguments: &Arguments) -> anyhow::Result<()> {
    error_pages::write()?;
    if arguments.write {
        return Ok(());
    }
    succeed(program(setup::mdbook()?, &root()).arg("build"))?;
    println!("{}", root().join("target/docs/index.html").display());
    Ok(())
}

/// What a page has that others may speak of, and of what it speaks.
#[derive(Default)]
struct Page {
    anchors: BTreeSet<String>,
    links: Vec<String>,
}

/// Reads a page as mdBook does.
fn page(text: &str) -> Page {
    let mut page = Page::default();
    let mut heading: Option<String> = None;
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for event in Parser::new(text) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let title = heading.take().unwrap_or_default();
                let id = anchor(&title);
                let count = seen.entry(id.clone()).or_default();
                page.anchors.insert(match *count {
                    0 => id,
                    count => format!("{id}-{count}"),
                });
                *count += 1;
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                page.links.push(dest_url.into_string());
            }
            _ => {}
        }
    }
    page
}

/// The name by which mdBook lets a heading be linked to.
fn anchor(title: &str) -> String {
    title
        .chars()
        .filter_map(|c| match c {
            c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c.to_ascii_lowercase()),
            c if c.is_whitespace() => Some('-'),
            _ => None,
        })
        .collect()
}

/// Adds what is wrong with these pages and with the page of error codes.
pub(crate) fn check(
    pages: &[PathBuf],
    sources: &[PathBuf],
    findings: &mut Vec<String>,
) -> anyhow::Result<()> {
    let mut read = BTreeMap::new();
    for path in pages.iter().filter(|path| path.starts_with(FOLDER)) {
        read.insert(path.clone(), page(&fs::read_to_string(root().join(path))?));
    }
    links(&read, findings);
    let mut codes = BTreeSet::new();
    for path in sources.iter().filter(|path| answers(path)) {
        codes_of(&fs::read_to_string(root().join(path))?, &mut codes);
    }
    let table = error_pages::table()?;
    error_codes(&codes, &error_pages::codes(&table), findings);
    error_pages::check(&table, findings)
}

/// Every link within the pages leads somewhere, and every page is in the list.
fn links(pages: &BTreeMap<PathBuf, Page>, findings: &mut Vec<String>) {
    let mut listed = BTreeSet::from([PathBuf::from(LIST)]);
    for (path, page) in pages {
        for link in page.links.iter().filter(|link| !link.contains("://")) {
            let (file, wanted) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => path.clone(),
                file => resolve(path.parent().unwrap_or(Path::new("")), file),
            };
            let shown = path.display();
            let there = pages.contains_key(&target) || root().join(&target).is_file();
            if !target.starts_with(FOLDER) || !there {
                findings.push(format!("{shown}: there is no {link} in {FOLDER}/"));
            } else if !wanted.is_empty()
                && !pages
                    .get(&target)
                    .is_some_and(|page| page.anchors.contains(wanted))
            {
                findings.push(format!("{shown}: {link} names no heading"));
            }
            if path == Path::new(LIST) {
                listed.insert(target);
            }
        }
    }
    for path in pages.keys().filter(|path| !listed.contains(*path)) {
        findings.push(format!("{} is not in {LIST}", path.display()));
    }
}

/// A path from a folder, without dots in it.
fn resolve(folder: &Path, file: &str) -> PathBuf {
    let mut path = PathBuf::new();
    for component in folder.join(file).components() {
        match component {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    path
}

/// Whether a source file can answer clients.
fn answers(path: &Path) -> bool {
    let parts: Vec<_> = path.iter().filter_map(|part| part.to_str()).collect();
    let test = |part: &&str| *part == "tests" || part.ends_with("tests.rs");
    matches!(parts.as_slice(), ["crates", name, "src", rest @ ..]
        if ANSWERING.contains(name) && !rest.iter().any(test))
}

/// The codes that a source file has.
fn codes_of(source: &str, codes: &mut BTreeSet<String>) {
    let source = source
        .split_once("#[cfg(test)]\nmod tests {")
        .map_or(source, |(before, _)| before);
    // Every text between two quotes, whether a literal or what is between literals. Some messages
    // begin with their code.
    let code = |text: &&str| camel(text) && !NO_CODES.contains(text);
    let texts = source
        .split('"')
        .map(|text| text.split_once(": ").map_or(text, |(code, _)| code));
    codes.extend(texts.filter(code).map(str::to_owned));
}

/// Whether a text is at least two words in camel case.
fn camel(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.chars().all(|c| c.is_ascii_alphabetic())
        && text.chars().any(|c| c.is_ascii_lowercase())
        && text.chars().filter(char::is_ascii_uppercase).count() > 1
}

/// Each code has its page, and each page its code.
fn error_codes(codes: &BTreeSet<String>, explained: &BTreeSet<&str>, findings: &mut Vec<String>) {
    let table = error_pages::TABLE;
    for code in codes
        .iter()
        .filter(|code| !explained.contains(code.as_str()))
    {
        findings.push(format!("{table} does not explain {code}"));
    }
    for code in explained.iter().filter(|code| !codes.contains(**code)) {
        findings.push(format!("{table}: nothing answers {code} any more"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_those_of_mdbook() {
        let page = page("# A `code`, and more!\n## Twice\n## Twice\n");
        let anchors: Vec<_> = page.anchors.iter().map(String::as_str).collect();
        assert_eq!(anchors, ["a-code-and-more", "twice", "twice-1"]);
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        let text = "# One\n[a](#one) [b](#two) [c](missing.md) [d](../README.md) ![e](gone.png)\n";
        let pages = BTreeMap::from([(PathBuf::from("docs/x.md"), page(text))]);
        let mut findings = Vec::new();
        links(&pages, &mut findings);
        assert_eq!(findings.len(), 5, "{findings:?}");
        assert!(findings[0].contains("#two"));
        assert!(findings[4].contains("is not in"));
    }

    #[test]
    fn codes_and_pages_are_compared() {
        let mut codes = BTreeSet::new();
        codes_of(
            "f(\"BadThing\", \"WorseThing: {why}\", \"a Text\", \"Word\", \"HttpApi\") #[cfg(test)]\nmod tests { \"NoCode\" }",
            &mut codes,
        );
        assert_eq!(
            codes,
            BTreeSet::from(["BadThing".to_owned(), "WorseThing".to_owned()])
        );
        let mut findings = Vec::new();
        error_codes(&codes, &BTreeSet::from(["OldThing"]), &mut findings);
        assert_eq!(findings.len(), 3, "{findings:?}");
    }
}
