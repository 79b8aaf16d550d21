//! Reading and writing the rows of system tables.

use lentil_database::{Document, IndexQuery, Namespace, Order, Transaction};
use lentil_values::{KeyRange, Object, Value, push_key_value};

use crate::{CatalogError, SystemTable};

/// A row that was read.
pub(crate) struct Row {
    table: SystemTable,
    fields: Object,
}

impl Row {
    pub(crate) fn parse(table: SystemTable, document: &Document) -> Result<Row, CatalogError> {
        match Value::parse(&document.json) {
            Ok(Value::Object(fields)) => Ok(Row { table, fields }),
            Ok(_) => Err(corrupt(table, "it is no object")),
            Err(error) => Err(corrupt(table, &error.to_string())),
        }
    }

    pub(crate) fn text(&self, name: &str) -> Result<String, CatalogError> {
        match self.fields.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            _ => Err(corrupt(self.table, &format!("{name:?} is no text"))),
        }
    }

    pub(crate) fn optional_text(&self, name: &str) -> Option<String> {
        match self.fields.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            _ => None,
        }
    }

    pub(crate) fn integer(&self, name: &str) -> Result<i64, CatalogError> {
        match self.fields.get(name) {
            Some(Value::Int64(integer)) => Ok(*integer),
            _ => Err(corrupt(self.table, &format!("{name:?} is no int64"))),
        }
    }

    pub(crate) fn number(&self, name: &str) -> Result<f64, CatalogError> {
        match self.fields.get(name) {
            Some(Value::Float64(number)) => Ok(*number),
            _ => Err(corrupt(self.table, &format!("{name:?} is no number"))),
        }
    }

    pub(crate) fn optional_number(&self, name: &str) -> Option<f64> {
        match self.fields.get(name) {
            Some(Value::Float64(number)) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn bytes(&self, name: &str) -> Result<Vec<u8>, CatalogError> {
        match self.fields.get(name) {
            Some(Value::Bytes(bytes)) => Ok(bytes.clone()),
            _ => Err(corrupt(self.table, &format!("{name:?} holds no bytes"))),
        }
    }

    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }
}

pub(crate) fn corrupt(table: SystemTable, reason: &str) -> CatalogError {
    CatalogError::Corrupt {
        table: table.name(),
        reason: reason.to_owned(),
    }
}

/// An object from its fields; absent ones are left out.
pub(crate) fn fields<const N: usize>(fields: [(&str, Option<Value>); N]) -> Object {
    fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

pub(crate) fn text(text: &str) -> Option<Value> {
    Some(Value::String(text.to_owned()))
}

/// All rows whose index begins with these values, in index order.
pub(crate) fn rows_by(
    tx: &mut Transaction,
    namespace: Namespace,
    table: SystemTable,
    index: &str,
    values: &[Value],
) -> Result<Vec<Document>, CatalogError> {
    let mut prefix = Vec::new();
    for value in values {
        push_key_value(Some(value), &mut prefix);
    }
    let mut cursor = tx.query(IndexQuery {
        namespace,
        table: table.name().to_owned(),
        index: index.to_owned(),
        range: KeyRange::of_values(&prefix),
        order: Order::Asc,
    })?;
    let mut rows = Vec::new();
    while let Some((_, document)) = cursor.next(tx)? {
        rows.push(document);
    }
    Ok(rows)
}
