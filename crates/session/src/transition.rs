//! Station 13 · results become one transition.
//!
//! Arrives: the answers of a round of queries at one timestamp (`round.rs`, fed by station 12).
//! Leaves: the text of one `Transition` from the version last sent to the new one, back through
//! `driver.rs` to the socket (`server/src/ws.rs`).

use std::sync::Arc;

use lentil_functions::Outcome;
use lentil_protocol::{
    Clock, Failure, Modification, QueryId, ServerMessage, StateVersion, Transition,
    request_error_text,
};

use crate::query_set::QuerySet;

/// What a query came to.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// Its number.
    pub(crate) query: QueryId,
    /// Which subscription of that number.
    pub(crate) addition: u64,
    /// Value or failure.
    pub(crate) outcome: Outcome,
    /// What the run pinned.
    pub(crate) journal: Option<Arc<str>>,
}

/// A change the client is to hear of.
struct Report {
    query: QueryId,
    outcome: Outcome,
    journal: Option<Arc<str>>,
    /// Rendered for the client, if it failed.
    error_text: String,
}

/// Takes the answers into the query set and writes the transition to `end`; `None` if it would
/// say nothing and need not be said.
pub(crate) fn build(
    queries: &mut QuerySet,
    answers: Vec<Answer>,
    versions: (StateVersion, StateVersion),
    required: bool,
    redact: bool,
    clock: Option<Clock>,
) -> Option<String> {
    tracing::trace!(target: "lentil::station", number = 13);
    let (start, end) = versions;
    assert!(start.ts <= end.ts, "time does not go back");
    assert!(start.query_set <= end.query_set && start.identity <= end.identity);
    let reports = take_reports(queries, answers, redact);
    let removed = queries.take_removed(end.query_set);
    assert!(
        !queries.owes(end.query_set),
        "every query of the set has been reported"
    );
    if reports.is_empty() && removed.is_empty() && !required {
        return None;
    }
    let mut modifications = Vec::with_capacity(reports.len() + removed.len());
    modifications.extend(
        removed
            .into_iter()
            .map(|query| Modification::QueryRemoved { query }),
    );
    modifications.extend(reports.iter().map(|report| report.modification(redact)));
    // Stable: a number that was removed and added again is removed first.
    modifications.sort_by_key(Modification::query);
    let message = Transition {
        start,
        end,
        modifications: &modifications,
        clock,
    };
    Some(ServerMessage::Transition(message).to_text())
}

/// Keeps what differs from what the client was last told, and every journal.
fn take_reports(queries: &mut QuerySet, answers: Vec<Answer>, redact: bool) -> Vec<Report> {
    let mut reports = Vec::with_capacity(answers.len());
    for answer in answers {
        // Removed while it was asked: nothing to say but the removal.
        let Some(query) = queries.get_mut(answer.query, answer.addition) else {
            continue;
        };
        // A run that failed before it reached its page does not unpin the page.
        if answer.journal.is_some() || answer.outcome.result.is_ok() {
            query.journal = answer.journal;
        }
        let known = query
            .reported
            .as_ref()
            .is_some_and(|last| is_same(last, &answer.outcome, redact));
        if known {
            continue;
        }
        query.reported = Some(answer.outcome.clone());
        let error_text = match &answer.outcome.result {
            Ok(_) => String::new(),
            Err(failure) => request_error_text(
                &query.call.request_id,
                (!redact).then_some(failure.message.as_str()),
            ),
        };
        reports.push(Report {
            query: answer.query,
            outcome: answer.outcome,
            journal: query.journal.clone(),
            error_text,
        });
    }
    reports
}

/// Whether a client that was told `a` knows `b`. Request ids and journals do not count.
fn is_same(a: &Outcome, b: &Outcome, redact: bool) -> bool {
    let same_result = match (&a.result, &b.result) {
        (Ok(a), Ok(b)) => Arc::ptr_eq(a, b) || a == b,
        (Err(a), Err(b)) => a.data == b.data && (redact || a.message == b.message),
        _ => false,
    };
    same_result && (redact || Arc::ptr_eq(&a.log_lines, &b.log_lines) || a.log_lines == b.log_lines)
}

impl Report {
    fn modification(&self, redact: bool) -> Modification<'_> {
        let query = self.query;
        let journal = self.journal.as_deref();
        let log_lines: &[String] = if redact { &[] } else { &self.outcome.log_lines };
        match &self.outcome.result {
            Ok(value) => Modification::QueryUpdated {
                query,
                value,
                log_lines,
                journal,
            },
            Err(failure) => {
                let failure = Failure {
                    message: &self.error_text,
                    data: failure.data.as_deref(),
                };
                Modification::QueryFailed {
                    query,
                    failure,
                    log_lines,
                    journal,
                }
            }
        }
    }
}
