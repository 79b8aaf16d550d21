//! Inserting, replacing, patching and deleting documents in a transaction.

use std::sync::Arc;

use lentil_storage::TabletId;
use lentil_values::{DocumentId, InternalId, Object, Value, ValueError};
use rand::Rng;

use crate::catalog_key::{INDEXES_TABLET, TABLES_TABLET};
use crate::error::developer;
use crate::index_key::keys_of;
use crate::registry::Table;
use crate::shared::parse;
use crate::write_set::Revision;
use crate::{Document, Namespace, TableInfo, Transaction, TransactionError};

const DAY_NS: u64 = 86_400 * 1_000_000_000;

/// A document about to be changed.
struct Current {
    table: Arc<Table>,
    json: Arc<str>,
    fields: Object,
}

impl Transaction {
    /// Inserts into a table, creating the table if it is new; `_id` and `_creationTime` are added
    /// (they must be absent from `value`).
    pub fn insert(
        &mut self,
        namespace: Namespace,
        table: &str,
        value: Object,
    ) -> Result<DocumentId, TransactionError> {
        self.insert_as(namespace, table, value, None)
    }

    /// An id for a document that may be inserted later ([`Transaction::insert_reserved`]); none if
    /// the table does not exist. Leaves no trace: the table counts as read when it is inserted.
    pub fn reserve_id(&mut self, namespace: Namespace, table: &str) -> Option<DocumentId> {
        let table = self.registry.by_name(namespace, table)?.info.number;
        Some(DocumentId {
            table,
            internal: self.draw_internal_id(),
        })
    }

    /// Inserts a document that was given its id before.
    pub fn insert_reserved(
        &mut self,
        namespace: Namespace,
        table: &str,
        value: Object,
        id: DocumentId,
    ) -> Result<DocumentId, TransactionError> {
        self.insert_as(namespace, table, value, Some(id))
    }

    fn insert_as(
        &mut self,
        namespace: Namespace,
        table: &str,
        value: Object,
        reserved: Option<DocumentId>,
    ) -> Result<DocumentId, TransactionError> {
        if value.contains_key("_id") {
            return Err(wrong_id("must be absent when a document is inserted"));
        }
        if value.contains_key("_creationTime") {
            return Err(wrong_creation_time(
                "must be absent when a document is inserted",
            ));
        }
        let table = match self.look_up_name(namespace, table) {
            Some(table) => table,
            None => {
                let info = self.create_table(namespace, table, None)?;
                self.registry
                    .table(info.tablet)
                    .expect("the table was just created")
                    .clone()
            }
        };
        refuse_catalog(table.info.tablet)?;
        let number = table.info.number;
        let id = match reserved {
            Some(id) if id.table == number => id,
            Some(_) => return Err(wrong_id("was reserved in another table")),
            None => DocumentId {
                table: number,
                internal: self.draw_internal_id(),
            },
        };
        let creation_time = self.next_creation_time();
        self.insert_new(&table, id, creation_time, value)
    }

    /// Inserts with a given internal id and creation time (imports, de-duplication rows).
    pub fn insert_with(
        &mut self,
        table: &TableInfo,
        id: InternalId,
        creation_time_ms: f64,
        value: Object,
    ) -> Result<DocumentId, TransactionError> {
        let found = self
            .look_up_name(table.namespace, &table.name)
            .filter(|found| found.info.tablet == table.tablet);
        let Some(table) = found else {
            return Err(developer(
                "NonexistentTable",
                format!("Table \"{}\" does not exist any more.", table.name),
            ));
        };
        refuse_catalog(table.info.tablet)?;
        let id = DocumentId {
            table: table.info.number,
            internal: id,
        };
        if self.read_document(&table, id.internal)?.is_some() {
            return Err(developer(
                "DuplicateId",
                format!(
                    "A document with the ID \"{id}\" is already in table \"{}\".",
                    table.info.name
                ),
            ));
        }
        self.insert_new(&table, id, creation_time_ms, value)
    }

    /// Replaces a document (`_id`, `_creationTime` kept; they may be present if unchanged).
    /// Writes nothing if it is equal. Returns the new document.
    pub fn replace(
        &mut self,
        namespace: Namespace,
        id: DocumentId,
        mut value: Object,
    ) -> Result<Document, TransactionError> {
        let current = self.current(namespace, id, "Replace on")?;
        for field in ["_id", "_creationTime"] {
            if !value.contains_key(field)
                && let Some(kept) = current.fields.get(field)
            {
                value.insert(field.to_owned(), kept.clone());
            }
        }
        self.change(id, current, value)
    }

    /// Shallow merge; `None` removes the field. Writes nothing if nothing changes. Returns the new document.
    pub fn patch(
        &mut self,
        namespace: Namespace,
        id: DocumentId,
        fields: Vec<(String, Option<Value>)>,
    ) -> Result<Document, TransactionError> {
        let current = self.current(namespace, id, "Update on")?;
        let mut merged = current.fields.clone();
        for (name, value) in fields {
            match value {
                Some(value) => merged.insert(name, value),
                None => merged.remove(&name),
            };
        }
        self.change(id, current, merged)
    }

    /// Deletes a document; returns it.
    pub fn delete(
        &mut self,
        namespace: Namespace,
        id: DocumentId,
    ) -> Result<Document, TransactionError> {
        let current = self.current(namespace, id, "Delete on")?;
        self.count_write(0)?;
        let old = self.revision(&current.table, current.json.clone(), &current.fields);
        self.writes
            .put(current.table.info.tablet, id.internal, Some(old), None);
        Ok(Document {
            id,
            json: current.json,
        })
    }

    // --- parts ------------------------------------------------------------------------------

    /// Reads what is to be changed; the read is recorded, so that a change conflicts on its row.
    fn current(
        &mut self,
        namespace: Namespace,
        id: DocumentId,
        verb: &str,
    ) -> Result<Current, TransactionError> {
        let Some(table) = self.look_up_number(namespace, id.table) else {
            return Err(developer(
                "NonexistentTable",
                format!("Table for ID \"{id}\" not found"),
            ));
        };
        refuse_catalog(table.info.tablet)?;
        let Some(json) = self.read_document(&table, id.internal)? else {
            return Err(developer(
                "NonexistentDocument",
                format!("{verb} nonexistent document ID {id}"),
            ));
        };
        let fields = parse(&json)?;
        Ok(Current {
            table,
            json,
            fields,
        })
    }

    fn change(
        &mut self,
        id: DocumentId,
        current: Current,
        fields: Object,
    ) -> Result<Document, TransactionError> {
        if fields.get("_id") != current.fields.get("_id") {
            return Err(wrong_id("cannot be changed"));
        }
        if fields.get("_creationTime") != current.fields.get("_creationTime") {
            return Err(wrong_creation_time("cannot be changed"));
        }
        if fields == current.fields {
            return Ok(Document {
                id,
                json: current.json,
            });
        }
        check_document(&current.table, &fields)?;
        let json = to_json(fields);
        self.count_write(json.0.len())?;
        let old = self.revision(&current.table, current.json, &current.fields);
        let new = self.revision(&current.table, json.0.clone(), &json.1);
        self.writes
            .put(current.table.info.tablet, id.internal, Some(old), Some(new));
        Ok(Document { id, json: json.0 })
    }

    fn insert_new(
        &mut self,
        table: &Table,
        id: DocumentId,
        creation_time_ms: f64,
        mut value: Object,
    ) -> Result<DocumentId, TransactionError> {
        let (id_value, time_value) = (
            Value::String(id.to_string()),
            Value::Float64(creation_time_ms),
        );
        if value
            .insert("_id".into(), id_value.clone())
            .is_some_and(|given| given != id_value)
        {
            return Err(wrong_id("must be absent when a document is inserted"));
        }
        if value
            .insert("_creationTime".into(), time_value.clone())
            .is_some_and(|given| given != time_value)
        {
            return Err(wrong_creation_time(
                "must be absent when a document is inserted",
            ));
        }
        check_document(table, &value)?;
        let (json, value) = to_json(value);
        self.count_write(json.len())?;
        let new = self.revision(table, json, &value);
        self.writes
            .put(table.info.tablet, id.internal, None, Some(new));
        Ok(id)
    }

    /// A revision with its keys in the table's indexes.
    pub(crate) fn revision(&self, table: &Table, json: Arc<str>, fields: &Object) -> Arc<Revision> {
        Arc::new(Revision {
            json,
            indexes: table.indexes.clone(),
            keys: keys_of(&table.indexes, fields),
        })
    }

    pub(crate) fn draw_internal_id(&mut self) -> InternalId {
        let mut random = [0; 14];
        self.rng.fill_bytes(&mut random);
        // The day wraps after 179 years; it only clusters.
        InternalId::from_random(random, (self.now_ns / DAY_NS) as u16)
    }

    /// Each insert's time is above that of the one before (function-runtime 4.5); undoing a
    /// sub-transaction does not take it back.
    pub(crate) fn next_creation_time(&mut self) -> f64 {
        let time = match self.last_creation_time {
            Some(last) => last.next_up(),
            None => self.guard.snapshot.0.max(self.now_ns) as f64 / 1e6,
        };
        self.last_creation_time = Some(time);
        time
    }

    fn count_write(&mut self, bytes: usize) -> Result<(), TransactionError> {
        const ADVICE: &str = "Consider splitting the work over several mutations.";
        let (limit, usage) = (&self.limits, &mut self.usage);
        if usage.documents_written >= limit.documents_written {
            let limit = limit.documents_written;
            let message = format!(
                "Too many writes in a single function execution (limit: {limit}). {ADVICE}"
            );
            return Err(developer("TooManyWrites", message));
        }
        if usage.bytes_written.saturating_add(bytes) > limit.bytes_written {
            let limit = limit.bytes_written;
            let message = format!(
                "Too many bytes written in a single function execution (limit: {limit} bytes). {ADVICE}"
            );
            return Err(developer("TooManyBytesWritten", message));
        }
        usage.documents_written += 1;
        usage.bytes_written += bytes;
        Ok(())
    }
}

/// The JSON of a document and the document again.
fn to_json(fields: Object) -> (Arc<str>, Object) {
    let value = Value::Object(fields);
    let json = value.to_json_string().into();
    let Value::Object(fields) = value else {
        unreachable!("it was made an object two lines above")
    };
    (json, fields)
}

fn wrong_id(rule: &str) -> TransactionError {
    developer("InvalidIdError", format!("The system field `_id` {rule}."))
}

fn wrong_creation_time(rule: &str) -> TransactionError {
    developer(
        "InvalidCreationTimeError",
        format!("The system field `_creationTime` {rule}."),
    )
}

fn refuse_catalog(tablet: TabletId) -> Result<(), TransactionError> {
    if tablet == TABLES_TABLET || tablet == INDEXES_TABLET {
        return Err(developer(
            "ReadOnlySystemTable",
            "The tables `_tables` and `_indexes` are changed by creating and dropping tables and indexes only.",
        ));
    }
    Ok(())
}

/// Rows of system tables are the server's: it may keep values as large as a call's arguments in
/// them, which are more than a document holds.
fn check_document(table: &Table, fields: &Object) -> Result<(), TransactionError> {
    if table.info.name.starts_with('_') {
        return Ok(());
    }
    Value::check_document(fields).map_err(|error| document_error(error, &table.info.name))
}

fn document_error(error: ValueError, table: &str) -> TransactionError {
    let place = format!("in a document of table {table:?}");
    match error {
        ValueError::Limit { code, message } => developer(code, format!("{message}, {place}")),
        error => developer("InvalidDocument", format!("{error} ({place})")),
    }
}
