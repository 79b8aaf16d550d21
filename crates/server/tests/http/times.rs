//! Reads at a timestamp, and several reads at one.

use lentil_testkit::TestServer;
use lentil_values::Timestamp;
use serde_json::{Value as Json, json};

use super::client::{post, send};

fn at(path: &str, ts: &Json) -> Json {
    json!({"path": path, "args": {}, "ts": ts})
}

#[tokio::test]
async fn s066_reads_of_the_past() {
    let server = TestServer::start().await;
    server.mutation("messages:send", json!({"body": "a"})).await;
    let headers = [("Content-Type", "application/json")];
    let ts = send(server.address(), "POST /api/query_ts", &headers, "")
        .await
        .ok()["ts"]
        .clone();
    server.mutation("messages:send", json!({"body": "b"})).await;
    let now = json!({"path": "messages:list", "args": {}});
    assert_eq!(
        post(&server, "/api/query", &now).await.ok()["value"],
        json!(["a", "b"])
    );
    for _ in 0..2 {
        let answer = post(&server, "/api/query_at_ts", &at("messages:list", &ts)).await;
        assert_eq!(answer.ok()["value"], json!(["a"]));
    }
    for wrong in [json!("x"), json!(5), json!(null)] {
        let answer = post(&server, "/api/query_at_ts", &at("messages:list", &wrong)).await;
        answer.refused(400, "BadJsonBody");
    }
    let later = json!(Timestamp(server.latest() + 1_000_000_000_000).to_base64());
    let answer = post(&server, "/api/query_at_ts", &at("messages:list", &later)).await;
    answer.refused(400, "InvalidTimestamp");
}

#[tokio::test]
async fn s067_batches_have_one_snapshot() {
    let server = TestServer::start().await;
    let queries = json!({"queries": [
        {"path": "messages:list", "args": {}},
        {"path": "failing:plain", "args": {}},
        {"path": "messages:count", "args": [{}], "format": "convex_encoded_json"},
    ]});
    let writing = async {
        for _ in 0..40 {
            server.mutation("messages:send", json!({"body": "x"})).await;
        }
    };
    let reading = async {
        for _ in 0..15 {
            let answer = post(&server, "/api/query_batch", &queries).await.ok();
            let results = answer["results"].as_array().unwrap();
            assert_eq!(results.len(), 3);
            let listed = results[0]["value"].as_array().unwrap().len();
            assert_eq!(
                results[2]["value"].as_f64(),
                Some(listed as f64),
                "{answer}"
            );
            assert_eq!(results[1]["status"], "error", "fails alone");
        }
    };
    tokio::join!(writing, reading);
    let none = post(&server, "/api/query_batch", &json!({"queries": []}))
        .await
        .ok();
    assert_eq!(none, json!({"results": []}));
}
