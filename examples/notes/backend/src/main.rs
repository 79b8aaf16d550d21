//! A notes client in Rust: one-shot queries and mutations, and a subscription that follows changes.
//!
//! It shows the three things a function call can give back: a value, an error message, and a
//! `ConvexError` with data that a program can act on.

mod deployment;
mod note;
mod outcome;
mod tour;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use convex::{ConvexClient, FunctionResult, Value};
use futures::StreamExt;
use tokio::time::timeout;

use crate::deployment::{Deployment, DeploymentError};
use crate::outcome::{Failed, value_or_print};

/// How long a one-shot call waits. The client itself would wait and reconnect for ever.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// Lists, changes and follows the notes of a Convex deployment.
#[derive(Parser)]
#[command(
    version,
    after_help = "Without a command it gives a tour of all of them."
)]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    /// The deployment [default: CONVEX_URL or CONVEX_SELF_HOSTED_URL, from the environment or
    /// ../.env.local, else http://127.0.0.1:3210].
    #[arg(long, global = true, value_name = "URL")]
    url: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Print all notes, the one changed last first.
    List,
    /// Add a note and print its id.
    Create {
        /// Must not be empty; an empty one shows what a ConvexError looks like.
        title: String,
        /// The text of the note.
        #[arg(default_value = "")]
        content: String,
    },
    /// Change a note.
    Update {
        /// As `list` prints it.
        id: String,
        /// The new title.
        #[arg(long)]
        title: Option<String>,
        /// The new text.
        #[arg(long, required_unless_present = "title")]
        content: Option<String>,
    },
    /// Remove a note.
    Delete {
        /// As `list` prints it.
        id: String,
    },
    /// Print all notes now and again after every change, until Ctrl-C.
    Watch {
        /// End after this many results.
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
        count: Option<u64>,
    },
}

/// Why the program ends early.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    /// The client itself gave up: it was shut down, or a function name is malformed.
    #[error("the client failed: {0}")]
    Client(String),
    /// The connection was lost and did not come back in time. A mutation may have been committed.
    #[error(
        "no answer from the server within {} s; whether it has done its work is not known",
        ANSWER_LIMIT.as_secs()
    )]
    NoAnswer,
    /// Printed already, where it was seen.
    #[error(transparent)]
    Function(#[from] Failed),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(Error::Function(Failed)) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("notes: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Error> {
    let mut deployment = Deployment::connect(options.url.as_deref()).await?;
    let client = &mut deployment.client;
    match options.command {
        None => tour::take(client).await,
        Some(Command::List) => {
            let notes = value_or_print(query(client, "notes:list", BTreeMap::new()).await?)?;
            note::print_all(&notes);
            Ok(())
        }
        Some(Command::Create { title, content }) => {
            let args = arguments([("title", Some(title)), ("content", Some(content))]);
            let id = value_or_print(mutation(client, "notes:create", args).await?)?;
            println!("created {}", note::text(&id));
            Ok(())
        }
        Some(Command::Update { id, title, content }) => {
            let args = arguments([
                ("id", Some(id.clone())),
                ("title", title),
                ("content", content),
            ]);
            value_or_print(mutation(client, "notes:update", args).await?)?;
            println!("updated {id}");
            Ok(())
        }
        Some(Command::Delete { id }) => {
            let args = arguments([("id", Some(id.clone()))]);
            value_or_print(mutation(client, "notes:remove", args).await?)?;
            println!("deleted {id}");
            Ok(())
        }
        Some(Command::Watch { count }) => watch(&mut deployment, count).await,
    }
}

/// Follows the list of notes. A lost connection is told and mended; nothing is missed by it.
async fn watch(deployment: &mut Deployment, count: Option<u64>) -> Result<(), Error> {
    let mut results = deployment
        .client
        .subscribe("notes:list", BTreeMap::new())
        .await
        .map_err(client_error)?;
    let mut seen = 0;
    loop {
        tokio::select! {
            result = results.next() => {
                let Some(result) = result else {
                    return Err(Error::Client("the subscription ended".to_owned()));
                };
                seen += 1;
                println!("--- result {seen} ---");
                // A query that fails now may succeed after the next change, so this goes on.
                if let Ok(notes) = value_or_print(result) {
                    note::print_all(&notes);
                }
                if count == Some(seen) {
                    return Ok(());
                }
            }
            connected = deployment.connection_changed() => {
                let news = if connected { "connected again" } else { "connection lost, reconnecting" };
                eprintln!("({news})");
            }
            stop = tokio::signal::ctrl_c() => {
                return stop.map_err(client_error);
            }
        }
    }
}

/// Runs a query once.
async fn query(
    client: &mut ConvexClient,
    name: &str,
    args: BTreeMap<String, Value>,
) -> Result<FunctionResult, Error> {
    timeout(ANSWER_LIMIT, client.query(name, args))
        .await
        .map_err(|_| Error::NoAnswer)?
        .map_err(client_error)
}

/// Runs a mutation; when this returns a result, it is committed or has changed nothing.
async fn mutation(
    client: &mut ConvexClient,
    name: &str,
    args: BTreeMap<String, Value>,
) -> Result<FunctionResult, Error> {
    timeout(ANSWER_LIMIT, client.mutation(name, args))
        .await
        .map_err(|_| Error::NoAnswer)?
        .map_err(client_error)
}

/// An argument object of the strings that are given.
fn arguments<const N: usize>(pairs: [(&str, Option<String>); N]) -> BTreeMap<String, Value> {
    pairs
        .into_iter()
        .filter_map(|(name, text)| Some((name.to_owned(), Value::String(text?))))
        .collect()
}

fn client_error(error: impl std::fmt::Display) -> Error {
    Error::Client(format!("{error:#}"))
}
