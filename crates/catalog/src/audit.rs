//! What admins have done, in the order in which it took effect (dashboard A3).
//!
//! An event is written in the transaction of what it tells of: either both are there or neither.

use lentil_database::{Document, IndexQuery, Namespace, Order, Transaction};
use lentil_values::{KeyRange, Object, Value, push_key_value};

use crate::row::{Row, fields, text};
use crate::{CatalogError, SystemTable};

const TABLE: SystemTable = SystemTable::AuditLog;

/// Who did something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Author {
    /// A holder of a key that names nobody, or the server itself.
    #[default]
    System,
    /// A person, by number.
    Member(u64),
}

/// Something that an admin did.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEvent {
    /// What was done, e.g. `create_table`.
    pub action: &'static str,
    /// Who did it.
    pub author: Author,
    /// To what.
    pub metadata: Object,
}

impl Author {
    /// As rows and filters have it: an int64, or null.
    pub fn to_value(self) -> Value {
        match self {
            Author::System => Value::Null,
            Author::Member(id) => Value::Int64(i64::try_from(id).unwrap_or(i64::MAX)),
        }
    }
}

impl AuditEvent {
    /// Keeps it, with the transaction's commit.
    pub fn insert(self, tx: &mut Transaction) -> Result<(), CatalogError> {
        let row = fields([
            ("action", text(self.action)),
            ("member_id", Some(self.author.to_value())),
            ("metadata", Some(Value::Object(self.metadata))),
        ]);
        tx.insert(Namespace::ROOT, TABLE.name(), row)?;
        Ok(())
    }

    /// How events from `from_ms` on and before `to_ms` are read, as dashboards show them.
    pub fn between(from_ms: f64, to_ms: Option<f64>, order: Order) -> IndexQuery {
        let key = |ms: f64| {
            let mut key = Vec::new();
            push_key_value(Some(&Value::Float64(ms)), &mut key);
            key
        };
        IndexQuery {
            namespace: Namespace::ROOT,
            table: TABLE.name().to_owned(),
            index: "by_creation_time".to_owned(),
            range: KeyRange {
                start: key(from_ms),
                end: to_ms.map(key),
            },
            order,
        }
    }

    /// The newest event of an action.
    pub fn last(tx: &mut Transaction, action: &str) -> Result<Option<Document>, CatalogError> {
        let query = AuditEvent::between(f64::NEG_INFINITY, None, Order::Desc);
        let mut rows = tx.query(query)?;
        while let Some((_, row)) = rows.next(tx)? {
            if Row::parse(TABLE, &row)?.optional_text("action").as_deref() == Some(action) {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }
}
