//! Mutations and actions.

use lentil_testkit::TestServer;
use serde_json::json;

use super::client::{Client, SESSION, ts};

#[tokio::test]
async fn s025_success() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    client
        .mutation(0, "messages:send", json!({"body": "x"}))
        .await;
    let response = client.next().await;
    assert_eq!(response["type"], "MutationResponse", "{response}");
    assert_eq!(
        (&response["requestId"], &response["success"]),
        (&json!(0), &json!(true))
    );
    assert!(response["result"].is_string(), "{response}");
    client.transition().await;
    assert!(client.version.2 >= ts(&response["ts"]));
}

#[tokio::test]
async fn s026_order_with_subscription() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    client.subscribe(0, "messages:list", json!({})).await;
    client.until(0, json!([])).await;
    let mut expected = Vec::new();
    for request in 0..50 {
        expected.push(json!(format!("m{request}")));
        client
            .mutation(
                request,
                "messages:send",
                json!({"body": format!("m{request}")}),
            )
            .await;
        let mut committed = None;
        while client.value(0) != Some(&json!(expected)) || committed.is_none() {
            let message = client.next().await;
            if message["type"] == "MutationResponse" {
                committed = Some(ts(&message["ts"]));
            } else if committed.is_none() {
                assert!(
                    client.value(0) != Some(&json!(expected)),
                    "the effect was shown before the response"
                );
            }
        }
        client.until_ts(committed.unwrap()).await;
    }
}

#[tokio::test]
async fn s027_failure() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    client.subscribe(0, "messages:list", json!({})).await;
    client.until(0, json!([])).await;
    for (request, path) in [(0, "failing:plainMutation"), (1, "failing:mutationData")] {
        client.mutation(request, path, json!({})).await;
        let response = client.response().await;
        assert_eq!(response["success"], false);
        assert!(
            response["result"]
                .as_str()
                .unwrap()
                .starts_with("[Request ID: "),
            "{response}"
        );
        assert!(response["ts"].is_null());
        assert_eq!(
            response.get("errorData"),
            (request == 1).then_some(&json!({"code": 7.0}))
        );
        client.transition().await;
        assert_eq!(
            client.value(0),
            Some(&json!([])),
            "its writes are not visible"
        );
    }
}

#[tokio::test]
async fn the_request_id_can_be_derived() {
    let server = TestServer::start().await;
    let mut client = Client::connect_as(&server, SESSION).await;
    client.mutation(0, "failing:plainMutation", json!({})).await;
    let response = client.response().await;
    let text = response["result"].as_str().unwrap();
    assert!(
        text.starts_with("[Request ID: e368180f8d5745b7] Server Error\n"),
        "{text}"
    );
}

#[tokio::test]
async fn s028_fifo() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    client.subscribe(0, "messages:list", json!({})).await;
    for request in 0..10 {
        client
            .mutation(
                request,
                "messages:send",
                json!({"body": request.to_string()}),
            )
            .await;
    }
    let mut last = 0;
    for request in 0..10 {
        let response = client.response().await;
        assert_eq!(
            (&response["requestId"], &response["success"]),
            (&json!(request), &json!(true))
        );
        let committed = ts(&response["ts"]);
        assert!(committed >= last);
        last = committed;
    }
    client
        .until(0, json!(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]))
        .await;
}

#[tokio::test]
async fn s029_failure_does_not_block() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    client.mutation(0, "failing:plainMutation", json!({})).await;
    client
        .mutation(1, "messages:send", json!({"body": "x"}))
        .await;
    assert_eq!(client.response().await["success"], false);
    assert_eq!(client.response().await["success"], true);
}

#[tokio::test]
async fn s030_actions_run_beside_everything_else() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    client.call("Action", 0, "acting:waits", json!({})).await;
    client.call("Action", 1, "acting:hello", json!({})).await;
    let fast = client.response().await;
    assert_eq!(
        fast,
        json!({
            "type": "ActionResponse", "requestId": 1, "success": true, "result": "hello", "logLines": [],
        })
    );
    // The mutation does not wait for the action, which waits for it.
    client
        .mutation(2, "messages:send", json!({"body": "x"}))
        .await;
    let responses = [client.response().await, client.response().await];
    let of = |number| {
        let found = responses.iter().find(|one| one["requestId"] == number);
        found.unwrap_or_else(|| panic!("no response {number}: {responses:?}"))
    };
    assert_eq!(of(2)["type"], "MutationResponse");
    assert_eq!(of(0)["result"], "seen");
}

#[tokio::test]
async fn s031_actions_fail_with_data() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    client.call("Action", 0, "acting:fails", json!({})).await;
    let response = client.response().await;
    assert_eq!(response["success"], false);
    assert_eq!(response["errorData"], json!({"code": 7.0}));
    let text = response["result"].as_str().unwrap();
    assert!(text.contains("Uncaught ConvexError: "), "{text}");
}

#[tokio::test]
async fn actions_that_cannot_run_are_answered() {
    let server = TestServer::start().await;
    let mut client = Client::connect(&server).await;
    for (request, path, expected) in [
        (
            1,
            "acting:nothing",
            "Could not find public function for 'acting:nothing'",
        ),
        (2, "messages:list", "as Action, but it is defined as Query"),
    ] {
        client.call("Action", request, path, json!({})).await;
        let response = client.response().await;
        assert_eq!(
            (&response["type"], &response["success"]),
            (&json!("ActionResponse"), &json!(false))
        );
        assert!(
            response["result"].as_str().unwrap().contains(expected),
            "{response}"
        );
    }
    client
        .mutation(3, "messages:send", json!({"body": "x"}))
        .await;
    assert_eq!(client.response().await["success"], true);
}

#[tokio::test]
async fn s032_deduplication() {
    let server = TestServer::start().await;
    let mut client = Client::connect_as(&server, SESSION).await;
    client
        .mutation(7, "messages:send", json!({"body": "once"}))
        .await;
    let first = client.response().await;
    client.drop_connection();
    let mut client = Client::connect_as(&server, SESSION).await;
    client.subscribe(0, "messages:list", json!({})).await;
    client
        .mutation(7, "messages:send", json!({"body": "once"}))
        .await;
    let second = client.response().await;
    assert_eq!(
        first, second,
        "the stored result, log lines and commit timestamp"
    );
    client.until(0, json!(["once"])).await;
    client.until_ts(ts(&first["ts"])).await;
    client.hears_nothing_new().await;
}

#[tokio::test]
async fn s033_deduplication_of_an_unanswered_request() {
    let server = TestServer::start().await;
    for request in 0..10 {
        let mut client = Client::connect_as(&server, SESSION).await;
        client
            .mutation(request, "messages:send", json!({"body": "x"}))
            .await;
        client.drop_connection();
        let mut client = Client::connect_as(&server, SESSION).await;
        client
            .mutation(request, "messages:send", json!({"body": "x"}))
            .await;
        assert_eq!(client.response().await["success"], true);
        assert_eq!(
            server.query("messages:count", json!({})).await,
            json!((request + 1) as f64)
        );
    }
}

#[tokio::test]
async fn s034_another_session_runs_again() {
    let server = TestServer::start().await;
    for _ in 0..2 {
        let mut client = Client::connect(&server).await;
        client
            .mutation(0, "messages:send", json!({"body": "x"}))
            .await;
        client.response().await;
    }
    assert_eq!(server.query("messages:count", json!({})).await, json!(2.0));
}

#[tokio::test]
async fn s035_failed_mutations_run_again() {
    let server = TestServer::start().await;
    let mut client = Client::connect_as(&server, SESSION).await;
    client
        .mutation(0, "failing:mutationUntilSent", json!({}))
        .await;
    assert_eq!(client.response().await["success"], false);
    server.mutation("messages:send", json!({"body": "x"})).await;
    let mut client = Client::connect_as(&server, SESSION).await;
    client
        .mutation(0, "failing:mutationUntilSent", json!({}))
        .await;
    assert_eq!(client.response().await["success"], true);
}

#[tokio::test]
async fn read_your_writes() {
    let server = TestServer::start().await;
    for count in 1..20 {
        server.mutation("messages:send", json!({"body": "x"})).await;
        assert_eq!(
            server.query("messages:count", json!({})).await,
            json!(count as f64)
        );
    }
}
