//! The way of data (ARCHITECTURE.md): one mutation, and the push it causes, through the thirteen
//! stations in their order.

use std::sync::{Arc, Mutex};

use futures::{SinkExt, StreamExt};
use lentil_testkit::TestServer;
use serde_json::{Value as Json, json};
use tokio_tungstenite::tungstenite::Message;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// Writes down which stations were passed.
#[derive(Clone, Default)]
struct Stations(Arc<Mutex<Vec<u64>>>);

impl Stations {
    fn note(&self, number: u64) {
        self.0.lock().expect("nobody panicked").push(number);
    }

    /// Forgets what was passed, once nothing has been passed for a while: the session goes on for
    /// a moment after a client has its answer (it is told that the text left).
    async fn forget_once_quiet(&self) {
        let passed = || self.0.lock().expect("nobody panicked").len();
        let mut before = 0;
        while passed() != before {
            before = passed();
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        }
        self.0.lock().expect("nobody panicked").clear();
    }
}

impl<S: tracing::Subscriber> Layer<S> for Stations {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "lentil::station" {
            event.record(&mut self.clone());
        }
    }
}

impl Visit for Stations {
    fn record_u64(&mut self, _: &Field, number: u64) {
        self.note(number);
    }

    fn record_i64(&mut self, _: &Field, number: i64) {
        self.note(number.unsigned_abs());
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mutation_passes_the_stations_in_order() {
    let stations = Stations::default();
    let subscriber = tracing_subscriber::registry().with(stations.clone());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let server = TestServer::start().await;
    let url = format!("ws://{}/api/1.48.0/sync", server.address());
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let connect = json!({
        "type": "Connect", "sessionId": "b1e611f3-c0e6-4c17-8bed-a571762c7df3",
        "connectionCount": 0, "lastCloseReason": "InitialConnect", "clientTs": 0,
    });
    let subscribe = json!({
        "type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1,
        "modifications": [{ "type": "Add", "queryId": 0, "udfPath": "messages:list", "args": [{}] }],
    });
    let mutate = json!({
        "type": "Mutation", "requestId": 0, "udfPath": "messages:send", "args": [{ "body": "hello" }],
    });
    let mut say = async |message: &Json, answers: usize| {
        socket
            .send(Message::text(message.to_string()))
            .await
            .unwrap();
        let mut heard = Vec::new();
        while heard.len() < answers {
            if let Message::Text(text) = socket.next().await.unwrap().unwrap() {
                heard.push(serde_json::from_str::<Json>(&text).unwrap());
            }
        }
        heard
    };
    say(&connect, 0).await;
    say(&subscribe, 1).await;
    stations.forget_once_quiet().await;
    let heard = say(&mutate, 2).await;
    assert_eq!(heard[0]["type"], "MutationResponse");
    assert_eq!(heard[1]["modifications"][0]["value"], json!(["hello"]));

    let passed = stations.0.lock().unwrap().clone();
    let mut next = 1;
    for number in &passed {
        // Stations on the way are passed again (an event goes through 3 more than once), but none
        // for the first time before those in front of it.
        assert!(
            *number <= next,
            "station {number} came before {next}: {passed:?}"
        );
        next += u64::from(*number == next);
    }
    assert_eq!(next, 14, "all thirteen were passed: {passed:?}");
}
