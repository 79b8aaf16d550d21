//! Paginated queries and their journals.

use lentil_testkit::TestServer;
use serde_json::{Value as Json, json};

use super::client::Client;

fn page(items: u64, cursor: Json) -> Json {
    json!({"paginationOpts": {"numItems": items, "cursor": cursor, "id": 1}})
}

async fn filled(rows: &[u64]) -> TestServer {
    let server = TestServer::start().await;
    for row in rows {
        server.mutation("items:put", json!({"n": row})).await;
    }
    server
}

fn rows(value: &Json) -> Vec<u64> {
    value["page"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_f64().unwrap() as u64)
        .collect()
}

#[tokio::test]
async fn s054_pages() {
    let server = filled(&[10, 20, 30, 40, 50]).await;
    let mut client = Client::connect(&server).await;
    let mut cursor = Json::Null;
    for (id, expected, done) in [
        (0, vec![10, 20], false),
        (1, vec![30, 40], false),
        (2, vec![50], true),
    ] {
        client.subscribe(id, "items:page", page(2, cursor)).await;
        client.until_query_set(id + 1).await;
        let value = client.value(id).unwrap();
        assert_eq!(rows(value), expected);
        assert_eq!(value["isDone"], done);
        assert!(value["continueCursor"].is_string());
        cursor = value["continueCursor"].clone();
    }
}

#[tokio::test]
async fn s055_pinned_page() {
    let server = filled(&[10, 20, 30]).await;
    let mut client = Client::connect(&server).await;
    client.subscribe(0, "items:page", page(2, Json::Null)).await;
    client.until_query_set(1).await;
    let cursor = client.value(0).unwrap()["continueCursor"].clone();
    for n in [15, 12, 35] {
        server.mutation("items:put", json!({"n": n})).await;
    }
    while rows(client.value(0).unwrap()) != [10, 12, 15, 20] {
        client.next().await;
    }
    assert_eq!(client.value(0).unwrap()["continueCursor"], cursor);
}

#[tokio::test]
async fn s056_journal_on_reconnect() {
    let server = filled(&[10, 20, 30]).await;
    let mut client = Client::connect(&server).await;
    client.subscribe(0, "items:page", page(2, Json::Null)).await;
    client.until_query_set(1).await;
    let journal = client.view[&0]["journal"].clone();
    assert!(journal.is_string(), "a page has a journal");
    server.mutation("items:put", json!({"n": 15})).await;
    for (journal, expected) in [(journal, vec![10, 15, 20]), (Json::Null, vec![10, 15])] {
        let mut client = Client::connect(&server).await;
        client
            .modify_raw(vec![
                json!({"type": "Add", "queryId": 0, "udfPath": "items:page",
                "args": [page(2, Json::Null)], "journal": journal}),
            ])
            .await;
        client.until_query_set(1).await;
        assert_eq!(rows(client.value(0).unwrap()), expected);
    }
}

#[tokio::test]
async fn s057_explicit_range() {
    let server = filled(&[10, 20, 30, 40]).await;
    let mut client = Client::connect(&server).await;
    client
        .modify(
            &[
                (0, "items:page", page(1, Json::Null)),
                (1, "items:page", page(3, Json::Null)),
            ],
            &[],
        )
        .await;
    client.until_query_set(1).await;
    let from = client.value(0).unwrap()["continueCursor"].clone();
    let to = client.value(1).unwrap()["continueCursor"].clone();
    let args = json!({"paginationOpts": {"numItems": 1, "cursor": from, "endCursor": to, "id": 1}});
    client.subscribe(2, "items:page", args).await;
    client.until_query_set(2).await;
    assert_eq!(rows(client.value(2).unwrap()), [20, 30]);
    assert_eq!(client.value(2).unwrap()["continueCursor"], to);
}

#[tokio::test]
async fn s058_cursors_are_deterministic() {
    let server = filled(&[10, 20, 30]).await;
    let mut cursors = Vec::new();
    for id in 1..=3 {
        let args = json!({"paginationOpts": {"numItems": 2, "cursor": null, "id": id}});
        cursors.push(server.query("items:page", args).await["continueCursor"].clone());
    }
    assert!(cursors.iter().all(|it| *it == cursors[0]), "{cursors:?}");
}

#[tokio::test]
async fn s059_foreign_cursor() {
    let server = filled(&[10, 20, 30]).await;
    let mut client = Client::connect(&server).await;
    client.subscribe(0, "items:page", page(1, Json::Null)).await;
    client.until_query_set(1).await;
    let cursor = client.value(0).unwrap()["continueCursor"].clone();
    client
        .modify(
            &[
                (1, "items:pageDown", page(1, cursor)),
                (2, "items:page", page(1, json!("garbage"))),
            ],
            &[],
        )
        .await;
    client.until_query_set(2).await;
    for id in [1, 2] {
        let expected = json!({"isConvexSystemError": true, "paginationError": "InvalidCursor"});
        assert_eq!(
            client.view[&id]["errorData"],
            expected,
            "{}",
            client.error(id)
        );
    }
}
