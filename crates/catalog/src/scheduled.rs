//! Functions that are to run later, and what became of them (function-runtime 4.10, 6.5).
//!
//! A row is what apps read through `ctx.db.system`. It holds nothing else, but for a member
//! `component` in those rare ones that run a function of another component, by its handle.
//!
//! A row lies in the namespace of the component that has scheduled the function.

use lentil_database::{Document, IndexQuery, Namespace, Order, Transaction};
use lentil_values::{DocumentId, KeyRange, Object, Value, push_key_value};

use crate::row::{Row, corrupt, fields, text};
use crate::{CatalogError, SystemTable};

const TABLE: SystemTable = SystemTable::ScheduledFunctions;

/// How far a scheduled function is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Its time has not come, or nobody has had time for it.
    Pending,
    /// It runs.
    InProgress,
    /// It has returned.
    Success,
    /// It has thrown, or could not run.
    Failed {
        /// The rendered error.
        error: String,
    },
    /// Somebody did not want it any more.
    Canceled,
}

/// One scheduled function.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduledFunction {
    /// `module.js:function`.
    pub name: String,
    /// The component of the function, where that is another than the one that scheduled it.
    pub component: Option<String>,
    /// The arguments: an array with one object.
    pub args: Value,
    /// When it was asked for, ms since the epoch.
    pub scheduled_ms: f64,
    /// When it ended, ms since the epoch.
    pub completed_ms: Option<f64>,
    /// How far it is.
    pub state: JobState,
}

/// A row, which an id alone does not say: each component has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ScheduledId {
    /// Where the tables of the component are that has scheduled it.
    pub namespace: Namespace,
    /// Its id there.
    pub id: DocumentId,
}

/// A function whose time will come or has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Due {
    /// Its row.
    pub id: ScheduledId,
    /// Its time, ms since the epoch.
    pub scheduled_ms: f64,
}

impl JobState {
    /// Its name in rows.
    pub fn kind(&self) -> &'static str {
        match self {
            JobState::Pending => "pending",
            JobState::InProgress => "inProgress",
            JobState::Success => "success",
            JobState::Failed { .. } => "failed",
            JobState::Canceled => "canceled",
        }
    }

    /// Whether nothing more will become of it.
    pub fn is_final(&self) -> bool {
        !matches!(self, JobState::Pending | JobState::InProgress)
    }

    fn to_value(&self) -> Value {
        let error = match self {
            JobState::Failed { error } => text(error),
            _ => None,
        };
        Value::Object(fields([("kind", text(self.kind())), ("error", error)]))
    }

    fn from_value(value: Option<&Value>) -> Option<JobState> {
        let Some(Value::Object(state)) = value else {
            return None;
        };
        let Some(Value::String(kind)) = state.get("kind") else {
            return None;
        };
        Some(match kind.as_str() {
            "pending" => JobState::Pending,
            "inProgress" => JobState::InProgress,
            "success" => JobState::Success,
            "canceled" => JobState::Canceled,
            "failed" => match state.get("error") {
                Some(Value::String(error)) => JobState::Failed {
                    error: error.clone(),
                },
                _ => return None,
            },
            _ => return None,
        })
    }
}

impl ScheduledFunction {
    /// Keeps a new one.
    pub fn insert(
        &self,
        tx: &mut Transaction,
        namespace: Namespace,
    ) -> Result<DocumentId, CatalogError> {
        Ok(tx.insert(namespace, TABLE.name(), self.to_fields())?)
    }

    /// The one of that id, if there is one.
    pub fn load(
        tx: &mut Transaction,
        namespace: Namespace,
        id: DocumentId,
    ) -> Result<Option<ScheduledFunction>, CatalogError> {
        if id.table != TABLE.number() {
            return Ok(None);
        }
        let document = tx.get(namespace, id)?;
        document.map(|document| read(&document)).transpose()
    }

    /// Moves it to another state; one that is final says when it ended.
    pub fn set_state(
        tx: &mut Transaction,
        namespace: Namespace,
        id: DocumentId,
        state: &JobState,
        now_ms: f64,
    ) -> Result<(), CatalogError> {
        let mut changes = vec![("state".to_owned(), Some(state.to_value()))];
        if state.is_final() {
            changes.push(("completedTime".to_owned(), Some(Value::Float64(now_ms))));
        }
        tx.patch(namespace, id, changes)?;
        Ok(())
    }

    /// Those that wait and whose time is `from_ms` or later, soonest first, as long as `take`
    /// wants more.
    pub fn pending(
        tx: &mut Transaction,
        namespace: Namespace,
        from_ms: f64,
        mut take: impl FnMut(Due) -> bool,
    ) -> Result<(), CatalogError> {
        let mut start = state_key(&JobState::Pending);
        let end = lentil_values::after_prefix(&start);
        push_key_value(Some(&Value::Float64(from_ms)), &mut start);
        let mut rows = tx.query(query(namespace, "by_state", KeyRange { start, end }))?;
        while let Some((_, document)) = rows.next(tx)? {
            let id = document.id;
            let due = Due {
                id: ScheduledId { namespace, id },
                scheduled_ms: Row::parse(TABLE, &document)?.number("scheduledTime")?,
            };
            if !take(due) {
                break;
            }
        }
        Ok(())
    }

    /// Some of those that wait, the soonest first; of one name only, if one is given.
    pub fn waiting(
        tx: &mut Transaction,
        namespace: Namespace,
        name: Option<&str>,
        limit: usize,
    ) -> Result<Vec<DocumentId>, CatalogError> {
        let range = KeyRange::prefix(&state_key(&JobState::Pending));
        let mut rows = tx.query(query(namespace, "by_state", range))?;
        let mut ids = Vec::new();
        while ids.len() < limit
            && let Some((_, row)) = rows.next(tx)?
        {
            if name.is_none() || Row::parse(TABLE, &row)?.optional_text("name").as_deref() == name {
                ids.push(row.id);
            }
        }
        Ok(ids)
    }

    /// Some of those that run.
    pub fn running(
        tx: &mut Transaction,
        namespace: Namespace,
        limit: usize,
    ) -> Result<Vec<DocumentId>, CatalogError> {
        let range = KeyRange::prefix(&state_key(&JobState::InProgress));
        ids(tx, query(namespace, "by_state", range), limit)
    }

    /// Some of those that ended before `before_ms`, the oldest first.
    pub fn completed_before(
        tx: &mut Transaction,
        namespace: Namespace,
        before_ms: f64,
        limit: usize,
    ) -> Result<Vec<DocumentId>, CatalogError> {
        let key = |ms: f64| {
            let mut key = Vec::new();
            push_key_value(Some(&Value::Float64(ms)), &mut key);
            key
        };
        // Rows that have not ended have no such field and sort before every number.
        let range = KeyRange {
            start: key(f64::NEG_INFINITY),
            end: Some(key(before_ms)),
        };
        ids(tx, query(namespace, "by_completed_time", range), limit)
    }

    /// Forgets it.
    pub fn remove(
        tx: &mut Transaction,
        namespace: Namespace,
        id: DocumentId,
    ) -> Result<(), CatalogError> {
        tx.delete(namespace, id)?;
        Ok(())
    }

    fn to_fields(&self) -> Object {
        fields([
            ("name", text(&self.name)),
            ("component", self.component.as_deref().and_then(text)),
            ("args", Some(self.args.clone())),
            ("scheduledTime", Some(Value::Float64(self.scheduled_ms))),
            ("completedTime", self.completed_ms.map(Value::Float64)),
            ("state", Some(self.state.to_value())),
        ])
    }
}

fn read(document: &Document) -> Result<ScheduledFunction, CatalogError> {
    let row = Row::parse(TABLE, document)?;
    let args = row.value("args").cloned();
    Ok(ScheduledFunction {
        name: row.text("name")?,
        component: row.optional_text("component"),
        args: args.ok_or_else(|| corrupt(TABLE, "\"args\" is missing"))?,
        scheduled_ms: row.number("scheduledTime")?,
        completed_ms: row.optional_number("completedTime"),
        state: JobState::from_value(row.value("state"))
            .ok_or_else(|| corrupt(TABLE, "its state is not known"))?,
    })
}

fn state_key(state: &JobState) -> Vec<u8> {
    let mut key = Vec::new();
    push_key_value(Some(&Value::String(state.kind().to_owned())), &mut key);
    key
}

fn query(namespace: Namespace, index: &str, range: KeyRange) -> IndexQuery {
    IndexQuery {
        namespace,
        table: TABLE.name().to_owned(),
        index: index.to_owned(),
        range,
        order: Order::Asc,
    }
}

fn ids(
    tx: &mut Transaction,
    query: IndexQuery,
    limit: usize,
) -> Result<Vec<DocumentId>, CatalogError> {
    let mut rows = tx.query(query)?;
    let mut ids = Vec::new();
    while ids.len() < limit
        && let Some((_, row)) = rows.next(tx)?
    {
        ids.push(row.id);
    }
    Ok(ids)
}
