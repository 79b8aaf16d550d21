//! A lazily read index range: storage pages merged with the transaction's own writes.

use lentil_storage::{IndexId, Order, TabletId};
use lentil_values::{DocumentId, IndexKey, InternalId, KeyRange, TableNumber};

use crate::index_key::public_id_key;
use crate::limits::{CACHED_PAGES_A_SCAN, PAGE_ROWS_FIRST, PAGE_ROWS_HINT_MAX, next_page_rows};
use crate::page_cache::{Page, PageOf};
use crate::read_set::after;
use crate::transaction::read_error;
use crate::write_set::Own;
use crate::{Document, Transaction, TransactionError};

/// Which index a cursor walks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) index: IndexId,
    pub(crate) tablet: TabletId,
    pub(crate) number: TableNumber,
    /// Keys are internal ids, and rows the documents themselves.
    pub(crate) by_id: bool,
}

/// A row that a cursor has read ahead.
#[derive(Clone, Debug)]
pub struct Ahead {
    /// The index's own key (internal ids for `by_id`).
    key: IndexKey,
    /// The document.
    pub document: Document,
}

/// An open range. Reading ahead is allowed, but only what was handed out is recorded as read.
///
/// Own writes made while the range is open are seen if they lie ahead of the last row handed out.
#[derive(Debug)]
pub struct RangeCursor {
    /// `None` for a table that does not exist: its look-up is all there is to record.
    target: Option<Target>,
    order: Order,
    /// The whole range (over internal ids for `by_id`).
    range: KeyRange,
    /// What has not been passed yet.
    rest: KeyRange,
    /// What has not been fetched yet; `None` once storage has nothing more.
    unfetched: Option<KeyRange>,
    page: Page,
    /// Rows of the page that have been handed out.
    at: usize,
    page_rows: usize,
    /// Pages that have been fetched.
    pages: usize,
}

impl RangeCursor {
    pub(crate) fn empty() -> RangeCursor {
        let nothing = KeyRange {
            start: Vec::new(),
            end: Some(Vec::new()),
        };
        RangeCursor {
            target: None,
            order: Order::Asc,
            range: nothing.clone(),
            rest: nothing,
            unfetched: None,
            page: Page::default(),
            at: 0,
            page_rows: PAGE_ROWS_FIRST,
            pages: 0,
        }
    }

    pub(crate) fn new(target: Target, range: KeyRange, order: Order) -> RangeCursor {
        RangeCursor {
            target: (!range.is_empty()).then_some(target),
            order,
            rest: range.clone(),
            unfetched: Some(range.clone()),
            range,
            page: Page::default(),
            at: 0,
            page_rows: PAGE_ROWS_FIRST,
            pages: 0,
        }
    }

    /// The next document and its key, recording exactly what was consumed; `None` at the end (the
    /// whole range is then recorded). Keys are in the public form, those of `by_id` included.
    pub fn next(
        &mut self,
        tx: &mut Transaction,
    ) -> Result<Option<(IndexKey, Document)>, TransactionError> {
        let Some(ahead) = self.ahead(tx)? else {
            self.consume_end(tx);
            return Ok(None);
        };
        self.consume(tx, &ahead)?;
        let by_id = self.target.is_some_and(|target| target.by_id);
        let key = if by_id {
            public_id_key(ahead.document.id)
        } else {
            ahead.key
        };
        Ok(Some((key, ahead.document)))
    }

    /// The next document, for a reader that may not want it in the end: it is not recorded until it
    /// is given to [`RangeCursor::consume`], and may be given back with [`RangeCursor::rewind`].
    pub fn ahead(&mut self, tx: &mut Transaction) -> Result<Option<Ahead>, TransactionError> {
        let Some(target) = self.target else {
            return Ok(None);
        };
        loop {
            self.fetch_if_empty(&target, tx)?;
            let Some(((key, id), own)) = self.step(&target, tx) else {
                return Ok(None);
            };
            self.pass(&key);
            let json = match own {
                Some(Own::Removed) => continue,
                Some(Own::Present(id)) => {
                    let pending = tx.writes.get(target.tablet, id);
                    pending
                        .and_then(|pending| pending.new.as_ref())
                        .expect("a present entry has a body")
                        .json
                        .clone()
                }
                None => {
                    let row = self
                        .page
                        .get(self.at)
                        .expect("the row that was compared is still there");
                    self.at += 1;
                    tx.remember_row(target.tablet, id, Some((row.ts, row.json.clone())));
                    row.json.clone()
                }
            };
            let id = DocumentId {
                table: target.number,
                internal: id,
            };
            return Ok(Some(Ahead {
                key,
                document: Document { id, json },
            }));
        }
    }

    /// Records and counts a row that [`RangeCursor::ahead`] gave, with everything before it.
    pub fn consume(&self, tx: &mut Transaction, ahead: &Ahead) -> Result<(), TransactionError> {
        let Some(target) = &self.target else {
            return Ok(());
        };
        self.record(target, tx, &ahead.key);
        tx.count_document(target.index, ahead.document.json.len())
    }

    /// Records that the reader knows the range's end.
    pub fn consume_end(&self, tx: &mut Transaction) {
        if let Some(target) = &self.target {
            tx.reads.insert(target.index, self.range.clone());
        }
    }

    /// Gives back every row behind `last` (all, for `None`): they come again, as they then are.
    pub fn rewind(&mut self, last: Option<&Ahead>) {
        self.rest = self.range.clone();
        if let Some(last) = last {
            self.pass(&last.key);
        }
        (self.page, self.at) = (Page::default(), 0);
        self.unfetched = Some(self.rest.clone());
    }

    /// Hints how many more rows will be wanted, so that pages have the right size.
    pub fn expect_rows(&mut self, rows: usize) {
        self.page_rows = rows.clamp(1, PAGE_ROWS_HINT_MAX);
    }

    /// Chooses the next key ahead: the nearer of storage's and the transaction's own. An own entry
    /// at the same key replaces storage's row, which is then dropped from the page.
    fn step(
        &mut self,
        target: &Target,
        tx: &Transaction,
    ) -> Option<((IndexKey, InternalId), Option<Own>)> {
        let own = self.own_entry(target, tx);
        let stored = self.page.get(self.at);
        let Some((own_key, own)) = own else {
            return stored.map(|row| ((row.key.clone(), row.id), None));
        };
        if let Some(row) = stored {
            let ahead = match self.order {
                Order::Asc => row.key < own_key,
                Order::Desc => row.key > own_key,
            };
            if ahead {
                return Some(((row.key.clone(), row.id), None));
            }
            if row.key == own_key {
                self.at += 1;
            }
        }
        let id = match own {
            Own::Present(id) => id,
            Own::Removed => InternalId([0; 16]),
        };
        Some(((own_key, id), Some(own)))
    }

    fn own_entry(&self, target: &Target, tx: &Transaction) -> Option<(IndexKey, Own)> {
        if tx.writes.is_empty() {
            return None;
        }
        if target.by_id {
            let (id, own) = tx
                .writes
                .next_document(target.tablet, &self.rest, self.order)?;
            return Some((id.0.to_vec(), own));
        }
        let (key, own) = tx.writes.next_entry(target.index, &self.rest, self.order)?;
        Some((key.to_vec(), own))
    }

    /// Moves behind `key`.
    fn pass(&mut self, key: &[u8]) {
        match self.order {
            Order::Asc => self.rest.start = after(key),
            Order::Desc => self.rest.end = Some(key.to_vec()),
        }
    }

    /// Records everything from the beginning of the range to `key`.
    fn record(&self, target: &Target, tx: &mut Transaction, key: &[u8]) {
        match self.order {
            Order::Asc => tx.reads.extend_up(target.index, &self.range.start, key),
            Order::Desc => {
                tx.reads.insert(
                    target.index,
                    KeyRange {
                        start: key.to_vec(),
                        end: self.range.end.clone(),
                    },
                );
            }
        }
    }

    fn fetch_if_empty(
        &mut self,
        target: &Target,
        tx: &Transaction,
    ) -> Result<(), TransactionError> {
        if self.at < self.page.len() {
            return Ok(());
        }
        let Some(range) = self.unfetched.take() else {
            return Ok(());
        };
        if range.is_empty() {
            return Ok(());
        }
        let limit = self.page_rows;
        let of = PageOf {
            index: target.index,
            range: range.clone(),
            descending: self.order == Order::Desc,
            limit,
        };
        let (shared, snapshot) = (&tx.shared, tx.guard.snapshot);
        let page = match self.pages < CACHED_PAGES_A_SCAN {
            true => shared.read_page(target, of, snapshot),
            false => shared.scan_page(target, &of, snapshot),
        };
        (self.page, self.at) = (page.map_err(read_error)?, 0);
        self.pages += 1;
        if self.page.len() >= limit {
            let last = self.page.last().expect("a full page has a last row");
            self.unfetched = Some(match self.order {
                Order::Asc => KeyRange {
                    start: after(&last.key),
                    end: range.end,
                },
                Order::Desc => KeyRange {
                    start: range.start,
                    end: Some(last.key.clone()),
                },
            });
        }
        let bytes = self.page.iter().map(|row| row.json.len()).sum();
        self.page_rows = next_page_rows(limit, bytes);
        Ok(())
    }
}
