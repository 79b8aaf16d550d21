//! What the program does without a command: everything once, with the results as they come, and
//! the deployment as it was before.

use std::collections::BTreeMap;

use convex::{ConvexClient, FunctionResult, QuerySubscription, Value};
use futures::StreamExt;
use tokio::time::timeout;

use crate::outcome::{Failed, describe, value_or_print};
use crate::{ANSWER_LIMIT, Error, arguments, client_error, mutation, note, query};

/// Calls every function in turn and prints what each gives back.
pub async fn take(client: &mut ConvexClient) -> Result<(), Error> {
    heading("Subscribe: the list now, and again whenever it changes");
    let mut live = client
        .subscribe("notes:list", BTreeMap::new())
        .await
        .map_err(client_error)?;
    note::print_all(&next(&mut live).await?);

    heading("Create: the result is the new id");
    let args = arguments([
        ("title", Some("A note from the tour".to_owned())),
        ("content", Some("It will be gone in a moment.".to_owned())),
    ]);
    let id = show(mutation(client, "notes:create", args).await?)?;
    follow(&mut live, |notes| {
        note::contains(notes, &id, "A note from the tour")
    })
    .await?;

    heading("Update: the subscription brings the new title without being asked");
    let args = arguments([
        ("id", Some(note::text(&id))),
        ("title", Some("A changed note".to_owned())),
    ]);
    show(mutation(client, "notes:update", args).await?)?;
    follow(&mut live, |notes| {
        note::contains(notes, &id, "A changed note")
    })
    .await?;

    heading("Get: one note");
    show(query(client, "notes:get", id_argument(&id)).await?)?;

    heading("Delete");
    show(mutation(client, "notes:remove", id_argument(&id)).await?)?;
    follow(&mut live, |notes| {
        !note::contains(notes, &id, "A changed note")
    })
    .await?;

    failures(client, &id).await
}

/// The two kinds of failure; here they are what is wanted.
async fn failures(client: &mut ConvexClient, gone: &Value) -> Result<(), Error> {
    heading("ConvexError: the function refuses an empty title, with data");
    let args = arguments([
        ("title", Some(String::new())),
        ("content", Some(String::new())),
    ]);
    let result = mutation(client, "notes:create", args).await?;
    expect(&result, matches!(result, FunctionResult::ConvexError(_)))?;

    heading("ErrorMessage: the function throws an ordinary Error");
    let result = mutation(client, "notes:remove", id_argument(gone)).await?;
    expect(&result, matches!(result, FunctionResult::ErrorMessage(_)))?;

    heading("ErrorMessage: the arguments do not match the function's validator");
    let result = mutation(client, "notes:create", BTreeMap::new()).await?;
    expect(&result, matches!(result, FunctionResult::ErrorMessage(_)))
}

fn heading(text: &str) {
    println!("\n{text}");
}

fn show(result: FunctionResult) -> Result<Value, Failed> {
    println!("  {}", describe(&result));
    match result {
        FunctionResult::Value(value) => Ok(value),
        _ => Err(Failed),
    }
}

fn expect(result: &FunctionResult, as_expected: bool) -> Result<(), Error> {
    println!("  {}", describe(result));
    if as_expected {
        return Ok(());
    }
    eprintln!("notes: this is not what the function should have given back");
    Err(Error::Function(Failed))
}

fn id_argument(id: &Value) -> BTreeMap<String, Value> {
    BTreeMap::from([("id".to_owned(), id.clone())])
}

/// Prints the list as it comes until it is as `wanted`; others may be changing notes too.
async fn follow(
    live: &mut QuerySubscription,
    wanted: impl Fn(&Value) -> bool,
) -> Result<(), Error> {
    loop {
        let notes = next(live).await?;
        println!("  (a new result)");
        note::print_all(&notes);
        if wanted(&notes) {
            return Ok(());
        }
    }
}

async fn next(live: &mut QuerySubscription) -> Result<Value, Error> {
    let result = timeout(ANSWER_LIMIT, live.next())
        .await
        .map_err(|_| Error::NoAnswer)?
        .ok_or_else(|| Error::Client("the subscription ended".to_owned()))?;
    Ok(value_or_print(result)?)
}
