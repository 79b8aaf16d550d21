//! Every ceiling of a function call, in one table (function-runtime 5): settings, error texts,
//! `GET /api/limits` and docs/limits.md are made of it.

use lentil_database::TransactionLimits;

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Its name as a setting, e.g. `documents_read`.
    pub name: &'static str,
    /// What holds unless it is set.
    pub default: u64,
    /// What is counted.
    pub unit: &'static str,
    /// What is limited.
    pub what: &'static str,
    /// What a call that exceeds it is told: a short code, or the beginning of the message.
    pub says: &'static str,
}

/// A setting that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// Nothing is called that.
    #[error("there is no limit \"{0}\"; there are {known}", known = names())]
    Unknown(String),
    /// Not of the form `name=value`.
    #[error("\"{0}\" is not of the form name=value, e.g. documents_read=64000")]
    Form(String),
    /// The value is no positive whole number.
    #[error("the limit {0} takes a whole number from 1 on, not \"{1}\"")]
    Value(&'static str, String),
}

macro_rules! limits {
    ($($name:ident, $default:expr, $unit:literal, $what:literal, $says:literal;)*) => {
        /// Ceilings of function calls; the defaults are Convex's where it has them, but for `waiting_calls` and
        /// `conflict_retries`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Limits {
            $(#[doc = $what] pub $name: u64,)*
        }

        /// The table.
        pub const LIMITS: &[Limit] = &[$(Limit {
            name: stringify!($name),
            default: $default,
            unit: $unit,
            what: $what,
            says: $says,
        },)*];

        impl Default for Limits {
            fn default() -> Limits {
                Limits { $($name: $default,)* }
            }
        }

        impl Limits {
            fn slot(&mut self, name: &str) -> Option<&mut u64> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)*
                    _ => None,
                }
            }

            /// What holds, in the order of [`LIMITS`].
            pub fn values(&self) -> Vec<u64> {
                vec![$(self.$name,)*]
            }
        }
    };
}

limits! {
    documents_read, 32_000, "documents", "Documents that one query or mutation scans, nested calls included.", "TooManyDocumentsRead";
    bytes_read, 16 << 20, "bytes", "Bytes of the documents that it scans.", "TooManyBytesRead";
    ranges_read, 4_096, "reads", "Index ranges and single documents that it asks for.", "TooManyReads";
    documents_written, 16_000, "documents", "Documents that one mutation writes.", "TooManyWrites";
    bytes_written, 16 << 20, "bytes", "Bytes of the documents that it writes.", "TooManyBytesWritten";
    functions_scheduled, 1_000, "functions", "Functions that one mutation schedules.", "TooManyFunctionsScheduled";
    scheduled_arguments_bytes, 16 << 20, "bytes", "Arguments of the functions that one mutation schedules.", "TooLargeScheduledArguments";
    scheduled_running, 8, "functions", "Scheduled functions and cron jobs that run at a time, each; others wait.", "";
    arguments_bytes, 16 << 20, "bytes", "Arguments of one call.", "Arguments for … are too large";
    result_bytes, 16 << 20, "bytes", "Result of one call.", "Function … return value is too large";
    user_time_ms, 1_000, "ms", "Time in the code of one query or mutation; waiting for the database is not counted.", "Function execution timed out";
    system_time_ms, 15_000, "ms", "Time that the database takes for one query or mutation.", "SystemTimeoutError";
    heap_mib, 64, "MiB", "JavaScript heap of one call.", "JavaScript execution ran out of memory";
    nested_calls, 8, "calls", "`ctx.runQuery` and `ctx.runMutation` within each other.", "MaximumCallDepthExceeded";
    query_operators, 256, "operators", "Filters and limits of one query.", "Query has too many operators";
    page_items, 32_000, "documents", "Items that one page may be asked for.", "PageSizeTooLarge";
    files_per_call, 1_000, "files", "Files whose contents one mutation reads, and writes.", "TooManyFiles";
    file_bytes_per_call, 16 << 20, "bytes", "Bytes of contents that one mutation reads, and writes; actions and uploads have no such limit.", "TooManyFileBytes";
    log_lines, 256, "lines", "Lines that one call logs, nested calls included.", "Log overflow";
    action_time_ms, 1_800_000, "ms", "Time that one action may take.", "Function execution timed out";
    action_blocking_ms, 30_000, "ms", "Time that one action may run without awaiting anything.", "Function execution timed out";
    action_heap_mib, 512, "MiB", "JavaScript heap of one process that runs actions.", "JavaScript execution ran out of memory";
    action_requests, 8, "requests", "Requests of one action, such as `ctx.runQuery`, that are worked on at a time; the rest wait.", "";
    actions_running, 64, "actions", "Actions that run at a time; the rest wait.", "TooManyConcurrentRequests";
    action_wait_ms, 10_000, "ms", "Time that an action waits for its turn to run.", "TooManyConcurrentRequests";
    http_actions_running, 128, "actions", "HTTP actions that run at a time, besides `actions_running`; the rest wait.", "TooManyConcurrentRequests";
    http_idle_ms, 60_000, "ms", "Time that an HTTP action waits for a client that sends no more of the request, or takes no more of the response.", "";
    node_action_time_ms, 600_000, "ms", "Time that one Node action may take.", "Action … execution timed out";
    node_action_heap_mib, 512, "MiB", "JavaScript heap of one process that runs Node actions.", "JavaScript execution ran out of memory";
    node_actions_running, 64, "actions", "Node actions that run at a time; the rest wait.", "TooManyConcurrentRequests";
    node_arguments_bytes, 5 << 20, "bytes", "Arguments of one call of a Node action.", "ArgsTooLarge";
    http_request_bytes, 20 << 20, "bytes", "Body of a request for an HTTP action.", "RequestTooLarge";
    http_response_bytes, 20 << 20, "bytes", "Body of the response of an HTTP action; what is longer is cut.", "HttpResponseTooLarge";
    waiting_calls, 4_096, "calls", "Calls that wait for a process to run in.", "TooManyConcurrentRequests";
    conflict_retries, 32, "runs", "Times that a mutation is run again because others have written what it read.", "OptimisticConcurrencyControlFailure";
    query_cache_bytes, 100 << 20, "bytes", "Results of queries that are kept for those who ask the same; the oldest go.", "";
}

fn names() -> String {
    let names: Vec<&str> = LIMITS.iter().map(|limit| limit.name).collect();
    names.join(", ")
}

impl Limits {
    /// Takes a setting, `name=value`; `-` may stand for `_`.
    pub fn set(&mut self, setting: &str) -> Result<(), LimitError> {
        let (name, value) = setting
            .split_once('=')
            .ok_or_else(|| LimitError::Form(setting.to_owned()))?;
        let name = name.trim().replace('-', "_");
        let known = LIMITS.iter().find(|limit| limit.name == name);
        let (Some(known), Some(slot)) = (known, self.slot(&name)) else {
            return Err(LimitError::Unknown(name));
        };
        let number = value.trim().replace('_', "").parse().ok();
        *slot = number
            .filter(|number| *number > 0)
            .ok_or_else(|| LimitError::Value(known.name, value.to_owned()))?;
        Ok(())
    }

    /// Those that the database keeps.
    pub(crate) fn transaction(&self) -> TransactionLimits {
        TransactionLimits {
            documents_read: count(self.documents_read),
            bytes_read: count(self.bytes_read),
            ranges_read: count(self.ranges_read),
            documents_written: count(self.documents_written),
            bytes_written: count(self.bytes_written),
        }
    }
}

/// A limit as a size in memory; one that is larger than memory is none.
pub(crate) fn count(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// Bytes as people say them: `16 MiB`, or the number where it is no whole one.
pub(crate) fn in_bytes(bytes: u64) -> String {
    match bytes {
        bytes if bytes > 0 && bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        bytes if bytes > 0 && bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn settings_are_taken_by_name() {
        let mut limits = Limits::default();
        limits.set("documents_read=64_000").unwrap();
        limits.set("user-time-ms = 5").unwrap();
        assert_eq!((limits.documents_read, limits.user_time_ms), (64_000, 5));
        for (setting, says) in [
            (
                "documents=1",
                "there is no limit \"documents\"; there are documents_read,",
            ),
            ("documents_read", "name=value"),
            ("documents_read=0", "whole number from 1"),
            ("documents_read=many", "\"many\""),
        ] {
            let error = limits.set(setting).unwrap_err().to_string();
            assert!(error.contains(says), "{setting}: {error}");
        }
    }

    #[test]
    fn the_page_says_what_the_table_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/limits.md");
        if std::env::var_os("LENTIL_WRITE_DOCS").is_some() {
            std::fs::write(path, markdown()).unwrap();
        }
        let page = std::fs::read_to_string(path).unwrap();
        assert!(
            page == markdown(),
            "docs/limits.md is old: run this test with LENTIL_WRITE_DOCS=1"
        );
    }

    #[test]
    fn sizes_are_said_as_people_say_them() {
        for (bytes, text) in [
            (16 << 20, "16 MiB"),
            (3 << 10, "3 KiB"),
            (1_000, "1000 bytes"),
            (0, "0 bytes"),
        ] {
            assert_eq!(in_bytes(bytes), text);
        }
    }

    /// What cannot be set, from the constants that hold it.
    fn fixed() -> Vec<(&'static str, String)> {
        use lentil_catalog::limits as catalog;
        use lentil_values::limits as values;
        let bytes = |bytes: usize| in_bytes(bytes as u64);
        let of = |count: usize, unit: &str| format!("{count} {unit}").trim_end().to_owned();
        vec![
            ("a document, encoded", bytes(values::DOCUMENT_BYTES_MAX)),
            (
                "nesting of a document",
                of(values::DOCUMENT_NESTING_MAX, "levels"),
            ),
            ("any value, encoded", bytes(values::VALUE_BYTES_MAX)),
            ("nesting of any value", of(values::NESTING_MAX, "levels")),
            ("fields of an object", of(values::OBJECT_FIELDS_MAX, "")),
            ("elements of an array", of(values::ARRAY_LENGTH_MAX, "")),
            ("a field name", of(values::FIELD_NAME_MAX, "characters")),
            (
                "names of tables and indexes",
                of(catalog::NAME_MAX, "characters"),
            ),
            (
                "names of functions, and each part of a module's path",
                of(crate::path::COMPONENT_MAX, "characters"),
            ),
            ("tables", of(lentil_database::TABLES_MAX, "")),
            ("indexes of a table", of(catalog::INDEXES_MAX, "")),
            ("fields of an index", of(catalog::INDEX_FIELDS_MAX, "")),
            (
                "modules of a push, chunks included",
                of(crate::deploy::MODULES_MAX, ""),
            ),
            ("code of a push", bytes(crate::deploy::CODE_BYTES_MAX)),
            (
                "environment variables",
                of(catalog::ENVIRONMENT_VARIABLES_MAX, ""),
            ),
            (
                "the name of a variable",
                bytes(catalog::VARIABLE_NAME_BYTES_MAX),
            ),
            (
                "the value of a variable",
                bytes(catalog::VARIABLE_BYTES_MAX),
            ),
            (
                "all variables together",
                bytes(catalog::VARIABLES_BYTES_MAX),
            ),
        ]
    }

    /// docs/limits.md, all of it.
    fn markdown() -> String {
        let mut text = String::from(
            "# Limits\n\n\
             What a function call may use. Every row is a setting: `lentil serve --limit documents_read=64000`, more than once\n\
             if need be, or `LENTIL_LIMITS=documents_read=64000,user_time_ms=2000`. The defaults are Convex's, but for\n\
         `waiting_calls` and `conflict_retries`, which are larger here (Convex refuses and fails sooner); how long an\n\
             action may block, the heap of its process and what a mutation may do with contents of files are Lentil's own; nothing is\n\
             capped because of a plan. `GET /api/limits` with an admin key gives what holds.\n\n\
             | limit | default | what | who exceeds it is told |\n|---|---|---|---|\n",
        );
        for limit in LIMITS {
            let default = match limit.unit {
                "bytes" => in_bytes(limit.default),
                unit => format!("{} {unit}", limit.default),
            };
            let says = match limit.says {
                "" => String::new(),
                says => format!("`{says}`"),
            };
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "| `{}` | {default} | {} | {says} |",
                limit.name, limit.what
            );
        }
        text.push_str(
            "\nA call that uses more than 80 % of a limit says so in its log, with the code `warning:<code>`.\n\n\
             ## What cannot be set\n\n\
             These belong to the format of the data, which every client relies on.\n\n\
             | what | limit |\n|---|---|\n",
        );
        for (what, limit) in fixed() {
            let _ = writeln!(text, "| {what} | {limit} |");
        }
        text
    }
}
