//! Pages of a query (function-runtime 1.6, sync-and-http 7).

use std::sync::Arc;

use lentil_database::{Document, Order, TransactionError};
use lentil_js::SyscallError;
use lentil_values::{IndexKey, KeyRange};
use serde::Deserialize;
use serde_json::Value as Json;

use super::queries::{Query, QueryJson, Stages, Verdict, Walk};
use super::{UdfSyscalls, parse};
use crate::cursor::{CursorError, Fingerprint, Position};
use crate::errors::{from_transaction, thrown};
use crate::limits::{Limits, count};

/// Items beyond which a page had better be split.
const ITEMS_RECOMMENDED: usize = 6_144;
/// By this data clients know to start over from the first page.
const INVALID_CURSOR: &str = r#"{"isConvexSystemError":true,"paginationError":"InvalidCursor"}"#;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueryPage {
    query: Json,
    #[serde(default)]
    cursor: Option<String>,
    #[serde(default)]
    end_cursor: Option<String>,
    page_size: f64,
    #[serde(default)]
    maximum_rows_read: Option<f64>,
    #[serde(default)]
    maximum_bytes_read: Option<f64>,
}

/// Where to stop.
struct Stops {
    /// Given by the caller or its journal: everything up to here, whatever the other stops say.
    end: Option<Position>,
    items: usize,
    rows: usize,
    bytes: usize,
}

/// What has been read.
#[derive(Default)]
struct Page {
    documents: Vec<Document>,
    /// Keys of all rows read, filtered ones included.
    keys: Vec<IndexKey>,
    bytes: usize,
    /// Nothing is left in the range.
    exhausted: bool,
    /// A maximum stopped it.
    cut: bool,
}

impl UdfSyscalls {
    pub(super) fn query_page(&mut self, args: &str) -> Result<String, SyscallError> {
        let args: QueryPage = parse("db.query.paginate", args)?;
        let limits = self.scope.inner.options.limits;
        check_limits(&args, &limits)?;
        if !self.place().component.is_root() {
            return Err(thrown(
                "Pagination is not supported in components (PaginationUnsupportedInComponents).",
            ));
        }
        if std::mem::replace(&mut self.frame().paginated, true) {
            return Err(thrown(
                "This query or mutation function ran multiple paginated queries. Convex only supports a single \
                 paginated query in each function.",
            ));
        }
        let namespace = self.namespace();
        let json = args.query.to_string();
        let query: QueryJson = parse("db.query.paginate", &json)?;
        let query = query.check(&limits)?;
        let walk = query.walk(self.tx(), namespace)?;
        let fingerprint = Fingerprint::of(&json, walk.fields.iter().map(String::as_str));

        let start = self.open_cursor(fingerprint, args.cursor.as_deref())?;
        let journal = self.frame().journal.clone();
        let end = args.end_cursor.as_deref().or(journal.as_deref());
        let stops = Stops {
            end: self.open_cursor(fingerprint, end)?,
            items: args.page_size as usize,
            rows: maximum(args.maximum_rows_read, count(limits.documents_read)),
            bytes: maximum(args.maximum_bytes_read, count(limits.bytes_read)),
        };
        let page = self.read_page(query, walk, start.as_ref(), &stops)?;
        Ok(self.render_page(fingerprint, start, &stops, &page))
    }

    fn open_cursor(
        &self,
        fingerprint: Fingerprint,
        text: Option<&str>,
    ) -> Result<Option<Position>, SyscallError> {
        text.map(|text| self.scope.inner.cursors.open(fingerprint, text))
            .transpose()
            .map_err(|error| {
                let why = match error {
                    CursorError::Undecodable => "Failed to parse cursor. Pass null for the first page, then the continueCursor of the page before.",
                    CursorError::OtherQuery => {
                        "The cursor belongs to another query. This happens when the query, its index or its \
                         arguments changed between two pages. Start over with null."
                    }
                };
                SyscallError::Developer {
                    message: format!("InvalidCursor: {why}"),
                    data: Some(INVALID_CURSOR.to_owned()),
                }
            })
    }

    fn read_page(
        &mut self,
        query: Query,
        walk: Walk,
        start: Option<&Position>,
        stops: &Stops,
    ) -> Result<Page, SyscallError> {
        let mut page = Page::default();
        let mut index_query = walk.query;
        let order = index_query.order;
        if start == Some(&Position::End) {
            page.exhausted = true;
            return Ok(page);
        }
        if let Some(Position::After(key)) = start {
            begin_after(&mut index_query.range, order, key);
        }
        if let Some(Position::After(key)) = &stops.end {
            end_after(&mut index_query.range, order, key);
        }
        let (mut stages, whole) = (query.stages, walk.whole);
        let tx = self.tx();
        let mut cursor = tx.query(index_query).map_err(from_transaction)?;
        if stages.is_empty() && stops.end.is_none() {
            cursor.expect_rows(stops.items);
        }
        while !page.stops(stops) {
            match cursor.next(tx) {
                Ok(Some((key, document))) => page.add(key, document, &mut stages)?,
                Ok(None) => page.exhausted = true,
                Err(error) if is_read_limit(&error) && !page.keys.is_empty() => page.cut = true,
                Err(error) => return Err(from_transaction(error)),
            }
        }
        // Pages of everything are no search.
        let filtered = !stages.is_empty();
        self.note_scan(whole.filter(|_| filtered), page.keys.len() as u64, stages);
        Ok(page)
    }

    fn render_page(
        &mut self,
        fingerprint: Fingerprint,
        start: Option<Position>,
        stops: &Stops,
        page: &Page,
    ) -> String {
        let position = match (&stops.end, page.keys.last()) {
            (Some(end), _) => Some(end.clone()),
            (None, _) if page.exhausted => Some(Position::End),
            (None, Some(key)) => Some(Position::After(key.clone())),
            (None, None) => start,
        };
        let position = position.unwrap_or(Position::End);
        let cursors = &self.scope.inner.cursors;
        let continue_cursor = cursors.seal(fingerprint, &position);
        let split = (page.keys.len() > 2).then(|| {
            let middle = page.keys[page.keys.len() / 2].clone();
            cursors.seal(fingerprint, &Position::After(middle))
        });
        let text = page.to_json(stops, position == Position::End, &continue_cursor, split);
        if self.frames.len() == 1 {
            self.frame().pinned = Some(Arc::from(continue_cursor));
        }
        text
    }
}

impl Page {
    fn stops(&self, stops: &Stops) -> bool {
        if self.exhausted || self.cut {
            return true;
        }
        stops.end.is_none() && (self.documents.len() >= stops.items || self.reached(stops))
    }

    /// Whether a maximum has been reached; one row is always read.
    fn reached(&self, stops: &Stops) -> bool {
        !self.keys.is_empty() && (self.keys.len() >= stops.rows || self.bytes >= stops.bytes)
    }

    fn add(
        &mut self,
        key: IndexKey,
        document: Document,
        stages: &mut Stages,
    ) -> Result<(), SyscallError> {
        self.bytes += document.json.len();
        self.keys.push(key);
        if stages.judge(&document)? == Verdict::Keep {
            self.documents.push(document);
        }
        self.exhausted = stages.exhausted();
        Ok(())
    }

    /// A maximum stopped the page before it was full.
    fn is_cut(&self, stops: &Stops) -> bool {
        let full = self.documents.len() >= stops.items;
        self.cut || (stops.end.is_none() && !self.exhausted && !full && self.reached(stops))
    }

    fn status(&self, stops: &Stops) -> &'static str {
        let most = |used: usize, maximum: usize| used as f64 > maximum as f64 * 0.75;
        let large = self.documents.len() > ITEMS_RECOMMENDED
            || most(self.keys.len(), stops.rows)
            || most(self.bytes, stops.bytes);
        match (self.is_cut(stops), large) {
            (true, _) => "\"SplitRequired\"",
            (false, true) => "\"SplitRecommended\"",
            (false, false) => "null",
        }
    }

    fn to_json(
        &self,
        stops: &Stops,
        done: bool,
        continue_cursor: &str,
        split: Option<String>,
    ) -> String {
        let mut text = String::with_capacity(self.bytes + 256);
        text.push_str("{\"page\":[");
        for (index, document) in self.documents.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            text.push_str(&document.json);
        }
        let split = split.map_or_else(|| "null".to_owned(), |split| format!("\"{split}\""));
        let status = self.status(stops);
        text.push_str(&format!(
            "],\"isDone\":{done},\"continueCursor\":\"{continue_cursor}\",\"splitCursor\":{split},\
             \"pageStatus\":{status}}}"
        ));
        text
    }
}

/// Leaves out what stands at or before `key` in the direction of the walk.
fn begin_after(range: &mut KeyRange, order: Order, key: &[u8]) {
    match order {
        Order::Asc => range.start = range.start.clone().max(behind(key)),
        Order::Desc => range.end = Some(least(range.end.take(), key.to_vec())),
    }
}

/// Leaves out what stands behind `key` in the direction of the walk.
fn end_after(range: &mut KeyRange, order: Order, key: &[u8]) {
    match order {
        Order::Asc => range.end = Some(least(range.end.take(), behind(key))),
        Order::Desc => range.start = range.start.clone().max(key.to_vec()),
    }
}

/// The smaller of two ends; none is the largest.
fn least(end: Option<IndexKey>, other: IndexKey) -> IndexKey {
    end.map_or_else(|| other.clone(), |end| end.min(other.clone()))
}

/// The first key behind `key`.
fn behind(key: &[u8]) -> IndexKey {
    let mut next = key.to_vec();
    next.push(0);
    next
}

fn is_read_limit(error: &TransactionError) -> bool {
    matches!(
        error,
        TransactionError::Developer {
            code: "TooManyDocumentsRead" | "TooManyBytesRead",
            ..
        }
    )
}

fn maximum(given: Option<f64>, ceiling: usize) -> usize {
    given.map_or(ceiling, |given| (given as usize).min(ceiling))
}

fn check_limits(args: &QueryPage, limits: &Limits) -> Result<(), SyscallError> {
    let size = args.page_size;
    if size == 0.0 {
        return Err(thrown(
            "Must request at least one document while paginating (NoDocumentsForPagination).",
        ));
    }
    if !(size > 0.0 && size.fract() == 0.0) {
        return Err(thrown(format!(
            "The number of items of a page must be a whole number and positive, it is {size}."
        )));
    }
    let most = limits.page_items;
    if size > most as f64 {
        return Err(thrown(format!(
            "Cannot request a page of {size} items, at most {most} are allowed (PageSizeTooLarge)."
        )));
    }
    for (name, maximum) in [
        ("maximumRowsRead", args.maximum_rows_read),
        ("maximumBytesRead", args.maximum_bytes_read),
    ] {
        if let Some(maximum) =
            maximum.filter(|maximum| !(*maximum >= 1.0 && maximum.fract() == 0.0))
        {
            return Err(thrown(format!(
                "{name} must be a whole number and positive, it is {maximum} (InvalidPaginationLimit)."
            )));
        }
    }
    Ok(())
}
