//! Histories as data: who begins, reads, writes and commits in which order, and what comes out.
//!
//! One step a line, `who verb …`, optionally `-> outcome`. The table `t` has the index `by_g_n`
//! (fields `g` and `n`); documents have labels.
//!
//! ```text
//! a begin
//! a insert x 1 5           # label, g (or -), n
//! a patch x 1 6            | a replace x 1 6 | a delete x      -> ok, missing
//! a get x -> 1 5           (or none)
//! a group 1 0 9 asc 2      # g, n from, n below, order, take -> labels
//! a ids asc all | a age desc 1                               -> labels
//! a nest | a keep | a undo
//! a commit -> ok | conflict t | conflict _tables
//! a watch w                # subscribes to what a has read at its snapshot
//! w state -> valid | hit
//! a create u | a drop u    # tables
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use lentil_database::{CommitError, Database, Order, Subscription, Transaction};
use lentil_values::DocumentId;

use crate::support::{Query, ROOT, Row, make_table, open_memory, row_of};

fn query_of(words: &[&str]) -> Option<Query> {
    Some(match words {
        ["group", g, from, below, way, count] => {
            let (g, from, below) = (group(g), number(from), number(below));
            Query::ByGroup {
                g,
                from,
                below,
                order: order(way),
                take: take(count),
            }
        }
        ["ids", way, count] => Query::ById {
            order: order(way),
            take: take(count),
        },
        ["age", way, count] => Query::ByAge {
            order: order(way),
            take: take(count),
        },
        _ => return None,
    })
}

struct Player {
    db: Database,
    transactions: HashMap<String, Transaction>,
    labels: HashMap<String, DocumentId>,
    subscriptions: HashMap<String, Subscription>,
}

fn number(word: &str) -> u8 {
    word.parse()
        .unwrap_or_else(|_| panic!("{word:?} is not a number"))
}

fn group(word: &str) -> Option<u8> {
    (word != "-").then(|| number(word))
}

fn order(word: &str) -> Order {
    match word {
        "asc" => Order::Asc,
        "desc" => Order::Desc,
        other => panic!("{other:?} is no order"),
    }
}

fn take(word: &str) -> usize {
    if word == "all" {
        usize::MAX
    } else {
        usize::from(number(word))
    }
}

impl Player {
    fn find(&mut self, who: &str, query: &Query) -> String {
        let tx = self
            .transactions
            .get_mut(who)
            .expect("the transaction has begun");
        let found = query.run(tx).unwrap();
        let label = |id: &DocumentId| {
            let label = self
                .labels
                .iter()
                .find(|(_, other)| *other == id)
                .map(|(label, _)| label.clone());
            label.expect("every document has a label")
        };
        found
            .iter()
            .map(|(id, _)| label(id))
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn step(&mut self, words: &[&str]) -> String {
        let (who, rest) = words.split_first().expect("a step has words");
        match rest {
            ["begin"] => {
                self.transactions.insert((*who).to_owned(), self.db.begin());
                "ok".to_owned()
            }
            ["commit"] => {
                let tx = self
                    .transactions
                    .remove(*who)
                    .expect("the transaction has begun");
                match self.db.commit_blocking(tx) {
                    Ok(_) => "ok".to_owned(),
                    Err(CommitError::Conflict { table, .. }) => format!("conflict {table}"),
                    Err(error) => panic!("{error}"),
                }
            }
            ["state"] => {
                let state = self.subscriptions[*who].invalidated_at();
                if state.is_some() {
                    "hit".to_owned()
                } else {
                    "valid".to_owned()
                }
            }
            ["get", label] => {
                let found = self
                    .transactions
                    .get_mut(*who)
                    .unwrap()
                    .get(ROOT, self.labels[*label])
                    .unwrap();
                found.map_or("none".to_owned(), |document| {
                    let row = row_of(&document.json).1;
                    format!(
                        "{} {}",
                        row.g.map_or("-".to_owned(), |g| g.to_string()),
                        row.n
                    )
                })
            }
            ["watch", name] => {
                let tx = &self.transactions[*who];
                let subscription =
                    self.db
                        .subscribe(tx.read_set(), tx.snapshot(), Arc::new(|_| {}));
                self.subscriptions.insert((*name).to_owned(), subscription);
                "ok".to_owned()
            }
            words => match query_of(words) {
                Some(query) => self.find(who, &query),
                None => self.write(who, words),
            },
        }
    }

    fn write(&mut self, who: &str, words: &[&str]) -> String {
        let id = words
            .get(1)
            .and_then(|label| self.labels.get(*label))
            .copied();
        let tx = self
            .transactions
            .get_mut(who)
            .expect("the transaction has begun");
        let row = |g: &str, n: &str| Row {
            g: group(g),
            n: number(n),
        };
        let missing = |failed: bool| {
            if failed {
                "missing".to_owned()
            } else {
                "ok".to_owned()
            }
        };
        match words {
            ["insert", label, g, n] => {
                let id = tx.insert(ROOT, "t", row(g, n).fields()).unwrap();
                self.labels.insert((*label).to_owned(), id);
            }
            ["patch", _, g, n] => {
                return missing(tx.patch(ROOT, id.unwrap(), row(g, n).patch()).is_err());
            }
            ["replace", _, g, n] => {
                return missing(tx.replace(ROOT, id.unwrap(), row(g, n).fields()).is_err());
            }
            ["delete", _] => return missing(tx.delete(ROOT, id.unwrap()).is_err()),
            ["nest"] => tx.begin_nested(),
            ["keep"] => tx.keep_nested(),
            ["undo"] => tx.undo_nested(),
            ["create", table] => drop(tx.create_table(ROOT, table, None).unwrap()),
            ["drop", table] => tx.delete_table(ROOT, table).unwrap(),
            other => panic!("{other:?} is no step"),
        }
        "ok".to_owned()
    }
}

/// Plays a history; every stated outcome must be what happened.
pub(crate) fn check(history: &str) {
    let db = open_memory(1);
    make_table(&db);
    let mut player = Player {
        db,
        transactions: HashMap::new(),
        labels: HashMap::new(),
        subscriptions: HashMap::new(),
    };
    for line in history.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let (step, expected) = match line.split_once("->") {
            Some((step, expected)) => (
                step,
                Some(expected.split_whitespace().collect::<Vec<_>>().join(" ")),
            ),
            None => (line, None),
        };
        let words: Vec<_> = step.split_whitespace().collect();
        if words.is_empty() {
            continue;
        }
        let outcome = player.step(&words);
        assert_eq!(
            outcome,
            expected.unwrap_or("ok".to_owned()),
            "in the line {line:?}"
        );
    }
}

#[test]
fn a_transaction_sees_its_snapshot_and_its_own_writes() {
    check(
        "
        a begin
        a insert x 1 1
        a insert y 1 2
        a commit
        b begin
        c begin
        c patch x 1 9
        c delete y
        c insert z 1 5
        c group 1 0 12 asc all -> z x
        c group 1 0 12 desc all -> x z
        c get y -> none
        c commit
        b group 1 0 12 asc all -> x y       # the snapshot stands still
        b get x -> 1 1
        b commit
        d begin
        d group 1 0 12 asc all -> z x
        d age asc all -> x z
        d commit
        ",
    );
}

#[test]
fn own_writes_move_rows_between_and_inside_ranges() {
    check(
        "
        a begin
        a insert x 1 1
        a insert y 1 2
        a insert z 2 1
        a commit
        b begin
        b patch x 2 5
        b group 1 0 12 asc all -> y
        b group 2 0 12 asc all -> z x
        b patch x 1 3
        b group 1 0 12 asc all -> y x
        b group 1 0 12 desc 1 -> x
        b patch x - 0
        b group - 0 12 asc all -> x
        b delete y
        b insert w 1 0
        b group 1 0 12 asc all -> w
        b patch y 1 1 -> missing
        b commit
        c begin
        c group 1 0 12 asc all -> w
        c group 2 0 12 asc all -> z
        c group - 0 12 desc all -> x
        ",
    );
}

#[test]
fn undone_sub_transactions_leave_reads_but_no_writes() {
    check(
        "
        a begin
        a insert x 1 1
        a commit
        b begin
        b insert y 1 2
        b nest
        b patch x 1 5
        b nest
        b delete y
        b group 1 0 12 asc all -> x
        b undo
        b group 1 0 12 asc all -> y x
        b keep
        b get x -> 1 5
        b nest
        b delete x
        b insert z 1 0
        b undo
        b group 1 0 12 asc all -> y x
        b commit
        c begin
        c nest
        c get x -> 1 5
        c undo
        c insert v 3 3
        d begin
        d patch x 1 6
        d commit
        c commit -> conflict t          # what was read before the undo counts
        ",
    );
}

#[test]
fn tables_conflict_and_invalidate_like_data() {
    check(
        "
        a begin
        b begin
        a create u
        b create u
        a commit
        b commit -> conflict _tables
        c begin
        d begin
        c create v
        d create w
        c commit
        d commit -> conflict _tables    # both wanted the same number
        e begin
        e insert x 1 1
        e ids asc all -> x
        e watch s
        f begin
        f drop t
        f commit
        s state -> hit
        e commit -> conflict _tables
        ",
    );
}
