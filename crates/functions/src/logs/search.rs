//! Searches the kept logs, step by step: one step looks at so many entries at most and says where the
//! next goes on, so that a search over days neither holds a thread for long nor fills an answer.

use std::ops::ControlFlow;

use lentil_storage::{LogFileState, LogFilter, search_log};
use serde::Deserialize;

use super::{LogKeeper, levels};
use crate::FunctionFailure;

/// Entries that one step looks at, at most.
const LOOKS_MAX: usize = 20_000;
/// Entries that one step gives, at most.
pub(super) const FOUND_MAX: usize = 500;
/// Bytes that one step gives, at most, but for the last entry.
const FOUND_BYTES_MAX: usize = 4 << 20;
/// Words that a search may have.
const WORDS_MAX: usize = 32;

/// What is looked for in the kept logs; what is empty asks for nothing.
#[derive(Clone, Debug, Default)]
pub struct LogSearch {
    /// Words that all stand in a call's lines, error, name or ids.
    pub words: Vec<String>,
    /// Parts of names of functions; any of them.
    pub functions: Vec<String>,
    /// `debug`, `info`, `log`, `warn`, `error`, `success`, `failure`; any of them.
    pub levels: Vec<String>,
    /// How the request's id begins.
    pub request: String,
    /// How the id of the request or of the execution begins.
    pub id: String,
    /// Calls that took at least so long, ms.
    pub min_ms: f64,
    /// Not older than this, ms since the epoch.
    pub from_ms: f64,
    /// Older than this, ms since the epoch.
    pub to_ms: Option<f64>,
    /// Where an earlier step said that the next goes on.
    pub before: Option<i64>,
    /// Entries wanted, at most.
    pub limit: usize,
}

/// What a step has found.
#[derive(Clone, Debug)]
pub struct LogsFound {
    /// JSON texts of entries, newest first.
    pub entries: Vec<String>,
    /// Where the next step goes on; `None` if there is nothing older.
    pub next: Option<i64>,
    /// How far back it has looked, ms since the epoch.
    pub looked_to_ms: Option<f64>,
    /// The oldest entry there is, ms since the epoch.
    pub since_ms: Option<f64>,
    /// Bytes that are kept.
    pub bytes: u64,
}

impl LogKeeper {
    /// One step of a search, over everything that was taken before.
    pub async fn search(&self, search: LogSearch) -> Result<LogsFound, FunctionFailure> {
        let filter = filter_of(&search)?;
        let keeper = self.clone();
        let searches = self.searches().clone();
        let place = searches.acquire_owned().await;
        let place =
            place.map_err(|error| FunctionFailure::internal("the logs are closed", &error))?;
        let step = tokio::task::spawn_blocking(move || {
            let _place = place;
            keeper.flush();
            look(&keeper, &filter, &search)
        });
        step.await
            .map_err(|error| FunctionFailure::internal("a search of the logs failed", &error))?
    }
}

fn filter_of(search: &LogSearch) -> Result<LogFilter, FunctionFailure> {
    let mut bits = 0;
    for word in &search.levels {
        bits |= levels::of_word(word).ok_or_else(|| {
            FunctionFailure::developer(format!(
                "there is no level \"{word}\"; there are debug, info, log, warn, error, success, failure"
            ))
        })?;
    }
    if search.words.len() > WORDS_MAX {
        return Err(FunctionFailure::developer(format!(
            "a search has at most {WORDS_MAX} words; this one has {}",
            search.words.len()
        )));
    }
    let to = search.to_ms.map(|ms| (ms * 1e3) as i64);
    let lower = |words: &[String]| words.iter().map(|word| word.to_lowercase()).collect();
    Ok(LogFilter {
        before: [search.before, to].into_iter().flatten().min(),
        from: (search.from_ms * 1e3) as i64,
        request: search.request.clone(),
        id: search.id.clone(),
        paths: lower(&search.functions),
        levels: bits,
        micros: (search.min_ms * 1e3) as i64,
    })
}

fn look(
    keeper: &LogKeeper,
    filter: &LogFilter,
    search: &LogSearch,
) -> Result<LogsFound, FunctionFailure> {
    let words: Vec<_> = search
        .words
        .iter()
        .map(|word| word.to_lowercase())
        .collect();
    let limit = search.limit.clamp(1, FOUND_MAX);
    let (mut entries, mut bytes, mut looks) = (Vec::new(), 0, 0);
    let (mut last, mut ended) = (None, true);
    let state: LogFileState = search_log(keeper.path(), filter, |at, body| {
        looks += 1;
        last = Some(at);
        if let Some(body) = body.filter(|body| holds(body, &words)) {
            bytes += body.len();
            entries.push(body);
        }
        if entries.len() >= limit || bytes >= FOUND_BYTES_MAX || looks >= LOOKS_MAX {
            ended = false;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })
    .map_err(|error| FunctionFailure::internal("the kept logs cannot be read", &error))?;
    Ok(LogsFound {
        entries,
        next: last.filter(|_| !ended),
        looked_to_ms: last.map(|at| at as f64 / 1e3),
        since_ms: state.oldest.map(|at| at as f64 / 1e3),
        bytes: state.bytes,
    })
}

/// The parts of an entry that words may stand in.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    identifier: String,
    request_id: String,
    execution_id: String,
    #[serde(default)]
    kind: String,
    error: Option<String>,
    log_lines: Vec<SaidLine>,
}

#[derive(Deserialize)]
struct SaidLine {
    messages: Vec<String>,
}

/// Whether all words stand in an entry. A mark stands for anything.
fn holds(body: &str, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let Ok(said) = serde_json::from_str::<Said>(body) else {
        return false;
    };
    let mut text = format!(
        "{}\n{}\n{}\n{}",
        said.identifier,
        said.request_id,
        said.execution_id,
        said.error.unwrap_or_default()
    );
    for message in said.log_lines.iter().flat_map(|line| &line.messages) {
        text.push('\n');
        text.push_str(message);
    }
    let text = text.to_lowercase();
    said.kind == "Lost" || words.iter().all(|word| text.contains(word.as_str()))
}
