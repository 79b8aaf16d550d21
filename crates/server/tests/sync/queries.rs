//! Subscriptions.

use lentil_testkit::TestServer;
use serde_json::{Value as Json, json};

use super::client::{Client, SESSION};

#[tokio::test]
async fn s008_single_subscription() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    client.subscribe(0, "messages:list", json!({})).await;
    let modifications = client.transition().await;
    assert_eq!(
        modifications,
        [
            json!({"type": "QueryUpdated", "queryId": 0, "value": [], "logLines": [], "journal": null})
        ]
    );
    assert_eq!((client.version.0, client.version.1), (1, 0));
}

#[tokio::test]
async fn s009_coalescing() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    client.subscribe(0, "messages:list", json!({})).await;
    client.subscribe(1, "messages:count", json!({})).await;
    let mut reports: Vec<Json> = Vec::new();
    while client.version.0 < 2 {
        reports.extend(client.transition().await);
    }
    let mut ids: Vec<_> = reports
        .iter()
        .map(|it| it["queryId"].as_u64().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, [0, 1]);
}

#[tokio::test]
async fn s010_invalidation() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    client.subscribe(0, "messages:list", json!({})).await;
    client.until(0, json!([])).await;
    server
        .mutation("messages:send", json!({"body": "hello"}))
        .await;
    let modifications = client.transition().await;
    assert_eq!(modifications.len(), 1);
    assert_eq!(client.value(0), Some(&json!(["hello"])));
    assert_eq!(client.version.0, 1);
}

#[tokio::test]
async fn s011_no_change_no_update() {
    let server = TestServer::start().await;
    server.mutation("messages:send", json!({"body": "a"})).await;
    let mut client = Client::connect(&server).await;
    client.subscribe(0, "messages:some", json!({})).await;
    client.until(0, json!(true)).await;
    client.subscribe(1, "messages:list", json!({})).await;
    client.until(1, json!(["a"])).await;
    server.mutation("messages:send", json!({"body": "b"})).await;
    loop {
        let modifications = client.transition().await;
        assert!(
            modifications.iter().all(|it| it["queryId"] != 0),
            "{modifications:?}"
        );
        if client.value(1) == Some(&json!(["a", "b"])) {
            break;
        }
    }
}

#[tokio::test]
async fn s012_consistency() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    client
        .modify(
            &[
                (0, "messages:list", json!({})),
                (1, "messages:count", json!({})),
            ],
            &[],
        )
        .await;
    client.until_query_set(1).await;
    for count in 1..=20 {
        server.mutation("messages:send", json!({"body": "x"})).await;
        loop {
            client.transition().await;
            let rows = client.value(0).unwrap().as_array().unwrap().len();
            assert_eq!(
                client.value(1),
                Some(&json!(rows as f64)),
                "both results are of one timestamp"
            );
            if rows == count {
                break;
            }
        }
    }
}

#[tokio::test]
async fn s013_remove() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    client.subscribe(0, "messages:list", json!({})).await;
    client.until(0, json!([])).await;
    client.modify(&[], &[0]).await;
    assert_eq!(
        client.transition().await,
        [json!({"type": "QueryRemoved", "queryId": 0})]
    );
    server.mutation("messages:send", json!({"body": "x"})).await;
    client.hears_nothing_new().await;
    assert!(client.view.is_empty());
}

#[tokio::test]
async fn s014_add_and_remove_before_the_result() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    client.subscribe(0, "messages:list", json!({})).await;
    client.modify(&[], &[0]).await;
    let mut removed = false;
    while client.version.0 < 2 {
        for modification in client.transition().await {
            assert!(!removed || modification["type"] == "QueryRemoved");
            removed |= modification["type"] == "QueryRemoved";
        }
    }
    assert!(client.view.is_empty());
}

#[tokio::test]
async fn s015_error_in_development() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    client.subscribe(0, "failing:plain", json!({})).await;
    client.until_query_set(1).await;
    let error = client.error(0);
    assert!(error.starts_with("[Request ID: "), "{error}");
    assert!(
        error.contains("] Server Error\nUncaught Error: boom"),
        "{error}"
    );
    assert!(client.view[&0].get("errorData").is_none());
}

#[tokio::test]
async fn s016_convex_error_in_both_forms() {
    for redact in [false, true] {
        let server = TestServer::start_redacting(redact).await;
        let mut client = Client::connect(&server).await;
        client
            .subscribe(0, "failing:data", json!({"data": {"code": 1}}))
            .await;
        client.until_query_set(1).await;
        assert_eq!(client.view[&0]["errorData"], json!({"code": 1.0}));
        let error = client.error(0);
        if redact {
            assert!(error.ends_with("] Server Error"), "{error}");
            assert_eq!(client.view[&0]["logLines"], json!([]));
        } else {
            assert!(error.contains("ConvexError"), "{error}");
        }
    }
}

#[tokio::test]
async fn s017_convex_error_of_null() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    client
        .modify(
            &[
                (0, "failing:data", json!({"data": null})),
                (1, "failing:plain", json!({})),
            ],
            &[],
        )
        .await;
    client.until_query_set(1).await;
    assert_eq!(client.view[&0].get("errorData"), Some(&Json::Null));
    assert_eq!(client.view[&1].get("errorData"), None);
}

#[tokio::test]
async fn s018_error_recovers() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    client.subscribe(0, "failing:untilSent", json!({})).await;
    client.until_query_set(1).await;
    assert!(client.error(0).contains("nothing yet"));
    server.mutation("messages:send", json!({"body": "x"})).await;
    client.until(0, json!("x")).await;
}

#[tokio::test]
async fn s019_missing_and_internal_functions_look_the_same() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    let paths = ["messages:nothing", "nowhere:f", "messages:secret"];
    let adds: Vec<_> = paths
        .iter()
        .zip(0..)
        .map(|(path, id)| (id, *path, json!({})))
        .collect();
    client.modify(&adds, &[]).await;
    client.until_query_set(1).await;
    let mut shapes = Vec::new();
    for (path, id) in paths.iter().zip(0..) {
        let error = client.error(id);
        assert!(
            error.contains(&format!("Could not find public function for '{path}'")),
            "{error}"
        );
        shapes.push(error.split_once(']').unwrap().1.replace(path, "P"));
    }
    assert!(shapes.iter().all(|shape| *shape == shapes[0]), "{shapes:?}");
}

#[tokio::test]
async fn s020_mutation_called_as_query() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    client
        .subscribe(0, "messages:send", json!({"body": "x"}))
        .await;
    client.until_query_set(1).await;
    assert!(
        client
            .error(0)
            .contains("as Query, but it is defined as Mutation"),
        "{}",
        client.error(0)
    );
}

#[tokio::test]
async fn s021_bad_arguments() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    client
        .subscribe(0, "values:typed", json!({"name": 3}))
        .await;
    client.until_query_set(1).await;
    assert!(
        client.error(0).contains("ArgumentValidationError"),
        "{}",
        client.error(0)
    );
}

#[tokio::test]
async fn s022_path_spellings() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    let adds = [
        (0, "messages:count", json!({})),
        (1, "messages.js:count", json!({})),
        (2, "defaults", json!({})),
    ];
    client.modify(&adds, &[]).await;
    client.until_query_set(1).await;
    assert_eq!(client.value(0), Some(&json!(0.0)));
    assert_eq!(client.value(1), client.value(0));
    assert_eq!(client.value(2), Some(&json!("the default")));
}

#[tokio::test]
async fn bad_paths_fail_that_request_alone() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    let paths = ["a b:c", "", ":", "../x:y", "x:1", "a:b:c:"];
    let adds: Vec<_> = paths
        .iter()
        .zip(0..)
        .map(|(path, id)| (id, *path, json!({})))
        .collect();
    client.modify(&adds, &[]).await;
    client.until_query_set(1).await;
    for id in 0..paths.len() as u64 {
        assert!(!client.error(id).is_empty());
    }
    client.mutation(0, "a b:c", json!({})).await;
    assert_eq!(client.response().await["success"], false);
}

#[tokio::test]
async fn s023_encodings() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    let expected = concat!(
        r#"{"big":{"$integer":"KgAAAAAAAAA="},"bytes":{"$bytes":"AQID"},"inf":{"$float":"AAAAAAAA8H8="},"#,
        r#""minusInf":{"$float":"AAAAAAAA8P8="},"minusZero":{"$float":"AAAAAAAAAIA="},"nan":{"$float":"AAAAAAAA+H8="},"#,
        r#""nested":{"a":[null,true,"ä"],"b":{}},"zero":0.0}"#
    );
    let sent = concat!(
        r#"{"zero":0,"nested":{"b":{},"a":[null,true,"\u00e4"]},"nan":{"$float":"AAAAAAAA+H8="},"minusZero":-0.0,"#,
        r#""minusInf":{"$float":"AAAAAAAA8P8="},"inf":{"$float":"AAAAAAAA8H8="},"bytes":{"$bytes":"AQID"},"#,
        r#""big":{"$integer":"KgAAAAAAAAA="}}"#
    );
    client
        .say_text(&format!(
            r#"{{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[
                {{"type":"Add","queryId":0,"udfPath":"values:echo","args":[{{"value":{sent}}}]}}]}}"#
        ))
        .await;
    let text = client.next_text().await;
    // Whole numbers may be written with or without a decimal point: every bare number is a float.
    let text = text.replace(r#""zero":0}"#, r#""zero":0.0}"#);
    assert!(text.contains(&format!(r#""value":{expected}"#)), "{text}");
}

#[tokio::test]
async fn s024_log_lines() {
    for redact in [false, true] {
        let server = TestServer::start_redacting(redact).await;
        let mut client = Client::connect(&server).await;
        client.subscribe(0, "values:logging", json!({})).await;
        client.until_query_set(1).await;
        let lines = client.view[&0]["logLines"].as_array().unwrap();
        if redact {
            assert!(lines.is_empty());
        } else {
            assert_eq!(lines, &[json!("[LOG] 'hi' 1")]);
        }
    }
}

#[tokio::test]
async fn shared_queries_reach_every_client() {
    let server = TestServer::start().await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = Client::connect(&server).await;
        client.subscribe(0, "messages:list", json!({})).await;
        client.until_query_set(1).await;
        clients.push(client);
    }
    let mut expected = Vec::new();
    for round in 0..5 {
        expected.push(json!(format!("m{round}")));
        server
            .mutation("messages:send", json!({"body": format!("m{round}")}))
            .await;
        for client in &mut clients {
            client.until(0, json!(expected)).await;
        }
    }
}

#[tokio::test]
async fn s041_reconnect_reports_everything_again() {
    let server = TestServer::start().await;
    let adds = [
        (0, "messages:list", json!({})),
        (1, "messages:count", json!({})),
    ];
    let mut client = Client::connect_as(&server, SESSION).await;
    client.modify(&adds, &[]).await;
    client.until_query_set(1).await;
    client.drop_connection();
    let mut client = Client::connect_as(&server, SESSION).await;
    client.modify(&adds, &[]).await;
    client.until_query_set(1).await;
    assert_eq!(
        (client.value(0), client.value(1)),
        (Some(&json!([])), Some(&json!(0.0)))
    );
}
