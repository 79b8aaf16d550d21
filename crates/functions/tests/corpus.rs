//! A corpus of wrong inputs, each with the message that developers and clients get for it.
//!
//! The entries are the JSON files of `corpus/`, grouped by what is wrong. `corpus/README.md` says
//! what an entry is made of. Messages of the npm package come through as it makes them; those of
//! the server say what is wrong, where, and what to do.

mod support;
#[path = "support/pushed.rs"]
mod pushed;
#[path = "corpus/entry.rs"]
mod entry;
#[path = "corpus/run.rs"]
mod run;
#[path = "corpus/message.rs"]
mod message;

use std::collections::BTreeMap;

use entry::{GROUPS, entries};

/// Issue 3: as many wrong inputs have a message that is watched.
const ENTRIES_MIN: usize = 300;

#[test]
fn the_corpus_is_large_and_its_names_are_unique() {
    let mut groups_of: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (group, text) in GROUPS {
        for entry in entries(group, text) {
            groups_of.entry(entry.name).or_default().push(group);
        }
    }
    let twice: Vec<_> = groups_of
        .iter()
        .filter(|(_, groups)| groups.len() > 1)
        .collect();
    assert!(twice.is_empty(), "names that occur twice: {twice:?}");
    assert!(
        groups_of.len() >= ENTRIES_MIN,
        "the corpus has {} entries",
        groups_of.len()
    );
}

/// One test a group, so that groups run side by side.
#[test]
fn every_group_has_a_test() {
    for (group, _) in GROUPS {
        let run = format!("run::group({group:?})");
        assert!(include_str!("corpus.rs").contains(&run), "{group}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_arguments() {
    run::group("arguments").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_documents() {
    run::group("documents").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_queries() {
    run::group("queries").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exceeded_limits() {
    run::group("limits").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_calls() {
    run::group("functions").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_schemas() {
    run::group("schemas").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_pushes() {
    run::group("pushes").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_of_the_deployment() {
    run::group("deployment").await;
}
