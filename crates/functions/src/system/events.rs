//! What admins have done, as dashboards list it.

use lentil_catalog::AuditEvent;
use lentil_database::{Document, Order, TransactionError};
use lentil_values::{Object, Value};

use super::tables::{page_options, read_page};
use super::{Request, as_number, bad_argument, document};

/// Events that one answer holds.
const LISTED: usize = 1_000;
/// The event of a push.
const PUSH: &str = "push_config_with_components";

/// A page of events, the newest first.
pub(super) fn page(request: &mut Request) -> Result<Value, TransactionError> {
    let filters = request.object("filters")?;
    let from_ms = as_number(filters.get("minDate")).unwrap_or(f64::NEG_INFINITY);
    let to_ms = as_number(filters.get("maxDate"));
    let wanted = Wanted {
        authors: filters.get("authorMemberIds").cloned(),
        actions: filters.get("actions").cloned(),
    };
    let options = page_options(request)?;
    let query = AuditEvent::between(from_ms, to_ms, Order::Desc);
    let keep = |_: &mut Request, row: &Document| {
        let event = document(&row.json)?;
        Ok(wanted.has(&event).then_some(event))
    };
    let whole = query.range.clone();
    read_page(
        request,
        options,
        whole,
        |range| super::with_range(query, range),
        keep,
    )
}

/// Events from a time on, the oldest first.
pub(super) fn from_time(request: &mut Request) -> Result<Value, TransactionError> {
    let from_ms = as_number(request.args.get("fromTimestamp"))
        .ok_or_else(|| bad_argument("fromTimestamp", "a number"))?;
    let query = AuditEvent::between(from_ms, None, Order::Asc);
    let mut rows = request.tx.query(query)?;
    let mut events = Vec::new();
    while events.len() < LISTED
        && let Some((_, row)) = rows.next(request.tx)?
    {
        events.push(document(&row.json)?);
    }
    Ok(Value::Array(events))
}

/// The last push, or null.
pub(super) fn last_push(request: &mut Request) -> Result<Value, TransactionError> {
    match AuditEvent::last(request.tx, PUSH)? {
        Some(row) => document(&row.json),
        None => Ok(Value::Null),
    }
}

/// Which events somebody wants to see; without a list, all.
struct Wanted {
    authors: Option<Value>,
    actions: Option<Value>,
}

impl Wanted {
    fn has(&self, event: &Value) -> bool {
        let Value::Object(event) = event else {
            return false;
        };
        is_listed(self.actions.as_ref(), event, "action")
            && is_listed(self.authors.as_ref(), event, "member_id")
    }
}

fn is_listed(list: Option<&Value>, event: &Object, field: &str) -> bool {
    let Some(Value::Array(list)) = list else {
        return true;
    };
    let found = event.get(field);
    // Members are int64 in events, and may be floats in filters.
    list.iter().any(|listed| {
        found == Some(listed)
            || as_number(found).is_some_and(|id| as_number(Some(listed)) == Some(id))
    })
}
