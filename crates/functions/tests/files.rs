//! Files as mutations store them, and what is left of those that nothing refers to.

mod support;

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lentil_functions::{FunctionFailure, FunctionsOptions, UrlProof};
use serde_json::{Value as Json, json};
use support::{App, admin, call_as, host_options};

/// Text of thirteen bytes, and its digest in hex.
const TEXT: &str = "hello, world!";
const DIGEST: &str = "68e656b251e67e8358bef8483ab0d51c6619f3e7a1a9f0e75838d41ff368f728";

/// A storage operation in a mutation of its own; text that is JSON is read.
async fn raw(app: &App, op: &str, args: Json) -> Json {
    let op = format!("1.0/{op}");
    let args = json!({ "op": op, "args": args, "sync": false });
    let answer = app.run("misc:raw", args).await;
    let text = answer.as_str().expect("raw answers text");
    serde_json::from_str(text).unwrap_or(answer)
}

async fn store(app: &App, content: &str) -> Json {
    let blob = STANDARD.encode(content);
    raw(
        app,
        "storageStore",
        json!({ "blob": blob, "contentType": "text/plain" }),
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn mutations_store_and_read_contents() {
    let app = App::start().await;
    let id = store(&app, TEXT).await;
    let of_file = json!({ "storageId": id });
    let read = raw(&app, "storageGet", of_file.clone()).await;
    assert_eq!(
        read,
        json!({ "blob": STANDARD.encode(TEXT), "contentType": "text/plain" })
    );
    let metadata = raw(&app, "storageGetMetadata", of_file.clone()).await;
    assert_eq!(
        metadata,
        json!({ "storageId": id, "sha256": DIGEST, "size": 13.0, "contentType": "text/plain" })
    );
    let announced = json!({ "blob": STANDARD.encode(TEXT), "contentType": "", "sha256": DIGEST });
    let untyped = raw(&app, "storageStore", announced).await;
    let metadata = raw(&app, "storageGetMetadata", json!({ "storageId": untyped })).await;
    assert_eq!(metadata["contentType"], Json::Null);
    let wrong = json!({ "blob": STANDARD.encode("other"), "contentType": "", "sha256": DIGEST });
    let refused = raw(&app, "storageStore", wrong).await;
    assert!(
        refused
            .as_str()
            .is_some_and(|text| text.contains("was announced")),
        "{refused}"
    );
    assert_eq!(
        raw(&app, "storageDelete", of_file.clone()).await,
        Json::Null
    );
    assert_eq!(raw(&app, "storageGet", of_file.clone()).await, Json::Null);
    assert_eq!(raw(&app, "storageGetUrl", of_file).await, Json::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mutation_moves_only_so_much() {
    let app = App::start_limited(&["file_bytes_per_call=12"]).await;
    let refused = store(&app, TEXT).await;
    assert!(
        refused
            .as_str()
            .is_some_and(|text| text.contains("TooManyFileBytes")),
        "{refused}"
    );
    let id = store(&app, "twelve bytes").await;
    assert!(id.as_str().is_some_and(|id| id.len() == 32), "{id}");
}

/// Contents of files that were removed go at once; those that never had a row, after an hour.
#[tokio::test(flavor = "multi_thread")]
async fn contents_go_when_nothing_refers_to_them() -> Result<(), FunctionFailure> {
    let app = App::start_with(host_options()).await;
    let kept = store(&app, TEXT).await;
    let removed = store(&app, "removed").await;
    raw(&app, "storageDelete", json!({ "storageId": removed })).await;
    assert_eq!(app.functions.remove_dropped_files().await?, 1);
    assert_eq!(app.functions.remove_dropped_files().await?, 0);
    // Its content is written, but its row is refused.
    let wrong = json!({ "blob": STANDARD.encode("other"), "contentType": "", "sha256": DIGEST });
    raw(&app, "storageStore", wrong).await;
    let now = SystemTime::now();
    assert_eq!(app.functions.sweep_files(now).await?, 0);
    let later = now + Duration::from_secs(3_700);
    assert_eq!(app.functions.sweep_files(later).await?, 1);
    let read = raw(&app, "storageGet", json!({ "storageId": kept })).await;
    assert_eq!(read["blob"], json!(STANDARD.encode(TEXT)));
    Ok(())
}

/// What dashboards show of a file leads to it, also where URLs end.
#[tokio::test(flavor = "multi_thread")]
async fn links_of_dashboards_are_signed_where_urls_are() {
    let options = FunctionsOptions {
        file_url_ttl: Some(Duration::from_secs(60)),
        ..FunctionsOptions::default()
    };
    let app = App::open(host_options(), options).await;
    let system = |function: &str| format!("_system/frontend/fileStorageV2:{function}");
    let asked = app.mutate(call_as(admin(), &system("generateUploadUrl"), json!({})));
    let url = asked.await.outcome.result.expect("a URL");
    let token = url.trim_matches('"').split_once("token=");
    let token = token.expect("it has a token").1;
    let mut upload = app.functions.begin_upload(token).await.expect("begun");
    upload.push("content".into()).await.expect("taken");
    let id = upload.finish(None, None).await.expect("kept");
    let args = json!({ "storageId": id.to_string() });
    let shown = app.result(call_as(admin(), &system("getFile"), args)).await;
    let shown = shown.outcome.result.clone().expect("it is shown");
    let shown: Json = serde_json::from_str(&shown).expect("JSON");
    let url = shown["url"].as_str().expect("a URL");
    let (path, query) = url.split_once('?').expect("it is signed");
    let name = path.rsplit('/').next().expect("the last part");
    let part = |name: &str| {
        let mut parts = query.split('&').filter_map(|part| part.split_once('='));
        parts.find(|(is, _)| *is == name).map(|(_, value)| value)
    };
    let proof = UrlProof {
        expires: part("expires"),
        signature: part("signature"),
    };
    let found = app.functions.stored_file(name, None, proof).await;
    assert_eq!(found.expect("the link is good").row.id, id);
}
