//! Schemas: what is accepted, and the codes of what is not.

use super::*;
use serde_json::json;

fn schema(table: serde_json::Value) -> Result<Schema, SchemaError> {
    Schema::parse(&json!({ "tables": [table], "schemaValidation": true, "unknown": 1 }).to_string())
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
    assert_eq!(
        read.expect("a schema").tables["t"].other_indexes[0].name,
        "s"
    );
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

/// The code of a table with documents `{a: string, v: number[], o: {x?: any}}` and these members.
fn code_with(members: serde_json::Value) -> Option<&'static str> {
    let field = |kind: serde_json::Value| json!({ "fieldType": kind, "optional": false });
    let number = json!({ "type": "number" });
    let inner = json!({ "x": { "fieldType": { "type": "any" }, "optional": true } });
    let mut table = json!({ "tableName": "t", "indexes": [], "documentType": { "type": "object", "value": {
        "a": field(json!({ "type": "string" })),
        "n": field(number.clone()),
        "v": field(json!({ "type": "array", "value": number })),
        "o": field(json!({ "type": "object", "value": inner })),
    } } });
    for (name, value) in members.as_object().expect("members") {
        table[name] = value.clone();
    }
    schema(table).err().map(|error| error.code)
}

fn search(name: &str, field: &str, filters: &[&str]) -> serde_json::Value {
    json!({ "indexDescriptor": name, "searchField": field, "filterFields": filters })
}

fn vector(name: &str, field: &str, dimensions: f64) -> serde_json::Value {
    json!({ "indexDescriptor": name, "vectorField": field, "dimensions": dimensions, "filterFields": [] })
}

#[test]
fn search_and_vector_indexes_have_rules_too() {
    let searches = |list: &[serde_json::Value]| code_with(json!({ "searchIndexes": list }));
    assert_eq!(
        searches(&[search("s", "a", &["n"]), search("s2", "a", &[])]),
        None
    );
    assert_eq!(
        searches(&[
            search("s", "a", &["n", "a"]),
            search("s2", "a", &["a", "n"])
        ]),
        Some("SearchIndexFieldNotUnique")
    );
    assert_eq!(searches(&[search("s", "n", &[])]), Some("InvalidSchema"));
    assert_eq!(
        searches(&[search("s", "a", &["nope"])]),
        Some("InvalidSchema")
    );
    assert_eq!(
        searches(&[search("s", "a", &["n", "n"])]),
        Some("FieldsNotUniqueWithinIndex")
    );
    assert_eq!(
        searches(&[search("s", "_id", &[])]),
        Some("IndexFieldsContainId")
    );
    assert_eq!(
        searches(&[search("_s", "a", &[])]),
        Some("InvalidIndexName")
    );
    let vectors = |list: &[serde_json::Value]| code_with(json!({ "vectorIndexes": list }));
    assert_eq!(
        vectors(&[vector("v", "v", 2.0), vector("v2", "v", 3.0)]),
        None
    );
    assert_eq!(
        vectors(&[vector("v", "v", 2.0), vector("v2", "v", 2.0)]),
        Some("VectorIndexFieldNotUnique")
    );
    for dimensions in [1.0, 4_097.0, 2.5, -3.0, f64::MAX] {
        assert_eq!(
            vectors(&[vector("v", "v", dimensions)]),
            Some("InvalidVectorDimensions")
        );
    }
    assert_eq!(vectors(&[vector("v", "a", 2.0)]), Some("InvalidSchema"));
    let same_name = json!({ "searchIndexes": [search("x", "a", &[])], "stagedVectorIndexes": [vector("x", "v", 2.0)] });
    assert_eq!(code_with(same_name), Some("IndexNamesNotUnique"));
}

#[test]
fn what_is_indexed_must_be_possible() {
    let index = |field: &str| {
        code_with(json!({ "indexes": [{ "indexDescriptor": "x", "fields": [field] }] }))
    };
    for possible in ["a", "v", "o", "o.x", "o.x.y.z"] {
        assert_eq!(index(possible), None, "{possible}");
    }
    for impossible in ["b", "a.b", "v.x", "o.y"] {
        assert_eq!(index(impossible), Some("InvalidSchema"), "{impossible}");
    }
}

#[test]
fn documents_are_checked_without_their_system_fields() {
    struct NoTables;
    impl IdResolver for NoTables {
        fn number_of(&self, _: &str) -> Option<lentil_values::TableNumber> {
            None
        }
        fn name_of(&self, _: lentil_values::TableNumber) -> Option<String> {
            None
        }
    }
    let optional = json!({ "fieldType": { "type": "string" }, "optional": true });
    let declared =
        json!({ "a": { "fieldType": { "type": "string" }, "optional": false }, "b": optional });
    let object = json!({ "type": "object", "value": declared });
    let union = json!({ "type": "union", "value": [object.clone()] });
    for kind in [object, union] {
        let table = json!({ "tableName": "t", "indexes": [], "documentType": kind });
        let schema = schema(table).expect("a schema");
        let check = |document: serde_json::Value| {
            let Ok(Value::Object(fields)) = Value::from_json(&document) else {
                panic!("an object");
            };
            schema.check_document("t", &fields, &NoTables)
        };
        check(json!({ "_id": "x", "_creationTime": 1, "a": "x" })).expect("good");
        check(json!({ "a": "x", "b": "y" })).expect("good");
        let said = |document| check(document).expect_err("bad");
        assert!(said(json!({ "_id": "x", "a": 1 })).contains("Path: .a"));
        assert!(said(json!({ "b": "y" })).contains("missing the required field `a`"));
        assert!(said(json!({ "a": "x", "c": 1 })).contains("extra field `c`"));
        assert!(said(json!({ "a": "x", "_c": 1 })).contains("extra field `_c`"));
    }
}
