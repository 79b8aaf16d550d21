//! The vectors of sync-and-http 3.2 and function-runtime 4.1, and round trips.

use proptest::prelude::*;

use super::*;

fn float(bits: u64) -> Value {
    Value::Float64(f64::from_bits(bits))
}

#[test]
fn vectors_of_the_specification() {
    for (integer, text) in [
        (0, "AAAAAAAAAAA="),
        (1, "AQAAAAAAAAA="),
        (-1, "//////////8="),
        (42, "KgAAAAAAAAA="),
        (-42, "1v////////8="),
        (1 << 53, "AAAAAAAAIAA="),
        (i64::MAX, "/////////38="),
        (i64::MIN, "AAAAAAAAAIA="),
    ] {
        let json = format!("{{\"$integer\":\"{text}\"}}");
        assert_eq!(Value::Int64(integer).to_json_string(), json);
        assert_eq!(Value::parse(&json), Ok(Value::Int64(integer)));
    }
    for (bits, text) in [
        (0x7ff8_0000_0000_0000, "AAAAAAAA+H8="),
        (0x7ff8_0000_0000_0001, "AQAAAAAA+H8="),
        (0xfff8_0000_0000_0000, "AAAAAAAA+P8="),
        (f64::INFINITY.to_bits(), "AAAAAAAA8H8="),
        (f64::NEG_INFINITY.to_bits(), "AAAAAAAA8P8="),
        ((-0.0f64).to_bits(), "AAAAAAAAAIA="),
    ] {
        let json = format!("{{\"$float\":\"{text}\"}}");
        assert_eq!(float(bits).to_json_string(), json);
        assert_eq!(Value::parse(&json), Ok(float(bits)));
    }
    for (bytes, text) in [(&[][..], ""), (&[0xff, 0xfe], "//4="), (&[1, 2, 3], "AQID")] {
        let json = format!("{{\"$bytes\":\"{text}\"}}");
        assert_eq!(Value::Bytes(bytes.to_vec()).to_json_string(), json);
        assert_eq!(Value::parse(&json), Ok(Value::Bytes(bytes.to_vec())));
    }
}

#[test]
fn what_is_refused_says_why() {
    for (json, why) in [
        (r#"{"$float":"AAAAAAAA8D8="}"#, "ordinary number"),
        (r#"{"$integer":"AQ=="}"#, "8 bytes"),
        (r#"{"$integer":"AQAAAAAAAAA"}"#, "base64"),
        (r#"{"$integer":1}"#, "base64 text"),
        (r#"{"$set":[]}"#, "reserved"),
        (r#"{"$undefined":null}"#, "leave the field out"),
        (r#"{"$commitTs":null}"#, "only within a mutation"),
        (r#"{"$integer":"AQAAAAAAAAA=","a":1}"#, "reserved"),
        (r#"{"a":1,"$b":2}"#, "reserved"),
        (r#""\ud800""#, "lone surrogate"),
        (r#""\ud800x""#, "lone surrogate"),
        (r#""\udc00""#, "lone surrogate"),
        (r#""\ud800\u0041""#, "lone surrogate"),
        (r#"{"\udfff":1}"#, "lone surrogate"),
        ("1e999", "number out of range"),
        ("[1", "EOF"),
        ("1 2", "trailing"),
        ("", "EOF"),
    ] {
        let error = Value::parse(json).expect_err(json);
        assert!(matches!(error, ValueError::Malformed(_)), "{json}");
        assert!(error.to_string().contains(why), "{json}: {error}");
    }
}

#[test]
fn numbers_are_floats_and_are_written_with_a_point() {
    for (json, float, written) in [
        ("1", 1.0, "1.0"),
        ("1.0", 1.0, "1.0"),
        ("-0.5", -0.5, "-0.5"),
        ("1e300", 1e300, "1e+300"),
        ("5e-324", 5e-324, "5e-324"),
        ("-7", -7.0, "-7.0"),
        ("0", 0.0, "0.0"),
        ("0.1", 0.1, "0.1"),
        (
            "999999999999999",
            999_999_999_999_999.0,
            "999999999999999.0",
        ),
        ("1e15", 1e15, "1000000000000000.0"),
        (
            "1795234803616.125",
            1_795_234_803_616.125,
            "1795234803616.125",
        ),
        (
            "-2.2250738585072014e-308",
            -2.225_073_858_507_201_4e-308,
            "-2.2250738585072014e-308",
        ),
        (
            "18446744073709551615",
            u64::MAX as f64,
            "1.8446744073709552e+19",
        ),
    ] {
        let value = Value::parse(json).expect(json);
        assert_eq!(value, Value::Float64(float));
        assert_eq!(value.to_json_string(), written);
    }
    assert_eq!(Value::parse("-0.0"), Ok(Value::Float64(-0.0)));
    assert_eq!(Value::parse("-0"), Ok(Value::Float64(-0.0)));
}

#[test]
fn depth_is_bounded_and_never_overflows_the_stack() {
    let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    assert!(Value::parse(&nested(64)).is_ok());
    for levels in [65, 127, 128, 129, 100_000] {
        assert_eq!(
            Value::parse(&nested(levels)),
            Err(ValueError::Limit {
                code: "TooNestedError",
                message: "Value is too nested (nested 65 levels deep > maximum nesting 64)"
                    .to_owned(),
            }),
            "{levels}"
        );
    }
    // A wrapper is no level of its own.
    let wrapped = format!(
        "{}{{\"$integer\":\"AQAAAAAAAAA=\"}}{}",
        "[".repeat(64),
        "]".repeat(64)
    );
    assert!(Value::parse(&wrapped).is_ok());
}

#[test]
fn control_characters_quotes_and_backslashes_are_escaped() {
    let text: String = (0..0x80u8).map(char::from).chain("é𐀀".chars()).collect();
    let json = Value::String(text.clone()).to_json_string();
    assert!(json.starts_with(r#""\u0000\u0001"#), "{json}");
    assert!(json.contains(r#"\t\n\u000b\u000c\r"#), "{json}");
    assert!(
        json.contains(r##" !\"#$"##) && json.contains(r#"[\\]"#),
        "{json}"
    );
    assert_eq!(Value::parse(&json), Ok(Value::String(text)));
}

#[test]
fn keys_are_sorted_and_the_last_duplicate_wins() {
    let value = Value::parse(r#"{"b":1,"a":2,"":3,"b":4}"#).expect("JSON");
    assert_eq!(value.to_json_string(), r#"{"":3.0,"a":2.0,"b":4.0}"#);
}

#[test]
fn absent_is_read_only_where_it_may_stand() {
    let absent = serde_json::json!({ "$undefined": null });
    assert_eq!(Value::parse_optional(&absent), Ok(None));
    assert_eq!(
        Value::parse_optional(&serde_json::json!(null)),
        Ok(Some(Value::Null))
    );
}

pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(Value::Int64),
        any::<u64>().prop_map(float),
        any::<String>().prop_map(Value::String),
        any::<Vec<u8>>().prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map("[ -#%-~][ -~]{0,4}|", inner, 0..4).prop_map(Value::Object),
        ]
    })
}

proptest! {
    #[test]
    fn text_and_tree_round_trip(value in any_value()) {
        let text = value.to_json_string();
        prop_assert_eq!(&Value::parse(&text).expect("own text"), &value);
        prop_assert_eq!(&Value::from_json(&value.to_json()).expect("own tree"), &value);
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&text).expect("JSON"), value.to_json());
    }

    #[test]
    fn any_text_is_answered(text in "\\PC{0,60}") {
        let _ = Value::parse(&text);
    }
}

#[test]
fn s049_snapshots_tell_integers_from_floats() {
    let export = |value: &Value| {
        let mut text = String::new();
        crate::ValueFormat::Export.write(value, &mut text);
        text
    };
    for (value, text) in [
        (Value::Int64(i64::MIN), "-9223372036854775808"),
        (Value::Int64(i64::MAX), "9223372036854775807"),
        (Value::Int64(0), "0"),
        (Value::Float64(1.0), "1.0"),
        (Value::Float64(-0.0), "-0.0"),
        (Value::Float64(5e-324), "5e-324"),
        (Value::Float64(f64::MAX), "1.7976931348623157e+308"),
        (
            Value::Float64(f64::INFINITY),
            "{\"$float\":\"AAAAAAAA8H8=\"}",
        ),
        (Value::Bytes(vec![1, 2]), "{\"$bytes\":\"AQI=\"}"),
        (Value::Array(vec![Value::Int64(1), Value::Null]), "[1,null]"),
    ] {
        assert_eq!(export(&value), text);
        let again = Value::parse_export(text).expect("it is a value");
        assert_eq!(export(&again), text);
        assert_eq!(
            std::mem::discriminant(&again),
            std::mem::discriminant(&value)
        );
    }
    assert!(Value::parse_export("9223372036854775808").is_err());
    assert_eq!(Value::parse("1").expect("a number"), Value::Float64(1.0));
}
