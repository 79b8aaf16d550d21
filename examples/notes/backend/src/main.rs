//! Notes from the command line: list, create, update, delete and watch, over the `convex` crate.
//!
//! Every call ends in one of three ways, and each is shown as what it is: a value, an error
//! message (a bug, or something production hides), or a `ConvexError` with data meant for callers.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use convex::{ConvexClient, FunctionResult, Value};
use futures::StreamExt;

const DEFAULT_URL: &str = "http://127.0.0.1:3210";

/// Notes on a self-hosted backend. Without a command: a tour that does everything once.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Show all notes.
    List,
    /// Write a note.
    Create { title: String, content: String },
    /// Change a note.
    Update {
        id: String,
        #[arg(long)]
        title: Option<String>,
        #[arg(long)]
        content: Option<String>,
    },
    /// Remove a note.
    Delete { id: String },
    /// Show all notes again whenever one changes.
    Watch {
        /// Stop after this many states.
        #[arg(long)]
        count: Option<usize>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("notes: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Gives whether every call returned a value.
async fn run(command: Option<Command>) -> anyhow::Result<bool> {
    let url = url();
    let mut client = ConvexClient::new(&url)
        .await
        .with_context(|| format!("cannot use {url}"))?;
    match command {
        Some(Command::List) => Ok(list(&mut client).await?),
        Some(Command::Create { title, content }) => {
            let args = BTreeMap::from([
                ("title".to_owned(), title.into()),
                ("content".to_owned(), content.into()),
            ]);
            Ok(show(
                "created",
                client.mutation("notes:create", args).await?,
            ))
        }
        Some(Command::Update { id, title, content }) => {
            let mut args = BTreeMap::from([("id".to_owned(), Value::from(id))]);
            args.extend(title.map(|title| ("title".to_owned(), title.into())));
            args.extend(content.map(|content| ("content".to_owned(), content.into())));
            Ok(show(
                "updated",
                client.mutation("notes:update", args).await?,
            ))
        }
        Some(Command::Delete { id }) => {
            let args = BTreeMap::from([("id".to_owned(), id.into())]);
            Ok(show(
                "deleted",
                client.mutation("notes:remove", args).await?,
            ))
        }
        Some(Command::Watch { count }) => watch(&mut client, count).await,
        None => tour(&mut client).await,
    }
}

/// `CONVEX_URL` from the environment, else from `.env.local` here or one folder up.
fn url() -> String {
    let from_file = |path: &str| {
        let text = std::fs::read_to_string(path).ok()?;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix("CONVEX_URL="))?;
        Some(value.trim().trim_matches(['\'', '"']).to_owned())
    };
    std::env::var("CONVEX_URL")
        .ok()
        .or_else(|| from_file(".env.local"))
        .or_else(|| from_file("../.env.local"))
        .unwrap_or_else(|| DEFAULT_URL.to_owned())
}

/// Prints how a call ended; gives whether it returned a value.
fn show(what: &str, result: FunctionResult) -> bool {
    match result {
        FunctionResult::Value(Value::Null) => {
            println!("{what}");
            true
        }
        FunctionResult::Value(Value::String(id)) => {
            println!("{what} {id}");
            true
        }
        FunctionResult::Value(value) => {
            println!("{what}: {value:?}");
            true
        }
        FunctionResult::ErrorMessage(message) => {
            println!("ErrorMessage: {message}");
            false
        }
        FunctionResult::ConvexError(error) => {
            println!("ConvexError: {} {:?}", error.message, error.data);
            false
        }
    }
}

async fn list(client: &mut ConvexClient) -> anyhow::Result<bool> {
    Ok(show_notes(
        client.query("notes:list", BTreeMap::new()).await?,
    ))
}

/// Prints a list of notes, one a line.
fn show_notes(result: FunctionResult) -> bool {
    let FunctionResult::Value(Value::Array(notes)) = result else {
        return show("notes", result);
    };
    println!("{} notes", notes.len());
    for note in &notes {
        if let Value::Object(note) = note {
            println!(
                "  {}  {}: {}",
                text(note, "_id"),
                text(note, "title"),
                text(note, "content")
            );
        }
    }
    true
}

fn text<'a>(note: &'a BTreeMap<String, Value>, field: &str) -> &'a str {
    match note.get(field) {
        Some(Value::String(text)) => text,
        _ => "?",
    }
}

async fn watch(client: &mut ConvexClient, count: Option<usize>) -> anyhow::Result<bool> {
    let mut states = client.subscribe("notes:list", BTreeMap::new()).await?;
    let mut seen = 0;
    while let Some(state) = states.next().await {
        show_notes(state);
        seen += 1;
        if count == Some(seen) {
            return Ok(true);
        }
    }
    anyhow::bail!("the subscription ended")
}

/// Everything once: what a first look at the client should show.
async fn tour(client: &mut ConvexClient) -> anyhow::Result<bool> {
    println!("-- create");
    let args = BTreeMap::from([
        ("title".to_owned(), "Shopping".into()),
        ("content".to_owned(), "Lentils".into()),
    ]);
    let created = client.mutation("notes:create", args).await?;
    let FunctionResult::Value(Value::String(id)) = &created else {
        return Ok(show("created", created));
    };
    let id = id.clone();
    println!("created {id}");
    println!("-- list");
    list(client).await?;
    println!("-- update");
    let args = BTreeMap::from([
        ("id".to_owned(), id.clone().into()),
        ("content".to_owned(), "Lentils, onions".into()),
    ]);
    show("updated", client.mutation("notes:update", args).await?);
    println!("-- watch, one state");
    watch(client, Some(1)).await?;
    println!("-- a note without a title");
    let args = BTreeMap::from([
        ("title".to_owned(), "".into()),
        ("content".to_owned(), "x".into()),
    ]);
    show("created", client.mutation("notes:create", args).await?);
    println!("-- delete, and delete again");
    let args = BTreeMap::from([("id".to_owned(), Value::from(id))]);
    show(
        "deleted",
        client.mutation("notes:remove", args.clone()).await?,
    );
    show("deleted", client.mutation("notes:remove", args).await?);
    Ok(true)
}
