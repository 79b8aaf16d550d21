//! Filters of the data page (dashboard A3): which documents of a table, by which index and in which
//! order.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lentil_database::{IndexInfo, Order};
use lentil_values::{DocumentId, KeyRange, Object, Value};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::index_range::{RangeExpression, key_range};

/// Stands for a field that is not there: in filters, and in patches that remove fields.
pub(super) const UNDEFINED: &str = "__undefined__";
/// The place of what is wrong with the text as a whole, or with the index.
const WHOLE: i32 = -1;

/// What is wrong with a filter.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    /// The number of its clause, or -1.
    pub(super) clause: i32,
    /// What is wrong with it.
    pub(super) error: String,
}

/// The text, as dashboards write it.
#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    clauses: Vec<WrittenClause>,
    #[serde(default)]
    order: Option<WrittenOrder>,
    #[serde(default)]
    index: Option<WrittenIndex>,
}

#[derive(Deserialize)]
struct WrittenClause {
    op: String,
    field: Option<String>,
    #[serde(default)]
    value: Json,
    enabled: Option<bool>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WrittenOrder {
    Asc,
    Desc,
}

#[derive(Deserialize)]
struct WrittenIndex {
    name: String,
    #[serde(default)]
    search: Option<String>,
    #[serde(default)]
    clauses: Vec<IndexClause>,
}

/// What is asked of one field of an index, in the order of its fields.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IndexClause {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    enabled: bool,
    #[serde(default)]
    value: Json,
    lower_op: Option<String>,
    lower_value: Option<Json>,
    upper_op: Option<String>,
    upper_value: Option<Json>,
}

/// A filter that was understood.
#[derive(Debug)]
pub(super) struct Filters {
    tests: Vec<Test>,
    pub(super) order: Order,
    /// The index by which the table is read, and the text's clauses of it.
    index: Option<(String, Vec<Bounds>)>,
}

#[derive(Debug)]
struct Test {
    field: String,
    wanted: Wanted,
}

#[derive(Debug)]
enum Wanted {
    Compared(Comparison, Option<Value>),
    /// One of these, or none of them.
    Listed(bool, Vec<Option<Value>>),
    /// Of this type, or not.
    Typed(bool, String),
}

#[derive(Clone, Copy, Debug)]
enum Comparison {
    Eq,
    Neq,
    Gt,
    Gte,
    Lt,
    Lte,
}

/// Comparisons of one field of an index: how, and with what in encoded form.
#[derive(Debug, Default)]
struct Bounds(Vec<(&'static str, Json)>);

const TYPES: [&str; 10] = [
    "string", "boolean", "number", "bigint", "null", "id", "array", "object", "bytes", "unset",
];

impl Filters {
    /// Reads the base64 text; without one everything is kept, the newest first.
    pub(super) fn read(text: Option<&str>) -> Result<Filters, Vec<Fault>> {
        let mut filters = Filters {
            tests: Vec::new(),
            order: Order::Desc,
            index: None,
        };
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Ok(filters);
        };
        let whole = |error: String| {
            vec![Fault {
                clause: WHOLE,
                error,
            }]
        };
        let json = STANDARD
            .decode(text)
            .map_err(|error| whole(format!("the filter is not base64: {error}")))?;
        let written: Written = serde_json::from_slice(&json)
            .map_err(|error| whole(format!("the filter is not what this server takes: {error}")))?;
        let mut faults = Vec::new();
        for (number, clause) in (0..).zip(written.clauses) {
            if clause.enabled == Some(false) {
                continue;
            }
            match Test::read(clause) {
                Ok(test) => filters.tests.push(test),
                Err(error) => faults.push(Fault {
                    clause: number,
                    error,
                }),
            }
        }
        if let Some(WrittenOrder::Asc) = written.order {
            filters.order = Order::Asc;
        }
        if let Some(index) = written.index {
            if index.search.is_some() {
                let error = format!(
                    "the search index {:?} cannot be read in this version yet",
                    index.name
                );
                faults.push(Fault {
                    clause: WHOLE,
                    error,
                });
            }
            match bounds(index.clauses) {
                Ok(bounds) => filters.index = Some((index.name, bounds)),
                Err(error) => faults.push(Fault {
                    clause: WHOLE,
                    error,
                }),
            }
        }
        if faults.is_empty() {
            Ok(filters)
        } else {
            Err(faults)
        }
    }

    /// The index by which the table is to be read.
    pub(super) fn index(&self) -> &str {
        self.index
            .as_ref()
            .map_or("by_creation_time", |(name, _)| name)
    }

    /// The keys of that index which are asked for.
    pub(super) fn range(&self, table: &str, index: &IndexInfo) -> Result<KeyRange, Vec<Fault>> {
        let fault = |error: String| {
            vec![Fault {
                clause: WHOLE,
                error,
            }]
        };
        let bounds = self.index.as_ref().map_or(&[][..], |(_, bounds)| bounds);
        let fields: Vec<&str> = index.key_fields().collect();
        if bounds.len() > fields.len() {
            return Err(fault(format!(
                "the index {} has {} fields, not {}",
                index.definition.name,
                fields.len(),
                bounds.len()
            )));
        }
        let mut expressions = Vec::new();
        for (field, Bounds(of_field)) in fields.iter().zip(bounds) {
            for (how, value) in of_field {
                let json = json!({ "type": how, "fieldPath": field, "value": value });
                let expression: RangeExpression =
                    serde_json::from_value(json).map_err(|error| fault(error.to_string()))?;
                expressions.push(expression);
            }
        }
        key_range(table, index, &expressions).map_err(|error| fault(error.message))
    }

    /// Whether a document is to be shown.
    pub(super) fn keeps(&self, document: &Object) -> bool {
        self.tests.iter().all(|test| test.holds(document))
    }

    /// Whether documents are tested one by one.
    #[cfg(test)]
    fn tests(&self) -> usize {
        self.tests.len()
    }
}

impl Test {
    fn read(clause: WrittenClause) -> Result<Test, String> {
        let field = clause.field.filter(|field| !field.is_empty());
        let field = field.ok_or("it names no field")?;
        let compared = |comparison| Ok(Wanted::Compared(comparison, value(&clause.value)?));
        let wanted: Result<Wanted, String> = match clause.op.as_str() {
            "eq" => compared(Comparison::Eq),
            "neq" => compared(Comparison::Neq),
            "gt" => compared(Comparison::Gt),
            "gte" => compared(Comparison::Gte),
            "lt" => compared(Comparison::Lt),
            "lte" => compared(Comparison::Lte),
            op @ ("anyOf" | "noneOf") => {
                let Json::Array(values) = &clause.value else {
                    return Err(format!("the value of {op} must be an array"));
                };
                let values: Result<_, String> = values.iter().map(value).collect();
                Ok(Wanted::Listed(op == "anyOf", values?))
            }
            op @ ("type" | "notype") => match clause.value.as_str() {
                Some(name) if TYPES.contains(&name) => {
                    Ok(Wanted::Typed(op == "type", name.to_owned()))
                }
                _ => Err(format!("a type must be one of {}", TYPES.join(", "))),
            },
            other => Err(format!("there is no comparison {other:?}")),
        };
        Ok(Test {
            field,
            wanted: wanted?,
        })
    }

    fn holds(&self, document: &Object) -> bool {
        let found = Value::at_path(document, &self.field);
        match &self.wanted {
            Wanted::Compared(comparison, value) => comparison.holds(found, value.as_ref()),
            Wanted::Listed(any, values) => {
                let listed = values.iter().any(|value| found == value.as_ref());
                listed == *any
            }
            Wanted::Typed(is, name) => is_of_type(found, name) == *is,
        }
    }
}

impl Comparison {
    /// Ordered comparisons hold between values of one type only: everything larger than a number
    /// is not what somebody wants who filters for larger numbers.
    fn holds(self, found: Option<&Value>, value: Option<&Value>) -> bool {
        match self {
            Comparison::Eq => return found == value,
            Comparison::Neq => return found != value,
            _ => {}
        }
        let (Some(found), Some(value)) = (found, value) else {
            return false;
        };
        let order = found.cmp(value);
        std::mem::discriminant(found) == std::mem::discriminant(value)
            && match self {
                Comparison::Gt => order.is_gt(),
                Comparison::Gte => order.is_ge(),
                Comparison::Lt => order.is_lt(),
                Comparison::Lte => order.is_le(),
                Comparison::Eq | Comparison::Neq => unreachable!("returned above"),
            }
    }
}

fn is_of_type(found: Option<&Value>, name: &str) -> bool {
    match found {
        None => name == "unset",
        Some(Value::Null) => name == "null",
        Some(Value::Int64(_) | Value::CommitTs) => name == "bigint",
        Some(Value::Float64(_)) => name == "number",
        Some(Value::Boolean(_)) => name == "boolean",
        Some(Value::String(text)) if name == "id" => text.parse::<DocumentId>().is_ok(),
        Some(Value::String(_)) => name == "string",
        Some(Value::Bytes(_)) => name == "bytes",
        Some(Value::Array(_)) => name == "array",
        Some(Value::Object(_)) => name == "object",
    }
}

/// A value of a clause; `None` for a field that is not there.
fn value(json: &Json) -> Result<Option<Value>, String> {
    if json.as_str() == Some(UNDEFINED) {
        return Ok(None);
    }
    Value::from_json(json)
        .map(Some)
        .map_err(|error| error.to_string())
}

/// The clauses of an index that count: those before the first that is switched off.
fn bounds(clauses: Vec<IndexClause>) -> Result<Vec<Bounds>, String> {
    let mut bounds = Vec::new();
    for clause in clauses {
        if !clause.enabled {
            break;
        }
        bounds.push(match clause.kind.as_str() {
            "indexEq" => Bounds(vec![("Eq", encoded(clause.value))]),
            "indexRange" => {
                let mut both = Vec::new();
                let ends = [
                    (
                        clause.lower_op,
                        clause.lower_value,
                        [("gt", "Gt"), ("gte", "Gte")],
                    ),
                    (
                        clause.upper_op,
                        clause.upper_value,
                        [("lt", "Lt"), ("lte", "Lte")],
                    ),
                ];
                for (op, value, known) in ends {
                    let (Some(op), Some(value)) = (op, value) else {
                        continue;
                    };
                    let found = known.iter().find(|(name, _)| *name == op);
                    let (_, how) = found.ok_or_else(|| format!("there is no bound {op:?}"))?;
                    both.push((*how, encoded(value)));
                }
                Bounds(both)
            }
            other => return Err(format!("there is no index clause {other:?}")),
        });
    }
    Ok(bounds)
}

/// A value as range expressions have it.
fn encoded(value: Json) -> Json {
    if value.as_str() == Some(UNDEFINED) {
        json!({ "$undefined": null })
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &Json) -> Result<Filters, Vec<Fault>> {
        Filters::read(Some(&STANDARD.encode(json.to_string())))
    }

    fn keeps(op: &str, field: &str, value: Json) -> bool {
        let document = json!({
            "n": 5, "s": "x", "z": null, "t": true, "o": { "p": "q" }, "l": [1],
            "i": { "$integer": "BQAAAAAAAAA=" }, "b": { "$bytes": "" },
            "d": "k57abcdefghijklmnop",
        });
        let Ok(Value::Object(document)) = Value::from_json(&document) else {
            panic!("an object");
        };
        let filters = read(&json!({ "clauses": [{ "op": op, "field": field, "value": value }] }));
        filters.expect("a filter").keeps(&document)
    }

    #[test]
    fn s007_clauses_compare_values_of_one_type() {
        assert!(keeps("eq", "n", json!(5)) && !keeps("eq", "i", json!(5)));
        assert!(keeps("eq", "o.p", json!("q")) && keeps("neq", "o.p", json!("r")));
        assert!(keeps("gt", "n", json!(4)) && !keeps("gt", "n", json!(5)));
        assert!(keeps("gte", "n", json!(5)) && keeps("lte", "n", json!(5)));
        assert!(!keeps("gt", "s", json!(4)), "texts are not larger numbers");
        assert!(keeps("eq", "missing", json!(UNDEFINED)) && !keeps("eq", "z", json!(UNDEFINED)));
    }

    #[test]
    fn s008_lists_and_types() {
        assert!(keeps("anyOf", "n", json!([1, 5])) && !keeps("anyOf", "n", json!([1])));
        assert!(keeps("noneOf", "n", json!([1])) && keeps("anyOf", "missing", json!([UNDEFINED])));
        let types = [
            ("n", "number"),
            ("s", "string"),
            ("z", "null"),
            ("t", "boolean"),
            ("o", "object"),
            ("l", "array"),
            ("i", "bigint"),
            ("b", "bytes"),
            ("missing", "unset"),
        ];
        for (field, name) in types {
            for other in TYPES {
                assert_eq!(
                    keeps("type", field, json!(other)),
                    name == other,
                    "{field} {other}"
                );
                assert_eq!(
                    keeps("notype", field, json!(other)),
                    name != other,
                    "{field} {other}"
                );
            }
        }
    }

    #[test]
    fn what_is_wrong_names_its_clause() {
        let filters = json!({ "clauses": [
            { "op": "eq", "field": "a", "value": 1 },
            { "op": "like", "field": "a", "value": 1 },
            { "op": "anyOf", "field": "a", "value": 1, "enabled": false },
            { "op": "type", "field": "a", "value": "date" },
            { "op": "eq", "value": 1 },
        ] });
        let faults = read(&filters).expect_err("three faults");
        assert_eq!(
            faults.iter().map(|fault| fault.clause).collect::<Vec<_>>(),
            [1, 3, 4]
        );
        for text in ["%", "e30x"] {
            let faults = Filters::read(Some(text)).expect_err("no filter");
            assert_eq!(faults[0].clause, WHOLE);
        }
        let off = json!({ "clauses": [{ "op": "like", "enabled": false }], "order": "asc" });
        let filters = read(&off).expect("nothing is on");
        assert_eq!((filters.tests(), filters.order), (0, Order::Asc));
    }
}
