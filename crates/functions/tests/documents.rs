//! Values, ids, order and single documents: function-runtime 12, scenarios 1 to 13, and the schema's, 57.

mod support;

use serde_json::{Value as Json, json};
use support::{App, float, int};

#[tokio::test(flavor = "multi_thread")]
async fn s001_ids_of_a_new_table() {
    let app = App::start().await;
    let id = app
        .run(
            "data:insert",
            json!({ "table": "fresh", "value": { "a": 1 } }),
        )
        .await;
    let id = id.as_str().expect("an id is a string");
    assert_eq!(id.len(), 32);
    let parsed: lentil_values::DocumentId = id.parse().expect("it is an id");
    assert!(parsed.table.0 >= 10_001);
    let document = app.ask("data:get", json!({ "id": id })).await;
    assert_eq!(
        (document["_id"].as_str(), &document["a"]),
        (Some(id), &json!(1.0))
    );
    let ids = app.insert("loose", &[json!({})]).await;
    assert_eq!(
        app.ask("data:takesId", json!({ "id": ids[0] })).await,
        json!(ids[0])
    );
    let failure = app.ask_fails("data:takesId", json!({ "id": id })).await;
    assert!(
        failure
            .message
            .starts_with("ArgumentValidationError: Found ID"),
        "{}",
        failure.message
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_normalize_id() {
    let app = App::start().await;
    let id = app.insert("loose", &[json!({})]).await.remove(0);
    let changed = format!("{}{}", &id[..31], if id.ends_with('0') { '1' } else { '0' });
    for (table, text, expected) in [
        ("loose", id.as_str(), json!(id)),
        ("strict", &id, Json::Null),
        ("loose", &id.to_uppercase(), Json::Null),
        ("loose", &changed, Json::Null),
        ("nope", &id, Json::Null),
        ("loose", "", Json::Null),
    ] {
        let found = app
            .ask("data:normalize", json!({ "table": table, "id": text }))
            .await;
        assert_eq!(found, expected, "{table} {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s003_get_of_what_is_not_there() {
    let app = App::start().await;
    let id = app.insert("loose", &[json!({})]).await.remove(0);
    let get = |id: &str| json!({ "id": id });
    assert_eq!(
        app.ask("data:getFrom", json!({ "table": "loose", "id": id }))
            .await["_id"],
        json!(id)
    );
    let failure = app
        .ask_fails("data:getFrom", json!({ "table": "strict", "id": id }))
        .await;
    assert!(
        failure
            .message
            .contains("Id<\"strict\">, got Id<\"loose\">"),
        "{}",
        failure.message
    );
    app.run("data:remove", get(&id)).await;
    assert_eq!(app.ask("data:get", get(&id)).await, Json::Null);
    // Table 16383 was never created.
    assert_eq!(
        app.ask("data:get", get("zxzg00820c20a1g7104gm2rc1m70zxg5"))
            .await,
        Json::Null
    );
    let failure = app.ask_fails("data:get", get("nonsense")).await;
    assert!(
        failure
            .message
            .contains("Invalid argument `id` for `db.get`"),
        "{}",
        failure.message
    );
    // Rows of the server's own tables are nobody's business, whatever the SDK lets through.
    let raw = json!({ "op": "1.0/db/normalizeId", "args": { "table": "_deployment", "idString": id }, "sync": true });
    assert_eq!(app.run("misc:raw", raw).await, json!("{\"id\":null}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn s004_creation_times_ascend_by_one_ulp() {
    let app = App::start().await;
    let ids = app
        .insert("loose", &[json!({}), json!({}), json!({})])
        .await;
    let mut times = Vec::new();
    for id in ids {
        let document = app.ask("data:get", json!({ "id": id })).await;
        times.push(document["_creationTime"].as_f64().expect("a number"));
    }
    assert_eq!(times[1], times[0].next_up());
    assert_eq!(times[2], times[1].next_up());
}

#[tokio::test(flavor = "multi_thread")]
async fn s005_system_fields() {
    let app = App::start().await;
    let insert = |value: Json| json!({ "table": "loose", "value": value });
    for value in [json!({ "_id": "x" }), json!({ "_creationTime": 1 })] {
        let failure = app.run_fails("data:insert", insert(value)).await;
        assert!(
            failure.message.contains("must be absent"),
            "{}",
            failure.message
        );
    }
    let id = app.run("data:insert", insert(json!({ "a": 1 }))).await;
    let mut document = app.ask("data:get", json!({ "id": id })).await;
    document["a"] = json!(2);
    app.run("data:replace", json!({ "id": id, "value": document }))
        .await;
    assert_eq!(
        app.ask("data:get", json!({ "id": id })).await["a"],
        json!(2.0)
    );
    document["_creationTime"] = json!(7);
    let failure = app
        .run_fails("data:replace", json!({ "id": id, "value": document }))
        .await;
    assert!(
        failure.message.contains("_creationTime"),
        "{}",
        failure.message
    );
    let failure = app
        .run_fails(
            "data:insert",
            json!({ "table": "_deployment", "value": {} }),
        )
        .await;
    assert!(failure.message.contains("read-only"), "{}", failure.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn s006_index_order_across_types() {
    let app = App::start().await;
    let values = [
        json!(null),
        int(1),
        json!(1.0),
        json!(false),
        json!(true),
        json!("a"),
        json!({ "$bytes": "AQ==" }),
        json!([1.0]),
        json!({ "a": 1.0 }),
    ];
    let mut documents: Vec<Json> = values.iter().map(|value| json!({ "f": value })).collect();
    documents.push(json!({}));
    documents.rotate_left(4);
    app.insert("loose", &documents).await;
    let query =
        |desc: bool| json!({ "table": "loose", "index": "by_f", "bounds": [], "desc": desc });
    let fields = |rows: Json| -> Vec<Json> {
        let rows = rows.as_array().expect("rows").clone();
        rows.iter()
            .map(|row| row.get("f").cloned().unwrap_or(json!("absent")))
            .collect()
    };
    let mut expected = vec![json!("absent")];
    expected.extend(values);
    assert_eq!(
        fields(app.ask("queries:indexed", query(false)).await),
        expected
    );
    expected.reverse();
    assert_eq!(
        fields(app.ask("queries:indexed", query(true)).await),
        expected
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s007_s008_undefined_null_and_types_in_ranges() {
    let app = App::start().await;
    let documents = [
        json!({ "k": "absent" }),
        json!({ "k": "null", "f": null }),
        json!({ "k": "int", "f": int(9) }),
        json!({ "k": "four", "f": 4 }),
        json!({ "k": "five", "f": 5 }),
        json!({ "k": "one", "f": 1 }),
    ];
    app.insert("loose", &documents).await;
    let select = async |bound: Json| {
        let args = json!({ "table": "loose", "index": "by_f", "bounds": [bound] });
        let rows = app.ask("queries:indexed", args).await;
        let rows = rows.as_array().expect("rows");
        rows.iter()
            .map(|row| row["k"].as_str().expect("a key").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        select(json!({ "op": "eq", "field": "f" })).await,
        ["absent"]
    );
    assert_eq!(
        select(json!({ "op": "eq", "field": "f", "value": null })).await,
        ["null"]
    );
    assert_eq!(
        select(json!({ "op": "lt", "field": "f", "value": 5 })).await,
        ["absent", "null", "int", "one", "four"]
    );
    let equal = json!({ "table": "loose", "field": "f", "value": int(1) });
    assert_eq!(app.ask("queries:equal", equal).await, json!([]));
    let equal = json!({ "table": "loose", "field": "f", "value": 1 });
    assert_eq!(app.ask("queries:equal", equal).await[0]["k"], "one");
}

#[tokio::test(flavor = "multi_thread")]
async fn s009_values_round_trip() {
    let app = App::start().await;
    let value = json!({
        "nan": float(f64::NAN), "zero": float(-0.0), "inf": float(f64::INFINITY), "ninf": float(f64::NEG_INFINITY),
        "max": int(i64::MAX), "min": int(i64::MIN), "": "empty", "k".repeat(1024): "long", "bytes": { "$bytes": "//4=" },
        "text": "\u{0}ä€😀", "tiny": 5e-324, "big": 1.7976931348623157e308,
    });
    let id = app
        .run("data:insert", json!({ "table": "loose", "value": value }))
        .await;
    let mut document = app.ask("data:get", json!({ "id": id })).await;
    let fields = document.as_object_mut().expect("an object");
    fields.remove("_id");
    fields.remove("_creationTime");
    assert_eq!(document, value);
    assert_eq!(app.ask("data:echo", json!({ "value": value })).await, value);
}

#[tokio::test(flavor = "multi_thread")]
async fn s010_values_beyond_the_limits() {
    let app = App::start().await;
    let fields: serde_json::Map<String, Json> =
        (0..1025).map(|n| (format!("f{n}"), json!(n))).collect();
    let mut deep = json!(1);
    for _ in 0..16 {
        deep = json!({ "d": deep });
    }
    for (value, expected) in [
        (
            json!({ "o": fields }),
            "Object has too many fields (1025 > maximum number 1024)",
        ),
        (
            json!({ "a": vec![0; 8193] }),
            "Array length is too long (8193 > maximum length 8192)",
        ),
        (json!({ "d": deep }), "Document is too nested"),
        (json!({ "s": "x".repeat(1 << 20) }), "Value is too large"),
    ] {
        let failure = app
            .run_fails("data:insert", json!({ "table": "loose", "value": value }))
            .await;
        assert!(failure.message.contains(expected), "{}", failure.message);
    }
    let mut surrogate = support::call("data:echo", Json::Null);
    surrogate.args = r#"{"value":"\ud800"}"#.into();
    let result = app.result(surrogate).await;
    let failure = result.outcome.result.clone().expect_err("it is no text");
    assert!(
        failure
            .message
            .starts_with("Invalid arguments for data:echo"),
        "{}",
        failure.message
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s011_patches() {
    let app = App::start().await;
    let id = app
        .insert("loose", &[json!({ "a": 1, "b": 2 })])
        .await
        .remove(0);
    app.run("data:unset", json!({ "id": id, "field": "a" }))
        .await;
    let document = app.ask("data:get", json!({ "id": id })).await;
    assert_eq!((document.get("a"), &document["b"]), (None, &json!(2.0)));
    let watched = app
        .result(support::call("data:get", json!({ "id": id })))
        .await;
    let before = app.latest();
    app.run("data:patch", json!({ "id": id, "value": { "b": 2 } }))
        .await;
    assert_eq!(app.latest(), before, "an equal patch writes nothing");
    assert!(watched.is_valid_at(app.latest()));
    app.run("data:patch", json!({ "id": id, "value": { "b": 3 } }))
        .await;
    assert!(!watched.is_valid_at(app.latest()));
}

#[tokio::test(flavor = "multi_thread")]
async fn s012_writes_to_what_is_not_there() {
    let app = App::start().await;
    let id = app.insert("loose", &[json!({})]).await.remove(0);
    app.run("data:remove", json!({ "id": id })).await;
    for (path, verb) in [
        ("data:patch", "Update on"),
        ("data:replace", "Replace on"),
        ("data:remove", "Delete on"),
    ] {
        let args = if path == "data:remove" {
            json!({ "id": id })
        } else {
            json!({ "id": id, "value": {} })
        };
        let failure = app.run_fails(path, args).await;
        let expected = format!("{verb} nonexistent document ID {id}");
        assert!(failure.message.contains(&expected), "{}", failure.message);
    }
    let nowhere = "zxzg00820c20a1g7104gm2rc1m70zxg5";
    let failure = app.run_fails("data:remove", json!({ "id": nowhere })).await;
    assert!(
        failure
            .message
            .contains(&format!("Table for ID \"{nowhere}\" not found")),
        "{}",
        failure.message
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s013_count_includes_own_inserts() {
    let app = App::start().await;
    app.insert("loose", &[json!({}), json!({})]).await;
    assert_eq!(
        app.run("data:count", json!({ "table": "loose", "extra": 3 }))
            .await,
        json!(5.0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s057_the_schema_is_enforced() {
    let app = App::start().await;
    const TEXT: &str = "Failed to insert or update a document in table \"strict\" because it does not match the schema: ";
    let bad = json!({ "table": "strict", "value": { "name": 1 } });
    let failure = app.run_fails("data:insert", bad).await;
    assert!(failure.message.contains(TEXT), "{}", failure.message);
    let id = app
        .insert("strict", &[json!({ "name": "a", "age": 3 })])
        .await
        .remove(0);
    for (path, value) in [
        ("data:patch", json!({ "age": "old" })),
        ("data:patch", json!({ "extra": 1 })),
        ("data:replace", json!({ "age": 4 })),
    ] {
        let failure = app
            .run_fails(path, json!({ "id": id, "value": value }))
            .await;
        assert!(failure.message.contains(TEXT), "{}", failure.message);
    }
    let failure = app
        .run_fails("data:unset", json!({ "id": id, "field": "name" }))
        .await;
    assert!(
        failure
            .message
            .contains("missing the required field `name`"),
        "{}",
        failure.message
    );
    let document = app.ask("data:get", json!({ "id": id })).await;
    assert_eq!(
        (&document["name"], &document["age"]),
        (&json!("a"), &json!(3.0))
    );
    app.run("data:unset", json!({ "id": id, "field": "age" }))
        .await;
    app.insert("elsewhere", &[json!({ "anything": [1, "x"] })])
        .await;
}
