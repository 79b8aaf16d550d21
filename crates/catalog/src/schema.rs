//! A schema: what `schema.ts` declares, read and checked (cli-and-deploy 5.4 and 5.5).

use std::collections::{BTreeMap, BTreeSet};

use lentil_values::{IdResolver, Object, Validator, Value};
use serde::Deserialize;

/// Indexes of all kinds that a table may have.
const INDEXES_MAX: usize = 64;
/// Fields of an index.
const INDEX_FIELDS_MAX: usize = 16;
/// Characters of a table's or index's name.
const NAME_MAX: usize = 64;

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
    /// Its indexes, staged ones included.
    pub indexes: Vec<IndexSpec>,
    /// Names of its search and vector indexes, which are kept and not served yet.
    pub other_indexes: Vec<String>,
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
#[serde(rename_all = "camelCase")]
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
    search_indexes: Option<Vec<NamedJson>>,
    staged_search_indexes: Option<Vec<NamedJson>>,
    vector_indexes: Option<Vec<NamedJson>>,
    staged_vector_indexes: Option<Vec<NamedJson>>,
    document_type: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IndexJson {
    index_descriptor: String,
    fields: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NamedJson {
    index_descriptor: String,
}

fn yes() -> bool {
    true
}

impl Schema {
    /// Reads and checks what `export()` of a schema gives. Unknown members are ignored.
    pub fn parse(text: &str) -> Result<Schema, SchemaError> {
        let json: SchemaJson = serde_json::from_str(text).map_err(|error| SchemaError {
            code: "InvalidSchemaExport",
            message: format!("the schema cannot be read: {error}"),
        })?;
        let mut tables = BTreeMap::new();
        for table in json.tables {
            let name = table.table_name.clone();
            check_name(&name, "table", "InvalidTableName")?;
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
        let mut checked = fields.clone();
        checked.remove("_id");
        checked.remove("_creationTime");
        validator
            .check(&Value::Object(checked), ids)
            .map_err(|error| error.message)
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

fn table_schema(table: TableJson) -> Result<TableSchema, SchemaError> {
    let name = &table.table_name;
    let document = match &table.document_type {
        None | Some(serde_json::Value::Null) => None,
        Some(json) => Some(Validator::from_json(json).map_err(|error| SchemaError {
            code: "InvalidSchema",
            message: format!("the validator of the table {name:?} cannot be read: {error}"),
        })?),
    };
    if let Some(validator) = &document {
        check_top_level(name, validator)?;
    }
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
    let other_indexes: Vec<String> = [
        table.search_indexes,
        table.staged_search_indexes,
        table.vector_indexes,
        table.staged_vector_indexes,
    ]
    .into_iter()
    .flatten()
    .flatten()
    .map(|index| index.index_descriptor)
    .collect();
    check_index_set(name, &indexes, &other_indexes)?;
    Ok(TableSchema {
        document,
        indexes,
        other_indexes,
    })
}

/// A document is an object, so its validator is one, or a union of them, or any.
fn check_top_level(table: &str, validator: &Validator) -> Result<(), SchemaError> {
    let allowed = match validator {
        Validator::Any => true,
        Validator::Object(fields) => {
            if let Some(name) = fields.keys().find(|name| name.starts_with('_')) {
                return Err(SchemaError {
                    code: "InvalidSchema",
                    message: format!(
                        "the table {table:?} declares the field {name:?}: names that begin with '_' are for system fields, which are there by themselves"
                    ),
                });
            }
            true
        }
        Validator::Union(members) => {
            members
                .iter()
                .try_for_each(|member| check_top_level(table, member))?;
            true
        }
        _ => false,
    };
    if allowed {
        return Ok(());
    }
    Err(SchemaError {
        code: "InvalidTopLevelTypeInSchemaError",
        message: format!(
            "documents of the table {table:?} must be objects: v.object, a union of them, or v.any; not {validator}"
        ),
    })
}

fn check_name(name: &str, what: &str, code: &'static str) -> Result<(), SchemaError> {
    let refused = |why: &str| {
        Err(SchemaError {
            code,
            message: format!("{name:?} cannot name a {what}: {why}"),
        })
    };
    if name.is_empty() || name.len() > NAME_MAX {
        return refused(&format!("names have 1 to {NAME_MAX} characters"));
    }
    if name.starts_with('_') {
        return refused("names that begin with '_' are for the system");
    }
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphabetic());
    if !begins_well || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return refused("letters, digits and underscores, beginning with a letter");
    }
    Ok(())
}

fn check_index(table: &str, index: &IndexJson) -> Result<(), SchemaError> {
    let name = &index.index_descriptor;
    let refused = |code, why: String| {
        Err(SchemaError {
            code,
            message: format!("index {table}.{name}: {why}"),
        })
    };
    if matches!(name.as_str(), "by_id" | "by_creation_time") {
        return refused(
            "IndexNameReserved",
            "this name is for the index that every table has".to_owned(),
        );
    }
    check_name(name, "index", "InvalidIndexName")?;
    if index.fields.is_empty() {
        return refused("EmptyIndex", "it has no fields".to_owned());
    }
    if index.fields.len() > INDEX_FIELDS_MAX {
        return refused(
            "IndexTooManyFields",
            format!(
                "it has {} fields; at most {INDEX_FIELDS_MAX} are allowed",
                index.fields.len()
            ),
        );
    }
    let mut seen = BTreeSet::new();
    for field in &index.fields {
        match field.as_str() {
            "_id" => {
                return refused(
                    "IndexFieldsContainId",
                    "\"_id\" is part of every index by itself".to_owned(),
                );
            }
            "_creationTime" => {
                return refused(
                    "IndexFieldsContainCreationTime",
                    "\"_creationTime\" is part of every index by itself".to_owned(),
                );
            }
            _ if field.starts_with('_') => {
                return refused(
                    "IndexFieldNameReserved",
                    format!("the field {field:?}: names that begin with '_' are for the system"),
                );
            }
            _ => {}
        }
        let identifier = |step: &str| {
            step.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && step.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if !field.split('.').all(identifier) {
            return refused(
                "InvalidIndexField",
                format!("{field:?} is no field path (identifiers joined by dots)"),
            );
        }
        if !seen.insert(field) {
            return refused(
                "FieldsNotUniqueWithinIndex",
                format!("it has the field {field:?} twice"),
            );
        }
    }
    Ok(())
}

fn check_index_set(
    table: &str,
    indexes: &[IndexSpec],
    others: &[String],
) -> Result<(), SchemaError> {
    let count = indexes.len() + others.len();
    if count > INDEXES_MAX {
        return Err(SchemaError {
            code: "TooManyIndexes",
            message: format!(
                "the table {table:?} has {count} indexes; at most {INDEXES_MAX} are allowed"
            ),
        });
    }
    let mut names = BTreeSet::new();
    for name in indexes.iter().map(|index| &index.name).chain(others) {
        if !names.insert(name) {
            return Err(SchemaError {
                code: "IndexNamesNotUnique",
                message: format!("the table {table:?} has two indexes named {name:?}"),
            });
        }
    }
    let mut fields = BTreeMap::new();
    for index in indexes {
        if let Some(other) = fields.insert(&index.fields, &index.name) {
            return Err(SchemaError {
                code: "IndexNotUnique",
                message: format!(
                    "the indexes {table}.{other} and {table}.{} have the same fields",
                    index.name
                ),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema(table: serde_json::Value) -> Result<Schema, SchemaError> {
        Schema::parse(
            &json!({ "tables": [table], "schemaValidation": true, "unknown": 1 }).to_string(),
        )
    }

    fn with_index(name: &str, fields: &[&str]) -> Option<&'static str> {
        let index = json!({ "indexDescriptor": name, "fields": fields });
        let table = json!({ "tableName": "t", "indexes": [index], "documentType": null });
        schema(table).err().map(|error| error.code)
    }

    #[test]
    fn index_rules_have_their_codes() {
        assert_eq!(with_index("by_a", &["a.b"]), None);
        assert_eq!(with_index("by_id", &["a"]), Some("IndexNameReserved"));
        assert_eq!(with_index("_x", &["a"]), Some("InvalidIndexName"));
        assert_eq!(with_index("x", &[]), Some("EmptyIndex"));
        assert_eq!(with_index("x", &["_id"]), Some("IndexFieldsContainId"));
        assert_eq!(
            with_index("x", &["_creationTime"]),
            Some("IndexFieldsContainCreationTime")
        );
        assert_eq!(with_index("x", &["_y"]), Some("IndexFieldNameReserved"));
        assert_eq!(
            with_index("x", &["a", "a"]),
            Some("FieldsNotUniqueWithinIndex")
        );
        assert_eq!(with_index("x", &["a..b"]), Some("InvalidIndexField"));
        let many: Vec<String> = (0..17).map(|n| format!("f{n}")).collect();
        assert_eq!(
            with_index("x", &many.iter().map(String::as_str).collect::<Vec<_>>()),
            Some("IndexTooManyFields")
        );
    }

    #[test]
    fn sets_of_indexes_and_top_levels_are_checked() {
        let index = |name: &str, field: &str| json!({ "indexDescriptor": name, "fields": [field] });
        let code = |table| schema(table).err().map(|error| error.code);
        assert_eq!(
            code(json!({ "tableName": "t", "indexes": [index("x", "a"), index("x", "b")] })),
            Some("IndexNamesNotUnique")
        );
        assert_eq!(
            code(
                json!({ "tableName": "t", "indexes": [index("x", "a")], "stagedDbIndexes": [index("y", "a")] })
            ),
            Some("IndexNotUnique")
        );
        assert_eq!(
            code(json!({ "tableName": "t", "documentType": { "type": "string" } })),
            Some("InvalidTopLevelTypeInSchemaError")
        );
        assert_eq!(code(json!({ "tableName": "_t" })), Some("InvalidTableName"));
        let read = schema(
            json!({ "tableName": "t", "searchIndexes": [{ "indexDescriptor": "s", "searchField": "a", "filterFields": [] }] }),
        );
        assert_eq!(read.expect("a schema").tables["t"].other_indexes, ["s"]);
    }

    #[test]
    fn a_wider_table_needs_no_walk() {
        let of = |kind: &str| {
            schema(json!({ "tableName": "t", "documentType": { "type": "object", "value": { "a": { "fieldType": { "type": kind }, "optional": false } } } }))
                .expect("a schema")
        };
        assert!(of("any").table_accepts_all_of("t", Some(&of("string"))));
        assert!(!of("string").table_accepts_all_of("t", Some(&of("any"))));
        assert!(!of("string").table_accepts_all_of("t", None));
        assert!(of("string").table_accepts_all_of("other", None));
    }
}
