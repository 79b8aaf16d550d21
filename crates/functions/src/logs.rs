//! What functions logged and how their executions went, for whoever polls the log stream
//! (sync-and-http 4.7). Kept in memory, bounded by entries and bytes; longer in a file, if a
//! [`LogKeeper`] is there.

mod keeper;
mod levels;
mod search;

use std::collections::VecDeque;
use std::sync::Arc;

use lentil_database::TransactionUsage;
use lentil_identity::Identity;
use lentil_js::{FunctionKind, LogLevel, LogLine};
use lentil_storage::LogEntryRow;
use parking_lot::Mutex;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

pub use self::keeper::{KeptLogsOptions, LogKeeper};
pub use self::search::{LogSearch, LogsFound};
use crate::introspection::Work;
use crate::limits::count;
use crate::path::{ComponentPath, figured};

/// Entries kept at most.
const ENTRIES_MAX: usize = 10_000;
/// Bytes of text kept at most.
const BYTES_MAX: usize = 16 << 20;
/// What stands at the end of a line that was cut.
const TRUNCATED: &str = " (truncated due to length)";
/// The least distance of two cursors, ms: a float of today's size still tells them apart.
const CURSOR_STEP_MS: f64 = 0.001;

/// The id that errors and logs of a client's request carry: the first 16 hex digits of the SHA-256
/// of `<session>|<request>` (sync-and-http 2.8).
pub fn request_id_of(session_id: &uuid::Uuid, request_id: u32) -> String {
    let hash = Sha256::digest(format!("{session_id}|{request_id}"));
    hex::encode(&hash[..8])
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogForm {
    /// Objects, for the CLI and dashboards.
    Structured,
    /// `[LEVEL] text`, for everybody else.
    Text,
}

/// A line with the function it comes from, if that is a nested one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) line: LogLine,
    pub(crate) nested: Option<Arc<str>>,
    /// What kind of line it is, if the server wrote it, e.g. `warning:TooManyReads`.
    pub(crate) code: Option<&'static str>,
}

impl Line {
    /// `[LEVEL] text`.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "[{}] {}",
            level_name(self.line.level),
            self.line.messages.join(" ")
        );
        if self.line.is_truncated && !text.ends_with(TRUNCATED) {
            text.push_str(TRUNCATED);
        }
        text
    }

    fn structured(&self, component: &ComponentPath) -> Json {
        let line = &self.line;
        let mut json = json!({
            "messages": line.messages,
            "isTruncated": line.is_truncated,
            "timestamp": line.timestamp_ms,
            "level": level_name(line.level),
            "systemMetadata": self.code.map(|code| json!({ "code": code })),
        });
        if let Some(path) = &self.nested {
            json["componentPath"] = json!(component.0);
            json["udfPath"] = json!(&**path);
        }
        json
    }
}

fn level_name(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "DEBUG",
        LogLevel::Info => "INFO",
        LogLevel::Log => "LOG",
        LogLevel::Warn => "WARN",
        LogLevel::Error => "ERROR",
    }
}

/// The lines of a call with those of its nested calls among them, in the order of their clocks.
pub(crate) fn flatten(own: Vec<LogLine>, nested: Vec<Line>, most: u64) -> Vec<Line> {
    let own = own.into_iter().map(|line| Line {
        line,
        nested: None,
        code: None,
    });
    let most = count(most);
    let mut lines: Vec<Line> = own.chain(nested).collect();
    lines.sort_by(|a, b| a.line.timestamp_ms.total_cmp(&b.line.timestamp_ms));
    if lines.len() > most {
        let last = lines.swap_remove(most - 1);
        lines.truncate(most - 1);
        lines.push(Line {
            line: LogLine {
                level: LogLevel::Error,
                messages: vec![format!(
                    "Log overflow (maximum {most}). Remaining log lines omitted."
                )],
                timestamp_ms: last.line.timestamp_ms,
                is_truncated: false,
            },
            nested: None,
            code: None,
        });
    }
    lines
}

/// An execution that has ended, as its function's part of the server reports it.
#[derive(Clone, Debug)]
pub(crate) struct Execution {
    /// Tells it from all others.
    pub(crate) id: uuid::Uuid,
    /// The execution that called it, if one did.
    pub(crate) parent: Option<uuid::Uuid>,
    pub(crate) kind: FunctionKind,
    /// Whether it is a Node action.
    pub(crate) node: bool,
    pub(crate) component: ComponentPath,
    /// Display path.
    pub(crate) identifier: String,
    pub(crate) lines: Arc<Vec<Line>>,
    /// Seconds from first to last.
    pub(crate) seconds: f64,
    /// Seconds in user code.
    pub(crate) user_seconds: f64,
    /// Answered from the cache.
    pub(crate) cached: bool,
    pub(crate) caller: &'static str,
    pub(crate) request_id: String,
    pub(crate) identity_type: &'static str,
    /// The rendered error, if it failed.
    pub(crate) error: Option<String>,
    pub(crate) usage: TransactionUsage,
    /// What it read and wrote, and where.
    pub(crate) work: Work,
    /// Bytes of the encoded result.
    pub(crate) return_bytes: Option<usize>,
    /// What an HTTP action answered.
    pub(crate) http_status: Option<u16>,
    /// Times a conflict made it run again, and the table of the last one.
    pub(crate) conflicts: Option<(u32, String)>,
}

/// Lines of an action that goes on.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    pub(crate) kind: FunctionKind,
    pub(crate) component: ComponentPath,
    /// Display path, or route.
    pub(crate) identifier: String,
    pub(crate) lines: Vec<Line>,
    pub(crate) request_id: String,
}

/// What an entry of the log stream is.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    /// The end of an execution.
    Completion(Box<Execution>),
    /// Something on the way to it.
    Progress(Progress),
}

/// What kind of identity it was, as log entries name it.
pub(crate) fn identity_type(identity: &Identity) -> &'static str {
    match identity {
        Identity::Anonymous => "unknown",
        Identity::Admin(_) => "instance_admin",
        Identity::ActingAs { .. } => "member_acting_user",
        Identity::User(_) => "user",
    }
}

/// The end of an execution, or lines on the way to it, in the log stream.
#[derive(Debug)]
pub struct LogEntry {
    /// Ms since the epoch; larger than that of every entry before.
    cursor_ms: f64,
    execution_id: uuid::Uuid,
    entry: Entry,
}

impl LogEntry {
    /// The request it belongs to.
    pub fn request_id(&self) -> &str {
        match &self.entry {
            Entry::Completion(execution) => &execution.request_id,
            Entry::Progress(progress) => &progress.request_id,
        }
    }

    /// Whether an execution has ended with it.
    pub fn is_completion(&self) -> bool {
        matches!(self.entry, Entry::Completion(_))
    }

    /// Whether it is a call that neither logged nor failed.
    fn is_plain(&self) -> bool {
        match &self.entry {
            Entry::Completion(execution) => {
                execution.lines.is_empty()
                    && execution.error.is_none()
                    && execution.conflicts.is_none()
            }
            Entry::Progress(_) => false,
        }
    }

    /// Whether it was answered from the cache.
    fn is_cached(&self) -> bool {
        matches!(&self.entry, Entry::Completion(execution) if execution.cached)
    }

    /// It as it is kept in the file.
    fn row(&self, at: i64) -> LogEntryRow {
        let (component, path, request, bits, seconds) = match &self.entry {
            Entry::Completion(execution) => {
                let end = match execution.error {
                    Some(_) => levels::FAILURE,
                    None => levels::SUCCESS,
                };
                let bits = levels::of_lines(&execution.lines) | end;
                let (path, request) = (&execution.identifier, &execution.request_id);
                (&execution.component, path, request, bits, execution.seconds)
            }
            Entry::Progress(progress) => {
                let bits = levels::of_lines(&progress.lines);
                let (path, request) = (&progress.identifier, &progress.request_id);
                (&progress.component, path, request, bits, 0.0)
            }
        };
        // So that `@notes/` finds all that a component has said.
        let path = figured(component, path.as_str());
        LogEntryRow {
            at,
            request: request.clone(),
            execution: self.execution_id.to_string(),
            path: path.replace(".js:", ":").to_lowercase(),
            levels: bits,
            micros: (seconds * 1e6) as i64,
            body: self.kept_json(),
        }
    }

    /// Its JSON text, a `Completion` or a `Progress` (cli-and-deploy 14).
    pub fn to_json(&self, form: LogForm) -> String {
        self.json(form).to_string()
    }

    fn json(&self, form: LogForm) -> Json {
        match &self.entry {
            Entry::Completion(execution) => self.completion_json(execution, form),
            Entry::Progress(progress) => self.progress_json(progress, form),
        }
    }

    /// The same for the file: without the many counters that are zero.
    fn kept_json(&self) -> String {
        let mut json = self.json(LogForm::Structured);
        if let Some(usage) = json.get_mut("usageStats").and_then(Json::as_object_mut) {
            usage.retain(|_, count| *count != 0);
        }
        json.to_string()
    }

    fn progress_json(&self, progress: &Progress, form: LogForm) -> Json {
        json!({
            "kind": "Progress",
            "udfType": kind_name(progress.kind),
            "componentPath": path_json(&progress.component),
            "identifier": progress.identifier,
            "timestamp": self.cursor_ms / 1e3,
            "logLines": lines_json(&progress.lines, &progress.component, form),
            "requestId": progress.request_id,
            "executionId": self.execution_id.to_string(),
        })
    }

    fn completion_json(&self, execution: &Execution, form: LogForm) -> Json {
        let lines = lines_json(&execution.lines, &execution.component, form);
        let component = path_json(&execution.component);
        let conflicts = execution.conflicts.as_ref().map(|(retries, table)| {
            json!({ "tableName": table, "documentId": null, "writeSource": null, "retryCount": retries })
        });
        json!({
            "kind": "Completion",
            "udfType": kind_name(execution.kind),
            "componentPath": component,
            "identifier": execution.identifier,
            "logLines": lines,
            "timestamp": self.cursor_ms / 1e3,
            "cachedResult": execution.cached,
            "caller": execution.caller,
            "parentExecutionId": execution.parent.map(|id| id.to_string()),
            "executionTime": execution.seconds,
            "userExecutionTime": execution.user_seconds,
            "commitTime": execution.work.commit_seconds,
            "success": execution.http_status.map(|status| json!({ "status": status.to_string() })),
            "error": execution.error,
            "requestId": execution.request_id,
            "executionId": execution.id.to_string(),
            "usageStats": usage_stats(&execution.usage),
            "returnBytes": execution.return_bytes,
            "occInfo": conflicts,
            "willRetry": false,
            "executionTimestamp": self.cursor_ms / 1e3 - execution.seconds,
            "identityType": execution.identity_type,
            "environment": if execution.node { "node" } else { "isolate" },
        })
    }

    fn bytes(&self) -> usize {
        // The struct, the allocations of its texts, and the places that hold it.
        const OVERHEAD: usize = 512;
        let (lines, error) = match &self.entry {
            Entry::Completion(execution) => (&*execution.lines, execution.error.as_ref()),
            Entry::Progress(progress) => (&progress.lines, None),
        };
        let messages = lines.iter().flat_map(|line| &line.line.messages);
        let lines: usize = messages.map(|message| message.len() + 96).sum();
        OVERHEAD + lines + error.map_or(0, String::len)
    }
}

fn lines_json(lines: &[Line], component: &ComponentPath, form: LogForm) -> Vec<Json> {
    let lines = lines.iter().map(|line| match form {
        LogForm::Structured => line.structured(component),
        LogForm::Text => json!(line.text()),
    });
    lines.collect()
}

/// The root app has no path.
fn path_json(component: &ComponentPath) -> Json {
    json!((!component.is_root()).then_some(&component.0))
}

/// `Query`, `Mutation` and so on, as every text names a kind.
pub(crate) fn kind_name(kind: FunctionKind) -> &'static str {
    match kind {
        FunctionKind::Query => "Query",
        FunctionKind::Mutation => "Mutation",
        FunctionKind::Action => "Action",
        FunctionKind::HttpAction => "HttpAction",
    }
}

/// All counters that clients expect; those of parts that do not exist here are zero.
fn usage_stats(usage: &TransactionUsage) -> Json {
    json!({
        "databaseReadBytes": usage.bytes_read,
        "databaseWriteBytes": usage.bytes_written,
        "databaseIoReadBytes": usage.bytes_read,
        "databaseIoWriteBytes": usage.bytes_written,
        "databaseReadDocuments": usage.documents_read,
        "databaseWriteDocuments": usage.documents_written,
        "databaseWriteIndexRows": 0,
        "storageReadBytes": 0,
        "storageWriteBytes": 0,
        "vectorIndexReadBytes": 0,
        "vectorIndexWriteBytes": 0,
        "textIndexQueryBytes": 0,
        "textIndexWriteQueryBytes": 0,
        "vectorIndexReadQueryBytes": 0,
        "vectorIndexWriteQueryBytes": 0,
        "networkEgressBytes": 0,
        "memoryUsedMb": 0,
    })
}

/// The newest executions of a deployment; cheap to clone.
#[derive(Clone, Default)]
pub struct LogStream {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    ring: Mutex<Ring>,
    news: Notify,
    keeper: Option<LogKeeper>,
}

#[derive(Default)]
struct Ring {
    entries: VecDeque<Arc<LogEntry>>,
    bytes: usize,
    newest_ms: f64,
}

impl LogStream {
    /// One whose entries are also kept in a file, if a keeper is there.
    pub(crate) fn kept_by(keeper: Option<LogKeeper>) -> LogStream {
        let shared = Shared {
            keeper,
            ..Shared::default()
        };
        LogStream {
            shared: Arc::new(shared),
        }
    }

    /// Keeps entries longer than this does, if logs are kept.
    pub fn keeper(&self) -> Option<&LogKeeper> {
        self.shared.keeper.as_ref()
    }

    pub(crate) fn push(&self, now_ms: f64, execution_id: uuid::Uuid, entry: Entry) {
        {
            let mut ring = self.shared.ring.lock();
            let cursor_ms = now_ms.max(ring.newest_ms + CURSOR_STEP_MS);
            ring.newest_ms = cursor_ms;
            let entry = Arc::new(LogEntry {
                cursor_ms,
                execution_id,
                entry,
            });
            if let Some(keeper) = &self.shared.keeper {
                keeper.offer(&entry);
            }
            ring.bytes += entry.bytes();
            ring.entries.push_back(entry);
            while ring.entries.len() > ENTRIES_MAX || ring.bytes > BYTES_MAX {
                let Some(oldest) = ring.entries.pop_front() else {
                    break;
                };
                ring.bytes -= oldest.bytes();
            }
        }
        self.shared.news.notify_waiters();
    }

    /// Entries newer than `cursor` (ms; 0 = everything kept), oldest first, and the newest one's
    /// cursor; waits until there is one.
    pub async fn newer_than(&self, cursor: f64) -> (Vec<Arc<LogEntry>>, f64) {
        loop {
            let news = self.shared.news.notified();
            tokio::pin!(news);
            // Registered before looking, so that an entry in between is not missed.
            news.as_mut().enable();
            let (entries, newest) = self.entries_after(cursor);
            if !entries.is_empty() {
                return (entries, newest);
            }
            news.await;
        }
    }

    /// The same without waiting; with nothing newer, `cursor` comes back.
    pub fn entries_after(&self, cursor: f64) -> (Vec<Arc<LogEntry>>, f64) {
        let ring = self.shared.ring.lock();
        let first = ring
            .entries
            .partition_point(|entry| entry.cursor_ms <= cursor);
        let entries: Vec<_> = ring.entries.range(first..).cloned().collect();
        let newest = entries.last().map_or(cursor, |entry| entry.cursor_ms);
        (entries, newest)
    }
}

#[cfg(test)]
mod tests;
