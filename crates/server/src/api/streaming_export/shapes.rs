//! What the documents of a table look like, found by looking at some of them.

use std::collections::BTreeMap;

use lentil_database::{IndexQuery, Namespace, Order, Transaction, TransactionError};
use lentil_values::{DocumentId, IdResolver, KeyRange, Object, TableNumber, Value};
use serde_json::{Value as Json, json};

/// Documents that are looked at: the newest.
const LOOKED_AT: usize = 1_000;
/// Kinds of values that are told apart at one place.
const UNION_MAX: usize = 8;
/// Fields that an object has names for; one with more is a record.
const FIELDS_MAX: usize = 64;

/// What is known of the values at one place.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    Never,
    Null,
    Int64,
    Float64,
    Boolean,
    String,
    Bytes,
    Id(String),
    Array(Box<Shape>),
    Object(BTreeMap<String, Field>),
    Record(Box<Shape>),
    Union(Vec<Shape>),
    Unknown,
}

/// A field of an object.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) shape: Shape,
    pub(super) optional: bool,
}

impl Shape {
    /// The shape of a table's documents.
    pub(super) fn of_table(
        tx: &mut Transaction,
        names: &TableNames,
        table: &str,
    ) -> Result<Shape, TransactionError> {
        let mut rows = tx.query(IndexQuery {
            namespace: names.namespace,
            table: table.to_owned(),
            index: "by_creation_time".to_owned(),
            range: KeyRange::all(),
            order: Order::Desc,
        })?;
        let mut shape = Shape::Never;
        for _ in 0..LOOKED_AT {
            let Some((_, document)) = rows.next(tx)? else {
                break;
            };
            if let Ok(value) = Value::parse(&document.json) {
                shape = shape.or(Shape::of(&value, names));
            }
        }
        Ok(shape)
    }

    fn of(value: &Value, names: &dyn IdResolver) -> Shape {
        match value {
            Value::Null => Shape::Null,
            Value::Int64(_) | Value::CommitTs => Shape::Int64,
            Value::Float64(_) => Shape::Float64,
            Value::Boolean(_) => Shape::Boolean,
            Value::Bytes(_) => Shape::Bytes,
            Value::String(text) => {
                let id: Option<DocumentId> = text.parse().ok();
                let table = id.and_then(|id| names.name_of(id.table));
                table.map_or(Shape::String, Shape::Id)
            }
            Value::Array(elements) => {
                let of = |shape: Shape, value| shape.or(Shape::of(value, names));
                Shape::Array(Box::new(elements.iter().fold(Shape::Never, of)))
            }
            Value::Object(fields) => Shape::of_object(fields, names),
        }
    }

    fn of_object(fields: &Object, names: &dyn IdResolver) -> Shape {
        let field = |(name, value): (&String, &Value)| {
            let shape = Shape::of(value, names);
            let optional = false;
            (name.clone(), Field { shape, optional })
        };
        Shape::Object(fields.iter().map(field).collect()).bounded()
    }

    /// What fits both.
    pub(super) fn or(self, other: Shape) -> Shape {
        match (self, other) {
            (one, other) if one == other => one,
            (Shape::Never, shape) | (shape, Shape::Never) => shape,
            (Shape::Unknown, _) | (_, Shape::Unknown) => Shape::Unknown,
            (Shape::Id(_), Shape::String | Shape::Id(_)) | (Shape::String, Shape::Id(_)) => {
                Shape::String
            }
            (Shape::Array(one), Shape::Array(other)) => Shape::Array(Box::new(one.or(*other))),
            (Shape::Object(one), Shape::Object(other)) => both(one, other).bounded(),
            (Shape::Record(value), Shape::Object(fields))
            | (Shape::Object(fields), Shape::Record(value)) => {
                let of = |shape: Shape, (_, field): (String, Field)| shape.or(field.shape);
                Shape::Record(Box::new(fields.into_iter().fold(*value, of)))
            }
            (Shape::Record(one), Shape::Record(other)) => Shape::Record(Box::new(one.or(*other))),
            (Shape::Union(one), Shape::Union(other)) => {
                other.into_iter().fold(Shape::Union(one), Shape::or)
            }
            (Shape::Union(members), shape) | (shape, Shape::Union(members)) => {
                with_member(members, shape)
            }
            (one, other) => Shape::Union(vec![one, other]),
        }
    }

    fn bounded(self) -> Shape {
        match self {
            Shape::Object(fields) if fields.len() > FIELDS_MAX => {
                let of = |shape: Shape, field: Field| shape.or(field.shape);
                let values = fields.into_values().fold(Shape::Never, of);
                Shape::Record(Box::new(values))
            }
            shape => shape,
        }
    }

    /// As tools read it.
    pub(super) fn to_json(&self) -> Json {
        match self {
            Shape::Never => json!({ "type": "Never" }),
            Shape::Null => json!({ "type": "Null" }),
            Shape::Int64 => json!({ "type": "Int64" }),
            Shape::Float64 => json!({ "type": "Float64" }),
            Shape::Boolean => json!({ "type": "Boolean" }),
            Shape::String => json!({ "type": "String" }),
            Shape::Bytes => json!({ "type": "Bytes" }),
            Shape::Unknown => json!({ "type": "Unknown" }),
            Shape::Id(table) => json!({ "type": "Id", "tableName": table }),
            Shape::Array(of) => json!({ "type": "Array", "shape": of.to_json() }),
            Shape::Record(of) => json!({
                "type": "Record",
                "keyShape": { "type": "String" },
                "valueShape": { "optional": false, "shape": of.to_json() },
            }),
            Shape::Union(members) => {
                let members: Vec<Json> = members.iter().map(Shape::to_json).collect();
                json!({ "type": "Union", "shapes": members })
            }
            Shape::Object(fields) => {
                let field = |(name, field): (&String, &Field)| {
                    json!({
                        "fieldName": name,
                        "optional": field.optional,
                        "shape": field.shape.to_json(),
                    })
                };
                let fields: Vec<Json> = fields.iter().map(field).collect();
                json!({ "type": "Object", "fields": fields })
            }
        }
    }
}

fn both(one: BTreeMap<String, Field>, mut other: BTreeMap<String, Field>) -> Shape {
    let mut fields = BTreeMap::new();
    for (name, field) in one {
        let merged = match other.remove(&name) {
            Some(twin) => Field {
                shape: field.shape.or(twin.shape),
                optional: field.optional || twin.optional,
            },
            None => Field {
                optional: true,
                ..field
            },
        };
        fields.insert(name, merged);
    }
    for (name, field) in other {
        let optional = true;
        fields.insert(name, Field { optional, ..field });
    }
    Shape::Object(fields)
}

/// A union with one member more; those of the same kind become one.
fn with_member(mut members: Vec<Shape>, shape: Shape) -> Shape {
    for member in &mut members {
        let merged = member.clone().or(shape.clone());
        if !matches!(merged, Shape::Union(_)) {
            *member = merged;
            return Shape::Union(members);
        }
    }
    if members.len() == UNION_MAX {
        return Shape::Unknown;
    }
    members.push(shape);
    Shape::Union(members)
}

/// Names of the tables of a namespace by their numbers, as of a transaction.
pub(super) struct TableNames {
    namespace: Namespace,
    names: BTreeMap<TableNumber, String>,
}

impl TableNames {
    pub(super) fn of(tx: &mut Transaction, namespace: Namespace) -> TableNames {
        let tables = tx.tables(namespace).into_iter();
        TableNames {
            namespace,
            names: tables.map(|table| (table.number, table.name)).collect(),
        }
    }

    /// User tables.
    pub(super) fn user(&self) -> impl Iterator<Item = &str> {
        let names = self.names.values().map(String::as_str);
        names.filter(|name| !name.starts_with('_'))
    }
}

impl IdResolver for TableNames {
    fn number_of(&self, table: &str) -> Option<TableNumber> {
        let found = self.names.iter().find(|(_, name)| *name == table);
        found.map(|(number, _)| *number)
    }
    fn name_of(&self, number: TableNumber) -> Option<String> {
        self.names.get(&number).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(texts: &[&str]) -> Json {
        let names = TableNames {
            namespace: Namespace::ROOT,
            names: BTreeMap::new(),
        };
        let shapes = texts
            .iter()
            .map(|text| Shape::of(&Value::parse(text).expect("a value"), &names));
        shapes.fold(Shape::Never, Shape::or).to_json()
    }

    #[test]
    fn shapes_fit_everything_that_was_seen() {
        assert_eq!(shape(&[]), json!({ "type": "Never" }));
        assert_eq!(shape(&["1", "2"]), json!({ "type": "Float64" }));
        assert_eq!(
            shape(&["1", "\"a\"", "null", "2"]),
            json!({ "type": "Union", "shapes": [
                { "type": "Float64" }, { "type": "String" }, { "type": "Null" },
            ] })
        );
        assert_eq!(
            shape(&["{\"a\":1}", "{\"a\":true,\"b\":[]}"]),
            json!({ "type": "Object", "fields": [
                { "fieldName": "a", "optional": false, "shape":
                    { "type": "Union", "shapes": [{ "type": "Float64" }, { "type": "Boolean" }] } },
                { "fieldName": "b", "optional": true, "shape": { "type": "Array", "shape": { "type": "Never" } } },
            ] })
        );
        let wide: Vec<String> = (0..100).map(|n| format!("\"f{n}\":{n}")).collect();
        let record = shape(&[&format!("{{{}}}", wide.join(","))]);
        assert_eq!(record["type"], "Record");
    }
}
