//! Lines that tell a developer before a limit is reached (function-runtime 5).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lentil_database::TransactionUsage;
use lentil_js::{LogLevel, LogLine};

use crate::limits::Limits;
use crate::logs::Line;

/// Of a limit, in percent, from which on there is a warning.
const NEAR: u64 = 80;

/// What a call has used.
pub(crate) struct Used {
    pub(crate) transaction: TransactionUsage,
    pub(crate) functions_scheduled: usize,
    pub(crate) scheduled_bytes: usize,
    pub(crate) result_bytes: usize,
    pub(crate) user_time: Duration,
}

/// One line for every limit that the call came near, or went beyond.
pub(crate) fn warnings(used: &Used, limits: &Limits) -> Vec<Line> {
    let tx = &used.transaction;
    let size = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let user_ms = u64::try_from(used.user_time.as_millis()).unwrap_or(u64::MAX);
    let rows = [
        (
            size(tx.documents_read),
            limits.documents_read,
            "warning:TooManyDocumentsRead",
            "documents read",
        ),
        (
            size(tx.bytes_read),
            limits.bytes_read,
            "warning:TooManyBytesRead",
            "bytes read",
        ),
        (
            size(tx.ranges_read),
            limits.ranges_read,
            "warning:TooManyReads",
            "reads",
        ),
        (
            size(tx.documents_written),
            limits.documents_written,
            "warning:TooManyWrites",
            "documents written",
        ),
        (
            size(tx.bytes_written),
            limits.bytes_written,
            "warning:TooManyBytesWritten",
            "bytes written",
        ),
        (
            size(used.functions_scheduled),
            limits.functions_scheduled,
            "warning:TooManyFunctionsScheduled",
            "functions scheduled",
        ),
        (
            size(used.scheduled_bytes),
            limits.scheduled_arguments_bytes,
            "warning:TooLargeScheduledArguments",
            "bytes in arguments of scheduled functions",
        ),
        (
            size(used.result_bytes),
            limits.result_bytes,
            "warning:TooLargeFunctionResult",
            "bytes in the result",
        ),
        (
            user_ms,
            limits.user_time_ms,
            "warning:UserTimeout",
            "ms in user code",
        ),
    ];
    rows.into_iter()
        .filter(|(used, limit, ..)| u128::from(*used) * 100 > u128::from(*limit) * u128::from(NEAR))
        .map(|(used, limit, code, what)| warning(used, limit, code, what))
        .collect()
}

fn warning(used: u64, limit: u64, code: &'static str, what: &str) -> Line {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Line {
        line: LogLine {
            level: LogLevel::Warn,
            messages: vec![format!(
                "Many {what} in a single function execution (actual: {used}, limit: {limit}). A function \
                 that exceeds the limit fails; do less in one call, e.g. with an index, `take` or pages."
            )],
            timestamp_ms: now.map_or(0.0, |now| now.as_secs_f64() * 1e3),
            is_truncated: false,
        },
        nested: None,
        code: Some(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_warns_when_four_fifths_are_used() {
        let mut used = Used {
            transaction: TransactionUsage {
                ranges_read: 3_276,
                ..TransactionUsage::default()
            },
            functions_scheduled: 0,
            scheduled_bytes: 0,
            result_bytes: 0,
            user_time: Duration::from_millis(100),
        };
        assert_eq!(warnings(&used, &Limits::default()), []);
        used.transaction.ranges_read += 1;
        let lines = warnings(&used, &Limits::default());
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].code, Some("warning:TooManyReads"));
        assert!(
            lines[0].text().starts_with("[WARN] Many reads"),
            "{}",
            lines[0].text()
        );
        assert!(lines[0].text().contains("actual: 3277, limit: 4096"));
    }
}
