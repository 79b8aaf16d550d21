//! The pages of error codes, one a code, and the page that lists them. All are made of one table,
//! `docs/errors.json`: `cargo xtask docs --write` makes them, and tidy finds those that are old.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::Context;

use crate::workspace::root;

/// The table.
pub(crate) const TABLE: &str = "docs/errors.json";
/// Where the pages are, one a code.
const FOLDER: &str = "docs/errors";
/// The page that lists them, and its line in the list of pages.
const LISTING: &str = "docs/errors.md";
const SUMMARY: &str = "docs/SUMMARY.md";
const SUMMARY_LINE: &str = "- [Error codes](errors.md)\n";

const INTRODUCTION: &str = "# Error codes

Every code that the server answers with has a page, which says what it means, where it comes from and what to do.
HTTP answers are `{\"code\": \"…\", \"message\": \"…\"}`, or a message that begins with the code; it has the particulars.
Codes of WebSockets stand in the reason of the frame that closes the connection.
What a function itself throws has no code: it is answered with the function's own message.

For what goes wrong without a code see [Troubleshooting](troubleshooting.md).

These pages are made of a table, `docs/errors.json`.
";

/// Codes that belong together.
#[derive(serde::Deserialize)]
pub(crate) struct Group {
    group: String,
    codes: BTreeMap<String, Code>,
}

/// What there is to say of a code.
#[derive(serde::Deserialize)]
struct Code {
    means: String,
    causes: Vec<String>,
    r#do: Vec<String>,
}

/// Reads the table.
pub(crate) fn table() -> anyhow::Result<Vec<Group>> {
    let text = fs::read(root().join(TABLE)).context(TABLE)?;
    serde_json::from_slice(&text).context(TABLE)
}

/// The codes that have a page.
pub(crate) fn codes(table: &[Group]) -> BTreeSet<&str> {
    let codes = table.iter().flat_map(|group| group.codes.keys());
    codes.map(String::as_str).collect()
}

/// Every file that is made of the table, with what it must say.
fn pages(table: &[Group], summary: &str) -> anyhow::Result<BTreeMap<PathBuf, String>> {
    let mut pages = BTreeMap::new();
    let (mut listing, mut lines) = (INTRODUCTION.to_owned(), SUMMARY_LINE.to_owned());
    for Group { group, codes } in table {
        write!(
            listing,
            "\n## {group}\n\n| code | what it means |\n|---|---|\n"
        )?;
        let anchor = group.to_lowercase().replace(' ', "-");
        for (code, said) in codes {
            writeln!(listing, "| [{code}](errors/{code}.md) | {} |", said.means)?;
            writeln!(lines, "  - [{code}](errors/{code}.md)")?;
            let text = format!(
                "# {code}\n\n{}\n\n## Where it comes from\n\n{}\n## What to do\n\n{}\nOthers of its kind: [{group}](../errors.md#{anchor}).\n",
                said.means,
                list(&said.causes),
                list(&said.r#do)
            );
            pages.insert(PathBuf::from(format!("{FOLDER}/{code}.md")), text);
        }
    }
    pages.insert(LISTING.into(), listing);
    let (before, after) = summary
        .split_once(SUMMARY_LINE)
        .with_context(|| format!("{SUMMARY} does not list {LISTING}"))?;
    let after: Vec<&str> = after
        .lines()
        .skip_while(|line| line.starts_with("  - "))
        .collect();
    pages.insert(
        SUMMARY.into(),
        format!("{before}{lines}{}\n", after.join("\n")),
    );
    Ok(pages)
}

fn list(entries: &[String]) -> String {
    entries.iter().map(|entry| format!("* {entry}\n")).collect()
}

/// Files in the folder of pages that belong to no code.
fn strangers(pages: &BTreeMap<PathBuf, String>) -> anyhow::Result<Vec<PathBuf>> {
    let mut strangers = Vec::new();
    let folder = root().join(FOLDER);
    if !folder.exists() {
        return Ok(strangers);
    }
    for entry in fs::read_dir(folder)? {
        let path = PathBuf::from(FOLDER).join(entry?.file_name());
        if !pages.contains_key(&path) {
            strangers.push(path);
        }
    }
    Ok(strangers)
}

/// Writes all of them, and removes pages of codes that are gone.
pub(crate) fn write() -> anyhow::Result<()> {
    let pages = pages(&table()?, &fs::read_to_string(root().join(SUMMARY))?)?;
    fs::create_dir_all(root().join(FOLDER))?;
    for path in strangers(&pages)? {
        fs::remove_file(root().join(path))?;
    }
    for (path, text) in pages {
        fs::write(root().join(path), text)?;
    }
    Ok(())
}

/// Adds which of them are not what the table says.
pub(crate) fn check(table: &[Group], findings: &mut Vec<String>) -> anyhow::Result<()> {
    let pages = pages(table, &fs::read_to_string(root().join(SUMMARY))?)?;
    let old = pages.iter().filter(|(path, text)| {
        let there = fs::read_to_string(root().join(path));
        there.ok().as_ref() != Some(*text)
    });
    let old: Vec<_> = old
        .map(|(path, _)| path.clone())
        .chain(strangers(&pages)?)
        .collect();
    if let Some(first) = old.first() {
        findings.push(format!(
            "{} is not what {TABLE} says, as {} others: `cargo xtask docs --write` makes them",
            first.display(),
            old.len() - 1
        ));
    }
    let mut seen = BTreeSet::new();
    for group in table {
        for (code, said) in &group.codes {
            if !seen.insert(code) {
                findings.push(format!("{TABLE} has {code} twice"));
            }
            if said.means.is_empty() || said.causes.is_empty() || said.r#do.is_empty() {
                findings.push(format!(
                    "{TABLE}: {code} lacks what it means, where it comes from or what to do"
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_gets_a_page_and_is_listed() {
        let table: Vec<Group> = serde_json::from_str(
            r#"[{"group": "Two words", "codes": {"BadThing": {"means": "It is bad.", "causes": ["One.", "Two."], "do": ["Mend it."]}}}]"#,
        )
        .expect("a table");
        let summary =
            format!("# Summary\n\n{SUMMARY_LINE}  - [OldThing](errors/OldThing.md)\n\n# Rest\n");
        let pages = pages(&table, &summary).expect("they are made");
        assert_eq!(pages.len(), 3);
        let page = &pages[&PathBuf::from("docs/errors/BadThing.md")];
        assert!(
            page.starts_with(
                "# BadThing\n\nIt is bad.\n\n## Where it comes from\n\n* One.\n* Two.\n"
            )
        );
        assert!(page.contains("../errors.md#two-words"), "{page}");
        assert!(
            pages[&PathBuf::from(LISTING)]
                .contains("| [BadThing](errors/BadThing.md) | It is bad. |")
        );
        assert_eq!(
            pages[&PathBuf::from(SUMMARY)],
            format!("# Summary\n\n{SUMMARY_LINE}  - [BadThing](errors/BadThing.md)\n\n# Rest\n")
        );
        assert_eq!(codes(&table), BTreeSet::from(["BadThing"]));
    }
}
