//! Query streams: rows of a query in pages that the executor hands out one by one.
//!
//! What is recorded as read is what user code has taken, not what was sent ahead: the executor
//! says how much of a page was taken when it asks for the next one, before anything that could
//! tell (a write, a look at the metrics), and when it closes the stream. A page of which it says
//! nothing counts as taken.

use std::collections::VecDeque;

use lentil_database::{Ahead, IndexId, Namespace, RangeCursor, Transaction, TransactionLimits};
use lentil_js::SyscallError;
use serde::Deserialize;

use super::queries::{Query, QueryJson, Verdict};
use super::{UdfSyscalls, parse};
use crate::errors::{from_transaction, thrown};

/// Rows of the largest page.
const PAGE_ROWS_MAX: usize = 1_024;
/// Rows read for a page at most, those that filters refuse included.
const PAGE_SCAN_MAX: usize = 4_096;
/// Bytes of documents after which a page ends.
const PAGE_BYTES: usize = 256 << 10;

/// A query that is being read.
pub(super) struct Stream {
    query: Query,
    /// `None` until the first row is asked for.
    cursor: Option<RangeCursor>,
    /// Rows that were sent, or refused by a filter, and are not recorded yet.
    sent: VecDeque<Sent>,
    /// The last row that is recorded, and what the limits let pass behind it.
    last: Option<Ahead>,
    limits: Box<[u64]>,
    /// The index, if the whole table is gone through, and the rows that were recorded.
    whole: Option<IndexId>,
    rows: u64,
    /// There is nothing more to send.
    done: bool,
    /// Because the rows have come to their end (and not a limit).
    at_end: bool,
}

/// A row read ahead.
struct Sent {
    ahead: Ahead,
    /// Whether the operators kept it, so that it was sent.
    kept: bool,
    /// What the limits let pass behind it.
    limits: Box<[u64]>,
}

/// How much a page may hold.
#[derive(Clone, Copy)]
struct Room {
    /// Rows that are sent.
    rows: usize,
    /// Rows that are read.
    scanned: usize,
    bytes: usize,
}

impl Stream {
    fn new(query: Query) -> Stream {
        let limits = query.stages.limits();
        Stream {
            query,
            cursor: None,
            sent: VecDeque::new(),
            last: None,
            limits,
            whole: None,
            rows: 0,
            done: false,
            at_end: false,
        }
    }

    /// Reads rows that pass the operators, at least one if there is one and `room.scanned` allows.
    /// They are not recorded.
    fn read(
        &mut self,
        tx: &mut Transaction,
        namespace: Namespace,
        room: Room,
    ) -> Result<(), SyscallError> {
        let cursor = match &mut self.cursor {
            Some(cursor) => cursor,
            None => {
                let walk = self.query.walk(tx, namespace)?;
                self.whole = walk.whole;
                let mut cursor = tx.query(walk.query).map_err(from_transaction)?;
                let rows = self.query.stages.rows_max();
                cursor.expect_rows(rows.unwrap_or(room.rows.max(16)));
                self.cursor.insert(cursor)
            }
        };
        let (mut rows, mut bytes) = (0, 0);
        while rows < room.rows && bytes < room.bytes && self.sent.len() < room.scanned {
            if self.query.stages.exhausted() {
                self.done = true;
                break;
            }
            let Some(ahead) = cursor.ahead(tx).map_err(from_transaction)? else {
                (self.done, self.at_end) = (true, true);
                break;
            };
            let kept = self.query.stages.judge(&ahead.document)? == Verdict::Keep;
            rows += usize::from(kept);
            bytes += ahead.document.json.len();
            let limits = self.query.stages.limits();
            self.sent.push_back(Sent {
                ahead,
                kept,
                limits,
            });
        }
        self.done |= self.query.stages.exhausted();
        Ok(())
    }

    /// The documents that were sent and are not recorded yet.
    fn kept(&self) -> impl Iterator<Item = &str> {
        let kept = self.sent.iter().filter(|sent| sent.kept);
        kept.map(|sent| &*sent.ahead.document.json)
    }

    /// Records so many of the rows that were sent, and what was refused before them; more than all
    /// of them means that it is also known what comes behind.
    fn settle(&mut self, tx: &mut Transaction, taken: usize) -> Result<(), SyscallError> {
        let Some(cursor) = &self.cursor else {
            return Ok(());
        };
        let mut left = taken;
        while left > 0 {
            let Some(sent) = self.sent.pop_front() else {
                if self.at_end {
                    cursor.consume_end(tx);
                }
                break;
            };
            left -= usize::from(sent.kept);
            self.rows += 1;
            let consumed = cursor.consume(tx, &sent.ahead);
            (self.last, self.limits) = (Some(sent.ahead), sent.limits);
            consumed.map_err(from_transaction)?;
        }
        Ok(())
    }

    /// Takes back what is not recorded: it comes again, as it then is.
    fn rewind(&mut self) {
        if let Some(cursor) = &mut self.cursor {
            cursor.rewind(self.last.as_ref());
            self.query.stages.restore(&self.limits);
            self.sent.clear();
            (self.done, self.at_end) = (false, false);
        }
    }
}

#[derive(Deserialize)]
struct QueryStream {
    query: QueryJson,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueryStreamPage {
    query_id: u64,
    /// The query, with the first request of a stream.
    #[serde(default)]
    open: Option<QueryStream>,
    /// Rows of the last page that user code has taken; one more if it has seen the end.
    consumed: usize,
    /// Rows wanted; 0 only says what was taken.
    max: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueryCleanup {
    query_id: u64,
    /// As in [`QueryStreamPage`]; not given counts as all.
    #[serde(default)]
    consumed: Option<usize>,
}

impl UdfSyscalls {
    /// Several rows, for an executor that hands them out.
    pub(super) fn query_stream_page(&mut self, args: &str) -> Result<String, SyscallError> {
        let args = parse("db.query", args)?;
        self.page(args)
    }

    fn page(&mut self, args: QueryStreamPage) -> Result<String, SyscallError> {
        if let Some(open) = args.open {
            self.beginning.is_opened(args.query_id);
            let stream = Stream::new(open.query.check(&self.scope.inner.options.limits)?);
            self.frame().streams.insert(args.query_id, stream);
        }
        let namespace = self.namespace();
        self.with_stream(args.query_id, |stream, tx, limits| {
            let sent = stream.kept().count();
            if args.max > 0 && args.consumed >= sent {
                stream.settle(tx, usize::MAX)?;
            } else {
                stream.settle(tx, args.consumed)?;
                stream.rewind();
            }
            if args.max == 0 {
                return Ok("null".to_owned());
            }
            let used = tx.usage();
            let documents = limits.documents_read.saturating_sub(used.documents_read);
            let bytes = limits.bytes_read.saturating_sub(used.bytes_read);
            let room = Room {
                rows: args.max.min(PAGE_ROWS_MAX),
                scanned: PAGE_SCAN_MAX.min(documents.max(1)),
                bytes: PAGE_BYTES.min(bytes.max(1)),
            };
            stream.read(tx, namespace, room)?;
            if documents == 0 || bytes == 0 {
                // The next row is one too many: user code must hear of it now.
                stream.settle(tx, usize::MAX)?;
            }
            Ok(page_json(stream))
        })
    }

    /// The page that a request opens a stream with, and the stream's number. Not taken yet, so that
    /// nothing is recorded; if it cannot be read there is no stream either.
    pub(super) fn first_page(&mut self, args: &str) -> Result<(u64, String), SyscallError> {
        let args: QueryStreamPage = parse("db.query", args)?;
        let number = args.query_id;
        let page = self.page(args);
        if page.is_err() {
            self.frame().streams.remove(&number);
        }
        page.map(|page| (number, page))
    }

    pub(super) fn query_cleanup(&mut self, args: &str) -> Result<String, SyscallError> {
        let args: QueryCleanup = parse("db.query", args)?;
        let Some(stream) = self.frame().streams.remove(&args.query_id) else {
            return Ok("false".to_owned());
        };
        self.close_stream(stream, args.consumed.unwrap_or(usize::MAX))?;
        Ok("true".to_owned())
    }

    /// Records what the innermost function's open streams have sent; it has ended.
    pub(super) fn close_streams(&mut self) {
        let streams = std::mem::take(&mut self.frame().streams);
        for stream in streams.into_values() {
            self.close_stream(stream, usize::MAX)
                .expect("without ceilings, recording what was read cannot fail");
        }
    }

    fn close_stream(&mut self, mut stream: Stream, taken: usize) -> Result<(), SyscallError> {
        let tx = self.tx();
        // Rows that user code was given cannot be refused any more.
        let limits = tx.lift_limits();
        let settled = stream.settle(tx, taken);
        tx.set_limits(limits);
        self.note_scan(stream.whole, stream.rows, stream.query.stages);
        settled
    }

    fn with_stream(
        &mut self,
        number: u64,
        body: impl FnOnce(
            &mut Stream,
            &mut Transaction,
            TransactionLimits,
        ) -> Result<String, SyscallError>,
    ) -> Result<String, SyscallError> {
        // Out of the frame while the transaction, which the frame may own, is used.
        let Some(mut stream) = self.frame().streams.remove(&number) else {
            return Err(thrown(format!("Query with ID {number} not found")));
        };
        let limits = self.limits_now();
        let result = body(&mut stream, self.tx(), limits);
        self.frame().streams.insert(number, stream);
        result
    }
}

/// A page: JSON with a line for the head, one for each row and one for the tail, so that the
/// executor finds the rows without parsing them.
fn page_json(stream: &Stream) -> String {
    let bytes: usize = stream.kept().map(|json| json.len() + 2).sum();
    let mut text = String::with_capacity(bytes + 32);
    text.push_str(if stream.done {
        "{\"done\":true,\"values\":[\n"
    } else {
        "{\"done\":false,\"values\":[\n"
    });
    for (index, json) in stream.kept().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(json);
        text.push('\n');
    }
    text.push_str("]}");
    text
}
