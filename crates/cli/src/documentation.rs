//! The pages that are made of the definitions of the command line, and the check that it takes
//! what the pages tell people to type.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Arg, Command, CommandFactory, Parser};
use pulldown_cmark::{CodeBlockKind, Event, Parser as Markdown, Tag, TagEnd};

use crate::options::Options;

/// How `docs/configuration.md` begins.
const CONFIGURATION: &str = "\
# Configuration

Settings of the server are flags of `lentil serve` (which `lentil` alone is, too) or environment variables; a flag wins over
a variable, and there is no configuration file. What the stock self-hosted server takes is taken by the same name.
Limits of function calls have a page of their own: [Limits](limits.md).

This page is made of the definitions of the command line.
";

/// How `docs/cli.md` begins.
const CLI: &str = "\
# The command line

`lentil` alone runs the server, whose settings are in [Configuration](configuration.md).
The other commands are for operators and need neither Node nor the stock CLI.
`run`, `data`, `env`, `export`, `import` and `status` speak to a server that runs: the one of the data folder (`--data`), or
any other by `--url` and `--admin-key`. `backup`, `restore` and `keys` work on the data folder itself.
Everything else is what `npx convex` is for.

This page is made of the definitions of the command line.
";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The commands with their full names.
fn commands() -> Command {
    let mut command = Options::command();
    command.build();
    command
}

/// A line of help in a cell of a table.
fn cell(text: &str) -> String {
    let mut escaped = String::new();
    for (index, part) in text.split('`').enumerate() {
        if index > 0 {
            escaped.push('`');
        }
        let part = part.replace('|', "\\|");
        escaped.push_str(&match index % 2 {
            0 => part.replace('<', "\\<"),
            _ => part,
        });
    }
    escaped
}

/// What an argument is called, on the command line.
fn name(arg: &Arg) -> String {
    let value = arg
        .get_value_names()
        .and_then(<[_]>::first)
        .map_or(String::new(), |name| format!(" {name}"));
    let takes_value = arg.get_action().takes_values();
    let value = if takes_value { value.as_str() } else { "" };
    match (arg.get_long(), arg.get_short()) {
        (Some(long), Some(short)) => format!("`--{long}{value}`, `-{short}`"),
        (Some(long), None) => {
            let aliases = arg.get_visible_aliases().unwrap_or_default();
            let aliases = aliases.iter().map(|alias| format!(", `--{alias}`"));
            format!("`--{long}{value}`{}", aliases.collect::<String>())
        }
        _ => format!("`{}`", value.trim()),
    }
}

/// What an argument is for, and what it is if it is not given.
fn meaning(arg: &Arg) -> (String, String) {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let (mut help, mut default) = match help.rsplit_once(" [default: ") {
        Some((help, default)) => {
            let (default, rest) = default.split_once(']').unwrap_or((default, ""));
            (format!("{help}{rest}"), cell(default))
        }
        None => (help, String::new()),
    };
    if !help.ends_with('.') {
        help.push('.');
    }
    let values = arg.get_default_values();
    if let (true, [value]) = (arg.get_action().takes_values(), values) {
        default = format!("`{}`", value.to_string_lossy());
    }
    for value in arg.get_possible_values() {
        if let Some(about) = value.get_help().filter(|_| !value.is_hide_set()) {
            let about = about.to_string();
            let _ = write!(
                help,
                " `{}`: {}.",
                value.get_name(),
                about.trim_end_matches('.')
            );
        }
    }
    (cell(&help), default)
}

/// A table of these arguments.
fn table(arguments: &[&Arg]) -> String {
    let mut text = String::from("| setting | variable | default | what |\n|---|---|---|---|\n");
    for arg in arguments {
        let variable = arg
            .get_env()
            .map(|name| format!("`{}`", name.to_string_lossy()))
            .unwrap_or_default();
        let (what, default) = meaning(arg);
        let _ = writeln!(text, "| {} | {variable} | {default} | {what} |", name(arg));
    }
    text
}

/// What people are shown of a command's arguments.
fn arguments(command: &Command) -> Vec<&Arg> {
    command
        .get_arguments()
        .filter(|arg| !arg.is_hide_set() && !["help", "version"].contains(&arg.get_id().as_str()))
        .collect()
}

fn configuration() -> String {
    let commands = commands();
    let serve = commands.find_subcommand("serve").expect("it is a command");
    let arguments = arguments(serve);
    let mut headings: Vec<&str> = Vec::new();
    for arg in &arguments {
        let heading = arg.get_help_heading().expect("settings have a heading");
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    let mut text = CONFIGURATION.to_owned();
    for heading in headings {
        let under = |arg: &&Arg| arg.get_help_heading() == Some(heading);
        let arguments: Vec<_> = arguments.iter().copied().filter(under).collect();
        let _ = write!(text, "\n## {heading}\n\n{}", table(&arguments));
    }
    text
}

fn cli() -> String {
    let mut text = CLI.to_owned();
    for command in commands().get_subcommands_mut() {
        if !command.is_hide_set() && command.get_name() != "help" {
            describe(command, 2, &mut text);
        }
    }
    text
}

/// A section for a command and those below it.
fn describe(command: &mut Command, level: usize, text: &mut String) {
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let title = command.get_bin_name().unwrap_or_default();
    let about = command.get_about().map(ToString::to_string);
    let about = about.unwrap_or_default();
    let _ = write!(text, "\n{} {title}\n\n", "#".repeat(level));
    let _ = write!(
        text,
        "{}.\n\n```text\n{usage}\n```\n",
        about.trim_end_matches('.')
    );
    let arguments = arguments(command);
    if command.get_name() == "serve" {
        text.push_str("\nIts settings are in [Configuration](configuration.md).\n");
    } else if !arguments.is_empty() {
        let _ = write!(text, "\n{}", table(&arguments));
    }
    for below in command.get_subcommands_mut() {
        if !below.is_hide_set() && below.get_name() != "help" {
            describe(below, level + 1, text);
        }
    }
}

/// Compares a page with what it should be, or writes it.
fn check_page(path: &str, text: &str) {
    let file = repository().join(path);
    if std::env::var_os("LENTIL_WRITE_DOCS").is_some() {
        fs::write(&file, text).expect("the page can be written");
    }
    let page = fs::read_to_string(file).unwrap_or_default();
    assert!(
        page == text,
        "{path} is old: run this test with LENTIL_WRITE_DOCS=1"
    );
}

#[test]
fn the_page_of_settings_says_what_the_command_line_takes() {
    check_page("docs/configuration.md", &configuration());
}

#[test]
fn the_page_of_commands_says_what_the_command_line_takes() {
    check_page("docs/cli.md", &cli());
}

/// Lines that a page tells people to type, or that a service is started with; and what its text
/// mentions, where arguments may be left out.
fn lines(page: &str) -> (Vec<String>, Vec<String>) {
    let (mut lines, mut mentions, mut language) = (Vec::new(), Vec::new(), None);
    for event in Markdown::new(page) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => language = Some(info),
            Event::End(TagEnd::CodeBlock) => language = None,
            Event::Code(code) if code.starts_with("lentil ") => mentions.push(code.to_string()),
            Event::Text(text) => match language.as_deref() {
                Some("bash" | "sh") => {
                    let joined = text.replace("\\\n", " ");
                    lines.extend(joined.lines().map(str::to_owned));
                }
                Some("ini") => lines.extend(
                    text.lines()
                        .filter_map(|line| line.strip_prefix("ExecStart=").map(str::to_owned)),
                ),
                _ => {}
            },
            _ => {}
        }
    }
    (lines, mentions)
}

/// The calls of `lentil` in a line of a shell.
fn calls(line: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut line = line.to_owned();
    while let Some(start) = line.find("$(") {
        let end = line[start..]
            .find(')')
            .map_or(line.len(), |end| start + end);
        found.extend(calls(&line[start + 2..end]));
        line.replace_range(start..(end + 1).min(line.len()), "value");
    }
    let words = shlex::split(&line).unwrap_or_else(|| panic!("no line of a shell: {line}"));
    for call in words.split(|word| ["|", "||", "&&", ";", "&"].contains(&word.as_str())) {
        let end = call
            .iter()
            .position(|word| word.starts_with('>') || word.starts_with("2>"));
        found.extend(call_of_lentil(&call[..end.unwrap_or(call.len())]));
    }
    found
}

/// A call without what sets variables, changes the user or enters a container.
fn call_of_lentil(mut words: &[String]) -> Option<Vec<String>> {
    while let [first, rest @ ..] = words {
        words = match first.as_str() {
            "sudo" => match rest {
                [flag, _user, rest @ ..] if flag == "-u" => rest,
                rest => rest,
            },
            "docker" => match rest {
                [compose, exec, flag, _service, rest @ ..]
                    if compose == "compose" && exec == "exec" && flag == "-T" =>
                {
                    rest
                }
                [compose, exec, _service, rest @ ..] if compose == "compose" && exec == "exec" => {
                    rest
                }
                _ => return None,
            },
            "lentil" => return Some(words.to_vec()),
            path if path.ends_with("/lentil") => return Some(words.to_vec()),
            variable if variable.contains('=') => rest,
            _ => return None,
        };
    }
    None
}

#[test]
fn calls_are_found_in_lines() {
    let found = calls(
        "A=1 sudo -u lentil lentil data --x >f && KEY=$(lentil keys) npx convex dev # lentil no",
    );
    assert_eq!(
        found,
        [vec!["lentil", "keys"], vec!["lentil", "data", "--x"]]
    );
    let found = calls("docker compose exec -T backend lentil status | docker run lentil");
    assert_eq!(found, [["lentil", "status"]]);
}

/// Why the command line does not take a call, if it does not.
fn refused(call: &[String], mention: bool) -> Option<String> {
    match Options::try_parse_from(call) {
        // A command that there is not would be taken for the stock server's database file.
        Ok(options) if options.serve.ignored.db_spec.is_some() => Some("no command".to_owned()),
        Ok(_) => None,
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => None,
            ErrorKind::MissingRequiredArgument
            | ErrorKind::MissingSubcommand
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                if mention =>
            {
                None
            }
            _ => Some(error.to_string()),
        },
    }
}

#[test]
fn commands_that_there_are_not_are_refused() {
    let call = |line: &str| calls(line).pop().expect("it is a call");
    assert!(refused(&call("lentil sreve"), true).is_some());
    assert!(refused(&call("lentil serve --prot 1"), true).is_some());
    assert!(refused(&call("lentil restore"), false).is_some());
    assert_eq!(refused(&call("lentil restore"), true), None);
}

#[test]
fn commands_in_pages_are_taken() {
    let mut pages = vec![repository().join("README.md")];
    let folder = fs::read_dir(repository().join("docs")).expect("there are pages");
    pages.extend(folder.map(|entry| entry.expect("it can be read").path()));
    let (mut found, mut wrong) = (0, Vec::new());
    pages.retain(|page| page.extension().is_some_and(|end| end == "md"));
    for page in pages {
        let text = fs::read_to_string(&page).expect("a page can be read");
        let (lines, mentions) = lines(&text);
        for (lines, mention) in [(lines, false), (mentions, true)] {
            for call in lines.iter().flat_map(|line| calls(line)) {
                found += 1;
                if let Some(why) = refused(&call, mention) {
                    wrong.push(format!("{}: {}: {why}", page.display(), call.join(" ")));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(found >= 20, "only {found} commands were found in pages");
}
