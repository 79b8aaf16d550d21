//! Reading and writing single documents.

use std::borrow::Cow;

use lentil_database::{Document, IndexQuery, Order, TableInfo};
use lentil_js::{FunctionKind, SyscallError};
use lentil_values::{DocumentId, KeyRange, Object, Value};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::posting::answer_of;
use super::{UdfSyscalls, bad_argument, parse};
use crate::deploy::note_write;
use crate::errors::{from_transaction, thrown};
use crate::index_range::{RangeExpression, key_range};
use crate::validate::TableNames;

/// The system tables that functions may read, through `db.system`.
pub(crate) const VISIBLE_SYSTEM_TABLES: [&str; 2] = ["_storage", "_scheduled_functions"];
const READ_ONLY: &str = "System tables (prefixed with `_`) are read-only.";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Get<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(default)]
    is_system: bool,
    #[serde(borrow, default)]
    table: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Insert<'a> {
    #[serde(borrow)]
    table: Cow<'a, str>,
    #[serde(borrow)]
    value: &'a RawValue,
}

#[derive(Deserialize)]
struct Write<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    table: Option<Cow<'a, str>>,
    #[serde(borrow)]
    value: &'a RawValue,
}

#[derive(Deserialize)]
struct Remove<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    table: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NormalizeId<'a> {
    #[serde(borrow)]
    table: Cow<'a, str>,
    #[serde(borrow)]
    id_string: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Count<'a> {
    #[serde(borrow)]
    table: Cow<'a, str>,
    /// Lentil's own, with `range`: only what lies in a range of an index.
    #[serde(borrow, default)]
    index: Option<Cow<'a, str>>,
    #[serde(default)]
    range: Vec<RangeExpression>,
}

impl UdfSyscalls {
    pub(super) fn get(&mut self, args: &str) -> Result<String, SyscallError> {
        let args: Get<'_> = parse("db.get", args)?;
        let method = if args.is_system {
            "db.system.get"
        } else {
            "db.get"
        };
        let id = parse_id(&args.id, method)?;
        let Some(table) = self.table_of(id, args.table.as_deref(), method)? else {
            return Ok("null".to_owned());
        };
        let system = table.name.starts_with('_');
        if system && !VISIBLE_SYSTEM_TABLES.contains(&table.name.as_str()) {
            return Ok("null".to_owned());
        }
        if system != args.is_system {
            let other = if system { "db.system.get" } else { "db.get" };
            return Err(thrown(format!(
                "`{method}` cannot read the table \"{}\". Use `{other}` instead.",
                table.name
            )));
        }
        let namespace = self.namespace();
        let document = self.tx().get(namespace, id).map_err(from_transaction)?;
        Ok(document.map_or_else(|| "null".to_owned(), |document| document.json.to_string()))
    }

    pub(super) fn count(&mut self, args: &str) -> Result<String, SyscallError> {
        let args: Count<'_> = parse("db.query.count", args)?;
        check_queryable_table(&args.table)?;
        let namespace = self.namespace();
        let tx = self.tx();
        let Some(name) = args.index else {
            if !args.range.is_empty() {
                return Err(thrown(
                    "`db.query.count` got a range without the index that it is a range of.",
                ));
            }
            let count = tx.count(namespace, &args.table).map_err(from_transaction)?;
            return Ok(count.to_string());
        };
        let (table, index) = (args.table.into_owned(), name.into_owned());
        let found = tx
            .index(namespace, &table, &index)
            .map_err(from_transaction)?;
        let range = match &found {
            Some(index) => {
                key_range(&table, index, &args.range).map_err(|error| thrown(error.message))?
            }
            // Asking says whether the table is empty or the index is missing.
            None => KeyRange::all(),
        };
        let query = IndexQuery {
            namespace,
            table,
            index,
            range,
            order: Order::Asc,
        };
        let count = tx.count_in(query).map_err(from_transaction)?;
        Ok(count.to_string())
    }

    pub(super) fn normalize_id(&mut self, args: &str) -> Result<String, SyscallError> {
        let args: NormalizeId<'_> = parse("db.normalizeId", args)?;
        let namespace = self.namespace();
        let visible = check_queryable_table(&args.table).is_ok();
        let id: Option<DocumentId> = args.id_string.parse().ok().filter(|_| visible);
        let table = id.and_then(|_| self.tx().table(namespace, &args.table));
        Ok(match (id, table) {
            (Some(id), Some(table)) if id.table == table.number => {
                format!("{{\"id\":\"{id}\"}}")
            }
            _ => "{\"id\":null}".to_owned(),
        })
    }

    pub(super) fn insert(&mut self, args: &str) -> Result<String, SyscallError> {
        self.insert_as(args, None)
    }

    /// Inserts, with an id that was given before if there is one.
    pub(super) fn insert_as(
        &mut self,
        args: &str,
        reserved: Option<DocumentId>,
    ) -> Result<String, SyscallError> {
        let args: Insert<'_> = parse("db.insert", args)?;
        self.check_may_write()?;
        if args.table.starts_with('_') {
            return Err(thrown(READ_ONLY));
        }
        let value = parse_document(args.value, "db.insert")?;
        // With system fields it is refused below, with a text that names them.
        if !value.contains_key("_id") && !value.contains_key("_creationTime") {
            self.check_schema(&args.table, &value)?;
        }
        let on_trial = self.is_on_trial(&args.table).then(|| value.clone());
        let (namespace, tx) = (self.namespace(), self.tx());
        let inserted = match reserved {
            Some(id) => tx.insert_reserved(namespace, &args.table, value, id),
            None => tx.insert(namespace, &args.table, value),
        };
        let id = inserted.map_err(from_transaction)?;
        self.note_insert(&args.table, reserved.is_none());
        if let Some(value) = on_trial {
            self.try_schema(&args.table, &value)?;
        }
        Ok(answer_of(id))
    }

    pub(super) fn shallow_merge(&mut self, args: &str) -> Result<String, SyscallError> {
        const METHOD: &str = "db.patch";
        let args: Write<'_> = parse(METHOD, args)?;
        let (id, table) = self.writable(&args.id, args.table.as_deref(), METHOD)?;
        let fields = parse_patch(args.value)?;
        let namespace = self.namespace();
        self.write_checked(table, |syscalls| {
            syscalls
                .tx()
                .patch(namespace, id, fields)
                .map_err(from_transaction)
        })
    }

    pub(super) fn replace(&mut self, args: &str) -> Result<String, SyscallError> {
        const METHOD: &str = "db.replace";
        let args: Write<'_> = parse(METHOD, args)?;
        let (id, table) = self.writable(&args.id, args.table.as_deref(), METHOD)?;
        let value = parse_document(args.value, METHOD)?;
        let namespace = self.namespace();
        self.write_checked(table, |syscalls| {
            syscalls
                .tx()
                .replace(namespace, id, value)
                .map_err(from_transaction)
        })
    }

    pub(super) fn remove(&mut self, args: &str) -> Result<String, SyscallError> {
        const METHOD: &str = "db.delete";
        let args: Remove<'_> = parse(METHOD, args)?;
        let (id, _) = self.writable(&args.id, args.table.as_deref(), METHOD)?;
        let namespace = self.namespace();
        let document = self.tx().delete(namespace, id).map_err(from_transaction)?;
        Ok(document.json.to_string())
    }

    // --- parts ------------------------------------------------------------------------------

    /// The table of an id, which must be `expected` if that is given; `None` if there is no such table.
    fn table_of(
        &mut self,
        id: DocumentId,
        expected: Option<&str>,
        method: &str,
    ) -> Result<Option<TableInfo>, SyscallError> {
        let namespace = self.namespace();
        let table = self.tx().table_by_number(namespace, id.table);
        match (&table, expected) {
            (Some(table), Some(expected)) if table.name != expected => Err(bad_argument(
                "id",
                method,
                &format!(
                    "expected to be an Id<\"{expected}\">, got Id<\"{}\"> instead.",
                    table.name
                ),
            )),
            _ => Ok(table),
        }
    }

    /// The document that a write names, and its table if that exists.
    fn writable(
        &mut self,
        id: &str,
        expected: Option<&str>,
        method: &str,
    ) -> Result<(DocumentId, Option<TableInfo>), SyscallError> {
        self.check_may_write()?;
        let id = parse_id(id, method)?;
        let table = self.table_of(id, expected, method)?;
        if table
            .as_ref()
            .is_some_and(|table| table.name.starts_with('_'))
        {
            return Err(thrown(READ_ONLY));
        }
        self.note_write();
        Ok((id, table))
    }

    fn check_may_write(&self) -> Result<(), SyscallError> {
        if self.kind() == FunctionKind::Mutation {
            Ok(())
        } else {
            Err(thrown(
                "Only mutations can write to the database. Make this function a mutation.",
            ))
        }
    }

    /// Writes, then checks the new document against the schema, and undoes the write if it fails.
    fn write_checked(
        &mut self,
        table: Option<TableInfo>,
        write: impl FnOnce(&mut UdfSyscalls) -> Result<Document, SyscallError>,
    ) -> Result<String, SyscallError> {
        let checked =
            |table: &TableInfo| self.is_enforced(&table.name) || self.is_on_trial(&table.name);
        let Some(table) = table.filter(checked) else {
            return write(self).map(|document| document.json.to_string());
        };
        self.tx().begin_nested();
        let checked = write(self).and_then(|document| {
            let fields = parse_stored(&document)?;
            self.check_schema(&table.name, &fields)?;
            self.try_schema(&table.name, &fields)?;
            Ok(document)
        });
        match checked {
            Ok(document) => {
                self.tx().keep_nested();
                Ok(document.json.to_string())
            }
            Err(error) => {
                self.tx().undo_nested();
                Err(error)
            }
        }
    }

    fn is_enforced(&self, table: &str) -> bool {
        let schema = self.image().schema.as_ref();
        schema.is_some_and(|schema| schema.enforces(table))
    }

    /// Whether something that is not enforced says something about the table: a schema that a push is
    /// trying, or a staged validator.
    fn is_on_trial(&self, table: &str) -> bool {
        let image = self.image();
        let staged = image.schema.as_ref();
        let pending = image.pending_schema.as_ref();
        staged.is_some_and(|schema| schema.staged(table).is_some())
            || pending.is_some_and(|pending| pending.schema.enforces(table))
    }

    /// A document that the schema on trial does not allow fails that schema, not the write.
    fn try_schema(&mut self, table: &str, fields: &Object) -> Result<(), SyscallError> {
        let image = self.image().clone();
        let tx = self.tx();
        let (usage, limits) = (tx.usage(), tx.lift_limits());
        let noted = note_write(tx, &image, table, fields, None);
        tx.set_limits(limits);
        tx.restore_usage(usage);
        noted.map_err(|error| SyscallError::System {
            message: format!("the schema on trial cannot be marked as failed: {error}"),
        })
    }

    fn check_schema(&mut self, table: &str, fields: &Object) -> Result<(), SyscallError> {
        if !self.is_enforced(table) {
            return Ok(());
        }
        let namespace = self.namespace();
        let image = self.image().clone();
        let Some(schema) = &image.schema else {
            return Ok(());
        };
        let ids = TableNames::new(self.tx(), namespace);
        schema.check_document(table, fields, &ids).map_err(|why| {
            thrown(format!(
                "Failed to insert or update a document in table \"{table}\" because it does not match the schema: \
                 {why}"
            ))
        })
    }
}

/// Refuses tables that functions must not read.
pub(super) fn check_queryable_table(table: &str) -> Result<(), SyscallError> {
    if table.starts_with('_') && !VISIBLE_SYSTEM_TABLES.contains(&table) {
        return Err(thrown(format!(
            "The system table \"{table}\" cannot be read by functions."
        )));
    }
    Ok(())
}

fn parse_id(text: &str, method: &str) -> Result<DocumentId, SyscallError> {
    text.parse().map_err(|error| {
        let cause = format!("Unable to decode ID: {error}");
        bad_argument("id", method, &cause)
    })
}

fn parse_document(raw: &RawValue, method: &str) -> Result<Object, SyscallError> {
    match Value::parse_unresolved(raw.get()) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(bad_argument(
            "value",
            method,
            &"a document must be an object",
        )),
        Err(error) => Err(bad_argument("value", method, &without_place(&error))),
    }
}

/// Where in the JSON it happened means nothing to the developer, who wrote no JSON.
fn without_place(error: &dyn std::fmt::Display) -> String {
    let mut text = error.to_string();
    if let Some(place) = text.rfind(" at line ") {
        text.truncate(place);
    }
    text
}

/// The members of a patch; `{"$undefined": null}` removes a field.
fn parse_patch(raw: &RawValue) -> Result<Vec<(String, Option<Value>)>, SyscallError> {
    let wrong = |cause: &dyn std::fmt::Display| bad_argument("value", "db.patch", cause);
    let members: Vec<(String, &RawValue)> = parse_members(raw)
        .map_err(|_| wrong(&"a patch must be an object of the fields to change"))?;
    members
        .into_iter()
        .map(|(name, raw)| {
            if is_undefined(raw) {
                return Ok((name, None));
            }
            let value = Value::parse_unresolved(raw.get())
                .map_err(|error| wrong(&without_place(&error)))?;
            Ok((name, Some(value)))
        })
        .collect()
}

fn parse_members(raw: &RawValue) -> Result<Vec<(String, &RawValue)>, serde_json::Error> {
    let members: std::collections::BTreeMap<String, &RawValue> = serde_json::from_str(raw.get())?;
    Ok(members.into_iter().collect())
}

fn is_undefined(raw: &RawValue) -> bool {
    let text = raw.get();
    text.contains("$undefined")
        && serde_json::from_str::<serde_json::Value>(text)
            .is_ok_and(|json| json == serde_json::json!({ "$undefined": null }))
}

/// Fields of a document that the database gave.
pub(super) fn parse_stored(document: &Document) -> Result<Object, SyscallError> {
    match Value::parse_unresolved(&document.json) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(SyscallError::System {
            message: format!("the stored document {} is not an object", document.id),
        }),
    }
}
