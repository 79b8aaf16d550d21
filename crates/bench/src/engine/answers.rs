//! The host functions of both engines: a range of rows, with nothing behind them.

use std::sync::Arc;

use lentil_js::{CallOutcome, Foreseen, Reply, SyscallError, Syscalls};

/// The operation that opens a stream and asks for its first page, and then more.
const PAGE: &str = "1.0/queryStreamPage";

/// What the range holds, as the database would give it.
pub(crate) struct Answers {
    rows: Vec<String>,
    /// All rows as one page.
    page: String,
}

impl Answers {
    pub(crate) fn new(count: usize) -> Answers {
        let row = |n: usize| {
            // Bodies in no order; the first letter makes the groups.
            let mixed = n.wrapping_mul(2_654_435_761) % 1_000_003;
            let letter = char::from(b'a' + (mixed % 26) as u8);
            let body = format!("{letter}{mixed:06}{}", "x".repeat(93));
            format!(
                r#"{{"_creationTime":1700000000000.25,"_id":"j57d3nn3mnxmhm6h1s7m9drzt1{n:06}","body":"{body}","n":{n}.0}}"#
            )
        };
        let rows: Vec<String> = (0..count).map(row).collect();
        let page = format!("{{\"done\":true,\"values\":[\n{}\n]}}", rows.join("\n,"));
        Answers { rows, page }
    }

    /// The next row of a stream, as the npm package asks for it, and where it is then.
    pub(crate) fn next(&self, at: &mut usize) -> String {
        let row = self.rows.get(*at);
        *at += 1;
        match row {
            Some(row) => format!("{{\"value\":{row},\"done\":false}}"),
            None => r#"{"value":null,"done":true}"#.to_owned(),
        }
    }
}

/// One call's world in an executor.
pub(crate) struct World {
    answers: Arc<Answers>,
    /// What the call will ask, if that is known.
    known: Option<Arc<str>>,
    /// What it has asked first.
    pub(crate) asked: Option<Arc<str>>,
}

impl World {
    pub(crate) fn new(answers: &Arc<Answers>, known: Option<Arc<str>>) -> World {
        World {
            answers: Arc::clone(answers),
            known,
            asked: None,
        }
    }
}

impl Syscalls for World {
    fn foresee(&mut self) -> Vec<Foreseen> {
        let known = self.known.clone().into_iter();
        known
            .map(|args| Foreseen {
                op: PAGE,
                args,
                answer: self.answers.page.clone(),
            })
            .collect()
    }

    fn sync_call(&mut self, op: &str, _: &str) -> Result<String, SyscallError> {
        Err(unknown(op))
    }

    fn call(&mut self, op: &str, args: &str) -> Reply {
        match op {
            PAGE => {
                self.asked.get_or_insert_with(|| args.into());
                Reply::Value(self.answers.page.clone())
            }
            "1.0/queryCleanup" => Reply::Value("null".to_owned()),
            _ => Reply::Error(unknown(op)),
        }
    }

    fn nested_finished(&mut self, _: CallOutcome) -> Result<String, SyscallError> {
        Err(unknown("1.0/runUdf"))
    }
}

fn unknown(op: &str) -> SyscallError {
    SyscallError::System {
        message: format!("the benchmark's handlers ask for no {op}"),
    }
}
