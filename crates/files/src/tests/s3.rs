//! The store of S3 against a server of its own, which checks signatures.

use std::net::SocketAddr;
use std::path::Path;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

use super::*;

const SECRET: &str = "a secret of the test";

/// Serves the folders in `root` as buckets, to those who have the key, until it is aborted.
async fn serve(root: &Path) -> (SocketAddr, AbortHandle) {
    let files = FileSystem::new(root).expect("a folder to serve");
    let mut service = S3ServiceBuilder::new(files);
    service.set_auth(SimpleAuth::from_single("lentil", SECRET));
    let service = service.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("it is bound");
    let serving = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((socket, _)) = listener.accept().await {
            let service = service.clone();
            connections.spawn(async move {
                let builder = Builder::new(TokioExecutor::new());
                // Clients may go away whenever they like.
                let _ = builder
                    .serve_connection(TokioIo::new(socket), service)
                    .await;
            });
        }
    });
    (address, serving.abort_handle())
}

fn settings(address: SocketAddr) -> S3Settings {
    S3Settings {
        bucket: "files".to_owned(),
        endpoint: Some(format!("http://{address}")),
        region: None,
        key: Some(S3Key {
            id: "lentil".to_owned(),
            secret: SECRET.to_owned(),
            token: None,
        }),
        path_style: true,
        prefix: String::new(),
    }
}

/// A server with an empty bucket.
async fn bucket() -> (tempfile::TempDir, S3Settings) {
    let (root, settings, _) = mortal_bucket().await;
    (root, settings)
}

/// The same, and a way to end it.
async fn mortal_bucket() -> (tempfile::TempDir, S3Settings, AbortHandle) {
    let root = tempfile::tempdir().expect("a folder");
    fs::create_dir(root.path().join("files")).expect("a bucket");
    let (address, serving) = serve(root.path()).await;
    (root, settings(address), serving)
}

/// Names of everything that the server keeps of uploads that have not ended.
fn unfinished(root: &Path) -> Vec<String> {
    let entries = fs::read_dir(root).expect("the folder is there");
    let names = entries.map(|entry| {
        let entry = entry.expect("it can be read");
        entry.file_name().to_string_lossy().into_owned()
    });
    names.filter(|name| name.contains("upload")).collect()
}

#[tokio::test]
async fn in_a_bucket() {
    let (root, settings) = bucket().await;
    let store = FileStore::s3(&settings).await.expect("it opens");
    files_are_whole_or_not_there(store.clone()).await;
    // What was dropped is told to the service, in its own time.
    for _ in 0..200 {
        if unfinished(root.path()).is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(unfinished(root.path()), Vec::<String>::new());
    put(&store, "stays1", b"content").await;
    let again = FileStore::s3(&settings).await.expect("it opens again");
    assert_eq!(read(&again, "stays1", 0..7).await, Ok(b"content".to_vec()));
}

#[tokio::test]
async fn prefixes_part_a_bucket() {
    let (_root, settings) = bucket().await;
    let under = |prefix: &str| S3Settings {
        prefix: prefix.to_owned(),
        ..settings.clone()
    };
    let one = FileStore::s3(&under("apps/one/")).await.expect("it opens");
    let two = FileStore::s3(&under("apps/two")).await.expect("it opens");
    put(&one, "mine11", b"one").await;
    assert_eq!(list(&one).await, [key("mine11")]);
    assert_eq!(list(&two).await, []);
    assert_eq!(read(&two, "mine11", 0..3).await, Err(FileError::Missing));
    files_are_whole_or_not_there(two).await;
    assert_eq!(read(&one, "mine11", 0..3).await, Ok(b"one".to_vec()));
}

#[tokio::test]
async fn wrong_settings_say_what_to_do() {
    let (_root, right) = bucket().await;
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("it is bound")
    };
    let key = |id: &str, secret: &str| {
        let (id, secret) = (id.to_owned(), secret.to_owned());
        Some(S3Key {
            id,
            secret,
            token: None,
        })
    };
    let wrong = [
        (
            S3Settings {
                bucket: "other".to_owned(),
                ..right.clone()
            },
            "the bucket does not exist",
        ),
        (
            S3Settings {
                key: key("lentil", "not it at all"),
                ..right.clone()
            },
            "the key is refused",
        ),
        (
            S3Settings {
                key: key("nobody", SECRET),
                ..right.clone()
            },
            "the key is refused",
        ),
        (
            S3Settings {
                endpoint: Some(format!("http://{closed}")),
                ..right.clone()
            },
            "the service cannot be reached",
        ),
        (
            S3Settings {
                endpoint: Some("files.example".to_owned()),
                ..right.clone()
            },
            "must begin with http:// or https://",
        ),
    ];
    for (settings, expected) in wrong {
        let error = FileStore::s3(&settings)
            .await
            .expect_err("it does not open");
        let text = error.to_string();
        assert!(text.contains(expected), "{expected}: {text}");
        assert!(text.contains(&settings.bucket), "{text}");
        let secret = settings.key.as_ref().expect("it has one").secret.as_str();
        assert!(!text.contains(secret), "{text}");
        assert!(!format!("{settings:?}").contains(secret));
    }
}

/// Not that the file is missing, which nobody can know.
fn is_refusal(error: &FileError) -> bool {
    matches!(error, FileError::Store { .. })
}

#[tokio::test]
async fn a_service_that_is_gone_is_an_error_in_time() {
    let (root, settings, serving) = mortal_bucket().await;
    let store = FileStore::s3(&settings).await.expect("it opens");
    put(&store, "before", b"content").await;
    // In the middle of a file.
    let mut writing = store.write(&key("during"));
    let part = Bytes::from(vec![7; 6 << 20]);
    writing.push(part.clone()).await.expect("it goes on");
    serving.abort();
    let failed = loop {
        if let Err(error) = writing.push(part.clone()).await {
            break error;
        }
    };
    assert!(is_refusal(&failed), "{failed:?}");
    let failed = read(&store, "before", 0..7).await.expect_err("no answer");
    assert!(is_refusal(&failed), "{failed:?}");
    let failed = store.remove(&key("before")).await.expect_err("no answer");
    assert!(is_refusal(&failed), "{failed:?}");
    assert!(!root.path().join("files/ng/during").exists());
}
