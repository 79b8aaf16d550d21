//! A schema: what `schema.ts` declares, read and checked (cli-and-deploy 5.4 and 5.5).

mod other_index;
mod rules;

use std::collections::BTreeMap;

use lentil_values::{IdResolver, Object, ObjectValidator, Validator, Value};
use serde::Deserialize;

pub use self::other_index::{OtherIndex, OtherIndexKind};
use self::other_index::{SearchIndexJson, VectorIndexJson};
use self::rules::{check_index, check_index_set, check_name, check_paths, check_top_level};

/// A pushed schema is against the rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SchemaError {
    /// Short code of the specification.
    pub code: &'static str,
    /// What is wrong and where.
    pub message: String,
}

/// A declared index over documents.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IndexSpec {
    /// Its name.
    pub name: String,
    /// Its field paths, without the implicit ones.
    pub fields: Vec<String>,
    /// Whether it is only to be filled, not used.
    pub staged: bool,
}

/// One declared table.
#[derive(Clone, Debug, PartialEq)]
pub struct TableSchema {
    /// What its documents must satisfy, `_id` and `_creationTime` left out; `None` = anything.
    pub document: Option<Validator>,
    /// What they will have to satisfy later, which is only looked at.
    pub staged: Option<Validator>,
    /// Its indexes, staged ones included.
    pub indexes: Vec<IndexSpec>,
    /// Its search and vector indexes, which are kept and not served yet.
    pub other_indexes: Vec<OtherIndex>,
}

/// A schema.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Schema {
    /// Declared tables by name.
    pub tables: BTreeMap<String, TableSchema>,
    /// Whether documents are checked at all.
    pub validation: bool,
}

#[derive(Deserialize)]
#[serde(
    rename_all = "camelCase",
    expecting = "an object with the list `tables`"
)]
struct SchemaJson {
    tables: Vec<TableJson>,
    #[serde(default = "yes")]
    schema_validation: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TableJson {
    table_name: String,
    #[serde(default)]
    indexes: Vec<IndexJson>,
    staged_db_indexes: Option<Vec<IndexJson>>,
    search_indexes: Option<Vec<SearchIndexJson>>,
    staged_search_indexes: Option<Vec<SearchIndexJson>>,
    vector_indexes: Option<Vec<VectorIndexJson>>,
    staged_vector_indexes: Option<Vec<VectorIndexJson>>,
    document_type: Option<serde_json::Value>,
    staged_document_type: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IndexJson {
    index_descriptor: String,
    fields: Vec<String>,
}

fn yes() -> bool {
    true
}

impl Schema {
    /// Reads and checks what `export()` of a schema gives. Unknown members are ignored.
    pub fn parse(text: &str) -> Result<Schema, SchemaError> {
        let json: SchemaJson = serde_json::from_str(text).map_err(|error| SchemaError {
            code: "InvalidSchemaExport",
            message: format!(
                "the schema cannot be read, it must be what defineSchema() exports: {error}"
            ),
        })?;
        let mut tables = BTreeMap::new();
        for table in json.tables {
            let name = table.table_name.clone();
            check_name(&name, "a table", "InvalidTableName")?;
            if tables.insert(name.clone(), table_schema(table)?).is_some() {
                return Err(SchemaError {
                    code: "DuplicateTableName",
                    message: format!("the schema declares the table {name:?} twice"),
                });
            }
        }
        Ok(Schema {
            tables,
            validation: json.schema_validation,
        })
    }

    /// Whether documents of a table are checked at all.
    pub fn enforces(&self, table: &str) -> bool {
        self.validation
            && self.tables.get(table).is_some_and(|table| {
                table
                    .document
                    .as_ref()
                    .is_some_and(|validator| *validator != Validator::Any)
            })
    }

    /// Checks a document of a table; `fields` may hold `_id` and `_creationTime`. The error is the
    /// validator's complaint.
    pub fn check_document(
        &self,
        table: &str,
        fields: &Object,
        ids: &dyn IdResolver,
    ) -> Result<(), String> {
        let validator = match self.tables.get(table) {
            Some(TableSchema {
                document: Some(validator),
                ..
            }) if self.validation => validator,
            _ => return Ok(()),
        };
        check_fields(validator, fields, ids)
    }

    /// What is staged for a table's documents, if documents are checked at all.
    pub fn staged(&self, table: &str) -> Option<&Validator> {
        let table = self.tables.get(table).filter(|_| self.validation)?;
        table.staged.as_ref()
    }

    /// Whether every document that satisfied `before` in this table satisfies this schema too, so
    /// that nothing need be checked; `false` when unsure.
    pub fn table_accepts_all_of(&self, table: &str, before: Option<&Schema>) -> bool {
        let enforced = |schema: &Schema| {
            schema
                .tables
                .get(table)
                .filter(|_| schema.validation)
                .and_then(|table| table.document.clone())
        };
        match (enforced(self), before.and_then(enforced)) {
            (None | Some(Validator::Any), _) => true,
            (Some(_), None) => false,
            (Some(now), Some(before)) => now.accepts_all_of(&before),
        }
    }
}

/// Checks a document against a table's validator; `fields` may hold `_id` and `_creationTime`. The
/// error is the validator's complaint.
pub fn check_fields(
    validator: &Validator,
    fields: &Object,
    ids: &dyn IdResolver,
) -> Result<(), String> {
    if let Validator::Object(declared) = validator
        && fits(declared, fields, ids)
    {
        return Ok(());
    }
    let mut checked = fields.clone();
    checked.remove("_id");
    checked.remove("_creationTime");
    validator
        .check(&Value::Object(checked), ids)
        .map_err(|error| error.message)
}

/// A validator of a table's documents; `what` names it in messages.
fn table_validator(
    table: &str,
    json: Option<&serde_json::Value>,
    what: &str,
) -> Result<Option<Validator>, SchemaError> {
    let Some(json) = json.filter(|json| !json.is_null()) else {
        return Ok(None);
    };
    let validator = Validator::from_json(json).map_err(|error| SchemaError {
        code: "InvalidSchema",
        message: format!("the {what} of the table {table:?} cannot be read: {error}"),
    })?;
    check_top_level(table, &validator)?;
    Ok(Some(validator))
}

fn table_schema(table: TableJson) -> Result<TableSchema, SchemaError> {
    let name = &table.table_name;
    let document = table_validator(name, table.document_type.as_ref(), "validator")?;
    let staged_type = table.staged_document_type.as_ref();
    let staged_document = table_validator(name, staged_type, "staged validator")?;
    let staged = table.staged_db_indexes.unwrap_or_default();
    let specs = table
        .indexes
        .into_iter()
        .map(|index| (index, false))
        .chain(staged.into_iter().map(|index| (index, true)));
    let mut indexes = Vec::new();
    for (index, staged) in specs {
        check_index(name, &index)?;
        indexes.push(IndexSpec {
            name: index.index_descriptor,
            fields: index.fields,
            staged,
        });
    }
    let searches = [
        (table.search_indexes, false),
        (table.staged_search_indexes, true),
    ];
    let vectors = [
        (table.vector_indexes, false),
        (table.staged_vector_indexes, true),
    ];
    let mut other_indexes = Vec::new();
    for (list, staged) in searches {
        let list = list.into_iter().flatten();
        other_indexes.extend(list.map(|index| index.read(staged)));
    }
    for (list, staged) in vectors {
        let list = list.into_iter().flatten();
        other_indexes.extend(list.map(|index| index.read(staged)));
    }
    other_indexes
        .iter()
        .try_for_each(|index| index.check(name))?;
    check_index_set(name, &indexes, &other_indexes)?;
    if let Some(validator) = &document {
        check_paths(name, validator, &indexes, &other_indexes)?;
    }
    Ok(TableSchema {
        document,
        staged: staged_document,
        indexes,
        other_indexes,
    })
}

/// Whether a document satisfies an object validator, without copying it and without a reason.
fn fits(declared: &ObjectValidator, document: &Object, ids: &dyn IdResolver) -> bool {
    let known = |name: &String| {
        declared.contains_key(name) || matches!(name.as_str(), "_id" | "_creationTime")
    };
    document.keys().all(known)
        && declared
            .iter()
            .all(|(name, field)| match document.get(name) {
                Some(value) => field.validator.check(value, ids).is_ok(),
                None => field.optional,
            })
}

#[cfg(test)]
mod tests;
