//! One round: the live queries whose results no longer hold, asked at one timestamp.

use std::sync::Arc;

use futures::StreamExt;
use lentil_functions::{Call, FunctionFailure, Functions, QueryResult};
use lentil_protocol::QueryId;
use lentil_values::Timestamp;

use crate::limits::QUERIES_IN_PARALLEL;

/// A query to ask.
#[derive(Debug)]
pub(crate) struct Question {
    /// Its number.
    pub(crate) query: QueryId,
    /// Which subscription of that number.
    pub(crate) addition: u64,
    /// What to ask, and in whose name.
    pub(crate) call: Arc<Call>,
    /// What the last run pinned.
    pub(crate) journal: Option<Arc<str>>,
}

/// A question and its result.
pub(crate) type Answered = (Question, Arc<QueryResult>);

/// Asks all questions at `ts`, some at a time; the first that cannot be answered ends the round.
pub(crate) async fn ask(
    functions: Functions,
    ts: Timestamp,
    questions: Vec<Question>,
) -> Result<Vec<Answered>, FunctionFailure> {
    let mut answered = Vec::with_capacity(questions.len());
    if questions.len() == 1 {
        // Fan-out of one shared query is the common case and worth no stream.
        for question in questions {
            answered.push(ask_one(&functions, ts, question).await?);
        }
        return Ok(answered);
    }
    let mut running = futures::stream::iter(questions)
        .map(|question| ask_one(&functions, ts, question))
        .buffer_unordered(QUERIES_IN_PARALLEL);
    while let Some(result) = running.next().await {
        answered.push(result?);
    }
    Ok(answered)
}

async fn ask_one(
    functions: &Functions,
    ts: Timestamp,
    question: Question,
) -> Result<Answered, FunctionFailure> {
    let result = functions
        .query(&question.call, ts, question.journal.clone())
        .await?;
    Ok((question, result))
}
